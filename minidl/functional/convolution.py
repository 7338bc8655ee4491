"""Dense, convolutions and pooling, with Keras' arguments: "same" and "valid", one number or a pair."""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError, ShapeError
from minidl.functional.basic import tensor
from minidl.ops.common.windows import resolve_padding
from minidl.tape import apply
from minidl.tensor import Tensor


def pair(value: Any, name: str) -> tuple[int, int]:
    """Return one integer as (n, n), or two as they are."""
    values = (value, value) if isinstance(value, int) else tuple(value)
    if len(values) != 2 or not all(isinstance(v, int) and v >= 1 for v in values):
        raise ArgumentError(f"{name}: one or two positive integers are needed. Got {value!r}.")
    return values


def need_rank(function: str, x: Any, rank: int, axes: str, name: str = "x") -> None:
    """Raise ShapeError unless x has `rank` axes."""
    if len(x.shape) != rank:
        hint = " Is the channel axis missing? x[..., None] adds one." if len(x.shape) == rank - 1 else ""
        raise ShapeError(
            f"{function}: {name} must have {rank} axes, {axes}. Got {len(x.shape)}: {tuple(x.shape)}.{hint}"
        )


def dense(x: Any, w: Any, b: Any = None) -> Tensor:
    """Return x @ w + b over the last axis of x: x (..., C), w (C, K), b (K,) or None."""
    return apply("dense", x, w, b)


def conv2d(
    x: Any, w: Any, b: Any = None, *, strides: Any = 1, padding: Any = "valid", dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Slide the kernel over the images and add the bias (cross-correlation, as in every deep-learning library).

    Parameters
    ----------
    x : (N, H, W, C)
    w : (R, S, C // groups, K)
    b : (K,) or None
    strides, dilation : one number, or one for rows and one for columns
    padding : "valid", "same", a number of zeros, a pair, or ((top, bottom), (left, right))
    groups : the channels are split into this many groups, each with its own kernels

    Returns
    -------
    (N, P, Q, K)

    >>> conv2d([[[[1.0], [2.0], [3.0]]]], [[[[1.0]], [[10.0]]]]).numpy().ravel()
    array([21., 32.], dtype=float32)
    """
    return _convolve("conv2d", x, w, b, "(R, S, C // groups, K)", strides, padding, dilation, groups=groups)


def _convolve(
    op: str, x: Any, w: Any, b: Any, axes: str, strides: Any, padding: Any, dilation: Any, **static: Any
) -> Tensor:
    x, w = tensor(x), tensor(w)
    need_rank(op, x, 4, "(N, H, W, C)")
    need_rank(op, w, 4, axes, name="w")
    strides, dilation = pair(strides, f"{op} strides"), pair(dilation, f"{op} dilation")
    pad = resolve_padding(padding, x.shape[1:3], w.shape[:2], strides, dilation, op)
    return apply(op, x, w, b, strides=strides, padding=pad, dilation=dilation, **static)


def conv1d(
    x: Any, w: Any, b: Any = None, *, strides: int = 1, padding: Any = "valid", dilation: int = 1, groups: int = 1
) -> Tensor:
    """Convolve along one axis, as a conv2d of images one row high: x (N, T, C), w (R, C // groups, K).

    `padding` may also be "causal": zeros before the first step only, so that no output sees its future.
    """
    x, w = tensor(x), tensor(w)
    need_rank("conv1d", x, 3, "(N, T, C)")
    need_rank("conv1d", w, 3, "(R, C // groups, K)", name="w")
    strides, dilation = pair(strides, "conv1d strides")[0], pair(dilation, "conv1d dilation")[0]
    length, taps = x.shape[1], w.shape[0]
    if padding == "causal":
        time = ((taps - 1) * dilation, 0)
    elif isinstance(padding, str | int):
        window = (length, length), (taps, taps), (strides, strides), (dilation, dilation)
        time = resolve_padding(padding, *window, op="conv1d")[0]
    else:
        time = tuple(padding)
    images = x.reshape((-1, 1, *x.shape[1:]))
    kernel = w.reshape((1, *w.shape))
    y = apply(
        "conv2d", images, kernel, b,
        strides=(1, strides), padding=((0, 0), time), dilation=(1, dilation), groups=groups,
    )  # fmt: skip
    return y.reshape((-1, *y.shape[2:]))


def depthwise_conv2d(
    x: Any, w: Any, b: Any = None, *, strides: Any = 1, padding: Any = "valid", dilation: Any = 1
) -> Tensor:
    """Convolve every channel with kernels of its own: x (N, H, W, C), w (R, S, C, M) -> (N, P, Q, C * M)."""
    return _convolve("depthwise_conv2d", x, w, b, "(R, S, C, M)", strides, padding, dilation)


def separable_conv2d(
    x: Any,
    depthwise: Any,
    pointwise: Any,
    b: Any = None,
    *,
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
) -> Tensor:
    """Mix space, then channels: a depthwise convolution followed by a 1×1 one, pointwise (1, 1, C * M, K)."""
    y = depthwise_conv2d(x, depthwise, strides=strides, padding=padding, dilation=dilation)
    return conv2d(y, pointwise, b)


def conv2d_transpose(
    x: Any,
    w: Any,
    b: Any = None,
    *,
    strides: Any = 1,
    padding: Any = "valid",
    output_padding: Any = None,
    dilation: Any = 1,
) -> Tensor:
    """Spread every input cell over the output through the kernel: the gradient of a convolution, run forward.

    x (N, P, Q, C), w (R, S, K, C) -> (N, H, W, K); sizes as in Keras: "same" gives P * stride.
    """
    from minidl.ops.common.windows import resolve_transpose_padding

    x, w = tensor(x), tensor(w)
    need_rank("conv2d_transpose", x, 4, "(N, P, Q, C)")
    need_rank("conv2d_transpose", w, 4, "(R, S, K, C)", name="w")
    strides, dilation = pair(strides, "conv2d_transpose strides"), pair(dilation, "conv2d_transpose dilation")
    pad, extra = resolve_transpose_padding(padding, w.shape[:2], strides, dilation, output_padding)
    return apply(
        "conv2d_transpose", x, w, b, strides=strides, padding=pad, output_padding=extra, dilation=dilation
    )  # fmt: skip


def max_pool2d(x: Any, pool_size: Any = 2, strides: Any = None, padding: Any = "valid") -> Tensor:
    """Return the largest value of every window; its gradient goes to the first of equal ones."""
    return _pool("max_pool2d", x, pool_size, strides, padding)


def average_pool2d(x: Any, pool_size: Any = 2, strides: Any = None, padding: Any = "valid") -> Tensor:
    """Return the mean of every window; padding is left out of the mean."""
    return _pool("average_pool2d", x, pool_size, strides, padding)


def _pool(op: str, x: Any, pool_size: Any, strides: Any, padding: Any) -> Tensor:
    x = tensor(x)
    need_rank(op, x, 4, "(N, H, W, C)")
    pool_size = pair(pool_size, f"{op} pool_size")
    strides = pool_size if strides is None else pair(strides, f"{op} strides")
    pad = resolve_padding(padding, x.shape[1:3], pool_size, strides, (1, 1), op)
    return apply(op, x, pool_size=pool_size, strides=strides, padding=pad)
