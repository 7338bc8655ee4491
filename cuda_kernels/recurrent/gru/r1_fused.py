"""gru r1: a product a step, and one kernel for both gates, the candidate and the state.

    [zx rx gx] = x[t] w + b[0],   [zh rh gh] = h[t-1] u + b[1]
    z, r = gate(zx + zh, rx + rh),   g = f(gx + r gh),   h[t] = z h[t-1] + (1 - z) g
That is reset_after=True, Keras' default; the other form needs two products a step: `reset_before.py`.
One thread owns unit j of sample n: its three gates lie U apart.
Bytes a step, N U elements: 28 loaded and 24 stored each, beside the product.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import check_array

from ..activations import cell_activation
from ..host import Walk, steps_count
from ..state_masks import Ways, ways
from . import reset_before


@functools.cache
def make_step(f, gate, counts, mask_ways: Ways):
    """One step; gates holds x w + b[0] and receives z r g after their activations, inner what r multiplied."""
    place, put, _ = mask_ways

    @cuda.jit
    def gru_step(gates, from_state, mask, factors, states, inner, before, t, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            here, k = (n * (steps + 1) + t) * units + j, (n * steps + t) * 3 * units + j
            z = gate(gates[k] + from_state[place(0, i, n, j, units, size)])
            r = gate(gates[k + units] + from_state[place(1, i, n, j, units, size)])
            part = from_state[place(2, i, n, j, units, size)]
            g = f(gates[k + 2 * units] + r * part)
            gates[k], gates[k + units], gates[k + 2 * units] = z, r, g
            inner[(n * steps + t) * units + j] = part
            h = states[here]
            if counts(mask, n * steps + t):
                h = z * h + (float32(1) - z) * g
            states[here + units] = h
            put(before, h, factors, i, n, j, units, size)

    return gru_step


@functools.cache
def make_step_back(slope, gate_slope, counts, mask_ways: Ways):
    """One step back: d_input = [dz dr dg] for x w, d_state = [dz dr dg r] for h u."""
    place, _, back = mask_ways

    @cuda.jit
    def gru_step_back(d_sequence, past, factors, mask, gates, inner, states, carried, waiting, d_now, d_input, d_state,
                      t, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            k, cell = (n * steps + t) * 3 * units + j, (n * steps + t) * units + j
            dh = carried[i] + back(past, factors, i, n, j, units, size)
            dy = waiting[i] + d_sequence[cell]
            d_z, d_r, d_g, d_inner = float32(0), float32(0), float32(0), float32(0)
            if counts(mask, n * steps + t):
                z, r, g = gates[k], gates[k + units], gates[k + 2 * units]
                dh += dy
                d_z = dh * (states[(n * (steps + 1) + t) * units + j] - g) * gate_slope(z)
                d_g = dh * (float32(1) - z) * slope(g)
                d_r = d_g * inner[cell] * gate_slope(r)
                d_inner = d_g * r
                carried[i], waiting[i] = dh * z, float32(0)
            else:
                carried[i], waiting[i] = dh, dy
            d_now[place(0, i, n, j, units, size)] = d_z
            d_now[place(1, i, n, j, units, size)] = d_r
            d_now[place(2, i, n, j, units, size)] = d_inner
            d_input[k], d_input[k + units], d_input[k + 2 * units] = d_z, d_r, d_g
            d_state[k], d_state[k + units], d_state[k + 2 * units] = d_z, d_r, d_inner

    return gru_step_back


def gru(x, w, u, b, h0, mask, recurrent_mask, *, activation: str = "tanh", recurrent_activation: str = "sigmoid",
        reset_after: bool = True, on: str | None = None):
    """(sequence, h, gates (N, T, 3U), states (N, T + 1, U), inner (N, T, U)); b (2, 3U), h0, masks may be None.

    With reset_after=False b is (3U,), and inner is None.
    """
    names = {"activation": activation, "recurrent_activation": recurrent_activation}
    if not reset_after:
        return (*reset_before.forward(x, w, u, b, h0, mask, recurrent_mask, on=on, **names), None)
    walk = Walk("gru", 3, x, w, u, mask, recurrent_mask, on)
    if b is not None:
        check_array("gru", "b", b, shape=(2, 3 * walk.units))
    f, gate = (cell_activation("gru", name)[0] for name in (activation, recurrent_activation))
    step, gates = make_step(f, gate, walk.counts, walk.ways), walk.project(None if b is None else b[0])
    inner = walk.empty(walk.n, walk.steps, walk.units)
    states, before = walk.begin(h0)
    for t in range(walk.steps):
        from_state = walk.product(before, None if b is None else b[1])
        walk.launch(step, gates, from_state, walk.mask, walk.factors, states, inner, before, t, walk.steps, walk.units)
    return (*walk.outputs(states), gates, states, inner)


def gru_backward(d_sequence, d_h, x, w, u, mask, recurrent_mask, gates, states, inner, *, activation: str = "tanh",
                 recurrent_activation: str = "sigmoid", reset_after: bool = True, on: str | None = None):
    """(dx, dw, du, db (2, 3U), dh0); d_sequence and d_h may be None. With reset_after=False db is (3U,)."""
    names = {"activation": activation, "recurrent_activation": recurrent_activation}
    if not reset_after:
        return reset_before.backward(d_sequence, d_h, x, w, u, mask, recurrent_mask, gates, states, on=on, **names)
    walk = Walk("gru_backward", 3, x, w, u, mask, recurrent_mask, on)
    slopes = (cell_activation("gru", name)[1] for name in (activation, recurrent_activation))
    step = make_step_back(*slopes, walk.counts, walk.ways)
    d_sequence, past, waiting, carried = walk.back(d_sequence, d_h)
    d_now = walk.exchange()
    d_input, d_state = (walk.empty(walk.n, walk.steps, 3 * walk.units) for _ in range(2))
    for t in reversed(range(walk.steps)):
        walk.launch(step, d_sequence, past, walk.factors, walk.mask, gates, inner, states, carried, waiting, d_now,
                    d_input, d_state, t, walk.steps, walk.units)
        past = walk.product_back(d_now)
    dx, dw, db = walk.input_gradients(d_input)
    db_state = walk.run("reduce_sum", d_state.reshape(walk.n * walk.steps, -1), axes=0)
    both = walk.run("concatenate", db, db_state, axis=0).reshape(2, 3 * walk.units)
    return dx, dw, walk.state_kernel_gradient(states, d_state), both, walk.finish(carried, past)


CLAIMS = Claims(registers=96, lacks=("LDL", "STL"))
_FREE = steps_count(None), ways("none", 3, 1)
_TANH, _SIGMOID = (cell_activation("gru", name) for name in ("tanh", "sigmoid"))
_CHANGE = "one product a step, and one kernel for what follows it"
_STEP, _BACK = (FLAT,) * 7 + (int32,) * 4, (FLAT,) * 12 + (int32,) * 4
RUNGS = (
    Rung(op="gru", name="r1_fused", change=_CHANGE, run=gru,
         builds=(Build(make_step(_TANH[0], _SIGMOID[0], *_FREE), _STEP, CLAIMS), *reset_before.FORWARD_BUILDS)),
    Rung(op="gru_backward", name="r1_fused", change=_CHANGE, run=gru_backward,
         builds=(Build(make_step_back(_TANH[1], _SIGMOID[1], *_FREE), _BACK, CLAIMS),
                 *reset_before.BACKWARD_BUILDS)),
)
