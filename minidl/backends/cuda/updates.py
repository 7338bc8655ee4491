"""Optimizer updates on a GPU or the SIMT machine, one kernel each. The maths is in `minidl/ops/updates.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device


def sgd_update_forward(device: Device, w: Any, dw: Any, velocity: Any, **settings: Any) -> tuple[Any, None]:
    """(w, velocity) after a step of gradient descent."""
    return _update(device, "sgd_update", settings, w=w, dw=dw, velocity=velocity)


def rmsprop_update_forward(
    device: Device, w: Any, dw: Any, v: Any, m: Any, average: Any, **settings: Any
) -> tuple[Any, None]:
    """(w, v, m, average) after a step of RMSprop."""
    return _update(device, "rmsprop_update", settings, w=w, dw=dw, v=v, m=m, average=average)


def adam_update_forward(
    device: Device, w: Any, dw: Any, m: Any, v: Any, v_max: Any = None, **settings: Any
) -> tuple[Any, None]:
    """(w, m, v, v_max) after a step of Adam."""
    return _update(device, "adam_update", settings, w=w, dw=dw, m=m, v=v, v_max=v_max)


def adamw_update_forward(
    device: Device, w: Any, dw: Any, m: Any, v: Any, v_max: Any = None, **settings: Any
) -> tuple[Any, None]:
    """(w, m, v, v_max) after a step of AdamW."""
    return _update(device, "adamw_update", settings, w=w, dw=dw, m=m, v=v, v_max=v_max)


def adagrad_update_forward(device: Device, w: Any, dw: Any, accumulator: Any, **settings: Any) -> tuple[Any, None]:
    """(w, accumulator) after a step of Adagrad."""
    return _update(device, "adagrad_update", settings, w=w, dw=dw, accumulator=accumulator)


def _update(device: Device, op: str, settings: dict[str, Any], **arrays: Any) -> tuple[Any, None]:
    taken = device.take(**arrays)
    numbers = {name: value for name, value in settings.items() if value is not None}  # weight_decay=None is none
    return device.run(op, *taken, **numbers), None
