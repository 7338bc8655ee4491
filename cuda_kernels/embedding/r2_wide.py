"""embedding r2: four numbers of a row a thread; in the backward, one thread a number of the table, and no atomics.

Forward: one thread owns y[i, 4 n: 4 n + 4]. Change from r1: one id is read for four numbers, 16 bytes an instruction.
Rows that are no multiple of four go to r1.
Backward: one thread owns d_table[v, d] and walks over all ids, adding dy[i, d] where ids[i] = v. Change from r1: every
run adds in the same order, and writes each number once. It reads the ids V times over, so it suits small tables; r1 is
the default, and this rung is for runs that must be repeatable.
Bytes: forward 4 N + N loaded, 4 N stored; backward 4 I V D + 4 N loaded, 4 V D stored.
Claims: forward LDG.E.128 and STG.E.128; no local memory.
"""
import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32, uint32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, empty, is_aligned, launch

from . import r1_one
from .host import backward, forward

THREADS = 256


@cuda.jit
def gather_wide(ids, table, y, quads, size):
    """Four numbers of y a thread; a row has `quads` fours."""
    n = uint32(cuda.grid(1))
    if n < uint32(size):
        i = n // uint32(quads)
        quad = n - i * uint32(quads)
        row = uint32(ids[i])
        st4(y, uint32(4) * n, ld4(table, uint32(4) * (row * uint32(quads) + quad)))


@cuda.jit
def collect(ids, dy, d_table, features, count, size):
    """d_table[v, d] = sum of dy[i, d] where ids[i] = v."""
    n = cuda.grid(1)
    if n < size:
        v, d = n // features, n % features
        total = float32(0)
        for i in range(count):
            if ids[i] == v:
                total += dy[i * features + d]
        d_table[n] = total


def apply_forward(ids, table, y, features: int, *, on: str | None) -> None:
    """Launch over flat arrays."""
    if features % 4 or not (is_aligned(table) and is_aligned(y)):
        r1_one.apply_forward(ids, table, y, features, on=on)
        return
    launch(gather_wide, blocks_for(y.size // 4, THREADS), THREADS, ids, table, y, features // 4, y.size // 4, on=on)


def apply_backward(ids, dy, rows: int, features: int, *, on: str | None):
    """Launch over flat arrays; returns the table's gradient."""
    d_table = empty(rows * features, np.float32, like=dy)
    launch(collect, blocks_for(d_table.size, THREADS), THREADS, ids, dy, d_table, features, ids.size, d_table.size,
           on=on)
    return d_table


IDS = int32[::1]
RUNGS = (
    Rung(op="embedding", name="r2_wide", change="four numbers a thread", run=forward(apply_forward),
         builds=(Build(gather_wide, (IDS, FLAT, FLAT, int32, int32),
                       Claims(registers=32, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))),)),
    Rung(op="embedding_backward", name="r2_wide", change="each number of the table collects its gradients, in order",
         run=backward(apply_backward), optional="slower than atomics where the table is large; always the same digits",
         builds=(Build(collect, (IDS, FLAT, FLAT, int32, int32, int32),
                       Claims(registers=40, lacks=("LDL", "STL"))),)),
)
