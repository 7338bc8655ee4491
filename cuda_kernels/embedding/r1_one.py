"""embedding r1: one thread, one number of one row; gradients meet by atomics.

Forward: one thread owns y[i, d] and fetches table[ids[i], d]; neighbours in a warp are neighbours in a row. Backward:
one thread owns dy[i, d] and adds it to d_table[ids[i], d]. A row that was looked up k times receives k additions, in
whatever order: hence atomics, and last digits that may differ from run to run. A block owns THREADS, the grid covers y.
Bytes, of N = I D numbers: 8 N loaded (each thread reads its id), 4 N stored; backward 8 N loaded and N atomics.
Claims: no local memory.
"""
import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch, zeros

from .host import backward, forward

THREADS = 256


@cuda.jit
def gather_one(ids, table, y, features, size):
    """y[i, d] = table[ids[i], d]."""
    n = cuda.grid(1)
    if n < size:
        i, d = n // features, n % features
        y[n] = table[ids[i] * features + d]


@cuda.jit
def scatter_add_one(ids, dy, d_table, features, size):
    """d_table[ids[i], d] += dy[i, d]."""
    n = cuda.grid(1)
    if n < size:
        i, d = n // features, n % features
        cuda.atomic.add(d_table, ids[i] * features + d, dy[n])


def apply_forward(ids, table, y, features: int, *, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(gather_one, blocks_for(y.size, THREADS), THREADS, ids, table, y, features, y.size, on=on)


def apply_backward(ids, dy, rows: int, features: int, *, on: str | None):
    """Launch over flat arrays; returns the table's gradient."""
    d_table = zeros(rows * features, np.float32, like=dy)
    launch(scatter_add_one, blocks_for(dy.size, THREADS), THREADS, ids, dy, d_table, features, dy.size, on=on)
    return d_table


CLAIMS = Claims(registers=32, lacks=("LDL", "STL"))
RUNGS = (
    Rung(op="embedding", name="r1_one", change="one thread a number", run=forward(apply_forward),
         builds=(Build(gather_one, (int32[::1], float32[::1], float32[::1], int32, int32), CLAIMS),)),
    Rung(op="embedding_backward", name="r1_one", change="one thread a number, atomics",
         run=backward(apply_backward),
         builds=(Build(scatter_add_one, (int32[::1], float32[::1], float32[::1], int32, int32), CLAIMS),)),
)
