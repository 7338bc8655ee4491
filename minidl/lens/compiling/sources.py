"""The Python text behind compiled code: the kernel's, and that of the device functions that were inlined into it."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import PurePath
from typing import Any, NamedTuple

from cuda_kernels.ptx.places import Place


class Source(NamedTuple):
    """A function's lines, by their numbers; without lines where its text cannot be read."""

    name: str
    file: str
    lines: dict[int, str]

    @property
    def title(self) -> str:
        """The function's name, and its file's without folders."""
        return f"{self.name}, {short_name(self.file)}"

    def __contains__(self, place: object) -> bool:
        return isinstance(place, Place) and place.file == self.file and place.line in self.lines


def short_name(file: str) -> str:
    """A file's name without folders; a notebook's cell is "a notebook's cell".

    >>> short_name("/home/x/tiles.py"), short_name("/tmp/ipykernel_71/1234.py")
    ('tiles.py', "a notebook's cell")
    """
    if file.startswith("<ipython-input") or "ipykernel_" in file:
        return "a notebook's cell"
    return PurePath(file).name or "an unknown file"


def sources_of(function: Callable[..., Any] | None, places: Iterable[Place]) -> list[Source]:
    """The functions that these lines stand in, the kernel first, the others as they first occur."""
    found: list[Source] = []
    places = list(places)
    if function is not None:
        found.append(_of(function))
        if found[0].file not in {place.file for place in places}:  # the compiler spells the file's name in its own way
            same = [p.file for p in places if PurePath(p.file).name == PurePath(found[0].file).name]
            found[0] = found[0]._replace(file=next(iter(same), found[0].file))
    for place in places:
        if any(place in source for source in found):
            continue
        source = _around(place)
        known = [k for k, s in enumerate(found) if (s.name, s.file) == (source.name, source.file)]
        if known:  # a text that cannot be read: its lines are added one by one
            found[known[0]].lines.update(source.lines)
        else:
            found.append(source)
    return [s._replace(lines=dict(sorted(s.lines.items()))) for s in found]


def _of(function: Callable[..., Any]) -> Source:
    from cuda_kernels.simt.errors import UnsupportedSyntax
    from cuda_kernels.simt.language.reading import lines_of

    code = function.__code__
    try:
        lines, first = lines_of(function)
    except UnsupportedSyntax:  # made by exec, or its file has changed since
        return Source(function.__name__, code.co_filename, {})
    return Source(function.__name__, code.co_filename, {first + k: text.rstrip() for k, text in enumerate(lines)})


def _around(place: Place) -> Source:
    """The innermost function around a line. PTX of somebody else names any file: only Python's are read."""
    is_python = PurePath(place.file).suffix == ".py" or place.file in linecache.cache
    text = linecache.getlines(place.file) if is_python else []
    best = None
    for name, first, last in _functions("".join(text)):
        if first <= place.line <= last and (best is None or last - first < best[2] - best[1]):
            best = name, first, last
    if best is None:
        return Source("text not found", place.file, {place.line: "".join(text[place.line - 1 : place.line]).rstrip()})
    return Source(best[0], place.file, {n: text[n - 1].rstrip() for n in range(best[1], best[2] + 1)})


@lru_cache(maxsize=32)
def _functions(text: str) -> tuple[tuple[str, int, int], ...]:
    """(name, first line with its decorators, last line) of each function in a file; () if it cannot be read."""
    try:
        tree = ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", text))  # a notebook's magic commands are no Python
    except (SyntaxError, ValueError):
        return ()
    return tuple(
        (node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    )
