"""The floors that pyproject.toml states: one list, which the doctor knows and the lowest environment has."""

from __future__ import annotations

import re
import sys
from importlib import metadata

import pytest

from minidl.cli import doctor
from tests.versions.__main__ import PROJECT, floors, stated, with_floors


def _parts(need: str) -> tuple[str, str]:
    """The name and the floor in "name[extra]>=1.2; marker"."""
    found = re.match(r"([\w.-]+)(?:\[\w+\])?(?:>=|==)([\d.]+)", need)
    assert found, f"{need!r} states no floor"
    return found[1].lower().replace("_", "-"), found[2]


def _release(version: str) -> tuple[int, ...]:
    numbers = tuple(map(int, re.findall(r"\d+", version.split("+")[0])[:3]))
    return numbers + (0,) * (3 - len(numbers))


def test_one_package_has_one_floor() -> None:
    extras, groups = PROJECT["project"]["optional-dependencies"].values(), PROJECT["dependency-groups"].items()
    grouped = [needs for name, needs in groups if name not in ("gate", "dev")]  # pinned; made of others
    everywhere = [need for needs in (stated(), *extras, *grouped) for need in with_floors(needs)]
    floor_of: dict[str, set[str]] = {}
    for name, floor in map(_parts, everywhere):
        floor_of.setdefault(name, set()).add(floor)
    assert {name: found for name, found in floor_of.items() if len(found) > 1} == {}


def test_the_doctor_asks_for_the_floors() -> None:
    floor_of = {name: _release(floor) for name, floor in map(_parts, PROJECT["project"]["dependencies"])}
    asked = {name: _release(".".join(map(str, oldest))) for name, oldest in doctor.REQUIRED.items()}
    assert asked == floor_of


@pytest.mark.skipif(".venv-low" not in sys.prefix, reason="NOT RUN: for the lowest environment (make versions)")
def test_the_lowest_environment_has_every_floor() -> None:
    installed = {name: _release(metadata.version(name)) for name, _ in map(_parts, floors())}
    assert installed == {name: _release(floor) for name, floor in map(_parts, floors())}
    assert f"{sys.version_info.major}.{sys.version_info.minor}" == PROJECT["project"]["requires-python"][2:]
