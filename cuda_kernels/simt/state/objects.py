"""Values of a kernel that are no numbers and no arrays: index objects, Enum members, things to loop over, choices."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import UnsupportedSyntax
from .memory import View

Value = Any


class Dim3(NamedTuple):
    """cuda.threadIdx and its like."""

    x: Value
    y: Value
    z: Value


class Member(NamedTuple):
    """A member of an Enum: its class, and its number, which may differ between threads."""

    of: type
    value: Value


class Vector(tuple):
    """Base of cuda.float32x4 and its like: named tuples of x, y, z, w."""

    __slots__ = ()


NAMED = Dim3 | Member | Vector  # what looks like a tuple here, and has only names in a kernel


@dataclass(eq=False, slots=True)
class Items:
    """What a `for` goes through: how many there are (the same for all threads or not), and the one at a place."""

    count: Value
    item: Callable[[Value], Value]


@dataclass(eq=False, slots=True)
class Iterator:
    """iter(x), which next() takes the elements of, one for each call."""

    items: Items
    taken: int = 0


class GridGroup:
    """cuda.cg.this_grid(): all threads of the grid, which its sync() makes wait for each other."""


@dataclass(eq=False, slots=True)
class Flat:
    """x.flat of an array whose elements do not lie in one piece: its elements by number."""

    view: View


@dataclass(eq=False, slots=True)
class Choice:
    """An array that is another one in each thread: `a if i > 3 else b`. Pairs of an array and its threads."""

    options: list[tuple[View, np.ndarray]]
    __array_ufunc__ = None

    @property
    def first(self) -> View:
        """One of the arrays: they have one dtype and one number of axes."""
        return self.options[0][0]


class Mixed:
    """A variable of two kinds that do not go together; an error where it is used (Numba keeps them apart)."""

    def __init__(self, reason: str) -> None:
        object.__setattr__(self, "reason", reason)

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedSyntax(self.reason)

    def __iter__(self) -> Any:
        raise UnsupportedSyntax(self.reason)


def refusal(value: Any, otherwise: str, line: int) -> UnsupportedSyntax:
    """The error for a value that does not fit where it is used; of a variable of two kinds it is that."""
    return UnsupportedSyntax(value.reason if isinstance(value, Mixed) else otherwise, line)


def kind_of(value: Value) -> Any:
    """What must be the same of all elements of a tuple that is indexed by a variable."""
    if isinstance(value, tuple):
        return tuple(kind_of(v) for v in value)
    return (value.dtype, len(value.shape)) if isinstance(value, View) else getattr(value, "dtype", type(value))


def name_of(value: Value) -> str:
    """A value in a sentence."""
    if isinstance(value, Dim3):
        return "an index object such as cuda.threadIdx"
    if isinstance(value, Vector):
        return f"a cuda.{type(value).__name__}"
    if isinstance(value, tuple):
        return "an Enum member" if isinstance(value, Member) else f"a tuple of {len(value)}"
    if isinstance(value, View | Choice):
        return "an array"
    return "None" if value is None else "one value" if hasattr(value, "dtype") else f"a {type(value).__name__}"
