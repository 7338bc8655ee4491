"""Every name that a program may import stays, by every way of importing it. `public_names.txt` lists them."""

from __future__ import annotations

from pathlib import Path

import pytest

import minidl

LINES = Path(__file__).with_name("public_names.txt").read_text("utf-8").splitlines()
LISTED = {module: names.split() for module, names in (line.split(": ") for line in LINES)}


@pytest.mark.parametrize("module", LISTED)
def test_every_listed_name_can_be_imported_in_every_way(module):
    found: dict[str, object] = {}
    exec(f"import {module} as whole", found)
    parent, _, last = module.rpartition(".")
    if parent:
        exec(f"from {parent} import {last}\nimport {module}\nby_dots = {module}", found)
        assert found[last] is found["by_dots"] is found["whole"]
    assert [name for name in LISTED[module] if not hasattr(found["whole"], name)] == []
    exec(f"from {module} import {', '.join(LISTED[module])}", {})


def test_the_names_of_minidl_are_listed_once():
    assert len(dir(minidl)) == len(set(dir(minidl)))
