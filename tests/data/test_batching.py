from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.data import batches
from minidl.errors import ArgumentError, DataError


def joined(parts):
    return np.concatenate(list(parts))


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 50), batch_size=st.integers(1, 60), shuffle=st.booleans(), drop_last=st.booleans())
def test_batches_give_every_sample_once(size, batch_size, shuffle, drop_last):
    x = np.arange(size) * 3
    got = list(batches(x, batch_size, shuffle, seed=4, epoch=2, drop_last=drop_last))
    sizes = [len(batch) for batch in got]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    if drop_last:
        assert sizes == [batch_size] * (size // batch_size)
        assert len(np.unique(joined(got) if got else [])) == sum(sizes)
    else:
        assert len(got) == -(-size // batch_size)
        np.testing.assert_array_equal(np.sort(joined(got)), x)
    if not shuffle and got:
        np.testing.assert_array_equal(joined(got), x[: sum(sizes)])


def test_batches_keep_arrays_in_step_and_their_dtypes():
    x = np.arange(11, dtype=np.uint8).reshape(11, 1)
    data = {"x": x, "pair": (x[:, 0].astype(np.float16), None)}
    for batch in batches(data, 4, shuffle=True, seed=1):
        np.testing.assert_array_equal(batch["x"][:, 0], batch["pair"][0])
        assert batch["x"].dtype == np.uint8
        assert batch["pair"][0].dtype == np.float16
        assert batch["pair"][1] is None


def test_batches_order_depends_on_seed_and_epoch_alone():
    x = np.arange(100)

    def order(seed, epoch):
        return joined(batches(x, 7, True, seed, epoch)).tolist()

    first = order(3, 0)
    np.random.default_rng(9).random(1000)
    assert order(3, 0) == first
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
    assert joined(batches(x, 32, True, 3, 0)).tolist() == first  # nor on the batch size


def test_batches_order_is_the_same_on_every_machine():
    # Recorded once; a change of it would change every training run.
    order = joined(batches(np.arange(1000), 32, True, seed=0, epoch=1)).astype("<u2")
    assert hashlib.sha256(order.tobytes()).hexdigest()[:16] == "dccc8ecc60e518e7"


def test_batches_without_shuffling_copy_nothing_and_change_nothing():
    x = np.arange(10)
    assert all(np.shares_memory(batch, x) for batch in batches(x, 4))
    before = x.copy()
    for batch in batches(x, 4, shuffle=True):
        batch += 1
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "32", True, None])
def test_batches_refuse_a_batch_size_at_the_call(batch_size):
    with pytest.raises(ArgumentError, match="batch_size must be a whole number, 1 or more. Got"):
        batches(np.arange(4), batch_size)


def test_batches_refuse_empty_and_unequal_data():
    with pytest.raises(DataError, match="batches: the data is empty"):
        batches(np.zeros((0, 3)))
    with pytest.raises(DataError, match=r"Got x\[0\] \(3,\), x\[1\] \(4,\)"):
        batches((np.zeros(3), np.zeros(4)))
