"""The bank of 20, float64_hunt."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import math

from numba import cuda, float32


@cuda.jit
def softplus(x, y, size):
    i = cuda.grid(1)
    if i < size:
        v = float32(0.5) * x[i]
        total = float32(0)
        total += max(v, float32(0))
        total += math.log1p(math.exp(-abs(v)))
        share = float32(i + 1) / float32(size)
        y[i] = share * total
""", "each wrapped where it comes in")
bank.solution("""
import math

import numpy as np
from numba import cuda


@cuda.jit
def softplus(x, y, size):
    i = cuda.grid(1)
    if i < size:
        v = x[i] / np.float32(2)
        total = v if v > 0 else np.float32(0)
        total += math.log1p(math.exp(-abs(v)))
        share = np.float32(i + 1) / np.float32(size)
        y[i] = share * total
""", "NumPy's float32, and a choice")
bank.starter_is("""
import math

from numba import cuda


@cuda.jit
def softplus(x, y, size):
    i = cuda.grid(1)
    if i < size:
        v = 0.5 * x[i]
        total = 0.0
        total += max(v, 0)
        total += math.log1p(math.exp(-abs(v)))
        share = (i + 1) / size
        y[i] = share * total
""")

SHARE = "float32(i + 1) / float32(size) => "
bank.mistake("half_left", "machine", "F13 + half", "float32(0.5) => 0.5")
bank.mistake("half_by_integer", "machine", "F13 + half_by_integer", "float32(0.5) * x[i] => x[i] / 2")
bank.mistake("zero_left", "machine", "F13 + integer_zero", "max(v, float32(0)) => max(v, 0)")
bank.mistake("zero_of_32_bits", "machine", "F13 + integer_zero", "cuda, float32 => cuda, float32, int32", "max(v, float32(0)) => max(v, int32(0))")
bank.mistake("sum_left", "machine", "F13 + running_sum", "total = float32(0) => total = 0.0")
bank.mistake("quotient_left", "machine", "F13 + quotient", SHARE + "(i + 1) / size")
bank.mistake("quotient_wrapped", "machine", "F13 + division", SHARE + "float32((i + 1) / size)")
bank.mistake("result_only", "machine", "F13 + result_only", "float32(0.5) * => 0.5 *", "total = float32(0) => total = 0.0",
             "max(v, float32(0)) => max(v, 0)", SHARE + "(i + 1) / size", "y[i] = share * total => y[i] = float32(share * total)")
bank.mistake("size_left", "machine", "F13 + elsewhere", SHARE + "float32(i + 1) / size")
bank.mistake("other_zero", "machine", "F13 + elsewhere", "max(v, float32(0)) => v if v > 0 else 0.0")
bank.mistake("small_lost", "values", "small_lost", "math.log1p(math.exp(-abs(v))) => math.log(float32(1) + math.exp(-abs(v)))")
bank.mistake("overflows", "values", "overflows", "        total += max(v, float32(0))\n => ", "math.exp(-abs(v)) => math.exp(v)")
bank.mistake("whole_division", "values", "whole_division", SHARE + "float32((i + 1) // size)")
bank.mistake("from_zero", "values", "from_zero", SHARE + "float32(i) / float32(size)")
bank.mistake("no_half", "values", "no_half", "float32(0.5) * x[i] => x[i]")
bank.mistake("rest_lost", "values", "rest_lost", "        total += math.log1p(math.exp(-abs(v)))\n => ")
bank.mistake("no_guard", "machine", "F1", "if i < size: => if True:")
bank.mistake("adds_to_y", "values", "F18", "y[i] = => y[i] +=")
bank.mistake("no_share", "values", "no_share", "share * total => total")
bank.mistake("again_late_cast", "machine", "F13 + division", source="""
import math

from numba import cuda, float32


@cuda.jit
def softplus(x, y, size):
    i = cuda.grid(1)
    if i < size:
        v = float32(0.5) * x[i]
        total = float32(0.0)
        total += max(v, float32(0))
        total += math.log1p(math.exp(-abs(v)))
        share = float32((i + 1) / size)
        y[i] = share * total
""")
