"""What the ops on images share: a frame, a bias and its gradient, in recycled memory and long inner loops."""

from __future__ import annotations

import numpy as np

from minidl.backends.cpu import workspace
from minidl.ops.common.windows import NO_PADDING, Padding


def pad_image(x: np.ndarray, padding: Padding) -> np.ndarray:
    """Return x (N, H, W, C) with a frame of zeros; x itself where the frame is empty."""
    if padding == NO_PADDING:
        return x
    (top, bottom), (left, right) = padding
    n, h, w, c = x.shape
    padded = workspace.empty((n, top + h + bottom, left + w + right, c), x.dtype)
    padded[:, :top] = 0
    padded[:, top + h :] = 0
    padded[:, top : top + h, :left] = 0
    padded[:, top : top + h, left + w :] = 0
    padded[:, top : top + h, left : left + w] = x
    return padded


def add_bias(y: np.ndarray, b: np.ndarray) -> None:
    """Add b (K,) to every pixel of y (N, P, Q, K), in place.

    b is repeated for a whole image row: NumPy's inner loop then runs over Q*K numbers instead of K.
    """
    y += np.repeat(b[None], y.shape[2], axis=0)


def bias_gradient(dy: np.ndarray) -> np.ndarray:
    """Return the sum of dy (N, P, Q, K) over all pixels; first over n and i, in runs of Q*K numbers (see above)."""
    return dy.reshape(dy.shape[0] * dy.shape[1], *dy.shape[2:]).sum(axis=0).sum(axis=0)
