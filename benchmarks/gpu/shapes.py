"""What is timed: for each family its jobs, in the order in which they are worth their time.

A job is one direction of an op, with one set of inputs, as minidl's adapters run it. Its inputs are made when it runs.
The slow first rungs are timed at one shape of each kernel (`all_rungs`); at the others the default rung alone is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PERIOD = (1 << 20) + 7  # large inputs repeat so many random numbers: drawing all of them would take seconds


@dataclass(frozen=True)
class Job:
    """One direction of an op at one shape.

    kernel : whose rungs are timed: "softmax_backward", "conv2d_backward_data"
    make : gives the inputs of the op's forward as NumPy arrays, None for what is left out
    flops, nbytes : what the op has to do at least; bound : which ceiling holds it, see `timing.judge`
    check : which axis of each input, of the results and, backward, of dy and the gradients is cut for the comparison
        with NumPy: "0-:0" the first axis of the first input and of the result; "-": not cut; ".": not compared
    needs : backward: which gradients are asked for; None for all
    alone : the kernel is called by itself, as its adapter checks values on the host
    ends : both ends of an axis are compared; False for the beginning alone
    """

    kernel: str
    shape: str
    make: Callable[[], tuple[Any, ...]]
    flops: float
    nbytes: float
    bound: str
    check: str
    static: dict[str, Any] = field(default_factory=dict)
    needs: tuple[bool, ...] | None = None
    all_rungs: bool = False
    alone: bool = False
    ends: bool = True

    @property
    def op(self) -> str:
        """The op that runs the kernel: "softmax", "conv2d"."""
        return self.kernel.partition("_backward")[0].replace("sparse_softmax", "sparse_categorical")

    @property
    def direction(self) -> str:
        """What is timed, "forward" or "backward"."""
        return "backward" if "_backward" in self.kernel else "forward"


def normal(*shape: int) -> np.ndarray:
    """Return standard normal numbers, always the same for a shape; more than a million repeat."""
    size = int(np.prod(shape))
    drawn = np.random.default_rng(sum(shape)).standard_normal(min(size, PERIOD), np.float32)
    return np.resize(drawn, size).reshape(shape)


# N, H, W, C, K, filter, stride, padding
CONVS = {
    "CIFAR 32x32 3-32": (128, 32, 32, 3, 32, 3, 1, 1),
    "CIFAR 16x16 32-64": (128, 16, 16, 32, 64, 3, 1, 1),
    "ResNet 56x56 64-64": (32, 56, 56, 64, 64, 3, 1, 1),
    "ResNet 28x28 128-128": (32, 28, 28, 128, 128, 3, 1, 1),
    "ResNet 14x14 256-256": (32, 14, 14, 256, 256, 3, 1, 1),
    "ResNet 7x7 512-512": (32, 7, 7, 512, 512, 3, 1, 1),
    "ResNet 56x56 64-128 /2": (32, 56, 56, 64, 128, 3, 2, 1),
    "ResNet 14x14 1024-256 1x1": (32, 14, 14, 1024, 256, 1, 1, 0),
    "VGG 224x224 64-64": (8, 224, 224, 64, 64, 3, 1, 1),
    "VGG 112x112 64-128": (8, 112, 112, 64, 128, 3, 1, 1),
    "VGG 28x28 256-512": (16, 28, 28, 256, 512, 3, 1, 1),
}
TINY_CONVS = {"tiny 7x6 4-8": (2, 7, 6, 4, 8, 3, 1, 1), "tiny 7x7 3-5 /2": (1, 7, 7, 3, 5, 3, 2, 1)}
ALL_RUNGS = ("ResNet 56x56 64-64", "tiny 7x6 4-8")
# Which inputs and results are compared: images (axis 0), or the filters of some output channels (the last axis).
CONV_CHECKS = {"conv2d": "0--:0", "conv2d_backward_data": "0--:0:0..", "conv2d_backward_weights": "-3-:3:.3."}
CONV_NEEDS = {"conv2d_backward_data": (True, False, False), "conv2d_backward_weights": (False, True, False)}


def convs(kernel: str, tiny: bool) -> list[Job]:
    """Return the jobs of a convolution: the forward, dgrad or wgrad."""
    shapes = TINY_CONVS if tiny else CONVS
    return [conv(kernel, name, *shape, all_rungs=name in ALL_RUNGS) for name, shape in shapes.items()]


def conv(kernel: str, name: str, n: int, h: int, w: int, c: int, k: int, f: int, stride: int, pad: int,
         all_rungs: bool = False) -> Job:  # fmt: skip
    p, q = (h + 2 * pad - f) // stride + 1, (w + 2 * pad - f) // stride + 1
    static = {"strides": (stride, stride), "padding": ((pad, pad), (pad, pad)), "dilation": (1, 1), "groups": 1}
    return Job(
        kernel, name, lambda: (normal(n, h, w, c), normal(f, f, c, k), None), 2.0 * n * p * q * k * f * f * c,
        4.0 * (n * h * w * c + f * f * c * k + n * p * q * k), "fp32", CONV_CHECKS[kernel], static,
        CONV_NEEDS.get(kernel), all_rungs,
    )  # fmt: skip


def gemms(tiny: bool) -> list[Job]:
    """Return the products: large, odd and narrow ones, and with an operand transposed."""
    sizes = [(37, 21, 45)] if tiny else [
        (4096,) * 3, (2048,) * 3, (1024,) * 3, (512,) * 3, (256,) * 3, (4095, 4095, 4095), (1000, 513, 2049),
        (128, 64, 2304),
    ]  # fmt: skip
    found = [gemm(*size, all_rungs=k == 0) for k, size in enumerate(sizes)]
    m, n, k = (9, 10, 12) if tiny else (2048,) * 3
    return [*found, gemm(m, n, k, transpose_a=True), gemm(m, n, k, transpose_b=True)]


def gemm(m: int, n: int, k: int, all_rungs: bool = False, **transposed: bool) -> Job:
    label = f"{m} x {n} x {k}" + "".join(f", {name.removeprefix('transpose_')}^T" for name in transposed)
    a, b = ((k, m) if "transpose_a" in transposed else (m, k)), ((n, k) if "transpose_b" in transposed else (k, n))
    return Job("gemm", label, lambda: (normal(*a), normal(*b)), 2.0 * m * n * k, 4.0 * (m * k + k * n + m * n), "fp32",
               f"{int('transpose_a' in transposed)}-:0", dict(transposed),
               all_rungs=all_rungs)  # fmt: skip


def batched_gemms(tiny: bool) -> list[Job]:
    """Return batches of products: those of attention, and many small ones."""
    sizes = [(3, 9, 10, 12)] if tiny else [(96, 512, 512, 64), (1024, 64, 64, 64)]
    return [batched_gemm(*size) for size in sizes]


def batched_gemm(count: int, m: int, n: int, k: int) -> Job:
    return Job("batched_gemm", f"{count} x {m} x {n} x {k}", lambda: (normal(count, m, k), normal(count, k, n)),
               2.0 * count * m * n * k, 4.0 * count * (m * k + k * n + m * n), "fp32", "00:0",
               all_rungs=True)  # fmt: skip
