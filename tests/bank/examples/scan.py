"""Inclusive prefix sums: each block scans its own part, then the sums of the blocks before are added.

Source: Hillis & Steele, Data Parallel Algorithms (CACM 29, 1986).
"""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import Case, blocks_for, values

THREADS = 128  # a block's part of the vector


@cuda.jit
def scan_block(x, out, block_sums):
    """out[i] = sum of x over the block's part up to i; block_sums[b] = the sum of the whole part of block b.

    Two rows in shared memory change roles each step (ping-pong): a step reads one row and writes the other,
    so that no thread overwrites what its neighbour has still to read, and one barrier a step is enough.
    """
    thread = cuda.threadIdx.x
    rows = cuda.shared.array((2, THREADS), float32)
    i = cuda.grid(1)
    source = 0
    if i < x.size:
        rows[source, thread] = x[i]
    else:
        rows[source, thread] = float32(0)
    cuda.syncthreads()
    distance = 1
    while distance < THREADS:
        value = rows[source, thread]
        if thread >= distance:
            value += rows[source, thread - distance]
        source = 1 - source
        rows[source, thread] = value
        cuda.syncthreads()
        distance *= 2
    if i < out.size:
        out[i] = rows[source, thread]
    if thread == THREADS - 1:
        block_sums[cuda.blockIdx.x] = rows[source, thread]


@cuda.jit
def add_block_sums(block_sums, out):
    """out[i] += the sums of all blocks before i's: the second half of a scan over many blocks."""
    i = cuda.grid(1)
    if i < out.size:
        total = out[i]
        for block in range(cuda.blockIdx.x):
            total += block_sums[block]
        out[i] = total


def scan_block_case(n: int = 300) -> Case:
    """The scan of each block's part; the last block is only partly full."""
    blocks = blocks_for(n, THREADS)
    x, out, block_sums = values(8, n), np.zeros(n, np.float32), np.zeros(blocks, np.float32)
    parts = [x[start : start + THREADS] for start in range(0, n, THREADS)]
    expected = {
        "out": np.concatenate([np.cumsum(part, dtype=np.float32) for part in parts]),
        "block_sums": np.array([part.sum(dtype=np.float32) for part in parts]),
    }
    return Case(scan_block, blocks, THREADS, (x, out, block_sums), expected, rtol=1e-4, atol=1e-4)


def add_block_sums_case(n: int = 300) -> Case:
    """The second half of the scan, on the parts that NumPy has summed."""
    blocks = blocks_for(n, THREADS)
    x = values(9, n)
    parts = [x[start : start + THREADS] for start in range(0, n, THREADS)]
    out = np.concatenate([np.cumsum(part, dtype=np.float32) for part in parts])
    block_sums = np.array([part.sum(dtype=np.float32) for part in parts])
    expected = {"out": np.cumsum(x, dtype=np.float32)}
    return Case(add_block_sums, blocks, THREADS, (block_sums, out), expected, rtol=1e-4, atol=1e-4)
