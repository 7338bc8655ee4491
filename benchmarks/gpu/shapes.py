"""What is timed: for each family its jobs, in the order in which they are worth their time.

A job is one kernel with one set of inputs. Its inputs are made when it runs. The slow first rungs are timed at one
shape of each kernel (`all_rungs`); at the others the default rung alone is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Job:
    """One kernel at one shape.

    make : gives the inputs as NumPy arrays
    static : keywords of the rungs' function; `extra` are its positional arguments behind the arrays
    flops, nbytes : what the op has to do at least; bound : which ceiling holds it, see `timing.judge`
    """

    op: str
    shape: str
    make: Callable[[], tuple[Any, ...]]
    flops: float
    nbytes: float
    bound: str
    static: dict[str, Any] = field(default_factory=dict)
    extra: tuple[Any, ...] = ()
    all_rungs: bool = False


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)


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
    "VGG 112x112 64-128": (8, 112, 112, 64, 128, 3, 1, 1),
    "VGG 28x28 256-512": (16, 28, 28, 256, 512, 3, 1, 1),
}
TINY_CONVS = {"tiny 7x6 4-8": (2, 7, 6, 4, 8, 3, 1, 1), "tiny 7x7 3-5 /2": (1, 7, 7, 3, 5, 3, 2, 1)}
FAMILIES = (
    "gemm", "conv2d", "conv2d_backward_data", "conv2d_backward_weights", "elementwise", "pool2d", "reduce", "softmax",
    "normalization", "updates", "depthwise_conv2d", "dropout", "embedding", "shape", "recurrent",
)  # fmt: skip
README = {"conv2d_backward_data": "conv2d", "conv2d_backward_weights": "conv2d"}  # the folder, where it is another


def jobs(family: str, on: str) -> list[Job]:
    """Return a family's jobs; tiny ones for the SIMT machine."""
    tiny = on == "simt"
    if family == "gemm":
        sizes = [(37, 21, 45)] if tiny else [
            (4096,) * 3, (2048,) * 3, (1024,) * 3, (512,) * 3, (256,) * 3, (4095, 4095, 4095), (1000, 513, 2049),
            (128, 64, 2304),
        ]  # fmt: skip
        return [gemm(*size, all_rungs=k == 0) for k, size in enumerate(sizes)]
    if family.startswith("conv2d"):
        shapes = TINY_CONVS if tiny else CONVS
        return [conv(family, name, *shape, all_rungs=name.startswith(("ResNet 56x56 64-64", "tiny")))
                for name, shape in shapes.items()]  # fmt: skip
    return memory_jobs(family, tiny)


def gemm(m: int, n: int, k: int, all_rungs: bool = False) -> Job:
    return Job("gemm", f"{m} x {n} x {k}", lambda: (normal(m, k), normal(k, n)), 2.0 * m * n * k,
               4.0 * (m * k + k * n + m * n), "fp32", all_rungs=all_rungs)  # fmt: skip


def conv(op: str, name: str, n: int, h: int, w: int, c: int, k: int, f: int, stride: int, pad: int,
         all_rungs: bool = False) -> Job:  # fmt: skip
    """One convolution: forward, or one of its gradients."""
    p, q = (h + 2 * pad - f) // stride + 1, (w + 2 * pad - f) // stride + 1
    x, filters, y = (n, h, w, c), (f, f, c, k), (n, p, q, k)
    given, extra = {
        "conv2d": ((x, filters), ()), "conv2d_backward_data": ((y, filters), (x,)),
        "conv2d_backward_weights": ((x, y), (filters,)),
    }[op]  # fmt: skip
    static = {"strides": (stride, stride), "padding": ((pad, pad), (pad, pad))}
    nbytes = 4.0 * sum(float(np.prod(shape)) for shape in (x, filters, y))
    return Job(op, name, lambda: tuple(normal(*shape) for shape in given), 2.0 * n * p * q * k * f * f * c, nbytes,
               "fp32", static, extra, all_rungs)  # fmt: skip


def memory_jobs(family: str, tiny: bool) -> list[Job]:
    """Return the jobs of ops that move memory: their ceiling is the copy."""
    rows, cols = (13, 20) if tiny else (1 << 16, 1 << 10)  # 256 MB: more than any L2 cache
    size, label = rows * cols, f"{rows} x {cols}"

    def job(op: str, passes: float, make: Callable[[], tuple[Any, ...]], shape: str = label, **static: Any) -> Job:
        return Job(op, shape, make, 0.0, 4.0 * passes, "copy", static, all_rungs=True)

    one = lambda: (normal(rows, cols),)  # noqa: E731
    two = lambda: (normal(rows, cols), normal(rows, cols)[::-1].copy())  # noqa: E731
    affine = lambda: (normal(rows, cols), normal(cols), normal(cols + 1)[:cols].copy())  # noqa: E731
    images = (2, 6, 8, 4) if tiny else (64, 128, 128, 64)
    pixels = float(np.prod(images))
    vocabulary, features, ids = (9, 12, 7) if tiny else (1 << 16, 512, 1 << 17)
    return {
        "elementwise": [job("relu", 2 * size, one), job("add", 3 * size, two), job("gelu", 2 * size, one)],
        "pool2d": [job("max_pool2d", 1.25 * pixels, lambda: (normal(*images),), "x".join(map(str, images)),
                       pool_size=(2, 2), strides=(2, 2))],
        "reduce": [job("reduce_sum", size, one), job("reduce_sum", size, one, f"{label} axis 1", axes=(1,)),
                   job("reduce_sum", size, one, f"{label} axis 0", axes=(0,)), job("reduce_max", size, one)],
        "softmax": [job("softmax", 2 * size, one), job("log_softmax", 2 * size, one),
                    job("sparse_softmax_crossentropy", 2 * size, lambda: (
                        np.arange(rows, dtype=np.int32) % cols, normal(rows, cols)))],
        "normalization": [job("layer_norm", 2 * size, affine), job("batch_norm", 3 * size, affine)],
        "updates": [job("sgd_update", 5 * size, lambda: (*two(), normal(rows, cols)), learning_rate=0.1, momentum=0.9),
                    job("adam_update", 7 * size, lambda: (*two(), normal(rows, cols), np.abs(normal(rows, cols)), None),
                        learning_rate=0.1, step=3)],
        "depthwise_conv2d": [
            Job("depthwise_conv2d", "x".join(map(str, images)) + " 3x3", lambda: (
                normal(*images), normal(3, 3, images[3], 1)), 18 * pixels, 8 * pixels, "copy",
                {"padding": ((1, 1), (1, 1))}, all_rungs=True)],
        "dropout": [job("dropout", 2.25 * size, one, rate=0.5, seed=1, offset=0)],
        "embedding": [job("embedding", 2 * ids * features, lambda: (
            (np.arange(ids) * 7919 % vocabulary).astype(np.int32), normal(vocabulary, features)),
            f"{ids} of {vocabulary} x {features}")],
        "shape": [job("transpose", 2 * size, one)],
        "recurrent": [],
    }[family]  # fmt: skip
