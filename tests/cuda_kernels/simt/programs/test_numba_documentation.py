"""The examples of Numba's CUDA documentation, written anew from their descriptions, host code and all.

Vector addition, the 1-D heat equation, a reduction in shared memory, click data divided into sessions, two matrix
products, Monte Carlo integration, a ufunc called in a kernel, one function on both processors, and the pages on memory,
device functions, reductions, random numbers and ufuncs.
"""
import math
from math import pi

import numba
import numpy as np
import pytest
from numba import cuda, float32, int32, types, vectorize
from numba.cuda.random import (
    create_xoroshiro128p_states,
    xoroshiro128p_normal_float32,
    xoroshiro128p_uniform_float32,
)

from cuda_kernels import simt

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def session():
    with simt.on() as found:
        yield found
    assert {fault.kind for fault in found.faults} <= {"float64"}  # where Numba computes in it too


def test_vector_addition():
    @cuda.jit
    def f(a, b, c):
        tid = cuda.grid(1)
        size = len(c)
        if tid < size:
            c[tid] = a[tid] + b[tid]

    N = 100_000
    a = cuda.to_device(RNG.random(N))
    b = cuda.to_device(RNG.random(N))
    c = cuda.device_array_like(a)
    f.forall(len(a))(a, b, c)
    np.testing.assert_array_equal(c.copy_to_host(), a.copy_to_host() + b.copy_to_host())

    nthreads = 256
    nblocks = (len(a) // nthreads) + 1
    c[...] = 0
    f[nblocks, nthreads](a, b, c)
    np.testing.assert_array_equal(c.copy_to_host(), a.copy_to_host() + b.copy_to_host())


def test_heat_equation():
    """A cold rod, hot in the middle: explicit steps, and after each one all cells must be there."""
    size = 1001
    data = np.zeros(size)
    data[500] = 10000
    buf_0 = cuda.to_device(data)
    buf_1 = cuda.device_array_like(buf_0)
    niter = 60

    @cuda.jit
    def step(u, new, k):
        i = cuda.grid(1)
        if i < len(u):
            if i == 0 or i == len(u) - 1:
                new[i] = 0
            else:
                new[i] = u[i] + k * (u[i - 1] - 2 * u[i] + u[i + 1])

    for _ in range(niter):
        step.forall(size)(buf_0, buf_1, 0.25)
        buf_0, buf_1 = buf_1, buf_0
    want = data
    for _ in range(niter):
        inside = want[1:-1] + 0.25 * (want[:-2] - 2 * want[1:-1] + want[2:])
        want = np.concatenate([[0], inside, [0]])
    np.testing.assert_allclose(buf_0.copy_to_host(), want, rtol=1e-10)


def test_heat_equation_in_one_cooperative_launch():
    size, niter = 501, 50
    data = np.zeros(size)
    data[250] = 10000
    buf_0, buf_1 = cuda.to_device(data), cuda.to_device(data)

    @cuda.jit
    def solve(buf_0, buf_1, timesteps, k):
        i = cuda.grid(1)
        if i >= len(buf_0):
            return
        grid = cuda.cg.this_grid()
        for step in range(timesteps):
            if step % 2 == 0:
                u, new = buf_0, buf_1
            else:
                u, new = buf_1, buf_0
            if 0 < i < len(u) - 1:
                new[i] = u[i] + k * (u[i - 1] - 2 * u[i] + u[i + 1])
            grid.sync()

    solve.forall(size)(buf_0, buf_1, niter, 0.25)
    want = data
    for _ in range(niter):
        want = np.concatenate([[0], want[1:-1] + 0.25 * (want[:-2] - 2 * want[1:-1] + want[2:]), [0]])
    np.testing.assert_allclose(buf_0.copy_to_host(), want, rtol=1e-10)


def test_shared_memory_reduction():
    a = cuda.to_device(np.arange(1024))
    nelem = len(a)

    @cuda.jit
    def array_sum(data):
        tid = cuda.threadIdx.x
        size = len(data)
        if tid < size:
            i = cuda.grid(1)
            shr = cuda.shared.array(nelem, int32)
            shr[tid] = data[i]
            cuda.syncthreads()
            s = 1
            while s < cuda.blockDim.x:
                if tid % (2 * s) == 0:
                    shr[tid] += shr[tid + s]
                s *= 2
                cuda.syncthreads()
            if tid == 0:
                data[tid] = shr[tid]

    array_sum[1, nelem](a)
    assert a[0] == sum(np.arange(1024))


def test_click_data_is_divided_into_sessions():
    """Rows are clicks, sorted by user and time; more than an hour between two begins a session."""
    rng = np.random.RandomState(1)
    ids = cuda.to_device(np.sort(rng.randint(0, 6, 200)).astype(np.int64))
    host_ids = ids.copy_to_host()
    minutes = np.concatenate([np.sort(rng.randint(0, 5000, n)) for n in np.bincount(host_ids) if n])
    start = np.datetime64("2024-01-01", "ns")
    sec = cuda.to_device((start + minutes.astype("timedelta64[m]")).astype("datetime64[s]").astype(np.int64))
    results = cuda.to_device(np.zeros(len(ids), dtype=np.int64))

    @cuda.jit
    def sessionize(user_id, timestamp, results):
        gid = cuda.grid(1)
        size = len(user_id)
        if gid >= size:
            return
        is_first = gid == 0
        if not is_first:
            new_user = user_id[gid] != user_id[gid - 1]
            timed_out = timestamp[gid] - timestamp[gid - 1] > 3600
            is_first = new_user or timed_out
        if is_first:
            results[gid] = gid
            following = gid + 1
            while following < size and user_id[following] == user_id[gid] and (
                    timestamp[following] - timestamp[following - 1] <= 3600):
                results[following] = gid
                following += 1

    sessionize.forall(len(ids))(ids, sec, results)
    want, seconds = [], sec.copy_to_host()
    for k in range(len(host_ids)):
        new = k == 0 or host_ids[k] != host_ids[k - 1] or seconds[k] - seconds[k - 1] > 3600
        want.append(k if new else want[-1])
    assert results.copy_to_host().tolist() == want and 6 < len(set(want)) < 200


def test_matrix_products():
    TPB = 16

    @cuda.jit
    def matmul(A, B, C):
        i, j = cuda.grid(2)
        if i < C.shape[0] and j < C.shape[1]:
            tmp = 0.
            for k in range(A.shape[1]):
                tmp += A[i, k] * B[k, j]
            C[i, j] = tmp

    @cuda.jit
    def fast_matmul(A, B, C):
        sA = cuda.shared.array(shape=(TPB, TPB), dtype=float32)
        sB = cuda.shared.array(shape=(TPB, TPB), dtype=float32)
        x, y = cuda.grid(2)
        tx = cuda.threadIdx.x
        ty = cuda.threadIdx.y
        bpg = cuda.gridDim.x
        tmp = float32(0.)
        for i in range(bpg):
            sA[ty, tx] = 0
            sB[ty, tx] = 0
            if y < A.shape[0] and tx + i * TPB < A.shape[1]:
                sA[ty, tx] = A[y, tx + i * TPB]
            if x < B.shape[1] and ty + i * TPB < B.shape[0]:
                sB[ty, tx] = B[ty + i * TPB, x]
            cuda.syncthreads()
            for j in range(TPB):
                tmp += sA[ty, j] * sB[j, tx]
            cuda.syncthreads()
        if y < C.shape[0] and x < C.shape[1]:
            C[y, x] = tmp

    x_h = np.arange(115).reshape([5, 23])
    y_h = np.ones([23, 7])
    z_h = np.zeros([5, 7])
    x_d, y_d, z_d = cuda.to_device(x_h), cuda.to_device(y_h), cuda.to_device(z_h)
    threadsperblock = (TPB, TPB)
    grid_y_max = max(x_h.shape[0], y_h.shape[0])
    grid_x_max = max(x_h.shape[1], y_h.shape[1])
    blockspergrid = (math.ceil(grid_x_max / threadsperblock[0]), math.ceil(grid_y_max / threadsperblock[1]))
    for kernel in (matmul, fast_matmul):
        z_d[...] = 0
        kernel[blockspergrid, threadsperblock](x_d, y_d, z_d)
        np.testing.assert_allclose(z_d.copy_to_host(), x_h @ y_h)


def test_monte_carlo_integration():
    nsamps, nthreads = 2000, 64

    @cuda.jit
    def mc_integrator_kernel(out, rng_states, lower_lim, upper_lim):
        size = len(out)
        gid = cuda.grid(1)
        if gid < size:
            samp = xoroshiro128p_uniform_float32(rng_states, gid)
            samp = samp * (upper_lim - lower_lim) + lower_lim
            out[gid] = 1.0 / samp

    @cuda.reduce
    def sum_reduce(a, b):
        return a + b

    def mc_integrate(lower_lim, upper_lim, nsamps):
        out = cuda.to_device(np.zeros(nsamps, dtype="float32"))
        rng_states = create_xoroshiro128p_states(nsamps, seed=42)
        mc_integrator_kernel.forall(nsamps)(out, rng_states, np.float32(lower_lim), np.float32(upper_lim))
        factor = (upper_lim - lower_lim) / nsamps
        return sum_reduce(out) * factor

    assert nthreads and abs(mc_integrate(1, 2, nsamps) - math.log(2)) < 0.02


def test_random_numbers_and_pi():
    @cuda.jit
    def compute_pi(rng_states, iterations, out):
        thread_id = cuda.grid(1)
        inside = 0
        for _ in range(iterations):
            x = xoroshiro128p_uniform_float32(rng_states, thread_id)
            y = xoroshiro128p_uniform_float32(rng_states, thread_id)
            if x**2 + y**2 <= float32(1):
                inside += 1
        out[thread_id] = float32(4) * float32(inside) / float32(iterations)

    threads_per_block, blocks = 64, 24
    rng_states = create_xoroshiro128p_states(threads_per_block * blocks, seed=1)
    out = np.zeros(threads_per_block * blocks, dtype=np.float32)
    compute_pi[blocks, threads_per_block](rng_states, 100, out)
    assert abs(out.mean() - pi) < 0.02

    @cuda.jit
    def normals(rng_states, out):
        i = cuda.grid(1)
        out[i] = xoroshiro128p_normal_float32(rng_states, i)

    normals[blocks, threads_per_block](rng_states, out)
    assert abs(out.mean()) < 0.1 and abs(out.std() - 1) < 0.1


def test_one_function_on_both_processors():
    def business_logic(x, y, z):
        return 4 * z * (2 * x - (4 * y) / 2 * pi)

    on_gpu = cuda.jit(device=True)(business_logic)

    @cuda.jit
    def kernel(res, xarr, yarr, zarr):
        tid = cuda.grid(1)
        if tid < len(xarr):
            res[tid] = on_gpu(xarr[tid], yarr[tid], zarr[tid])

    x, y, z = np.random.RandomState(0).rand(3, 10_00)
    res = np.zeros_like(x)
    kernel.forall(len(x))(res, x, y, z)
    np.testing.assert_allclose(res, business_logic(x, y, z), rtol=1e-12)


def test_memory_pages():
    @cuda.jit
    def increment_by_one(an_array):
        pos = cuda.grid(1)
        if pos < an_array.size:
            an_array[pos] += 1

    an_array = np.arange(1000)
    threadsperblock = 32
    blockspergrid = (an_array.size + (threadsperblock - 1)) // threadsperblock
    increment_by_one[blockspergrid, threadsperblock](an_array)
    assert an_array.tolist() == list(range(1, 1001))

    @cuda.jit
    def increment_a_2D_array(an_array):
        x, y = cuda.grid(2)
        if x < an_array.shape[0] and y < an_array.shape[1]:
            an_array[x, y] += 1

    matrix = np.zeros((33, 20))
    increment_a_2D_array[(math.ceil(33 / 16), math.ceil(20 / 16)), (16, 16)](matrix)
    assert (matrix == 1).all()

    stream = cuda.stream()
    with stream.auto_synchronize():
        with cuda.pinned(matrix):
            d = cuda.to_device(matrix, stream=stream)
            increment_a_2D_array[(3, 2), (16, 16), stream](d)
            d.copy_to_host(matrix, stream=stream)
    assert (matrix == 2).all()


def test_reduction_page():
    @cuda.reduce
    def sum_reduce(a, b):
        return a + b

    A = (np.arange(1234, dtype=np.float64)) + 1
    assert sum_reduce(A) == A.sum()
    assert cuda.reduce(lambda a, b: a + b)(A) == A.sum()
    assert cuda.reduce(lambda a, b: max(a, b))(A) == 1234


def test_ufunc_page():
    @cuda.jit("float32(float32, float32, float32)", device=True, inline=True)
    def cu_device_fn(x, y, z):
        return x ** y / z

    @vectorize([types.float32(types.float32, types.float32, types.float32)], target="cuda")
    def cu_discriminant(a, b, c):
        return math.sqrt(b ** 2 - 4 * a * c)

    N = 1000
    A = np.array(RNG.random(N), dtype=np.float32)
    B = np.array(RNG.random(N) + 10, dtype=np.float32)
    C = np.array(RNG.random(N), dtype=np.float32)
    np.testing.assert_allclose(cu_discriminant(A, B, C), np.sqrt(B**2 - 4 * A * C), rtol=1e-5)

    @cuda.jit
    def kernel(out, x, y):
        i = cuda.grid(1)
        if i < out.size:
            out[i] = cu_device_fn(x[i], y[i], float32(2))

    out = np.zeros(N, np.float32)
    kernel.forall(N)(out, A, B)
    np.testing.assert_allclose(out, A ** B / 2, rtol=1e-4, atol=1e-30)


def test_globals_of_a_kernel_are_frozen():
    TAX, PRICES = 1.08, np.array([10.0, 20.0, 30.0])

    @cuda.jit
    def compute_totals(quantities, totals):
        i = cuda.grid(1)
        if i < totals.size:
            totals[i] = quantities[i] * PRICES[i] * TAX

    d_quantities = cuda.to_device(np.array([1.0, 2.0, 3.0]))
    d_totals = cuda.device_array(3)
    compute_totals[1, 32](d_quantities, d_totals)
    np.testing.assert_allclose(d_totals.copy_to_host(), [10.8, 43.2, 97.2])
    assert numba.cuda is cuda
