"""Batched products on the SIMT machine."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options

RUNGS = ladder.rungs("batched_gemm")


def values(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("batch, m, n, k", [(1, 1, 1, 1), (3, 7, 132, 20), (2, 130, 5, 9)])
@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
def test_batched_gemm_equals_numpy(rung, batch, m, n, k, transpose_a, transpose_b):
    a = values(1, batch, *((k, m) if transpose_a else (m, k)))
    b = values(2, batch, *((n, k) if transpose_b else (k, n)))
    with simt_options() as reports:
        c = rung.run(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    left, right = (x.astype(np.float64).swapaxes(1, 2) if turned else x.astype(np.float64)
                   for x, turned in ((a, transpose_a), (b, transpose_b)))
    np.testing.assert_allclose(c, left @ right, rtol=2e-6, atol=1e-5)
    assert len(reports) == (1 if rung.name == "r2_grid_z" else batch)


def test_batched_gemm_counts_the_operations_of_all_pairs():
    a, b = values(1, 3, 128, 16), values(2, 3, 16, 128)
    with simt_options() as reports:
        ladder.rung("batched_gemm").run(a, b)
    assert reports[0].figures.flops == 3 * 2 * 128 * 128 * 16
    assert reports[0].figures.global_load_bytes == 4 * 3 * 2 * 128 * 16


@pytest.mark.parametrize("a, b, options, said", [
    ((2, 3, 4), (3, 4, 5), {}, "equally many matrices"),
    ((2, 3, 4), (2, 5, 6), {}, r"Got a \(2, 3, 4\), b \(2, 5, 6\)"),
    ((2, 3, 4), (2, 4, 5), {"transpose_b": True}, "Is one transposed"),
    ((2, 3, 4), (4, 5), {}, "b must have 3 axes"),
    ((0, 3, 4), (0, 4, 5), {}, "no elements"),
    ((2, 3, 4), (2, 4, 5), {"out": np.zeros((2, 5, 3), np.float32)}, r"out must have shape \(2, 3, 5\)"),
])
def test_batched_gemm_says_what_is_wrong(a, b, options, said):
    for rung in RUNGS:
        with pytest.raises(ValueError, match=said):
            rung.run(np.zeros(a, np.float32), np.zeros(b, np.float32), **options)
