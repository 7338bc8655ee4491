"""Arrays on a device refuse NumPy and Python; tensors there do what tensors of the host do, and the ledger knows."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.backends import transfers
from minidl.backends.devices.arrays import HostedArray, OnDeviceError, device_of, to_device, to_host, zeros_like
from minidl.errors import BackendError, ShapeError
from minidl.tape import where_it_lies

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def array():
    return to_device(VALUES, "simt", "test")


@pytest.fixture
def tensor(array):
    return minidl.Tensor.wrap(array, "x")


REFUSED = {
    "array + number": lambda a: a + 1,
    "number * array": lambda a: 2 * a,
    "array @ array": lambda a: a @ a,
    "NumPy array + array": lambda a: VALUES + a,
    "array + NumPy array": lambda a: a + VALUES,
    "NumPy function of elements": np.exp,
    "NumPy function of arrays": lambda a: np.concatenate([a, a]),
    "np.sum": np.sum,
    "a == 0": lambda a: a == 0,
    "a > 0": lambda a: a > 0,
    "in place": lambda a: operator.iadd(a, 1),
    "write": lambda a: operator.setitem(a, 0, 1.0),
    "an element": lambda a: a[0, 0],
    "a mask as an index": lambda a: a[VALUES > 1],
    "iteration": list,
    "truth": bool,
    "float": lambda a: float(a[:1, :1].reshape(())),
    "method sum": lambda a: a.sum(),
    "method astype": lambda a: a.astype(np.float64),
    "method copy": lambda a: a.copy(),
    "abs": abs,
    "minus": operator.neg,
}


@pytest.mark.parametrize("name", REFUSED)
def test_numpy_and_python_cannot_compute_with_an_array_on_a_device(name, array):
    with pytest.raises(OnDeviceError, match=r"to_host\(array") as caught:
        REFUSED[name](array)
    assert isinstance(caught.value, BackendError)


def test_what_a_device_array_offers(array):
    assert (array.shape, array.ndim, array.size, array.nbytes, len(array)) == ((2, 3), 2, 6, 24, 2)
    assert array.dtype == np.float32 and array.strides == (12, 4) and array.flags["C_CONTIGUOUS"]
    assert array.reshape(-1).shape == array.reshape((6,)).shape == (6,)
    assert array[1].shape == (3,) and array[:, 1:].shape == (2, 2) and not array[:, 1:].is_c_contiguous()
    with pytest.raises(OnDeviceError, match="contiguous"):
        array[:, 1:].reshape(4)
    assert np.array_equal(array.copy_to_host(), VALUES) and repr(array) == "<HostedArray (2, 3) float32 on simt>"
    assert not hasattr(array, "__cuda_array_interface__") and hash(array) is not None


def test_a_copy_goes_up_and_another_comes_down():
    host = VALUES.copy()
    array = to_device(host, "simt", "test")
    host[:] = 0
    down = to_host(array, "test")
    assert np.array_equal(down, VALUES)
    down[:] = 0
    assert np.array_equal(to_host(array, "test"), VALUES)


def test_np_asarray_works_as_on_a_gpu_and_is_written_down(array):
    with transfers() as ledger:
        assert np.array_equal(np.asarray(array), VALUES)
    assert [move.cause for move in ledger] == ["np.asarray()"]


def test_a_number_is_no_move():
    with transfers() as ledger:
        number = to_device(np.float32(2.5).reshape(()), "simt", "test")
    assert not ledger and number.shape == () and to_host(number, "test") == np.float32(2.5)


def test_zeros_like_stays_where_it_is(array):
    with transfers() as ledger:
        zeros = zeros_like(array)
    assert not ledger and device_of(zeros) == "simt" and not to_host(zeros, "test").any()
    assert device_of(zeros_like(VALUES)) is None


def test_copies_and_pickles_of_a_tensor_come_to_the_host(tensor):
    for other in (copy.copy(tensor), copy.deepcopy(tensor), pickle.loads(pickle.dumps(tensor))):
        assert other.device == "cpu" and np.array_equal(other.numpy(), VALUES) and other.name == "x"
    assert tensor.device == "simt"


def test_a_tensor_of_a_tensor_shares_the_array_of_the_device(tensor):
    with transfers() as ledger:
        assert minidl.Tensor(tensor).data is tensor.data and minidl.Tensor(tensor.data).data is tensor.data
    assert not ledger
    assert minidl.Tensor(tensor, dtype="float64").device == "cpu"


def test_comparisons_numbers_and_lengths(tensor):
    assert (tensor > 2).numpy().tolist() == (VALUES > 2).tolist() and (tensor == tensor).numpy().all()
    with minidl.using("simt"):
        one = tensor[1:, 2:].sum()
        assert one.device == "simt" and float(one) == 5.0 and int(one) == 5 and bool(one)
        assert [float(row.sum()) for row in tensor] == [3.0, 12.0] and len(tensor) == 2
    with pytest.raises(ShapeError, match=r"Use .numpy\(\).any\(\)"):
        bool(tensor)
    assert "[0. 1. 2.]" in repr(tensor) and np.asarray(tensor, np.float64).sum() == 15


def test_a_change_in_place_makes_a_new_value_and_leaves_what_others_see(tensor):
    other = minidl.Tensor(tensor)
    tensor[0] = 9.0
    assert tensor.device == "cpu" and tensor.numpy()[0].tolist() == [9, 9, 9]
    assert np.array_equal(other.numpy(), VALUES)


def test_assign_keeps_values_on_the_device(tensor):
    variable = minidl.Variable(np.zeros((2, 3), np.float32))
    with transfers() as ledger:
        variable.assign(tensor)
        variable.assign_add(tensor)
        variable.assign_sub(1.0)
        assert variable.device == "simt" and not ledger
    assert np.array_equal(variable.numpy(), 2 * VALUES - 1)
    variable.assign(VALUES)
    assert variable.device == "cpu"
    with pytest.raises(ShapeError, match="assign"):
        variable.assign(minidl.Tensor(tensor.data.reshape(3, 2)))


def test_arithmetic_follows_the_values(tensor):
    host = minidl.Tensor(VALUES)
    with transfers() as ledger, where_it_lies(host, tensor):
        assert (host * 2.0 + tensor).device == "simt"
    assert [move.direction for move in ledger] == ["up"]
    host = minidl.Tensor(VALUES)
    with minidl.using("simt"), where_it_lies(host):
        assert (host * 2.0).device == "cpu"


def test_labels_and_masks_stay_on_the_host_whatever_is_selected():
    mask, ids = minidl.Tensor(np.array([[True, False]])), minidl.Tensor([[1, 2]])
    with minidl.using("simt"), minidl.GradientTape() as tape:
        outputs = [F.flip(mask, 1), ids[:, 1:], ids.astype("int64"), F.reshape(mask, (2,))]
    assert {output.device for output in outputs} == {"cpu"}
    assert "stay on the host" in tape.entries[0].why
    pixels = minidl.Tensor(np.array([[0, 255]], np.uint8))
    with transfers() as ledger, minidl.using("simt"):
        assert pixels.astype("float32").device == "simt"  # as bytes they travel four times as fast
    assert [move.nbytes for move in ledger] == [2]


def test_a_model_takes_float64_data_which_becomes_float32_on_the_host():
    model = minidl.Sequential([minidl.layers.Input((3,)), minidl.layers.Dense(2)])
    model.compile("adam", "mse")
    with minidl.using("simt"), transfers() as ledger:
        model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    assert ("dense forward", 48) in [(move.cause, move.nbytes) for move in ledger]


def test_integers_that_a_device_made_stay_there():
    with minidl.using("simt"), transfers() as ledger:
        places = F.argmax(minidl.Tensor([[1.0, 3.0], [2.0, 0.0]]))
        assert F.reshape(places, (2, 1)).device == "simt"
    assert [move.direction for move in ledger] == ["up"]


def test_observers_are_told_where_and_why(tensor):
    with minidl.observers.observing() as runs, where_it_lies(tensor):
        tensor * 2.0
    assert (runs[0].backend, runs[0].why) == ("simt", "where its values are")
    assert isinstance(runs[0].outputs[0], HostedArray)
