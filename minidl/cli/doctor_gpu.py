"""What `minidl doctor` says of the GPU: numba-cuda, the driver, its age against the compiler's, and one kernel."""

from __future__ import annotations

import ctypes
import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Version = tuple[int, int]

# Each is the compiler that turns a kernel into PTX; its version is CUDA's (13.0.88 is of CUDA 13.0).
COMPILERS = ("nvidia-nvvm", "nvidia-cuda-nvcc", "nvidia-cuda-nvcc-cu12")


class Finding(NamedTuple):
    """One check: whether all is well, what was found, and the command that mends it."""

    well: bool
    what: str
    found: str
    mend: str = ""


def gpu_findings() -> list[Finding]:
    """Check everything between Python and a GPU. A GPU is no necessity: without one nothing here has failed."""
    from minidl.cli.gpustat import gpu_lines

    lines = gpu_lines()
    driver, numba_cuda, compiler = driver_version(), package_version("numba-cuda"), compiler_version()
    findings = [
        Finding(True, "GPU", "; ".join(lines) if lines else "none found; kernels run on the SIMT machine ('simt')"),
        numba_cuda_finding(numba_cuda, driver),
    ]
    if driver is not None:
        findings.append(ptx_finding(driver, compiler))
        if numba_cuda is not None:
            findings.append(kernel_finding(trial_kernel))
    return findings


def package_version(name: str) -> str | None:
    """Return a package's version, or None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def compiler_version() -> Version | None:
    """Return the CUDA version of the installed compiler package, or None where there is none."""
    for name in COMPILERS:
        version = package_version(name)
        if version is not None:
            major, minor = version.split(".")[:2]
            return int(major), int(minor)
    return None


def driver_version() -> Version | None:
    """Return the newest CUDA version that the driver supports, or None where there is no driver."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    number = ctypes.c_int()
    if library.cuDriverGetVersion(ctypes.byref(number)):
        return None
    return number.value // 1000, number.value % 1000 // 10


def numba_cuda_finding(version: str | None, driver: Version | None) -> Finding:
    """Judge the package that compiles kernels. It is needed only where there is a driver to run them.

    >>> numba_cuda_finding(None, (12, 4)).mend[-9:]
    '[cuda12]"'
    >>> numba_cuda_finding(None, None).well
    True
    """
    if version is not None:
        return Finding(True, "numba-cuda", version)
    if driver is None:
        return Finding(True, "numba-cuda", "not installed; needed only with a GPU")
    extra = "cuda13" if driver >= (13, 0) else "cuda12"
    return Finding(False, "numba-cuda", "missing, and there is a GPU", _install(extra))


def ptx_finding(driver: Version, compiler: Version | None) -> Finding:
    """Judge whether the driver understands what the compiler writes: PTX of its own CUDA version or an older one.

    >>> ptx_finding((13, 0), (13, 0)).well
    True
    >>> ptx_finding((13, 0), (13, 4)).found
    'driver for CUDA 13.0, compiler of CUDA 13.4: its PTX is too new for this driver'
    """
    said = f"driver for CUDA {driver[0]}.{driver[1]}"
    if compiler is None:
        extra = "cuda13" if driver >= (13, 0) else "cuda12"
        return Finding(False, "PTX", f"{said}, no compiler package", _install(extra))
    said += f", compiler of CUDA {compiler[0]}.{compiler[1]}"
    if compiler <= driver:
        return Finding(True, "PTX", said)
    return Finding(False, "PTX", f"{said}: its PTX is too new for this driver", _older_compiler(driver))


def _older_compiler(driver: Version) -> str:
    """Return the command that installs compilers as old as the driver."""
    if driver < (12, 0):
        return "update the NVIDIA driver to 525 or newer (CUDA 12)"
    major = driver[0]
    release = f"{driver[0]}.{driver[1]}.*"
    packages = [
        f"numba-cuda[cu{major}]", f"cuda-toolkit[cccl,cudart,nvrtc,nvvm]=={release}", f"cuda-bindings=={release}",
        f"nvidia-nvjitlink{'-cu12' if major == 12 else ''}=={release}",
    ]  # fmt: skip
    return f"{_pip()} install " + " ".join(f'"{package}"' for package in packages) + "   (or update the driver)"


def kernel_finding(trial: Callable[[], None], where: str = "the GPU") -> Finding:
    """Run one kernel, and say what came of it."""
    try:
        trial()
    except Exception as error:  # whatever stands in the way, of whichever library: it is what the doctor is asked for
        return Finding(
            False, "a kernel", f"{type(error).__name__}: {error}", "the lines above; then minidl doctor again"
        )
    return Finding(True, "a kernel", f"ran on {where}, with the right result")


def trial_kernel(device: str = "cuda") -> None:
    """Negate a few numbers on a device. Raises whatever goes wrong."""
    import numpy as np

    import minidl

    x = np.arange(5, dtype=np.float32)
    with minidl.using(device):
        y = minidl.functional.negative(x).numpy()
    if not np.array_equal(y, -x):
        raise ArithmeticError(f"negative([0, 1, 2, 3, 4]) gave {y.tolist()}")


def _install(extra: str) -> str:
    """Return the command that installs minidl with an extra: from its folder where it lies in one, else by name."""
    folder = Path(__file__).resolve().parents[2]
    what = f'-e "{folder}[{extra}]"' if (folder / "pyproject.toml").is_file() else f'"minidl[{extra}]"'
    return f"{_pip()} install {what}"


def _pip() -> str:
    return f"{sys.executable} -m pip"
