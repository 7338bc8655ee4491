"""gemm, batched_gemm and dense: against loops and finite differences, and their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import DTypeError, ShapeError
from minidl.ops.dense import dense_backward, dense_forward
from minidl.ops.gemm import batched_gemm_backward, batched_gemm_forward, gemm_backward, gemm_forward
from minidl.testing.gradients import check_gradients

QUICK = settings(deadline=None, derandomize=True, max_examples=25)
SIZES = st.integers(1, 4)


def loop_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a times b, one output number at a time."""
    y = np.zeros((a.shape[0], b.shape[1]))
    for m, n in np.ndindex(*y.shape):
        y[m, n] = sum(a[m, k] * b[k, n] for k in range(a.shape[1]))
    return y


@st.composite
def factors(draw: Any) -> tuple[np.ndarray, np.ndarray, dict[str, bool], np.ndarray]:
    """Draw a stack of two factors, how they are transposed, and their product."""
    i, m, k, n = (draw(SIZES) for _ in range(4))
    static = {"transpose_a": draw(st.booleans()), "transpose_b": draw(st.booleans())}
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    a, b = rng.normal(size=(i, m, k)), rng.normal(size=(i, k, n))
    y = np.stack([loop_product(*pair) for pair in zip(a, b, strict=True)])
    a = a.transpose(0, 2, 1).copy() if static["transpose_a"] else a
    b = b.transpose(0, 2, 1).copy() if static["transpose_b"] else b
    return a, b, static, y


@QUICK
@given(factors())
def test_gemm_equals_the_loops_and_gradients_the_differences(case: tuple) -> None:
    a, b, static, expected = case
    np.testing.assert_allclose(gemm_forward(a[0], b[0], **static)[0], expected[0], rtol=1e-12, atol=1e-14)
    check_gradients(gemm_forward, gemm_backward, [a[0], b[0]], static)


@QUICK
@given(factors())
def test_batched_gemm_equals_the_loops_and_gradients_the_differences(case: tuple) -> None:
    a, b, static, expected = case
    np.testing.assert_allclose(batched_gemm_forward(a, b, **static)[0], expected, rtol=1e-12, atol=1e-14)
    check_gradients(batched_gemm_forward, batched_gemm_backward, [a, b], static)


@QUICK
@given(st.lists(SIZES, min_size=1, max_size=3), SIZES, SIZES, st.booleans(), st.integers(0, 99))
def test_dense_equals_the_loops_and_gradients_the_differences(
    leading: list[int], features: int, units: int, biased: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(*leading, features)), rng.normal(size=(features, units))
    b = rng.normal(size=units) if biased else None
    expected = loop_product(x.reshape(-1, features), w) + (0.0 if b is None else b)
    y, _ = dense_forward(x, w, b)
    np.testing.assert_allclose(y, expected.reshape(*leading, units), rtol=1e-12, atol=1e-14)
    check_gradients(dense_forward, dense_backward, [x, w, b])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_inputs_unchanged(dtype: type) -> None:
    x, w, b = (np.arange(1, n * m + 1, dtype=dtype).reshape(n, m) for n, m in ((2, 3), (3, 4), (1, 4)))
    arrays = [x, w, b[0]]
    before = [a.copy() for a in arrays]
    y, cache = dense_forward(*arrays)
    assert y.dtype == dtype
    assert [d.dtype for d in dense_backward(y, cache)] == [dtype] * 3
    y, cache = gemm_forward(x, w)
    assert y.dtype == dtype
    assert [d.dtype for d in gemm_backward(y, cache)] == [dtype] * 2
    assert all(np.array_equal(a, old) for a, old in zip(arrays, before, strict=True))


def test_needs_leaves_out_what_nobody_wants() -> None:
    x, w = np.ones((2, 3)), np.ones((3, 4))
    y, cache = dense_forward(x, w, np.ones(4))
    assert [d is not None for d in dense_backward(y, cache, needs=(False, True, False))] == [False, True, False]
    y, cache = gemm_forward(x, w)
    assert [d is not None for d in gemm_backward(y, cache, needs=(True, False))] == [True, False]
    y, cache = dense_forward(x, w)
    assert dense_backward(y, cache)[2] is None


def test_views_are_taken_and_large_results_are_right() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(200, 2 * 50))[:, ::2], rng.normal(size=(120, 50)).T
    y, cache = gemm_forward(a, b)
    np.testing.assert_allclose(y, np.einsum("mk,kn->mn", a, b), atol=1e-12)
    da, db = gemm_backward(y[::-1], cache)
    np.testing.assert_allclose(da, y[::-1] @ b.T, atol=1e-10)
    np.testing.assert_allclose(db, a.T @ y[::-1], atol=1e-10)


@pytest.mark.parametrize(
    ("forward", "shapes", "message"),
    [
        (gemm_forward, [(2, 3), (4, 5)], "gemm: the inner sizes differ, 3 and 4. Got a"),
        (gemm_forward, [(2, 3, 1), (3, 5)], "gemm: a and b must have 2 axes"),
        (batched_gemm_forward, [(2, 3), (3, 5)], "batched_gemm: a and b must have 3 axes"),
        (batched_gemm_forward, [(2, 3, 4), (3, 4, 5)], "must hold the same number of matrices"),
        (dense_forward, [(2, 3), (4, 5)], "dense: x has 3 features but w expects 4.*is a Flatten missing"),
        (dense_forward, [(3,), (3, 5)], "x must be .* with a batch axis"),
        (dense_forward, [(2, 3), (3,)], r"w \(D, U\)"),
        (dense_forward, [(2, 3), (3, 5), (3,)], r"b must be \(5,\)"),
    ],
)
def test_shapes_that_do_not_agree_are_named(forward: Any, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        forward(*map(np.zeros, shapes))


@pytest.mark.parametrize("forward", [gemm_forward, dense_forward])
def test_dtypes_that_do_not_agree_are_named(forward: Any) -> None:
    with pytest.raises(DTypeError, match="all inputs must have the same dtype"):
        forward(np.zeros((2, 3), np.float32), np.zeros((3, 4)))
