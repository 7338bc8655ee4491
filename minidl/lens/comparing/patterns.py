"""What wrong cells have in common: where they lie, and how their values relate to the right ones."""

from __future__ import annotations

import itertools
import math

import numpy as np

SIMILAR = 1e-3


def patterns(expected: np.ndarray, got: np.ndarray, wrong: np.ndarray) -> list[str]:
    """Return sentences about the wrong cells, the most telling first: values, then places.

    Parameters
    ----------
    expected, got : the two results, of one shape
    wrong : bool array of that shape, at least one cell True

    >>> expected = np.arange(1.0, 13.0).reshape(3, 4)
    >>> got = expected.copy()
    >>> got[2] *= 2
    >>> patterns(expected, got, got != expected)
    ['every wrong cell is 2 times the right value', 'all in the last row (index 2 of axis 0)']
    """
    return [*_values(np.asarray(expected), np.asarray(got), wrong), *places(wrong)]


def _values(expected: np.ndarray, got: np.ndarray, wrong: np.ndarray) -> list[str]:
    right, bad = expected[wrong].astype(np.float64), got[wrong].astype(np.float64)
    if np.isnan(bad).all():
        return ["every wrong cell is NaN"]
    if (bad == 0).all():
        return ["every wrong cell is 0, as if nothing had been written or added there"]
    if bad.size > 1 and (right == 0).all():
        return ["every wrong cell should be 0"]
    if bad.size > 1 and (right != 0).all() and np.isfinite(bad).all():
        ratios = bad / right
        middle = float(np.median(ratios))
        if np.allclose(ratios, middle, rtol=SIMILAR, atol=0):
            if math.isclose(middle, -1, rel_tol=SIMILAR):
                return ["every wrong cell has the wrong sign"]
            return [f"every wrong cell is {middle:.4g} times the right value"]
        if np.allclose(bad - right, np.median(bad - right), rtol=SIMILAR, atol=0):
            return [f"every wrong cell is off by the same {float(np.median(bad - right)):.4g}"]
    moved = _moved(expected, got, wrong)
    if moved:
        return [moved]
    if bad.size > 1 and np.unique(bad).size == 1:
        return [f"every wrong cell holds the same value, {bad[0]:.6g}"]
    return []


def _moved(expected: np.ndarray, got: np.ndarray, wrong: np.ndarray) -> str:
    """Values that are right, in the wrong place: two axes swapped, an axis reversed, everything one step off."""
    if wrong.sum() < 2:
        return ""

    def same(other: np.ndarray) -> bool:
        return bool(np.allclose(other[wrong], got[wrong], rtol=SIMILAR, atol=0))

    for a, b in itertools.combinations(range(expected.ndim), 2):
        if expected.shape[a] == expected.shape[b] > 1 and same(np.swapaxes(expected, a, b)):
            return f"transposed: the values are right, with axes {a} and {b} swapped"
    for axis in range(expected.ndim):
        if expected.shape[axis] < 2:
            continue
        if same(np.flip(expected, axis)):
            return f"reversed along axis {axis}: the values are right, in the opposite order"
        for step in (1, -1):
            # The cells that a shift brings in from beyond the edge have no right value here.
            inside = np.zeros(expected.shape, bool)
            np.moveaxis(inside, axis, 0)[1:] = True
            inside = inside if step == 1 else np.flip(inside, axis)
            both = inside & wrong
            shifted = np.roll(expected, step, axis)
            if both.sum() * 2 >= wrong.sum() and np.allclose(shifted[both], got[both], rtol=SIMILAR, atol=0):
                return f"shifted by one along axis {axis}: index i holds the right value of index i {'-+'[step < 0]} 1"
    return ""


def places(wrong: np.ndarray) -> list[str]:
    """Return sentences about where the True cells lie: in a row, at one index, every so many."""
    count, size = int(wrong.sum()), wrong.size
    if count == size:
        return ["all cells are wrong"]
    if count == 1:
        return []
    found: list[str] = []
    covered = [np.unique(indices) for indices in np.nonzero(wrong)]
    for axis, (indices, length) in enumerate(zip(covered, wrong.shape, strict=True)):
        if length > 1 and indices.size < length:
            found.extend(filter(None, [_which(indices, length, axis, wrong.ndim)]))
    block = math.prod(indices.size for indices in covered)
    if found and block > count:
        found[-1] += f" ({count} of these {block} cells)"
    flat = np.flatnonzero(wrong)
    steps = np.unique(np.diff(flat))
    if not found and steps.size == 1 and steps[0] > 1:
        found.append(f"every {_ordinal(steps[0])} cell in memory, from cell {flat[0]} on")
    return found


def _which(indices: np.ndarray, length: int, axis: int, rank: int) -> str:
    """Say which indices of one axis have wrong cells."""
    what = "row" if rank == 2 and axis == 0 else "column" if rank == 2 and axis == 1 else "index"
    if indices.size == 1:
        at = int(indices[0])
        which = "last" if at == length - 1 else "first" if at == 0 else ""
        if which:
            return f"all in the {which} {what} (index {at} of axis {axis})"
        return f"all at {what if what == 'index' else what + ' index'} {at} of axis {axis}"
    steps = np.unique(np.diff(indices))
    if steps.size == 1 and steps[0] == 1:
        return f"only indices {indices[0]} to {indices[-1]} of axis {axis}, which has {length}"
    if steps.size == 1:
        return f"every {_ordinal(steps[0])} index of axis {axis}, from {indices[0]} on"
    if np.isin([0, length - 1], indices).all() and indices.size == 2:
        return f"only the two edges of axis {axis}"
    # Of one axis: that is the count, which is said elsewhere.
    return f"{indices.size} of the {length} indices of axis {axis}" if rank > 1 else ""


def _ordinal(number: int) -> str:
    """Return 2nd, 3rd, 16th.

    >>> [_ordinal(n) for n in (2, 3, 4, 11, 16, 22, 113)]
    ['2nd', '3rd', '4th', '11th', '16th', '22nd', '113th']
    """
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
