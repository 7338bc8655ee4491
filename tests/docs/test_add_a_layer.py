"""docs/add_a_layer.md is true: the file that it shows is all that a layer needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "add_a_layer.md"


def test_the_page_adds_a_layer_with_one_file(tmp_path):
    the_file, program = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    copy = tmp_path / "copy"
    for part in ("minidl", "cuda_kernels", "tests/layers", "tests/reference"):
        shutil.copytree(PROJECT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "minidl" / "layers" / "cube.py").write_text(the_file, "utf-8")
    (tmp_path / "program.py").write_text(program, "utf-8")
    here = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(copy)}, "check": True, "timeout": 300}
    subprocess.run([sys.executable, "program.py"], **here)
    files = ["tests/layers/test_every_layer.py", "tests/layers/test_layers_against_keras.py", "minidl/layers/cube.py"]
    chosen = [
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={copy}",
        "--doctest-modules",
        "-k",
        "Cube or cube or is_recorded",
    ]
    pytest = [sys.executable, "-m", "pytest", *chosen, *(copy / file for file in files)]
    told = subprocess.run(pytest, **here, stdout=subprocess.PIPE, text=True).stdout
    # Three tests of every layer, the one that others are recorded from Keras, and the docstring's example.
    assert "5 passed" in told, told


def test_two_files_that_define_one_layer_are_named(tmp_path):
    for part in ("minidl", "cuda_kernels"):
        shutil.copytree(PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "minidl" / "layers"
    for names in (("one", "two", "Twice"), ("more", "core", "Dense")):
        for name in names[:2]:
            text = f"from minidl.layers.base.layer import Layer\n\n\nclass {names[2]}(Layer):\n    pass\n"
            if name != "core":
                (folder / f"{name}.py").write_text(text, "utf-8")
        here = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(tmp_path)}, "timeout": 60}
        done = subprocess.run([sys.executable, "-c", "import minidl.layers"], **here, capture_output=True, text=True)
        assert all(told in done.stderr for told in (repr(names[2]), *(f"{name}.py" for name in names[:2]))), done.stderr
        for name in ("one", "two", "more"):
            (folder / f"{name}.py").unlink(missing_ok=True)
