"""softmax r2: one warp, one row; maximum and sum in one walk.

One warp owns a row: lane l has the classes l, l + 32, …; a block owns WARPS rows, the grid covers the rows.
Change from r1: (1) a warp reads 32 neighbours of a row; (2) the sum is kept relative to the largest value *so far*, and
corrected whenever a larger one comes:
    m' = max(m, x),   s' = s exp(m - m') + exp(x - m')
Two such pairs are joined the same way, so the lanes' pairs become one by five exchanges. The row is read twice, not
three times. (Milakov & Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867.)
Bytes 8 rows C loaded, 4 rows C stored; the fused cross-entropy stores 4 rows more.
Claims: SHFL.BFLY, no local memory.
"""
import functools
import math

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.intrinsics import FULL_WARP, warp_sum
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import blocks_for, launch

from .host import LABELS, Rows, first_of, rungs_of

WARPS = 4  # rows a block
LOWEST = np.float32(-3.4028235e38)  # not -inf: exp(-inf - -inf) is NaN


@cuda.jit(device=True)
def join(largest, total, other_largest, other_total):
    """Two (maximum, sum relative to it) as one."""
    top = max(largest, other_largest)
    return top, total * math.exp(largest - top) + other_total * math.exp(other_largest - top)


@cuda.jit(device=True)
def summarise(x, first, classes, step, lane):
    """The maximum of a row and the sum of exp(x - maximum), in every lane."""
    largest, total = LOWEST, float32(0)
    for c in range(lane, classes, 32):
        largest, total = join(largest, total, x[first + c * step], float32(1))
    for distance in (16, 8, 4, 2, 1):
        other_largest = cuda.shfl_xor_sync(FULL_WARP, largest, distance)
        other_total = cuda.shfl_xor_sync(FULL_WARP, total, distance)
        largest, total = join(largest, total, other_largest, other_total)
    return largest, total


@functools.cache
def make_forward(log: bool):
    """Softmax, or its logarithm."""
    @cuda.jit
    def softmax_online(x, y, rows, classes, step):
        lane, row = cuda.threadIdx.x, cuda.blockIdx.x * WARPS + cuda.threadIdx.y
        if row < rows:  # a whole warp, or none of it
            first = first_of(row, classes, step)
            largest, total = summarise(x, first, classes, step, lane)
            shift = math.log(total)
            for c in range(lane, classes, 32):
                i = first + c * step
                if log:
                    y[i] = x[i] - largest - shift
                else:
                    y[i] = math.exp(x[i] - largest) / total

    return softmax_online


@functools.cache
def make_backward(log: bool):
    """Of softmax, dx = y (dy - sum dy y), of its logarithm dx = dy - exp(y) sum dy."""
    @cuda.jit
    def softmax_backward_warp(dy, y, dx, rows, classes, step):
        lane, row = cuda.threadIdx.x, cuda.blockIdx.x * WARPS + cuda.threadIdx.y
        if row < rows:
            first = first_of(row, classes, step)
            total = float32(0)
            for c in range(lane, classes, 32):
                i = first + c * step
                if log:
                    total += dy[i]
                else:
                    total += dy[i] * y[i]
            total = warp_sum(total)
            for c in range(lane, classes, 32):
                i = first + c * step
                if log:
                    dx[i] = dy[i] - math.exp(y[i]) * total
                else:
                    dx[i] = y[i] * (dy[i] - total)

    return softmax_backward_warp


@cuda.jit
def crossentropy_online(labels, logits, loss, log_p, rows, classes):
    """Fused: log-probabilities and the loss of each row, in the same two walks."""
    lane, row = cuda.threadIdx.x, cuda.blockIdx.x * WARPS + cuda.threadIdx.y
    if row < rows:
        first, label = row * classes, labels[row]
        largest, total = summarise(logits, first, classes, 1, lane)
        shift = math.log(total)
        for c in range(lane, classes, 32):
            value = logits[first + c] - largest - shift
            log_p[first + c] = value
            if c == label:
                loss[row] = -value
        if label < 0 and lane == 0:
            loss[row] = float32(0)


def apply_forward(log: bool, rows: Rows, x, y, *, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_forward(log), blocks_for(rows.rows, WARPS), (32, WARPS), x, y, *rows, on=on)


def apply_backward(log: bool, rows: Rows, dy, y, dx, *, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_backward(log), blocks_for(rows.rows, WARPS), (32, WARPS), dy, y, dx, *rows, on=on)


def apply_sparse(rows: int, classes: int, labels, logits, loss, log_p, *, on: str | None) -> None:
    """One kernel."""
    launch(crossentropy_online, blocks_for(rows, WARPS), (32, WARPS), labels, logits, loss, log_p, rows, classes, on=on)


CLAIMS = Claims(registers=64, contains=("SHFL.BFLY",), lacks=("LDL", "STL"))
RUNGS = rungs_of(
    "r2_online", "one warp a row; maximum and sum in one walk", (apply_forward, apply_backward, apply_sparse),
    lambda log: (Build(make_forward(log), (FLAT, FLAT, int32, int32, int32), CLAIMS),),
    lambda log: (Build(make_backward(log), (FLAT, FLAT, FLAT, int32, int32, int32), CLAIMS),),
    Build(crossentropy_online, (LABELS, FLAT, FLAT, FLAT, int32, int32), CLAIMS))
