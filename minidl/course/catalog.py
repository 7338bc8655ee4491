"""Where exercises are: found by their files, loaded when they are asked for."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

from minidl.course.exercise import Bank, Exercise
from minidl.errors import ArgumentError, UnknownNameError

PUBLIC = Path(__file__).parent / "exercises"
BANK = Path(__file__).parents[2] / "course"  # of a checkout; a wheel has none


@functools.lru_cache(maxsize=1)
def files() -> dict[int, Path]:
    """Return the exercises' files by number."""
    return {int(p.stem[1:3]): p for p in sorted(PUBLIC.glob("?_*/e[0-9][0-9]_*.py"))}


def number_of(which: int | str) -> int:
    """Return an exercise's number, from "24", "gemm_tiled", "24_gemm_tiled" or "24_gemm_tiled.py".

    Raises
    ------
    UnknownNameError : there is no such exercise
    """
    text = Path(str(which)).name.removesuffix(".py")
    names = {path.stem[4:]: number for number, path in files().items()}
    head, _, rest = text.partition("_")
    number = int(text) if text.isdigit() else names.get(text, int(head) if head.isdigit() and rest in names else 0)
    if number not in files():
        near = difflib.get_close_matches(text, names, 1)
        meant = f" Did you mean {names[near[0]]} {near[0]}?" if near else ""
        raise UnknownNameError(
            f"unknown exercise: {text!r}.{meant} There are {min(names.values())} to {max(names.values())}; "
            "`minidl exercises list` shows them."
        )
    return number


@functools.lru_cache(maxsize=64)
def load(which: int | str) -> Exercise:
    """Return an exercise, by number or name."""
    number = number_of(which)
    path = files()[number]
    module = importlib.import_module(f"minidl.course.exercises.{path.parent.name}.{path.stem}")
    found: Exercise = module.exercise
    return dataclasses.replace(
        found, number=number, name=path.stem[4:], track=path.parent.name[0].upper(),
        text=(found.text or module.__doc__ or "").strip(),
    )  # fmt: skip


def bank(which: int | str) -> Bank:
    """Return an exercise's bank, which only a checkout has."""
    path = files()[number_of(which)]
    place = BANK / path.parent.name / path.name
    if not place.is_file():
        raise ArgumentError(f"course: no bank for {path.stem}. Solutions are in the repository's folder course/ alone.")
    spec = importlib.util.spec_from_file_location(f"course_bank_{path.stem}", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.bank


def made_file(which: int | str) -> Path:
    """Return the path of what is generated for an exercise: starter and fingerprints."""
    return files()[number_of(which)].with_suffix(".json")


@functools.lru_cache(maxsize=64)
def made(which: int | str) -> dict[str, Any]:
    """Return the starter and fingerprints of an exercise; none of one that is in no file, such as a page's program."""
    if not which:
        return {"starter": "", "mistakes": {}}
    path = made_file(which)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"starter": "", "mistakes": {}}


def starter(which: int | str) -> str:
    """Return the file that a student begins with: a header of the exercise's text, and the code."""
    e = load(which)
    first, *rest = e.text.splitlines()
    head = f"{e.number} · {e.name} {'★' * e.stars}   {first}"
    body = "\n".join([head, *rest]).rstrip()
    end = "\n" if "\n" in body else ""
    return f'"""{body}{end}\n\nminidl exercises check {e.number}\n"""\n\n{made(e.number)["starter"]}'
