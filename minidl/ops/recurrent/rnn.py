"""The simple recurrent network, and what it shares with `lstm.py` and `gru.py`.

Every cell multiplies the input by w and the state before by u. The input's part needs no state, so it is one GEMM
over all time steps; only the state's part runs step by step. Backward through time is the same, from the last step
to the first: the loop finds dz, the gradient of the pre-activations, and three GEMMs make dx, dw and du of it.

Shapes: N batch, T time steps, D features, U units, G gates (1 here, 4 in an LSTM, 3 in a GRU).

    x (N, T, D)   w (D, G*U)   u (U, G*U)   mask (N, T) bool   recurrent_mask (N, U) or (N, G*U)

At a masked step (False) the state is carried over and the last output repeated (zeros while there is none), as in
Keras. The recurrent mask multiplies the state ahead of u: with the values 0 and 1 / (1 - rate) it is Keras'
`recurrent_dropout`. One of (N, U) serves all gates; one of (N, G*U) has a block for each gate.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.errors import DTypeError, ShapeError
from minidl.ops.common.cell_activations import cell_activation
from minidl.ops.common.checks import require_array, require_float
from minidl.ops.op import Call, Count, Op
from minidl.ops.reduce import sum_over


class SimpleRNNCache(NamedTuple):
    """The inputs, and states (N, T + 1, U): h0, then the state after every step."""

    x: np.ndarray
    w: np.ndarray
    u: np.ndarray
    has_b: bool
    has_h0: bool
    mask: np.ndarray | None
    recurrent_mask: np.ndarray | None
    states: np.ndarray
    activation: str


def simple_rnn_forward(
    x: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    b: np.ndarray | None,
    h0: np.ndarray | None,
    mask: np.ndarray | None = None,
    recurrent_mask: np.ndarray | None = None,
    *,
    activation: str = "tanh",
) -> tuple[tuple[np.ndarray, np.ndarray], SimpleRNNCache]:
    """Run the simplest recurrent cell (Elman's) over time.

        h[t] = f(x[t] w + h[t-1] u + b)

    Parameters
    ----------
    x : float array (N, T, D)
    w, u, b : (D, U), (U, U), (U,); b may be None
    h0 : (N, U), the state before the first step, or None for zeros
    mask : bool (N, T) or None; False skips a step
    recurrent_mask : (N, U) or None, multiplies the state ahead of u
    activation : a name in `cell_activations.py`

    Returns
    -------
    sequence, h : (N, T, U), the output of every step, and (N, U), the state after the last
    cache : SimpleRNNCache

    Raises
    ------
    ShapeError : the shapes do not fit, or there is no time step
    UnknownNameError : no such activation

    Source: Elman, Finding structure in time, Cognitive Science 14 (1990).

    >>> one = np.ones((1, 1))
    >>> (sequence, h), _ = simple_rnn_forward(np.ones((1, 3, 1)), one, 2 * one, None, None, None, None,
    ...                                       activation="linear")
    >>> sequence.ravel(), h
    (array([1., 3., 7.]), array([[7.]]))
    """
    check_recurrent("simple_rnn", 1, x, w, u, b, {"h0": h0}, mask, recurrent_mask)
    f = cell_activation("simple_rnn", activation)
    z = project_inputs(x, w, b)
    states = new_states(x, len(u), h0)
    for t in range(x.shape[1]):
        h = z[:, t]
        h += project_state(states[:, t], u, recurrent_mask)
        f.apply(h)
        states[:, t + 1] = keep_or_carry(h, states[:, t], mask, t)
    cache = SimpleRNNCache(x, w, u, b is not None, h0 is not None, mask, recurrent_mask, states, activation)
    return (output_sequence(states, mask), states[:, -1].copy()), cache


def simple_rnn_backward(
    dy: tuple[np.ndarray | None, np.ndarray | None],
    cache: SimpleRNNCache,
    *,
    needs: tuple[bool, ...] = (True,) * 7,
) -> tuple[np.ndarray | None, ...]:
    """Go back through time. With z[t] = x[t] w + h[t-1] u + b and h[t] = f(z[t]), from the last step on:

    dz[t]   = dh[t] f'(z[t])
    dh[t-1] = dz[t] u^T + (gradient of output t-1)
    dx = dz w^T,   dw = sum over t of x[t]^T dz[t],   du = sum of h[t-1]^T dz[t],   db = sum of dz[t]
    """
    states, mask, recurrent_mask = cache.states, cache.mask, cache.recurrent_mask
    d_outputs = output_gradients(dy[0], mask, states)
    dh = state_gradient(dy[1], states)
    dz = cell_activation("simple_rnn", cache.activation).slope(states[:, 1:])
    for t in reversed(range(cache.x.shape[1])):
        through, past = split_by_mask(dh + d_outputs[:, t], mask, t)
        dz[:, t] *= through
        dh = past + project_state_back(dz[:, t], cache.u, recurrent_mask)
    dx, dw, db = input_gradients(dz, cache.x, cache.w, needs[0])
    du = state_kernel_gradient(states[:, :-1], dz, recurrent_mask)
    return dx, dw, du, db if cache.has_b else None, dh if cache.has_h0 else None, None, None


# ------------------------------------------------------------------------- shared by the three cells: forward


def project_inputs(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """Return x w + b for all time steps in one GEMM: (N, T, G*U)."""
    steps, features = x.shape[:2], x.shape[2]
    z = np.empty_like(x, shape=(*steps, w.shape[1]), order="C")
    np.matmul(x.reshape(-1, features), w, out=z.reshape(-1, w.shape[1]))
    if b is not None:
        z += b
    return z


def new_states(x: np.ndarray, units: int, first: np.ndarray | None) -> np.ndarray:
    """Return an array (N, T + 1, U) whose step 0 is `first`, or zeros."""
    states = np.empty_like(x, shape=(x.shape[0], x.shape[1] + 1, units))
    states[:, 0] = 0 if first is None else first
    return states


def project_state(h: np.ndarray, u: np.ndarray, recurrent_mask: np.ndarray | None) -> np.ndarray:
    """Return (h * recurrent_mask) u: (N, G*U). A mask with a block for each gate meets that gate's part of u."""
    if recurrent_mask is None:
        return h @ u
    if recurrent_mask.shape == h.shape:
        return (h * recurrent_mask) @ u
    return np.concatenate([(h * m) @ v for m, v in _gates(h.shape[1], recurrent_mask, u)], axis=1)


def keep_or_carry(new: np.ndarray, old: np.ndarray, mask: np.ndarray | None, t: int) -> np.ndarray:
    """Return the new state where step t counts, and the old one where it is masked."""
    return new if mask is None else np.where(mask[:, t, None], new, old)


def output_sequence(states: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return the outputs (N, T, U): the states after each step, but zeros until the first step that counts."""
    sequence = states[:, 1:].copy()
    if mask is not None:
        sequence[~np.logical_or.accumulate(mask, axis=1)] = 0
    return sequence


# ------------------------------------------------------------------------ shared by the three cells: backward


def output_gradients(d_sequence: np.ndarray | None, mask: np.ndarray | None, states: np.ndarray) -> np.ndarray:
    """Return the gradients of the outputs (N, T, U), each at the step whose cell made that output.

    A masked step repeats the output before it, so its gradient moves to the last step before it that counts; from the
    zeros at the beginning there is nowhere to go.
    """
    if d_sequence is None:
        return np.broadcast_to(np.zeros((), states.dtype), states[:, 1:].shape)
    if mask is None:
        return d_sequence
    moved = np.empty_like(d_sequence)
    waiting = np.zeros_like(d_sequence[:, 0])
    for t in reversed(range(mask.shape[1])):
        moved[:, t], waiting = split_by_mask(waiting + d_sequence[:, t], mask, t)
    return moved


def state_gradient(d_state: np.ndarray | None, states: np.ndarray) -> np.ndarray:
    """Return the gradient of the last state, zeros where nobody used it."""
    return np.zeros_like(states[:, 0]) if d_state is None else d_state


def split_by_mask(gradient: np.ndarray, mask: np.ndarray | None, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of a gradient that go through the cell at step t, and past it (where it is masked)."""
    if mask is None:
        return gradient, np.zeros((), gradient.dtype)
    keep = mask[:, t, None]
    return gradient * keep, gradient * ~keep


def project_state_back(dz: np.ndarray, u: np.ndarray, recurrent_mask: np.ndarray | None) -> np.ndarray:
    """Return the gradient of h in `project_state`: (dz u^T) * recurrent_mask, added up over the gates."""
    if recurrent_mask is None:
        return dz @ u.T
    units = len(u)
    if recurrent_mask.shape[1] == units:
        return (dz @ u.T) * recurrent_mask
    dh = np.zeros_like(dz[:, :units])
    for d, m, v in _gates(units, dz, recurrent_mask, u):
        dh += (d @ v.T) * m
    return dh


def input_gradients(
    dz: np.ndarray, x: np.ndarray, w: np.ndarray, needs_dx: bool
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Return dx, dw, db of `project_inputs`, each from one product over all time steps."""
    rows = dz.reshape(-1, w.shape[1])
    dx = None
    if needs_dx:
        dx = np.empty_like(x, order="C")
        np.matmul(rows, w.T, out=dx.reshape(-1, x.shape[2]))
    return dx, x.reshape(len(rows), x.shape[2]).T @ rows, sum_over(dz, (0, 1))


def state_kernel_gradient(before: np.ndarray, dz: np.ndarray, recurrent_mask: np.ndarray | None) -> np.ndarray:
    """Return du = sum over t of (h[t-1] * recurrent_mask)^T dz[t]; `before` holds the states h[t-1]: (N, T, U)."""
    units = before.shape[2]
    if recurrent_mask is not None and recurrent_mask.shape[1] != units:
        return np.concatenate(
            [state_kernel_gradient(before, d, m) for d, m in _gates(units, dz, recurrent_mask)], axis=1
        )
    if recurrent_mask is not None:
        before = before * recurrent_mask[:, None]
    return before.reshape(-1, units).T @ dz.reshape(-1, dz.shape[2])


def gate_slopes(op: str, cache: Any, candidate: int) -> np.ndarray:
    """Return the slopes of all gates at all steps, (N, T, G*U): one pass over all steps, none in the loop.

    The block `candidate` went through the activation of the state, the others through that of the gates.
    """
    f_state, f_gate = (cell_activation(op, name) for name in (cache.activation, cache.recurrent_activation))
    units, slopes = len(cache.u), np.empty_like(cache.gates)
    for k, (slope, gate) in enumerate(zip(blocks(slopes, units), blocks(cache.gates, units), strict=True)):
        slope[...] = (f_state if k == candidate else f_gate).slope(gate)
    return slopes


def blocks(z: np.ndarray, units: int) -> list[np.ndarray]:
    """Return views of the blocks of U in the last axis, one a gate."""
    return [z[..., start : start + units] for start in range(0, z.shape[-1], units)]


def _gates(units: int, *arrays: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Cut the last axis of every array into its gates of U; return one tuple a gate."""
    return list(zip(*(blocks(array, units) for array in arrays), strict=True))


# --------------------------------------------------------------------------------------------------- checks


def check_recurrent(
    op: str,
    gates: int,
    x: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    b: np.ndarray | None,
    states: dict[str, np.ndarray | None],
    mask: np.ndarray | None,
    recurrent_mask: np.ndarray | None,
    b_shape: tuple[int, ...] | None = None,
) -> None:
    """Raise unless all inputs of a recurrent op fit each other. `b_shape` is (G*U,) by default."""
    given = {name: a for name, a in {"b": b, **states, "recurrent_mask": recurrent_mask}.items() if a is not None}
    require_float(op, x=x, w=w, u=u, **given)
    if x.ndim != 3 or u.ndim != 2 or x.shape[1] == 0:
        raise ShapeError(
            f"{op}: x must be (N, T, D) with at least one step, u (U, {gates}*U). Got x {x.shape}, u {u.shape}. "
            "One feature a step is (N, T, 1), one sample (1, T, D)."
        )
    n, steps, features = x.shape
    units = u.shape[0]
    wanted = {"w": (features, gates * units), "u": (units, gates * units), "b": b_shape or (gates * units,)}
    wanted |= dict.fromkeys(states, (n, units))
    for name, shape in wanted.items():
        got = {"w": w, "u": u, **given}.get(name)
        if got is not None and got.shape != shape:
            raise ShapeError(
                f"{op}: {name} must be {shape}, for x (N, T, D) = {x.shape} and U = {units} units. Got {got.shape}. "
                f"The last axis of w, u and b holds {gates} gate(s) of U side by side."
            )
    if recurrent_mask is not None and recurrent_mask.shape not in ((n, units), (n, gates * units)):
        raise ShapeError(
            f"{op}: recurrent_mask must be (N, U) = {(n, units)} or (N, {gates}*U) = {(n, gates * units)}. "
            f"Got {recurrent_mask.shape}. It is one mask for all time steps."
        )
    if mask is not None:
        _check_mask(op, mask, (n, steps))


def _check_mask(op: str, mask: np.ndarray, shape: tuple[int, int]) -> None:
    require_array(op, "mask", mask)
    if mask.dtype != np.bool_:
        raise DTypeError(f"{op}: mask must be bool, True where a step counts. Got {mask.dtype}. Use ids != 0.")
    if mask.shape != shape:
        raise ShapeError(f"{op}: mask must be (N, T) = {shape}. Got {mask.shape}.")


def steps(gates: int, forward: float, backward: float) -> tuple[Count, Count]:
    """Operations of `gates` products with the input and with the state in every step, and some a unit beside them."""

    def counts(call: Call) -> tuple[int, int]:
        (n, t, d), units = call.shape(0), call.outputs[0].shape[-1]
        return 2 * n * t * gates * units * (d + units), n * t * units

    text = f"2 N T {gates} U (D + U)"
    return (
        (f"{text} + {forward:g} N T U", lambda call: counts(call)[0] + forward * counts(call)[1]),
        (f"2 × {text} + {backward:g} N T U", lambda call: 2 * counts(call)[0] + backward * counts(call)[1]),
    )


OP = Op(
    "simple_rnn", simple_rnn_forward, simple_rnn_backward, form="recurrent", flops=steps(1, 1, 3), keeps="x w u",
    differential="refused", outputs=("sequence", "h"), values=(*"fffff", "mask", "f"),
    maths=(
        "h[t] = f(x[t] w + h[t−1] u + b)",
        "dz[t] = dh[t] f′(z[t]),  dh[t−1] += dz[t] uᵀ;  dx = dz wᵀ,  dw = Σt x[t]ᵀ dz[t],  du = Σt h[t−1]ᵀ dz[t]",
    ),
    shapes=lambda n: [(8, 16, n), (n, n), (n, n), (n,), None, None, None],
)  # fmt: skip
