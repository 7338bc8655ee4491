"""Where exercises are: found by their files, loaded when they are asked for."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import importlib.util
import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minidl.course.exercise import VARIANT, Bank, Exercise
from minidl.errors import ArgumentError, UnknownNameError

PUBLIC = Path(__file__).parent / "exercises"
BANK = Path(__file__).parents[2] / "course"  # of a checkout; a wheel has none


@functools.lru_cache(maxsize=1)
def files() -> dict[int, Path]:
    """Return the exercises' files by number."""
    return {int(p.stem[1:3]): p for p in sorted(PUBLIC.glob("?_*/e[0-9][0-9]_*.py"))}


def number_of(which: int | str) -> int:
    """Return an exercise's number, from "24", "gemm_tiled", "24_gemm_tiled", "24_gemm_tiled.py", or "24@TILE=8".

    Raises
    ------
    UnknownNameError : there is no such exercise
    """
    text = Path(str(which).partition("@")[0]).name.removesuffix(".py")
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


@functools.lru_cache(maxsize=128)
def load(which: int | str) -> Exercise:
    """Return an exercise, by number or name; its variant "24@TILE=8", with other numbers than the public one.

    Raises
    ------
    UnknownNameError : there is no such exercise, or no such variant of it
    """
    number = number_of(which)
    path, variant = files()[number], str(which).partition("@")[2].strip()
    module = importlib.import_module(f"minidl.course.exercises.{path.parent.name}.{path.stem}")
    if variant:
        found = variants(number)
        if variant not in found:
            raise UnknownNameError(
                f"exercise {number}: there is no variant {variant!r}. There are {', '.join(filter(None, found))}."
                if len(found) > 1 else f"exercise {number}: it has no variants. Got {variant!r}."
            )  # fmt: skip
        module = _executed(f"{module.__name__}", path, found[variant])
    exercise: Exercise = module.exercise
    return dataclasses.replace(
        exercise, number=number, name=path.stem[4:], track=path.parent.name[0].upper(), variant=variant,
        text=(exercise.text or module.__doc__ or "").strip(),
    )  # fmt: skip


def variants(which: int | str) -> dict[str, dict[str, int]]:
    """Return an exercise's variants and their constants; the first, "", is the public one.

    >>> variants(24)
    {'': {'TILE': 16}, 'TILE=8': {'TILE': 8}}
    """
    constants = load(number_of(which)).constants
    found = {}
    for values in itertools.product(*constants.values()):
        chosen = dict(zip(constants, values, strict=True))
        public = all(value == choices[0] for value, choices in zip(values, constants.values(), strict=True))
        found["" if public else " ".join(f"{name}={value}" for name, value in chosen.items())] = chosen
    return found


def variant_of(source: str) -> str:
    """Return the variant that a file says it is of, "" for the public one.

    >>> variant_of("minidl exercises check 24\\nvariant: TILE = 8\\n")
    'TILE=8'
    """
    said = re.search(r"^variant: *(.+)$", source[:8000], re.MULTILINE)
    return " ".join(re.sub(r"\s*=\s*", "=", said[1]).split()) if said else ""


def key_of(which: int | str, source: str) -> str:
    """Return the key of the variant that a file is of; of the public one where there is no such variant."""
    number, variant = number_of(which), variant_of(source)
    return keyed(number, variant if variant in variants(number) else "")


def keyed(number: int, variant: str) -> str:
    """Return what `load` takes for a variant.

    >>> keyed(24, "TILE=8"), keyed(24, "")
    ('24@TILE=8', '24')
    """
    return f"{number}@{variant}" if variant else str(number)


def _executed(name: str, path: Path, constants: Mapping[str, int]) -> Any:
    """Return a file's module, executed with these constants."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = VARIANT.set(constants)
    try:
        spec.loader.exec_module(module)
    finally:
        VARIANT.reset(before)
    return module


def bank(which: int | str) -> Bank:
    """Return an exercise's bank, which only a checkout has."""
    exercise = load(which)
    path = files()[exercise.number]
    place = BANK / path.parent.name / path.name
    if not place.is_file():
        raise ArgumentError(f"course: no bank for {path.stem}. Solutions are in the repository's folder course/ alone.")
    module = _executed(f"course_bank_{path.stem}", place, variants(exercise.number)[exercise.variant])
    found: Bank = module.bank
    return found


def made_file(which: int | str) -> Path:
    """Return the path of what is generated for an exercise: starter and fingerprints."""
    return files()[number_of(which)].with_suffix(".json")


@functools.lru_cache(maxsize=128)
def made(which: int | str) -> dict[str, Any]:
    """Return the starter and fingerprints of an exercise; none of one that is in no file, such as a page's program.

    A variant has its own where they differ from the public one's.
    """
    if not which:
        return {"starter": "", "mistakes": {}}
    path = made_file(which)
    found: dict[str, Any] = {"starter": "", "mistakes": {}}
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
    variant = str(which).partition("@")[2].strip()
    return found.get("variants", {}).get(variant, found) if variant else found


def starter(which: int | str) -> str:
    """Return the file that a student begins with: a header of the exercise's text, and the code."""
    e = load(which)
    first, *rest = e.text.splitlines()
    head = f"{e.number} · {e.name} {'★' * e.stars}   {first}"
    body = "\n".join([head, *rest]).rstrip()
    end = "\n" if "\n" in body else ""
    own = f"variant: {e.variant}\n" if e.variant else ""
    return f'"""{body}{end}\n\nminidl exercises check {e.number}\n{own}"""\n\n{made(e.key)["starter"]}'
