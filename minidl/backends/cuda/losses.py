"""Losses on a GPU or the SIMT machine: one value a sample. The maths is in `minidl/ops/losses.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.devices.arrays import device_of, to_host
from minidl.errors import ArgumentError, ShapeError
from minidl.ops.common.checks import normalize_axis
from minidl.ops.common.labels import check_labels
from minidl.ops.losses import (
    BinaryCrossentropyCache,
    CategoricalCrossentropyCache,
    ErrorCache,
    HuberCache,
    SparseCrossentropyCache,
)

Needs = tuple[bool, bool]


def mean_squared_error_forward(device: Device, y_true: Any, y_pred: Any) -> tuple[Any, ErrorCache]:
    """Return loss = mean of e^2, e = y_pred - y_true."""
    loss, error = _of_pair(device, "mean_squared_error", y_true, y_pred)
    return loss, ErrorCache(error)


def mean_squared_error_backward(
    device: Device, dy: Any, cache: ErrorCache, *, needs: Needs = (True, True)
) -> tuple[Any, Any]:
    """d_pred = 2 e dy / D, d_true = -d_pred."""
    return _of_error(device, "mean_squared_error_backward", dy, cache.error, needs)


def mean_absolute_error_forward(device: Device, y_true: Any, y_pred: Any) -> tuple[Any, ErrorCache]:
    """Return loss = mean of |e|."""
    loss, error = _of_pair(device, "mean_absolute_error", y_true, y_pred)
    return loss, ErrorCache(error)


def mean_absolute_error_backward(
    device: Device, dy: Any, cache: ErrorCache, *, needs: Needs = (True, True)
) -> tuple[Any, Any]:
    """d_pred = sign(e) dy / D, d_true = -d_pred."""
    return _of_error(device, "mean_absolute_error_backward", dy, cache.error, needs)


def huber_forward(device: Device, y_true: Any, y_pred: Any, *, delta: float = 1.0) -> tuple[Any, HuberCache]:
    """Return loss = mean of e^2 / 2, straight beyond delta."""
    if not delta > 0:
        raise ArgumentError(f"huber: delta must be positive. Got {delta}.")
    loss, error = _of_pair(device, "huber", y_true, y_pred, delta=float(delta))
    return loss, HuberCache(error, float(delta))


def huber_backward(device: Device, dy: Any, cache: HuberCache, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """d_pred = clip(e, -delta, delta) dy / D, d_true = -d_pred."""
    return _of_error(device, "huber_backward", dy, cache.error, needs, delta=cache.delta)


def binary_crossentropy_forward(
    device: Device, y_true: Any, y_pred: Any, *, from_logits: bool = False, label_smoothing: float = 0.0
) -> tuple[Any, BinaryCrossentropyCache]:
    """Return loss = mean of -(t log p + (1 - t) log(1 - p))."""
    settings = _smoothing("binary_crossentropy", label_smoothing) | {"from_logits": bool(from_logits)}
    y_pred = device.take(y_pred=y_pred)
    loss, target = _of_pair(device, "binary_crossentropy", y_true, y_pred, **settings)
    return loss, BinaryCrossentropyCache(target, y_pred, bool(from_logits), float(label_smoothing))


def binary_crossentropy_backward(
    device: Device, dy: Any, cache: BinaryCrossentropyCache, *, needs: Needs = (True, True)
) -> tuple[Any, Any]:
    """Scores: d_pred = (sigmoid(z) - t) dy / D; probabilities: (p - t) / (p (1 - p)) dy / D."""
    dy, target, y_pred = device.take(dy=dy, target=cache.target, y_pred=cache.y_pred)
    settings = {"from_logits": cache.from_logits, "label_smoothing": cache.label_smoothing}
    return device.run("binary_crossentropy_backward", dy, target, y_pred, needs=needs, **settings)


def categorical_crossentropy_forward(
    device: Device, y_true: Any, y_pred: Any, *,
    from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> tuple[Any, CategoricalCrossentropyCache]:  # fmt: skip
    """Return loss = -sum t log p."""
    op = "categorical_crossentropy"
    settings = _smoothing(op, label_smoothing)
    y_pred = device.take(y_pred=y_pred)
    axis = normalize_axis(op, axis, y_pred.ndim, y_pred.shape)
    loss, target, log_p, total = _of_pair(
        device, op, y_true, y_pred, from_logits=bool(from_logits), axis=axis, **settings
    )
    return loss, CategoricalCrossentropyCache(target, log_p, y_pred, total, float(label_smoothing), axis)


def categorical_crossentropy_backward(
    device: Device, dy: Any, cache: CategoricalCrossentropyCache, *, needs: Needs = (True, True)
) -> tuple[Any, Any]:
    """Scores: d_pred = (p sum(t) - t) dy."""
    dy, target, log_p, y_pred, total = device.take(
        dy=dy, target=cache.target, log_p=cache.log_p, y_pred=cache.y_pred, total=cache.total
    )
    d_true, d_pred = device.run(
        "categorical_crossentropy_backward", dy, target, log_p, y_pred, total,
        label_smoothing=cache.label_smoothing, axis=cache.axis,
    )  # fmt: skip
    return (d_true if needs[0] else None), (d_pred if needs[1] else None)


def sparse_categorical_crossentropy_forward(
    device: Device, y_true: Any, y_pred: Any, *, from_logits: bool = False, ignore_class: int | None = None
) -> tuple[Any, SparseCrossentropyCache]:
    """Return loss = -log p[label]; the kernels know an ignored sample by the label -1."""
    y_pred = device.take(y_pred=y_pred)
    labels, counted = check_labels(device.op, to_host(y_true, f"{device.op} labels"), y_pred, ignore_class)
    labels = _marked(device, labels, counted)
    if from_logits:
        loss, log_p = device.run("sparse_softmax_crossentropy", labels, y_pred)
        return loss, SparseCrossentropyCache(labels, counted, y_pred, log_p, None)
    loss, total = device.run("sparse_probability_crossentropy", labels, y_pred)
    return loss, SparseCrossentropyCache(labels, counted, y_pred, None, total)


def sparse_categorical_crossentropy_backward(
    device: Device, dy: Any, cache: SparseCrossentropyCache
) -> tuple[None, Any]:
    """Scores: d_pred = (p - 1{label}) dy; 0 for an ignored sample."""
    labels = _marked(device, cache.labels, cache.counted)
    dy, y_pred, log_p, total = device.take(dy=dy, y_pred=cache.y_pred, log_p=cache.log_p, total=cache.total)
    if log_p is not None:
        return None, device.run("sparse_softmax_crossentropy_backward", dy, labels, log_p)
    return None, device.run("sparse_probability_crossentropy_backward", dy, labels, y_pred, total)


def _marked(device: Device, labels: Any, counted: np.ndarray | None) -> Any:
    """Return int32 labels on the device, -1 where a sample does not count: so do the kernels know it."""
    if device_of(labels) is None:
        labels = (labels if counted is None else np.where(counted, labels, -1)).astype(np.int32)
    return device.take(np.int32, labels=labels)


def _of_pair(device: Device, op: str, y_true: Any, y_pred: Any, **settings: Any) -> Any:
    y_true, y_pred = device.take(y_true=y_true, y_pred=y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{op}: y_true and y_pred must have one shape. Got y_true {y_true.shape}, y_pred {y_pred.shape}. "
            "Does the last layer give one number a target?"
        )
    return device.run(op, y_true, y_pred, **settings)


def _of_error(device: Device, kernel: str, dy: Any, error: Any, needs: Needs, **settings: Any) -> tuple[Any, Any]:
    dy, error = device.take(dy=dy, error=error)
    return device.run(kernel, dy, error, needs=needs, **settings)


def _smoothing(op: str, label_smoothing: float) -> dict[str, Any]:
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"{op}: label_smoothing must lie in [0, 1]. Got {label_smoothing}.")
    return {"label_smoothing": float(label_smoothing)}
