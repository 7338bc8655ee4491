"""The transpose three ways: naive, through shared memory, and with a padded tile.

The three do the same work; what differs is how a warp meets memory. Run each and compare the sectors and
the ways. Source: Ruetsch & Micikevicius, Optimizing Matrix Transpose in CUDA (NVIDIA, 2009).
"""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import Case, blocks_for, values

TILE = 32  # one warp is one row of the tile
PADDED = TILE + 1  # a row of 33 words: going down a column visits every bank once


@cuda.jit
def transpose_naive(x, out):
    """out[col, row] = x[row, col]: a warp loads 32 neighbours and stores 32 elements that lie a row apart."""
    col, row = cuda.grid(2)
    if row < x.shape[0] and col < x.shape[1]:
        out[col, row] = x[row, col]


@cuda.jit
def transpose_tiled(x, out):
    """Turn a tile inside shared memory, so that load and store both walk along rows of global memory.

    A block owns a TILE x TILE tile. Reading the tile down a column meets one bank 32 times: a 32-way
    conflict.
    """
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    tile = cuda.shared.array((TILE, TILE), float32)
    col, row = cuda.grid(2)
    if row < x.shape[0] and col < x.shape[1]:
        tile[tile_row, tile_col] = x[row, col]
    cuda.syncthreads()
    out_col = cuda.blockIdx.y * TILE + tile_col
    out_row = cuda.blockIdx.x * TILE + tile_row
    if out_row < out.shape[0] and out_col < out.shape[1]:
        out[out_row, out_col] = tile[tile_col, tile_row]


@cuda.jit
def transpose_padded(x, out):
    """The tiled transpose with one unused column in the tile: no conflict; nothing else has changed."""
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    tile = cuda.shared.array((TILE, PADDED), float32)
    col, row = cuda.grid(2)
    if row < x.shape[0] and col < x.shape[1]:
        tile[tile_row, tile_col] = x[row, col]
    cuda.syncthreads()
    out_col = cuda.blockIdx.y * TILE + tile_col
    out_row = cuda.blockIdx.x * TILE + tile_row
    if out_row < out.shape[0] and out_col < out.shape[1]:
        out[out_row, out_col] = tile[tile_col, tile_row]


def _transpose_case(kernel, rows: int, cols: int) -> Case:
    x, out = values(6, rows, cols), np.zeros((cols, rows), np.float32)
    grid = (blocks_for(cols, TILE), blocks_for(rows, TILE))
    return Case(kernel, grid, (TILE, TILE), (x, out), {"out": x.T.copy()})


def transpose_naive_case(rows: int = 37, cols: int = 70) -> Case:
    """A transpose whose sizes are multiples of nothing."""
    return _transpose_case(transpose_naive, rows, cols)


def transpose_tiled_case(rows: int = 37, cols: int = 70) -> Case:
    """A transpose whose sizes are multiples of nothing."""
    return _transpose_case(transpose_tiled, rows, cols)


def transpose_padded_case(rows: int = 37, cols: int = 70) -> Case:
    """A transpose whose sizes are multiples of nothing."""
    return _transpose_case(transpose_padded, rows, cols)
