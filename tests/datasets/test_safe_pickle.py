from __future__ import annotations

import os
import pickle
import struct
import subprocess

import numpy as np
import pytest

from minidl.datasets.safe_pickle import loads
from minidl.errors import FileFormatError

ARRAYS = [
    np.arange(12, dtype=np.uint8).reshape(3, 4),
    np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    np.array([1, -2], ">i4"),
    np.array([True, False]),
    np.zeros((0, 3)),
    np.array(2.5),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.str}{a.shape}")
def test_loads_arrays_of_every_protocol(array, protocol):
    got = loads(pickle.dumps({"data": array}, protocol), "file")["data"]
    np.testing.assert_array_equal(got, array)
    assert got.dtype == array.dtype


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_loads_plain_data(protocol):
    data = {"labels": [1, 2], "names": ("a", "ü"), "raw": b"\xff\x00", "empty": b"", "pi": 3.14, "none": None}
    assert loads(pickle.dumps(data, protocol), "file") == data


def test_loads_numpy_scalars():
    assert loads(pickle.dumps([np.int64(7), np.float32(0.5)]), "file") == [7, 0.5]


@pytest.mark.parametrize("core", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_loads_python_2_strings_and_both_module_names(core):
    # As Python 2 wrote it: the keys and the array's bytes are 8-bit strings (opcodes U and T).
    array = (
        b"c" + core + b"\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x02tcnumpy\ndtype\n"
        b"(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x05\xfetb"
    )
    raw = b"\x80\x02}(U\x04data" + array + b"U\x06labels](K\x03K\x04eu."
    got = loads(raw, "file")
    np.testing.assert_array_equal(got[b"data"], np.array([5, 254], np.uint8))
    assert got[b"labels"] == [3, 4]


class Calls:
    """Pickles to a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (Calls(os.system, "touch hacked"), r"(posix|nt)\.system"),
        (Calls(eval, "open('hacked', 'w')"), r"(builtins|__builtin__)\.eval"),
        (Calls(exec, "open('hacked', 'w')"), r"(builtins|__builtin__)\.exec"),
        (Calls(getattr, "x", "upper"), r"(builtins|__builtin__)\.getattr"),
        (Calls(open, "hacked", "w"), r"_?io\.open"),
        (Calls(subprocess.Popen, ["touch", "hacked"]), r"(subprocess|commands)\.Popen"),
        (Calls(np.load, "file.npy"), r"numpy\.load"),
        (Calls(np.fromfile, "secret"), r"numpy\._?core\.multiarray\.fromfile|numpy\.fromfile"),
        (Calls(np.save, "hacked", 1), r"numpy\.save"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_loads_refuses_functions_by_name(tmp_path, monkeypatch, payload, name, protocol):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileFormatError, match=f"data_batch_1: refused: the pickle asks for {name}"):
        loads(pickle.dumps({"data": payload}, protocol), "data_batch_1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (pickle.dumps(np.array([{}, None])), "refused: dtype 'O8'"),
        (pickle.dumps(np.zeros(2, [("a", "i4")])), "refused: dtype 'V4'"),
        (pickle.dumps(np.dtype("f4")), "type or function where data was expected"),
        (pickle.dumps(np.ndarray), "type or function where data was expected"),
        (b"cnumpy\nndarray\n((I1000000000000\nttR.", "calls numpy.ndarray itself"),
        (b"cnumpy\ndtype\n}(Vitemsize\nI1\nub.", "refused: the pickle changes a function"),
        (b"c_codecs\nencode\n(Vabc\nVzlib\ntR.", "refused: text encoding"),
        (b"Psecret\n.", "refers to an object outside"),
        (b"]q\x00h\x00a.", "nested too deeply, or contains itself"),
        (pickle.dumps(list(range(99)))[:-20], "no readable pickle"),
        (b"", "no readable pickle"),
        (b"\x1f\x8b\x08 not a pickle", "no readable pickle"),
    ],
)
def test_loads_refuses_what_is_no_plain_data(raw, message):
    with pytest.raises(FileFormatError, match=message):
        loads(raw, "file")


@pytest.mark.parametrize("size", [0, 11, 13])
def test_loads_refuses_arrays_whose_bytes_do_not_fit(size):
    raw = pickle.dumps(np.arange(12, dtype=np.uint8), 3)  # protocol 4 has frames, whose sizes would change
    state = bytes(range(12))
    assert state in raw
    wrong = raw.replace(b"C\x0c" + state, b"C" + bytes([size]) + bytes(size))
    with pytest.raises(FileFormatError, match=f"needs 12 bytes. Got {size}"):
        loads(wrong, "file")


class Built:
    """Pickles as `make(*arguments)` that is then given a state."""

    def __init__(self, make, arguments, state):
        self.made = make, arguments, state

    def __reduce__(self):
        return self.made


def array_with(shape=(3, 4), dtype=None, raw=bytes(12)):
    make, arguments, _ = np.zeros(0).__reduce__()
    return Built(make, arguments, (1, shape, dtype or np.dtype("u1"), False, raw))


def dtype_with(order="|", part=None):
    return Built(np.dtype, ("u1", False, True), (3, order, part, None, None, -1, -1, 0))


@pytest.mark.parametrize("shape", [(-3, -4), (-1,), (3.0, 4), [3, 4], 12, (True, 12)])
def test_loads_refuses_shapes_that_are_not_whole_sizes(shape):
    with pytest.raises(FileFormatError, match="refused: an array of bytes with shape"):
        loads(pickle.dumps(array_with(shape)), "file")
    assert loads(pickle.dumps(array_with()), "file").shape == (3, 4)


@pytest.mark.parametrize("wrong", [{"order": "!"}, {"part": ("u1", (2,))}], ids=["order", "part"])
def test_loads_refuses_each_wrong_state_of_a_dtype(wrong):
    with pytest.raises(FileFormatError, match="refused: a dtype with state"):
        loads(pickle.dumps(array_with(dtype=dtype_with(**wrong))), "file")
    assert loads(pickle.dumps(array_with(dtype=dtype_with())), "file").shape == (3, 4)


@pytest.mark.parametrize("place", [b"r\xff\xff\xff\x7f", b"p2147483647\n", b"q\xff"])
def test_loads_refuses_a_place_beyond_what_was_kept_before_it_makes_room(place):
    with pytest.raises(FileFormatError, match="refused: it keeps a value at place"):
        loads(b"\x80\x02]" + place + b".", "file")


def test_loads_survives_random_damage():
    raw = bytearray(pickle.dumps({"data": np.arange(30, dtype=np.uint8), "labels": [1, 2, 3]}, 2))
    generator = np.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(500):
        damaged = raw.copy()
        for position in generator.integers(0, len(raw), 2):
            damaged[position] = generator.integers(0, 256)
        try:
            loads(bytes(damaged), "file")
            outcomes["read"] += 1
        except FileFormatError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 100
    assert sum(outcomes.values()) == 500


def test_small_pickles_cannot_take_much_time_or_memory():
    bomb: object = [1] * 30
    for _ in range(7):
        bomb = [bomb] * 30  # 30 ** 8 numbers, if each list were gone through wherever it stands
    assert len(loads(pickle.dumps(bomb), "x")) == 30
    huge = struct.pack("<Q", 5 << 30)
    for raw in (
        b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.", b"\x80\x02cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02]r\xff\xff\xff\x7f.", b"\x80\x05\x96" + huge + b"a.", b"\x80\x04\x8e" + huge + b"a.",
        b"\x80\x04\x8d" + huge + b"a.",
    ):  # fmt: skip
        with pytest.raises(FileFormatError):
            loads(raw, "x")
