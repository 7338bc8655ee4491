"""From a wrong result to the mistake: known mistakes are computed, and the one that gives these values is named.

Each mistake is a sentence and the result that a kernel with it would give. Some hold for every kernel: a setting that
is not used, an input that is negated, reversed, or taken from the first of the batch alone; these are computed by the
ladder's first rung. Others belong to one family, and are computed with NumPy in float64.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.backends import table
from minidl.backends.students.host import default_of
from minidl.errors import MinidlError
from minidl.ops.op import of_form
from minidl.testing.kernels.window_mistakes import of_windows
from minidl.testing.values import copies

BIAS_CORRECTION = "1 - beta_1**step and 1 - beta_2**step"
CLOSE = 1e-3  # of the distance between the right result and the mistake's
ROUNDING = 1e-5  # of the largest value
TILES = (8, 16, 32, 64, 128, 256, 512, 1024)
NO_SETTING = ("needs", "in_place", "seed", "offset", "how", "key", "shape", "sizes", "a_shape", "b_shape", "axes")
_OF_ONE = tuple(op for op in of_form("cell") if op != "clip")  # which may clip nothing
ANOTHER = {  # kernels that take the same arrays
    **dict.fromkeys(_OF_ONE, _OF_ONE),
    **dict.fromkeys(of_form("pair"), of_form("pair")),
    **{name: family for family in (
        ("softmax", "log_softmax"), ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min"),
        ("max_pool2d", "average_pool2d"), ("mean_squared_error", "mean_absolute_error"),
    ) for name in family},
}  # fmt: skip

Found = Iterator[tuple[str, Any]]


class Evidence(NamedTuple):
    """One call of a kernel that gave a wrong result: what it was given, the right result and what came out."""

    kernel: str
    arrays: tuple[Any, ...]
    static: dict[str, Any]
    names: list[str]
    expected: np.ndarray
    got: np.ndarray
    function: Callable[..., Any] | None = None  # the kernel's host function

    def multiple(self) -> bool:
        """Whether the result is the right one times a factor: that says more than any formula that gives it too."""
        right, got = (np.asarray(a, np.float64) for a in (self.expected, self.got))
        there = (right != 0) & np.isfinite(right) & np.isfinite(got)
        if there.sum() < 2 or got[right == 0].any() or not got.any():
            return False
        ratios = got[there] / right[there]
        return bool(np.allclose(ratios, np.median(ratios), rtol=CLOSE, atol=0))

    def explains(self, other: Any) -> bool:
        """Whether a mistake that gives `other` explains the result: it is as far from the right one, the same way.

        One cell alone is explained by too much.
        """
        if other is None or np.shape(other) != self.got.shape:
            return False
        other, right, got = (np.asarray(a, np.float64) for a in (other, self.expected, self.got))
        finite = np.isfinite(other) & np.isfinite(got)
        if not np.array_equal(np.where(finite, 0, other), np.where(finite, 0, got), equal_nan=True) or not finite.any():
            return False
        away = np.abs(np.where(np.isfinite(right), other - right, 0)[finite])
        largest = float(np.abs(other[finite]).max())
        allowed = CLOSE * min(float(away.max()), 10 * largest) + ROUNDING * largest
        changed = int((away > allowed).sum()) + int((np.isnan(other) != np.isnan(right)).sum())
        return bool((np.abs(other - got)[finite] <= allowed).all()) and changed > 1


def recognised(evidence: Evidence) -> tuple[list[str], bool]:
    """Return the sentences of the mistakes that give this result, and whether they belong to this kernel's family.

    Those that any kernel may have (another op, another input) are looked at where the family's do not fit.

    >>> x = np.array([[1, 2, 3], [4, 5, 7]], np.float32)
    >>> recognised(Evidence("reduce_sum", (x,), {"axes": 1}, ["x"], x.sum(1), 2 * x[:, 0] + x[:, 1] + x[:, 2]))
    (['the first term of each sum is there twice: start from it, or loop over it, not both'], True)
    """
    certain, general = (_of_family, _settings, _running_on), (_another_kernel, _inputs, _never_read)
    with np.errstate(all="ignore"):
        for mistakes in certain if evidence.multiple() else (*certain, *general):
            results = ((said, result() if callable(result) else result) for said, result in mistakes(evidence))
            found = dict.fromkeys(said for said, result in results if evidence.explains(result))
            if found:
                return list(found), mistakes in certain
    return [], False


def _of_family(evidence: Evidence) -> Found:
    kernel = evidence.kernel
    arrays: list[Any] = [_exact(a) for a in evidence.arrays]
    family = kernel.removesuffix("_backward")
    if family in of_form("cell") and kernel != family:
        yield from _slopes(evidence, *arrays)
    elif kernel in ("softmax", "log_softmax", "softmax_backward", "log_softmax_backward"):
        yield from _softmaxes(evidence, *arrays)
    elif kernel.startswith("reduce_") and kernel == family:
        yield from _reductions(evidence, arrays[0])
    elif kernel in ("subtract", "divide"):
        a, b = arrays
        swapped = b - a if kernel == "subtract" else b / a
        yield f"a and b have changed places: this is b {'-' if kernel == 'subtract' else '/'} a", swapped
        if kernel == "divide":
            yield "this is a // b, the quotient rounded down: `/` divides", a // b
    elif kernel == "mod":
        yield "this is math.fmod, with the sign of a: mod has that of b, as Python's %", np.fmod(*arrays)
    elif kernel == "clip":
        for bound, kept in (("low", np.maximum), ("high", np.minimum)):
            limit = evidence.static.get(bound)
            if limit is not None:
                other = "high" if bound == "low" else "low"
                yield f"x is held to {bound} alone, and {other} is never applied", kept(arrays[0], limit)
    elif kernel in ("gemm", "batched_gemm"):
        yield from _products(evidence, *arrays[:2])
    elif kernel in ("layer_norm", "batch_norm"):
        yield from _normalized(evidence, *arrays[:3])
    elif kernel in ("embedding", "embedding_backward", "concatenate", "upsample2d"):
        yield from _moved(evidence, arrays)
    elif kernel.startswith("adam"):
        yield (f"the bias correction is missing: at first m and v are too small, by {BIAS_CORRECTION}",
               lambda: _again(evidence, step=10**6))  # fmt: skip
    else:
        yield from of_windows(kernel, arrays, evidence.static, evidence.expected)


def _normalized(evidence: Evidence, x: np.ndarray, gamma: Any, beta: Any) -> Found:
    """Layer and batch normalization: x minus its mean over the square root of its variance."""
    batch = evidence.kernel == "batch_norm"
    axes = tuple(range(x.ndim - 1)) if batch else tuple(np.atleast_1d(evidence.static.get("axes", -1)))
    epsilon = evidence.static.get("epsilon", 1e-3)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    count = x.size / mean.size
    scale, shift = 1.0 if gamma is None else gamma, 0.0 if beta is None else beta
    centred = x - mean
    for sentence, normal in (
        ("the square root is missing: x - mean is divided by the variance itself", centred / (variance + epsilon)),
        (
            "epsilon stands outside of the square root: it is added to the variance",
            centred / (np.sqrt(variance) + epsilon),
        ),
        ("epsilon is left out", centred / np.sqrt(variance)),
        (
            "the variance is divided by one less than the count: here it is divided by the count",
            centred / np.sqrt(variance * count / (count - 1) + epsilon),
        ),
        ("the variance is not divided by the count", centred / np.sqrt(variance * count + epsilon)),
        ("the mean is not subtracted", x / np.sqrt(variance + epsilon)),
        ("the mean is not subtracted in the variance", centred / np.sqrt((x**2).mean(axes, keepdims=True) + epsilon)),
        ("x is not divided by its standard deviation", centred),
    ):
        yield sentence, normal * scale + shift
        yield sentence, normal  # what is kept for the backward
    normal = centred / np.sqrt(variance + epsilon)
    yield "beta is added before gamma multiplies: y = gamma x_hat + beta", (normal + shift) * scale


def _moved(evidence: Evidence, arrays: list[Any]) -> Found:
    """Values that are copied to the wrong place."""
    if evidence.kernel == "embedding":
        ids, rows = arrays[0], arrays[1]
        for step in (1, -1):
            yield f"each id takes the row {'after' if step > 0 else 'before'} its own", rows[(ids + step) % len(rows)]
            clipped = np.clip(ids + step, 0, len(rows) - 1)
            yield f"each id takes the row {'after' if step > 0 else 'before'} its own", rows[clipped]
    elif evidence.kernel == "embedding_backward":
        dy, ids = arrays[0], arrays[1].reshape(-1)
        for order, said in ((1, "last"), (-1, "first")):
            alone = np.zeros(evidence.expected.shape)
            alone[ids[::order]] = dy.reshape(len(ids), -1)[::order]
            yield f"an id that occurs several times gets dy of the {said} one alone: add, do not assign", alone
    elif evidence.kernel == "concatenate":
        yield (
            "the arrays are put one after the other in the opposite order",
            (lambda: np.concatenate(arrays[::-1], evidence.static.get("axis", -1))),
        )
    else:
        size = evidence.static.get("size", (2, 2))
        yield ("the image is laid out again and again: each pixel is to be repeated, row // size_h",
               np.tile(arrays[0], (1, *size, 1)))  # fmt: skip


def _exact(a: Any) -> Any:
    return a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a


# -- for every kernel --------------------------------------------------------------------------------------------------


def _another_kernel(evidence: Evidence) -> Found:
    for name in ANOTHER.get(evidence.kernel, ()):
        if name != evidence.kernel and table.load(name, "numpy", "forward"):
            yield (
                f"this is what {name!r} gives",
                lambda name=name: _numpy(name, evidence.arrays, evidence.static),
            )  # fmt: skip

    if evidence.kernel == "reduce_max":
        rows = _reduced_rows(evidence, _exact(evidence.arrays[0]))
        far = np.abs(rows).argmax(-1)[:, None]
        for found in (np.take_along_axis(rows, far, -1), np.abs(rows).max(-1, initial=0)):
            yield "the absolute values are compared here, not the values", found.reshape(evidence.got.shape)


def _numpy(op: str, arrays: tuple[Any, ...], static: dict[str, Any]) -> Any:
    forward = table.load(op, "numpy", "forward")
    assert forward is not None
    parameters = inspect.signature(forward).parameters
    settings = {key: value for key, value in static.items() if key in parameters}
    needed = [p.name for p in parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if len([name for name in needed if name not in settings]) > len(arrays):
        return None  # such as power, without its exponent
    return forward(*(_exact(a) for a in arrays), **settings)[0]


def _settings(evidence: Evidence) -> Found:
    """The result as if a setting had another value: its default, another usual one, or its two axes swapped."""
    for key, value in evidence.static.items():
        if key in NO_SETTING or isinstance(value, str | bool | None):
            continue
        default = default_of(evidence.kernel, key)
        others = [default] if isinstance(default, int | float | tuple) and default != value else []
        if isinstance(value, tuple):
            swapped = value[::-1] if len(value) == 2 else value
            if swapped != value:
                yield (
                    f"this is the result with the two axes of {key} swapped",
                    lambda key=key, swapped=swapped: _again(evidence, **{key: swapped}),
                )
        elif isinstance(value, int | float):
            others += [0 * value, -value, type(value)(1), *((0.01, 0.1, 0.2, 0.3) if type(value) is float else ())]
        for other in dict.fromkeys(others):
            if other != value:
                yield (
                    f"this is the result as if {key} were {other!r}, and here it is {value!r}: does the kernel use it?",
                    lambda key=key, other=other: _again(evidence, **{key: other}),
                )


def _inputs(evidence: Evidence) -> Found:
    """The result as if an input were negated, reversed, read in another order, or only its first part were there."""
    for k, (name, a) in enumerate(zip(evidence.names, evidence.arrays, strict=False)):
        if not isinstance(a, np.ndarray) or a.dtype != np.float32:
            continue

        def given(other: np.ndarray, k: int = k) -> Callable[[], Any]:
            arrays = (*evidence.arrays[:k], np.ascontiguousarray(other, np.float32), *evidence.arrays[k + 1 :])
            return lambda: _again(evidence._replace(arrays=arrays))

        yield f"this is the result with {name!r} negated: is a sign wrong?", given(-a)
        for axis in range(a.ndim):
            n = a.shape[axis]
            if n > 1:
                yield f"this is the result with {name!r} reversed along axis {axis}", given(np.flip(a, axis))
                first = np.take(a, [0], axis)
                yield (f"this is the result with the first of {name!r} for all along axis {axis}: is that index the "
                       "thread's own?", given(np.broadcast_to(first, a.shape)))  # fmt: skip
                alone = np.zeros_like(a)
                np.moveaxis(alone, axis, 0)[0] = np.moveaxis(a, axis, 0)[0]
                yield (
                    f"only the first of the {n} along axis {axis} of {name!r} counts: is a loop missing?",
                    given(alone),
                )
        if a.ndim >= 2 and min(a.shape[-2:]) > 1:
            turned = np.ascontiguousarray(np.swapaxes(a, -1, -2)).reshape(a.shape)
            yield (
                f"this is the result with {name!r} read as if stored transposed: are its indices swapped?",
                given(turned),
            )


def _running_on(evidence: Evidence) -> Found:
    """The sums of a thread that has several, and starts only the first of them from 0."""
    if evidence.kernel in ("gemm", "batched_gemm", "reduce_sum", "reduce_mean", "conv2d", "depthwise_conv2d"):
        for axis in range(evidence.expected.ndim):
            yield (f"each sum goes on from the one before it along axis {axis}: set the total back to 0 before each",
                   np.cumsum(evidence.expected, axis, dtype=np.float64))  # fmt: skip


def _never_read(evidence: Evidence) -> Found:
    """An input that may hold what it likes: the kernel gives the same, and the right result is another one."""
    if evidence.function is None:
        return
    for k, (name, a) in enumerate(zip(evidence.names, evidence.arrays, strict=False)):
        if isinstance(a, np.ndarray) and a.dtype == np.float32:
            other = np.float32(0.7) - np.float32(1.3) * a
            changed = evidence._replace(arrays=(*evidence.arrays[:k], other, *evidence.arrays[k + 1 :]))
            right = _again(changed)
            matters = right is not None and not np.array_equal(right, evidence.expected, equal_nan=True)
            same = _again(changed, evidence.function)
            if matters and same is not None and np.array_equal(same, evidence.got, equal_nan=True):
                yield f"the result would be the same for any {name!r}: the kernel never reads it", evidence.got


def _again(evidence: Evidence, function: Callable[..., Any] | None = None, **static: Any) -> Any:
    """The ladder's (or a function's) result for other inputs or settings; None where refused, or of another shape."""
    settings = {key: value for key, value in evidence.static.items() if key != "in_place"} | static
    try:
        with simt_options(checks=False, strict=False):
            run = function or ladder.rungs(evidence.kernel)[0].run
            found = run(*copies(evidence.arrays), **settings, on="simt")
    except (ArithmeticError, TypeError, ValueError, MinidlError):
        return None
    for part in found if isinstance(found, tuple) else (found,):
        if isinstance(part, np.ndarray) and part.shape == evidence.got.shape:
            return part
    return None


# -- slopes of elementwise ops -----------------------------------------------------------------------------------------


def _slopes(evidence: Evidence, dy: Any, kept: Any = None, *_: Any) -> Found:
    right = _exact(evidence.expected)
    yield "this is dy itself: the slope of the op is missing", dy
    yield "dy is left out: this is the slope alone, and dx is dy times it (the chain rule)", right / dy
    yield "dy and the slope are added where they are to be multiplied", dy + right / dy
    if kept is None:
        return
    yield ("the sign of dy decides here, not that of what the forward kept: where a unit was off, its gradient is 0, "
           "whatever the sign of dy", np.maximum(dy, 0))  # fmt: skip
    yield "dx passes on the other side: the condition on kept is the wrong way round", np.where(kept <= 0, dy, 0)
    yield "where kept is 0 the unit was off: `>`, not `>=`", np.where(kept >= 0, dy, 0)
    yield "the slope is taken times kept: it is 1 or 0 here, not kept", dy * np.maximum(kept, 0)
    if not evidence.multiple():
        yield "this is dy kept: is that the slope of the op?", dy * kept
        yield "this is dy / kept: is that the slope of the op?", dy / kept
    yield "this is dy (1 - kept): the factor kept is missing, or the square of kept", dy * (1 - kept)
    yield "this is kept itself, and dy is left out", kept
    yield "the right slope, times kept once too often", right * kept
    op = evidence.kernel.removesuffix("_backward")
    yield (f"{op} is applied once more to kept, which holds the forward's output already",
           lambda: _again(evidence._replace(arrays=(evidence.arrays[0], np.float32(
               _numpy(op, evidence.arrays[1:2], evidence.static))))))  # fmt: skip


# -- rows --------------------------------------------------------------------------------------------------------------


def _softmaxes(evidence: Evidence, first: np.ndarray, y: Any = None) -> Found:
    axis = evidence.static.get("axis", -1)

    def rows(a: np.ndarray) -> np.ndarray:
        return np.moveaxis(a, axis, -1).reshape(-1, a.shape[axis])

    def back(a: np.ndarray) -> np.ndarray:
        return np.moveaxis(a.reshape(np.moveaxis(first, axis, -1).shape), -1, axis)

    log = evidence.kernel.startswith("log")
    if y is not None:
        found = _of_log_softmax_backward(rows(first), rows(y)) if log else _of_softmax_backward(rows(first), rows(y))
    else:
        found = _of_log_softmax(rows(first)) if log else _of_softmax(rows(first))
    for sentence, result in found:
        yield sentence, back(result)


def _total(a: np.ndarray, axis: int = -1) -> np.ndarray:
    return a.sum(axis, keepdims=True)


def _of_softmax(x: np.ndarray) -> Found:
    e = np.exp(x - x.max(-1, keepdims=True))
    yield "exp(x) is not divided by the row's sum", e
    yield "exp(x) is not divided by the row's sum", np.exp(x)
    down = np.exp(x - x.max(0))
    yield "the sums run down the columns: each row, not each column, is to add up to 1", down / _total(down, 0)
    yield "the sum runs over all rows, where each row has one of its own", e / e.sum()
    whole = np.exp(x - x.max())
    yield "the sum runs over all rows, where each row has one of its own", whole / whole.sum()
    yield "the exponential is missing: this is x divided by the row's sum", x / _total(x)
    yield "the row's largest is subtracted above the fraction bar alone, not in the sum", e / _total(np.exp(x))
    yield "the row's largest is subtracted in the sum alone, not above the fraction bar", np.exp(x) / _total(e)
    zero = np.exp(x - np.maximum(x.max(-1, keepdims=True), 0))
    yield ("the row's largest starts from 0, which wins where all of a row is below: start from the first value, or "
           "from -inf", zero.astype(np.float32) / _total(zero.astype(np.float32)))  # fmt: skip


def _of_log_softmax(x: np.ndarray) -> Found:
    most = x.max(-1, keepdims=True)
    e = np.exp(x - most)
    yield "the logarithm of the row's sum is missing: y = x - largest - log(sum)", x - most
    yield "the row's largest is not subtracted again: y = x - largest - log(sum)", x - np.log(_total(e))
    yield "the logarithm is missing: the row's sum itself is subtracted", x - most - _total(e)
    yield "the sums run down the columns, not along the rows", x - x.max(0) - np.log(_total(np.exp(x - x.max(0)), 0))
    yield "the sum runs over all rows, where each row has one of its own", x - most - np.log(e.sum())


def _of_softmax_backward(dy: np.ndarray, y: np.ndarray) -> Found:
    dot = _total(dy * y)
    yield ("this is the diagonal alone, dy y (1 - y): a class' probability also falls when another one's logit rises: "
           "dx = y (dy - the row's sum of dy y)", dy * y * (1 - y))  # fmt: skip
    yield "the row's sum of dy y is missing: dx = y (dy - the row's sum of dy y)", dy * y
    yield "the sum of dy alone is subtracted: it is the row's sum of dy y", y * (dy - _total(dy))
    yield "the factor y in front is missing: dx = y (dy - the row's sum of dy y)", dy - dot
    yield "the sum is added where it is to be subtracted", y * (dy + dot)
    yield "the sum is divided by the number of classes: it is no mean", y * (dy - dot / y.shape[-1])
    yield "the sums run down the columns, not along the rows", y * (dy - _total(dy * y, 0))
    yield "the sum runs over all rows, where each row has one of its own", y * (dy - (dy * y).sum())
    p = np.exp(y - y.max(-1, keepdims=True))
    p /= _total(p)
    yield "softmax is applied once more to y, which is its output already", p * (dy - _total(dy * p))
    yield "this is dy itself: the slope of the op is missing", dy


def _of_log_softmax_backward(dy: np.ndarray, y: np.ndarray) -> Found:
    p = np.exp(y)
    yield (
        "y is a logarithm here, and exp(y) the probability: dx = dy - exp(y) times the row's sum of dy",
        dy - y * _total(dy),
    )
    yield "the row's sum of dy is missing: dx = dy - exp(y) times the row's sum of dy", dy - p
    yield "the row's sum of dy is missing: dx = dy - exp(y) times the row's sum of dy", dy - p * dy
    yield "the factor exp(y) is missing: dx = dy - exp(y) times the row's sum of dy", dy - _total(dy)
    yield "the sum is of dy alone, without exp(y)", dy - p * _total(dy * p)
    yield "this is the backward of softmax: y is a logarithm here", y * (dy - _total(dy * y))
    yield "this is the backward of softmax: y is a logarithm here", p * (dy - _total(dy * p))
    yield "the sum is divided by the number of classes: it is no mean", dy - p * _total(dy) / y.shape[-1]
    yield "the sums run down the columns, not along the rows", dy - p * _total(dy, 0)
    yield "this is dy itself: the slope of the op is missing", dy


REDUCERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "reduce_sum": lambda x: x.sum(-1), "reduce_mean": lambda x: x.sum(-1),
    "reduce_max": lambda x: x.max(-1, initial=-np.inf), "reduce_min": lambda x: x.min(-1, initial=np.inf),
}  # fmt: skip


def _reduced_rows(evidence: Evidence, x: np.ndarray) -> np.ndarray:
    """The terms of each result, one row each."""
    axes = evidence.static.get("axes")
    reduced = tuple(range(x.ndim)) if axes is None else tuple(i % x.ndim for i in np.atleast_1d(axes))
    return np.moveaxis(x, reduced, range(-len(reduced), 0)).reshape(evidence.got.size, -1)


def _reductions(evidence: Evidence, x: np.ndarray) -> Found:
    rows = _reduced_rows(evidence, x)
    count = rows.shape[1]
    by = count if evidence.kernel == "reduce_mean" else 1
    reducer = REDUCERS[evidence.kernel]
    adds = evidence.kernel in ("reduce_sum", "reduce_mean")
    for sentence, result in _of_rows(rows, reducer, adds):
        yield sentence, ((result() if callable(result) else result) / by).reshape(evidence.got.shape)
    if adds:
        total = rows.sum(-1).reshape(evidence.got.shape)
        if by == 1:
            yield "the sum is divided by the count of its terms: that would be the mean", total / count
        else:
            yield f"the sum is not divided by the count of its terms, {count}", total
        for wrong in dict.fromkeys((count + 1, count - 1, len(rows), x.size, *TILES)):
            if wrong not in (0, 1, count):
                yield f"each sum is divided by {wrong}; the right count of its terms is {count}", total / wrong
        yield "these are sums of absolute values", np.abs(rows).sum(-1).reshape(evidence.got.shape) / by
        yield "these are sums of squares", (rows**2).sum(-1).reshape(evidence.got.shape) / by
        turned = x.reshape(-1).reshape(count, -1) if rows.size == x.size else rows
        yield (f"x is walked down its columns: one row holds {count} terms that lie side by side",
               (turned.sum(0) / by).reshape(evidence.got.shape))  # fmt: skip


def _of_rows(rows: np.ndarray, reducer: Callable[[np.ndarray], np.ndarray], adds: bool) -> Found:
    """What a reduction gives that leaves some terms out, or takes some twice."""
    count = rows.shape[1]
    column = np.arange(count)
    what = "sum" if adds else "row"
    if adds:
        yield (
            "the first term of each sum is there twice: start from it, or loop over it, not both",
            (rows.sum(-1) + rows[:, 0]),
        )
        yield ("only the last term of each sum is there: is it assigned, `total = …`, where it is to be added, "
               "`total += …`?", rows[:, -1])  # fmt: skip
        yield from fewer_terms(count, lambda terms: reducer(rows[:, terms]))
    else:
        yield "the first term of each row is left out: does the loop start at 1?", reducer(rows[:, 1:])
        yield "the last term of each row is left out: does the loop end too early?", reducer(rows[:, :-1])
    for size in TILES[2:]:
        if count <= size // 32:
            break
        for chosen, sentence in (
            (column % size == 0, f"only the first of {size} partial sums, thread 0's, is there: are they added up?"),
            (column % size == size - 1, f"only the last of {size} partial sums is there: are they added up?"),
            (column % size < 32, f"only the first warp's part of {size} partial results is there: the others' are not "
             "added"),
            (column % size % 2 == 0, f"only every second of {size} partial results is there: the tree stops one step "
             "early"),
            (column % size < size // 2, f"only the first half of {size} partial results is there: the tree begins one "
             "step late"),
            (column < size, f"only the first {size} terms of each {what} are there: a block of {size} threads needs a "
             "loop over longer rows"),
        ):  # fmt: skip
            if chosen.any() and not chosen.all():
                yield sentence, reducer(rows[:, chosen])
    if adds and count >= 32:
        lane = rows[:, 31::32].sum(-1)
        said = "this is lane 31's own part: after shfl_down_sync the sum of all lanes is in lane 0"
        yield said, lane
        yield said, 32 * lane


def fewer_terms(count: int, without: Callable[[slice], Any], what: str = "sum") -> Found:
    """What sums give of which the first term, or the last ones, are missing."""
    if count < 2:
        return
    yield f"the first term of each {what} is missing: does the loop start at 1?", lambda: without(slice(1, None))
    yield f"only the first term of each {what} is there: does the loop run once?", lambda: without(slice(None, 1))
    for less in dict.fromkeys((1, *(count % tile for tile in TILES))):
        if 0 < less < count:
            terms = "term is" if less == 1 else f"{less} terms are"
            yield (
                f"the last {terms} missing from each {what}: does the loop end too early, or leave out the last tile?",
                lambda less=less: without(slice(None, count - less)),
            )
    for tile in TILES:
        if tile < count:
            yield (f"only the first {tile} terms of each {what} are there, one tile: is the loop over the tiles "
                   "missing?", lambda tile=tile: without(slice(None, tile)))  # fmt: skip
            last = (count - 1) // tile * tile
            yield (f"only the last tile of {tile} terms is there: is the {what} set back to 0 for each tile?",
                   lambda last=last: without(slice(last, None)))  # fmt: skip


# -- matrix products ---------------------------------------------------------------------------------------------------


def _products(evidence: Evidence, a: np.ndarray, b: np.ndarray) -> Found:
    if any(evidence.static.get(key) for key in ("transpose_a", "transpose_b", "activation")):
        return

    def swapped(x: np.ndarray) -> np.ndarray:
        return np.swapaxes(np.ascontiguousarray(x).reshape(*x.shape[:-2], *x.shape[:-3:-1]), -1, -2)

    for who, left, right in (("a", swapped(a), b), ("b", a, swapped(b)), ("a and b", swapped(a), swapped(b))):
        yield (f"this is the product with {who} read as if stored transposed: are the strides in its index swapped?",
               left @ right)  # fmt: skip
    m, count, n = a.shape[-2], a.shape[-1], b.shape[-1]
    yield ("only the last term of each sum is there: is it assigned, `total = …`, where it is to be added, "
           "`total += …`?", a[..., :, -1:] @ b[..., -1:, :])  # fmt: skip
    yield from fewer_terms(count, lambda terms: a[..., :, terms] @ b[..., terms, :])
    for size, what in ((m, "rows of a"), (n, "columns of b")):
        if size < count:
            yield (f"each sum has {size} terms, as many as there are {what}: the loop is to run over a's {count} "
                   "columns", a[..., :, :size] @ b[..., :size, :])  # fmt: skip
    yield ("a and b are added where they are to be multiplied", a.sum(-1)[..., :, None] + b.sum(-2)[..., None, :])
    if a.ndim == 3 and len(a) > 1:
        for who, left, right in (("a", a[:1], b), ("b", a, b[:1])):
            yield f"this is the product with the first of {who!r} for all of the batch", left @ right
