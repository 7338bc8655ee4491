"""Which device an array is on, how it moves, and the ledger of every move.

Three kinds of arrays go through the ops:

    np.ndarray       on the host
    SimtArray        for the `simt` backend: host memory that stands for a GPU's. Nothing is copied, but it is counted.
    device array     in a GPU's memory (Numba's DeviceNDArray, anything with __cuda_array_interface__)

The rule of moving is the same for both devices. An op on a device receives device arrays: the tape moves a host tensor
up, once, and it stays there. An op on the host that reads a device array downloads it, every time. Each move is written
into the ledger, if one is open:

>>> import minidl
>>> from minidl.backends.arrays import transfers
>>> x = minidl.Tensor([[1.0, 2.0]])
>>> with transfers() as ledger, minidl.using(negative="simt"):
...     y = -x
...     values = y.numpy()
>>> print(ledger)
up    8 bytes  (1, 2)  negative forward
down  8 bytes  (1, 2)  numpy()
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import BackendError

DEVICES = ("cuda", "simt")


class SimtArray(np.ndarray):
    """A host array that stands for one in a GPU's memory. Its views and slices stand for the same memory."""


class Transfer(NamedTuple):
    """One move: direction "up" (to the device) or "down" (to the host), and what asked for it."""

    direction: str
    nbytes: int
    shape: tuple[int, ...]
    cause: str
    started: float = 0.0  # seconds of time.perf_counter
    finished: float = 0.0


class Ledger(list[Transfer]):
    """The moves of a `with transfers()` block, in order."""

    def total(self, direction: str) -> int:
        """Return the bytes that went "up" or "down"."""
        return sum(move.nbytes for move in self if move.direction == direction)

    def __repr__(self) -> str:
        width = max([len(f"{move.nbytes:,}") for move in self], default=0)
        return "\n".join(
            f"{move.direction:<4}  {move.nbytes:>{width},} bytes  {move.shape}  {move.cause}" for move in self
        )


_LEDGERS: ContextVar[tuple[Ledger, ...]] = ContextVar("minidl_ledgers", default=())


@contextmanager
def transfers() -> Iterator[Ledger]:
    """Write down every move between host and device inside the block; blocks nest."""
    ledger = Ledger()
    token = _LEDGERS.set((*_LEDGERS.get(), ledger))
    try:
        yield ledger
    finally:
        _LEDGERS.reset(token)


def device_of(array: Any) -> str | None:
    """Return "simt", "cuda", or None for an array on the host.

    >>> device_of(np.zeros(2)), device_of(to_device(np.zeros(2), "simt", "an example"))
    (None, 'simt')
    """
    if isinstance(array, np.ndarray):
        return "simt" if isinstance(array, SimtArray) else None
    return "cuda" if hasattr(array, "__cuda_array_interface__") else None


def device_name(backend: str) -> str | None:
    """Return the device that a backend or rung runs on ("simt:r3_shared" on "simt"), None for the host.

    >>> device_name("cuda:r1_naive"), device_name("numpy")
    ('cuda', None)
    """
    device = backend.partition(":")[0]
    return device if device in DEVICES else None


def to_device(array: Any, device: str, cause: str) -> Any:
    """Return the array on `device`, C-contiguous; a move is written down, an array that is there already is not moved.

    Raises
    ------
    BackendError : no GPU can be used
    MemoryError : it has no room
    """
    if device_of(array) == device:
        return _contiguous(array, device)
    host = np.ascontiguousarray(to_host(array, cause)).reshape(array.shape)  # ascontiguousarray gives 0-d an axis
    started = time.perf_counter()
    if device == "simt":
        moved = host.view(SimtArray)
    else:
        require_gpu()
        from minidl.backends.cuda import gpu_copy

        moved = gpu_copy(host)
    _write_down("up", host, cause, started)
    return moved


def to_host(array: Any, cause: str) -> np.ndarray:
    """Return the array on the host; a move is written down, a host array is returned as it is."""
    device = device_of(array)
    if device is None:
        return array
    started = time.perf_counter()
    host = np.asarray(array) if device == "simt" else array.copy_to_host()
    _write_down("down", array, cause, started)
    return host


def on_host(value: Any, cause: str) -> Any:
    """Return arrays, and tuples or caches of them, with every device array moved to the host; the rest as it is."""
    if isinstance(value, tuple):
        parts = [on_host(part, cause) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value if device_of(value) is None else to_host(value, cause)


def inputs_for(backend: str, tensors: Sequence[Any], cause: str) -> list[Any]:
    """Return the arrays of tensors (or None) where `backend` wants them.

    A float tensor that a device reads moves there and stays. Integers (labels, ids) stay on the host, where the op
    checks them, and are uploaded by the op.
    """
    device = device_name(backend)
    for tensor in tensors:
        if device is not None and tensor is not None and tensor.dtype == np.float32 and tensor.size:
            tensor.data = to_device(tensor.data, device, cause)
    given = [None if t is None else t.data for t in tensors]
    return given if device is not None else [on_host(a, cause) for a in given]


def as_result(array: Any) -> Any:
    """Mark what a kernel wrote as an array of its device."""
    return array.view(SimtArray) if isinstance(array, np.ndarray) else array


def require_gpu() -> None:
    """Raise `BackendError` with what to install, or why not, unless a GPU can be used."""
    from minidl.backends.cuda import gpu_problem

    problem = gpu_problem()
    if problem:
        raise BackendError(
            f"backend 'cuda': {problem}. `minidl doctor` shows what was found on this computer. The same kernels run "
            "without a GPU, slowly and with their faults explained: minidl.use('simt')."
        )


def _contiguous(array: Any, device: str) -> Any:
    if device == "simt" and not array.flags.c_contiguous:
        return array.copy(order="C")  # on a GPU this stays on the device too
    return array


def _write_down(direction: str, array: Any, cause: str, started: float) -> None:
    for ledger in _LEDGERS.get():
        ledger.append(Transfer(direction, int(array.nbytes), tuple(array.shape), cause, started, time.perf_counter()))
