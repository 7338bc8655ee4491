"""A series of articles that teaches CUDA by Numba examples, its programs written anew from their descriptions.

Part 1: kernels, grids and strides. Part 2: partial reductions, device functions. Part 3: streams, events, pinned
memory. Part 4: atomics, locks.
"""
import math
import string
from time import perf_counter

import numpy as np
import pytest
from numba import cuda, float32, int32

from cuda_kernels import simt


@pytest.fixture(autouse=True)
def session():
    with simt.on() as found:
        yield found
    assert {fault.kind for fault in found.faults} <= {"float64"}  # where Numba computes in it too


def test_first_kernels():
    @cuda.jit
    def add_scalars(a, b, c):
        c[0] = a + b

    dev_c = cuda.device_array((1,), np.float32)
    add_scalars[1, 1](2.0, 7.0, dev_c)
    assert dev_c.copy_to_host()[0] == 9

    @cuda.jit
    def add_array(a, b, c):
        i = cuda.threadIdx.x + cuda.blockDim.x * cuda.blockIdx.x
        if i < a.size:
            c[i] = a[i] + b[i]

    N = 20
    a = np.arange(N, dtype=np.float32)
    b = np.arange(N, dtype=np.float32)
    dev_c = cuda.device_array_like(a)
    add_array[4, 8](a, b, dev_c)
    np.testing.assert_array_equal(dev_c.copy_to_host(), a + b)
    device = cuda.get_current_device()
    assert device.MULTIPROCESSOR_COUNT * 32 == 4224


def test_image_in_a_two_dimensional_grid():
    @cuda.jit
    def adjust_log(inp, gain, out):
        ix, iy = cuda.grid(2)
        threads_per_grid_x, threads_per_grid_y = cuda.gridsize(2)
        n0, n1 = inp.shape
        for i0 in range(iy, n0, threads_per_grid_y):
            for i1 in range(ix, n1, threads_per_grid_x):
                out[i0, i1] = gain * math.log2(1 + inp[i0, i1])

    image = np.random.RandomState(0).rand(50, 70)
    dev_im = cuda.to_device(image)
    dev_out = cuda.device_array_like(image)
    threads_per_block_2d = (16, 16)
    blocks_per_grid_2d = (2, 2)
    adjust_log[blocks_per_grid_2d, threads_per_block_2d](dev_im, 1.0, dev_out)
    np.testing.assert_allclose(dev_out.copy_to_host(), np.log2(1 + image), rtol=1e-12)


threads_per_block = 256
blocks_per_grid = 8


@cuda.jit
def partial_reduce(array, partial_reduction):
    i_start = cuda.grid(1)
    threads_per_grid = cuda.blockDim.x * cuda.gridDim.x
    s_thread = float32(0)
    for i_arr in range(i_start, array.size, threads_per_grid):
        s_thread += array[i_arr]
    s_block = cuda.shared.array((threads_per_block,), float32)
    tid = cuda.threadIdx.x
    s_block[tid] = s_thread
    cuda.syncthreads()
    i = cuda.blockDim.x // 2
    while i > 0:
        if tid < i:
            s_block[tid] += s_block[tid + i]
        cuda.syncthreads()
        i //= 2
    if tid == 0:
        partial_reduction[cuda.blockIdx.x] = s_block[0]


@cuda.jit
def single_thread_sum(partial_reduction, total):
    total[0] = float32(0)
    for element in partial_reduction:
        total[0] += element


@cuda.jit
def divide_by(array, val_array):
    i_start = cuda.grid(1)
    threads_per_grid = cuda.gridsize(1)
    for i in range(i_start, array.size, threads_per_grid):
        array[i] /= val_array[0]


def test_partial_reductions():
    a = np.arange(10_000, dtype=np.float32) / 100
    dev_a = cuda.to_device(a)
    dev_partial = cuda.device_array((blocks_per_grid,), dtype=a.dtype)
    partial_reduce[blocks_per_grid, threads_per_block](dev_a, dev_partial)
    np.testing.assert_allclose(dev_partial.copy_to_host().sum(), a.sum(), rtol=1e-5)


def test_dot_product_with_a_device_function():
    @cuda.jit(device=True)
    def dot_product(a, b, start, stride):
        total = float32(0)
        for i in range(start, a.size, stride):
            total += a[i] * b[i]
        return total

    @cuda.jit
    def dot_partial(a, b, out):
        cuda.atomic.add(out, 0, dot_product(a, b, cuda.grid(1), cuda.gridsize(1)))

    a, b = np.random.RandomState(0).rand(2, 5000).astype(np.float32)
    out = cuda.to_device(np.zeros(1, np.float32))
    dot_partial[4, 64](a, b, out)
    np.testing.assert_allclose(out[0], a @ b, rtol=1e-4)


def test_normalization_in_streams(session):
    """Four arrays, each normalized in a stream of its own with pinned memory, between events."""
    N_streams = 4
    arrays = [np.arange(1, 5001, dtype=np.float32) for _ in range(N_streams)]
    streams = [cuda.stream() for _ in range(N_streams)]
    starts, ends = ([cuda.event(timing=True) for _ in streams] for _ in range(2))
    results = []
    tic = perf_counter()
    for array, stream, start, end in zip(arrays, streams, starts, ends):  # noqa: B905
        with cuda.pinned(array):
            start.record(stream=stream)
            dev_array = cuda.to_device(array, stream=stream)
            dev_partial = cuda.device_array((blocks_per_grid,), dtype=array.dtype, stream=stream)
            dev_sum = cuda.device_array((1,), dtype=array.dtype, stream=stream)
            partial_reduce[blocks_per_grid, threads_per_block, stream](dev_array, dev_partial)
            single_thread_sum[1, 1, stream](dev_partial, dev_sum)
            divide_by[blocks_per_grid, threads_per_block, stream](dev_array, dev_sum)
            results.append(dev_array.copy_to_host(stream=stream))
            end.record(stream=stream)
    cuda.synchronize()
    toc = perf_counter()
    for array, result in zip(arrays, results):  # noqa: B905
        np.testing.assert_allclose(result, array / array.sum(), rtol=1e-5)
    ms = [start.elapsed_time(end) for start, end in zip(starts, ends)]  # noqa: B905
    assert 0 < sum(ms) <= 1e3 * (toc - tic) and len(session.reports) == 12


def test_letters_are_counted_with_atomics():
    text = "it is a truth universally acknowledged that a single kernel must be in want of a grid" * 10
    data = np.frombuffer(text.encode(), dtype=np.uint8)

    @cuda.jit
    def kernel_zero_init(arr):
        i = cuda.grid(1)
        if i < arr.size:
            arr[i] = 0

    @cuda.jit
    def kernel_histogram_shared(arr, histo):
        histo_local = cuda.shared.array((128,), int32)
        histo_local[cuda.threadIdx.x] = 0
        cuda.syncthreads()
        for i in range(cuda.grid(1), arr.size, cuda.gridsize(1)):
            cuda.atomic.add(histo_local, arr[i], 1)
        cuda.syncthreads()
        cuda.atomic.add(histo, cuda.threadIdx.x, histo_local[cuda.threadIdx.x])

    dev_histo = cuda.device_array((128,), dtype=np.int32)
    kernel_zero_init[1, 128](dev_histo)
    kernel_histogram_shared[4, 128](data, dev_histo)
    histo = dev_histo.copy_to_host()
    for letter in string.ascii_lowercase:
        assert histo[ord(letter)] == text.count(letter)


def test_a_lock_guards_a_sum():
    @cuda.jit(device=True)
    def lock(mutex):
        while cuda.atomic.compare_and_swap(mutex, 0, 1) != 0:
            pass
        cuda.threadfence()

    @cuda.jit(device=True)
    def unlock(mutex):
        cuda.threadfence()
        cuda.atomic.exch(mutex, 0, 0)

    @cuda.jit
    def dot_with_lock(mutex, a, b, c):
        block = cuda.shared.array((64,), float32)
        total = float32(0)
        for i in range(cuda.grid(1), a.size, cuda.gridsize(1)):
            total += a[i] * b[i]
        block[cuda.threadIdx.x] = total
        cuda.syncthreads()
        if cuda.threadIdx.x == 0:
            total = float32(0)
            for k in range(64):
                total += block[k]
            lock(mutex)
            c[0] += total
            unlock(mutex)

    a = np.arange(1000, dtype=np.float32) / 100
    mutex = cuda.to_device(np.zeros(1, dtype=np.int32))
    c = cuda.to_device(np.zeros(1, dtype=np.float32))
    dot_with_lock[8, 64](mutex, a, a, c)
    np.testing.assert_allclose(c[0], a @ a, rtol=1e-5)
