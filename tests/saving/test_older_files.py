"""Files in the layout of Keras 2, and what names in files decide. The files are written here, as Keras 2 wrote them."""

from __future__ import annotations

import json
import warnings

import h5py
import numpy as np
import pytest

from minidl import Input, Model, Sequential, errors, layers, models

RNG = np.random.default_rng(8)
STEPS, D, U = 4, 3, 2


def entry(cls, name, **config):
    return {"class_name": cls, "config": {"name": name, "trainable": True, "dtype": "float32", **config}}


def write(path, made, weights, cls="Sequential", config=None, training=None, version="2.2.4"):
    """Write a whole model; `weights` maps a layer's name to its arrays by name."""
    with h5py.File(path, "w") as file:
        config = {"name": "s", "layers": made} if config is None else config
        file.attrs["model_config"] = json.dumps({"class_name": cls, "config": config})
        file.attrs["keras_version"] = version
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = top.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in arrays] or np.array([], "S1")
            for key, values in arrays.items():
                group[key] = values.astype(np.float32)
    return path


def dense_weights(name="d", rows=4, columns=3):
    return {f"{name}/kernel:0": RNG.normal(size=(rows, columns)), f"{name}/bias:0": RNG.normal(size=columns)}


IMAGES, ROWS = {"batch_input_shape": [None, 5, 5, 2]}, {"batch_input_shape": [None, 4]}


def test_depthwise_and_separable_convolutions_with_one_group(tmp_path):
    window = {"kernel_size": [3, 3], "padding": "same", "use_bias": False, "groups": 1, **IMAGES}
    depthwise = {"z/depthwise_kernel:0": RNG.normal(size=(3, 3, 2, 1))}
    path = write(tmp_path / "m.h5", [entry("DepthwiseConv2D", "z", **window)], {"z": depthwise})
    (kernel,) = models.load_model(path).get_weights()
    np.testing.assert_array_equal(kernel, depthwise["z/depthwise_kernel:0"].astype("f"))
    both = {**depthwise, "z/pointwise_kernel:0": RNG.normal(size=(1, 1, 2, 3))}
    path = write(tmp_path / "m.h5", [entry("SeparableConv2D", "z", filters=3, **window)], {"z": both})
    assert models.load_model(path).output_shape == (None, 5, 5, 3)


def array(value):
    return {"type": "ndarray", "value": value}


@pytest.mark.parametrize(
    ("cls", "config", "x", "wanted"),
    [
        ("ReLU", {"max_value": array(6.0), "negative_slope": array(0.0), "threshold": array(0.0)}, [-1, 9], [0, 6]),
        ("LeakyReLU", {"alpha": array(0.5)}, [-1, 9], [-0.5, 9]),
        ("ThresholdedReLU", {"theta": 2.0}, [1, 9], [0, 9]),
        ("Activation", {"activation": "relu", "dtype": {"class_name": "Policy", "config": {"name": "float32"}}},
         [-1, 9], [0, 9]),
        ("Reshape", {"target_shape": {"class_name": "__tuple__", "items": [2]}}, [-1, 9], [-1, 9]),
    ],
)  # fmt: skip
def test_values_of_older_configurations(cls, config, x, wanted, tmp_path):
    path = write(tmp_path / "m.h5", [entry(cls, "z", **config, batch_input_shape=[None, 2])], {"z": {}})
    y = models.load_model(path).predict(np.array([x], np.float32), verbose=0)
    np.testing.assert_allclose(y, [wanted])


def test_a_sequential_of_old_is_a_list_also_inside_another(tmp_path):
    inner = {"class_name": "Sequential", "config": [entry("Dense", "e", units=2, batch_input_shape=[None, 3])]}
    weights = {"d": dense_weights(), "sequential_1": dense_weights("e", 3, 2)}
    path = write(tmp_path / "m.h5", None, weights, config=[entry("Dense", "d", units=3, **ROWS), inner])
    model = models.load_model(path)
    np.testing.assert_array_equal(model.get_weights()[2], weights["sequential_1"]["e/kernel:0"].astype("f"))


@pytest.mark.parametrize("cls", ["Model", "Functional", "functional"])
def test_functional_models_and_merge(cls, tmp_path):
    def node(cls, name, sources, **config):
        return {**entry(cls, name, **config), "name": name, "inbound_nodes": [[[s, 0, 0, {}] for s in sources]]}

    first = {**entry("InputLayer", "i", sparse=False, **ROWS), "name": "i", "inbound_nodes": []}
    config = {
        "name": "m", "input_layers": [["i", 0, 0]], "output_layers": [["sum", 0, 0]],
        "layers": [first, node("Dense", "d", ["i"], units=3), node("Dense", "e", ["i"], units=3),
                   {**node("Merge", "sum", ["d", "e"]), "config": {"name": "sum", "mode": "sum", "concat_axis": -1}}],
    }  # fmt: skip
    weights = {"i": {}, "d": dense_weights("d"), "e": dense_weights("e"), "sum": {}}
    model = models.load_model(write(tmp_path / "m.h5", None, weights, cls, config))
    x = np.ones((1, 4), np.float32)
    total = sum(x @ weights[n][f"{n}/kernel:0"] + weights[n][f"{n}/bias:0"] for n in ("d", "e"))
    np.testing.assert_allclose(model.predict(x, verbose=0), total, rtol=1e-5)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gates(matrix, count):
    """Return cuDNN's matrices of the gates, which act from the left: each is a block of memory read as (U, …)."""
    return [part.reshape(-1).reshape(U, -1) for part in np.hsplit(matrix, count)]


def lstm_by_hand(x, kernel, recurrent, bias):
    w, r, b = gates(kernel, 4), gates(recurrent, 4), bias.reshape(2, 4, U).sum(axis=0)
    h = c = np.zeros(U)
    for step in x:
        i, f, g, o = (w[k] @ step + r[k] @ h + b[k] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def gru_by_hand(x, kernel, recurrent, bias):
    w, r, (b, s) = gates(kernel, 3), gates(recurrent, 3), bias.reshape(2, 3, U)
    h = np.zeros(U)
    for step in x:
        z = sigmoid(w[0] @ step + b[0] + r[0] @ h + s[0])
        reset = sigmoid(w[1] @ step + b[1] + r[1] @ h + s[1])
        new = np.tanh(w[2] @ step + b[2] + reset * (r[2] @ h + s[2]))
        h = z * h + (1 - z) * new
    return h


@pytest.mark.parametrize(("cls", "count", "by_hand"), [("CuDNNLSTM", 4, lstm_by_hand), ("CuDNNGRU", 3, gru_by_hand)])
def test_recurrent_layers_of_cudnn(cls, count, by_hand, tmp_path):
    def weights(name):
        shapes = {"kernel": (D, count * U), "recurrent_kernel": (U, count * U), "bias": (2 * count * U,)}
        return {f"{name}/{key}:0": RNG.normal(size=shape) for key, shape in shapes.items()}

    inputs = {"batch_input_shape": [None, STEPS, D]}
    x = RNG.normal(size=(2, STEPS, D))
    one = weights("r")
    model = models.load_model(write(tmp_path / "m.h5", [entry(cls, "r", units=U, **inputs)], {"r": one}))
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(y, [by_hand(sample, *one.values()) for sample in x], rtol=1e-4, atol=1e-5)
    both = {**weights("b/forward_r"), **weights("b/backward_r")}
    two_ways = entry("Bidirectional", "b", layer=entry(cls, "r", units=U), merge_mode="concat", **inputs)
    y = models.load_model(write(tmp_path / "m.h5", [two_ways], {"b": both})).predict(x, verbose=0)
    backward = [by_hand(sample[::-1], *list(both.values())[3:]) for sample in x]
    np.testing.assert_allclose(y[:, U:], backward, rtol=1e-4, atol=1e-5)


def test_files_say_who_wrote_them_and_in_which_layout(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(3, name="d")])
    model.save(tmp_path / "m.h5")
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "m.h5") as whole, h5py.File(tmp_path / "w.h5") as weights:
        for group in (whole, whole["model_weights"], weights):
            assert group.attrs["backend"] == "minidl" and str(group.attrs["keras_version"]).count(".") == 2


@pytest.mark.parametrize("part", ["layers", "vars"])
def test_weights_of_keras_3_under_an_older_ending_are_told_by_each_of_their_parts(part, tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_group(part)
    model = Sequential([Input((4,)), layers.Dense(3, name="d")])
    with pytest.raises(errors.FileFormatError, match=r"layout of Keras 3's weights. Rename it .*\.weights\.h5"):
        model.load_weights(tmp_path / "w.h5")


def test_a_gru_that_says_nothing_of_reset_after_has_none(tmp_path):
    shapes = {"kernel": (D, 3 * U), "recurrent_kernel": (U, 3 * U), "bias": (3 * U,)}
    weights = {f"r/{key}:0": RNG.normal(size=shape) for key, shape in shapes.items()}
    made = [entry("GRU", "r", units=U, batch_input_shape=[None, STEPS, D])]
    model = models.load_model(write(tmp_path / "m.h5", made, {"r": weights}))
    assert model.layers[0].reset_after is False and model.layers[0].bias.shape == (3 * U,)


def test_the_older_hard_sigmoid_is_told_of(tmp_path):
    shapes = {"kernel": (D, 4 * U), "recurrent_kernel": (U, 4 * U), "bias": (4 * U,)}
    weights = {f"r/{key}:0": RNG.normal(size=shape) for key, shape in shapes.items()}
    made = [entry("LSTM", "r", units=U, recurrent_activation="hard_sigmoid", batch_input_shape=[None, STEPS, D])]
    path = write(tmp_path / "m.h5", made, {"r": weights})
    with pytest.warns(UserWarning, match=r"hard_sigmoid was clip\(0.2 x \+ 0.5, 0, 1\)"):
        models.load_model(path)


def optimizer_of(tmp_path, cls, loss="mse", metrics=("acc",), **config):
    training = {"optimizer_config": {"class_name": cls, "config": config}, "loss": loss, "metrics": list(metrics)}
    made = [entry("Dense", "d", units=3, **ROWS)]
    model = models.load_model(write(tmp_path / "m.h5", made, {"d": dense_weights()}, training=training))
    model.fit(np.ones((2, 4)), np.ones((2, 3)), verbose=0)
    return model.optimizer


def test_training_setups_of_older_files(tmp_path):
    assert float(optimizer_of(tmp_path, "Adam", lr=0.25, decay=0.0, epsilon=None).learning_rate.numpy()) == 0.25
    newer = {"learning_rate": 0.5, "is_legacy_optimizer": False, "jit_compile": True, "weight_decay": None}
    assert float(optimizer_of(tmp_path, "Adam", **newer).learning_rate.numpy()) == 0.5
    loss = {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mse", "fn": "mse"}}
    wrapper = {
        "class_name": "MeanMetricWrapper",
        "config": {"name": "m", "dtype": "float32", "fn": "mean_squared_error"},
    }
    optimizer_of(tmp_path, "SGD", loss, [[wrapper]], lr=0.25)


def test_decay_of_an_older_optimizer_is_a_schedule(tmp_path):
    schedule = optimizer_of(tmp_path, "SGD", lr=0.25, decay=0.5, momentum=0.0, nesterov=False)._learning_rate
    # Keras 2: lr / (1 + decay * updates)
    np.testing.assert_allclose([float(schedule(step)) for step in (0, 1, 4)], [0.25, 0.25 / 1.5, 0.25 / 3.0])


# ---- names


def transfer(frozen, names=("one", "two"), base="base"):
    made = [layers.Dense(4, name=name) for name in names]
    made[0].trainable = not frozen
    return Sequential([Input((4,)), Sequential([Input((4,)), *made], name=base), layers.Dense(2, name="head")])


def with_weights(model):
    model.set_weights([RNG.normal(size=w.shape) for w in model.weights])
    return model


X = RNG.normal(size=(3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("names", "others", "base"),
    [(("one", "two"),) * 2 + ("base",), (("dense_3", "dense_4"), ("dense_7", "dense_12"), "other"),
     ((None, None), (None, None), "base")],
    ids=["same names", "numbered names", "names given by the program"],
)  # fmt: skip
def test_weights_of_a_frozen_part_are_found_by_their_names(names, others, base, tmp_path):
    model = with_weights(transfer(True, names))
    model.save(tmp_path / "m.h5")
    again = transfer(False, others, base)
    again.load_weights(tmp_path / "m.h5")
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
    whole = models.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(model.predict(X, verbose=0), whole.predict(X, verbose=0))


def test_a_frozen_part_under_other_names_in_another_order_is_refused(tmp_path):
    def net(prefix, frozen):
        parts = [layers.BatchNormalization(name=f"{prefix}norm"), layers.Dense(4, name=f"{prefix}dense")]
        base = Sequential([Input((4,)), *parts], name="base")
        base.trainable = not frozen
        return Sequential([Input((4,)), base])

    net("a", False).save_weights(tmp_path / "m.h5")
    before = (model := net("b", True)).get_weights()
    with pytest.raises(errors.FileFormatError, match="in another order, under names that the model does not have"):
        model.load_weights(tmp_path / "m.h5")
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def heads(order, nested=False, outer=False):
    x = Input((4,), name="x")
    out = {key: layers.Dense(2, name=f"head_{key}")(x) for key in order}
    model = Model(x, [layers.Dense(2, name="first")(x), out] if nested else out, name="heads")
    if not outer:
        return model
    z = Input((4,), name="z")
    found = model(z)
    return Model(z, [found["z"], found["y"]])


@pytest.mark.parametrize("nested", [False, True])
def test_layers_of_a_dict_of_outputs_stand_in_the_order_of_its_keys(nested):
    first = ["first"] if nested else []
    for order in ("zy", "yz"):
        assert [layer.name for layer in heads(order, nested).layers] == ["x", *first, "head_y", "head_z"]


def shuffled(path, ending):
    """Let a file's two heads change places, as minidl wrote them when it kept the order of a dict."""
    with h5py.File(path, "r+") as file:
        if ending == "h5":
            file.attrs["layer_names"] = [b"x", b"head_z", b"head_y"]
        else:
            file.move("layers/dense", "layers/swap")
            file.move("layers/dense_1", "layers/dense")
            file.move("layers/swap", "layers/dense_1")


@pytest.mark.parametrize("ending", ["h5", "weights.h5"])
def test_files_with_outputs_in_their_own_order_are_told_by_the_names_in_them(ending, tmp_path):
    model, again = with_weights(heads("zy")), heads("zy")
    path = tmp_path / f"m.{ending}"
    model.save_weights(path)
    shuffled(path, ending)
    again.load_weights(path)
    for old, new in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_model_with_a_dict_of_outputs_inside_another_comes_back(ending, tmp_path):
    model = with_weights(heads("zy", outer=True))
    model.save(tmp_path / f"m.{ending}")
    again = models.load_model(tmp_path / f"m.{ending}")
    for old, new in zip(model.predict(X, verbose=0), again.predict(X, verbose=0), strict=True):
        np.testing.assert_array_equal(old, new)


class Scaled(Model):
    """A model with weights of its own, beside those of its layer."""

    def __init__(self, own=2):
        super().__init__(name="scaled")
        self.inner = layers.Dense(4)
        self.own = [self.add_weight(shape=(4,), initializer="ones", name=f"own{i}") for i in range(own)]

    def call(self, x):
        return self.inner(x) * sum(self.own)


def built(own=2):
    model = Scaled(own)
    model(X)
    return model


def test_weights_that_a_model_owns_itself_come_back(tmp_path):
    model, again = with_weights(built()), built()
    model.save_weights(tmp_path / "m.h5")
    again.load_weights(tmp_path / "m.h5")
    np.testing.assert_array_equal(again(X).numpy(), model(X).numpy())


def test_a_file_with_other_weights_of_the_model_itself_is_refused_but_an_older_one_has_none(tmp_path):
    with_weights(built()).save_weights(tmp_path / "m.h5")
    for own in (0, 3):
        with pytest.raises(errors.FileFormatError, match=f"itself has {own} weights in the model, 2 in the file"):
            built(own).load_weights(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        del file["top_level_model_weights"]
    again = built()
    again.load_weights(tmp_path / "m.h5")
    np.testing.assert_array_equal(again.own[0].numpy(), np.ones(4))


def test_an_optimizer_whose_weights_changed_places_starts_anew(tmp_path):
    model = heads("zy")
    model.compile("adam", "mse")
    model.fit(X, {"z": np.ones((3, 2)), "y": np.ones((3, 2))}, verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    shuffled(tmp_path / "m.weights.h5", "weights.h5")
    again = heads("zy")
    again.compile("adam", "mse")
    with pytest.warns(UserWarning, match="the weights stand in .* in another order"):
        again.load_weights(tmp_path / "m.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save_weights(tmp_path / "n.weights.h5")
        again.load_weights(tmp_path / "n.weights.h5")
    assert int(again.optimizer.iterations) == 1
