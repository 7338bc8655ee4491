"""reduce r3: a warp reduces in registers, by shuffles; only one value a warp goes through shared memory.

One block owns y[k], as in r2; its warps reduce by themselves, then the first warp reduces their totals.
Change from r2: `shfl_xor_sync` hands a register to another lane of the warp, without memory and without a barrier. Five
exchanges, at distances 16, 8, 4, 2, 1, leave the total in every lane; two barriers are left where r2 has nine.
Operations N + results (5 THREADS + 5 * 32): every lane takes part in all exchanges. Bytes as r2.
Claims: SHFL.BFLY, no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32, int64
from cuda_kernels.intrinsics import FULL_WARP
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import launch

from .host import AHEAD, COMBINE, LOSES_TO_ALL, Layout, argmax_of, extreme_backward, layout, reduction

THREADS = 128
WARPS = THREADS // 32  # at most 32: one warp reduces their totals


@functools.cache
def block_reducer(op: str):
    """A device function `reduce_block(total, totals)`: all threads' totals in one, in the first warp's lanes.

    totals is a shared array of WARPS values.
    """
    two, nothing = COMBINE[op]

    @cuda.jit(device=True)
    def reduce_warp(total):
        for distance in (16, 8, 4, 2, 1):
            total = two(total, cuda.shfl_xor_sync(FULL_WARP, total, distance))
        return total

    @cuda.jit(device=True)
    def reduce_block(total, totals):
        warp, lane = cuda.threadIdx.x // 32, cuda.threadIdx.x % 32
        total = reduce_warp(total)
        if lane == 0:
            totals[warp] = total
        cuda.syncthreads()
        total = totals[lane] if lane < WARPS else nothing
        return reduce_warp(total)

    return reduce_block


@functools.cache
def make_kernel(op: str, kept, reduced):
    """The kernel for these two index functions."""
    two, nothing = COMBINE[op]
    reduce_block = block_reducer(op)

    @cuda.jit
    def reduce_shuffle(x, y, scale, count):
        first = kept(cuda.blockIdx.x)
        totals = cuda.shared.array(WARPS, float32)
        total = nothing
        for r in range(cuda.threadIdx.x, count, THREADS):
            total = two(total, x[first + reduced(r)])
        total = reduce_block(total, totals)
        if cuda.threadIdx.x == 0:
            y[cuda.blockIdx.x] = total * scale

    return reduce_shuffle


@functools.cache
def make_winner(op: str, kept, reduced, backward: bool):
    """The kernel that finds the first largest (smallest) value of each result; see `r2_shared_tree.make_winner`."""
    ahead, worst = AHEAD[op], LOSES_TO_ALL[op]

    @cuda.jit(device=True)
    def winner_of_warp(value, place):
        for distance in (16, 8, 4, 2, 1):
            other = cuda.shfl_xor_sync(FULL_WARP, value, distance)
            other_place = cuda.shfl_xor_sync(FULL_WARP, place, distance)
            if ahead(other, other_place, value, place):
                value, place = other, other_place
        return value, place

    @cuda.jit(device=True)
    def find(x, first, count, values, places):
        warp, lane = cuda.threadIdx.x // 32, cuda.threadIdx.x % 32
        value, place = worst, int32(count)
        for r in range(cuda.threadIdx.x, count, THREADS):
            other = x[first + reduced(r)]
            if ahead(other, int32(r), value, place):
                value, place = other, int32(r)
        value, place = winner_of_warp(value, place)
        if lane == 0:
            values[warp], places[warp] = value, place
        cuda.syncthreads()
        value, place = worst, int32(count)
        if lane < WARPS:
            value, place = values[lane], places[lane]
        value, place = winner_of_warp(value, place)
        return place

    @cuda.jit
    def argmax_shuffle(x, y, count):
        values = cuda.shared.array(WARPS, float32)
        places = cuda.shared.array(WARPS, int32)
        winner = find(x, kept(cuda.blockIdx.x), count, values, places)
        if cuda.threadIdx.x == 0:
            y[cuda.blockIdx.x] = winner

    @cuda.jit
    def extreme_backward_shuffle(dy, x, dx, count):
        first = kept(cuda.blockIdx.x)
        values = cuda.shared.array(WARPS, float32)
        places = cuda.shared.array(WARPS, int32)
        winner, gradient = find(x, first, count, values, places), dy[cuda.blockIdx.x]
        for r in range(cuda.threadIdx.x, count, THREADS):
            dx[first + reduced(r)] = gradient if r == winner else float32(0)

    return extreme_backward_shuffle if backward else argmax_shuffle


def apply(op: str, found: Layout, x, y, scale: float, *, on: str | None) -> None:
    """Launch a reduction over flat arrays."""
    launch(make_kernel(op, *found.places()), found.results, THREADS, x, y, scale, found.count, on=on)


def apply_argmax(op: str, found: Layout, x, y, *, on: str | None) -> None:
    """Launch argmax over flat arrays."""
    launch(make_winner(op, *found.places(), False), found.results, THREADS, x, y, found.count, on=on)


def apply_backward(op: str, found: Layout, dy, x, dx, *, on: str | None) -> None:
    """Launch the backward of a maximum or minimum over flat arrays."""
    launch(make_winner(op, *found.places(), True), found.results, THREADS, dy, x, dx, found.count, on=on)


CLAIMS = Claims(registers=40, contains=("SHFL.BFLY",), lacks=("LDL", "STL"))
_PLACES = layout("reduce", (2, 3, 4), (0, 2)).places()
_CHANGE = "warps reduce in registers by shuffles"
RUNGS = (
    *(Rung(op=op, name="r3_shuffle", change=_CHANGE, run=reduction(op, apply),
           builds=(Build(make_kernel(op, *_PLACES), (FLAT, FLAT, float32, int32), CLAIMS),)) for op in COMBINE),
    Rung(op="argmax", name="r3_shuffle", change=_CHANGE, run=argmax_of(apply_argmax),
         builds=(Build(make_winner("argmax", *_PLACES, False), (FLAT, int64[::1], int32), CLAIMS),)),
    *(Rung(op=f"{op}_backward", name="r3_shuffle", change=_CHANGE, run=extreme_backward(op, apply_backward),
           builds=(Build(make_winner(op, *_PLACES, True), (FLAT, FLAT, FLAT, int32), CLAIMS),))
      for op in ("reduce_max", "reduce_min")),
)
