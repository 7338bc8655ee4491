"""The recurrent kernels on the SIMT machine equal minidl's NumPy ops, forward and back through time."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.recurrent import common
from minidl.ops.gru import gru_backward, gru_forward
from minidl.ops.lstm import lstm_backward, lstm_forward
from minidl.ops.recurrent import simple_rnn_backward, simple_rnn_forward

MASK = np.array([[0, 1, 1, 0], [1, 1, 0, 1], [0, 0, 0, 0]], bool)  # begins masked; masked in between; masked wholly


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def operands(gates, b_shape=None, n=3, steps=4, features=2, units=5):
    x, w, u = values(n, steps, features), values(features, gates * units, seed=1), values(units, gates * units, seed=2)
    dropped = 1.25 * (values(n, units, seed=6) > -1).astype(np.float32)
    return x, w, u / 2, values(*(b_shape or (gates * units,)), seed=3), values(n, units, seed=4), dropped


@pytest.fixture(autouse=True)
def simple_products(monkeypatch):
    """Products by gemm's second rung: its fast ones have tiles of 128 x 128, and here all matrices are tiny."""
    monkeypatch.setattr(common, "rung", lambda op: ladder.rung(op, "r2" if op == "gemm" else None))


def close(got, wanted):
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=2e-5)


CASES = [(True, True, True), (False, False, False), (True, False, True)]  # mask, recurrent mask, bias and states


@pytest.mark.parametrize("masked, dropout, given", CASES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_simple_rnn_equals_numpy(activation, masked, dropout, given):
    x, w, u, b, h0, dropped = operands(1)
    mask, factors = MASK if masked else None, dropped if dropout else None
    b, h0 = (b, h0) if given else (None, None)
    (sequence, h), cache = simple_rnn_forward(x, w, u, b, h0, mask, factors, activation=activation)
    got = ladder.rung("simple_rnn").run(x, w, u, b, h0, mask, factors, activation=activation)
    for a, wanted in zip(got, (sequence, h, cache.states), strict=True):
        close(a, wanted)
    d_sequence, dh = values(*sequence.shape, seed=7), values(*h.shape, seed=8)
    wanted = simple_rnn_backward((d_sequence, dh), cache)
    got = ladder.rung("simple_rnn_backward").run(d_sequence, dh, x, w, u, mask, factors, cache.states,
                                                 activation=activation)
    for a, expected in zip(got, wanted[:5], strict=True):
        if expected is not None:
            close(a, expected)


@pytest.mark.parametrize("masked, dropout, given", CASES)
def test_lstm_equals_numpy(masked, dropout, given):
    x, w, u, b, h0, dropped = operands(4)
    mask, factors = MASK if masked else None, dropped if dropout else None
    b, h0, c0 = (b, h0, values(3, 5, seed=9)) if given else (None, None, None)
    outputs, cache = lstm_forward(x, w, u, b, h0, c0, mask, factors)
    got = ladder.rung("lstm").run(x, w, u, b, h0, c0, mask, factors)
    for a, wanted in zip(got, (*outputs, cache.gates, cache.states, cache.cells), strict=True):
        close(a, wanted)
    dy = tuple(values(*y.shape, seed=7 + k) for k, y in enumerate(outputs))
    wanted = lstm_backward(dy, cache)
    got = ladder.rung("lstm_backward").run(*dy, x, w, u, mask, factors, cache.gates, cache.states, cache.cells)
    for a, expected in zip(got, wanted[:6], strict=True):
        if expected is not None:
            close(a, expected)


@pytest.mark.parametrize("masked, dropout, given", CASES)
def test_gru_equals_numpy(masked, dropout, given):
    x, w, u, b, h0, dropped = operands(3, b_shape=(2, 15))
    mask, factors = MASK if masked else None, dropped if dropout else None
    b, h0 = (b, h0) if given else (None, None)
    outputs, cache = gru_forward(x, w, u, b, h0, mask, factors)
    got = ladder.rung("gru").run(x, w, u, b, h0, mask, factors)
    for a, wanted in zip(got, (*outputs, cache.gates, cache.states, cache.inner), strict=True):
        close(a, wanted)
    dy = tuple(values(*y.shape, seed=7 + k) for k, y in enumerate(outputs))
    wanted = gru_backward(dy, cache)
    got = ladder.rung("gru_backward").run(*dy, x, w, u, mask, factors, cache.gates, cache.states, cache.inner)
    for a, expected in zip(got, wanted[:5], strict=True):
        if expected is not None:
            close(a, expected)


def test_gru_says_which_form_it_has():
    x, w, u, *_ = operands(3)
    with pytest.raises(ValueError, match="reset_after=True"):
        ladder.rung("gru").run(x, w, u, None, None, None, None, reset_after=False)


def test_an_unknown_activation_is_named():
    x, w, u, *_ = operands(1)
    with pytest.raises(ValueError, match="simple_rnn: activation must be one of linear, tanh"):
        ladder.rung("simple_rnn").run(x, w, u, None, None, None, None, activation="gelu")
