"""The gemm ladder on the SIMT machine: every rung equals NumPy on awkward shapes, and its header's formulas hold."""

import inspect
import itertools
from pathlib import Path

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.gemm import __main__ as gemm_table
from cuda_kernels.gemm import r3_shared, r7_warp_tile_double_buffered, r9_3xtf32, r10_bf16, r11_split_k
from cuda_kernels.gemm.host import ACTIVATIONS, Variant
from cuda_kernels.intrinsics import round_to_bf16, round_to_tf32
from cuda_kernels.launch import simt_options

RUNGS = ladder.rungs("gemm")
ROUNDING = {"r8_tf32": round_to_tf32, "r10_bf16": round_to_bf16}
BOTH = [False, True]


def by_name(rung):
    return rung.name


def values(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def operands(m, n, k, transpose_a=False, transpose_b=False, seed=0):
    return values(seed, *((k, m) if transpose_a else (m, k))), values(seed + 1, *((n, k) if transpose_b else (k, n)))


def reference(a, b, bias=None, *, transpose_a=False, transpose_b=False, activation=None):
    """NumPy's product in float64."""
    left = (a.T if transpose_a else a).astype(np.float64)
    right = (b.T if transpose_b else b).astype(np.float64)
    total = left @ right + (0 if bias is None else bias.astype(np.float64))
    if activation == "relu":
        return np.maximum(total, 0)
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-total))
    return np.tanh(total) if activation == "tanh" else total


def expected_of(rung, a, b, *args, **options):
    """NumPy's product of the operands as the rung rounds them, in float64."""
    rounded = ROUNDING.get(rung.name, lambda x: x)
    return reference(rounded(a), rounded(b), *args, **options)


def assert_close(c, expected, inner):
    """Equal up to the rounding of a float32 sum of `inner` products of numbers near 1."""
    np.testing.assert_allclose(c, expected, rtol=2e-6, atol=3e-7 * max(4, inner))


@pytest.mark.parametrize("m, n, k", [(1, 1, 1), (37, 21, 45), (1, 130, 3), (130, 1, 17), (129, 67, 8), (5, 132, 36)])
@pytest.mark.parametrize("rung", RUNGS, ids=by_name)
def test_gemm_equals_numpy_on_awkward_shapes(rung, m, n, k):
    a, b = operands(m, n, k)
    with simt_options() as reports:
        c = rung.run(a, b)
    assert c.shape == (m, n) and c.dtype == np.float32
    assert_close(c, expected_of(rung, a, b), k)
    assert [f for r in reports for f in r.faults] == []


@pytest.mark.parametrize("transpose_a, transpose_b", list(itertools.product(BOTH, BOTH)))
@pytest.mark.parametrize("m, n, k", [(37, 21, 45), (36, 132, 20)])
@pytest.mark.parametrize("rung", RUNGS, ids=by_name)
def test_gemm_transposes_operands(rung, m, n, k, transpose_a, transpose_b):
    a, b = operands(m, n, k, transpose_a, transpose_b)
    c = rung.run(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    assert_close(c, expected_of(rung, a, b, transpose_a=transpose_a, transpose_b=transpose_b), k)


@pytest.mark.parametrize("with_bias, activation", [(True, name) for name in ACTIVATIONS] + [(False, "relu")])
@pytest.mark.parametrize("rung", RUNGS, ids=by_name)
def test_gemm_adds_bias_and_activates(rung, with_bias, activation):
    a, b = operands(9, 20, 12)
    bias = values(7, 20) if with_bias else None
    c = rung.run(a, b, bias, activation=activation)
    assert_close(c, expected_of(rung, a, b, bias, activation=activation), 12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gemm_hands_a_nan_on_through_its_activation(activation):
    a, b = operands(3, 4, 5)
    a[1, 2] = np.nan
    c = ladder.rung("gemm", "r2").run(a, b, activation=activation)
    assert np.isnan(c).all(axis=1).tolist() == [False, True, False] and np.isfinite(c[::2]).all()


@pytest.mark.parametrize("rung", RUNGS, ids=by_name)
def test_gemm_writes_into_out(rung):
    a, b = operands(5, 8, 4)
    out = np.full((5, 8), np.nan, np.float32)
    assert rung.run(a, b, out=out, on="simt") is out
    assert_close(out, expected_of(rung, a, b), 4)


@pytest.mark.parametrize("rung", RUNGS, ids=by_name)
def test_gemm_reads_operands_that_do_not_begin_on_16_bytes(rung):
    memory = values(3, 8 * 8 + 1)
    a = memory[1:].reshape(8, 8)
    b = values(4, 8, 12)
    assert_close(rung.run(a, b), expected_of(rung, a, b), 8)


@pytest.mark.parametrize("rung", RUNGS, ids=by_name)
def test_gemm_of_two_blocks_each_way_for_whole_tiles(rung):
    m, n, k = 256, 256, 32
    a, b = operands(m, n, k)
    with simt_options() as reports:
        c = rung.run(a, b)
    assert_close(c, expected_of(rung, a, b), k)
    figures = reports[0].figures
    products = {"r9_3xtf32": 3, "r1_naive": 1}.get(rung.name, 1)
    if rung.name == "r9_3xtf32":
        splits = figures.flops - products * 2 * m * n * k
        assert 0 < splits < 0.5 * products * 2 * m * n * k, "the subtractions that split the operands"
    else:
        assert figures.flops == 2 * m * n * k
    assert figures.global_load_bytes == _loaded(rung, m, n, k)
    assert figures.global_store_bytes == 4 * m * n


def _loaded(rung, m, n, k):
    """The header's formula."""
    if rung.name in ("r1_naive", "r2_coalesced"):
        return 8 * m * n * k
    return 4 * m * n * k * 2 // inspect.getmodule(rung.builds[0].kernel.py_func).TILE


def test_each_rung_moves_fewer_sectors_than_the_one_before():
    a, b = operands(128, 128, 32)
    moved = []
    for rung in RUNGS[:5]:
        with simt_options() as reports:
            rung.run(a, b)
        moved.append(reports[0].figures.global_load_sectors)
    assert moved == sorted(moved, reverse=True) and len(set(moved)) == 5


@pytest.mark.parametrize("name", ["r3_shared", "r5_tile_2d", "r8_tf32"])
def test_tiles_are_read_without_bank_conflicts(name):
    a, b = operands(128, 128, 32)
    with simt_options() as reports:
        ladder.rung("gemm", name).run(a, b)
    report = reports[0]
    loads = [f for f in report.by_line.values() if f.shared_load_bytes and not f.shared_store_bytes]
    assert loads and max(f.shared_ways for f in loads) == 1


@pytest.mark.parametrize("name", ["r8_tf32", "r9_3xtf32", "r10_bf16"])
@pytest.mark.parametrize("transpose_a, transpose_b", [(False, False), (True, True)])
def test_tensor_core_tiles_are_filled_and_read_without_bank_conflicts(name, transpose_a, transpose_b):
    a, b = operands(128, 128, 64)
    a, b = (np.ascontiguousarray(m.T) if turn else m for m, turn in ((a, transpose_a), (b, transpose_b)))
    with simt_options() as reports:
        ladder.rung("gemm", name).run(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    for figures in reports[0].by_line.values():
        if figures.shared_accesses:  # 16 bytes a lane take four passes at best: 512 bytes, 128 at a time
            moved = figures.shared_load_bytes + figures.shared_store_bytes
            assert figures.shared_wavefronts * 128 == moved


def test_double_buffering_needs_one_barrier_a_step():
    a, b = operands(128, 128, 64)
    with simt_options() as reports:
        r7_warp_tile_double_buffered.RUNG.run(a, b)
        ladder.rung("gemm", "r6").run(a, b)
    assert [r.figures.barriers for r in reports] == [1 + 64 // 16, 2 * 64 // 8]


def test_3xtf32_is_as_accurate_as_float32():
    a, b = operands(64, 64, 512)
    exact = reference(a, b)
    scale = np.abs(a).astype(np.float64) @ np.abs(b)
    errors = {name: np.max(np.abs(ladder.rung("gemm", name).run(a, b) - exact) / scale)
              for name in ("r7", "r8", "r9", "r10")}
    assert errors["r9"] < 2e-7 and errors["r9"] <= 2 * errors["r7"]
    assert 1e-5 < errors["r8"] < 1e-3 < 100 * errors["r10"] < 1


def test_3xtf32_gives_nan_for_infinity_as_its_header_says():
    a, b = operands(4, 4, 4)
    a[0, 0] = np.inf
    assert np.isnan(r9_3xtf32.RUNG.run(a, b)[0]).all() and np.isfinite(r9_3xtf32.RUNG.run(a, b)[1:]).all()


def test_default_rung_is_the_last_float32_one():
    assert ladder.rung("gemm").name == "r11_split_k"
    assert {r.name for r in RUNGS if r.optional} == {"r8_tf32", "r9_3xtf32", "r10_bf16"}


@pytest.mark.parametrize("transpose_a, transpose_b", [(False, False), (True, True)])
@pytest.mark.parametrize("m, n, k", [(5, 10, 400), (130, 20, 200), (1, 1, 65), (7, 8, 129)])
def test_split_k_shares_the_work_along_k(m, n, k, transpose_a, transpose_b):
    a, b = operands(m, n, k, transpose_a, transpose_b)
    bias = values(9, n)
    options = {"transpose_a": transpose_a, "transpose_b": transpose_b, "activation": "tanh"}
    with simt_options() as reports:
        c = r11_split_k.RUNG.run(a, b, bias, **options)
        again = r11_split_k.RUNG.run(a, b, bias, **options)
    assert_close(c, reference(a, b, bias, **options), k)
    np.testing.assert_array_equal(c, again)
    parts = reports[0].grid[2]
    assert parts == -(-k // 64) and [r.kernel for r in reports[:2]] == ["gemm_split_k", "gemm_add_parts"]
    assert reports[1].figures.global_load_bytes == 4 * m * n * (parts + 1), "the parts, and the bias"


def test_split_k_leaves_large_results_whole():
    assert r11_split_k.parts_for(4096, 4096, 4096, 264) == 1
    assert r11_split_k.parts_for(1, 1, 10**6, 264) == 264
    assert r11_split_k.parts_for(46340, 46340, 10**6, 10**9) == 1, "the parts stay within int32 indices"


def test_kernels_are_made_once_for_each_variant():
    assert r10_bf16.make_kernel(Variant()) is r10_bf16.make_kernel(Variant())
    assert r3_shared.make_kernel(Variant()) is not r3_shared.make_kernel(Variant(transpose_a=True))


@pytest.mark.parametrize("a, b, options, error, said", [
    ((3, 4), (5, 6), {}, ValueError, r"Got 4 and 5 from a \(3, 4\), b \(5, 6\)"),
    ((3, 4), (3, 5), {"transpose_b": True}, ValueError, "Is one transposed"),
    ((3, 4), (4,), {}, ValueError, "b must have 2 axes"),
    ((0, 4), (4, 5), {}, ValueError, "a has no elements"),
    ((3, 4), (4, 5), {"activation": "gelu"}, ValueError, "activation must be one of"),
    ((3, 4), (4, 5), {"bias": np.zeros(4, np.float32)}, ValueError, r"bias must have shape \(5,\)"),
    ((3, 4), (4, 5), {"bias": np.zeros(5)}, TypeError, "bias must be float32"),
    ((3, 4), (4, 5), {"out": np.zeros((5, 3), np.float32)}, ValueError, r"out must have shape \(3, 5\)"),
    ((3, 4), (4, 5), {"on": "cuda"}, TypeError, "cannot launch on 'cuda'"),
])
def test_gemm_says_what_is_wrong(a, b, options, error, said):
    for rung in (RUNGS[0], RUNGS[-1]):
        with pytest.raises(error, match=said):
            rung.run(np.zeros(a, np.float32), np.zeros(b, np.float32), **options)


def test_gemm_refuses_a_transposed_view():
    with pytest.raises(ValueError, match="C-contiguous"):
        RUNGS[0].run(np.zeros((4, 3), np.float32).T, np.zeros((4, 5), np.float32))


def test_readme_shows_what_the_machine_counts():
    readme = (Path(gemm_table.__file__).parent / "README.md").read_text()
    assert gemm_table.table(256, 256, 64) in readme
