"""What every rung of gemm agrees on: operands and their checks, the host function, and the epilogue.

    c[row, col] = activation(sum over k of A[row, k] * B[k, col] + bias[col])

A is `a`, or its transpose with transpose_a; B likewise. Rows, cols and inner are M, N and K.
"""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.elementwise.functions import UNARY
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import check_array, empty, grid_2d, launch, place_of, rows_are_wide

ACTIVATIONS = (None, "relu", "sigmoid", "tanh")


class Variant(NamedTuple):
    """What a gemm kernel is compiled for.

    wide_a, wide_b, wide_c : the rows of this matrix can be read (written) 16 bytes at a time
    """

    transpose_a: bool = False
    transpose_b: bool = False
    has_bias: bool = False
    activation: str | None = None
    wide_a: bool = False
    wide_b: bool = False
    wide_c: bool = False


class Problem(NamedTuple):
    """One product: sizes, operands as given, and arrays to launch with."""

    rows: int
    cols: int
    inner: int
    a: Any
    b: Any
    bias: Any  # (cols,); where there is none, an array that the kernel was made not to read
    c: Any
    variant: Variant


def host(apply: Callable[[Problem, str | None], None]) -> Callable[..., Any]:
    """The host function of a rung; apply(problem, on) launches its kernel."""
    def gemm(a: Any, b: Any, bias: Any = None, *, transpose_a: bool = False, transpose_b: bool = False,
             activation: str | None = None, out: Any = None, on: str | None = None) -> Any:
        """C = activation(A @ B + bias), float32.

        a (M, K) or (K, M) with transpose_a; b (K, N) or (N, K) with transpose_b; bias (N,); returns C (M, N).
        Raises TypeError (wrong dtype, arrays in different places), ValueError (shapes, layout, empty, unknown
        activation).
        """
        place_of(a, b, bias, out, function="gemm")
        check_array("gemm", "a", a, ndim=2)
        check_array("gemm", "b", b, ndim=2)
        rows, inner = a.shape[::-1] if transpose_a else a.shape
        inner_b, cols = b.shape[::-1] if transpose_b else b.shape
        if inner != inner_b:
            raise ValueError(f"gemm: A's columns must be as many as B's rows. Got {inner} and {inner_b} from a "
                             f"{a.shape}, b {b.shape}, transpose_a={transpose_a}, transpose_b={transpose_b}. Is one "
                             "transposed?")
        if activation not in ACTIVATIONS:
            raise ValueError(f"gemm: activation must be one of {ACTIVATIONS}. Got {activation!r}.")
        if bias is not None:
            check_array("gemm", "bias", bias, ndim=1, shape=(cols,))
        c = empty((rows, cols), np.float32, like=a) if out is None else out
        check_array("gemm", "out", c, ndim=2, shape=(rows, cols))
        apply(Problem(rows, cols, inner, a, b, b.reshape(-1) if bias is None else bias, c,
                      Variant(bool(transpose_a), bool(transpose_b), bias is not None, activation)), on)
        return c

    return gemm


def with_width(p: Problem) -> Problem:
    """The same problem, its variant saying which matrices can be read and written 16 bytes at a time."""
    variant = p.variant._replace(wide_a=rows_are_wide(p.a), wide_b=rows_are_wide(p.b), wide_c=rows_are_wide(p.c))
    return p._replace(variant=variant)


def by_tiles(make_kernel: Callable[[Variant], Any], tile: int, threads: int) -> Callable[[Problem, str | None], None]:
    """How a rung launches a kernel over flat matrices, each block a tile x tile part of C."""
    def apply(p: Problem, on: str | None) -> None:
        p = with_width(p)
        launch(make_kernel(p.variant), grid_2d(p.cols, p.rows, (tile, tile)), threads, p.a.reshape(-1),
               p.b.reshape(-1), p.bias, p.c.reshape(-1), p.rows, p.cols, p.inner, on=on)

    return apply


# -- what the compile gate builds of a rung: the plain product, and one with every option ------------------------------

PLAIN = Variant(wide_a=True, wide_b=True, wide_c=True)
EVERYTHING = Variant(transpose_a=True, transpose_b=True, has_bias=True, activation="sigmoid")
MATRICES = (float32[:, ::1], float32[:, ::1], float32[::1], float32[:, ::1], int32)  # a, b, bias, c, inner
FLAT = (float32[::1],) * 4 + (int32,) * 3  # a, b, bias, c, rows, cols, inner


def builds(make_kernel: Callable[[Variant], Any], args: tuple[Any, ...], plain: Claims, everything: Claims, *,
           since: tuple[int, int] = (7, 5), label: str = "") -> tuple[Build, Build]:
    """Both builds, with their claims."""
    other = f"{label}, everything" if label else "everything"
    return (Build(make_kernel(PLAIN), args, plain, since, label),
            Build(make_kernel(EVERYTHING), args, everything, since, other))


# -- device functions that a variant picks -----------------------------------------------------------------------------

@cuda.jit(device=True)
def _as_stored(matrix, row, col):
    return matrix[row, col]


@cuda.jit(device=True)
def _transposed(matrix, row, col):
    return matrix[col, row]


def reader(transposed: bool) -> Any:
    """A device function `read(matrix, row, col)` of the matrix, or of its transpose."""
    return _transposed if transposed else _as_stored


@cuda.jit(device=True)
def _sigmoid(x):
    return float32(1) / (float32(1) + math.exp(-x))


@cuda.jit(device=True)
def _same(x):
    return x


@functools.cache
def epilogue(has_bias: bool, activation: str | None) -> Any:
    """A device function `finish(total, bias, col)`: what happens to a sum before it is stored."""
    activate = _same if activation is None else _sigmoid if activation == "sigmoid" else UNARY[activation].make()[0]

    @cuda.jit(device=True)
    def with_bias(total, bias, col):
        return activate(total + bias[col])

    @cuda.jit(device=True)
    def without_bias(total, bias, col):
        return activate(total)

    return with_bias if has_bias else without_bias
