"""What NVIDIA's introductory courses on CUDA with Numba have their students write, written anew from descriptions.

Ufuncs on the GPU and their memory, custom kernels and grid strides, atomics and histograms, streams and events, random
numbers, multidimensional grids, shared memory: transposes with and without bank conflicts, tiled products.
"""
import math

import numpy as np
import pytest
from numba import cuda, float32, int32, vectorize

from cuda_kernels import simt


@pytest.fixture(autouse=True)
def session():
    with simt.on() as found:
        yield found


def test_ufuncs_keep_their_memory_on_the_device(session):
    @vectorize(["float32(float32, float32)"], target="cuda")
    def add_ufunc(x, y):
        return x + y

    @vectorize(["float32(float32)"], target="cuda")
    def normalize(grayscale):
        return grayscale / float32(255)

    n = 10_000
    x = np.arange(n).astype(np.float32)
    y = 2 * x
    x_device, y_device = cuda.to_device(x), cuda.to_device(y)
    out_device = cuda.device_array(shape=(n,), dtype=np.float32)
    add_ufunc(x_device, y_device, out=out_device)
    greys = normalize(out_device)
    moved = len(session.transfers)
    out_host = greys.copy_to_host()
    np.testing.assert_allclose(out_host, 3 * x / 255, rtol=1e-6)
    assert moved == 2 and session.faults == []


def test_polar_distance_by_a_device_function():
    @cuda.jit(device=True)
    def polar_to_cartesian(rho, theta):
        return rho * math.cos(theta), rho * math.sin(theta)

    @vectorize(["float32(float32, float32, float32, float32)"], target="cuda")
    def polar_distance(rho1, theta1, rho2, theta2):
        x1, y1 = polar_to_cartesian(rho1, theta1)
        x2, y2 = polar_to_cartesian(rho2, theta2)
        return math.sqrt((x1 - x2) ** 2 + (y1 - y2) ** 2)

    n = 1000
    rng = np.random.RandomState(0)
    rho1, rho2 = rng.uniform(0.5, 1.5, (2, n)).astype(np.float32)
    theta1, theta2 = rng.uniform(-np.pi, np.pi, (2, n)).astype(np.float32)
    want = abs(rho1 * np.exp(1j * theta1) - rho2 * np.exp(1j * theta2))
    np.testing.assert_allclose(polar_distance(rho1, theta1, rho2, theta2), want, atol=1e-5)


def test_a_kernel_with_a_grid_stride(session):
    @cuda.jit
    def hypot_stride(a, b, c):
        start = cuda.grid(1)
        stride = cuda.gridsize(1)
        for i in range(start, a.shape[0], stride):
            c[i] = math.hypot(a[i], b[i])

    n = 100_000
    a, b = np.random.RandomState(0).uniform(-12, 12, (2, n)).astype(np.float32)
    d_a, d_b, d_c = cuda.to_device(a), cuda.to_device(b), cuda.device_array_like(a)
    hypot_stride[128, 64](d_a, d_b, d_c)
    cuda.synchronize()
    np.testing.assert_allclose(d_c.copy_to_host(), np.hypot(a, b), rtol=1e-5)
    assert session.faults == []


def test_a_counter_needs_an_atomic(session):
    @cuda.jit
    def thread_counter_race(counter):
        counter[0] += 1

    @cuda.jit
    def thread_counter_safe(counter):
        cuda.atomic.add(counter, 0, 1)

    safe = cuda.to_device(np.array([0], dtype=np.int32))
    thread_counter_safe[64, 64](safe)
    assert safe.copy_to_host() == 64 * 64 and session.faults == []
    thread_counter_race[64, 64](cuda.to_device(np.array([0], dtype=np.int32)))
    assert {f.kind for f in session.faults} == {"race"}


def test_histogram(session):
    @cuda.jit
    def histogram(x, xmin, xmax, histogram_out):
        nbins = histogram_out.shape[0]
        bin_width = (xmax - xmin) / nbins
        start = cuda.grid(1)
        stride = cuda.gridsize(1)
        for i in range(start, x.shape[0], stride):
            bin_number = int32((x[i] - xmin) / bin_width)
            if bin_number >= 0 and bin_number < histogram_out.shape[0]:
                cuda.atomic.add(histogram_out, bin_number, 1)

    x = np.random.RandomState(0).normal(size=10_000)
    xmin, xmax = -4.0, 4.0
    histogram_out = cuda.to_device(np.zeros(shape=10, dtype=np.int32))
    histogram[64, 64](x, xmin, xmax, histogram_out)
    np.testing.assert_array_equal(histogram_out.copy_to_host(), np.histogram(x, 10, (xmin, xmax))[0])
    assert session.faults == []


def test_two_dimensional_grids(session):
    @cuda.jit
    def add_2d_coordinates_stride(A):
        grid_y, grid_x = cuda.grid(2)
        stride_y, stride_x = cuda.gridsize(2)
        for data_i in range(grid_x, A.shape[0], stride_x):
            for data_j in range(grid_y, A.shape[1], stride_y):
                A[data_i][data_j] = grid_x + grid_y

    d_A = cuda.device_array((24, 24), dtype=np.int32)
    add_2d_coordinates_stride[(2, 2), (3, 3)](d_A)
    i, j = np.indices((24, 24))
    np.testing.assert_array_equal(d_A.copy_to_host(), i % 6 + j % 6)
    assert session.faults == []


@pytest.mark.parametrize("padding", [0, 1])
def test_transpose_in_shared_memory(session, padding):
    columns = 32 + padding

    @cuda.jit
    def tile_transpose(a, transposed):
        tile = cuda.shared.array((32, columns), dtype=float32)
        a_col, a_row = cuda.grid(2)
        tile[cuda.threadIdx.y, cuda.threadIdx.x] = a[a_row, a_col]
        cuda.syncthreads()
        t_col = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.x
        t_row = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.y
        transposed[t_row, t_col] = tile[cuda.threadIdx.x, cuda.threadIdx.y]

    n = 64
    a_in = cuda.to_device(np.arange(n * n, dtype=np.float32).reshape((n, n)))
    a_out = cuda.device_array_like(a_in)
    tile_transpose[(2, 2), (32, 32)](a_in, a_out)
    np.testing.assert_array_equal(a_out.copy_to_host(), a_in.copy_to_host().T)
    assert session.faults == [] and session.report.figures.shared_ways == (1 if padding else 32)


def test_streams_overlap_and_events_time_them(session):
    @cuda.jit
    def twice(x):
        i = cuda.grid(1)
        if i < x.size:
            x[i] *= 2

    data = np.arange(1024, dtype=np.float32)
    streams = [cuda.stream() for _ in range(4)]
    start, stop = cuda.event(), cuda.event()
    start.record()
    results = []
    for part, stream in zip(np.split(data, 4), streams):  # noqa: B905
        d_part = cuda.to_device(part, stream=stream)
        twice[2, 128, stream](d_part)
        results.append(d_part.copy_to_host(stream=stream))
    stop.record()
    stop.synchronize()
    assert cuda.event_elapsed_time(start, stop) > 0
    np.testing.assert_array_equal(np.concatenate(results), 2 * data)
    assert {fault.kind for fault in session.faults} == {"float64"}  # float32 * int is float64 in Numba


def test_tiled_product_with_dynamic_sizes(session):
    tile = 16

    @cuda.jit
    def mm_shared(a, b, c):
        a_cache = cuda.shared.array((tile, tile), float32)
        b_cache = cuda.shared.array((tile, tile), float32)
        column, row = cuda.grid(2)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        total = float32(0)
        for k in range(a.shape[1] // tile):
            a_cache[ty, tx] = a[row, k * tile + tx]
            b_cache[ty, tx] = b[k * tile + ty, column]
            cuda.syncthreads()
            for e in range(tile):
                total += a_cache[ty, e] * b_cache[e, tx]
            cuda.syncthreads()
        c[row, column] = total

    rng = np.random.RandomState(0)
    a, b = rng.rand(48, 32).astype(np.float32), rng.rand(32, 64).astype(np.float32)
    d_c = cuda.device_array((48, 64), np.float32)
    mm_shared[(64 // tile, 48 // tile), (tile, tile)](cuda.to_device(a), cuda.to_device(b), d_c)
    np.testing.assert_allclose(d_c.copy_to_host(), a @ b, rtol=1e-4)
    assert session.faults == []
