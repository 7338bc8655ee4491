"""`keras.ops`, `minidl.ops` to a Keras program: functions of tensors under Keras' names, with Keras' arguments.

Those that `minidl.functional` has under the same name with the same arguments are taken from there. All take tensors,
arrays, numbers and symbolic tensors; dtypes meet as in Keras (`minidl.promotion`).
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import config, functional
from minidl.errors import ArgumentError
from minidl.functional import basic, exp, log, reduction, sqrt
from minidl.functional import shape as moving
from minidl.functional.basic import cast, tensor
from minidl.functional.shape import expand_dims, squeeze
from minidl.keras.names import OPS
from minidl.operators import discrete
from minidl.ops.common.checks import normalize_axis
from minidl.ops.op import of_form
from minidl.promotion import floating, promoted, result_type
from minidl.tape import apply
from minidl.tensor import Tensor
from minidl.tensor import convert_to_tensor as convert

__all__ = sorted(OPS)


def __getattr__(name: str) -> Any:
    if name not in OPS and name not in of_form("cell", "pair"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(functional, name)


true_divide = basic.divide


def _discrete(function: str, prepared: Callable[[Any], Any] = tensor) -> Callable[..., Any]:
    """A function without a gradient, of inputs of any dtype, as `prepared` makes tensors of them."""

    def operation(*xs: Any) -> Any:
        return discrete(function, *map(prepared, xs))

    operation.__name__ = function
    operation.__doc__ = f"Return numpy.{function} of the values; no gradient flows."
    return operation


equal, not_equal = _discrete("equal"), _discrete("not_equal")
greater, greater_equal = _discrete("greater"), _discrete("greater_equal")
less, less_equal = _discrete("less"), _discrete("less_equal")
logical_and, logical_or, logical_xor = _discrete("logical_and"), _discrete("logical_or"), _discrete("logical_xor")
logical_not = _discrete("logical_not")
isnan, isinf, isfinite = _discrete("isnan"), _discrete("isinf"), _discrete("isfinite")
bitwise_and, bitwise_or, bitwise_xor = _discrete("bitwise_and"), _discrete("bitwise_or"), _discrete("bitwise_xor")
bitwise_invert = bitwise_not = _discrete("invert")
floor, ceil = _discrete("floor", floating), _discrete("ceil", floating)  # in a float type


def round(x: Any, decimals: int = 0) -> Tensor:
    """Return x rounded, halves to the even neighbour; no gradient flows."""
    return discrete("round", tensor(x), decimals=decimals)


def sign(x: Any) -> Tensor:
    """Return -1, 0 or 1; no gradient flows."""
    x = tensor(x)
    return x if x.dtype.kind == "b" else discrete("sign", x)


def floor_divide(x1: Any, x2: Any) -> Tensor:
    """Return the whole part of x1 / x2; no gradient flows."""
    return discrete("floor_divide", *promoted(x1, x2))


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return whether all values are true, over `axis`."""
    return discrete("all", tensor(x), axis=axis, keepdims=keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return whether one of the values is true, over `axis`."""
    return discrete("any", tensor(x), axis=axis, keepdims=keepdims)


def absolute(x: Any) -> Tensor:
    """Return |x|; its gradient at 0 is 0."""
    x = tensor(x)
    return x if x.dtype.kind == "b" else basic.absolute(x)


abs = absolute


def square(x: Any) -> Tensor:
    """Return x * x."""
    x = tensor(x)
    return basic.square(cast(x, "int32") if x.dtype.kind == "b" else x)


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axis`: an int, several, or None for all.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    <Tensor (2,) float32 [4. 6.]>
    """
    return reduction.reduce_sum(x, axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the mean over `axis`; of booleans and integers, as numbers of the float type."""
    return reduction.reduce_mean(x, axis, keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Return the maximum over `axis`, and of `initial`, where that is given."""
    return _extreme(reduction.reduce_max, basic.maximum, tensor(x), axis, keepdims, initial)


def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Return the minimum over `axis`, and of `initial`, where that is given."""
    return _extreme(reduction.reduce_min, basic.minimum, tensor(x), axis, keepdims, initial)


def _extreme(
    over: Callable[..., Any], pair: Callable[..., Any], x: Any, axis: Any, keepdims: bool, initial: Any
) -> Any:
    if initial is None:
        return over(x, axis, keepdims)
    if 0 in x.shape:  # of no values it is `initial`
        total = reduction.reduce_sum(x, axis, keepdims)
        if total.size:
            return cast(total * 0 + initial, x.dtype)
    return cast(pair(over(x, axis, keepdims), initial), x.dtype)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the variance, the mean of (x - mean)², over `axis`."""
    x = floating(x)
    return mean(square(x - mean(x, axis, True)), axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over `axis`; where it is 0, so is its gradient."""
    return _still_at_zero(var(x, axis, keepdims), 0.5)


def _still_at_zero(x: Any, exponent: float) -> Any:
    """Return x ** exponent of numbers that are not negative, with the slope 0 at 0, where a root's own is infinite."""
    nothing = equal(x, 0.0)
    some = basic.where(nothing, 1.0, x)
    powers = sqrt(some) if exponent == 0.5 else basic.power(some, exponent)
    return basic.where(nothing, 0.0 if exponent > 0 else np.inf, powers)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the length of vectors, or the norm of matrices, as numpy.linalg.norm does; at 0 its gradient is 0.

    Parameters
    ----------
    x : any shape
    ord : of vectors None or 2 (or "euclidean"), a number p, for (sum |x|^p)^(1/p), 0 (how many are not 0), infinity or
        -infinity; of matrices None or "fro", 1, -1, infinity, -infinity
    axis : an int for vectors, two for matrices, None for all values (with `ord`, for x as a vector or matrix)

    Raises
    ------
    ArgumentError : another `ord` (those of singular values among them), or one that the number of axes does not allow

    >>> norm([[3.0, 4.0]], axis=-1)
    <Tensor (1,) float32 [5.]>
    """
    x = floating(x)
    axes = tuple(range(len(x.shape))) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord in (2, "euclidean") and len(axes) == 1):
        return _still_at_zero(sum(square(x), axes, keepdims), 0.5)
    if len(axes) == 1 and isinstance(ord, int | float):
        return _vector_norm(absolute(x), ord, axes[0], keepdims)
    if len(axes) == 2 and ord in (1, -1, np.inf, -np.inf):
        rows, columns = (normalize_axis("norm", axis, len(x.shape), x.shape) for axis in axes)
        added, kept = (rows, columns) if builtins.abs(ord) == 1 else (columns, rows)
        return (max if ord > 0 else min)(sum(absolute(x), added, True), (added, kept), keepdims)
    raise ArgumentError(
        f"norm: of {len(axes)} axes, ord must be None, or of vectors a number, of matrices 'fro', 1, -1 or infinity. "
        f"Got ord {ord!r}, axis {axis!r}, x {tuple(x.shape)}."
    )


def _vector_norm(size: Any, ord: float, axis: int, keepdims: bool) -> Tensor:
    if ord in (np.inf, -np.inf):
        return (max if ord > 0 else min)(size, axis, keepdims)
    if ord == 0:
        return sum(cast(not_equal(size, 0.0), size.dtype), axis, keepdims)
    if ord == 1:
        return sum(size, axis, keepdims)
    return _still_at_zero(sum(_still_at_zero(size, ord), axis, keepdims), 1.0 / ord)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return log(sum(e ** x)) over `axis`, without overflow."""
    x = floating(x)
    largest = stop_gradient(max(x, axis, True))
    largest = basic.where(isfinite(largest), largest, 0.0)
    y = log(sum(exp(x - largest), axis, True)) + largest
    return y if keepdims else sum(y, axis)  # each sum is of one value


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index of the largest value along `axis`; of all values, counted row by row, when it is None."""
    x = tensor(x)
    rank = len(x.shape)
    y = apply("argmax", ravel(x), axis=0) if axis is None else apply("argmax", x, axis=axis)
    y = cast(y, "int32")
    if not keepdims:
        return y
    return expand_dims(y, axis) if axis is not None else y.reshape((1,) * rank)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index of the smallest value along `axis`, as `argmax` does of the largest."""
    return cast(discrete("argmin", tensor(x), axis=axis, keepdims=keepdims), "int32")


def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """Return x limited to [x_min, x_max]: numbers or tensors. Where x_min is above x_max, it is x_max."""
    return basic.clip(x, x_min, x_max)


def power(x1: Any, x2: Any) -> Tensor:
    """Return x1 ** x2; a gradient flows to both."""
    return basic.power(x1, x2)


def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """Return x1 / x2, and 0 where x2 is 0."""
    x1, x2 = map(tensor, promoted(x1, x2, floating=True))
    nothing = equal(x2, 0.0)
    return basic.where(nothing, 0.0, basic.where(nothing, 0.0, x1) / basic.where(nothing, 1.0, x2))


def log2(x: Any) -> Tensor:
    """Return the logarithm to base 2."""
    return log(x) / math.log(2)


def log10(x: Any) -> Tensor:
    """Return the logarithm to base 10."""
    return log(x) / math.log(10)


def reciprocal(x: Any) -> Tensor:
    """Return 1 / x."""
    return basic.divide(1.0, floating(x))


def rsqrt(x: Any) -> Tensor:
    """Return 1 / the square root of x."""
    return basic.divide(1.0, sqrt(x))


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return x1 where `condition` holds, else x2; of a condition alone, the places where it holds, axis by axis."""
    if (x1 is None) != (x2 is None):
        raise ArgumentError("where: give both x1 and x2, or neither. Got one of them.")
    if x1 is None:
        return tuple(Tensor.wrap(places.astype(np.int32)) for places in np.nonzero(np.asarray(tensor(condition))))
    return basic.where(condition, x1, x2)


def gelu(x: Any, approximate: bool = True) -> Tensor:
    """Return x * Phi(x): its tanh approximation, unless told otherwise. (`minidl.activations.gelu` is exact.)"""
    return functional.gelu(x, approximate)


def stop_gradient(variable: Any) -> Tensor:
    """Return the values as a constant: no gradient flows further back."""
    x = tensor(variable)
    if isinstance(x, Tensor):
        return x.detach()
    return discrete("positive", x) if x.dtype.kind == "f" else x


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Tensor:
    """Return x as a tensor, of another dtype where one is said."""
    if sparse or ragged:
        raise ArgumentError("convert_to_tensor: sparse and ragged tensors are not supported. Leave both arguments out.")
    if x is None or isinstance(x, Tensor) or not hasattr(x, "__minidl_apply__"):
        return convert(x, dtype)
    return x if dtype is None else cast(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return the values as a NumPy array."""
    return np.array(x)


def reshape(x: Any, newshape: Any) -> Tensor:
    """Return the values in another shape; one size may be -1."""
    return moving.reshape(tensor(x), newshape)


def concatenate(xs: Any, axis: int = 0) -> Tensor:
    """Return the arrays one after another along an existing axis, the first when not said."""
    return moving.concatenate(xs, axis=axis)


def stack(x: Any, axis: int = 0) -> Tensor:
    """Return the arrays one after another along a new axis."""
    return moving.stack(x, axis=axis)


def ravel(x: Any) -> Tensor:
    """Return the values in one row."""
    return reshape(x, (-1,)) if 0 not in tensor(x).shape else reshape(x, (0,))


def flip(x: Any, axis: Any = None) -> Tensor:
    """Return x with one axis, several, or all (None) reversed."""
    x = tensor(x)
    for one in range(len(x.shape)) if axis is None else (axis,) if isinstance(axis, int) else axis:
        x = moving.flip(x, one)
    return x


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Return the values at `indices` along `axis` (of all values in one row when None); negative ones count back."""
    x = ravel(x) if axis is None else tensor(x)
    return x[(*_before(x, axis or 0, "take"), indices)]


INDEXED_PADDING: dict[str, Any] = {
    "reflect": "reflect",
    "symmetric": "symmetric",
    "edge": "edge",
    "wrap": "wrap",
    "circular": "wrap",
}


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """Return x with a frame around it.

    Parameters
    ----------
    x : any shape
    pad_width : ((before, after), …), one pair an axis; one pair, or one number, for all of them
    mode : "constant"; or values of x, as numpy.pad: "reflect", "symmetric", "edge", "wrap" (or "circular")
    constant_values : of the frame, by default 0
    """
    x = tensor(x)
    width = np.asarray(pad_width)
    pairs = width.tolist() if width.ndim == 2 and len(width) == len(x.shape) else None
    if pairs is None:
        pairs = np.broadcast_to(width, (len(x.shape), 2)).tolist()
    if mode == "constant":
        return moving.pad(x, pairs, 0 if constant_values is None else constant_values)
    if constant_values is not None:
        raise ArgumentError(f"pad: constant_values belong to mode='constant'. Got mode {mode!r}.")
    if mode not in INDEXED_PADDING:
        raise ArgumentError(f"pad: mode must be 'constant', {', '.join(map(repr, INDEXED_PADDING))}. Got {mode!r}.")
    for axis, (pair, size) in enumerate(zip(pairs, x.shape, strict=True)):
        if builtins.any(pair):
            x = take(x, np.pad(np.arange(size), pair, mode=INDEXED_PADDING[mode]), axis)
    return x


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Return equal parts, or the parts between the indices, along `axis`.

    >>> [part.shape for part in split(np.zeros((6, 2), np.float32), 3)]
    [(2, 2), (2, 2), (2, 2)]
    """
    x = tensor(x)
    before = _before(x, axis, "split")
    length = x.shape[axis]
    if isinstance(indices_or_sections, int | np.integer):
        if length is None or length % indices_or_sections:
            raise ArgumentError(f"split: axis {axis} of {tuple(x.shape)} has no {indices_or_sections} equal parts.")
        step = length // indices_or_sections
        bounds = [step * part for part in range(int(indices_or_sections))] + [length]
    else:
        bounds = [0, *map(int, indices_or_sections), length]
    return [x[(*before, slice(low, high))] for low, high in zip(bounds, bounds[1:], strict=False)]


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """Return the slices along `axis`, without that axis."""
    x = tensor(x)
    before = _before(x, axis, "unstack")
    number = x.shape[axis] if num is None else num
    if number is None or (x.shape[axis] is not None and x.shape[axis] != number):
        raise ArgumentError(f"unstack: num must be the size of axis {axis}. Got num {num}, x {tuple(x.shape)}.")
    return [x[(*before, i)] for i in range(number)]


def _before(x: Any, axis: int, function: str) -> tuple[slice, ...]:
    """Return the part of a key that takes all of the axes before `axis`."""
    rank = len(x.shape)
    if not -rank <= axis < rank:
        raise ArgumentError(f"{function}: axis must be in [{-rank}, {rank - 1}]. Got {axis} for x {tuple(x.shape)}.")
    return (slice(None),) * (axis % rank)


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """Return vectors of `num_classes` zeros with a one at the place that x says; of zeros only where x is outside.

    >>> one_hot([2, 0], 3).numpy()
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    if sparse:
        raise ArgumentError("one_hot: sparse tensors are not supported. Leave sparse out.")
    x = tensor(x)
    rank = len(x.shape) + 1
    if not -rank <= axis < rank:
        raise ArgumentError(f"one_hot: axis must be in [{-rank}, {rank - 1}]. Got {axis} for x {tuple(x.shape)}.")
    classes = np.arange(num_classes).reshape([-1 if i == axis % rank else 1 for i in range(rank)])
    return cast(equal(expand_dims(x, axis), classes), dtype or config.floatx())


def shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape, as a tuple."""
    return tuple(tensor(x).shape)


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(shape(x))


def size(x: Any) -> int | None:
    """Return the number of values; None of a symbolic tensor with a size that is not known yet."""
    sizes = shape(x)
    return None if None in sizes else math.prod(n for n in sizes if n is not None)


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Return zeros."""
    return Tensor.wrap(np.zeros(shape, dtype or config.floatx()))


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Return ones."""
    return Tensor.wrap(np.ones(shape, dtype or config.floatx()))


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Return zeros of the shape and dtype of x."""
    return _filled_like(tensor(x), False, dtype)


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Return ones of the shape and dtype of x."""
    return _filled_like(tensor(x), True, dtype)


def _filled_like(x: Any, value: bool, dtype: Any) -> Any:
    if isinstance(x, Tensor):
        return Tensor.wrap(np.full(x.shape, value, dtype or x.dtype))
    mask = logical_not(x)  # whatever its values are: a mask or its opposite is True everywhere
    everywhere = logical_or(mask, logical_not(mask))
    return cast(everywhere if value else logical_not(everywhere), dtype or x.dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Return start, start + step, …, up to but without `stop`."""
    low, high = (0, start) if stop is None else (start, stop)
    step = 1 if step is None else step
    if dtype is None:
        dtype = result_type(*(np.asarray(value).item() for value in (low, high, step)))
    return Tensor.wrap(np.arange(*(np.asarray(value).item() for value in (low, high, step))).astype(dtype))


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Return -target log(output) - (1 - target) log(1 - output) of every element."""
    target, output = promoted(target, output, floating=True)
    return functional.binary_crossentropy(expand_dims(target, -1), expand_dims(output, -1), from_logits=from_logits)


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Return -sum(target log(output)) over the classes."""
    target, output = promoted(target, output, floating=True)
    return functional.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Return -log(output[target]), `target` a number of a class; the classes of `output` lie along `axis`."""
    target, output = tensor(target), floating(output)
    rank = len(output.shape)
    if axis % rank != rank - 1:
        order = [i for i in range(rank) if i != axis % rank]
        output = moving.transpose(output, (*order, axis % rank))
    if len(target.shape) == rank and target.shape[-1] == 1:
        target = squeeze(target, -1)
    return functional.sparse_categorical_crossentropy(target, output, from_logits=from_logits)
