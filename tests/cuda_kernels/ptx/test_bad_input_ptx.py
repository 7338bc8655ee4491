"""What goes wrong around a compiled kernel: each is told in a sentence, nothing hangs, nothing half-written stays."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuda_kernels import ptx
from cuda_kernels.ptx import PtxError, PtxFault, cache, compiler, crew, native, running
from cuda_kernels.ptx.native import Native, translate

HEAD = ".version 9.0\n.target sm_80\n.address_size 64\n"
# Every thread writes its number; and one that counts for ever where its parameter is 0.
NUMBERS = (
    HEAD
    + """.visible .entry numbers(.param .u64 out) {
.reg .b32 %r<9>; .reg .b64 %rd<9>;
.loc 1 4 0
ld.param.u64 %rd1, [out]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4; add.s64 %rd3, %rd1, %rd2;
st.global.u32 [%rd3], %r1; ret; }"""
)
ENDLESS = (
    HEAD
    + """.visible .entry endless(.param .u64 step) {
.reg .b64 %rd<9>; .reg .pred %p<3>;
ld.param.u64 %rd1, [step]; mov.u64 %rd2, 0;
.loc 1 7 0
$again: add.s64 %rd2, %rd2, %rd1; setp.lt.s64 %p1, %rd2, 10; @%p1 bra $again; ret; }"""
)


def numbers(code: Native, threads: int = 8, block: Any = None, grid: Any = 1) -> np.ndarray:
    """What the kernel `numbers` wrote."""
    out = np.zeros(threads, np.int32)
    running.run(code, grid, block or threads, [np.uint64(out.ctypes.data)], further=[out])
    return out


# ---- compilers


def kernel_that_is_not_compiled() -> Any:
    def kernel(x):
        x[0] = 1

    return kernel


def test_without_the_compilers_the_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from cuda_kernels.compile import refusals

    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))
    monkeypatch.setattr(refusals, "compiler_missing", lambda: "NVVM or NVRTC is not installed")
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(ptx.NvvmMissing, match=r'NVVM or NVRTC is not installed\. .*pip install "minidl\[ptx\]"'):
        ptx.launch(kernel_that_is_not_compiled(), 1, 1, np.zeros(1))
    assert not list(tmp_path.rglob("*.*"))


def test_macos_is_told_that_there_is_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ptx.NvvmMissing, match="no compiler for macOS.*SIMT machine") as raised:
        ptx.launch(kernel_that_is_not_compiled(), 1, 1, np.zeros(1))
    assert "pip" not in str(raised.value)


@pytest.mark.skipif(bool(ptx.missing()), reason=f"NOT RUN: {ptx.missing()}")
def test_a_kernel_that_the_compiler_rejects_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from cuda_kernels._cuda import cuda

    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))

    def kernel(x):
        x[0] = open("a file")

    with pytest.raises(Exception, match="Untyped global name 'open'"):
        ptx.launch(kernel, 1, 1, np.zeros(1, np.float32))

    def rejected(*_: Any, **__: Any) -> None:
        raise RuntimeError("NVVM_ERROR_COMPILATION: parse expected type")

    monkeypatch.setattr(cuda, "compile", rejected)
    with pytest.raises(RuntimeError, match="NVVM_ERROR_COMPILATION"):
        ptx.launch(kernel_that_is_not_compiled(), 1, 1, np.zeros(1, np.float32))
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    ("instruction", "said"),
    [
        ("cp.async.ca.shared.global [%rd1], [%rd1], 16;", "cp.async"),
        ("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r1}, [%rd1];", "ldmatrix"),
        ("bar.sync 1, 64;", "only barrier 0"),
        ("call.uni (retval0), cudaCGSynchronize, (param0, param1);", "cudaCGSynchronize"),
        ("wgmma.fence.sync.aligned;", "wgmma"),
    ],
)
def test_an_instruction_without_a_meaning_is_named_with_its_line(instruction: str, said: str) -> None:
    text = HEAD + ".visible .entry k(.param .u64 p) { .reg .b32 %r<9>; .reg .b64 %rd<9>;\n.loc 1 41 0\n" + instruction
    with pytest.raises(PtxError, match=rf"`{instruction.split()[0][:8]}.*line 41 of the kernel") as raised:
        translate(text + " ret; }")
    assert said in str(raised.value)


# ---- the cache


def test_damaged_files_of_any_length_are_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))
    code = native.code_of(NUMBERS)
    (file,) = (tmp_path / "ptx").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:5], whole[:31], whole[:32], whole[:-1], whole[:40] + b"X" + whole[41:], b"\0" * 99):
        file.write_bytes(damaged)
        assert native.code_of(NUMBERS) == code
        assert [f.read_bytes() for f in (tmp_path / "ptx").iterdir()] == [whole]


def test_a_folder_that_cannot_be_written_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path / "a file"))  # nothing can be made below it, whoever asks
    np.testing.assert_array_equal(numbers(Native(native.code_of(NUMBERS))), np.arange(8))

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))
    monkeypatch.setattr(tempfile, "mkstemp", refused)
    np.testing.assert_array_equal(numbers(Native(native.code_of(NUMBERS))), np.arange(8))
    assert not list((tmp_path / "ptx").iterdir())


FULL = """
import hashlib, os
from collections.abc import Iterator
from pathlib import Path
from cuda_kernels.ptx import native
from tests.cuda_kernels.ptx.test_bad_input_ptx import NUMBERS, Native, numbers
disk = Path(os.environ["MINIDL_CACHE"])
for leave in (0, 4096):  # full at once, and room for one small file
    with open(disk / "ballast", "wb", buffering=0) as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        file.write(b"x" * (free - leave))
    assert list(numbers(Native(native.code_of(NUMBERS + " " * leave)))) == list(range(8))
    files = [f for f in disk.rglob("*") if f.is_file() and f.name != "ballast"]
    assert leave or not files, files
    for data in (f.read_bytes() for f in files):  # a file that is there is whole
        assert hashlib.sha256(data[32:]).digest() == data[:32]
    assert not [f for f in files if f.suffix == ".part"], files
    (disk / "ballast").unlink()
"""


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("NOT RUN: needs unshare, of Linux' util-linux")
    disk, script = tmp_path / "disk", tmp_path / "program.py"
    disk.mkdir()
    script.write_text(FULL)
    mount = f"mount -t tmpfs -o size=64k tmpfs '{disk}' || exit 77; exec '{sys.executable}' '{script}'"
    root = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "MINIDL_CACHE": str(disk), "PYTHONPATH": os.pathsep.join([root, *sys.path])}
    done = subprocess.run([unshare, "-rm", "sh", "-c", mount], capture_output=True, text=True, env=environment)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip(f"NOT RUN: a file system cannot be mounted here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr


def test_a_disk_that_fills_while_writing_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert cache.kept("a", lambda: b"made") == b"made"
    assert not list((tmp_path / "ptx").iterdir())


def test_two_processes_that_write_at_once_see_whole_files(tmp_path: Path) -> None:
    program = (
        "from cuda_kernels.ptx import cache\n"
        "for k in range(200):\n"
        "    data = bytes([k % 5]) * 100_000\n"
        "    assert cache.kept(f'{k % 5}', lambda: data) == data\n"
        "    (cache.folder() / f'{k % 5}').unlink(missing_ok=True)\n"
    )
    environment = {**os.environ, "MINIDL_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    running_now = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running_now] == [0, 0, 0]
    for file in (tmp_path / "ptx").iterdir():
        data = file.read_bytes()
        assert file.suffix != ".part" and hashlib.sha256(data[32:]).digest() == data[:32]


# ---- a launch


@pytest.mark.parametrize(
    ("grid", "block", "said"),
    [
        ((1, 65536), 1, r"numbers: a grid has 1 to 3 sizes, from 1 to \(2147483647, 65535, 65535\)\. Got \(1, 65536\)"),
        (2**31, 1, "numbers: a grid has"),
        (0, 1, "Got 0"),
        (-1, 1, "Got -1"),
        ((1, 1, 1, 1), 1, "1 to 3 sizes"),
        (1, 1025, r"a block has 1 to 3 sizes, from 1 to \(1024, 1024, 64\)"),
        (1, (1, 1, 65), "a block has"),
        (1, (64, 64), r"at most 1024 threads\. Got \(64, 64\), which is 4096"),
    ],
)
def test_a_grid_or_block_that_no_gpu_has_is_refused(grid: Any, block: Any, said: str) -> None:
    code = Native(translate(NUMBERS, level=1))
    with pytest.raises(ValueError, match=said):
        running.run(code, grid, block, [np.uint64(0)], name="numbers")


def test_too_much_shared_memory_and_other_arguments_are_refused() -> None:
    code = Native(translate(NUMBERS, level=1))
    with pytest.raises(ValueError, match="at most 232448 bytes of shared memory. Got 300000"):
        running.run(code, 1, 1, [np.uint64(0)], dynamic_bytes=300_000)
    with pytest.raises(TypeError, match="compiled for 1 parameters; these arguments are other ones"):
        running.run(code, 1, 1, [np.uint64(0), np.uint64(0)])


def test_an_access_outside_and_one_not_aligned_are_faults() -> None:
    code = Native(translate(NUMBERS, level=1))
    out = np.zeros(8, np.int32)
    with pytest.raises(PtxFault, match=r"kernel, line 4: thread \(8, 0, 0\) of block \(0, 0, 0\), `st.global.u32"):
        running.run(code, 1, 9, [np.uint64(out.ctypes.data)], further=[out])
    with pytest.raises(PtxFault, match="line 4"):
        running.run(code, 1, 1, [np.uint64(out.ctypes.data + 2)], further=[out])
    np.testing.assert_array_equal(numbers(code), np.arange(8))  # the next launch is as any other


@pytest.mark.parametrize("checked", [True, False])
def test_a_loop_without_an_end_is_stopped_at_the_limit_and_named(checked: bool) -> None:
    code = Native(translate(ENDLESS, checked, level=1))
    running.run(code, 1, 32, [np.uint64(3)])
    start = time.monotonic()
    with pytest.raises(PtxFault, match=r"line 7: thread .* was still in this loop when its time was up"):
        running.run(code, 5, 32, [np.uint64(0)], limit=0.3)
    assert time.monotonic() - start < 20
    running.run(code, 1, 32, [np.uint64(3)])


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """A shell's background job ignores SIGINT, and Python in it too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("checked", [True, False])
def test_ctrl_c_ends_a_loop_without_an_end(checked: bool, heeds_ctrl_c: None) -> None:
    code = Native(translate(ENDLESS, checked, level=1))
    timer = threading.Timer(0.5, lambda: signal.raise_signal(signal.SIGINT))
    if sys.platform != "win32":
        timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        running.run(code, 5, 32, [np.uint64(0)], limit=100)
    assert time.monotonic() - start < 20
    timer.join()
    np.testing.assert_array_equal(numbers(Native(translate(NUMBERS, level=1))), np.arange(8))


def test_threads_that_do_not_stop_are_left_behind() -> None:
    never = threading.Event()
    assert not crew.run(never.wait, 1, 0.05, lambda: None)
    never.set()
    assert crew.run(lambda: None, 2, 5, lambda: None)


def test_an_error_in_a_thread_of_the_crew_is_the_launchs() -> None:
    with pytest.raises(ZeroDivisionError):
        crew.run(lambda: 1 // 0, 2, 5, lambda: None)


def test_what_is_compiled_for_is_named_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler._versions.cache_clear()
    assert "numba " in compiler._versions() and "llvmlite " in compiler._versions()
