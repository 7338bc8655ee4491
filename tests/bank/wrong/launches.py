"""Wrong launches: a grid, a block or shared memory that the hardware refuses. No thread ever runs.

Source of the limits: CUDA C++ Programming Guide, "Compute Capabilities", Technical Specifications.
"""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import values

from ..entry import wrong


def vector() -> tuple:
    """100 values and as many outputs."""
    return values(120, 100), np.zeros(100, np.float32)


@wrong(1, 1025, vector)
@cuda.jit
def block_of_1025(x, out):  # <- fault: bad-launch
    """One thread more than a block may have."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i]


@wrong(1, (32, 33), vector)
@cuda.jit
def block_of_32_by_33(x, out):  # <- fault: bad-launch
    """No side is too long, but the product is 1056."""
    i = cuda.threadIdx.y * 32 + cuda.threadIdx.x
    if i < x.size:
        out[i] = x[i]


@wrong(1, (1, 1, 128), vector)
@cuda.jit
def block_128_deep(x, out):  # <- fault: bad-launch
    """A block may be at most 64 threads deep."""
    i = cuda.threadIdx.z
    if i < x.size:
        out[i] = x[i]


@wrong(100 / 32, 32, vector)
@cuda.jit
def grid_from_a_true_division(x, out):  # <- fault: bad-launch
    """Here n / THREADS is 3.125 blocks; it has to be rounded up to an integer."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i]


@wrong(0, 32, vector)
@cuda.jit
def grid_of_no_blocks(x, out):  # <- fault: bad-launch
    """10 // 32 is no block at all."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i]


@wrong((1, 70000), 32, vector)
@cuda.jit
def grid_70000_high(x, out):  # <- fault: bad-launch
    """Only the first side of a grid may be longer than 65535."""
    i = cuda.blockIdx.y * 32 + cuda.threadIdx.x
    if i < x.size:
        out[i] = x[i]


@wrong(1, 32, vector)
@cuda.jit
def tile_larger_than_shared_memory(x, out):
    """128 x 100 float32 take 51200 bytes of static shared memory, where 49152 is the limit."""
    thread = cuda.threadIdx.x
    tile = cuda.shared.array((128, 100), float32)  # <- fault: bad-launch
    for i in range(thread, x.size, 32):
        tile[0, i] = x[i]
        out[i] = tile[0, i]


@wrong(1, 32, vector)
@cuda.jit
def two_tiles_larger_than_shared_memory(x, out):
    """Either tile fits, both together do not."""
    thread = cuda.threadIdx.x
    first = cuda.shared.array((64, 100), float32)
    second = cuda.shared.array((64, 100), float32)  # <- fault: bad-launch
    for i in range(thread, x.size, 32):
        first[0, i] = x[i]
        second[0, i] = first[0, i]
        out[i] = second[0, i]


@wrong(1, 32, vector, shared_bytes=40960)
@cuda.jit
def static_beside_dynamic_shared_memory(x, out):  # <- fault: bad-launch
    """40 KB of each fit alone; together they need the driver's leave, for which Numba does not ask."""
    thread = cuda.threadIdx.x
    tile = cuda.shared.array(10240, float32)
    more = cuda.shared.array(0, float32)
    tile[thread] = x[thread]
    more[thread] = tile[thread]
    out[thread] = more[thread]


@wrong(1, 32, vector)
@cuda.jit
def local_array_of_a_megabyte(x, out):  # <- fault: bad-launch
    """A thread may have 512 KB of local memory."""
    table = cuda.local.array(262144, float32)
    i = cuda.grid(1)
    if i < x.size:
        table[i] = x[i]
        out[i] = table[i]
