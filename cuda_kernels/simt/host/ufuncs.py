"""`@vectorize` and `@guvectorize` with target="cuda": a function of elements, or of parts, over whole arrays.

One thread makes one result. A kernel is written around the function and run on the machine. Broadcasting is NumPy's,
the choice among the signatures is Numba's: arrays must have a signature's types exactly, numbers are converted.
"""
from __future__ import annotations

import itertools
import linecache
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .kernels import THREADS, run
from .memory import DeviceArray, from_interface, undefined
from .sessions import Session, note_transfer, session_here
from .signatures import dtype_of, is_array_type, shown

_numbers = itertools.count(1)


class Builder:
    """What both decorators share: the function, its signatures, and the kernel that is written around it."""

    def __init__(self, normalize: Any, original: Any) -> None:
        self.normalize = normalize
        self.original = original  # makes Numba's own, for a call outside of simt.on()
        self.signatures: list[Any] = []

    def disable_compile(self) -> None:
        """Numba says that there are no more signatures."""

    def kernel(self, function: Any, parameters: str, call: str, count: str) -> Any:
        """A kernel whose thread i calls the function once."""
        from numba import cuda

        name = function.__name__ if function.__name__.isidentifier() else "ufunc"
        text = (f"def {name}({parameters}):\n    i = cuda.grid(1)\n    if i < {count}:\n"
                f"        {call}\n")
        filename = f"<{name}, kernel {next(_numbers)} of a ufunc>"
        linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
        namespace = {"cuda": cuda, "core": cuda.jit(device=True)(function)}
        exec(compile(text, filename, "exec"), namespace)
        return cuda.jit(namespace[name])


class Vectorize(Builder):
    """Builds what `@vectorize([...], target="cuda")` gives."""

    def __init__(self, normalize: Any, original: Any, func: Any, identity: Any = None, cache: bool = False,
                 targetoptions: dict[str, Any] | None = None) -> None:
        super().__init__(normalize, original)
        if cache:
            raise TypeError("caching is not supported")
        unknown = set(targetoptions or {}) - {"nopython"}
        if unknown:
            raise KeyError(f"Unrecognized options. cuda vectorize target does not support option: {unknown.pop()!r}")
        self.func = func
        self.types: dict[tuple[np.dtype, ...], np.dtype] = {}

    def add(self, sig: Any = None) -> None:
        """One more signature."""
        self.signatures.append(sig)
        args, result = self.normalize(sig)
        if result is None:
            raise TypeError("vectorize: on the SIMT machine a signature names its result, as float32(float32) does. "
                            f"Got {sig}.")
        self.types[tuple(dtype_of(ty) for ty in args)] = dtype_of(result)  # type: ignore[assignment,misc]

    def build_ufunc(self) -> Ufunc:
        """The function over arrays."""
        return Ufunc(self)


class OverArrays:
    """What is called: on the machine inside `simt.on()`, else Numba's own."""

    max_blocksize = 2**30

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.__name__ = builder.func.__name__
        self.__doc__ = builder.func.__doc__
        self.numbas: Any = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        session = session_here()
        if session is not None:
            return self.simulated(session, *args, **keywords)
        if self.numbas is None:
            made = self.builder.original()
            for signature in self.builder.signatures:
                made.add(signature)
            self.numbas = made.build_ufunc()
        return self.numbas(*args, **keywords)

    def simulated(self, session: Session, *args: Any, out: Any = None, stream: Any = 0) -> Any:
        raise NotImplementedError

    def uploaded(self, inputs: Sequence[np.ndarray], device: Sequence[Any]) -> None:
        """Note the moves of the inputs that were not on the device."""
        for ary, on_device in zip(inputs, device, strict=True):
            if on_device is None:
                note_transfer("up", ary.nbytes, ary.shape, self.__name__)


class Ufunc(OverArrays):
    """A function of elements over whole arrays."""

    def __init__(self, builder: Vectorize) -> None:
        super().__init__(builder)
        names = [f"x{k}" for k in range(len(next(iter(builder.types), ())))]
        call = "out[i] = core({})".format(", ".join(f"{n}[i]" for n in names))
        self.kernel = builder.kernel(builder.func, ", ".join([*names, "out"]), call, "out.size")

    @property
    def functions(self) -> dict[tuple[np.dtype, ...], np.dtype]:
        """The signatures: dtypes of the arguments, and of the result."""
        return self.builder.types

    def simulated(self, session: Session, *args: Any, out: Any = None, stream: Any = 0) -> Any:
        """Call it on the machine."""
        device = [_device(a) for a in args]
        arrays = [d.ary if d is not None else None if isinstance(a, int | float | complex | np.number) else
                  np.asarray(a) for a, d in zip(args, device, strict=True)]
        dtypes = self._signature(args, arrays)
        inputs = [np.asarray(a if ary is None else ary, dtype) for a, ary, dtype in
                  zip(args, arrays, dtypes, strict=True)]
        self.uploaded(inputs, device)
        shape = np.broadcast_shapes(*(a.shape for a in inputs))
        result = undefined(shape, self.builder.types[dtypes])
        flat = [np.ascontiguousarray(np.broadcast_to(a, shape)).reshape(-1) for a in inputs]
        if result.size:
            run(self.kernel, session, -(-result.size // THREADS), THREADS,
                tuple(map(DeviceArray, [*flat, result.reshape(-1)])), stream)
        return _given(result, out, any(d is not None for d in device), self.__name__)

    def _signature(self, args: Sequence[Any], arrays: Sequence[Any]) -> tuple[np.dtype, ...]:
        known = [types for types in self.builder.types if len(types) == len(args)]
        exact = [types for types in known if
                 all((np.asarray(a) if ary is None else ary).dtype == t
                     for t, a, ary in zip(types, args, arrays, strict=True))]
        matches = exact or [types for types in known if
                            all(ary is None or ary.dtype == t for t, ary in zip(types, arrays, strict=True))]
        if not matches:
            got = ", ".join(type(a).__name__ if ary is None else str(ary.dtype)
                            for a, ary in zip(args, arrays, strict=True))
            raise TypeError("No matching version.  GPU ufunc requires array arguments to have the exact types.  This "
                            f"behaves like regular ufunc with casting='no'. Got ({got}) for {self.__name__}, declared "
                            f"for {', '.join(map(shown, self.builder.types))}.")
        if len(matches) > 1 and not exact:
            raise TypeError("Failed to resolve ufunc due to ambiguous signature. Too many untyped scalars. Use numpy "
                            "dtype object to type tag.")
        return matches[0]

    def reduce(self, arg: Any, stream: Any = 0) -> Any:
        """All elements of a 1-D array in one, pair by pair."""
        ary = arg if isinstance(arg, DeviceArray) else np.asarray(arg)
        if ary.ndim != 1:
            raise TypeError("reduce: must use 1d array")
        if not ary.size:
            raise TypeError("Reduction on an empty array.")
        while ary.size > 1:
            half, odd = divmod(ary.size, 2)
            pairs = self(ary[:half], ary[half:2 * half], stream=stream)
            if odd:
                pairs[:1] = self(pairs[:1], ary[2 * half:], stream=stream)
            ary = pairs
        return ary[0]


class GUVectorize(Builder):
    """Builds what `@guvectorize([...], "(n),(n)->(n)", target="cuda")` gives."""

    def __init__(self, normalize: Any, original: Any, func: Any, signature: str, identity: Any = None,
                 cache: bool = False, targetoptions: dict[str, Any] | None = None, writable_args: Any = ()) -> None:
        super().__init__(normalize, original)
        if cache:
            raise TypeError("caching is not supported")
        if writable_args:
            raise TypeError("writable_args are not supported")
        options = {k: v for k, v in (targetoptions or {}).items() if k != "nopython"}
        if not (targetoptions or {}).get("nopython", True):
            raise TypeError("nopython flag must be True")
        if options:
            raise TypeError("The following target options are not supported: " + ", ".join(map(repr, options)))
        self.func = func
        self.ins, self.outs = parse_layout(signature)
        self.types: dict[tuple[np.dtype, ...], tuple[tuple[np.dtype, ...], Any]] = {}

    def add(self, sig: Any = None) -> None:
        """One more signature."""
        self.signatures.append(sig)
        args, result = self.normalize(sig)
        if result is not None and str(result) not in ("none", "void"):
            raise TypeError(f"guvectorized functions cannot return values: signature {sig} specifies {result} return "
                            "type")
        items = []
        for k, (ty, axes) in enumerate(zip(args, [*self.ins, *self.outs], strict=True)):
            inner = ", :" * len(axes)
            if axes and not is_array_type(ty):
                raise ValueError("gufunc signature mismatch: ndim>0 for scalar")
            items.append(f"x{k}[i:i + 1]" if not axes and is_array_type(ty) else f"x{k}[i{inner}]")
        dtypes = [dtype_of(ty.dtype if is_array_type(ty) else ty) for ty in args]
        names = [f"x{k}" for k in range(len(args))]
        kernel = self.kernel(self.func, ", ".join(names), f"core({', '.join(items)})", "x0.shape[0]")
        inputs = len(self.ins)
        self.types[tuple(dtypes[:inputs])] = tuple(dtypes[inputs:]), kernel  # type: ignore[arg-type]

    def build_ufunc(self) -> GUfunc:
        """The function over arrays."""
        return GUfunc(self)


class GUfunc(OverArrays):
    """A function of parts of arrays over whole arrays."""

    def simulated(self, session: Session, *args: Any, out: Any = None, stream: Any = 0) -> Any:
        """Call it on the machine."""
        ins, outs = self.builder.ins, self.builder.outs
        if len(args) not in (len(ins), len(ins) + len(outs)):
            raise TypeError(f"This gufunc accepts {_positional(len(ins))} (when providing input only) or "
                            f"{_positional(len(ins) + len(outs))} (when providing input and output). Got "
                            f"{_positional(len(args))}.")
        if out is not None and len(args) > len(ins):
            raise ValueError("cannot specify argument 'out' as both positional and keyword")
        given = [*args[len(ins):]] or ([out] if len(outs) == 1 else list(out or [None] * len(outs)))
        device = [_device(a) for a in args[:len(ins)]]
        inputs = [np.asarray(a) if d is None else d.ary for a, d in zip(args, device, strict=False)]
        dtypes = self._signature(tuple(a.dtype for a in inputs), device)
        out_dtypes, kernel = self.builder.types[dtypes]
        inputs = [a.astype(t, copy=False) for a, t in zip(inputs, dtypes, strict=True)]
        self.uploaded(inputs, device)
        if any(ins):  # where others have axes, one element is a number and no axis of the loop
            inputs = [a.reshape(()) if not axes and a.size == 1 else a for a, axes in zip(inputs, ins, strict=True)]
        loop, sizes = _loop_and_sizes(inputs, ins)
        results = [undefined((*loop, *(sizes[n] for n in axes)), t) for axes, t in zip(outs, out_dtypes, strict=True)]
        for result, to in zip(results, given, strict=True):
            device_to = _device(to)
            there = to if device_to is None else device_to
            if there is not None and tuple(there.shape) != result.shape:
                raise ValueError(f"output shape mismatch: {self.__name__} makes {result.shape}, out is {there.shape}")
            if device_to is not None:  # a function may read what it is given as its output
                np.copyto(result, device_to.ary)
        count = int(np.prod(loop))
        flat = [np.ascontiguousarray(np.broadcast_to(a, (*loop, *(sizes[n] for n in axes))))
                .reshape(count, *(sizes[n] for n in axes)) for a, axes in zip(inputs, ins, strict=True)]
        flat += [r.reshape(count, *r.shape[len(loop):]) for r in results]
        if count:
            run(kernel, session, -(-count // THREADS), THREADS, tuple(map(DeviceArray, flat)), stream)
        anywhere = any(d is not None for d in device)
        found = [_given(r, to, anywhere, self.__name__) for r, to in zip(results, given, strict=True)]
        return found[0] if len(found) == 1 else tuple(found)

    def _signature(self, dtypes: tuple[np.dtype, ...], device: Sequence[Any]) -> tuple[np.dtype, ...]:
        if dtypes in self.builder.types:
            return dtypes
        for types in self.builder.types:  # Numba's rule: the first one that could be converted to what was given
            if all(np.can_cast(t, d) for t, d in zip(types, dtypes, strict=True)):
                if any(d is not None and d.dtype != t for d, t in zip(device, types, strict=True)):
                    raise TypeError("compatible signature is possible by casting but a device array does not support "
                                    ".astype()")
                return types
        raise TypeError(f"no matching signature: {self.__name__} is declared for "
                        f"{', '.join(map(shown, self.builder.types))}. Got {shown(dtypes)}.")


def parse_layout(signature: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The axes of a gufunc's inputs and outputs.

    >>> parse_layout("(m,n),(n,p)->(m,p)")
    ([('m', 'n'), ('n', 'p')], [('m', 'p')])
    """
    text = re.sub(r"\s", "", signature)
    group = r"\([\w,]*\)"
    if not re.fullmatch(rf"{group}(,{group})*->{group}(,{group})*", text):
        raise ValueError(f"guvectorize: bad token in signature {signature!r}. It is written as '(m,n),(n)->(m)'.")
    sides = [[tuple(filter(None, part[1:-1].split(","))) for part in re.findall(group, side)]
             for side in text.split("->")]
    unknown = {n for axes in sides[1] for n in axes} - {n for axes in sides[0] for n in axes}
    if unknown:
        raise NameError("undefined output symbols: " + ",".join(sorted(unknown)))
    return sides[0], sides[1]


def _loop_and_sizes(inputs: Sequence[np.ndarray], axes: Sequence[tuple[str, ...]]) -> tuple[tuple[int, ...], Any]:
    """The shape that is looped over, and the size of each named axis."""
    sizes: dict[str, int] = {}
    loops = []
    for number, (a, names) in enumerate(zip(inputs, axes, strict=True), 1):
        if a.ndim < len(names):
            raise ValueError(f"arg #{number}: insufficient inner dimension")
        cut = a.ndim - len(names)
        loops.append(a.shape[:cut])
        for name, n in zip(names, a.shape[cut:], strict=True):
            if sizes.setdefault(name, n) != n:
                raise ValueError(f"arg #{number}: shape[{name}] mismatch argument: {n} where {sizes[name]} was")
    return np.broadcast_shapes(*loops), sizes


def _device(value: Any) -> DeviceArray | None:
    """`value` as a device array, if it is on the device."""
    if isinstance(value, DeviceArray) or value is None:
        return value
    interface = getattr(value, "__cuda_array_interface__", None)
    return None if interface is None else from_interface(interface, value)


def _given(result: np.ndarray, out: Any, on_device: bool, name: str) -> Any:
    """The result where it is wanted: in `out`, on the device if an argument was there, else on the host."""
    if out is not None and _device(out) is not None:
        given = _device(out)
        np.copyto(given.ary, result.reshape(given.shape))  # type: ignore[union-attr]
        return out if isinstance(out, DeviceArray) else given
    if out is None and on_device:
        return DeviceArray(result)
    note_transfer("down", result.nbytes, result.shape, name)
    if out is None:
        return result
    if out.dtype != result.dtype:
        raise TypeError(f"{name}: out must be {result.dtype}. Got {out.dtype}.")
    np.copyto(out, result)
    return out


def _positional(count: int) -> str:
    return f"{count} positional argument{'s' * (count != 1)}"
