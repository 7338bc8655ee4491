"""Sequential, functional and subclassed models: building, calling, order of layers, errors."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.errors import ArgumentError, NotBuiltError, ShapeError, UnknownNameError
from minidl.models import Model, Sequential

RNG = np.random.default_rng(0)


def data(*shape):
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("how", ["Input", "input_shape", "input_dim", "build", "first data"])
def test_sequential_is_built_from_whatever_tells_its_input_shape(how):
    first = {"input_shape": {"input_shape": (6,)}, "input_dim": {"input_dim": 6}}.get(how, {})
    stack = [layers.Dense(5, **first), layers.Dense(2)]
    model = Sequential([layers.Input((6,)), *stack] if how == "Input" else stack)
    if how == "build":
        model.build((None, 6))
    y = model(data(3, 6))
    assert y.shape == (3, 2) and model.count_params() == 6 * 5 + 5 + 5 * 2 + 2
    assert [w.path.split("/")[1] for w in model.weights] == ["kernel", "bias"] * 2
    assert model.output_shape == (None, 2)


def test_sequential_add_and_pop():
    model = Sequential([layers.Input((4,))])
    model.add(layers.Dense(3, name="a"))
    model.add(layers.Dense(2, name="b"))
    assert model.output_shape == (None, 2)
    assert model.pop().name == "b"
    assert model.output_shape == (None, 3) and [layer.name for layer in model.layers] == ["a"]
    model.add(layers.Dense(7, name="c"))
    assert model(data(2, 4)).shape == (2, 7) and len(model.weights) == 4


def test_sequential_refuses_what_is_no_layer():
    model = Sequential()
    with pytest.raises(ArgumentError, match=r"Got the class; write Dense\(\)"):
        model.add(layers.Dense)
    with pytest.raises(ArgumentError, match="a layer is needed. Got str"):
        model.add("dense")
    model.add(layers.Dense(2, name="same"))
    with pytest.raises(ArgumentError, match="'same' is taken"):
        model.add(layers.Dense(2, name="same"))
    with pytest.raises(NotBuiltError, match="no output"):
        _ = model.output
    with pytest.raises(NotBuiltError, match="no layers"):
        Sequential()(data(2, 3))


def branches():
    x = layers.Input((5,), name="x")
    a = layers.Dense(4, activation="relu", name="a")(x)
    shared = layers.Dense(4, name="shared")
    y = layers.Add(name="sum")([shared(a), shared(layers.Dense(4, name="b")(x))])
    return Model(x, layers.Dense(2, name="out")(y))


def test_functional_model_computes_what_its_layers_do_by_hand():
    model = branches()
    x = data(3, 5)
    a, b, shared, out = (model.get_layer(n) for n in ("a", "b", "shared", "out"))
    expected = out(shared(a(x)) + shared(b(x)))
    np.testing.assert_allclose(model(x).numpy(), expected.numpy(), rtol=1e-6)


def test_shared_layer_sums_its_gradients():
    model = branches()
    x = data(3, 5)
    with minidl.GradientTape() as tape:
        loss = (model(x) ** 2.0).mean()
    shared = model.get_layer("shared")
    together = tape.gradient(loss, shared.kernel).numpy()
    parts = []
    for frozen in (0, 1):  # the same loss with one use of the kernel held constant, twice
        other = minidl.Tensor(shared.kernel.numpy())
        with minidl.GradientTape() as tape:
            uses = [minidl.functional.dense(model.get_layer(n)(x), shared.kernel if i != frozen else other, shared.bias)
                    for i, n in enumerate("ab")]  # fmt: skip
            loss = (model.get_layer("out")(uses[0] + uses[1]) ** 2.0).mean()
        parts.append(tape.gradient(loss, shared.kernel).numpy())
    np.testing.assert_allclose(together, parts[0] + parts[1], rtol=1e-4, atol=1e-6)


def test_layers_and_weights_stand_in_keras_order():
    model = branches()
    # As Keras 3.15 lists them: by distance from the output, ties in the order of the walk back from it.
    assert [layer.name for layer in model.layers] == ["x", "a", "b", "shared", "sum", "out"]
    assert [w.path for w in model.weights[:2]] == ["a/kernel", "a/bias"]


def test_many_inputs_and_outputs_by_order_and_by_name():
    left, right = layers.Input((3,), name="left"), layers.Input((2,), name="right")
    total = layers.Concatenate()([left, right])
    model = Model([left, right], {"sum": layers.Dense(1, name="d")(total), "raw": total})
    x, z = data(4, 3), data(4, 2)
    by_order, by_name = model([x, z]), model({"right": z, "left": x})
    assert by_order["raw"].shape == (4, 5) and set(by_order) == {"sum", "raw"}
    np.testing.assert_array_equal(by_order["sum"].numpy(), by_name["sum"].numpy())
    with pytest.raises(ArgumentError, match=r"inputs \['right'\] are missing"):
        model({"left": x})
    with pytest.raises(ArgumentError, match="2 inputs are needed"):
        model([x])


def test_operators_on_symbolic_tensors_become_layers():
    x = layers.Input((4, 3))
    y = (x * 2.0 + 1.0)[:, 0] / 4.0
    model = Model(x, minidl.functional.relu(y))
    values = data(2, 4, 3)
    np.testing.assert_allclose(model(values).numpy(), np.maximum((values * 2 + 1)[:, 0] / 4, 0), rtol=1e-6)
    assert model.output_shape == (None, 3)


def test_a_model_of_inner_tensors_looks_inside_another():
    model = Sequential([layers.Input((6, 6, 1)), layers.Conv2D(2, 3, name="conv"), layers.Flatten(), layers.Dense(3)])
    inside = Model(model.inputs, model.get_layer("conv").output)
    x = data(2, 6, 6, 1)
    np.testing.assert_array_equal(inside(x).numpy(), model.get_layer("conv")(x).numpy())


def test_nested_models_share_their_weights():
    inner = Sequential([layers.Input((3,)), layers.Dense(4)], name="inner")
    x = layers.Input((3,))
    outer = Model(x, layers.Dense(1)(inner(x)))
    assert len(outer.weights) == 4 and outer.weights[0] is inner.weights[0]
    inner.trainable = False
    assert len(outer.trainable_weights) == 2 and len(outer.non_trainable_weights) == 2


def test_subclassed_model_finds_layers_in_attributes_lists_and_dicts():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(4, activation="relu") for _ in range(2)]
            self.heads = {"a": layers.Dense(1), "b": layers.Dense(2)}
            self.rate = layers.Dropout(0.5)

        def call(self, x, training=False):
            for block in self.blocks:
                x = block(x)
            return self.heads["b"](self.rate(x, training=training))

    minidl.utils.set_random_seed(1)  # of some weights, all units are dead for these data
    net = Net()
    assert net(data(3, 5)).shape == (3, 2)
    assert len(net.layers) == 5 and len(net.weights) == 6  # head "a" was never called: no weights yet
    x = data(3, 5)
    assert not np.array_equal(net(x, training=True).numpy(), net(x).numpy())


def test_training_reaches_layers_inside():
    inner = Sequential([layers.Dropout(0.5)])
    model = Sequential([layers.Input((50,)), inner])
    x = np.ones((4, 50), np.float32)
    assert (model(x).numpy() == 1).all() and (model(x, training=True).numpy() == 0).any()


def test_wrong_input_shape_names_model_input_and_hint():
    model = Sequential([layers.Input((4, 4, 1), name="image"), layers.Flatten(), layers.Dense(2)], name="net")
    assert model(data(3, 4, 4)).shape == (3, 2)  # a missing channel axis is added, as in Keras
    with pytest.raises(ShapeError, match=r"'net': input 'image' must have shape \(None, 4, 4, 1\). Got \(3, 5, 4, 1\)"):
        model(data(3, 5, 4, 1))
    with pytest.raises(ShapeError, match="batch axis missing"):
        model(data(4, 4, 1))


def test_an_error_inside_says_which_layer():
    model = Sequential([layers.Input((4,)), layers.Dense(3, name="first")])
    model.get_layer("first").kernel.data = np.zeros((9, 3), np.float32)
    with pytest.raises(ShapeError) as caught:
        model(data(2, 4))
    assert any("in layer 'first' (Dense), called on (2, 4)" in note for note in caught.value.__notes__)


def test_model_refuses_what_makes_no_graph():
    x, other = layers.Input((3,)), layers.Input((3,), name="other")
    y = layers.Add()([layers.Dense(2)(x), layers.Dense(2)(other)])
    with pytest.raises(ArgumentError, match="depend on the input 'other'"):
        Model(x, y)
    with pytest.raises(ArgumentError, match="must be symbolic tensors.*Got ndarray"):
        Model(data(2, 3), y)
    with pytest.raises(ArgumentError, match="both inputs and outputs"):
        Model(x)
    with pytest.raises(ArgumentError, match="neither true nor false"):
        bool(x)
    with pytest.raises(ArgumentError, match="NumPy cannot use it"):
        np.exp(x)


def test_get_layer_by_name_and_index():
    model = branches()
    assert model.get_layer(index=-1).name == "out"
    with pytest.raises(UnknownNameError, match="Did you mean 'shared'"):
        model.get_layer("sharde")
    with pytest.raises(ArgumentError, match="6 layers. Got index 9"):
        model.get_layer(index=9)


def test_set_weights_changes_nothing_when_a_shape_is_wrong():
    model = branches()
    before = model.get_weights()
    wrong = [np.zeros_like(w) for w in before]
    wrong[3] = np.zeros(99)
    with pytest.raises(ShapeError, match=r"shape \(4,\). Got \(99,\)"):
        model.set_weights(wrong)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_graph_of_a_thousand_layers_needs_no_deep_recursion():
    x = layers.Input((2,))
    y = x
    for _ in range(1200):
        y = layers.Activation("linear")(y)
    assert len(Model(x, y).layers) == 1201


def test_removed_and_unknown_arguments_are_named():
    with pytest.raises(ArgumentError, match="Dense: unknown arguments 'unitz'"):
        layers.Dense(3, unitz=4)
    with pytest.raises(ArgumentError, match=r"Input\(shape=\(784,\)\)"):
        layers.Input(784)
    with pytest.raises(UnknownNameError, match="unknown activation: 'rleu'. Did you mean 'relu'"):
        layers.Dense(3, activation="rleu")
