"""Programs as tutorials have them: each runs as it stands, and checks by itself that its network learned.

`run_with_keras.py` runs the same files, with the import changed back, under Keras itself.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from keras_home import link_data_sets

import minidl
from minidl import config

FOLDER = Path(__file__).resolve().parent / "programs"
PROGRAMS = sorted(FOLDER.glob("[0-9]*.py"))
NEED_REAL_DATA = ("mnist", "cifar10", "SPOKEN_DIGITS")


@pytest.fixture
def as_a_user(tmp_path, monkeypatch):
    """Run in an empty folder, with the programs' folder first on the path, and leave minidl as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    floatx = config.floatx()
    minidl.backend.clear_session()
    yield
    config.set_floatx(floatx)
    minidl.backend.clear_session()
    sys.modules.pop("sample_data", None)


@pytest.mark.parametrize("program", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_program_runs_and_learns(program, as_a_user, request, tmp_path, monkeypatch):
    if any(name in program.read_text() for name in NEED_REAL_DATA):
        data = request.getfixturevalue("shared_data")
        link_data_sets(tmp_path / "keras", data)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        monkeypatch.setenv("SPOKEN_DIGITS", str(data / "fsdd" / "recordings"))
    runpy.run_path(str(program), run_name="__main__")


def test_programs_name_the_library_in_imports_only():
    """`import minidl as keras` is the one thing that a program changes; two leave a check out where Keras fails it."""
    elsewhere = [
        program.stem
        for program in PROGRAMS
        for line in program.read_text().splitlines()
        if "minidl" in line and not line.startswith(("import minidl as keras", "from minidl"))
    ]
    assert elsewhere == ["08_transfer_learning_nested", "29_weights_and_files"]
