"""Graphs that begin in the middle of another, ops between layers, and nested inputs and outputs."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Input, Model, Sequential, Tensor, layers, models
from minidl import functional as F
from minidl.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from minidl.ops.op import KerasForm, records

RNG = np.random.default_rng(4)
X = RNG.normal(size=(3, 4)).astype(np.float32)


def network():
    x = Input((4,), name="x")
    hidden = layers.Dense(3, activation="relu", name="hidden")(x)
    return Model(x, layers.Dense(2, name="out")(hidden * 2.0 + 1.0))


def test_ops_are_no_layers_of_a_model():
    model = network()
    assert [layer.name for layer in model.layers] == ["x", "hidden", "out"]
    kinds = [type(layer).__name__ for layer in model.operations]
    assert kinds == ["InputLayer", "Dense", "OpLayer", "OpLayer", "Dense"]
    with pytest.raises(UnknownNameError):
        model.get_layer("multiply")
    lines = []
    model.summary(print_fn=lines.append)
    assert "OpLayer" in lines[0] and model.count_params() == 15 + 8


def test_a_model_of_an_inner_tensor_has_only_what_comes_after_it():
    model = network()
    features = Model(model.input, model.get_layer("hidden").output)
    head = Model(model.get_layer("hidden").output, model.output)
    assert [type(layer).__name__ for layer in head.layers] == ["InputLayer", "Dense"]
    assert [w.shape for w in head.weights] == [(3, 2), (2,)] and head.input_shape == (None, 3)
    np.testing.assert_array_equal(head(features(X)).numpy(), model(X).numpy())
    np.testing.assert_array_equal(head({"hidden": features(X)}).numpy(), model(X).numpy())
    head.compile("sgd", "mse")
    before = features.get_weights()
    head.fit(features.predict(X, verbose=0), np.zeros((3, 2)), verbose=0)
    np.testing.assert_array_equal(before[0], features.get_weights()[0])


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_model_of_an_inner_tensor_is_saved_and_copied(ending, tmp_path):
    model = network()
    head = Model(model.get_layer("hidden").output, model.output)
    x = RNG.normal(size=(2, 3)).astype(np.float32)
    head.save(tmp_path / f"m.{ending}")
    again = models.load_model(tmp_path / f"m.{ending}")
    clone = models.clone_model(head)
    clone.set_weights(head.get_weights())
    for other in (again, clone):
        np.testing.assert_array_equal(other(x).numpy(), head(x).numpy())


def test_an_inner_tensor_beside_the_layer_that_made_it_gets_a_name_of_its_own():
    x = Input((3,), name="x")
    shared = layers.Dense(3, name="shared")
    between = shared(x)
    model = Model(between, shared(between))
    names = [layer.name for layer in model.layers]
    assert len(set(names)) == 2 and "shared" in names and len(model.weights) == 2
    np.testing.assert_array_equal(model(X[:, :3]).numpy(), shared(X[:, :3]).numpy())


def test_layers_of_a_sequential_give_models_of_their_own():
    model = Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
    both = Model(model.inputs, [layer.output for layer in model.layers])
    first, last = both(X)
    np.testing.assert_array_equal(last.numpy(), model(X).numpy())
    assert first.shape == (3, 3)
    tail = Model(model.layers[1].input, model.layers[1].output)
    np.testing.assert_array_equal(tail(first).numpy(), last.numpy())


def nested():
    a, b, c = (Input((4,), name=name) for name in "abc")
    outputs = {"sum": layers.Add()([a, b]), "rest": [layers.Subtract()([a, b]), {"c": layers.Identity()(c)}]}
    return Model([{"b": b, "a": a}, c], outputs)


def test_inputs_and_outputs_keep_their_structure():
    model = nested()
    given = [{"a": X, "b": 2 * X}, 5 * X]
    for outputs in (model(given), model.predict(given, verbose=0), model.predict_on_batch(given)):
        np.testing.assert_allclose(outputs["sum"], 3 * X, rtol=1e-6)
        np.testing.assert_allclose(outputs["rest"][0], -X, rtol=1e-6)
        np.testing.assert_allclose(outputs["rest"][1]["c"], 5 * X, rtol=1e-6)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_nested_inputs_and_outputs_come_back_from_a_file(ending, tmp_path):
    model = nested()
    model.save(tmp_path / f"m.{ending}")
    again = models.load_model(tmp_path / f"m.{ending}")
    given = [{"a": X, "b": 2 * X}, 5 * X]
    np.testing.assert_array_equal(again.predict(given, verbose=0)["rest"][1]["c"], 5 * X)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("calls", [(2,), (0, 1, 2), (2, 0)])
def test_outputs_of_a_model_that_is_called_again_and_again_are_of_the_right_call(calls, functional, ending, tmp_path):
    inner = Sequential([Input((4,)), layers.Rescaling(3.0)], name="inner")
    if functional:
        inner = Model(inner.inputs, inner.outputs[0], name="inner")
    tensors = [x := Input((4,))]
    for _ in range(3):
        tensors.append(inner(tensors[-1]))
    Model(x, [tensors[call + 1] for call in calls]).save(tmp_path / f"m.{ending}")
    found = models.load_model(tmp_path / f"m.{ending}").predict(X, verbose=0)
    for call, y in zip(calls, found if isinstance(found, list) else [found], strict=True):
        np.testing.assert_allclose(y, 3.0 ** (call + 1) * X, rtol=1e-6)


# Of every op that has settings, one that is not what it is by default.
SETTINGS = {
    "leaky_relu": lambda x: F.leaky_relu(x, 0.3), "elu": lambda x: F.elu(x, 0.7), "gelu": lambda x: F.gelu(x, True),
    "softmax": lambda x: F.softmax(x, 1), "log_softmax": lambda x: F.log_softmax(x, 1),
    "reduce_sum": lambda x: F.reduce_sum(x, 1, keepdims=True), "reduce_mean": lambda x: F.reduce_mean(x, (1, 2)),
    "reduce_max": lambda x: F.reduce_max(x, 1, keepdims=True), "reduce_min": lambda x: F.reduce_min(x, 2),
    "argmax": lambda x: F.argmax(x, 1), "clip": lambda x: F.clip(x, -0.5, 0.25), "cast": lambda x: F.cast(x, "int32"),
    "reshape": lambda x: F.reshape(x, (-1, 4, 3)), "transpose": lambda x: F.transpose(x, (0, 2, 1)),
    "concatenate": lambda x: F.concatenate([x, -x], 1), "stack": lambda x: F.stack([x, -x], 1),
    "slice": lambda x: x[:, 1:, ::2], "power": lambda x: x**3,
}  # fmt: skip


@pytest.mark.parametrize("op", SETTINGS)
def test_the_settings_of_an_op_in_a_graph_come_back(op, tmp_path):
    x = np.random.default_rng(3).normal(size=(2, 3, 4)).astype(np.float32)
    given = Input((3, 4))
    model = Model(given, SETTINGS[op](given))
    model.save(tmp_path / "m.keras")
    expected = np.asarray(SETTINGS[op](Tensor(x)))
    np.testing.assert_array_equal(models.load_model(tmp_path / "m.keras").predict(x, verbose=0), expected)


def test_the_table_of_settings_is_complete():
    forms = {op.name: op.keras for op in records().values() if isinstance(op.keras, KerasForm)}
    assert {name for name, form in forms.items() if form.config or form.trailing} <= set(SETTINGS)


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_configuration_keeps_the_kind_of_outputs(kind):
    x = Input((4,))
    model = Model(x, kind([layers.Dense(2)(x), layers.Dense(3)(x)]))
    again = Model.from_config(model.get_config())
    assert type(model(X)) is type(again(X)) is kind and type(again(Input((4,)))) is kind


def test_a_model_with_nested_outputs_is_trained():
    x = Input((4,))
    heads = [layers.Dense(2, name=name, kernel_initializer="zeros") for name in ("a", "b", "c")]
    model = Model(x, [heads[0](x), {"z": heads[1](x), "y": [heads[2](x)]}])
    losses = ["mse", {"z": "mae", "y": ["mse"]}]
    targets = [np.full((3, 2), 1.0), {"z": np.full((3, 2), 2.0), "y": [np.full((3, 2), 3.0)]}]
    model.compile("sgd", losses, metrics=[["mae"], {"z": ["mse"]}])
    history = model.fit(X, targets, verbose=0).history
    found = {name: values[0] for name, values in history.items()}
    wanted = {"loss": 12.0, "a_loss": 1.0, "1/z_loss": 2.0, "1/y/c_loss": 9.0, "a_mae": 1.0, "1/z_mse": 4.0}
    assert {name: round(value, 5) for name, value in found.items()} == wanted
    flat = Model(x, [heads[0](x), {"z": heads[1](x)}])
    flat.compile("sgd", {"a": "mse", "1/z": "mse"})
    with pytest.raises(DataError, match="must be arranged as the model's outputs are"):
        flat.fit(X, [np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 2))], verbose=0)


@pytest.mark.parametrize(
    ("losses", "wanted"),
    [
        ("mse", 14.0),
        (["mse", "mse"], 14.0),
        ([None, "mse"], 13.0),
        (["mse", None], 1.0),
        ({"a": "mse", "1/y/c": "mse"}, 10.0),
    ],
)
def test_one_loss_holds_for_every_output_below_it(losses, wanted):
    x = Input((4,))
    heads = [layers.Dense(2, name=name, kernel_initializer="zeros") for name in "abc"]
    model = Model(x, [heads[0](x), {"z": heads[1](x), "y": [heads[2](x)]}])
    model.compile("sgd", losses)
    targets = [np.full((3, 2), 1.0), {"z": np.full((3, 2), 2.0), "y": [np.full((3, 2), 3.0)]}]
    assert model.evaluate(X, targets, verbose=0, return_dict=True)["loss"] == pytest.approx(wanted)


def test_a_functional_model_of_ones_own_may_call_its_graph():
    class Twice(Model):
        def call(self, inputs):
            return 2 * super().call(inputs)

    a, b = Input((4,)), Input((4,))
    np.testing.assert_allclose(Twice([a, b], layers.Add()([a, b]))([X, 3 * X]).numpy(), 8 * X, rtol=1e-6)


def test_missing_and_unordered_inputs_are_named():
    model = nested()
    with pytest.raises(ArgumentError, match=r"inputs \['b'\] are missing. Got \['a'\]"):
        model([{"a": X}, X])
    b, a = Input((4,), name="b"), Input((4,), name="a")
    unordered = Model({"b": b, "a": a}, layers.Subtract()([a, b]))
    np.testing.assert_array_equal(unordered({"a": 3 * X, "b": X}).numpy(), 3 * X - X)
    with pytest.raises(ArgumentError, match="Give a dict. Got a list"):
        unordered([X, X])
    named = Model([b, a], layers.Subtract()([a, b]))
    np.testing.assert_array_equal(named({"a": 3 * X, "b": X}).numpy(), 3 * X - X)


def test_an_optional_input_may_be_none(tmp_path):
    class AddIfThere(layers.Layer):
        def call(self, inputs):
            first, second = inputs
            return first if second is None else first + second

    a, b = Input((4,)), Input((4,), optional=True)
    model = Model([a, b], AddIfThere()([a, b]))
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras", custom_objects={"AddIfThere": AddIfThere})
    for one in (model, again):
        np.testing.assert_array_equal(one([X, None]).numpy(), X)
        np.testing.assert_array_equal(one([X, X]).numpy(), X + X)
    with pytest.raises(ArgumentError, match="must be given. Got None"):
        model([None, X])


def test_an_input_that_is_not_given_is_named():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    with pytest.raises(ArgumentError, match="depend on the input 'b', which is not among the model's inputs"):
        Model(a, layers.Add()([a, b]))


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_sequential_may_begin_with_a_layer_of_several_inputs(ending, tmp_path):
    model = Sequential([layers.Concatenate(), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit([X, X[:, :2]], np.zeros((3, 2)), verbose=0)
    assert model.count_params() == 14 and model.input_shape == [(None, 4), (None, 2)]
    model.save(tmp_path / f"m.{ending}")
    clone = models.clone_model(model)
    clone.set_weights(model.get_weights())
    for other in (models.load_model(tmp_path / f"m.{ending}"), clone):
        np.testing.assert_array_equal(other([X, X[:, :2]]).numpy(), model([X, X[:, :2]]).numpy())


def test_an_op_in_a_graph_has_the_name_of_its_function():
    x = Input((4,))
    above, below = x > 0.0, x <= 0.0
    assert [t.node.layer.name.rstrip("_0123456789") for t in (above, below)] == ["greater", "less_equal"]


@pytest.mark.parametrize(
    "shape, given, taken",
    [
        ((3,), (2, 3), True), ((3,), (2, 3, 1), True), ((3,), (2, 3, 1, 1), False), ((3,), (2, 3, 2), False),
        ((3, 1), (2, 3), True), ((3, 1), (2,), False), ((3, 2), (2, 3), False), ((1,), (2,), True),
        ((3,), (2, 1, 3), False), ((3,), (3,), False),
    ],
)  # fmt: skip
def test_an_axis_of_size_1_may_lack_or_be_left_over_at_the_end(shape, given, taken):
    """As in Keras: (N,) for (N, 1), and the other way round."""
    x = Input(shape)
    model = Model(x, layers.Flatten()(x))
    values = np.arange(np.prod(given), dtype=np.float32).reshape(given)
    if taken:
        assert model(values).numpy().ravel().tolist() == values.ravel().tolist()
        assert model(values).shape == (2, int(np.prod(shape)))
    else:
        with pytest.raises(ShapeError):
            model(values)
