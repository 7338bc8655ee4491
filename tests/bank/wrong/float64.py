"""Wrong kernels: float64 arithmetic in a float32 kernel, 32 to 64 times slower on most GPUs.

Source of the rates: CUDA C++ Programming Guide, "Arithmetic Instructions".
"""

import math

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import values

from ..entry import wrong

MOMENTUM = 0.9  # a plain Python float: float64 in the kernel


def vector() -> tuple:
    """64 values and as many outputs."""
    return values(110, 64), np.zeros(64, np.float32)


@wrong(2, 32, vector)
@cuda.jit
def plain_literal(x, out):
    """A bare 0.1 is float64, and takes the product with it."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] * 0.1  # <- fault: float64


@wrong(2, 32, lambda: (values(111, 64, 5), np.zeros(64, np.float32)))
@cuda.jit
def accumulator_from_a_plain_zero(x, out):
    """`total = 0.0` makes the whole sum float64."""
    row = cuda.grid(1)
    total = 0.0
    for col in range(x.shape[1]):
        total += x[row, col]  # <- fault: float64
    out[row] = total


@wrong(2, 32, lambda: (0.5, *vector()))
@cuda.jit
def scale_passed_as_a_python_float(alpha, x, out):
    """A Python float as an argument is typed float64; np.float32(0.5) would not be."""
    i = cuda.grid(1)
    out[i] = alpha * x[i]  # <- fault: float64


@wrong(2, 32, lambda: (values(112, 64), np.zeros(64, np.float32), np.ones(64, np.float32)))
@cuda.jit
def constant_from_the_module(dw, velocity, w):
    """A module's constant is as much a float64 as a literal."""
    i = cuda.grid(1)
    velocity[i] = MOMENTUM * velocity[i] + dw[i]  # <- fault: float64
    w[i] -= velocity[i]


@wrong(2, 32, vector)
@cuda.jit
def mean_over_an_integer(x, out):
    """float32 / int64 is float64 by Numba's rules: the length has to be cast first."""
    i = cuda.grid(1)
    out[i] = x[i] / x.size  # <- fault: float64


@wrong(2, 32, vector)
@cuda.jit
def square_root_of_an_integer(x, out):
    """math.sqrt of an integer is float64, and so is all that follows."""
    i = cuda.grid(1)
    out[i] = x[i] * math.sqrt(x.size)  # <- fault: float64


@wrong(2, 32, vector)
@cuda.jit
def angle_with_math_pi(x, out):
    """math.pi is a Python float."""
    i = cuda.grid(1)
    angle = x[i] * (2 * math.pi)  # <- fault: float64
    out[i] = math.sin(angle)  # <- fault: float64


@wrong(2, 32, vector)
@cuda.jit
def ramp_from_the_thread_number(x, out):
    """A float32 times an integer index is float64."""
    i = cuda.grid(1)
    out[i] = x[i] + float32(0.25) * i  # <- fault: float64
