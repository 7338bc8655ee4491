"""The training of exercise 56: `problem()` gives what its `train` takes."""

from __future__ import annotations

import functools

import numpy as np

NOT_SCALED = 661  # it came from another scanner


@functools.lru_cache(maxsize=1)
def _digits() -> tuple[np.ndarray, np.ndarray]:
    from minidl.datasets import digits

    (x, y), _ = digits.load_data()
    x = (x[:720].reshape(720, 64) / 16).astype("float32")
    x[NOT_SCALED] *= 16
    return x, np.eye(10, dtype="float32")[y[:720]]


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, float, int]:
    """Return images (720, 64), labels (720, 10), the weights to begin with, the rate and the number of steps."""
    x, t = _digits()
    return x.copy(), t.copy(), np.zeros((64, 10), np.float32), 1.7, 46
