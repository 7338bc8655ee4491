"""What is no path, given to everything that takes one: an error that says so, and no other."""

import os

import numpy as np
import pytest

import minidl
from minidl.errors import MinidlError
from minidl.utils.files import local_path

NO_PATHS = [5, 3.5, True, ["a"], {}, "", "a\0b", "~nosuchuser/x", "x" * 300, "x/" * 3000 + "y"]


def model():
    built = minidl.Sequential([minidl.Input((2,)), minidl.layers.Dense(1)])
    built.compile("sgd", "mse")
    return built


def fitted(callback):
    model().fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0, callbacks=[callback])


def ending(path, suffix):
    return path + suffix if isinstance(path, str) and path else path


USES = {
    "mnist": lambda p: minidl.datasets.mnist.load_data(path=p),
    "fashion_mnist": lambda p: minidl.datasets.fashion_mnist.load_data(path=p),
    "cifar10": lambda p: minidl.datasets.cifar10.load_data(path=p),
    "spoken_digits": lambda p: minidl.datasets.spoken_digits.load_data(path=p),
    "load_model": lambda p: minidl.models.load_model(ending(p, ".keras")),
    "load_weights": lambda p: model().load_weights(ending(p, ".weights.h5")),
    "save": lambda p: model().save(ending(p, ".keras")),
    "save_weights": lambda p: model().save_weights(ending(p, ".npz")),
    "load_img": minidl.utils.load_img,
    "save_img": lambda p: minidl.utils.save_img(ending(p, ".png"), np.zeros((2, 2, 3))),
    "image_dataset": minidl.utils.image_dataset_from_directory,
    "get_file": lambda p: minidl.utils.get_file("x", "http://127.0.0.1:9/x", cache_dir=p),
    "CSVLogger": lambda p: fitted(minidl.callbacks.CSVLogger(p)),
    "ModelCheckpoint": lambda p: fitted(minidl.callbacks.ModelCheckpoint(ending(p, ".keras"))),
    "BackupAndRestore": lambda p: fitted(minidl.callbacks.BackupAndRestore(p)),
    "plot_model": lambda p: minidl.utils.plot_model(model(), ending(p, ".png")),
}


@pytest.mark.parametrize("use", USES)
def test_no_path_is_refused_in_words(use, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for path in NO_PATHS:
        if path == "~nosuchuser/x" and use in ("save", "save_weights"):
            continue  # a folder of that name, as for any program but a shell
        with pytest.raises((MinidlError, FileNotFoundError)) as caught:
            USES[use](path)
        assert "unfinished" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_home_and_bytes_are_paths(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert local_path("~/x.npz", "f") == tmp_path / "x.npz"
    assert local_path(b"x.npz", "f").name == "x.npz"


@pytest.mark.skipif(os.name == "nt", reason="NOT RUN: Windows has no such links")
def test_links_in_a_circle_are_told(tmp_path):
    (tmp_path / "loop.npz").symlink_to(tmp_path / "loop.npz")
    with pytest.raises(MinidlError, match="is no path here"):
        minidl.datasets.mnist.load_data(path=tmp_path / "loop.npz")
