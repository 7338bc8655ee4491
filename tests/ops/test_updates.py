"""Optimizer updates: the formulas in Python numbers, what they promise, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops.updates import (
    adagrad_update_forward,
    adam_update_forward,
    adamw_update_forward,
    rmsprop_update_forward,
    sgd_update_forward,
)

LR = 0.1
# update, which of its state arrays are given, static
UPDATES: dict[str, tuple[Callable[..., Any], tuple[bool, ...], dict[str, Any]]] = {
    "sgd": (sgd_update_forward, (False,), {}),
    "sgd_momentum": (sgd_update_forward, (True,), {"momentum": 0.9}),
    "sgd_nesterov": (sgd_update_forward, (True,), {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (rmsprop_update_forward, (True, False, False), {}),
    "rmsprop_momentum": (rmsprop_update_forward, (True, True, False), {"momentum": 0.8}),
    "rmsprop_centered": (rmsprop_update_forward, (True, False, True), {}),
    "rmsprop_both": (rmsprop_update_forward, (True, True, True), {"momentum": 0.8}),
    "adam": (adam_update_forward, (True, True, False), {"step": 3}),
    "adam_amsgrad": (adam_update_forward, (True, True, True), {"step": 3}),
    "adamw": (adamw_update_forward, (True, True, False), {"step": 3}),
    "adagrad": (adagrad_update_forward, (True,), {}),
}
each_update = pytest.mark.parametrize("name", UPDATES)


def make_state(name: str, shape: tuple[int, ...], dtype: type = np.float64) -> list[np.ndarray | None]:
    """Return state arrays as they may be after some steps: no squared average exceeds the average of squares."""
    rng = np.random.default_rng(1)
    state = [np.asarray(1 + rng.random(shape), dtype) if given_ else None for given_ in UPDATES[name][1]]
    if name in ("rmsprop_centered", "rmsprop_both"):
        state[-1] = np.asarray(rng.random(shape) - 0.5, dtype)
    return state


def scalar_update(name: str, w: float, g: float, state: list[float]) -> list[float]:
    """The formulas of the docstrings on Python numbers (defaults of Keras)."""
    kind = name.split("_")[0]
    if kind == "sgd":
        if not state:
            return [w - LR * g]
        v = 0.9 * state[0] - LR * g
        return [w + 0.9 * v - LR * g if name == "sgd_nesterov" else w + v, v]
    if kind == "rmsprop":
        v, *rest = state
        new = [0.9 * v + 0.1 * g * g]
        average = 0.9 * rest[-1] + 0.1 * g if name in ("rmsprop_centered", "rmsprop_both") else 0.0
        step = LR * g / math.sqrt(new[0] - average**2 + 1e-7)
        if name in ("rmsprop_momentum", "rmsprop_both"):
            step = 0.8 * rest[0] + step
            new.append(step)
        return [w - step, *new, *([average] if average else [])]
    if kind == "adagrad":
        a = state[0] + g * g
        return [w - LR * g / math.sqrt(a + 1e-7), a]
    m, v = 0.9 * state[0] + 0.1 * g, 0.999 * state[1] + 0.001 * g * g
    largest = [max(state[2], v)] if name == "adam_amsgrad" else []
    decayed = w - LR * 0.004 * w if kind == "adamw" else w
    m_hat, v_hat = m / (1 - 0.9**3), (largest or [v])[0] / (1 - 0.999**3)
    epsilon = 1e-7 / math.sqrt(1 - 0.999**3)  # Keras' epsilon stands beside the uncorrected root
    return [decayed - LR * m_hat / (math.sqrt(v_hat) + epsilon), m, v, *largest]


@each_update
def test_update_agrees_with_its_formula_number_by_number(name: str) -> None:
    update, _, static = UPDATES[name]
    rng = np.random.default_rng(0)
    w, dw, state = rng.normal(size=(3, 1, 5)), rng.normal(size=(3, 1, 5)), make_state(name, (3, 1, 5))
    got, cache = update(w, dw, *state, learning_rate=LR, **static)
    assert cache is None
    given_ = [array for array in state if array is not None]
    for cell in np.ndindex(w.shape):
        expected = scalar_update(name, float(w[cell]), float(dw[cell]), [float(a[cell]) for a in given_])
        np.testing.assert_allclose([array[cell] for array in got], expected, rtol=1e-12)


@each_update
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (3, 5)])
def test_update_keeps_dtype_shape_and_inputs(name: str, dtype: type, shape: tuple[int, ...]) -> None:
    update, given_, static = UPDATES[name]
    rng = np.random.default_rng(0)
    w, dw = (np.asarray(rng.normal(size=shape), dtype) for _ in range(2))
    inputs = [w, dw, *make_state(name, shape, dtype)]
    before = [None if a is None else a.copy() for a in inputs]
    got, _ = update(*inputs, learning_rate=np.float64(LR), **static)  # a NumPy scalar must not promote float32
    assert len(got) == 1 + sum(given_)
    for array in got:
        assert isinstance(array, np.ndarray)
        assert (array.dtype, array.shape) == (dtype, shape)
        assert not any(np.shares_memory(array, a) for a in inputs if a is not None)
    for a, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(a, old)


@each_update
def test_update_goes_down_a_bowl(name: str) -> None:
    update, given_, static = UPDATES[name]
    static = dict(static)
    w = np.array([2.0, -1.0, 0.5])
    state: list[np.ndarray | None] = [np.zeros(3) if present else None for present in given_]
    for step in range(1, 400):
        if "step" in static:
            static["step"] = step
        # The gradient of sum(w^2) / 2 is w. A slower rate for the ones that always step by about the rate.
        rate = 0.5 if name == "adagrad" else 0.05 if name.startswith("sgd") else 0.01
        (w, *new), _ = update(w, w, *state, learning_rate=rate, **static)
        arrays = iter(new)
        state = [None if old is None else next(arrays) for old in state]
    assert np.abs(w).max() < 0.1


@pytest.mark.parametrize("name", ["sgd", "sgd_nesterov", "rmsprop_both", "adamw", "adagrad"])
def test_weight_decay_shrinks_the_weight_and_leaves_the_state_alone(name: str) -> None:
    update, _, static = UPDATES[name]
    w, dw, state = np.array([2.0, -3.0]), np.array([0.5, 0.25]), make_state(name, (2,))
    plain, _ = update(w, dw, *state, learning_rate=LR, weight_decay=0.0, **static)
    decayed, _ = update(w, dw, *state, learning_rate=LR, weight_decay=0.3, **static)
    np.testing.assert_allclose(decayed[0], plain[0] - LR * 0.3 * w)
    for a, b in zip(plain[1:], decayed[1:], strict=True):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(g=st.floats(1e-3, 1e3), rate=st.floats(1e-4, 1.0))
def test_the_first_adam_step_is_of_the_learning_rate(g: float, rate: float) -> None:
    zero = np.zeros(1)
    (w, _, _), _ = adam_update_forward(zero, np.array([g]), zero, zero, None, learning_rate=rate, step=1)
    # sqrt(v) = g sqrt(0.001) on the first step, so epsilon takes away at most 1e-7 / (1e-3 * 0.0316) = 0.32 percent.
    np.testing.assert_allclose(w, -rate, rtol=4e-3)


def test_centered_rmsprop_survives_a_variance_that_rounds_below_zero() -> None:
    w, dw = np.zeros(1000, np.float32), np.linspace(1, 1000, 1000, dtype=np.float32)
    v = average = np.zeros_like(w)
    for step in range(200):  # equal gradients after larger ones: v and average come down, their difference goes to 0
        g = 3 * dw if step < 5 else dw
        (w, v, average), _ = rmsprop_update_forward(w, g, v, None, average, learning_rate=1e-3)
    assert np.isfinite(w).all()


def test_amsgrad_never_forgets_the_largest_square() -> None:
    zero, dw = np.zeros(1), np.array([5.0])
    (w, m, v, v_max), _ = adam_update_forward(zero, dw, zero, zero, zero, learning_rate=LR, step=1)
    (_, _, v2, v_max2), _ = adam_update_forward(w, 0 * dw, m, v, v_max, learning_rate=LR, step=2)
    assert v2 < v and v_max2 == v_max == v


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda w: sgd_update_forward(w, w, None, learning_rate=0.1, momentum=0.9),
            ArgumentError,
            "sgd_update: momentum 0.9 needs a velocity. Got None",
        ),
        (
            lambda w: rmsprop_update_forward(w, w, w, None, None, learning_rate=0.1, momentum=0.9),
            ArgumentError,
            "rmsprop_update: momentum 0.9 needs the array m",
        ),
        (
            lambda w: adam_update_forward(w, w, w, w, None, learning_rate=0.1, step=0),
            ArgumentError,
            "adam_update: step must be at least 1. Got 0",
        ),
        (
            lambda w: adamw_update_forward(w, w, w, w, None, learning_rate=0.1, step=0),
            ArgumentError,
            "adamw_update: step must be at least 1. Got 0",
        ),
        (
            lambda w: adamw_update_forward(w, w, w, w[:1], None, learning_rate=0.1, step=1),
            ShapeError,
            r"adamw_update: v must have the shape of w. Got v \(1,\), w \(3,\)",
        ),
        (
            lambda w: sgd_update_forward(w, w[:2], None, learning_rate=0.1),
            ShapeError,
            r"dw must have the shape of w. Got dw \(2,\)",
        ),
        (
            lambda w: adagrad_update_forward(w, w.astype(np.float32), w, learning_rate=0.1),
            DTypeError,
            "same dtype. Got w float64, dw float32",
        ),
    ],
)
def test_bad_inputs_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(np.ones(3))
