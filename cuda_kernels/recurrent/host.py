"""What the three cells share: the ends of the walk through time, and the products before, in and after it.

Shapes: N batch, T steps, D features, U units, G gates. In every kernel one thread owns one unit of one sample, (n, j).
    states (N, T + 1, U)   h before the first step and after each
    before, past           the state that the next product reads, and what came back through it: see `state_masks.py`
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.ladder import rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch, zeros

from . import state_masks

THREADS = 128


@cuda.jit(device=True)
def _by_mask(mask, k):
    return mask[k] != 0


@cuda.jit(device=True)
def _always(mask, k):
    return True


def steps_count(mask: Any) -> Any:
    """A device function: does this step count?"""
    return _always if mask is None else _by_mask


@functools.cache
def make_begin(put: Any) -> Any:
    """states[:, 0] = h0 and before = h0 * recurrent mask."""
    @cuda.jit
    def begin(h0, factors, states, before, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            n, j = i // units, i % units
            states[n * (steps + 1) * units + j] = h0[i]
            put(before, h0[i], factors, i, n, j, units, size)

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
def make_befores(put: Any) -> Any:
    """The states ahead of each step, times the recurrent mask: what the products of all steps read."""
    @cuda.jit
    def befores(states, factors, before, steps, units, size):
        i = cuda.grid(1)
        if i < size:
            j, row = i % units, i // units
            n, t = row // steps, row % steps
            put(before, states[(n * (steps + 1) + t) * units + j], factors, i, n, j, units, size)

    return befores


@functools.cache
def make_finish(back: Any) -> Any:
    """dh0 = carried + past * recurrent mask."""
    @cuda.jit
    def finish(carried, past, factors, dh0, units, size):
        i = cuda.grid(1)
        if i < size:
            dh0[i] = carried[i] + back(past, factors, i, i // units, i % units, units, size)

    return finish


class Walk:
    """Sizes and flat arrays of one walk through time, and the launches that all cells have.

    gates : of the cell, blocks in a row of w, u and z
    together : how many of them, from the first on, the step's product with u gives; all but in a GRU that resets before
    """

    def __init__(self, op: str, gates: int, x: Any, w: Any, u: Any, mask: Any, recurrent_mask: Any,
                 on: str | None, together: int | None = None) -> None:
        self.op, self.x, self.w, self.gates, self.on = op, x, w, gates, on
        self._check(u, mask, recurrent_mask)
        self.together, self.counts = together or gates, steps_count(mask)
        masks = 0 if recurrent_mask is None else recurrent_mask.shape[1] // self.units
        self.kind = "none" if masks == 0 else "gates" if masks > 1 else "shared"
        self.ways = state_masks.ways(self.kind, self.together, max(masks, 1))
        # Arrays that a kernel was made not to read are still arguments: x stands for them.
        self.mask = x.reshape(-1) if mask is None else mask.reshape(-1).view(np.uint8)
        self.factors = x.reshape(-1) if recurrent_mask is None else recurrent_mask.reshape(-1)
        self.size = self.n * self.units
        self.u = self.by_gate(u, self.together) if self.kind == "gates" else self.first_gates(u)

    def _check(self, u: Any, mask: Any, recurrent_mask: Any) -> None:
        op, x, gates = self.op, self.x, self.gates
        check_array(op, "x", x, ndim=3)
        self.n, self.steps, features = x.shape
        check_array(op, "u", u, ndim=2)
        self.units = u.shape[0]
        check_array(op, "u", u, shape=(self.units, gates * self.units))
        check_array(op, "w", self.w, shape=(features, gates * self.units))
        if mask is not None:
            check_array(op, "mask", mask, dtype=np.bool_, shape=(self.n, self.steps))
        if recurrent_mask is not None:
            check_array(op, "recurrent_mask", recurrent_mask, ndim=2)
            if tuple(recurrent_mask.shape) not in ((self.n, self.units), (self.n, gates * self.units)):
                raise ValueError(f"{op}: recurrent_mask must be (N, U) = {(self.n, self.units)} or (N, {gates} U) = "
                                 f"{(self.n, gates * self.units)}. Got {tuple(recurrent_mask.shape)}. It is one mask "
                                 "for all steps.")

    def launch(self, kernel: Any, *args: Any, size: int | None = None) -> None:
        """One thread a unit of a sample (or `size` threads), over arrays made flat.

        A step fills its own part of the arrays over time.
        """
        size = self.size if size is None else size
        flat = [a.reshape(-1) if hasattr(a, "reshape") else a for a in args]
        launch(kernel, blocks_for(size, THREADS), THREADS, *flat, size, on=self.on, outputs=())

    def run(self, op: str, *args: Any, **static: Any) -> Any:
        """Another family's kernel, by its best rung."""
        return rung(op).run(*args, on=self.on, **static)

    def empty(self, *shape: int) -> Any:
        return empty(shape, like=self.x)

    def state(self, name: str, a: Any) -> Any:
        """A state (N, U), or zeros."""
        if a is None:
            return zeros((self.n, self.units), like=self.x)
        check_array(self.op, name, a, shape=(self.n, self.units))
        return a

    # -- products ------------------------------------------------------------------------------------------------------

    def first_gates(self, a: Any) -> Any:
        """The columns of (…, G U) that the product gives."""
        wanted = self.together * self.units
        return a if wanted == a.shape[1] else self.run("slice", a, key=(slice(None), slice(0, wanted)))

    def by_gate(self, a: Any, gates: int) -> Any:
        """(rows, G U) as (gates, rows, U), a matrix for each of the first gates."""
        turned = self.run("transpose", a.reshape(a.shape[0], -1, self.units), axes=(1, 0, 2))
        return turned[:gates]

    def exchange(self) -> Any:
        """An array for what a step gives to its product back through time: dz of one step."""
        return self.empty(self.n, self.together * self.units)

    def back(self, d_sequence: Any, d_h: Any) -> tuple[Any, Any, Any, Any]:
        """What the walk back begins with: (the outputs' gradients, past, waiting, carried).

        past : what came back through the product ahead of the last step: nothing
        carried : a copy of d_h, which is the caller's: it is changed from step to step
        """
        gates = self.together if self.kind == "gates" else 1
        past = zeros((gates, self.n, self.units), like=self.x)
        if d_sequence is None:
            d_sequence = zeros((self.n, self.steps, self.units), like=self.x)
        return d_sequence, past, self.state("", None), self.finish(self.state("d_h", d_h), past)

    def product(self, before: Any, b: Any = None) -> Any:
        """The state's part of the gates, with the bias b (P U,) if there is one."""
        if self.kind != "gates":
            return self.run("gemm", before.reshape(self.n, self.units), self.u, b)
        z = self.run("batched_gemm", before, self.u)
        return z if b is None else self.run("add", z, b.reshape(self.together, 1, self.units))

    def product_back(self, dz: Any) -> Any:
        """The gradient of `before`."""
        if self.kind != "gates":
            return self.run("gemm", dz, self.u, transpose_b=True)
        return self.run("batched_gemm", dz.reshape(self.together, self.n, self.units), self.u, transpose_b=True)

    def project(self, b: Any) -> Any:
        """x w + b for all steps in one product: (N, T, G U)."""
        z = self.run("gemm", self.x.reshape(self.n * self.steps, -1), self.w, b)
        return z.reshape(self.n, self.steps, self.gates * self.units)

    # -- the ends of the walk ------------------------------------------------------------------------------------------

    def begin(self, h0: Any) -> tuple[Any, Any]:
        """(states, before), states[:, 0] filled."""
        gates = self.together if self.kind == "gates" else 1
        states, before = self.empty(self.n, self.steps + 1, self.units), self.empty(gates, self.n, self.units)
        self.launch(make_begin(self.ways.put), self.state("h0", h0), self.factors, states, before, self.steps,
                    self.units)
        return states, before

    def outputs(self, states: Any) -> tuple[Any, Any]:
        """(sequence (N, T, U), the last state (N, U))."""
        sequence, last = self.empty(self.n, self.steps, self.units), self.empty(self.n, self.units)
        self.launch(make_outputs(self.counts), states, self.mask, sequence, last, self.steps, self.units)
        return sequence, last

    def finish(self, carried: Any, past: Any) -> Any:
        """The gradient of h0."""
        dh0 = self.empty(self.n, self.units)
        self.launch(make_finish(self.ways.back), carried, past, self.factors, dh0, self.units)
        return dh0

    def input_gradients(self, d_input: Any) -> tuple[Any, Any, Any]:
        """(dx, dw, db) from the gradients (N, T, G U) of x w + b, each from one product over all steps."""
        flat = d_input.reshape(self.n * self.steps, -1)
        dx = self.run("gemm", flat, self.w, transpose_b=True).reshape(self.x.shape)
        dw = self.run("gemm", self.x.reshape(self.n * self.steps, -1), flat, transpose_a=True)
        return dx, dw, self.run("reduce_sum", flat, axes=0)

    def state_kernel_gradient(self, states: Any, d_state: Any) -> Any:
        """The gradient of u, (U, P U), from the gradients (N, T, P U) of the product, by one product over all steps."""
        flat = d_state.reshape(self.n * self.steps, -1)
        gates = self.together if self.kind == "gates" else 1
        before = self.empty(gates, self.n * self.steps, self.units)
        self.launch(make_befores(self.ways.put), states, self.factors, before, self.steps, self.units,
                    size=self.steps * self.size)
        if self.kind != "gates":
            return self.run("gemm", before.reshape(-1, self.units), flat, transpose_a=True)
        du = self.run("batched_gemm", before, self.by_gate(flat, self.together), transpose_a=True)
        return self.run("transpose", du, axes=(1, 0, 2)).reshape(self.units, -1)
