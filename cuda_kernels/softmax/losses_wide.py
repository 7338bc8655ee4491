"""losses r2: a warp owns a row forward; backward, a thread owns four neighbours, in loads and stores of 16 bytes.

Forward, the lanes of a warp walk a row side by side and add up by shuffles; a block owns WARPS rows, the grid covers
them. Backward, one thread owns d[4 n: 4 n + 4], which lie in one row; a block owns 4 THREADS cells.
Change from r1: there, the lanes of a warp read cells a row apart; here they read neighbours. Rows under LEAST cells
would leave most lanes idle and go to r1, and so do the gradients of rows that are no multiple of four long.
Bytes as r1. Claims: SHFL.BFLY; LDG.E.128 and STG.E.128; no local memory.
"""
from __future__ import annotations

import functools
from typing import Any

from cuda_kernels._cuda import cuda, float32, uint32
from cuda_kernels.intrinsics import ld4, st4, warp_sum
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, is_aligned, launch

from . import losses
from .losses import ARGS, MEANS, Cost, cost_of

THREADS = 128
WARPS = THREADS // 32  # rows a block
LEAST = 16  # cells of a row


@functools.cache
def make_forward(costs: Cost) -> Any:
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


@functools.cache
def make_backward(slope: Any) -> Any:
    """d[i] = dy[row] / D * slope(kept[i], y_pred[i]) for four cells of a row."""
    @cuda.jit
    def mean_cost_backward_wide(dy, kept, y_pred, d, size, cells, share):
        i = uint32(4) * uint32(cuda.grid(1))
        if i < uint32(size):
            g = dy[i // uint32(cells)] * share
            k0, k1, k2, k3 = ld4(kept, i)
            p0, p1, p2, p3 = ld4(y_pred, i)
            st4(d, i, (g * slope(k0, p0), g * slope(k1, p1), g * slope(k2, p2), g * slope(k3, p3)))

    return mean_cost_backward_wide


def apply_forward(costs: Cost, t: Any, p: Any, loss: Any, kept: Any, cells: int, on: str | None) -> None:
    """Launch over flat arrays."""
    if cells < LEAST:
        return losses.apply_forward(costs, t, p, loss, kept, cells, on)
    launch(make_forward(costs), blocks_for(loss.size, WARPS), THREADS, t, p, loss, kept, loss.size, cells, 1.0 / cells,
           on=on)
    return None


def apply_backward(slope: Any, dy: Any, kept: Any, p: Any, d: Any, cells: int, on: str | None) -> None:
    """Launch over flat arrays."""
    if cells % 4 or not all(is_aligned(a) for a in (kept, p, d)):
        return losses.apply_backward(slope, dy, kept, p, d, cells, on)
    launch(make_backward(slope), blocks_for(d.size // 4, THREADS), THREADS, dy, kept, p, d, d.size, cells, 1.0 / cells,
           on=on)
    return None


SUMS = Claims(registers=64, contains=("SHFL.BFLY",), lacks=("LDL", "STL"))
WIDE = Claims(registers=64, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))
RUNGS = (
    *(Rung(op=op, name="r2_warp", change="a warp owns a row, its lanes read neighbours",
           run=losses.forward(op, apply_forward), builds=(Build(make_forward(cost_of(op, {})), ARGS, SUMS),))
      for op in MEANS),
    *(Rung(op=f"{op}_backward", name="r2_wide", change="four cells of a row a thread, 16 bytes an instruction",
           run=losses.backward(op, apply_backward), builds=(Build(make_backward(cost_of(op, {}).to_pred), ARGS, WIDE),))
      for op in MEANS),
)
