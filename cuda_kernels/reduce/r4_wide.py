"""reduce r4: reads that suit the memory: 16 bytes a thread along rows, 32 neighbouring columns a warp down columns.

Rows (the last axes are reduced): one block owns y[k], as in r3, and each thread adds up four neighbours a load.
Columns (the first axes are reduced, as in a bias gradient): one block owns 32 neighbouring results; lane = column, and
the block's WARPS warps take every WARPS-th row. Their totals meet in shared memory.
Change from r3: there, a thread reads 4 bytes a load, and the threads of a block that reduces columns are whole rows
apart: each drags in a 32-byte sector to use 4 bytes of it. Here every byte of every sector is used.
Other axes, and rows that are no multiple of four, go to r3.
Operations as r3. Bytes 4 N loaded, 4 results stored.
Claims: LDG.E.128 for rows; no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32, uint32
from cuda_kernels.intrinsics import ld4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, is_aligned, launch

from . import r3_shuffle
from .host import COMBINE, Layout, reduction
from .r3_shuffle import THREADS, WARPS, block_reducer

COLUMNS = 32  # a warp's lanes lie along the columns
CELLS = WARPS * COLUMNS


@functools.cache
def make_rows(op: str):
    """The kernel for rows of 4 * quads elements."""
    two, nothing = COMBINE[op]
    reduce_block = block_reducer(op)

    @cuda.jit
    def reduce_rows_wide(x, y, scale, quads):
        totals = cuda.shared.array(WARPS, float32)
        first = uint32(cuda.blockIdx.x) * uint32(quads)
        total = nothing
        for q in range(cuda.threadIdx.x, quads, THREADS):
            a, b, c, d = ld4(x, uint32(4) * (first + uint32(q)))
            total = two(total, two(two(a, b), two(c, d)))
        total = reduce_block(total, totals)
        if cuda.threadIdx.x == 0:
            y[cuda.blockIdx.x] = total * scale

    return reduce_rows_wide


@functools.cache
def make_columns(op: str):
    """The kernel for x (rows, columns), of which the rows first_row … are reduced; blockIdx.y names a part of them.

    y[part, column] is the total of `rows_a_part` rows; r4 has one part.
    """
    two, nothing = COMBINE[op]

    @cuda.jit
    def reduce_columns(x, y, scale, rows, columns, rows_a_part):
        lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
        column, part = cuda.blockIdx.x * COLUMNS + lane, cuda.blockIdx.y
        totals = cuda.shared.array(CELLS, float32)
        total = nothing
        if column < columns:
            for row in range(part * rows_a_part + warp, min(rows, (part + 1) * rows_a_part), WARPS):
                total = two(total, x[uint32(row) * uint32(columns) + uint32(column)])
        totals[warp * COLUMNS + lane] = total
        cuda.syncthreads()
        if warp == 0 and column < columns:
            for other in range(1, WARPS):
                total = two(total, totals[other * COLUMNS + lane])
            y[part * columns + column] = total * scale

    return reduce_columns


def apply(op: str, found: Layout, x, y, scale: float, *, on: str | None) -> None:
    """Launch a reduction over flat arrays."""
    if found.kind == "rows" and found.count % 4 == 0 and is_aligned(x):
        launch(make_rows(op), found.results, THREADS, x, y, scale, found.count // 4, on=on)
    elif found.kind == "columns":
        launch(make_columns(op), blocks_for(found.results, COLUMNS), (COLUMNS, WARPS), x, y, scale, found.count,
               found.results, found.count, on=on)
    else:
        r3_shuffle.apply(op, found, x, y, scale, on=on)


CLAIMS = Claims(registers=40, lacks=("LDL", "STL"))
WIDE = Claims(registers=40, contains=("LDG.E.128",), lacks=("LDL", "STL"))
RUNGS = tuple(
    Rung(op=op, name="r4_wide", change="16-byte loads along rows, neighbouring columns a warp down columns",
         run=reduction(op, apply),
         builds=(Build(make_rows(op), (FLAT, FLAT, float32, int32), WIDE),
                 Build(make_columns(op), (FLAT, FLAT, float32, int32, int32, int32), CLAIMS)))
    for op in COMBINE
)
