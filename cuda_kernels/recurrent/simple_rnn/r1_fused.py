"""simple_rnn r1: a product a step, and one kernel for all that follows it.

    h[t] = f(x[t] w + h[t-1] u + b);   backward dz[t] = dh[t] f'(z[t]),   dh[t-1] = dz[t] u^T + dy[t-1]
The input's part is one product over all steps; only h u goes step by step. One thread owns unit j of sample n.
Bytes a step, N U elements: 12 loaded and 8 stored each, beside the product.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung

from ..activations import cell_activation
from ..host import Walk, steps_count
from ..state_masks import ways


@functools.cache
def make_step(f, counts, put):
    """One step: z is x w + b for all steps, from_state is h u."""
    @cuda.jit
    def simple_rnn_step(z, from_state, mask, factors, states, before, t, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            here = (n * (steps + 1) + t) * units + j
            h = f(z[(n * steps + t) * units + j] + from_state[i])
            if not counts(mask, n * steps + t):
                h = states[here]
            states[here + units] = h
            put(before, h, factors, i, n, j, units, size)

    return simple_rnn_step


@functools.cache
def make_step_back(slope, counts, back):
    """One step back. waiting: gradients of outputs that repeated an earlier one; carried: past the cell."""
    @cuda.jit
    def simple_rnn_step_back(d_sequence, past, factors, mask, states, carried, waiting, dz_now, dz, t, steps, units,
                             size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            k = (n * steps + t) * units + j
            dh = carried[i] + back(past, factors, i, n, j, units, size)
            dy = waiting[i] + d_sequence[k]
            if counts(mask, n * steps + t):
                gradient = (dh + dy) * slope(states[(n * (steps + 1) + t + 1) * units + j])
                carried[i], waiting[i] = float32(0), float32(0)
            else:
                gradient = float32(0)
                carried[i], waiting[i] = dh, dy
            dz_now[i] = gradient
            dz[k] = gradient

    return simple_rnn_step_back


def simple_rnn(x, w, u, b, h0, mask, recurrent_mask, *, activation: str = "tanh", on: str | None = None):
    """(sequence (N, T, U), h (N, U), states (N, T + 1, U)); b, h0, mask, recurrent_mask (N, U) may be None."""
    walk = Walk("simple_rnn", 1, x, w, u, mask, recurrent_mask, on)
    step = make_step(cell_activation("simple_rnn", activation)[0], walk.counts, walk.ways.put)
    z = walk.project(b)
    states, before = walk.begin(h0)
    for t in range(walk.steps):
        from_state = walk.product(before)
        walk.launch(step, z, from_state, walk.mask, walk.factors, states, before, t, walk.steps, walk.units)
    return (*walk.outputs(states), states)


def simple_rnn_backward(d_sequence, d_h, x, w, u, mask, recurrent_mask, states, *, activation: str = "tanh",
                        on: str | None = None):
    """(dx, dw, du, db, dh0); d_sequence and d_h may be None."""
    walk = Walk("simple_rnn_backward", 1, x, w, u, mask, recurrent_mask, on)
    step = make_step_back(cell_activation("simple_rnn", activation)[1], walk.counts, walk.ways.back)
    d_sequence, past, waiting, carried = walk.back(d_sequence, d_h)
    dz_now, dz = walk.exchange(), walk.empty(walk.n, walk.steps, walk.units)
    for t in reversed(range(walk.steps)):
        walk.launch(step, d_sequence, past, walk.factors, walk.mask, states, carried, waiting, dz_now, dz, t,
                    walk.steps, walk.units)
        past = walk.product_back(dz_now)
    dx, dw, db = walk.input_gradients(dz)
    return dx, dw, walk.state_kernel_gradient(states, dz), db, walk.finish(carried, past)


CLAIMS = Claims(registers=64, lacks=("LDL", "STL"))
_FREE = steps_count(None), ways("none", 1, 1)
_TANH = cell_activation("simple_rnn", "tanh")
_CHANGE = "one product a step, and one kernel for what follows it"
RUNGS = (
    Rung(op="simple_rnn", name="r1_fused", change=_CHANGE, run=simple_rnn,
         builds=(Build(make_step(_TANH[0], _FREE[0], _FREE[1].put), (FLAT,) * 6 + (int32,) * 4, CLAIMS),)),
    Rung(op="simple_rnn_backward", name="r1_fused", change=_CHANGE, run=simple_rnn_backward,
         builds=(Build(make_step_back(_TANH[1], _FREE[0], _FREE[1].back), (FLAT,) * 9 + (int32,) * 4, CLAIMS),)),
)
