"""Which kernel is meant: a rung of a ladder, a kernel of one's own, a bare `@cuda.jit` kernel, or PTX text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np

from cuda_kernels.launched import Launched
from minidl.errors import ArgumentError, UnknownNameError
from minidl.lens.timing.examples import as_shape, example_inputs, example_shapes

SIDE = 16  # of the matrices or images that a kernel of one's own is run on where no arrays are given


@dataclasses.dataclass(frozen=True)
class Subject:
    """A kernel and the types that it is compiled for; `launch` is a launch of it, for stepping.

    text : PTX that was given as such; the kernel is None then
    note : what else was launched or can be shown
    """

    title: str
    kernel: Any
    types: tuple[Any, ...]
    launch: Launched | None = None
    args: tuple[Any, ...] = ()
    text: str = ""
    note: str = ""

    @property
    def function(self) -> Callable[..., Any] | None:
        """The Python function, None of PTX text."""
        return getattr(self.kernel, "py_func", self.kernel)

    @property
    def signature(self) -> str:
        """The arguments with their types: "x float32[:, ::1], size int32"."""
        if self.function is None:
            return ""
        code = self.function.__code__
        names = code.co_varnames[: code.co_argcount]
        return ", ".join(f"{name} {type_text(kind)}" for name, kind in zip(names, self.types, strict=False))


def type_text(kind: Any) -> str:
    """A Numba type as it is written in a signature.

    >>> type_text(numba.float32[:, ::1]), type_text(numba.int32), type_text(numba.float32[:])
    ('float32[:, ::1]', 'int32', 'float32[:]')
    """
    if not isinstance(kind, numba.types.Array):
        return str(kind)
    axes = [":"] * kind.ndim
    if axes and kind.layout in "CF":
        axes[-1 if kind.layout == "C" else 0] = "::1"
    return f"{kind.dtype}[{', '.join(axes)}]"


def subject(kernel: Any, args: tuple[Any, ...], which: int | str, settings: dict[str, Any]) -> Subject:
    """Say what is to be shown; see `lens.ptx`."""
    if isinstance(kernel, str):
        if ".entry" in kernel:
            return Subject("PTX text", None, (), args=args, text=kernel)
        return _of_a_rung(kernel, args, which, settings)
    function = getattr(kernel, "py_func", kernel)
    if not hasattr(function, "__code__"):
        raise ArgumentError(
            'lens: the kernel must be a rung such as "gemm:r7", a @cuda.jit kernel, or PTX text. Got '
            f"{type(kernel).__name__}."
        )
    if settings:
        raise ArgumentError(f"lens: a bare kernel takes no settings. Got {', '.join(settings)}.")
    types, given = _types(function, args)
    return Subject(function.__name__, kernel, types, args=given)


def _types(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The types of arguments, and the arguments: types themselves, a signature, or examples."""
    from cuda_kernels.compile.refusals import types_of

    wanted = function.__code__.co_argcount
    if len(args) == 1 and isinstance(args[0], str | numba.core.typing.Signature):
        from numba.core import sigutils

        try:
            types = tuple(sigutils.normalize_signature(args[0])[0])
        except Exception as error:  # the signature is evaluated: whatever is wrong with it
            raise ArgumentError(
                f'lens: a signature reads like "void(float32[::1], int32)". Got {args[0]!r}: {error}.'
            ) from None
        given: tuple[Any, ...] = ()
    elif any(isinstance(a, numba.types.Type) for a in args):
        types = tuple(a if isinstance(a, numba.types.Type) else types_of((a,))[0] for a in args)
        given = ()
    else:
        types, given = types_of(args), args
    if len(types) != wanted:
        names = ", ".join(function.__code__.co_varnames[:wanted])
        raise ArgumentError(
            f"lens: {function.__name__} takes {wanted} arguments ({names}). Got {len(types)}. Give arrays and "
            f'numbers as at a launch, their Numba types, or a signature such as "void(float32[::1], int32)".'
        )
    return types, given


def _of_a_rung(spec: str, args: tuple[Any, ...], which: int | str, settings: dict[str, Any]) -> Subject:
    from cuda_kernels import ladder
    from minidl.backends.students.register import student_kernel, student_names

    op, _, name = spec.partition(":")
    mine = student_kernel(op, name)
    if mine is not None:
        return _launched(spec, mine.run, args or _examples(op), which, settings)
    try:
        rung = ladder.rungs(op)[0] if name == "first" else ladder.rung(op, name or None)
    except KeyError as error:
        own = student_names(op)
        raise UnknownNameError(
            f"lens: {error.args[0].removeprefix('ladder: ')}" + (f" Of your own: {', '.join(own)}." if own else "")
        ) from None
    title = f"{op}:{rung.name}"
    if args:
        return _launched(title, rung.run, args, which, settings)
    builds = {build.label or build.name: build for build in rung.builds}
    named = {build.name: label for label, build in builds.items()}
    label = _chosen(title, list(builds), named.get(str(which), which))
    others = [name for name in builds if name != label]
    note = f"other builds: {', '.join(others)} (which=…)" if others else ""
    build = builds[label]
    return Subject(f"{title}  {build.name}", build.kernel, tuple(build.args), note=note)


def _chosen(title: str, names: list[str], which: int | str) -> str:
    found = names[which : which + 1] if isinstance(which, int) and which >= 0 else [n for n in names if n == which]
    if not found:
        listed = ", ".join(f"{k} {name}" for k, name in enumerate(names)) or "none"
        raise ArgumentError(f"lens: {title} has no kernel {which!r}. There are: {listed}.")
    return found[0]


def _examples(op: str) -> tuple[Any, ...]:
    from minidl.backends import table

    if op not in table.ops():
        raise ArgumentError(
            f"lens: {op!r} is no op with example inputs: give the arrays, or their shapes, that your kernel takes."
        )
    return tuple(example_inputs(op, example_shapes(op, SIDE), np.random.default_rng(0)))


def _launched(
    title: str, run: Callable[..., Any], args: Sequence[Any], which: int | str, settings: dict[str, Any]
) -> Subject:
    """Run a host function on the SIMT machine, and take one of its launches, with the arguments that it had."""
    from cuda_kernels.compile.refusals import types_of
    from cuda_kernels.launch import simt_options
    from cuda_kernels.launched import launches

    generator = np.random.default_rng(0)
    arrays = [
        generator.standard_normal(as_shape(a), np.float32) if isinstance(a, tuple | list) and as_shape(a) else a
        for a in args
    ]
    with simt_options(copies=True, strict=False, checks=False), launches() as found:
        run(*arrays, **settings)
    names = [launch.name for launch in found]
    name = _chosen(title, names, which)
    launch = found[which if isinstance(which, int) else names.index(name)]
    note = f"launches: {', '.join(f'{k} {name}' for k, name in enumerate(names))} (which=…)" if len(found) > 1 else ""
    return Subject(
        f"{title}  {launch.name}", launch.kernel, types_of(launch.args), launch, tuple(launch.args), note=note
    )
