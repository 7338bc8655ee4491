"""pool2d r1: one thread for each element of the output, in all four kernels.

Forward, one thread owns y[n, i, j, c] and looks at its window. Backward, one thread owns dx[n, h, w, c] and gathers
from every window that holds its pixel, so that nothing has to be added atomically. For the maximum it asks of each such
window whether this pixel is the first one that equals y. A block owns THREADS neighbouring elements, c fastest.

Bytes asked for, with R S taps and no padding: forward 4 N P Q C R S loaded, 4 N P Q C stored. Backward at most
ceil(R/si) ceil(S/sj) windows a pixel, each 4 bytes of dy, and for the maximum 4 of y and up to 4 R S of x.
Operations R S compares or additions a window.
Claims: no local memory.
"""
import functools
import math

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Window, splitter

from .host import Shapes, average_backward, forward, max_backward

THREADS = 256


@functools.cache
def make_place(sizes: tuple[int, int, int] | None):
    """A device function `place(index, images)`: (n, row, col, c) of an element.

    sizes : (rows, columns, channels) of the images where they are known, so that a division is a multiplication
    """
    if sizes is not None:
        split_row, split_col, split_c = map(splitter, sizes)

        @cuda.jit(device=True)
        def known(index, images):
            pixel, c = split_c(index)
            line, col = split_col(pixel)
            n, row = split_row(line)
            return n, row, col, c

        return known

    @cuda.jit(device=True)
    def place(index, images):
        rows, cols, channels = images.shape[1], images.shape[2], images.shape[3]
        line = index // channels // cols
        return line // rows, line % rows, index // channels % cols, index % channels

    return place


@functools.cache
def make_forward(window: Window, average: bool, sizes: tuple[int, int, int] | None = None):
    """The forward kernel for a window, and sizes of y where they shall be known."""
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), _ = window
    place = make_place(sizes)

    @cuda.jit
    def pool2d_direct(x, y, size):
        height, width = x.shape[1], x.shape[2]
        index = cuda.grid(1)
        if index < size:
            n, i, j, c = place(index, y)
            first_row, first_col = i * si - top, j * sj - left
            best, total, count = float32(-math.inf), float32(0), int32(0)
            for row in range(max(first_row, 0), min(first_row + taps_r, height)):
                for col in range(max(first_col, 0), min(first_col + taps_s, width)):
                    value = x[n, row, col, c]
                    if average:
                        total += value
                        count += 1
                    # Trap: max(best, NaN) is best on a GPU; NumPy keeps the NaN.
                    elif value > best or value != value:
                        best = value
            if average:
                best = total / float32(count)
            y[n, i, j, c] = best

    return pool2d_direct


@functools.cache
def make_max_backward(window: Window, sizes: tuple[int, int, int] | None = None):
    """The kernel of the maximum's gradient, for a window, and sizes of x where they shall be known."""
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), _ = window
    place = make_place(sizes)

    @cuda.jit(device=True)
    def is_first(x, y_value, n, row, col, c, first_row, first_col):
        """Is (row, col) the pixel of the window at (first_row, first_col) to which its gradient goes?"""
        height, width = x.shape[1], x.shape[2]
        here = x[n, row, col, c] == y_value
        # A NaN equals nothing: then no tap was the maximum, and the last one takes the gradient.
        here = here or (row == first_row + taps_r - 1 and col == first_col + taps_s - 1)
        for r in range(max(first_row, 0), min(first_row + taps_r, height)):
            for s in range(max(first_col, 0), min(first_col + taps_s, width)):
                earlier = r < row or (r == row and s < col)
                if here and earlier and x[n, r, s, c] == y_value:
                    here = False
        return here

    @cuda.jit
    def max_pool2d_backward_direct(x, y, dy, dx, size):
        index = cuda.grid(1)
        if index < size:
            n, row, col, c = place(index, x)
            total = float32(0)
            # Window i holds the row if i*si <= row + top < i*si + taps_r.
            last_i = min((row + top) // si, y.shape[1] - 1)
            last_j = min((col + left) // sj, y.shape[2] - 1)
            for i in range(max(0, (row + top - taps_r + si) // si), last_i + 1):
                for j in range(max(0, (col + left - taps_s + sj) // sj), last_j + 1):
                    if is_first(x, y[n, i, j, c], n, row, col, c, i * si - top, j * sj - left):
                        total += dy[n, i, j, c]
            dx[n, row, col, c] = total

    return max_pool2d_backward_direct


@functools.cache
def make_average_backward(window: Window, sizes: tuple[int, int, int] | None = None):
    """The kernel of the average's gradient, for a window, and sizes of x where they shall be known."""
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), _ = window
    place = make_place(sizes)

    @cuda.jit
    def average_pool2d_backward_direct(dy, dx, size):
        height, width = dx.shape[1], dx.shape[2]
        index = cuda.grid(1)
        if index < size:
            n, row, col, c = place(index, dx)
            total = float32(0)
            last_i = min((row + top) // si, dy.shape[1] - 1)
            last_j = min((col + left) // sj, dy.shape[2] - 1)
            for i in range(max(0, (row + top - taps_r + si) // si), last_i + 1):
                rows = min(i * si - top + taps_r, height) - max(i * si - top, 0)
                for j in range(max(0, (col + left - taps_s + sj) // sj), last_j + 1):
                    cols = min(j * sj - left + taps_s, width) - max(j * sj - left, 0)
                    total += dy[n, i, j, c] / float32(rows * cols)
            dx[n, row, col, c] = total

    return average_pool2d_backward_direct


def apply_forward(shapes: Shapes, average: bool, x, y, on: str | None, known: bool = False) -> None:
    """One thread an element of y; with known sizes, a kernel for these."""
    kernel = make_forward(shapes.window, average, (shapes.p, shapes.q, shapes.c) if known else None)
    launch(kernel, blocks_for(y.size, THREADS), THREADS, x, y, y.size, on=on)


def apply_max_backward(shapes: Shapes, x, y, dy, dx, on: str | None, known: bool = False) -> None:
    """One thread an element of dx; with known sizes, a kernel for these."""
    kernel = make_max_backward(shapes.window, (shapes.h, shapes.w, shapes.c) if known else None)
    launch(kernel, blocks_for(dx.size, THREADS), THREADS, x, y, dy, dx, dx.size, on=on)


def apply_average_backward(shapes: Shapes, dy, dx, on: str | None, known: bool = False) -> None:
    """One thread an element of dx; with known sizes, a kernel for these."""
    kernel = make_average_backward(shapes.window, (shapes.h, shapes.w, shapes.c) if known else None)
    launch(kernel, blocks_for(dx.size, THREADS), THREADS, dy, dx, dx.size, on=on)


EXAMPLE = Window((3, 2), (2, 1), ((1, 1), (0, 1)), (1, 1))
IMAGES = float32[:, :, :, ::1]
CLAIMS = Claims(registers=128)
CHANGE = "one thread for each element of the output"
RUNGS = (
    Rung(op="max_pool2d", name="r1_direct", change=CHANGE, run=forward("max_pool2d", apply_forward),
         builds=(Build(make_forward(EXAMPLE, False), args=(IMAGES, IMAGES, int32), claims=CLAIMS),)),
    Rung(op="average_pool2d", name="r1_direct", change=CHANGE, run=forward("average_pool2d", apply_forward),
         builds=(Build(make_forward(EXAMPLE, True), args=(IMAGES, IMAGES, int32), label="average", claims=CLAIMS),)),
    Rung(op="max_pool2d_backward", name="r1_direct", change=CHANGE, run=max_backward(apply_max_backward),
         builds=(Build(make_max_backward(EXAMPLE), args=(IMAGES,) * 4 + (int32,), claims=CLAIMS),)),
    Rung(op="average_pool2d_backward", name="r1_direct", change=CHANGE, run=average_backward(apply_average_backward),
         builds=(Build(make_average_backward(EXAMPLE), args=(IMAGES, IMAGES, int32), claims=CLAIMS),)),
)
