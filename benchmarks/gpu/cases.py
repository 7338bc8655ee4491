"""The inputs of the check: the tests' awkward cases of every op, and larger ones that only a GPU has time for."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ops.op import records
from minidl.testing import cases

Case = tuple[str, tuple[Any, ...], dict[str, Any]]  # op, inputs, settings

GROUPS = {  # the families of the check, and the files of their ops; what is left comes last, as "others"
    "gemm": ("gemm", "batched_gemm", "dense"),
    "conv2d": ("conv2d",),
    "convs": ("conv2d_transpose", "depthwise_conv2d"),
    "pool2d": ("pool2d", "upsample2d"),
    "reduce": ("reduce",),
    "softmax": ("softmaxes",),
    "losses": ("losses",),
    "normalization": ("normalization",),
    "updates": ("updates",),
    "activations": ("activations",),
    "elementwise": ("elementwise",),
    "recurrent": ("rnn", "lstm", "gru"),
    "others": (),
}


def group_of(op: str) -> str:
    """Return the family of the check that an op belongs to."""
    return next((group for group, files in GROUPS.items() if records()[op].file in files), "others")


def small_cases() -> list[Case]:
    """Return the small cases of every op: every setting, tiny."""
    ops = [op.name for op in records().values() if not op.host_only]
    return [(op, case.inputs, case.static) for op in ops for case in cases.small_cases(op)]


def large_cases() -> list[Case]:
    """Return cases of many blocks: no size is a multiple of a tile, or each is; rows aligned to 16 bytes, or not."""
    rng = np.random.default_rng(11)

    def f(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    def positive(*shape: int) -> np.ndarray:
        return np.abs(f(*shape)) + np.float32(0.3)

    def distinct(*shape: int) -> np.ndarray:
        return rng.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)

    same = {"padding": ((1, 1), (1, 1))}
    strided = {"strides": (2, 2), "padding": ((0, 1), (1, 0))}
    return [
        ("gemm", (f(513, 259), f(259, 641)), {}),
        ("gemm", (f(256, 512), f(512, 384)), {}),
        ("gemm", (f(260, 516), f(388, 516)), {"transpose_b": True}),
        ("gemm", (f(2304, 130), f(2304, 64)), {"transpose_a": True}),
        ("batched_gemm", (f(5, 129, 67), f(5, 67, 131)), {}),
        ("dense", (f(65, 1025), f(1025, 10), f(10)), {}),
        ("conv2d", (f(5, 33, 31, 16), f(3, 3, 16, 36), f(36)), same),
        ("conv2d", (f(4, 32, 32, 3), f(3, 3, 3, 32), f(32)), same),
        ("conv2d", (f(3, 29, 30, 32), f(5, 3, 32, 130), None), strided),
        ("conv2d", (f(4, 14, 14, 128), f(1, 1, 128, 256), f(256)), {}),
        ("depthwise_conv2d", (f(3, 33, 31, 36), f(3, 3, 36, 1), f(36)), same),
        ("depthwise_conv2d", (f(3, 32, 30, 7), f(5, 3, 7, 2), None), strided),
        ("conv2d_transpose", (f(3, 15, 17, 20), f(3, 3, 12, 20), f(12)), strided),
        ("max_pool2d", (distinct(3, 65, 63, 20),), {"pool_size": (3, 3), "strides": (2, 2), **same}),
        ("max_pool2d", (distinct(4, 64, 64, 16),), {"pool_size": (2, 2), "strides": (2, 2)}),
        ("average_pool2d", (f(3, 65, 63, 21),), {"pool_size": (3, 2), "strides": (2, 2)}),
        ("upsample2d", (f(3, 33, 31, 7),), {"size": (2, 3), "interpolation": "bilinear"}),
        *((op, (f(257, 33, 65),), {"axes": axes}) for op in ("reduce_sum", "reduce_mean")
          for axes in (None, 0, (0, 1), 2)),
        *((op, (distinct(257, 33, 65),), {"axes": axes}) for op in ("reduce_max", "reduce_min") for axes in (None, 1)),
        ("argmax", (distinct(257, 1025),), {"axis": -1}),
        *((op, (f(1025, 10),), {}) for op in ("softmax", "log_softmax")),
        *((op, (f(67, 1000),), {}) for op in ("softmax", "log_softmax")),
        *((op, (f(17, 5001),), {}) for op in ("softmax", "log_softmax")),
        ("batch_norm", (f(33, 17, 15, 36), f(36), f(36)), {}),
        ("batch_norm_inference", (f(33, 17, 15, 35), f(35), f(35), f(35), positive(35)), {}),
        ("layer_norm", (f(515, 768), f(768), f(768)), {}),
        ("layer_norm", (f(515, 33), f(33), f(33)), {}),
        *((op, (f(257, 1023),), {}) for op in ("relu", "gelu", "sigmoid", "tanh", "softplus", "swish")),
        *((op, (f(257, 1024), f(1024)), {}) for op in ("add", "multiply", "maximum")),
        ("divide", (f(257, 1023), positive(257, 1)), {}),
        ("where", (f(257, 1023) > 0, f(257, 1023), f(1023)), {}),
        ("dropout", (f(257, 1023),), {"rate": 0.4, "seed": 3, "offset": 2**33 + 7}),
        ("embedding", (rng.integers(0, 999, (65, 33)), f(1000, 67)), {}),
        ("transpose", (f(1025, 515),), {}),
        ("transpose", (f(17, 33, 65, 3),), {"axes": (0, 3, 1, 2)}),
        ("concatenate", (f(129, 33, 7), f(129, 65, 7)), {"axis": 1}),
        ("pad", (f(9, 33, 31, 5),), {"padding": ((0, 0), (1, 2), (3, 0), (0, 0))}),
        ("slice", (f(129, 65, 33),), {"key": (slice(None, None, -2), slice(3, 60, 3))}),
        ("sparse_categorical_crossentropy", (rng.integers(0, 1000, 515), f(515, 1000)), {"from_logits": True}),
        ("categorical_crossentropy", (positive(515, 10) / 10, f(515, 10)), {"from_logits": True}),
        ("lstm", (f(9, 5, 33), f(33, 4 * 65), f(65, 4 * 65), f(4 * 65), None, None, None, None), {}),
        ("gru", (f(9, 5, 33), f(33, 3 * 65), f(65, 3 * 65), f(2, 3 * 65), None, None, None), {}),
        ("adam_update", (f(515, 33), f(515, 33), f(515, 33), positive(515, 33), None),
         {"learning_rate": 0.1, "step": 3}),
    ]  # fmt: skip
