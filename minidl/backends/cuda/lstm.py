"""The LSTM on a GPU or the SIMT machine. The maths is in `minidl/ops/recurrent/lstm.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.cuda.rnn import check_activations
from minidl.ops.recurrent.lstm import LSTMCache


def lstm_forward(
    device: Device, x: Any, w: Any, u: Any, b: Any, h0: Any, c0: Any, mask: Any, recurrent_mask: Any, *,
    activation: str = "tanh", recurrent_activation: str = "sigmoid",
) -> tuple[tuple[Any, Any, Any], LSTMCache]:  # fmt: skip
    """A product and one kernel with all four gates for each step."""
    check_activations("lstm", activation, recurrent_activation)
    x, w, u, b, h0, c0, recurrent_mask = device.take(x=x, w=w, u=u, b=b, h0=h0, c0=c0, recurrent_mask=recurrent_mask)
    mask = device.take(np.bool_, mask=mask)
    names = {"activation": activation, "recurrent_activation": recurrent_activation}
    sequence, h, c, gates, states, cells = device.run("lstm", x, w, u, b, h0, c0, mask, recurrent_mask, **names)
    cache = LSTMCache(
        x, w, u, b is not None, h0 is not None, c0 is not None, mask, recurrent_mask, gates, states, cells,
        activation, recurrent_activation,
    )  # fmt: skip
    return (sequence, h, c), cache


def lstm_backward(
    device: Device, dy: tuple[Any, Any, Any], cache: LSTMCache, *, needs: tuple[bool, ...] = (True,) * 8
) -> tuple[Any, ...]:
    """dx, dw, du, db, dh0, dc0, back through time."""
    d_sequence, d_h, d_c = (device.take(dy=part) for part in dy)
    x, w, u, recurrent_mask = device.take(x=cache.x, w=cache.w, u=cache.u, recurrent_mask=cache.recurrent_mask)
    gates, states, cells = device.take(gates=cache.gates, states=cache.states, cells=cache.cells)
    mask = device.take(np.bool_, mask=cache.mask)
    dx, dw, du, db, dh0, dc0 = device.run(
        "lstm_backward", d_sequence, d_h, d_c, x, w, u, mask, recurrent_mask, gates, states, cells,
        activation=cache.activation, recurrent_activation=cache.recurrent_activation,
    )  # fmt: skip
    dh0, dc0 = dh0 if cache.has_h0 else None, dc0 if cache.has_c0 else None
    return dx if needs[0] else None, dw, du, db if cache.has_b else None, dh0, dc0, None, None
