"""What every rung of the convolutions agrees on: operands, shapes and their checks, and the host functions.

    y[n, i, j, k] = b[k] + sum over r, s, c of  xpad[n, i*si + r*di, j*sj + s*dj, c] * w[r, s, c, k]

x (N, H, W, C), w (R, S, C // groups, K), b (K,), y (N, P, Q, K). Output channels of group g see the input channels of
group g only. dx, dw, db and dy have the shapes of x, w, b and y.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels._cuda import float32
from cuda_kernels.launch import check_array, empty, place_of
from cuda_kernels.windows import NO_PADDING, Padding, Pair, Problem, Window, make_window


class Shapes(NamedTuple):
    """The sizes of one convolution but for the batch: what fast kernels are compiled for."""

    h: int
    w: int
    c: int
    p: int
    q: int
    k: int
    window: Window
    groups: int

    @property
    def group_c(self) -> int:
        """Input channels of a group."""
        return self.c // self.groups

    @property
    def group_k(self) -> int:
        """Output channels of a group."""
        return self.k // self.groups

    @property
    def taps(self) -> int:
        """R * S."""
        return self.window.taps[0] * self.window.taps[1]


def shapes_of(function: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], strides: Pair, padding: Padding,
              dilation: Pair, groups: int) -> Shapes:
    """The sizes of the convolution of x with w. Raises ValueError if they do not fit together."""
    if len(x_shape) != 4 or len(w_shape) != 4:
        raise ValueError(f"{function}: x must be (N, H, W, C) and w (R, S, C // groups, K). Got x {tuple(x_shape)}, w "
                         f"{tuple(w_shape)}. A grey image needs a channel axis: x[..., None].")
    _, h, w, c = (int(size) for size in x_shape)
    r, s, group_c, k = (int(size) for size in w_shape)
    if not isinstance(groups, int | np.integer) or groups < 1 or c % groups or k % groups:
        raise ValueError(f"{function}: groups must divide the channels, in and out. Got groups {groups!r}, C {c}, "
                         f"K {k}.")
    if group_c * groups != c:
        raise ValueError(f"{function}: x has {c} channels but w expects {group_c * groups}. Got x {tuple(x_shape)}, w "
                         f"{tuple(w_shape)}, groups {groups}. Are the axes (N, H, W, C) and (R, S, C // groups, K)?")
    window = make_window(function, (r, s), strides, padding, dilation)
    p, q = window.outputs(function, h, w)
    return Shapes(h, w, c, p, q, k, window, int(groups))


Apply = Callable[[Problem, str | None], None]  # launches a rung's kernels: apply(problem, on)


def forward(apply: Apply) -> Callable[..., Any]:
    """The host function of a rung of conv2d."""
    def conv2d(x: Any, w: Any, b: Any = None, *, strides: Pair = (1, 1), padding: Padding = NO_PADDING,
               dilation: Pair = (1, 1), groups: int = 1, out: Any = None, on: str | None = None) -> Any:
        """Return y (N, P, Q, K) = conv2d(x, w) + b, float32.

        x (N, H, W, C), w (R, S, C // groups, K), b (K,) or None; padding ((top, bottom), (left, right)).
        Raises TypeError (wrong dtype, arrays in different places), ValueError (shapes, layout, empty, window).
        """
        place_of(x, w, b, out, function="conv2d")
        check_array("conv2d", "x", x, ndim=4)
        check_array("conv2d", "w", w, ndim=4)
        shapes = shapes_of("conv2d", x.shape, w.shape, strides, padding, dilation, groups)
        if b is not None:
            check_array("conv2d", "b", b, ndim=1, shape=(shapes.k,))
        y = empty((x.shape[0], shapes.p, shapes.q, shapes.k), like=x) if out is None else out
        check_array("conv2d", "out", y, shape=(x.shape[0], shapes.p, shapes.q, shapes.k))
        apply(Problem(shapes, int(x.shape[0]), x, w, w.reshape(-1) if b is None else b, y, b is not None), on)
        return y

    return conv2d


def backward_data(apply: Apply) -> Callable[..., Any]:
    """The host function of a rung of conv2d_backward_data."""
    def conv2d_backward_data(dy: Any, w: Any, x_shape: tuple[int, ...], b: Any = None, *, strides: Pair = (1, 1),
                             padding: Padding = NO_PADDING, dilation: Pair = (1, 1), groups: int = 1, out: Any = None,
                             on: str | None = None) -> Any:
        """Return dx, the gradient of conv2d with respect to x (N, H, W, C). Errors as `conv2d`.

        dy (N, P, Q, K), w (R, S, C // groups, K), x_shape (N, H, W, C); the options as in the forward pass. b (C,), if
        given, is added to every pixel.
        """
        function = "conv2d_backward_data"
        place_of(dy, w, b, out, function=function)
        check_array(function, "dy", dy, ndim=4)
        check_array(function, "w", w, ndim=4)
        shapes = shapes_of(function, x_shape, w.shape, strides, padding, dilation, groups)
        _check_dy(function, dy, x_shape, shapes)
        if b is not None:
            check_array(function, "b", b, ndim=1, shape=(shapes.c,))
        dx = empty(tuple(x_shape), like=dy) if out is None else out
        check_array(function, "out", dx, shape=tuple(x_shape))
        apply(Problem(shapes, int(x_shape[0]), dy, w, w.reshape(-1) if b is None else b, dx, b is not None), on)
        return dx

    return conv2d_backward_data


def backward_weights(apply: Apply) -> Callable[..., Any]:
    """The host function of a rung of conv2d_backward_weights."""
    def conv2d_backward_weights(x: Any, dy: Any, w_shape: tuple[int, ...], *, strides: Pair = (1, 1),
                                padding: Padding = NO_PADDING, dilation: Pair = (1, 1), groups: int = 1,
                                out: Any = None, on: str | None = None) -> Any:
        """Return dw, the gradient of conv2d with respect to w. Errors as `conv2d`.

        x (N, H, W, C), dy (N, P, Q, K), w_shape (R, S, C // groups, K); the options as in the forward pass.
        """
        function = "conv2d_backward_weights"
        place_of(x, dy, out, function=function)
        check_array(function, "x", x, ndim=4)
        check_array(function, "dy", dy, ndim=4)
        shapes = shapes_of(function, x.shape, w_shape, strides, padding, dilation, groups)
        _check_dy(function, dy, x.shape, shapes)
        dw = empty(tuple(w_shape), like=x) if out is None else out
        check_array(function, "out", dw, shape=tuple(w_shape))
        apply(Problem(shapes, int(x.shape[0]), x, dy, dy.reshape(-1), dw, False), on)
        return dw

    return conv2d_backward_weights


def _check_dy(function: str, dy: Any, x_shape: tuple[int, ...], shapes: Shapes) -> None:
    expected = (int(x_shape[0]), shapes.p, shapes.q, shapes.k)
    if tuple(dy.shape) != expected:
        raise ValueError(f"{function}: dy must be {expected}, as the output for x {tuple(x_shape)} "
                         f"with {shapes.window}. Got dy {tuple(dy.shape)}. Are strides and padding those of the "
                         "forward pass?")


# -- what the compile gate builds --------------------------------------------------------------------------------------

STRIDED = Window((3, 3), (2, 1), ((1, 1), (1, 1)), (1, 2))
SAME = Window((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
IMAGES = float32[:, :, :, ::1]
WIDE = Shapes(28, 28, 128, 28, 28, 128, SAME, 1)  # a middle layer of a ResNet
