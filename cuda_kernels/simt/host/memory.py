"""Arrays on the simulated device: what Numba's `DeviceNDArray` offers, over memory of this computer.

A device array is no NumPy array: Python and NumPy cannot compute with it, here as on a GPU. `copy_to_host`,
`np.asarray(d)`, and an element `d[i]` are copies, and the session's ledger notes them. Slices, `reshape`, `ravel`,
`view` and `T` are views of the same memory.

What a new device array holds is undefined on a GPU. Here it is NaN, or all bits one: a kernel that adds into an array
that nobody set to zero shows it.
"""
from __future__ import annotations

import ctypes
import math
import weakref
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from .sessions import note_transfer

_FETCH = "Fetch the values with d.copy_to_host(), or launch a kernel that computes with them."
_NOT_CONTIGUOUS = ("Array contains non-contiguous buffer and cannot be transferred as a single memory region. Please "
                   "ensure contiguous buffer with numpy .ascontiguousarray()")
_allocations: weakref.WeakValueDictionary[int, DeviceArray] = weakref.WeakValueDictionary()


class DeviceArray:
    """An array in the simulated device's memory; `ary` is that memory, for the launching of kernels alone."""

    __cuda_memory__ = __cuda_ndarray__ = True
    __array_ufunc__ = None  # NumPy's arithmetic refuses it

    def __init__(self, ary: np.ndarray, stream: Any = 0) -> None:
        self.ary = ary
        self.stream = stream
        _allocations.setdefault(ary.__array_interface__["data"][0], self)

    # -- what it is ---------------------------------------------------------------------------------------------------

    # As NumPy's arrays have them; strides and nbytes in bytes.
    shape = property(lambda self: self.ary.shape)
    strides = property(lambda self: self.ary.strides)
    dtype = property(lambda self: self.ary.dtype)
    ndim = property(lambda self: self.ary.ndim)
    size = property(lambda self: self.ary.size)
    nbytes = property(lambda self: self.ary.nbytes)

    @property
    def alloc_size(self) -> int:
        """Bytes from the first element to behind the last."""
        return span(self.shape, self.strides, self.dtype.itemsize)

    @property
    def flags(self) -> dict[str, bool]:
        """C_CONTIGUOUS and F_CONTIGUOUS."""
        return {name: bool(self.ary.flags[name]) for name in ("C_CONTIGUOUS", "F_CONTIGUOUS")}

    def is_c_contiguous(self) -> bool:
        """Whether the elements lie row by row, without gaps."""
        return bool(self.ary.flags.c_contiguous)

    def is_f_contiguous(self) -> bool:
        """Whether the elements lie column by column, without gaps."""
        return bool(self.ary.flags.f_contiguous)

    @property
    def device_ctypes_pointer(self) -> ctypes.c_void_p:
        """Where the memory begins (an address of this computer's memory, and of no GPU's)."""
        return ctypes.c_void_p(self.ary.__array_interface__["data"][0] if self.size else 0)

    @property
    def device_pointer(self) -> int:
        """The same as a number."""
        return self.device_ctypes_pointer.value or 0

    @property
    def gpu_data(self) -> DeviceArray:
        """Numba's handle of the memory: here the array itself."""
        return self

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return _interface(self.ary, self.stream)

    @property
    def _numba_type_(self) -> Any:
        import numba

        kind = numba.typeof(np.empty(0, self.dtype)).dtype
        broadcast = 0 in self.strides and self.size
        layout = "A" if broadcast else "C" if self.is_c_contiguous() else "F" if self.is_f_contiguous() else "A"
        return numba.types.Array(kind, self.ndim, layout)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a device array without axes")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<device array {self.shape} {self.dtype} of the SIMT machine>"

    # -- copies -------------------------------------------------------------------------------------------------------

    def copy_to_host(self, ary: np.ndarray | None = None, stream: Any = 0) -> np.ndarray:
        """Copy to `ary`, or to a new NumPy array, and return that."""
        if min(self.strides, default=0) < 0:
            raise NotImplementedError(f"D->H copy not implemented for negative strides: {self.strides}. Copy the whole "
                                      "array and turn it round on the host.")
        if ary is not None:
            _check_alike("copy_to_host", self.ary, ary, as_they_lie=True)
        note_transfer("down", self.nbytes, self.shape, "copy_to_host")
        if ary is None:
            return self.ary.copy(order="K")
        np.copyto(ary, self.ary.reshape(ary.shape))
        return ary

    def copy_to_device(self, ary: Any, stream: Any = 0) -> None:
        """Copy a NumPy array, or another device array, into this one."""
        source = ary.ary if isinstance(ary, DeviceArray) else np.asarray(ary)
        if source.size == 0:
            return
        for a in (self.ary, source) if isinstance(ary, DeviceArray) else (self.ary,):
            require_contiguous("copy_to_device", a)
        _check_alike("copy_to_device", self.ary, source, as_they_lie=isinstance(ary, DeviceArray))
        if not isinstance(ary, DeviceArray):
            note_transfer("up", source.nbytes, source.shape, "copy_to_device")
        np.copyto(self.ary, source.reshape(self.shape))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("`copy=False` is not supported. A copy is always created: a device array's values are on "
                             "the device.")
        host = self.copy_to_host()
        return host if dtype is None else host.astype(dtype, copy=False)

    # -- parts and views ----------------------------------------------------------------------------------------------

    def __getitem__(self, item: Any) -> Any:
        return self.getitem(item)

    def getitem(self, item: Any, stream: Any = 0) -> Any:
        """`d[item]`: a view of the same memory; one element is copied to the host."""
        part = self.ary[self._index(item)]
        if part.ndim or self.dtype.names and (isinstance(item, str) or part.dtype.names):
            return self._view(part, stream)
        note_transfer("down", part.nbytes, (), "one element")
        return part[()]

    def __setitem__(self, item: Any, value: Any) -> None:
        self.setitem(item, value)

    def setitem(self, item: Any, value: Any, stream: Any = 0) -> None:
        """`d[item] = value`, an array, a device array or a number."""
        part = self.ary[self._index(item)]
        inside = value.ary if isinstance(value, DeviceArray) else np.asarray(value)
        if not isinstance(value, DeviceArray):
            note_transfer("up", inside.nbytes, inside.shape, "assignment")
        if inside.ndim > part.ndim:
            raise ValueError(f"Can't assign {inside.ndim}-D array to {part.ndim}-D self")
        for axis, (left, right) in enumerate(zip(reversed(part.shape), reversed(inside.shape), strict=False)):
            if right not in (1, left):
                raise ValueError(f"Can't copy sequence with size {right} to array axis {part.ndim - 1 - axis} with "
                                 f"dimension {left}")
        part[...] = inside

    def _index(self, item: Any) -> Any:
        """The index, with an ellipsis so that NumPy gives a view of one element too."""
        if isinstance(item, str):
            return item
        items = item if isinstance(item, tuple) else (item,)
        for i in items:
            if not isinstance(i, int | np.integer | slice) and i is not Ellipsis or isinstance(i, bool | np.bool_):
                raise TypeError(f"a device array takes ints, slices and ... in [ ]. Got {item!r}. {_FETCH}")
        return item if Ellipsis in items else (*items, ...)

    def _view(self, ary: np.ndarray, stream: Any = 0) -> DeviceArray:
        view = DeviceArray.__new__(DeviceArray)
        view.ary, view.stream = ary, stream or self.stream
        return view

    def reshape(self, *shape: Any, order: str = "C") -> DeviceArray:
        """The same memory in another shape. Raises NotImplementedError where that would need a copy."""
        new = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        return self._without_copy(self.ary.reshape(new, order=order))  # type: ignore[call-overload]

    def ravel(self, order: str = "C", stream: Any = 0) -> DeviceArray:
        """The same memory with one axis. Raises NotImplementedError where that would need a copy."""
        return self._without_copy(self.ary.reshape(-1, order=order), stream)  # type: ignore[call-overload]

    def _without_copy(self, ary: np.ndarray, stream: Any = 0) -> DeviceArray:
        if ary.size and not (self.ary.flags.forc and np.shares_memory(ary, self.ary)):
            raise NotImplementedError("operation requires copying: the device array is not contiguous")
        return self._view(ary, stream)

    def squeeze(self, axis: Any = None, stream: Any = 0) -> DeviceArray:
        """The same memory without axes of size 1."""
        return self._view(self.ary.squeeze(axis), stream)

    def view(self, dtype: Any) -> DeviceArray:
        """The same memory, its bytes read as another dtype."""
        return self._view(self.ary.view(dtype))

    def split(self, section: int, stream: Any = 0) -> Iterator[DeviceArray]:
        """Parts of `section` elements each; the last one may be shorter."""
        if self.ndim != 1 or self.strides[0] != self.dtype.itemsize:
            raise ValueError("split: only support 1d array, with unit stride")
        for begin in range(0, self.size, section):
            yield self._view(self.ary[begin:begin + section], stream)

    @property
    def T(self) -> DeviceArray:
        """The transposed matrix, a copy on the device."""
        return self.transpose()

    def transpose(self, axes: Any = None) -> DeviceArray:
        """The transposed matrix, a copy on the device."""
        if axes is not None and tuple(axes) == tuple(range(self.ndim)):
            return self
        if self.ndim != 2:
            raise NotImplementedError("transposing a non-2D DeviceNDArray isn't supported")
        if axes is not None and set(axes) != {0, 1}:
            raise ValueError(f"invalid axes list {axes!r}")
        return DeviceArray(np.array(self.ary.T, order="C"), self.stream)

    def bind(self, stream: Any = 0) -> DeviceArray:
        """The same array, with another default stream."""
        return self._view(self.ary, stream)

    def get_ipc_handle(self) -> NoReturn:
        """Refused: another process cannot reach this memory."""
        raise NotImplementedError("get_ipc_handle: the SIMT machine's arrays belong to this process. Pass the values: "
                                  "d.copy_to_host().")

    # -- what it refuses ----------------------------------------------------------------------------------------------

    def _refuse(self, *other: Any) -> NoReturn:
        raise TypeError(f"Python and NumPy cannot compute with a device array {self.shape} {self.dtype}: its values "
                        f"are on the device. {_FETCH}")

    __float__ = __int__ = __index__ = __neg__ = __abs__ = __invert__ = __contains__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __matmul__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = __rmatmul__ = _refuse
    __iadd__ = __isub__ = __imul__ = __itruediv__ = __and__ = __or__ = __xor__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refuse
    __hash__ = object.__hash__


class HostVisibleArray(np.ndarray):
    """A mapped or managed array: host and kernels share its memory, and nothing is copied at a launch."""

    __cuda_memory__ = __cuda_ndarray__ = True
    stream: Any = 0

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        self._allocation = DeviceArray(self.view(np.ndarray))  # known for as long as this array lives
        return _interface(self, self.stream)

    def copy_to_host(self, ary: np.ndarray | None = None, stream: Any = 0) -> np.ndarray:
        """Copy to `ary`, or to a new NumPy array, and return that."""
        if ary is None:
            return np.array(self)
        _check_alike("copy_to_host", self, ary)
        np.copyto(ary, self)
        return ary

    def copy_to_device(self, ary: Any, stream: Any = 0) -> None:
        """Copy an array into this one."""
        source = ary.ary if isinstance(ary, DeviceArray) else np.asarray(ary)
        _check_alike("copy_to_device", self, source)
        np.copyto(self, source)


def span(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> int:
    """Bytes from the first element of an array to behind its last.

    >>> span((3, 4), (32, 8), 8), span((0,), (8,), 8)
    (96, 0)
    """
    if 0 in shape:
        return 0
    return itemsize + sum((n - 1) * abs(s) for n, s in zip(shape, strides, strict=True))


def undefined(shape: Any, dtype: Any = np.float64, strides: Any = None, order: str = "C") -> np.ndarray:
    """Memory with undefined contents: every bit is one, NaN in floats and -1 in integers.

    >>> undefined(2, np.float32), undefined((1, 2), np.int32)
    (array([nan, nan], dtype=float32), array([[-1, -1]], dtype=int32))
    """
    sizes = (shape,) if isinstance(shape, int | np.integer | float) else tuple(shape)
    wrong = [n for n in sizes if not isinstance(n, int | np.integer)]
    if wrong:
        raise TypeError(f"the shape of a device array is an int or a tuple of ints. Got {shape!r} (use // or "
                        "-(-n // t), not /).")
    extent = tuple(int(n) for n in sizes)
    dtype = np.dtype(dtype)
    if order not in ("C", "F"):
        raise ValueError(f"order is 'C' or 'F'. Got {order!r}.")
    if not strides:
        memory = np.empty(extent, dtype, order=order)  # type: ignore[call-overload]
        flat = memory.reshape(-1, order=order)
    else:
        steps = (strides,) if isinstance(strides, int) else tuple(strides)
        flat = np.empty(-(-span(extent, steps, dtype.itemsize) // dtype.itemsize), dtype)
        memory = np.ndarray(extent, dtype, flat, strides=steps)
    if flat.size:
        flat.view(np.uint8)[...] = dtype == np.bool_ or 0xFF
    return memory


def like(ary: Any) -> dict[str, Any]:
    """Shape, dtype and a contiguous order of memory, for an array like `ary`."""
    c, f = ary.flags["C_CONTIGUOUS"], ary.flags["F_CONTIGUOUS"]
    strides = None
    if not (c or f or ary.ndim <= 1):  # keep the order of the axes, without gaps
        steps, step = [0] * ary.ndim, ary.dtype.itemsize
        for axis in sorted(range(ary.ndim), key=lambda k: abs(ary.strides[k])):
            steps[axis] = step
            step *= ary.shape[axis]
        strides = tuple(steps)
    return {"shape": ary.shape, "dtype": ary.dtype, "strides": strides, "order": "F" if f and not c else "C"}


def on_device(value: Any, stream: Any = 0, copy: bool = True) -> DeviceArray:
    """A device array with a copy of `value`; one that is there already is returned as it is."""
    if isinstance(value, DeviceArray):
        return value
    interface = getattr(value, "__cuda_array_interface__", None)
    if interface is not None:
        return from_interface(interface, value)
    host = np.asanyarray(value)
    if host.dtype == object:
        raise TypeError(f"to_device: needs an array of numbers. Got {type(value).__name__}.")
    require_contiguous("to_device", host)
    if not copy:
        return DeviceArray(undefined(**like(host)), stream)
    note_transfer("up", host.nbytes, host.shape, "to_device")
    if 0 not in host.strides or not host.size:
        return DeviceArray(np.array(host, order="K", subok=False), stream)
    repeated = undefined(host.shape, host.dtype, host.strides)  # a broadcast array: what is repeated is kept once
    once = _without_repetition(host)
    repeated[once] = host[once]
    return DeviceArray(repeated, stream)


def _interface(ary: np.ndarray, stream: Any) -> dict[str, Any]:
    """An array as other libraries are told of it, version 3 of the CUDA array interface."""
    address = ary.__array_interface__["data"][0] if ary.size else 0
    return {"shape": ary.shape, "strides": None if ary.flags.c_contiguous else ary.strides, "data": (address, False),
            "typestr": ary.dtype.str, "stream": int(getattr(stream, "handle", stream)) or None, "version": 3}


def from_interface(interface: dict[str, Any], owner: Any = None, stream: Any = 0) -> DeviceArray:
    """The device array that a CUDA array interface describes. Its memory must be the SIMT machine's.

    Raises
    ------
    ValueError : the memory belongs to nobody here: a GPU's, or freed
    """
    if interface.get("mask") is not None:
        raise NotImplementedError("Masked arrays are not supported")
    shape, dtype = tuple(interface["shape"]), np.dtype(interface["typestr"])
    strides = interface.get("strides") or None
    if 0 in shape:
        return DeviceArray(np.empty(shape, dtype), stream)
    address = interface["data"][0]
    steps = strides or np.empty(shape, dtype).strides
    need = span(shape, tuple(steps), dtype.itemsize)
    for start, found in list(_allocations.items()):
        if start <= address and address + need <= start + found.alloc_size:
            buffer = (ctypes.c_uint8 * need).from_address(address)
            buffer.owner = found, owner  # type: ignore[attr-defined]
            return found._view(np.ndarray(shape, dtype, memoryview(buffer), strides=tuple(steps)), stream)
    raise ValueError(f"the memory at {address:#x} is none of the SIMT machine's arrays. Arrays of a GPU cannot be used "
                     "inside simt.on(): copy them to the host first.")


def require_contiguous(function: str, a: np.ndarray) -> None:
    """Raise ValueError unless the elements, those repeated by broadcasting apart, lie without gaps."""
    core = a[_without_repetition(a)] if a.size else a
    if not (core.flags.c_contiguous or core.flags.f_contiguous):
        error = ValueError(_NOT_CONTIGUOUS)
        error.add_note(f"{function}: the array has shape {a.shape} and strides {a.strides}; is it a slice with a step?")
        raise error


def _without_repetition(a: np.ndarray) -> tuple[Any, ...]:
    """The index that takes the first of what a broadcast array repeats."""
    return tuple(0 if stride == 0 else slice(None) for stride in a.strides)


def _check_alike(function: str, a: np.ndarray, b: Any, as_they_lie: bool = False) -> None:
    """Raise unless two arrays agree in dtype and shape, and in the order of memory where bytes are copied as they lie.

    Axes of size 1 do not count.
    """
    if a.dtype != b.dtype:
        error = TypeError(f"incompatible dtype: {a.dtype} vs. {b.dtype}")
        error.add_note(f"{function} copies bytes and converts nothing: use a.astype({a.dtype}).")
        raise error
    one, two = _core(a), _core(b)
    if one.shape != two.shape:
        raise ValueError(f"incompatible shape: {a.shape} vs. {b.shape}")
    if a.size and as_they_lie and one.strides != two.strides:
        differ = ValueError(f"incompatible strides: {a.strides} vs. {b.strides}")
        differ.add_note(f"{function} copies bytes as they lie: both arrays must be in the same order, C or F.")
        raise differ


def _core(a: Any) -> Any:
    return a.squeeze() if math.prod(a.shape) else a
