"""What a time was measured on: the processor, its threads, the BLAS. A time without these says nothing."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

DEFAULT_CACHE = 32 << 20  # bytes, where the system does not say how large its last cache is


class Machine(NamedTuple):
    """The computer that runs Python. `threads` are those that BLAS may use, None where that cannot be found out."""

    processor: str
    cores: int
    blas: str
    threads: int | None
    cache_bytes: int

    def __str__(self) -> str:
        threads = "an unknown number of threads" if self.threads is None else _count(self.threads, "thread")
        return f"{self.processor}, {_count(self.cores, 'core')}; {self.blas} with {threads}; NumPy {np.__version__}"


def machine() -> Machine:
    """Name the processor and the BLAS of this computer, with the threads that BLAS uses now.

    >>> machine().cores >= 1
    True
    """
    return Machine(_processor(), _cores(), _blas(), _blas_threads(), last_cache_bytes())


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@functools.cache
def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    name = found.group(1) if found else platform.processor() or platform.machine() or "an unknown processor"
    return re.sub(r"\s+|\((R|TM)\)", " ", name).replace("  ", " ").strip()


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _blas() -> str:
    info = np.show_config(mode="dicts")
    blas = info.get("Build Dependencies", {}).get("blas", {}) if isinstance(info, dict) else {}
    return f"{blas.get('name', 'an unknown BLAS')} {blas.get('version', '')}".strip()


def _blas_threads() -> int | None:
    """Ask the OpenBLAS that NumPy has loaded; where that cannot be done, the environment variable, or None."""
    for library in _openblas():
        for prefix in ("scipy_openblas", "openblas"):  # NumPy's wheels carry the first
            for ending in ("64_", ""):
                if hasattr(library, f"{prefix}_get_num_threads{ending}"):
                    return int(getattr(library, f"{prefix}_get_num_threads{ending}")())
    said = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or ""
    return int(said) if said.isdigit() else None


@functools.cache
def _openblas() -> tuple[ctypes.CDLL, ...]:
    try:
        maps = Path("/proc/self/maps").read_text(errors="replace")
    except OSError:  # no Linux
        return ()
    paths = dict.fromkeys(re.findall(r"(/\S*openblas\S*)$", maps, re.MULTILINE))
    # NumPy brings one of its own; SciPy may have loaded another, which NumPy's products do not use.
    ordered = sorted(paths, key=lambda path: "numpy" not in path)
    return tuple(ctypes.CDLL(path) for path in ordered[:1])


@functools.cache
def last_cache_bytes() -> int:
    """Return the size of the processor's largest cache, in bytes."""
    sizes = [0]
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        found = re.fullmatch(r"(\d+)([KMG]?)", path.read_text().strip())
        if found:
            sizes.append(int(found.group(1)) << {"": 0, "K": 10, "M": 20, "G": 30}[found.group(2)])
    return max(sizes) or DEFAULT_CACHE
