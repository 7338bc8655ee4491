"""reduce r1: every thread adds its element to its result, all at once, by atomics.

One thread owns one element of x; a block owns THREADS neighbours, the grid covers x. y starts from what changes nothing
(0 for a sum). An atomic add reads, adds and writes without anyone in between, so threads that meet at one result wait
for each other: N of them in a row for a full sum.
Operations N. Bytes 4 N loaded, and N atomics. The order of additions is whatever happens: two runs may differ in the
last digits. (atomic.max and atomic.min pass over a NaN, which the rungs after this one hand on.)
Claims: no local memory.
"""
import functools

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.indexing import chosen_strides, index_function, join_axes, strides_of
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch

from .host import COMBINE, Axes, Layout, layout, reduction

THREADS = 256


@cuda.jit(device=True)
def _add_to(y, i, value):
    cuda.atomic.add(y, i, value)


@cuda.jit(device=True)
def _raise_to(y, i, value):
    cuda.atomic.max(y, i, value)


@cuda.jit(device=True)
def _lower_to(y, i, value):
    cuda.atomic.min(y, i, value)


MEET = {"reduce_sum": _add_to, "reduce_mean": _add_to, "reduce_max": _raise_to, "reduce_min": _lower_to}


@cuda.jit
def fill(y, value, size):
    """y[i] = value."""
    i = cuda.grid(1)
    if i < size:
        y[i] = value


@functools.cache
def make_kernel(op: str, place):
    """The kernel for a walk over x whose cell i belongs to result place(i)."""
    meet = MEET[op]

    @cuda.jit
    def reduce_atomics(x, y, scale, size):
        i = cuda.grid(1)
        if i < size:
            meet(y, place(i), x[i] * scale)

    return reduce_atomics


@functools.cache
def make_spread(place):
    """dx[i] = dy[place(i)] * scale: the backward of a sum or mean, one thread an element of x."""
    @cuda.jit
    def reduce_backward(dy, dx, scale, size):
        i = cuda.grid(1)
        if i < size:
            dx[i] = dy[place(i)] * scale

    return reduce_backward


def result_of(found: Layout):
    """The index function from a cell of x to its result."""
    kept = [i for i in range(len(found.whole)) if i not in found.axes]
    sizes, _, own = join_axes(found.whole, strides_of(found.whole), chosen_strides(found.whole, kept))
    return index_function(sizes, own)


def apply(op: str, found: Layout, x, y, scale: float, *, on: str | None) -> None:
    """Fill y, then add, over flat arrays."""
    launch(fill, blocks_for(y.size, THREADS), THREADS, y, np.float32(COMBINE[op].nothing), y.size, on=on)
    kernel = make_kernel(op, result_of(found))
    launch(kernel, blocks_for(x.size, THREADS), THREADS, x, y, scale, x.size, on=on)


def backward(op: str):
    """The host function of the backward of a sum or mean."""
    def run(dy, *, shape: tuple[int, ...], axes: Axes = None, on: str | None = None):
        check_array(f"{op}_backward", "dy", dy)
        found = layout(op, shape, axes)
        if dy.size != found.results:
            raise ValueError(f"{op}_backward: dy must have one value a result, {found.results}. "
                             f"Got shape {tuple(dy.shape)}.")
        dx = empty(shape, like=dy)
        scale = 1.0 / found.count if op == "reduce_mean" else 1.0
        launch(make_spread(result_of(found)), blocks_for(dx.size, THREADS), THREADS, dy.reshape(-1), dx.reshape(-1),
               scale, dx.size, on=on)
        return dx

    run.__name__, run.__doc__ = f"{op}_backward", "dx of x's shape: every summand receives its result's gradient."
    return run


CLAIMS = Claims(registers=32, lacks=("LDL", "STL"))
_PLACE = result_of(layout("reduce", (6, 5), -1))
RUNGS = tuple(
    Rung(op=op, name="r1_atomics", change="one thread an element, met by atomics", run=reduction(op, apply),
         builds=(Build(make_kernel(op, _PLACE), (float32[::1], float32[::1], float32, int32), CLAIMS),))
    for op in MEET
) + tuple(
    Rung(op=f"{op}_backward", name="r1_atomics", change="one thread an element; no atomics needed",
         run=backward(op),
         builds=(Build(make_spread(_PLACE), (float32[::1], float32[::1], float32, int32), CLAIMS),))
    for op in ("reduce_sum", "reduce_mean")
)
