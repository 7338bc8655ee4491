"""Long short-term memory: a recurrent cell with a memory of its own, which gates write, keep and read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.ops.common.cell_activations import cell_activation
from minidl.ops.op import Op
from minidl.ops.recurrent.rnn import (
    blocks,
    check_recurrent,
    gate_slopes,
    input_gradients,
    keep_or_carry,
    new_states,
    output_gradients,
    output_sequence,
    project_inputs,
    project_state,
    project_state_back,
    split_by_mask,
    state_gradient,
    state_kernel_gradient,
    steps,
)


class LSTMCache(NamedTuple):
    """The inputs, and of every step: gates (N, T, 4U), i f g o after their activations; states and cells
    (N, T + 1, U), h and c before the first step (h0, c0) and after each."""

    x: np.ndarray
    w: np.ndarray
    u: np.ndarray
    has_b: bool
    has_h0: bool
    has_c0: bool
    mask: np.ndarray | None
    recurrent_mask: np.ndarray | None
    gates: np.ndarray
    states: np.ndarray
    cells: np.ndarray
    activation: str
    recurrent_activation: str


def lstm_forward(
    x: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    b: np.ndarray | None,
    h0: np.ndarray | None,
    c0: np.ndarray | None,
    mask: np.ndarray | None = None,
    recurrent_mask: np.ndarray | None = None,
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], LSTMCache]:
    """Run an LSTM over time.

        [i | f | g | o] = x[t] w + h[t-1] u + b            pre-activations, blocks of U
        i, f, o = recurrent_activation(i, f, o)            write, keep, read: between 0 and 1
        g       = activation(g)                            what to write
        c[t]    = f * c[t-1] + i * g                       the memory
        h[t]    = o * activation(c[t])                     the output

    Parameters
    ----------
    x : float array (N, T, D)
    w, u, b : (D, 4U), (U, 4U), (4U,), the gates in Keras' order i f g o (Keras writes c for g); b may be None
    h0, c0 : (N, U), or None for zeros
    mask : bool (N, T) or None; False skips a step, which carries h and c over and repeats the last output
    recurrent_mask : (N, U), or (N, 4U) with a block for each gate, or None; multiplies h ahead of u
    activation, recurrent_activation : names in `cell_activations.py`

    Returns
    -------
    sequence, h, c : (N, T, U), the output of every step; (N, U), the states after the last
    cache : LSTMCache

    Raises
    ------
    ShapeError : the shapes do not fit, or there is no time step
    UnknownNameError : no such activation

    Source: Hochreiter & Schmidhuber, Neural Computation 9 (1997); the forget gate of Gers et al., ibid. 12 (2000).

    >>> zeros = np.zeros((1, 4))
    >>> (sequence, h, c), _ = lstm_forward(np.ones((2, 3, 1)), zeros, zeros, None, None, np.ones((2, 1)),
    ...                                    None, None)
    >>> c.ravel()                     # all gates are sigmoid(0): three times half of the memory is kept
    array([0.125, 0.125])
    """
    check_recurrent("lstm", 4, x, w, u, b, {"h0": h0, "c0": c0}, mask, recurrent_mask)
    f_state, f_gate = cell_activation("lstm", activation), cell_activation("lstm", recurrent_activation)
    units = len(u)
    gates = project_inputs(x, w, b)
    states, cells = new_states(x, units, h0), new_states(x, units, c0)
    for t in range(x.shape[1]):
        z = gates[:, t]
        z += project_state(states[:, t], u, recurrent_mask)
        f_gate.apply(z[:, : 2 * units])
        f_state.apply(z[:, 2 * units : 3 * units])
        f_gate.apply(z[:, 3 * units :])
        i, f, g, o = blocks(z, units)
        c = f * cells[:, t] + i * g
        cells[:, t + 1] = keep_or_carry(c, cells[:, t], mask, t)
        f_state.apply(c)
        states[:, t + 1] = keep_or_carry(o * c, states[:, t], mask, t)
    cache = LSTMCache(
        x, w, u, b is not None, h0 is not None, c0 is not None, mask, recurrent_mask, gates, states, cells,
        activation, recurrent_activation,
    )  # fmt: skip
    return (output_sequence(states, mask), states[:, -1].copy(), cells[:, -1].copy()), cache


def lstm_backward(
    dy: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None],
    cache: LSTMCache,
    *,
    needs: tuple[bool, ...] = (True,) * 8,
) -> tuple[np.ndarray | None, ...]:
    """Go back through time, last step first. With a = activation and c' = a(c[t]):

        do = dh[t] c',   dc[t] += dh[t] o a'(c[t])           h = o c' has two factors
        di = dc g,   dg = dc i,   df = dc c[t-1]             so has each product in c[t]
        dz = [di | df | dg | do] * slopes of the gates
        dc[t-1] = dc f,   dh[t-1] = dz u^T + (gradient of output t-1)

    dx, dw, du and db are sums over all steps of products with dz, made at once after the loop.
    """
    states, cells, mask, units = cache.states, cache.cells, cache.mask, len(cache.u)
    f_state = cell_activation("lstm", cache.activation)
    d_outputs = output_gradients(dy[0], mask, states)
    dh, dc = state_gradient(dy[1], states), state_gradient(dy[2], cells)
    read = cells[:, 1:].copy()
    f_state.apply(read)
    read_slope = f_state.slope(read)
    dz = gate_slopes("lstm", cache, candidate=2)
    for t in reversed(range(cache.x.shape[1])):
        i, f, g, o = blocks(cache.gates[:, t], units)
        dh, dh_carried = split_by_mask(dh + d_outputs[:, t], mask, t)
        dc, dc_carried = split_by_mask(dc, mask, t)
        dc = dc + dh * o * read_slope[:, t]
        di, df, dg, do = blocks(dz[:, t], units)
        di *= dc * g
        df *= dc * cells[:, t]
        dg *= dc * i
        do *= dh * read[:, t]
        dc = dc_carried + dc * f
        dh = dh_carried + project_state_back(dz[:, t], cache.u, cache.recurrent_mask)
    dx, dw, db = input_gradients(dz, cache.x, cache.w, needs[0])
    du = state_kernel_gradient(states[:, :-1], dz, cache.recurrent_mask)
    dh0, dc0 = dh if cache.has_h0 else None, dc if cache.has_c0 else None
    return dx, dw, du, db if cache.has_b else None, dh0, dc0, None, None


OP = Op(
    "lstm", lstm_forward, lstm_backward, form="recurrent", flops=steps(4, 14, 22), keeps="x w u",
    differential="refused", outputs=("sequence", "h", "c"), values=(*"ffffff", "mask", "f"),
    maths=(
        "[i f g o] = x[t] w + h[t−1] u + b;  c[t] = σ(f) c[t−1] + σ(i) tanh(g);  h[t] = σ(o) tanh(c[t])",
        "dc[t] += dh[t] o tanh′(c[t]);  dz = [dc g, dc c[t−1], dc i, dh tanh c] · slopes;  dc[t−1] = dc f,  "
        "dh[t−1] += dz uᵀ",
    ),
    shapes=lambda n: [(8, 16, n), (n, 4 * n), (n, 4 * n), (4 * n,), None, None, None, None],
)  # fmt: skip
