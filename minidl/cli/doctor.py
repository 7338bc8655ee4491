"""`minidl doctor`: checks what minidl stands on, and prints the command that mends what is wrong."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

from minidl.cli.doctor_gpu import Finding, gpu_findings, kernel_finding, package_version, trial_kernel

# With the oldest version that is supported, as pyproject.toml has it.
REQUIRED = {
    "numpy": (1, 26), "numba": (0, 61), "matplotlib": (3, 8), "h5py": (3, 10), "safetensors": (0, 4), "pooch": (1, 8),
    "tqdm": (4, 66), "rich": (13, 7), "typer": (0, 18), "markupsafe": (2, 1),
}  # fmt: skip
FOR_NOTEBOOKS = ("jupyterlab", "ipywidgets")


def run_doctor() -> int:
    """Print every finding; return 0 when all is well, else 1."""
    packages = [package_finding(name, package_version(name), oldest) for name, oldest in REQUIRED.items()]
    findings = [
        _python(),
        *packages,
        _notebooks(),
        _blas(),
        _shadow(),
        _selection(),
        *_simulator(),
        compiled_finding(),
        *gpu_findings(),
    ]
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


def package_finding(name: str, version: str | None, oldest: tuple[int, int]) -> Finding:
    """Judge a package that minidl needs.

    >>> package_finding("numpy", "1.24.4", (1, 26)).found
    '1.24.4, and minidl needs 1.26 or newer'
    """
    upgrade = f'{sys.executable} -m pip install "{name}>={oldest[0]}.{oldest[1]}"'
    if version is None:
        return Finding(False, name, "missing", upgrade)
    found = tuple(int(part) for part in version.split(".")[:2])
    if found < oldest:
        return Finding(False, name, f"{version}, and minidl needs {oldest[0]}.{oldest[1]} or newer", upgrade)
    return Finding(True, name, version)


def _notebooks() -> Finding:
    """The notebooks' packages are an extra: say what is there."""
    versions = {name: package_version(name) for name in FOR_NOTEBOOKS}
    found = ", ".join(f"{name} {version or 'not installed'}" for name, version in versions.items())
    hint = "" if all(versions.values()) else "; for the course: make lab, or pip install minidl[notebooks]"
    return Finding(True, "notebooks", found + hint)


def _blas() -> Finding:
    """Name the BLAS and measure a product: a NumPy without a fast BLAS is a hundred times slower."""
    from minidl.lens.timing.machines import machine
    from minidl.lens.timing.rooflines import gemm_rate

    rate = gemm_rate(512) / 1e9
    said = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    threads = said or f"default ({os.cpu_count()} cores)"
    found = f"{machine().blas}, threads: {threads}, about {rate:.0f} GFLOP/s"
    if rate <= 5:
        mend = f"{sys.executable} -m pip install --force-reinstall numpy   (a wheel that carries OpenBLAS)"
        return Finding(False, "BLAS", found, mend)
    if said and said.isdigit() and int(said) > (os.cpu_count() or 1):
        return Finding(
            False, "BLAS", f"{found}: more threads than cores", f"export OPENBLAS_NUM_THREADS={os.cpu_count()}"
        )
    return Finding(True, "BLAS", found)


def _shadow() -> Finding:
    """Another package on PyPI takes the import name cuda_kernels."""
    spec = importlib.util.find_spec("cuda_kernels")
    import minidl

    ours = Path(minidl.__file__).parent.parent / "cuda_kernels"
    where = Path(spec.origin).parent if spec and spec.origin else None
    if where is None:
        return Finding(False, "cuda_kernels", "missing", f"{sys.executable} -m pip install --force-reinstall minidl")
    well = where == ours
    mend = (
        "" if well else f"{sys.executable} -m pip uninstall cuda-kernels   (another package, which hides minidl's own)"
    )
    return Finding(well, "cuda_kernels", str(where), mend)


def _simulator() -> list[Finding]:
    """Numba's own simulator, which shuts kernels and the SIMT machine out."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") in ("", "0"):
        return []
    found = "set: Numba's simulator takes the place of numba.cuda; backends simt and cuda cannot run"
    return [Finding(False, "NUMBA_ENABLE_CUDASIM", found, "unset NUMBA_ENABLE_CUDASIM")]


def compiled_finding() -> Finding:
    """Say whether kernels can run compiled on this processor; that they cannot is no fault."""
    from cuda_kernels.ptx import cache
    from minidl.backends.devices.facts import DEVICES

    problem = DEVICES["ptx"].why_not()
    if problem:
        return Finding(True, "backend ptx", f"cannot run: {problem}")
    found = kernel_finding(lambda: trial_kernel("ptx"), DEVICES["ptx"].runs_on)
    folder = cache.folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not found.well or os.access(there, os.W_OK):
        return found._replace(what="backend ptx", found=f"{found.found}; kept in {folder}")
    said = f"{found.found}, but is compiled anew at each start: {there} cannot be written"
    return Finding(False, "backend ptx", said, "export MINIDL_CACHE=FOLDER   (one that can be written)")


def _selection() -> Finding:
    from minidl.backends import current_selection
    from minidl.errors import MinidlError

    text = os.environ.get("MINIDL_BACKEND", "")
    try:
        current_selection()
    except MinidlError as error:
        return Finding(False, "MINIDL_BACKEND", f"{text!r}: {error}", "unset MINIDL_BACKEND")
    return Finding(True, "MINIDL_BACKEND", repr(text) if text else "not set (cpu)")
