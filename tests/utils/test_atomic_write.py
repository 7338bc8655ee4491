from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from minidl.utils import atomic_write


def test_atomic_write_replaces_the_file_at_the_end_only(tmp_path):
    target = tmp_path / "weights.bin"
    target.write_text("former")
    with atomic_write(target) as temp_path:
        temp_path.write_text("new")
        assert target.read_text() == "former"
        assert temp_path.parent == tmp_path
        assert temp_path.suffix == ".bin"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["weights.bin"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_atomic_write_keeps_the_former_file_when_the_block_fails(tmp_path, error):
    target = tmp_path / "weights.bin"
    target.write_text("former")
    with pytest.raises(error), atomic_write(target) as temp_path:
        temp_path.write_text("half of the n")
        raise error("disk full, or Ctrl-C")
    assert target.read_text() == "former"
    assert os.listdir(tmp_path) == ["weights.bin"]


def test_atomic_write_keeps_the_former_file_when_the_process_is_killed(tmp_path):
    target = tmp_path / "weights.bin"
    target.write_text("former")
    program = (
        "import os, signal, sys\nfrom minidl.utils.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as temp_path:\n"
        "    temp_path.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(target)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_text() == "former"


def test_atomic_write_suits_writers_that_look_at_the_suffix(tmp_path):
    with atomic_write(tmp_path / "arrays.npz") as temp_path:
        np.savez(temp_path, x=np.arange(3))
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["x"].tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["arrays.npz"]
    with atomic_write(tmp_path / "model.weights.h5") as temp_path:
        assert temp_path.name.endswith(".h5")


@pytest.mark.skipif(os.name == "nt", reason="NOT RUN: Windows has no such permissions and links")
def test_atomic_write_keeps_permissions_and_links(tmp_path):
    target = tmp_path / "real.txt"
    target.write_text("former")
    target.chmod(0o640)
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    with atomic_write(link) as temp_path:
        temp_path.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
    umask = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "fresh.txt") as temp_path:
            temp_path.write_text("x")
    finally:
        os.umask(umask)
    assert (tmp_path / "fresh.txt").stat().st_mode & 0o777 == 0o640


def test_atomic_write_refuses_a_folder_and_a_missing_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; give the name of a file in it"):
        with atomic_write(tmp_path):
            pass
    with pytest.raises(FileNotFoundError, match=r"the folder '.*runs' does not exist. Create it first"):
        with atomic_write(tmp_path / "runs" / "weights.bin"):
            pass
    assert os.listdir(tmp_path) == []
