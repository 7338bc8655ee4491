"""Wrong kernels: threads that come to a `raise`, or to an `assert` that does not hold, which a GPU tells nobody.

Source: compiled with numba-cuda 0.30.4 without debug=True, the branch of the exception is a plain return.
"""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import values

from ..entry import wrong


@wrong(1, 64, lambda: (values(150, 64) + np.float32(2), np.zeros(64, np.float32)), outputs=())
@cuda.jit
def assert_that_fails(x, out):
    """The values go past 1, so some threads end at the assertion, without having written."""
    i = cuda.grid(1)
    assert x[i] < float32(2)  # <- fault: exception
    out[i] = x[i]


@wrong(2, 32, lambda: (np.arange(50, dtype=np.int32), np.zeros(50, np.int32)), outputs=())
@cuda.jit
def raise_for_odd_values(codes, out):
    """Half of the threads raise; what they should have written is missing."""
    i = cuda.grid(1)
    if i >= codes.size:
        return
    if codes[i] % 2 == 1:
        raise ValueError("an odd code")  # <- fault: exception
    out[i] = codes[i]


@cuda.jit(device=True)
def positive(value):
    """The value, which must be positive."""
    if value <= 0:
        raise ValueError("not positive")  # <- fault: exception
    return value


@wrong(1, 32, lambda: (np.arange(32, dtype=np.float32), np.zeros(32, np.float32)), helpers=(positive,), outputs=())
@cuda.jit
def raise_in_a_helper(x, out):
    """The first value is 0: the helper raises."""
    i = cuda.grid(1)
    out[i] = positive(x[i])


@wrong(1, 32, lambda: (np.zeros((4, 8), np.float32), np.zeros(32, np.float32)), outputs=())
@cuda.jit
def assert_on_shapes(x, out):
    """All threads end at once: the shapes differ."""
    i = cuda.grid(1)
    assert x.shape == (8, 4), "transpose x first"  # <- fault: exception
    out[i] = x[i // 4, i % 4]
