"""vectorize and guvectorize with target="cuda", on the machine and held to NumPy."""
import math

import numpy as np
import pytest
from numba import cuda, float32, float64, guvectorize, int32, vectorize

from cuda_kernels import simt


@pytest.fixture(autouse=True)
def session():
    with simt.on() as found:
        yield found
    assert found.faults == []


@vectorize(["float32(float32, float32)", "float64(float64, float64)", int32(int32, int32)], target="cuda")
def add(a, b):
    return a + b


@vectorize([float64(float64)], target="cuda")
def root(x):
    return math.sqrt(x) if x > 0 else -1.0


R = np.random.RandomState(0)
A, B = R.randn(7, 1).astype(np.float32), R.randn(5).astype(np.float32)


def test_elementwise_over_broadcast_arrays():
    np.testing.assert_array_equal(add(A, B), A + B)
    assert add(A, B).dtype == np.float32 and add.__name__ == "add"
    assert add(np.int32([1, 2]), np.int32([3, 4])).tolist() == [4, 6]
    np.testing.assert_allclose(root(np.array([4.0, -1.0, 2.0])), [2, -1, math.sqrt(2)])
    assert add(np.zeros((0, 3), np.float32), np.zeros(3, np.float32)).shape == (0, 3)


def test_numbers_become_the_arrays_type():
    np.testing.assert_array_equal(add(B, np.float32(1)), B + 1)
    np.testing.assert_array_equal(add(B, 1), B + 1)
    assert root(4.0) == 2


def test_results_stay_where_the_arguments_are(session):
    d = cuda.to_device(B)
    found = add(d, B)
    assert type(found) is type(d)
    np.testing.assert_array_equal(found.copy_to_host(), B + B)
    out = cuda.device_array(5, np.float32)
    assert add(d, d, out=out, stream=cuda.stream()) is out and np.array_equal(out.copy_to_host(), B + B)
    host = np.zeros(5, np.float32)
    assert add(B, B, out=host) is host and np.array_equal(host, B + B)
    assert session.reports[0].kernel == "add"


def test_types_are_exact():
    with pytest.raises(TypeError, match="No matching version.*casting='no'.*int64"):
        add(np.array([1]), np.array([2]))
    with pytest.raises(TypeError, match="ambiguous"):
        add(1, 2.5)
    with pytest.raises(TypeError, match="out must be float32"):
        add(B, B, out=np.zeros(5))


def test_options_that_numba_refuses():
    with pytest.raises(KeyError, match="Unrecognized options"):
        vectorize(["float32(float32)"], target="cuda", fastmath=True)(lambda x: x)
    with pytest.raises(TypeError, match="caching is not supported"):
        vectorize(["float32(float32)"], target="cuda", cache=True)(lambda x: x)


def test_lambda_and_cuda_vectorize():
    twice = vectorize(["float32(float32)"], target="cuda")(lambda x: x * float32(2))
    np.testing.assert_array_equal(twice(B), B * 2)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_reduce_of_a_binary_ufunc(size):
    x = np.arange(size, dtype=np.float64)
    assert add.reduce(x) == add.reduce(cuda.to_device(x)) == x.sum()


@guvectorize(["void(float32[:,:], float32[:,:], float32[:,:])"], "(m,n),(n,p)->(m,p)", target="cuda")
def matmul(a, b, c):
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            total = float32(0)
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            c[i, j] = total


@guvectorize([(float64[:], float64, float64[:])], "(n),()->(n)", target="cuda")
def plus(x, s, out):
    for i in range(x.shape[0]):
        out[i] = x[i] + s


@guvectorize(["void(int32[:], int32[:], int32[:])"], "(n)->(),()", target="cuda")
def extent(x, low, high):
    low[0] = high[0] = x[0]
    for i in range(x.shape[0]):
        low[0] = min(low[0], x[i])
        high[0] = max(high[0], x[i])


def test_gufunc_loops_over_the_outer_axes():
    a, b = R.randn(6, 3, 4).astype(np.float32), R.randn(4, 5).astype(np.float32)
    np.testing.assert_allclose(matmul(a, b), a @ b, rtol=1e-5)
    np.testing.assert_allclose(matmul(a[0], b), a[0] @ b, rtol=1e-5)
    x = R.randn(2, 3, 4)
    np.testing.assert_array_equal(plus(x, 2.5), x + 2.5)
    np.testing.assert_array_equal(plus(x, np.arange(3.0)), x + np.arange(3.0)[:, None])
    out = np.zeros(4)
    np.testing.assert_array_equal(plus(x[0, 0], np.array([2.5]), out=out), x[0, 0] + 2.5)


def test_gufunc_with_two_results_and_with_given_ones():
    x = R.randint(-9, 9, (4, 6)).astype(np.int32)
    low, high = extent(x)
    assert low.tolist() == x.min(1).tolist() and high.tolist() == x.max(1).tolist()
    out = np.zeros((2, 3))
    assert plus(np.ones((2, 3)), 1.0, out=out) is out and out.tolist() == [[2] * 3] * 2
    d = plus(cuda.to_device(np.ones(3)), 1.0)
    assert d.copy_to_host().tolist() == [2, 2, 2]


def test_gufunc_refusals():
    with pytest.raises(ValueError, match="shape.n. mismatch"):
        matmul(np.zeros((2, 3), np.float32), np.zeros((4, 5), np.float32))
    with pytest.raises(ValueError, match="insufficient inner dimension"):
        matmul(np.zeros(3, np.float32), np.zeros((3, 5), np.float32))
    with pytest.raises(TypeError, match="accepts 2 positional arguments"):
        matmul(np.zeros((2, 2), np.float32))
    with pytest.raises(TypeError, match="no matching signature"):
        plus(np.zeros(3, np.int8), np.int8(1))
    with pytest.raises(ValueError, match="output shape mismatch"):
        plus(np.zeros(3), 1.0, out=np.zeros(4))
    with pytest.raises(TypeError, match="cannot return values"):
        guvectorize(["float32(float32[:], float32[:])"], "(n)->(n)", target="cuda")(lambda x, y: None)
    with pytest.raises(NameError, match="undefined output symbols: k"):
        guvectorize(["void(float32[:], float32[:])"], "(n)->(k)", target="cuda")(lambda x, y: None)
