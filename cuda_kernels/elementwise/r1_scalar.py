"""elementwise r1: one thread, one element.

One thread owns y[i]; a block owns THREADS neighbours, the grid covers y. Neighbouring threads read neighbouring
elements, so every 32-byte sector that is fetched is used.
Bytes, of N elements: a unary forward 4 N loaded and 4 N stored, its backward 8 N and 4 N (4 N and 4 N where nothing was
kept). A binary op loads 4 N for each input that is not stretched. Integers are computed by this rung too (not divided).
Claims: no local memory; one 4-byte load an input.
"""
from __future__ import annotations

import functools
from typing import Any

from cuda_kernels._cuda import cuda, float32, int32, uint8
from cuda_kernels.indexing import index_function
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch

from .functions import EXAMPLE_SETTINGS, UNARY
from .host import binary_backward, binary_forward, unary_backward, unary_forward, walk, where_backward, where_forward
from .pairs import FLOATS_ONLY, PAIRS

THREADS = 256  # eight warps; several blocks fit on a multiprocessor
FLAT = float32[::1]


@functools.cache
def make_unary(function: Any) -> Any:
    """y[i] = function(x[i])."""
    @cuda.jit
    def unary_scalar(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = function(x[i])

    return unary_scalar


@functools.cache
def make_gradient(gradient: Any) -> Any:
    """dx[i] = gradient(dy[i], kept[i])."""
    @cuda.jit
    def unary_backward_scalar(dy, kept, dx, size):
        i = cuda.grid(1)
        if i < size:
            dx[i] = gradient(dy[i], kept[i])

    return unary_backward_scalar


@functools.cache
def make_binary(function: Any, place_a: Any, place_b: Any) -> Any:
    """y[i] = function(a[place_a(i)], b[place_b(i)])."""
    @cuda.jit
    def binary_scalar(a, b, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = function(a[place_a(i)], b[place_b(i)])

    return binary_scalar


@functools.cache
def make_binary_gradient(gradient: Any, place_p: Any, place_q: Any) -> Any:
    """d[i] = gradient(dy[i], p[place_p(i)], q[place_q(i)])."""
    @cuda.jit
    def binary_backward_scalar(dy, p, q, d, size):
        i = cuda.grid(1)
        if i < size:
            d[i] = gradient(dy[i], p[place_p(i)], q[place_q(i)])

    return binary_backward_scalar


@functools.cache
def make_where(place_c: Any, place_a: Any, place_b: Any) -> Any:
    """y[i] = a where the condition holds, else b."""
    @cuda.jit
    def where_scalar(condition, a, b, y, size):
        i = cuda.grid(1)
        if i < size:
            if condition[place_c(i)] != 0:
                y[i] = a[place_a(i)]
            else:
                y[i] = b[place_b(i)]

    return where_scalar


def apply_unary(function: Any, x: Any, y: Any, *, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_unary(function), blocks_for(x.size, THREADS), THREADS, x, y, x.size, on=on)


def apply_gradient(gradient: Any, dy: Any, kept: Any, dx: Any, *, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_gradient(gradient), blocks_for(dy.size, THREADS), THREADS, dy, kept, dx, dy.size, on=on)


def apply_binary(function: Any, ways: Any, a: Any, b: Any, y: Any, *, on: str | None) -> None:
    """Launch over flat arrays; ways = sizes, then the strides of y, a and b."""
    sizes, _, a_strides, b_strides = ways
    kernel = make_binary(function, index_function(sizes, a_strides), index_function(sizes, b_strides))
    launch(kernel, blocks_for(y.size, THREADS), THREADS, a, b, y, y.size, on=on)


def apply_binary_gradient(gradient: Any, ways: Any, dy: Any, p: Any, q: Any, d: Any, *, on: str | None) -> None:
    """Launch over flat arrays; ways = sizes, then the strides of dy, p and q."""
    sizes, _, p_strides, q_strides = ways
    kernel = make_binary_gradient(gradient, index_function(sizes, p_strides), index_function(sizes, q_strides))
    launch(kernel, blocks_for(d.size, THREADS), THREADS, dy, p, q, d, d.size, on=on)


def apply_where(ways: Any, condition: Any, a: Any, b: Any, y: Any, *, on: str | None) -> None:
    """Launch over flat arrays; ways = sizes, then the strides of y, condition, a and b."""
    sizes, _, *strides = ways
    kernel = make_where(*(index_function(sizes, s) for s in strides))
    launch(kernel, blocks_for(y.size, THREADS), THREADS, condition, a, b, y, y.size, on=on)


def _rung(op: str, run: Any, *builds: Build) -> Rung:
    return Rung(op=op, name="r1_scalar", change="one thread an element", run=run, builds=builds)


CLAIMS = Claims(registers=64, lacks=("LDL", "STL"))
_ROW = walk((8, 5), (8, 5), (5,))  # a bias: what the compile gate compiles besides equal shapes
_PLACES = tuple(index_function(_ROW[0], strides) for strides in _ROW[2:])
_SAME = index_function((1,), (1,))


def _unary_rungs(op: str) -> tuple[Rung, Rung]:
    forward, gradient = UNARY[op].make(**EXAMPLE_SETTINGS.get(op, {}))
    return (_rung(op, unary_forward(op, apply_unary), Build(make_unary(forward), (FLAT, FLAT, int32), CLAIMS)),
            _rung(f"{op}_backward", unary_backward(op, apply_gradient),
                  Build(make_gradient(gradient), (FLAT, FLAT, FLAT, int32), CLAIMS)))


def _binary_rungs(op: str) -> tuple[Rung, Rung]:
    pair = PAIRS[op]
    kernel = make_binary(pair.forward, *_PLACES)
    integers = () if op in FLOATS_ONLY else (Build(kernel, (int32[::1],) * 3 + (int32,), CLAIMS, label="int32"),)
    return (_rung(op, binary_forward(op, apply_binary), Build(kernel, (FLAT, FLAT, FLAT, int32), CLAIMS), *integers),
            _rung(f"{op}_backward", binary_backward(op, apply_binary_gradient),
                  Build(make_binary_gradient(pair.to_b, *_PLACES), (FLAT, FLAT, FLAT, FLAT, int32), CLAIMS)))


_WHERE = Build(make_where(_SAME, *_PLACES), (uint8[::1], FLAT, FLAT, FLAT, int32), CLAIMS)
RUNGS = (*(rung for op in UNARY for rung in _unary_rungs(op)), *(rung for op in PAIRS for rung in _binary_rungs(op)),
         _rung("where", where_forward(apply_where), _WHERE),
         _rung("where_backward", where_backward(apply_where), _WHERE))
