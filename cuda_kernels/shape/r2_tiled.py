"""transpose r2: a tile of the matrix turns round in shared memory, so that memory is read and written row by row.

One block of 32 x 8 threads owns a tile of 32 x 32 elements; thread (lane, row) brings x[row + 8 k, lane] and stores
y[.., lane]. The grid covers the matrix, and the third axis of the grid a batch of them.
Change from r1: there, the lanes of a warp read elements a row apart, 32 sectors for 128 bytes. Here both sides move
whole rows of 32; the turn happens in the tile. STRIDE = 33: a column of the tile then lies in 32 different banks.
For axes that swap the last two (after joining), such as (0, 2, 1) or a matrix of float32; others go to r1.
Bytes 4 N loaded, 4 N stored; sectors an eighth of r1's on the side that was scattered.
Claims: no local memory; LDS and STS.
"""
import math

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.dtypes import MOVED, check_dtype
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, empty, launch

from . import host, r1_index

TILE, ROWS, STRIDE = 32, 8, 33


@cuda.jit
def transpose_tiled(x, y, rows, cols):
    """y (batch, cols, rows) = x (batch, rows, cols), each matrix transposed."""
    lane, line = cuda.threadIdx.x, cuda.threadIdx.y
    first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
    matrix = cuda.blockIdx.z * rows * cols
    tile = cuda.shared.array((TILE, STRIDE), float32)
    for k in range(0, TILE, ROWS):
        row, col = first_row + line + k, first_col + lane
        if row < rows and col < cols:
            tile[line + k, lane] = x[matrix + row * cols + col]
    cuda.syncthreads()
    for k in range(0, TILE, ROWS):
        row, col = first_row + lane, first_col + line + k
        if row < rows and col < cols:
            y[matrix + col * rows + row] = tile[lane, line + k]


def as_matrices(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int, int] | None:
    """(batch, rows, cols) if these axes leave the first ones and swap two groups of the others; else None.

    >>> as_matrices((4, 5, 6, 7), (0, 3, 1, 2)), as_matrices((4, 5, 6), (1, 0, 2))
    ((4, 30, 7), None)
    """
    kept = 0
    while kept < len(axes) and axes[kept] == kept:
        kept += 1
    rest = axes[kept:]
    for cut in range(1, len(rest)):
        if rest == (*range(kept + cut, len(axes)), *range(kept, kept + cut)):
            return math.prod(shape[:kept]), math.prod(shape[kept:kept + cut]), math.prod(shape[kept + cut:])
    return None


def transpose(x, *, axes: tuple[int, ...] | None = None, on: str | None = None):
    """Axis i of y is axis axes[i] of x; None reverses them."""
    check_dtype("transpose", "x", x, MOVED)
    axes = tuple(reversed(range(x.ndim))) if axes is None else tuple(axis % x.ndim for axis in axes)
    found = as_matrices(tuple(x.shape), axes) if sorted(axes) == list(range(x.ndim)) else None
    if found is None or x.dtype != np.float32 or found[0] > 65535 or found[1] > 65535 * TILE:
        return host.transpose(r1_index.gather, x, axes=axes, on=on)
    batch, rows, cols = found
    y = empty(tuple(x.shape[axis] for axis in axes), like=x)
    grid = blocks_for(cols, TILE), blocks_for(rows, TILE), batch
    launch(transpose_tiled, grid, (TILE, ROWS), x.reshape(-1), y.reshape(-1), rows, cols, on=on)
    return y


RUNG = Rung(op="transpose", name="r2_tiled", change="a tile turns round in shared memory; both sides move whole rows",
            run=transpose,
            builds=(Build(transpose_tiled, (float32[::1], float32[::1], int32, int32),
                          Claims(registers=40, contains=("LDS", "STS"), lacks=("LDL", "STL"))),))
