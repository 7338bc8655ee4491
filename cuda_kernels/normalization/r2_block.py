"""normalization r2: one block makes the sums of one group, its warps by shuffles.

One block owns a group: its threads take the elements r = thread, thread + THREADS, …; `warp_sum` and a value a warp in
shared memory make the sum, which every thread gets, so that the second walk can begin at once.
Change from r1: THREADS threads where r1 has one. For layer norm they read neighbours; for batch norm the elements of a
channel lie C apart, and a sector's other channels are read by other blocks.
Bytes as r1. Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.intrinsics import warp_sum
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import launch
from cuda_kernels.reduce.host import Layout

from . import cells
from .host import PLACES, Sums, rungs_of
from .r1_serial import scaler

THREADS = 128
WARPS = THREADS // 32


@cuda.jit(device=True)
def block_sum(value, totals):
    """The sum over all threads of the block, in every thread; totals is a shared array of WARPS values."""
    warp, lane = cuda.threadIdx.x // 32, cuda.threadIdx.x % 32
    value = warp_sum(value)
    cuda.syncthreads()  # totals may still be read from the sum before
    if lane == 0:
        totals[warp] = value
    cuda.syncthreads()
    total = float32(0)
    for k in range(WARPS):
        total += totals[k]
    return total


@functools.cache
def make_moments(kept, reduced):
    """Mean and variance of each group, in two walks: the mean first, then the squared deviations from it."""
    @cuda.jit
    def moments_block(x, mean, variance, share, count):
        group, first = cuda.blockIdx.x, kept(cuda.blockIdx.x)
        totals = cuda.shared.array(WARPS, float32)
        total = float32(0)
        for r in range(cuda.threadIdx.x, count, THREADS):
            total += x[first + reduced(r)]
        average = block_sum(total, totals) * share
        spread = float32(0)
        for r in range(cuda.threadIdx.x, count, THREADS):
            deviation = x[first + reduced(r)] - average
            spread += deviation * deviation
        spread = block_sum(spread, totals) * share
        if cuda.threadIdx.x == 0:
            mean[group] = average
            variance[group] = spread

    return moments_block


@functools.cache
def make_dots(kept, reduced, weight):
    """Of each group the sum of g and of g x_hat, with g = dy * gamma[weight(r)]; weight None: g = dy."""
    scaled = scaler(reduced, weight)

    @cuda.jit
    def dots_block(dy, x_hat, gamma, sums, dots, count):
        group, first = cuda.blockIdx.x, kept(cuda.blockIdx.x)
        totals = cuda.shared.array(WARPS, float32)
        total, dot = float32(0), float32(0)
        for r in range(cuda.threadIdx.x, count, THREADS):
            i = first + reduced(r)
            g = scaled(dy[i], gamma, r)
            total += g
            dot += g * x_hat[i]
        total = block_sum(total, totals)
        dot = block_sum(dot, totals)
        if cuda.threadIdx.x == 0:
            sums[group] = total
            dots[group] = dot

    return dots_block


def moments(groups: Layout, x, mean, variance, on: str | None) -> None:
    """One block a group, over flat arrays."""
    launch(make_moments(*groups.places()), groups.results, THREADS, x, mean, variance, 1.0 / groups.count, groups.count,
           on=on)


def dots(groups: Layout, dy, x_hat, gamma, sums, products, on: str | None, weight=None) -> None:
    """One block a group, over flat arrays."""
    launch(make_dots(*groups.places(), weight), groups.results, THREADS, dy, x_hat, gamma, sums, products, groups.count,
           on=on)


SUMS = Sums(moments, dots)
CLAIMS = Claims(registers=48, lacks=("LDL", "STL"))
_MOMENTS = Build(make_moments(*PLACES), (FLAT, FLAT, FLAT, float32, int32), CLAIMS)
_DOTS = Build(make_dots(*PLACES, None), (FLAT,) * 5 + (int32,), CLAIMS)
RUNGS = rungs_of("r2_block", "one block a group, by shuffles", SUMS, cells.builds((_MOMENTS,), (_DOTS,)))
