"""What an argument is when it is not given stays what it is: a program that leaves it out relies on it.

`public_defaults.txt` lists the defaults of the public names (`public_names.txt`), of their constructors and methods,
and of the command line's options; `python tests/core/test_defaults.py` writes it. Those that Keras has, too, are held
to Keras' in test_keras_defaults.py.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from minidl.cli.app import app

FILE = Path(__file__).with_name("public_defaults.txt")
NAMES = Path(__file__).with_name("public_names.txt").read_text("utf-8").splitlines()


def _members(name: str, found: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    if inspect.isclass(found):
        for key, member in vars(found).items():
            member = getattr(member, "__func__", member)
            if inspect.isfunction(member) and (key == "__init__" or not key.startswith("_")):
                yield f"{name}.{key}", member
    elif callable(found):
        yield name, found


def defaults() -> list[str]:
    """A line for each function that has defaults, under the first public name of it."""
    lines, seen = [], set()
    for module, _, names in (line.partition(": ") for line in NAMES):
        for name in names.split():
            for path, function in _members(f"{module}.{name}", getattr(importlib.import_module(module), name)):
                try:
                    parameters = inspect.signature(function).parameters.values()
                except (TypeError, ValueError):  # not written in Python
                    continue
                given = [f"{p.name}={p.default!r}" for p in parameters if p.default not in (p.empty, None)]
                if given and id(function) not in seen and not any(" at 0x" in text for text in given):
                    lines.append(f"{path}: {', '.join(given)}")
                seen.add(id(function))
    return [*lines, *_of_commands("minidl (command line)", typer.main.get_command(app))]


def _of_commands(path: str, command: Any) -> Iterator[str]:
    parameters = inspect.signature(command.callback).parameters.values() if command.callback else ()
    given = [f"{p.name}={p.default!s}" for p in parameters if p.default not in (p.empty, None)]
    if given:
        yield f"{path}: {', '.join(given)}"
    for name, part in sorted(getattr(command, "commands", {}).items()):
        yield from _of_commands(f"{path} {name}", part)


def test_public_defaults_are_those_that_are_listed():
    """More may be added; `python tests/core/test_defaults.py` lists them."""
    found = dict(line.split(": ", 1) for line in defaults())
    listed = dict(line.split(": ", 1) for line in FILE.read_text("utf-8").splitlines())
    assert len(listed) > 300
    changed = {path: (given, found.get(path)) for path, given in listed.items()
               if not set(given.split(", ")) <= set(found.get(path, "").split(", "))}  # fmt: skip
    assert changed == {}


if __name__ == "__main__":
    FILE.write_text("\n".join(defaults()) + "\n", "utf-8")
