"""Layers of one's own in files, with and without a get_config."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Input, Model, Sequential, errors, layers, models

X = np.random.default_rng(6).normal(size=(2, 4)).astype(np.float32)


class Scaled(layers.Layer):
    """Simple arguments, no get_config."""

    def __init__(self, units, scale=2.0, options=None, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(units)
        self.scale, self.options = scale, options

    def build(self, input_shape):
        self.inner.build(input_shape)

    def call(self, x):
        return self.inner(x) * self.scale


class Plain(layers.Layer):
    """Without any of the arguments that all layers have."""

    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(3)

    def call(self, x):
        return self.inner(x)


class Wider(layers.Dense):
    """One of minidl's layers with an argument more."""

    def __init__(self, units, times=1, **kwargs):
        super().__init__(units * times, **kwargs)
        self.units, self.times = units, times

    def build(self, input_shape):
        self.units *= self.times
        super().build(input_shape)
        self.units //= self.times


class Given(layers.Layer):
    """An argument that no file can hold."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x) if callable(self.inner) else x


class Described(Given):
    """The same, which says how it is made."""

    def get_config(self):
        return {**super().get_config(), "inner": layers.serialize(self.inner)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "inner": layers.deserialize(config["inner"])})


class Several(layers.Layer):
    def __init__(self, *units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, x):
        return x


def round_trip(layer, path):
    model = Sequential([Input((4,)), layer])
    model.save(path)
    again = models.load_model(path, custom_objects={type(layer).__name__: type(layer)})
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
    return again.layers[0]


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_simple_arguments_need_no_get_config(ending, tmp_path):
    path = tmp_path / f"m.{ending}"
    layer = round_trip(Scaled(3, scale=5.0, options={"k": [1, None]}, name="mine", trainable=False), path)
    assert (layer.name, layer.trainable, layer.scale, layer.options) == ("mine", False, 5.0, {"k": [1, None]})
    assert round_trip(Scaled(np.int64(3), np.float32(0.5)), path).scale == 0.5
    plain = Plain()
    plain.trainable = False
    layer = round_trip(plain, path)
    assert layer.name == plain.name and not layer.trainable
    assert round_trip(Described(layers.Dense(2)), path).inner.units == 2
    x = Input((4,))
    model = Model(x, Scaled(3)(x))
    assert models.clone_model(model).layers[1].scale == 2.0


def test_arguments_are_those_that_the_layer_was_made_with():
    sizes = [1, 2]
    layer = Scaled(3, options=sizes)
    sizes.append(3)
    config = layer.get_config()
    assert config["units"] == 3 and config["scale"] == 2.0 and config["options"] == [1, 2]
    assert Scaled.from_config(config).get_config() == config


def test_a_further_argument_of_a_known_layer_is_kept(tmp_path):
    assert round_trip(Wider(3, times=2), tmp_path / "m.keras").times == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Given(layers.Dense(3)), r"Given 'given.*was made with inner=.*a Dense, which a file cannot hold"),
        (lambda: Given(np.ones(3)), "a ndarray, which a file cannot hold"),
        (lambda: Given([1, np.ones(3)]), "a list, which a file cannot hold"),
        (lambda: Given({"a": 1, "b": np.ones(3)}), "a dict, which a file cannot hold"),
        (lambda: Given({"a": 1, 2: 1}), "a dict, which a file cannot hold"),
        (lambda: Several(1, 2), r"Several 'several.*was given \*units without names"),
    ],
    ids=["layer", "array", "array in a list", "array in a dict", "a key that is no text", "without names"],
)
def test_other_arguments_are_refused_when_the_model_is_saved(make, message, tmp_path):
    layer = make()
    model = Sequential([Input((4,)), layer])
    with pytest.raises(errors.ArgumentError, match=message) as caught:
        model.save(tmp_path / "m.keras")
    assert f"Define get_config(self) in {type(layer).__name__}" in str(caught.value)
    assert not (tmp_path / "m.keras").exists()


def test_a_layer_builds_itself_as_its_own_build_configuration_says(tmp_path):
    class Table(layers.Layer):
        def grow(self, rows):
            self.rows = rows
            self.table = self.add_weight((rows, 4), "ones")
            self.built = True

        def call(self, x):
            return x + self.table[0]

        def get_build_config(self):
            return {"rows": self.rows}

        def build_from_config(self, config):
            self.grow(config["rows"])

    layer = Table()
    layer.grow(7)
    layer.set_weights([np.full((7, 4), 3.0)])
    assert round_trip(layer, tmp_path / "m.keras").table.shape == (7, 4)
