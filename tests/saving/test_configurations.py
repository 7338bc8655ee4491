"""Every class makes a configuration that JSON can hold, and the same object again from it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from minidl import errors, saving

spec = importlib.util.spec_from_file_location("example_objects", Path(__file__).with_name("example_objects.py"))
objects = importlib.util.module_from_spec(spec)
spec.loader.exec_module(objects)


@pytest.mark.parametrize("kind, name", objects.ALL)
def test_configuration_makes_the_same_object(kind, name):
    first = objects.make(kind, name)
    config = json.loads(json.dumps(saving.serialize_keras_object(first)))
    assert config["class_name"] == name and config["registered_name"] is None
    assert config["module"] == ("keras.optimizers.schedules" if kind == "schedules" else f"keras.{kind}")
    again = saving.deserialize_keras_object(config)
    assert type(again) is type(first)
    assert json.loads(json.dumps(saving.serialize_keras_object(again))) == config


def test_what_is_written_stays_the_same():
    recorded = json.loads((Path(__file__).parent.parent / "reference" / "configurations.json").read_text("utf-8"))
    now = {name: json.loads(json.dumps(entry)) for name, entry in objects.written()}
    assert now.keys() == recorded.keys()
    assert {name: entry for name, entry in now.items() if entry != recorded[name]} == {}


def test_values_of_all_kinds_go_through_json():
    value = {
        "a": (1, 2.5, None, True, "text"), "b": slice(None, 3), "c": Ellipsis, "d": b"bytes",
        "e": np.float32(0.5), "f": np.arange(6, dtype=np.int32).reshape(2, 3), "g": np.dtype("float32"),
    }  # fmt: skip
    again = saving.deserialize_keras_object(json.loads(json.dumps(saving.serialize_keras_object(value))))
    assert again["a"] == [1, 2.5, None, True, "text"] and again["b"] == slice(None, 3) and again["c"] is Ellipsis
    assert (again["d"], again["e"], again["g"]) == (b"bytes", 0.5, "float32")
    np.testing.assert_array_equal(again["f"], value["f"])
    assert again["f"].dtype == np.int32


def test_what_json_cannot_hold_is_named():
    with pytest.raises(errors.ArgumentError, match="holds a set"):
        saving.serialize_keras_object({"x": {1, 2}})


@pytest.mark.parametrize(
    "config, match",
    [
        ({"class_name": "ArgumentError", "config": {}}, "not known here"),
        ({"class_name": "Tensor", "module": "keras.layers", "config": {}}, "not known here"),
        ({"class_name": "Popen", "module": "subprocess", "config": {"args": "true"}}, "put into a file to run code"),
        ({"class_name": "Dense", "module": "my.layers", "config": {"units": 1}}, "'Dense' of module 'my.layers'"),
        ({"class_name": "function", "module": "os", "config": "system"}, "put into a file to run code"),
        ({"class_name": "Dense", "module": "keras.layers", "config": [1]}, "must be a dict"),
        ({"class_name": ["Dense"], "module": "keras.layers", "config": {}}, "is no name"),
    ],
)
def test_only_known_classes_and_functions_are_made(config, match):
    with pytest.raises(errors.FileFormatError, match=match):
        saving.deserialize_keras_object(config)
