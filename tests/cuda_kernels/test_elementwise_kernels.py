"""The elementwise kernels on the SIMT machine equal minidl's NumPy ops: all functions, corners, NaN, broadcasting."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.elementwise.functions import EXAMPLE_SETTINGS, UNARY
from cuda_kernels.elementwise.pairs import PAIRS
from cuda_kernels.launch import simt_options
from minidl.ops import elementwise
from minidl.ops.op import records

RUNGS = ("r1_scalar", "r2_wide")
SPECIAL = [0.0, -0.0, 1.0, -1.0, 6.0, 7.0, -100.0, 100.0, np.inf, -np.inf, np.nan, 0.5, 1e-6]
POSITIVE = {"log", "sqrt", "power", "log1p", "pow", "mod"}


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def numpy_op(op, direction):
    return getattr(records()[op], direction)


def inputs_of(op):
    x = np.concatenate([np.array(SPECIAL, np.float32), 3 * values(22)])  # 35 in all: no multiple of four
    return np.abs(x) if op in POSITIVE else x


@pytest.mark.filterwarnings("ignore:(overflow|invalid|divide):RuntimeWarning")
@pytest.mark.parametrize("name", RUNGS)
@pytest.mark.parametrize("op, options", [
    *((op, {}) for op in UNARY if op != "power"), *EXAMPLE_SETTINGS.items(), ("gelu", {"approximate": True}),
    ("power", {"exponent": 0.0}), ("clip", {"low": 0.0}), ("elu", {"alpha": 0.5})])
def test_unary_equals_numpy(op, options, name):
    x = inputs_of(op).reshape(5, 7)
    expected, cache = numpy_op(op, "forward")(x, **options)
    y = ladder.rung(op, name).run(x, **options)
    if op == "swish":
        y, gate = y
        np.testing.assert_allclose(gate, cache.gate, rtol=1e-6)
        options = {}
    np.testing.assert_allclose(y, expected, rtol=3e-6, atol=1e-6)
    finite = np.isfinite(x) & (x != 0 if op == "sqrt" else True)  # NumPy multiplies by a mask: inf * 0 is NaN there
    dy = values(5, 7, seed=1)
    (dx_expected,) = numpy_op(op, "backward")(dy, cache)
    kept = {"x": x, "y": expected, "": None}[UNARY[op].keeps]
    dx = ladder.rung(f"{op}_backward", name).run(dy, kept, **options)
    np.testing.assert_allclose(dx[finite], dx_expected[finite], rtol=3e-6, atol=1e-6)


SHAPES = [((5, 7), (5, 7)), ((6, 5), (5,)), ((3, 1, 8), (2, 1)), ((4, 1), (1, 4)), ((2, 3, 4), (1,)), ((1,), (1, 1))]


@pytest.mark.parametrize("name", RUNGS)
@pytest.mark.parametrize("op", PAIRS)
def test_binary_broadcasts_as_numpy(op, name):
    for a_shape, b_shape in SHAPES if op == "multiply" else SHAPES[:3]:
        a, b = values(*a_shape), values(*b_shape, seed=1)
        if op in POSITIVE:
            a, b = np.abs(a), np.abs(b) + np.float32(0.5)
        if a.size == b.size:
            b.reshape(-1)[::3] = a.reshape(-1)[::3]  # equal: the gradient goes to a
        expected, cache = numpy_op(op, "forward")(a, b)
        np.testing.assert_allclose(ladder.rung(op, name).run(a, b), expected, rtol=1e-6)
        dy = values(*expected.shape, seed=2)
        kept = {"a": a, "b": b, "y": expected}
        kept = [kept[k] for k in PAIRS[op].keeps]
        gradients = ladder.rung(f"{op}_backward", name).run(dy, *kept, a_shape=a_shape, b_shape=b_shape)
        for got, wanted in zip(gradients, numpy_op(op, "backward")(dy, cache), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", RUNGS)
@pytest.mark.parametrize("op", ["maximum", "minimum"])
def test_a_nan_wins(op, name):
    a, b = np.array([1, np.nan, 2, np.nan], np.float32), np.array([np.nan, 1, 3, np.nan], np.float32)
    np.testing.assert_array_equal(ladder.rung(op, name).run(a, b), numpy_op(op, "forward")(a, b)[0])


@pytest.mark.parametrize("shapes", [((5, 7), (5, 7), (7,)), ((4, 8), (1,), (4, 8)), ((3, 1), (8,), (3, 8))])
@pytest.mark.parametrize("name", RUNGS)
def test_where_equals_numpy(name, shapes):
    condition = values(*shapes[0]) > 0
    a, b = values(*shapes[1], seed=1), values(*shapes[2], seed=2)
    expected, cache = elementwise.where_forward(condition, a, b)
    np.testing.assert_array_equal(ladder.rung("where", name).run(condition, a, b), expected)
    dy = values(*expected.shape, seed=3)
    _, da, db = elementwise.where_backward(dy, cache)
    got = ladder.rung("where_backward", name).run(dy, condition, a_shape=a.shape, b_shape=b.shape)
    np.testing.assert_allclose(got[0], da, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got[1], db, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("source, target", [("float32", "int32"), ("int32", "float32"), ("bool", "float32"),
                                            ("float32", "bool"), ("int64", "int32"), ("uint8", "float32")])
def test_cast_equals_numpy(source, target):
    x = (3 * np.abs(values(5, 7))).astype(source)
    for rung in ladder.rungs("cast"):
        y = rung.run(x, dtype=target)
        assert y.dtype == target
        np.testing.assert_array_equal(y, elementwise.cast_forward(x, dtype=target)[0])


def test_wide_rung_moves_the_bytes_of_its_header_in_a_quarter_of_the_loads():
    x = values(1024)
    with simt_options() as reports:
        for name in RUNGS:
            ladder.rung("relu_backward", name).run(x, x)
    scalar, wide = (report.figures for report in reports)
    for figures in (scalar, wide):
        assert (figures.global_load_bytes, figures.global_store_bytes) == (8 * x.size, 4 * x.size)
    assert scalar.global_loads == 4 * wide.global_loads


def test_an_array_off_16_bytes_takes_the_scalar_path():
    x = values(41)[1:]
    np.testing.assert_array_equal(ladder.rung("relu").run(x), np.maximum(x, 0))


def test_errors_name_the_rule():
    with pytest.raises(ValueError, match=r"add: the shapes do not broadcast. Got a \(2, 3\), b \(2,\)"):
        ladder.rung("add").run(values(2, 3), values(2))
    with pytest.raises(TypeError, match="cast: dtype must be one of float32.*Got float64"):
        ladder.rung("cast").run(values(3), dtype="float64")
    with pytest.raises(TypeError, match="where: condition must be bool"):
        ladder.rung("where").run(values(3), values(3), values(3))
