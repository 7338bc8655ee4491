"""The geometry of sliding windows: output sizes, padding, and the windows of an image as one array.

One axis at a time, with a kernel of `kernel` taps that are `dilation` cells apart, the window covers
`extent = (kernel - 1) * dilation + 1` cells, and moves by `stride`:

    output size = (before + size + after - extent) // stride + 1

Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.ops.common.checks import require_float

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  # ((top, bottom), (left, right))
NO_PADDING: Padding = ((0, 0), (0, 0))


def window_extent(kernel: int, dilation: int = 1) -> int:
    """Return how many cells a kernel spans.

    >>> window_extent(3, dilation=2)
    5
    """
    return (kernel - 1) * dilation + 1


def conv_output_size(size: int, kernel: int, stride: int = 1, dilation: int = 1, padding: Pair = (0, 0)) -> int:
    """Return how many windows fit along one axis (0 or less where none does).

    >>> conv_output_size(32, 3), conv_output_size(32, 3, stride=2, padding=(0, 1))
    (30, 16)
    """
    return (padding[0] + size + padding[1] - window_extent(kernel, dilation)) // stride + 1


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> Pair:
    """Return (before, after) so that the output has ceil(size / stride) cells; an odd cell goes after (TensorFlow).

    >>> same_padding(5, 3), same_padding(5, 2), same_padding(6, 3, stride=2)
    ((1, 1), (0, 1), (0, 1))
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + window_extent(kernel, dilation) - size, 0)
    return total // 2, total - total // 2


def resolve_padding(
    padding: str | int | Sequence[Any],
    input_hw: Pair,
    kernel_hw: Pair,
    strides: Pair,
    dilation: Pair = (1, 1),
    op: str = "padding",
) -> Padding:
    """Return ((top, bottom), (left, right)) for any way of writing a padding.

    Parameters
    ----------
    padding : "valid" (none), "same" (output = ceil(input / stride)), a number of cells for all four sides,
        a pair (rows, columns), or ((top, bottom), (left, right))
    input_hw, kernel_hw, strides, dilation : one entry for rows, one for columns
    op : whose padding it is, for the messages

    Raises
    ------
    ArgumentError : another padding, or a negative one
    ShapeError : the kernel is larger than the padded image

    >>> resolve_padding("same", (5, 8), (3, 2), (1, 2))
    ((1, 1), (0, 0))
    >>> resolve_padding((1, 2), (5, 8), (3, 3), (1, 1))
    ((1, 1), (2, 2))
    """
    check_steps(op, strides=strides, dilation=dilation)
    if padding == "valid":
        explicit: Padding = ((0, 0), (0, 0))
    elif padding == "same":
        rows, columns = (same_padding(*axis) for axis in zip(input_hw, kernel_hw, strides, dilation, strict=True))
        explicit = (rows, columns)
    else:
        explicit = explicit_padding(padding)
    window_output_hw(op, input_hw, kernel_hw, strides, explicit, dilation)
    return explicit


def explicit_padding(padding: Any) -> Padding:
    """Return a number, a pair or a pair of pairs as ((top, bottom), (left, right)), or raise `ArgumentError`."""
    if _is_count(padding):
        return (padding, padding), (padding, padding)
    if isinstance(padding, tuple | list) and len(padding) == 2:
        sides = [(side, side) if _is_count(side) else side for side in padding]
        if all(map(_is_pair, sides)):
            return tuple(sides[0]), tuple(sides[1])
    hint = ""
    if isinstance(padding, str):
        hint = " 'causal' exists for conv1d only." if padding == "causal" else " Names are written in lower case."
    raise ArgumentError(
        "padding: must be 'valid', 'same', an integer ≥ 0, a pair of them, or ((top, bottom), (left, right)). "
        f"Got {padding!r}.{hint}"
    )


def window_output_hw(
    op: str, input_hw: Pair, kernel_hw: Pair, strides: Pair, padding: Padding, dilation: Pair = (1, 1)
) -> Pair:
    """Return (P, Q), how many windows fit, or raise `ShapeError` where none does."""
    p, q = (
        conv_output_size(size, kernel, stride, step, sides)
        for size, kernel, stride, step, sides in zip(input_hw, kernel_hw, strides, dilation, padding, strict=True)
    )
    if p < 1 or q < 1:
        spanned = tuple(window_extent(*axis) for axis in zip(kernel_hw, dilation, strict=True))
        raise ShapeError(
            f"{op}: the kernel is larger than the padded image. Got kernel {tuple(kernel_hw)} spanning {spanned} cells "
            f"(dilation {tuple(dilation)}) on an image {tuple(input_hw)} with padding {padding}. "
            "Has the network pooled the image away, or are the axes not (N, H, W, C)?"
        )
    return p, q


def check_steps(op: str, **steps: Any) -> None:
    """Raise `ArgumentError` unless every argument is a pair of integers ≥ 1."""
    for name, pair in steps.items():
        if not _is_pair(pair) or min(pair) < 1:
            raise ArgumentError(f"{op}: {name} must be two integers ≥ 1, for rows and columns. Got {pair!r}.")


def check_padding(op: str, padding: Any) -> None:
    """Raise `ArgumentError` unless padding is ((top, bottom), (left, right)) of integers ≥ 0."""
    if not _is_pair(padding, _is_pair):
        raise ArgumentError(
            f"{op}: padding must be ((top, bottom), (left, right)) of integers ≥ 0. Got {padding!r}. "
            "windows.resolve_padding turns 'same', 'valid' and numbers into this form."
        )


def check_output_padding(op: str, output_padding: Any) -> None:
    """Raise `ArgumentError` unless output_padding is a pair of integers ≥ 0."""
    if not _is_pair(output_padding):
        raise ArgumentError(
            f"{op}: output_padding must be two integers ≥ 0, for rows and columns. Got {output_padding!r}."
        )


def check_convolution(
    op: str, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, axes: str, strides: Pair, padding: Padding,
    dilation: Pair,
) -> None:  # fmt: skip
    """Raise unless x, w and b are float arrays, x and w of four `axes`, and the static values in the forms above."""
    require_float(op, **{name: a for name, a in (("x", x), ("w", w), ("b", b)) if a is not None})
    check_steps(op, strides=strides, dilation=dilation)
    check_padding(op, padding)
    if x.ndim != 4 or w.ndim != 4:
        raise ShapeError(
            f"{op}: x must be {axes}. Got x {x.shape}, w {w.shape}. A grey image needs a channel axis: x[..., None]."
        )


def check_channels(
    op: str, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, channels: int, outputs: int, likely: str
) -> None:
    """Raise `ShapeError` unless x has the `channels` that w expects, and b one number an output channel."""
    if x.shape[3] != channels:
        raise ShapeError(
            f"{op}: x has {x.shape[3]} channels but w expects {channels}. Got x {x.shape}, w {w.shape}. {likely}"
        )
    if b is not None and b.shape != (outputs,):
        raise ShapeError(f"{op}: b must be ({outputs},), one number an output channel. Got b {b.shape}, w {w.shape}.")


def check_conv2d(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, strides: Pair, padding: Padding, dilation: Pair, groups: int
) -> Pair:
    """Raise unless the arguments are as `conv2d_forward` says. Return (P, Q)."""
    axes = "(N, H, W, C) and w (R, S, C // groups, K)"
    check_convolution("conv2d", x, w, b, axes, strides, padding, dilation)
    c, k = x.shape[3], w.shape[3]
    if not isinstance(groups, int) or groups < 1 or c % groups or k % groups:
        raise ArgumentError(
            f"conv2d: groups must divide the channels, in and out. Got groups {groups!r}, C {c}, K {k}."
        )
    check_channels("conv2d", x, w, b, w.shape[2] * groups, k, f"groups {groups}. Are the axes x {axes}?")
    return window_output_hw("conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilation)


def check_pool2d(op: str, x: np.ndarray, pool_size: Pair, strides: Pair, padding: Padding) -> Pair:
    """Raise unless the arguments are as `max_pool2d_forward` says. Return (P, Q)."""
    require_float(op, x=x)
    check_steps(op, pool_size=pool_size, strides=strides)
    check_padding(op, padding)
    if x.ndim != 4:
        raise ShapeError(f"{op}: x must be (N, H, W, C). Got {x.shape}. Grey images need a channel axis: x[..., None].")
    for pool, sides in zip(pool_size, padding, strict=True):
        if max(sides) >= pool:
            raise ArgumentError(
                f"{op}: padding must be smaller than the pool, or a window would see no pixel at all. "
                f"Got pool_size {pool_size}, padding {padding}."
            )
    return window_output_hw(op, x.shape[1:3], pool_size, strides, padding)


def _is_pair(value: Any, holds: Callable[[Any], bool] | None = None) -> bool:
    """Whether a value is two of what `holds` says, integers ≥ 0 by default."""
    return isinstance(value, tuple | list) and len(value) == 2 and all(map(holds or _is_count, value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 0)


def conv2d_transpose_output_size(
    size: int, kernel: int, stride: int = 1, dilation: int = 1, padding: Pair = (0, 0), output_padding: int = 0
) -> int:
    """Return the output cells of a transposed convolution along one axis.

    The inverse of `conv_output_size`; as several inputs of a strided convolution have one output size,
    `output_padding` says which of them is meant.

    >>> conv2d_transpose_output_size(4, 3, stride=2), conv2d_transpose_output_size(4, 3, 2, 1, (0, 1))
    (9, 8)
    """
    return (size - 1) * stride + window_extent(kernel, dilation) - padding[0] - padding[1] + output_padding


def resolve_transpose_padding(
    padding: str | int | Sequence[Any],
    kernel_hw: Pair,
    strides: Pair,
    dilation: Pair = (1, 1),
    output_padding: int | Sequence[int] | None = None,
) -> tuple[Padding, Pair]:
    """Return ((top, bottom), (left, right)) and (rows, columns) of output padding, by the rules of Keras 3.

    With `output_padding=None`, "same" gives size * stride output cells, and "valid" gives
    (size - 1) * stride + max(extent, stride). An explicit padding crops the full output, and None adds nothing to it.

    >>> resolve_transpose_padding("same", (3, 2), (2, 2))
    (((0, 1), (0, 0)), (0, 0))
    >>> resolve_transpose_padding("valid", (2, 2), (3, 3))
    (((0, 0), (0, 0)), (1, 1))
    """
    check_steps("padding", strides=strides, dilation=dilation)
    extra: Any = output_padding
    if output_padding is None or _is_count(output_padding):
        extra = (output_padding, output_padding)
    if not _is_pair(extra, lambda value: value is None or _is_count(value)):
        raise ArgumentError(f"output_padding: must be None, an integer ≥ 0 or two of them. Got {output_padding!r}.")
    for value, stride in zip(extra, strides, strict=True):
        if value is not None and value >= stride:
            raise ArgumentError(
                f"output_padding: must be smaller than the stride. Got {output_padding!r} with strides {strides}. "
                "A larger one would only append cells that no input reaches."
            )
    if padding in ("same", "valid"):
        extents = [window_extent(*axis) for axis in zip(kernel_hw, dilation, strict=True)]
        rows, columns = (
            _transpose_axis(padding == "same", *axis) for axis in zip(extents, strides, extra, strict=True)
        )
        return (rows[0], columns[0]), (rows[1], columns[1])
    return explicit_padding(padding), (extra[0] or 0, extra[1] or 0)


def _transpose_axis(same: bool, extent: int, stride: int, extra: int | None) -> tuple[Pair, int]:
    """Return ((before, after), output_padding) of one axis.

    `lead` and `trail` are the zeros that stand around the (spread) input when the transposed convolution is computed as
    a full one: cropping `before` cells of the output is the same as having extent - 1 - before zeros in front.
    """
    if not same:
        return (0, 0), max(stride - extent, 0) if extra is None else extra
    zeros = stride + extent - 2 if extra is None else extent + extent % 2 - 2 + extra
    lead = min(zeros - zeros // 2, extent - 1)
    trail = zeros - lead
    before, after = extent - 1 - lead, extent - 1 - trail
    return (before, max(after, 0)), max(-after, 0)


def pad_image(x: np.ndarray, padding: Padding, value: float = 0.0) -> np.ndarray:
    """Return x (N, H, W, C) with a frame of `value`; x itself where the frame is empty.

    >>> pad_image(np.ones((1, 1, 1, 1)), ((0, 1), (1, 0)))[0, :, :, 0]
    array([[0., 1.],
           [0., 0.]])
    """
    if not any(before or after for before, after in padding):
        return x
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def tap_indices(
    tap: Pair, input_hw: Pair, output_hw: Pair, strides: Pair, padding: Padding, dilation: Pair = (1, 1)
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return which pixels of x (N, H, W, ...) tap (r, s) of the kernel meets, and which windows of y meet them.

    Two indices of equal length: over all windows at once, `x[pixels]` is what `y[windows]` sees through this tap.
    Windows whose tap falls on the padding are left out, so the padding need not exist in memory.

    >>> x = np.array([10.0, 11.0, 12.0]).reshape(1, 1, 3)
    >>> pixels, windows = tap_indices((0, 0), (1, 3), (1, 3), (1, 1), ((0, 0), (1, 1)))
    >>> x[pixels], windows[2]  # window 0 has its first tap on the padding
    (array([[[10., 11.]]]), slice(1, 3, None))
    """
    pixels, windows = [slice(None)], [slice(None)]
    for t, size, outputs, stride, (before, _), step in zip(
        tap, input_hw, output_hw, strides, padding, dilation, strict=True
    ):
        offset = t * step - before  # window i meets pixel i * stride + offset
        first = max(0, -(offset // stride))
        last = max(first, min(outputs, (size - 1 - offset) // stride + 1))
        windows.append(slice(first, last))
        start = first * stride + offset
        pixels.append(slice(start, start + (last - first - 1) * stride + 1 if last > first else start, stride))
    return tuple(pixels), tuple(windows)


def taps_of(
    x_shape: tuple[int, ...], output_hw: Pair, pool_size: Pair, strides: Pair, padding: Padding
) -> list[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Return (pixels, windows) of every place (r, s) in the pool, in scan order (see `tap_indices`)."""
    _, h, w, _ = x_shape
    return [tap_indices(tap, (h, w), output_hw, strides, padding) for tap in np.ndindex(*pool_size)]


def cells_inside(
    x_shape: tuple[int, ...], output_hw: Pair, pool_size: Pair, strides: Pair, padding: Padding
) -> np.ndarray:
    """Return how many pixels of each window lie inside the image, (P, Q, 1): rows inside times columns inside."""
    inside = []
    for size, outputs, pool, stride, (before, _) in zip(
        x_shape[1:3], output_hw, pool_size, strides, padding, strict=True
    ):
        start = np.arange(outputs) * stride - before
        inside.append(np.minimum(start + pool, size) - np.maximum(start, 0))
    return inside[0][:, None, None] * inside[1][None, :, None]


def pool_windows(
    op: str, x: np.ndarray, pool_size: Pair, strides: Pair, padding: Padding, outside: float
) -> np.ndarray:
    """Return the windows of a pool as a view (N, P, Q, R, S, C), with `outside` where they leave the image."""
    output_hw = check_pool2d(op, x, pool_size, strides, padding)
    return window_view(pad_image(x, padding, outside), pool_size, output_hw, strides)


def window_view(
    x: np.ndarray, kernel_hw: Pair, output_hw: Pair, strides: Pair, dilation: Pair = (1, 1), writeable: bool = False
) -> np.ndarray:
    """Return all windows of x (N, H, W, C), already padded, as a view (N, P, Q, R, S, C): nothing is copied.

    A pixel is in several windows. Who writes does so tap by tap: no two windows meet a pixel with the same tap.

    >>> window_view(np.arange(4.0).reshape(1, 1, 4, 1), (1, 2), (1, 3), (1, 1), (1, 1))[0, 0, :, 0, :, 0]
    array([[0., 1.],
           [1., 2.],
           [2., 3.]])
    """
    batch, row, column, channel = x.strides
    return np.lib.stride_tricks.as_strided(
        x,
        (x.shape[0], *output_hw, *kernel_hw, x.shape[3]),
        (batch, row * strides[0], column * strides[1], row * dilation[0], column * dilation[1], channel),
        writeable=writeable,
    )
