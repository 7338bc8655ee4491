"""Simple RNN, LSTM and GRU: gradients through time, against a loop written from the formulas, masks and states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import DTypeError, ShapeError, UnknownNameError
from minidl.ops.common.cell_activations import CELL_ACTIVATIONS, cell_activation
from minidl.ops.recurrent.gru import gru_backward, gru_forward
from minidl.ops.recurrent.lstm import lstm_backward, lstm_forward
from minidl.ops.recurrent.rnn import simple_rnn_backward, simple_rnn_forward
from minidl.testing import check_gradients

# name: forward, backward, gates, states, static
CELLS: dict[str, tuple[Callable[..., Any], Callable[..., Any], int, int, dict[str, Any]]] = {
    "simple_rnn": (simple_rnn_forward, simple_rnn_backward, 1, 1, {}),
    "lstm": (lstm_forward, lstm_backward, 4, 2, {}),
    "gru": (gru_forward, gru_backward, 3, 1, {}),
    "gru_reset_before": (gru_forward, gru_backward, 3, 1, {"reset_after": False}),
}
each_cell = pytest.mark.parametrize("cell", CELLS)


def make_inputs(
    cell: str,
    sizes: tuple[int, int, int, int] = (2, 4, 3, 2),
    *,
    seed: int = 0,
    bias: bool = True,
    first: bool = True,
    masked: bool = False,
    drop: str = "none",
) -> list[Any]:
    """Return the inputs of a cell for sizes (N, T, D, U)."""
    n, steps, features, units = sizes
    _, _, gates, states, static = CELLS[cell]
    rng = np.random.default_rng(seed)
    wide = gates * units
    b_shape = (2, wide) if cell == "gru" else (wide,)
    mask = rng.random((n, steps)) < 0.6 if masked else None
    drop_shape = {"none": None, "shared": (n, units), "gates": (n, wide)}[drop]
    return [
        rng.normal(size=(n, steps, features)),
        rng.normal(0, 0.7, (features, wide)),
        rng.normal(0, 0.7, (units, wide)),
        rng.normal(size=b_shape) if bias else None,
        *[rng.normal(size=(n, units)) if first else None for _ in range(states)],
        mask,
        None if drop_shape is None else 2.0 * rng.integers(0, 2, drop_shape),
    ]


def differentiable(inputs: list[Any]) -> list[int]:
    """Return the positions of all inputs but the two masks."""
    return [i for i, a in enumerate(inputs[:-2]) if a is not None]


@each_cell
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(*[st.integers(1, 3)] * 4),
    seed=st.integers(0, 99),
    bias=st.booleans(),
    first=st.booleans(),
    masked=st.booleans(),
    drop=st.sampled_from(["none", "shared", "gates"]),
)
def test_gradients_agree_with_finite_differences(cell: str, sizes: Any, seed: int, **options: Any) -> None:
    forward, backward, *_, static = CELLS[cell]
    inputs = make_inputs(cell, sizes, seed=seed, **options)
    check_gradients(forward, backward, inputs, static, wrt=differentiable(inputs), atol=1e-6)


@each_cell
def test_gradients_of_a_long_sequence_agree_with_finite_differences(cell: str) -> None:
    forward, backward, *_, static = CELLS[cell]
    inputs = make_inputs(cell, (2, 15, 2, 3), masked=True)
    check_gradients(forward, backward, inputs, static, wrt=differentiable(inputs), atol=1e-6)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def one_sample(cell: str, x: np.ndarray, w: Any, u: Any, b: Any, h: Any, c: Any) -> list[np.ndarray]:
    """The formulas, one sample and one step at a time; return the outputs."""
    outputs, n = [], len(u)
    for x_t in x:
        if cell == "simple_rnn":
            h = np.tanh(x_t @ w + h @ u + b)
        elif cell == "lstm":
            i, f, g, o = np.split(x_t @ w + h @ u + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            b_input, b_state = b if cell == "gru" else (b, 0 * b)
            (zx, rx, gx), (zh, rh, gh) = np.split(x_t @ w + b_input, 3), np.split(h @ u + b_state, 3)
            z, r = sigmoid(zx + zh), sigmoid(rx + rh)
            inner = r * gh if cell == "gru" else (r * h) @ u[:, 2 * n :]
            h = z * h + (1 - z) * np.tanh(gx + inner)
        outputs.append(h)
    return outputs


@each_cell
def test_forward_agrees_with_the_formulas_one_sample_at_a_time(cell: str) -> None:
    forward, _, _, states, static = CELLS[cell]
    inputs = make_inputs(cell, (3, 6, 4, 5))
    (sequence, h, *_), _ = forward(*inputs, **static)
    x, w, u, b, h0 = inputs[:5]
    c0 = inputs[5] if states == 2 else h0
    for n in range(3):
        np.testing.assert_allclose(sequence[n], one_sample(cell, x[n], w, u, b, h0[n], c0[n]), rtol=1e-12)
    np.testing.assert_array_equal(sequence[:, -1], h)


@each_cell
def test_masked_steps_may_hold_anything(cell: str) -> None:
    forward, backward, *_, static = CELLS[cell]
    inputs = make_inputs(cell, masked=True)
    outputs, cache = forward(*inputs, **static)
    other = [inputs[0] + 5 * ~inputs[-2][..., None], *inputs[1:]]
    other_outputs, _ = forward(*other, **static)
    for a, b in zip(outputs, other_outputs, strict=True):
        np.testing.assert_array_equal(a, b)
    dx = backward(tuple(np.ones_like(y) for y in outputs), cache)[0]
    assert not dx[~inputs[-2]].any() and dx[inputs[-2]].all()


@each_cell
def test_right_padding_does_not_change_the_last_states(cell: str) -> None:
    forward, *_, static = CELLS[cell]
    inputs = make_inputs(cell, (2, 5, 3, 2))
    mask = np.arange(5) < 3
    outputs, _ = forward(*inputs[:-2], np.tile(mask, (2, 1)), None, **static)
    short, _ = forward(inputs[0][:, :3], *inputs[1:], **static)
    for state, expected in zip(outputs[1:], short[1:], strict=True):
        np.testing.assert_allclose(state, expected, rtol=1e-13)
    np.testing.assert_array_equal(outputs[0][:, 3], outputs[0][:, 2])  # the last output is repeated


@each_cell
def test_outputs_are_zero_until_the_first_step_that_counts(cell: str) -> None:
    forward, *_, static = CELLS[cell]
    inputs = make_inputs(cell, (1, 4, 3, 2))
    outputs, _ = forward(*inputs[:-2], np.array([[False, False, True, False]]), None, **static)
    assert not outputs[0][0, :2].any() and outputs[0][0, 2:].all()
    nothing, _ = forward(*inputs[:-2], np.zeros((1, 4), bool), None, **static)
    assert not nothing[0].any()
    np.testing.assert_array_equal(nothing[1], inputs[4])  # the first state is carried to the end


@each_cell
def test_two_halves_make_the_whole(cell: str) -> None:
    forward, _, _, states, static = CELLS[cell]
    inputs = make_inputs(cell, (2, 6, 3, 2))
    outputs, _ = forward(*inputs, **static)
    first, _ = forward(inputs[0][:, :2], *inputs[1:], **static)
    second, _ = forward(inputs[0][:, 2:], *inputs[1:4], *first[1:], None, None, **static)
    np.testing.assert_allclose(np.concatenate([first[0], second[0]], axis=1), outputs[0], rtol=1e-13)
    for state, expected in zip(second[1:], outputs[1:], strict=True):
        np.testing.assert_allclose(state, expected, rtol=1e-13)


@each_cell
def test_no_first_state_and_no_bias_mean_zeros(cell: str) -> None:
    forward, _, _, _, static = CELLS[cell]
    inputs = make_inputs(cell)
    zeros = [inputs[0], *inputs[1:3], *[np.zeros_like(a) for a in inputs[3:-2]], None, None]
    absent = [None if i >= 3 else a for i, a in enumerate(inputs)]
    for a, b in zip(forward(*zeros, **static)[0], forward(*absent, **static)[0], strict=True):
        np.testing.assert_array_equal(a, b)


@each_cell
def test_backward_takes_none_for_unused_outputs_and_leaves_out_dx(cell: str) -> None:
    forward, backward, *_, static = CELLS[cell]
    inputs = make_inputs(cell, masked=True)
    outputs, cache = forward(*inputs, **static)
    needs = (False, *[True] * (len(inputs) - 1))
    for used in range(len(outputs)):
        dy = tuple(np.ones_like(y) if i == used else None for i, y in enumerate(outputs))
        filled = tuple(np.zeros_like(y) if d is None else d for y, d in zip(outputs, dy, strict=True))
        with_none, with_zeros = backward(dy, cache, needs=needs), backward(filled, cache)
        assert with_none[0] is None and with_none[-2:] == (None, None)
        for a, b in zip(with_none[1:-2], with_zeros[1:-2], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@each_cell
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_inputs_are_not_changed(cell: str, dtype: type) -> None:
    forward, backward, *_, static = CELLS[cell]
    for drop in ("none", "shared", "gates"):
        inputs = make_inputs(cell, masked=True, drop=drop)
        inputs = [a.astype(dtype) if a is not None and a.dtype.kind == "f" else a for a in inputs]
        before = [None if a is None else a.copy() for a in inputs]
        outputs, cache = forward(*inputs, **static)
        upstream = tuple(y.copy() for y in outputs)
        gradients = backward(upstream, cache)
        assert {a.dtype for a in (*outputs, *gradients) if a is not None} == {np.dtype(dtype)}
        again = backward(upstream, cache)  # the first backward left the cache as it was
        for a, b in zip(gradients, again, strict=True):
            np.testing.assert_array_equal(a, b)
        for a, old in zip(inputs, before, strict=True):
            np.testing.assert_array_equal(a, old)
        for a, old in zip(upstream, outputs, strict=True):
            np.testing.assert_array_equal(a, old)


@pytest.mark.parametrize("name", CELL_ACTIVATIONS)
def test_cell_activation_slope_agrees_with_finite_differences(name: str) -> None:
    f = cell_activation("lstm", name)
    z = np.random.default_rng(0).normal(0, 3, 200)
    z = z[np.min(np.abs(z[:, None] - [-3, 0, 3, 6]), axis=1) > 1e-3]  # where a difference means something
    above, below, y = z + 1e-6, z - 1e-6, z.copy()
    for values in (above, below, y):
        f.apply(values)
    np.testing.assert_allclose(f.slope(y), (above - below) / 2e-6, rtol=1e-6, atol=1e-8)
    small = z.astype(np.float32)
    f.apply(small)
    assert small.dtype == f.slope(small).dtype == np.float32
    np.testing.assert_allclose(small, y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(CELL_ACTIVATIONS) - {"exponential"}))
def test_cell_activation_is_finite_far_out(name: str) -> None:
    y = np.array([-1e4, 1e4], np.float32)
    f = cell_activation("lstm", name)
    f.apply(y)
    assert np.isfinite(y).all() and np.isfinite(f.slope(y)).all()


BAD_SHAPES = [
    (0, (2, 3), r"x must be \(N, T, D\) with at least one step"),
    (0, (2, 0, 3), "at least one step"),
    (0, (2, 4, 5), r"w must be \(5, .*for x \(N, T, D\) = \(2, 4, 5\) and U = 2 units. Got \(3,"),
    (2, (2, 2, 2), r"u \(U, .*Got x \(2, 4, 3\), u \(2, 2, 2\)"),
    (2, (2, 7), r"u must be \(2, .* Got \(2, 7\)"),
    (3, (5,), r"b must be .* Got \(5,\)"),
    (4, (2, 3), r"h0 must be \(2, 2\).* Got \(2, 3\)"),
    (4, (1, 2), r"h0 must be \(2, 2\).* Got \(1, 2\)"),
    (-1, (2, 5), r"recurrent_mask must be \(N, U\) = \(2, 2\) or .* Got \(2, 5\)"),
]


@each_cell
@pytest.mark.parametrize(("position", "shape", "message"), BAD_SHAPES)
def test_a_wrong_shape_is_named(cell: str, position: int, shape: tuple[int, ...], message: str) -> None:
    forward, *_, static = CELLS[cell]
    inputs = make_inputs(cell)
    inputs[position] = np.zeros(shape)
    with pytest.raises(ShapeError, match=rf"{cell.removesuffix('_reset_before')}: .*{message}"):
        forward(*inputs, **static)


@each_cell
def test_a_wrong_mask_dtype_or_activation_is_named(cell: str) -> None:
    forward, *_, static = CELLS[cell]
    inputs = make_inputs(cell)
    for mask, error, message in (
        (np.ones((2, 4)), DTypeError, "mask must be bool, True where a step counts. Got float64"),
        (np.ones((2, 3), bool), ShapeError, r"mask must be \(N, T\) = \(2, 4\). Got \(2, 3\)"),
    ):
        with pytest.raises(error, match=message):
            forward(*inputs[:-2], mask, None, **static)
    with pytest.raises(UnknownNameError, match="activation: 'tanhh'. Did you mean 'tanh'"):
        forward(*inputs, **static, activation="tanhh")
    with pytest.raises(DTypeError, match="same dtype. Got x float32, w float64"):
        forward(inputs[0].astype(np.float32), *inputs[1:], **static)


def test_gru_bias_shape_follows_reset_after() -> None:
    inputs = make_inputs("gru")
    with pytest.raises(ShapeError, match=r"b must be \(6,\).* Got \(2, 6\)"):
        gru_forward(*inputs, reset_after=False)
