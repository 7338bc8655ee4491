"""What the three cells share: the ends of the walk through time, and the products before and after it.

Shapes: N batch, T steps, D features, U units, G gates. In every kernel one thread owns one unit of one sample, (n, j).
    states (N, T + 1, U)   h before the first step and after each
    before (N, U)          the state that the next product reads: h times the recurrent mask
    past   (N, U)          what came back through that product
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.ladder import rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch, zeros

THREADS = 128


@cuda.jit(device=True)
def _by_mask(mask, k):
    return mask[k] != 0


@cuda.jit(device=True)
def _always(mask, k):
    return True


@cuda.jit(device=True)
def _times(value, factors, i):
    return value * factors[i]


@cuda.jit(device=True)
def _same(value, factors, i):
    return value


def options(mask: Any, recurrent_mask: Any) -> tuple[Any, Any]:
    """Device functions: does this step count, and a value times the recurrent mask."""
    return _always if mask is None else _by_mask, _same if recurrent_mask is None else _times


@functools.cache
def make_begin(times: Any) -> Any:
    """states[:, 0] = h0 and before = h0 * recurrent mask."""
    @cuda.jit
    def begin(h0, factors, states, before, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            states[n * (steps + 1) * units + j] = h0[i]
            before[i] = times(h0[i], factors, i)

    return begin


@functools.cache
def make_outputs(counts: Any) -> Any:
    """The output of each step: the state after it, but 0 until the first step that counts; and the last state."""
    @cuda.jit
    def outputs(states, mask, sequence, last, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            seen = False
            value = float32(0)
            for t in range(steps):
                value = states[(n * (steps + 1) + t + 1) * units + j]
                if counts(mask, n * steps + t):
                    seen = True
                sequence[(n * steps + t) * units + j] = value if seen else float32(0)
            last[i] = value

    return outputs


@functools.cache
def make_befores(times: Any) -> Any:
    """The states ahead of each step, times the recurrent mask: (N, T, U), what the products read."""
    @cuda.jit
    def befores(states, factors, before, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            j, row = i % units, i // units
            n, t = row // steps, row % steps
            before[i] = times(states[(n * (steps + 1) + t) * units + j], factors, n * units + j)

    return befores


@functools.cache
def make_finish(times: Any) -> Any:
    """dh0 = carried + past * recurrent mask."""
    @cuda.jit
    def finish(carried, past, factors, dh0, size):
        i = cuda.grid(1)
        if i < size:
            dh0[i] = carried[i] + times(past[i], factors, i)

    return finish


class Walk:
    """Sizes and flat arrays of one walk through time, and the launches that all cells have."""

    def __init__(self, op: str, gates: int, x: Any, w: Any, u: Any, mask: Any, recurrent_mask: Any,
                 on: str | None) -> None:
        check_array(op, "x", x, ndim=3)
        self.n, self.steps, features = x.shape
        check_array(op, "u", u, ndim=2)
        self.units = u.shape[0]
        check_array(op, "u", u, shape=(self.units, gates * self.units))
        check_array(op, "w", w, shape=(features, gates * self.units))
        self.op, self.x, self.w, self.u, self.gates, self.on = op, x, w, u, gates, on
        if mask is not None:
            check_array(op, "mask", mask, dtype=np.bool_, shape=(self.n, self.steps))
        if recurrent_mask is not None:
            check_array(op, "recurrent_mask", recurrent_mask, shape=(self.n, self.units))
        self.counts, self.times = options(mask, recurrent_mask)
        # Arrays that a kernel was made not to read are still arguments: x stands for them.
        self.mask = x.reshape(-1) if mask is None else mask.reshape(-1).view(np.uint8)
        self.factors = x.reshape(-1) if recurrent_mask is None else recurrent_mask.reshape(-1)
        self.size = self.n * self.units

    def launch(self, kernel: Any, *args: Any, size: int | None = None) -> None:
        """One thread a unit of a sample (or `size` threads). A step fills its own part of the arrays over time."""
        size = self.size if size is None else size
        launch(kernel, blocks_for(size, THREADS), THREADS, *args, size, on=self.on, outputs=())

    def empty(self, *shape: int) -> Any:
        return empty(shape, like=self.x)

    def state(self, name: str, a: Any) -> Any:
        """A state (N, U), or zeros."""
        if a is None:
            return zeros((self.n, self.units), like=self.x)
        check_array(self.op, name, a, shape=(self.n, self.units))
        return a

    def gemm(self, a: Any, b: Any, bias: Any = None, **transposed: bool) -> Any:
        return rung("gemm").run(a, b, bias, on=self.on, **transposed)

    def project(self, b: Any) -> Any:
        """X w + b for all steps in one product: (N, T, G U)."""
        z = self.gemm(self.x.reshape(self.n * self.steps, -1), self.w, b)
        return z.reshape(self.n, self.steps, self.gates * self.units)

    def begin(self, h0: Any) -> tuple[Any, Any]:
        """(states, before), states[:, 0] filled."""
        states, before = self.empty(self.n, self.steps + 1, self.units), self.empty(self.n, self.units)
        self.launch(make_begin(self.times), self.state("h0", h0).reshape(-1), self.factors, states.reshape(-1),
                    before.reshape(-1), self.steps, self.units)
        return states, before

    def outputs(self, states: Any) -> tuple[Any, Any]:
        """(sequence (N, T, U), the last state (N, U))."""
        sequence, last = self.empty(self.n, self.steps, self.units), self.empty(self.n, self.units)
        self.launch(make_outputs(self.counts), states.reshape(-1), self.mask, sequence.reshape(-1), last.reshape(-1),
                    self.steps, self.units)
        return sequence, last

    def finish(self, carried: Any, past: Any) -> Any:
        """The gradient of h0."""
        dh0 = self.empty(self.n, self.units)
        self.launch(make_finish(self.times), carried.reshape(-1), past.reshape(-1), self.factors, dh0.reshape(-1))
        return dh0

    def weight_gradients(self, d_input: Any, d_state: Any, states: Any) -> tuple[Any, Any, Any, Any]:
        """(dx, dw, du, db) from the gradients of the pre-activations, each from one product over all steps."""
        rows = self.n * self.steps
        flat_input, flat_state = d_input.reshape(rows, -1), d_state.reshape(rows, -1)
        before = self.empty(self.n, self.steps, self.units)
        self.launch(make_befores(self.times), states.reshape(-1), self.factors, before.reshape(-1), self.steps,
                    self.units, size=before.size)
        dx = self.gemm(flat_input, self.w, transpose_b=True).reshape(self.x.shape)
        dw = self.gemm(self.x.reshape(rows, -1), flat_input, transpose_a=True)
        du = self.gemm(before.reshape(rows, -1), flat_state, transpose_a=True)
        return dx, dw, du, rung("reduce_sum").run(flat_input, axes=0, on=self.on)
