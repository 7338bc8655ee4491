"""Constructs that Numba compiles: nested tuples, dtypes as text, slices; and errors that keep their cause."""
import math

import numpy as np
import pytest
from numba import cuda, float32

from cuda_kernels import simt
from cuda_kernels.simt.machine.maths import math_arguments

PAIRS = ((1, 2), (3, 4))


def nested(x):
    (a, b), c = (1, 2), 3
    (d, (e, f)), g = (4, (cuda.threadIdx.x, 6)), 7
    x[cuda.threadIdx.x] = a + 10 * b + 100 * c + 1000 * d + 10000 * e + f + g


def over_pairs(x):
    t = cuda.threadIdx.x
    x[t] = PAIRS[1][0]
    for a, b in PAIRS:
        x[t] += a * b


def test_nested_tuples_unpack():
    x = np.zeros(3, np.int64)
    assert not simt.launch(nested, 1, 3, x).faults
    assert x.tolist() == [1 + 20 + 300 + 4000 + 10000 * t + 13 for t in range(3)]
    assert not simt.launch(over_pairs, 1, 3, x).faults
    assert x.tolist() == [3 + 2 + 12] * 3


@pytest.mark.parametrize("text", ["float32", "f4", "int64", "bool"])
def test_dtype_may_be_text(text):
    def kernel(x):
        s = cuda.shared.array(4, text)
        r = cuda.local.array(2, dtype=text)
        t = cuda.threadIdx.x
        s[t] = x[t]
        r[0] = s[t]
        x[t] = r[0]

    x = np.array([0.5, 0, 2.5, 3], np.float32)
    expected = x.astype(text).astype(np.float32)
    assert not simt.launch(kernel, 1, 4, x).faults
    assert np.array_equal(x, expected)


def slices(x, m, out):
    t = cuda.threadIdx.x
    y = x[1:3]
    y[0] = float32(10)  # a view: x[1]
    tail, empty, past, head = x[-2:], x[4:2], x[4:100], x[:t + 1]
    row, column, corner = m[1], m[:, 2], m[1:, 1:3]
    corner[1, 0] = float32(20)
    out[t, 0] = x[1] + y[1]
    out[t, 1] = y.size + 10 * tail.shape[0] + 100 * empty.size + 1000 * len(past) + 10000 * head.size
    out[t, 2] = tail[0] + head[t] + row[3] + column[2] + corner[1, 0] + m[2, 1] + x[1:][t:][0]


def test_slices_are_views_as_numpy_takes_them():
    x, m = np.arange(6, dtype=np.float32), np.arange(12, dtype=np.float32).reshape(3, 4)
    out = np.zeros((1, 3), np.float32)
    assert not simt.launch(slices, 1, 1, x, m, out).faults
    assert x[1] == 10 and m[2, 1] == 20
    assert out[0].tolist() == [12, 2 + 20 + 0 + 2000 + 10000, 4 + 0 + 7 + 10 + 20 + 20 + 10]


def thread_slices(x, out):
    t = cuda.threadIdx.x
    y = x[2 * t:2 * t + 2]
    out[t] = y[0] * 10 + y[1] + y.size * 100


def test_each_thread_may_take_a_slice_of_its_own():
    out = np.zeros(4, np.int64)
    report = simt.launch(thread_slices, 1, 4, np.arange(8), out)
    assert not report.faults and out.tolist() == [201, 223, 245, 267]
    report = simt.launch(thread_slices, 1, 4, np.arange(7), out)  # the last one has one element
    assert [(f.kind, f.index, f.threads) for f in report.faults] == [("out-of-bounds", (1,), ((3, 0, 0),))]


def test_race_through_a_slice_is_seen():
    def kernel(x):
        y = x[1:]
        t = cuda.threadIdx.x
        y[t] = x[t]

    report = simt.launch(kernel, 1, 8, np.zeros(9, np.float32))
    assert [f.kind for f in report.faults] == ["race"]


def test_math_table_holds_what_numba_cuda_has():
    """Numba-cuda 0.30.4 refused these when compiling, with every number of arguments up to three."""
    lacking = "cbrt comb dist factorial fsum gcd isclose isqrt lcm perm prod ulp fma sumprod".split()
    assert not any(math_arguments(name) for name in lacking)
    one = ("acos acosh asin asinh atan atanh ceil cos cosh degrees erf erfc exp exp2 expm1 fabs floor gamma isfinite "
           "isinf isnan lgamma log log1p log10 log2 radians sin sinh sqrt tan tanh trunc frexp modf").split()
    two = "atan2 copysign fmod hypot pow remainder nextafter ldexp".split()
    assert all(math_arguments(name) == (1,) for name in one) and all(math_arguments(name) == (2,) for name in two)
    assert {n for n in vars(math) if math_arguments(n)} == set(one) | set(two)


def faulty_intrinsic(x):
    """Stands for an intrinsic."""


def uses_faulty_intrinsic(x):
    t = cuda.threadIdx.x
    x[t] = faulty_intrinsic(t)


def test_error_inside_a_construct_keeps_its_cause_and_names_the_line():
    def meaning(context, x):
        raise ValueError("the meaning failed")

    simt.register_intrinsic(faulty_intrinsic, meaning)
    with pytest.raises(simt.UnsupportedSyntax, match="ValueError: the meaning failed") as caught:
        simt.launch(uses_faulty_intrinsic, 1, 4, np.zeros(4, np.float32))
    assert caught.value.line == uses_faulty_intrinsic.__code__.co_firstlineno + 2
    assert "faulty_intrinsic(t)" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
