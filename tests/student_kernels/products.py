"""Matrix products, one and several."""

from __future__ import annotations

import numpy as np
from numba import cuda, float32

from cuda_kernels import ladder
from student_kernels.bank import right, wrong

TILE = 16


def product(mistake=""):
    last, whole_tiles, square = (mistake == name for name in ("last", "whole tiles", "square"))
    assigned, first = mistake == "assigned", mistake == "first"

    @cuda.jit
    def gemm(a, b, c, m, n, k):
        col, row = cuda.grid(2)
        if row < m and col < n:
            total = float32(0)
            end = k - 1 if last else (k // TILE * TILE if whole_tiles and k > TILE else (min(k, m) if square else k))
            for i in range(1 if first else 0, end):
                if assigned:
                    total = a[row, i] * b[i, col]
                else:
                    total += a[row, i] * b[i, col]
            c[row, col] = total

    return gemm


for mistake, what in {
    "last": "the last term left out", "whole tiles": "whole tiles of 16 alone", "square": "m terms, as if m were k",
    "assigned": "= for +=", "first": "the first term left out",
}.items():  # fmt: skip
    wrong("gemm", what)(product(mistake))
right("gemm", "one thread a cell")(product())


@right("gemm", "one thread a row of c", threads=64, blocks=lambda a, b, c: -(-c.shape[0] // 64))
@cuda.jit
def _(a, b, c):
    row = cuda.grid(1)
    if row < c.shape[0]:
        for col in range(c.shape[1]):
            total = float32(0)
            for k in range(a.shape[1]):
                total += a[row, k] * b[k, col]
            c[row, col] = total


def tiled(swapped=False, reset=False, guarded=True):
    @cuda.jit
    def gemm(a, b, c, m, n, k):
        tile_a = cuda.shared.array((TILE, TILE), float32)
        tile_b = cuda.shared.array((TILE, TILE), float32)
        col, row = cuda.grid(2)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        total = float32(0)
        for start in range(0, k, TILE):
            if reset:
                total = float32(0)
            tile_a[y, x] = a[row, start + x] if row < m and start + x < k else float32(0)
            tile_b[y, x] = b[start + y, col] if start + y < k and col < n else float32(0)
            cuda.syncthreads()
            for i in range(TILE):
                total += (tile_a[i, y] if swapped else tile_a[y, i]) * tile_b[i, x]
            cuda.syncthreads()
        if row < m and col < n:
            c[row, col] = total

    return gemm


wrong("gemm", "tiles of A transposed")(tiled(swapped=True))
wrong("gemm", "the sum begins anew with each tile")(tiled(reset=True))
right("gemm", "tiles of 16")(tiled())


@wrong("gemm", "a host function that takes transpose_b, and does nothing with it")
def _(a, b, bias=None, *, transpose_a=False, transpose_b=False, activation=None, on=None):
    if transpose_b:
        b = ladder.rung("transpose").run(b, on=on)
        b = ladder.rung("multiply").run(b, np.full((1, 1), 2, np.float32), on=on)
    return ladder.rung("gemm", "r1").run(a, b, bias, transpose_a=transpose_a, activation=activation, on=on)


@wrong("gemm", "adds the bias to the rows", at="runs")
def _(a, b, bias=None, *, transpose_a=False, transpose_b=False, activation=None, on=None):
    c = ladder.rung("gemm", "r1").run(
        a, b, transpose_a=transpose_a, transpose_b=transpose_b, activation=activation, on=on
    )
    return c if bias is None else ladder.rung("add").run(c, bias[: len(c), None].copy(), on=on)


def batched(first_b=False, first_a=False):
    @cuda.jit
    def batched_gemm(a, b, c, batch, m, n, k):
        i = cuda.grid(1)
        if i < c.size:
            col, row, z = i % n, i // n % m, i // (n * m)
            total = float32(0)
            for j in range(k):
                total += a[0 if first_a else z, row, j] * b[0 if first_b else z, j, col]
            c[z, row, col] = total

    return batched_gemm


FLAT = {"threads": 128, "blocks": lambda a, b, c: -(-c.size // 128)}
wrong("batched_gemm", "the first B for all", **FLAT)(batched(first_b=True))
wrong("batched_gemm", "the first A for all", **FLAT)(batched(first_a=True))
right("batched_gemm", "one thread a cell", **FLAT)(batched())


@right("batched_gemm", "a grid of three dimensions", threads=(8, 8, 2))
@cuda.jit
def _(a, b, c):
    col, row, z = cuda.grid(3)
    if z < c.shape[0] and row < c.shape[1] and col < c.shape[2]:
        total = float32(0)
        for k in range(a.shape[2]):
            total += a[z, row, k] * b[z, k, col]
        c[z, row, col] = total
