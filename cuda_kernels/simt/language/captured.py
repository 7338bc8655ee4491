"""What a kernel takes from around it: constants, frozen at the first launch, as Numba's are.

Numba compiles a kernel once for each combination of argument types, and whatever it names of its surroundings (numbers,
tuples, arrays, functions) is what it was at that moment. So a translation is kept, with copies of the arrays; arguments
of other types find it again as long as nothing that it names has changed.
"""
from __future__ import annotations

import ast
import builtins
import weakref
from typing import Any

import numpy as np


def value_of(function: Any, name: str) -> Any:
    """What a name that the function does not assign refers to. Raises KeyError."""
    code = function.__code__
    if name in code.co_freevars and function.__closure__ is not None:
        try:
            return function.__closure__[code.co_freevars.index(name)].cell_contents
        except ValueError as cause:  # the cell is empty: it is assigned further down
            raise KeyError(name) from cause
    space = function.__globals__ if name in function.__globals__ else vars(builtins)
    return space[name]


class Captured:
    """The surroundings of one translation, and the programs that share it: (for stepping, with unsigned)."""

    def __init__(self) -> None:
        self.programs: dict[tuple[bool, bool], Any] = {}
        self.unsigned: dict[tuple, bool] = {}  # for argument types: do 64-bit unsigned integers occur?
        self._arrays: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._seen: list[tuple[Any, str, tuple]] = []

    def array(self, array: np.ndarray) -> np.ndarray:
        """The array as it was when it was first asked for."""
        if id(array) not in self._arrays:
            self._arrays[id(array)] = (array, array.copy())
        return self._arrays[id(array)][1]

    def watch(self, function: Any, tree: ast.AST) -> None:
        """Note what the names of a function stand for now."""
        own = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        paths = {path for node in ast.walk(tree) if (path := _path(node)) and path.split(".")[0] not in own}
        self._seen += [(weakref.ref(function), path, _fingerprint(function, path)) for path in sorted(paths)]

    def unchanged(self) -> bool:
        """Does every name still stand for the same?"""
        return all((function := held()) is not None and _fingerprint(function, path) == then
                   for held, path, then in self._seen)


def _path(node: ast.AST) -> str:
    """"a.b.c" for an attribute of an attribute of a name, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _path(node.value)
        return owner and f"{owner}.{node.attr}"
    return ""


def _fingerprint(function: Any, path: str) -> tuple:
    """Something that differs if what a path stands for differs; it keeps no object alive."""
    first, *rest = path.split(".")
    try:
        value = value_of(function, first)
    except KeyError:
        return ()
    for name in rest:
        if not isinstance(value, type | type(ast)) and name not in getattr(value, "__dict__", {}):
            return ()  # of an array or a number: those are compared as a whole
        value = getattr(value, name, None)
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, int | float | complex | str | tuple | np.generic):
        return type(value).__name__, repr(value)
    return (id(value),)
