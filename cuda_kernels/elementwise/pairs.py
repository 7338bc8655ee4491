"""The functions of two numbers, and `where`: what y computes, and how its gradient comes back to each input.

    forward(a, b) -> y
    to_a(dy, p, q) -> da, to_b(dy, p, q) -> db, with p and q what the forward kept (dy itself where it kept nothing)

Of equal numbers, maximum and minimum take the first, so the gradient goes to `a`. A NaN wins, as in NumPy.
"""
import math
from typing import Any, NamedTuple

from cuda_kernels._cuda import cuda, float32


class Pair(NamedTuple):
    """Device functions of one op; keeps: names of what to_a and to_b read, of "a", "b", "y", "condition"."""

    forward: Any
    to_a: Any
    to_b: Any
    keeps: tuple[str, ...]


@cuda.jit(device=True)
def _add(a, b):
    return a + b


@cuda.jit(device=True)
def _subtract(a, b):
    return a - b


@cuda.jit(device=True)
def _multiply(a, b):
    return a * b


@cuda.jit(device=True)
def _divide(a, b):
    return a / b


@cuda.jit(device=True)
def _maximum(a, b):
    return a if a >= b or a != a else b


@cuda.jit(device=True)
def _minimum(a, b):
    return a if a <= b or a != a else b


@cuda.jit(device=True)
def _pow(a, b):
    return math.pow(a, b)


@cuda.jit(device=True)
def _mod(a, b):
    y = math.fmod(a, b)
    return y + b if y != float32(0) and (y < float32(0)) != (b < float32(0)) else y


@cuda.jit(device=True)
def _same(dy, p, q):
    return dy


@cuda.jit(device=True)
def _minus(dy, p, q):
    return -dy


@cuda.jit(device=True)
def _times_first(dy, p, q):
    return dy * p


@cuda.jit(device=True)
def _times_second(dy, p, q):
    return dy * q


@cuda.jit(device=True)
def _by_divisor(dy, b, y):
    return dy / b


@cuda.jit(device=True)
def _to_divisor(dy, b, y):
    return -(dy / b * y)


@cuda.jit(device=True)
def _if_larger(dy, a, b):
    return dy if a >= b else float32(0)


@cuda.jit(device=True)
def _if_not_larger(dy, a, b):
    return float32(0) if a >= b else dy


@cuda.jit(device=True)
def _if_smaller(dy, a, b):
    return dy if a <= b else float32(0)


@cuda.jit(device=True)
def _if_not_smaller(dy, a, b):
    return float32(0) if a <= b else dy


@cuda.jit(device=True)
def _to_base(dy, a, b):
    # Trap: for b = 0 the general form is 0 * a^-1, which is NaN at a = 0.
    return float32(0) if b == float32(0) else dy * (b * math.pow(a, b - float32(1)))


@cuda.jit(device=True)
def _to_exponent(dy, a, b):
    return float32(0) if a == float32(0) and b >= float32(0) else dy * (math.pow(a, b) * math.log(a))


@cuda.jit(device=True)
def _to_dividend(dy, a, b):
    return dy


@cuda.jit(device=True)
def _to_modulus(dy, a, b):
    return -(dy * math.floor(a / b))


FLOATS_ONLY = ("divide", "pow", "mod")  # the others count with integers too
PAIRS = {
    "add": Pair(_add, _same, _same, ()), "subtract": Pair(_subtract, _same, _minus, ()),
    "multiply": Pair(_multiply, _times_second, _times_first, ("a", "b")),
    "divide": Pair(_divide, _by_divisor, _to_divisor, ("b", "y")),
    "maximum": Pair(_maximum, _if_larger, _if_not_larger, ("a", "b")),
    "minimum": Pair(_minimum, _if_smaller, _if_not_smaller, ("a", "b")),
    "pow": Pair(_pow, _to_base, _to_exponent, ("a", "b")),
    "mod": Pair(_mod, _to_dividend, _to_modulus, ("a", "b")),
}
