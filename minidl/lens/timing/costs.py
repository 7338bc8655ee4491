"""What an op costs at least: its floating-point operations, and the bytes that must cross to memory and back.

Counted as the SIMT machine counts (`cuda_kernels.simt.Figures`): 1 for each + - * / of a floating-point number, so 2
for a multiply-add; comparisons, choices and functions such as exp count nothing. The counts are those of the formula on
paper: a kernel that computes something twice does more, and one whose tiles stand over the edge a lot more.

Bytes are the compulsory ones: every array that is read once, every array that is written once, as if caches were
endless. Taps of a convolution that lie in the padding are counted, as is the custom: 2 N P Q K R S C.

Source of the model: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.backends.table import NO_GRADIENT, ops, record
from minidl.errors import ArgumentError, unknown_name
from minidl.lens.timing.examples import DTYPES, as_shape, kind_of
from minidl.ops.op import Call, Count, Op, summed


class Cost(NamedTuple):
    """Operations (None for an op of one's own, of which nothing is known), bytes, and how they were counted."""

    flops: int | None
    nbytes: int
    formula: str

    @property
    def intensity(self) -> float | None:
        """Operations a byte: the place on a roofline's horizontal axis."""
        return None if self.flops is None or not self.nbytes else self.flops / self.nbytes


def cost(
    op: str, direction: str, inputs: Sequence[Any], outputs: Sequence[Any], static: Mapping[str, Any] | None = None
) -> Cost:
    """Return what an op costs at least.

    Parameters
    ----------
    op, direction : of `minidl.ops_table()`
    inputs, outputs : arrays (or `ArrayFacts`) of the op's *forward*, or their shapes; None for an absent input; a
        backward is taken to give all gradients
    static : keyword arguments of the op's forward

    Raises
    ------
    UnknownNameError : no such op; ArgumentError : no such direction, or one that the op has not

    >>> import numpy as np
    >>> a, b = np.ones((64, 32), np.float32), np.ones((32, 16), np.float32)
    >>> cost("gemm", "forward", [a, b], [a @ b])
    Cost(flops=65536, nbytes=14336, formula='2 M N K')
    >>> cost("gemm", "forward", [(64, 32), (32, 16)], [(64, 16)]).flops
    65536
    """
    if op not in ops():
        raise unknown_name("op", op, ops())
    if direction not in ("forward", "backward") or (direction == "backward" and op in NO_GRADIENT):
        raise ArgumentError(f"cost: {op} has no direction {direction!r}. Only an op with a gradient has a 'backward'.")
    given = [_array(op, f"input {k}", item, kind_of(op, k)) for k, item in enumerate(inputs)]
    made = [_array(op, f"output {k}", item) for k, item in enumerate(outputs)]
    call, back = Call(given, made, static or {}), direction == "backward"
    known = record(op)
    nbytes = (known.nbytes[back] or functools.partial(_bytes, known, back))(call)
    if known.flops is None:
        return Cost(None, nbytes, "unknown: an op of your own")
    text, count = _formula(known, known.flops[back], back)
    return Cost(int(count(call)), nbytes, text)


def _array(op: str, which: str, given: Any, kind: str = "") -> Any:
    """Return what has a shape, a dtype and bytes: of a shape alone, an array of the op's kind that takes no memory."""
    if given is None or hasattr(given, "nbytes"):
        return given
    shape = as_shape(given)
    if shape is None:
        raise ArgumentError(
            f"cost: {which} of {op} must be an array, None, or a shape such as (32, 10), in a list with one entry an "
            f"input (or output). Got {given!r}."
        )
    return np.broadcast_to(np.zeros((), DTYPES.get(kind, np.float32)), shape)


def _formula(op: Op, count: Count, back: bool) -> tuple[str, Callable[[Call], float]]:
    """Return a count of operations in words and as a function; a number is so many a value of the output."""
    if not isinstance(count, float | int):
        return count
    number = count
    if back and op.form == "pair":
        return _formula(op, summed(number), back)
    return (f"{number:g} a value" if number else "nothing"), lambda call: number * call.n


def _bytes(op: Op, back: bool, call: Call) -> int:
    """Bytes of all that is read and written: the forward's inputs and outputs; dy, what was kept, and the gradients."""
    first = call.outputs[0].nbytes
    if not back:
        return sum(a.nbytes for a in call.there) + sum(a.nbytes for a in call.outputs)
    reads = sum(first if name == "y" else call.inputs[op.inputs.index(name)].nbytes for name in op.keeps.split())
    return first + reads + sum(a.nbytes for a in call.there if a.dtype.kind == "f")
