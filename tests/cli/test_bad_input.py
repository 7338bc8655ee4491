"""The command line with targets, images, sizes and outputs that cannot be: one message, no traceback, no work lost."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minidl
from minidl.cli import bench
from minidl.cli import train as train_command
from minidl.cli.app import run
from minidl.errors import ArgumentError

TRAIN = ["train", "-e", "1", "--samples", "64", "-m", "mlp", "--verbose", "0"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a model, a file and folders whose names are those of files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    for name in ("folder", "folder.keras", "folder.png"):
        (tmp_path / name).mkdir()
    model = minidl.Sequential([minidl.Input((8, 8, 1)), minidl.layers.Flatten(), minidl.layers.Dense(10)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save("m.keras")
    return tmp_path


def said(capsys, arguments, code=1):
    assert run(arguments) == code
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--model-file", "folder.keras", "is a folder; give the name of a file"),
        ("--model-file", "no/m.keras", "does not exist. Create it first"),
        ("--model-file", "file/m.keras", "is a file"),
        ("--model-file", "m.txt", "must end in .keras, .h5"),
        ("--model-file", "m.weights.h5", "the whole model is saved"),
        ("--model-file", "x" * 300 + ".keras", "the name is too long"),
        ("--curves", "folder.png", "is a folder"),
        ("--curves", "c.xyz", "must end in .png, .svg, .pdf"),
        ("--curves", "c", "must end in .png"),
        ("--curves", "no/c.png", "does not exist"),
        ("--history", "folder", "is a folder"),
        ("--history", "file/h.csv", "is a file"),
        ("--data-path", "file", "digits comes with minidl"),
    ],
)
def test_train_checks_its_targets_before_it_trains(place, capsys, monkeypatch, option, value, words):
    monkeypatch.setattr(train_command, "model_of", lambda *_: pytest.fail("the training had begun"))
    before = sorted(os.listdir(place))
    assert words in said(capsys, [*TRAIN, option, value])
    assert sorted(os.listdir(place)) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "m.keras", "--confusion", "folder.png"], "--confusion: 'folder.png' is a folder"),
        (["evaluate", "m.keras", "--confusion", "x.xyz"], "must end in .png"),
        (["lens", "m.keras", "-n", "1", "-o", "file"], "must be a folder, and a file is in its way"),
        (["lens", "m.keras", "-n", "1", "-o", "file/in"], "must be a folder"),
        (["demo", "-o", "file"], "must be a folder"),
        (["bench", "gemm", "-s", "8", "--json", "folder"], "is a folder"),
        (["bench", "gemm", "-s", "8", "--plot", "x.xyz"], "must end in .png"),
        (["bench", "gemm", "-s", "1000000"], "gemm of size 1000000 needs"),
        (["predict", "m.keras", "folder"], "it is a folder"),
    ],
)
def test_other_commands_check_theirs(place, capsys, monkeypatch, arguments, words):
    monkeypatch.setattr(minidl.Model, "evaluate", lambda *_, **__: pytest.fail("the work had begun"))
    assert words in said(capsys, arguments)


ARRAYS = {
    "too small": (np.zeros((3, 5)), "must hold images of (8, 8, 1)"),
    "empty": (np.zeros((0, 8, 8)), "there is no image"),
    "a number": (np.float32(1), "must hold images"),
    "text": (np.array(["a"]), "an array of numbers"),
    "complex": (np.zeros((8, 8), complex), "an array of numbers"),
    "records": (np.zeros(4, [("a", "f4")]), "an array of numbers"),
    "not a number": (np.full((8, 8), np.nan), "must be finite"),
    "three channels": (np.zeros((8, 8, 3)), "must hold images"),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_predict_says_what_is_wrong_with_an_array(place, capsys, what):
    np.save(place / "x.npy", ARRAYS[what][0])
    assert ARRAYS[what][1] in said(capsys, ["predict", "m.keras", "x.npy"])


@pytest.mark.parametrize("content", [b"", b"junk", b"\x93NUMPY\x01\x00v\x00{'descr'", b"\x93NUMPY\x09\x09"])
def test_predict_says_what_is_no_array(place, capsys, content):
    (place / "x.npy").write_bytes(content)
    assert "x.npy is no array" in said(capsys, ["predict", "m.keras", "x.npy"])


def test_predict_believes_no_size_that_a_file_states(place, capsys):
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    (place / "x.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00" + head.ljust(117) + b"\n")
    assert "x.npy is damaged" in said(capsys, ["predict", "m.keras", "x.npy"])
    with open(place / "objects.npy", "wb") as file:
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    assert "objects.npy holds Python objects" in said(capsys, ["predict", "m.keras", "objects.npy"])


def test_predict_numbers_the_images_of_one_file(place, capsys):
    np.save(place / "x.npy", np.zeros((2, 8, 8), np.uint8))
    assert run(["predict", "m.keras", "x.npy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["x.npy [0]", "x.npy [1]"]


@pytest.mark.parametrize("home", ["file", "file/in"])
def test_a_cache_that_is_a_file_is_named(place, capsys, monkeypatch, home):
    monkeypatch.setenv("MINIDL_HOME", str(place / home))
    monkeypatch.setenv("KERAS_HOME", str(place / "nothing"))
    text = said(capsys, ["train", "--data", "mnist", "-e", "1"])
    assert "MINIDL_HOME" in text and str(place / home) in text


@pytest.mark.skipif(os.name == "nt", reason="NOT RUN: a shell of Unix is needed")
@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("{} ops > /dev/full", 1, "No space left on device"),
        ("{} summary cnn > /dev/full", 1, "No space left"),
        ("{} --help > /dev/full", 1, "No space left"),
        ("{} ops >&-", 0, ""),
        ("{} summary cnn >&- 2>&-", 0, ""),
        ("{} foo 2>&-", 2, ""),
        ("{} foo 2> /dev/full", 2, ""),
        ("{} ops | head -1", 0, ""),
        ("MPLBACKEND=nonsense {} bench gemm -b numpy -s 8 --plot z.png", 0, ""),
        ("MINIDL_BACKEND=nonsense {} demo -o d", 1, "nonsense"),
    ],
)
def test_odd_outputs_and_environments(tmp_path, line, code, words):
    command = line.format(f"'{sys.executable}' -m minidl")
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.parametrize("op, arrays", [("gemm", 2), ("relu", 1), ("add", 2)])
def test_a_bench_is_refused_where_its_inputs_have_no_room(op, arrays, monkeypatch):
    """Six copies of inputs of 64 x 64 numbers of 4 bytes; how much is free is made up."""
    needed = 6 * arrays * 64 * 64 * 4
    for free, refused in ((needed, False), (needed - 1, True)):
        monkeypatch.setattr(bench.os, "sysconf", {"SC_AVPHYS_PAGES": free, "SC_PAGE_SIZE": 1}.__getitem__)
        if refused:
            with pytest.raises(ArgumentError, match=f"bench: {op} of size 64 needs"):
                bench._check_memory(op, 64)
        else:
            bench._check_memory(op, 64)
