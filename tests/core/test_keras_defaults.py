"""What an argument is when it is not given: as in Keras 3.15, whose constructors' defaults stand in a file."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

DEFAULTS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent.parent / "reference" / "keras_defaults.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", DEFAULTS)
def test_defaults_are_those_of_keras(path: str) -> None:
    module, _, name = path.rpartition(".")
    cls: Any = getattr(importlib.import_module(f"minidl.{module}"), name)
    own = {key: repr(value.default) for key, value in inspect.signature(cls).parameters.items()}
    found = {key: own[key] for key in DEFAULTS[path]}
    if found.get("name") == "None" != DEFAULTS[path]["name"]:  # that of the class
        found["name"] = repr(cls().name)
    assert found == DEFAULTS[path]
