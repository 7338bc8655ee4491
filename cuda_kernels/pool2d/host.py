"""What the pooling rungs share: operands and their checks, and the host functions.

    max:      y[n, i, j, c] = max over r, s of  xpad[n, i*si + r, j*sj + s, c],  xpad = -inf outside the image
    average:  y[n, i, j, c] = the mean over those pixels of the window that lie inside the image

x (N, H, W, C), y (N, P, Q, C). The max gradient goes to the first of equal maxima in scan order; a window that holds
NaN has no such place and sends its gradient to its last tap, as NumPy's op does.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cuda_kernels.launch import check_array, empty, place_of
from cuda_kernels.windows import NO_PADDING, Padding, Pair, Window, make_window


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


def forward(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of a forward; apply(shapes, average, x, y, on) launches."""
    def run(x: Any, *, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = NO_PADDING,
            out: Any = None, on: str | None = None) -> Any:
        place_of(x, out, function=op)
        check_array(op, "x", x, ndim=4)
        shapes = make_shapes(op, x.shape, pool_size, strides, padding)
        y_shape = (int(x.shape[0]), shapes.p, shapes.q, shapes.c)
        y = empty(y_shape, like=x) if out is None else out
        check_array(op, "out", y, shape=y_shape)
        apply(shapes, op == "average_pool2d", x, y, on)
        return y

    what = "mean of every window's pixels inside x" if op == "average_pool2d" else "largest value of every window"
    run.__name__, run.__doc__ = op, f"Return y (N, P, Q, C), the {what}. Raises TypeError, ValueError."
    return run


def max_backward(apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of the maximum's backward; apply(shapes, x, y, dy, dx, on) launches."""
    def max_pool2d_backward(dy: Any, x: Any, y: Any, *, pool_size: Pair = (2, 2), strides: Pair = (2, 2),
                            padding: Padding = NO_PADDING, out: Any = None, on: str | None = None) -> Any:
        """Return dx (N, H, W, C) from dy (N, P, Q, C) and the forward's x and y. Raises TypeError, ValueError."""
        place_of(dy, x, y, out, function="max_pool2d_backward")
        check_array("max_pool2d_backward", "x", x, ndim=4)
        shapes, dx = _backward_problem("max_pool2d_backward", dy, x.shape, pool_size, strides, padding, out)
        check_array("max_pool2d_backward", "y", y, shape=tuple(dy.shape))
        apply(shapes, x, y, dy, dx, on)
        return dx

    return max_pool2d_backward


def average_backward(apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of the average's backward; apply(shapes, dy, dx, on) launches."""
    def average_pool2d_backward(dy: Any, x_shape: tuple[int, ...], *, pool_size: Pair = (2, 2), strides: Pair = (2, 2),
                                padding: Padding = NO_PADDING, out: Any = None, on: str | None = None) -> Any:
        """Return dx (N, H, W, C) from dy (N, P, Q, C) and x's shape. Raises TypeError, ValueError."""
        shapes, dx = _backward_problem("average_pool2d_backward", dy, x_shape, pool_size, strides, padding, out)
        apply(shapes, dy, dx, on)
        return dx

    return average_pool2d_backward


def _backward_problem(function: str, dy: Any, x_shape: tuple[int, ...], pool_size: Pair, strides: Pair,
                      padding: Padding, out: Any) -> tuple[Shapes, Any]:
    """(shapes, dx), everything checked. Raises TypeError, ValueError."""
    place_of(dy, out, function=function)
    check_array(function, "dy", dy, ndim=4)
    shapes = make_shapes(function, x_shape, pool_size, strides, padding)
    check_array(function, "dy", dy, shape=(int(x_shape[0]), shapes.p, shapes.q, shapes.c))
    dx = empty(tuple(x_shape), like=dy) if out is None else out
    check_array(function, "out", dx, shape=tuple(x_shape))
    return shapes, dx
