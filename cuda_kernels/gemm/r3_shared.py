"""gemm r3: a block brings tiles of A and B into shared memory once, and all its threads read them there.

One thread owns C[row, col] and brings one element of each tile. A block owns TILE x TILE elements of C, the grid covers
C.
Change from r2: each value of A and B is read from global memory once a block, where r2 read it TILE times.

Operations 2 M N K. Bytes asked for, with M and N rounded up to tiles: 4 M N K (1/TILE + 1/TILE) loaded, 4 M N stored.
The edge tiles hold zeros outside the matrices: they add nothing, and no thread leaves before a barrier.
Shared memory: a warp reads one element of a_tile together (a broadcast) and a row of b_tile: no bank conflicts.
Claims: LDS in place of most LDG, no local memory.
"""
from __future__ import annotations

import functools
from typing import Any

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import grid_2d, launch

from .problem import EVERYTHING, PLAIN, Variant, epilogue, problem, reader

TILE = 32  # a row of a tile is a warp's load of 128 bytes; 1024 threads a block, 8 KB of shared memory


@functools.cache
def make_kernel(variant: Variant) -> Any:
    """The kernel for operands stored as `variant` says."""
    read_a, read_b = reader(variant.transpose_a), reader(variant.transpose_b)
    finish = epilogue(variant.has_bias, variant.activation)

    @cuda.jit
    def gemm_shared(a, b, bias, c, inner):
        col, row = cuda.grid(2)
        tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
        rows, cols = c.shape[0], c.shape[1]
        a_tile = cuda.shared.array((TILE, TILE), float32)
        b_tile = cuda.shared.array((TILE, TILE), float32)
        total = float32(0)
        for start in range(0, inner, TILE):
            a_value, b_value = float32(0), float32(0)
            if row < rows and start + tile_col < inner:
                a_value = read_a(a, row, start + tile_col)
            if start + tile_row < inner and col < cols:
                b_value = read_b(b, start + tile_row, col)
            a_tile[tile_row, tile_col] = a_value
            b_tile[tile_row, tile_col] = b_value
            cuda.syncthreads()  # the tiles are complete before anyone reads them
            for k in range(TILE):
                total += a_tile[tile_row, k] * b_tile[k, tile_col]
            cuda.syncthreads()  # everyone has read them before anyone writes the next ones
        if row < rows and col < cols:
            c[row, col] = finish(total, bias, col)

    return gemm_shared


def gemm(a: Any, b: Any, bias: Any = None, *, transpose_a: bool = False, transpose_b: bool = False,
         activation: str | None = None, out: Any = None, on: str | None = None) -> Any:
    """C = activation(A @ B + bias), float32; see `r1_naive.gemm`."""
    p = problem(a, b, bias, transpose_a=transpose_a, transpose_b=transpose_b, activation=activation, out=out)
    grid = grid_2d(p.cols, p.rows, (TILE, TILE))
    launch(make_kernel(p.variant), grid, (TILE, TILE), p.a, p.b, p.bias, p.c, p.inner, on=on)
    return p.c


ARGUMENTS = (float32[:, ::1], float32[:, ::1], float32[::1], float32[:, ::1], int32)
RUNG = Rung(
    op="gemm", name="r3_shared", change="tiles of A and B pass through shared memory, each value loaded once a block",
    run=gemm,
    builds=(
        Build(make_kernel(PLAIN), args=ARGUMENTS,
              claims=Claims(registers=64, contains=("FFMA", "LDS", "STS", "BAR.SYNC"))),
        Build(make_kernel(EVERYTHING), args=ARGUMENTS, label="everything",
              claims=Claims(registers=64)),
    ))
