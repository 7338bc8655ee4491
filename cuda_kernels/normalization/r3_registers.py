"""layer_norm r3: one kernel, the row in registers from its sum to its result; dgamma and dbeta from whole rows.

A row of up to 512 values belongs to one warp, one of up to 2048 to the four warps of a block; each thread holds EACH of
its values, `width` apart, so that neighbours are read by neighbours. EACH is a constant: the loops unroll and every
index into the values is one too, or they would lie in (slow) local memory. The sums over the samples are r3_columns'.
Change from r2: x is read once, where the two sums and the normalizing read it three times; three launches become one.
Rows over 2048 values, and averages over other than the last axes, go to r2.
Bytes of the forward, N elements: 4 N loaded, 8 N stored (y and x_hat): the least there can be.
Bytes of the backward: 16 N loaded (dx and the column sums read dy and x_hat each), 4 N stored (r2: 24 N loaded).
Claims: SHFL.BFLY, no local memory.
"""
import functools
import math

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.intrinsics import warp_sum
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch
from cuda_kernels.reduce.host import Layout

from . import host, r2_block, r3_columns
from .r2_block import THREADS, WARPS, block_sum

MOST = 16  # values a thread


@cuda.jit(device=True)
def _sum_of_warp(value, totals):
    return warp_sum(value)


@functools.cache
def make_forward(warps: int, each: int, has_gamma: bool, has_beta: bool):
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
def make_backward(warps: int, each: int, has_gamma: bool):
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


def fits(groups: Layout) -> bool:
    """Whether the groups are rows, each of which fits into the registers of a block."""
    return groups.kind == "rows" and groups.count <= THREADS * MOST


def shape_of(count: int) -> tuple[int, int]:
    """(warps of a row, values of a thread).

    >>> shape_of(7), shape_of(512), shape_of(768)
    ((1, 1), (1, 16), (4, 6))
    """
    warps = 1 if count <= 32 * MOST else WARPS
    return warps, blocks_for(count, 32 * warps)


SUMS = host.Sums(r2_block.moments, r3_columns.dots)  # where the groups are no such rows


def layer_norm(x, gamma, beta, *, epsilon: float = 1e-3, axes=-1, on: str | None = None):
    """(y, x_hat, inv_std): every sample with its own mean and variance over `axes`; gamma and beta have their sizes."""
    p = host.samples_of("layer_norm", "x", x, axes)
    if not fits(p.groups):
        return host.layer_norm(SUMS, x, gamma, beta, epsilon=epsilon, axes=axes, on=on)
    y, x_hat, inv_std = empty(p.shape, like=x), empty(p.shape, like=x), empty(p.groups_shape, like=x)
    rows, count = p.groups.results, p.groups.count
    warps, each = shape_of(count)
    kernel = make_forward(warps, each, gamma is not None, beta is not None)
    launch(kernel, blocks_for(rows, WARPS // warps), THREADS, x.reshape(-1), p.vector("gamma", gamma),
           p.vector("beta", beta), x_hat.reshape(-1), y.reshape(-1), inv_std.reshape(-1), rows, count, 1.0 / count,
           float(epsilon), on=on)
    return y, x_hat, inv_std


def layer_norm_backward(dy, x_hat, inv_std, gamma, *, axes=-1, on: str | None = None):
    """(dx, dgamma, dbeta): the sums of g for dx are over `axes`, those of dy for dgamma over the samples."""
    p = host.samples_of("layer_norm_backward", "x_hat", x_hat, axes)
    if not fits(p.groups):
        return host.layer_norm_backward(SUMS, dy, x_hat, inv_std, gamma, axes=axes, on=on)
    check_array(p.op, "dy", dy, shape=p.shape)
    d_gamma, d_beta = host.weight_gradients(SUMS, p, dy, x_hat, inv_std, on)
    dx, rows, count = empty(p.shape, like=dy), p.groups.results, p.groups.count
    warps, each = shape_of(count)
    launch(make_backward(warps, each, gamma is not None), blocks_for(rows, WARPS // warps), THREADS, dy.reshape(-1),
           x_hat.reshape(-1), inv_std.reshape(-1), p.vector("gamma", gamma), dx.reshape(-1), rows, count, 1.0 / count,
           on=on)
    return dx, d_gamma, d_beta


CLAIMS = Claims(registers=96, contains=("SHFL.BFLY",), lacks=("LDL", "STL"))
FORWARD = tuple(Build(make_forward(warps, each, True, True), (FLAT,) * 6 + (int32, int32, float32, float32), CLAIMS,
                      label=label) for warps, each, label in ((1, 8, "256 values"), (WARPS, 6, "768 values"),
                                                              (WARPS, MOST, "2048 values")))
BACKWARD = tuple(Build(make_backward(warps, each, True), (FLAT,) * 5 + (int32, int32, float32), CLAIMS, label=label)
                 for warps, each, label in ((1, 8, "256 values"), (WARPS, MOST, "2048 values")))
CHANGE = "one kernel, the row stays in registers"
RUNGS = (Rung("layer_norm", "r3_registers", CHANGE, layer_norm, FORWARD),
         Rung("layer_norm_backward", "r3_registers", CHANGE, layer_norm_backward, (*BACKWARD, *r3_columns.DOTS)))
