"""normalization r1: one thread makes the sums of one group, then one thread an element normalizes.

Group = what shares a mean: a channel (batch norm) or a sample (layer norm). One thread owns a group's sums and walks it
twice, for the mean and for the squared deviations from it (in one walk, E[x^2] - E[x]^2 loses all digits where the mean
is large); a second kernel has one thread an element. For batch norm, neighbouring threads are neighbouring channels and
share sectors, but there are only C of them.
Bytes of the forward, N elements: 12 N loaded, 8 N stored (y and x_hat).
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.reduce.host import Layout

from . import cells
from .host import PLACES, Sums, rungs_of

THREADS = 128


@functools.cache
def make_moments(kept, reduced):
    """Mean and variance of each group, in two walks: the mean first, then the squared deviations from it."""
    @cuda.jit
    def moments_serial(x, mean, variance, share, count):
        group = cuda.grid(1)
        if group < mean.size:
            first, total = kept(group), float32(0)
            for r in range(count):
                total += x[first + reduced(r)]
            average, spread = total * share, float32(0)
            for r in range(count):
                deviation = x[first + reduced(r)] - average
                spread += deviation * deviation
            mean[group] = average
            variance[group] = spread * share

    return moments_serial


@functools.cache
def scaler(reduced, weight):
    """A device function `scaled(dy, gamma, r)` = dy gamma[weight(r)]; weight None: dy."""
    weighted = weight is not None
    place = weight if weighted else reduced

    @cuda.jit(device=True)
    def scaled(dy, gamma, r):
        return dy * gamma[place(r)] if weighted else dy

    return scaled


@functools.cache
def make_dots(kept, reduced, weight):
    """Of each group the sum of g and of g x_hat, with g = dy * gamma[weight(r)]; weight None: g = dy."""
    scaled = scaler(reduced, weight)

    @cuda.jit
    def dots_serial(dy, x_hat, gamma, sums, dots, count):
        group = cuda.grid(1)
        if group < sums.size:
            first, total, dot = kept(group), float32(0), float32(0)
            for r in range(count):
                i = first + reduced(r)
                g = scaled(dy[i], gamma, r)
                total += g
                dot += g * x_hat[i]
            sums[group] = total
            dots[group] = dot

    return dots_serial


def moments(groups: Layout, x, mean, variance, on: str | None) -> None:
    """One thread a group, over flat arrays."""
    launch(make_moments(*groups.places()), blocks_for(groups.results, THREADS), THREADS, x, mean, variance,
           1.0 / groups.count, groups.count, on=on)


def dots(groups: Layout, dy, x_hat, gamma, sums, products, on: str | None, weight=None) -> None:
    """One thread a group, over flat arrays."""
    launch(make_dots(*groups.places(), weight), blocks_for(groups.results, THREADS), THREADS, dy, x_hat, gamma, sums,
           products, groups.count, on=on)


SUMS = Sums(moments, dots)
CLAIMS = Claims(registers=48, lacks=("LDL", "STL"))
_MOMENTS = Build(make_moments(*PLACES), (FLAT, FLAT, FLAT, float32, int32), CLAIMS)
_DOTS = Build(make_dots(*PLACES, None), (FLAT,) * 5 + (int32,), CLAIMS)
RUNGS = rungs_of("r1_serial", "one thread a group makes its sums", SUMS, cells.builds((_MOMENTS,), (_DOTS,)))
