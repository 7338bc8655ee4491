"""Three training steps of a network on the student's kernels alone, on the SIMT machine: exercises 13 to 24, 29 to 31.

Forward and backward of 64 -> 32 -> 10, for 48 digits: products are gemm (23) and gemm_tiled (24), biases 17, relu 14,
softmax 31; the backward turns matrices with transpose (22); one bias' gradient is a bias_backward (17), the other one
row_sums of the turned matrix (29, 30); p - t is a sum of two vectors (13), 1/N an affine map (16), and the step of the
weights saxpy (15). The images were grey (19) and smooth (21) before. The processor only takes the logarithm of the
losses. 18 is a prediction and 20 a function that this network does not need; they have to be accepted, and do not run.
"""

from __future__ import annotations

import math

import numpy as np

from minidl.course.milestones import Reached
from minidl.course.milestones.own import Launches, Own
from minidl.course.milestones.training import digits

NEEDS = (*range(13, 25), 29, 30, 31)
GOAL = (
    "a network's training steps wholly on your kernels, each loss equal to NumPy's to 1e-5",
    "网络的训练步骤全部在你的内核上运行，每步的损失与 NumPy 相差不超过 1e-5",
)
NEAR = 1e-5
SAMPLES, STEPS, RATE = 48, 3, 0.5
SMOOTH = np.array([0.25, 0.5, 0.25], np.float32)
GREY = np.array([0.299, 0.587, 0.114])


def run(own: Own) -> Reached:
    """Take the steps twice: on the student's kernels, and in NumPy."""
    (x, labels), _ = digits()
    x, labels = x[:SAMPLES], labels[:SAMPLES]
    colours = np.stack([x.ravel()] * 3, 1) * np.array([1.0, 0.8, 0.6], np.float32)
    targets = np.eye(10, dtype=np.float32)[labels]
    random = np.random.default_rng(1)
    weights = [(random.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32) if len(shape) > 1 else
               np.zeros(shape, np.float32) for shape in ((64, 32), (32,), (32, 10), (10,))]  # fmt: skip
    launches = Launches(own)
    kernels = Kernels(launches)
    mine, theirs = _on_kernels(kernels, colours, targets, weights), _in_numpy(colours, targets, weights)
    apart = max(abs(a - b) for a, b in zip(mine, theirs, strict=True))
    figures = [
        (("losses on your kernels", "你的内核上的损失"), ", ".join(f"{loss:.6f}" for loss in mine)),
        (("losses in NumPy, float64", "NumPy 的损失，float64"), ", ".join(f"{loss:.6f}" for loss in theirs)),
        (("largest difference", "最大差"), f"{apart:.1e} (goal {NEAR:.0e})"),
        (
            ("launches of your kernels", "你的内核的启动次数"),
            f"{launches.total:,}, {len(launches.faults)} faults",
        ),
        (("sectors moved", "搬动的扇区"), f"{launches.sectors:,}"),
    ]
    return Reached(apart <= NEAR and not launches.faults, figures, table=launches.table())


class Kernels:
    """The student's kernels, as functions of arrays; each call is a launch on the SIMT machine."""

    def __init__(self, launches: Launches) -> None:
        self.launch = launches

    def product(self, a: np.ndarray, b: np.ndarray, tiled: bool) -> np.ndarray:
        """a @ b."""
        c = _empty(a.shape[0], b.shape[1])
        name = "gemm_tiled" if tiled else "gemm"
        edge = self.launch.constant(name, "TILE") if tiled else 16
        self.launch(name, name, _tiles(c, edge, edge), (edge, edge), a, b, c)
        return c

    def turned(self, a: np.ndarray) -> np.ndarray:
        """a's transpose."""
        out = _empty(a.shape[1], a.shape[0])
        self.launch("transpose", "transpose", _tiles(a, 32, 32), (32, 8), a, out)
        return out

    def with_bias(self, x: np.ndarray, b: np.ndarray) -> np.ndarray:
        """x + b."""
        y = _empty(*x.shape)
        self.launch("bias_pair", "add_bias", _tiles(y, 16, 16), (16, 16), x, b, y)
        return y

    def relu(self, x: np.ndarray) -> np.ndarray:
        """max(x, 0)."""
        y = _empty(*x.shape)
        self.launch("relu_pair", "relu", -(-x.size // 128), 128, x.reshape(-1), y.reshape(-1), x.size)
        return y

    def relu_backward(self, dy: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """dy where the unit was on."""
        dx = _empty(*dy.shape)
        self.launch("relu_pair", "relu_backward", -(-dy.size // 128), 128, dy.reshape(-1), kept.reshape(-1),
                    dx.reshape(-1), dy.size)  # fmt: skip
        return dx

    def softmax(self, x: np.ndarray) -> np.ndarray:
        """Probabilities of each row."""
        y = _empty(*x.shape)
        self.launch("softmax_rows", "softmax", (x.shape[0],), 32, x, y)
        return y

    def minus(self, p: np.ndarray, negative: np.ndarray) -> np.ndarray:
        """p + negative."""
        y = _empty(*p.shape)
        self.launch(
            "vector_add", "add", -(-p.size // 128), 128, p.reshape(-1), negative.reshape(-1), y.reshape(-1), p.size
        )
        return y

    def scaled(self, x: np.ndarray, scale: float) -> np.ndarray:
        """scale * x."""
        out = _empty(*x.shape)
        self.launch("image_affine", "affine", _tiles(out, 16, 16), (16, 16), x, out, np.float32(scale), np.float32(0))
        return out

    def column_sums(self, dy: np.ndarray) -> np.ndarray:
        """The sum of each column, by bias_backward."""
        db = np.zeros(dy.shape[1], np.float32)
        self.launch("bias_pair", "bias_backward", (-(-dy.shape[1] // 32), -(-dy.shape[0] // 64)), 32, dy, db)
        return db

    def row_sums(self, x: np.ndarray, warp: bool) -> np.ndarray:
        """The sum of each row, by the tree or by shuffles."""
        y = _empty(x.shape[0])
        threads = 32 if warp else self.launch.constant("reduce_tree", "THREADS")
        self.launch("reduce_shuffle" if warp else "reduce_tree", "row_sums", (x.shape[0],), threads, x, y)
        return y

    def stepped(self, w: np.ndarray, g: np.ndarray) -> np.ndarray:
        """w - RATE * g, by saxpy on two blocks."""
        out = _empty(*w.shape)
        self.launch(
            "saxpy_stride", "saxpy", 2, 64, np.float32(-RATE), g.reshape(-1), w.reshape(-1), out.reshape(-1), w.size
        )
        return out

    def grey(self, colours: np.ndarray) -> np.ndarray:
        """A number for each pixel (N, 3)."""
        y = _empty(len(colours))
        self.launch("coalesce", "grey", -(-len(colours) // 128), 128, colours, y)
        return y

    def smooth(self, x: np.ndarray) -> np.ndarray:
        """Each number with its neighbours."""
        y = _empty(x.size)
        block = self.launch.constant("stencil", "BLOCK")
        self.launch("stencil", "stencil", -(-x.size // block), block, x, SMOOTH, y)
        return y


def _empty(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan, np.float32)


def _tiles(array: np.ndarray, across: int, down: int) -> tuple[int, int]:
    return math.ceil(array.shape[1] / across), math.ceil(array.shape[0] / down)


def _on_kernels(own: Kernels, colours: np.ndarray, targets: np.ndarray, weights: list[np.ndarray]) -> list[float]:
    w1, b1, w2, b2 = weights
    x = own.smooth(own.grey(colours)).reshape(len(targets), -1)
    losses = []
    for _ in range(STEPS):
        h = own.relu(own.with_bias(own.product(x, w1, tiled=True), b1))
        p = own.softmax(own.with_bias(own.product(h, w2, tiled=False), b2))
        losses.append(float(-np.log(p.astype(np.float64)[targets == 1]).mean()))
        dz = own.scaled(own.minus(p, -targets), 1 / len(targets))
        dw2, db2 = own.product(own.turned(h), dz, tiled=True), own.row_sums(own.turned(dz), warp=True)
        dh = own.relu_backward(own.product(dz, own.turned(w2), tiled=False), h)
        dw1 = own.product(own.turned(x), dh, tiled=True)
        db1 = own.column_sums(dh) if not losses[1:] else own.row_sums(own.turned(dh), warp=False)
        w1, b1, w2, b2 = own.stepped(w1, dw1), own.stepped(b1, db1), own.stepped(w2, dw2), own.stepped(b2, db2)
    return losses


def _in_numpy(colours: np.ndarray, targets: np.ndarray, weights: list[np.ndarray]) -> list[float]:
    w1, b1, w2, b2 = (w.astype(np.float64) for w in weights)
    grey = np.pad(colours.astype(np.float64) @ GREY, 1)
    x = (0.25 * grey[:-2] + 0.5 * grey[1:-1] + 0.25 * grey[2:]).reshape(len(targets), -1)
    losses = []
    for _ in range(STEPS):
        h = np.maximum(x @ w1 + b1, 0)
        z = h @ w2 + b2
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        losses.append(float(-np.log(p[targets == 1]).mean()))
        dz = (p - targets) / len(targets)
        dh = (dz @ w2.T) * (h > 0)
        w1, b1, w2, b2 = w1 - RATE * x.T @ dh, b1 - RATE * dh.sum(0), w2 - RATE * h.T @ dz, b2 - RATE * dz.sum(0)
    return losses
