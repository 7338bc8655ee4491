from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from minidl.data import Dataset, PyDataset, Sequence, as_batches, as_dataset, unpack_x_y_sample_weight
from minidl.errors import ArgumentError, DataError, DTypeError

X = np.arange(20, dtype=np.uint8).reshape(10, 2)
Y = np.arange(10)


class Batches(PyDataset):
    def __init__(self, size=4):
        super().__init__()
        self.size, self.epochs_ended, self.asked = size, 0, []

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        assert type(index) is int
        self.asked.append(index)
        return np.full((3, 2), index, np.float32), np.full(3, index)

    def on_epoch_end(self):
        self.epochs_ended += 1


def generate(count=None):
    for i in itertools.count() if count is None else range(count):
        yield np.full((2, 3), i, np.float32), np.full(2, i)


def first_values(batches):
    return [int(x.flat[0]) for x, _y, _weight in batches]


# ------------------------------------------------------------------------------------ arrays


def test_arrays_are_cut_into_batches():
    data = as_dataset(X, Y, np.ones(10), batch_size=4, shuffle=False)
    assert data.num_batches == 3
    got = list(data.epoch())
    assert [x.shape for x, _, _ in got] == [(4, 2), (4, 2), (2, 2)]
    assert [y.tolist() for _, y, _ in got] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert got[0][0].dtype == np.uint8
    assert [len(weight) for _, _, weight in got] == [4, 4, 2]


def test_arrays_are_shuffled_in_step_and_anew_each_epoch():
    data = as_dataset(X, Y, batch_size=4, seed=5)
    orders = []
    for epoch in (0, 1, 0):
        batches = list(data.epoch(epoch))
        for x, y, weight in batches:
            np.testing.assert_array_equal(x[:, 0], 2 * y)
            assert weight is None
        orders.append(np.concatenate([y for _, y, _ in batches]).tolist())
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == list(range(10))


def test_arrays_take_several_inputs_by_place_or_name():
    x, y = ((X, X[:, :1]), {"digit": Y, "parity": Y % 2})
    (left, right), targets, _ = next(as_batches(x, y, batch_size=3))
    np.testing.assert_array_equal(left[:, :1], right)
    np.testing.assert_array_equal(targets["digit"] % 2, targets["parity"])
    by_name, _, _ = next(as_batches({"a": X, "b": Y}, batch_size=3))
    assert {name: array.shape for name, array in by_name.items()} == {"a": (3, 2), "b": (3,)}


def test_arrays_batch_size_is_32_by_default():
    assert [len(x) for x, _, _ in as_batches(np.zeros((70, 1)))] == [32, 32, 6]


# Keras' batches of each epoch, of 5 batches in all; and in which epochs it warns that the data ran out.
FIVE_IN_STEPS = [
    (1, [[0], [1], [2], [3], [4], [0], [1]], []),
    (2, [[0, 1], [2, 3], [4], [0, 1], [2, 3]], [2]),
    (3, [[0, 1, 2], [3, 4], [0, 1, 2], [3, 4]], [1, 3]),
    (5, [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]], []),
    (8, [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]], [0, 1]),
]


class Loader:
    """An iterable that can be begun again."""

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return generate(self.count)


class OwnDataset(Dataset):
    num_batches = 5

    def epoch(self, epoch=0):
        return ((x, y, None) for x, y in generate(5))


@pytest.mark.parametrize("steps,epochs,short", FIVE_IN_STEPS, ids=["1", "2", "3", "5", "8"])
@pytest.mark.parametrize(
    "data", [np.arange(5.0)[:, None], Batches(5), Loader(5), OwnDataset()], ids=lambda data: type(data).__name__
)
def test_steps_that_are_not_the_datas_length_go_on_in_the_next_epoch(data, steps, epochs, short):
    data = as_dataset(data, batch_size=1 if isinstance(data, np.ndarray) else None, shuffle=False, steps=steps)
    assert data.num_batches == steps
    warned = []
    for epoch, expected in enumerate(epochs):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert first_values(data.epoch(epoch)) == expected
        warned += [epoch] * any("the data ran out after" in str(w.message) for w in caught)
    assert warned == short


def test_a_pass_in_several_epochs_is_one_shuffled_order():
    x = np.arange(10)[:, None]
    for begun in (0, 3):
        data = as_dataset(x, batch_size=2, seed=4, steps=2)
        data.first_epoch = begun  # as with initial_epoch=3: it begins with the first batch
        epochs = [np.concatenate([batch[0][:, 0] for batch in data.epoch(begun + k)]).tolist() for k in (0, 1, 3, 4)]
        assert sorted(epochs[0] + epochs[1])[:1] != epochs[2]
        assert len({*epochs[0], *epochs[1]}) == 8 and len({*epochs[2], *epochs[3]}) == 8
        assert epochs[0] + epochs[1] != epochs[2] + epochs[3]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, Y[:-1]), DataError, r"Got x \(10, 2\), y \(9,\)"),
        ((X[:0], Y[:0]), DataError, "the data is empty"),
        ((None, Y), DataError, "x is None"),
        ((np.full((3, 2), np.nan), None), DataError, r"x must be finite. Got nan at index \(0, 0\)"),
        ((X, np.where(Y == 7, np.inf, Y)), DataError, r"y must be finite. Got inf at index \(7,\)"),
        ((X, Y, np.full(10, np.nan)), DataError, "sample_weight must be finite"),
        ((X, ["cat"] * 10), DTypeError, "y must hold numbers"),
        (("images.npz",), ArgumentError, "x must be arrays, a PyDataset, a generator .* Got a str"),
        ((7,), ArgumentError, "Got a int"),
        ((generate,), ArgumentError, "x is a function. To use what it yields, call it"),
        ((generate(), Y), ArgumentError, "y must not be given where x is a generator"),
        ((Batches(), None, np.ones(3)), ArgumentError, "sample_weight must not be given where x is a Batches"),
        ((Batches(), None, None, 32), ArgumentError, "batch_size must not be given"),
        ((X, Y, None, 0), ArgumentError, "batch_size must be a whole number"),
        ((Batches(0),), DataError, "Batches has no batches: its __len__ is 0"),
    ],
)
def test_as_dataset_says_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=f"fit: .*{message}|fit: {message}"):
        as_dataset(*arguments)


def test_as_dataset_refuses_bad_steps_and_names_the_caller():
    with pytest.raises(ArgumentError, match="evaluate: steps must be a whole number, 1 or more. Got 0"):
        as_dataset(X, Y, steps=0, function="evaluate")


# ------------------------------------------------------------------------------------ PyDataset


def test_pydataset_gives_all_batches_in_a_new_order_each_epoch():
    source = Batches(9)
    data = as_dataset(source, seed=1)
    assert data.num_batches == 9
    orders = [first_values(data.epoch(epoch)) for epoch in range(3)]
    assert all(sorted(order) == list(range(9)) for order in orders)
    assert orders[0] != orders[1]
    assert source.epochs_ended == 3


def test_pydataset_is_asked_for_the_batches_of_the_epoch_alone():
    source = Batches(9)
    data = as_dataset(source, shuffle=False, steps=4)
    assert first_values(data.epoch()) == [0, 1, 2, 3]
    assert (source.asked, source.epochs_ended) == ([0, 1, 2, 3], 1)


def test_pydataset_is_known_by_its_methods_alone():
    class Foreign:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return np.full((1, 1), index)

    got = list(as_dataset(Foreign(), shuffle=False).epoch())
    assert [(x.item(), y, weight) for x, y, weight in got] == [(0, None, None), (1, None, None)]


def test_pydataset_can_be_iterated_and_has_keras_names():
    assert len(list(Batches(4))) == 4
    assert Sequence is PyDataset
    data = PyDataset(workers=2, use_multiprocessing=True, max_queue_size=5)
    assert (data.workers, data.use_multiprocessing, data.max_queue_size) == (2, True, 5)
    with pytest.raises(NotImplementedError, match="must define __len__"):
        len(data)
    with pytest.raises(NotImplementedError, match="must define __getitem__"):
        data[0]


def test_a_dataset_is_taken_as_it_is():
    data = as_dataset(X, Y)
    assert isinstance(data, Dataset)
    assert as_dataset(data) is data


# ------------------------------------------------------------------------------------ generators, iterables


def test_an_endless_generator_goes_on_where_the_epoch_before_stopped():
    data = as_dataset(generate(), steps=3)
    assert data.num_batches == 3
    assert first_values(data.epoch(0)) == [0, 1, 2]
    assert first_values(data.epoch(1)) == [3, 4, 5]


def test_a_generator_that_has_run_out_warns_and_gives_nothing():
    data = as_dataset(generate(4))
    assert data.num_batches is None
    assert first_values(data.epoch(0)) == [0, 1, 2, 3]
    with pytest.warns(
        UserWarning, match="ran out after 0 batches in this epoch. A generator runs once over all epochs"
    ):
        assert first_values(data.epoch(1)) == []


def test_a_generator_that_runs_dry_warns():
    with pytest.warns(UserWarning, match="the data ran out after 2 of 5 steps in this epoch"):
        assert first_values(as_dataset(generate(2), steps=5).epoch()) == [0, 1]


def test_an_iterable_starts_anew_every_epoch():
    data = as_dataset(Loader(3))
    assert [first_values(data.epoch(epoch)) for epoch in range(2)] == [[0, 1, 2]] * 2
    with pytest.raises(DataError, match="the set_iterator|gave no batches"):
        list(as_dataset(iter(())).epoch())


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ((np.zeros((3, 1)), np.zeros(2)), r"Got x \(3, 1\), y \(2,\)"),
        ((np.zeros((0, 1)), np.zeros(0)), "the data is empty"),
        ((np.array([[np.nan]]), np.zeros(1)), "x must be finite"),
        ((1, 2, 3, 4), "a batch must be x, .* Got a tuple of 4. Several inputs go into one tuple"),
        ((), "a batch must be x"),
    ],
)
def test_batches_of_a_generator_are_checked_as_they_come(batch, message):
    with pytest.raises(DataError, match=message):
        list(as_batches(iter([batch])))


def test_batches_may_hold_several_inputs_and_lists():
    x, y, weight = next(as_batches(iter([((X, X), Y)])))
    assert (type(x), len(x), y.shape, weight) == (tuple, 2, (10,), None)
    x, y, weight = next(as_batches(iter([[X, Y, np.ones(10)]])))
    assert (x.shape, y.shape, weight.shape) == ((10, 2), (10,), (10,))


def test_unpack_takes_one_to_three_parts():
    assert unpack_x_y_sample_weight("x") == ("x", None, None)
    assert unpack_x_y_sample_weight(("x",)) == ("x", None, None)
    assert unpack_x_y_sample_weight(["x", "y"]) == ("x", "y", None)
    assert unpack_x_y_sample_weight(("x", "y", "w")) == ("x", "y", "w")


def test_hooks_of_a_pydataset_are_called_around_each_epoch():
    told = []

    class Noisy(Batches):
        def on_epoch_begin(self):
            told.append("begin")

        def __getitem__(self, index):
            told.append(index)
            return super().__getitem__(index)

        def on_epoch_end(self):
            told.append("end")

    data = as_dataset(Noisy(2), shuffle=False)
    for epoch in range(2):
        list(data.epoch(epoch))
    assert told == ["begin", 0, 1, "end"] * 2
    assert Noisy(2).num_batches == 2
