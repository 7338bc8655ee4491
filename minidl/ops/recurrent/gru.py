"""Gated recurrent unit: a recurrent cell that mixes its old state with a candidate for the new one."""

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
from minidl.ops.reduce import sum_over


class GRUCache(NamedTuple):
    """The inputs, and of every step: gates (N, T, 3U), z r g after their activations; states (N, T + 1, U), h0 and
    the state after each step; inner (N, T, U), what r multiplied (only with reset_after, else None)."""

    x: np.ndarray
    w: np.ndarray
    u: np.ndarray
    has_b: bool
    has_h0: bool
    mask: np.ndarray | None
    recurrent_mask: np.ndarray | None
    gates: np.ndarray
    states: np.ndarray
    inner: np.ndarray | None
    activation: str
    recurrent_activation: str


def gru_forward(
    x: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    b: np.ndarray | None,
    h0: np.ndarray | None,
    mask: np.ndarray | None = None,
    recurrent_mask: np.ndarray | None = None,
    *,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    reset_after: bool = True,
) -> tuple[tuple[np.ndarray, np.ndarray], GRUCache]:
    """Run a GRU over time.

        [zx | rx | gx] = x[t] w + b[0]                     the input's part, blocks of U
        [zh | rh | gh] = h[t-1] u + b[1]                   the state's part
        z, r = recurrent_activation(zx + zh, rx + rh)      update and reset gate
        g    = activation(gx + r * gh)                     the candidate                  with reset_after=True
        g    = activation(gx + (r * h[t-1]) u_g)           u_g: the last block of u       with reset_after=False
        h[t] = z * h[t-1] + (1 - z) * g

    Parameters
    ----------
    x : float array (N, T, D)
    w, u : (D, 3U), (U, 3U), the gates in Keras' order z r g (Keras writes h for g)
    b : (2, 3U) with reset_after, (3U,) without (there is no b[1] then); or None
    h0 : (N, U), or None for zeros
    mask : bool (N, T) or None; False skips a step, which carries h over and repeats the last output
    recurrent_mask : (N, U), or (N, 3U) with a block for each gate, or None; multiplies h ahead of u
    activation, recurrent_activation : names in `cell_activations.py`
    reset_after : reset the state after it met u (the default of Keras, and cuDNN) or before

    Returns
    -------
    sequence, h : (N, T, U), the output of every step; (N, U), the state after the last
    cache : GRUCache

    Raises
    ------
    ShapeError : the shapes do not fit, or there is no time step
    UnknownNameError : no such activation

    Source: Cho et al., arXiv:1406.1078, whose version 1 resets after u and version 3 before.

    >>> zeros = np.zeros((1, 3))
    >>> (sequence, h), _ = gru_forward(np.ones((1, 3, 1)), zeros, zeros, None, np.ones((1, 1)), None, None)
    >>> sequence.ravel()             # z is sigmoid(0) and the candidate 0: half of the state is kept
    array([0.5  , 0.25 , 0.125])
    """
    units = len(u)
    b_shape = (2, 3 * units) if reset_after else (3 * units,)
    check_recurrent("gru", 3, x, w, u, b, {"h0": h0}, mask, recurrent_mask, b_shape)
    f_state, f_gate = cell_activation("gru", activation), cell_activation("gru", recurrent_activation)
    input_b, state_b = (b, None) if b is None or not reset_after else b
    gates = project_inputs(x, w, input_b)
    states = new_states(x, units, h0)
    inner = np.empty((*x.shape[:2], units), x.dtype) if reset_after else None
    for t in range(x.shape[1]):
        h, a = states[:, t], gates[:, t]
        z, r, g = blocks(a, units)
        if inner is not None:
            from_state = project_state(h, u, recurrent_mask)
            if state_b is not None:
                from_state += state_b
            a[:, : 2 * units] += from_state[:, : 2 * units]
            inner[:, t] = from_state[:, 2 * units :]
            f_gate.apply(a[:, : 2 * units])
            g += r * inner[:, t]
        else:
            mask_zr, mask_g = _split_mask(recurrent_mask, units)
            a[:, : 2 * units] += project_state(h, u[:, : 2 * units], mask_zr)
            f_gate.apply(a[:, : 2 * units])
            g += project_state(r * h, u[:, 2 * units :], mask_g)
        f_state.apply(g)
        states[:, t + 1] = keep_or_carry(z * h + (1 - z) * g, h, mask, t)
    cache = GRUCache(
        x, w, u, b is not None, h0 is not None, mask, recurrent_mask, gates, states, inner,
        activation, recurrent_activation,
    )  # fmt: skip
    return (output_sequence(states, mask), states[:, -1].copy()), cache


def gru_backward(
    dy: tuple[np.ndarray | None, np.ndarray | None], cache: GRUCache, *, needs: tuple[bool, ...] = (True,) * 7
) -> tuple[np.ndarray | None, ...]:
    """Go back through time, last step first. With h = h[t-1] and slopes those of the activations:

        dz = dh[t] (h - g) slope_z,   dg = dh[t] (1 - z) slope_g        h[t] = z h + (1 - z) g
        reset_after:    dr = dg gh slope_r;    the state's part has the gradient ds = [dz | dr | dg r]
                        dh = dh[t] z + ds u^T
        reset before:   dq = dg u_g^T, the gradient of q = r h;   dr = dq h slope_r
                        dh = dh[t] z + dq r + [dz | dr] u_zr^T

    dx, dw, du and db are sums over all steps of products with d_input = [dz | dr | dg] or ds, made after the loop.
    """
    u, states, mask, units = cache.u, cache.states, cache.mask, len(cache.u)
    d_outputs = output_gradients(dy[0], mask, states)
    dh = state_gradient(dy[1], states)
    d_input = gate_slopes("gru", cache, candidate=2)
    d_state = d_input if cache.inner is None else np.empty_like(d_input)
    mask_zr, mask_g = _split_mask(cache.recurrent_mask, units)
    for t in reversed(range(cache.x.shape[1])):
        z, r, g = blocks(cache.gates[:, t], units)
        dz, dr, dg = blocks(d_input[:, t], units)
        h = states[:, t]
        dh, carried = split_by_mask(dh + d_outputs[:, t], mask, t)
        dz *= dh * (h - g)
        dg *= dh * (1 - z)
        if cache.inner is not None:
            dr *= dg * cache.inner[:, t]
            d_state[:, t] = d_input[:, t]
            d_state[:, t, 2 * units :] *= r
            past = project_state_back(d_state[:, t], u, cache.recurrent_mask)
        else:
            dq = project_state_back(dg, u[:, 2 * units :], mask_g)
            dr *= dq * h
            past = dq * r + project_state_back(d_input[:, t, : 2 * units], u[:, : 2 * units], mask_zr)
        dh = carried + dh * z + past
    dx, dw, db = input_gradients(d_input, cache.x, cache.w, needs[0])
    if cache.inner is not None:
        db = np.stack([db, sum_over(d_state, (0, 1))])
    du = _state_kernel_gradient(cache, d_state)
    return dx, dw, du, db if cache.has_b else None, dh if cache.has_h0 else None, None, None


def _state_kernel_gradient(cache: GRUCache, d_state: np.ndarray) -> np.ndarray:
    before, units = cache.states[:, :-1], len(cache.u)
    if cache.inner is not None:
        return state_kernel_gradient(before, d_state, cache.recurrent_mask)
    # Reset before: the last block of u met r * h.
    mask_zr, mask_g = _split_mask(cache.recurrent_mask, units)
    reset = cache.gates[..., units : 2 * units] * before
    du_zr = state_kernel_gradient(before, d_state[..., : 2 * units], mask_zr)
    return np.concatenate([du_zr, state_kernel_gradient(reset, d_state[..., 2 * units :], mask_g)], axis=1)


def _split_mask(recurrent_mask: np.ndarray | None, units: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the parts of a recurrent mask for the gates z and r, and for the candidate."""
    if recurrent_mask is None or recurrent_mask.shape[1] == units:
        return recurrent_mask, recurrent_mask
    return recurrent_mask[:, : 2 * units], recurrent_mask[:, 2 * units :]


OP = Op(
    "gru", gru_forward, gru_backward, form="recurrent", flops=steps(3, 11, 18), keeps="x w u",
    differential="refused", outputs=("sequence", "h"), values=(*"fffff", "mask", "f"),
    maths=(
        "z, r = σ(x[t] w + h[t−1] u + b);  g = tanh(gx + r gh);  h[t] = z h[t−1] + (1 − z) g",
        "dz = dh (h[t−1] − g) σ′,  dg = dh (1 − z) tanh′,  dr = dg gh σ′;  dh[t−1] += dh z + [dz dr dg·r] uᵀ",
    ),
    shapes=lambda n: [(8, 16, n), (n, 3 * n), (n, 3 * n), (2, 3 * n), None, None, None],
)  # fmt: skip
