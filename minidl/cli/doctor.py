"""`minidl doctor`: checks what minidl stands on, and prints the command that mends what is wrong."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

REQUIRED = ("numpy", "numba", "matplotlib", "h5py", "safetensors", "pooch", "tqdm", "rich", "typer")


class Finding(NamedTuple):
    """One check: whether all is well, what was found, and the command that mends it."""

    well: bool
    what: str
    found: str
    mend: str = ""


def run_doctor() -> int:
    """Print every finding; return 0 when all is well, else 1."""
    findings = [_python(), *map(_package, REQUIRED), _blas(), _shadow(), _selection(), _gpu()]
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'FAIL'}  {finding.what:<14} {finding.found}")
        if finding.mend:
            print(f"      {'':<14} -> {finding.mend}")
    wrong = sum(not finding.well for finding in findings)
    print("\nAll is well." if not wrong else f"\n{wrong} to mend, as the arrows say.")
    return int(bool(wrong))


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    well = sys.version_info >= (3, 11)
    return Finding(well, "Python", found, "" if well else "use Python >= 3.11")


def _package(name: str) -> Finding:
    try:
        return Finding(True, name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(False, name, "missing", f"{sys.executable} -m pip install {name}")


def _blas() -> Finding:
    """Name the BLAS and measure a product: a NumPy without a fast BLAS is a hundred times slower."""
    info = np.show_config(mode="dicts")
    blas = info.get("Build Dependencies", {}).get("blas", {}) if isinstance(info, dict) else {}
    a = np.ones((512, 512), np.float32)
    a @ a
    started = time.perf_counter()
    for _ in range(5):
        a @ a
    rate = 5 * 2 * 512**3 / (time.perf_counter() - started) / 1e9
    said = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    threads = said or f"default ({os.cpu_count()} cores)"
    found = f"{blas.get('name', 'unknown')} {blas.get('version', '')}, threads: {threads}, about {rate:.0f} GFLOP/s"
    mend = "" if rate > 5 else "pip install --force-reinstall numpy   (a wheel that carries OpenBLAS)"
    return Finding(rate > 5, "BLAS", found, mend)


def _shadow() -> Finding:
    """Another package on PyPI takes the import name cuda_kernels."""
    spec = importlib.util.find_spec("cuda_kernels")
    import minidl

    ours = Path(minidl.__file__).parent.parent / "cuda_kernels"
    where = Path(spec.origin).parent if spec and spec.origin else None
    if where is None:
        return Finding(False, "cuda_kernels", "missing", "pip install --force-reinstall minidl")
    well = where == ours
    mend = "" if well else "pip uninstall cuda-kernels   (another package, which hides minidl's own)"
    return Finding(well, "cuda_kernels", str(where), mend)


def _selection() -> Finding:
    from minidl.backends import current_selection
    from minidl.errors import MinidlError

    text = os.environ.get("MINIDL_BACKEND", "")
    try:
        current_selection()
    except MinidlError as error:
        return Finding(False, "MINIDL_BACKEND", f"{text!r}: {error}", "unset MINIDL_BACKEND")
    return Finding(True, "MINIDL_BACKEND", repr(text) if text else "not set (numpy)")


def _gpu() -> Finding:
    """A GPU is no necessity: say what is there."""
    from minidl.cli.gpustat import gpu_lines

    lines = gpu_lines()
    return Finding(True, "GPU", "; ".join(lines) if lines else "none found; everything runs on the CPU")
