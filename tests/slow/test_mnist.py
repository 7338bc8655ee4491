"""Real MNIST on plain NumPy: the command of docs/mnist.md, and the accuracy that it promises."""

from __future__ import annotations

import re

import pytest

from minidl.cli.app import run


@pytest.mark.slow
def test_lenet_passes_99_percent_of_mnist_within_three_epochs(shared_data, tmp_path, capsys):
    options = "--data mnist --model lenet5_wide --epochs 3 --batch-size 64 --learning-rate 0.002 --schedule cosine"
    where = ["--data-path", str(shared_data / "mnist.npz"), "--model-file", str(tmp_path / "lenet.keras")]
    assert run(["train", *options.split(), *where]) == 0
    accuracy = float(re.search(r"Test: accuracy (\d\.\d+)", capsys.readouterr().out)[1])
    assert accuracy >= 0.99
    assert run(["evaluate", str(tmp_path / "lenet.keras"), "--data", "mnist", *where[:2]]) == 0
    assert f"accuracy {accuracy:.4f}" in capsys.readouterr().out
