"""Reductions: gradients over any axes, ties, accuracy, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pointwise import all_different, checked, find, normal, seeds, shapes

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops import reduce as red
from minidl.testing import check_gradients

KINDS = ["sum", "mean", "max", "min"]


@st.composite
def shape_and_axes(draw: Any) -> tuple[tuple[int, ...], Any]:
    shape = draw(shapes(max_rank=4))
    some = (
        st.lists(st.integers(-len(shape), len(shape) - 1), unique_by=lambda a: a % len(shape)) if shape else st.just([])
    )
    axes = draw(st.one_of(st.none(), some.map(tuple)))
    if axes and len(axes) == 1 and draw(st.booleans()):
        return shape, axes[0]
    return shape, axes


@checked
@given(shape_and_axes(), seeds, st.booleans(), st.sampled_from(KINDS))
def test_gradient_and_value_over_any_axes(drawn: Any, seed: int, keepdims: bool, kind: str) -> None:
    shape, axes = drawn
    x = all_different(shape, seed)
    forward, backward = find(f"reduce_{kind}")
    y, _ = forward(x, axes=axes, keepdims=keepdims)
    np.testing.assert_allclose(y, getattr(np, kind)(x, axis=axes, keepdims=keepdims), rtol=1e-13)
    check_gradients(forward, backward, [x], {"axes": axes, "keepdims": keepdims})


@checked
@given(st.data(), shapes(min_rank=1), seeds)
def test_argmax_is_numpys(data: Any, shape: tuple[int, ...], seed: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = normal(shape, seed)
    y, cache = red.argmax_forward(x, axis=axis)
    assert cache is None
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, np.argmax(x, axis=axis))
    assert not hasattr(red, "argmax_backward")


@pytest.mark.parametrize(("kind", "sign"), [("max", 1), ("min", -1)])
def test_tie_gives_gradient_to_the_first(kind: str, sign: int) -> None:
    forward, backward = find(f"reduce_{kind}")
    x = sign * np.array([[[1.0, 5.0], [5.0, 5.0]], [[2.0, 2.0], [0.0, 2.0]]])
    _, cache = forward(x, axes=(1, 2))
    (dx,) = backward(np.array([3.0, 4.0]), cache)
    np.testing.assert_array_equal(dx, [[[0, 3], [0, 0]], [[4, 0], [0, 0]]])
    _, cache = forward(x, axes=(0, 2))  # the reduced axes are not neighbours
    (dx,) = backward(np.array([3.0, 4.0]), cache)
    np.testing.assert_array_equal(dx, [[[0, 3], [4, 0]], [[0, 0], [0, 0]]])


def test_argmax_of_ties_is_the_first() -> None:
    assert red.argmax_forward(np.array([1, 3, 3]))[0] == 1


@pytest.mark.parametrize("axes", [0, (0, 1), (1, 2), None])
def test_float32_sum_stays_accurate_over_many_values(axes: Any) -> None:
    x = np.random.default_rng(0).random((60_000, 2, 3), dtype=np.float32)
    y, _ = red.reduce_sum_forward(x, axes=axes)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, x.sum(axis=axes, dtype=np.float64), rtol=2e-5)


def test_sum_of_nothing_is_zero() -> None:
    y, cache = red.reduce_sum_forward(np.zeros((0, 3)), axes=0)
    np.testing.assert_array_equal(y, [0, 0, 0])
    assert red.reduce_sum_backward(y, cache)[0].shape == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_empty_batch_passes_where_another_axis_is_reduced(kind: str) -> None:
    forward, backward = find(f"reduce_{kind}")
    y, cache = forward(np.zeros((0, 3)), axes=1)
    assert y.shape == (0,)
    assert backward(y, cache)[0].shape == (0, 3)


@pytest.mark.parametrize("kind", ["mean", "max", "min"])
def test_nothing_to_reduce_raises(kind: str) -> None:
    forward, _ = find(f"reduce_{kind}")
    with pytest.raises(ShapeError, match=rf"reduce_{kind}: needs at least one value.*Got shape \(0, 3\), axes \(0,\)"):
        forward(np.zeros((0, 3)), axes=0)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_axes_raise(kind: str) -> None:
    forward, _ = find(f"reduce_{kind}")
    x = np.ones((2, 3))
    with pytest.raises(ArgumentError, match=rf"reduce_{kind}: axis must lie in \[-2, 2\)\. Got 2 for shape \(2, 3\)"):
        forward(x, axes=2)
    with pytest.raises(ArgumentError, match=rf"reduce_{kind}: an axis may be named once\. Got \(1, -1\)"):
        forward(x, axes=(1, -1))
    with pytest.raises(ArgumentError, match=rf"reduce_{kind}: axis must be an integer\. Got 1\.5"):
        forward(x, axes=1.5)
    with pytest.raises(ArgumentError, match=rf"reduce_{kind}: axis must lie in .* Got True"):
        forward(x, axes=True)


@pytest.mark.parametrize("kind", ["sum", "max", "min"])
def test_booleans_raise(kind: str) -> None:
    forward, _ = find(f"reduce_{kind}")
    with pytest.raises(DTypeError, match=rf"reduce_{kind}: x must hold numbers\. Got bool .*Cast"):
        forward(np.array([True, False]))


def test_mean_of_integers_raises() -> None:
    with pytest.raises(DTypeError, match="reduce_mean: x must be float32 or float64. Got int64"):
        red.reduce_mean_forward(np.arange(3))


def test_argmax_bad_inputs_raise() -> None:
    with pytest.raises(ArgumentError, match=r"argmax: axis must lie in \[-1, 1\)\. Got 1"):
        red.argmax_forward(np.ones(3), axis=1)
    with pytest.raises(ShapeError, match="argmax: needs at least one value"):
        red.argmax_forward(np.ones((2, 0)))
