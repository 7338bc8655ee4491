"""The simple recurrent layer on a GPU or the SIMT machine. The maths is in `minidl/ops/recurrent/rnn.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.ops.common.cell_activations import cell_activation
from minidl.ops.recurrent.rnn import SimpleRNNCache


def simple_rnn_forward(
    device: Device, x: Any, w: Any, u: Any, b: Any, h0: Any, mask: Any, recurrent_mask: Any, *,
    activation: str = "tanh",
) -> tuple[tuple[Any, Any], SimpleRNNCache]:  # fmt: skip
    """h[t] = f(x[t] w + h[t-1] u + b): a product and a fused step for each t."""
    check_activations("simple_rnn", activation)
    x, w, u, b, h0, recurrent_mask = device.take(x=x, w=w, u=u, b=b, h0=h0, recurrent_mask=recurrent_mask)
    mask = device.take(np.bool_, mask=mask)
    sequence, h, states = device.run("simple_rnn", x, w, u, b, h0, mask, recurrent_mask, activation=activation)
    cache = SimpleRNNCache(x, w, u, b is not None, h0 is not None, mask, recurrent_mask, states, activation)
    return (sequence, h), cache


def simple_rnn_backward(
    device: Device, dy: tuple[Any, Any], cache: SimpleRNNCache, *, needs: tuple[bool, ...] = (True,) * 7
) -> tuple[Any, ...]:
    """dx, dw, du, db, dh0, back through time."""
    d_sequence, d_h = (device.take(dy=part) for part in dy)
    x, w, u, recurrent_mask, states = device.take(
        x=cache.x, w=cache.w, u=cache.u, recurrent_mask=cache.recurrent_mask, states=cache.states
    )
    mask = device.take(np.bool_, mask=cache.mask)
    dx, dw, du, db, dh0 = device.run(
        "simple_rnn_backward", d_sequence, d_h, x, w, u, mask, recurrent_mask, states, activation=cache.activation
    )
    return dx if needs[0] else None, dw, du, db if cache.has_b else None, dh0 if cache.has_h0 else None, None, None


def check_activations(op: str, *names: str) -> None:
    """Raise `UnknownNameError`, with the nearest name, for an activation that the NumPy op does not know either."""
    for name in names:
        cell_activation(op, name)
