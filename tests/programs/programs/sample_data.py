"""Small data for the programs: real digits that ship with the project, and pictures, sounds and texts made on the spot.

Nothing here imports Keras or minidl, so that a program's data is the same under both.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[3]


def digits(test_size=360):
    """Return (x_train, y_train), (x_test, y_test): 8 x 8 handwritten digits, uint8 in 0..16."""
    with np.load(PROJECT / "minidl" / "datasets" / "digits.npz") as file:
        x, y = file["x"], file["y"]
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order]
    return (x[:-test_size], y[:-test_size]), (x[-test_size:], y[-test_size:])


def medical_records(samples=768, seed=7):
    """Return x (N, 8), y (N,) in {0, 1}: eight measurements of a patient, and a diagnosis that follows from them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, 8)).astype("float32")
    risk = 1.5 * x[:, 1] + x[:, 5] + x[:, 1] * x[:, 5] - 0.5 * x[:, 7] ** 2
    y = (risk + 0.3 * rng.normal(size=samples) > 0).astype("int32")
    return x, y


def houses(samples=400, seed=3):
    """Return x (N, 13), y (N,): thirteen measurements of very different size, and a price in thousands."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-1, 3, size=13)
    z = rng.normal(size=(samples, 13))
    price = 22.0 + z[:, :5] @ np.array([3.0, -2.0, 2.5, 1.5, -1.0]) + 1.5 * z[:, 0] * z[:, 1]
    return (z * scale + 2 * scale).astype("float32"), (price + rng.normal(size=samples)).astype("float32")


def parts(samples=400, size=24, seed=1, defect_share=0.5):
    """Return x (N, size, size, 1) uint8, y (N,): grey pictures of a machined plate; 1 where a scratch crosses it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(110, 12, size=(samples, size, size))
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    x += 40 * (np.hypot(rows, columns) < size * 0.4)
    y = (rng.random(samples) < defect_share).astype("int32")
    for i in np.flatnonzero(y):
        angle, offset = rng.uniform(0, np.pi), rng.uniform(-size / 6, size / 6)
        away = np.abs(rows * np.cos(angle) + columns * np.sin(angle) - offset)
        x[i, away < 1.0] -= 70
    return np.clip(x, 0, 255).astype("uint8")[..., None], y


def shapes(samples=600, size=16, seed=2):
    """Return x (N, size, size, 3) uint8, y (N,): a disc (0), square (1), cross (2) or stripes (3) in some colour."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, samples)
    x = rng.normal(60, 10, size=(samples, size, size, 3))
    for picture, label in zip(x, y, strict=True):
        centre = rng.uniform(size * 0.4, size * 0.6, 2)
        rows, columns = np.abs(np.mgrid[:size, :size] - centre[:, None, None])
        radius = rng.uniform(size * 0.22, size * 0.35)
        inside = (
            np.hypot(rows, columns) < radius,
            np.maximum(rows, columns) < radius * 0.9,
            (np.minimum(rows, columns) < radius * 0.3) & (np.maximum(rows, columns) < radius * 1.2),
            (rows.round().astype(int) % 4 < 2) & (columns < radius * 1.3),
        )[label]
        picture[inside] = rng.uniform(130, 250, 3)
    return np.clip(x, 0, 255).astype("uint8"), y.astype("int32")


def reviews(samples=600, words=200, seed=4):
    """Return sequences (lists of word numbers, 1 to `words` - 1, of different lengths) and labels: 1 for praise.

    Words below 20 are good, those from 20 to 39 bad, the others say nothing.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, samples)
    sequences = []
    for label in labels:
        neutral = rng.integers(40, words, rng.integers(8, 30))
        telling = rng.integers(1, 20, rng.integers(2, 5)) + (0 if label else 19)
        sequences.append(rng.permutation(np.concatenate([neutral, telling])).tolist())
    return sequences, labels.astype("int32")


def sine_with_noise(steps=1000, seed=5):
    """Return a series (T,): two sines and some noise."""
    t = np.arange(steps)
    noise = np.random.default_rng(seed).normal(scale=0.05, size=steps)
    return (np.sin(t * 0.2) + 0.5 * np.sin(t * 0.053) + noise).astype("float32")


def imbalanced(samples=2000, share=0.06, seed=6):
    """Return x (N, 10), y (N,): few frauds among many transactions."""
    rng = np.random.default_rng(seed)
    y = (rng.random(samples) < share).astype("int32")
    x = rng.normal(size=(samples, 10)).astype("float32")
    x[y == 1, :3] += 1.3
    return x, y
