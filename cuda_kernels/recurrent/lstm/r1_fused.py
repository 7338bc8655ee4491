"""lstm r1: a product a step, and one kernel for the four gates, the memory and the state.

    [i | f | g | o] = x[t] w + h[t-1] u + b,   c[t] = f c[t-1] + i g,   h[t] = o a(c[t])
One thread owns unit j of sample n: its four gates lie U apart. Without fusing, a step is ten kernels over (N, U).
Bytes a step, N U elements: 40 loaded and 28 stored each, beside the product.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung

from ..activations import cell_activation
from ..host import Walk, make_begin, steps_count
from ..state_masks import Ways, ways


@functools.cache
def make_step(f, gate, counts, mask_ways: Ways):
    """One step; gates holds x w + b and receives i f g o after their activations."""
    place, put, _ = mask_ways

    @cuda.jit
    def lstm_step(gates, from_state, mask, factors, states, cells, before, t, steps, units, size):
        index = cuda.grid(1)
        if index < size:
            n, j = index // units, index % units
            here, k = (n * (steps + 1) + t) * units + j, (n * steps + t) * 4 * units + j
            i = gate(gates[k] + from_state[place(0, index, n, j, units, size)])
            keep = gate(gates[k + units] + from_state[place(1, index, n, j, units, size)])
            g = f(gates[k + 2 * units] + from_state[place(2, index, n, j, units, size)])
            o = gate(gates[k + 3 * units] + from_state[place(3, index, n, j, units, size)])
            gates[k], gates[k + units], gates[k + 2 * units], gates[k + 3 * units] = i, keep, g, o
            c = keep * cells[here] + i * g
            h = o * f(c)
            if not counts(mask, n * steps + t):
                c, h = cells[here], states[here]
            cells[here + units], states[here + units] = c, h
            put(before, h, factors, index, n, j, units, size)

    return lstm_step


@functools.cache
def make_step_back(f, slope, gate_slope, counts, mask_ways: Ways):
    """One step back; see `minidl.ops.recurrent.lstm.lstm_backward` for the derivation."""
    place, _, back = mask_ways

    @cuda.jit
    def lstm_step_back(d_sequence, past, factors, mask, gates, cells, carried, waiting, dc, dz_now, dz, t, steps,
                       units, size):
        index = cuda.grid(1)
        if index < size:
            n, j = index // units, index % units
            here, k = (n * (steps + 1) + t) * units + j, (n * steps + t) * 4 * units + j
            dh = carried[index] + back(past, factors, index, n, j, units, size)
            dy = waiting[index] + d_sequence[(n * steps + t) * units + j]
            d_i, d_f, d_g, d_o = float32(0), float32(0), float32(0), float32(0)
            if counts(mask, n * steps + t):
                i, keep, g, o = gates[k], gates[k + units], gates[k + 2 * units], gates[k + 3 * units]
                read = f(cells[here + units])
                dh += dy
                dc_now = dc[index] + dh * o * slope(read)
                d_i = dc_now * g * gate_slope(i)
                d_f = dc_now * cells[here] * gate_slope(keep)
                d_g = dc_now * i * slope(g)
                d_o = dh * read * gate_slope(o)
                dc[index] = dc_now * keep
                carried[index], waiting[index] = float32(0), float32(0)
            else:
                carried[index], waiting[index] = dh, dy
            dz_now[place(0, index, n, j, units, size)] = d_i
            dz_now[place(1, index, n, j, units, size)] = d_f
            dz_now[place(2, index, n, j, units, size)] = d_g
            dz_now[place(3, index, n, j, units, size)] = d_o
            dz[k], dz[k + units], dz[k + 2 * units], dz[k + 3 * units] = d_i, d_f, d_g, d_o

    return lstm_step_back


def lstm(x, w, u, b, h0, c0, mask, recurrent_mask, *, activation: str = "tanh", recurrent_activation: str = "sigmoid",
         on: str | None = None):
    """(sequence, h, c, gates (N, T, 4U), states, cells (N, T + 1, U)); b, h0, c0 and the masks may be None."""
    walk = Walk("lstm", 4, x, w, u, mask, recurrent_mask, on)
    f, gate = (cell_activation("lstm", name)[0] for name in (activation, recurrent_activation))
    step, gates = make_step(f, gate, walk.counts, walk.ways), walk.project(b)
    (cells, _), (states, before) = walk.begin(c0), walk.begin(h0)
    for t in range(walk.steps):
        from_state = walk.product(before)
        walk.launch(step, gates, from_state, walk.mask, walk.factors, states, cells, before, t, walk.steps, walk.units)
    sequence, h = walk.outputs(states)
    return sequence, h, walk.outputs(cells)[1], gates, states, cells


def lstm_backward(d_sequence, d_h, d_c, x, w, u, mask, recurrent_mask, gates, states, cells, *,
                  activation: str = "tanh", recurrent_activation: str = "sigmoid", on: str | None = None):
    """(dx, dw, du, db, dh0, dc0); d_sequence, d_h and d_c may be None."""
    walk = Walk("lstm_backward", 4, x, w, u, mask, recurrent_mask, on)
    f, slope = cell_activation("lstm", activation)
    step = make_step_back(f, slope, cell_activation("lstm", recurrent_activation)[1], walk.counts, walk.ways)
    d_sequence, past, waiting, carried = walk.back(d_sequence, d_h)
    dc = walk.finish(walk.state("d_c", d_c), past)  # a copy, as `carried`
    dz_now, dz = walk.exchange(), walk.empty(walk.n, walk.steps, 4 * walk.units)
    for t in reversed(range(walk.steps)):
        walk.launch(step, d_sequence, past, walk.factors, walk.mask, gates, cells, carried, waiting, dc, dz_now, dz, t,
                    walk.steps, walk.units)
        past = walk.product_back(dz_now)
    dx, dw, db = walk.input_gradients(dz)
    return dx, dw, walk.state_kernel_gradient(states, dz), db, walk.finish(carried, past), dc


CLAIMS = Claims(registers=96, lacks=("LDL", "STL"))
_FREE = steps_count(None), ways("none", 4, 1)
_BY_GATE = steps_count(None), ways("gates", 4, 4)
_TANH, _SIGMOID = (cell_activation("lstm", name) for name in ("tanh", "sigmoid"))
_CHANGE = "one product a step, and one kernel for what follows it"
RUNGS = (
    Rung(op="lstm", name="r1_fused", change=_CHANGE, run=lstm,
         builds=(Build(make_step(_TANH[0], _SIGMOID[0], *_FREE), (FLAT,) * 7 + (int32,) * 4, CLAIMS),
                 Build(make_step(_TANH[0], _SIGMOID[0], *_BY_GATE), (FLAT,) * 7 + (int32,) * 4, CLAIMS,
                       label="mask by gate"),
                 Build(make_begin(_FREE[1].put), (FLAT,) * 4 + (int32,) * 3, CLAIMS))),
    Rung(op="lstm_backward", name="r1_fused", change=_CHANGE, run=lstm_backward,
         builds=(Build(make_step_back(*_TANH, _SIGMOID[1], *_FREE), (FLAT,) * 11 + (int32,) * 4, CLAIMS),
                 Build(make_step_back(*_TANH, _SIGMOID[1], *_BY_GATE), (FLAT,) * 11 + (int32,) * 4, CLAIMS,
                       label="mask by gate"))),
)
