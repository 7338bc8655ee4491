"""Elementwise ops: gradients by finite differences, broadcasting, corners, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pointwise import all_different, away_from, checked, find, normal, positive, seeds, shapes

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops import elementwise as ew
from minidl.ops.common.broadcasting import unbroadcast
from minidl.testing import check_gradients


@st.composite
def broadcasting_shapes(draw: Any, count: int = 2) -> list[tuple[int, ...]]:
    """Draw shapes that broadcast: each is one common shape with sizes set to 1 and first axes dropped."""
    common = draw(shapes(max_rank=4, max_size=3))
    found = []
    for _ in range(count):
        ones = draw(st.lists(st.booleans(), min_size=len(common), max_size=len(common)))
        dropped = draw(st.integers(0, len(common)))
        found.append(tuple(1 if one else n for n, one in zip(common, ones, strict=True))[dropped:])
    return found


@checked
@given(broadcasting_shapes(), seeds, st.sampled_from(["add", "subtract", "multiply"]))
def test_sum_and_product_gradients(pair: list[tuple[int, ...]], seed: int, op: str) -> None:
    check_gradients(*find(op), [normal(pair[0], seed), normal(pair[1], seed + 1)], seed=seed)


@checked
@given(broadcasting_shapes(), seeds)
def test_divide_gradient(pair: list[tuple[int, ...]], seed: int) -> None:
    sign = np.where(normal(pair[1], seed) > 0, 1, -1)
    divisor = np.asarray(sign * (1 + np.abs(normal(pair[1], seed + 1))))
    check_gradients(ew.divide_forward, ew.divide_backward, [normal(pair[0], seed), divisor])


@checked
@given(broadcasting_shapes(), seeds, st.sampled_from(["maximum", "minimum"]))
def test_maximum_and_minimum_gradients(pair: list[tuple[int, ...]], seed: int, op: str) -> None:
    a, b = all_different(pair[0], seed), np.asarray(all_different(pair[1], seed + 1) + 0.05)
    check_gradients(*find(op), [a, b])


@checked
@given(broadcasting_shapes(3), seeds)
def test_where_gradient(three: list[tuple[int, ...]], seed: int) -> None:
    condition = np.asarray(normal(three[0], seed) > 0)
    check_gradients(ew.where_forward, ew.where_backward, [condition, normal(three[1], seed), normal(three[2], 1)])


@checked
@given(shapes(), seeds, st.sampled_from(["exp", "square", "negative", "absolute", "expm1"]))
def test_unary_gradients(shape: tuple[int, ...], seed: int, op: str) -> None:
    check_gradients(*find(op), [away_from([0.0], shape, seed, scale=1.0)])


@checked
@given(shapes(), seeds, st.sampled_from(["log", "sqrt", "log1p"]))
def test_gradients_of_positive_numbers(shape: tuple[int, ...], seed: int, op: str) -> None:
    check_gradients(*find(op), [positive(shape, seed)])


@checked
@given(shapes(), seeds, st.sampled_from([-2, -0.5, 0, 0.5, 1, 2, 3.7]))
def test_power_gradient(shape: tuple[int, ...], seed: int, exponent: float) -> None:
    x = positive(shape, seed)
    check_gradients(ew.power_forward, ew.power_backward, [x], {"exponent": exponent})


@checked
@given(broadcasting_shapes(), seeds)
def test_pow_gradient(pair: list[tuple[int, ...]], seed: int) -> None:
    check_gradients(ew.pow_forward, ew.pow_backward, [positive(pair[0], seed), normal(pair[1], seed + 1)])


@checked
@given(broadcasting_shapes(), seeds)
def test_mod_gradient_between_its_steps(pair: list[tuple[int, ...]], seed: int) -> None:
    """a = q b + r with r well inside the step, so that a small move of a or b leaves q as it is."""
    rng = np.random.default_rng(seed)
    b = np.asarray(1 + rng.random(pair[1]))
    a = np.asarray((rng.integers(-3, 4, ()) + 0.3 + 0.4 * rng.random(())) * b.ravel()[0] * np.ones(pair[0]))
    steps = a / b - np.floor(a / b)
    if not ((steps > 0.01) & (steps < 0.99)).all():
        return
    check_gradients(ew.mod_forward, ew.mod_backward, [a, b])


@checked
@given(shapes(), seeds, st.sampled_from([(-0.5, 1.0), (None, 0.3), (0.0, None), (None, None)]))
def test_clip_gradient(shape: tuple[int, ...], seed: int, bounds: tuple[float | None, float | None]) -> None:
    x = away_from([b for b in bounds if b is not None], shape, seed)
    check_gradients(ew.clip_forward, ew.clip_backward, [x], {"low": bounds[0], "high": bounds[1]})


@checked
@given(broadcasting_shapes(), seeds)
def test_unbroadcast_is_the_transpose_of_broadcasting(pair: list[tuple[int, ...]], seed: int) -> None:
    """<broadcast(x), dy> = <x, unbroadcast(dy)> for every x and dy: that defines the gradient of a copy."""
    shape = np.broadcast_shapes(*pair)
    x, dy = normal(pair[0], seed), normal(shape, seed + 1)
    dx = unbroadcast(dy, x.shape)
    assert dx.shape == x.shape
    np.testing.assert_allclose((np.broadcast_to(x, shape) * dy).sum(), (x * dx).sum(), rtol=1e-10, atol=1e-10)


def test_bias_gradient_of_many_float32_rows_stays_accurate() -> None:
    dy = np.random.default_rng(0).random((200_000, 3), dtype=np.float32)
    db = unbroadcast(dy, (3,))
    assert db.dtype == np.float32
    np.testing.assert_allclose(db, dy.sum(axis=0, dtype=np.float64), rtol=2e-5)


@pytest.mark.parametrize("op", ["maximum", "minimum"])
def test_tie_gives_gradient_to_first_input(op: str) -> None:
    forward, backward = find(op)
    _, cache = forward(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    da, db = backward(np.array([3.0, 4.0]), cache)
    np.testing.assert_array_equal(da, [3.0, 4.0])
    np.testing.assert_array_equal(db, [0.0, 0.0])


def test_absolute_has_no_slope_at_zero() -> None:
    _, cache = ew.absolute_forward(np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(ew.absolute_backward(np.ones(3), cache)[0], [-1, 0, 1])


def test_power_zero_has_no_slope_at_zero() -> None:
    y, cache = ew.power_forward(np.array([0.0, 2.0]), exponent=0)
    np.testing.assert_array_equal(y, [1, 1])
    np.testing.assert_array_equal(ew.power_backward(np.ones(2), cache)[0], [0, 0])


def test_negative_base_takes_whole_exponent() -> None:
    y, cache = ew.power_forward(np.array([-2.0]), exponent=3)
    assert y[0] == -8.0
    assert ew.power_backward(np.ones(1), cache)[0][0] == 12.0


# Values and gradients of PyTorch 2 (torch.pow, float64).
POW = [
    (-2.0, 3.0, -8.0, 12.0), (-2.0, 2.0, 4.0, -4.0), (0.0, 0.0, 1.0, 0.0), (0.0, 1.0, 0.0, 1.0), (0.0, 2.0, 0.0, 0.0),
    (2.0, 0.5, 2**0.5, 0.5 * 2**-0.5), (-1.0, 0.0, 1.0, 0.0), (-2.0, -1.0, -0.5, -0.25), (1.0, 5.0, 1.0, 5.0),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "y", "da"), POW)
def test_pow_of_each_sign_of_base_and_exponent(a: float, b: float, y: float, da: float) -> None:
    found, cache = ew.pow_forward(np.array([a]), np.array([b]))
    np.testing.assert_allclose(found, [y], rtol=1e-12)
    np.testing.assert_allclose(ew.pow_backward(np.ones(1), cache, needs=(True, False))[0], [da], rtol=1e-12)


def test_pow_of_a_negative_base_moves_with_no_exponent() -> None:
    _, cache = ew.pow_forward(np.array([-2.0, 0.0, 0.0, 2.0]), np.array([3.0, 2.0, 0.0, 3.0]))
    with np.errstate(invalid="ignore"):
        db = ew.pow_backward(np.ones(4), cache)[1]
    np.testing.assert_allclose(db, [np.nan, 0, 0, 8 * np.log(2)])
    with np.errstate(invalid="ignore"):
        assert np.isnan(ew.pow_forward(np.array([-2.0]), np.array([0.5]))[0]).all()


def test_pow_of_integers_is_whole_or_refused() -> None:
    y, _ = ew.pow_forward(np.array([3, -2], np.int32), np.array([4, 3], np.int32))
    assert y.dtype == np.int32 and y.tolist() == [81, -8]
    with pytest.raises(ArgumentError, match="pow: whole numbers have no whole power.*exponent -1"):
        ew.pow_forward(np.array([2]), np.array([-1]))


@pytest.mark.parametrize("x", [1e-20, 1e-7, -1e-7, 0.0, 1e-3])
def test_log1p_and_expm1_are_exact_near_zero(x: float) -> None:
    """log(1 + x) = x - x^2 / 2 + x^3 / 3 - …, and e^x - 1 = x + x^2 / 2 + x^3 / 6 + …"""
    given = np.array([x], np.float32)
    x = float(given[0])
    np.testing.assert_allclose(ew.log1p_forward(given)[0], [x - x**2 / 2 + x**3 / 3], rtol=2e-7)
    np.testing.assert_allclose(ew.expm1_forward(given)[0], [x + x**2 / 2 + x**3 / 6], rtol=2e-7)


def test_mod_has_the_sign_of_the_divisor() -> None:
    a, b = np.array([5.0, -5.0, 5.0, -5.0, 6.0]), np.array([3.0, 3.0, -3.0, -3.0, 3.0])
    np.testing.assert_array_equal(ew.mod_forward(a, b)[0], [2, 1, -1, -2, 0])
    assert ew.mod_forward(np.array([7, -7]), np.array([4, 4]))[0].tolist() == [3, 1]


def test_clip_passes_gradient_on_the_bounds() -> None:
    _, cache = ew.clip_forward(np.array([-1.0, 0.0, 1.0, 2.0]), low=0.0, high=1.0)
    np.testing.assert_array_equal(ew.clip_backward(np.ones(4), cache)[0], [0, 1, 1, 0])


@pytest.mark.parametrize(("start", "target"), [("float32", "float64"), ("float64", "float32")])
def test_cast_gradient_returns_in_own_dtype(start: str, target: str) -> None:
    x = np.array([1.5, -2.5], start)
    y, cache = ew.cast_forward(x, dtype=target)
    assert y.dtype == target
    (dx,) = ew.cast_backward(np.ones(2, target), cache)
    assert dx.dtype == start
    np.testing.assert_array_equal(dx, [1, 1])


def test_cast_of_integers_has_no_gradient_and_copies() -> None:
    x = np.array([1, 2])
    y, cache = ew.cast_forward(x, dtype="int64")
    assert not np.shares_memory(x, y)
    assert ew.cast_backward(y, cache) == (None,)


@pytest.mark.parametrize("op", ["add", "subtract", "multiply", "divide", "maximum", "minimum"])
def test_shapes_that_do_not_broadcast_raise(op: str) -> None:
    forward, _ = find(op)
    with pytest.raises(ShapeError, match=rf"{op}: the shapes do not broadcast\. Got a \(2, 3\), b \(4,\)\..*last"):
        forward(np.ones((2, 3)), np.ones(4))


@pytest.mark.parametrize("op", ["add", "subtract", "multiply", "divide", "maximum", "minimum"])
def test_mixed_dtypes_raise(op: str) -> None:
    forward, _ = find(op)
    with pytest.raises(DTypeError, match=rf"{op}: .*same dtype\. Got a float32, b float64\. .*cast to float32\?"):
        forward(np.ones(2, np.float32), np.ones(2))


def test_where_bad_inputs_raise() -> None:
    x = np.ones((2, 3))
    with pytest.raises(DTypeError, match="where: condition must be boolean. Got float64"):
        ew.where_forward(x, x, x)
    with pytest.raises(DTypeError, match="where: .*a float64, b float32"):
        ew.where_forward(x > 0, x, x.astype(np.float32))
    with pytest.raises(ShapeError, match=r"where: .*condition \(4, 2, 3\), a \(2, 3\), b \(2, 2\)"):
        ew.where_forward(np.ones((4, 2, 3), bool), x, np.ones((2, 2)))


@pytest.mark.parametrize("op", ["divide", "power", "exp", "log", "log1p", "expm1", "sqrt", "clip"])
def test_integers_where_floats_are_needed_raise(op: str) -> None:
    forward, _ = find(op)
    integers = np.arange(3)
    with pytest.raises(DTypeError, match=rf"{op}: \w+ must be float32 or float64\. Got int64 .*astype"):
        if op == "divide":
            forward(integers, integers)
        else:
            forward(integers, **({"exponent": 2} if op == "power" else {}))


def test_boolean_arithmetic_raises() -> None:
    with pytest.raises(DTypeError, match="add: a must hold numbers. Got bool"):
        ew.add_forward(np.array([True]), np.array([False]))


@pytest.mark.parametrize("value", [[1.0, 2.0], 3.0, np.float64(3.0)])
def test_no_array_raises(value: Any) -> None:
    with pytest.raises(DTypeError, match="exp: x must be a NumPy array. Got .*np.asarray"):
        ew.exp_forward(value)


def test_exponent_that_is_an_array_raises() -> None:
    with pytest.raises(ArgumentError, match="power: exponent must be a number. .*pow"):
        ew.power_forward(np.ones(2), exponent=np.ones(2))


def test_clip_with_low_above_high_gives_high_as_numpy_does() -> None:
    y, cache = ew.clip_forward(np.array([0.0, 1.0, 1.5, 3.0]), low=2, high=1)
    np.testing.assert_array_equal(y, [1, 1, 1, 1])
    np.testing.assert_array_equal(ew.clip_backward(np.ones(4), cache)[0], [0, 0, 0, 0])


@pytest.mark.parametrize("dtype", ["no such dtype", None, str, "complex64"])
def test_cast_to_unknown_dtype_raises(dtype: Any) -> None:
    with pytest.raises(DTypeError, match="cast: dtype must be one of numbers or booleans"):
        ew.cast_forward(np.ones(2), dtype=dtype)
