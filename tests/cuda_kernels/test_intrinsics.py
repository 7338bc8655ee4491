"""The intrinsics' meanings in NumPy: right values, counted as one access, and faults where a GPU would go wrong."""

import numpy as np
import pytest

from cuda_kernels import intrinsics, simt
from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.intrinsics import (
    cp_async4,
    cp_async_commit,
    cp_async_wait_all,
    cp_async_wait_all_but_one,
    fma,
    ld2,
    ld4,
    mma_bf16,
    mma_tf32,
    pack_bf16,
    round_to_bf16,
    round_to_tf32,
    st2,
    st4,
    to_tf32,
    warp_max,
    warp_min,
    warp_sum,
)


def values(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@cuda.jit
def reverse_fours(x, y):
    i = cuda.grid(1) * 4
    a, b, c, d = ld4(x, i)
    st4(y, i, (d, c, b, a))


@cuda.jit
def reverse_twos(x, y):
    i = cuda.grid(1) * 2
    v = ld2(x, i)
    st2(y, i, (v[1], v[0]))


@pytest.mark.parametrize("kernel, width", [(reverse_fours, 4), (reverse_twos, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint32])
def test_wide_access_moves_neighbours_in_one_piece(kernel, width, dtype):
    x = np.arange(64 * width).astype(dtype)
    y = np.zeros_like(x)
    report = simt.launch(kernel, 2, 32, x, y, strict=True)
    np.testing.assert_array_equal(y, x.reshape(-1, width)[:, ::-1].ravel())
    assert report.figures.global_load_bytes == report.figures.global_store_bytes == x.nbytes
    assert report.figures.global_load_sectors == x.nbytes // 32
    assert report.figures.global_loads == 64, "one load a thread, not one an element"


def test_wide_access_takes_flat_indices_of_any_shape():
    x, y = values(1, 8, 4, 4), np.zeros((16, 8), np.float32)
    simt.launch(reverse_fours, 1, 32, x, y, strict=True)
    np.testing.assert_array_equal(y.ravel(), x.reshape(-1, 4)[:, ::-1].ravel())


@cuda.jit
def load_from(x, y, start):
    i = cuda.threadIdx.x * 4
    st4(y, i, ld4(x, start + i))


def test_misaligned_wide_load_is_a_fault():
    report = simt.launch(load_from, 1, 2, values(1, 16), np.zeros(8, np.float32), 2)
    assert report.faults, "a GPU stops with 'misaligned address'"


def test_wide_load_past_the_end_is_a_fault():
    report = simt.launch(load_from, 1, 2, values(1, 7), np.zeros(8, np.float32), 0)
    assert [f.kind for f in report.faults] == ["out-of-bounds"]


def test_round_to_tf32_keeps_ten_bits_and_rounds_halves_away():
    x = np.float32([1 + 2**-10, 1 + 2**-11, -1 - 2**-11, 1 + 2**-11 - 2**-20, np.inf, -0.0])
    expected = np.float32([1 + 2**-10, 1 + 2**-10, -1 - 2**-10, 1, np.inf, -0.0])
    np.testing.assert_array_equal(round_to_tf32(x), expected)
    assert np.isnan(round_to_tf32(np.float32(np.nan)))
    random = values(3, 1000)
    assert np.max(np.abs(round_to_tf32(random) / random - 1)) <= 2**-11


def test_round_to_bf16_rounds_halves_to_even():
    x = np.float32([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, np.inf, -2.0])
    np.testing.assert_array_equal(round_to_bf16(x), np.float32([1, 1 + 2**-6, 1 + 2**-7, np.inf, -2]))
    assert np.isnan(round_to_bf16(np.float32(np.nan)))


@cuda.jit
def multiply_add(x, y):
    i = cuda.threadIdx.x
    y[i] = fma(x[i], x[i], float32(-1))


def test_fma_rounds_once():
    x, y = np.full(32, 1 + 2**-12, np.float32), np.zeros(32, np.float32)
    report = simt.launch(multiply_add, 1, 32, x, y, strict=True)
    assert y[0] == np.float32(2**-11 + 2**-24) != np.float32(x[0] * x[0]) - np.float32(1)
    assert report.figures.flops == 64


@cuda.jit
def one_tf32_tile(a, b, c):
    lane = cuda.threadIdx.x
    group, pair = lane // 4, lane % 4
    left = (to_tf32(a[group, pair]), to_tf32(a[group + 8, pair]),
            to_tf32(a[group, pair + 4]), to_tf32(a[group + 8, pair + 4]))
    right = (to_tf32(b[pair, group]), to_tf32(b[pair + 4, group]))
    start = (c[group, 2 * pair], c[group, 2 * pair + 1], c[group + 8, 2 * pair], c[group + 8, 2 * pair + 1])
    total = mma_tf32(left, right, start)
    c[group, 2 * pair], c[group, 2 * pair + 1] = total[0], total[1]
    c[group + 8, 2 * pair], c[group + 8, 2 * pair + 1] = total[2], total[3]


def test_mma_tf32_is_a_product_of_rounded_tiles():
    a, b, c = values(1, 16, 8), values(2, 8, 8), values(3, 16, 8)
    expected = round_to_tf32(a).astype(np.float64) @ round_to_tf32(b) + c
    report = simt.launch(one_tf32_tile, 1, 32, a, b, c, strict=True)
    np.testing.assert_allclose(c, expected, rtol=1e-6, atol=1e-6)
    assert report.figures.flops == 2 * 16 * 8 * 8
    assert report.figures.tensor_products == 1 and "1 product of a warp" in str(report)


@cuda.jit
def unrounded_tf32_tile(x, y):
    value = x[cuda.threadIdx.x]
    zero = float32(0)
    y[cuda.threadIdx.x] = mma_tf32((value, zero, zero, zero), (float32(1), zero), (zero, zero, zero, zero))[0]


def test_mma_tf32_drops_the_digits_that_the_tensor_core_does_not_read():
    x, y = np.full(32, 1 + 2**-10 + 2**-11, np.float32), np.zeros(32, np.float32)
    simt.launch(unrounded_tf32_tile, 1, 32, x, y, strict=True)
    assert set(y) == {np.float32(4 * (1 + 2**-10))}, "four ones of B along K, and 2**-11 is cut off"


@cuda.jit
def one_bf16_tile(a, b, c):
    lane = cuda.threadIdx.x
    group, pair = lane // 4, 2 * (lane % 4)
    below = group + 8
    left = (pack_bf16(a[group, pair], a[group, pair + 1]), pack_bf16(a[below, pair], a[below, pair + 1]),
            pack_bf16(a[group, pair + 8], a[group, pair + 9]), pack_bf16(a[below, pair + 8], a[below, pair + 9]))
    right = (pack_bf16(b[pair, group], b[pair + 1, group]), pack_bf16(b[pair + 8, group], b[pair + 9, group]))
    zero = float32(0)
    total = mma_bf16(left, right, (zero, zero, zero, zero))
    st2(c, group * 8 + pair, (total[0], total[1]))
    st2(c, (group + 8) * 8 + pair, (total[2], total[3]))


def test_mma_bf16_is_a_product_of_rounded_tiles():
    a, b, c = values(1, 16, 16), values(2, 16, 8), np.zeros((16, 8), np.float32)
    report = simt.launch(one_bf16_tile, 1, 32, a, b, c, strict=True)
    np.testing.assert_allclose(c, round_to_bf16(a).astype(np.float64) @ round_to_bf16(b), rtol=1e-6, atol=1e-6)
    assert report.figures.flops == 2 * 16 * 8 * 16


@cuda.jit
def half_a_warp(a, b, c):
    if cuda.threadIdx.x < 16:
        zero = float32(0)
        c[cuda.threadIdx.x] = mma_tf32((zero, zero, zero, zero), (zero, zero), (zero, zero, zero, zero))[0]


def test_mma_by_half_a_warp_is_a_fault():
    report = simt.launch(half_a_warp, 1, 32, values(1, 4), values(1, 4), np.zeros(16, np.float32))
    assert "inactive-lane" in {f.kind for f in report.faults}


@cuda.jit
def copy_reversed(x, y):
    staged = cuda.shared.array(128, float32, alignment=16)
    i = cuda.threadIdx.x * 4
    cp_async4(staged, i, x, i, min(4, max(0, x.size - i)))
    cp_async_commit()
    cp_async_wait_all()
    cuda.syncthreads()
    st4(y, i, ld4(staged, 124 - i))


@pytest.mark.parametrize("size", [128, 122, 121, 4, 1])
def test_cp_async_copies_and_fills_with_zeros(size):
    x, y = values(1, size), np.zeros(128, np.float32)
    report = simt.launch(copy_reversed, 1, 32, x, y, strict=True)
    padded = np.concatenate([x, np.zeros(128 - size, np.float32)])
    np.testing.assert_array_equal(y, padded.reshape(-1, 4)[::-1].ravel())
    assert report.figures.global_load_bytes == x.nbytes


@cuda.jit
def copy_without_waiting(x, y):
    staged = cuda.shared.array(128, float32, alignment=16)
    i = cuda.threadIdx.x * 4
    cp_async4(staged, i, x, i, 4)
    cp_async_commit()
    cuda.syncthreads()
    st4(y, i, ld4(staged, i))


def test_cp_async_without_a_wait_reads_what_is_not_there():
    report = simt.launch(copy_without_waiting, 1, 32, values(1, 128), np.zeros(128, np.float32))
    assert "uninitialised-read" in {f.kind for f in report.faults}


@cuda.jit
def copy_two_groups(x, y, waits_for_both):
    staged = cuda.shared.array(256, float32, alignment=16)
    i = cuda.threadIdx.x * 4
    cp_async4(staged, i, x, i, 4)
    cp_async_commit()
    cp_async4(staged, 128 + i, x, 128 + i, 4)
    cp_async_commit()
    cp_async_wait_all_but_one()
    if waits_for_both:
        cp_async_wait_all()
    cuda.syncthreads()
    st4(y, i, ld4(staged, i))
    st4(y, 128 + i, ld4(staged, 128 + i))


@pytest.mark.parametrize("waits_for_both, faults", [(1, set()), (0, {"uninitialised-read"})])
def test_cp_async_groups_land_in_order(waits_for_both, faults):
    x, y = values(1, 256), np.zeros(256, np.float32)
    report = simt.launch(copy_two_groups, 1, 32, x, y, np.int32(waits_for_both))
    assert {f.kind for f in report.faults} == faults
    np.testing.assert_array_equal(y[:128], x[:128])


@cuda.jit
def reduce_warps(x, out):
    i = cuda.grid(1)
    value = x[i]
    total, most, least = warp_sum(value), warp_max(value), warp_min(value)
    if cuda.laneid == 31:
        row = int32(i // 32)
        out[row, 0], out[row, 1], out[row, 2] = total, most, least


def test_warp_reductions_give_every_lane_the_result():
    x, out = values(5, 128), np.zeros((4, 3), np.float32)
    report = simt.launch(reduce_warps, 2, 64, x, out, strict=True)
    rows = x.reshape(4, 32)
    np.testing.assert_allclose(out[:, 0], rows.sum(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(out[:, 1:], np.stack([rows.max(axis=1), rows.min(axis=1)], axis=1))
    assert report.figures.shuffles == 4 * 3 * 5


def test_every_name_is_documented():
    undocumented = [name for name in intrinsics.__all__ if name not in intrinsics.__doc__ and "_all" not in name]
    assert undocumented == ["FULL_WARP", "round_to_bf16", "round_to_tf32"]
