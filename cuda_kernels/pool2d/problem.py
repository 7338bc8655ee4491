"""What the pooling rungs share: operands and their checks.

    max:      y[n, i, j, c] = max over r, s of  xpad[n, i*si + r, j*sj + s, c],  xpad = -inf outside the image
    average:  y[n, i, j, c] = the mean over those pixels of the window that lie inside the image

x (N, H, W, C), y (N, P, Q, C). The max gradient goes to the first of equal maxima in scan order; a window that holds
NaN has no such place and sends its gradient to its last tap, as NumPy's op does.
"""
from __future__ import annotations

from typing import Any, NamedTuple

from cuda_kernels.launch import check_array, empty, place_of
from cuda_kernels.windows import Padding, Pair, Window, make_window


class Shapes(NamedTuple):
    """The sizes of a pooling but for the batch."""

    h: int
    w: int
    c: int
    p: int
    q: int
    window: Window


def make_shapes(function: str, x_shape: tuple[int, ...], pool_size: Pair, strides: Pair, padding: Padding) -> Shapes:
    """The sizes for an image of x_shape. Raises ValueError if they do not fit together."""
    if len(x_shape) != 4:
        raise ValueError(f"{function}: x must be (N, H, W, C). Got {tuple(x_shape)}. Grey images need a channel axis: "
                         "x[..., None].")
    window = make_window(function, pool_size, strides, padding)
    if any(max(sides) >= pool for pool, sides in zip(window.taps, window.padding, strict=True)):
        raise ValueError(f"{function}: padding must be smaller than the pool, or a window would see no pixel at all. "
                         f"Got pool_size {pool_size}, padding {padding}.")
    _, h, w, c = (int(size) for size in x_shape)
    return Shapes(h, w, c, *window.outputs(function, h, w), window)


def forward_problem(function: str, x: Any, pool_size: Pair, strides: Pair, padding: Padding,
                    out: Any) -> tuple[Shapes, Any]:
    """(shapes, y), everything checked. Raises TypeError, ValueError."""
    place_of(x, out, function=function)
    check_array(function, "x", x, ndim=4)
    shapes = make_shapes(function, x.shape, pool_size, strides, padding)
    y_shape = (int(x.shape[0]), shapes.p, shapes.q, shapes.c)
    y = empty(y_shape, like=x) if out is None else out
    check_array(function, "out", y, shape=y_shape)
    return shapes, y


def backward_problem(function: str, dy: Any, x_shape: tuple[int, ...], pool_size: Pair, strides: Pair,
                     padding: Padding, out: Any) -> tuple[Shapes, Any]:
    """(shapes, dx), everything checked. Raises TypeError, ValueError."""
    place_of(dy, out, function=function)
    check_array(function, "dy", dy, ndim=4)
    shapes = make_shapes(function, x_shape, pool_size, strides, padding)
    check_array(function, "dy", dy, shape=(int(x_shape[0]), shapes.p, shapes.q, shapes.c))
    dx = empty(tuple(x_shape), like=dy) if out is None else out
    check_array(function, "out", dx, shape=tuple(x_shape))
    return shapes, dx
