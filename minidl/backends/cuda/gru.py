"""The GRU on a GPU or the SIMT machine. The maths is in `minidl/ops/recurrent/gru.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.cuda.rnn import check_activations
from minidl.ops.recurrent.gru import GRUCache


def gru_forward(
    device: Device, x: Any, w: Any, u: Any, b: Any, h0: Any, mask: Any, recurrent_mask: Any, *,
    activation: str = "tanh", recurrent_activation: str = "sigmoid", reset_after: bool = True,
) -> tuple[tuple[Any, Any], GRUCache]:  # fmt: skip
    """A product and one kernel with all three gates for each step; two of each where r comes ahead of u."""
    check_activations("gru", activation, recurrent_activation)
    x, w, u, b, h0, recurrent_mask = device.take(x=x, w=w, u=u, b=b, h0=h0, recurrent_mask=recurrent_mask)
    mask = device.take(np.bool_, mask=mask)
    names = {"activation": activation, "recurrent_activation": recurrent_activation}
    sequence, h, gates, states, inner = device.run(
        "gru", x, w, u, b, h0, mask, recurrent_mask, reset_after=reset_after, **names
    )
    cache = GRUCache(
        x, w, u, b is not None, h0 is not None, mask, recurrent_mask, gates, states, inner,
        activation, recurrent_activation,
    )  # fmt: skip
    return (sequence, h), cache


def gru_backward(
    device: Device, dy: tuple[Any, Any], cache: GRUCache, *, needs: tuple[bool, ...] = (True,) * 7
) -> tuple[Any, ...]:
    """dx, dw, du, db, dh0, back through time."""
    d_sequence, d_h = (device.take(dy=part) for part in dy)
    x, w, u, recurrent_mask = device.take(x=cache.x, w=cache.w, u=cache.u, recurrent_mask=cache.recurrent_mask)
    gates, states, inner = device.take(gates=cache.gates, states=cache.states, inner=cache.inner)
    mask = device.take(np.bool_, mask=cache.mask)
    dx, dw, du, db, dh0 = device.run(
        "gru_backward", d_sequence, d_h, x, w, u, mask, recurrent_mask, gates, states, inner,
        activation=cache.activation, recurrent_activation=cache.recurrent_activation,
        reset_after=cache.inner is not None,
    )  # fmt: skip
    return dx if needs[0] else None, dw, du, db if cache.has_b else None, dh0 if cache.has_h0 else None, None, None
