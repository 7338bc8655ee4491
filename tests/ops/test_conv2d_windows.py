"""Output sizes and paddings: the rules of TensorFlow and Keras, every way of writing a padding, and the errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import ArgumentError, ShapeError
from minidl.ops.common import windows

QUICK = settings(deadline=None, derandomize=True, max_examples=100)
SIZE, KERNEL, STRIDE, DILATION = st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)


@QUICK
@given(SIZE, KERNEL, STRIDE, DILATION)
def test_same_padding_gives_the_input_size_over_the_stride(size: int, kernel: int, stride: int, dilation: int) -> None:
    before, after = windows.same_padding(size, kernel, stride, dilation)
    assert windows.conv_output_size(size, kernel, stride, dilation, (before, after)) == -(-size // stride)
    assert after - before in (0, 1)


@QUICK
@given(SIZE, KERNEL, STRIDE, DILATION)
def test_transposed_same_gives_size_times_stride_and_valid_the_keras_size(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    extent = (kernel - 1) * dilation + 1
    for padding, expected in (("same", size * stride), ("valid", (size - 1) * stride + max(extent, stride))):
        (rows, _), (extra, _) = windows.resolve_transpose_padding(padding, (kernel, 1), (stride, 1), (dilation, 1))
        got = windows.conv2d_transpose_output_size(size, kernel, stride, dilation, rows, extra)
        assert got == expected
        # What a convolution with this padding makes of the output is the input's size again.
        if not extra:
            assert windows.conv_output_size(got, kernel, stride, dilation, rows) == size


@QUICK
@given(SIZE, st.integers(1, 4), KERNEL, STRIDE, DILATION, st.integers(0, 3), st.integers(0, 3))
def test_tap_indices_are_the_pixels_that_the_windows_meet(
    size: int, outputs: int, kernel: int, stride: int, dilation: int, before: int, tap: int
) -> None:
    tap = min(tap, kernel - 1)
    pixels, found = windows.tap_indices(
        (tap, 0), (size, 1), (outputs, 1), (stride, 1), ((before, 0), (0, 0)), (dilation, 1)
    )
    met = {i: i * stride + tap * dilation - before for i in range(outputs)}
    expected = [(i, pixel) for i, pixel in met.items() if 0 <= pixel < size]
    assert list(zip(np.arange(outputs)[found[1]], np.arange(size)[pixels[1]], strict=True)) == expected


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("valid", ((0, 0), (0, 0))),
        ("same", ((1, 1), (0, 1))),
        (2, ((2, 2), (2, 2))),
        ((1, 0), ((1, 1), (0, 0))),
        (((1, 0), (0, 2)), ((1, 0), (0, 2))),
        ([[1, 0], [0, 2]], ((1, 0), (0, 2))),
        (((1, 0), 3), ((1, 0), (3, 3))),
        (np.int64(1), ((1, 1), (1, 1))),
    ],
)
def test_resolve_padding_takes_every_form(padding: Any, expected: Any) -> None:
    assert windows.resolve_padding(padding, (7, 8), (3, 2), (1, 1)) == expected


@pytest.mark.parametrize("padding", ["SAME", "full", -1, (1, -1), (1, 2, 3), ((1, 2), (3,)), None, 1.5, True])
def test_resolve_padding_names_what_it_takes(padding: Any) -> None:
    with pytest.raises(ArgumentError, match="padding: must be 'valid', 'same', an integer"):
        windows.resolve_padding(padding, (7, 8), (3, 2), (1, 1))


def test_resolve_padding_says_what_causal_is_for() -> None:
    with pytest.raises(ArgumentError, match="'causal' exists for conv1d only"):
        windows.resolve_padding("causal", (7, 8), (3, 2), (1, 1))


def test_resolve_padding_names_a_kernel_larger_than_the_image() -> None:
    with pytest.raises(ShapeError, match=r"larger than the padded image. Got kernel \(3, 5\).*image \(4, 4\)"):
        windows.resolve_padding("valid", (4, 4), (3, 5), (1, 1))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("strides", ((0, 1), (1, 1))), ("strides", (2, (1, 1))), ("dilation", ((1, 1), (1, -2)))],
)
def test_resolve_padding_names_bad_steps(name: str, arguments: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{name} must be two integers ≥ 1"):
        windows.resolve_padding("same", (4, 4), (3, 3), *arguments)


@pytest.mark.parametrize(
    ("output_padding", "message"),
    [(-1, "must be None, an integer ≥ 0"), ((1, 1, 1), "must be None"), (2, "must be smaller than the stride")],
)
def test_resolve_transpose_padding_names_bad_output_padding(output_padding: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        windows.resolve_transpose_padding("same", (3, 3), (2, 2), (1, 1), output_padding)


def test_resolve_transpose_padding_takes_explicit_padding() -> None:
    assert windows.resolve_transpose_padding(1, (3, 3), (2, 2)) == (((1, 1), (1, 1)), (0, 0))
    assert windows.resolve_transpose_padding((0, 1), (3, 3), (2, 3), (1, 1), (1, 2)) == (((0, 0), (1, 1)), (1, 2))


def test_pad_image_frames_with_a_value_and_copies_only_if_it_must() -> None:
    x = np.arange(12.0, dtype=np.float32).reshape(1, 2, 3, 2)
    assert windows.pad_image(x, ((0, 0), (0, 0))) is x
    padded = windows.pad_image(x, ((1, 0), (0, 2)), value=-1.0)
    np.testing.assert_array_equal(padded, np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=-1.0))
    assert padded.dtype == np.float32
