"""Reading pickles that hold only data.

A pickle is a program: its opcodes may import any function and call it, so that `pickle.load` on a stranger's
file runs a stranger's code. CIFAR-10 is published as pickles all the same. The reader here answers every
import itself: with its own small functions for the handful of names that NumPy arrays are written with, and
with an error, by name, for all others. NumPy's own unpickling code does not run either.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from minidl.errors import FileFormatError
from minidl.utils.files.packed import DAMAGE

MAX_DEPTH = 8
PLAIN = {bool, int, float, str, bytes, type(None)}


def loads(raw: bytes, name: str, lists: bool = False, known: bool = False) -> object:
    """Read a pickle of dicts, lists, tuples, numbers, strings, bytes and numeric NumPy arrays.

    Strings written by Python 2 come back as bytes.

    Parameters
    ----------
    raw : the pickle
    name : what an error calls it
    lists : an array of objects, of one axis, comes back as a list; else it is refused
    known : it is of a published file, told by its hash: how much memory it asks for is not looked at, which takes
        longer than to read it

    Raises
    ------
    FileFormatError : it asks for any other name (which is not imported), or is damaged

    >>> loads(pickle.dumps({"data": np.arange(3)}), "example")
    {'data': array([0, 1, 2])}
    """
    try:
        if not known:
            _check_sizes(raw)
        return _finish(_Unpickler(raw, lists).load(), {})
    except FileFormatError as error:
        raise FileFormatError(f"{name}: {error}") from error
    except DAMAGE as error:
        raise FileFormatError(
            f"{name}: is no readable pickle ({type(error).__name__}: {error}). Is the file cut off or of another kind?"
        ) from error


def _check_sizes(raw: bytes) -> None:
    """Refuse opcodes that ask for more memory than the pickle has bytes: a text's length, a place among those kept.

    `genops` itself raises where an argument's bytes are not there.
    """
    for number, (opcode, argument, _) in enumerate(pickletools.genops(raw)):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and isinstance(argument, int) and argument > number:
            raise FileFormatError(f"refused: it keeps a value at place {argument}, though it has few.")


class _Unpickler(pickle.Unpickler):
    """An unpickler whose imports come from the table `ADMITTED` alone."""

    def __init__(self, raw: bytes, lists: bool) -> None:
        super().__init__(io.BytesIO(raw), encoding="bytes")
        self.lists = lists

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ADMITTED:
            raise FileFormatError(
                f"refused: the pickle asks for {module}.{name}, which is not needed for data and may run "
                "code. "
                "Fetch the file again from its publisher."
            )
        return _Admitted(_ListDType if self.lists and name == "dtype" else ADMITTED[module, name])

    def persistent_load(self, pid: object) -> object:
        raise FileFormatError(f"refused: the pickle refers to an object outside of it ({pid!r}).")


class _Admitted:
    """A function that a pickle may call but not change (the opcode BUILD sets attributes)."""

    __slots__ = ("function",)

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __call__(self, *args: object) -> object:
        return self.function(*args)

    def __setstate__(self, state: object) -> None:
        raise FileFormatError("refused: the pickle changes a function.")


class _DType:
    """What `numpy.dtype(code, align, copy)` and its state say, for plain numbers."""

    __slots__ = ("order", "code")
    codes: ClassVar[str] = r"b1|[iu][1248]|f[248]"

    def __init__(self, code: object, *_flags: object) -> None:
        text = code.decode("latin1") if isinstance(code, bytes) else str(code)
        if not re.fullmatch(self.codes, text):
            raise FileFormatError(f"refused: dtype {text!r}. Only arrays of plain numbers are read.")
        self.code, self.order = text, "="

    def __setstate__(self, state: tuple) -> None:
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise FileFormatError(f"refused: a dtype with state {state!r}. Only arrays of plain numbers are read.")
        self.order = order

    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class _ListDType(_DType):
    """The same, and Python's objects."""

    __slots__ = ()
    codes = _DType.codes + "|O8"


class _Array:
    """Stands for an array until the pickle's BUILD opcode brings shape, dtype and bytes."""

    __slots__ = ("array",)
    array: Any

    def __setstate__(self, state: tuple) -> None:
        _version, shape, dtype, fortran, raw = state
        if isinstance(dtype, _DType) and dtype.code == "O8":
            if not isinstance(raw, list) or shape != (len(raw),):
                raise FileFormatError(f"refused: objects with shape {shape!r}. Only an array of one axis is read.")
            self.array = raw
            return
        self.array = _build_array(raw, dtype, shape, "F" if fortran else "C")


def _build_array(raw: object, dtype: object, shape: Any, order: object) -> np.ndarray:
    """Copy bytes to an array, after checking that shape, dtype and number of bytes agree."""
    sizes_are_right = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
    plain = isinstance(dtype, _DType) and dtype.code != "O8"
    if not isinstance(raw, bytes | bytearray) or not plain or not sizes_are_right:
        raise FileFormatError(f"refused: an array of {type(raw).__name__} with shape {shape!r}. Expected plain bytes.")
    assert isinstance(dtype, _DType)
    expected = math.prod(shape) * dtype.dtype().itemsize
    if len(raw) != expected:
        raise FileFormatError(f"an array of shape {shape} and {dtype.dtype()} needs {expected} bytes. Got {len(raw)}.")
    return np.frombuffer(raw, dtype.dtype()).reshape(shape, order="F" if order in ("F", b"F") else "C").copy()


def _reconstruct(_class: object, _shape: object, _code: object) -> _Array:
    return _Array()


def _scalar(dtype: _DType, raw: object) -> object:
    return _build_array(raw, dtype, (), "C")[()]


def _encode(text: str, encoding: object) -> bytes:
    """Python 3 writes bytes into old pickles as a latin1 string and a call of `_codecs.encode`."""
    if encoding not in ("latin1", b"latin1"):
        raise FileFormatError(f"refused: text encoding {encoding!r}. Only latin1 is read.")
    return text.encode("latin1")


def _only_a_name(*_args: object) -> object:
    raise FileFormatError("refused: the pickle calls numpy.ndarray itself.")


def _table() -> dict[tuple[str, str], Callable]:
    """List the names that a pickle of data may ask for, each with what it gets."""
    builtins: tuple[Callable, ...] = (bytes, bytearray, str, int, float, list, tuple, dict)

    def of_content(kind: Callable) -> Callable:
        """Return the type, for arguments that hold something: `bytes(5_000_000_000)` would take as much memory."""

        def make(*arguments: object) -> object:
            if kind in (bytes, bytearray) and any(isinstance(argument, int) for argument in arguments):
                raise FileFormatError(f"refused: {kind.__name__} of a size, without content.")
            return kind(*arguments)

        return make

    table: dict[tuple[str, str], Callable] = {
        ("numpy", "ndarray"): _only_a_name,
        ("numpy", "dtype"): _DType,
        ("_codecs", "encode"): _encode,
    }
    for core in ("numpy.core", "numpy._core"):  # NumPy 2 renamed the module
        table[f"{core}.multiarray", "_reconstruct"] = _reconstruct
        table[f"{core}.multiarray", "scalar"] = _scalar
        table[f"{core}.numeric", "_frombuffer"] = _build_array
    for module in ("builtins", "__builtin__"):
        table.update({(module, kind.__name__): of_content(kind) for kind in builtins})
    return table


ADMITTED = _table()


def _finish(value: object, done: dict[int, object], depth: int = 0) -> object:
    """Put the arrays in the place of the objects that stood for them.

    done : what was finished already, by identity: a list that stands in many places is gone through once
    """
    if depth > MAX_DEPTH:
        raise FileFormatError("the data is nested too deeply, or contains itself.")
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, dict):
        done[id(value)] = {key: _finish(item, done, depth + 1) for key, item in value.items()}
        return done[id(value)]
    if isinstance(value, list | tuple):
        if set(map(type, value)) <= PLAIN:
            return value
        done[id(value)] = type(value)(_finish(item, done, depth + 1) for item in value)
        return done[id(value)]
    if isinstance(value, _Array):
        return _finish(value.array, done, depth + 1) if isinstance(value.array, list) else value.array
    if isinstance(value, _Admitted | _DType):
        raise FileFormatError("the pickle holds a type or function where data was expected.")
    return value
