"""What a wrong result or a fault says of the kernel behind it: the likely cause, as a teacher would put it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.lens.patterns import patterns
from minidl.ops.conv2d import conv2d_forward

TILES = (8, 16, 32, 64, 128, 256, 512, 1024)

OF_FAULT = {
    "out-of-bounds": "The grid is rounded up to whole blocks, so some threads lie outside of the array: they need an "
    "edge guard, `if i < size:` or `if row < rows and col < cols:`. With the guard there, look at the order of the "
    "indices, and at those that are shifted.",
    "out-of-bounds before the beginning": "An index below 0 is a window that hangs over the edge, or a neighbour that "
    "the first thread does not have. Test it before the access, `if 0 <= row < rows and 0 <= col < cols:`, and take "
    "the padding's value where the test fails: Numba would take an element of the other side.",
    "race": "A cuda.syncthreads() must stand after a shared array is written and before other threads read it, and "
    "again before it is overwritten in the next turn of a loop.",
    "race on a global array": "Two threads meet in one element of the output. Each needs elements of its own: is the "
    "block's number in the index (blockIdx, or cuda.grid)? If they have to meet, as in a sum, use cuda.atomic.add.",
    "divergent-barrier": "Every thread of a block must reach the same cuda.syncthreads(): no return, and no if that "
    "only some threads enter, around it. Guard the loads and stores instead.",
    "uninitialised-read": "Something is read before it was written: start a sum with float32(0), and let every thread "
    "write its part of a shared array (0 where the edge guard says no) before the barrier. A kernel that adds into its "
    "output needs start=0 in register_kernel, or zeros() in the host function.",
    "unwritten-output": "Some elements have no thread that writes them. Does the grid cover the whole output, is the "
    "block's number in the index (cuda.grid), and is the guard `<` the size and no smaller?",
    "inactive-lane": "A warp-wide function needs all lanes that its mask names: call it outside of the if.",
    "bad-launch": "Look at threads= and blocks=, and at the sizes of shared arrays.",
    "float64": "A GPU computes float64 at 1/2 to 1/64 of its speed in float32. Write float32(0), and float32(...) "
    "around numbers with a point and around integers that are divided.",
    "step-limit": "Does the loop's variable change in the loop?",
}


def cause_of_fault(kind: str) -> str:
    """Return the cause that a kind of fault hints at; other text as it is."""
    plain = kind.removesuffix(" on a global array").removesuffix(" before the beginning")
    return OF_FAULT.get(kind, OF_FAULT.get(plain, kind))


def likely_cause(kernel: str, arrays: tuple[Any, ...], static: dict[str, Any], expected: np.ndarray, got: np.ndarray,
                 wrong: np.ndarray) -> str:  # fmt: skip
    """Return what the wrong cells have in common, and what that hints at."""
    expected, got, wrong = np.atleast_1d(expected), np.atleast_1d(got), np.atleast_1d(wrong)
    found = [
        *(guess(kernel, arrays, static, got) for guess in (_misread, _missing_terms, _flipped)),
        _overflow(kernel, got, wrong), _zero_wins(kernel, expected, got, wrong), _order(expected, got),
    ]  # fmt: skip
    found = list(filter(None, found))
    if not found:
        shared = patterns(expected, got, wrong)
        found = [*shared, *filter(None, [_tile(wrong), *(_hint(sentence) for sentence in shared)])]
    return "; ".join(dict.fromkeys(found))


def _hint(sentence: str) -> str:
    """The cause that a sentence of `patterns` hints at."""
    hints = {
        "is NaN": "the output is full of NaN before the launch: does the kernel add to it before it writes it, or "
        "divide 0 by 0?",
        "every wrong cell is 0": "a sum that is never added, or only by some threads?",
        "should be 0": "is a condition missing, or the wrong way round?",
        "wrong sign": "a minus too many, or one missing?",
        "times the right value": "a factor is missing or there twice; for a mean, is it divided by the right count?",
        "off by the same": "is a term missing from every sum, or the start value wrong?",
        "in the last": "is the edge guard or the loop's end one too small?",
        "in the first": "is an index one too large?",
        "shifted by one": "an index is off by one",
        "transposed": "row and column are swapped in an index",
        "the same value": "is the index of the input the same for all threads?",
    }  # fmt: skip
    return next((hint for part, hint in hints.items() if part in sentence), "")


def _order(expected: np.ndarray, got: np.ndarray) -> str:
    """Right values, written as if the matrix were stored column by column."""
    if expected.ndim < 2 or 1 in expected.shape[-2:]:
        return ""
    other = np.ascontiguousarray(np.swapaxes(expected, -1, -2)).reshape(expected.shape)
    if _same(got, other) and not _same(expected, other):
        return "the values are right, but stored transposed: are row and col, or their strides, swapped in its index?"
    return ""


def _same(got: np.ndarray, other: np.ndarray) -> bool:
    return got.shape == other.shape and np.allclose(got, other, rtol=1e-3, atol=1e-3)


def _misread(kernel: str, arrays: tuple[Any, ...], static: dict[str, Any], got: np.ndarray) -> str:
    """For a matrix product: what it would be if an operand were read with rows and columns swapped."""
    if kernel != "gemm" or any(static.get(key) for key in ("transpose_a", "transpose_b", "activation")):
        return ""
    a, b = (np.asarray(x, np.float64) for x in arrays[:2])

    def swapped(x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(x).reshape(x.shape[::-1]).T

    for who, left, right in (("a", swapped(a), b), ("b", a, swapped(b)), ("a and b", swapped(a), swapped(b))):
        if min(left.shape + right.shape) > 1 and _same(got, left @ right):
            return f"this is the product with {who} read as if stored transposed: are the strides in its index swapped?"
    return _fewer_terms(got, a.shape[1], lambda terms: a[:, terms] @ b[terms])


def _missing_terms(kernel: str, arrays: tuple[Any, ...], static: dict[str, Any], got: np.ndarray) -> str:
    """For a sum: what it would be without the first or the last terms."""
    if kernel != "reduce_sum":
        return ""
    x = np.asarray(arrays[0], np.float64)
    axes = static.get("axes")
    reduced = tuple(range(x.ndim)) if axes is None else tuple(i % x.ndim for i in np.atleast_1d(axes))
    rows = np.moveaxis(x, reduced, range(-len(reduced), 0)).reshape(got.size, -1)
    return _fewer_terms(got.reshape(-1), rows.shape[1], lambda terms: rows[:, terms].sum(1))


def _fewer_terms(got: np.ndarray, count: int, without: Callable[[slice], np.ndarray]) -> str:
    if count > 1 and _same(got, without(slice(1, None))):
        return "the first term of each sum is missing: does the loop start at 1?"
    for less in (1, *(count % tile for tile in TILES)):
        if 0 < less < count and _same(got, without(slice(None, count - less))):
            terms = "term is" if less == 1 else f"{less} terms are"
            return f"the last {terms} missing from each sum: does the loop end too early, or leave out the last tile?"
    return ""


def _flipped(kernel: str, arrays: tuple[Any, ...], static: dict[str, Any], got: np.ndarray) -> str:
    """For a convolution: what it would be with w's rows, columns or both the other way round."""
    if kernel != "conv2d":
        return ""
    x, w, *rest = (np.asarray(a, np.float64) for a in arrays if a is not None)
    for what, flipped in (("rows", w[::-1]), ("columns", w[:, ::-1]), ("rows and columns", w[::-1, ::-1])):
        if _same(got, conv2d_forward(x, flipped, *rest, **static)[0]):
            return (
                f"this is the result with w flipped, its {what} in the opposite order: y[p, q] is the sum of "
                "x[p + r, q + s] w[r, s]"
            )
    return ""


def _overflow(kernel: str, got: np.ndarray, wrong: np.ndarray) -> str:
    if "softmax" in kernel and not np.isfinite(got[wrong]).all():
        return "exp(x) overflows where x is large: subtract the row's largest value first"
    return ""


def _zero_wins(kernel: str, expected: np.ndarray, got: np.ndarray, wrong: np.ndarray) -> str:
    for who, word, below in (("max", "largest", expected < 0), ("min", "smallest", expected > 0)):
        if who in kernel and below[wrong].all() and (got[wrong] == 0).all():
            return f"the {word} starts from 0, which wins over the values: start from the first value, or from infinity"
    return ""


def _tile(wrong: np.ndarray) -> str:
    """Wrong cells that begin at, or return with, the size of a tile or block."""
    flat = np.flatnonzero(wrong)
    for axis, indices in enumerate([*map(np.unique, np.nonzero(wrong)), flat]):
        length = wrong.shape[axis] if axis < wrong.ndim else wrong.size
        along = f"along axis {axis}" if axis < wrong.ndim else "in memory"
        first = int(indices[0])
        if first in TILES and indices.size == length - first:
            return f"right up to index {first - 1} {along}: is only the first block or tile of {first} handled?"
        if 0 < length - indices.size and indices.size > 1:
            for size in TILES:
                if length > size and np.unique(indices % size).size == 1 and indices.size >= length // size:
                    return (
                        f"one in {size} {along}, at the boundary of a tile of {size}: is the tile's edge handled "
                        "twice, or not at all?"
                    )
    return ""
