"""GPU-Puzzles' fourteen, solved anew from their descriptions: the host code is theirs in form, run under `simt.on()`.

A puzzle is a function of the module `numba.cuda` that gives a kernel; its specification is a function of NumPy arrays.
The host compiles the kernel, launches it on an output of zeros, and compares.
"""
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pytest
from numba import cuda as numba_cuda

from cuda_kernels import simt

TPB = 8
MAX_CONV = 4
TPB_MAX_CONV = TPB + MAX_CONV
TILE = 3


@dataclass
class Problem:
    name: str
    fn: Any
    inputs: list
    out: np.ndarray
    args: tuple = ()
    threadsperblock: tuple = (1, 1)
    blockspergrid: tuple = (1, 1)
    spec: Any = None

    def run(self):
        kernel = numba.cuda.jit(self.fn(numba.cuda))
        kernel[self.blockspergrid, self.threadsperblock](self.out, *self.inputs, *self.args)
        return self.out

    def check(self):
        np.testing.assert_allclose(self.run(), self.spec(*self.inputs), rtol=1e-6)


def map_puzzle(cuda):
    def call(out, a):
        local_i = cuda.threadIdx.x
        out[local_i] = a[local_i] + 10

    return call


def zip_puzzle(cuda):
    def call(out, a, b):
        local_i = cuda.threadIdx.x
        out[local_i] = a[local_i] + b[local_i]

    return call


def guard_puzzle(cuda):
    def call(out, a, size):
        local_i = cuda.threadIdx.x
        if local_i < size:
            out[local_i] = a[local_i] + 10

    return call


def map_2d_puzzle(cuda):
    def call(out, a, size):
        local_i = cuda.threadIdx.x
        local_j = cuda.threadIdx.y
        if local_i < size and local_j < size:
            out[local_i, local_j] = a[local_i, local_j] + 10

    return call


def broadcast_puzzle(cuda):
    def call(out, a, b, size):
        local_i = cuda.threadIdx.x
        local_j = cuda.threadIdx.y
        if local_i < size and local_j < size:
            out[local_i, local_j] = a[local_i, 0] + b[0, local_j]

    return call


def blocks_puzzle(cuda):
    def call(out, a, size):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < size:
            out[i] = a[i] + 10

    return call


def blocks_2d_puzzle(cuda):
    def call(out, a, size):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        j = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
        if i < size and j < size:
            out[i, j] = a[i, j] + 10

    return call


def shared_puzzle(cuda):
    def call(out, a, size):
        shared = cuda.shared.array(TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        if i < size:
            shared[local_i] = a[i]
        cuda.syncthreads()
        if i < size:
            out[i] = shared[local_i] + 10

    return call


def pooling_puzzle(cuda):
    def call(out, a, size):
        shared = cuda.shared.array(TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        if i < size:
            shared[local_i] = a[i]
        cuda.syncthreads()
        if i < size:
            total = shared[local_i]
            if local_i > 0:
                total += shared[local_i - 1]
            if local_i > 1:
                total += shared[local_i - 2]
            out[i] = total

    return call


def dot_puzzle(cuda):
    def call(out, a, b, size):
        shared = cuda.shared.array(TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        if i < size:
            shared[local_i] = a[i] * b[i]
        cuda.syncthreads()
        if local_i == 0:
            total = numba.float32(0)
            for k in range(size):
                total += shared[k]
            out[0] = total

    return call


def convolution_puzzle(cuda):
    def call(out, a, b, a_size, b_size):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        window = cuda.shared.array(TPB_MAX_CONV, numba.float32)
        taps = cuda.shared.array(MAX_CONV, numba.float32)
        if i < a_size:
            window[local_i] = a[i]
        else:
            window[local_i] = 0
        if local_i < MAX_CONV:
            beyond = i + TPB
            window[local_i + TPB] = a[beyond] if beyond < a_size else numba.float32(0)
        if local_i < b_size:
            taps[local_i] = b[local_i]
        cuda.syncthreads()
        if i < a_size:
            total = numba.float32(0)
            for k in range(b_size):
                total += window[local_i + k] * taps[k]
            out[i] = total

    return call


def prefix_sum_puzzle(cuda):
    def call(out, a, size):
        cache = cuda.shared.array(TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        cache[local_i] = a[i] if i < size else numba.float32(0)
        cuda.syncthreads()
        step = 1
        while step < TPB:
            if local_i % (2 * step) == 0:
                cache[local_i] += cache[local_i + step]
            cuda.syncthreads()
            step *= 2
        if local_i == 0:
            out[cuda.blockIdx.x] = cache[0]

    return call


def axis_sum_puzzle(cuda):
    def call(out, a, size):
        cache = cuda.shared.array(TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        batch = cuda.blockIdx.y
        cache[local_i] = a[batch, i] if i < size else numba.float32(0)
        cuda.syncthreads()
        for k in range(3):
            step = 2**k
            if local_i % (2 * step) == 0:
                cache[local_i] += cache[local_i + step]
            cuda.syncthreads()
        if local_i == 0:
            out[batch, 0] = cache[0]

    return call


def matmul_puzzle(cuda):
    def call(out, a, b, size):
        a_shared = cuda.shared.array((TILE, TILE), numba.float32)
        b_shared = cuda.shared.array((TILE, TILE), numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        j = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
        local_i = cuda.threadIdx.x
        local_j = cuda.threadIdx.y
        total = numba.float32(0)
        for k in range(0, size, TILE):
            a_shared[local_i, local_j] = a[i, k + local_j] if i < size and k + local_j < size else numba.float32(0)
            b_shared[local_i, local_j] = b[k + local_i, j] if k + local_i < size and j < size else numba.float32(0)
            cuda.syncthreads()
            for n in range(TILE):
                total += a_shared[local_i, n] * b_shared[n, local_j]
            cuda.syncthreads()
        if i < size and j < size:
            out[i, j] = total

    return call


def zeros(*shape):
    return np.zeros(shape)  # float64, as the puzzles' own host has them


def row(n):
    return np.arange(n)


def square(n):
    return np.arange(n * n).reshape(n, n)


def add_ten(a):
    return a + 10


def windows(a, b):
    padded = np.concatenate([a, np.zeros(len(b))])
    return np.array([padded[i:i + len(b)] @ b for i in range(len(a))])


PROBLEMS = [
    Problem("map", map_puzzle, [row(4)], zeros(4), (), (4, 1), spec=add_ten),
    Problem("zip", zip_puzzle, [row(4), row(4)], zeros(4), (), (4, 1), spec=np.add),
    Problem("guard", guard_puzzle, [row(4)], zeros(4), (4,), (8, 1), spec=add_ten),
    Problem("map 2D", map_2d_puzzle, [square(2)], zeros(2, 2), (2,), (3, 3), spec=add_ten),
    Problem("broadcast", broadcast_puzzle, [row(2).reshape(2, 1), row(2).reshape(1, 2)], zeros(2, 2), (2,), (3, 3),
            spec=np.add),
    Problem("blocks", blocks_puzzle, [row(9)], zeros(9), (9,), (4, 1), (3, 1), add_ten),
    Problem("blocks 2D", blocks_2d_puzzle, [np.ones((5, 5))], zeros(5, 5), (5,), (3, 3), (2, 2), add_ten),
    Problem("shared", shared_puzzle, [np.ones(8)], zeros(8), (8,), (TPB, 1), (1, 1), add_ten),
    Problem("pooling", pooling_puzzle, [row(8)], zeros(8), (8,), (TPB, 1), (1, 1),
            lambda a: np.array([a[max(0, i - 2):i + 1].sum() for i in range(len(a))])),
    Problem("dot product", dot_puzzle, [row(8), row(8)], zeros(1), (8,), (8, 1), (1, 1), lambda a, b: [a @ b]),
    Problem("1D convolution", convolution_puzzle, [row(6), row(3)], zeros(6), (6, 3), (TPB, 1), (1, 1), windows),
    Problem("1D convolution, full", convolution_puzzle, [row(15), row(4)], zeros(15), (15, 4), (TPB, 1), (2, 1),
            windows),
    Problem("prefix sum", prefix_sum_puzzle, [row(8)], zeros(1), (8,), (TPB, 1), (1, 1), lambda a: [a.sum()]),
    Problem("prefix sum, two blocks", prefix_sum_puzzle, [row(15)], zeros(2), (15,), (TPB, 1), (2, 1),
            lambda a: [a[:TPB].sum(), a[TPB:].sum()]),
    Problem("axis sum", axis_sum_puzzle, [np.arange(24).reshape(4, 6)], zeros(4, 1), (6,), (TPB, 1), (1, 4),
            lambda a: a.sum(1, keepdims=True)),
    Problem("matmul", matmul_puzzle, [square(2), square(2).T], zeros(2, 2), (2,), (TILE, TILE), (1, 1), np.matmul),
    Problem("matmul, full", matmul_puzzle, [square(8), square(8).T], zeros(8, 8), (8,), (TILE, TILE), (3, 3),
            np.matmul),
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_puzzle(problem):
    with simt.on() as session:
        problem.check()
    assert session.faults == [] and len(session.reports) == 1


def test_there_are_fourteen():
    assert len({p.name.split(",")[0] for p in PROBLEMS}) == 14


def test_puzzle_without_its_guard_is_told_on():
    def no_guard(cuda):
        def call(out, a, size):
            out[cuda.threadIdx.x] = a[cuda.threadIdx.x] + 10

        return call

    with simt.on() as session:
        Problem("guard", no_guard, [row(4)], zeros(4), (4,), (8, 1)).run()
    assert {f.kind for f in session.faults} == {"out-of-bounds"} and numba_cuda is numba.cuda
