"""Names that Keras programs use, and what old ones say."""

from __future__ import annotations

import importlib

import pytest

import minidl
from minidl import initializers, layers, utils
from minidl.errors import ArgumentError


@pytest.mark.parametrize(
    "name", ["Initializer", "Input", "Layer", "Loss", "Metric", "Model", "Optimizer", "Regularizer", "Sequential"]
)
def test_base_classes_stand_at_the_top(name):
    assert getattr(minidl, name).__name__ == name and name in minidl.__all__


@pytest.mark.parametrize("name", sorted(initializers.registry.names.keys() - {"normal", "uniform", "one", "zero"}))
def test_initializers_have_their_lower_case_names(name):
    assert type(initializers.get(name)) is getattr(initializers, name)


def test_every_public_name_of_utils_exists():
    assert not [name for name in utils.__all__ if not hasattr(utils, name)]
    assert utils.register_keras_serializable is minidl.saving.register_keras_serializable


def test_np_utils_says_what_to_use_however_it_is_imported():
    np_utils = importlib.import_module("minidl.utils.np_utils")
    with pytest.raises(ImportError, match="use minidl.utils.to_categorical instead"):
        np_utils.to_categorical([1])
    with pytest.raises(ImportError, match="use minidl.utils.to_categorical instead"):
        from minidl.utils.np_utils import to_categorical  # noqa: F401


def test_model_to_dot_says_what_to_use():
    with pytest.raises(AttributeError, match="use plot_model"):
        _ = utils.model_to_dot


@pytest.mark.parametrize(
    ("wrong", "meant"), [("activaton", "activation"), ("kernel_initialiser", "kernel_initializer"), ("nam", "name")]
)
def test_a_misspelt_argument_of_a_layer_gets_the_nearest(wrong, meant):
    with pytest.raises(ArgumentError, match=f"Conv2D: unknown arguments '{wrong}'. Did you mean '{meant}'"):
        layers.Conv2D(3, 3, **{wrong: "x"})


def test_zero_and_one_name_initializers_as_in_keras() -> None:
    assert type(initializers.get("zero")) is initializers.Zeros and type(initializers.get("one")) is initializers.Ones
