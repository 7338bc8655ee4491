"""softmax r3: the row stays in registers: it is read once.

One warp owns a row of at most 32 * EACH classes: lane l has the classes l, l + 32, …, in EACH registers; a block owns
WARPS rows, the grid covers the rows.
Change from r2: nothing is read twice. How many registers a lane needs is a constant of the kernel, so that the loops
unroll and every index is a constant: an array with an index that is not would be put in (slow) local memory. Maximum
and sum are two reductions again: what is in registers is free to walk.
Longer rows (over 32 * 32 classes) and classes on another axis go to r2.
Bytes 4 rows C loaded, 4 rows C stored: the least there can be; the backward 8 rows C and 4 rows C.
Claims: SHFL.BFLY, no local memory.
"""
import functools
import math

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.intrinsics import warp_max, warp_sum
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import blocks_for, launch

from . import r2_online
from .host import LABELS, Rows, rungs_of
from .r2_online import WARPS

MOST = 32  # values a lane
LEAST_EXPONENT = np.float32(-np.inf)  # what a lane without a class has: exp(-inf) is 0


@functools.cache
def make_forward(log: bool, each: int):
    """Softmax, or its logarithm, of rows of at most 32 * each classes."""
    @cuda.jit
    def softmax_registers(x, y, rows, classes):
        lane, row = cuda.threadIdx.x, cuda.blockIdx.x * WARPS + cuda.threadIdx.y
        values = cuda.local.array(each, float32)
        if row < rows:
            largest = LEAST_EXPONENT
            for k in range(each):
                c = lane + 32 * k
                values[k] = x[row * classes + c] if c < classes else LEAST_EXPONENT
                largest = max(largest, values[k])
            largest = warp_max(largest)
            total = float32(0)
            for k in range(each):
                values[k] -= largest
                total += math.exp(values[k])
            total = warp_sum(total)
            shift, share = math.log(total), float32(1) / total
            for k in range(each):
                c = lane + 32 * k
                if c < classes:
                    if log:
                        y[row * classes + c] = values[k] - shift
                    else:
                        y[row * classes + c] = math.exp(values[k]) * share

    return softmax_registers


@functools.cache
def make_backward(log: bool, each: int):
    """Of softmax, dx = y (dy - sum dy y), of its logarithm dx = dy - exp(y) sum dy."""
    @cuda.jit
    def softmax_backward_registers(dy, y, dx, rows, classes):
        lane, row = cuda.threadIdx.x, cuda.blockIdx.x * WARPS + cuda.threadIdx.y
        outputs = cuda.local.array(each, float32)
        gradients = cuda.local.array(each, float32)
        if row < rows:
            total = float32(0)
            for k in range(each):
                c = lane + 32 * k
                outputs[k], gradients[k] = float32(0), float32(0)
                if c < classes:
                    outputs[k], gradients[k] = y[row * classes + c], dy[row * classes + c]
                if log:
                    total += gradients[k]
                else:
                    total += gradients[k] * outputs[k]
            total = warp_sum(total)
            for k in range(each):
                c = lane + 32 * k
                if c < classes:
                    if log:
                        dx[row * classes + c] = gradients[k] - math.exp(outputs[k]) * total
                    else:
                        dx[row * classes + c] = outputs[k] * (gradients[k] - total)

    return softmax_backward_registers


@functools.cache
def make_crossentropy(each: int):
    """Log-probabilities and the loss of each row, of at most 32 * each classes."""
    @cuda.jit
    def crossentropy_registers(labels, logits, loss, log_p, rows, classes):
        lane, row = cuda.threadIdx.x, cuda.blockIdx.x * WARPS + cuda.threadIdx.y
        values = cuda.local.array(each, float32)
        if row < rows:
            label, largest = labels[row], LEAST_EXPONENT
            for k in range(each):
                c = lane + 32 * k
                values[k] = logits[row * classes + c] if c < classes else LEAST_EXPONENT
                largest = max(largest, values[k])
            largest = warp_max(largest)
            total = float32(0)
            for k in range(each):
                values[k] -= largest
                total += math.exp(values[k])
            shift = math.log(warp_sum(total))
            for k in range(each):
                c = lane + 32 * k
                if c < classes:
                    log_p[row * classes + c] = values[k] - shift
                    if c == label:
                        loss[row] = shift - values[k]
            if label < 0 and lane == 0:
                loss[row] = float32(0)

    return crossentropy_registers


def registers_for(classes: int) -> int:
    """Values a lane, rounded up to a power of two: six kernels serve all rows. 0 if the row is too long.

    >>> registers_for(10), registers_for(100), registers_for(1000), registers_for(5000)
    (1, 4, 32, 0)
    """
    each = 1
    while 32 * each < classes:
        each *= 2
    return each if each <= MOST else 0


def apply_forward(log: bool, rows: Rows, x, y, *, on: str | None) -> None:
    """Launch over flat arrays."""
    each = registers_for(rows.classes)
    if rows.step > 1 or not each:
        return r2_online.apply_forward(log, rows, x, y, on=on)
    launch(make_forward(log, each), blocks_for(rows.rows, WARPS), (32, WARPS), x, y, rows.rows, rows.classes, on=on)
    return None


def apply_backward(log: bool, rows: Rows, dy, y, dx, *, on: str | None) -> None:
    """Launch over flat arrays."""
    each = registers_for(rows.classes)
    if rows.step > 1 or not each:
        return r2_online.apply_backward(log, rows, dy, y, dx, on=on)
    kernel = make_backward(log, each)
    launch(kernel, blocks_for(rows.rows, WARPS), (32, WARPS), dy, y, dx, rows.rows, rows.classes, on=on)
    return None


def apply_sparse(rows: int, classes: int, labels, logits, loss, log_p, *, on: str | None) -> None:
    """Launch over flat arrays."""
    each = registers_for(classes)
    if not each:
        return r2_online.apply_sparse(rows, classes, labels, logits, loss, log_p, on=on)
    kernel = make_crossentropy(each)
    launch(kernel, blocks_for(rows, WARPS), (32, WARPS), labels, logits, loss, log_p, rows, classes, on=on)
    return None


CLAIMS = Claims(registers=176, contains=("SHFL.BFLY",), lacks=("LDL", "STL"))
RUNGS = rungs_of(
    "r3_registers", "the row stays in registers, read once", (apply_forward, apply_backward, apply_sparse),
    lambda log: tuple(Build(make_forward(log, n), (FLAT, FLAT, int32, int32), CLAIMS, label=f"{32 * n}")
                      for n in (1, 32)),
    lambda log: (Build(make_backward(log, 32), (FLAT, FLAT, FLAT, int32, int32), CLAIMS),),
    Build(make_crossentropy(32), (LABELS, FLAT, FLAT, FLAT, int32, int32), CLAIMS))
