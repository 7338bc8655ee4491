"""From a kernel and the types of its arguments to PTX, by Numba and NVIDIA's NVVM. Needs no GPU and no driver."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Iterator
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

    packages = " ".join(f"{name} {version(name)}" for name in ("numba-cuda", "numba", "llvmlite", "numpy"))
    return f"{packages} nvvm {nvvm.version()}"


def ptx_of(kernel: Any, types: tuple[Any, ...], inner_lines: bool = False) -> str:
    """The PTX of a `@cuda.jit` kernel for arguments of these Numba types, with the lines of its file.

    inner_lines : the lines of device functions too, where they were inlined. NVVM may then place an instruction
        elsewhere (two of gemm r7's 1,800): such a text is for `places`, and is not run

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

        with pretended_device(CAPABILITY), _inner_lines() if inner_lines else contextlib.nullcontext():
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
