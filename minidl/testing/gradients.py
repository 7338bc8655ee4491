"""Compare an op's backward with finite differences of its forward, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, DTypeError, MinidlError


class GradientError(MinidlError, AssertionError):
    """A backward disagrees with the finite differences of its forward."""


def numerical_gradient(
    function: Callable[..., float], arrays: Sequence[np.ndarray | None], index: int, epsilon: float = 1e-6
) -> np.ndarray:
    """Return the gradient of a scalar function by central differences.

        g[i] = (f(x + epsilon e_i) - f(x - epsilon e_i)) / (2 epsilon)

    Parameters
    ----------
    function : callable of all `arrays`, returning a number
    arrays : the point at which to differentiate; float64 arrays (None and integer arrays are passed through)
    index : which of the arrays to vary
    epsilon : the step; truncation error is O(epsilon²), rounding error O(1e-16 / epsilon)

    Returns
    -------
    float64 array, the shape of `arrays[index]`

    >>> x = np.array([1.0, 2.0, 3.0])
    >>> numerical_gradient(lambda x: float((x ** 2).sum()), [x], 0).round(6)
    array([2., 4., 6.])
    """
    point = [None if a is None else np.array(a) for a in arrays]
    x = point[index]
    if x is None:
        raise ArgumentError(f"numerical_gradient: array {index} is None; there is nothing to vary.")
    gradient = np.zeros(x.shape)
    for cell in np.ndindex(*x.shape):
        centre = x[cell]
        x[cell] = centre + epsilon
        above = function(*point)
        x[cell] = centre - epsilon
        below = function(*point)
        x[cell] = centre
        gradient[cell] = (above - below) / (2 * epsilon)
    return gradient


def check_gradients(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    arrays: Sequence[np.ndarray | None],
    static: dict[str, Any] | None = None,
    *,
    wrt: Sequence[int] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    epsilon: float = 1e-6,
    seed: int = 0,
) -> None:
    """Raise `GradientError` where `backward` disagrees with central differences of `forward`.

    The outputs are weighted by random numbers and summed, L = sum(weights * y), so that every output cell has its
    own upstream gradient; `backward` is then given those weights as `dy`.

    Parameters
    ----------
    forward, backward : an op's two functions, as `docs/architecture.md` describes them
    arrays : the inputs; floating ones must be float64; `None` and integers are passed through
    static : keyword arguments of `forward`
    wrt : which inputs to check; by default every float64 one
    rtol, atol : agreement asked for, |numerical - analytic| <= atol + rtol * |numerical|
    epsilon : step of the difference
    seed : of the random weights

    Raises
    ------
    GradientError : naming the input, the worst cell, both numbers and how many cells disagree; or an input, dy or
        what the forward kept, if one of the two functions changed it in place
    DTypeError : an input is float32, in which differences cannot be told from rounding

    >>> def forward(x): return x ** 2, x
    >>> def wrong_backward(dy, x): return (dy * x,)
    >>> check_gradients(forward, wrong_backward, [np.array([1.0, 3.0])])
    Traceback (most recent call last):
        ...
    minidl.testing.gradients.GradientError: wrong_backward: gradient of input 0 is wrong in 2 of 2 cells. Worst at
    (1,): finite difference -4.618..., backward -2.309..., ratio 2...
    """
    static = static or {}
    for position, array in enumerate(arrays):
        if array is not None and array.dtype.kind == "f" and array.dtype != np.float64:
            raise DTypeError(
                f"check_gradients: inputs must be float64. Got {array.dtype} for input {position}. "
                "In float32 the differences drown in rounding; pass x.astype(np.float64)."
            )
    if wrt is None:
        wrt = [i for i, a in enumerate(arrays) if a is not None and a.dtype.kind == "f"]
    before = [None if a is None else a.copy() for a in arrays]
    y, cache = forward(*arrays, **static)
    _check_unchanged(forward, before, arrays)
    weights = _random_like(y, np.random.default_rng(seed))
    name = getattr(backward, "__name__", "backward")
    kept = _arrays_of(cache)
    cached = [a.copy() for a in kept]
    # Trap: a backward that changes its dy in place would change the weights of the differences with it.
    given = _copied(weights)
    analytic = backward(given, cache)
    _check_dy(name, weights, given)
    _check_unchanged(backward, before, arrays)
    for old, new in zip(cached, kept, strict=True):
        if not _same(old, new):
            raise GradientError(
                f"{name}: an array that the forward kept for it, of shape {old.shape}, was changed in place. It may be "
                "an input or an output of the op, which others read; and a second backward would find it changed. "
                "Write y = x * 2 rather than x *= 2."
            )
    if not isinstance(analytic, tuple) or len(analytic) != len(arrays):
        raise GradientError(
            f"{name}: must return a tuple with one gradient an input ({len(arrays)}). Got {type(analytic).__name__}"
            f"{f' of {len(analytic)}' if isinstance(analytic, tuple) else ''}. A missing comma, `return (dx,)`?"
        )

    def weighted_sum(*point: np.ndarray) -> float:
        return _weighted_sum(forward(*point, **static)[0], weights)

    for position in wrt:
        expected = numerical_gradient(weighted_sum, arrays, position, epsilon)
        _compare(name, position, expected, analytic[position], rtol, atol)


def _check_dy(name: str, before: Any, after: Any) -> None:
    if isinstance(before, tuple):
        for old, new in zip(before, after, strict=True):
            _check_dy(name, old, new)
    elif not _same(before, after):
        raise GradientError(
            f"{name}: dy was changed in place. A backward may not: where a value is used twice, the same dy goes to "
            "another op as well. Write dx = dy * 2 rather than dy *= 2."
        )


def _copied(value: Any) -> Any:
    return tuple(map(_copied, value)) if isinstance(value, tuple) else np.array(value)


def _arrays_of(cache: Any) -> list[np.ndarray]:
    """Return the arrays in what a forward kept, in tuples, lists and dictionaries too, and as attributes."""
    if isinstance(cache, np.ndarray):
        return [cache]
    if isinstance(cache, dict):
        return _arrays_of(list(cache.values()))
    if isinstance(cache, tuple | list):
        return [a for part in cache for a in _arrays_of(part)]
    return (
        _arrays_of(list(vars(cache).values()))
        if type(cache).__module__ != "builtins" and hasattr(cache, "__dict__")
        else []
    )


def _same(old: np.ndarray, new: np.ndarray) -> bool:
    return np.array_equal(old, new, equal_nan=old.dtype.kind == "f")


def _check_unchanged(function: Any, before: list[np.ndarray | None], after: Sequence[np.ndarray | None]) -> None:
    for position, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is not None and new is not None and not _same(old, new):
            raise GradientError(
                f"{getattr(function, '__name__', 'function')}: input {position} was changed in place. An op may not: "
                "the array may be a weight, or needed elsewhere. Write y = x * 2 rather than x *= 2."
            )


def _random_like(y: Any, rng: np.random.Generator) -> Any:
    if isinstance(y, tuple):
        return tuple(_random_like(part, rng) for part in y)
    return rng.uniform(0.5, 1.5, np.shape(y)) * rng.choice([-1.0, 1.0], np.shape(y))


def _weighted_sum(y: Any, weights: Any) -> float:
    if isinstance(y, tuple):
        return sum(_weighted_sum(part, w) for part, w in zip(y, weights, strict=True))
    return float(np.sum(y * weights))


def _compare(name: str, position: int, expected: np.ndarray, got: Any, rtol: float, atol: float) -> None:
    if got is None:
        raise GradientError(f"{name}: gradient of input {position} is None, but the output depends on it.")
    if got.shape != expected.shape:
        raise GradientError(
            f"{name}: gradient of input {position} must have the input's shape {expected.shape}. Got {got.shape}. "
            "Was a broadcast axis not summed, or an axis dropped?"
        )
    error = np.abs(expected - got)
    bad = ~(error <= atol + rtol * np.abs(expected))
    if bad.any():
        worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
        cell = tuple(int(i) for i in worst)
        a, b = float(expected[worst]), float(got[worst])
        raise GradientError(
            f"{name}: gradient of input {position} is wrong in {int(bad.sum())} of {bad.size} cells. Worst at {cell}: "
            f"finite difference {a:.6g}, backward {b:.6g}, ratio {a / b if b else float('inf'):.6g}"
            f"{_shared(expected, got, bad)}"
        )


def _shared(expected: np.ndarray, got: np.ndarray, bad: np.ndarray) -> str:
    """What the wrong cells have in common, as the end of a sentence."""
    from minidl.lens.comparing.patterns import patterns

    with np.errstate(invalid="ignore", divide="ignore"):
        found = patterns(expected, got, bad)
    return f"; {found[0]}" if found and found[0] != "all cells are wrong" else ""
