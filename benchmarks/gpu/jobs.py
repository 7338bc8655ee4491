"""The jobs of ops that move memory, both ways: their ceiling is the copy. And the recurrent layers'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .shapes import Job, batched_gemms, convs, gemms, normal

ROWS, COLS = 1 << 16, 1 << 10  # 256 MB: more than any L2 cache
IMAGES = (64, 128, 128, 64)
VOCABULARY, FEATURES, IDS = 1 << 16, 512, 1 << 17
BATCH, STEPS, DEPTH, UNITS = 128, 32, 256, 512


def tall(tiny: bool) -> tuple[int, int, float, str]:
    """Return rows, columns, size and name of the matrix that most jobs take."""
    rows, cols = (13, 20) if tiny else (ROWS, COLS)
    return rows, cols, float(rows * cols), f"{rows} x {cols}"


def job(kernel: str, passes: float, make: Callable[[], tuple[Any, ...]], shape: str, check: str, **rest: Any) -> Job:
    """Return a job that moves `passes` float32 numbers; keywords that are no field of Job are the op's settings."""
    fields = {name: rest.pop(name) for name in ("needs", "alone", "ends") if name in rest}
    return Job(kernel, shape, make, 0.0, 4.0 * passes, "copy", check, rest, all_rungs=True, **fields)


def elementwise(tiny: bool) -> list[Job]:
    rows, cols, size, label = tall(tiny)
    one = lambda: (normal(rows, cols),)  # noqa: E731
    two = lambda: (normal(rows, cols), normal(rows, cols)[::-1].copy())  # noqa: E731
    row = lambda: (normal(rows, cols), normal(cols))  # noqa: E731
    return [
        job("relu", 2 * size, one, label, "0:0"), job("relu_backward", 3 * size, one, label, "0:0:0"),
        job("add", 3 * size, two, label, "00:0"), job("add", 2 * size, row, f"{label} + {cols}", "0-:0"),
        job("gelu", 2 * size, one, label, "0:0"), job("gelu_backward", 3 * size, one, label, "0:0:0"),
        job("multiply", 3 * size, two, label, "00:0"), job("multiply_backward", 5 * size, two, label, "00:0:00"),
        job("tanh", 2 * size, one, label, "0:0"), job("tanh_backward", 3 * size, one, label, "0:0:0"),
    ]  # fmt: skip


def pool2d(tiny: bool) -> list[Job]:
    images = (2, 6, 8, 4) if tiny else IMAGES
    size, label = float(np.prod(images)), "x".join(map(str, images))
    make = lambda: (normal(*images),)  # noqa: E731
    even = {"pool_size": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
    overlapping = {"pool_size": (3, 3), "strides": (2, 2), "padding": ((1, 1), (1, 1))}  # ResNet's
    return [
        job("max_pool2d", 1.25 * size, make, f"{label} 2x2", "0:0", **even),
        job("max_pool2d_backward", 2.5 * size, make, f"{label} 2x2", "0:0:0", **even),
        job("average_pool2d", 1.25 * size, make, f"{label} 2x2", "0:0", **even),
        job("average_pool2d_backward", 1.25 * size, make, f"{label} 2x2", "0:0:0", **even),
        job("max_pool2d", 1.25 * size, make, f"{label} 3x3 /2", "0:0", **overlapping),
        job("max_pool2d_backward", 2.5 * size, make, f"{label} 3x3 /2", "0:0:0", **overlapping),
    ]


def reduce(tiny: bool) -> list[Job]:
    rows, cols, size, label = tall(tiny)
    make = lambda: (normal(rows, cols),)  # noqa: E731
    return [
        job("reduce_sum", size, make, label, "-:-"),
        job("reduce_sum", size, make, f"{label} axis 1", "0:0", axes=(1,)),
        job("reduce_sum", size, make, f"{label} axis 0", "1:0", axes=(0,)),
        job("reduce_sum_backward", size, make, f"{label} axis 1", "0:0:0", axes=(1,)),
        job("reduce_max", size, make, label, "-:-"),
        job("reduce_max", size, make, f"{label} axis 1", "0:0", axes=(1,)),
        job("reduce_max_backward", 2 * size, make, f"{label} axis 1", "0:0:0", axes=(1,)),
        job("argmax", size, make, f"{label} axis 1", "0:0", axis=-1),
    ]


def softmax(tiny: bool) -> list[Job]:
    rows, cols, size, label = tall(tiny)
    make = lambda: (normal(rows, cols),)  # noqa: E731
    labelled = lambda: (np.arange(rows, dtype=np.int32) % cols, normal(rows, cols))  # noqa: E731
    return [
        *(job(op, 2 * size, make, label, "0:0") for op in ("softmax", "log_softmax")),
        *(job(f"{op}_backward", 3 * size, make, label, "0:0:0") for op in ("softmax", "log_softmax")),
        job("sparse_softmax_crossentropy", 2 * size, labelled, label, "00:0", from_logits=True, alone=True),
        job("sparse_softmax_crossentropy_backward", 2 * size, labelled, label, "00:0:.0", from_logits=True),
    ]


def normalization(tiny: bool) -> list[Job]:
    rows, cols, size, label = tall(tiny)
    make = lambda: (normal(rows, cols), normal(cols), normal(cols + 1)[:cols].copy())  # noqa: E731
    return [
        job("layer_norm", 2 * size, make, label, "0--:0"), job("batch_norm", 3 * size, make, label, "100:100"),
        job("layer_norm_backward", 3 * size, make, label, "0--:0:0.."),
        job("batch_norm_backward", 5 * size, make, label, "100:1--:100"),
    ]  # fmt: skip


def updates(tiny: bool) -> list[Job]:
    rows, cols, size, label = tall(tiny)
    pair = lambda: (normal(rows, cols), normal(rows, cols)[::-1].copy())  # noqa: E731
    none = lambda: np.zeros((rows, cols), np.float32)  # noqa: E731
    rate = {"learning_rate": 0.1}
    return [
        job("sgd_update", 5 * size, lambda: (*pair(), none()), label, "000:00", **rate, momentum=0.9),
        job("adam_update", 7 * size, lambda: (*pair(), none(), none(), None), label, "0000-:000", **rate, step=1),
        job("adamw_update", 7 * size, lambda: (*pair(), none(), none(), None), label, "0000-:000", **rate, step=1),
        job("rmsprop_update", 5 * size, lambda: (*pair(), none(), None, None), label, "000--:00", **rate),
        job("adagrad_update", 5 * size, lambda: (*pair(), none()), label, "000:00", **rate),
    ]


def depthwise_conv2d(tiny: bool) -> list[Job]:
    images = (2, 6, 8, 4) if tiny else IMAGES
    size, label = float(np.prod(images)), "x".join(map(str, images)) + " 3x3"
    make = lambda: (normal(*images), normal(3, 3, images[3], 1), None)  # noqa: E731
    static = {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
    data, weights = (True, False, False), (False, True, False)
    return [
        job("depthwise_conv2d", 2 * size, make, label, "0--:0", **static),
        job("depthwise_conv2d_backward_data", 2 * size, make, label, "0--:0:0..", needs=data, **static),
        job("depthwise_conv2d_backward_weights", 2 * size, make, label, "32-:3:.2.", needs=weights, **static),
    ]


def conv2d_bias(tiny: bool) -> list[Job]:
    """The gradient of a convolution's bias; the filter is 1x1, so that its forward is soon done."""
    n, h, w, c, k = (2, 7, 6, 4, 8) if tiny else (32, 56, 56, 64, 64)
    make = lambda: (normal(n, h, w, c), normal(1, 1, c, k), normal(k))  # noqa: E731
    static = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
    needs = (False, False, True)
    return [job("conv2d_backward_bias", float(n * h * w * k), make, f"{n}x{h}x{w}x{k}", "-30:3:..0", needs=needs,
                **static)]  # fmt: skip


def dropout(tiny: bool) -> list[Job]:
    rows, cols, size, label = tall(tiny)
    make = lambda: (normal(rows, cols),)  # noqa: E731
    static: dict[str, Any] = {"rate": 0.5, "seed": 1, "offset": 0, "ends": False}  # the mask goes by the position
    return [
        job("dropout", 2.25 * size, make, label, "0:0", **static),
        job("dropout_backward", 2.25 * size, make, label, "0:0:0", **static),
    ]


def embedding(tiny: bool) -> list[Job]:
    rows, features, ids = (9, 12, 7) if tiny else (VOCABULARY, FEATURES, IDS)
    make = lambda: ((np.arange(ids) * 7919 % rows).astype(np.int32), normal(rows, features))  # noqa: E731
    label = f"{ids} of {rows} x {features}"
    return [
        job("embedding", 2.0 * ids * features, make, label, "0-:0"),
        job("embedding_backward", (ids + rows) * float(features), make, label, "-1:1:.1"),
    ]


def shape(tiny: bool) -> list[Job]:
    rows, cols, size, label = tall(tiny)
    images = (2, 6, 8, 4) if tiny else IMAGES
    pixels, name = float(np.prod(images)), "x".join(map(str, images))
    half = (images[0] // 2, *images[1:])
    border = ((0, 0), (1, 1), (1, 1), (0, 0))
    return [
        job("transpose", 2 * size, lambda: (normal(rows, cols),), label, "0:1"),
        job("transpose", 2 * pixels, lambda: (normal(*images),), f"{name} to NCHW", "0:0", axes=(0, 3, 1, 2)),
        job("concatenate", 2 * pixels, lambda: (normal(*half), normal(*half) + 1), f"2 of {'x'.join(map(str, half))}",
            "00:0", axis=-1),
        job("pad", 2 * pixels, lambda: (normal(*images),), f"{name} by 1", "0:0", padding=border),
        job("slice", pixels, lambda: (normal(*images),), f"{name} every 2nd row", "0:0",
            key=(slice(None), slice(None, None, 2))),
        job("upsample2d", 1.25 * pixels, lambda: (normal(half[0], half[1] // 2, half[2], half[3]),), f"to {name} / 2",
            "0:0", size=(2, 2), interpolation="nearest"),
        job("upsample2d_backward", 1.25 * pixels, lambda: (normal(half[0], half[1] // 2, half[2], half[3]),),
            f"to {name} / 2", "0:0:0", size=(2, 2), interpolation="nearest"),
    ]  # fmt: skip


def recurrent(tiny: bool) -> list[Job]:
    """One layer over a sequence: products and fused gates, many launches."""
    n, t, d, u = (3, 2, 5, 4) if tiny else (BATCH, STEPS, DEPTH, UNITS)

    def layer(op: str, gates: int, bias: tuple[int, ...], nones: int, outputs: int) -> list[Job]:
        make = lambda: (  # noqa: E731
            normal(n, t, d), normal(d, gates * u) / np.float32(d**0.5), normal(u, gates * u) / np.float32(u**0.5),
            normal(*bias), *[None] * nones,
        )  # fmt: skip
        once, label = 2.0 * n * t * (d + u) * gates * u, f"batch {n}, {t} steps, {d} to {u}"
        given, results = "0---" + "-" * nones, "0" * outputs
        return [
            Job(op, label, make, once, 0.0, "", f"{given}:{results}"),
            Job(f"{op}_backward", label, make, 2 * once, 0.0, "", f"{given}:{results}:0..." + "." * nones),
        ]

    return [*layer("lstm", 4, (4 * u,), 4, 3), *layer("gru", 3, (2, 3 * u), 3, 2),
            *layer("simple_rnn", 1, (u,), 3, 2)]  # fmt: skip


# In the order in which they are worth their time.
FAMILIES: dict[str, Callable[[bool], list[Job]]] = {
    "gemm": gemms,
    "conv2d": lambda tiny: convs("conv2d", tiny),
    "conv2d_backward_data": lambda tiny: convs("conv2d_backward_data", tiny),
    "conv2d_backward_weights": lambda tiny: convs("conv2d_backward_weights", tiny),
    "elementwise": elementwise, "pool2d": pool2d, "updates": updates, "reduce": reduce, "softmax": softmax,
    "normalization": normalization, "depthwise_conv2d": depthwise_conv2d,
    "batched_gemm": batched_gemms, "conv2d_backward_bias": conv2d_bias,
    "dropout": dropout, "embedding": embedding, "shape": shape, "recurrent": recurrent,
}  # fmt: skip
README = {f"conv2d_backward_{of}": "conv2d" for of in ("data", "weights", "bias")}  # the folder, where it is another


def jobs(family: str, on: str) -> list[Job]:
    """Return a family's jobs; tiny ones for the SIMT machine."""
    return FAMILIES[family](on == "simt")
