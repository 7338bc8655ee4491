"""A convolutional network, trained on the student's kernels on the SIMT machine: exercises 42 to 45.

conv 3 x 3 -> relu -> max pool 2 -> conv 3 x 3 -> relu -> max pool 2 -> dense, on the digits. Both convolutions, the
gradients of their inputs and weights, pooling and its backward are launches of the student's kernels; relu, dense and
the loss are minidl's ops. The same steps are taken with minidl's ops alone, and each loss has to be the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.course.milestones import Reached
from minidl.course.milestones.own import Launches, Own
from minidl.course.milestones.training import confusion, curve, digits

NEEDS = (42, 43, 44, 45)
GOAL = (
    "a convolutional network learns on your kernels: its loss halves, and at each step equals minidl's to 1e-4",
    "卷积网络在你的内核上学习：损失降到一半以下，每步与 minidl 相差不超过 1e-4",
)
NEAR, BATCH, STEPS, RATE, MOMENTUM = 1e-4, 16, 80, 0.05, 0.9


def run(own: Own) -> Reached:
    """Train on the kernels and on minidl's ops, step by step."""
    (x, labels), (x_test, labels_test) = digits()
    x, x_test = (a.reshape(-1, 8, 8, 1) for a in (x, x_test))
    launches = Launches(own)
    mine, theirs = Network(OnKernels(launches)), Network(InNumpy())
    order = np.random.default_rng(0).permutation(len(x))
    losses: list[tuple[float, float]] = []
    for k in range(STEPS):
        batch = order[k * BATCH : (k + 1) * BATCH]
        losses.append((mine.step(x[batch], labels[batch]), theirs.step(x[batch], labels[batch])))
    apart = max(abs(a - b) for a, b in losses)
    first, last = (float(np.mean([a for a, _ in part])) for part in (losses[:5], losses[-5:]))
    theirs.weights = mine.weights  # what was learnt on the kernels; a look at all test images is quicker in NumPy
    z = theirs.forward(x_test)["z"]
    figures = [
        (("loss of the first and the last five steps", "最初和最后五步的损失"), f"{first:.3f} and {last:.3f}"),
        (("largest difference from minidl's ops", "与 minidl 的最大差"), f"{apart:.1e} (goal {NEAR:.0e})"),
        ((f"of {len(x_test)} test images after {STEPS} steps of {BATCH}", f"{STEPS} 步之后，{len(x_test)} 张测试图中"),
         f"{100 * float((z.argmax(1) == labels_test).mean()):.1f} %"),
        (("launches of your kernels", "你的内核的启动次数"), f"{launches.total:,}, {len(launches.faults)} faults"),
    ]  # fmt: skip
    pictures = [curve([a for a, _ in losses]), confusion(z, labels_test)]
    return Reached(apart <= NEAR and last < first / 2 and not launches.faults, figures, pictures, launches.table())


class OnKernels:
    """Convolution and pooling as launches of the student's kernels."""

    def __init__(self, launches: Launches) -> None:
        self.launch = launches

    def conv(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """A convolution of stride 1 with a pixel of padding."""
        y = _empty(*x.shape[:3], w.shape[3])
        self.launch("conv_kernel", "conv2d", -(-y.size // 128), 128, x, w, y, 1, 1, 1, 1)
        return y

    def conv_backward(self, dy: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Its gradients by x and w."""
        dx, dw = _empty(*x.shape), _empty(*w.shape)
        self.launch("conv_dx", "conv2d_dx", -(-dx.size // 128), 128, dy, w, dx, 1, 1, 1, 1)
        self.launch("conv_dw", "conv2d_dw", dw.size, 64, x, dy, dw, 1, 1, 1, 1)
        return dx, dw

    def pool(self, x: np.ndarray) -> np.ndarray:
        """Max pooling of 2 x 2."""
        y = _empty(x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3])
        self.launch("pool_pair", "max_pool", -(-y.size // 128), 128, x, y, 2, 2, 0)
        return y

    def pool_backward(self, dy: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its gradient."""
        dx = _empty(*x.shape)
        self.launch("pool_pair", "max_pool_backward", -(-dx.size // 128), 128, dy, x, y, dx, 2, 2, 0)
        return dx


class InNumpy:
    """The same by minidl's ops."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def conv(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """A convolution of stride 1 with a pixel of padding."""
        return self._conv(x, w)[0]

    def _conv(self, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, Any]:
        from minidl.ops.conv2d import conv2d_forward

        return conv2d_forward(x, w, None, strides=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1)

    def conv_backward(self, dy: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Its gradients by x and w."""
        from minidl.ops.conv2d import conv2d_backward

        dx, dw, _ = conv2d_backward(dy, self._conv(x, w)[1])
        assert dx is not None and dw is not None  # both are asked for
        return dx, dw

    def _pool(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        from minidl.ops.pool2d import max_pool2d_forward

        return max_pool2d_forward(x, pool_size=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)))

    def pool(self, x: np.ndarray) -> np.ndarray:
        """Max pooling of 2 x 2."""
        return self._pool(x)[0]

    def pool_backward(self, dy: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its gradient."""
        from minidl.ops.pool2d import max_pool2d_backward

        return max_pool2d_backward(dy, self._pool(x)[1])[0]


class Network:
    """Weights, and a step of gradient descent; `ops` computes convolution and pooling."""

    def __init__(self, ops: OnKernels | InNumpy) -> None:
        random = np.random.default_rng(1)
        self.ops = ops
        shapes = {"w1": (3, 3, 1, 4), "w2": (3, 3, 4, 8), "w3": (32, 10), "b3": (10,)}
        self.weights = {
            name: (random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]) if len(shape) > 1 else 0)).astype(
                np.float32
            )
            for name, shape in shapes.items()
        }
        self.velocity = {name: np.zeros_like(w) for name, w in self.weights.items()}

    def forward(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Every value on the way, by name."""
        w, kept = self.weights, {}
        kept["h1"] = np.maximum(self.ops.conv(x, w["w1"]), 0)
        kept["p1"] = self.ops.pool(kept["h1"])
        kept["h2"] = np.maximum(self.ops.conv(kept["p1"], w["w2"]), 0)
        kept["p2"] = self.ops.pool(kept["h2"])
        kept["z"] = kept["p2"].reshape(len(x), -1) @ w["w3"] + w["b3"]
        return kept

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        """One step; returns the loss before it."""
        from minidl.ops.losses import sparse_categorical_crossentropy_backward as slopes
        from minidl.ops.losses import sparse_categorical_crossentropy_forward as rows

        w, kept = self.weights, self.forward(x)
        losses, cache = rows(labels, kept["z"], from_logits=True)
        dz = slopes(np.full(len(x), 1 / len(x), np.float32), cache)[1]
        g = {"w3": kept["p2"].reshape(len(x), -1).T @ dz, "b3": dz.sum(0)}
        dp = (dz @ w["w3"].T).reshape(kept["p2"].shape)
        dh = self.ops.pool_backward(dp, kept["h2"], kept["p2"]) * (kept["h2"] > 0)
        dp, g["w2"] = self.ops.conv_backward(dh, kept["p1"], w["w2"])
        dh = self.ops.pool_backward(dp, kept["h1"], kept["p1"]) * (kept["h1"] > 0)
        _, g["w1"] = self.ops.conv_backward(dh, x, w["w1"])
        for name in w:
            self.velocity[name] = (MOMENTUM * self.velocity[name] - RATE * g[name]).astype(np.float32)
        self.weights = {name: w[name] + self.velocity[name] for name in w}
        return float(losses.mean())


def _empty(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan, np.float32)
