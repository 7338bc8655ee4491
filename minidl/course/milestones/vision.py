"""MNIST, read by a convolutional network whose backwards are the student's: exercises 8 to 11.

conv 5 x 5 stride 2 -> batch norm -> relu -> max pool 2 -> conv 3 x 3 -> batch norm -> relu -> dense. Both convolutions
and their backwards (8, 9), the pooling's (10) and batch normalisation's backward (11) are the student's; relu, dense,
the loss and the forwards of pooling and normalisation stand here, a line or two each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.course.milestones import Reached
from minidl.course.milestones.own import Own
from minidl.course.milestones.training import Curve, mnist, shown

NEEDS = (8, 9, 10, 11)
GOAL = (
    "your convolutions train MNIST (5,000 images) to at least 93 %",
    "用你的卷积训练 MNIST（5,000 张图），达到至少 93 %",
)
LEAST = 0.93
EPSILON = np.float32(1e-5)
EPOCHS, BATCH, RATE, MOMENTUM = 3, 32, 0.05, 0.9


def run(own: Own) -> Reached:
    """Train the network."""
    (x, labels), (x_test, labels_test) = mnist()
    network = Network(own)
    curve = Curve()
    random = np.random.default_rng(0)
    for _ in range(EPOCHS):
        losses, right = [], 0
        for batch in np.array_split(random.permutation(len(x)), len(x) // BATCH):
            loss, good = network.step(x[batch], labels[batch])
            losses.append(loss)
            right += good
        test = float((network.logits(x_test).argmax(1) == labels_test).mean())
        curve.add(float(np.mean(losses)), right / len(x), test)
    goal = f"{100 * curve.test[-1]:.1f} % (goal {100 * LEAST:.0f} %)"
    figures = [
        (
            (f"after {EPOCHS} epochs, of {len(x_test):,} test images", f"{EPOCHS} 轮之后，{len(x_test):,} 张测试图"),
            goal,
        ),
        (("weights", "权重个数"), f"{sum(w.size for w in network.weights.values()):,}"),
    ]
    return Reached(curve.test[-1] >= LEAST, figures, shown(curve, network.logits(x_test), labels_test))


class Network:
    """Its weights, and what one step does with them."""

    def __init__(self, own: Own) -> None:
        self.conv, self.conv_backward = own["conv_forward"].conv2d, own["conv_backward"].conv2d_backward
        self.pool_backward, self.norm_backward = (
            own["pool_backward"].max_pool_backward,
            own["batchnorm_backward"].backward,
        )
        random = np.random.default_rng(1)

        def drawn(*shape: int) -> np.ndarray:
            return (random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32)

        self.weights = {
            "w1": drawn(5, 5, 1, 8), "b1": np.zeros(8, np.float32), "gamma1": np.ones(8, np.float32),
            "beta1": np.zeros(8, np.float32), "w2": drawn(3, 3, 8, 16), "b2": np.zeros(16, np.float32),
            "gamma2": np.ones(16, np.float32), "beta2": np.zeros(16, np.float32), "w3": drawn(7 * 7 * 16, 10),
            "b3": np.zeros(10, np.float32),
        }  # fmt: skip
        self.velocity = {name: np.zeros_like(w) for name, w in self.weights.items()}
        self.running = {name: [np.zeros(n, np.float32), np.ones(n, np.float32)] for name, n in (("1", 8), ("2", 16))}

    def normalised(self, x: np.ndarray, which: str, training: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return y, and what the backward is given: n and 1 / the standard deviation."""
        kept = self.running[which]
        if training:
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
            kept[0], kept[1] = 0.9 * kept[0] + 0.1 * mean, 0.9 * kept[1] + 0.1 * variance
        else:
            mean, variance = kept
        inv_std = (1 / np.sqrt(variance + EPSILON)).astype(np.float32)
        n = ((x - mean) * inv_std).astype(np.float32)
        return self.weights[f"gamma{which}"] * n + self.weights[f"beta{which}"], n, inv_std

    def forward(self, x: np.ndarray, training: bool) -> dict[str, Any]:
        """Return every value on the way, by name."""
        w = self.weights
        kept: dict[str, Any] = {"x": x}
        y, kept["n1"], kept["std1"] = self.normalised(self.conv(x, w["w1"], w["b1"], 2, 2), "1", training)
        kept["h1"] = np.maximum(y, 0)
        images, high, wide, channels = kept["h1"].shape
        kept["p1"] = kept["h1"].reshape(images, high // 2, 2, wide // 2, 2, channels).max((2, 4))
        y, kept["n2"], kept["std2"] = self.normalised(self.conv(kept["p1"], w["w2"], w["b2"], 1, 1), "2", training)
        kept["h2"] = np.maximum(y, 0)
        kept["z"] = kept["h2"].reshape(images, -1) @ w["w3"] + w["b3"]
        return kept

    def step(self, x: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
        """One step with momentum; returns the loss before it, and how many images were right."""
        w, kept = self.weights, self.forward(x, True)
        z = kept["z"] - kept["z"].max(1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        rows = np.arange(len(x))
        dz = p.copy()
        dz[rows, labels] -= 1
        dz /= np.float32(len(x))
        g: dict[str, Any] = {"w3": kept["h2"].reshape(len(x), -1).T @ dz, "b3": dz.sum(0)}
        dh = (dz @ w["w3"].T).reshape(kept["h2"].shape) * (kept["h2"] > 0)
        dh, g["gamma2"], g["beta2"] = self.norm_backward(dh, kept["n2"], kept["std2"], w["gamma2"])
        dh, g["w2"], g["b2"] = self.conv_backward(dh, kept["p1"], w["w2"], 1, 1)
        dh = self.pool_backward(dh, kept["h1"], kept["p1"], 2, 2) * (kept["h1"] > 0)
        dh, g["gamma1"], g["beta1"] = self.norm_backward(dh, kept["n1"], kept["std1"], w["gamma1"])
        _, g["w1"], g["b1"] = self.conv_backward(dh, x, w["w1"], 2, 2)
        for name in w:
            self.velocity[name] = (MOMENTUM * self.velocity[name] - RATE * np.asarray(g[name])).astype(np.float32)
            w[name] = w[name] + self.velocity[name]
        return float(-np.log(p[rows, labels] + 1e-30).mean()), int((p.argmax(1) == labels).sum())

    def logits(self, x: np.ndarray) -> np.ndarray:
        """What the network says of images, with the running means."""
        return np.concatenate([self.forward(x[k : k + 250], False)["z"] for k in range(0, len(x), 250)])
