"""docs/add_an_op.md: its lines are added to a copy of minidl and counted, and what it says is there is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docs" / "add_an_op.md").read_text("utf-8")
FILES = re.compile(r"`([\w/]+\.py)`[:.]\n\n```python\n(.*?)```", re.S)  # a file's name ends the sentence before a block
EVERY_OP = (
    "tests/ops/test_cubes.py", "tests/ops/test_records.py", "tests/backends/test_device_ops.py",
    "tests/backends/test_edge_shapes.py", "tests/core/test_check_cases.py", "tests/core/test_second_derivatives.py",
    "tests/lens/test_costs.py", "tests/lens/test_timing.py",
)  # fmt: skip


WITHOUT_KERNELS = """
import numpy as np, minidl
from minidl import functional as F, lens
from minidl.errors import BackendError

def refused(what):
    try:
        what()
    except BackendError as error:
        assert "no kernels yet" in str(error) and "step 2" in str(error) and "host_only=True" in str(error), error
    else:
        raise AssertionError("not refused")

assert F.cube([2.0]).numpy() == 8
assert minidl.ops_table("cube")["cube"]["forward"]["available"] == "cpu numpy" and minidl.ops_table()
assert [t.backend for t in lens.time("cube", [(8, 8)], repeats=1)] == ["cpu"]
refused(lambda: minidl.check("cube"))
refused(lambda: minidl.check("cube:r1"))
refused(lambda: minidl.register_kernel("cube", "mine", lambda x: x))
for choice in ({"backend": "simt"}, {"cube": "simt"}, {"backend": "simt:first"}):
    with minidl.using(**choice):
        refused(lambda: F.cube([2.0]))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a folder with minidl, its kernels and its tests, to which the page's lines are added."""
    return copied(tmp_path_factory.mktemp("with_cube"), len(FILES.findall(TEXT)))


def copied(folder, steps):
    unread = shutil.ignore_patterns("__pycache__")
    for name in ("minidl", "cuda_kernels", "tests"):
        shutil.copytree(PROJECT / name, folder / name, ignore=unread)
    shutil.copy(PROJECT / "pyproject.toml", folder)
    for name, lines in FILES.findall(TEXT)[:steps]:
        (folder / name).touch()
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(("\n\n" if file.tell() else "") + lines)
    return folder


def run(folder, *arguments):
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_op_with_kernel_layer_and_test_is_four_files_and_thirty_lines():
    found = FILES.findall(TEXT)
    lines = [line for _, block in found for line in block.splitlines() if line.strip()]
    assert len(found) == 4 and len(lines) <= 30
    assert f"four files, {len(lines)} lines" in TEXT


def test_what_the_page_says_is_there(copy):
    run(copy, "-c", re.findall(r"```python\n(.*?)```", TEXT, re.S)[-1])


def test_a_record_without_kernels_runs_on_the_host_and_says_what_is_missing(tmp_path):
    folder = copied(tmp_path, 1)
    run(folder, "-c", WITHOUT_KERNELS)
    told = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", "tests/backends")
    assert re.search(r"\d+ tests collected", told), told[-2000:]


def test_what_holds_for_every_op_holds_for_the_new_one(copy):
    told = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "cube or every_op", *EVERY_OP)
    assert int(re.search(r"(\d+) passed", told)[1]) >= 20
