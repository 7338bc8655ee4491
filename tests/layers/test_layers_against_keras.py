"""Every layer, with Keras' weights, gives Keras' outputs, gradients, state, names and configuration."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from recorded_layers import CASES, DATA, TOLERANCE, built, new_layer, run, series, title

import minidl
from minidl import layers

EVERY = pytest.mark.parametrize("index", range(len(CASES)), ids=title)

# Keys that Keras writes and minidl does not: other dtypes and quantization do not exist here.
LEFT_OUT = {"dtype", "quantization_config"}
# Keras draws a seed for RandomCrop only, and forgets that of SimpleRNN.
SEEDED = {"RandomCrop", "SimpleRNN"}


@EVERY
def test_outputs_equal_keras(index: int) -> None:
    _, _, outputs = run(index)
    expected = series(str(index), "y")
    assert len(outputs) == len(expected)
    for y, wanted in zip(outputs, expected, strict=True):
        assert y.shape == wanted.shape
        np.testing.assert_allclose(y.numpy(), wanted, **TOLERANCE)


@EVERY
def test_gradients_equal_keras(index: int) -> None:
    name = str(index)
    with minidl.GradientTape() as tape:
        layer, xs, outputs = run(index, tape)
        terms = [(y * dy).sum() for y, dy in zip(outputs, series(name, "dy"), strict=True)]
        loss = sum(terms[1:], terms[0])
    inputs = [x for x in xs if x.dtype.kind == "f"]
    if not loss._tracked:
        pytest.fail("no gradient reaches the output")
    found = tape.gradient(loss, [*inputs, *layer.trainable_weights])
    names = [f"dx{i}" for i in range(len(inputs))] + [f"dw{i}" for i in range(len(layer.trainable_weights))]
    for key, gradient in zip(names, found, strict=True):
        if f"{name}.{key}" in DATA:
            np.testing.assert_allclose(gradient.numpy(), DATA[f"{name}.{key}"], err_msg=key, rtol=1e-4, atol=1e-4)
        else:
            assert gradient is None or not gradient.numpy().any(), key


@EVERY
def test_state_after_the_call_equals_keras(index: int) -> None:
    layer, _, _ = run(index)
    for i, (before, variable) in enumerate(zip(series(str(index), "w"), layer.weights, strict=True)):
        wanted = DATA[f"{index}.after{i}"] if f"{index}.after{i}" in DATA else before
        np.testing.assert_allclose(variable.numpy(), wanted, rtol=1e-5, atol=1e-6)


@EVERY
def test_weights_have_keras_names_shapes_and_order(index: int) -> None:
    layer = built(index)
    found = [[w.name, w.path, list(w.shape), w.trainable] for w in layer.weights]
    assert found == CASES[index]["weights"]


def cleaned(config: Any) -> Any:
    """Return a configuration as JSON keeps it, without what minidl leaves out."""
    if isinstance(config, dict):
        if config.get("module") == "keras.initializers":
            inner = {k: v for k, v in config["config"].items() if k not in ("input_axes", "output_axes")}
            return {**config, "config": inner}
        return {key: cleaned(value) for key, value in config.items() if key not in LEFT_OUT}
    if isinstance(config, list | tuple):
        return [cleaned(value) for value in config]
    return config


@EVERY
def test_configuration_equals_keras(index: int) -> None:
    case = CASES[index]
    ours, theirs = cleaned(new_layer(case).get_config()), cleaned(case["config"])
    if case["class"] in SEEDED or "SimpleRNN" in str(case["arguments"]):
        ours, theirs = ({k: v for k, v in c.items() if k != "seed"} for c in (ours, theirs))
        for config in (ours, theirs):
            for key in {"layer", "backward_layer"} & set(config):
                config[key]["config"].pop("seed", None)
    ours = json.loads(json.dumps(ours))
    assert {k: v for k, v in ours.items() if theirs.get(k, 0) != v} == {}
    assert set(theirs) == set(ours)


@EVERY
def test_from_config_reads_its_own_and_keras_configuration(index: int) -> None:
    case = CASES[index]
    cls = getattr(layers, case["class"])
    first = new_layer(case).get_config()
    again = cls.from_config(json.loads(json.dumps(first))).get_config()
    assert json.dumps(again) == json.dumps(first)
    theirs = {k: v for k, v in case["built_config"].items() if k != "quantization_config" or v is None}
    read = cls.from_config(theirs).get_config()
    if case["class"] in ("LayerNormalization", "RMSNormalization") and isinstance(read["axis"], list):
        first["axis"] = read["axis"]  # Keras writes a built layer's axis as a list
    if first.get("groups") == -1:
        first["groups"] = read["groups"]  # and how many there are
    assert cleaned(read) == cleaned(first)


@EVERY
def test_output_shape_is_the_shape_of_the_output(index: int) -> None:
    case = CASES[index]
    shapes = [(None, *s[1:]) for s in case["shapes"]]
    found = new_layer(case).compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    assert json.loads(json.dumps(found)) == case["output_shape"]
    _, xs, outputs = run(index)
    whole = new_layer(case).compute_output_shape([x.shape for x in xs] if len(xs) > 1 else xs[0].shape)
    wanted = [y.shape for y in outputs]
    assert (list(map(tuple, whole)) if case["structure"] == "list" else [tuple(whole)]) == wanted


@EVERY
def test_symbolic_call_has_the_shape_and_dtype_of_the_output(index: int) -> None:
    case = CASES[index]
    options = case["options"]
    dtype = "int32" if "ids" in options else "float32"
    inputs = [layers.Input(s[1:], dtype=dtype) for s in case["shapes"]]
    y = new_layer(case)(inputs if len(inputs) > 1 else inputs[0])
    outputs = list(y) if isinstance(y, list | tuple) else [y]
    _, _, real = run(index)
    assert [t.shape[1:] for t in outputs] == [t.shape[1:] for t in real]
    assert [t.dtype for t in outputs] == [t.dtype for t in real]


def test_every_layer_is_recorded() -> None:
    random = {"RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomContrast", "RandomCrop"}
    plain = {"Layer", "InputLayer", "Lambda"}
    classes = {v.__name__ for v in vars(layers).values() if isinstance(v, type) and issubclass(v, layers.Layer)}
    assert classes - plain - set(layers.ADDED) == {case["class"] for case in CASES} | random
