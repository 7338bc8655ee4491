"""Classes and functions of one's own in files; Lambda layers; subclassed models; copies of models."""

from __future__ import annotations

import json

import numpy as np
import pytest

import minidl
from minidl import Input, Model, Sequential, errors, layers, models, saving

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


class Scale(layers.Layer):
    """A layer with a weight and an argument."""

    def __init__(self, start=2.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), minidl.initializers.Constant(self.start), name="factor")

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {**super().get_config(), "start": self.start}


class Block(layers.Layer):
    """A layer with layers inside, in a list and alone."""

    def __init__(self, units=3, inner_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.units, self.inner_initializer = units, minidl.initializers.get(inner_initializer)
        self.parts = [layers.Dense(units), layers.Dense(units, kernel_initializer=self.inner_initializer)]
        self.norm = layers.LayerNormalization()

    def call(self, x):
        return self.norm(self.parts[1](self.parts[0](x)))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "inner_initializer": self.inner_initializer}


def shifted(x):
    return x + 0.5


def model_with(*stack):
    return Sequential([layers.Input((4,)), *stack])


def same(a, b):
    np.testing.assert_array_equal(a.predict(X, verbose=0), b.predict(X, verbose=0))


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_own_layers_load_with_custom_objects_or_scope(ending, tmp_path):
    path = tmp_path / f"m.{ending}"
    model = model_with(Scale(3.0), Block(inner_initializer=minidl.initializers.RandomNormal(stddev=0.3)), Scale())
    model.save(path)
    mine = {"Scale": Scale, "Block": Block}
    same(model, models.load_model(path, custom_objects=mine))
    with saving.custom_object_scope(mine):
        same(model, models.load_model(path))
    assert models.load_model(path, custom_objects=mine).layers[0].start == 3.0
    with pytest.raises(errors.FileFormatError, match="class 'Scale'.*custom_objects"):
        models.load_model(path)


def test_registered_layers_load_by_themselves(tmp_path):
    @saving.register_keras_serializable("tests_saving", name="Doubled")
    class Twice(layers.Layer):
        def call(self, x):
            return x * 2.0

    model = model_with(layers.Dense(3), Twice())
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    assert json.loads(model.to_json())["config"]["layers"][2]["registered_name"] == "tests_saving>Doubled"
    same(model, models.load_model(tmp_path / "m.keras"))
    with pytest.raises(errors.FileFormatError, match="'Twice'"):  # the older layout has the class's name only
        models.load_model(tmp_path / "m.h5")
    same(model, models.load_model(tmp_path / "m.h5", custom_objects={"Twice": Twice}))


def test_a_registered_class_does_not_replace_one_of_keras(tmp_path):
    @saving.register_keras_serializable("tests_saving")
    class Flatten(layers.Layer):
        def call(self, x):
            return -x

    @saving.register_keras_serializable("tests_saving")
    def relu(x):
        return x - 100

    @saving.register_keras_serializable("tests_saving")
    def bent(x):
        return x * x

    dense = [layers.Dense(2, activation="relu"), layers.Dense(2, activation=bent)]
    model = model_with(layers.Flatten(), Flatten(name="mine"), *dense)
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    assert [type(layer) for layer in again.layers[:2]] == [layers.Flatten, Flatten]
    assert again.layers[2].activation is minidl.activations.relu and again.layers[3].activation is bent
    same(model, again)


def test_own_layer_inside_a_wrapper(tmp_path):
    x = Input((3, 4))
    model = Model(x, layers.TimeDistributed(Block(2))(x))
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras", custom_objects={"Block": Block})
    data = np.ones((2, 3, 4), np.float32)
    np.testing.assert_array_equal(model.predict(data, verbose=0), again.predict(data, verbose=0))


def own_loss(y_true, y_pred):
    return abs(y_true - y_pred).mean(axis=-1)


def own_metric(y_true, y_pred):
    return (y_true - y_pred).mean(axis=-1)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_own_activation_loss_metric_and_optimizer(ending, tmp_path):
    class Half(minidl.optimizers.SGD):
        pass

    model = model_with(layers.Dense(2, activation=shifted))
    model.compile(Half(0.1), loss=own_loss, metrics=[own_metric, "mae"])
    y = np.zeros((5, 2), np.float32)
    model.train_on_batch(X, y)
    path = tmp_path / f"m.{ending}"
    model.save(path)
    mine = {"shifted": shifted, "own_loss": own_loss, "own_metric": own_metric, "Half": Half}
    again = models.load_model(path, custom_objects=mine)
    assert again.loss is own_loss and isinstance(again.optimizer, Half)
    assert again.train_on_batch(X, y) == model.train_on_batch(X, y)
    del mine["own_loss"]
    with pytest.raises(errors.FileFormatError, match="own_loss"):
        models.load_model(path, custom_objects=mine)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_lambda_with_a_named_function_needs_it_to_load(ending, tmp_path):
    model = model_with(layers.Dense(2), layers.Lambda(shifted, name="plus"))
    path = tmp_path / f"m.{ending}"
    model.save(path)
    same(model, models.load_model(path, custom_objects={"shifted": shifted}))
    for safe_mode in (True, False):
        with pytest.raises(errors.FileFormatError, match="shifted.*custom_objects"):
            models.load_model(path, safe_mode=safe_mode)


def test_lambda_without_a_name_is_not_saved_and_the_weights_are(tmp_path):
    model = model_with(layers.Dense(2), layers.Lambda(lambda x: x * 2))
    with pytest.raises(errors.ArgumentError, match="a lambda, which no file can hold.*model.save_weights"):
        model.save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())
    model.save_weights(tmp_path / "m.weights.h5")
    other = model_with(layers.Dense(2), layers.Lambda(lambda x: x * 2))
    other.load_weights(tmp_path / "m.weights.h5")
    same(model, other)


class TwoLayers(Model):
    """A model of one's own, whose attributes are not in the alphabet's order."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.out = layers.Dense(2, name="second")
        self.hidden = layers.Dense(units, name="first")
        self.more = {"a": [layers.Dense(units), layers.Dense(units)], "b": layers.BatchNormalization()}

    def call(self, x):
        x = self.hidden(x)
        for layer in self.more["a"]:
            x = x + layer(x)
        return self.out(self.more["b"](x))


class Described(TwoLayers):
    """The same, with a configuration."""

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize("ending", ["weights.h5", "safetensors", "npz", "h5"])
def test_subclassed_models_save_their_weights(ending, tmp_path):
    model, other = TwoLayers(), TwoLayers()
    model(X), other(X)
    model.save_weights(tmp_path / f"w.{ending}")
    other.load_weights(tmp_path / f"w.{ending}")
    same(model, other)
    with pytest.raises(errors.NotBuiltError, match="call it once"):
        TwoLayers().load_weights(tmp_path / f"w.{ending}")


def test_subclassed_models_need_get_config_to_be_saved_whole(tmp_path):
    model = TwoLayers()
    model(X)
    with pytest.raises(errors.ArgumentError, match="of your own class TwoLayers.*save_weights.*get_config"):
        model.save(tmp_path / "m.keras")
    described = Described(units=5)
    described.compile("adam", "mse")
    described.fit(X, np.zeros((5, 2)), verbose=0)
    for name in ("m.keras", "m.h5"):
        described.save(tmp_path / name)
        again = models.load_model(tmp_path / name, custom_objects={"Described": Described})
        same(described, again)
        assert again.units == 5 and int(again.optimizer.iterations) == 1


# ---- JSON, clones


def shared_model():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    dense = layers.Dense(3, name="dense")
    inner = Sequential([layers.Input((3,)), layers.Dense(2, name="in")], name="inner")
    outputs = {"y": inner(dense(a)) - inner(dense(b)), "z": dense(a)[:, 1:] @ np.ones((2, 1), "f")}
    return Model({"a": a, "b": b}, outputs)


def test_json_makes_an_equal_model_with_dicts_of_inputs_and_outputs():
    model = shared_model()
    again = models.model_from_json(model.to_json(indent=1))
    again.set_weights(model.get_weights())
    data = {"a": X, "b": X[::-1]}
    first, second = model.predict(data, verbose=0), again.predict(data, verbose=0)
    assert list(first) == ["y", "z"]
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
    assert again.to_json() == model.to_json()
    assert len(again.get_layer("dense").inbound_nodes) == 3  # two of them on the input a


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"class_name": "Sequential"}', '{"class_name": "Dense", "config": {"units": 2}}']
)
def test_json_that_is_no_model_is_refused(text):
    with pytest.raises(errors.FileFormatError):
        models.model_from_json(text)
    with pytest.raises(errors.ArgumentError, match="a string is needed"):
        models.model_from_json({"class_name": "Sequential"})


def test_clone_model_has_new_weights_of_the_same_shapes():
    for model in (shared_model(), model_with(layers.Dense(3), layers.Dropout(0.5), layers.Dense(2))):
        clone = models.clone_model(model)
        assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
        assert any(not np.array_equal(a, b) for a, b in zip(clone.weights, model.weights, strict=True))
        clone.set_weights(model.get_weights())
        x = {"a": X, "b": X} if isinstance(model.input, dict) else X
        one, two = model.predict(x, verbose=0), clone.predict(x, verbose=0)
        for a, b in zip(*((d.values() if isinstance(d, dict) else [d]) for d in (one, two)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_clone_model_with_a_function_and_other_inputs():
    model = model_with(layers.Dense(3, name="d"), layers.Dropout(0.5, name="drop"))

    def thaw(layer):
        if isinstance(layer, layers.Dropout):
            return layers.Dropout(0.1, name="less")
        return type(layer).from_config(layer.get_config())

    assert models.clone_model(model, clone_function=thaw).layers[1].rate == 0.1
    x = Input((4,), batch_size=2)
    assert models.clone_model(model, input_tensors=x).input_shape == (2, 4)
    subclassed = TwoLayers()
    subclassed(X)
    with pytest.raises(errors.ArgumentError, match="subclassed"):
        models.clone_model(subclassed)


def test_a_part_of_a_model_is_saved_with_an_input_of_its_own(tmp_path):
    whole = model_with(layers.Dense(3, name="d0"), layers.Dense(3, name="d1"), layers.Dense(2, name="d2"))
    part = Model(whole.layers[0].output, whole.layers[2].output)
    part.save(tmp_path / "part.keras")
    again = models.load_model(tmp_path / "part.keras")
    data = X[:, :3]
    np.testing.assert_array_equal(part.predict(data, verbose=0), again.predict(data, verbose=0))
    features = Model(whole.inputs, whole.get_layer("d1").output)
    features.save(tmp_path / "features.h5")
    same(features, models.load_model(tmp_path / "features.h5"))


def test_frozen_layers_stay_frozen(tmp_path):
    base = Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="base")
    base.trainable = False
    x = Input((4,))
    model = Model(x, layers.Dense(1, name="head")(base(x, training=False)))
    model.compile("sgd", "mse")
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        again = models.load_model(tmp_path / name)
        assert [w.path for w in again.trainable_weights] == ["head/kernel", "head/bias"]
        assert not again.get_layer("base").trainable
        moving = again.get_layer("base").layers[1].moving_mean.numpy().copy()
        again.fit(X, np.zeros((5, 1)), verbose=0)
        np.testing.assert_array_equal(again.get_layer("base").layers[1].moving_mean, moving)
        same(models.load_model(tmp_path / name), model)


def test_ops_that_keras_does_not_have_load_here(tmp_path):
    x = Input((4, 4, 1))
    y = minidl.functional.pad(x, ((0, 0), (1, 1), (0, 2), (0, 0))) * np.float32(0.5) + np.ones((6, 6, 1), np.float32)
    y = minidl.functional.clip(y, -1.0, 0.9)
    model = Model(x, minidl.functional.transpose(y, (0, 2, 1, 3))[..., 0])
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        data = np.random.default_rng(1).normal(size=(2, 4, 4, 1)).astype("float32")
        again = models.load_model(tmp_path / name)
        np.testing.assert_array_equal(model.predict(data, verbose=0), again.predict(data, verbose=0))


def test_two_layers_of_one_name_are_refused(tmp_path):
    x = Input((4,))
    model = Model(x, layers.Dense(2, name="twin")(layers.Dense(4, name="other")(x)))
    model.get_layer("other").name = "twin"
    with pytest.raises(errors.ArgumentError, match="several layers named 'twin'"):
        model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "w.safetensors")  # names are made unique
    model.load_weights(tmp_path / "w.safetensors")


def test_export_says_what_to_do_instead():
    with pytest.raises(errors.ArgumentError, match="no SavedModel"):
        model_with(layers.Dense(1)).export("folder")


def test_a_sequential_without_a_shape_is_saved_without_weights(tmp_path):
    model = Sequential([layers.Dense(3), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    assert not again.built and [layer.units for layer in again.layers] == [3, 2]
    model(X)
    model.save(tmp_path / "m.keras")
    same(model, models.load_model(tmp_path / "m.keras"))


def test_very_long_lists_of_layers_fit_into_h5(tmp_path):
    names = [f"{'long_' * 40}{i}" for i in range(400)]
    deep = Sequential([layers.Input((2,)), *(layers.Activation("linear", name=name) for name in names)])
    deep.save(tmp_path / "deep.h5")
    assert len(models.load_model(tmp_path / "deep.h5").layers) == 400
