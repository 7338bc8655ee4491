"""Layers that are built first and called later: one set of weights, whoever builds them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.errors import ArgumentError, NotBuiltError, ShapeError

RNG = np.random.default_rng(5)

# A layer, and the shape of one sample.
WEIGHTY = [
    (lambda: layers.Dense(3), (4,)),
    (lambda: layers.Conv1D(2, 3), (6, 2)),
    (lambda: layers.Conv2D(2, 3), (6, 5, 2)),
    (lambda: layers.Conv1DTranspose(2, 3), (6, 2)),
    (lambda: layers.Conv2DTranspose(2, 3), (6, 5, 2)),
    (lambda: layers.DepthwiseConv1D(3), (6, 2)),
    (lambda: layers.DepthwiseConv2D(3), (6, 5, 2)),
    (lambda: layers.SeparableConv1D(3, 2), (6, 2)),
    (lambda: layers.SeparableConv2D(3, 2), (6, 5, 2)),
    (lambda: layers.BatchNormalization(), (4,)),
    (lambda: layers.LayerNormalization(), (4,)),
    (lambda: layers.PReLU(), (4,)),
    (lambda: layers.SimpleRNN(3), (5, 2)),
    (lambda: layers.LSTM(3), (5, 2)),
    (lambda: layers.GRU(3), (5, 2)),
    (lambda: layers.Bidirectional(layers.LSTM(3)), (5, 2)),
    (lambda: layers.TimeDistributed(layers.Dense(3)), (5, 2)),
    (lambda: layers.TimeDistributed(layers.Conv2D(2, 2)), (3, 5, 4, 2)),
    (lambda: layers.Normalization(), (4,)),
    (lambda: minidl.Sequential([layers.Dense(3), layers.Dense(2)]), (4,)),
    (lambda: Twice(3), (4,)),
    (lambda: Net(), (4,)),
]


NAMES = [str(place) for place in range(len(WEIGHTY))]


class Twice(layers.Layer):
    """A layer with another inside, which its `build` builds."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(units)

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.scale = self.add_weight((), "ones", name="scale")
        super().build(input_shape)

    def call(self, x):
        return self.inner(x) * self.scale


class Net(minidl.Model):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.last = layers.Dense(1)
        for _ in range(2):
            self.blocks.append(layers.Dense(4))

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.last(x)


@pytest.mark.parametrize(("make", "shape"), WEIGHTY, ids=NAMES)
def test_a_layer_built_by_shape_keeps_its_weights_when_it_is_called(make, shape):
    layer = make()
    layer.build((None, *shape))
    assert layer.built and layer.count_params() == sum(w.size for w in layer.weights) > 0
    before = list(layer.weights)
    values = [np.abs(RNG.normal(size=w.shape)).astype(w.dtype) for w in before]
    layer.set_weights(values)
    layer(RNG.normal(size=(2, *shape)).astype(np.float32))
    assert [id(w) for w in layer.weights] == [id(w) for w in before]
    for weight, value in zip(layer.get_weights(), values, strict=True):
        np.testing.assert_array_equal(weight, value)
    layer(minidl.Input(shape))
    layer.build((None, *shape))  # once more changes nothing
    assert [id(w) for w in layer.weights] == [id(w) for w in before]


@pytest.mark.parametrize(("make", "shape"), WEIGHTY, ids=NAMES)
def test_building_for_other_inputs_is_refused_once_there_are_weights(make, shape):
    layer = make()
    layer.build((None, *shape))
    with pytest.raises(ShapeError, match="is built already"):
        layer.build((None, *shape[:-1], shape[-1] + 1))


@pytest.mark.parametrize(("make", "shape"), WEIGHTY, ids=NAMES)
def test_a_layer_is_built_from_the_build_configuration_of_another(make, shape):
    layer, other = make(), make()
    layer(RNG.normal(size=(2, *shape)).astype(np.float32))
    other.build_from_config(layer.get_build_config())
    assert other.built and [w.shape for w in other.weights] == [w.shape for w in layer.weights]


def test_a_layer_built_by_hand_computes_with_the_weights_it_was_given():
    layer = layers.Dense(1)
    layer.build((None, 2))
    layer.set_weights([np.ones((2, 1)), np.zeros(1)])
    assert layer(np.ones((1, 2), np.float32)).numpy().tolist() == [[2.0]]


def test_layers_inside_are_counted_once():
    x = minidl.Input((4,))
    model = minidl.Model(x, Twice(3)(x))
    assert model.count_params() == 16
    assert [w.name for w in model.weights] == ["scale", "kernel", "bias"]


def test_build_with_several_shapes_gets_those_of_the_inputs_it_names():
    class Bilinear(layers.Layer):
        def build(self, left_shape, right_shape):
            self.kernel = self.add_weight((left_shape[-1], right_shape[-1]), "ones")

        def call(self, left, right):
            return left @ self.kernel @ right.transpose((1, 0))

        def compute_output_shape(self, left_shape, right_shape):
            return (left_shape[0], right_shape[0])

    layer = Bilinear()
    assert layer(np.ones((2, 3), np.float32), right=np.ones((4, 5), np.float32)).numpy().tolist() == [[15.0] * 4] * 2
    assert layer.get_build_config() == {"shapes_dict": {"left_shape": (2, 3), "right_shape": (4, 5)}}
    other = Bilinear()
    other.build_from_config(layer.get_build_config())
    assert other.kernel.shape == (3, 5)
    assert Bilinear()(minidl.Input((3,)), minidl.Input((5,))).shape == (None, None)


def test_a_layer_without_a_shape_to_build_for_waits_for_its_first_call():
    layer = minidl.Sequential([layers.Dense(2)])
    with pytest.raises(NotBuiltError, match="Give build"):
        layer.build()
    assert not hasattr(layer, "input") and not hasattr(layers.Dense(2), "output")
    table = layers.Embedding(3, 2)
    table.build()
    assert table.embeddings.shape == (3, 2) and table.built
    given = layers.Embedding(3, 2, weights=np.ones((3, 2)))
    assert given.embeddings.numpy().sum() == 6.0


def test_weights_have_defaults_by_their_dtype():
    layer = layers.Layer()
    assert layer.add_weight((2,), dtype="int32", trainable=False).numpy().tolist() == [0, 0]
    assert layer.add_weight(dtype="bool", trainable=False).numpy().tolist() is False
    with pytest.raises(ArgumentError, match="the name by its keyword"):
        layer.add_weight("kernel", (2,))


@pytest.mark.parametrize("layer", [layers.Dense(2), layers.Conv1D(2, 1)])
def test_an_activation_that_is_taken_away(layer):
    layer.activation = None
    assert layer(np.ones((1, 3, 2), np.float32)).shape == (1, 3, 2)


def test_layers_and_models_can_be_pickled_and_copied():
    model = Net()
    x = RNG.normal(size=(2, 3)).astype(np.float32)
    wanted = model(x).numpy()
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other(x).numpy(), wanted)
        assert other.blocks[0] is not model.blocks[0] and len(other.weights) == len(model.weights)
        other.blocks.append(layers.Dense(1))


def test_layer_normalization_sorts_its_axes():
    x = RNG.normal(size=(2, 3, 4)).astype(np.float32)
    sides = [layers.LayerNormalization(axis=axis)(x).numpy() for axis in ([-2, -1], [-1, -2], [2, 1])]
    np.testing.assert_array_equal(sides[0], sides[1])
    np.testing.assert_array_equal(sides[0], sides[2])


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.UpSampling1D(True), lambda: layers.RepeatVector(True), lambda: layers.Dense(2, trainable="no"),
        lambda: layers.Conv1DTranspose(2, 3, strides=2, output_padding=2),
        lambda: layers.Dropout(0.5, noise_shape=(None, 1.5)), lambda: layers.Dropout(0.5, noise_shape=(0, 2)),
    ],
)  # fmt: skip
def test_arguments_of_another_kind_are_refused(make):
    with pytest.raises(ArgumentError):
        make()


def test_build_whose_arguments_are_no_inputs_is_refused():
    class Wrong(layers.Layer):
        def build(self, x_shape, units):
            pass

        def call(self, x):
            return x

    with pytest.raises(ArgumentError, match="must be named after those of call"):
        Wrong()(np.ones((1, 2), np.float32))


def test_without_a_build_of_its_own_a_layer_builds_those_inside_by_a_run_on_zeros():
    class Around(layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(3), layers.Dense(2)

        def call(self, x):
            return self.second(self.first(x))

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 2)

    layer = Around()
    layer.build((None, 4))
    assert layer.count_params() == 15 + 8
    x = minidl.Input((4,))
    assert minidl.Model(x, Around()(x)).count_params() == 23


def test_layers_and_metrics_are_found_in_lists_and_dicts_that_grow():
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(1, name="first")
            self.more, self.named, self.deep = [], {}, [[]]
            self.more.append(layers.Dense(1, name="appended"))
            self.more += [layers.Dense(1, name="added")]
            self.more.extend((layers.Dense(1, name="extended"),))
            self.named["key"] = layers.Dense(1, name="in a dict")
            self.named.update(other={"x": (layers.Dense(1, name="in a tuple"),)})
            self.deep[0].insert(0, layers.Dense(1, name="nested"))
            self.again = self.first
            self.means = [minidl.metrics.Mean("m")]

        def call(self, x):
            return self.first(x)

    names = [layer.name for layer in Holder().sublayers()]
    assert names == ["first", "appended", "added", "extended", "in a dict", "in a tuple", "nested"]
    assert [metric.name for metric in Holder().metrics] == ["m"]
    model = minidl.Sequential([layers.Input((2,)), Holder()])
    model.compile("sgd", "mse", metrics=["mae"])
    assert [metric.name for metric in model.metrics][-1] == "m" and len(model.metrics) == 3
    model.compile("sgd", "mse")
    assert len(model.metrics) == 2  # what an earlier compile was given is gone


def test_a_call_that_makes_new_layers_every_time_is_refused():
    class Forgetful(layers.Layer):
        def call(self, x):
            self.dense = layers.Dense(2)
            return self.dense(x)

    class Leaky(layers.Layer):
        def call(self, x):
            return x * self.add_weight((1,), "ones")

    x = np.ones((1, 2), np.float32)
    for make in (Forgetful, Leaky):
        layer = make()
        layer(x)
        with pytest.raises(ArgumentError, match=r"its call\(\) makes a new (Dense|weight) every time"):
            layer(x)
        with pytest.raises(ArgumentError, match="every time"):
            make()(minidl.Input((2,)))


def test_a_frozen_model_trains_no_layer_that_is_added_later():
    model = minidl.Sequential([layers.Input((2,))])
    model.trainable = False
    model.add(layers.Dense(1))
    assert model.trainable_weights == [] and len(model.non_trainable_weights) == 2


# ---- penalties


def test_penalties_are_those_of_the_last_call():
    penalised = layers.Dense(2, kernel_initializer="ones", activity_regularizer=minidl.regularizers.L2(1.0))
    inner = minidl.Sequential([layers.Input((2,)), penalised])
    x = minidl.Input((2,))
    model = minidl.Model(x, inner(x))
    for layer in (penalised, inner, model):
        for _ in range(3):
            layer(np.ones((1, 2), np.float32))
            assert sum(loss.item() for loss in layer.losses) == 8.0


def test_a_layer_called_twice_in_one_call_is_penalised_twice_and_its_weights_once():
    shared = layers.Dense(
        2, kernel_initializer="ones", activity_regularizer=minidl.regularizers.L2(1.0), kernel_regularizer="l1"
    )
    x = minidl.Input((2,))
    model = minidl.Model(x, shared(shared(x)))
    for _ in range(2):
        model(np.ones((1, 2), np.float32))
        # 2² + 2², 4² + 4², and 0.01 · 4 for the weights.
        np.testing.assert_allclose([loss.item() for loss in model.losses], [8.0, 32.0, 0.04], rtol=1e-6)


def test_penalties_of_a_trial_on_zeros_are_no_losses():
    class Adds(layers.Layer):
        def call(self, x):
            self.add_loss(x.sum() * 0.0 + 7.0)
            return x

    class Around(minidl.Model):
        def __init__(self):
            super().__init__()
            self.adds = Adds()

        def call(self, x):
            return self.adds(x)

    model = Around()
    model.build((None, 2))
    assert model.losses == []
    for _ in range(2):
        model(np.ones((1, 2), np.float32))
        assert [loss.item() for loss in model.losses] == [7.0]
    model.compile("sgd", "mse")
    assert model.evaluate(np.zeros((4, 2), "f"), np.zeros((4, 2), "f"), batch_size=2, verbose=0) == 7.0


# ---- whole numbers, and sizes from NumPy


@pytest.mark.parametrize(("make", "shape"), WEIGHTY[:18], ids=NAMES[:18])
def test_whole_numbers_become_the_layers_dtype(make, shape):
    layer = make()
    x = RNG.integers(0, 5, (2, *shape))
    whole, floating = layer(x).numpy(), layer(x.astype(np.float32)).numpy()
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, floating)


def test_a_subclassed_model_fits_whole_numbers():
    model = Net()
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2), np.int64), np.ones((4, 1)), verbose=0)
    assert model.predict(np.ones((4, 2), np.uint8), verbose=0).shape == (4, 1)


def test_sizes_from_numpy_are_as_good_as_python_ones():
    two, three, half = np.int64(2), np.int32(3), np.float32(0.5)
    made = [
        layers.Dense(two), layers.Conv2D(two, (three, two), strides=two), layers.LSTM(three, dropout=half),
        layers.Reshape((two, two)), layers.RepeatVector(three), layers.ZeroPadding2D(((two, two), (two, two))),
        layers.UpSampling2D(two), layers.MaxPooling2D(two), layers.Dropout(half, seed=three), layers.LeakyReLU(half),
        layers.Embedding(three, two), layers.Cropping1D((two, two)), layers.Dot(axes=(two, two)),
        layers.Resizing(three, three), layers.RandomZoom(half), layers.Concatenate(axis=two),
        layers.SeparableConv1D(two, three, depth_multiplier=two), layers.PReLU(shared_axes=two),
        layers.BatchNormalization(axis=-two), layers.Conv2DTranspose(two, three, output_padding=two - 1, strides=two),
    ]  # fmt: skip
    for layer in made:
        for name, value in layer.get_config().items():
            for part in value if isinstance(value, list | tuple) else [value]:
                assert not isinstance(part, np.generic), (layer, name)
    assert layers.Reshape((two, two))(np.ones((1, 4), "f")).shape == (1, 2, 2)
    assert minidl.Input((three,), batch_size=two).shape == (2, 3)


def test_an_embedding_with_given_values_may_be_built_for_any_inputs():
    table = np.arange(15.0).reshape(5, 3)
    layer = layers.Embedding(5, 3, weights=[table])
    layer.build((1, 2))
    np.testing.assert_array_equal(layer(np.array([[4, 0]]))[0], table[[4, 0]])
