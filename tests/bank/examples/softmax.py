"""Softmax over the rows of a matrix, one block a row."""

import math

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import Case, values

THREADS = 64  # a power of two: the trees halve it each step


@cuda.jit
def softmax_rows(x, y):
    """y[row, j] = exp(x[row, j] - max of the row) / sum over the row of the same.

    A block owns a row, a thread the columns thread, thread + THREADS, ... Three passes over the row: its
    maximum, the sum of exponentials, the division. The maximum is taken away so that no exponential
    overflows.
    """
    row = cuda.blockIdx.x
    thread = cuda.threadIdx.x
    partial = cuda.shared.array(THREADS, float32)

    largest = float32(-math.inf)
    for col in range(thread, x.shape[1], THREADS):
        largest = max(largest, x[row, col])
    partial[thread] = largest
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            partial[thread] = max(partial[thread], partial[thread + half])
        cuda.syncthreads()
        half //= 2
    largest = partial[0]
    cuda.syncthreads()  # everyone has the maximum before `partial` is used for the sum

    total = float32(0)
    for col in range(thread, x.shape[1], THREADS):
        total += math.exp(x[row, col] - largest)
    partial[thread] = total
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            partial[thread] += partial[thread + half]
        cuda.syncthreads()
        half //= 2
    total = partial[0]

    for col in range(thread, x.shape[1], THREADS):
        y[row, col] = math.exp(x[row, col] - largest) / total


def softmax_rows_case(rows: int = 5, cols: int = 77) -> Case:
    """Softmax of rows that are no multiple of the block; unless the maximum is taken away, exp overflows."""
    x, y = 50 * values(11, rows, cols), np.zeros((rows, cols), np.float32)
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    return Case(softmax_rows, rows, THREADS, (x, y), {"y": expected})
