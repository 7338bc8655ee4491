"""conv2d r2: write the windows out as the rows of a matrix, the "columns", and multiply that by w with the best gemm.

    columns[(n, i, j), (r, s, c)] = xpad[n, i*si + r*di, j*sj + s*dj, c],   y = columns @ w + b

One thread owns one element of the columns, a block THREADS neighbours, c fastest; the product is gemm's default rung.
The columns take R S times the memory of x, so they are made for as many images at a time as fit in COLUMNS_BYTES.
Change from r1: a copy turns the convolution into the one problem for which a fast kernel exists. With groups the
product would be several with strided results: then r1 runs.

Operations none here, 2 M K R S C in gemm with M = N P Q. Bytes asked for, without padding: 4 M R S C loaded and as many
stored, and read again by gemm.
Claims: no local memory.
"""
import functools

from cuda_kernels import ladder
from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, empty, launch
from cuda_kernels.windows import Problem, Window

from ..host import STRIDED, forward
from . import r1_direct

THREADS = 256
COLUMNS_BYTES = 256 * 2**20


@functools.cache
def make_kernel(window: Window):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (_, taps_s), (si, sj), ((top, _), (left, _)), (di, dj) = window

    @cuda.jit
    def im2col(x, columns, p, q, size):
        channels = x.shape[3]
        index = cuda.grid(1)
        if index < size:
            place, row = index % columns.shape[1], index // columns.shape[1]
            c, s, r = place % channels, place // channels % taps_s, place // channels // taps_s
            j, i, n = row % q, row // q % p, row // q // p
            h_pixel, w_pixel = i * si + r * di - top, j * sj + s * dj - left
            value = float32(0)
            if h_pixel >= 0 and h_pixel < x.shape[1] and w_pixel >= 0 and w_pixel < x.shape[2]:
                value = x[n, h_pixel, w_pixel, c]
            columns[row, place] = value

    return im2col


def apply(p: Problem, on: str | None) -> None:
    """For as many images at a time as have room: their columns, and the product."""
    if p.shapes.groups != 1:
        return r1_direct.apply(p, on)
    sizes, gemm = p.shapes, ladder.rung("gemm").run
    windows, length = sizes.p * sizes.q, sizes.taps * sizes.c
    at_once = min(p.n, max(1, COLUMNS_BYTES // (4 * windows * length)))
    columns = empty((at_once * windows, length), like=p.a)
    for first in range(0, p.n, at_once):
        last = min(p.n, first + at_once)
        part = columns[:(last - first) * windows]
        launch(make_kernel(sizes.window), blocks_for(part.size, THREADS), THREADS, p.a[first:last], part, sizes.p,
               sizes.q, part.size, on=on)
        gemm(part, p.b.reshape(length, sizes.k), p.bias if p.has_bias else None,
             out=p.out[first:last].reshape(-1, sizes.k), on=on)
    return None


RUNG = Rung(
    op="conv2d", name="r2_im2col", change="columns in memory, and a matrix product", run=forward(apply),
    builds=(Build(make_kernel(STRIDED), args=(float32[:, :, :, ::1], float32[:, ::1], int32, int32, int32),
                  claims=Claims(registers=64)),))
