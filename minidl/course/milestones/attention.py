"""The digits, looked up by attention: exercise 48.

A training image is a key of 8 numbers, and its value is its class, one of 8 (the digits 0 to 7). A test image is a
query: it looks at all keys and takes the mean of their values, weighted by how well they fit. So `o` holds how likely
each class is: attention is a dictionary in which every entry that is near counts. Nothing is trained; the 8 numbers of
an image are its shares of the directions in which the training images differ most (principal components).
"""

from __future__ import annotations

import numpy as np

from minidl.course.milestones import Reached
from minidl.course.milestones.own import Own, launched
from minidl.course.milestones.training import confusion, digits

NEEDS = (48,)
GOAL = (
    "your attention looks up the digits 0 to 7 among 1,150 others, at least 93 % right, and equals NumPy to 1e-5",
    "你的注意力在 1,150 张图中查找数字 0 到 7，至少 93 % 正确，并与 NumPy 相差不超过 1e-5",
)
LEAST, NEAR = 0.93, 1e-5
CLASSES = SIZE = 8
SCALE = 20.0


def run(own: Own) -> Reached:
    """Look all test images up in one launch."""
    (x, labels), (x_test, labels_test) = digits()
    x, labels, x_test, labels_test = x[labels < CLASSES], labels[labels < CLASSES], x_test[labels_test < CLASSES], \
        labels_test[labels_test < CLASSES]  # fmt: skip
    mean = x.mean(0)
    directions = np.linalg.svd(x - mean, full_matrices=False)[2][:SIZE].T
    keys, queries = _unit((x - mean) @ directions), _unit((x_test - mean) @ directions)
    values = np.eye(CLASSES, dtype=np.float32)[labels]
    o = np.full((len(queries), SIZE), np.nan, np.float32)
    report = launched(
        own["attention"].attention, -(-len(queries) // 32), 32, queries, keys, values, o, np.float32(SCALE)
    )
    scores = SCALE * queries.astype(np.float64) @ keys.T.astype(np.float64)
    p = np.exp(scores - scores.max(1, keepdims=True))
    right = p @ values / p.sum(1, keepdims=True)
    apart = float(np.abs(o - right).max())
    accuracy = float((o.argmax(1) == labels_test).mean())
    f = report.figures
    figures = [
        (
            (f"of {len(queries)} test images", f"{len(queries)} 张测试图中"),
            f"{100 * accuracy:.1f} % (goal {100 * LEAST:.0f} %)",
        ),
        (("largest difference from NumPy, float64", "与 NumPy（float64）的最大差"), f"{apart:.1e} (goal {NEAR:.0e})"),
        (("scores that were never written", "从未写出的分数"), f"{len(queries) * len(keys):,}"),
        (("sectors loaded and stored", "读和写的扇区"), f"{f.global_load_sectors:,} and {f.global_store_sectors:,}"),
    ]
    passed = accuracy >= LEAST and apart <= NEAR and not report.faults
    return Reached(passed, figures, [confusion(o, labels_test)])


def _unit(x: np.ndarray) -> np.ndarray:
    """Rows of length 1, so that a product of two says how alike they are."""
    return np.ascontiguousarray(x / np.linalg.norm(x, axis=1, keepdims=True), np.float32)
