"""The handwritten digits, read by a network whose every gradient is the student's: exercises 1 to 6.

First one neuron (1) learns to tell 0 from all other digits. Then 64 -> 32 -> 10: the student's tape (6) records each
op; a product's backward is dense_backward (3), a bias' add_backward (4), relu's multiply_backward (4) by 0 or 1, the
loss and its gradient are softmax_loss (5). Some slopes are held against numerical_gradient (2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.course.milestones import Reached
from minidl.course.milestones.own import Own
from minidl.course.milestones.training import Curve, digits, shown

NEEDS = (1, 2, 3, 4, 5, 6)
GOAL = ("your tape trains the handwritten digits to at least 95 %", "用你的 tape 训练手写数字，达到至少 95 %")
LEAST = 0.95


def run(own: Own) -> Reached:
    """Train the neuron and the network, and check slopes."""
    (x, labels), (x_test, labels_test) = digits()
    alone = _one_neuron(own, x, labels == 0, x_test, labels_test == 0)
    network = Network(own, x.shape[1], 32, 10)
    worst = network.checked(x[:5].astype(np.float64), labels[:5])
    curve = Curve()
    random = np.random.default_rng(0)
    for _ in range(15):
        losses = []
        for batch in np.array_split(random.permutation(len(x)), len(x) // 32):
            losses.append(network.step(x[batch], labels[batch], 0.2))
        curve.add(float(np.mean(losses)), _share(network, x, labels), _share(network, x_test, labels_test))
    accuracy = curve.test[-1]
    figures = [
        (
            ("one neuron: 0, or another digit", "一个神经元：是不是 0"),
            f"{100 * alone:.1f} % of {len(x_test)} test images",
        ),
        (
            ("network 64 → 32 → 10, 15 epochs", "网络 64 → 32 → 10，15 轮"),
            f"{100 * accuracy:.1f} % (goal {100 * LEAST:.0f} %)",
        ),
        (("gradients by the tape and by nudging, largest difference", "tape 的梯度与数值梯度的最大差"), f"{worst:.1e}"),
    ]
    return Reached(accuracy >= LEAST, figures, shown(curve, network.logits(x_test), labels_test))


def _one_neuron(own: Own, x: np.ndarray, t: np.ndarray, x_test: np.ndarray, t_test: np.ndarray) -> float:
    loss_and_gradients = own["neuron"].loss_and_gradients
    w, b = np.zeros(x.shape[1], np.float32), np.float32(0)
    for _ in range(200):
        _, dw, db = loss_and_gradients(x, t.astype(np.float32), w, b)
        w, b = (w - np.float32(0.5) * dw).astype(np.float32), np.float32(b - 0.5 * np.float32(db))
    return float(((x_test @ w + b > 0) == t_test).mean())


class Network:
    """Two dense layers on the student's tape."""

    def __init__(self, own: Own, *units: int) -> None:
        random = np.random.default_rng(1)
        self.own = own
        self.weights = [
            array
            for d, u in zip(units, units[1:], strict=False)
            for array in ((random.standard_normal((d, u)) * np.sqrt(2 / d)).astype(np.float32), np.zeros(u, np.float32))
        ]

    def loss(self, tape: Any, x: np.ndarray, labels: np.ndarray, weights: list[np.ndarray]) -> Any:
        """The mean loss, computed through the tape."""
        dense, broadcast = self.own["dense_backward"].dense_backward, self.own["broadcast_backward"]
        rows = self.own["softmax_loss"].loss_and_gradient

        def product_backward(dy: Any, a: Any, w: Any) -> tuple[Any, Any]:
            return tuple(dense(dy, a, w)[:2])

        w1, b1, w2, b2 = weights
        h = tape.apply(lambda a, w: a @ w, product_backward, x, w1)
        h = tape.apply(lambda a, b: a + b, broadcast.add_backward, h, b1)
        on = (h > 0).astype(h.dtype)
        h = tape.apply(lambda a, b: a * b, broadcast.multiply_backward, h, on)
        z = tape.apply(lambda a, w: a @ w, product_backward, h, w2)
        z = tape.apply(lambda a, b: a + b, broadcast.add_backward, z, b2)

        def mean(logits: Any) -> Any:
            return np.asarray(rows(logits, labels)[0].mean(), logits.dtype)

        def mean_backward(dy: Any, logits: Any) -> tuple[Any]:
            return (dy * rows(logits, labels)[1] / np.asarray(len(labels), logits.dtype),)

        return tape.apply(mean, mean_backward, z)

    def step(self, x: np.ndarray, labels: np.ndarray, rate: float) -> float:
        """One step of gradient descent; returns the loss before it."""
        tape = self.own["tape"].Tape()
        loss = self.loss(tape, x, labels, self.weights)
        gradients = [np.asarray(tape.gradient(loss, w)) for w in self.weights]
        self.weights = [(w - rate * g).astype(np.float32) for w, g in zip(self.weights, gradients, strict=True)]
        return float(loss)

    def logits(self, x: np.ndarray) -> np.ndarray:
        """What the network says of images."""
        w1, b1, w2, b2 = self.weights
        return np.maximum(x @ w1 + b1, 0) @ w2 + b2

    def checked(self, x: np.ndarray, labels: np.ndarray) -> float:
        """The largest difference between the tape's gradient of the last layer and numerical_gradient's, in float64."""
        weights = [w.astype(np.float64) for w in self.weights]
        tape = self.own["tape"].Tape()
        loss = self.loss(tape, x, labels, weights)
        worst = 0.0
        for k in (2, 3):
            by_tape = np.asarray(tape.gradient(loss, weights[k]))

            def at(w: np.ndarray, k: int = k) -> float:
                return float(self.loss(self.own["tape"].Tape(), x, labels, [*weights[:k], w, *weights[k + 1 :]]))

            by_nudging = self.own["nudge"].numerical_gradient(at, weights[k])
            worst = max(worst, float(np.abs(by_tape - by_nudging).max()))
        return worst


def _share(network: Network, x: np.ndarray, labels: np.ndarray) -> float:
    return float((network.logits(x).argmax(1) == labels).mean())
