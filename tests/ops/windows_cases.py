"""Random geometries and slow loop versions for the ops that slide windows."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


@st.composite
def geometries(draw, *, max_kernel: int = 3, max_dilation: int = 2) -> dict:
    """Draw an image size, a kernel, strides, dilation and a padding such that at least one window fits."""
    kernel = draw(st.tuples(*[st.integers(1, max_kernel)] * 2))
    strides = draw(st.tuples(*[st.integers(1, 3)] * 2))
    dilation = draw(st.tuples(*[st.integers(1, max_dilation)] * 2))
    padding = draw(st.tuples(*[st.tuples(*[st.integers(0, 2)] * 2)] * 2))
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = [max(1, e - sum(p)) for e, p in zip(extents, padding, strict=True)]
    image = tuple(size + draw(st.integers(0, 3)) for size in least)
    return {"image": image, "kernel": kernel, "strides": strides, "dilation": dilation, "padding": padding}


def pad(x: np.ndarray, padding, value: float = 0.0) -> np.ndarray:
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def loop_conv2d(x, w, b, *, strides, padding, dilation, groups) -> np.ndarray:
    """The definition, one output number at a time."""
    x = pad(x, padding)
    r, s, c_group, k = w.shape
    p = (x.shape[1] - (r - 1) * dilation[0] - 1) // strides[0] + 1
    q = (x.shape[2] - (s - 1) * dilation[1] - 1) // strides[1] + 1
    y = np.zeros((x.shape[0], p, q, k), x.dtype)
    for n, i, j, o in np.ndindex(*y.shape):
        first = o // (k // groups) * c_group
        total = 0.0 if b is None else b[o]
        for a, e, c in np.ndindex(r, s, c_group):
            row, column = i * strides[0] + a * dilation[0], j * strides[1] + e * dilation[1]
            total += x[n, row, column, first + c] * w[a, e, c, o]
        y[n, i, j, o] = total
    return y


def loop_conv2d_transpose(x, w, b, *, strides, padding, output_padding, dilation) -> np.ndarray:
    """Scatter one input number after another into the full output, then crop and extend it."""
    n, p, q, c = x.shape
    r, s, k, _ = w.shape
    full_h, full_w = (p - 1) * strides[0] + (r - 1) * dilation[0] + 1, (q - 1) * strides[1] + (s - 1) * dilation[1] + 1
    full = np.zeros((n, full_h + output_padding[0], full_w + output_padding[1], k), x.dtype)
    for image, i, j, a, e in np.ndindex(n, p, q, r, s):
        row, column = i * strides[0] + a * dilation[0], j * strides[1] + e * dilation[1]
        full[image, row, column] += w[a, e] @ x[image, i, j]
    (top, bottom), (left, right) = padding
    y = full[:, top : full.shape[1] - bottom, left : full.shape[2] - right]
    return y if b is None else y + b


def loop_depthwise(x, w, b, *, strides, padding, dilation) -> np.ndarray:
    """One convolution for every channel and multiplier."""
    c, m = w.shape[2:]
    parts = [
        loop_conv2d(
            x[..., i : i + 1], w[:, :, i : i + 1, j : j + 1], None,
            strides=strides, padding=padding, dilation=dilation, groups=1,
        )
        for i in range(c) for j in range(m)
    ]  # fmt: skip
    y = np.concatenate(parts, axis=3)
    return y if b is None else y + b


def loop_pool(x, reduce, *, pool_size, strides, padding) -> np.ndarray:
    """Reduce each window's pixels that lie inside the image."""
    padded = pad(x, padding, np.nan)
    p = (padded.shape[1] - pool_size[0]) // strides[0] + 1
    q = (padded.shape[2] - pool_size[1]) // strides[1] + 1
    y = np.zeros((x.shape[0], p, q, x.shape[3]), x.dtype)
    for n, i, j, c in np.ndindex(*y.shape):
        row, column = i * strides[0], j * strides[1]
        window = padded[n, row : row + pool_size[0], column : column + pool_size[1], c]
        y[n, i, j, c] = reduce(window[~np.isnan(window)])
    return y
