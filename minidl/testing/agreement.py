"""When does a float32 result agree with what NumPy computes in float64?

A cell agrees if it is near, relative to the largest value expected (in a case of extremes: to its own, or a huge cell
would excuse all others). float64 holds numbers that float32 cannot, so what is expected is rounded to float32 first:
exp(100) has to be inf. Equal infinities agree, and a NaN agrees with a NaN alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def wrong_cells(
    got: np.ndarray, expected: np.ndarray, tolerance: float, by_cell: bool = False, smallest: float = 1.0
) -> np.ndarray:
    """Return a bool array, True where `got` does not agree.

    Parameters
    ----------
    got, expected : arrays of one shape; of integers and bools every difference is wrong
    tolerance : times the largest finite value expected, or `smallest` if that is less
    by_cell : times each cell's own value instead

    >>> got = np.array([np.inf, 1, 2, np.nan], np.float32)
    >>> wrong_cells(got, np.array([1e43, 1.00001, 3, 0]), 5e-5)
    array([False, False,  True,  True])
    """
    if expected.dtype.kind != "f":
        return got != expected
    with np.errstate(all="ignore"):
        exact = expected.astype(np.float32).astype(np.float64)
        size = np.abs(exact)
        finite = size[np.isfinite(size)]
        scale = size if by_cell else finite.max() if finite.size else 1.0
        near = np.isfinite(exact) & (np.abs(got.astype(np.float64) - exact) <= tolerance * np.maximum(scale, smallest))
        return ~(near | (got == exact) | (np.isnan(got) & np.isnan(exact)))


def wrong_in_both(
    got: np.ndarray, exact: np.ndarray, rounded: np.ndarray, tolerance: float, by_cell: bool = False,
    smallest: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """Return where `got` agrees neither with NumPy in float64 (`exact`) nor with NumPy in float32 (`rounded`).

    Where these two differ rounding decides, as in log(1 - p) for the float32 next to 1, and either is right.
    """
    wrong = wrong_cells(got, exact, tolerance, by_cell, smallest)
    return wrong & wrong_cells(got, rounded, tolerance, by_cell, smallest) if wrong.any() else wrong


def pairs(*results: Any) -> list[tuple[np.ndarray, ...]]:
    """Return the arrays that stand at the same place of several (nested tuples of) results; a None has no partner.

    >>> pairs((1, (2, None)), (10, (20, 30)))
    [(array(1), array(10)), (array(2), array(20))]
    """
    if isinstance(results[0], tuple):
        return [pair for parts in zip(*results, strict=True) for pair in pairs(*parts)]
    return [] if any(part is None for part in results) else [tuple(np.asarray(part) for part in results)]
