"""updates r2: four weights a thread, in loads and stores of 16 bytes.

One thread owns w[4 n: 4 n + 4] and their states; a block owns 4 THREADS neighbours, the grid covers w.
Change from r1: a quarter of the memory instructions, more bytes under way. The last one to three weights go one by one.
Bytes as r1.
Claims: LDG.E.128, STG.E.128, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, uint32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, is_aligned, launch

from . import r1_scalar
from .formulas import FORMULAS
from .host import updater
from .r1_scalar import ARGS, THREADS, arguments, example


@cuda.jit(device=True)
def _load(a, i):
    return ld4(a, i)


@cuda.jit(device=True)
def _nothing(a, i):
    return float32(0), float32(0), float32(0), float32(0)


@cuda.jit(device=True)
def _store(a, i, values):
    st4(a, i, values)


@cuda.jit(device=True)
def _leave(a, i, values):
    pass


@cuda.jit(device=True)
def _load_one(a, i):
    return a[i]


@cuda.jit(device=True)
def _nothing_one(a, i):
    return float32(0)


@cuda.jit(device=True)
def _store_one(a, i, value):
    a[i] = value


@functools.cache
def make_kernel(update, present: tuple[bool, bool, bool]):
    """The kernel of a formula whose states are present or not."""
    load_0, load_1, load_2 = (_load if there else _nothing for there in present)
    store_0, store_1, store_2 = (_store if there else _leave for there in present)
    one_0, one_1, one_2 = (_load_one if there else _nothing_one for there in present)
    put_0, put_1, put_2 = (_store_one if there else _leave for there in present)

    @cuda.jit
    def update_wide(g, w, s0, s1, s2, w_new, s0_new, s1_new, s2_new, lr, step_size, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            g0, g1, g2, g3 = ld4(g, i)
            w0, w1, w2, w3 = ld4(w, i)
            a0, a1, a2, a3 = load_0(s0, i)
            b0, b1, b2, b3 = load_1(s1, i)
            c0, c1, c2, c3 = load_2(s2, i)
            w0, a0, b0, c0 = update(w0, g0, a0, b0, c0, lr, step_size)
            w1, a1, b1, c1 = update(w1, g1, a1, b1, c1, lr, step_size)
            w2, a2, b2, c2 = update(w2, g2, a2, b2, c2, lr, step_size)
            w3, a3, b3, c3 = update(w3, g3, a3, b3, c3, lr, step_size)
            st4(w_new, i, (w0, w1, w2, w3))
            store_0(s0_new, i, (a0, a1, a2, a3))
            store_1(s1_new, i, (b0, b1, b2, b3))
            store_2(s2_new, i, (c0, c1, c2, c3))
        else:
            for k in range(i, uint32(size)):
                weight, a, b, c = update(w[k], g[k], one_0(s0, k), one_1(s1, k), one_2(s2, k), lr, step_size)
                w_new[k] = weight
                put_0(s0_new, k, a)
                put_1(s1_new, k, b)
                put_2(s2_new, k, c)

    return update_wide


def apply(update, present, olds, news, g, lr: float, size: float, *, on: str | None) -> None:
    """Launch over flat arrays."""
    if not all(a is None or is_aligned(a) for a in (g, *olds, *news)):
        r1_scalar.apply(update, present, olds, news, g, lr, size, on=on)
        return
    launch(make_kernel(update, present), blocks_for(blocks_for(g.size, 4), THREADS), THREADS,
           *arguments(olds, news, g), lr, size, g.size, on=on)


CLAIMS = Claims(registers=64, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))
RUNGS = tuple(Rung(op=op, name="r2_wide", change="four weights a thread, 16 bytes an instruction",
                   run=updater(op, apply), builds=(Build(make_kernel(*example(op)), ARGS, CLAIMS),))
              for op in FORMULAS)
