"""Kernels compiled by NVVM and run on the processor, beside the SIMT machine. Needs NVIDIA's compilers."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import pytest

from cuda_kernels import ladder, ptx, simt
from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ptx import PtxFault

pytestmark = pytest.mark.skipif(bool(ptx.missing()), reason=f"NOT RUN: {ptx.missing()}")

if not ptx.missing():

    @cuda.jit
    def saxpy(a, x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] += a * x[i]

    @cuda.jit
    def row_sums(x, out):
        part = cuda.shared.array(64, float32)
        t = cuda.threadIdx.x
        total = float32(0)
        for c in range(t, x.shape[1], cuda.blockDim.x):
            total += x[cuda.blockIdx.x, c]
        part[t] = total
        cuda.syncthreads()
        step = cuda.blockDim.x // 2
        while step > 0:
            if t < step:
                part[t] += part[t + step]
            cuda.syncthreads()
            step //= 2
        if t == 0:
            out[cuda.blockIdx.x] = part[0]

    @cuda.jit
    def warp_sums(x, out):
        i = cuda.grid(1)
        value = x[i] if i < x.size else float32(0)
        step = 16
        while step > 0:
            value += cuda.shfl_down_sync(0xFFFFFFFF, value, step)
            step //= 2
        if cuda.laneid == 0:
            cuda.atomic.add(out, 0, value)

    @cuda.jit
    def mathematics(x, out):
        i = cuda.grid(1)
        if i < x.size:
            v = x[i]
            out[0, i] = math.exp(v)
            out[1, i] = math.log(abs(v) + float32(1))
            out[2, i] = math.sin(v)
            out[3, i] = math.tanh(v)
            out[4, i] = math.erf(v)
            out[5, i] = v ** float32(3)
            out[6, i] = math.fmod(v, float32(0.7))
            out[7, i] = math.atan2(v, float32(2))

    @cuda.jit
    def histogram(x, counts):
        mine = cuda.shared.array(16, int32)
        t = cuda.threadIdx.x
        if t < 16:
            mine[t] = 0
        cuda.syncthreads()
        i = cuda.grid(1)
        if i < x.size:
            cuda.atomic.add(mine, x[i], 1)
        cuda.syncthreads()
        if t < 16:
            cuda.atomic.add(counts, t, mine[t])

    @cuda.jit
    def sorted_in_local_memory(x, out):
        row = cuda.local.array(8, float32)
        i = cuda.grid(1)
        if i < x.shape[0]:
            for k in range(8):
                row[k] = x[i, k]
            for k in range(1, 8):
                j = k
                while j > 0 and row[j - 1] > row[j]:
                    row[j - 1], row[j] = row[j], row[j - 1]
                    j -= 1
            for k in range(8):
                out[i, k] = row[k]

    @cuda.jit
    def dynamic_reverse(x):
        room = cuda.shared.array(0, float32)
        t = cuda.threadIdx.x
        room[t] = x[t]
        cuda.syncthreads()
        x[t] = room[x.size - 1 - t]

    @cuda.jit
    def talkative(x):
        i = cuda.grid(1)
        if i < x.size:
            print("thread", i, "has", x[i], i > 0)

    @cuda.jit
    def beyond(x):
        x[cuda.grid(1) + 1] = 1


def both(kernel: Any, grid: Any, block: Any, *args: Any, **options: Any) -> list[np.ndarray]:
    """The arrays after a launch on the SIMT machine and after one of compiled code, joined in pairs."""
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    simt.launch(kernel, grid, block, *args, **options, strict=True)
    ptx.launch(kernel, grid, block, *copies, **options)
    return [(a, b) for a, b in zip(args, copies, strict=True) if isinstance(a, np.ndarray)]


RNG = np.random.default_rng(0)


def normal(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return RNG.normal(size=shape).astype(dtype)


def zeros(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


CASES: dict[str, tuple[str, int, int, tuple[Any, ...]]] = {
    "saxpy": ("saxpy", 5, 64, (np.float32(2.5), normal(300), zeros(300))),
    "strided": ("saxpy", 5, 64, (np.float32(2), normal(300, 2)[:, 1], zeros(600)[::-2])),
    "doubles": ("saxpy", 5, 64, (0.1, normal(300, dtype=np.float64), zeros(300, dtype=np.float64))),
    "complex": ("saxpy", 2, 32, (np.complex64(1 + 2j), normal(40, dtype=np.complex64), zeros(40, dtype=np.complex64))),
    "row_sums": ("row_sums", 7, 64, (normal(7, 201), zeros(7))),
    "warp_sums": ("warp_sums", 3, 96, (normal(250), zeros(1))),
    "mathematics": ("mathematics", 4, 64, (np.linspace(-9, 9, 250).astype(np.float32), zeros(8, 250))),
    "histogram": ("histogram", 4, 128, (RNG.integers(0, 16, 500).astype(np.int32), zeros(16, dtype=np.int32))),
    "local": ("sorted_in_local_memory", 2, 32, (normal(50, 8), zeros(50, 8))),
}


@pytest.mark.parametrize("case", CASES)
def test_compiled_code_gives_what_the_machine_gives(case: str) -> None:
    name, grid, block, args = CASES[case]
    kernel = globals()[name]
    for mine, compiled in both(kernel, grid, block, *args):
        np.testing.assert_allclose(compiled, mine, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("rung", ["r1", "r3", "r8"])
def test_rungs_of_a_ladder_run_compiled_tensor_cores_too(rung: str) -> None:
    a, b = normal(37, 24), normal(24, 70)
    run = ladder.rung("gemm", rung).run
    np.testing.assert_allclose(run(a, b, on="ptx"), run(a, b, on="simt"), rtol=2e-5, atol=2e-5)


def test_print_shows_its_lines_when_the_launch_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    ptx.launch(talkative, 1, 32, np.array([1.5, 2.5], np.float32))
    assert capsys.readouterr().out == "thread 0 has 1.500000 False\nthread 1 has 2.500000 True\n"
    ptx.launch(talkative, 160, 32, np.zeros(5000, np.float32), threads=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4097 and lines[-1] == "… and 904 more calls of print, which are lost"
    assert lines[4000] == "thread 4000 has 0.000000 True"


def test_dynamic_shared_memory() -> None:
    x = np.arange(64, dtype=np.float32)
    ptx.launch(dynamic_reverse, 1, 64, x, shared_bytes=256)
    np.testing.assert_array_equal(x, np.arange(64)[::-1])


@pytest.mark.parametrize("case", ["row_sums", "histogram", "warp_sums"])
def test_a_right_kernel_is_right_in_every_order(case: str) -> None:
    name, grid, block, args = CASES[case]
    kernel = globals()[name]
    x, out = args
    for seed in range(5):
        found = np.zeros_like(out)
        ptx.launch(kernel, grid, block, x, found, order=seed)
        expected = {
            "row_sums": lambda: x.sum(1),
            "histogram": lambda: np.bincount(x, minlength=16),
            "warp_sums": lambda: x.sum(),
        }
        np.testing.assert_allclose(found, expected[case](), rtol=1e-4, atol=1e-4)


def test_an_access_beyond_an_array_names_the_line_and_the_thread() -> None:
    x = np.zeros(64, np.float32)
    with pytest.raises(
        PtxFault,
        match=r"beyond, line \d+: thread \(31, 0, 0\) of block \(1, 0, 0\).*argument 0 of shape \(64,\), element 64",
    ):
        ptx.launch(beyond, 2, 32, x, threads=1)


def test_numbas_launch_syntax_runs_compiled() -> None:
    x, y = RNG.normal(size=100).astype(np.float32), np.zeros(100, np.float32)
    with ptx.on() as session:
        d_x, d_y = cuda.to_device(x), cuda.to_device(y)
        saxpy[4, 32](np.float32(3), d_x, d_y)
        np.testing.assert_allclose(d_y.copy_to_host(), 3 * x, rtol=1e-6)
    assert session.transfers.total("up") == 800 and not session.reports


def test_the_cache_is_used_and_a_damaged_file_is_made_again(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cuda_kernels.ptx import compiler, native

    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))
    types = ptx.types_of(CASES["saxpy"][3])
    text = compiler.ptx_of(saxpy, types)
    code = native.code_of(text)
    files = sorted((tmp_path / "ptx").iterdir())
    assert [f.suffix for f in files] == [".native", ".ptx"] or [f.suffix for f in files] == [".ptx", ".native"]
    monkeypatch.setattr(cuda, "compile", lambda *_, **__: pytest.fail("compiled again"))
    assert compiler.ptx_of(saxpy, types) == text
    monkeypatch.setattr(native, "translate", lambda *_: pytest.fail("translated again"))
    assert native.code_of(text) == code
    monkeypatch.undo()
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))
    for file in files:
        file.write_bytes(file.read_bytes()[:-3])
    assert len(compiler.ptx_of(saxpy, types)) == len(text)  # names in it count the compilations
    assert native.code_of(text) == code
    if os.getuid():  # root may write anywhere
        (tmp_path / "ptx").chmod(0o500)
        monkeypatch.setenv("MINIDL_CACHE", str(tmp_path / "ptx" / "none"))
        assert native.code_of(text).parameters == code.parameters


def test_a_kernel_that_closes_over_another_number_is_another_kernel() -> None:
    def scaled(factor: int) -> Any:
        @cuda.jit
        def scale(x):
            x[cuda.grid(1)] *= factor

        return scale

    for factor in (2, 3, 2):
        x = np.ones(32, np.float32)
        ptx.launch(scaled(factor), 1, 32, x)
        assert (x == factor).all()
