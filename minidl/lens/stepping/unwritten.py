"""Memory that nobody has written yet: np.empty's cells are filled with a mark, and are unwritten while they hold it.

Fresh memory holds whatever was there before: numbers that mean nothing, and differ from run to run.
"""

from __future__ import annotations

import functools
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# By the bytes of a cell. In a float array each is a signalling NaN, which no arithmetic gives (it gives quiet ones); a
# copy holds it still. No bool is 0xA5, and an integer of 4 or 8 bytes is this number as good as never.
_MARKS = {1: 0xA5, 2: 0x7D5A, 4: 0x7FA5A5A5, 8: 0x7FF4A5A5A5A5A5A5}
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def fresh_memory_marked(ours: Callable[[str], bool]) -> Iterator[None]:
    """Within it np.empty and np.empty_like mark what they make, where this thread asks from a file that is `ours`.

    NumPy's module becomes one that looks at who asks. To everybody else it gives its plain functions: to other threads,
    and to a compiler (Numba) that would not know others.
    """
    thread = threading.get_ident()

    def given(name: str) -> property:
        plain = getattr(np, name)
        marking = functools.partial(_marked, plain)

        def give(module: types.ModuleType) -> Any:
            asking = sys._getframe(1).f_code.co_filename
            return marking if threading.get_ident() == thread and ours(asking) else plain

        return property(give)

    with _ONE_AT_A_TIME:
        before = type(np)
        names = {name: given(name) for name in ("empty", "empty_like")}
        np.__class__ = type("MarkingNumpy", (before,), names)
        try:
            yield
        finally:
            np.__class__ = before


def _marked(make: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    array = make(*args, **keywords)
    if _has_mark(array):
        _bits(array)[...] = _MARKS[array.itemsize]
    return array


def unwritten(array: np.ndarray) -> np.ndarray:
    """Return which cells are not written yet.

    Any integer of one or two bytes may be meant, the mark too: such an array counts as written once one cell is.

    >>> with fresh_memory_marked(lambda file: True):
    ...     y = np.empty(3, np.float32)
    >>> y[1] = 2
    >>> unwritten(y)
    array([ True, False,  True])
    """
    if not _has_mark(array):
        return np.zeros(array.shape, bool)
    marked = _bits(array) == _MARKS[array.itemsize]
    small = array.dtype.kind in "iu" and array.itemsize < 4
    return marked & marked.all() if small else marked


def _has_mark(array: Any) -> bool:
    return type(array) is np.ndarray and array.dtype.kind in "fiub" and array.itemsize in _MARKS


def _bits(array: np.ndarray) -> np.ndarray:
    return array.view(f"u{array.itemsize}")
