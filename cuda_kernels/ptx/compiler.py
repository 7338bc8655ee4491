"""From a kernel and the types of its arguments to PTX, by Numba and NVIDIA's NVVM. Needs no GPU and no driver."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.errors import NumbaDebugInfoWarning

from .._cuda import cuda
from . import cache
from .fingerprint import fingerprint

CAPABILITY = (8, 0)  # the GPU that is compiled for: instructions younger than Ampere's have no meaning here


def missing() -> str:
    """Why no kernel can be compiled here, and the command that mends it; "" where NVIDIA's compilers are installed."""
    from ..compile.refusals import compiler_missing

    if sys.platform == "darwin":
        return "NVIDIA publishes no compiler for macOS: no kernel can be compiled here. The SIMT machine runs them all"
    why = compiler_missing()
    return f'{why}. Install both: pip install "minidl[ptx]"' if why else ""


@functools.cache
def _versions() -> str:
    from importlib.metadata import PackageNotFoundError, version

    found = [f"numba {numba.__version__} llvmlite {llvmlite.__version__} numpy {np.__version__}"]
    nvvms = ("nvidia-nvvm", "nvidia-nvvm-cu12", "nvidia-cuda-nvcc-cu12")  # of CUDA 13 and of CUDA 12
    for name in ("numba-cuda", *nvvms):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    if len(found) < 3 and not missing():  # NVVM of a CUDA toolkit: it is asked itself
        from cuda.bindings import nvvm

        found.append(str(nvvm.version()))
    return " ".join(found)


def ptx_of(kernel: Any, types: tuple[Any, ...], inner_lines: bool = False) -> str:
    """The PTX of a `@cuda.jit` kernel for arguments of these Numba types, with the lines of its file.

    inner_lines : the lines of device functions too, where they were inlined. NVVM may then place an instruction
        elsewhere (two of gemm r7's 1,800): such a text is for `places`, and is not run

    Raises
    NvvmMissing : the compilers are not installed; it names the command
    numba's errors : the kernel does not compile
    """
    function = getattr(kernel, "py_func", kernel)
    fastmath = bool(getattr(kernel, "targetoptions", {}).get("fastmath", False))

    def make() -> bytes:
        from ..compile.build import pretended_device

        why = missing()  # asked only now: loading the compilers takes longer than a small kernel
        if why:
            raise NvvmMissing(f"ptx: {why}.")
        lines = _inner_lines() if inner_lines else contextlib.nullcontext()
        with pretended_device(CAPABILITY), lines, warnings.catch_warnings():
            # A kernel that a program wrote has no file: its lines cannot be named, and that is all.
            warnings.simplefilter("ignore", NumbaDebugInfoWarning)
            text, _ = cuda.compile(
                function,
                numba.types.void(*types),
                cc=CAPABILITY,
                output="ptx",
                abi="numba",
                device=False,
                lineinfo=True,
                fastmath=fastmath,
            )
        return text.encode()

    print_of = fingerprint(function)
    if print_of is None:
        return make().decode()
    key = cache.key_of(_versions(), print_of, repr(types), str(fastmath), str(CAPABILITY), *["inner"] * inner_lines)
    return cache.kept(f"{key}.ptx", make).decode()


_CHANGING = threading.RLock()


@contextlib.contextmanager
def _inner_lines() -> Iterator[None]:
    """Inside, device functions are compiled anew, with lines; what they were compiled to before is back afterwards."""
    from numba.cuda.dispatcher import CUDADispatcher

    original = CUDADispatcher.compile_device
    changed: dict[int, tuple[Any, dict[str, Any], dict[Any, Any]]] = {}

    def with_lines(self: Any, *args: Any, **options: Any) -> Any:
        if id(self) not in changed:
            changed[id(self)] = self, self.targetoptions, dict(self.overloads)
            self.targetoptions = self.targetoptions | {"lineinfo": True}
            self.overloads.clear()
        return original(self, *args, **options)

    with _CHANGING:
        CUDADispatcher.compile_device = with_lines
        try:
            yield
        finally:
            CUDADispatcher.compile_device = original
            for dispatcher, options, overloads in changed.values():
                dispatcher.targetoptions = options
                dispatcher.overloads.clear()
                dispatcher.overloads.update(overloads)


class NvvmMissing(ImportError):
    """NVIDIA's compilers are not installed: what to install."""
