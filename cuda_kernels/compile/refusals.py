"""Does Numba compile this kernel for a GPU, and if not, why, in words that name the line?

    types = types_of((x, y, np.int32(5)))
    refusal(kernel, types)           # None, or a Refusal

Asked of the compiler itself; needs no GPU and no driver, but numba-cuda with NVVM and NVRTC, which come with the extras
`ptx`, `cuda12` and `cuda13`. `compiler_missing()` says whether they are there.
"""
from __future__ import annotations

import functools
import linecache
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numba
import numpy as np

from cuda_kernels._cuda import cuda

CAPABILITY = (8, 0)
INSTALL = 'pip install "minidl[ptx]"'


class Refusal(NamedTuple):
    """Why a kernel cannot be compiled: the reason, what to write instead, and the line of its file (0: unknown)."""

    reason: str
    cure: str
    line: int
    text: str


@functools.cache
def compiler_missing() -> str:
    """Why nothing can be compiled here; "" where NVIDIA's compilers are installed."""
    if getattr(cuda, "implementation", "") != "NVIDIA":
        return "numba-cuda is not installed"
    try:
        from cuda.bindings import nvrtc, nvvm

        nvvm.version()
        nvrtc.nvrtcVersion()
    except (ImportError, OSError, RuntimeError, AttributeError):  # which of them depends on the release
        return "NVVM or NVRTC is not installed"
    return ""


def types_of(args: Iterable[Any]) -> tuple[Any, ...]:
    """The Numba types that a launch gives its arguments.

    >>> types_of((np.zeros((2, 3), np.float32), np.int32(1)))
    (Array(float32, 2, 'C', False, aligned=True), int32)
    """
    return tuple(_type_of(a) for a in args)


def _type_of(a: Any) -> Any:
    if not hasattr(a, "shape") or isinstance(a, np.generic):
        return numba.typeof(a)
    layout = "C" if a.flags.c_contiguous else "F" if a.flags.f_contiguous else "A"
    return numba.types.Array(numba.from_dtype(a.dtype), a.ndim, layout)


def refusal(kernel: Any, types: tuple[Any, ...]) -> Refusal | None:
    """Why Numba refuses to compile a kernel for these types; None if it compiles. What it compiled to is kept, and
    `cuda_kernels.ptx` runs that: it is not compiled again.
    """
    from ..ptx.compiler import ptx_of

    function = getattr(kernel, "py_func", kernel)
    try:
        ptx_of(kernel, types)
    except Exception as error:  # whatever the compiler raises is its answer
        return _explained(function, error)
    return None


def _explained(function: Callable[..., Any], error: BaseException) -> Refusal:
    filename = function.__code__.co_filename
    message = str(error)
    line = _line_of(error, message, filename, function.__code__.co_firstlineno)
    text = linecache.getline(filename, line).rstrip() if line else ""
    matches = [(re.search(pattern, message, re.DOTALL), reason, cure) for pattern, reason, cure in KNOWN]
    known = [(found.start(), found, reason, cure) for found, reason, cure in matches if found]
    if known:
        _, found, reason, cure = min(known, key=lambda entry: entry[0])  # what follows is how Numba got there
        words = [re.sub(r"Literal\[(\w+)\]\([^)]*\)", r"\1", word) for word in found.groups()]
        return Refusal(reason.format(*words), cure.format(*words), line, text)
    lines = [part.strip() for part in message.splitlines()]
    said = next((part for part in lines if part and not part.startswith(("Failed in", "During"))), type(error).__name__)
    return Refusal(said.rstrip("."), "", line, text)


def _line_of(error: BaseException, message: str, filename: str, first: int) -> int:
    """The line of the kernel's file: from the message, or from what the compiler was at when it gave up."""
    name = re.escape(filename.rpartition("/")[2])
    for place in (rf'File "[^"]*{name}", line (\d+)', rf"{name} \((\d+)\)", rf"{name}:(\d+)"):
        found = [int(n) for n in re.findall(place, message)]
        if found:
            return found[0]
    trace, last = error.__traceback__, 0
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            loc = getattr(value, "loc", value)
            if getattr(loc, "filename", None) == filename and isinstance(getattr(loc, "line", None), int):
                last = loc.line if loc.line > first else last or loc.line
        trace = trace.tb_next
    return last


SHAPE = ("the shape of a shared or local array must be a number, a tuple of numbers, or a global name of one: at "
         "module level TILE1 = TILE + 1, and then (TILE, TILE1)")
# (pattern of Numba's message, the reason, what to write instead)
KNOWN: tuple[tuple[str, str, str], ...] = (
    (r"No implementation of function Function\(<function (shared|local)\.array.*?>>> (array\([^\n]*\))",
     "the shape given to cuda.{0}.array is worked out in the kernel, and Numba has to know it beforehand", SHAPE),
    (r"Untyped global name '(\w+)':? Cannot determine Numba type of <class 'function'>",
     "{0!r} is a plain Python function, which a kernel cannot call",
     "write @cuda.jit(device=True) above `def {0}`"),
    (r"Untyped global name '(\w+)':? Cannot determine Numba type of <class 'builtin_function_or_method'>",
     "{0!r} is a function of Python, which a GPU does not have", "do without {0}() in a kernel"),
    (r"Untyped global name '(\w+)':? Cannot determine Numba type of <class '(?:[\w.]*\.)?(\w+)'>",
     "{0!r} is a Python object (of class {1}), which a kernel cannot look into",
     "take the numbers out of it beforehand: a global number, or an argument of the kernel"),
    (r"No implementation of function Function\(<intrinsic exception_match>",
     "a kernel cannot catch one kind of exception", "test the condition beforehand, with an if"),
    (r"NameError: name '(\w+)' is not defined", "the name {0!r} is not defined", "is it misspelt, or not imported?"),
    (r"No implementation of function Function\([^\n]*\) found for signature:\s*>>> (\w+)\(([^\n]*)\)",
     "there is no {0} for these types: ({1})", "look at the types in this line; float32(…) or int32(…) changes one"),
    (r"Cannot unify ([^\n]+?) and ([^\n]+?) for '([\w.]+)'",
     "the variable {2!r} is {0} on one path and {1} on another", "give it one type from the start"),
    (r"Unknown attribute '(\w+)' of type ([^\n]+)", "a value of type {1} has no {0!r} in a kernel", ""),
    (r"NRT required but not enabled", "this line makes a list or an array, and a GPU's thread has no memory for it",
     "use single variables, or cuda.local.array"),
    (r"Use of unsupported NumPy function '([\w.]+)'", "{0} has no counterpart on a GPU",
     "write it with numbers and loops"),
    (r"Cannot cast ([\w]+) to ([\w]+)", "a {0} cannot become a {1} here", ""),
)
