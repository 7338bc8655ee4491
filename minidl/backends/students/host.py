"""From what a student registered to a host function with the ladder's signature.

A `@cuda.jit` kernel alone is launched by a plan: which arrays it is given, in which shape, which output is made for it,
and which numbers it may ask for by name. The table `PLANNERS` (plans.py) says this for every kernel that has a plan.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cuda_kernels import ladder
from cuda_kernels._cuda import cuda
from cuda_kernels.launch import blocks_for, empty, launch, to_device, zeros
from minidl.backends.devices.facts import DEVICES
from minidl.backends.students.plans import PLANNERS
from minidl.errors import ArgumentError, BackendError
from minidl.ops.op import records

HOSTED = [device.name for device in DEVICES.values() if device.hosted]
IN_KERNELS = "grid gridsize threadIdx blockIdx blockDim gridDim laneid syncthreads shared local".split()
MATRIX_THREADS = (16, 16)
THREADS = 256
TRANSPOSES = ("transpose_a", "transpose_b")
TRANSPOSED = {"gemm": (1, 0), "batched_gemm": (0, 2, 1)}  # axes of an operand that is stored transposed
FILLED = {"zeros", "zeros_like", "ones", "ones_like", "full", "full_like", "copy"}  # of NumPy and cuda_kernels.launch
BIAS = {"gemm": "bias", "conv2d": "b", "conv2d_backward_data": "b", "depthwise_conv2d": "b"}

Parameter = inspect.Parameter


def rung_names(kernel: str) -> tuple[str, ...]:
    """Return the names of a kernel's ladder's rungs, () where there is no such kernel."""
    try:
        return tuple(rung.name for rung in ladder.rungs(kernel))
    except KeyError:
        return ()


def is_kernel(given: Any) -> bool:
    """Whether this is a `@cuda.jit` kernel (or device function)."""
    return hasattr(given, "py_func") and isinstance(given, type(_probe()))


@functools.cache
def _probe() -> Any:
    return cuda.jit(lambda: None)


def host_function(kernel: str, name: str, given: Any, threads: Any, blocks: Any, start: Any) -> Callable[..., Any]:
    """Return run(*arrays, on=None, **settings) for what was given. Raises ArgumentError where that does not fit."""
    who = f"register_kernel: {kernel}:{name}"
    if is_kernel(given):
        run, parameters, numbers, asked = _of_kernel(who, kernel, given, threads, blocks, start)
        return _completed(who, kernel, run, parameters, numbers, asked)
    if not callable(given):
        raise ArgumentError(
            f"{who} must be a @cuda.jit kernel or a host function that launches one. Got {type(given).__name__}."
        )
    if hasattr(given, "griddim") and hasattr(given, "dispatcher"):
        raise ArgumentError(
            f"{who}: got a kernel together with its grid and block, kernel[…]. Register the kernel itself; threads= "
            "and blocks= say how it is launched."
        )
    _refuse_undecorated(who, given)
    if threads is not None or blocks is not None or start is not None:
        raise ArgumentError(
            f"{who}: threads=, blocks= and start= are for a @cuda.jit kernel. Got the plain function "
            f"{getattr(given, '__name__', given)!r}. Write @cuda.jit between @minidl.register_kernel and def."
        )
    parameters = dict(inspect.signature(given).parameters)
    _check_signature(who, kernel, parameters)
    call = _completed(who, kernel, given, parameters)
    call.may_fill_in_parts = True  # type: ignore[attr-defined]
    call.starts_filled = bool(FILLED & set(getattr(getattr(given, "__code__", None), "co_names", ())))  # type: ignore[attr-defined]
    return call


def _refuse_undecorated(who: str, given: Any) -> None:
    """Refuse a kernel without @cuda.jit, or one that another decorator made something else of."""
    name = getattr(given, "__name__", type(given).__name__)
    order = f"Write @cuda.jit directly above `def {name}`, and @minidl.register_kernel(…) above that"
    if hasattr(given, "py_func"):
        raise ArgumentError(
            f"{who}: {name!r} is compiled for the CPU, by {type(given).__module__.partition('.')[0]}'s @jit or @njit. "
            f"{order}."
        )
    used = _kernel_names(given)
    if used:
        line, text = _line_with(given, used)
        raise ArgumentError(
            f"{who}: {name!r} uses {used}, so it is a kernel, and has no @cuda.jit{line}. {order}: the decorator "
            f"nearest to def is the first to act, so the two may not change places.{text}"
        )


def _kernel_names(given: Any) -> str:
    """What only a kernel can use, such as "cuda.grid"; "" where the function itself uses nothing of the kind."""
    code, names = getattr(given, "__code__", None), getattr(given, "__globals__", {})
    if code is None:
        return ""
    before = None
    for step in dis.get_instructions(code):  # a kernel defined inside has code of its own
        if step.opname.startswith("LOAD_GLOBAL"):
            found = names.get(step.argval)
            if getattr(found, "__module__", "").startswith("numba.cuda") and step.argval in IN_KERNELS:
                return str(step.argval)
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and step.argval in IN_KERNELS and before is cuda:
            return f"cuda.{step.argval}"
        before = names.get(step.argval) if step.opname.startswith("LOAD_GLOBAL") else None
    return ""


def _line_with(given: Any, used: str) -> tuple[str, str]:
    """Where the function uses that name: " (line 12 …)" and the line itself, for a message."""
    try:
        lines, first = inspect.getsourcelines(given)
    except (OSError, TypeError):
        return "", ""
    number, text = next(((first + k, line) for k, line in enumerate(lines) if used in line), (0, ""))
    return (f" (line {number})", f"\n{number:5d} | {text.rstrip()}") if number else ("", "")


# -- a host function ---------------------------------------------------------------------------------------------------


def _positional(parameters: dict[str, Parameter]) -> list[Parameter]:
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in parameters.values() if p.kind in kinds]


@functools.cache
def _ladder_parameters(kernel: str) -> dict[str, Parameter]:
    return dict(inspect.signature(ladder.rung(kernel).run).parameters)


def _check_signature(who: str, kernel: str, parameters: dict[str, Parameter]) -> None:
    """The ladder's required arrays must fit, and nothing more may be required."""
    theirs = _ladder_parameters(kernel)
    if any(p.kind is Parameter.VAR_POSITIONAL for p in (*parameters.values(), *theirs.values())):
        return
    wanted = [p.name for p in _positional(theirs)]
    required = [p.name for p in _positional(theirs) if p.default is Parameter.empty]
    mine = _positional(parameters)
    known = set(theirs) | {"on"}
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in theirs.values())
    extra = [
        p.name
        for p in parameters.values()
        if p.default is Parameter.empty
        and p.kind in (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        and (
            p.name not in known and not open_ended if p.kind is Parameter.KEYWORD_ONLY else mine.index(p) >= len(wanted)
        )
    ]
    if len(mine) < len(required) or extra:
        keywords = [p.name for p in theirs.values() if p.kind is Parameter.KEYWORD_ONLY]
        raise ArgumentError(
            f"{who}: the host function must take ({', '.join(wanted)}) and may take the keywords "
            f"{', '.join(keywords)}. Got ({', '.join(map(str, parameters.values()))}). The ladder's own: "
            f"cuda_kernels.ladder.rung({kernel!r}).run."
        )


def _completed(
    who: str, kernel: str, run: Callable[..., Any], parameters: dict[str, Parameter],
    numbers: dict[str, tuple[str, ...]] | None = None, asked: Sequence[str] = (),
) -> Callable[..., Any]:  # fmt: skip
    """Return a function with all of the ladder's arguments, from one that may take fewer.

    numbers : (a kernel alone) settings that reach it as numbers, one an axis, of which it asks for some
    The function's `not_taken(arrays, settings)` names what it would have to refuse.
    """
    names = [p.name for p in _ladder_parameters(kernel).values()]
    variadic = any(p.kind is Parameter.VAR_POSITIONAL for p in _ladder_parameters(kernel).values())
    anything = any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())
    any_number = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters.values())
    most = math.inf if any_number else len(_positional(parameters))
    needed = sum(p.default is Parameter.empty for p in _positional(parameters))
    optional = [None if p.default is p.empty else p.default for p in _positional(_ladder_parameters(kernel))][:needed]
    who = who.removeprefix("register_kernel: ")

    def takes(key: str) -> bool:
        return anything or key in parameters

    def missing_numbers(key: str, value: Any) -> list[str]:
        wanted = (numbers or {}).get(key, ())
        both = (value, default_of(kernel, key))
        values, defaults = both if len(wanted) > 1 else ((both[0],), (both[1],))
        return [n for n, v, d in zip(wanted, values, defaults, strict=False) if n not in asked and v != d]

    def lacks(key: str, value: Any, arrays: Sequence[Any]) -> bool:
        if kernel in TRANSPOSED and key in TRANSPOSES:
            return False
        return bool(missing_numbers(key, value)) if takes(key) else not _means_default(kernel, key, value, arrays)

    def not_taken(arrays: Sequence[Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        left = {name: a for k, (name, a) in enumerate(zip(names, arrays, strict=False)) if k >= most and a is not None}
        if variadic and left:
            left = {f"more than {most} arrays": arrays[int(most)]}
        left.pop(BIAS.get(kernel, ""), None)
        return left | {key: value for key, value in settings.items() if lacks(key, value, arrays)}

    def call(*arrays: Any, on: str | None = None, **settings: Any) -> Any:
        for key, value in not_taken(arrays, settings).items():
            lacking = missing_numbers(key, value) if takes(key) else (numbers or {}).get(key, ())
            raise _refusal(who, kernel, key, value, None if numbers is None else lacking)
        kept = [*arrays, *optional[len(arrays) :]]
        if kernel in TRANSPOSED:
            for position, key in enumerate(TRANSPOSES):
                if not takes(key) and settings.get(key):
                    kept[position] = ladder.rung("transpose").run(kept[position], axes=TRANSPOSED[kernel], on=on)
        bias = None
        while len(kept) > most:
            last = kept.pop()
            bias = last if last is not None else bias
        settings = {key: value for key, value in settings.items() if takes(key)}
        with numba_syntax(on):
            y = run(*kept, **settings, **({"on": on} if takes("on") else {}))
        if on == "cuda" and isinstance(y, np.ndarray):
            raise BackendError(
                f"{who}: on a GPU the result must be a device array. Got a NumPy array. Make the output with "
                "cuda_kernels.launch.empty(shape, like=x), which is where x is, in place of np.empty."
            )
        return y if bias is None else ladder.rung("add").run(y, bias, on=on)

    call.not_taken = not_taken  # type: ignore[attr-defined]
    return call


@contextlib.contextmanager
def numba_syntax(on: str | None) -> Iterator[None]:
    """Inside this block `kernel[grid, block](...)` runs on NumPy arrays too: on the SIMT machine, or compiled.

    Numbers keep the types that Numba gives them on a GPU, int64 and float64, so that the machine sees what a GPU would.
    """
    if on not in HOSTED:
        yield
        return
    kind = type(_probe())
    original = kind.__getitem__

    def configured(kernel: Any, configuration: tuple[Any, ...]) -> Any:
        grid, block, *rest = configuration
        shared = rest[1] if len(rest) > 1 else 0
        return lambda *args: launch(kernel, grid, block, *map(_as_numba, args), shared_bytes=shared, on=on)

    kind.__getitem__ = configured
    try:
        yield
    finally:
        kind.__getitem__ = original


def _as_numba(a: Any) -> Any:
    if isinstance(a, int) and not isinstance(a, bool):
        return np.int64(a)
    return np.float64(a) if isinstance(a, float) else a


def _refusal(who: str, kernel: str, key: str, value: Any, numbers: Sequence[str] | None) -> BackendError:
    """For a kernel alone, `numbers` are those in which it can be given the setting; for a host function None."""
    shown = f"an array {tuple(value.shape)}" if hasattr(value, "shape") else repr(value)
    if numbers is None:
        cure = "Add the parameter to your function"
    elif numbers:
        cure = f"Ask for {' and '.join(numbers)} among the kernel's parameters, behind the arrays"
    else:
        cure = "Register a host function that takes it and launches your kernel"
    return BackendError(
        f"{who} takes no {key!r}. Got {shown}. {cure}, or choose a rung of the ladder for this call: "
        f"minidl.using({_selected(kernel)}='simt') inside the block, or backend= of the layer."
    )


def _selected(kernel: str) -> str:
    """The name by which `minidl.using` chooses what runs a kernel: an op's, or of one direction of it."""
    users = [op.name for op in records().values() if kernel in op.all_kernels]
    own = next((op for op in users if kernel.startswith(op)), users[0] if users else kernel)
    return own if kernel == own else f"{own}_backward"


def default_of(kernel: str, key: str) -> Any:
    """Return the default of one setting: of the ladder's function, or of the NumPy op's."""
    parameter = _ladder_parameters(kernel).get(key)
    if parameter is None:
        from minidl.backends import table

        op = kernel.removesuffix("_backward")
        forward = table.load(op, "numpy", "forward") if op in table.ops() else None
        parameter = inspect.signature(forward).parameters.get(key) if forward else None
    return Parameter.empty if parameter is None else parameter.default


def _means_default(kernel: str, key: str, value: Any, arrays: Sequence[Any]) -> bool:
    """Whether a setting says what its default says: for a matrix, axis 1 is axis -1, and axes (0, 1) are all of them.

    >>> x = np.ones((2, 3), np.float32)
    >>> [_means_default("softmax", "axis", axis, (x,)) for axis in (0, 1, -1)]
    [False, True, True]
    """
    default = default_of(kernel, key)
    if value == default or key not in ("axis", "axes") or value is None:
        return bool(value == default)
    ndim = max(getattr(a, "ndim", 0) for a in arrays)
    axes = [i % ndim for i in np.atleast_1d(value)] if ndim else []
    if default is None:
        return axes == list(range(ndim))[::-1] if kernel == "transpose" else sorted(axes) == list(range(ndim))
    return axes == [i % ndim for i in np.atleast_1d(default)]


# -- a kernel alone ----------------------------------------------------------------------------------------------------


def _of_kernel(
    who: str, kernel: str, given: Any, threads: Any, blocks: Any, start: Any
) -> tuple[Callable[..., Any], dict[str, Parameter], dict[str, tuple[str, ...]], list[str]]:
    """Return a host function that launches the kernel by its plan, that function's parameters, the numbers of each
    setting that comes as numbers, and the numbers that the kernel asks for.
    """
    if getattr(given, "targetoptions", {}).get("device"):
        raise ArgumentError(f"{who} is a device function, which no launch can start. Leave out device=True.")
    if kernel not in PLANNERS:
        raise ArgumentError(
            f"{who}: for {kernel!r} give a host function that makes the output and launches your kernel; a kernel "
            f"alone will do for {', '.join(sorted(PLANNERS))}. It takes what "
            f"cuda_kernels.ladder.rung({kernel!r}).run takes."
        )
    arrays, numbers, plan_of, handled, inputs = PLANNERS[kernel]
    names = list(inspect.signature(given.py_func).parameters)
    asked = names[len(arrays) :]
    unknown = [n for n in asked if n not in numbers]
    if len(names) < len(arrays) or unknown:
        what = f"its parameter {unknown[0]!r} is not known" if unknown else "it has too few parameters"
        raise ArgumentError(
            f"{who}: {what}. The kernel takes the arrays ({', '.join(arrays)}), in this order and under any name, and "
            f"after them, by name, any of: {', '.join(numbers) or 'nothing'}. Got ({', '.join(names)})."
        )
    shape = _threads(who, kernel, threads)

    def run(*given_inputs: Any, on: str | None = None, **settings: Any) -> Any:
        plan = plan_of(kernel, on, *given_inputs, **settings)
        y = empty(plan.shape, like=plan.inputs[0])
        if start is not None:
            y = _filled(start, plan.shape, y, on)
        both = (*plan.inputs, y)
        grid = covering(plan.shape, shape) if blocks is None else blocks(*both) if callable(blocks) else blocks
        filled = None if start is None else ()  # what is left of the start is no output left unwritten
        launch(given, grid, shape, *both, *(plan.numbers[n] for n in asked), on=on, outputs=filled)
        return plan.finish(y)

    settings = {name for name, wanted in handled.items() if not wanted or set(wanted) & set(asked)}
    parameters = [Parameter(n, Parameter.POSITIONAL_ONLY) for n in inputs]
    keywords = [Parameter(n, Parameter.KEYWORD_ONLY) for n in sorted({"on", *settings})]
    return run, {p.name: p for p in (*parameters, *keywords)}, dict(handled), asked


def _filled(value: float, shape: tuple[int, ...], like: Any, on: str | None) -> Any:
    if value == 0:
        return zeros(shape, like=like)
    host = np.full(1, value, np.float32)
    one = host if isinstance(like, np.ndarray) else to_device(host)
    return ladder.rung("broadcast_to").run(one, shape=shape, on=on)


def _threads(who: str, kernel: str, threads: Any) -> tuple[int, ...]:
    chosen = threads if threads is not None else MATRIX_THREADS if kernel in TRANSPOSED else THREADS
    shape = chosen if isinstance(chosen, tuple) else (chosen,)
    if not 1 <= len(shape) <= 3 or not all(type(n) is int and n > 0 for n in shape) or math.prod(shape) > 1024:
        raise ArgumentError(
            f"{who}: threads must be one to three ints, together at most 1024, best a multiple of 32. Got {threads!r}."
        )
    return shape


def covering(shape: tuple[int, ...], threads: tuple[int, ...]) -> tuple[int, ...]:
    """Return the grid that covers an output: x along its last axis, y and z along those before; alone, x covers all.

    >>> covering((5, 100), (32, 4)), covering((5, 100), (128,))
    ((4, 2), (4,))
    """
    if len(threads) == 1:
        extents: tuple[int, ...] = (math.prod(shape),)
    elif len(threads) == 2:
        extents = (math.prod(shape[-1:]), math.prod(shape[:-1]))
    else:
        extents = (math.prod(shape[-1:]), math.prod(shape[-2:-1]), math.prod(shape[:-2]))
    return tuple(blocks_for(extent, n) for extent, n in zip(extents, threads, strict=True))
