"""elementwise r2: four neighbours a thread, in loads and stores of 16 bytes.

One thread owns y[4 n: 4 n + 4]; a block owns 4 THREADS neighbours, the grid covers y.
Change from r1: a quarter of the threads, each with one 16-byte instruction where r1 has four of 4 bytes. Fewer
instructions for the same bytes, and more bytes under way at once: that is what keeps memory busy.
Bytes: as r1, but an input that is stretched along the last axis is read once for four elements.
Where the last axis is no multiple of four (or an array does not begin at 16 bytes) r1 does it. A flat array of any
length is fine: the last thread takes what is left, one by one.
Claims: LDG.E.128 and STG.E.128, no local memory.
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cuda_kernels._cuda import cuda, int32, uint8, uint32
from cuda_kernels.indexing import index_function
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, is_aligned, launch

from . import r1_scalar
from .functions import EXAMPLE_SETTINGS, UNARY
from .host import binary_backward, binary_forward, unary_backward, unary_forward, walk, where_backward, where_forward
from .pairs import PAIRS
from .r1_scalar import FLAT, THREADS


@functools.cache
def make_unary(function: Any) -> Any:
    """y[i] = function(x[i]) for four i a thread."""
    @cuda.jit
    def unary_wide(x, y, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            a, b, c, d = ld4(x, i)
            st4(y, i, (function(a), function(b), function(c), function(d)))
        else:
            for k in range(i, uint32(size)):
                y[k] = function(x[k])

    return unary_wide


@functools.cache
def make_gradient(gradient: Any) -> Any:
    """dx[i] = gradient(dy[i], kept[i]) for four i a thread."""
    @cuda.jit
    def unary_backward_wide(dy, kept, dx, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            a, b, c, d = ld4(dy, i)
            p, q, r, s = ld4(kept, i)
            st4(dx, i, (gradient(a, p), gradient(b, q), gradient(c, r), gradient(d, s)))
        else:
            for k in range(i, uint32(size)):
                dx[k] = gradient(dy[k], kept[k])

    return unary_backward_wide


@functools.cache
def reader(sizes: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """A device function `read(a, i)`: the four elements of an array that belong to cells i … i + 3."""
    place = index_function(sizes, strides)

    @cuda.jit(device=True)
    def neighbours(a, i):
        return ld4(a, place(i))

    @cuda.jit(device=True)
    def one_for_all(a, i):
        value = a[place(i)]
        return value, value, value, value

    return neighbours if strides[-1] else one_for_all


@functools.cache
def byte_reader(sizes: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """As `reader`, for the one-byte elements of a condition."""
    place = index_function(sizes, strides)
    step = 1 if strides[-1] else 0

    @cuda.jit(device=True)
    def bytes_of(a, i):
        j = place(i)
        return a[j], a[j + uint32(step)], a[j + uint32(2 * step)], a[j + uint32(3 * step)]

    return bytes_of


@functools.cache
def make_binary(function: Any, read_a: Any, read_b: Any, place_a: Any, place_b: Any) -> Any:
    """y[i] = function(a, b) for four i a thread."""
    @cuda.jit
    def binary_wide(a, b, y, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            a0, a1, a2, a3 = read_a(a, i)
            b0, b1, b2, b3 = read_b(b, i)
            st4(y, i, (function(a0, b0), function(a1, b1), function(a2, b2), function(a3, b3)))
        else:
            for k in range(i, uint32(size)):
                y[k] = function(a[place_a(k)], b[place_b(k)])

    return binary_wide


@functools.cache
def make_binary_gradient(gradient: Any, read_p: Any, read_q: Any, place_p: Any, place_q: Any) -> Any:
    """d[i] = gradient(dy[i], p, q) for four i a thread."""
    @cuda.jit
    def binary_backward_wide(dy, p, q, d, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            d0, d1, d2, d3 = ld4(dy, i)
            p0, p1, p2, p3 = read_p(p, i)
            q0, q1, q2, q3 = read_q(q, i)
            st4(d, i, (gradient(d0, p0, q0), gradient(d1, p1, q1), gradient(d2, p2, q2), gradient(d3, p3, q3)))
        else:
            for k in range(i, uint32(size)):
                d[k] = gradient(dy[k], p[place_p(k)], q[place_q(k)])

    return binary_backward_wide


@functools.cache
def make_where(read_c: Any, read_a: Any, read_b: Any, place_c: Any, place_a: Any, place_b: Any) -> Any:
    """y[i] = a where the condition holds, else b, for four i a thread."""
    @cuda.jit
    def where_wide(condition, a, b, y, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            c0, c1, c2, c3 = read_c(condition, i)
            a0, a1, a2, a3 = read_a(a, i)
            b0, b1, b2, b3 = read_b(b, i)
            st4(y, i, (a0 if c0 != 0 else b0, a1 if c1 != 0 else b1, a2 if c2 != 0 else b2, a3 if c3 != 0 else b3))
        else:
            for k in range(i, uint32(size)):
                y[k] = a[place_a(k)] if condition[place_c(k)] != 0 else b[place_b(k)]

    return where_wide


def is_wide(ways: Any, *arrays: Any) -> bool:
    """Can four cells at a time be read and written: float32, rows that are multiples of four, 16-byte aligned?"""
    sizes, _, *strides = ways
    whole = len(sizes) == 1 or sizes[-1] % 4 == 0
    return (whole and all(s[-1] in (0, 1) for s in strides)
            and all(is_aligned(a) and a.dtype == np.float32 for a in arrays))


def _blocks(size: int) -> int:
    return blocks_for(blocks_for(size, 4), THREADS)


def apply_unary(function: Any, x: Any, y: Any, *, on: str | None) -> None:
    """Launch over flat arrays."""
    if not (is_aligned(x) and is_aligned(y) and x.dtype == np.float32):
        return r1_scalar.apply_unary(function, x, y, on=on)
    launch(make_unary(function), _blocks(x.size), THREADS, x, y, x.size, on=on)
    return None


def apply_gradient(gradient: Any, dy: Any, kept: Any, dx: Any, *, on: str | None) -> None:
    """Launch over flat arrays."""
    if not all(is_aligned(a) for a in (dy, kept, dx)):
        return r1_scalar.apply_gradient(gradient, dy, kept, dx, on=on)
    launch(make_gradient(gradient), _blocks(dy.size), THREADS, dy, kept, dx, dy.size, on=on)
    return None


def _access(sizes: Any, *strides: Any) -> tuple[Any, ...]:
    """The readers of four cells, then the index functions of one, for every array."""
    return (*(reader(sizes, s) for s in strides), *(index_function(sizes, s) for s in strides))


def apply_binary(function: Any, ways: Any, a: Any, b: Any, y: Any, *, on: str | None) -> None:
    """Launch over flat arrays; ways = sizes, then the strides of y, a and b."""
    if not is_wide(ways, a, b, y):
        return r1_scalar.apply_binary(function, ways, a, b, y, on=on)
    kernel = make_binary(function, *_access(ways[0], *ways[2:]))
    launch(kernel, _blocks(y.size), THREADS, a, b, y, y.size, on=on)
    return None


def apply_binary_gradient(gradient: Any, ways: Any, dy: Any, p: Any, q: Any, d: Any, *, on: str | None) -> None:
    """Launch over flat arrays; ways = sizes, then the strides of dy, p and q."""
    if not is_wide(ways, dy, p, q, d):
        return r1_scalar.apply_binary_gradient(gradient, ways, dy, p, q, d, on=on)
    kernel = make_binary_gradient(gradient, *_access(ways[0], *ways[2:]))
    launch(kernel, _blocks(d.size), THREADS, dy, p, q, d, d.size, on=on)
    return None


def apply_where(ways: Any, condition: Any, a: Any, b: Any, y: Any, *, on: str | None) -> None:
    """Launch over flat arrays; ways = sizes, then the strides of y, condition, a and b."""
    if not is_wide(ways, a, b, y):
        return r1_scalar.apply_where(ways, condition, a, b, y, on=on)
    launch(_where_kernel(ways), _blocks(y.size), THREADS, condition, a, b, y, y.size, on=on)
    return None


def _where_kernel(ways: Any) -> Any:
    sizes, _, *strides = ways
    return make_where(byte_reader(sizes, strides[0]), *(reader(sizes, s) for s in strides[1:]),
                      *(index_function(sizes, s) for s in strides))


def _rung(op: str, run: Any, *builds: Build) -> Rung:
    return Rung(op=op, name="r2_wide", change="four neighbours a thread, 16 bytes an instruction", run=run,
                builds=builds)


CLAIMS = Claims(registers=64, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))
_ROW = walk((8, 8), (8, 8), (8,))
_ACCESS = _access(_ROW[0], *_ROW[2:])


def _unary_rungs(op: str) -> tuple[Rung, Rung]:
    forward, gradient = UNARY[op].make(**EXAMPLE_SETTINGS.get(op, {}))
    return (_rung(op, unary_forward(op, apply_unary), Build(make_unary(forward), (FLAT, FLAT, int32), CLAIMS)),
            _rung(f"{op}_backward", unary_backward(op, apply_gradient),
                  Build(make_gradient(gradient), (FLAT, FLAT, FLAT, int32), CLAIMS)))


def _binary_rungs(op: str) -> tuple[Rung, Rung]:
    pair = PAIRS[op]
    return (_rung(op, binary_forward(op, apply_binary),
                  Build(make_binary(pair.forward, *_ACCESS), (FLAT, FLAT, FLAT, int32), CLAIMS)),
            _rung(f"{op}_backward", binary_backward(op, apply_binary_gradient),
                  Build(make_binary_gradient(pair.to_b, *_ACCESS), (FLAT, FLAT, FLAT, FLAT, int32), CLAIMS)))


_WHERE = Build(_where_kernel(walk((8, 8), (8, 8), (8, 8), (8,))), (uint8[::1], FLAT, FLAT, FLAT, int32), CLAIMS)
RUNGS = (*(rung for op in UNARY for rung in _unary_rungs(op)), *(rung for op in PAIRS for rung in _binary_rungs(op)),
         _rung("where", where_forward(apply_where), _WHERE),
         _rung("where_backward", where_backward(apply_where), _WHERE))
