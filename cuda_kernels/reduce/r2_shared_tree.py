"""reduce r2: one block makes one result, as a tree in shared memory.

One block owns y[k]: each of its THREADS threads gathers the elements r = thread, thread + THREADS, … of the result in a
register, and then half of the threads add the other half's totals, a quarter the next, until one is left: eight
steps, with a barrier after each. The grid has one block a result.
Change from r1: no atomics. Threads meet in shared memory, and a fixed tree makes every run give the same digits.
Operations N + results (THREADS - 1). Bytes 4 N loaded, 4 results stored.
Claims: shared memory (LDS, STS) and barriers, no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32, int64
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import launch

from .host import AHEAD, COMBINE, LOSES_TO_ALL, Layout, argmax_of, extreme_backward, layout, reduction

THREADS = 128  # a power of two, for the tree
HALF = THREADS // 2


@functools.cache
def make_kernel(op: str, kept, reduced):
    """The kernel for these two index functions."""
    two, nothing = COMBINE[op]

    @cuda.jit
    def reduce_shared_tree(x, y, scale, count):
        thread, first = cuda.threadIdx.x, kept(cuda.blockIdx.x)
        totals = cuda.shared.array(THREADS, float32)
        total = nothing
        for r in range(thread, count, THREADS):
            total = two(total, x[first + reduced(r)])
        totals[thread] = total
        cuda.syncthreads()
        half = HALF
        while half > 0:
            if thread < half:
                totals[thread] = two(totals[thread], totals[thread + half])
            cuda.syncthreads()
            half //= 2
        if thread == 0:
            y[cuda.blockIdx.x] = totals[0] * scale

    return reduce_shared_tree


@functools.cache
def make_winner(op: str, kept, reduced, backward: bool):
    """The kernel that finds the first largest (smallest) value of each result.

    It stores its position in y (argmax), or in dx the result's gradient dy at its place and 0 elsewhere.
    """
    ahead, worst = AHEAD[op], LOSES_TO_ALL[op]

    @cuda.jit(device=True)
    def find(x, first, thread, count, values, places):
        value, place = worst, int32(count)  # behind every element, even an equal one
        for r in range(thread, count, THREADS):
            other = x[first + reduced(r)]
            if ahead(other, int32(r), value, place):
                value, place = other, int32(r)
        values[thread], places[thread] = value, place
        cuda.syncthreads()
        half = HALF
        while half > 0:
            if thread < half:
                if ahead(values[thread + half], places[thread + half], values[thread], places[thread]):
                    values[thread], places[thread] = values[thread + half], places[thread + half]
            cuda.syncthreads()
            half //= 2
        return places[0]

    @cuda.jit
    def argmax_shared_tree(x, y, count):
        thread, first = cuda.threadIdx.x, kept(cuda.blockIdx.x)
        values = cuda.shared.array(THREADS, float32)
        places = cuda.shared.array(THREADS, int32)
        winner = find(x, first, thread, count, values, places)
        if thread == 0:
            y[cuda.blockIdx.x] = winner

    @cuda.jit
    def extreme_backward_shared_tree(dy, x, dx, count):
        thread, first = cuda.threadIdx.x, kept(cuda.blockIdx.x)
        values = cuda.shared.array(THREADS, float32)
        places = cuda.shared.array(THREADS, int32)
        winner, gradient = find(x, first, thread, count, values, places), dy[cuda.blockIdx.x]
        for r in range(thread, count, THREADS):
            dx[first + reduced(r)] = gradient if r == winner else float32(0)

    return extreme_backward_shared_tree if backward else argmax_shared_tree


def apply(op: str, found: Layout, x, y, scale: float, *, on: str | None) -> None:
    """Launch a reduction over flat arrays."""
    launch(make_kernel(op, *found.places()), found.results, THREADS, x, y, scale, found.count, on=on)


def apply_argmax(op: str, found: Layout, x, y, *, on: str | None) -> None:
    """Launch argmax over flat arrays."""
    launch(make_winner(op, *found.places(), False), found.results, THREADS, x, y, found.count, on=on)


def apply_backward(op: str, found: Layout, dy, x, dx, *, on: str | None) -> None:
    """Launch the backward of a maximum or minimum over flat arrays."""
    launch(make_winner(op, *found.places(), True), found.results, THREADS, dy, x, dx, found.count, on=on)


CLAIMS = Claims(registers=40, contains=("LDS", "STS", "BAR"), lacks=("LDL", "STL"))
_PLACES = layout("reduce", (2, 3, 4), (0, 2)).places()
_CHANGE = "one block a result: a tree in shared memory, no atomics"
RUNGS = (
    *(Rung(op=op, name="r2_shared_tree", change=_CHANGE, run=reduction(op, apply),
           builds=(Build(make_kernel(op, *_PLACES), (FLAT, FLAT, float32, int32), CLAIMS),)) for op in COMBINE),
    Rung(op="argmax", name="r2_shared_tree", change="one block a result: a tree of (value, place) pairs",
         run=argmax_of(apply_argmax),
         builds=(Build(make_winner("argmax", *_PLACES, False), (FLAT, int64[::1], int32), CLAIMS),)),
    *(Rung(op=f"{op}_backward", name="r2_shared_tree", change="the winner is found again, by the tree of argmax",
           run=extreme_backward(op, apply_backward),
           builds=(Build(make_winner(op, *_PLACES, True), (FLAT, FLAT, FLAT, int32), CLAIMS),))
      for op in ("reduce_max", "reduce_min")),
)
