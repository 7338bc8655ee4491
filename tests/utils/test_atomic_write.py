from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest

from minidl.errors import ArgumentError
from minidl.utils.files import atomic_write, check_writable


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
    done = subprocess.run([sys.executable, "-c", program, str(target)], timeout=600, check=False)
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


def test_the_next_write_clears_away_what_killed_ones_left(tmp_path):
    target = tmp_path / "weights.bin"
    program = (
        "import os, signal, sys\nfrom minidl.utils.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as temp_path:\n"
        "    temp_path.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for name in ("weights.bin", "weights.bin", "other.bin"):
        subprocess.run([sys.executable, "-c", program, str(tmp_path / name)], timeout=600, check=False)
    assert len(os.listdir(tmp_path)) == 2  # the second cleared the first's
    with atomic_write(target) as temp_path:
        temp_path.write_text("new")
    assert sorted(name[:6] for name in os.listdir(tmp_path)) == [".other", "weight"]


def test_a_write_leaves_the_temporary_file_of_another_that_is_at_work(tmp_path):
    target = tmp_path / "weights.bin"
    with atomic_write(target) as first:
        first.write_text("first")
        with atomic_write(target) as second:
            second.write_text("second")
        assert first.exists() and target.read_text() == "second"
    assert target.read_text() == "first" and os.listdir(tmp_path) == ["weights.bin"]


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    program = (
        "import sys\nfrom minidl.utils.files import atomic_write\n"
        "for k in range(60):\n    with atomic_write(sys.argv[1]) as t:\n        t.write_text(sys.argv[2] * 10000)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "x.txt"), letter], stderr=subprocess.PIPE)
        for letter in "abc"
    ]
    for writer in writers:
        assert writer.communicate(timeout=600)[1] == b"" and writer.returncode == 0
    assert set((tmp_path / "x.txt").read_text()) in ({"a"}, {"b"}, {"c"}) and os.listdir(tmp_path) == ["x.txt"]


@pytest.mark.skipif(os.name == "nt", reason="NOT RUN: Windows has no such files")
def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/null"):
        with pytest.raises(ArgumentError, match="is a device, a pipe or a socket"), atomic_write(path) as temp_path:
            temp_path.write_text("x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("name", ["x" * 300, "", "a\0b", "no/such/folder", "file/x"])
def test_names_that_cannot_be_are_told_before_the_work(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    for write in (lambda: atomic_write(name).__enter__(), lambda: check_writable(name, "save")):
        with pytest.raises((OSError, ArgumentError)) as caught:
            write()
        assert repr(name[:50])[1:-1] in str(caught.value) and ".unfinished" not in str(caught.value)
    check_writable("new", "save")
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_without_permission_is_named_by_the_users_file(tmp_path):
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        target = "/proc/self/weights.bin"  # where root may not write either
    else:
        tmp_path.chmod(0o500)
        target = str(tmp_path / "weights.bin")
    with pytest.raises(OSError, match=r"weights\.bin") as caught, atomic_write(target):
        pass
    assert "unfinished" not in str(caught.value)
