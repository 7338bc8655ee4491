"""Matrix products c = a @ b through shared memory: for whole tiles, for any size, and double-buffered."""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import Case, blocks_for, values

TILE = 16  # 16 x 16 threads a block: a tile of `a` and one of `b` take 2 KB of shared memory


@cuda.jit
def matmul_square(a, b, c):
    """C = a @ b where M, N and K are multiples of TILE.

    A thread owns one element of c, a block one tile of c. For each step along K the block brings one tile
    of `a` and one of `b` into shared memory, where each value is used TILE times: global loads fall by that
    factor. Operations 2 M N K; bytes loaded 4 M N K (1/TILE + 1/TILE).
    """
    col, row = cuda.grid(2)
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((TILE, TILE), float32)
    b_tile = cuda.shared.array((TILE, TILE), float32)
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        a_tile[tile_row, tile_col] = a[row, start + tile_col]
        b_tile[tile_row, tile_col] = b[start + tile_row, col]
        cuda.syncthreads()  # the tiles are complete before anyone reads them
        for k in range(TILE):
            total += a_tile[tile_row, k] * b_tile[k, tile_col]
        cuda.syncthreads()  # all have read them before anyone overwrites them
    c[row, col] = total


@cuda.jit
def matmul_ragged(a, b, c):
    """C = a @ b for any M, N and K: outside the matrices a tile holds zeros, which add nothing.

    Trap: a thread outside c still loads its part of the tiles and still meets the barriers; only its store is
    guarded.
    """
    col, row = cuda.grid(2)
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((TILE, TILE), float32)
    b_tile = cuda.shared.array((TILE, TILE), float32)
    rows, inner, cols = a.shape[0], a.shape[1], b.shape[1]
    total = float32(0)
    for start in range(0, inner, TILE):
        if row < rows and start + tile_col < inner:
            a_tile[tile_row, tile_col] = a[row, start + tile_col]
        else:
            a_tile[tile_row, tile_col] = float32(0)
        if start + tile_row < inner and col < cols:
            b_tile[tile_row, tile_col] = b[start + tile_row, col]
        else:
            b_tile[tile_row, tile_col] = float32(0)
        cuda.syncthreads()
        for k in range(TILE):
            total += a_tile[tile_row, k] * b_tile[k, tile_col]
        cuda.syncthreads()
    if row < rows and col < cols:
        c[row, col] = total


@cuda.jit
def matmul_double_buffered(a, b, c):
    """C = a @ b for whole tiles, with two buffers a matrix: load the next tile while this one is used.

    The loads of step s + 1 go to the buffer that step s does not read, so one barrier a step is enough: it
    says both "the next tile is complete" and "this tile has been read".
    """
    col, row = cuda.grid(2)
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((2, TILE, TILE), float32)
    b_tile = cuda.shared.array((2, TILE, TILE), float32)
    steps = a.shape[1] // TILE
    a_tile[0, tile_row, tile_col] = a[row, tile_col]
    b_tile[0, tile_row, tile_col] = b[tile_row, col]
    cuda.syncthreads()
    total = float32(0)
    for step in range(steps):
        now = step % 2
        if step + 1 < steps:
            start = (step + 1) * TILE
            a_tile[1 - now, tile_row, tile_col] = a[row, start + tile_col]
            b_tile[1 - now, tile_row, tile_col] = b[start + tile_row, col]
        for k in range(TILE):
            total += a_tile[now, tile_row, k] * b_tile[now, k, tile_col]
        cuda.syncthreads()
    c[row, col] = total


def _product_case(kernel, m: int, n: int, k: int) -> Case:
    a, b, c = values(4, m, k), values(5, k, n), np.zeros((m, n), np.float32)
    grid = (blocks_for(n, TILE), blocks_for(m, TILE))
    expected = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float32)
    return Case(kernel, grid, (TILE, TILE), (a, b, c), {"c": expected}, rtol=1e-4, atol=1e-6 * k)


def matmul_square_case(m: int = 32, n: int = 64, k: int = 48) -> Case:
    """A product whose sizes are multiples of TILE."""
    return _product_case(matmul_square, m, n, k)


def matmul_ragged_case(m: int = 37, n: int = 21, k: int = 50) -> Case:
    """A product whose sizes are multiples of nothing."""
    return _product_case(matmul_ragged, m, n, k)


def matmul_double_buffered_case(m: int = 48, n: int = 32, k: int = 80) -> Case:
    """A product whose sizes are multiples of TILE, with an odd number of steps."""
    return _product_case(matmul_double_buffered, m, n, k)
