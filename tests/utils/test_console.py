"""Outputs that cannot take every character: cp1252 (files and old consoles of Windows), ASCII."""

import io
import os
import subprocess
import sys

import pytest

from minidl.console import REPLACING, printable

SHOWS = """
import numpy as np, minidl
from minidl import lens
minidl.utils.set_random_seed(0)
x, y = np.ones((4, 3), "float32"), np.array([0, 1, 0, 1])
model = minidl.Sequential([minidl.Input((3,)), minidl.layers.Dense(2, activation="softmax", name="größe")])
model.compile("sgd", "sparse_categorical_crossentropy")
model.summary(show_trainable=True)
i = minidl.Input((3,))
minidl.Model(i, minidl.layers.Dense(1)(i) + minidl.layers.Dense(1)(i), name="zwei_Äste").summary()
callbacks = [minidl.callbacks.ModelCheckpoint("größe.keras", verbose=1)]
for verbose in (1, 2):
    model.fit(x, y, epochs=2, verbose=verbose, callbacks=callbacks)
stepper = lens.step(model, x, y)
for moment in range(len(stepper)):
    print(stepper)
    stepper.next() if moment < len(stepper) - 1 else None
print(stepper.table(), stepper.now)
print(lens.compare(model, x, y, "numpy", "numpy"))
print(lens.time("relu", [x], repeats=2))
print(lens.training_step(model, x, y), lens.record_step(model, x, y).table())
"""


def run(*command, encoding, cwd):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "MPLBACKEND": "agg"}
    return subprocess.run([sys.executable, "-W", "ignore", *command], capture_output=True, env=environment, cwd=cwd)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_what_minidl_prints_can_be_printed(encoding, tmp_path):
    done = run("-c", SHOWS, encoding=encoding, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    text = done.stdout.decode(encoding)
    assert ("größe" in text) == (encoding != "ascii")
    assert ("┏" in text) == (encoding == "utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize(
    "command",
    [
        ["train", "--data", "digits", "--model", "mlp", "--epochs", "1", "--model-file", "m.keras"],
        ["demo", "--epochs", "1"], ["summary", "cnn"], ["doctor"], ["ops"], ["--help"],
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_the_command_line_prints_everywhere(command, encoding, tmp_path):
    done = run("-m", "minidl", *command, encoding=encoding, cwd=tmp_path)
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode == 0 or command[0] == "ops", done.stderr.decode(errors="replace")
    assert done.stdout.decode(encoding)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("3 ≥ 2", "3 >= 2"), ("y = Σ x² − ε", "y = sum  x^2 - epsilon"), ("┏━┳━┓", "+=+=+"), ("größe", "groe"),
        ("Aᵀ·B", "A^T*B"), ("漢字", "??"), ("naïve café", "naive cafe"),
    ],
)  # fmt: skip
def test_ascii_takes_what_a_character_means(text, plain):
    assert text.encode("ascii", REPLACING).decode() == plain.replace("groe", "gro?e")


def test_printable_changes_nothing_where_all_can_be_written():
    for stream in (io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()):
        assert printable("┏━ größe ≥", stream) == "┏━ größe ≥"
    assert printable("größe ≥", io.TextIOWrapper(io.BytesIO(), "cp1252")) == "größe >="
