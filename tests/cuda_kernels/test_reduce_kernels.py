"""The reduce ladder on the SIMT machine equals minidl's NumPy ops, over any axes, with ties, NaN and parts."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from cuda_kernels.reduce import r5_two_pass
from cuda_kernels.reduce.host import COMBINE, layout, reduction
from minidl.ops import reduce

FEW = [((5, 133), -1), ((3, 5, 2, 7), (0, 2))]
CASES = [*FEW, ((1, 1), None), ((4, 136), 1), ((37, 45), 0), ((3, 5, 2, 7), (1, 3)), ((6, 1, 5), (1,))]
REDUCTIONS = [rung for op in COMBINE for rung in ladder.rungs(op)]
BACKWARDS = [rung for op in COMBINE for rung in ladder.rungs(f"{op}_backward")]


def name_of(rung):
    return f"{rung.op}-{rung.name}"


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("rung", REDUCTIONS, ids=name_of)
def test_reduction_equals_numpy(rung):
    for n, (shape, axes) in enumerate(CASES if rung.op == "reduce_sum" else FEW):
        x, keepdims = values(*shape), n % 2 == 1
        expected, _ = getattr(reduce, f"{rung.op}_forward")(x, axes=axes, keepdims=keepdims)
        y = rung.run(x, axes=axes, keepdims=keepdims)
        assert y.shape == expected.shape and y.dtype == np.float32
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=2e-6 * x.size)


@pytest.mark.parametrize("shape, axes", FEW)
@pytest.mark.parametrize("rung", BACKWARDS, ids=name_of)
def test_backward_equals_numpy(rung, shape, axes):
    x = np.round(values(*shape))  # many ties: the first of them receives the gradient
    op = rung.op.removesuffix("_backward")
    y, cache = getattr(reduce, f"{op}_forward")(x, axes=axes)
    dy = values(*y.shape, seed=1).reshape(y.shape)
    (expected,) = getattr(reduce, rung.op)(dy, cache)
    dx = rung.run(dy, x, axes=cache.axes) if "m" + op[-2:] in ("max", "min") else rung.run(
        dy, shape=cache.shape, axes=cache.axes)
    np.testing.assert_allclose(dx, expected, rtol=1e-6)


@pytest.mark.parametrize("shape, axis", [((7,), 0), ((5, 133), -1), ((133, 5), 0), ((3, 4, 5), 1), ((1, 1), 0)])
@pytest.mark.parametrize("rung", ladder.rungs("argmax"), ids=name_of)
def test_argmax_takes_the_first_of_equals(rung, shape, axis):
    x = np.round(values(*shape))
    y = rung.run(x, axis=axis)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, reduce.argmax_forward(x, axis=axis)[0])


@pytest.mark.parametrize("rung", ladder.rungs("argmax"), ids=name_of)
def test_argmax_of_nan_and_infinities(rung):
    x = np.array([[1, np.nan, 2, np.nan], [-np.inf] * 4, [np.nan] * 4, [0, np.inf, np.inf, 0]], np.float32)
    np.testing.assert_array_equal(rung.run(x), np.argmax(x, axis=-1))


@pytest.mark.parametrize("rung", [r for r in REDUCTIONS if r.name != "r1_atomics"], ids=name_of)
def test_nan_comes_out_as_nan(rung):
    x = values(3, 36)
    x[1, 30] = np.nan
    assert np.isnan(rung.run(x, axes=1)).tolist() == [False, True, False]


@pytest.mark.parametrize("op, shape, axes", [
    ("reduce_sum", (3, 401), 1), ("reduce_mean", (3, 400), 1), ("reduce_sum", (401, 37), 0),
    ("reduce_max", (11, 3, 21), (0, 2)), ("reduce_min", (1003,), None)])
def test_two_passes_equal_numpy(op, shape, axes):
    def in_parts(*args, on):
        r5_two_pass.apply(*args, on=on, blocks=16, least=32)

    assert r5_two_pass.parts_of(layout(op, shape, axes), 16, 32) > 1
    x = values(*shape)
    with simt_options() as reports:
        y = reduction(op, in_parts)(x, axes=axes)
    assert len(reports) == 2
    expected, _ = getattr(reduce, f"{op}_forward")(x, axes=axes)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)


def test_tree_and_shuffle_count_what_their_headers_say():
    x, threads = values(2, 300), 128
    with simt_options() as reports:
        ladder.rung("reduce_sum", "r2").run(x, axes=1)
        ladder.rung("reduce_sum", "r3").run(x, axes=1)
    tree, shuffle = (report.figures for report in reports)
    assert tree.flops == x.size + 2 * (threads - 1) + 2  # the last 2: the scale of each result
    assert shuffle.flops == x.size + 2 * (5 * threads + 5 * threads) + 2
    assert tree.barriers > shuffle.barriers


def test_errors_name_the_rule():
    x = values(2, 3)
    with pytest.raises(ValueError, match="reduce_sum: axes must name axes of x once. Got 2 for shape"):
        ladder.rung("reduce_sum").run(x, axes=2)
    with pytest.raises(TypeError, match="reduce_max: x must be float32. Got float64"):
        ladder.rung("reduce_max").run(x.astype(np.float64))
    with pytest.raises(ValueError, match="dy must have one value a result, 2"):
        ladder.rung("reduce_max_backward").run(x, x, axes=1)
