"""The registry of names that losses, metrics, optimizers, initializers … share."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import (
    activations,
    constraints,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    saving,
)
from minidl.layers.base import naming

MODULES = {
    "activation": activations, "constraint": constraints, "initializer": initializers, "loss": losses,
    "metric": metrics, "optimizer": optimizers, "regularizer": regularizers,
}  # fmt: skip
WITH_BASES = [kind for kind, module in MODULES.items() if module.registry.bases]


@pytest.mark.parametrize("kind", MODULES)
def test_what_is_of_no_kind_is_told(kind):
    with pytest.raises(errors.ArgumentError, match=f"^{kind}: a name, .* is needed. Got "):
        MODULES[kind].get(1j)
    with pytest.raises(errors.UnknownNameError, match=f"unknown {kind}: 'nonsense'.* Known: "):
        MODULES[kind].get("nonsense")
    assert MODULES[kind].get(None) in (None, activations.linear)


@pytest.mark.parametrize("kind", WITH_BASES)
def test_an_own_class_is_known_by_its_name_in_a_scope_and_comes_first(kind):
    module = MODULES[kind]
    base = module.registry.bases[0]
    arguments = (0.1,) if kind == "optimizer" else ()
    taken = sorted(name for name, item in module.registry.names.items() if isinstance(item, type))[0]
    mine = type("Mine", (base,), {"__init__": lambda self, **_: base.__init__(self, *arguments)})
    with saving.custom_object_scope({"Mine": mine, taken: mine}):
        assert type(module.get("Mine")) is type(module.get(taken)) is mine
        assert type(module.deserialize({"class_name": "Mine", "config": {}})) is mine
    assert type(module.deserialize({"class_name": "Mine", "config": {}}, {"Mine": mine})) is mine
    with pytest.raises(errors.UnknownNameError, match="'Mine'"):
        module.get("Mine")
    with pytest.raises(errors.UnknownNameError, match=r"class \(your own go into custom_objects=\): 'Mine'"):
        module.deserialize({"class_name": "Mine", "config": {}})


@pytest.mark.parametrize("kind", WITH_BASES)
def test_bases_are_no_names_and_a_class_makes_an_object(kind):
    module = MODULES[kind]
    for base in module.registry.bases:
        with pytest.raises(errors.UnknownNameError):
            module.get(base.__name__)
    for name, item in module.registry.names.items():
        if isinstance(item, type):
            assert type(module.get(name)) is item
            assert kind == "optimizer" or type(module.get(item)) is item


def test_the_class_of_an_optimizer_is_told_to_be_called():
    with pytest.raises(errors.ArgumentError, match=r"Got the class; write Adam\(\)"):
        optimizers.get(optimizers.Adam)


@saving.register_keras_serializable("tests_registry")
class Quarters(initializers.Initializer):
    """An initializer of one's own."""

    def draw(self, rng, shape):
        return np.full(shape, 0.25)


def own_metric(y_true, y_pred):
    return (y_true - y_pred).mean(axis=-1)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_registered_initializer_is_written_by_its_registered_name(tmp_path, ending):
    model = minidl.Sequential([layers.Input((2,)), layers.Dense(3, kernel_initializer=Quarters(), name="d")])
    written = model.layers[0].get_config()["kernel_initializer"]
    assert written["registered_name"] == "tests_registry>Quarters" and written["module"] == __name__
    model.save(tmp_path / f"m.{ending}")
    again = models.load_model(tmp_path / f"m.{ending}")
    assert type(again.layers[0].kernel_initializer) is Quarters
    # As it was written before, when such a class was said to be of keras.initializers.
    before = {"module": "keras.initializers", "class_name": "Quarters", "config": {}, "registered_name": None}
    assert type(saving.deserialize_keras_object(before)) is Quarters


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_model_inside_a_wrapper_is_written_as_keras_writes_it(tmp_path, ending):
    x = minidl.Input((3,))
    inner = minidl.Model(x, layers.Dense(2)(x), name="inner")
    stack = minidl.Sequential([layers.Input((2,)), layers.Dense(2)], name="stack")
    steps = minidl.Input((4, 3))
    model = minidl.Model(steps, layers.TimeDistributed(stack)(layers.TimeDistributed(inner)(steps)))
    first, second = (layer.get_config()["layer"] for layer in model.layers[1:])
    assert (first["module"], first["class_name"]) == ("keras.src.models.functional", "Functional")
    assert (second["module"], second["class_name"]) == ("keras", "Sequential")
    model.save(tmp_path / f"m.{ending}")
    data = np.ones((2, 4, 3), np.float32)
    again = models.load_model(tmp_path / f"m.{ending}")
    np.testing.assert_array_equal(model.predict(data, verbose=0), again.predict(data, verbose=0))


def test_metrics_of_ones_own_are_found_by_name_and_keep_theirs():
    model = minidl.Sequential([layers.Input((2,)), layers.Dense(1)])
    with saving.custom_object_scope({"mine": own_metric}):
        model.compile("sgd", "mse", metrics=["mine"])
    assert list(model.train_on_batch(np.ones((2, 2)), np.ones((2, 1)), return_dict=True)) == ["loss", "own_metric"]
    assert not hasattr(own_metric, "name")


@pytest.mark.parametrize("kind", WITH_BASES)
def test_a_name_stands_for_what_is_of_the_kind(kind):
    """No helper of the module, nor a class of another kind, can be named."""
    module = MODULES[kind]
    classes = {name for name in module.__all__ if isinstance(getattr(module, name), type)}
    for name in vars(module):
        item = getattr(module, name)
        if name not in module.__all__ and not name.startswith("_") and callable(item):
            for given in (name, naming.snake_case(name)):
                with pytest.raises(errors.UnknownNameError):
                    module.get(given)
    names = module.registry.names
    for name in classes - {base.__name__ for base in module.registry.bases}:
        assert names.get(name, names.get(naming.snake_case(name))) is getattr(module, name)
