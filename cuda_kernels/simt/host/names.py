"""Numba's names, and what they mean where they are called.

`install()` puts a function of two ways behind each of Numba's host functions: inside `with simt.on():` it is the
machine's, everywhere else it is Numba's own, unchanged. Which of the two is decided at each call, by the sessions of
the calling thread, task and generator: no thread sees another's session, and blocks may end in any order.

Two things work outside a session too, where Numba alone would stop without a GPU: a kernel may be decorated with a
signature, and a function with `@vectorize(target="cuda")`. Each is kept for the launches inside.
"""
from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

from . import api
from .device import DEVICES
from .kernels import Configured, configured, declared_of, for_all
from .sessions import session_here
from .signatures import Declared, NotCompiled, only_a_compiler_knows
from .ufuncs import GUVectorize, Vectorize

HOST_FUNCTIONS = (
    "_auto_device as_cuda_array close cuda_error current_context default_stream defer_cleanup detect device_array "
    "device_array_like event event_elapsed_time external_stream from_cuda_array_interface get_current_device "
    "is_available is_bfloat16_supported is_float16_supported is_supported_version legacy_default_stream list_devices "
    "managed_array mapped mapped_array mapped_array_like open_ipc_array per_thread_default_stream pinned pinned_array "
    "pinned_array_like profile_start profile_stop profiling select_device stream synchronize to_device"
).split()
OF_A_COMPILED_KERNEL = (
    "get_const_mem_size get_local_mem_per_thread get_max_threads_per_block get_regs_per_thread "
    "get_shared_mem_per_block inspect_asm inspect_llvm inspect_lto_ptx inspect_sass inspect_sass_cfg inspect_types"
).split()
NO_SESSION = ("No GPU can be used. Inside `with simt.on():` (from cuda_kernels import simt) this runs on the SIMT "
              "machine. The block holds for its own thread: a thread started inside needs one of its own.")

_lock = threading.Lock()
_installed = False


def install() -> None:
    """Put the two-way functions behind Numba's names, once in a process."""
    global _installed
    from numba import cuda

    with _lock:
        if _installed or not hasattr(cuda, "atomic"):  # NUMBA_ENABLE_CUDASIM: `simt.launch` says what to do
            return
        if not hasattr(importlib.import_module("numba.cuda.decorators"), "CUDADispatcher"):
            return
        _installed = True
        for name in HOST_FUNCTIONS:
            if hasattr(cuda, name):
                _replace(cuda, name, _two_ways(getattr(cuda, name), getattr(api, name)))
        cuda.gpus = _Devices(cuda.gpus)
        _install_context(importlib.import_module("numba.cuda.cudadrv.devices")._runtime)
        _replace(cuda, "jit", _jit(cuda.jit))
        for module in ("numba.np.ufunc.decorators", "numba.cuda.np.ufunc.decorators"):
            _install_vectorize(module, cuda)


def _replace(cuda: Any, name: str, two_ways: Any) -> None:
    """Put a function behind its name in numba.cuda and in the module that it is from, where pickle looks for it."""
    home = sys.modules.get(getattr(cuda, name).__module__)
    if home is not None and getattr(home, name, None) is getattr(cuda, name):
        setattr(home, name, two_ways)
    setattr(cuda, name, two_ways)


def _install_context(runtime: Any) -> None:
    """What Numba's own functions ask for the current device: its compiler, and names that were imported one by one."""
    get_or_create_context, ensure_context = runtime.get_or_create_context, runtime.ensure_context
    runtime.get_or_create_context = _two_ways(get_or_create_context, api.current_context)
    runtime.ensure_context = _two_ways(ensure_context, contextlib.nullcontext)


def _with_advice(numbas: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """Call Numba's own; if it has no GPU, say what to do."""
    from numba.cuda.cudadrv.error import CudaSupportError

    try:
        return numbas(*args, **keywords)
    except CudaSupportError as error:
        if NO_SESSION not in getattr(error, "__notes__", ()):
            error.add_note(NO_SESSION)
        raise


def _two_ways(numbas: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(numbas)
    def either(*args: Any, **keywords: Any) -> Any:
        return ours(*args, **keywords) if session_here() is not None else _with_advice(numbas, *args, **keywords)

    return either


class _Devices:
    """`cuda.gpus`: the machine's one device inside a session, Numba's list elsewhere."""

    def __init__(self, numbas: Any) -> None:
        self._numbas = numbas

    def _here(self) -> Any:
        return self._numbas if session_here() is None else DEVICES

    def __getattr__(self, name: str) -> Any:
        return getattr(self._here(), name)

    def __getitem__(self, number: Any) -> Any:
        return self._here()[number]

    def __iter__(self) -> Any:
        return iter(self._here())

    def __len__(self) -> int:
        return len(self._here())

    def __str__(self) -> str:
        return str(self._here())


# -- kernels -----------------------------------------------------------------------------------------------------------

class _KernelMethods:
    """`kernel[grid, block](…)` and its like, two ways, while any session of the process is open.

    Python looks a method up at each launch, so they need not be there before: without a session a launch on a GPU costs
    what it costs in Numba.
    """

    def __init__(self) -> None:
        self.sessions = 0
        self.numbas: dict[str, Any] = {}
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        with self.lock:
            self.sessions += 1
            if self.sessions == 1:
                self.dispatcher = importlib.import_module("numba.cuda.decorators").CUDADispatcher
                methods = _two_way_methods(self.dispatcher)
                self.numbas = {name: vars(self.dispatcher)[name] for name in methods}
                for name, method in methods.items():
                    setattr(self.dispatcher, name, functools.wraps(self.numbas[name])(method))

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.sessions -= 1
            if not self.sessions:
                for name, method in self.numbas.items():
                    setattr(self.dispatcher, name, method)


kernel_methods = _KernelMethods()


def _two_way_methods(dispatcher: Any) -> dict[str, Callable[..., Any]]:
    def here(name: str, ours: Callable[..., Any]) -> Callable[..., Any]:
        numbas = getattr(dispatcher, name)

        def method(kernel: Any, *args: Any, **keywords: Any) -> Any:
            session = session_here()
            if session is not None:
                return ours(kernel, session, *args, **keywords)
            return _with_advice(numbas, _numbas_own(kernel), *args, **keywords)

        return method

    def configure(kernel: Any, session: Any, *configuration: Any, **keywords: Any) -> Any:
        return Configured(kernel, session, *configuration, **keywords)

    def call(kernel: Any, session: Any, args: Any, *configuration: Any) -> Any:
        """A launch that was configured outside of the session that it runs in."""
        if len(configuration) == 1:  # numba-cuda: one object
            (c,) = configuration
            configuration = (c.griddim, c.blockdim, c.stream, c.sharedmem)
        return Configured(kernel, session, *configuration)(*args)

    def specialize(kernel: Any, session: Any, *args: Any) -> Any:
        if (declared := declared_of(kernel)) is not None and declared.only:
            raise RuntimeError("Dispatcher already specialized: the kernel has one signature")
        return kernel

    found: dict[str, Callable[..., Any]] = {
        "__getitem__": configured, "configure": configure, "forall": for_all, "call": call, "specialize": specialize}
    found.update({name: _refusal(name) for name in OF_A_COMPILED_KERNEL})
    return {name: here(name, ours) for name, ours in found.items() if name in vars(dispatcher)}


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(kernel: Any, session: Any, *args: Any, **keywords: Any) -> Any:
        raise NotImplementedError(only_a_compiler_knows(kernel.__name__, name))

    return refuse


def _numbas_own(kernel: Any) -> Any:
    """What Numba makes of a kernel that was decorated with a signature where no GPU was asked."""
    make = getattr(kernel, "_simt_make", None)
    if make is None:
        return kernel
    if kernel._simt_made is None:
        kernel._simt_made = make()
    return kernel._simt_made


def _jit(numbas: Callable[..., Any]) -> Callable[..., Any]:
    """`cuda.jit`: signatures are kept, not compiled, inside a session and where there is no GPU to compile for."""
    sigutils = importlib.import_module(numbas.__module__).sigutils

    @functools.wraps(numbas)
    def jit(func_or_sig: Any = None, *args: Any, **keywords: Any) -> Any:
        if not (isinstance(func_or_sig, list) or sigutils.is_signature(func_or_sig)):
            return numbas(func_or_sig, *args, **keywords)
        signatures = func_or_sig if isinstance(func_or_sig, list) else [func_or_sig]

        def decorate(function: Any) -> Any:
            from numba.cuda.cudadrv.error import CudaSupportError

            def compiled() -> Any:
                return numbas(func_or_sig, *args, **keywords)(function)

            if session_here() is None:
                try:
                    return compiled()
                except CudaSupportError:
                    pass  # kept for the launches inside simt.on()
            kernel = numbas(function, *args, **keywords)
            kernel._simt_make, kernel._simt_made = compiled, None
            kernel._simt_declared = _declared(kernel, signatures, sigutils, func_or_sig is not signatures)
            return kernel

        return decorate

    return jit


def _declared(kernel: Any, signatures: list[Any], sigutils: Any, only: bool) -> Declared:
    device = kernel.targetoptions.get("device")
    found = Declared(kernel.__name__, [], [], only)
    if not device:
        kernel.overloads = {}  # Trap: Numba's own table is cleared, version by version, when the kernel is deleted
    for signature in signatures:
        types, result = sigutils.normalize_signature(signature)
        if result is not None and not device and str(result) not in ("none", "void"):
            raise TypeError(f"CUDA kernel must have void return type. Got {result} for {kernel.__name__}: a kernel "
                            "writes its results into arrays.")
        found.types.append(tuple(types))
        found.results.append(result)
        if not device:  # Numba itself compiles a device function's versions, where it compiles a kernel that calls it
            kernel.overloads[tuple(types)] = NotCompiled(kernel.__name__, signature)
    return found


# -- ufuncs ------------------------------------------------------------------------------------------------------------

def _install_vectorize(module_name: str, cuda: Any) -> None:
    """`@vectorize` and `@guvectorize` with target="cuda"."""
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError:  # numba-cuda has one of its own, Numba alone does not
        return
    sigutils = importlib.import_module("numba.cuda.decorators").sigutils
    for name, ours in (("Vectorize", Vectorize), ("GUVectorize", GUVectorize)):
        decorator = getattr(module, name)
        numbas = decorator.get_target_implementation.__func__

        def implementation(cls: Any, kwargs: dict[str, Any], numbas: Any = numbas, ours: Any = ours) -> Any:
            target = kwargs.get("target")
            found = numbas(cls, kwargs)  # takes the target out of the options
            if target != "cuda" or session_here() is None and cuda.is_available():
                return found

            def make(*args: Any, **options: Any) -> Any:
                return ours(sigutils.normalize_signature, functools.partial(found, *args, **options), *args, **options)

            return make

        decorator.get_target_implementation = classmethod(implementation)

