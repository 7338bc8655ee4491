"""pool2d r2: one thread for four channels, with 16-byte loads and shapes that are constants.

One thread owns four neighbouring channels of an element of the output, in all four kernels; a block THREADS such fours,
the grid covers the output. The addresses and comparisons of a window are worked out once for four channels.
Change from r1: a quarter of the threads, each moving 16 bytes at a time, and divisions that are multiplications. Where
the channels are no multiple of four, or an array does not begin on 16 bytes, r1 runs, with such divisions.

Bytes and operations as r1's, but that the maximum's gradient looks at all earlier taps of a window, whether or not one
of the four channels still needs them.
Claims: 16-byte loads and stores, no local memory.
"""
import functools
import math

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch, rows_are_wide
from cuda_kernels.windows import NO_PADDING, Window, splitter

from . import r1_direct
from .host import Shapes, average_backward, forward, max_backward

THREADS = 128


@cuda.jit(device=True)
def larger(best, value):
    """The larger one; NaN if either is, which max() would drop on a GPU."""
    return value if value > best or value != value else best


@cuda.jit(device=True)
def add4(total, value):
    """The sum of two tuples of four."""
    return total[0] + value[0], total[1] + value[1], total[2] + value[2], total[3] + value[3]


@functools.cache
def make_forward(shapes: Shapes, average: bool):
    """The forward kernel for these shapes."""
    height, width, channels, p, q, window = shapes
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), _ = window
    split_c, split_q, split_p = splitter(channels // 4), splitter(q), splitter(p)

    @cuda.jit
    def pool2d_wide(x, y, fours):
        four = cuda.grid(1)
        if four < fours:
            pixel, c = split_c(four)
            line, j = split_q(pixel)
            n, i = split_p(line)
            first = float32(0) if average else float32(-math.inf)
            total = (first, first, first, first)
            count = int32(0)
            for r in range(taps_r):
                row = int32(i * si + r - top)
                for s in range(taps_s):
                    col = int32(j * sj + s - left)
                    if row >= 0 and row < height and col >= 0 and col < width:
                        v = ld4(x, int32(((n * height + row) * width + col) * channels + 4 * c))
                        count += 1
                        if average:
                            total = add4(total, v)
                        else:
                            total = (larger(total[0], v[0]), larger(total[1], v[1]), larger(total[2], v[2]),
                                     larger(total[3], v[3]))
            if average:
                n_inside = float32(count)
                total = (total[0] / n_inside, total[1] / n_inside, total[2] / n_inside, total[3] / n_inside)
            st4(y, int32(four * 4), total)

    return pool2d_wide


@functools.cache
def make_max_backward(shapes: Shapes):
    """The kernel of the maximum's gradient."""
    height, width, channels, p, q, window = shapes
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), _ = window
    across, along = -(-taps_r // si), -(-taps_s // sj)  # windows that hold one pixel, at most
    split_c, split_w, split_h = splitter(channels // 4), splitter(width), splitter(height)

    @cuda.jit(device=True)
    def given(x, y, dy, n, row, col, i, j, c):
        """What window (i, j) gives to the pixel: dy where this is its first maximum, in four channels."""
        place = int32(((n * p + i) * q + j) * channels + 4 * c)
        most, gradient = ld4(y, place), ld4(dy, place)
        own = ld4(x, int32(((n * height + row) * width + col) * channels + 4 * c))
        first_row, first_col = int32(i * si - top), int32(j * sj - left)
        # A NaN equals nothing: then no tap was the maximum, and the last one takes the gradient.
        is_last = row == first_row + taps_r - 1 and col == first_col + taps_s - 1
        h0, h1, h2, h3 = (own[0] == most[0] or is_last, own[1] == most[1] or is_last, own[2] == most[2] or is_last,
                          own[3] == most[3] or is_last)
        for r in range(taps_r):
            for s in range(taps_s):
                h, w = int32(first_row + r), int32(first_col + s)
                if h >= 0 and w >= 0 and w < width and (h < row or (h == row and w < col)):
                    v = ld4(x, int32(((n * height + h) * width + w) * channels + 4 * c))
                    h0, h1 = h0 and v[0] != most[0], h1 and v[1] != most[1]
                    h2, h3 = h2 and v[2] != most[2], h3 and v[3] != most[3]
        zero = float32(0)
        return (gradient[0] if h0 else zero, gradient[1] if h1 else zero, gradient[2] if h2 else zero,
                gradient[3] if h3 else zero)

    @cuda.jit
    def max_pool2d_backward_wide(x, y, dy, dx, fours):
        four = cuda.grid(1)
        if four < fours:
            pixel, c = split_c(four)
            line, col = split_w(pixel)
            n, row = split_h(line)
            total = (float32(0), float32(0), float32(0), float32(0))
            for back_i in range(across):
                i = int32((row + top) // si - back_i)
                for back_j in range(along):
                    j = int32((col + left) // sj - back_j)
                    holds = i * si + taps_r > row + top and j * sj + taps_s > col + left
                    if holds and i >= 0 and i < p and j >= 0 and j < q:
                        total = add4(total, given(x, y, dy, n, row, col, i, j, c))
            st4(dx, int32(four * 4), total)

    return max_pool2d_backward_wide


@functools.cache
def make_average_backward(shapes: Shapes):
    """The kernel of the average's gradient."""
    height, width, channels, p, q, window = shapes
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), _ = window
    across, along = -(-taps_r // si), -(-taps_s // sj)
    split_c, split_w, split_h = splitter(channels // 4), splitter(width), splitter(height)

    @cuda.jit
    def average_pool2d_backward_wide(dy, dx, fours):
        four = cuda.grid(1)
        if four < fours:
            pixel, c = split_c(four)
            line, col = split_w(pixel)
            n, row = split_h(line)
            total = (float32(0), float32(0), float32(0), float32(0))
            for back_i in range(across):
                i = int32((row + top) // si - back_i)
                rows = min(i * si - top + taps_r, height) - max(i * si - top, 0)
                for back_j in range(along):
                    j = int32((col + left) // sj - back_j)
                    cols = min(j * sj - left + taps_s, width) - max(j * sj - left, 0)
                    holds = i * si + taps_r > row + top and j * sj + taps_s > col + left
                    if holds and i >= 0 and i < p and j >= 0 and j < q:
                        v = ld4(dy, int32(((n * p + i) * q + j) * channels + 4 * c))
                        count = float32(rows * cols)
                        total = add4(total, (v[0] / count, v[1] / count, v[2] / count, v[3] / count))
            st4(dx, int32(four * 4), total)

    return average_pool2d_backward_wide


def apply_forward(shapes: Shapes, average: bool, x, y, on: str | None) -> None:
    """One thread four channels of y."""
    if not (rows_are_wide(x) and rows_are_wide(y)):
        return r1_direct.apply_forward(shapes, average, x, y, on, known=True)
    return _launch(make_forward(shapes, average), y, x, on=on)


def apply_max_backward(shapes: Shapes, x, y, dy, dx, on: str | None) -> None:
    """One thread four channels of dx."""
    if not all(rows_are_wide(a) for a in (x, y, dy, dx)):
        return r1_direct.apply_max_backward(shapes, x, y, dy, dx, on, known=True)
    return _launch(make_max_backward(shapes), dx, x, y, dy, on=on)


def apply_average_backward(shapes: Shapes, dy, dx, on: str | None) -> None:
    """One thread four channels of dx."""
    if not (rows_are_wide(dy) and rows_are_wide(dx)):
        return r1_direct.apply_average_backward(shapes, dy, dx, on, known=True)
    return _launch(make_average_backward(shapes), dx, dy, on=on)


def _launch(kernel, out, *arrays, on: str | None) -> None:
    """One thread for each four of `out`."""
    fours = out.size // 4
    launch(kernel, blocks_for(fours, THREADS), THREADS, *(a.reshape(-1) for a in (*arrays, out)), fours, on=on)


HALVE = Shapes(32, 32, 64, 16, 16, Window((2, 2), (2, 2), NO_PADDING, (1, 1)))
OVERLAP = Shapes(56, 56, 64, 28, 28, Window((3, 3), (2, 2), ((0, 1), (0, 1)), (1, 1)))
CLAIMS = Claims(registers=80, contains=("LDG.E.128", "STG.E.128"))
ODD = Shapes(28, 28, 6, 14, 14, HALVE.window)  # channels that are no multiple of four
CHANGE = "one thread for four channels, with 16-byte loads and constant shapes"
RUNGS = (
    Rung(op="max_pool2d", name="r2_wide", change=CHANGE, run=forward("max_pool2d", apply_forward),
         builds=(Build(make_forward(OVERLAP, False), args=(FLAT, FLAT, int32), claims=CLAIMS),
                 Build(r1_direct.make_forward(ODD.window, False, (ODD.p, ODD.q, ODD.c)), label="6 channels",
                       args=(r1_direct.IMAGES,) * 2 + (int32,), claims=r1_direct.CLAIMS))),
    Rung(op="average_pool2d", name="r2_wide", change=CHANGE, run=forward("average_pool2d", apply_forward),
         builds=(Build(make_forward(OVERLAP, True), args=(FLAT, FLAT, int32), label="average", claims=CLAIMS),)),
    Rung(op="max_pool2d_backward", name="r2_wide", change=CHANGE, run=max_backward(apply_max_backward),
         builds=(Build(make_max_backward(HALVE), args=(FLAT,) * 4 + (int32,), claims=CLAIMS),
                 Build(make_max_backward(OVERLAP), args=(FLAT,) * 4 + (int32,), label="overlap", claims=CLAIMS),
                 Build(r1_direct.make_max_backward(ODD.window, (ODD.h, ODD.w, ODD.c)), label="6 channels",
                       args=(r1_direct.IMAGES,) * 4 + (int32,), claims=r1_direct.CLAIMS))),
    Rung(op="average_pool2d_backward", name="r2_wide", change=CHANGE, run=average_backward(apply_average_backward),
         builds=(Build(make_average_backward(OVERLAP), args=(FLAT, FLAT, int32), claims=CLAIMS),
                 Build(r1_direct.make_average_backward(ODD.window, (ODD.h, ODD.w, ODD.c)), label="6 channels",
                       args=(r1_direct.IMAGES,) * 2 + (int32,), claims=r1_direct.CLAIMS))),
)
