"""Everything that a kernel's compiled text depends on: its bytecode, and the values and functions that it takes from
around it.

Numba freezes globals and closures into a kernel when it compiles, so a kernel whose `TILE` is 16 and one whose `TILE`
is 32 have the same text and are two kernels. Where something cannot be told apart by its value, the answer is None, and
the kernel is compiled anew at each start.
"""

from __future__ import annotations

import dis
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_VERSIONED = ("numba", "numba_cuda", "numpy", "llvmlite")  # known by their versions, which are in the key
_LOAD_GLOBAL, _LOAD_NAME = dis.opmap["LOAD_GLOBAL"], dis.opmap["LOAD_NAME"]
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


class _NoFingerprint(Exception):
    """Something whose value cannot be written down."""


def fingerprint(function: Callable[..., Any]) -> str | None:
    """A text that is equal for kernels that compile to the same; None where that cannot be said.

    >>> def scale(x, by):
    ...     x[0] = by
    >>> fingerprint(scale) == fingerprint(scale)
    True
    """
    try:
        return "\n".join(_of_function(function, {}))
    except _NoFingerprint:
        return None


def _of_function(function: Any, seen: dict[int, int]) -> Iterator[str]:
    function = getattr(function, "py_func", function)
    if id(function) in seen:
        yield f"function {seen[id(function)]}"
        return
    seen[id(function)] = len(seen)
    yield f"function {function.__qualname__} defaults {_plain(function.__defaults__)}"
    yield from _of_code(function.__code__)
    for name, value in sorted(_taken(function).items()):
        yield f"{name} ="
        yield from _of_value(value, function.__code__, seen)


def _of_code(code: types.CodeType) -> Iterator[str]:
    yield f"{code.co_filename} {code.co_firstlineno} {code.co_code.hex()} {code.co_names} {code.co_varnames}"
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _of_code(constant)
        else:
            yield repr(constant)


def _taken(function: Any) -> dict[str, Any]:
    """The globals and closure variables that a function reads."""
    code = function.__code__
    cells = dict(zip(code.co_freevars, (cell.cell_contents for cell in function.__closure__ or ()), strict=True))
    names = {name for inner in _codes(code) for name in globals_read(inner)}
    return cells | {name: function.__globals__[name] for name in names if name in function.__globals__}


def globals_read(code: types.CodeType) -> Iterator[str]:
    """The names that a function's bytecode loads from its globals, without taking every instruction apart.

    >>> list(globals_read((lambda x: len(x) + TILE).__code__))
    ['len', 'TILE']
    """
    high = 0
    for opcode, low in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        number = high << 8 | low
        high = number if opcode == dis.EXTENDED_ARG else 0
        if opcode == _LOAD_GLOBAL:
            yield code.co_names[number >> 1]  # the lowest bit says whether a call follows
        elif opcode == _LOAD_NAME:
            yield code.co_names[number]


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code, and that of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    if isinstance(value, np.generic):
        return f"{value.dtype} {value!r}"
    if isinstance(value, _PLAIN):
        return repr(value)
    raise _NoFingerprint


def _of_value(value: Any, code: types.CodeType, seen: dict[int, int]) -> Iterator[str]:
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield f"{value.dtype.descr} {value.shape} {value.strides} {value.tobytes().hex()}"
    elif isinstance(value, types.ModuleType):
        yield f"module {value.__name__} {getattr(value, '__version__', '')}"
        if value.__name__.partition(".")[0] not in (*_VERSIONED, "math", "operator"):
            for name in sorted(set(code.co_names)):
                if hasattr(value, name):
                    yield f"{name} ="
                    yield from _of_value(getattr(value, name), code, seen)
    elif hasattr(value, "py_func") or isinstance(value, types.FunctionType):
        if str(getattr(value, "__module__", "")).partition(".")[0] in _VERSIONED:
            yield f"{value.__module__}.{value.__qualname__}"
        else:
            yield from _of_function(value, seen)
    elif type(value).__name__ == "_Intrinsic":  # of numba.cuda.extending: instructions written in LLVM's language
        yield "intrinsic"
        yield from _of_function(value._defn, seen)
    elif isinstance(value, type) or inspect.isbuiltin(value) or isinstance(value, np.ufunc):
        yield f"{getattr(value, '__module__', '')}.{value.__name__}"
    elif type(value).__module__.startswith("llvmlite.ir.types"):
        yield str(value)
    elif type(value).__module__.partition(".")[0] in ("numba", "numba_cuda"):
        yield f"{type(value).__module__}.{type(value).__qualname__} {value}"
        if type(value).__name__ not in (
            "Float",
            "Integer",
            "Boolean",
            "Complex",
            "Array",
            "Record",
            "UniTuple",
            "Tuple",
        ):
            _known(value)
    else:
        yield _plain(value)


def _known(value: Any) -> None:
    """Objects of Numba's whose text says all of them: types. Others might differ unseen."""
    from numba.core.types import Type

    if not isinstance(value, Type) and not inspect.isclass(value):
        raise _NoFingerprint
