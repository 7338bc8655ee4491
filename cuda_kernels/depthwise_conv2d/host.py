"""What the depthwise rungs share: operands and their checks, and the host functions.

    y[n, i, j, c*M + m] = b[c*M + m] + sum over r, s of  xpad[n, i*si + r*di, j*sj + s*dj, c] * w[r, s, c, m]

x (N, H, W, C), w (R, S, C, M), b (C*M,), y (N, P, Q, C*M). Channels are not mixed: there is no matrix product, and a
kernel is as fast as it moves x and y.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cuda_kernels._cuda import float32
from cuda_kernels.launch import check_array, empty, is_aligned, place_of
from cuda_kernels.windows import NO_PADDING, Padding, Pair, Problem, Window, make_window


class Shapes(NamedTuple):
    """The sizes of one depthwise convolution but for the batch; m is Keras' depth_multiplier."""

    h: int
    w: int
    c: int
    m: int
    p: int
    q: int
    window: Window


def is_wide(p: Problem) -> bool:
    """Do four neighbouring channels lie together in every array, and on 16 bytes?"""
    return p.shapes.m == 1 and p.shapes.c % 4 == 0 and all(is_aligned(a) for a in (p.a, p.b, p.out))


def shapes_of(function: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], strides: Pair, padding: Padding,
              dilation: Pair) -> Shapes:
    """The sizes of the convolution of x with w. Raises ValueError if they do not fit together."""
    if len(x_shape) != 4 or len(w_shape) != 4:
        raise ValueError(f"{function}: x must be (N, H, W, C) and w (R, S, C, M). Got x {tuple(x_shape)}, w "
                         f"{tuple(w_shape)}.")
    _, h, w, c = (int(size) for size in x_shape)
    r, s, w_c, m = (int(size) for size in w_shape)
    if w_c != c:
        raise ValueError(f"{function}: x has {c} channels but w expects {w_c}. Got x {tuple(x_shape)}, w "
                         f"{tuple(w_shape)}. Are the axes (N, H, W, C) and (R, S, C, M)?")
    window = make_window(function, (r, s), strides, padding, dilation)
    return Shapes(h, w, c, m, *window.outputs(function, h, w), window)


Apply = Callable[[Problem, str | None], None]  # launches a rung's kernels: apply(problem, on)


def forward(apply: Apply) -> Callable[..., Any]:
    """The host function of a rung of depthwise_conv2d."""
    def depthwise_conv2d(x: Any, w: Any, b: Any = None, *, strides: Pair = (1, 1), padding: Padding = NO_PADDING,
                         dilation: Pair = (1, 1), out: Any = None, on: str | None = None) -> Any:
        """Return y (N, P, Q, C*M) of x (N, H, W, C), w (R, S, C, M), b (C*M,) or None. Raises TypeError, ValueError."""
        function = "depthwise_conv2d"
        place_of(x, w, b, out, function=function)
        check_array(function, "x", x, ndim=4)
        check_array(function, "w", w, ndim=4)
        shapes = shapes_of(function, x.shape, w.shape, strides, padding, dilation)
        y_shape = (int(x.shape[0]), shapes.p, shapes.q, shapes.c * shapes.m)
        if b is not None:
            check_array(function, "b", b, ndim=1, shape=y_shape[3:])
        y = empty(y_shape, like=x) if out is None else out
        check_array(function, "out", y, shape=y_shape)
        apply(Problem(shapes, y_shape[0], x, w, w.reshape(-1) if b is None else b, y, b is not None), on)
        return y

    return depthwise_conv2d


def backward_data(apply: Apply) -> Callable[..., Any]:
    """The host function of a rung of depthwise_conv2d_backward_data."""
    def depthwise_conv2d_backward_data(dy: Any, w: Any, x_shape: tuple[int, ...], *, strides: Pair = (1, 1),
                                       padding: Padding = NO_PADDING, dilation: Pair = (1, 1), out: Any = None,
                                       on: str | None = None) -> Any:
        """Return dx (N, H, W, C) from dy (N, P, Q, C*M) and w (R, S, C, M). Raises TypeError, ValueError."""
        function = "depthwise_conv2d_backward_data"
        place_of(dy, w, out, function=function)
        check_array(function, "w", w, ndim=4)
        shapes = shapes_of(function, x_shape, w.shape, strides, padding, dilation)
        check_array(function, "dy", dy, shape=(int(x_shape[0]), shapes.p, shapes.q, shapes.c * shapes.m))
        dx = empty(tuple(x_shape), like=dy) if out is None else out
        check_array(function, "out", dx, shape=tuple(x_shape))
        apply(Problem(shapes, int(x_shape[0]), dy, w, None, dx, False), on)
        return dx

    return depthwise_conv2d_backward_data


def backward_weights(apply: Apply) -> Callable[..., Any]:
    """The host function of a rung of depthwise_conv2d_backward_weights."""
    def depthwise_conv2d_backward_weights(x: Any, dy: Any, w_shape: tuple[int, ...], *, strides: Pair = (1, 1),
                                          padding: Padding = NO_PADDING, dilation: Pair = (1, 1), out: Any = None,
                                          on: str | None = None) -> Any:
        """Return dw (R, S, C, M) from x (N, H, W, C) and dy (N, P, Q, C*M). Raises TypeError, ValueError."""
        function = "depthwise_conv2d_backward_weights"
        place_of(x, dy, out, function=function)
        check_array(function, "x", x, ndim=4)
        shapes = shapes_of(function, x.shape, w_shape, strides, padding, dilation)
        check_array(function, "dy", dy, shape=(int(x.shape[0]), shapes.p, shapes.q, shapes.c * shapes.m))
        dw = empty(tuple(w_shape), like=x) if out is None else out
        check_array(function, "out", dw, shape=tuple(w_shape))
        apply(Problem(shapes, int(x.shape[0]), x, dy, None, dw, False), on)
        return dw

    return depthwise_conv2d_backward_weights


# -- what the compile gate builds --------------------------------------------------------------------------------------

STRIDED = Window((3, 3), (2, 1), ((1, 1), (1, 1)), (1, 2))
EXAMPLE = Shapes(28, 28, 64, 1, 28, 28, Window((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)))
IMAGES = float32[:, :, :, ::1]
