"""The text of a function as it was when Python compiled it, even where its file has changed since.

`inspect` reads the lines at the function's old place in the file as it is now: an edited body, or another function that
has moved there. So the file is compiled again, and its functions are compared with the code that the function has.
"""
from __future__ import annotations

import ast
import dis
import functools
import inspect
import linecache
import os
import tokenize
import types
from collections.abc import Callable
from typing import Any

from ..errors import UnsupportedSyntax


def lines_of(function: Callable[..., Any]) -> tuple[list[str], int]:
    """(lines, number of the first) of a function's source, its decorators included.

    Raises UnsupportedSyntax where there is none, or none that the function was compiled from.
    """
    name, code = function.__name__, function.__code__
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError, SyntaxError, IndexError, tokenize.TokenError) as cause:
        raise UnsupportedSyntax(
            f"the source of {name!r} cannot be read (a lambda, made by exec, or its file has changed or gone); define "
            "it in a file or a notebook cell, or import it again") from cause
    if not os.path.isfile(code.co_filename) or _is_rewritten(code):
        return lines, max(first, 1)  # a cell's text never changes
    text = linecache.getlines(code.co_filename)
    same = [c.co_firstlineno for c in _functions(code.co_filename, "".join(text)) if _same(c, code)]
    if code.co_firstlineno in same:
        return lines, max(first, 1)
    if not same:
        raise UnsupportedSyntax(
            f"{code.co_filename} has changed since {name!r} was imported, and the text that {name!r} was made from is "
            "no longer in it. Numba would run what was imported: import the module again (importlib.reload, or a "
            "restart) to run the new text", code.co_firstlineno, code.co_filename)
    return inspect.getblock(text[same[0] - 1 :]), same[0]


def lambda_of(function: Callable[..., Any]) -> tuple[ast.Lambda, list[str]]:
    """The syntax tree of a lambda, and the lines of its file. Raises UnsupportedSyntax where it cannot be found.

    A line may hold several: it is the one whose body stands where the code comes from.
    """
    code = function.__code__
    lines = linecache.getlines(code.co_filename, function.__globals__)
    places = [p for i in dis.get_instructions(code) if (p := i.positions) and p.end_col_offset]
    first = min(((p.lineno, p.col_offset) for p in places), default=None)
    last = max(((p.end_lineno, p.end_col_offset) for p in places), default=None)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        tree = ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            body = node.body
            if ((body.lineno, body.col_offset) == first and (body.end_lineno, body.end_col_offset) == last
                    and tuple(a.arg for a in node.args.args) == code.co_varnames[:code.co_argcount]):
                return node, lines
    raise UnsupportedSyntax("the source of a lambda cannot be read (its file has changed or gone, or it was made by "
                            "exec); define a function with def in a file or a notebook cell")


def _is_rewritten(code: types.CodeType) -> bool:
    """Has pytest put its own asserts into the code?"""
    return any(name.startswith("@py") for name in code.co_names + code.co_varnames)


@functools.lru_cache(maxsize=64)
def _functions(filename: str, text: str) -> tuple[types.CodeType, ...]:
    """The code of every function in a file; () if it does not compile."""
    try:
        waiting = [compile(text, filename, "exec", dont_inherit=True)]
    except SyntaxError:
        return ()
    found = []
    while waiting:
        inner = [c for c in waiting.pop().co_consts if isinstance(c, types.CodeType)]
        found += inner
        waiting += inner
    return tuple(found)


def _same(a: types.CodeType, b: types.CodeType) -> bool:
    """Do two pieces of code do the same, wherever they stand?"""
    if (a.co_name, a.co_code, a.co_names, a.co_varnames) != (b.co_name, b.co_code, b.co_names, b.co_varnames):
        return False
    if a.co_freevars != b.co_freevars or len(a.co_consts) != len(b.co_consts):
        return False
    return all(_same(x, y) if isinstance(x, types.CodeType) and isinstance(y, types.CodeType) else _equal(x, y)
               for x, y in zip(a.co_consts, b.co_consts, strict=True))


def _equal(x: Any, y: Any) -> bool:
    return type(x) is type(y) and (x == y or repr(x) == repr(y))
