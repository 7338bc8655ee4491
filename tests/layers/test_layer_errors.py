"""Mistakes in building and calling layers get messages that name the layer, the rule and what was got."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.errors import ArgumentError, ShapeError, UnknownNameError


@pytest.mark.parametrize(
    ("name", "arguments", "instead"),
    [
        ("Conv2D", {"nb_filter": 8, "nb_row": 3, "nb_col": 3}, "filters="),
        ("Conv2D", {"filters": 8, "kernel_size": 3, "border_mode": "same"}, "padding="),
        ("Conv2D", {"filters": 8, "kernel_size": 3, "subsample": (2, 2)}, "strides="),
        ("Conv2D", {"filters": 8, "kernel_size": 3, "dim_ordering": "th"}, "data_format="),
        ("Conv1D", {"nb_filter": 8, "filter_length": 3}, "filters="),
        ("Dense", {"output_dim": 8}, "units="),
        ("Dense", {"units": 8, "init": "uniform"}, "kernel_initializer="),
        ("Dense", {"units": 8, "W_regularizer": "l2"}, "kernel_regularizer="),
        ("Dropout", {"p": 0.5}, "rate="),
        ("LSTM", {"units": 3, "inner_activation": "tanh"}, "recurrent_activation="),
        ("LSTM", {"units": 3, "dropout_U": 0.1}, "recurrent_dropout="),
        ("GaussianNoise", {"sigma": 0.1}, "stddev="),
        ("Concatenate", {"concat_axis": 1}, "axis="),
        ("BatchNormalization", {"gamma_init": "one"}, "gamma_initializer="),
    ],
)
def test_removed_argument_says_what_to_use_instead(name: str, arguments: dict[str, Any], instead: str) -> None:
    with pytest.raises(ArgumentError, match=f"{name}: .* was removed from Keras; use {instead}.* instead"):
        getattr(layers, name)(**arguments)


NOT_SIZES = [-1, 1.0, "1", (1, 2, 3), (1,), ((1, 2, 3), 1), ((1, -2), 0), ((1, 2.0), 0), ((0, 0), (0, "2")), (1.0, 1)]


@pytest.mark.parametrize("value", NOT_SIZES, ids=repr)
@pytest.mark.parametrize("name, argument", [("ZeroPadding2D", "padding"), ("Cropping2D", "cropping")])
def test_four_sides_that_are_none_are_told(name: str, argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{name}.*: {argument} must be an integer >= 0, .*Got "):
        getattr(layers, name)(value)


@pytest.mark.parametrize("value", [-1, 1.0, "1", (1, 2, 3), (1,), (1, -2), (1, 2.0), ((1, 2), 0)], ids=repr)
@pytest.mark.parametrize("name, argument", [("ZeroPadding1D", "padding"), ("Cropping1D", "cropping")])
def test_two_ends_that_are_none_are_told(name: str, argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{name}.*: {argument} must be .*integer.* >= 0.*Got "):
        getattr(layers, name)(value)


def test_names_start_afresh_after_clear_session() -> None:
    minidl.backend.clear_session()
    assert [layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    minidl.backend.clear_session()
    assert layers.Dense(1).name == "dense"


def test_removed_names_are_free_for_layers_of_ones_own() -> None:
    class Mine(layers.Dense):
        def __init__(self, p: int, **kwargs: Any) -> None:
            super().__init__(p, **kwargs)

    assert Mine(p=3).units == 3


def test_a_noise_shape_that_keras_2_wrote_for_whole_channels_says_nothing() -> None:
    for layer_class in (layers.SpatialDropout1D, layers.SpatialDropout2D):
        layer = layer_class.from_config({"rate": 0.3, "noise_shape": None, "seed": None})
        assert layer.rate == 0.3 and "noise_shape" not in layer.get_config()


def test_output_dim_of_an_embedding_is_no_removed_argument() -> None:
    assert layers.Embedding(input_dim=4, output_dim=2, input_length=3).declared_shape == (None, 3)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Conv2D", {"filters": 2, "kernel_size": 3}),
        ("Conv1D", {"filters": 2, "kernel_size": 3}),
        ("Conv2DTranspose", {"filters": 2, "kernel_size": 3}),
        ("DepthwiseConv2D", {"kernel_size": 3}),
        ("SeparableConv2D", {"filters": 2, "kernel_size": 3}),
        ("MaxPooling2D", {}),
        ("AveragePooling1D", {}),
        ("GlobalMaxPooling2D", {}),
        ("ZeroPadding2D", {}),
        ("Cropping2D", {}),
        ("UpSampling2D", {}),
        ("Flatten", {}),
        ("SpatialDropout2D", {"rate": 0.1}),
        ("RandomFlip", {}),
        ("RandomContrast", {"factor": 0.1}),
        ("Resizing", {"height": 2, "width": 2}),
    ],
)
def test_channels_first_is_refused_with_the_way_out(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"minidl is channels_last.* x.transpose\(0, 2, 3, 1\)"):
        getattr(layers, name)(**arguments, data_format="channels_first")
    with pytest.raises(UnknownNameError, match="data_format"):
        getattr(layers, name)(**arguments, data_format="last")
    assert getattr(layers, name)(**arguments, data_format="channels_last").data_format == "channels_last"


def test_strides_go_with_dilation_on_no_axis() -> None:
    for make in (layers.Conv2D, layers.SeparableConv2D, layers.Conv2DTranspose):
        for strides, dilation in ((2, 2), ((2, 1), (1, 2)), ((1, 2), (3, 1))):
            with pytest.raises(ArgumentError, match="strides and dilation_rate cannot both be above 1"):
                make(4, 3, strides=strides, dilation_rate=dilation)
        assert make(4, 3, strides=(2, 1)).dilation_rate == (1, 1) and make(4, 3, dilation_rate=2).strides == (1, 1)


BAD_ARGUMENTS = [
    (lambda: layers.Conv2D(0, 3), "filters must be a positive integer. Got 0"),
    (lambda: layers.Conv2D(2.5, 3), "filters must be a positive integer. Got 2.5"),
    (lambda: layers.Conv2D(4, (3, 3, 3)), "kernel_size must be one integer >= 1, or 2 of them"),
    (lambda: layers.Conv2D(4, 3, strides=0), "strides must be one integer >= 1"),
    (lambda: layers.Conv2D(4, 3, padding="sane"), "Did you mean 'same'"),
    (lambda: layers.Conv2D(4, 3, padding="causal"), "unknown padding of Conv2D"),
    (lambda: layers.Conv2D(4, 3, groups=3), "filters must be a multiple of groups"),
    (lambda: layers.Conv2D(4, 3, strides=2, dilation_rate=2), "cannot both be above 1"),
    (lambda: layers.Conv2D(4, 3, activation="rellu"), "Did you mean 'relu'"),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), "depth_multiplier must be a positive integer"),
    (lambda: layers.Dense(-1), "units must be a positive integer. Got -1"),
    (lambda: layers.Dense(3, lora_rank=2), "lora_rank must be None"),
    (lambda: layers.Dense(3, unknown=2), "unknown arguments 'unknown'"),
    (lambda: layers.Dropout(25), "It is the share to drop: 0.25 for 25 percent"),
    (lambda: layers.GaussianDropout(1.0), "rate must be below 1"),
    (lambda: layers.BatchNormalization(momentum=9), "momentum must lie in"),
    (lambda: layers.BatchNormalization(axis=[1, 2]), "axis must be one integer"),
    (lambda: layers.BatchNormalization(renorm=True), "renorm and synchronized must be False"),
    (lambda: layers.LayerNormalization(rms_scaling=True), "rms_scaling must be False"),
    (lambda: layers.ZeroPadding2D(((1, 2, 3), 1)), "padding must be an integer >= 0"),
    (lambda: layers.ZeroPadding1D(-1), "padding must be one integer >= 0"),
    (lambda: layers.UpSampling2D(interpolation="cubic"), "unknown interpolation"),
    (lambda: layers.Reshape((-1, -1)), "at most one of them -1"),
    (lambda: layers.Permute((0, 1)), "dims must be a permutation of 1"),
    (lambda: layers.LeakyReLU(-0.3), "negative_slope must be a number >= 0"),
    (lambda: layers.Embedding(0, 3), "input_dim must be a positive integer"),
    (lambda: layers.LayerNormalization(axis="last"), "axis must be an integer, or several in a list. Got 'last'"),
    (lambda: layers.Dot(axes=(1, "x")), "axes must be an integer, or several in a list"),
    (lambda: layers.Softmax(axis=None), "axis must be an integer, or several in a list. Got None"),
    (lambda: layers.Dropout(0.5, seed="x"), "seed must be an integer or None. Got 'x'"),
    (lambda: layers.RandomFlip(seed=2.5), "seed must be an integer or None. Got 2.5"),
    (lambda: layers.GaussianNoise("x"), "stddev must lie in"),
    (lambda: layers.Conv2D(True, 3), "filters must be a positive integer. Got True"),
    (lambda: layers.LSTM(3, activation="gelu"), "unknown activation inside LSTM"),
    (lambda: layers.GRU(3, dropout=1.5), "dropout must lie in"),
    (lambda: layers.Bidirectional(layers.Dense(3)), "a recurrent layer is needed, such as LSTM"),
    (lambda: layers.Bidirectional(None), "a recurrent layer is needed, such as LSTM.* Got None"),
    (lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="cat"), "unknown merge_mode"),
    (lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.LSTM(3)), "go_backwards must differ"),
    (lambda: layers.TimeDistributed(layers.Dense), r"Got the class; write Dense\(…\)"),
    (lambda: layers.RandomFlip("sideways"), "unknown mode"),
    (lambda: layers.RandomRotation(90), "it is a share. Got 90"),
    (lambda: layers.RandomTranslation(0.1, 0.1, fill_mode="mirror"), "unknown fill_mode"),
    (lambda: layers.RandomContrast(2), r"one or two numbers in \[0, 1\]"),
    (lambda: layers.Resizing(4, 4, antialias=True), "antialias must be False"),
    (lambda: layers.Normalization(mean=1.0), "give both mean and variance"),
    (lambda: layers.Lambda("x"), "a function is needed"),
    (lambda: layers.deserialize({"class_name": "Densee", "config": {}}), "Did you mean 'Dense'"),
]


@pytest.mark.parametrize(("make", "message"), BAD_ARGUMENTS, ids=[m[:40] for _, m in BAD_ARGUMENTS])
def test_bad_argument_names_the_rule_and_what_was_got(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


IMAGE = np.zeros((2, 5, 6, 3), np.float32)
BAD_INPUTS = [
    (layers.Conv2D(4, 3, name="c"), (2, 5, 6), "Conv2D 'c': inputs must have 4 axes, .batch, rows, columns, channels."),
    (layers.Conv2D(4, 3, name="c"), (2, 5, 6), r"Is the channel axis missing\? x\[..., None\]"),
    (layers.Conv2D(4, 7, name="c"), (2, 5, 6, 3), r"Conv2D 'c': the window \(7, 7\) is larger than its input \(5, 6\)"),
    (layers.Conv2D(4, 3, dilation_rate=3, name="c"), (2, 5, 6, 3), r"window \(3, 3\) with dilation \(3, 3\) is larger"),
    (layers.Conv2D(4, 3, groups=2, name="c"), (2, 5, 6, 3), "channels must be a multiple of groups. Got 3 and 2"),
    (layers.Conv1D(4, 3, name="c"), (2, 5, 6, 3), "Conv1D 'c': inputs must have 3 axes"),
    (layers.MaxPooling2D(6, name="m"), (2, 5, 6, 3), r"MaxPooling2D 'm': the window \(6, 6\) is larger"),
    (layers.MaxPooling2D(name="m"), (2, 5), "MaxPooling2D 'm': inputs must have 4 axes"),
    (layers.GlobalAveragePooling2D(name="g"), (2, 5, 6), "GlobalAveragePooling2D 'g': inputs must have 4 axes"),
    (layers.Cropping2D(3, name="x"), (2, 5, 6, 3), "Cropping2D 'x': cropping .* leaves nothing"),
    (layers.Reshape((4, 4), name="r"), (2, 5), r"Reshape 'r': a sample of shape \(5,\) has 5 values"),
    (layers.Permute((2, 1), name="p"), (2, 5), "Permute 'p': samples must have 2 axes"),
    (layers.RepeatVector(3, name="v"), (2, 5, 6), r"RepeatVector 'v': .* A Flatten layer before it"),
    (layers.LSTM(3, name="l"), (2, 5), r"LSTM 'l': inputs must have 3 axes, \(batch, steps, channels\)"),
    (layers.BatchNormalization(axis=3, name="b"), (2, 5), "BatchNormalization 'b': axis must be one of the input's"),
    (layers.LayerNormalization(axis=0, name="n"), (2, 5), "not the batch axis"),
    (layers.TimeDistributed(layers.Dense(2), name="t"), (2, 5), "TimeDistributed 't': inputs must be .batch, steps"),
    (layers.RandomFlip(name="f"), (5, 6), "RandomFlip 'f': images must be .rows, columns, channels."),
    (layers.Add(name="a"), (2, 5), r"Add 'a': a list of inputs is needed. Got one, of shape \((2|None), 5\)"),
    (layers.Concatenate(name="k"), (2, 5), "Concatenate 'k': a list of inputs is needed"),
    (layers.Dense(2, name="d"), (2,), "Dense 'd': inputs must be .batch, ..., features."),
]


@pytest.mark.parametrize(("layer", "shape", "message"), BAD_INPUTS, ids=[m[:40] for _, _, m in BAD_INPUTS])
def test_bad_input_names_the_layer_before_data_flows_and_when_it_does(layer: Any, shape: Any, message: str) -> None:
    again = type(layer).from_config(layer.get_config())
    with pytest.raises(ShapeError, match=message):
        layer(np.zeros(shape, np.float32))
    with pytest.raises(ShapeError, match=message):
        again(layers.Input(shape[1:]) if len(shape) > 1 else layers.Input(batch_shape=shape))


def test_merge_errors_name_the_shapes() -> None:
    a, b = np.zeros((2, 3), np.float32), np.zeros((2, 4), np.float32)
    with pytest.raises(ShapeError, match="the inputs' sizes must be equal, or 1 where they differ"):
        layers.Add()([a, b])
    with pytest.raises(ShapeError, match="same batch size"):
        layers.Multiply()([a, np.zeros((3, 3), np.float32)])
    with pytest.raises(ShapeError, match="all sizes but those of axis 1 must agree.*axis 2 differs"):
        layers.Concatenate(axis=1)([np.zeros((2, 3, 4), np.float32), np.zeros((2, 3, 5), np.float32)])
    with pytest.raises(ShapeError, match="two inputs are needed. Got 3"):
        layers.Subtract()([a, a, a])
    with pytest.raises(ShapeError, match="the summed axes must have the same size"):
        layers.Dot(axes=1)([a, b])
    with pytest.raises(ShapeError, match="not be the batch axis"):
        layers.Dot(axes=0)([a, a])


def test_unknown_channels_are_an_error_when_the_weights_are_made() -> None:
    with pytest.raises(ShapeError, match="Conv2D 'c': the number of channels .* must be known"):
        layers.Conv2D(4, 3, name="c")(layers.Input((8, 8, None)))
    with pytest.raises(ShapeError, match="the size of axis -1 must be known"):
        layers.BatchNormalization()(layers.Input((8, None)))


def test_unknown_image_size_is_none_in_the_output_shape() -> None:
    x = layers.Input((None, 6, 3))
    assert layers.Conv2D(4, 3, strides=2)(x).shape == (None, None, 2, 4)
    assert layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x).shape == (None, None, 12, 4)
    assert layers.MaxPooling2D()(x).shape == (None, None, 3, 3)
    assert layers.ZeroPadding2D(2)(x).shape == (None, None, 10, 3)
    assert layers.Cropping2D(1)(x).shape == (None, None, 4, 3)
    assert layers.UpSampling2D(2)(x).shape == (None, None, 12, 3)
    assert layers.Flatten()(x).shape == (None, None)
    assert layers.Reshape((-1, 3))(x).shape == (None, None, 3)
    assert layers.Concatenate(axis=1)([x, x]).shape == (None, None, 6, 3)
    assert layers.Add()([x, x]).shape == (None, None, 6, 3)
    assert layers.LSTM(2, return_sequences=True)(layers.Input((None, 3))).shape == (None, None, 2)


def test_wrong_channels_after_building_name_the_layer() -> None:
    layer = layers.Conv2D(4, 3, name="c")
    layer(IMAGE)
    with pytest.raises(ShapeError) as caught:
        layer(IMAGE[..., :2])
    assert "in layer 'c' (Conv2D), called on (2, 5, 6, 2)" in caught.value.__notes__


def test_other_names_are_the_same_layers() -> None:
    assert layers.Convolution2D is layers.Conv2D and layers.Convolution1D is layers.Conv1D
    assert layers.MaxPool2D is layers.MaxPooling2D and layers.AvgPool1D is layers.AveragePooling1D
    assert layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D
    assert layers.GlobalMaxPool1D is layers.GlobalMaxPooling1D
    assert layers.LeakyReLU(alpha=0.2).negative_slope == 0.2


def test_old_input_arguments_give_the_first_layer_its_shape() -> None:
    image = minidl.Sequential([layers.Conv2D(2, 3, input_shape=(5, 6, 1)), layers.Flatten()])
    assert image.output_shape == (None, 24)
    vector = minidl.Sequential([layers.Dense(2, input_dim=7)])
    assert vector.input_shape == (None, 7)
    text = minidl.Sequential([layers.Embedding(9, 3, input_length=5), layers.Flatten()])
    assert text.output_shape == (None, 15)


def test_every_public_name_is_there() -> None:
    assert [name for name in layers.__all__ if not hasattr(layers, name)] == []


def test_functional_forms_of_the_merging_layers() -> None:
    a, b = np.array([[1.0, 5.0]], np.float32), np.array([[3.0, 2.0]], np.float32)
    found = {
        "add": [[4, 7]], "subtract": [[-2, 3]], "multiply": [[3, 10]], "average": [[2, 3.5]], "maximum": [[3, 5]],
        "minimum": [[1, 2]], "concatenate": [[1, 5, 3, 2]], "dot": [[13]],
    }  # fmt: skip
    for name, wanted in found.items():
        np.testing.assert_array_equal(getattr(layers, name)([a, b]).numpy(), wanted)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: layers.Dot(axes=3)([x, x]), "Dot"),
        (lambda x: layers.Dot(axes=(1, -3))([x, x]), "Dot"),
        (lambda x: layers.PReLU(shared_axes=[4])(x), "PReLU"),
        (lambda x: minidl.ops.flip(x, axis=2), "flip"),
        (lambda x: minidl.ops.norm(x, ord=1, axis=(0, 2)), "norm"),
    ],
)
def test_an_axis_that_there_is_not_is_refused(call: Any, name: str) -> None:
    with pytest.raises(ArgumentError, match=f"{name}.*axis must lie in"):
        call(np.ones((2, 3), "float32"))


def test_a_mixed_dtype_is_refused_where_it_is_given() -> None:
    with pytest.raises(ArgumentError, match="'mixed_float16'.*no mixed precision"):
        layers.Dense(2, dtype="mixed_float16")
