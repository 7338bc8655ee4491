"""max_pool2d_backward r3: one thread for each window, where the windows tile the image.

With pool_size = strides, no padding and no rest, every pixel lies in exactly one window. One thread owns four channels
of a window: it reads its pixels once, and writes the gradient to the first maximum and zeros to the others. A block
owns THREADS such fours, the grid covers y.
Change from r2: a window's pixels are read once, by one thread, in place of once for each pixel that comes after. For
other windows r2 runs.

Bytes 4 N H W C of x and 8 N P Q C of y and dy loaded, 4 N H W C stored.
Claims: 16-byte loads and stores, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Rung
from cuda_kernels.launch import blocks_for, launch, rows_are_wide
from cuda_kernels.windows import NO_PADDING, splitter

from . import r2_wide
from .host import Shapes, max_backward

THREADS = 128


@functools.cache
def make_kernel(shapes: Shapes):
    """The kernel for these shapes, whose windows tile the image."""
    height, width, channels, p, q, window = shapes
    taps_r, taps_s = window.taps
    split_c, split_q, split_p = splitter(channels // 4), splitter(q), splitter(p)

    @cuda.jit
    def max_pool2d_backward_window(x, y, dy, dx, fours):
        four = cuda.grid(1)
        if four < fours:
            pixel, c = split_c(four)
            line, j = split_q(pixel)
            n, i = split_p(line)
            most, left = ld4(y, int32(four * 4)), ld4(dy, int32(four * 4))
            zero = float32(0)
            for r in range(taps_r):
                for s in range(taps_s):
                    place = int32(((n * height + i * taps_r + r) * width + j * taps_s + s) * channels + 4 * c)
                    v = ld4(x, place)
                    # A NaN equals nothing: then the last tap takes what no other took.
                    last = r == taps_r - 1 and s == taps_s - 1
                    h0, h1, h2, h3 = (v[0] == most[0] or last, v[1] == most[1] or last, v[2] == most[2] or last,
                                      v[3] == most[3] or last)
                    st4(dx, place, (left[0] if h0 else zero, left[1] if h1 else zero, left[2] if h2 else zero,
                                    left[3] if h3 else zero))
                    left = (zero if h0 else left[0], zero if h1 else left[1], zero if h2 else left[2],
                            zero if h3 else left[3])

    return max_pool2d_backward_window


def tiles_image(shapes: Shapes) -> bool:
    """Does every pixel lie in exactly one window?"""
    window = shapes.window
    return (window.taps == window.strides and window.padding == NO_PADDING
            and (shapes.p * window.taps[0], shapes.q * window.taps[1]) == (shapes.h, shapes.w))


def apply(shapes: Shapes, x, y, dy, dx, on: str | None) -> None:
    """One thread four channels of a window."""
    if not tiles_image(shapes) or not all(rows_are_wide(a) for a in (x, y, dy, dx)):
        return r2_wide.apply_max_backward(shapes, x, y, dy, dx, on)
    fours = dy.size // 4
    launch(make_kernel(shapes), blocks_for(fours, THREADS), THREADS, x.reshape(-1), y.reshape(-1), dy.reshape(-1),
           dx.reshape(-1), fours, on=on)
    return None


RUNG = Rung(
    op="max_pool2d_backward", name="r3_window", run=max_backward(apply),
    change="one thread for each window, where the windows tile the image",
    builds=(Build(make_kernel(r2_wide.HALVE), args=(float32[::1],) * 4 + (int32,), claims=r2_wide.CLAIMS),))
