"""Those of Keras' `ops` that are not in `minidl.functional` under the same name with the same arguments.

`keras.ops.mean(x, axis=-1)` finds `mean` here, `keras.ops.relu(x)` the functional one. Functions that have no gradient
(comparisons, rounding, …) compute with NumPy.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import config
from minidl.errors import ArgumentError
from minidl.functional import basic, loss, reduction
from minidl.functional import shape as moving
from minidl.functional.basic import absolute, cast, exp, log, sqrt, square
from minidl.functional.convolution import tensor
from minidl.functional.shape import expand_dims, reshape
from minidl.tensor import Tensor, convert_to_tensor

abs = absolute


def _same_dtype(a: Any, b: Any) -> tuple[Any, Any]:
    """Return both as tensors of one dtype, as Keras promotes: integers and booleans become the other's float type."""
    if isinstance(a, int | float) or isinstance(b, int | float):
        return a, b
    a, b = tensor(a), tensor(b)
    if a.dtype == b.dtype:
        return a, b
    wanted = np.result_type(a.dtype, b.dtype)
    floats = [x.dtype for x in (a, b) if x.dtype.kind == "f"]
    if floats:
        wanted = builtins.min(floats, key=lambda dtype: dtype.itemsize)
    return (a if a.dtype == wanted else basic.cast(a, wanted)), (b if b.dtype == wanted else basic.cast(b, wanted))


def _binary(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def operation(x1: Any, x2: Any) -> Any:
        return function(*_same_dtype(x1, x2))

    operation.__name__, operation.__doc__ = function.__name__, function.__doc__
    return operation


add, subtract = _binary(basic.add), _binary(basic.subtract)
multiply, divide = _binary(basic.multiply), _binary(basic.divide)
maximum, minimum = _binary(basic.maximum), _binary(basic.minimum)
matmul = _binary(basic.matmul)


def _without_gradient(name: str) -> Callable[..., Tensor]:
    function = getattr(np, name)

    def operation(*inputs: Any, **options: Any) -> Tensor:
        return Tensor.wrap(np.asarray(function(*[np.asarray(x) for x in inputs], **options)))

    operation.__name__ = name
    operation.__doc__ = f"Return numpy.{name} of the values; no gradient flows."
    return operation


equal, not_equal = _without_gradient("equal"), _without_gradient("not_equal")
greater, greater_equal = _without_gradient("greater"), _without_gradient("greater_equal")
less, less_equal = _without_gradient("less"), _without_gradient("less_equal")
logical_and, logical_or = _without_gradient("logical_and"), _without_gradient("logical_or")
logical_not, isnan = _without_gradient("logical_not"), _without_gradient("isnan")
all, any = _without_gradient("all"), _without_gradient("any")
sign, floor, round = _without_gradient("sign"), _without_gradient("floor"), _without_gradient("round")


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axis`: an int, several, or None for all.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    <Tensor (2,) float32 [4. 6.]>
    """
    return reduction.reduce_sum(x, axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the mean over `axis`; of booleans and integers, as numbers of the float type."""
    x = tensor(x)
    return reduction.reduce_mean(x if x.dtype.kind == "f" else cast(x, config.floatx()), axis, keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the maximum over `axis`."""
    return reduction.reduce_max(x, axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the minimum over `axis`."""
    return reduction.reduce_min(x, axis, keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the variance, the mean of (x - mean)², over `axis`."""
    x = tensor(x)
    return mean(square(x - mean(x, axis, True)), axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over `axis`."""
    return sqrt(var(x, axis, keepdims))


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the length of vectors: of order 2 (None or "euclidean"), 1, or infinity.

    >>> norm([[3.0, 4.0]], axis=-1)
    <Tensor (1,) float32 [5.]>
    """
    if ord in (None, 2, "euclidean"):
        return sqrt(sum(square(x), axis, keepdims))
    if ord == 1:
        return sum(absolute(x), axis, keepdims)
    if ord == np.inf:
        return max(absolute(x), axis, keepdims)
    raise ArgumentError(f"norm: ord must be None, 1, 2 or infinity. Got {ord!r}.")


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index of the largest value along `axis`; of all values, counted row by row, when it is None."""
    return Tensor.wrap(np.asarray(np.argmax(np.asarray(x), axis=axis, keepdims=keepdims)).astype(np.int32))


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index of the smallest value along `axis`, as `argmax` does of the largest."""
    return argmax(-np.asarray(x), axis, keepdims)


def clip(x: Any, x_min: float, x_max: float) -> Tensor:
    """Return x limited to [x_min, x_max]."""
    return basic.clip(x, x_min, x_max)


def power(x1: Any, x2: Any) -> Tensor:
    """Return x1 ** x2; a gradient flows to x1, and to x2 where that is a tensor (by e ** (x2 log x1))."""
    return basic.power(x1, x2) if isinstance(x2, int | float) else exp(multiply(log(tensor(x1)), x2))


def log1p(x: Any) -> Tensor:
    """Return log(1 + x)."""
    return log(tensor(x) + 1.0)


def where(condition: Any, x1: Any, x2: Any) -> Tensor:
    """Return x1 where `condition` holds, else x2."""
    return basic.where(condition, *_same_dtype(x1, x2))


def stop_gradient(x: Any) -> Tensor:
    """Return x as a constant: no gradient flows further back."""
    return convert_to_tensor(x).detach()


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return the values as a NumPy array."""
    return np.array(x)


def squeeze(x: Any, axis: int | None = None) -> Tensor:
    """Return x without its axis `axis`, or without all axes of size 1."""
    x = tensor(x)
    return reshape(x, [n for n in x.shape if n != 1]) if axis is None else moving.squeeze(x, axis)


def concatenate(xs: Any, axis: int = 0) -> Tensor:
    """Return the arrays one after another along an existing axis, the first when not said."""
    return moving.concatenate(xs, axis=axis)


def ravel(x: Any) -> Tensor:
    """Return the values in one row."""
    return reshape(x, (-1,))


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """Return x with a constant around it: pad_width ((before, after), …), one pair an axis."""
    if mode != "constant":
        raise ArgumentError(f"pad: only mode='constant' is available. Got {mode!r}.")
    return moving.pad(x, pad_width, constant_values or 0.0)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Return equal parts, or the parts between the indices, along `axis`.

    >>> [part.shape for part in split(np.zeros((6, 2), np.float32), 3)]
    [(2, 2), (2, 2), (2, 2)]
    """
    x = tensor(x)
    length = x.shape[axis]
    if isinstance(indices_or_sections, int):
        if length % indices_or_sections:
            raise ArgumentError(f"split: axis {axis} of {tuple(x.shape)} has no {indices_or_sections} equal parts.")
        step = length // indices_or_sections
        indices_or_sections = range(step, length, step)
    bounds = [0, *indices_or_sections, length]
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, slice(low, high))] for low, high in zip(bounds, bounds[1:], strict=False)]


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """Return the slices along `axis`, without that axis."""
    x = tensor(x)
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, i)] for i in range(num or x.shape[axis])]


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> Tensor:
    """Return vectors of `num_classes` zeros with a one at the place that x says; of zeros only where x is outside.

    >>> one_hot([2, 0], 3).numpy()
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    places = np.asarray(x)[..., None] == np.arange(num_classes)
    return Tensor.wrap(np.moveaxis(places, -1, axis).astype(dtype or config.floatx()))


def shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape, as a tuple."""
    return tuple(tensor(x).shape)


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(shape(x))


def size(x: Any) -> int:
    """Return the number of values."""
    return int(np.prod([n or 1 for n in shape(x)]))


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Return zeros."""
    return Tensor.wrap(np.zeros(shape, dtype or config.floatx()))


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Return ones."""
    return Tensor.wrap(np.ones(shape, dtype or config.floatx()))


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Return zeros of the shape and dtype of x."""
    return Tensor.wrap(np.zeros_like(np.asarray(x), dtype=dtype))


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Return ones of the shape and dtype of x."""
    return Tensor.wrap(np.ones_like(np.asarray(x), dtype=dtype))


def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """Return start, start + step, …, up to but without `stop`."""
    low, high = (0, start) if stop is None else (start, stop)
    whole = builtins.all(isinstance(value, int) for value in (low, high, step))
    return Tensor.wrap(np.arange(low, high, step).astype(dtype or (np.int32 if whole else config.floatx())))


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Return -target log(output) - (1 - target) log(1 - output) of every element."""
    target, output = _same_dtype(target, output)
    return loss.binary_crossentropy(expand_dims(target, -1), expand_dims(output, -1), from_logits=from_logits)


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Return -sum(target log(output)) over the classes."""
    return loss.categorical_crossentropy(*_same_dtype(target, output), from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Return -log(output[target]), `target` a number of a class."""
    return loss.sparse_categorical_crossentropy(target, output, from_logits=from_logits)
