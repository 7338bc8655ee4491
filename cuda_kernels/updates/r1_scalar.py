"""updates r1: the whole step of an optimizer for one weight in one thread.

One thread owns w[i] and its states; a block owns THREADS neighbours, the grid covers w. Written with NumPy, Adam's step
is a dozen passes over arrays as large as the weights; here everything between the loads and the stores is in registers.
Bytes, of N weights and S states: 4 N (2 + S) loaded, 4 N (1 + S) stored.
Claims: no local memory.
"""
import functools
from typing import Any

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch

from .formulas import FORMULAS, Settings
from .host import updater

THREADS = 256


@functools.cache
def make_kernel(update, present: tuple[bool, bool, bool]):
    """The kernel of a formula whose states are present or not; those that are not are neither read nor written."""
    has_0, has_1, has_2 = present

    @cuda.jit
    def update_scalar(g, w, s0, s1, s2, w_new, s0_new, s1_new, s2_new, lr, step_size, size):
        i = cuda.grid(1)
        if i < size:
            v0, v1, v2 = float32(0), float32(0), float32(0)
            if has_0:
                v0 = s0[i]
            if has_1:
                v1 = s1[i]
            if has_2:
                v2 = s2[i]
            weight, v0, v1, v2 = update(w[i], g[i], v0, v1, v2, lr, step_size)
            w_new[i] = weight
            if has_0:
                s0_new[i] = v0
            if has_1:
                s1_new[i] = v1
            if has_2:
                s2_new[i] = v2

    return update_scalar


def arguments(olds, news, g):
    """The kernel's nine arrays; g stands for a state that is not there."""
    def filled(arrays) -> list[Any]:
        return [g if a is None else a for a in (*arrays, *(None,) * (4 - len(arrays)))]

    return (g, *filled(olds), *filled(news))


def apply(update, present, olds, news, g, lr: float, size: float, *, on: str | None) -> None:
    """Launch over flat arrays."""
    kernel = make_kernel(update, present)
    launch(kernel, blocks_for(g.size, THREADS), THREADS, *arguments(olds, news, g), lr, size, g.size, on=on)


PRESENT = {"sgd_update": (True, False, False), "rmsprop_update": (True, False, False),
           "adagrad_update": (True, False, False)}  # what the compile gate compiles; Adam without AMSGrad
ARGS = (float32[::1],) * 9 + (float32, float32, int32)


def example(op: str) -> tuple[Any, tuple[bool, bool, bool]]:
    """A formula and its states, to compile."""
    present = PRESENT.get(op, (True, True, False))
    settings = Settings(momentum=0.9 * (op == "sgd_update"), weight_decay=0.004 * (op == "adamw_update"))
    return FORMULAS[op][0](settings, present), present


RUNGS = tuple(Rung(op=op, name="r1_scalar", change="the whole step in one kernel, one thread a weight",
                   run=updater(op, apply),
                   builds=(Build(make_kernel(*example(op)), ARGS, Claims(registers=40, lacks=("LDL", "STL"))),))
              for op in FORMULAS)
