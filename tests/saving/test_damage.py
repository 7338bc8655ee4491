"""Damaged files change nothing; interrupted saves lose nothing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import errors, models

HERE = Path(__file__).parent
WEIGHTS = ("weights.h5", "safetensors", "npz", "h5", "keras")
spec = importlib.util.spec_from_file_location("example_models", HERE / "example_models.py")
examples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(examples)
small, write = examples.small, examples.write


# ---- damage anywhere


def damaged_copies(content: bytes, rng: np.random.Generator, count: int):
    """Yield copies cut off at random places, and copies with one byte changed."""
    for place in rng.integers(0, len(content), count):
        yield f"cut at {place}", content[:place]
    for place, flip in zip(rng.integers(0, len(content), 2 * count), rng.integers(1, 256, 2 * count), strict=True):
        changed = bytearray(content)
        changed[place] ^= int(flip)
        yield f"byte {place} ^ {flip}", bytes(changed)


@pytest.mark.parametrize("ending", WEIGHTS)
def test_damage_anywhere_is_noticed_and_changes_nothing(ending, tmp_path):
    source, _, _ = examples.trained("cnn", steps=1)
    model, _, _ = examples.MAKERS["cnn"]()
    path = write(source, tmp_path / f"m.{ending}")
    good = [w.copy() for w in source.get_weights()]
    before = model.get_weights()
    for what, content in damaged_copies(path.read_bytes(), np.random.default_rng(11), 25):
        path.write_bytes(content)
        try:
            model.load_weights(path)
        except errors.FileFormatError:
            expected = before
        else:  # bytes that mean nothing: then every number must be right
            expected = good
        for a, b in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"{ending} {what}")
        model.set_weights(before)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_damaged_models_raise_only_file_format_errors(ending, tmp_path):
    source, _, _ = examples.trained("cnn", steps=1)
    path = tmp_path / f"m.{ending}"
    source.save(path)
    for _, content in damaged_copies(path.read_bytes(), np.random.default_rng(12), 20):
        path.write_bytes(content)
        try:
            models.load_model(path)
        except errors.FileFormatError as error:
            assert str(error)


# ---- interrupted saves


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_an_error_while_saving_keeps_the_former_file(ending, tmp_path, monkeypatch):
    model, x, _ = examples.trained("cnn", steps=1)
    path = tmp_path / f"m.{ending}"
    model.save(path)
    former = path.read_bytes()

    def fail(*_):
        raise OSError("No space left on device")

    module = "weights_h5" if ending == "keras" else "legacy_h5"
    monkeypatch.setattr(f"minidl.saving.{module}.write_array", fail)
    with pytest.raises(OSError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == former
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_killed_save_keeps_the_former_file(tmp_path):
    model = small()
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    former = path.read_bytes()
    code = """
import os, sys
from minidl import Sequential, layers
from minidl.saving import weights_h5
model = Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(3)])
written = []
def write(group, name, values, real=weights_h5.write_array):
    real(group, name, values)
    group.file.flush()
    written.append(name)
    if len(written) == 3:
        os.kill(os.getpid(), 9)
weights_h5.write_array = write
model.save_weights(sys.argv[1])
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], timeout=600, cwd=HERE.parent.parent)
    assert done.returncode == -9
    assert path.read_bytes() == former
    small().load_weights(path)


def test_saving_does_not_import_h5py_before_it_is_needed():
    code = "import sys, minidl.saving; from minidl import saving; assert 'h5py' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600, cwd=HERE.parent.parent)


def test_nothing_here_imports_pickle():
    for source in (Path(minidl.__file__).parent / "models" / "saving").glob("*.py"):
        text = source.read_text()
        assert "import pickle" not in text and "marshal" not in text and "eval(" not in text, source.name
