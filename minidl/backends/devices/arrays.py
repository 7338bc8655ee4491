"""Which device an array is on, and how it moves.

Three kinds of arrays go through the ops:

    np.ndarray       on the host
    HostedArray      for the backends `simt` and `ptx`: memory that stands for a GPU's. NumPy cannot compute with it
    device array     in a GPU's memory (Numba's DeviceNDArray, anything with __cuda_array_interface__)

The rule of moving is the same for all devices. An op on a device receives device arrays: the tape moves a host tensor
up, once, and it stays there. An op on the host that reads a device array downloads it, every time. A device array is
never changed after the kernel that wrote it, so tensors may share one. Each move is written into the ledger, if one is
open; a single number is no move, it travels with the command that needs it, as a kernel's int and float arguments do.

>>> import minidl
>>> from minidl.backends import transfers
>>> x = minidl.Tensor([[1.0, 2.0]])
>>> with transfers() as ledger, minidl.using("simt"):
...     y = x * 2.0
...     values = y.numpy()
>>> print(ledger)
up    8 bytes  (1, 2)  multiply forward
down  8 bytes  (1, 2)  numpy()
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from minidl.backends.devices.facts import DEVICES, device_name
from minidl.backends.devices.ledger import write_down
from minidl.backends.devices.pool import Memory
from minidl.errors import BackendError, unknown_name

__all__ = [
    "DEVICES", "DEVICE_DTYPES", "INT32_MAX", "HostedArray", "OnDeviceError", "as_result", "clear_memory", "device_name",
    "device_of", "inputs_for", "mapped", "memory", "on_host", "placed", "to_device", "to_host", "zeros_like",
]  # fmt: skip

DEVICE_DTYPES = frozenset(("float32", "int32", "int64", "uint8", "bool"))  # what kernels cast from and to
INT32_MAX = 2**31 - 1  # what a kernel can index; a larger array is refused by the op, before it moves


class OnDeviceError(BackendError, AttributeError, TypeError):
    """NumPy, or Python, wants to compute with an array that lies on a device."""


class HostedArray:
    """An array of a device that uses the host's memory: it offers what an array on a GPU offers, and no arithmetic.

    Shapes, reshaping and slices are views of the same memory. Code of the host that wants the values says so, with
    `to_host(array, "why")` or `tensor.numpy()`, and the ledger notes it. So what works here works on a GPU.

    >>> x = to_device(np.ones((2, 3), np.float32), "simt", "an example")
    >>> x.shape, x[0].shape, x.reshape(3, 2).nbytes
    ((2, 3), (3,), 24)
    >>> x + 1
    Traceback (most recent call last):
    minidl.backends.devices.arrays.OnDeviceError: this array (2, 3) float32 is on the device 'simt': Python and NumPy \
cannot compute with it, there as on a GPU. Use an op (minidl.functional), or fetch the values: tensor.numpy(), or \
minidl.backends.to_host(array, "why").
    """

    __slots__ = ("__weakref__", "device", "memory")

    def __init__(self, memory: np.ndarray, device: str) -> None:
        self.memory = memory  # for the launching of kernels alone
        self.device = device

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.memory.shape

    @property
    def dtype(self) -> np.dtype:
        """NumPy dtype of the values."""
        return self.memory.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.memory.ndim

    @property
    def size(self) -> int:
        """Number of values."""
        return self.memory.size

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.memory.nbytes

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one value to the next, along each axis."""
        return self.memory.strides

    @property
    def flags(self) -> dict[str, bool]:
        """C_CONTIGUOUS and F_CONTIGUOUS, as Numba's device arrays give them."""
        return {name: self.memory.flags[name] for name in ("C_CONTIGUOUS", "F_CONTIGUOUS")}

    def is_c_contiguous(self) -> bool:
        """Whether the rows lie one after another in memory."""
        return self.memory.flags.c_contiguous

    def reshape(self, *shape: Any) -> HostedArray:
        """Return the same memory in another shape; nothing moves."""
        if not self.memory.flags.c_contiguous:
            raise OnDeviceError(f"reshape: an array on a device must be contiguous. Got strides {self.strides}.")
        return HostedArray(self.memory.reshape(*shape), self.device)

    def copy_to_host(self) -> np.ndarray:
        """Return a copy for the host; no ledger notes it, `to_host` does."""
        return self.memory.copy()

    def __len__(self) -> int:
        return len(self.memory)

    def __getitem__(self, key: Any) -> HostedArray:
        parts = key if isinstance(key, tuple) else (key,)
        if not all(isinstance(part, int | slice) or part is Ellipsis for part in parts):
            raise OnDeviceError(f"an array on a device takes ints and slices in [ ]. Got {key!r}. {_FETCH}")
        view = self.memory[(*parts, ...)]  # with an ellipsis NumPy gives an array without axes, and no number
        return HostedArray(view, self.device) if view.ndim else self._refuse()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return to_host(self, "np.asarray()").astype(dtype or self.dtype, copy=False)

    def _refuse(self, *arguments: Any, **keywords: Any) -> NoReturn:
        raise OnDeviceError(
            f"this array {self.shape} {self.dtype} is on the device {self.device!r}: Python and NumPy cannot compute "
            f"with it, there as on a GPU. {_FETCH}"
        )

    def __getattr__(self, name: str) -> NoReturn:
        raise OnDeviceError(f"an array on a device has no {name!r}. {_FETCH}")

    __array_ufunc__ = __array_function__ = __setitem__ = __iter__ = __contains__ = _refuse
    __float__ = __int__ = __bool__ = __neg__ = __abs__ = __invert__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __matmul__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = __rmatmul__ = _refuse
    __iadd__ = __isub__ = __imul__ = __itruediv__ = __and__ = __or__ = __xor__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refuse
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<HostedArray {self.shape} {self.dtype} on {self.device}>"


_FETCH = 'Use an op (minidl.functional), or fetch the values: tensor.numpy(), or minidl.backends.to_host(array, "why").'


def device_of(array: Any) -> str | None:
    """Return "cuda", "simt", "ptx", or None for an array on the host.

    >>> device_of(np.zeros(2)), device_of(to_device(np.zeros(2), "simt", "an example"))
    (None, 'simt')
    """
    if isinstance(array, np.ndarray):
        return None
    if isinstance(array, HostedArray):
        return array.device
    kind = type(array)
    if not hasattr(kind, "__cuda_array_interface__"):
        return None
    # Numba's arrays are known by their class: to ask one for its interface makes a dictionary. PyTorch's have it on a
    # GPU only.
    return "cuda" if hasattr(kind, "__cuda_ndarray__") or hasattr(array, "__cuda_array_interface__") else None


def to_device(array: Any, device: str, cause: str) -> Any:
    """Return the array on `device`, C-contiguous; a move is written down, an array that is there already is not moved.

    Raises
    ------
    BackendError : the device cannot be used, or (DeviceMemoryError) it has no room
    """
    if device_of(array) == device:
        return array
    host = np.ascontiguousarray(to_host(array, cause)).reshape(array.shape)  # ascontiguousarray gives 0-d an axis
    DEVICES[device].require()
    from minidl.backends.cuda import upload

    started = time.perf_counter()
    moved = upload(host, device)
    if host.ndim:
        write_down("up", host, cause, started)
    return moved


def to_host(array: Any, cause: str) -> np.ndarray:
    """Return a copy on the host; the move is written down, a host array is returned as it is.

    On a GPU this waits until the kernels before it are done.
    """
    device = device_of(array)
    if device is None:
        return array
    started = time.perf_counter()
    if isinstance(array, HostedArray):
        host = array.copy_to_host()
    else:
        from minidl.backends.cuda import download

        host = download(array)
    write_down("down", array, cause, started)
    return host


def zeros_like(array: Any) -> Any:
    """Return zeros of the array's shape and dtype, where it is."""
    device = device_of(array)
    if device is None:
        return np.zeros_like(array)
    from minidl.backends.cuda import zeros

    return zeros(array.shape, array.dtype, device)


def on_host(value: Any, cause: str) -> Any:
    """Return arrays, and tuples or caches of them, with every device array moved to the host; the rest as it is."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, tuple):
        return mapped(value, lambda part: on_host(part, cause))
    return value if device_of(value) is None else to_host(value, cause)


def mapped(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Return tuples and caches with `convert` done to what they hold, and to a value alone.

    >>> mapped((np.ones(2), None, (np.zeros(1),)), lambda part: None if part is None else part + 1)
    (array([2., 2.]), None, (array([1.]),))
    """
    if isinstance(value, tuple):
        parts = [mapped(part, convert) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return convert(value)


def placed(value: Any, backend: str, cause: str) -> Any:
    """Return arrays, and tuples or caches of them, where `backend` wants them: float32 on its device, if it has one.

    The rest is on the host: integers, which the ops check there, empty arrays, and dtypes that no kernel computes in.
    """
    device = device_name(backend)

    def place(array: Any) -> Any:
        if device is None or device_of(array) not in (None, device):
            array = on_host(array, cause)
        is_float = isinstance(array, np.ndarray) and array.dtype == np.float32 and array.size > 0
        return to_device(array, device, cause) if device is not None and is_float else array

    return mapped(value, place)


def inputs_for(backend: str, tensors: Sequence[Any], cause: str) -> list[Any]:
    """Return the arrays of tensors (or None) where `backend` wants them.

    A float tensor that a device reads moves there and stays. Integers (labels, ids) stay on the host, where the op
    checks them, and are uploaded by the op.
    """
    device = device_name(backend)
    if device is None:
        return [None if tensor is None else to_host(tensor.data, cause) for tensor in tensors]
    for tensor in tensors:
        if tensor is not None and tensor.dtype == np.float32 and 0 < tensor.size <= INT32_MAX:
            tensor.data = to_device(tensor.data, device, cause)
    return [None if tensor is None else tensor.data for tensor in tensors]


def as_result(array: Any, device: str) -> Any:
    """Mark what a kernel wrote as an array of its device."""
    return HostedArray(array, device) if isinstance(array, np.ndarray) else array


def memory(device: str | None = None) -> Memory:
    """Return what the memory pool of a device holds, by default of the GPU if one is there, else of the SIMT machine.

    >>> found = memory("simt")
    >>> found.device, found.peak >= found.used >= 0
    ('simt', True)
    """
    from minidl.backends.cuda import pool

    if device is not None and device not in DEVICES:
        raise unknown_name("device", device, DEVICES)
    return pool(device or ("simt" if DEVICES["cuda"].why_not() else "cuda")).memory()


def clear_memory(device: str) -> None:
    """Give the unused blocks of a device's pool back to it. On a GPU this waits until its kernels are done."""
    from minidl.backends.cuda import pool

    if device not in DEVICES:
        raise unknown_name("device", device, DEVICES)
    pool(device).clear()
