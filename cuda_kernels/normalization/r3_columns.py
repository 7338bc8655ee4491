"""batch_norm r3: the sums of all channels from whole rows, the rows shared among the blocks; one walk for both moments.

One block of 256 threads owns `width` neighbouring channels and one part of the rows: thread (line, lane) walks the rows
line, line + lines, … of channel `lane`, so that a warp reads neighbours. The threads of a channel are merged in shared
memory, and the parts by a second kernel, in a fixed order: every run gives the same digits.
Change from r2: there a block owned one channel, whose values lie C apart: a warp asked for 32 sectors to use 4 bytes of
each, and small C left most of the GPU idle. Here a warp reads 128 bytes of a row, and the parts fill the GPU for any C.
Moments take one walk over x in place of two, and lose no digits. They are merged as Chan, Golub and LeVeque do: of two
samples with counts a and b, means and sums of squared deviations,

    mean = mean_a + (mean_b - mean_a) b / (a + b),   spread = spread_a + spread_b + (mean_b - mean_a)^2 a b / (a + b)

and a single value is such a sample (Welford).
Bytes of the forward, N elements: 8 N loaded (r2: 12 N, and of its sectors an eighth is used), 8 N stored.
Bytes of the backward: 16 N loaded, 4 N stored. Claims: LDS, STS, no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.conv2d.split import parts_for
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import blocks_for, empty, launch
from cuda_kernels.reduce.host import Layout

from . import cells, r2_block
from .host import Sums, rungs_of

THREADS = 256
WIDEST = 32  # channels a block: 128 bytes of a row
LEAST_ROWS = 64  # of a part: a shorter one would cost more to merge than it saves


@cuda.jit(device=True)
def merged(count_a, mean_a, spread_a, count_b, mean_b, spread_b):
    """Mean and spread of two samples together; an empty second one changes nothing."""
    if count_b > float32(0):
        share = count_b / (count_a + count_b)
        apart = mean_b - mean_a
        mean_a += apart * share
        spread_a += spread_b + apart * apart * count_a * share
    return mean_a, spread_a


@functools.cache
def make_moments(width: int):
    """Mean and sum of squared deviations of each part of each channel."""
    lines = THREADS // width

    @cuda.jit
    def column_moments(x, means, spreads, rows, channels, share):
        thread = cuda.threadIdx.x
        channel, part = cuda.blockIdx.x * width + thread % width, cuda.blockIdx.y
        counts = cuda.shared.array(THREADS, float32)
        averages = cuda.shared.array(THREADS, float32)
        squares = cuda.shared.array(THREADS, float32)
        count, mean, spread = float32(0), float32(0), float32(0)
        if channel < channels:
            for row in range(part * share + thread // width, min((part + 1) * share, rows), lines):
                value = x[row * channels + channel]
                count += float32(1)
                apart = value - mean
                mean += apart / count
                spread += apart * (value - mean)
        counts[thread], averages[thread], squares[thread] = count, mean, spread
        cuda.syncthreads()
        distance = THREADS // 2
        while distance >= width:
            if thread < distance:
                other = thread + distance
                mean, spread = merged(count, mean, spread, counts[other], averages[other], squares[other])
                count += counts[other]
                counts[thread], averages[thread], squares[thread] = count, mean, spread
            cuda.syncthreads()
            distance //= 2
        if thread < width and channel < channels:
            means[part * channels + channel] = mean
            spreads[part * channels + channel] = spread

    return column_moments


@cuda.jit
def merge_moments(means, spreads, mean, variance, rows, channels, share, parts):
    """One thread a channel merges its parts."""
    channel = cuda.grid(1)
    if channel < channels:
        count, average, spread = float32(0), float32(0), float32(0)
        for part in range(parts):
            size, i = float32(min(share, rows - part * share)), part * channels + channel
            average, spread = merged(count, average, spread, size, means[i], spreads[i])
            count += size
        mean[channel] = average
        variance[channel] = spread / count


@functools.cache
def make_dots(width: int):
    """The sums of dy and of dy x_hat of each part of each channel."""
    lines = THREADS // width

    @cuda.jit
    def column_dots(dy, x_hat, sums, dots, rows, channels, share):
        thread = cuda.threadIdx.x
        channel, part = cuda.blockIdx.x * width + thread % width, cuda.blockIdx.y
        totals = cuda.shared.array(THREADS, float32)
        products = cuda.shared.array(THREADS, float32)
        total, product = float32(0), float32(0)
        if channel < channels:
            for row in range(part * share + thread // width, min((part + 1) * share, rows), lines):
                i = row * channels + channel
                total += dy[i]
                product += dy[i] * x_hat[i]
        totals[thread], products[thread] = total, product
        cuda.syncthreads()
        distance = THREADS // 2
        while distance >= width:
            if thread < distance:
                totals[thread] += totals[thread + distance]
                products[thread] += products[thread + distance]
            cuda.syncthreads()
            distance //= 2
        if thread < width and channel < channels:
            sums[part * channels + channel] = totals[thread]
            dots[part * channels + channel] = products[thread]

    return column_dots


@cuda.jit
def add_dots(sums, dots, total, product, channels, parts):
    """One thread a channel adds its parts."""
    channel = cuda.grid(1)
    if channel < channels:
        a, b = float32(0), float32(0)
        for part in range(parts):
            a += sums[part * channels + channel]
            b += dots[part * channels + channel]
        total[channel] = a
        product[channel] = b


def width_for(channels: int) -> int:
    """Channels of a block: a power of two, so that few lanes are idle where there are few channels.

    >>> width_for(1), width_for(3), width_for(100)
    (1, 4, 32)
    """
    return min(WIDEST, 1 << (channels - 1).bit_length())


def parts_of(rows: int, channels: int) -> tuple[int, int]:
    """(parts, rows of a part).

    >>> parts_of(100_000, 64), parts_of(50, 64)
    ((128, 782), (1, 50))
    """
    share = blocks_for(rows, parts_for(blocks_for(channels, width_for(channels)), rows, LEAST_ROWS))
    return blocks_for(rows, share), share


def moments(groups: Layout, x, mean, variance, on: str | None) -> None:
    """Over flat arrays; groups that are no columns are summed by blocks."""
    if groups.kind != "columns":
        return r2_block.moments(groups, x, mean, variance, on)
    rows, channels = groups.count, groups.results
    parts, share = parts_of(rows, channels)
    width = width_for(channels)
    means, spreads = empty(parts * channels, like=x), empty(parts * channels, like=x)
    launch(make_moments(width), (blocks_for(channels, width), parts), THREADS, x, means, spreads, rows, channels, share,
           on=on)
    launch(merge_moments, blocks_for(channels, THREADS), THREADS, means, spreads, mean, variance, rows, channels, share,
           parts, on=on)
    return None


def dots(groups: Layout, dy, x_hat, gamma, sums, products, on: str | None, weight=None) -> None:
    """Over flat arrays; groups that are no columns, and weighted sums, are made by blocks."""
    if groups.kind != "columns" or weight is not None:
        return r2_block.dots(groups, dy, x_hat, gamma, sums, products, on, weight)
    rows, channels = groups.count, groups.results
    parts, share = parts_of(rows, channels)
    width = width_for(channels)
    partial, partial_dots = empty(parts * channels, like=dy), empty(parts * channels, like=dy)
    launch(make_dots(width), (blocks_for(channels, width), parts), THREADS, dy, x_hat, partial, partial_dots, rows,
           channels, share, on=on)
    launch(add_dots, blocks_for(channels, THREADS), THREADS, partial, partial_dots, sums, products, channels, parts,
           on=on)
    return None


SUMS = Sums(moments, dots)
CLAIMS = Claims(registers=40, contains=("LDS", "STS"), lacks=("LDL", "STL"))
FINISH = Claims(registers=40, lacks=("LDL", "STL"))
MOMENTS = (Build(make_moments(WIDEST), (FLAT,) * 3 + (int32,) * 3, CLAIMS),
           Build(merge_moments, (FLAT,) * 4 + (int32,) * 4, FINISH))
DOTS = (Build(make_dots(WIDEST), (FLAT,) * 4 + (int32,) * 3, CLAIMS),
        Build(add_dots, (FLAT,) * 4 + (int32,) * 2, FINISH))
RUNGS = rungs_of("r3_columns", "whole rows are read, rows shared among blocks; moments in one walk", SUMS, {
    "batch_norm": (*MOMENTS, *cells.FORWARD), "batch_norm_backward": (*DOTS, *cells.BACKWARD),
    "batch_norm_inference_backward": (*DOTS, *cells.INFERENCE_BACKWARD)})
