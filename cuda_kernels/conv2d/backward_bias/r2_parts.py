"""conv2d_backward_bias r2: blocks share the rows out among themselves, and a second kernel adds their sums.

One block owns a part of the rows and 32 channels: its 8 warps take every eighth row, and meet in shared memory. The
grid covers the channels (y) and the parts (x). The second kernel, `split.add_parts`, adds the parts in a fixed order.
Change from r1: hundreds of blocks instead of a few threads, and short sums, which also lose fewer digits.
Operations M K. Bytes 4 M K loaded, and 8 parts K for the parts.
Claims: no local memory.
"""
from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch

from .. import split
from .r1_column import checked

CHANNELS = 32  # a block: one warp reads 128 bytes of a row
WARPS = 8


@cuda.jit
def bias_parts(dy, partial, rows, channels, share):
    """partial[part, k] = the sum of dy[row, k] over the part's `share` rows."""
    lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
    k = cuda.blockIdx.y * CHANNELS + lane
    begin = cuda.blockIdx.x * share
    sums = cuda.shared.array((WARPS, CHANNELS), float32)
    total = float32(0)
    if k < channels:
        for row in range(begin + warp, min(begin + share, rows), WARPS):
            total += dy[row * channels + k]
    sums[warp, lane] = total
    cuda.syncthreads()
    if warp == 0 and k < channels:
        for other in range(1, WARPS):
            total += sums[other, lane]
        partial[cuda.blockIdx.x * channels + k] = total


def conv2d_backward_bias(dy, *, out=None, on: str | None = None):
    """Return db (K,), the sum of dy (..., K) over all axes but the last; see `r1_column.conv2d_backward_bias`."""
    dy, db = checked(dy, out)
    channels = db.size
    rows, across = dy.size // channels, blocks_for(channels, CHANNELS)
    share = blocks_for(rows, split.parts_for(across, rows))
    parts = blocks_for(rows, share)
    partial = split.room_for_parts(db, parts)
    launch(bias_parts, (parts, across), (CHANNELS, WARPS), dy, partial.reshape(-1), rows, channels, share, on=on)
    split.add_up(partial, db, on=on)
    return db


RUNG = Rung(
    op="conv2d_backward_bias", name="r2_parts", run=conv2d_backward_bias,
    change="blocks for parts of the rows, whose sums a second kernel adds",
    builds=(Build(bias_parts, args=(float32[::1], float32[::1], int32, int32, int32), claims=Claims(registers=40)),
            split.ADDING))
