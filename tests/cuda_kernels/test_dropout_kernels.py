"""Dropout on the SIMT machine draws the mask of minidl's NumPy op, bit for bit."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.ops.common.philox import philox_uint32
from minidl.ops.dropout import dropout_backward, dropout_forward

RUNGS = ladder.rungs("dropout")


def name_of(rung):
    return rung.name


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("rate, seed, offset", [(0.25, 0, 0), (0.5, -3, 2**40 + 7), (0.999, 2**63 + 5, 1)])
@pytest.mark.parametrize("rung", RUNGS, ids=name_of)
def test_mask_equals_numpy_bit_for_bit(rung, rate, seed, offset):
    x = values(37, 11)  # 407: no multiple of four
    expected, cache = dropout_forward(x, rate=rate, seed=seed, offset=offset)
    y, keep, scale = rung.run(x, rate=rate, seed=seed, offset=offset)
    np.testing.assert_array_equal(keep, cache.keep)
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    assert keep.dtype == np.bool_ and scale == cache.scale


@pytest.mark.parametrize("noise", [(None, 1, 3), (1, 5, None), (4, 1, 1)])
@pytest.mark.parametrize("rung", RUNGS, ids=name_of)
def test_noise_shape_and_backward_equal_numpy(rung, noise):
    x, dy = values(4, 5, 3), values(4, 5, 3, seed=1)
    expected, cache = dropout_forward(x, rate=0.4, seed=1, offset=2, noise_shape=noise)
    y, keep, scale = rung.run(x, rate=0.4, seed=1, offset=2, noise_shape=noise)
    np.testing.assert_array_equal(keep, cache.keep)
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    dx = ladder.rung("dropout_backward").run(dy, cache.keep, scale=cache.scale)
    np.testing.assert_allclose(dx, dropout_backward(dy, cache)[0], rtol=1e-6)


@pytest.mark.parametrize("rate, kept", [(0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("rung", RUNGS, ids=name_of)
def test_rates_at_the_ends(rung, rate, kept):
    y, keep, scale = rung.run(values(5), rate=rate, seed=0, offset=0)
    np.testing.assert_allclose(y, kept * values(5))
    assert keep.mean() == kept and scale == kept


def test_bytes_are_those_of_the_headers():
    x = values(512)
    with simt_options() as reports:
        for rung in RUNGS:
            rung.run(x, rate=0.5, seed=0, offset=0)
    moved = [(r.figures.global_load_bytes, r.figures.global_store_bytes) for r in reports]
    assert moved == [(0, 512), (5 * 512, 4 * 512), (4 * 512, 5 * 512)]


def test_errors_name_the_rule():
    with pytest.raises(ValueError, match=r"dropout: rate must lie in \[0, 1\]. Got 25"):
        RUNGS[0].run(values(3), rate=25, seed=0, offset=0)
    with pytest.raises(ValueError, match="each size of noise_shape must be 1, None or x's own"):
        RUNGS[0].run(values(3, 2), rate=0.5, seed=0, offset=0, noise_shape=(2, None))


@pytest.mark.parametrize("element", range(9))
@pytest.mark.parametrize("rung", [None, *RUNGS], ids=lambda rung: "numpy" if rung is None else rung.name)
def test_an_element_whose_number_is_the_rate_itself_is_kept(rung, element):
    """Dropped is what lies below the rate: the word of one element is made the threshold."""
    word = int(philox_uint32(seed=3, offset=1, n=9)[element]) >> 8
    x = np.ones(9, np.float32)
    for rate, kept in ((word / 2**24, True), ((word + 1) / 2**24, False)):
        if rung is None:
            keep = dropout_forward(x, rate=rate, seed=3, offset=1)[1].keep
        else:
            keep = rung.run(x, rate=rate, seed=3, offset=1)[1]
        assert keep[element] == kept
