"""The examples, each with little data and one epoch: do they still run to their end?"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from keras_home import link_data_sets

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALL = {"TRAIN_IMAGES": 200, "BASE_IMAGES": 200, "FEW": 20, "EPOCHS": 1, "STEPS": (0.5,)}
LAST_WORDS = {
    "cifar10_cnn": "right, most often taken for",
    "mnist_cnn": "the network says",
    "pruning": "50%",
    "spoken_digits": "heard as",
    "transfer_learning": "without a base",
}


def test_every_example_is_tested():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(LAST_WORDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LAST_WORDS))
def test_example_runs_to_its_end(name, shared_data, tmp_path, monkeypatch, capsys):
    link_data_sets(tmp_path / "keras", shared_data)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    for constant, value in SMALL.items():
        if hasattr(example, constant):
            monkeypatch.setattr(example, constant, value)
    arguments = [shared_data / "fsdd" / "recordings"] if name == "spoken_digits" else []
    example.main(*arguments)
    assert LAST_WORDS[name] in capsys.readouterr().out
