"""losses r2, forward: a warp owns a row.

The lanes of a warp walk a row side by side and add up by shuffles; a block owns WARPS rows, the grid covers them.
Change from r1: there, the lanes of a warp read cells a row apart; here they read neighbours. Rows under LEAST cells
would leave most lanes idle and go to r1.
Bytes as r1. Claims: SHFL.BFLY, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.intrinsics import warp_sum
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch

from . import r1_losses
from .host import ARGS, MEANS, Cost, cost_of, forward

THREADS = 128
WARPS = THREADS // 32  # rows a block
LEAST = 16  # cells of a row


@functools.cache
def make_forward(costs: Cost):
    """loss[row] = mean cost; kept[i] for every cell."""
    keep, cost = costs.keep, costs.cost

    @cuda.jit
    def mean_cost_warp(y_true, y_pred, loss, kept, rows, cells, share):
        row, lane = cuda.blockIdx.x * WARPS + cuda.threadIdx.x // 32, cuda.threadIdx.x % 32
        if row < rows:
            total = float32(0)
            for c in range(lane, cells, 32):
                i = row * cells + c
                value = keep(y_true[i], y_pred[i])
                kept[i] = value
                total += cost(value, y_pred[i])
            total = warp_sum(total)
            if lane == 0:
                loss[row] = total * share

    return mean_cost_warp


def apply_forward(costs: Cost, t, p, loss, kept, cells: int, on: str | None) -> None:
    """Launch over flat arrays."""
    if cells < LEAST:
        return r1_losses.apply_forward(costs, t, p, loss, kept, cells, on)
    launch(make_forward(costs), blocks_for(loss.size, WARPS), THREADS, t, p, loss, kept, loss.size, cells, 1.0 / cells,
           on=on)
    return None


CLAIMS = Claims(registers=64, contains=("SHFL.BFLY",), lacks=("LDL", "STL"))
RUNGS = tuple(Rung(op=op, name="r2_warp", change="a warp owns a row, its lanes read neighbours",
                   run=forward(op, apply_forward), builds=(Build(make_forward(cost_of(op, {})), ARGS, CLAIMS),))
              for op in MEANS)
