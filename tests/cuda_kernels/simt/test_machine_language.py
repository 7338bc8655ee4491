"""What the machine's kernel language means: each feature against NumPy or one thread at a time."""
import math

import numpy as np
import one_thread_at_a_time
import pytest
from numba import cuda, float32, int32, uint32

from cuda_kernels import simt

TABLE = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.float32)
SIZES = (2, 3, 5)
RADIUS = 2


def agrees(kernel, grid, block, *args, outputs=(), **devices):
    """Launch, with and without checks and in small batches; all must equal one thread at a time."""
    expected = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    one_thread_at_a_time.run(kernel, grid, block, *expected, **devices)
    for options in ({}, {"checks": False}, {"batch_threads": 32}):
        got = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        report = simt.launch(kernel, grid, block, *got, outputs=outputs, **options)
        assert report.faults == [], report.faults[0]
        for e, g in zip(expected, got, strict=True):
            if isinstance(e, np.ndarray):
                np.testing.assert_allclose(g, e, rtol=2e-6, atol=1e-6)


def indices_3d(x, y):
    i, j, k = cuda.grid(3)
    if i < x.shape[0] and j < x.shape[1] and k < x.shape[2]:
        y[i, j, k] = x[i, j, k] + cuda.threadIdx.y * 100 + cuda.blockIdx.z * 1000 + cuda.blockDim.x + cuda.gridDim.y


def test_three_dimensional_launch_with_ragged_edges():
    x = np.random.default_rng(0).integers(0, 50, (5, 7, 3))
    agrees(indices_3d, (2, 3, 2), (4, 3, 2), x, np.zeros_like(x))


def four_dimensional(x, y):
    n = cuda.grid(1)
    if n >= x.shape[0]:
        return
    for c in range(x.shape[1]):
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                y[n, j, c, i] = x[n, c, i, j] * float32(2)


@pytest.mark.parametrize("view", ["plain", "transposed", "stepped", "reversed", "fortran"])
def test_four_dimensional_arrays_of_any_strides(view):
    x = np.random.default_rng(1).standard_normal((4, 3, 4, 3)).astype(np.float32)
    base = {"plain": x, "transposed": x.transpose(2, 1, 0, 3), "stepped": np.repeat(x, 2, axis=3)[..., ::2],
            "reversed": x[::-1, :, ::-1], "fortran": np.asfortranarray(x)}[view]
    y = np.zeros((base.shape[0], base.shape[3], base.shape[1], base.shape[2]), np.float32)
    report = simt.launch(four_dimensional, 1, 32, base, y)
    assert report.faults == []
    np.testing.assert_array_equal(y, base.transpose(0, 3, 1, 2) * 2)


def flow(x, y, n):
    i = cuda.grid(1)
    if i < n:
        total = 0
        k = 0
        while True:
            k += 1
            if k % 3 == i % 3:
                continue
            if k > x[i]:
                break
            total += k if k % 2 else -k
        for step in range(i % 4, -3, -1):
            total += step * 10
        y[i] = total


def test_while_true_with_continue_break_and_negative_range():
    x = np.random.default_rng(2).integers(-3, 12, 70)
    agrees(flow, 3, 32, x, np.zeros(70, np.int64), 70)


def guarded(x, y):
    i = cuda.grid(1)
    if i < x.size and x[i] > 0 and (i == 0 or x[i - 1] > 0):
        y[i] = x[i] - (x[i - 1] if i > 0 else float32(0))
    elif i < x.size and not (x[i] > 0 or i == 3):
        y[i] = -1 if i + 1 < x.size and x[i + 1] < 0 < 1 else -2


def test_guards_keep_threads_out_of_accesses():
    x = np.random.default_rng(3).standard_normal(45).astype(np.float32)
    agrees(guarded, 2, 32, x, np.zeros(45, np.float32))


@cuda.jit(device=True)
def clamp(value, low, high):
    if value < low:
        return low
    if value > high:
        return high
    return value


@cuda.jit(device=True)
def window_sum(x, i, radius=RADIUS):
    """A plain helper: the sum around `i`, and how many elements it has."""
    total = float32(0)
    count = 0
    for k in range(i - radius, i + radius + 1):
        if k < 0 or k >= x.size:
            continue
        total += x[k]
        count += 1
    return total, count


def calls_functions(x, y):
    i = cuda.grid(1)
    if i < x.size:
        total, count = window_sum(x, i)
        wide, _ = window_sum(x, i, radius=3)
        y[i] = clamp(total / float32(count), float32(-0.4), high=float32(0.4)) + wide


def test_device_functions_return_early_take_defaults_keywords_and_give_tuples():
    x = np.random.default_rng(4).standard_normal(70).astype(np.float32)
    y = np.zeros_like(x)
    assert simt.launch(calls_functions, 3, 32, x, y).faults == []
    padded = np.pad(x, 3)
    sums = [sum(padded[k:k + 70] for k in range(3 - r, 4 + r)) for r in (2, 3)]
    counts = np.array([min(i + 2, 69) - max(i - 2, 0) + 1 for i in range(70)])
    np.testing.assert_allclose(y, np.clip(sums[0] / counts, -0.4, 0.4) + sums[1], rtol=1e-5)


@cuda.jit(device=True)
def plus_one(v):
    return v + 1


def doubled(function):
    @cuda.jit(device=True)
    def stage(v):
        return function(v) * 2
    return stage


def test_device_functions_of_one_factory_are_told_apart():
    twice = doubled(doubled(plus_one))

    def kernel(x):
        i = cuda.grid(1)
        x[i] = twice(x[i])

    x = np.arange(4)
    assert simt.launch(kernel, 1, 4, x).faults == []
    assert x.tolist() == [4, 8, 12, 16]


def int64_2(x):
    tail = x[2:]
    tail[0] = 2


def slice(x):
    tail = x[2:]
    tail[0] = 3


@pytest.mark.parametrize(("kernel", "expected"), [(int64_2, 2), (slice, 3)])
def test_kernel_may_have_a_name_that_its_translation_uses(kernel, expected):
    x = np.zeros(4)
    assert simt.launch(kernel, 1, 1, x, outputs=()).faults == []
    assert x.tolist() == [0, 0, expected, 0]


def nested_functions(x, y, n):
    i = cuda.grid(1)

    def at(k, other=-1):
        if k < 0 or k >= n:
            return other
        return x[k] * scale

    def around(k):
        return at(k - 1) + at(k + 1, other=5)

    def put(k, value):
        y[k] = value

    scale = 2
    if i < n:
        put(i, around(i))
        scale = 3
        y[i] += at(i)


def test_functions_inside_a_kernel_see_its_variables():
    x, y = np.arange(10) ** 2, np.zeros(10, np.int64)
    assert simt.launch(nested_functions, 1, 32, x, y, 10).faults == []
    before, after = np.concatenate(([-1], 2 * x[:-1])), np.concatenate((2 * x[1:], [5]))
    assert y.tolist() == (before + after + 3 * x).tolist()


def constants(x, y):
    i = cuda.grid(1)
    weights = cuda.const.array_like(TABLE)
    acc = float32(0)
    for n in SIZES:
        acc += TABLE[(i + n) % 8] * float32(n)
    for k in range(len(SIZES)):
        acc += float32(SIZES[k] ** 2 if k < 2 else math.floor(math.pi)) + weights[i % TABLE.shape[0]]
    y[i] = acc


def test_constants_from_globals_tuples_and_constant_arrays():
    y = np.zeros(40, np.float32)
    assert simt.launch(constants, 1, 40, y, y).faults == []
    i = np.arange(40)
    expected = sum(TABLE[(i + n) % 8] * n for n in SIZES) + 4 + 9 + 3 + 3 * TABLE[i % 8]
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def local_arrays(x, y):
    i = cuda.grid(1)
    window = cuda.local.array((2, 3), float32)
    order = cuda.local.array(6, int32)
    for a in range(2):
        for b in range(3):
            window[a, b] = x[i, a * 3 + b]
            order[a * 3 + b] = a * 3 + b
    for _ in range(6):
        for b in range(5):
            p, q = order[b], order[b + 1]
            if window[p // 3, p % 3] > window[q // 3, q % 3]:
                order[b], order[b + 1] = q, p
    for a in range(6):
        y[i, a] = window[order[a] // 3, order[a] % 3]


def test_local_arrays_with_indices_that_differ_between_threads():
    x = np.random.default_rng(5).standard_normal((50, 6)).astype(np.float32)
    y = np.zeros_like(x)
    assert simt.launch(local_arrays, 1, 50, x, y).faults == []
    np.testing.assert_array_equal(y, np.sort(x, axis=1))


def parts_of_arrays(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        row = x[i]
        out = y[i, 1:]
        head = row[:3]
        for j in range(row.size - 1):
            out[j] = row[j + 1] + head[j % head.shape[0]] * float32(len(head))


def test_parts_of_arrays_share_their_memory():
    x = np.random.default_rng(6).standard_normal((37, 6)).astype(np.float32)
    y = np.zeros((37, 6), np.float32)
    assert simt.launch(parts_of_arrays, 2, 32, x, y, outputs=()).faults == []
    np.testing.assert_allclose(y[:, 1:], x[:, 1:] + x[:, [0, 1, 2, 0, 1]] * 3, rtol=1e-6)


def values_of_and_or(x, y):
    i = cuda.grid(1)
    y[i, 0] = x[i] or 7
    y[i, 1] = x[i] and x[(i + 1) % x.size] or i
    y[i, 2] = i and x[i - 1]
    k = x[i] > 1
    y[i, 3] = k and i > 4
    y[i, 4] = (i or x[i]) + (i and i - 1 or 5)


def test_and_or_give_values():
    agrees(values_of_and_or, 1, 20, np.random.default_rng(11).integers(-1, 3, 20), np.zeros((20, 5), np.int64))


def test_kernel_inside_a_function_may_have_a_docstring_that_is_flush_left():
    def plain(x):
        """One line,
and another, flush left."""
        x[0] += 1

    x = np.zeros(1)
    assert simt.launch(plain, 1, 1, x).faults == []
    assert x[0] == 1


def ping_pong(x, y, steps):
    a = cuda.shared.array(64, float32)
    b = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    a[t] = x[t]
    cuda.syncthreads()
    source, target = a, b
    for _ in range(steps):
        target[t] = source[t] + (source[t - 1] if t > 0 else float32(0))
        cuda.syncthreads()
        source, target = target, source
    y[t] = source[t]


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_shared_arrays_may_swap_names(steps):
    x = np.random.default_rng(7).standard_normal(64).astype(np.float32)
    y = np.zeros_like(x)
    assert simt.launch(ping_pong, 1, 64, x, y, steps).faults == []
    expected = x.copy()
    for _ in range(steps):
        expected = expected + np.concatenate(([0], expected[:-1])).astype(np.float32)
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def dynamic_shared(x, y):
    everything = cuda.shared.array(0, float32)
    left = everything[:32]
    right = everything[32:64]
    t = cuda.threadIdx.x
    left[t] = x[t]
    right[31 - t] = x[t + 32]
    cuda.syncthreads()
    y[t] = left[31 - t] - right[t] + float32(everything.size)


def test_dynamic_shared_memory_is_cut_into_parts():
    x = np.random.default_rng(8).standard_normal(64).astype(np.float32)
    y = np.zeros(32, np.float32)
    assert simt.launch(dynamic_shared, 1, 32, x, y, shared_bytes=300).faults == []
    np.testing.assert_allclose(y, x[31::-1] - x[63:31:-1] + 75, rtol=1e-6)


def arithmetic(x, n, y):
    i = cuda.grid(1)
    v, k = x[i], n[i]
    y[i, 0] = math.sqrt(abs(v)) + math.exp(-v * v)
    y[i, 1] = max(v, float32(0.5), -v) - min(v, float32(0))
    y[i, 2] = k // 3 + k % 3 + (k >> 1) + (k << 2) + (k & 6) + (k | 1) + (k ^ 5) + ~k
    y[i, 3] = round(v) + int(v * float32(10)) + float(k)
    y[i, 4] = float32(bool(k)) + float32(k > 2) + float32(not k)
    y[i, 5] = v ** 2 + math.pow(v, float32(2)) + math.atan2(v, float32(2)) + math.floor(v) + math.copysign(v, -v)
    y[i, 6] = math.tanh(v) + math.erf(v) + math.log1p(abs(v))


def test_arithmetic_and_math_functions():
    rng = np.random.default_rng(9)
    agrees(arithmetic, 1, 33, rng.standard_normal(33).astype(np.float32), rng.integers(-9, 9, 33).astype(np.int32),
           np.zeros((33, 7)))


def optional(x, bias, y):
    i = cuda.grid(1)
    if bias is not None:
        y[i] = x[i] + bias[i]
    else:
        y[i] = x[i]


def test_optional_array_may_be_none():
    x = np.arange(4, dtype=np.float32)
    y = np.zeros_like(x)
    assert simt.launch(optional, 1, 4, x, None, y).faults == []
    assert y.tolist() == [0, 1, 2, 3]
    assert simt.launch(optional, 1, 4, x, x, y).faults == []
    assert y.tolist() == [0, 2, 4, 6]


def chained(y):
    i = cuda.grid(1)
    a = b = i * 2
    (c, d), e = (a, b + 1), i
    y[i, 0] = y[i, 1] = a + c
    y[i, 1] -= d if 3 < i <= 7 != e else 0
    y[i, 2]: int32 = 5
    pass


def test_chained_assignment_unpacking_and_chained_comparison():
    agrees(chained, 1, 12, np.zeros((12, 3), np.int64))


def grid_stride(x, y):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        y[i] = x[i] + 1


@pytest.mark.parametrize("size", [1, 63, 64, 65, 500])
def test_grid_stride_loop_covers_every_size(size):
    agrees(grid_stride, 2, 32, np.arange(size), np.zeros(size, np.int64), outputs=("y",))


def narrow_types(flags, small, y):
    i = cuda.grid(1)
    if flags[i]:
        small[i] += 1
    y[i] = flags[i] and small[i] > 100
    flags[i] = not flags[i]


def test_booleans_and_small_integers_wrap():
    flags = np.array([True, False, True])
    small = np.array([255, 255, 120], np.uint8)
    y = np.zeros(3, bool)
    assert simt.launch(narrow_types, 1, 3, flags, small, y).faults == []
    assert small.tolist() == [0, 255, 121]
    assert y.tolist() == [False, False, True]
    assert flags.tolist() == [False, True, False]


def make_kernel(factor):
    def kernel(x):
        i = cuda.grid(1)
        x[i] *= factor
    return kernel


def test_closure_constants_belong_to_their_kernel():
    x = np.ones(3, np.int64)
    for factor in (2, 3, 2):
        simt.launch(make_kernel(factor), 1, 3, x)
    assert x.tolist() == [12, 12, 12]


def uint_loop(y):
    i = uint32(cuda.grid(1))
    k = uint32(0)
    while k < i:
        k += uint32(3)
    y[i] = k - i


def test_unsigned_counters():
    y = np.zeros(20, np.int64)
    assert simt.launch(uint_loop, 1, 20, y).faults == []
    assert y.tolist() == [-(-i // 3) * 3 - i for i in range(20)]


def variable_of_two_types(x, y):
    i = cuda.grid(1)
    best = 0
    if x[i] > 0:
        best = x[i]
    y[i] = best


def test_variable_of_two_types_takes_the_wider():
    x = np.array([-1.5, 2.5, 0.25], np.float32)
    y = np.zeros(3, np.float32)
    simt.launch(variable_of_two_types, 1, 3, x, y)
    assert y.tolist() == [0, 2.5, 0.25]


def returns_in_loop(x, y):
    i = cuda.grid(1)
    for k in range(x.shape[1]):
        if x[i, k] == 0:
            y[i] = k
            return
        for j in range(2):
            if x[i, k] == j + 8:
                y[i] = 100 + k
                return
    y[i] = -1


def test_return_inside_nested_loops():
    x = np.random.default_rng(10).integers(0, 12, (40, 8))
    agrees(returns_in_loop, 1, 40, x, np.zeros(40, np.int64))


def bits(x, y):
    i = cuda.grid(1)
    y[i, 0] = cuda.popc(x[i])
    y[i, 1] = cuda.clz(x[i])
    y[i, 2] = cuda.ffs(x[i])
    y[i, 3] = cuda.brev(uint32(x[i]))
    y[i, 4] = cuda.selp(x[i] > 4, x[i], int32(-1))


def test_bit_functions():
    x = np.array([0, 1, 6, 1 << 30, -1, 12345], np.int32)
    y = np.zeros((6, 5), np.int64)
    assert simt.launch(bits, 1, 6, x, y).faults == []
    for v, row in zip(x.tolist(), y.tolist(), strict=True):
        text = format(v & 0xFFFFFFFF, "032b")
        assert row == [text.count("1"), len(text) - len(text.lstrip("0")), 32 - text.rfind("1") if "1" in text else 0,
                       int(text[::-1], 2), v if v > 4 else -1]


def fused(a, b, c, y):
    i = cuda.grid(1)
    y[i] = cuda.fma(a[i], b[i], c[i])


def test_fma_rounds_once():
    a = np.array([1 + 2**-12], np.float32)
    y = np.zeros(1, np.float32)
    simt.launch(fused, 1, 1, a, a, np.array([-1], np.float32), y)
    assert y[0] == np.float32(2**-11 + 2**-24)


def test_print_writes_a_line_for_each_active_thread(capsys):
    def kernel(x):
        i = cuda.grid(1)
        if i < 2:
            print("value", i, x[i])

    simt.launch(kernel, 1, 32, np.array([5, 7]))
    assert capsys.readouterr().out == "value 0 5\nvalue 1 7\n"


def test_overlapping_arguments_are_one_memory():
    def shift(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = x[i]

    memory = np.arange(10, dtype=np.float32)
    report = simt.launch(shift, 1, 32, memory[:-1], memory[1:])
    assert {f.kind for f in report.faults} == {"race"}
    assert simt.launch(shift, 1, 32, memory[:5], memory[5:]).faults == []
