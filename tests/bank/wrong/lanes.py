"""Wrong kernels: a shuffle or a vote that counts on a lane which is not there."""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import values

from ..entry import wrong

FULL_MASK = 0xFFFFFFFF


def rows() -> tuple:
    """Two rows of 32 values and an output for each."""
    return values(100, 2, 32), np.zeros(2, np.float32)


def vector() -> tuple:
    """64 values and as many outputs."""
    return values(101, 64), np.zeros(64, np.float32)


@wrong(2, 32, rows)
@cuda.jit
def shuffle_inside_a_branch(x, out):
    """Only the lower half enters, and then asks the upper half for its values."""
    lane = cuda.threadIdx.x
    total = x[cuda.blockIdx.x, lane]
    if lane < 16:
        total += cuda.shfl_down_sync(FULL_MASK, total, 16)  # <- fault: inactive-lane
    if lane == 0:
        out[cuda.blockIdx.x] = total


@wrong(1, 64, lambda: (values(102, 50), np.zeros(1, np.float32)))
@cuda.jit
def sum_after_an_early_return(x, out):
    """Lanes behind the end have left, and the sum of their warp still asks them."""
    i = cuda.grid(1)
    if i >= x.size:
        return
    total = x[i]
    distance = 16
    while distance > 0:
        total += cuda.shfl_down_sync(FULL_MASK, total, distance)  # <- fault: inactive-lane
        distance //= 2
    if i % 32 == 0:
        cuda.atomic.add(out, 0, total)


@wrong(2, 32, vector)
@cuda.jit
def broadcast_from_a_lane_that_skipped(x, out):
    """The odd lanes want the value of lane 0, which went the other way."""
    lane = cuda.threadIdx.x
    i = cuda.grid(1)
    value = x[i]
    if lane % 2 == 1:
        value = cuda.shfl_sync(FULL_MASK, value, 0)  # <- fault: inactive-lane
    out[i] = value


@wrong(1, 32, lambda: (values(103, 40), np.zeros(32, np.float32)))
@cuda.jit
def shuffle_in_a_ragged_loop(x, out):
    """40 elements over 32 lanes: in the second round only eight lanes are left."""
    lane = cuda.threadIdx.x
    total = float32(0)
    for i in range(lane, x.size, 32):
        total += cuda.shfl_xor_sync(FULL_MASK, x[i], 16)  # <- fault: inactive-lane
    out[lane] = total


@wrong(2, 32, lambda: (values(104, 64), np.zeros(64, np.int32)))
@cuda.jit
def vote_of_a_half_warp(x, out):
    """`all_sync` names 32 lanes, of which 20 come to vote."""
    lane = cuda.threadIdx.x
    i = cuda.grid(1)
    out[i] = 0
    if lane < 20:
        if cuda.all_sync(FULL_MASK, x[i] > float32(-9)):  # <- fault: inactive-lane
            out[i] = 1


@wrong(2, 32, vector)
@cuda.jit
def lane_outside_the_mask(x, out):
    """The mask names the lower half of the warp, the source lane lies in the upper half."""
    lane = cuda.threadIdx.x
    i = cuda.grid(1)
    value = x[i]
    if lane < 16:
        value = cuda.shfl_sync(0xFFFF, value, lane + 4)  # <- fault: inactive-lane
    out[i] = value


@wrong(1, 48, lambda: (values(105, 48), np.zeros(1, np.float32)))
@cuda.jit
def half_a_warp_at_the_end(x, out):
    """48 threads are one warp and a half: the last 16 lanes of the second do not exist."""
    thread = cuda.threadIdx.x
    total = x[thread]
    distance = 16
    while distance > 0:
        total += cuda.shfl_down_sync(FULL_MASK, total, distance)  # <- fault: inactive-lane
        distance //= 2
    if thread % 32 == 0:
        cuda.atomic.add(out, 0, total)


@wrong(2, 32, lambda: (values(106, 64), np.zeros(64, np.int32)))
@cuda.jit
def ballot_of_the_positive(x, out):
    """The ballot is taken inside the branch whose condition it should count."""
    i = cuda.grid(1)
    out[i] = 0
    if x[i] > float32(0):
        out[i] = cuda.popc(cuda.ballot_sync(FULL_MASK, True))  # <- fault: inactive-lane
