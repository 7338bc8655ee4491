"""What holds for every layer of minidl, also one that was added as a file: its arguments, configuration and files."""

from __future__ import annotations

import inspect
import json
from typing import Any, get_args

import numpy as np
import pytest
from declared_layers import CASES, classes, make

import minidl
from minidl import layers, models
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.kinds import Positive
from minidl.layers.base.options import REQUIRED, OptionLayer, after

NAMES = [name for name in classes() if name not in ("Layer", "InputLayer")]
SHAPES = [(2, 4), (2, 5, 4), (2, 6, 7, 4)]
VALUES = {int: 2, float: 0.5, str: "relu", bool: True}


def arguments(layer_class: Any) -> tuple[dict[str, Any], list[tuple[int, ...]], bool]:
    """Return arguments for a class, its inputs' shapes, and whether they are whole numbers.

    Those of a layer without a case are made up, from the types of the required ones.
    """
    for name, given, shapes, more in CASES:
        if name == layer_class.__name__:
            return given, shapes, "ids" in more
    if layer_class is layers.Lambda:
        return {"function": doubled}, [(2, 4)], False
    required = {n: o.annotation for n, o in layer_class._options.items() if o.default is REQUIRED}
    hints = {name: inspect.get_annotations(layer_class, eval_str=True)[name] for name in required}
    given = {name: VALUES.get(next(iter(get_args(hint)), hint), 2) for name, hint in hints.items()}
    for shape in SHAPES:
        try:
            layer_class(**given)(np.ones(shape, np.float32))
        except ShapeError:
            continue
        return given, [shape], False
    pytest.fail(f"{layer_class.__name__} takes none of the shapes {SHAPES}: give it a case in layer_cases.py")


def doubled(x: Any) -> Any:
    return x * 2.0


def new(name: str, **more: Any) -> Any:
    given, _, _ = arguments(classes()[name])
    return make({"class": name, "arguments": {**given, **more}})


def in_json(layer: Any) -> Any:
    return json.loads(json.dumps(layer.get_config(), default=lambda function: function.__name__))


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_shows_and_explains_its_arguments(name: str) -> None:
    layer_class = classes()[name]
    shown = list(inspect.signature(layer_class).parameters)
    assert [option for option in layer_class._options if option not in shown] == []
    assert vars(layer_class)["__doc__"], "a docstring is needed"
    if any(option.default is REQUIRED for option in layer_class._options.values()):
        with pytest.raises(TypeError, match=f"{name}: missing a required argument: '.*'. It is called as {name}\\("):
            layer_class()
    with pytest.raises(ArgumentError, match=f"{name}: unknown arguments 'no_such'"):
        new(name, no_such=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_makes_an_equal_layer(name: str) -> None:
    layer_class, scope = classes()[name], {"doubled": doubled}
    layer = new(name)
    made = [layer]
    for option, said in layer_class._options.items():
        other = {bool: lambda value: not value, float: lambda value: value / 2 + 0.125}.get(type(said.default))
        if other is not None:
            try:
                made.append(new(name, **{option: other(said.default)}))
            except ArgumentError as error:
                assert option in str(error)  # such as `renorm`, which must be False
                continue
            assert getattr(made[-1], option) == other(said.default)
    with minidl.saving.custom_object_scope(scope):
        assert [in_json(layer_class.from_config(in_json(one))) for one in made] == [in_json(one) for one in made]


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_with_the_layer_is_the_same_model(name: str, tmp_path: Any) -> None:
    _, shapes, whole = arguments(classes()[name])
    dtype = "int32" if whole else "float32"
    data = [np.random.default_rng(0).integers(0, 5, shape).astype(dtype) for shape in shapes]
    inputs = [minidl.Input(shape[1:], dtype=dtype) for shape in shapes]
    layer = new(name)
    outputs = layer(inputs if len(inputs) > 1 else inputs[0])
    model = minidl.Model(inputs, list(outputs) if isinstance(outputs, tuple) else outputs)
    model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras", custom_objects={"doubled": doubled})
    first, second = (
        [y.numpy() for y in (one if isinstance(one, list) else [one])] for one in (model(data), again(data))
    )
    for y, same, symbolic in zip(first, second, model.outputs, strict=True):
        np.testing.assert_array_equal(y, same)
        assert y.shape[1:] == symbolic.shape[1:] and y.dtype == symbolic.dtype


def test_fields_are_read_as_a_class_is_written() -> None:
    class Base(OptionLayer):
        size: Positive
        first: int = 1
        second: float = 2.0

    class Own(Base):
        between: int = after("first", 3)
        second: float = 5.0
        table: minidl.Variable  # made by build: no argument
        history: list[float]

    own = Own(2, 4, name="own")
    assert list(inspect.signature(Own).parameters) == ["size", "first", "between", "second", "kwargs"]
    assert (own.size, own.first, own.between, own.second, Own.second) == (2, 4, 3, 5.0, 5.0)
    with pytest.raises(TypeError, match="Own: too many positional arguments"):
        Own(1, 2, 3, 4, 5)
    with pytest.raises(TypeError, match=r"Own: multiple values for argument 'size'. It is called as Own\(size, first"):
        Own(1, size=2)
    with pytest.raises(ArgumentError, match="class Late: the field 'count' has no default, and stands behind"):

        class Late(Base):
            count: Positive


def test_a_class_with_an_init_of_its_own_has_its_arguments_there(tmp_path: Any) -> None:
    class Own(layers.Dense):
        history: list[float]
        times: float = 2.0

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(units, activation="relu", **kwargs)
            self.history, self.options = [], {"any": "name"}

    layer = Own(3, use_bias=False)
    assert list(inspect.signature(Own).parameters) == ["units", "kwargs"]
    assert layer.get_config()["units"] == 3 and not {"times", "history"} & set(layer.get_config())
    assert (layer.times, layer.use_bias, layer.activation) == (2.0, False, minidl.activations.relu)


def test_types_of_fields_are_known_in_a_program_that_is_run_as_a_text() -> None:
    program = """
from __future__ import annotations
from minidl.layers.base.kinds import Positive
from minidl.layers.base.options import OptionLayer

class Parts(OptionLayer):
    count: Positive = 1
    def call(self, x):
        return x
"""
    found: dict[str, Any] = {"__name__": "__main__"}
    exec(program, found)
    with pytest.raises(ArgumentError, match="Parts 'parts': count must be a positive integer. Got 0."):
        found["Parts"](0, name="parts")
