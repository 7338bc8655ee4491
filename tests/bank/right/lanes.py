"""Right kernels with shuffles and votes: every lane that is asked is there."""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import values

from ..entry import right

FULL_MASK = 0xFFFFFFFF


def vector() -> tuple:
    """128 values and as many outputs."""
    return values(260, 128), np.zeros(128, np.float32)


@right(
    2,
    64,
    lambda: (values(261, 100), np.zeros(1, np.float32)),
    lambda x, out: np.allclose(out[0], x.sum(), atol=1e-4),
)
@cuda.jit
def zero_for_lanes_behind_the_end(x, out):
    """Lanes without an element bring zero and stay for the shuffles."""
    i = cuda.grid(1)
    total = x[i] if i < x.size else float32(0)
    distance = 16
    while distance > 0:
        total += cuda.shfl_down_sync(FULL_MASK, total, distance)
        distance //= 2
    if i % 32 == 0:
        cuda.atomic.add(out, 0, total)


@right(4, 64, vector, lambda x, out: np.allclose(out[::32], x.reshape(4, 32).max(axis=1)), outputs=())
@cuda.jit
def warps_behind_the_end_leave(x, out):
    """Whole warps return early; those that stay are full."""
    i = cuda.grid(1)
    if i // 32 * 32 >= x.size:
        return
    largest = x[i]
    for step in range(5):
        largest = max(largest, cuda.shfl_xor_sync(FULL_MASK, largest, 1 << step))
    if cuda.laneid == 0:
        out[i] = largest


@right(
    2,
    64,
    vector,
    lambda x, out: np.allclose(
        out.reshape(4, 32)[::2], np.repeat(x.reshape(4, 32)[::2].sum(axis=1), 32).reshape(2, 32), atol=1e-4
    ),
    outputs=(),
)
@cuda.jit
def one_warp_takes_the_branch(x, out):
    """The branch is uniform within each warp, so that all of its lanes meet the shuffle."""
    i = cuda.grid(1)
    if cuda.threadIdx.x < 32:
        total = x[i]
        for step in range(5):
            total += cuda.shfl_xor_sync(FULL_MASK, total, 16 >> step)
        out[i] = total


@right(
    2,
    64,
    vector,
    lambda x, out: np.allclose(
        out.reshape(4, 2, 16)[:, 0],
        np.repeat(x.reshape(4, 2, 16)[:, 0].sum(axis=1), 16).reshape(4, 16),
        atol=1e-4,
    ),
    outputs=(),
)
@cuda.jit
def half_a_warp_under_its_own_mask(x, out):
    """The mask names the 16 lanes that are here, and a butterfly stays among them."""
    i = cuda.grid(1)
    if i % 32 < 16:
        total = x[i]
        distance = 8
        while distance > 0:
            total += cuda.shfl_xor_sync(0xFFFF, total, distance)
            distance //= 2
        out[i] = total


@right(2, 64, vector, lambda x, out: np.allclose(out, x.reshape(4, 32).cumsum(axis=1).ravel(), atol=1e-4))
@cuda.jit
def scan_by_shuffles(x, out):
    """All lanes shuffle; a guard decides afterwards who uses what came."""
    i = cuda.grid(1)
    lane = i % 32
    total = x[i]
    distance = 1
    while distance < 32:
        left = cuda.shfl_up_sync(FULL_MASK, total, distance)
        if lane >= distance:
            total += left
        distance *= 2
    out[i] = total


@right(2, 64, vector, lambda x, out: np.array_equal(out, np.repeat(x[3::32], 32)))
@cuda.jit
def broadcast_by_a_shuffle(x, out):
    """All lanes take the value of lane 3."""
    i = cuda.grid(1)
    out[i] = cuda.shfl_sync(FULL_MASK, x[i], 3)


@right(
    1,
    32,
    lambda: (values(262, 32), np.zeros(32, np.float32), np.zeros(1, np.int32)),
    lambda x, out, count: np.array_equal(out[: count[0]], x[x > 0]),
    outputs=("count",),
)
@cuda.jit
def compact_by_ballot(x, out, count):
    """A lane's place among the chosen is the number of chosen lanes before it: the ballot is met by all."""
    lane = cuda.threadIdx.x
    chosen = x[lane] > float32(0)
    votes = cuda.ballot_sync(FULL_MASK, chosen)
    if chosen:
        place = cuda.popc(votes & ((1 << lane) - 1))
        out[place] = x[lane]
    if lane == 0:
        count[0] = cuda.popc(votes)


@right(
    2,
    64,
    lambda: (values(263, 128), np.zeros(128, np.int32)),
    lambda x, out: np.array_equal(
        out, np.repeat(2 * (x.reshape(4, 32) > 1).any(axis=1) + (x.reshape(4, 32) > -2).all(axis=1), 32)
    ),
)
@cuda.jit
def any_and_all(x, out):
    """Two votes of the whole warp, side by side."""
    i = cuda.grid(1)
    some = cuda.any_sync(FULL_MASK, x[i] > float32(1))
    every = cuda.all_sync(FULL_MASK, x[i] > float32(-2))
    result = 0
    if some:
        result += 2
    if every:
        result += 1
    out[i] = result


@right(
    1,
    128,
    lambda: (values(264, 1000), np.zeros(1, np.float32)),
    lambda x, out: np.allclose(out[0], x.sum(), atol=1e-3),
)
@cuda.jit
def ragged_loop_then_full_shuffle(x, out):
    """The loop is ragged, the shuffles come after it, when all lanes are back."""
    thread = cuda.threadIdx.x
    by_warp = cuda.shared.array(4, float32)
    total = float32(0)
    for i in range(thread, x.size, cuda.blockDim.x):
        total += x[i]
    for step in range(5):
        total += cuda.shfl_down_sync(FULL_MASK, total, 16 >> step)
    if thread % 32 == 0:
        by_warp[thread // 32] = total
    cuda.syncthreads()
    if thread == 0:
        out[0] = by_warp[0] + by_warp[1] + by_warp[2] + by_warp[3]


@right(
    2,
    48,
    lambda: (values(265, 96), np.zeros(96, np.float32)),
    lambda x, out: np.array_equal(out.reshape(-1, 2), x.reshape(-1, 2)[:, ::-1]),
)
@cuda.jit
def pairs_in_a_warp_and_a_half(x, out):
    """48 threads: the second warp has 16 lanes, and a pair never reaches beyond them."""
    i = cuda.grid(1)
    mask = 0xFFFFFFFF if cuda.threadIdx.x < 32 else 0xFFFF
    out[i] = cuda.shfl_xor_sync(mask, x[i], 1)
