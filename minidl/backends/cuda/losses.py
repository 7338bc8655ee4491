"""Crossentropies of classes on the devices; the maths is in `minidl/ops/losses.py`, others in `forms.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.cuda.forms import take_alike
from minidl.backends.devices.arrays import device_of, to_host
from minidl.errors import ArgumentError
from minidl.ops.common.checks import normalize_axis
from minidl.ops.common.labels import check_labels
from minidl.ops.losses import CategoricalCrossentropyCache, SparseCrossentropyCache

Needs = tuple[bool, bool]


def categorical_crossentropy_forward(
    device: Device, y_true: Any, y_pred: Any, *,
    from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> tuple[Any, CategoricalCrossentropyCache]:  # fmt: skip
    """Return loss = -sum t log p."""
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"{device.op}: label_smoothing must lie in [0, 1]. Got {label_smoothing}.")
    y_true, y_pred = take_alike(device, y_true, y_pred)
    axis = normalize_axis(device.op, axis, y_pred.ndim, y_pred.shape)
    loss, target, log_p, total = device.run(
        device.op, y_true, y_pred, from_logits=bool(from_logits), axis=axis, label_smoothing=float(label_smoothing)
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
