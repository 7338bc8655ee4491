"""One thread an element: vector addition, and saxpy with a grid-stride loop."""

import numpy as np

from cuda_kernels._cuda import cuda
from tests.bank.examples.case import Case, blocks_for, values

THREADS = 128  # a block: four warps, enough for a scheduler to hide one warp's load behind another's


@cuda.jit
def vector_add(x, y, out):
    """out[i] = x[i] + y[i].

    A thread owns one element, a block THREADS neighbours. 12 bytes and 1 operation an element: bound by
    memory.
    """
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i] + y[i]


@cuda.jit
def saxpy(alpha, x, y):
    """y[i] = alpha * x[i] + y[i], in place, with any number of blocks.

    A thread owns the elements i, i + grid, i + 2 grid, ...: the loop steps by the size of the grid, so that
    neighbouring threads still read neighbouring elements. `alpha` must arrive as np.float32: Numba types a
    plain Python float as float64, and the whole line with it.
    """
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        y[i] = alpha * x[i] + y[i]


def vector_add_case(n: int = 1000) -> Case:
    """Vector addition of n elements; the last block is only partly full."""
    x, y, out = values(0, n), values(1, n), np.zeros(n, np.float32)
    return Case(vector_add, blocks_for(n, THREADS), THREADS, (x, y, out), {"out": x + y})


def saxpy_case(n: int = 1003, blocks: int = 3) -> Case:
    """Saxpy of n elements by fewer threads than elements."""
    alpha, x, y = np.float32(2.5), values(2, n), values(3, n)
    return Case(saxpy, blocks, THREADS, (alpha, x, y), {"y": alpha * x + y})
