"""The table of implementations: op -> backend -> its forward and backward, made from the records of the ops.

The devices' adapters are not imported until an op is used on one, so that a backend whose packages are missing costs
nothing.

A backend may have rungs (several kernels that compute the same, from simple to fast). A rung is a backend name of its
own with a colon, "cuda:r3_tiled"; the plain name, "cuda", is the backend's best. The rungs of the devices are
those of the ladders in `cuda_kernels`, which is imported when somebody asks for one.
"""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from itertools import zip_longest
from typing import Any

from minidl.backends import cpu
from minidl.backends.devices.facts import DEVICES, device_name
from minidl.console import text_table
from minidl.errors import ArgumentError, BackendError, unknown_name
from minidl.ops.op import Op, records

DIRECTIONS = ("forward", "backward")

# These have no gradient at all; every other op has a backward in every backend that has its forward.
NO_GRADIENT = frozenset(op.name for op in records().values() if op.backward is None)

# These have no kernels: whatever backend is selected, they run on the host.
HOST_ONLY = frozenset(op.name for op in records().values() if op.host_only)

ON_DEVICES = "minidl.backends.cuda"  # where the adapters are

Implementation = str | dict[str, Callable[..., Any] | None]

_TABLE: dict[str, dict[str, Implementation]] = {
    op.name: {"numpy": {"forward": op.forward, "backward": op.backward}}
    | ({"cpu": cpu.__name__} if cpu.has(op.name) else {})
    | ({} if op.host_only else dict.fromkeys(DEVICES, ON_DEVICES))
    for op in records().values()
}
_BUILT_IN = frozenset(_TABLE)
_RECORDS = dict(records())


def ops() -> list[str]:
    """Return the names of all ops, sorted."""
    return sorted(_TABLE)


def record(op: str) -> Op:
    """Return what is known of an op, built in or registered. Raises UnknownNameError where there is no such op."""
    if op not in _RECORDS:
        raise unknown_name("op", op, _RECORDS)
    return _RECORDS[op]


def backends(op: str | None = None) -> list[str]:
    """Return the backends that `op` has, or that any op has; `rungs` names those of ladders."""
    if op is not None:
        names = set(_implementations(op))
    else:
        names = {name for implementations in _TABLE.values() for name in implementations}
    return sorted(names, key=lambda name: (name not in ("cpu", "numpy"), name))


def rungs(op: str) -> list[str]:
    """Return the rungs that `op` can run by on the devices: "cuda:r1_naive", … "ptx:r11_split_k".

    >>> rungs("gemm")[:2], rungs("reshape")
    (['cuda:r1_naive', 'cuda:r2_coalesced'], [])
    """
    from minidl.backends import cuda

    return [f"{device}:{name}" for device in devices(op) for name in cuda.rungs(op)]


def exists(op: str, backend: str) -> bool:
    """Whether `op` has this backend or rung. Only for a rung of a device the kernels are imported."""
    if backend in _implementations(op):
        return True
    device, _, rung = backend.partition(":")
    return bool(rung) and device in devices(op) and has_rung(op, backend)


def load(op: str, backend: str, direction: str) -> Callable[..., Any] | None:
    """Return the function that computes `op` in `direction` on `backend`, or None where it has no such direction.

    Raises
    ------
    UnknownNameError : no such op
    BackendError : the op has no implementation for this backend, or its module cannot be imported
    """
    implementation = _implementations(op).get(backend)
    if implementation is None and not exists(op, backend):
        raise BackendError(
            f"{op}: no implementation for backend {backend!r}. It exists for {named(op)}. "
            f"Select one of these, or add yours with minidl.register_backend({op!r}, {backend!r}, forward, backward)."
        )
    if isinstance(implementation, dict):
        return implementation[direction]
    if backend == "cpu":
        return cpu.function(op, direction, load(op, "numpy", direction))
    return _import_cuda(op, backend).bind(op, backend, direction)


def register_op(
    name: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    *,
    backend: str = "numpy",
    replace: bool = False,
    **facts: Any,
) -> Callable[..., Any]:
    """Add an op of your own, and return a function that calls it on tensors (recorded on the tape, differentiable).

    Parameters
    ----------
    name : the op's name, as it will appear in tables; a new one unless `replace`
    forward : `forward(*arrays, **static) -> (y, cache)`
    backward : `backward(dy, cache) -> tuple with one gradient an input`; None for an op without a gradient
    backend : where these run; add other implementations with `register_backend`
    replace : allow an op of yours of the same name to be replaced (a notebook cell that is run again)
    facts : what else is known of it, for the lens: `maths`, `flops`, `keeps` … of `minidl.ops.op.Op`; and for
        gradients of gradients `differential`

    It has no kernels, no function in `minidl.functional` and no layer, and runs on the host; `minidl.check` needs
    inputs for it. `docs/add_an_op.md` adds an op that has them.

    >>> import minidl
    >>> def forward(x): return x ** 3, x
    >>> def backward(dy, x): return (dy * 3 * x ** 2,)
    >>> cube = minidl.register_op("docs_cube", forward, backward, replace=True)
    >>> x = minidl.Variable([1.0, 2.0])
    >>> with minidl.GradientTape() as tape:
    ...     loss = cube(x).sum()
    >>> tape.gradient(loss, x).numpy()
    array([ 3., 12.], dtype=float32)
    """
    if not name.isidentifier():
        raise ArgumentError(f"register_op: a name must be a Python identifier. Got {name!r}.")
    if name in _BUILT_IN:
        raise ArgumentError(
            f"register_op: {name!r} is built in. To add an implementation of it, use "
            f"minidl.register_backend({name!r}, 'mine', forward, backward); for an op of your own, choose another name."
        )
    if name in _TABLE and not replace:
        raise ArgumentError(f"register_op: {name!r} is registered already. Pass replace=True to replace it.")
    _check_callable("register_op", forward, backward)
    known = [fact.name for fact in fields(Op) if fact.name not in ("name", "forward", "backward")]
    for fact in facts:
        if fact not in known:
            raise unknown_name("argument of register_op", fact, [*known, "backend", "replace"])
    _RECORDS[name] = Op(name, forward, backward, **({"flops": None, "host_only": True} | facts))
    _TABLE[name] = {backend: {"forward": forward, "backward": backward}}

    def call(*inputs: Any, **static: Any) -> Any:
        from minidl.tape import apply

        return apply(name, *inputs, **static)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = forward.__doc__
    with suppress(ValueError):  # what is not written in Python may have none
        call.__signature__ = _RECORDS[name].signature  # type: ignore[attr-defined]
    return call


def register_backend(
    op: str, name: str, forward: Callable[..., Any] | None = None, backward: Callable[..., Any] | None = None
) -> None:
    """Add an implementation of `op` under the backend name `name`; registering again replaces it.

    With only one of the two directions given, select that direction alone: `minidl.use(conv2d_forward="mine")`.

    Raises
    ------
    UnknownNameError : no such op (use `register_op` for a new one)
    ArgumentError : the name is "numpy", which is the reference that everything is compared with, or "cpu"

    >>> import numpy as np, minidl
    >>> def slow_absolute(x):
    ...     y = np.array([value if value > 0 else -value for value in x.ravel()], x.dtype).reshape(x.shape)
    ...     return y, None
    >>> minidl.register_backend("absolute", "loops", forward=slow_absolute)
    >>> with minidl.using(absolute_forward="loops"):
    ...     minidl.functional.absolute([-1.0, 2.0]).numpy()
    array([1., 2.], dtype=float32)
    """
    implementations = _implementations(op)
    if name in ("numpy", "cpu") and op in _BUILT_IN:
        role = "the reference of" if name == "numpy" else "minidl's own way to run"
        raise ArgumentError(
            f"register_backend: {name!r} is {role} {op!r} and stays. Register yours under another name, "
            f"and select it with minidl.use({op}='mine')."
        )
    if forward is None and backward is None:
        raise ArgumentError(f"register_backend: give a forward, a backward, or both, for {op!r}.")
    _check_callable("register_backend", forward, backward)
    implementations[name] = {"forward": forward, "backward": backward}


def on_devices(op: str) -> list[str]:
    """Return the devices that an op can run on: those with adapters, once its kernels are written (they are imported).

    >>> on_devices("relu"), on_devices("discrete")
    (['cuda', 'simt', 'ptx'], [])
    """
    if not devices(op):
        return []
    from minidl.backends import cuda

    return [] if cuda.unwritten(kernels(op)) else devices(op)


def _implementations(op: str) -> dict[str, Implementation]:
    if op not in _TABLE:
        raise unknown_name("op", op, _TABLE)
    return _TABLE[op]


def _check_callable(function: str, *given: Any) -> None:
    for item in given:
        if item is not None and not callable(item):
            raise ArgumentError(f"{function}: forward and backward must be functions. Got {item!r}.")


def named(op: str) -> str:
    """Return the backends of `op` as a message lists them, and how its rungs are listed where it has some."""
    listed = ", ".join(map(repr, backends(op)))
    return f"{listed} (rungs: minidl.ops_table({op!r}))" if kernels(op) else listed


def kernels(op: str) -> tuple[str, ...]:
    """Return the kernels that an op runs on a device: those of `cuda_kernels` that carry its rungs."""
    return _RECORDS[op].all_kernels if op in _RECORDS else ()


def devices(op: str) -> list[str]:
    """Return the devices that have adapters for an op."""
    return [device for device in DEVICES if _implementations(op).get(device) == ON_DEVICES]


def _import_cuda(op: str, backend: str) -> Any:
    try:
        simulator = importlib.import_module("cuda_kernels._cuda").SIMULATOR
        if simulator:
            raise BackendError(f"{op}: backend {backend!r} cannot run: {simulator}.")
        return importlib.import_module("minidl.backends.cuda")
    except ImportError as error:
        raise BackendError(
            f"{op}: backend {backend!r} needs numba, which cannot be imported: {error}. "
            "`minidl doctor` says what to install."
        ) from error


class BackendTable:
    """What `ops_table()` returns: rows to print, to show in a notebook, or to read."""

    COLUMNS = ("op", "direction", "available", "selected", "why")
    WIDEST = 64  # characters of a column, beyond which its text goes on in the next line

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows

    def __getitem__(self, key: str) -> dict[str, dict[str, str]]:
        """Return the rows of one op, by direction."""
        found = {row["direction"]: row for row in self.rows if row["op"] == key}
        if not found:
            raise unknown_name("op", key, {row["op"] for row in self.rows})
        return found

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        # A ladder of rungs is wider than a terminal: its names go on over several lines.
        rows = [[textwrap.wrap(row[c], self.WIDEST) or [""] for c in self.COLUMNS] for row in self.rows]
        return text_table(self.COLUMNS, [parts for row in rows for parts in zip_longest(*row, fillvalue="")])

    def _repr_html_(self) -> str:
        from minidl.markup import html_table

        return str(html_table(self.COLUMNS, [[row[c] for c in self.COLUMNS] for row in self.rows]))


def ops_table(op: str | None = None) -> BackendTable:
    """Return what exists for every op and direction (or those of one op, with its rungs), what is selected, and why.

    "available" is what is implemented: "cuda" stands there whether or not this machine has a GPU. "selected" is what
    would run now and here, by `use`, `using` and MINIDL_BACKEND, of which "why" says the one that decides.

    >>> import minidl
    >>> print(minidl.ops_table("relu")["relu"]["backward"]["selected"])
    cpu
    """
    from minidl.backends.selection import choose

    rows = []
    for name in [op] if op is not None else ops():
        for direction in DIRECTIONS:
            if direction == "backward" and name in NO_GRADIENT:
                continue
            available = implementing(name, direction)
            if op is not None:
                here = on_devices(op)
                available = [backend for backend in available if device_name(backend) is None or backend in here]
                available += [rung for rung in rungs(op) if has_rung(op, rung, direction)]
            backend, why = choose(name, direction)
            rows.append(
                {"op": name, "direction": direction, "available": " ".join(available), "selected": backend, "why": why}
            )
    return BackendTable(rows)


def implementing(op: str, direction: str) -> list[str]:
    """Return the backends that have this direction of `op`."""
    return [name for name in backends(op) if _has(op, name, direction)]


def has_rung(op: str, backend: str, direction: str | None = None) -> bool:
    """Whether an op, or one direction of it, has the rung that `backend` names: "simt:r3_shared", "simt:r3"."""
    from minidl.backends import cuda

    return op in _BUILT_IN and cuda.has_rung(op, backend.partition(":")[2], direction)


def _has(op: str, backend: str, direction: str) -> bool:
    implementation = _implementations(op)[backend]
    return isinstance(implementation, str) or implementation[direction] is not None
