"""Embedding and recurrent ops over whole sequences (N, T, D)."""

from __future__ import annotations

from typing import Any

from minidl.tape import apply
from minidl.tensor import Tensor


def embedding(ids: Any, table: Any) -> Tensor:
    """Return row `ids` of `table` (V, D): ids (...) integers -> (..., D)."""
    return apply("embedding", ids, table)


def simple_rnn(
    x: Any, w: Any, u: Any, b: Any, h0: Any, mask: Any = None, recurrent_mask: Any = None, activation: str = "tanh"
) -> tuple[Tensor, Tensor]:
    """h_t = activation(x_t w + h_{t-1} u + b); return all (N, T, U) and the last (N, U)."""
    return apply("simple_rnn", x, w, u, b, h0, mask, recurrent_mask, activation=activation)


def lstm(
    x: Any,
    w: Any,
    u: Any,
    b: Any,
    h0: Any,
    c0: Any,
    mask: Any = None,
    recurrent_mask: Any = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory, gates in the order i f c o; return all h (N, T, U), the last h and the last c."""
    return apply(
        "lstm", x, w, u, b, h0, c0, mask, recurrent_mask,
        activation=activation, recurrent_activation=recurrent_activation,
    )  # fmt: skip


def gru(
    x: Any,
    w: Any,
    u: Any,
    b: Any,
    h0: Any,
    mask: Any = None,
    recurrent_mask: Any = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    reset_after: bool = True,
) -> tuple[Tensor, Tensor]:
    """Gated recurrent unit, gates in the order z r h; return all h (N, T, U) and the last."""
    return apply(
        "gru", x, w, u, b, h0, mask, recurrent_mask,
        activation=activation, recurrent_activation=recurrent_activation, reset_after=reset_after,
    )  # fmt: skip
