"""Shape ops: gradients on random shapes, views and copies, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pointwise import checked, find, normal, seeds, shapes

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops import shapes as sh
from minidl.testing import check_gradients


@checked
@given(st.data(), shapes(max_rank=3), seeds)
def test_reshape_gradient(data: Any, shape: tuple[int, ...], seed: int) -> None:
    x = normal(shape, seed)
    divisor = data.draw(st.sampled_from([d for d in range(1, x.size + 1) if x.size % d == 0]))
    target = data.draw(st.sampled_from([(divisor, -1), (-1, divisor), (divisor, x.size // divisor), -1]))
    y, _ = sh.reshape_forward(x, shape=target)
    np.testing.assert_array_equal(y, x.reshape(target))
    check_gradients(sh.reshape_forward, sh.reshape_backward, [x], {"shape": target})


@checked
@given(st.data(), shapes(), seeds)
def test_transpose_gradient(data: Any, shape: tuple[int, ...], seed: int) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    signed = [axis - len(shape) if data.draw(st.booleans()) else axis for axis in order]
    for axes in (None, tuple(signed)):
        check_gradients(sh.transpose_forward, sh.transpose_backward, [normal(shape, seed)], {"axes": axes})


@checked
@given(st.data(), shapes(min_rank=1, max_rank=3), seeds)
def test_concatenate_gradient(data: Any, shape: tuple[int, ...], seed: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    place = axis % len(shape)
    parts = [normal((*shape[:place], n, *shape[place + 1 :]), seed + i) for i, n in enumerate(sizes)]
    y, _ = sh.concatenate_forward(*parts, axis=axis)
    np.testing.assert_array_equal(y, np.concatenate(parts, axis=axis))
    check_gradients(sh.concatenate_forward, sh.concatenate_backward, parts, {"axis": axis})


@checked
@given(st.data(), shapes(max_rank=3), seeds, st.integers(1, 3))
def test_stack_gradient(data: Any, shape: tuple[int, ...], seed: int, count: int) -> None:
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    parts = [normal(shape, seed + i) for i in range(count)]
    y, _ = sh.stack_forward(*parts, axis=axis)
    np.testing.assert_array_equal(y, np.stack(parts, axis=axis))
    check_gradients(sh.stack_forward, sh.stack_backward, parts, {"axis": axis})


@checked
@given(st.data(), shapes(max_rank=3), seeds)
def test_pad_gradient(data: Any, shape: tuple[int, ...], seed: int) -> None:
    width = st.integers(0, 2)
    padding = tuple(data.draw(st.tuples(width, width)) for _ in shape)
    x = normal(shape, seed)
    y, _ = sh.pad_forward(x, padding=padding, value=-2.5)
    np.testing.assert_array_equal(y, np.pad(x, padding, constant_values=-2.5) if shape else x)
    check_gradients(sh.pad_forward, sh.pad_backward, [x], {"padding": padding, "value": -2.5})


@st.composite
def keys(draw: Any, shape: tuple[int, ...]) -> Any:
    """Draw a basic key that fits `shape`."""
    parts: list[Any] = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        bound = st.one_of(st.none(), st.integers(-n - 2, n + 2))
        step = st.sampled_from([None, 1, 2, 3, -1, -2])
        parts.append(draw(st.one_of(st.integers(-n, n - 1), st.builds(slice, bound, bound, step))))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if draw(st.booleans()):
        # Trap for the test itself: axes after ... count from the end, where integers may be out of range.
        parts.append(Ellipsis)
    return tuple(parts) if len(parts) != 1 or draw(st.booleans()) else parts[0]


@checked
@given(st.data(), shapes(max_rank=3), seeds)
def test_slice_gradient(data: Any, shape: tuple[int, ...], seed: int) -> None:
    key = data.draw(keys(shape))
    x = normal(shape, seed)
    y, _ = sh.slice_forward(x, key=key)
    assert isinstance(y, np.ndarray)
    np.testing.assert_array_equal(y, x[key])
    check_gradients(sh.slice_forward, sh.slice_backward, [x], {"key": key})


@pytest.mark.parametrize("key", [(Ellipsis, 0), (Ellipsis, slice(None, None, -2), 1), (1, Ellipsis, -1), np.int64(1)])
def test_slice_gradient_counting_from_the_end(key: Any) -> None:
    check_gradients(sh.slice_forward, sh.slice_backward, [normal((2, 3, 4), 0)], {"key": key})


@checked
@given(st.data(), shapes(max_rank=3, max_size=3), seeds)
def test_broadcast_to_gradient(data: Any, target: tuple[int, ...], seed: int) -> None:
    dropped = data.draw(st.integers(0, len(target)))
    shape = tuple(1 if data.draw(st.booleans()) else n for n in target[dropped:])
    x = normal(shape, seed)
    y, _ = sh.broadcast_to_forward(x, shape=target)
    np.testing.assert_array_equal(y, np.broadcast_to(x, target))
    assert y.flags.c_contiguous
    assert y.flags.writeable
    check_gradients(sh.broadcast_to_forward, sh.broadcast_to_backward, [x], {"shape": target})


@pytest.mark.parametrize(
    ("op", "static"),
    [
        ("reshape", {"shape": (3, 2)}), ("transpose", {"axes": (1, 0)}), ("slice", {"key": (slice(None), 1)}),
        ("pad", {"padding": ((1, 1), (0, 2)), "value": 7}), ("broadcast_to", {"shape": (2, 2, 3)}),
        ("concatenate", {"axis": 0}), ("stack", {}),
    ],
)  # fmt: skip
def test_integers_move_as_well(op: str, static: dict[str, Any]) -> None:
    forward, _ = find(op)
    x = np.arange(6, dtype=np.int32).reshape(2, 3)
    y, _ = forward(x, **static)
    assert y.dtype == np.int32


def test_reshape_and_transpose_and_slice_are_views() -> None:
    x = normal((2, 3), 0)
    for y, _ in (
        sh.reshape_forward(x, shape=(3, 2)),
        sh.transpose_forward(x),
        sh.slice_forward(x, key=(0, slice(None, None, 2))),
        sh.slice_forward(x, key=(0, 0)),
    ):
        assert np.shares_memory(x, y)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ((4, 2), r"6 values of shape \(2, 3\) cannot take the shape \(4, 2\)\. Got 4 \* 2 = 8, expected 6\..*batch"),
        ((4, -1), r"6 values .* cannot take the shape \(4, -1\)\. Got 4 \* n, expected 6"),
        ((0, -1), r"6 values .* cannot take the shape \(0, -1\)"),
        ((), r"6 values .* cannot take the shape \(\)\. Got 1 = 1, expected 6"),
        ((-1, -1), r"sizes must be positive, and one may be -1\. Got \(-1, -1\)"),
        ((-2, 3), r"sizes must be positive.* Got \(-2, 3\)"),
        ((2.0, 3), r"shape must be a tuple of integers\. Got \(2\.0, 3\)"),
    ],
)
def test_reshape_of_wrong_size_raises(target: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=f"reshape: {message}"):
        sh.reshape_forward(np.ones((2, 3)), shape=target)


@pytest.mark.parametrize("axes", [(0,), (0, 0, 1), (0, 1, 1), (0, 1, 2, 0)])
def test_transpose_axes_that_are_no_permutation_raise(axes: tuple[int, ...]) -> None:
    with pytest.raises(ArgumentError, match="transpose: axes must name each of the 3 axes once. Got .*batch"):
        sh.transpose_forward(np.ones((2, 3, 4)), axes=axes)


def test_transpose_axis_out_of_range_raises() -> None:
    with pytest.raises(ArgumentError, match=r"transpose: axis must lie in \[-2, 2\)\. Got 2"):
        sh.transpose_forward(np.ones((2, 3)), axes=(0, 2))


def test_concatenate_disagreeing_shapes_raise() -> None:
    with pytest.raises(
        ShapeError,
        match=r"concatenate: all axes but axis 1 must agree\. Got \(2, 3\) for input 0 and \(4, 3\) .*input 1",
    ):
        sh.concatenate_forward(np.ones((2, 3)), np.ones((4, 3)), axis=-1)
    with pytest.raises(ShapeError, match=r"concatenate: .*\(2, 3\) for input 0 and \(2, 3, 1\) for input 2"):
        sh.concatenate_forward(np.ones((2, 3)), np.ones((2, 1)), np.ones((2, 3, 1)), axis=1)


def test_stack_disagreeing_shapes_raise() -> None:
    with pytest.raises(
        ShapeError, match=r"stack: all shapes must agree\. Got \(2,\) .* \(3,\) for input 1.*concatenate"
    ):
        sh.stack_forward(np.ones(2), np.ones(3))


@pytest.mark.parametrize("op", ["concatenate", "stack"])
def test_joining_nothing_or_mixed_or_on_no_axis_raises(op: str) -> None:
    forward, _ = find(op)
    with pytest.raises(ArgumentError, match=f"{op}: at least one array is needed"):
        forward()
    with pytest.raises(
        DTypeError, match=f"{op}: all inputs must have the same dtype. Got input 0 float64, input 1 float32"
    ):
        forward(np.ones(2), np.ones(2, np.float32))
    with pytest.raises(ArgumentError, match=rf"{op}: axis must lie in"):
        forward(np.ones(2), np.ones(2), axis=5)


@pytest.mark.parametrize("padding", [((1, 1),), 1, ((1, 1), (1, 1), (0, 0)), ((1,), (1, 1)), ((1.5, 0), (0, 0))])
def test_pad_without_a_pair_an_axis_raises(padding: Any) -> None:
    with pytest.raises(
        ShapeError, match=r"pad: padding must hold one pair of integers \(before, after\) for each of 2"
    ):
        sh.pad_forward(np.ones((2, 3)), padding=padding)


def test_pad_negative_width_raises() -> None:
    with pytest.raises(ArgumentError, match=r"pad: widths must not be negative\. Got \(\(0, -1\),\)\. .*slice"):
        sh.pad_forward(np.ones(3), padding=((0, -1),))


@pytest.mark.parametrize("key", [2, (0, -4), (0, 0, 0), (Ellipsis, Ellipsis), slice(None, None, 0), slice("a", None)])
def test_slice_key_that_does_not_fit_raises(key: Any) -> None:
    with pytest.raises(ArgumentError, match=r"slice: the key does not fit\. Got key .* for x \(2, 3\): \w+"):
        sh.slice_forward(np.ones((2, 3)), key=key)


@pytest.mark.parametrize("key", [np.array([0.5, 1.0]), [0.5], (0, np.array(["a"])), True, 1.0, "a"])
def test_slice_key_of_another_kind_raises(key: Any) -> None:
    with pytest.raises(ArgumentError, match="slice: a key is made of integers, slices, None, .* and arrays"):
        sh.slice_forward(np.ones((2, 3)), key=key)


KEYS = [
    np.array([1, 0, 1]), [1, 1, 1], np.array([True, False]), (slice(None), [2, 0, 0]), ([0, 1], [2, 2]),
    (np.array([[0], [1]]), np.array([2, 0])), (None, [1, 1]), (Ellipsis, np.array([-1, 0])),
    np.array([[True, False, True], [False, False, True]]), np.array([], int), (slice(None, None, -1), np.array([1])),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=[f"key{k}" for k in range(len(KEYS))])
def test_places_in_arrays_are_taken_and_their_gradients_added_up(key: Any) -> None:
    x = np.arange(6.0).reshape(2, 3)
    y, cache = sh.slice_forward(x, key=key)
    np.testing.assert_array_equal(y, x[key])
    dy = np.cos(np.arange(y.size)).reshape(y.shape)
    expected = np.zeros(6)
    for place, d in zip(np.arange(6).reshape(2, 3)[key].ravel(), dy.ravel(), strict=True):
        expected[place] += d
    np.testing.assert_allclose(sh.slice_backward(dy, cache)[0].ravel(), expected)


@pytest.mark.parametrize("target", [(2, 4), (3,), (2,), (2, 3, 1)])
def test_broadcast_to_impossible_shape_raises(target: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"broadcast_to: only axes of size 1.*Got x \(2, 3\), shape \("):
        sh.broadcast_to_forward(np.ones((2, 3)), shape=target)
