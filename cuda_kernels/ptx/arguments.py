"""A launch's arguments: as the kernel's parameters, as Numba's types, and the memory that they give it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np

_ORDINARY = (bool, float, complex)


def signature(args: Iterable[Any]) -> tuple[Any, ...] | None:
    """What tells apart arguments that a kernel is compiled anew for; None where only Numba can say.

    It takes a microsecond, where asking Numba for the types takes fifty.

    >>> signature((np.zeros((2, 3), np.float32), np.int32(1), 2.5))
    ((dtype('float32'), 2, 'C'), dtype('int32'), <class 'float'>)
    """
    found: list[Any] = []
    for value in args:
        if isinstance(value, np.ndarray):
            flags = value.flags
            found.append((value.dtype, value.ndim, "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"))
        elif isinstance(value, np.generic):
            found.append(value.dtype)
        elif type(value) in _ORDINARY:
            found.append(type(value))
        elif type(value) is int:
            found.append((int, value.bit_length() < 64))
        elif type(value) is tuple:
            found.append(signature(value))
        else:
            found.append(None)
        if found[-1] is None:
            return None
    return tuple(found)


@cache
def _array(axes: int) -> struct.Struct:
    return struct.Struct(f"<{5 + axes}Q{axes}q")


def _packed(value: Any) -> bytes:
    if isinstance(value, np.ndarray):  # two owners, sizes, address, shape, strides
        place = value.__array_interface__["data"][0]
        return _array(value.ndim).pack(0, 0, value.size, value.itemsize, place, *value.shape, *value.strides)
    if isinstance(value, tuple):
        return parameters_of(value)
    if isinstance(value, (complex, np.complexfloating)):
        part = np.float32 if isinstance(value, np.complex64) else np.float64
        return parameters_of((part(value.real), part(value.imag)))
    if isinstance(value, np.void):  # a record is passed by its address
        return struct.pack("<Q", value.__array_interface__["data"][0])
    if isinstance(value, np.generic):
        data = value.tobytes()
    elif isinstance(value, bool):
        data = bytes([value])
    elif isinstance(value, int):
        data = value.to_bytes(8, "little", signed=value < 2**63)
    elif isinstance(value, float):
        data = struct.pack("<d", value)
    else:
        data = np.asarray(value).tobytes()
    return data + bytes(-len(data) % 8)


def parameters_of(args: Iterable[Any]) -> bytes:
    """The kernel's parameters as Numba's compiler takes arguments apart, each in a multiple of eight bytes."""
    return b"".join([_packed(value) for value in args])


def arrays_in(args: Iterable[Any]) -> Iterator[np.ndarray]:
    """All arrays among the arguments, those in tuples too."""
    for value in args:
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, tuple):
            yield from arrays_in(value)


def extent(a: np.ndarray) -> tuple[int, int]:
    """The bytes that an array spans, from its address: before it where a stride is negative."""
    if a.flags.c_contiguous or not a.size:
        return 0, a.nbytes
    reach = [(n - 1) * s for n, s in zip(a.shape, a.strides, strict=True)]
    return sum(r for r in reach if r < 0), sum(r for r in reach if r > 0) + a.itemsize


def ranges_of(args: Iterable[Any]) -> list[int]:
    """First and last + 1 byte of each array, one after another."""
    found: list[int] = []
    for a in arrays_in(args):
        if a.size:
            place, (low, high) = a.__array_interface__["data"][0], extent(a)
            found += (place + low, place + high)
    return found
