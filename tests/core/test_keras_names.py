"""Names that Keras programs use, and what old ones say."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import minidl
from minidl import initializers, layers, utils
from minidl.errors import ArgumentError
from minidl.keras import names
from minidl.keras import ops as keras_ops


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


def test_keras_functions_of_tensors_are_no_files_of_the_arithmetic():
    files = {path.stem for path in Path(minidl.ops.__file__).parent.iterdir()}
    assert not files & names.OPS
    for name in names.OPS:
        assert getattr(minidl.ops, name) is getattr(keras_ops, name)
        assert getattr(minidl.backend, name) is getattr(keras_ops, name)
    with pytest.raises(AttributeError, match="module 'minidl.ops' has no attribute 'fourier'"):
        _ = minidl.ops.fourier


def test_the_arithmetic_is_imported_without_tensors():
    code = "import sys, minidl.ops.gemm as g; print('minidl.keras.ops' in sys.modules, hasattr(g, 'gemm_forward'))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False True\n"


@pytest.mark.parametrize("first", ["minidl.preprocessing.image", "minidl.preprocessing", "minidl.backend"])
def test_doors_open_whichever_is_first(first):
    code = (
        f"import {first} as whole, minidl.preprocessing.sequence as s, minidl.utils.np_utils as n\n"
        "import minidl.keras.backend\n"
        "from minidl.preprocessing.image import load_img; from minidl import backend, preprocessing, utils\n"
        "assert backend is minidl.keras.backend is minidl.backend and utils.np_utils is n\n"
        "assert preprocessing.sequence is s and preprocessing.image.load_img is load_img is utils.load_img\n"
        "print(whole.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == first.replace("minidl.", "minidl.keras.").replace("preprocessing.image", "image"), (
        done
    )
