"""Layer norm in one kernel: a row stays in registers from the sum to the result.

A row of up to 512 values belongs to one warp, one of up to 2048 to the four warps of a block; each thread holds EACH of
its values, `width` apart, so that neighbours are read by neighbours. EACH is a constant: the loops unroll and every
index into the values is one too, or they would lie in (slow) local memory.
"""
from __future__ import annotations

import functools
import math
from typing import Any

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.intrinsics import warp_sum
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import blocks_for, launch

from .statistics import THREADS, WARPS, block_sum

MOST = 16  # values a thread


@cuda.jit(device=True)
def _sum_of_warp(value, totals):
    return warp_sum(value)


@functools.cache
def make_forward(warps: int, each: int, has_gamma: bool, has_beta: bool) -> Any:
    """x_hat, y and inv_std of rows of at most 32 * warps * each values."""
    width, rows_here = 32 * warps, WARPS // warps
    row_sum = _sum_of_warp if warps == 1 else block_sum

    @cuda.jit
    def layer_norm_registers(x, gamma, beta, x_hat, y, inv_std, rows, count, share, epsilon):
        row, lane = cuda.blockIdx.x * rows_here + cuda.threadIdx.x // width, cuda.threadIdx.x % width
        totals = cuda.shared.array(WARPS, float32)
        values = cuda.local.array(each, float32)
        total = float32(0)
        for k in range(each):
            c = lane + width * k
            values[k] = x[row * count + c] if row < rows and c < count else float32(0)
            total += values[k]
        mean = row_sum(total, totals) * share
        spread = float32(0)
        for k in range(each):
            values[k] -= mean
            if lane + width * k < count:
                spread += values[k] * values[k]
        inverse = float32(1) / math.sqrt(row_sum(spread, totals) * share + epsilon)
        for k in range(each):
            c = lane + width * k
            if row < rows and c < count:
                value = values[k] * inverse
                x_hat[row * count + c] = value
                if has_gamma:
                    value *= gamma[c]
                if has_beta:
                    value += beta[c]
                y[row * count + c] = value
        if lane == 0 and row < rows:
            inv_std[row] = inverse

    return layer_norm_registers


@functools.cache
def make_backward(warps: int, each: int, has_gamma: bool) -> Any:
    """dx of rows of at most 32 * warps * each values."""
    width, rows_here = 32 * warps, WARPS // warps
    row_sum = _sum_of_warp if warps == 1 else block_sum

    @cuda.jit
    def layer_norm_backward_registers(dy, x_hat, inv_std, gamma, dx, rows, count, share):
        row, lane = cuda.blockIdx.x * rows_here + cuda.threadIdx.x // width, cuda.threadIdx.x % width
        totals = cuda.shared.array(WARPS, float32)
        gradients = cuda.local.array(each, float32)
        normal = cuda.local.array(each, float32)
        total, dot = float32(0), float32(0)
        for k in range(each):
            c = lane + width * k
            gradients[k], normal[k] = float32(0), float32(0)
            if row < rows and c < count:
                gradients[k], normal[k] = dy[row * count + c], x_hat[row * count + c]
                if has_gamma:
                    gradients[k] *= gamma[c]
            total += gradients[k]
            dot += gradients[k] * normal[k]
        total = row_sum(total, totals) * share
        dot = row_sum(dot, totals) * share
        for k in range(each):
            c = lane + width * k
            if row < rows and c < count:
                dx[row * count + c] = inv_std[row] * (gradients[k] - total - normal[k] * dot)

    return layer_norm_backward_registers


def fits(count: int) -> bool:
    """Whether a row of `count` values fits into the registers of a block."""
    return count <= THREADS * MOST


def shape_of(count: int) -> tuple[int, int]:
    """(warps of a row, values of a thread).

    >>> shape_of(7), shape_of(512), shape_of(768)
    ((1, 1), (1, 16), (4, 6))
    """
    warps = 1 if count <= 32 * MOST else WARPS
    return warps, blocks_for(count, 32 * warps)


def forward(x: Any, gamma: Any, beta: Any, x_hat: Any, y: Any, inv_std: Any, rows: int, count: int, epsilon: float,
            on: str | None) -> None:
    """Launch over flat arrays; gamma and beta may be None."""
    warps, each = shape_of(count)
    launch(make_forward(warps, each, gamma is not None, beta is not None), blocks_for(rows, WARPS // warps), THREADS, x,
           x if gamma is None else gamma, x if beta is None else beta, x_hat, y, inv_std, rows, count, 1.0 / count,
           float(epsilon), on=on)


def backward(dy: Any, x_hat: Any, inv_std: Any, gamma: Any, dx: Any, rows: int, count: int, on: str | None) -> None:
    """Launch over flat arrays; gamma may be None."""
    warps, each = shape_of(count)
    launch(make_backward(warps, each, gamma is not None), blocks_for(rows, WARPS // warps), THREADS, dy, x_hat, inv_std,
           dy if gamma is None else gamma, dx, rows, count, 1.0 / count, on=on)


FLAT = float32[::1]
CLAIMS = Claims(registers=96, contains=("SHFL.BFLY",), lacks=("LDL", "STL"))
FORWARD = tuple(Build(make_forward(warps, each, True, True), (FLAT,) * 6 + (int32, int32, float32, float32), CLAIMS,
                      label=label) for warps, each, label in ((1, 8, "256 values"), (WARPS, 6, "768 values"),
                                                              (WARPS, MOST, "2048 values")))
BACKWARD = tuple(Build(make_backward(warps, each, True), (FLAT,) * 5 + (int32, int32, float32), CLAIMS, label=label)
                 for warps, each, label in ((1, 8, "256 values"), (WARPS, MOST, "2048 values")))
