"""Four rungs for exercise 55, and the step that each is tried in. Some of them are wrong: `lens.compare` finds out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, float32

import minidl
from minidl import layers

ALL_LANES = 0xF7FFFFFF
SEED = 37


@cuda.jit
def product(a, b, c, rows, cols, inner):
    col, row = cuda.grid(2)
    if row < rows and col < cols:
        total = float32(0)
        for k in range(0, inner - 1, 2):
            total += a[row, k] * b[k, col]
            total += a[row, k + 1] * b[k + 1, col]
        c[row, col] = total


@cuda.jit
def slope(dy, kept, dx, size):
    i = cuda.grid(1)
    if i < size:
        lane = i % 32
        works = (ALL_LANES >> lane) & 1
        dx[i] = dy[i] if kept[i] > 0 and works == 1 else float32(0)


@cuda.jit
def window(x, w, y, pad_top, pad_left):
    i = cuda.grid(1)
    if i < y.size:
        k = i % y.shape[3]
        q = i // y.shape[3] % y.shape[2]
        p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = i // (y.shape[3] * y.shape[2] * y.shape[1])
        total = float32(0)
        for r in range(w.shape[0]):
            for s in range(w.shape[1]):
                h, v = p + r - pad_top, q + s - pad_left
                if h >= 0 and h < x.shape[1] and v >= 0 and v < x.shape[1]:
                    for c in range(x.shape[3]):
                        total += x[n, h, v, c] * w[r, s, c, k]
        y[n, p, q, k] = total


@cuda.jit
def backwards(a, b, c, rows, cols, inner):
    col, row = cuda.grid(2)
    if row < rows and col < cols:
        total = float32(0)
        for k in range(inner - 1, -1, -1):
            total += a[row, k] * b[k, col]
        c[row, col] = total


def step(suspect: str) -> tuple[Any, np.ndarray, np.ndarray, str, dict[str, str]]:
    """Return what `lens.compare` takes: a model, a batch, and two backends; the second runs the suspect's rung.

    suspect : "a", "b", "c" or "d"
    """
    rungs: dict[str, tuple[str, Any, Any, dict[str, str]]] = {
        "a": ("gemm", product, (8, 8), {"dense_forward": "simt:suspect_a"}),
        "b": ("relu_backward", slope, 64, {"relu_backward": "simt:suspect_b"}),
        "c": ("conv2d", window, 64, {"conv2d_forward": "simt:suspect_c"}),
        "d": ("gemm", backwards, (8, 8), {"dense_forward": "simt:suspect_d"}),
    }
    kernel, run, threads, chosen = rungs[suspect]
    minidl.register_kernel(kernel, f"suspect_{suspect}", run, threads=threads, replace=True)
    return *_model(), "numpy", {"*": "numpy", **chosen}


def _model() -> tuple[Any, np.ndarray, np.ndarray]:
    """A network of three layers with weights of a seed, and a batch of 4."""
    draw = np.random.default_rng(SEED)
    model = minidl.Sequential([
        layers.Input((5, 7, 2)), layers.Conv2D(3, 3, padding="same", activation="relu", use_bias=False, name="edges"),
        layers.Flatten(), layers.Dense(6, activation="relu", use_bias=False, name="middle"),
        layers.Dense(3, name="classes"),
    ])  # fmt: skip
    for weight in model.weights:
        weight.assign(draw.normal(size=weight.shape) * 0.3)
    model.compile(minidl.optimizers.SGD(0.1), minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, draw.normal(size=(4, 5, 7, 2)).astype(np.float32), np.array([0, 2, 1, 2])
