"""A launch's arguments as the kernel sees them: arrays as views, numbers in Numba's types, tuples of these."""
from __future__ import annotations

import enum
from typing import Any

import numpy as np

from .language.program import Program
from .machine import numeric
from .state import Member, View, bind_arrays


def bound(program: Program, args: tuple) -> tuple[list[Any], dict[str, View]]:
    """(the arguments as the kernel has them, the arrays among them by name)."""
    name, parameters = program.source.name, program.parameters
    if len(args) != len(parameters):
        raise TypeError(f"simt.launch: kernel {name!r} takes {len(parameters)} arguments "
                        f"({', '.join(parameters)}), got {len(args)}")
    arrays: dict[str, np.ndarray] = {}
    for parameter, a in zip(parameters, args, strict=True):
        _collect(parameter, a, arrays)
    views = bind_arrays(arrays)
    return [_value(p, a, views) for p, a in zip(parameters, args, strict=True)], views


def _array(a: Any) -> np.ndarray | None:
    """The NumPy array that an argument is, or holds (an array of Numba's simulator)."""
    if not isinstance(a, np.ndarray) and hasattr(a, "copy_to_host"):
        a = getattr(a, "ary", None)
    return a if isinstance(a, np.ndarray) else None


def _collect(name: str, a: Any, arrays: dict[str, np.ndarray]) -> None:
    """Enter the arrays of an argument under their names in the kernel: x, and of a tuple t: t[0], or p.x."""
    found = _array(a)
    if found is not None:
        if not _takes(found.dtype):
            raise TypeError(f"simt.launch: argument {name!r} has dtype {found.dtype}; kernels take booleans, integers, "
                            "floats, complex numbers and records of these")
        arrays[name] = found
    elif isinstance(a, tuple):
        for k, part in enumerate(a):
            _collect(_part(name, a, k), part, arrays)


def _takes(kind: np.dtype) -> bool:
    if kind.names:
        return all(_takes(kind[n].base) for n in kind.names)
    return kind.kind in "biufc" and kind.isnative and kind.itemsize <= (16 if kind.kind == "c" else 8)


def _part(name: str, a: tuple, k: int) -> str:
    return f"{name}.{a._fields[k]}" if hasattr(a, "_fields") else f"{name}[{k}]"


def _value(name: str, a: Any, views: dict[str, View]) -> Any:
    """An argument as the kernel has it: arrays as views, numbers with the type that Numba gives them."""
    if a is None or name in views:
        return views.get(name)
    if isinstance(a, enum.Enum) and not isinstance(a, int):
        return Member(type(a), numeric.typed(a.value))
    if isinstance(a, tuple):
        parts = [_value(_part(name, a, k), v, views) for k, v in enumerate(a)]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    try:
        return numeric.typed(a)
    except TypeError as cause:
        raise TypeError(f"simt.launch: argument {name!r} must be a NumPy array, a number, a tuple of these or None, "
                        f"got {type(a).__name__}. Pass lists as np.asarray(...).") from cause
