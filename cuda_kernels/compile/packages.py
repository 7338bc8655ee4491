"""The packages that the gate needs, pinned: another compiler gives other registers, and the table would be wrong."""
from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

PINS = {
    "numba": "0.68.1",
    "llvmlite": "0.50.0",
    "numba-cuda": "0.30.4",
    "cuda-bindings": "13.0.3",
    "nvidia-cuda-cccl": "13.0.85",
    "nvidia-cuda-nvrtc": "13.0.88",
    "nvidia-cuda-runtime": "13.0.96",
    "nvidia-nvjitlink": "13.0.88",
    "nvidia-nvvm": "13.0.88",
    "nvidia-cuda-cuobjdump": "13.2.51",  # the oldest in the package index; it reads 13.0's files
    "nvidia-cuda-nvdisasm": "13.2.51",
}


def problems() -> list[str]:
    """What is missing or at another version, one line each; empty if the gate can run as pinned."""
    found = []
    for name, version in PINS.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            found.append(f"{name} is missing (needs {version})")
            continue
        if installed != version:
            found.append(f"{name} is {installed} (needs {version})")
    return found


def tool(name: str) -> str:
    """The path of cuobjdump or nvdisasm in the installed wheels. Raises FileNotFoundError."""
    for folder in map(Path, sys.path):
        path = folder / "nvidia" / "cu13" / "bin" / name
        if path.is_file():
            return str(path)
    package = f"nvidia-cuda-{name}"
    raise FileNotFoundError(f"compile: {name} was not found. Install it: pip install {package}=={PINS[package]}")
