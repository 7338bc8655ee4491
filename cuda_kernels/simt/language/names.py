"""Which Python object in a kernel means which operation of the machine: cuda.*, math.*, casts and builtins."""
from __future__ import annotations

import builtins
import cmath
import functools
import math
import operator
from collections import namedtuple
from typing import Any

import numpy as np

from cuda_kernels._cuda import SIMULATOR

from ..errors import SimtError
from ..state import Vector

_INDEX_NAMES = ("threadIdx", "blockIdx", "blockDim", "gridDim")
_CUDA_NAMES = (
    "grid gridsize laneid warpsize syncthreads syncthreads_count syncthreads_and syncthreads_or syncwarp activemask "
    "lanemask_lt shfl_sync shfl_up_sync shfl_down_sync shfl_xor_sync all_sync any_sync eq_sync ballot_sync "
    "match_any_sync match_all_sync popc brev clz ffs fma cbrt selp threadfence threadfence_block threadfence_system "
    "nanosleep literal_unroll"
).split()
_ATOMIC_NAMES = "add sub max min nanmax nanmin and_ or_ xor inc dec exch cas compare_and_swap".split()
_BUILTINS = (
    "min max abs round int float bool complex len pow print breakpoint range enumerate zip sum divmod tuple iter next "
    "slice isinstance"
).split()
DTYPE_NAMES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()
)


@functools.lru_cache(maxsize=1)
def cuda_objects() -> dict[int, str]:
    """id(object) -> its name, for everything of numba.cuda that the machine knows ("atomic.add", "threadIdx", …)."""
    from numba import cuda

    if SIMULATOR:
        raise SimtError(f"simt: {SIMULATOR}.")
    table: dict[int, tuple[Any, str]] = {}

    def enter(owner: Any, name: str, key: str) -> None:
        found = getattr(owner, name, None)
        if found is not None:
            table[id(found)] = (found, key)

    for name in _INDEX_NAMES:
        enter(cuda, name, name)
    for name in _CUDA_NAMES:
        enter(cuda, name, name)
    for name in _ATOMIC_NAMES:
        enter(cuda.atomic, name, "atomic." + name)
    enter(cuda.shared, "array", "shared.array")
    enter(cuda.local, "array", "local.array")
    enter(cuda.const, "array_like", "const.array_like")
    enter(cuda.cg, "this_grid", "cg.this_grid")
    _keep.extend(entry[0] for entry in table.values())
    return {key: entry[1] for key, entry in table.items()}


_keep: list[Any] = []  # the objects behind the ids above, so that no id is ever used again
_builtin_objects = {id(getattr(builtins, name)): "builtin." + name for name in _BUILTINS}
_math_objects = {id(f): "math." + n for n, f in vars(math).items() if callable(f)}
_cmath_objects = {id(f): "cmath." + n for n, f in vars(cmath).items() if callable(f)}
_numpy_objects = {id(getattr(np, n)): "numpy." + n for n in ("ndindex", "ndenumerate", "nditer")}
_OPERATORS = "add sub mul truediv floordiv mod pow lshift rshift lt le gt ge eq ne neg pos invert not_".split()
_operator_objects = {
    **{id(getattr(operator, n)): n for n in _OPERATORS},
    id(operator.and_): "bitand", id(operator.or_): "bitor", id(operator.xor): "bitxor",
}
_objects = {**_builtin_objects, **_math_objects, **_cmath_objects, **_numpy_objects, **_operator_objects}


def operation(obj: Any) -> str | None:
    """The machine's name of `obj` ("builtin.min", "math.sqrt", "atomic.add", "shfl_sync"), or None."""
    key = id(obj)
    return _objects.get(key) or cuda_objects().get(key) or _libdevice(obj)


def _libdevice(obj: Any) -> str | None:
    if getattr(obj, "__module__", "") and str(getattr(obj, "__module__", "")).endswith("cuda.libdevice"):
        return "libdevice." + obj.__name__
    return None


def as_dtype(obj: Any, text: bool = False) -> np.dtype | None:
    """The dtype that `obj` names: np.float32, numba.float32, types.int32, np.dtype("f4"); or None.

    text : also "float32" and "f4", as shared.array and local.array take them
    """
    if isinstance(obj, str):
        try:
            dtype = np.dtype(obj) if text else None
        except TypeError:
            return None
        return dtype if dtype is not None and dtype.name in DTYPE_NAMES and dtype.isnative else None
    if isinstance(obj, np.dtype):
        return obj
    if type(obj).__name__ == "Record":  # numba.from_dtype of a structured dtype
        return obj.dtype
    if isinstance(obj, type):
        return np.dtype(obj) if issubclass(obj, np.generic) and obj.__name__.rstrip("_") in DTYPE_NAMES else None
    if type(obj).__module__.startswith(("numba.core.types", "numba.cuda.types", "numba_cuda", "numba.cuda")):
        name = {"boolean": "bool", "uint1": "bool"}.get(str(obj), str(obj))
        return np.dtype(name) if name in DTYPE_NAMES else None
    return None


@functools.lru_cache(maxsize=1)
def vectors() -> dict[int, tuple[type, np.dtype]]:
    """id(cuda.float32x4) -> (the class of its values, the type of its numbers), and so on."""
    from numba import cuda

    names = [(f"{kind}x{n}", n, np.dtype(kind)) for kind in DTYPE_NAMES for n in (1, 2, 3, 4)]
    return {id(getattr(cuda, name)): (type(name, (namedtuple(name, tuple("xyzw"[:n])), Vector), {}), dtype)
            for name, n, dtype in names if hasattr(cuda, name)}


def python_function(obj: Any) -> Any | None:
    """The Python function behind a plain function, a `@cuda.jit` dispatcher or the simulator's kernel; or None."""
    import types

    for candidate in (obj, getattr(obj, "py_func", None), getattr(obj, "fn", None)):
        if isinstance(candidate, types.FunctionType):
            return candidate
    return None
