"""reduce r5: many blocks share one result, in two passes that always add in the same order.

Pass 1: block (k, part) owns its part of the elements of result k and writes partial[part, k]. Pass 2 is r4's column
kernel, which reduces the partials. Where results are many enough to fill a GPU, one pass is left, and r5 is r4.
Change from r4: a full sum of ten million numbers is one block in r4, on one of a hundred multiprocessors. A grid cannot
wait for its blocks in the middle of a kernel, so the partials go through memory and a second kernel. No atomics: every
run gives the same digits.
Operations as r4, and parts more a result. Bytes 4 N + 8 parts results, with parts * results about BLOCKS.
Claims: LDG.E.128 for rows, no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32, uint32
from cuda_kernels.intrinsics import ld4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import PLANNED_FOR, blocks_for, empty, is_aligned, launch

from . import r4_wide
from .host import COMBINE, Layout, layout, reduction
from .r3_shuffle import THREADS, WARPS, block_reducer
from .r4_wide import COLUMNS, make_columns

BLOCKS = 8 * PLANNED_FOR.multiprocessors  # eight blocks on each multiprocessor of an H100
LEAST = 4096  # elements a part: less work than that is not worth a second kernel


@functools.cache
def make_rows(op: str):
    """Pass 1 for rows of 4 * quads elements: block (k, part) reduces quads_a_part of them."""
    two, nothing = COMBINE[op]
    reduce_block = block_reducer(op)

    @cuda.jit
    def reduce_rows_in_parts(x, partial, quads, quads_a_part, results):
        totals = cuda.shared.array(WARPS, float32)
        first, part = uint32(cuda.blockIdx.x) * uint32(quads), cuda.blockIdx.y
        total = nothing
        for q in range(part * quads_a_part + cuda.threadIdx.x, min(quads, (part + 1) * quads_a_part), THREADS):
            a, b, c, d = ld4(x, uint32(4) * (first + uint32(q)))
            total = two(total, two(two(a, b), two(c, d)))
        total = reduce_block(total, totals)
        if cuda.threadIdx.x == 0:
            partial[part * results + cuda.blockIdx.x] = total

    return reduce_rows_in_parts


@functools.cache
def make_any(op: str, kept, reduced):
    """Pass 1 for any axes: block (k, part) reduces cells_a_part of the cells of result k."""
    two, nothing = COMBINE[op]
    reduce_block = block_reducer(op)

    @cuda.jit
    def reduce_in_parts(x, partial, count, cells_a_part, results):
        totals = cuda.shared.array(WARPS, float32)
        first, part = kept(cuda.blockIdx.x), cuda.blockIdx.y
        total = nothing
        for r in range(part * cells_a_part + cuda.threadIdx.x, min(count, (part + 1) * cells_a_part), THREADS):
            total = two(total, x[first + reduced(r)])
        total = reduce_block(total, totals)
        if cuda.threadIdx.x == 0:
            partial[part * results + cuda.blockIdx.x] = total

    return reduce_in_parts


def parts_of(found: Layout, blocks: int = BLOCKS, least: int = LEAST) -> int:
    """How many parts the elements of one result are split into: enough to make `blocks` blocks, not too small."""
    blocks_a_part = blocks_for(found.results, COLUMNS) if found.kind == "columns" else found.results
    smallest = max(1, least // COLUMNS) if found.kind == "columns" else least
    return max(1, min(blocks // blocks_a_part, found.count // smallest, 65535))


def apply(op: str, found: Layout, x, y, scale: float, *, on: str | None, blocks: int = BLOCKS,
          least: int = LEAST) -> None:
    """Launch a reduction over flat arrays."""
    parts = parts_of(found, blocks, least)
    if parts == 1:
        r4_wide.apply(op, found, x, y, scale, on=on)
        return
    results, count = found.results, found.count
    partial = empty(parts * results, like=x)
    if found.kind == "rows" and count % 4 == 0 and is_aligned(x):
        quads = count // 4
        launch(make_rows(op), (results, parts), THREADS, x, partial, quads, blocks_for(quads, parts), results, on=on)
    elif found.kind == "columns":
        launch(make_columns(op), (blocks_for(results, COLUMNS), parts), (COLUMNS, WARPS), x, partial, 1.0, count,
               results, blocks_for(count, parts), on=on)
    else:
        launch(make_any(op, *found.places()), (results, parts), THREADS, x, partial, count, blocks_for(count, parts),
               results, on=on)
    launch(make_columns(op), blocks_for(results, COLUMNS), (COLUMNS, WARPS), partial, y, scale, parts, results, parts,
           on=on)


CLAIMS = Claims(registers=40, lacks=("LDL", "STL"))
WIDE = Claims(registers=40, contains=("LDG.E.128",), lacks=("LDL", "STL"))
_PLACES = layout("reduce", (2, 3, 4), (0, 2)).places()
RUNGS = tuple(
    Rung(op=op, name="r5_two_pass", change="many blocks a result: partials, then a second kernel; the same digits",
         run=reduction(op, apply),
         builds=(Build(make_rows(op), (FLAT, FLAT, int32, int32, int32), WIDE),
                 Build(make_any(op, *_PLACES), (FLAT, FLAT, int32, int32, int32), CLAIMS)))
    for op in COMBINE
)
