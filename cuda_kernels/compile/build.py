"""From a kernel to its cubin, for a GPU that is not here."""
from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cuda_kernels.ladder import Build

from . import sass
from .packages import tool

# "a" marks features of this one generation (wgmma, setmaxnreg); Numba takes it as a third member.
ARCHITECTURES: dict[str, tuple[Any, ...]] = {"sm_75": (7, 5), "sm_80": (8, 0), "sm_90a": (9, 0, "a")}
RESERVED_SHARED = 1024  # of each block from sm_90 on, for the system; reported as the kernel's


@dataclass
class Result:
    """What one kernel became on one architecture."""

    registers: int
    local_bytes: int
    shared_bytes: int
    code: sass.Code
    text: str


@contextlib.contextmanager
def pretended_device(capability: tuple[Any, ...]) -> Iterator[None]:
    """Answer for a GPU that is not here: Numba asks for the current device while it types device functions."""
    from numba.cuda import dispatcher

    original = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability[:2])
    try:
        yield
    finally:
        dispatcher.get_current_device = original


def compile_build(build: Build, architecture: str) -> Result:
    """Compile one kernel as `@cuda.jit` would at its first launch there; the kernel's own options hold."""
    capability = ARCHITECTURES[architecture]
    with pretended_device(capability), tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "kernel.cubin"
        cubin.write_bytes(_cubin(build, capability))
        usage = _run(tool("cuobjdump"), "-res-usage", str(cubin))
        text = _run(tool("nvdisasm"), "-c", str(cubin))
    registers, local_bytes, shared_bytes = sass.resources(usage)
    if capability[0] >= 9 and shared_bytes >= RESERVED_SHARED:
        shared_bytes -= RESERVED_SHARED
    return Result(registers, local_bytes, shared_bytes, sass.parse(text), text)


def _cubin(build: Build, capability: tuple[Any, ...]) -> bytes:
    """The steps of `numba.cuda.dispatcher._Kernel.__init__`, without a device."""
    from numba import types
    from numba.cuda import compiler
    from numba.cuda.cudadrv import nvvm

    options = build.kernel.targetoptions
    fastmath, debug = options.get("fastmath", False), options.get("debug", False)
    made = compiler.compile_cuda(
        build.kernel.py_func, types.void, build.args, debug=debug, lineinfo=options.get("lineinfo", False),
        forceinline=options.get("forceinline", False), fastmath=fastmath,
        nvvm_options={"fastmath": fastmath, "opt": 3 if options.get("opt", True) else 0}, cc=capability,
        max_registers=options.get("max_registers"), lto=options.get("lto", False))
    library = made.library
    entry = library.get_function(made.fndesc.llvm_func_name)
    library._entry_name = made.fndesc.llvm_func_name
    compiler.kernel_fixup(entry, debug)
    nvvm.set_launch_bounds(entry, options.get("launch_bounds"))
    return library.get_cubin(cc=capability).code


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
