"""One step of the walk back: the backward of one entry of the tape, the checks of what it gives, sums of gradients."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backends.devices import arrays
from minidl.backends.selection import ALL, DEFAULT, HOST, PLAIN, Placement, resolve
from minidl.errors import TapeError
from minidl.observers import GRADIENT_SUM, OBSERVERS, OpRun, by_way_of, takes_needs, tell

if TYPE_CHECKING:
    from minidl.tape import Entry
    from minidl.tensor import Tensor


def sum_of_gradients(a: Any, b: Any) -> Any:
    """Add two gradients, on the device where the first one is."""
    started = time.perf_counter()
    device = arrays.device_of(a) or arrays.device_of(b) or PLAIN
    if a.dtype != np.float32 or device == PLAIN:
        total = np.asarray(arrays.on_host(a, "sum of gradients") + arrays.on_host(b, "sum of gradients"))
        device = PLAIN
    else:
        total = resolve("add", "forward", {"add": device}).function(a, b)[0]
    if OBSERVERS.get():
        finished = time.perf_counter()
        run = OpRun(
            "add", "forward", "", device, GRADIENT_SUM, (a, b), (total,), {}, None, (), started, started, finished
        )
        tell(run)
    return total


def run_backward(entry: Entry, dy: tuple[np.ndarray | None, ...], needs: tuple[bool, ...]) -> tuple[Any, ...]:
    """Call the backward of one entry's op, and check what it returns.

    Parameters
    ----------
    entry : what the forward recorded
    dy : gradient of each output, None where it is not used
    needs : which inputs a gradient is wanted for

    Returns
    -------
    tuple with one gradient, or None, an input
    """
    check_unchanged(entry)
    function, backend, why = resolve(entry.op, "backward", entry.choice)
    if arrays.device_name(backend):
        tensors = [t for t in (*entry.inputs, *entry.outputs) if t is not None]
        kept = what_no_kernel_takes(entry.op, tensors, *(t.dtype for t in tensors))
        if kept:
            function, backend, _ = resolve(entry.op, "backward", Placement({ALL: DEFAULT}))
            why = f"{kept} stay on the host"
    keywords = {"needs": needs} if takes_needs(function) else {}
    cache, observers = entry.cache, OBSERVERS.get()
    if observers:
        function = by_way_of(observers, "backward", function)
    started = time.perf_counter()
    if arrays.device_name(backend) is None:
        dy = arrays.on_host(dy, f"{entry.op} backward")
        if entry.backend not in HOST:  # what a forward of the host keeps is there
            cache = arrays.on_host(cache, f"{entry.op} backward")
    called = time.perf_counter()
    gradients = function(dy[0] if entry.single else dy, cache, **keywords)
    finished = time.perf_counter()
    entry.ms_backward = (finished - called) * 1e3
    entry.backend_backward, entry.why_backward = backend, why
    if not isinstance(gradients, tuple) or len(gradients) != len(entry.inputs):
        raise TapeError(
            f"{entry.op}: its backward on {backend!r} must return a tuple with one gradient an input "
            f"({len(entry.inputs)}). Got {kind_of(gradients)}. A missing comma, `return (dx,)`?"
        )
    if any([isinstance(gradient, np.generic) for gradient in gradients]):  # NumPy's arithmetic on arrays without axes
        gradients = tuple([np.asarray(g) if isinstance(g, np.generic) else g for g in gradients])
    if observers:
        tell(
            OpRun(
                entry.op, "backward", entry.layer, backend, why, dy, gradients, entry.static, cache, needs, started,
                called, finished, entry.single,
            )
        )  # fmt: skip
    for position, (tensor, gradient) in enumerate(zip(entry.inputs, gradients, strict=True)):
        if gradient is not None and tensor is not None and needs[position]:
            if gradient.shape != tensor.shape or gradient.dtype != tensor.dtype:
                raise TapeError(
                    f"{entry.op}: its backward on {backend!r} must give input {position} a gradient of shape "
                    f"{tensor.shape} {tensor.dtype}. Got {gradient.shape} {gradient.dtype}."
                )
    return gradients


def what_no_kernel_takes(op: str, tensors: Sequence[Tensor], *dtypes: np.dtype) -> str:
    """Say what of these has no place on a device, "" if nothing: an empty array, or a dtype of a cast."""
    if any(t.size == 0 for t in tensors):
        return "empty arrays"
    if op == "cast" and not {dtype.name for dtype in dtypes} <= arrays.DEVICE_DTYPES:
        return "dtypes that no kernel knows"
    return ""


def check_unchanged(entry: Entry) -> None:
    """Raise TapeError where a tensor of the entry was changed in place after its op ran."""
    tensors = (*entry.inputs, *entry.outputs)
    for position, (tensor, version) in enumerate(zip(tensors, entry.versions, strict=True)):
        if tensor is not None and tensor._version != version:
            what = f"input {position}" if position < len(entry.inputs) else "the output"
            name = f" ({tensor.name!r})" if tensor.name else ""
            where = f" in layer {entry.layer!r}" if entry.layer else ""
            threads = (
                " Or did another thread update it? Threads that train the same weights take turns (threading.Lock)."
                if threading.active_count() > 1
                else ""
            )
            raise TapeError(
                f"gradient: {what}{name} of {entry.op}{where} was changed in place after the op ran, and its backward "
                "needs the old value. Write y = x + 1 rather than x[...] = x + 1, and update weights after gradient()."
                + threads
            )


def kind_of(result: Any) -> str:
    """Describe what a function returned, for an error message."""
    if isinstance(result, tuple):
        return f"a tuple of {len(result)}"
    shape = getattr(result, "shape", None)
    return type(result).__name__ if shape is None else f"one {type(result).__name__} of shape {tuple(shape)}"
