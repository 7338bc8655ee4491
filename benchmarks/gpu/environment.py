"""What this machine has: Python, packages, driver, GPU. Printed first, and written into every report."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
from typing import Any

from minidl.backends.devices.facts import DEVICES

PACKAGES = ("numpy", "numba", "numba-cuda", "llvmlite", "cuda-bindings", "cuda-core", "torch", "cupy", "pytest")
CUPY = ("cupy", "cupy-cuda12x", "cupy-cuda13x")  # the names that CuPy's wheels have


def environment(on: str) -> dict[str, Any]:
    """Return versions and the GPU as a dictionary of strings; what is missing says so."""
    found: dict[str, Any] = {"python": sys.version.split()[0], "platform": platform.platform(), "on": on}
    for package in PACKAGES:
        names = CUPY if package == "cupy" else (package,)
        found[package] = next(filter(None, map(version, names)), "not installed")
    found.update(gpu() if on == "cuda" else {"gpu": f"none: {DEVICES[on].runs_on}"})
    return found


def version(package: str) -> str | None:
    """Return the version of an installed package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def gpu() -> dict[str, str]:
    """Return the GPU's name, compute capability, memory, driver and runtime, or why there is none."""
    from cuda_kernels._cuda import cuda
    from cuda_kernels.launch import gpu_problem

    problem = gpu_problem()
    if problem:
        return {"gpu": f"none: {problem}"}
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    memory = cuda.current_context().get_memory_info()
    return {
        "gpu": name,
        "compute capability": ".".join(map(str, device.compute_capability)),
        "multiprocessors": str(device.MULTIPROCESSOR_COUNT),
        "memory": f"{int(memory.total) / 2**30:.1f} GiB, {int(memory.free) / 2**30:.1f} free",
        "driver": smi("driver_version"),
        "CUDA of the driver": asked(lambda: ".".join(map(str, cuda.cudadrv.driver.driver.get_version()))),
        "CUDA runtime": asked(lambda: ".".join(map(str, cuda.runtime.get_version()))),
    }


def asked(question: Any) -> str:
    """Return the answer, or what went wrong: these interfaces differ between versions, and no check hangs on them."""
    try:
        return str(question())
    except Exception as error:  # noqa: BLE001 - only a line of the report
        return " ".join(f"not known ({type(error).__name__}: {error})".split())


def smi(query: str) -> str:
    """Return what nvidia-smi says."""
    try:
        command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip() or "not known"
    except (OSError, subprocess.SubprocessError) as error:
        return f"not known ({type(error).__name__})"


def lines(found: dict[str, Any]) -> str:
    """Return the dictionary as lines to print."""
    width = max(map(len, found))
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in found.items())
