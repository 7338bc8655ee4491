"""Right kernels that keep their types: float32 throughout, float64 by design, integers of every kind."""

import math

import numpy as np

from cuda_kernels._cuda import cuda, float32, float64, int32
from tests.bank.examples.case import values

from ..entry import right

TABLE = np.array([2.0, 3.0, 5.0, 7.0], np.float32)
MOMENTUM = np.float32(0.9)  # a float32 constant of the module
THREADS = 32


def vector() -> tuple:
    """100 values and as many outputs: the last of 4 blocks has 28 threads too many."""
    return values(300, 100), np.zeros(100, np.float32)


@right(
    4,
    THREADS,
    vector,
    lambda x, out: np.allclose(
        out, 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), atol=1e-5
    ),
)
@cuda.jit
def gelu_in_float32(x, out):
    """Every constant is cast to float32 where it stands."""
    i = cuda.grid(1)
    if i < x.size:
        value = x[i]
        inner = float32(0.7978845608) * (value + float32(0.044715) * value * value * value)
        out[i] = float32(0.5) * value * (float32(1) + math.tanh(inner))


@right(4, THREADS, lambda: (np.float32(0.5), *vector()), lambda alpha, x, out: np.allclose(out, 0.5 * x))
@cuda.jit
def scale_passed_as_float32(alpha, x, out):
    """np.float32(0.5) as an argument stays float32."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = alpha * x[i]


@right(
    4,
    THREADS,
    lambda: (values(290, 100), np.zeros(100, np.float32)),
    lambda dw, velocity: np.allclose(velocity, dw),
)
@cuda.jit
def constant_of_the_module(dw, velocity):
    """A NumPy float32 scalar of the module is cast once more, which costs nothing and says so."""
    i = cuda.grid(1)
    if i < dw.size:
        velocity[i] = float32(MOMENTUM) * velocity[i] + dw[i]


@right(4, THREADS, vector, lambda x, out: np.allclose(out, x / 100 + np.arange(100) * 0.25, atol=1e-5))
@cuda.jit
def integers_cast_before_use(x, out):
    """Sizes and indices are cast to float32 before they meet a float32."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] / float32(x.size) + float32(0.25) * float32(i)


@right(
    4,
    THREADS,
    lambda: (values(291, 100).astype(np.float64), np.zeros(100)),
    lambda x, out: np.allclose(out, np.sqrt(np.abs(x)) * 0.1),
)
@cuda.jit
def float64_by_design(x, out):
    """The arrays are float64 themselves: nothing is promoted behind anyone's back."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = math.sqrt(abs(x[i])) * 0.1


@right(4, THREADS, vector, lambda x, out: np.allclose(out, x * 2.0**0.5, atol=1e-6))
@cuda.jit
def literal_cast_at_once(x, out):
    """The literal is float64 for a moment only: it is cast before any arithmetic."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] * float32(1.4142135623730951)


@right(
    1,
    THREADS,
    lambda: (np.arange(32, dtype=np.int32) % 4, np.zeros(32, np.float32)),
    lambda x, out: np.array_equal(out, TABLE[x]),
)
@cuda.jit
def constant_memory(x, out):
    """A table of the module in constant memory."""
    table = cuda.const.array_like(TABLE)
    i = cuda.grid(1)
    out[i] = table[x[i]]


@right(
    4,
    THREADS,
    lambda: (values(292, 100), np.zeros((100, 4), np.int32)),
    lambda x, out: np.array_equal(
        out, np.stack([np.trunc(4 * x), np.floor(4 * x), np.ceil(4 * x), np.abs(np.trunc(4 * x))], axis=1)
    ),
)
@cuda.jit
def roundings(x, out):
    """int() cuts off, floor and ceil go down and up."""
    i = cuda.grid(1)
    if i < x.size:
        value = x[i] * float32(4)
        out[i, 0] = int(value)
        out[i, 1] = math.floor(value)
        out[i, 2] = math.ceil(value)
        out[i, 3] = abs(int32(value))


@right(
    4,
    THREADS,
    lambda: (np.arange(100, dtype=np.uint32) * np.uint32(2654435), np.zeros((100, 2), np.int32)),
    lambda x, out: all(
        out[i, 0] == int(x[i]).bit_count() and out[i, 1] == 32 - int(x[i]).bit_length() for i in range(100)
    ),
)
@cuda.jit
def bits(x, out):
    """The number of set bits, and of zeros ahead of the first."""
    i = cuda.grid(1)
    if i < x.size:
        out[i, 0] = cuda.popc(x[i])
        out[i, 1] = cuda.clz(x[i])


@right(
    4,
    THREADS,
    lambda: (*vector(), np.arange(100) % 3 == 0),
    lambda x, out, mask: np.array_equal(out, np.where(mask, x, -x)),
)
@cuda.jit
def boolean_mask(x, out, mask):
    """A condition read from an array of bool."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] if mask[i] else -x[i]


@right(
    4,
    THREADS,
    lambda: (np.arange(-50, 50, dtype=np.int32), np.zeros((100, 2), np.int32)),
    lambda x, out: np.array_equal(out, np.stack([x // 7, x % 7], axis=1)),
)
@cuda.jit
def division_of_negative_integers(x, out):
    """// and % of negative integers follow Python, not C."""
    i = cuda.grid(1)
    if i < x.size:
        out[i, 0] = x[i] // 7
        out[i, 1] = x[i] % 7


@right(
    4,
    THREADS,
    lambda: (values(293, 100).astype(np.float64), np.zeros(100, np.float32)),
    lambda x, out: np.allclose(out, x * x, atol=1e-5),
)
@cuda.jit
def narrowing_cast(x, out):
    """float64 input, cast on the way in; `float64` in a cast is no arithmetic either."""
    i = cuda.grid(1)
    if i < x.size:
        value = float32(float64(x[i]))
        out[i] = value * value
