"""Record what PyTorch and Keras 3 compute for pointwise ops, reductions, shape ops and losses.

Run it where both are installed; minidl does not need them:

    KERAS_BACKEND=torch python tests/reference/record_pointwise.py

It writes pointwise.npz beside itself. Each case holds its inputs x0, x1, …, the output y, the upstream
gradient dy, and the gradients d0, d1, … of sum(y * dy), made by PyTorch's autograd. `index` (JSON) lists the
versions and the cases, with their op, its static values and what computed them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
import torch.nn.functional as F

RNG = np.random.default_rng(20260101)
ARRAYS: dict[str, np.ndarray] = {}
INDEX: list[dict[str, Any]] = []
SLICE_KEYS = [(1,), (slice(None), slice(0, None, 2)), (Ellipsis, -1), (slice(1, 3), None, 2), (0, 1, 2)]
EXTREME = np.array([[-1e4, -90.0, -20.0, -1.5, -1e-3], [1e-3, 0.7, 20.0, 90.0, 1e4]])


def record(op: str, source: str, function: Callable[..., Any], arrays: list[np.ndarray], **static: Any) -> None:
    """Run `function` on the arrays as tensors and keep output and gradients."""
    name = f"{op}-{sum(case['op'] == op for case in INDEX)}"
    tensors = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    y = function(*tensors)
    dy = torch.tensor(RNG.uniform(0.5, 1.5, tuple(y.shape)).astype(y.detach().numpy().dtype))
    wanted = [t for t in tensors if t.requires_grad]
    found = torch.autograd.grad(y, wanted, dy, allow_unused=True) if y.requires_grad else ()
    gradients = {id(t): g for t, g in zip(wanted, found, strict=False)}
    for i, (array, tensor) in enumerate(zip(arrays, tensors, strict=True)):
        ARRAYS[f"{name}.x{i}"] = array
        if gradients.get(id(tensor)) is not None:
            ARRAYS[f"{name}.d{i}"] = gradients[id(tensor)].numpy()
    ARRAYS[f"{name}.y"] = y.detach().numpy()
    ARRAYS[f"{name}.dy"] = dy.numpy()
    # keras.ops.mean takes float64 through float32, so what ends in a mean is good to seven digits only.
    rounded = source.startswith("keras.losses") and "categorical" not in op
    INDEX.append(
        {
            "rounded": rounded,
            "name": name,
            "op": op,
            "source": source,
            "inputs": len(arrays),
            "static": encode(static),
        }
    )


def encode(value: Any) -> Any:
    """Write slices and Ellipsis in a form that JSON can hold."""
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    return "..." if value is Ellipsis else value


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.3, 3.0, shape)


def record_elementwise() -> None:
    binary = {
        "add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div,
        "maximum": torch.maximum, "minimum": torch.minimum,
    }  # fmt: skip
    for op, function in binary.items():
        record(op, f"torch.{function.__name__}", function, [normal(2, 3, 4), positive(3, 1)])
        record(op, f"torch.{function.__name__}", function, [normal(4), positive(2, 3, 4)])
    unary = {"exp": torch.exp, "square": torch.square, "absolute": torch.abs, "negative": torch.neg}
    for op, function in unary.items():
        record(op, f"torch.{function.__name__}", function, [normal(3, 5)])
    for op, function in {"log": torch.log, "sqrt": torch.sqrt}.items():
        record(op, f"torch.{function.__name__}", function, [positive(3, 5)])
    for exponent in (0, 1, 2, 3, 0.5, -1.5):
        record("power", "torch.pow", lambda x, e=exponent: torch.pow(x, e), [positive(3, 5)], exponent=exponent)
    for low, high in ((-0.5, 0.7), (None, 0.2), (0.1, None)):
        x = np.concatenate([normal(9), [v for v in (low, high) if v is not None]])
        record("clip", "torch.clamp", lambda x, a=low, b=high: torch.clamp(x, a, b), [x], low=low, high=high)
    record("where", "torch.where", torch.where, [normal(3, 1) > 0, normal(2, 3, 4), normal(4)])
    record("cast", "torch.Tensor.to", lambda x: x.to(torch.float32), [normal(3, 2)], dtype="float32")


def record_activations() -> None:
    a = keras.activations
    corner = np.concatenate([normal(3, 4).ravel(), [0.0, 6.0, -0.0, 1.0, 7.5]])
    for x in (corner, EXTREME, corner.astype(np.float32)):
        for op in ("relu", "relu6", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "silu"):
            name = "swish" if op == "silu" else op
            record(name, f"keras.activations.{op}", getattr(a, op), [x])
        record(
            "leaky_relu",
            "keras.activations.leaky_relu",
            lambda x: a.leaky_relu(x, 0.05),
            [x],
            negative_slope=0.05,
        )
        record("elu", "keras.activations.elu", lambda x: a.elu(x, 0.4), [x], alpha=0.4)
        record("gelu", "keras.activations.gelu", lambda x: a.gelu(x, approximate=True), [x], approximate=True)
        for axis in (-1, 0):
            record("softmax", "keras.ops.softmax", lambda x, d=axis: keras.ops.softmax(x, d), [x], axis=axis)
            record(
                "log_softmax",
                "keras.ops.log_softmax",
                lambda x, d=axis: keras.ops.log_softmax(x, d),
                [x],
                axis=axis,
            )
    for settings in (
        {"max_value": 2.0, "negative_slope": 0.3, "threshold": 0.5},
        {"max_value": 6, "negative_slope": 0.0, "threshold": 0.0},
        {"max_value": None, "negative_slope": 0.2, "threshold": 0.0},
        {"max_value": None, "negative_slope": 0.0, "threshold": 1.0},
    ):
        x = np.concatenate([3 * normal(12), [0.25, 8.0, -8.0]])
        record("clipped_relu", "keras.activations.relu", lambda x, s=settings: a.relu(x, **s), [x], **settings)
    for axis in (0, 1, 2):
        record("softmax", "torch.softmax", lambda x, d=axis: torch.softmax(x, d), [normal(2, 3, 4)], axis=axis)
        record(
            "log_softmax",
            "torch.log_softmax",
            lambda x, d=axis: F.log_softmax(x, d),
            [normal(2, 3, 4)],
            axis=axis,
        )


def record_reductions() -> None:
    x = normal(2, 3, 5)
    for axes in ([0], [1], [-1], [0, 1], [0, 2], [0, 1, 2]):
        for keepdims in (False, True):
            static = {"axes": axes, "keepdims": keepdims}
            for op, function in {
                "sum": torch.sum,
                "mean": torch.mean,
                "max": torch.amax,
                "min": torch.amin,
            }.items():
                record(
                    f"reduce_{op}", f"torch.{function.__name__}",
                    lambda x, f=function, a=axes, k=keepdims: f(x, dim=a, keepdim=k), [x], **static,
                )  # fmt: skip
    ties = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.0, -1.0, -1.0]])
    record("reduce_max", "torch.max(dim)", lambda x: torch.max(x, dim=1).values, [ties], axes=1)
    record("reduce_min", "torch.min(dim)", lambda x: torch.min(x, dim=1).values, [ties], axes=1)
    for axis in (0, 1, -1):
        record("argmax", "torch.argmax", lambda x, d=axis: torch.argmax(x, d), [x], axis=axis)


def record_shapes() -> None:
    x = normal(3, 4, 5)
    record("reshape", "torch.reshape", lambda x: torch.reshape(x, (6, -1)), [x], shape=[6, -1])
    record("transpose", "torch.permute", lambda x: torch.permute(x, (2, 0, 1)), [x], axes=[2, 0, 1])
    record("broadcast_to", "torch.expand", lambda x: x.expand(2, 3, 4), [normal(3, 1)], shape=[2, 3, 4])
    for axis in (1, -2):
        parts = [normal(2, 3, 2), normal(2, 1, 2), normal(2, 4, 2)]
        record("concatenate", "torch.cat", lambda *xs, d=axis: torch.cat(xs, d), parts, axis=axis)
    for axis in (0, 1, -1):
        parts = [normal(2, 3), normal(2, 3)]
        record("stack", "torch.stack", lambda *xs, d=axis: torch.stack(xs, d), parts, axis=axis)
    frame = ((0, 0), (1, 2), (3, 0))
    record("pad", "torch.nn.functional.pad", lambda x: F.pad(x, (3, 0, 1, 2, 0, 0), value=-1.5), [x],
           padding=frame, value=-1.5)  # fmt: skip
    for key in SLICE_KEYS:
        record("slice", "torch.Tensor[key]", lambda x, k=key: x[k], [x], key=key)
    for size in ((2, 3), (1, 4), (3, 1)):
        for interpolation in ("nearest", "bilinear"):
            layer = keras.layers.UpSampling2D(size, interpolation=interpolation, dtype="float64")
            record("upsample2d", "keras.layers.UpSampling2D", layer, [normal(2, 3, 5, 2)],
                   size=size, interpolation=interpolation)  # fmt: skip


def record_losses() -> None:
    for dtype in (np.float64, np.float32):
        record_crossentropies(dtype)
        binary = (normal(4, 3) > 0).astype(dtype)
        for s in (0.0, 0.2):
            p = RNG.uniform(0, 1, (4, 3)).astype(dtype)
            p[0] = [0.0, 1.0, 1.0]
            loss("binary_crossentropy", [binary, p], from_logits=False, label_smoothing=s)
            z = (3 * normal(4, 3)).astype(dtype)
            z[0] = [-1e4, 1e4, 30.0]
            loss("binary_crossentropy", [binary, z], from_logits=True, label_smoothing=s)
        for shape in ((4, 3), (2, 3, 2), (5,)):
            pair = [(2 * normal(*shape)).astype(dtype), (2 * normal(*shape)).astype(dtype)]
            loss("mean_squared_error", pair)
            loss("mean_absolute_error", pair)
            loss("huber", pair, delta=1.0)
            loss("huber", pair, delta=0.3)


def record_torch_losses() -> None:
    """Record in full float64 the losses that Keras rounds, from PyTorch's own."""
    pair = [2 * normal(4, 3), 2 * normal(4, 3)]
    binary = (normal(4, 3) > 0).astype(np.float64)
    probabilities = [binary, RNG.uniform(0.01, 0.99, (4, 3))]
    for op, function, arrays, static in (
        ("mean_squared_error", F.mse_loss, pair, {}),
        ("mean_absolute_error", F.l1_loss, pair, {}),
        ("huber", F.huber_loss, pair, {"delta": 0.7}),
        ("binary_crossentropy", F.binary_cross_entropy, probabilities, {}),
    ):
        record(
            op, f"torch.nn.functional.{function.__name__}",
            lambda t, y, f=function, s=static: f(y, t, reduction="none", **s).mean(-1), arrays, **static,
        )  # fmt: skip
    record(
        "binary_crossentropy", "torch.nn.functional.binary_cross_entropy_with_logits",
        lambda t, y: F.binary_cross_entropy_with_logits(y, t, reduction="none").mean(-1),
        [binary, 9 * normal(4, 3)], from_logits=True,
    )  # fmt: skip


def record_crossentropies(dtype: type) -> None:
    labels = np.array([2, 0, 4, 1])
    one_hot = np.eye(5, dtype=dtype)[labels]
    p = RNG.uniform(0, 1, (4, 5)).astype(dtype)  # rows that do not add up to 1
    p[1] = [0.0, 1.0, 0.0, 0.0, 0.0]  # clipped below
    p[2] = [0.0, 0.0, 0.0, 0.0, 2.0]  # clipped above
    z = (3 * normal(4, 5)).astype(dtype)
    z[0] = [-1e4, 1e4, 0.0, 1.0, 2.0]
    for s in (0.0, 0.1):
        loss("categorical_crossentropy", [one_hot, p], from_logits=False, label_smoothing=s)
        loss("categorical_crossentropy", [one_hot, z], from_logits=True, label_smoothing=s)
    soft = RNG.uniform(0, 1, (2, 3, 4)).astype(dtype)
    middle = normal(2, 3, 4).astype(dtype)
    loss("categorical_crossentropy", [soft, middle], from_logits=True, axis=1)
    loss("categorical_crossentropy", [soft, np.exp(middle)], from_logits=False, axis=1)
    loss("sparse_categorical_crossentropy", [labels, p], from_logits=False)
    loss("sparse_categorical_crossentropy", [labels[:, None], z], from_logits=True)
    loss("sparse_categorical_crossentropy", [labels.astype(dtype), z], from_logits=True)
    image = np.array([[0, 3, -1], [2, -1, 1]])
    scores = normal(2, 3, 4).astype(dtype)
    loss("sparse_categorical_crossentropy", [image, scores], from_logits=True, ignore_class=-1)
    loss("sparse_categorical_crossentropy", [image, np.exp(scores)], from_logits=False, ignore_class=-1)


def loss(op: str, arrays: list[np.ndarray], **static: Any) -> None:
    record(op, f"keras.losses.{op}", lambda t, y: getattr(keras.losses, op)(t, y, **static), arrays, **static)


def main() -> None:
    for step in (
        record_elementwise,
        record_activations,
        record_reductions,
        record_shapes,
        record_losses,
        record_torch_losses,
    ):
        step()
    versions = {"torch": torch.__version__, "keras": keras.__version__, "numpy": np.__version__,
                "python": sys.version.split()[0]}  # fmt: skip
    index = json.dumps({"versions": versions, "cases": INDEX})
    path = Path(__file__).with_name("pointwise.npz")
    np.savez_compressed(path, index=np.array(index), **ARRAYS)
    print(f"{path.name}: {len(INDEX)} cases, {path.stat().st_size} bytes, {versions}")


if __name__ == "__main__":
    main()
