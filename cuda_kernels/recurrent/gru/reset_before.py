"""The GRU that resets its state ahead of the product (reset_after=False): the form of Cho et al.'s version 3.

    [z | r] = gate(x[t] w_zr + h[t-1] u_zr + b_zr),   g = f(x[t] w_g + (r h[t-1]) u_g + b_g)
    h[t] = z h[t-1] + (1 - z) g

The candidate waits for r, so a step is two products, (N, U) by (U, 2U) and (N, U) by (U, U), with a kernel after each.
Back through time the same two, in the other order. One thread owns unit j of sample n.
Bytes a step, N U elements: 36 loaded and 28 stored each, beside the products.
Claims: no local memory.
"""
import functools
from typing import Any

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import check_array

from ..activations import cell_activation
from ..host import Walk, steps_count
from ..state_masks import Ways, ways


@functools.cache
def candidate_factor(masked: bool, stride: int, offset: int):
    """A device function `factor(factors, n, j, units)`: the mask of the candidate's block, or 1."""
    if not masked:
        @cuda.jit(device=True)
        def one(factors, n, j, units):
            return float32(1)

        return one
    blocks, first = np.int32(stride), np.int32(offset)

    @cuda.jit(device=True)
    def factor(factors, n, j, units):
        return factors[(n * blocks + first) * units + j]

    return factor


@functools.cache
def make_gates(gate, factor, mask_ways: Ways):
    """Both gates after their activations; reset = r h, masked: what the candidate's product reads."""
    place = mask_ways.place

    @cuda.jit
    def gru_gates(gates, from_state, factors, states, reset, t, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            k = (n * steps + t) * 3 * units + j
            z = gate(gates[k] + from_state[place(0, i, n, j, units, size)])
            r = gate(gates[k + units] + from_state[place(1, i, n, j, units, size)])
            gates[k], gates[k + units] = z, r
            reset[i] = r * states[(n * (steps + 1) + t) * units + j] * factor(factors, n, j, units)

    return gru_gates


@functools.cache
def make_candidate(f, counts, mask_ways: Ways):
    """g, and the new state."""
    put = mask_ways.put

    @cuda.jit
    def gru_candidate(gates, from_reset, mask, factors, states, before, t, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            here, k = (n * (steps + 1) + t) * units + j, (n * steps + t) * 3 * units + j
            g = f(gates[k + 2 * units] + from_reset[i])
            gates[k + 2 * units] = g
            z, h = gates[k], states[here]
            if counts(mask, n * steps + t):
                h = z * h + (float32(1) - z) * g
            states[here + units] = h
            put(before, h, factors, i, n, j, units, size)

    return gru_candidate


@functools.cache
def make_candidate_back(slope, gate_slope, counts, mask_ways: Ways):
    """d_z and d_g of a step: dg_now is what goes back through the candidate's product."""
    place, _, back = mask_ways

    @cuda.jit
    def gru_candidate_back(d_sequence, past, factors, mask, gates, states, carried, waiting, d_now, dg_now, d_input, t,
                           steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            k, cell = (n * steps + t) * 3 * units + j, (n * steps + t) * units + j
            dh = carried[i] + back(past, factors, i, n, j, units, size)
            dy = waiting[i] + d_sequence[cell]
            d_z, d_g = float32(0), float32(0)
            if counts(mask, n * steps + t):
                z, g = gates[k], gates[k + 2 * units]
                dh += dy
                d_z = dh * (states[(n * (steps + 1) + t) * units + j] - g) * gate_slope(z)
                d_g = dh * (float32(1) - z) * slope(g)
                carried[i], waiting[i] = dh * z, float32(0)
            else:
                carried[i], waiting[i] = dh, dy
            d_now[place(0, i, n, j, units, size)] = d_z
            dg_now[i] = d_g
            d_input[k], d_input[k + 2 * units] = d_z, d_g

    return gru_candidate_back


@functools.cache
def make_gates_back(gate_slope, factor, mask_ways: Ways):
    """d_r of a step, from dq, the gradient of the masked r h; a step that does not count has dq = 0."""
    place = mask_ways.place

    @cuda.jit
    def gru_gates_back(dq, factors, gates, states, carried, d_now, d_input, t, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            k = (n * steps + t) * 3 * units + j
            r = gates[k + units]
            d_reset = dq[i] * factor(factors, n, j, units)
            d_r = d_reset * states[(n * (steps + 1) + t) * units + j] * gate_slope(r)
            carried[i] += d_reset * r
            d_now[place(1, i, n, j, units, size)] = d_r
            d_input[k + units] = d_r

    return gru_gates_back


@functools.cache
def make_resets(factor):
    """The masked r h of all steps, (N, T, U): what the candidate's block of u met."""
    @cuda.jit
    def resets(gates, states, factors, reset, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            j, row = i % units, i // units
            n, t = row // steps, row % steps
            h = states[(n * (steps + 1) + t) * units + j]
            reset[i] = gates[row * 3 * units + units + j] * h * factor(factors, n, j, units)

    return resets


def _walk(op: str, x, w, u, mask, recurrent_mask, on: str | None) -> tuple[Walk, Any, Any]:
    """The walk, whose products give z and r; the candidate's block of u; its mask's device function."""
    walk = Walk(op, 3, x, w, u, mask, recurrent_mask, on, together=2)
    columns = slice(2 * walk.units, 3 * walk.units)
    factor = candidate_factor(walk.kind != "none", *((3, 2) if walk.kind == "gates" else (1, 0)))
    return walk, walk.run("slice", u, key=(slice(None), columns)), factor


def forward(x, w, u, b, h0, mask, recurrent_mask, *, activation: str, recurrent_activation: str, on: str | None):
    """(sequence, h, gates (N, T, 3U), states (N, T + 1, U)); b (3U,), h0 and the masks may be None."""
    walk, u_g, factor = _walk("gru", x, w, u, mask, recurrent_mask, on)
    if b is not None:
        check_array("gru", "b", b, shape=(3 * walk.units,))
    f, gate = (cell_activation("gru", name)[0] for name in (activation, recurrent_activation))
    both, candidate = make_gates(gate, factor, walk.ways), make_candidate(f, walk.counts, walk.ways)
    gates, reset = walk.project(b), walk.empty(walk.n, walk.units)
    states, before = walk.begin(h0)
    for t in range(walk.steps):
        sizes = (t, walk.steps, walk.units)
        from_state = walk.product(before)
        walk.launch(both, gates, from_state, walk.factors, states, reset, *sizes)
        from_reset = walk.run("gemm", reset, u_g)
        walk.launch(candidate, gates, from_reset, walk.mask, walk.factors, states, before, *sizes)
    return (*walk.outputs(states), gates, states)


def backward(d_sequence, d_h, x, w, u, mask, recurrent_mask, gates, states, *, activation: str,
             recurrent_activation: str, on: str | None):
    """(dx, dw, du, db (3U,), dh0); d_sequence and d_h may be None."""
    walk, u_g, factor = _walk("gru_backward", x, w, u, mask, recurrent_mask, on)
    slope, gate_slope = (cell_activation("gru", name)[1] for name in (activation, recurrent_activation))
    first = make_candidate_back(slope, gate_slope, walk.counts, walk.ways)
    second = make_gates_back(gate_slope, factor, walk.ways)
    d_sequence, past, waiting, carried = walk.back(d_sequence, d_h)
    d_now, dg_now = walk.exchange(), walk.empty(walk.n, walk.units)
    d_input = walk.empty(walk.n, walk.steps, 3 * walk.units)
    for t in reversed(range(walk.steps)):
        sizes = (t, walk.steps, walk.units)
        walk.launch(first, d_sequence, past, walk.factors, walk.mask, gates, states, carried, waiting, d_now, dg_now,
                    d_input, *sizes)
        dq = walk.run("gemm", dg_now, u_g, transpose_b=True)
        walk.launch(second, dq, walk.factors, gates, states, carried, d_now, d_input, *sizes)
        past = walk.product_back(d_now)
    dx, dw, db = walk.input_gradients(d_input)
    return dx, dw, _du(walk, d_input, gates, states, factor), db, walk.finish(carried, past)


def _du(walk: Walk, d_input, gates, states, factor):
    """The gradient of u, (U, 3U): the blocks of z and r met the state, that of the candidate the reset state."""
    flat = d_input.reshape(walk.n * walk.steps, -1)
    du_zr = walk.state_kernel_gradient(states, walk.first_gates(flat))
    reset = walk.empty(walk.n * walk.steps, walk.units)
    walk.launch(make_resets(factor), gates, states, walk.factors, reset, walk.steps, walk.units, size=reset.size)
    dg = walk.run("slice", flat, key=(slice(None), slice(2 * walk.units, 3 * walk.units)))
    return walk.run("concatenate", du_zr, walk.run("gemm", reset, dg, transpose_a=True), axis=1)


CLAIMS = Claims(registers=96, lacks=("LDL", "STL"))
_TANH, _SIGMOID = (cell_activation("gru", name) for name in ("tanh", "sigmoid"))
_FREE, _ALL, _ONE = ways("none", 2, 1), steps_count(None), candidate_factor(False, 1, 0)
FORWARD_BUILDS = (Build(make_gates(_SIGMOID[0], _ONE, _FREE), (FLAT,) * 5 + (int32,) * 4, CLAIMS),
                  Build(make_candidate(_TANH[0], _ALL, _FREE), (FLAT,) * 6 + (int32,) * 4, CLAIMS))
BACKWARD_BUILDS = (Build(make_candidate_back(_TANH[1], _SIGMOID[1], _ALL, _FREE), (FLAT,) * 11 + (int32,) * 4, CLAIMS),
                   Build(make_gates_back(_SIGMOID[1], _ONE, _FREE), (FLAT,) * 7 + (int32,) * 4, CLAIMS),
                   Build(make_resets(_ONE), (FLAT,) * 4 + (int32,) * 3, CLAIMS))
