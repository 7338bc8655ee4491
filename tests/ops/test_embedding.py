"""Embedding: rows out, summed gradients back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import DataError, DTypeError, ShapeError
from minidl.ops.embedding import embedding_backward, embedding_forward
from minidl.testing import check_gradients


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(0, 4), max_size=3),
    rows=st.integers(1, 5),
    features=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_embedding_gradient_agrees_with_finite_differences(
    shape: list[int], rows: int, features: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ids, table = rng.integers(0, rows, shape), rng.normal(size=(rows, features))
    check_gradients(embedding_forward, embedding_backward, [np.asarray(ids), table])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("id_dtype", [np.uint8, np.int32, np.int64])
def test_embedding_agrees_with_a_loop_and_keeps_the_dtype(dtype: type, id_dtype: type) -> None:
    rng = np.random.default_rng(1)
    ids, table = rng.integers(0, 6, (3, 5)).astype(id_dtype), rng.normal(size=(6, 4)).astype(dtype)
    dy = rng.normal(size=(3, 5, 4)).astype(dtype)
    before = ids.copy(), table.copy()
    y, cache = embedding_forward(ids, table)
    none, d_table = embedding_backward(dy, cache)
    expected = np.zeros((6, 4))
    for n in range(3):
        for t in range(5):
            np.testing.assert_array_equal(y[n, t], table[ids[n, t]])
            expected[ids[n, t]] += dy[n, t]
    assert none is None and y.dtype == d_table.dtype == dtype
    np.testing.assert_allclose(d_table, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ids, before[0])
    np.testing.assert_array_equal(table, before[1])


def test_embedding_counts_an_id_as_often_as_it_appears() -> None:
    _, cache = embedding_forward(np.array([2, 0, 2, 2]), np.zeros((4, 1)))
    assert embedding_backward(np.ones((4, 1)), cache)[1].ravel().tolist() == [1, 0, 3, 0]


@pytest.mark.parametrize(("bad", "index"), [(7, (1, 0)), (-1, (0, 1))])
def test_embedding_names_the_first_id_without_a_row(bad: int, index: tuple[int, int]) -> None:
    ids = np.array([[0, 3], [6, 1]])
    ids[index] = bad
    with pytest.raises(DataError, match=rf"ids must lie in \[0, 7\).* Got {bad} at index \({index[0]}, {index[1]}\)"):
        embedding_forward(ids, np.zeros((7, 2)))


def test_embedding_rejects_ids_that_are_not_integers() -> None:
    with pytest.raises(DTypeError, match="ids must be integers. Got float32"):
        embedding_forward(np.zeros(3, np.float32), np.zeros((7, 2)))


def test_embedding_rejects_a_table_of_another_rank() -> None:
    with pytest.raises(ShapeError, match=r"table must be \(V, D\).* Got \(7,\)"):
        embedding_forward(np.zeros(3, int), np.zeros(7))
