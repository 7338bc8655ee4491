"""The recurrent kernels on the SIMT machine equal minidl's NumPy ops, forward and back through time."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels._cuda import cuda
from cuda_kernels.launch import launch
from cuda_kernels.recurrent import host
from cuda_kernels.recurrent.activations import cell_activation
from minidl.ops.common.cell_activations import CELL_ACTIVATIONS
from minidl.ops.recurrent.gru import gru_backward, gru_forward
from minidl.ops.recurrent.lstm import lstm_backward, lstm_forward
from minidl.ops.recurrent.rnn import simple_rnn_backward, simple_rnn_forward

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
    monkeypatch.setattr(host, "rung", lambda op: ladder.rung(op, "r2" if op == "gemm" else None))


def close(got, wanted):
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=2e-5)


CASES = [(True, True, True), (False, False, False), (True, False, True)]  # mask, recurrent mask, bias and states
ACTIVATIONS = sorted(CELL_ACTIVATIONS)


def by_gate(gates, n=3, units=5):
    """A recurrent mask with a block for each gate."""
    return 1.25 * (values(n, gates * units, seed=11) > -1).astype(np.float32)


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


@pytest.mark.parametrize("masked, dropout, given", CASES)
@pytest.mark.parametrize("mask_gates", [1, 3])
def test_gru_that_resets_before_the_product_equals_numpy(mask_gates, masked, dropout, given):
    x, w, u, b, h0, dropped = operands(3)
    mask, factors = MASK if masked else None, (dropped if mask_gates == 1 else by_gate(3)) if dropout else None
    b, h0 = (b, h0) if given else (None, None)
    outputs, cache = gru_forward(x, w, u, b, h0, mask, factors, reset_after=False)
    got = ladder.rung("gru").run(x, w, u, b, h0, mask, factors, reset_after=False)
    assert got[4] is None
    for a, wanted in zip(got[:4], (*outputs, cache.gates, cache.states), strict=True):
        close(a, wanted)
    dy = tuple(values(*y.shape, seed=7 + k) for k, y in enumerate(outputs))
    wanted = gru_backward(dy, cache)
    got = ladder.rung("gru_backward").run(*dy, x, w, u, mask, factors, cache.gates, cache.states, None,
                                          reset_after=False)
    for a, expected in zip(got, wanted[:5], strict=True):
        if expected is not None:
            close(a, expected)


def test_a_recurrent_mask_may_have_a_block_for_each_gate():
    x, w, u, b, h0, _ = operands(4)
    factors = by_gate(4)
    outputs, cache = lstm_forward(x, w, u, b, h0, None, MASK, factors)
    got = ladder.rung("lstm").run(x, w, u, b, h0, None, MASK, factors)
    for a, wanted in zip(got, (*outputs, cache.gates, cache.states, cache.cells), strict=True):
        close(a, wanted)
    dy = tuple(values(*y.shape, seed=7 + k) for k, y in enumerate(outputs))
    got = ladder.rung("lstm_backward").run(*dy, x, w, u, MASK, factors, cache.gates, cache.states, cache.cells)
    for a, expected in zip(got[:5], lstm_backward(dy, cache)[:5], strict=True):
        close(a, expected)


def test_a_gru_that_resets_after_the_product_has_masks_by_gate_too():
    x, w, u, b, h0, _ = operands(3, b_shape=(2, 15))
    factors = by_gate(3)
    outputs, cache = gru_forward(x, w, u, b, h0, None, factors)
    got = ladder.rung("gru").run(x, w, u, b, h0, None, factors)
    for a, wanted in zip(got, (*outputs, cache.gates, cache.states, cache.inner), strict=True):
        close(a, wanted)
    dy = tuple(values(*y.shape, seed=7 + k) for k, y in enumerate(outputs))
    got = ladder.rung("gru_backward").run(*dy, x, w, u, None, factors, cache.gates, cache.states, cache.inner)
    for a, expected in zip(got, gru_backward(dy, cache)[:5], strict=True):
        close(a, expected)


def test_a_recurrent_mask_of_another_shape_is_refused():
    x, w, u, *_ = operands(4)
    with pytest.raises(ValueError, match=r"lstm: recurrent_mask must be \(N, U\) = \(3, 5\) or \(N, 4 U\)"):
        ladder.rung("lstm").run(x, w, u, None, None, None, None, by_gate(2))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_of_numpys_cells_has_its_slope(name):
    f, slope = cell_activation("lstm", name)

    @cuda.jit
    def both(z, y, d, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = f(z[i])
            d[i] = slope(f(z[i]))

    z = np.append(np.linspace(-8, 8, 65, dtype=np.float32), np.float32(np.nan))
    y, d, wanted = np.empty_like(z), np.empty_like(z), z.astype(np.float64)
    launch(both, 3, 32, z, y, d, z.size)
    with np.errstate(invalid="ignore"):  # NumPy's logaddexp says so of a NaN
        CELL_ACTIVATIONS[name].apply(wanted)
    np.testing.assert_allclose(y, wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(d, CELL_ACTIVATIONS[name].slope(wanted), rtol=1e-6, atol=1e-6)


def test_an_unknown_activation_is_named():
    x, w, u, *_ = operands(1)
    with pytest.raises(ValueError, match="simple_rnn: activation must be one of linear, tanh"):
        ladder.rung("simple_rnn").run(x, w, u, None, None, None, None, activation="gelu")
