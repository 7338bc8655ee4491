"""dropout r2: one thread uses all four words that Philox makes, and multiplies at once.

One thread owns four neighbours: y[4 n: 4 n + 4] and their four bytes of the mask. A block owns 4 THREADS neighbours,
the grid covers x.
Change from r1: no random word is thrown away, a quarter of the integer arithmetic is left; one kernel in place of two,
which never reads the mask back; x and y move 16 bytes at a time. With a noise shape (or off 16 bytes) r1 does it.
Bytes 4 N loaded, 5 N stored.
Claims: LDG.E.128, STG.E.128, no local memory.
"""
from cuda_kernels._cuda import cuda, float32, int32, uint8, uint32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, is_aligned, launch

from . import r1_one
from .host import forward
from .philox import halves, philox4x32

THREADS = 256


@cuda.jit
def dropout_four(x, y, keep, scale, threshold, seed_low, seed_high, offset_low, offset_high, size):
    """Mask and product of four neighbours."""
    quad = cuda.grid(1)
    i = uint32(4) * uint32(quad)
    if i < uint32(size):
        w0, w1, w2, w3 = philox4x32(uint32(quad), uint32(0), offset_low, offset_high, seed_low, seed_high)
        least, nothing = uint32(threshold), float32(0)
        k0, k1 = (w0 >> uint32(8)) >= least, (w1 >> uint32(8)) >= least
        k2, k3 = (w2 >> uint32(8)) >= least, (w3 >> uint32(8)) >= least
        s0, s1, s2, s3 = (scale if k0 else nothing, scale if k1 else nothing, scale if k2 else nothing,
                          scale if k3 else nothing)
        if i + uint32(4) <= uint32(size):
            a, b, c, d = ld4(x, i)
            st4(y, i, (a * s0, b * s1, c * s2, d * s3))
            keep[i] = 1 if k0 else 0
            keep[i + uint32(1)] = 1 if k1 else 0
            keep[i + uint32(2)] = 1 if k2 else 0
            keep[i + uint32(3)] = 1 if k3 else 0
        else:  # the last one to three
            for j in range(i, uint32(size)):
                which = j - i
                k = k0 if which == 0 else (k1 if which == 1 else k2)
                y[j] = x[j] * (scale if k else nothing)
                keep[j] = 1 if k else 0


def apply(x, y, keep, place, threshold: int, seed: int, offset: int, scale: float, *, on: str | None) -> None:
    """Mask and product in one kernel."""
    if keep.size != x.size or not (is_aligned(x) and is_aligned(y)):
        r1_one.apply(x, y, keep, place, threshold, seed, offset, scale, on=on)
        return
    launch(dropout_four, blocks_for(blocks_for(x.size, 4), THREADS), THREADS, x, y, keep, scale, threshold,
           *halves(seed), *halves(offset), x.size, on=on)


RUNG = Rung(
    op="dropout", name="r2_four", change="all four words of a Philox block, one kernel, 16 bytes at a time",
    run=forward(apply),
    builds=(Build(dropout_four, (float32[::1], float32[::1], uint8[::1], float32, int32, uint32, uint32, uint32, uint32,
                                 int32),
                  Claims(registers=64, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))),))
