"""Record what PyTorch and Keras 3 compute for matrix products, convolutions and pooling.

Run it where both are installed; minidl does not need them:

    KERAS_BACKEND=torch python tests/reference/record_conv.py

It writes conv.npz beside itself: for each case the inputs x0, x1, … in minidl's layouts (None inputs are absent), the
output y, the upstream gradient dy, and the gradients d0, d1, … of sum(y * dy), in float64. `index` (JSON) lists the
versions and the cases with their op and static values; the names of Keras' cases say which padding was asked for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
import torch.nn.functional as F

RNG = np.random.default_rng(20260102)
ARRAYS: dict[str, np.ndarray] = {}
INDEX: list[dict[str, Any]] = []


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def channels_first(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def framed(x: torch.Tensor, padding: Any, value: float = 0.0) -> torch.Tensor:
    (top, bottom), (left, right) = padding
    return F.pad(channels_first(x), (left, right, top, bottom), value=value)


def record(op: str, function: Callable[..., torch.Tensor], arrays: list[np.ndarray | None], **static: Any) -> None:
    name = f"{op}-{sum(case['op'] == op for case in INDEX)}"
    tensors = [None if a is None else torch.tensor(a, requires_grad=True) for a in arrays]
    y = function(*tensors)
    dy = torch.tensor(RNG.uniform(0.5, 1.5, tuple(y.shape)))
    given = [t for t in tensors if t is not None]
    gradients = iter(torch.autograd.grad(y, given, dy))
    for i, array in enumerate(arrays):
        if array is not None:
            ARRAYS[f"{name}.x{i}"] = array
            ARRAYS[f"{name}.d{i}"] = next(gradients).numpy()
    ARRAYS[f"{name}.y"] = y.detach().numpy()
    ARRAYS[f"{name}.dy"] = dy.numpy()
    INDEX.append({"name": name, "op": op, "inputs": len(arrays), "static": static})


def record_products() -> None:
    for transpose_a, transpose_b in ((False, False), (True, False), (False, True), (True, True)):
        a, b = normal(*((5, 3) if transpose_a else (3, 5))), normal(*((2, 5) if transpose_b else (5, 2)))

        def product(a: torch.Tensor, b: torch.Tensor, ta: bool = transpose_a, tb: bool = transpose_b) -> torch.Tensor:
            return (a.mT if ta else a) @ (b.mT if tb else b)

        record("gemm", product, [a, b], transpose_a=transpose_a, transpose_b=transpose_b)
        stacks = [np.stack([a, 2 * a, a - 1]), np.stack([b, b + 1, -b])]
        record("batched_gemm", product, stacks, transpose_a=transpose_a, transpose_b=transpose_b)
    record("dense", lambda x, w, b: F.linear(x, w.mT, b), [normal(4, 3), normal(3, 5), normal(5)])
    record("dense", lambda x, w, b: F.linear(x, w.mT), [normal(2, 3, 4), normal(4, 2), None])


def record_convolutions() -> None:
    # image, kernel, C, K, groups, strides, padding, dilation, bias
    for hw, rs, c, k, groups, strides, padding, dilation, bias in (
        ((6, 7), (3, 3), 3, 4, 1, (1, 1), ((0, 0), (0, 0)), (1, 1), True),
        ((5, 8), (3, 2), 2, 3, 1, (1, 1), ((1, 1), (0, 1)), (1, 1), False),
        ((9, 6), (3, 3), 2, 3, 1, (2, 3), ((1, 2), (2, 0)), (1, 1), True),
        ((9, 8), (2, 3), 2, 2, 1, (1, 2), ((0, 1), (1, 1)), (3, 2), True),
        ((5, 6), (3, 2), 4, 6, 2, (1, 1), ((1, 1), (1, 0)), (1, 1), True),
        ((6, 5), (2, 2), 3, 6, 3, (2, 1), ((0, 0), (1, 1)), (1, 2), False),
        ((4, 5), (1, 1), 3, 2, 1, (1, 1), ((0, 0), (0, 0)), (1, 1), True),
        ((5, 4), (1, 1), 3, 2, 1, (2, 2), ((1, 0), (0, 1)), (1, 1), True),
        ((1, 9), (1, 4), 2, 3, 1, (1, 2), ((0, 0), (3, 0)), (1, 1), True),
    ):
        static = {"strides": strides, "padding": padding, "dilation": dilation}

        def conv(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None, s: Any = static, g: int = groups) -> Any:
            kernel = w.permute(3, 2, 0, 1)
            return channels_last(F.conv2d(framed(x, s["padding"]), kernel, b, s["strides"], 0, s["dilation"], g))

        record("conv2d", conv, [normal(2, *hw, c), normal(*rs, c // groups, k), normal(k) if bias else None],
               **static, groups=groups)  # fmt: skip

    for hw, rs, c, m, strides, padding, dilation, bias in (
        ((6, 7), (3, 3), 3, 1, (1, 1), ((0, 0), (0, 0)), (1, 1), True),
        ((5, 6), (3, 2), 2, 3, (2, 1), ((1, 1), (0, 1)), (1, 1), False),
        ((7, 8), (2, 3), 3, 2, (1, 2), ((2, 0), (1, 1)), (2, 2), True),
    ):
        static = {"strides": strides, "padding": padding, "dilation": dilation}

        def depthwise(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None, s: Any = static) -> torch.Tensor:
            kernel = w.permute(2, 3, 0, 1).reshape(-1, 1, *w.shape[:2])
            image = framed(x, s["padding"])
            return channels_last(F.conv2d(image, kernel, b, s["strides"], 0, s["dilation"], x.shape[3]))

        record("depthwise_conv2d", depthwise, [normal(2, *hw, c), normal(*rs, c, m), normal(c * m) if bias else None],
               **static)  # fmt: skip


def record_transposed() -> None:
    # PyTorch has one number of padding a side, so both sides are equal here; Keras' cases below have unequal ones.
    for pq, rs, c, k, strides, pad, extra, dilation, bias in (
        ((4, 5), (3, 3), 3, 2, (1, 1), (0, 0), (0, 0), (1, 1), True),
        ((3, 4), (3, 2), 2, 3, (2, 3), (1, 0), (0, 0), (1, 1), False),
        ((3, 4), (3, 3), 2, 2, (2, 3), (1, 1), (1, 2), (1, 1), True),
        ((4, 3), (2, 3), 2, 2, (1, 2), (1, 2), (0, 1), (3, 2), True),
        ((2, 3), (1, 2), 3, 2, (3, 3), (0, 0), (2, 0), (1, 1), True),
        ((3, 3), (1, 1), 2, 3, (1, 1), (0, 0), (0, 0), (1, 1), True),
    ):

        def transposed(
            x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None,
            a: Any = (strides, pad, extra, 1, dilation),
        ) -> torch.Tensor:  # fmt: skip
            return channels_last(F.conv_transpose2d(channels_first(x), w.permute(3, 2, 0, 1), b, *a))

        record("conv2d_transpose", transposed, [normal(2, *pq, c), normal(*rs, k, c), normal(k) if bias else None],
               strides=strides, padding=[(p, p) for p in pad], output_padding=extra, dilation=dilation)  # fmt: skip


def record_pooling() -> None:
    for hw, pool, strides, padding in (
        ((6, 8), (2, 2), (2, 2), ((0, 0), (0, 0))),
        ((7, 5), (3, 2), (1, 2), ((0, 0), (0, 0))),
        ((7, 6), (3, 3), (2, 2), ((1, 1), (1, 1))),
        ((5, 7), (2, 3), (3, 4), ((0, 0), (0, 0))),
        ((5, 7), (3, 3), (2, 1), ((0, 1), (2, 1))),
    ):
        static = {"pool_size": pool, "strides": strides, "padding": padding}

        def maximum(x: torch.Tensor, s: Any = static) -> torch.Tensor:
            return channels_last(F.max_pool2d(framed(x, s["padding"], -torch.inf), s["pool_size"], s["strides"]))

        def average(x: torch.Tensor, s: Any = static) -> torch.Tensor:
            """The sum over the window divided by the sum of a picture of ones: padding counts in neither."""
            sums, counts = (
                F.avg_pool2d(framed(image, s["padding"]), s["pool_size"], s["strides"])
                for image in (x, torch.ones_like(x))
            )
            return channels_last(sums / counts)

        record("max_pool2d", maximum, [normal(2, *hw, 3)], **static)
        record("average_pool2d", average, [normal(2, *hw, 3)], **static)
    # Equal values: the gradient goes to the first of them. Small integers make many.
    ties = RNG.integers(0, 3, (2, 6, 7, 2)).astype(float)
    for pool, strides in (((2, 2), (2, 2)), ((3, 3), (1, 2))):
        record("max_pool2d", lambda x, p=pool, s=strides: channels_last(F.max_pool2d(channels_first(x), p, s)), [ties],
               pool_size=pool, strides=strides, padding=((0, 0), (0, 0)))  # fmt: skip


def record_keras_padding() -> list[dict[str, Any]]:
    """Return outputs of Keras' functions for "same" and "valid", to compare the whole way with."""
    cases = []

    def keep(function: str, y: Any, arrays: list[np.ndarray], **arguments: Any) -> None:
        name = f"keras-{len(cases)}"
        ARRAYS[f"{name}.y"] = keras.ops.convert_to_numpy(y)
        for i, array in enumerate(arrays):
            ARRAYS[f"{name}.x{i}"] = array
        cases.append({"name": name, "function": function, "inputs": len(arrays), **arguments})

    for rs, strides, dilation, padding, output_padding in (
        ((3, 3), (1, 1), (1, 1), "same", None), ((3, 2), (2, 2), (1, 1), "same", None),
        ((4, 5), (2, 3), (1, 1), "same", None), ((2, 2), (3, 4), (1, 1), "same", None),
        ((1, 3), (2, 2), (1, 1), "same", None), ((3, 2), (1, 1), (2, 3), "same", None),
        ((3, 2), (2, 2), (1, 1), "valid", None), ((2, 1), (3, 2), (1, 1), "valid", None),
        ((2, 3), (1, 1), (3, 2), "valid", None), ((3, 4), (2, 3), (1, 1), "same", (1, 2)),
        ((4, 3), (2, 3), (1, 1), "same", (0, 1)), ((3, 2), (2, 3), (1, 1), "valid", (1, 0)),
    ):  # fmt: skip
        x, w = normal(2, 3, 4, 2).astype("float32"), normal(*rs, 3, 2).astype("float32")
        y = keras.ops.conv_transpose(
            x, w, strides=strides, padding=padding, output_padding=output_padding, dilation_rate=dilation
        )
        keep("conv2d_transpose", y, [x, w], strides=strides, dilation=dilation, padding=padding,
             output_padding=output_padding)  # fmt: skip
    for rs, strides, dilation, padding in (
        ((3, 3), (1, 1), (1, 1), "same"), ((2, 4), (1, 1), (1, 1), "same"), ((3, 2), (2, 3), (1, 1), "same"),
        ((2, 2), (3, 3), (1, 1), "same"), ((3, 2), (1, 1), (2, 3), "same"), ((3, 2), (2, 2), (1, 1), "valid"),
    ):  # fmt: skip
        x, w = normal(2, 7, 8, 2).astype("float32"), normal(*rs, 2, 3).astype("float32")
        y = keras.ops.conv(x, w, strides=strides, padding=padding, dilation_rate=dilation)
        keep("conv2d", y, [x, w], strides=strides, dilation=dilation, padding=padding)
        w = normal(*rs, 2, 2).astype("float32")
        if strides[0] == strides[1]:
            y = keras.ops.depthwise_conv(x, w, strides=strides, padding=padding, dilation_rate=dilation)
            keep("depthwise_conv2d", y, [x, w], strides=strides, dilation=dilation, padding=padding)
        if dilation == (1, 1):
            for function in ("max_pool", "average_pool"):
                if function == "average_pool" and rs == (2, 4):
                    continue  # uneven padding: Keras on PyTorch repeats the border there, unlike Keras on TensorFlow
                y = getattr(keras.ops, function)(x, rs, strides, padding)
                keep(f"{function}2d", y, [x], pool_size=rs, strides=strides, padding=padding)
    return cases


def main() -> None:
    record_products()
    record_convolutions()
    record_transposed()
    record_pooling()
    keras_cases = record_keras_padding()
    versions = {"torch": torch.__version__, "keras": keras.__version__, "numpy": np.__version__}
    index = {"versions": versions, "cases": INDEX, "keras": keras_cases}
    path = Path(__file__).with_name("conv.npz")
    np.savez_compressed(path, index=json.dumps(index), **ARRAYS)
    print(f"{path.name}: {len(INDEX)} + {len(keras_cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
