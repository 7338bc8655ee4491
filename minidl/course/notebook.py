"""`course.check` in a notebook: a function's source, with what it stands on, becomes the file that is checked."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import textwrap
import types
from collections.abc import Callable
from typing import Any

from minidl.course import catalog
from minidl.course.checker.judging import check_source
from minidl.course.checker.results import Result
from minidl.errors import ArgumentError


def check(which: int | str, *functions: Callable[..., Any] | dict[str, Any], **options: Any) -> Result:
    """Check an exercise: a file of the current folder, or what a cell defines.

    Parameters
    ----------
    which : number or name
    functions : the functions, kernels or classes that the exercise asks for; the dict of a prediction. Without them the
        exercise's file is checked
    options : those of `minidl.course.checker.judging.check_source`

    >>> answers = {"copy": 8, "shifted": 8}
    >>> print(check("count_sectors", answers))
    18 count_sectors   ✗ values
       file ✓   runs ✓   values ✗
          1 | answers = {'copy': 8, 'shifted': 8}
       Bytes 4 to 131 touch sectors 0 to 4: five, not four.
    """
    if not functions:
        from minidl.course.folder import Folder

        return Folder.find().check(which, **options)
    return check_source(which, source_of(which, *functions), **options)


def source_of(which: int | str, *functions: Callable[..., Any] | dict[str, Any]) -> str:
    """Return what was given to `check` as the text of a file, with what it stands on."""
    exercise = catalog.load(catalog.number_of(which))
    kept: dict[str, str] = {}
    for number, function in enumerate(functions):
        if isinstance(function, dict):
            kept[f"{number}"] = f"{exercise.tasks[min(number, len(exercise.tasks) - 1)].name} = {function!r}\n"
        else:
            _collect(function, kept)
    return "\n".join(kept.values())


def _collect(function: Any, kept: dict[str, str]) -> None:
    """Add a function's source to `kept`, after the sources of what it uses: imports, numbers, functions."""
    plain = getattr(function, "py_func", function)
    if plain.__name__ in kept:
        return
    try:
        source = textwrap.dedent(_class_source(plain) if inspect.isclass(plain) else inspect.getsource(plain))
    except (OSError, TypeError) as error:
        raise ArgumentError(
            f"course.check: the source of {plain.__name__!r} cannot be read. Define it in a cell or a file."
        ) from error
    kept[plain.__name__] = ""  # its place is taken while what it uses is looked at
    used: dict[str, str] = {}
    if inspect.isclass(plain):  # its head, decorators and fields name things too
        around = vars(sys.modules[plain.__module__])
        names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    else:
        around, names = plain.__globals__, {*_names(plain.__code__), *(() if plain is function else ("cuda",))}
    for name in sorted((names - {plain.__name__}) & around.keys()):
        _needed(name, around[name], used, kept)
    del kept[plain.__name__]
    kept.update(used)
    kept[plain.__name__] = source


def _class_source(defined: type) -> str:
    """A class's text. Of one that a notebook's cell defines, inspect finds the text of its methods alone."""
    method = next((m for m in vars(defined).values() if inspect.isfunction(m)), None)
    if method is None:
        return inspect.getsource(defined)
    lines = linecache.getlines(method.__code__.co_filename)
    classes = (n for n in ast.walk(ast.parse("".join(lines))) if isinstance(n, ast.ClassDef))
    at = method.__code__.co_firstlineno
    found = [n for n in classes if n.name == defined.__name__ and n.lineno <= at <= (n.end_lineno or 0)]
    if not found:
        raise OSError("no such class in the method's file")
    first = min([found[-1].lineno, *(mark.lineno for mark in found[-1].decorator_list)])
    return "".join(lines[first - 1 : found[-1].end_lineno])


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)


def _needed(name: str, value: Any, used: dict[str, str], kept: dict[str, str]) -> None:
    import numba

    home = getattr(value, "__module__", None) or ""
    if isinstance(value, types.ModuleType):
        package, _, last = value.__name__.rpartition(".")
        used[name] = "from numba import cuda\n" if name == "cuda" else (
            f"import {value.__name__} as {name}\n" if not package or last != name else f"from {package} import {name}\n"
        )  # fmt: skip
    elif getattr(numba, name, None) is value:
        used[name] = f"from numba import {name}\n"
    elif isinstance(value, int | float | str | tuple | bool):
        used[name] = f"{name} = {value!r}\n"
    elif home.split(".")[0] in ("numpy", "math", "cuda_kernels", "numba", "minidl"):
        used[name] = f"from {home} import {name}\n"
    elif callable(value):
        _collect(value, kept)
