"""Implicit gemm: a convolution as the matrix product that it is, its matrices never written down.

Forward, with one row of A for each window and one column of B for each output channel,

    y[(n, i, j), k] = sum over (r, s, c) of  A[(n, i, j), (r, s, c)] * B[(r, s, c), k]

where A holds the pixels that each window sees ("im2col") and B is w as it lies in memory. The gradients are products
of the same kind. Here is the kernel that all three share, a tiled gemm; what differs is in the device functions that
read one element of A or B, or store one of the result.

`parts` cuts the sum into pieces of `share` (split-K); blockIdx.z counts group * parts + part.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.launch import blocks_for, launch

TILE = 64  # rows and columns of the result a block
DEPTH = 8  # of the sum at a time
EACH = 4  # rows and columns a thread
SIDE = TILE // EACH
THREADS = SIDE * SIDE
BRINGS = TILE * DEPTH // THREADS  # elements of each tile that a thread brings
STRIDE = TILE + 1  # of a row of a tile in shared memory: the lanes that bring a column of A meet different banks


@functools.cache
def make_kernel(read_a, read_b, store, name: str):
    """The kernel for these readers.

    read_a(a, b, c, group, row, k), read_b(a, b, c, group, k, col) : one element of a matrix
    store(a, b, c, bias, group, part, row, col, total) : one element of the result
    """

    @cuda.jit(launch_bounds=(THREADS, 2))
    def implicit_gemm(a, b, bias, c, rows, cols, inner, share, parts):
        thread = cuda.threadIdx.x
        first_row, first_col = cuda.blockIdx.x * TILE, cuda.blockIdx.y * TILE
        group, part = cuda.blockIdx.z // parts, cuda.blockIdx.z % parts
        begin, end = part * share, min((part + 1) * share, inner)
        tile_row, tile_col = thread // SIDE, thread % SIDE  # of the thread's first sum; the others lie SIDE apart
        a_tile = cuda.shared.array((DEPTH, STRIDE), float32)
        b_tile = cuda.shared.array((DEPTH, STRIDE), float32)
        total = cuda.local.array((EACH, EACH), float32)
        a_part = cuda.local.array(EACH, float32)
        b_part = cuda.local.array(EACH, float32)
        for m in range(EACH):
            for n in range(EACH):
                total[m, n] = float32(0)
        for start in range(begin, end, DEPTH):
            for n in range(BRINGS):
                a_row, a_k = thread // DEPTH + n * (THREADS // DEPTH), thread % DEPTH
                b_k, b_col = thread // TILE + n * (THREADS // TILE), thread % TILE
                a_value, b_value = float32(0), float32(0)
                if first_row + a_row < rows and start + a_k < end:
                    a_value = read_a(a, b, c, group, first_row + a_row, start + a_k)
                if start + b_k < end and first_col + b_col < cols:
                    b_value = read_b(a, b, c, group, start + b_k, first_col + b_col)
                a_tile[a_k, a_row] = a_value
                b_tile[b_k, b_col] = b_value
            cuda.syncthreads()
            for k in range(DEPTH):
                for n in range(EACH):
                    a_part[n] = a_tile[k, tile_row + n * SIDE]
                    b_part[n] = b_tile[k, tile_col + n * SIDE]
                for m in range(EACH):
                    for n in range(EACH):
                        total[m, n] += a_part[m] * b_part[n]
            cuda.syncthreads()
        for m in range(EACH):
            for n in range(EACH):
                row, col = first_row + tile_row + m * SIDE, first_col + tile_col + n * SIDE
                if row < rows and col < cols:
                    store(a, b, c, bias, group, part, row, col, total[m, n])

    implicit_gemm.py_func.__name__ = name
    return implicit_gemm


def launch_product(kernel, a, b, bias, c, rows: int, cols: int, inner: int, *, groups: int = 1, parts: int = 1,
                   on: str | None = None) -> None:
    """Launch a kernel of `make_kernel`; rows along x, which alone may have more than 65535 blocks."""
    share = blocks_for(blocks_for(inner, parts), DEPTH) * DEPTH
    grid = (blocks_for(rows, TILE), blocks_for(cols, TILE), groups * parts)
    launch(kernel, grid, THREADS, a, b, bias, c, rows, cols, inner, share, parts, on=on)
