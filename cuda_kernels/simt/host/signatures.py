"""Kernels with declared types, `@cuda.jit("void(float32[:], int32)")`: which arguments they take, and as what.

Numba compiles such a kernel when it is decorated. On the machine nothing is compiled: the types are kept, and each
launch is held to them. Numbers become the declared type. An array of another type is refused: with a list of
signatures Numba refuses it too; with a single one it does not look, and the GPU would read the bytes of float64 as
float32.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ..language.names import as_dtype
from ..report.gpus import GPUS, resident_blocks

TypeList = tuple[Any, ...]


class NotCompiled:
    """What stands for a compiled version of a kernel: it knows its signature, and nothing of machine code."""

    def __init__(self, name: str, signature: Any) -> None:
        self._name = name
        self.signature = signature

    def max_cooperative_grid_blocks(self, blockdim: Any, dynsmemsize: int = 0) -> int:
        """The most blocks of a cooperative launch that the machine takes; on a GPU registers may allow fewer."""
        return resident_blocks(GPUS["H100 SXM"], int(np.prod(blockdim)), dynsmemsize)

    def __getattr__(self, attribute: str) -> NoReturn:
        raise AttributeError(only_a_compiler_knows(self._name, attribute))


def only_a_compiler_knows(kernel: str, asked: str) -> str:
    """The sentence for what the machine cannot say of a kernel."""
    return (
        f"{asked} of kernel {kernel!r}: the SIMT machine runs Python source and compiles nothing, so it knows neither "
        "registers nor machine code. NVIDIA's compilers work without a GPU: pip install \"numba-cuda[cu13]\", then "
        "numba.cuda.compile_ptx(kernel.py_func, signature, cc=(9, 0)) gives the PTX.")


@dataclass(eq=False)
class Declared:
    """The signatures that a kernel or device function was declared with."""

    name: str
    types: list[TypeList]
    results: list[Any]
    only: bool  # one signature, not a list: Numba does not look at the arguments' types

    def fit(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments as the best signature has them. Raises TypeError if there is none."""
        fitting = [(cost, types) for types in self.types if (cost := _cost(types, values)) is not None]
        if not fitting:
            self._refuse(values)
        least = min(cost for cost, _ in fitting)
        best = [types for cost, types in fitting if cost == least]
        if len(best) > 1:
            raise TypeError(f"Ambiguous overloading for {self.name} ({', '.join(map(describe, values))}): "
                            f"{' and '.join(map(shown, best))} fit as well. Convert the numbers, np.float32(x).")
        return tuple(_converted(ty, value) for ty, value in zip(best[0], values, strict=True))

    def _refuse(self, values: tuple[Any, ...]) -> NoReturn:
        got = ", ".join(map(describe, values))
        declared = " or ".join(map(shown, self.types))
        why = (" Numba does not look at the types of a kernel with one signature: a GPU would take the bytes for what "
               "they are not." if self.only else "")
        raise TypeError(f"No matching definition for argument type(s) {got}: {self.name} is declared for {declared}."
                        f"{why} Convert the arrays, x.astype(np.float32), or leave the signature out.")

    def scalars(self) -> tuple[dict[int, np.dtype], np.dtype | None]:
        """What a device function with one signature makes of its numbers, by position, and of its result."""
        if len(self.types) != 1:
            return {}, None
        dtypes = {k: as_dtype(ty) for k, ty in enumerate(self.types[0]) if not is_array_type(ty)}
        result = self.results[0]
        return ({k: dtype for k, dtype in dtypes.items() if dtype is not None},
                None if result is None or is_array_type(result) else as_dtype(result))



def shown(types: TypeList) -> str:
    """Types as Numba writes those of a call: (float32, int32)."""
    return "({})".format(", ".join(map(str, types)))


def _cost(types: TypeList, values: tuple[Any, ...]) -> tuple[int, int] | None:
    """How many arguments lose something by the conversion to these types, and how many nothing; None: no conversion."""
    if len(types) != len(values):
        return None
    steps = [_step(ty, value) for ty, value in zip(types, values, strict=True)]
    return None if None in steps else (steps.count(2), steps.count(1))


def _step(ty: Any, value: Any) -> int | None:
    """How far an argument is from a declared type: 0 equal, 1 converted, 2 with a loss, None: not to be converted."""
    if is_array_type(ty):
        if not isinstance(value, np.ndarray) or value.ndim != ty.ndim or value.dtype != dtype_of(ty.dtype):
            return None
        layout = {"A": True, "C": value.flags.c_contiguous, "F": value.flags.f_contiguous}[ty.layout]
        return int(ty.layout == "A") if layout else None
    to = as_dtype(ty)
    if to is None:
        return 0  # a record, a tuple, an enumeration: the machine says what it can take
    if isinstance(value, np.ndarray) or not isinstance(value, int | float | complex | np.number | np.bool_):
        return None
    own = np.asarray(value).dtype
    if own == to:
        return 0
    if own.kind in "fc" and to.kind in "biu" or own.kind == "c" and to.kind != "c":
        return None
    return 1 if np.can_cast(own, to) else 2


def _converted(ty: Any, value: Any) -> Any:
    to = None if is_array_type(ty) else as_dtype(ty)
    return value if to is None else np.asarray(value).astype(to)[()]


def is_array_type(ty: Any) -> bool:
    """Whether a Numba type is that of arrays."""
    return hasattr(ty, "layout") and hasattr(ty, "ndim") and hasattr(ty, "dtype")


def dtype_of(ty: Any) -> np.dtype | None:
    """The NumPy dtype of a Numba type of scalars or records."""
    found = as_dtype(ty)
    if found is None:
        from numba.np.numpy_support import as_dtype as of_numba

        try:
            found = of_numba(ty)
        except NotImplementedError:
            found = np.dtype(str(ty)) if str(ty) in ("complex64", "complex128") else None
    return found


def describe(value: Any) -> str:
    """An argument's type, as Numba writes it."""
    if isinstance(value, np.ndarray):
        layout = "C" if value.flags.c_contiguous else "F" if value.flags.f_contiguous else "A"
        return f"array({value.dtype}, {value.ndim}d, {layout})"
    if isinstance(value, int | float | complex) and not isinstance(value, bool):
        return {int: "int64", float: "float64"}.get(type(value), type(value).__name__)
    return getattr(getattr(value, "dtype", None), "name", type(value).__name__)
