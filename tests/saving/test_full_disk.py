"""Saving on a disk that is really full: a small file system in memory, in a namespace of its own."""

import shutil
import subprocess
import sys

import pytest

PREPARED = """
import os, sys, errno, pathlib, numpy as np, minidl, warnings
disk = pathlib.Path(sys.argv[1])
def fill(leave):
    # The rest of the disk but so many bytes.
    with open(disk / "ballast", "wb", buffering=0) as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        file.write(b"x" * max(0, free - leave))
model = minidl.Sequential([minidl.Input((60,)), minidl.layers.Dense(40), minidl.layers.Dense(1)])
model.compile("adam", "mse")
x, y = np.ones((4, 60), "float32"), np.ones((4, 1), "float32")
model.train_on_batch(x, y)
def told(write, name):
    try:
        write()
    except OSError as error:
        assert error.errno == errno.ENOSPC and "the disk is full" in str(error) and name in str(error), repr(error)
        assert ".unfinished" not in str(error)
        return str(error)
    raise AssertionError("nothing was said")
"""


def on_small_disk(program, tmp_path, size="1m"):
    """Run a program with a file system of this size at argv[1]; return what it printed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("NOT RUN: needs unshare, of Linux' util-linux")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = tmp_path / "program.py"
    script.write_text(PREPARED + program)
    mount = f"mount -t tmpfs -o size={size} tmpfs '{disk}' || exit 77; exec '{sys.executable}' '{script}' '{disk}'"
    done = subprocess.run([unshare, "-rm", "sh", "-c", mount], capture_output=True, text=True, timeout=300)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip(f"NOT RUN: a file system cannot be mounted here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_format_says_so_and_keeps_the_former_file(tmp_path):
    on_small_disk(
        """
for name in ("a.keras", "a.h5", "a.weights.h5", "a.safetensors", "a.npz"):
    path = disk / name
    save = model.save if name in ("a.keras", "a.h5") else model.save_weights
    for leave in (0, 4096):                     # full at once, and in the middle
        fill(leave)
        assert "No file was left there" in told(lambda: save(path), name)
        assert sorted(os.listdir(disk)) == ["ballast"], os.listdir(disk)
        (disk / "ballast").unlink()
    save(path)
    before = path.read_bytes()
    fill(4096)
    assert "The former file is as it was" in told(lambda: save(path), name)
    assert path.read_bytes() == before and sorted(os.listdir(disk)) == sorted(["ballast", name])
    (disk / "ballast").unlink()
    path.unlink()
""",
        tmp_path,
    )


def test_logs_pages_and_pictures_say_so(tmp_path):
    on_small_disk(
        """
from minidl import lens
log = disk / "log.csv"
log.write_text("")
fill(0)
def fit():
    model.fit(x, y, epochs=200, verbose=0, callbacks=[minidl.callbacks.CSVLogger(log)])
assert "rows of the epochs before are in it" in told(fit, "log.csv")
stepper = lens.step(model, x, y)
told(lambda: stepper.save_html(disk / "step.html"), "step.html")
told(lambda: lens.record_step(model, x, y, update=False).save_trace(disk / "trace.json"), "trace.json")
callback = minidl.callbacks.ModelCheckpoint(disk / "best.keras")
told(lambda: model.fit(x, y, verbose=0, callbacks=[callback]), "best.keras")
assert np.isfinite(model.predict(x, verbose=0)).all()            # the model goes on
assert sorted(os.listdir(disk)) == ["ballast", "log.csv"]
""",
        tmp_path,
    )


def test_the_command_line_says_so(tmp_path):
    on_small_disk(
        """
import subprocess
environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
fill(0)
for options in ("--model-file", "a.keras"), ("--curves", "a.png"):
    command = [sys.executable, "-m", "minidl", "train", "-e", "1", "-m", "mlp", "--samples", "64", "--verbose", "0"]
    done = subprocess.run([*command, options[0], str(disk / options[1])], capture_output=True, text=True,
                          env=environment)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "the disk is full" in done.stderr and options[1] in done.stderr, done.stderr
assert sorted(os.listdir(disk)) == ["ballast"]
""",
        tmp_path,
    )
