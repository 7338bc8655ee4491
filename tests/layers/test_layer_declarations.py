"""Every layer's arguments and configuration are those of the files that were saved before."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from declared_layers import RECORDED, classes, configuration, signature

from minidl import layers

BEFORE = json.loads(RECORDED.read_text())


@pytest.mark.parametrize("name", BEFORE["signatures"])
def test_arguments_have_keras_names_order_and_defaults(name: str) -> None:
    assert signature(classes()[name]) == BEFORE["signatures"][name]


@pytest.mark.parametrize("index", range(len(BEFORE["configurations"])))
def test_configuration_is_that_of_files_saved_before(index: int) -> None:
    spec, before = BEFORE["configurations"][index]
    assert configuration(spec) == before
    again: Any = getattr(layers, spec["class"]).from_config(before)
    assert json.loads(json.dumps(again.get_config())) == before


def test_a_class_shows_its_arguments() -> None:
    for name, layer_class in classes().items():
        assert [p for p, _, _ in signature(layer_class)] == list(inspect.signature(layer_class).parameters), name
