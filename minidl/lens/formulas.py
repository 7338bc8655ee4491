"""An op's maths in one line each way, and the names of what goes in and comes out: see `minidl.ops.op.Op.maths`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from minidl.backends import table
from minidl.observers import OpRun

GRADIENT_SUM = "two gradients of one value, added: it was used twice"


def formula(op: str, direction: str = "forward") -> str:
    """Return an op's maths in one line; of an op of your own the first line of its docstring.

    >>> formula("relu"), formula("relu", "backward")
    ('y = max(x, 0)', 'dx = dy [x > 0]')
    """
    known = table.record(op)
    if known.maths:
        return (*known.maths, "")[direction == "backward"]
    function = numpy_function(op, direction)
    return ((function and inspect.getdoc(function)) or "").partition("\n")[0]


def numpy_function(op: str, direction: str) -> Callable[..., Any] | None:
    """Return the function that computes an op on the host: the NumPy one, or that of an op of your own."""
    return table.load(op, host_backend(op), direction)


def host_backend(op: str) -> str:
    """Return the backend that computes an op on the host: "numpy", or that of an op of your own."""
    names = table.backends(op)
    return "numpy" if "numpy" in names else names[0]


def input_names(op: str, count: int) -> tuple[str, ...]:
    """Return the names of an op's inputs, from its forward's signature.

    >>> input_names("conv2d", 3), input_names("concatenate", 2)
    (('x', 'w', 'b'), ('x0', 'x1'))
    """
    known = table.record(op)
    if known.variadic:
        return tuple(f"{known.inputs[0].removesuffix('s')}{k}" for k in range(count))
    names = known.inputs[:count]
    return (*names, *(f"input {k}" for k in range(len(names), count)))


def output_names(op: str, count: int, inputs: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of an op's outputs: y, or several.

    inputs : for an update the names of the inputs that are there (not None); it gives all but the gradient anew

    >>> output_names("relu", 1), output_names("adam_update", 3, ("w", "dw", "m", "v"))
    (('y',), ('w new', 'm new', 'v new'))
    """
    if op.endswith("_update") and len(inputs) > count:
        return tuple(f"{name} new" for name in inputs if name != "dw")[:count]
    if count == 1:
        return ("y",)
    names = table.record(op).outputs
    return names[:count] if len(names) >= count else tuple(f"y{k}" for k in range(count))


def array_names(run: OpRun) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of what an op was given, and of what it gave, in this direction.

    >>> from minidl.observers import run_op
    >>> import numpy as np
    >>> product = run_op("gemm", "numpy", (np.ones((2, 3)), np.ones((3, 2))))
    >>> array_names(product), array_names(product.backward())
    ((('a', 'b'), ('y',)), (('dy',), ('da', 'db')))
    """
    if run.direction == "backward":
        given, gave = output_names(run.op, len(run.inputs)), input_names(run.op, len(run.outputs))
        return tuple(f"d{name}" for name in given), tuple(f"d{name}" for name in gave)
    given = input_names(run.op, len(run.inputs))
    there = tuple(name for name, array in zip(given, run.inputs, strict=True) if array is not None)
    return given, output_names(run.op, len(run.outputs), there)
