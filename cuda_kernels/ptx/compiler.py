"""From a kernel and the types of its arguments to PTX, by Numba and NVIDIA's NVVM. Needs no GPU and no driver."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numba

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
    from importlib.metadata import version

    from cuda.bindings import nvvm  # its package is another one for CUDA 12 than for 13: asked itself

    return f"numba-cuda {version('numba-cuda')} numba {version('numba')} nvvm {nvvm.version()}"


def ptx_of(kernel: Any, types: tuple[Any, ...]) -> str:
    """The PTX of a `@cuda.jit` kernel for arguments of these Numba types, with the lines of its file.

    Raises
    NvvmMissing : the compilers are not installed; it names the command
    numba's errors : the kernel does not compile
    """
    why = missing()
    if why:
        raise NvvmMissing(f"ptx: {why}.")
    function = getattr(kernel, "py_func", kernel)
    fastmath = bool(getattr(kernel, "targetoptions", {}).get("fastmath", False))

    def make() -> bytes:
        from ..compile.build import pretended_device

        with pretended_device(CAPABILITY):
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
    key = cache.key_of(_versions(), print_of, repr(types), str(fastmath), str(CAPABILITY))
    return cache.kept(f"{key}.ptx", make).decode()


class NvvmMissing(ImportError):
    """NVIDIA's compilers are not installed: what to install."""
