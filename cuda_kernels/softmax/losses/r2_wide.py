"""losses r2, backward: a thread owns four neighbours, in loads and stores of 16 bytes.

One thread owns d[4 n: 4 n + 4], which lie in one row; a block owns 4 THREADS cells.
Change from r1: a quarter of the threads, each with one 16-byte instruction for four of 4 bytes. The gradients of rows
that are no multiple of four long go to r1.
Bytes as r1. Claims: LDG.E.128 and STG.E.128; no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, uint32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, is_aligned, launch

from . import r1_losses
from .host import ARGS, MEANS, backward, cost_of

THREADS = 128


@functools.cache
def make_backward(slope):
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


def apply_backward(slope, dy, kept, p, d, cells: int, on: str | None) -> None:
    """Launch over flat arrays."""
    if cells % 4 or not all(is_aligned(a) for a in (kept, p, d)):
        return r1_losses.apply_backward(slope, dy, kept, p, d, cells, on)
    launch(make_backward(slope), blocks_for(d.size // 4, THREADS), THREADS, dy, kept, p, d, d.size, cells, 1.0 / cells,
           on=on)
    return None


CLAIMS = Claims(registers=64, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))
RUNGS = tuple(Rung(op=f"{op}_backward", name="r2_wide", change="four cells of a row a thread, 16 bytes an instruction",
                   run=backward(op, apply_backward),
                   builds=(Build(make_backward(cost_of(op, {}).to_pred), ARGS, CLAIMS),))
              for op in MEANS)
