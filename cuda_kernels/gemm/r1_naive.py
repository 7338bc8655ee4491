"""gemm r1: one thread computes one element of C, straight from the definition.

One thread owns C[row, col]. A block owns 16 x 16 elements, the grid covers C.
The x axis of the block, along which neighbours of a warp lie, runs down the *rows*: the 32 lanes of a warp read 16
different rows of A, and store to 16 different rows of C.

Operations 2 M N K. Bytes asked for: 8 M N K loaded, 4 M N stored; every value of A is read N times, of B M times.
Claims: one FFMA for each product, all registers, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.ladder import Claims, Rung
from cuda_kernels.launch import grid_2d, launch

from .host import MATRICES, Problem, Variant, builds, epilogue, host, reader

TILE = 16  # 256 threads a block: eight warps, enough for any GPU to keep busy


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    read_a, read_b = reader(variant.transpose_a), reader(variant.transpose_b)
    finish = epilogue(variant.has_bias, variant.activation)

    @cuda.jit
    def gemm_naive(a, b, bias, c, inner):
        row, col = cuda.grid(2)
        if row < c.shape[0] and col < c.shape[1]:
            total = float32(0)
            for k in range(inner):
                total += read_a(a, row, k) * read_b(b, k, col)
            c[row, col] = finish(total, bias, col)

    return gemm_naive


def apply(p: Problem, on: str | None) -> None:
    """The grid covers C, its x axis the rows."""
    grid = grid_2d(p.rows, p.cols, (TILE, TILE))
    launch(make_kernel(p.variant), grid, (TILE, TILE), p.a, p.b, p.bias, p.c, p.inner, on=on)


RUNG = Rung(
    op="gemm", name="r1_naive", run=host(apply),
    change="one thread for each element of C, lanes down the rows",
    builds=builds(make_kernel, MATRICES, Claims(registers=64, contains=("FFMA",)), Claims(registers=64)))
