"""Functions of two numbers, and where."""

from __future__ import annotations

import math

import numpy as np
from numba import cuda, float32

from cuda_kernels import ladder
from cuda_kernels.launch import empty
from student_kernels.bank import binary, go, right, wrong


def formula(kernel, what, of=wrong):
    def note(function):
        of(kernel, what)(binary(cuda.jit(device=True)(function)))
        return function

    return note


@formula("add", "stopped at 1000")
def _(a, b):
    return min(a + b, float32(1000))


@formula("subtract", "the wrong way round")
def _(a, b):
    return b - a


@formula("divide", "with 1e-8 against a division by 0")
def _(a, b):
    return a / (b + float32(1e-8))


@formula("maximum", "(a + b + |a - b|) / 2: inf - inf, and 1 is lost beside 1e30")
def _(a, b):
    return float32(0.5) * (a + b + abs(a - b))


@formula("minimum", "of the sizes")
def _(a, b):
    return a if abs(a) < abs(b) else b


@wrong("multiply", "a times a: b is never read")
@cuda.jit
def _(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] * a[i]


@formula("divide", "times the reciprocal", right)
def _(a, b):
    return a * (float32(1) / b)


@formula("maximum", "if", right)
def _(a, b):
    return a if a > b else b


@formula("minimum", "min", right)
def _(a, b):
    return min(a, b)


@formula("pow", "exp(b log a): NaN for a negative base")
def _(a, b):
    return math.exp(b * math.log(a))


@formula("mod", "the sign of a, as C's %")
def _(a, b):
    return math.fmod(a, b)


@formula("pow", "math.pow", right)
def _(a, b):
    return math.pow(a, b)


# -- where -------------------------------------------------------------------------------------------------------------


@cuda.jit
def where_sum(condition, a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        c = float32(condition[i])
        y[i] = c * a[i] + (float32(1) - c) * b[i]


@cuda.jit
def where_if(condition, a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        if condition[i]:
            y[i] = a[i]
        else:
            y[i] = b[i]


def where_with(kernel):
    def run(condition, a, b, *, on=None):
        shape = np.broadcast_shapes(condition.shape, a.shape, b.shape)
        flat = [np.broadcast_to(x, shape).reshape(-1).copy() for x in (condition.astype(np.float32), a, b)]
        y = empty(shape, like=a)
        go(kernel, y.size, *flat, y.reshape(-1), y.size, on=on)
        return y

    return run


wrong("where", "c a + (1 - c) b: 0 * inf")(where_with(where_sum))
right("where", "if and else")(where_with(where_if))


# -- backwards: host functions that sum where an input was stretched ---------------------------------------------------


def backward_of(to_a, to_b):
    """(da, db) from two device functions of (dy, p, q)."""

    @cuda.jit
    def kernel(dy, p, q, da, db, size):
        i = cuda.grid(1)
        if i < size:
            da[i] = to_a(dy[i], p[i], q[i])
            db[i] = to_b(dy[i], p[i], q[i])

    def run(dy, p=None, q=None, *, a_shape, b_shape, needs=(True, True), on=None):
        p, q = (np.broadcast_to(dy if x is None else x, dy.shape).reshape(-1).copy() for x in (p, q))
        da, db = empty(dy.shape, like=dy), empty(dy.shape, like=dy)
        go(kernel, dy.size, dy.reshape(-1), p, q, da.reshape(-1), db.reshape(-1), dy.size, on=on)
        return sum_to(da, a_shape, on), sum_to(db, b_shape, on)

    return run


def sum_to(d, shape, on):
    added = d.ndim - len(shape)
    axes = tuple(k for k in range(d.ndim) if k < added or (shape[k - added] == 1 and d.shape[k] != 1))
    return ladder.rung("reduce_sum").run(d, axes=axes, on=on).reshape(shape) if axes else d


@cuda.jit(device=True)
def same(dy, p, q):
    return dy


@cuda.jit(device=True)
def times_p(dy, p, q):
    return dy * p


@cuda.jit(device=True)
def times_q(dy, p, q):
    return dy * q


@cuda.jit(device=True)
def over_p(dy, p, q):
    return dy / p


@cuda.jit(device=True)
def share(dy, p, q):
    return dy / p * q


@cuda.jit(device=True)
def minus_share(dy, p, q):
    return -dy / p * q


@cuda.jit(device=True)
def if_larger(dy, p, q):
    return dy if p > q else float32(0)


@cuda.jit(device=True)
def if_at_least(dy, p, q):
    return dy if p >= q else float32(0)


@cuda.jit(device=True)
def if_at_most(dy, p, q):
    return dy if p <= q else float32(0)


@cuda.jit(device=True)
def if_smaller(dy, p, q):
    return dy if p < q else float32(0)


wrong("subtract_backward", "no minus for b")(backward_of(same, same))
wrong("multiply_backward", "each its own factor")(backward_of(times_p, times_q))
wrong("divide_backward", "no minus for b")(backward_of(over_p, share))
wrong("maximum_backward", "of equal ones both")(backward_of(if_at_least, if_at_most))
wrong("maximum_backward", "of equal ones the second")(backward_of(if_larger, if_at_most))
wrong("minimum_backward", "of equal ones none")(backward_of(if_smaller, if_larger))
right("multiply_backward", "each the other's factor")(backward_of(times_q, times_p))
right("divide_backward", "dy / b and -dy / b y")(backward_of(over_p, minus_share))
right("maximum_backward", "of equal ones the first")(backward_of(if_at_least, if_smaller))


@wrong("where_backward", "both get all of it")
def _(dy, condition, *, a_shape, b_shape, needs=(True, True), on=None):
    copy = ladder.rung("add").run(dy, np.zeros_like(dy), on=on)
    return sum_to(copy, a_shape, on), sum_to(copy, b_shape, on)
