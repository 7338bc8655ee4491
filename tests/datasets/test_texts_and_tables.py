"""IMDB, Reuters, the tables of houses and CIFAR-100: small files of their formats, against Keras' loaders."""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from dataset_files import CASES, plain, write

from minidl import datasets
from minidl.datasets import boston_housing, california_housing, cifar100, imdb, npz, reuters
from minidl.errors import ArgumentError, DataError, DownloadError, FileFormatError, UnknownNameError

RECORDED = json.loads((Path(__file__).parent.parent / "reference" / "datasets.json").read_text("utf-8"))
FILES = (boston_housing, california_housing, imdb, reuters)


@pytest.fixture
def published(tmp_path):
    """Keras' cache, with the small files in the published ones' place."""
    write(tmp_path / "keras" / "datasets")
    return tmp_path / "keras" / "datasets"


@pytest.mark.parametrize("name", CASES)
def test_what_is_loaded_is_what_keras_loads(published, name):
    dataset, arguments = CASES[name]
    if "error" in RECORDED[name]:
        with pytest.raises(DataError, match="no text has fewer than maxlen=1 words"):
            getattr(datasets, dataset).load_data(**arguments)
        return
    loaded = getattr(datasets, dataset).load_data(**arguments)
    assert plain(loaded) == RECORDED[name]
    if dataset in ("imdb", "reuters"):
        assert all(x.dtype == object and x.ndim == 1 and isinstance(x[0], list) for x, _ in loaded if len(x))


def test_every_case_was_recorded_and_both_ways_of_pickling_are_read(published, tmp_path):
    assert RECORDED.keys() - {"versions"} == CASES.keys()
    with np.load(published / "reuters.npz", allow_pickle=True) as given:
        x, y = given["x"], given["y"]
    for protocol in (2, 3, 4, 5):
        header = {"descr": "|O", "fortran_order": False, "shape": x.shape}
        path = tmp_path / f"{protocol}.npz"
        with zipfile.ZipFile(path, "w") as archive:
            for name, array in (("x", x), ("y", y)):
                with archive.open(f"{name}.npy", "w") as member:
                    if name == "y":
                        np.save(member, array)
                    else:
                        np.lib.format.write_array_header_1_0(member, header)
                        pickle.dump(array, member, protocol=protocol)
        assert plain(reuters.load_data(path)) == RECORDED["reuters"]


def test_a_known_file_is_read_without_counting_its_memory(published, monkeypatch):
    from minidl.datasets import safe_pickle

    path = published / "imdb.npz"
    counted = []
    monkeypatch.setattr(safe_pickle, "_check_sizes", lambda raw: counted.append(len(raw)))
    imdb.load_data()
    assert len(counted) == 2  # x_train and x_test
    known = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(imdb, "FILE", imdb.FILE._replace(known_hash=known))
    imdb.load_data()
    assert len(counted) == 2


class Evil:
    def __reduce__(self):
        return (print, ("ran",))


def lists(*items):
    array = np.empty(len(items), object)
    array[:] = items
    return array


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (lists([1], Evil()), "asks for builtins.print|asks for __builtin__.print"),
        (lists([1], "text"), "Item 1 is another thing"),
        (lists([1.5], [2]), "Item 0 is another thing"),
        (lists([True], [2]), "Item 0 is another thing"),
        (lists([1], {"a": 1}), "Item 1 is another thing"),
        (lists([1], [[2]]), "Item 1 is another thing"),
        (lists([1], np.arange(3)), "Item 1 is another thing"),
        (lists([1, 2], [3], [4]).reshape(3, 1), "Only an array of one axis|expected"),
    ],
)
def test_a_file_with_other_things_than_lists_of_numbers(tmp_path, capsys, x, said):
    path = tmp_path / "odd.npz"
    np.savez(path, x=x, y=np.arange(len(x)))
    with pytest.raises(FileFormatError, match=said):
        reuters.load_data(path)
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-60], lambda raw: b"no zip", lambda raw: raw[:200] + b"\0" * 300 + raw[500:]]
)
@pytest.mark.parametrize("module", FILES, ids=lambda module: module.FILE.name)
def test_a_damaged_file_is_told(published, module, damage):
    path = published / module.FILE.name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FileFormatError, match=module.FILE.name):
        module.load_data()


@pytest.mark.parametrize("module", [*FILES, cifar100], ids=lambda module: module.FILE.name)
def test_a_file_that_is_nowhere(monkeypatch, module):
    monkeypatch.setattr(module, "FILE", module.FILE._replace(urls=("http://127.0.0.1:9/x",)))
    with pytest.raises(DownloadError, match=rf"place {module.FILE.name} in .*\n.*load_data\(path="):
        module.load_data()
    with pytest.raises(DataError, match="does not exist"):
        module.load_data(path="no/such/file.npz")


def test_arguments_that_are_wrong(published, tmp_path):
    with pytest.raises(UnknownNameError, match="'large', 'small'|large"):
        california_housing.load_data("medium")
    with pytest.raises(ArgumentError, match=r"\[0, 1\). Got 1.5"):
        boston_housing.load_data(test_split=1.5)
    with pytest.raises(DataError, match="is a folder. Give the file imdb.npz"):
        imdb.load_data(tmp_path / "keras")
    np.savez(tmp_path / "flat.npz", x=np.arange(3), y=np.arange(3))
    with pytest.raises(FileFormatError, match=r"x \(N, D\)"):
        boston_housing.load_data(tmp_path / "flat.npz")


def test_words_and_topics(published):
    (published / "imdb_word_index.json").write_text('{"the": 1, "film": 2}')
    assert imdb.get_word_index() == {"the": 1, "film": 2}
    (published / "reuters_word_index.json").write_text("[1]")
    with pytest.raises(FileFormatError, match="expected words and their numbers"):
        reuters.get_word_index()
    names = reuters.get_label_names()
    assert len(names) == len(set(names)) == 46 and names[:3] == ("cocoa", "grain", "veg-oil") and names[45] == "lead"


@pytest.mark.parametrize("place", ["cifar-100-python-target/cifar-100-python", "cifar-100-python"])
def test_cifar100_has_fine_and_coarse_labels(published, place):
    random = np.random.default_rng(0)
    folder = published / place
    folder.mkdir(parents=True)
    kept = {}
    for name, count in (("train", 7), ("test", 3)):
        data = random.integers(0, 256, (count, 3072), dtype=np.uint8)
        kept[name] = data, random.integers(0, 100, count).tolist(), random.integers(0, 20, count).tolist()
        batch = {b"data": data, b"fine_labels": kept[name][1], b"coarse_labels": kept[name][2]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    for mode, which in (("fine", 1), ("coarse", 2)):
        (x_train, y_train), (x_test, y_test) = cifar100.load_data(mode)
        assert y_train.ravel().tolist() == kept["train"][which] and y_test.shape == (3, 1)
        assert x_train.shape == (7, 32, 32, 3) and x_test.dtype == np.uint8
        assert x_train[2, 5, 6, 1] == kept["train"][0][2, 1024 + 5 * 32 + 6]
    with pytest.raises(UnknownNameError, match="label_mode"):
        cifar100.load_data("both")
    (folder / "test").unlink()
    with pytest.raises(DataError, match="lacks test. Is it CIFAR-100's"):
        cifar100.load_data()


def test_the_reader_of_lists_names_what_is_missing(published):
    with pytest.raises(FileFormatError, match="reuters.npz"):
        npz.read_lists(published / "reuters.npz", ("x", "z"), "sha256:0")
