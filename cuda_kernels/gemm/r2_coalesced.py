"""gemm r2: neighbours in a warp own neighbours in a row, so that they share what memory brings.

One thread owns C[row, col]. A block owns 8 rows of 32 columns, one row per warp; the grid covers C.
Change from r1: the x axis runs along the *columns*. The 32 lanes of a warp read one element of A together (one 32-byte
sector, where r1 reads 16), 32 neighbours of a row of B (4 sectors, fully used), and store 32 neighbours.

Operations 2 M N K. Bytes asked for as in r1: 8 M N K loaded, 4 M N stored; it is the sectors moved that fall.
With transpose_b the lanes walk down the stored columns of b, and r2 is no better than r1.
`reader` (reads a matrix or its transpose) and `epilogue` (makes `finish`: add the bias, apply the activation) come from
host.py, and so does `inner`, which is K, the length of the sum.
Claims: two, for the two builds that are compiled: the plain kernel (one FFMA for each product), and the one with
everything, both operands transposed, bias and sigmoid. Both: at most 64 registers per thread, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.ladder import Claims, Rung
from cuda_kernels.launch import grid_2d, launch

from .host import MATRICES, Problem, Variant, builds, epilogue, host, reader

COLS, ROWS = 32, 8  # one warp per row, 256 threads per block


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    read_a, read_b = reader(variant.transpose_a), reader(variant.transpose_b)
    finish = epilogue(variant.has_bias, variant.activation)

    @cuda.jit
    def gemm_coalesced(a, b, bias, c, inner):
        col, row = cuda.grid(2)
        if row < c.shape[0] and col < c.shape[1]:
            total = float32(0)
            for k in range(inner):
                total += read_a(a, row, k) * read_b(b, k, col)
            c[row, col] = finish(total, bias, col)

    return gemm_coalesced


def apply(p: Problem, on: str | None) -> None:
    """The grid covers C, its x axis the columns."""
    grid = grid_2d(p.cols, p.rows, (COLS, ROWS))
    launch(make_kernel(p.variant), grid, (COLS, ROWS), p.a, p.b, p.bias, p.c, p.inner, on=on)


RUNG = Rung(
    op="gemm", name="r2_coalesced", run=host(apply),
    change="lanes along the columns, so that a warp's loads and stores are neighbours",
    builds=builds(make_kernel, MATRICES, Claims(registers=64, contains=("FFMA",)), Claims(registers=64)))
