"""compute_output_shape is the shape of the output, for any geometry; what does not fit is an error in both."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import layers
from minidl.errors import ShapeError

checked = settings(max_examples=60, deadline=None, derandomize=True)
size = st.integers(1, 9)
pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
padding = st.sampled_from(["valid", "same"])


def agree(layer: Any, shape: tuple[int, ...]) -> None:
    """Check that shape inference and running either agree or both refuse."""
    try:
        y = layer(np.zeros(shape, np.float32))
    except ShapeError:
        try:
            type(layer).from_config(layer.get_config()).compute_output_shape(shape)
        except ShapeError:
            return
        raise
    assert tuple(layer.compute_output_shape(shape)) == y.shape
    unknown = layer.compute_output_shape((None, *[None] * (len(shape) - 2), shape[-1]))
    assert len(unknown) == y.ndim and unknown[0] is None and unknown[-1] == y.shape[-1]


@checked
@given(size, size, pair, pair, padding, st.booleans())
def test_convolution_shapes(rows: int, columns: int, kernel: Any, step: Any, pad: str, dilate: bool) -> None:
    step = {"dilation_rate": step} if dilate else {"strides": step}
    agree(layers.Conv2D(2, kernel, padding=pad, **step), (1, rows, columns, 3))
    agree(layers.DepthwiseConv2D(kernel, padding=pad, **step), (1, rows, columns, 3))
    step = {key: value[0] for key, value in step.items()}
    for way in (pad, "causal"):
        agree(layers.Conv1D(2, kernel[0], padding=way, **step), (2, rows, 3))


@checked
@given(size, size, pair, pair, padding)
def test_transposed_convolution_shapes(rows: int, columns: int, kernel: Any, strides: Any, pad: str) -> None:
    agree(layers.Conv2DTranspose(2, kernel, strides, pad), (1, rows, columns, 3))
    agree(layers.Conv1DTranspose(2, kernel[0], strides[0], pad), (1, rows, 3))


@checked
@given(size, size, pair, pair, padding)
def test_pooling_shapes(rows: int, columns: int, pool: Any, strides: Any, pad: str) -> None:
    agree(layers.MaxPooling2D(pool, strides, pad), (1, rows, columns, 2))
    agree(layers.AveragePooling2D(pool, strides, pad), (1, rows, columns, 2))
    agree(layers.AveragePooling1D(pool[0], None, pad), (1, rows, 2))


@checked
@given(size, size, pair, pair)
def test_padding_cropping_and_resizing_shapes(rows: int, columns: int, first: Any, second: Any) -> None:
    shape = (1, rows, columns, 2)
    agree(layers.ZeroPadding2D((first, second)), shape)
    agree(layers.Cropping2D((first, second)), shape)
    agree(layers.UpSampling2D(first), shape)
    agree(layers.Resizing(first[0], second[0]), shape)
    agree(layers.CenterCrop(first[0], second[0]), shape)
    agree(layers.RandomCrop(first[0], second[0]), shape)


def test_empty_batches_pass_through() -> None:
    for layer, shape in [
        (layers.Flatten(), (0, 2, 3)), (layers.Reshape((3, 2)), (0, 6)), (layers.Dense(2), (0, 3)),
        (layers.TimeDistributed(layers.Dense(2)), (0, 3, 4)), (layers.BatchNormalization(), (0, 3)),
    ]:  # fmt: skip
        y = layer(np.zeros(shape, np.float32))
        assert y.shape == layer.compute_output_shape(shape) and y.shape[0] == 0


def test_layer_chooses_its_backend_and_keeps_it_out_of_the_configuration() -> None:
    layer = layers.Conv2D(2, 3, backend="numpy")
    with minidl.GradientTape(persistent=True) as tape:
        layer(np.ones((1, 4, 4, 1), np.float32)).sum()
    entry = next(entry for entry in tape.entries if entry.op == "conv2d")
    assert entry.layer == layer.name and entry.choice is not None and entry.backend == "numpy"
    assert "backend" not in layer.get_config()


def test_layers_in_float64_keep_it() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3))
    for make in (
        lambda: layers.Conv2D(2, 3, dtype="float64"),
        lambda: layers.BatchNormalization(dtype="float64"),
        lambda: layers.TimeDistributed(layers.LSTM(2, dtype="float64"), dtype="float64"),
        lambda: layers.RandomRotation(0.1, dtype="float64"),
    ):
        layer = make()
        assert layer(x, training=True).dtype == np.float64
        assert all(w.dtype == np.float64 for w in layer.weights)
