"""Slips as students make them, in kernels of every family: each with the stage that must stop it and what must be said.

A phrase is a regular expression over the explanation and the likely cause. The kernels are short, and each is right but
for one thing, which its name says.
"""

from __future__ import annotations

import linecache
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, float32


class Slip(NamedTuple):
    """A wrong kernel: what it is registered as, the stage that fails, and a pattern of the words."""

    kernel: str
    given: Any
    stage: str
    phrase: str
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """For the test's name."""
        return f"{self.kernel}-{self.given.__name__}"


SLIPS: list[Slip] = []


def slip(kernel: str, stage: str, phrase: str, **options: Any) -> Any:
    """Enter the kernel below into the table."""

    def keep(given: Any) -> Any:
        SLIPS.append(Slip(kernel, given, stage, phrase, options))
        return given

    return keep


# -- whose element is it? ----------------------------------------------------------------------------------------------


@slip("add", "machine", r"has no element and reads.*if i < y.size:")
@cuda.jit
def no_guard(a, b, y):
    i = cuda.grid(1)
    y[i] = a[i] + b[i]


@slip("add", "machine", r"has no element.*if i < y.size:")
@cuda.jit
def starts_from_0_without_a_guard(a, b, y):
    i = cuda.grid(1)
    y[i] = float32(0)
    y[i] += a[i] + b[i]


@slip("gemm", "machine", r"has no element.*row < c.shape\[0\] and col < c.shape\[1\]")
@cuda.jit
def starts_from_0_with_half_a_guard(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0]:
        c[row, col] = float32(0)
        for k in range(a.shape[1]):
            c[row, col] += a[row, k] * b[k, col]


@slip("add", "machine", r"`<=` lets")
@cuda.jit
def guard_lets_one_more_pass(a, b, y, size):
    i = cuda.grid(1)
    if i <= size:
        y[i] = a[i] + b[i]


@slip("relu", "machine", r"computes y\[\d+\], which exists, but reads x\[\d+\].*does not cover this index")
@cuda.jit
def reads_the_next_element(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i + 1], float32(0))


@slip("gemm", "machine", r"computes c\[.*which exists.*does not cover.*axis 1 of 'a'")
@cuda.jit
def runs_along_the_wrong_axis(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[0]):
            total += a[row, k] * b[k, col]
        c[row, col] = total


@slip("gemm", "machine", r"computes c\[.*does not cover.*order")
@cuda.jit
def indices_of_b_in_the_wrong_order(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[col, k]
        c[row, col] = total


@slip("gemm", "machine", r"has no element and reads.*row < c.shape\[0\] and col < c.shape\[1\]")
@cuda.jit
def guards_one_axis_only(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, col]
        c[row, col] = total


@slip("softmax", "machine", r"computes y\[.*does not cover.*for col in")
@cuda.jit
def row_loop_one_too_long(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(cols + 1):
            total += math.exp(x[row, col])
        for col in range(cols):
            y[row, col] = math.exp(x[row, col]) / total


# -- who writes it? ----------------------------------------------------------------------------------------------------


@slip("relu", "machine", r"exactly those where.*`x\[i\] > float32\(0\)`.*else")
@cuda.jit
def if_without_else(x, y, size):
    i = cuda.grid(1)
    if i < size:
        if x[i] > float32(0):
            y[i] = x[i]


@slip("relu_backward", "machine", r"exactly those where.*`kept\[i\] > float32\(0\)`.*else")
@cuda.jit
def forgot_else(dy, kept, dx, size):
    i = cuda.grid(1)
    if i < size and kept[i] > float32(0):
        dx[i] = dy[i]


@slip("relu", "machine", r"exactly those where `x\[i\] < float32\(0\)` on line \d+ is true")
@cuda.jit
def returns_where_negative(x, y, size):
    i = cuda.grid(1)
    if i >= size:
        return
    if x[i] < float32(0):
        return
    y[i] = x[i]


@slip("relu", "machine", r"x\[-1\], an index below 0.*0 <= … < x.shape")
@cuda.jit
def reads_the_element_before(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i - 1], float32(0))


@slip("relu", "machine", r"belongs to one block: its index is made of threadIdx")
@cuda.jit
def shared_array_by_the_grid(x, y, size):
    tile = cuda.shared.array(256, float32)
    i = cuda.grid(1)
    if i < size:
        tile[i] = x[i]
    cuda.syncthreads()
    if i < size:
        y[i] = max(tile[i], float32(0))


@slip("gemm", "machine", r"passes the guard, and writes c\[.*Are row and column swapped here")
@cuda.jit
def writes_the_transpose(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, col]
        c[col, row] = total


@slip("gemm", "machine", r"grid covers the output the other way.*col, row = cuda.grid\(2\)", threads=(32, 8))
@cuda.jit
def rows_and_columns_swapped(a, b, c):
    row, col = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, col]
        c[row, col] = total


@slip("add", "machine", r"[Tt]hread and block have changed places.*cuda.grid\(1\)")
@cuda.jit
def thread_and_block_changed_places(a, b, y, size):
    i = cuda.threadIdx.x * cuda.blockDim.x + cuda.blockIdx.x
    if i < size:
        y[i] = a[i] + b[i]


@slip("reduce_sum", "machine", r"one block an element.*blocks=", threads=32)
@cuda.jit
def blocks_left_out(x, y, cols):
    row = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        total = float32(0)
        for col in range(cols):
            total += x[row, col]
        y[row] = total


@slip(
    "add", "machine", r"grid has \d+ threads for \d+ elements.*round up", blocks=lambda a, b, y: max(y.size // 256, 1)
)
@cuda.jit
def grid_rounded_down(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]


@slip("add", "machine", r"the last element.*`<` the size and no smaller")
@cuda.jit
def guard_leaves_out_the_last(a, b, y, size):
    i = cuda.grid(1)
    if i < size - 1:
        y[i] = a[i] + b[i]


@slip("add", "machine", r"every 2nd")
@cuda.jit
def every_second_element(a, b, y, size):
    i = 2 * cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]


@slip("multiply", "machine", r"block's number.*cuda.grid")
@cuda.jit
def thread_index_only(a, b, y, size):
    i = cuda.threadIdx.x
    if i < size:
        y[i] = a[i] * b[i]


@slip("relu", "values", r"order \(x, y\)")
@cuda.jit
def output_first(y, x, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


@slip("gemm", "machine", r"order \(a, b, c\)")
@cuda.jit
def product_first(c, a, b, m, n, k):
    col, row = cuda.grid(2)
    if row < m and col < n:
        total = float32(0)
        for i in range(min(k, n, a.shape[0], b.shape[0])):
            total += a[min(row, a.shape[0] - 1), min(i, a.shape[1] - 1)] * b[i, min(col, b.shape[1] - 1)]
        if row < c.shape[0] and col < c.shape[1]:
            c[row, col] = total


# -- kernels that differ in one expression -----------------------------------------------------------------------------


def written(name: str, text: str, **expressions: str) -> Any:
    """A kernel of this text, in which NAMES stand for expressions; its source can be read like that of a cell."""
    for key, expression in expressions.items():
        text = text.replace(key, expression)
    filename = f"<slip {len(SLIPS)} {name}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    made: dict[str, Any] = {"cuda": cuda, "float32": float32, "math": math}
    exec(compile(text, filename, "exec"), made)
    kernel = cuda.jit(made["kernel"])
    kernel.__name__ = name
    return kernel


# -- elementwise ops and their slopes ----------------------------------------------------------------------------------

UNARY = """
def kernel(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = VALUE
"""
SLOPE = """
def kernel(dy, kept, dx, size):
    i = cuda.grid(1)
    if i < size:
        dx[i] = VALUE
"""
for kernel, phrase, name, value in [
    ("relu", "this is what 'absolute' gives", "absolute", "abs(x[i])"),
    ("relu6", "this is what 'relu' gives", "six_forgotten", "max(x[i], float32(0))"),
    ("tanh", "this is what 'sigmoid' gives", "a_sigmoid", "float32(1) / (float32(1) + math.exp(-x[i]))"),
    ("sigmoid", "'x' negated", "sign_of_x", "float32(1) / (float32(1) + math.exp(x[i]))"),
    ("square", "2 times", "twice", "float32(2) * x[i] * x[i]"),
    ("exp", "off by the same -1", "minus_one", "math.exp(x[i]) - float32(1)"),
    ("negative", "wrong sign", "sign_forgotten", "x[i]"),
]:
    slip(kernel, "values", phrase)(written(name, UNARY, VALUE=value))
SIGMOID = "(float32(1) / (float32(1) + math.exp(-kept[i])))"
for kernel, phrase, name, value in [
    ("relu", "sign of dy", "masks_dy", "max(dy[i], float32(0))"),
    ("relu", "times kept", "factor_kept", "dy[i] * kept[i]"),
    ("relu", "dy itself", "no_condition", "dy[i]"),
    ("relu", "dy itself|where kept is 0", "mask_with_zero", "dy[i] if kept[i] >= float32(0) else float32(0)"),
    ("relu", "dy is left out", "without_dy", "float32(1) if kept[i] > float32(0) else float32(0)"),
    ("relu", "other side", "wrong_side", "dy[i] if kept[i] <= float32(0) else float32(0)"),
    ("sigmoid", "once more", "sigmoid_twice", f"dy[i] * {SIGMOID} * (float32(1) - {SIGMOID})"),
    ("sigmoid", "dy kept", "half_a_slope", "dy[i] * kept[i]"),
    ("sigmoid", "dy is left out", "without_dy", "kept[i] * (float32(1) - kept[i])"),
    ("tanh", "1 - kept.*square", "no_square", "dy[i] * (float32(1) - kept[i])"),
    ("tanh", "once more", "tanh_twice", "dy[i] * (float32(1) - math.tanh(kept[i]) * math.tanh(kept[i]))"),
    ("square", "0.5 times the right value; a factor", "no_two", "dy[i] * kept[i]"),
    ("exp", "dy itself", "no_slope", "dy[i]"),
    ("exp", "once more", "exp_twice", "dy[i] * math.exp(kept[i])"),
    ("log", "dy kept", "multiplies", "dy[i] * kept[i]"),
    ("sqrt", "2 times the right value", "no_half", "dy[i] / kept[i]"),
    ("absolute", "wrong sign", "wrong_sign", "-dy[i] if kept[i] > float32(0) else dy[i]"),
]:
    slip(f"{kernel}_backward", "gradient", phrase)(written(name, SLOPE, VALUE=value))


@slip("leaky_relu", "values", r"as if negative_slope were 0.3.*does the kernel use it")
@cuda.jit
def slope_is_a_constant(x, y, size, negative_slope):
    i = cuda.grid(1)
    if i < size:
        y[i] = x[i] if x[i] > float32(0) else float32(0.3) * x[i]


@slip("subtract", "values", r"changed places: this is b - a")
@cuda.jit
def operands_swapped(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = b[i] - a[i]


@slip("divide", "values", r"changed places: this is b / a")
@cuda.jit
def quotient_upside_down(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = b[i] / a[i]


@slip("add", "values", r"the same for any 'b': the kernel never reads it")
@cuda.jit
def adds_a_to_itself(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + a[i]


@slip("maximum", "values", r"this is what 'minimum' gives")
@cuda.jit
def smaller_for_larger(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = min(a[i], b[i])


@slip("relu", "machine", r"0.0 is a number of 64 bits there")
@cuda.jit
def bare_zero(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], 0.0)


# -- sums and maxima ---------------------------------------------------------------------------------------------------


ROWS = """
def kernel(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = FIRST
        for col in range(cols):
            total = STEP
        y[row] = LAST
"""
for kernel, phrase, name, first, step, last in [
    ("reduce_mean", "not divided by", "no_count", "float32(0)", "total + x[row, col]", "total"),
    ("reduce_mean", "right count", "one_more", "float32(0)", "total + x[row, col]", "total / float32(cols + 1)"),
    ("reduce_sum", "divided by the count", "a_mean", "float32(0)", "total + x[row, col]", "total / float32(cols)"),
    ("reduce_sum", "first term.*twice", "first_twice", "x[row, 0]", "total + x[row, col]", "total"),
    ("reduce_sum", "only the last term", "assigned", "float32(0)", "x[row, col]", "total"),
    ("reduce_sum", "squares", "squares", "float32(0)", "total + x[row, col] * x[row, col]", "total"),
    ("reduce_sum", "this is what 'reduce_max' gives", "largest", "x[row, 0]", "max(total, x[row, col])", "total"),
    ("reduce_max", "starts from 0", "from_zero", "float32(0)", "max(total, x[row, col])", "total"),
    ("reduce_max", "starts from -5", "from_minus_5", "float32(-5)", "max(total, x[row, col])", "total"),
    ("reduce_max", "this is what 'reduce_min' gives", "smallest", "x[row, 0]", "min(total, x[row, col])", "total"),
    ("reduce_min", "starts from 0", "from_zero", "float32(0)", "min(total, x[row, col])", "total"),
]:
    slip(kernel, "values", phrase)(written(name, ROWS, FIRST=first, STEP=step, LAST=last))

A_ROW_A_BLOCK = {"threads": 128, "blocks": lambda x, y: x.shape[0]}


@slip("reduce_sum", "values", r"only.*partial sum", **A_ROW_A_BLOCK)
@cuda.jit
def one_of_128_partial_sums(x, y, rows, cols):
    parts = cuda.shared.array(128, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for col in range(t, cols, 128):
        total += x[row, col]
    parts[t] = total
    cuda.syncthreads()
    if t == 0:
        y[row] = parts[0]


@slip("reduce_sum", "values", r"lane 31", threads=32, blocks=lambda x, y: x.shape[0])
@cuda.jit
def lane_31(x, y, rows, cols):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for col in range(lane, cols, 32):
        total += x[row, col]
    offset = 16
    while offset > 0:
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, offset)
        offset //= 2
    if lane == 31:
        y[row] = total


@slip("reduce_sum", "values", r"first 128 terms", **A_ROW_A_BLOCK)
@cuda.jit
def no_stride_loop(x, y, rows, cols):
    parts = cuda.shared.array(128, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    parts[t] = x[row, t] if t < cols else float32(0)
    cuda.syncthreads()
    half = 64
    while half > 0:
        if t < half:
            parts[t] += parts[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        y[row] = parts[0]


@slip("reduce_sum", "machine", r"^F4: Thread \d+ writes.*makes a block wait", **A_ROW_A_BLOCK)
@cuda.jit
def tree_without_barrier(x, y, rows, cols):
    parts = cuda.shared.array(128, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for col in range(t, cols, 128):
        total += x[row, col]
    parts[t] = total
    cuda.syncthreads()
    half = 64
    while half > 0:
        if t < half:
            parts[t] += parts[t + half]
        half //= 2
    if t == 0:
        y[row] = parts[0]


@slip("reduce_sum", "machine", r"^F9: .*64 of 128 threads.*Move it out", **A_ROW_A_BLOCK)
@cuda.jit
def barrier_in_the_if(x, y, rows, cols):
    parts = cuda.shared.array(128, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for col in range(t, cols, 128):
        total += x[row, col]
    parts[t] = total
    cuda.syncthreads()
    half = 64
    while half > 0:
        if t < half:
            parts[t] += parts[t + half]
            cuda.syncthreads()
        half //= 2
    if t == 0:
        y[row] = parts[0]


@slip("reduce_sum", "values", r"start=0", **A_ROW_A_BLOCK)
@cuda.jit
def atomic_without_start(x, y, rows, cols):
    row = cuda.blockIdx.x
    for col in range(cuda.threadIdx.x, cols, cuda.blockDim.x):
        cuda.atomic.add(y, row, x[row, col])


# -- softmax -----------------------------------------------------------------------------------------------------------


SOFTMAX = """
def kernel(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        largest = x[row, 0]
        for col in range(1, cols):
            largest = max(largest, x[row, col])
        total = float32(0)
        for col in range(cols):
            total += math.exp(x[row, col] - largest)
        for col in range(cols):
            y[row, col] = LAST
"""
for kernel, phrase, name, last in [
    ("softmax", "not divided by the row's sum", "no_sum", "math.exp(x[row, col] - largest)"),
    ("softmax", "this is what 'log_softmax' gives", "a_log", "x[row, col] - largest - math.log(total)"),
    ("softmax", "overflow", "overflows", "math.exp(x[row, col]) / (total * math.exp(largest))"),
    ("log_softmax", "logarithm of the row's sum", "no_log", "x[row, col] - largest"),
    ("log_softmax", "this is what 'softmax' gives", "a_softmax", "math.exp(x[row, col] - largest) / total"),
]:
    slip(kernel, "values", phrase)(written(name, SOFTMAX, LAST=last))


@slip("softmax", "values", r"starts from 0")
@cuda.jit
def maximum_from_zero(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        largest = float32(0)
        for col in range(cols):
            largest = max(largest, x[row, col])
        total = float32(0)
        for col in range(cols):
            total += math.exp(x[row, col] - largest)
        for col in range(cols):
            y[row, col] = math.exp(x[row, col] - largest) / total


@slip("softmax", "values", r"down the columns|along the other axis")
@cuda.jit
def sums_down_the_columns(x, y, rows, cols):
    col = cuda.grid(1)
    if col < cols:
        largest = x[0, col]
        for row in range(1, rows):
            largest = max(largest, x[row, col])
        total = float32(0)
        for row in range(rows):
            total += math.exp(x[row, col] - largest)
        for row in range(rows):
            y[row, col] = math.exp(x[row, col] - largest) / total


SOFTMAX_SLOPE = """
def kernel(dy, y, dx, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(cols):
            total += TERM
        for col in range(cols):
            dx[row, col] = LAST
"""
for kernel, phrase, name, term, last in [
    ("softmax", "diagonal", "diagonal_only", "dy[row, col]", "dy[row, col] * y[row, col] * (float32(1) - y[row, col])"),
    ("softmax", "row's sum of dy y is missing", "no_sum", "dy[row, col]", "dy[row, col] * y[row, col]"),
    ("softmax", "sum of dy alone", "sum_without_y", "dy[row, col]", "y[row, col] * (dy[row, col] - total)"),
    ("softmax", "factor y", "factor_forgotten", "dy[row, col] * y[row, col]", "dy[row, col] - total"),
    ("log_softmax", r"exp\(y\)", "y_for_exp_y", "dy[row, col]", "dy[row, col] - y[row, col] * total"),
    ("log_softmax", "row's sum of dy", "no_sum", "dy[row, col]", "dy[row, col] - math.exp(y[row, col])"),
]:
    slip(f"{kernel}_backward", "gradient", phrase)(written(name, SOFTMAX_SLOPE, TERM=term, LAST=last))


# -- matrix products ---------------------------------------------------------------------------------------------------


GEMM = """
def kernel(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total = STEP
        c[row, col] = total
"""
for phrase, name, step in [
    ("only the last term", "assigned", "a[row, k] * b[k, col]"),
    ("wrong sign", "minus", "total - a[row, k] * b[k, col]"),
    ("added where they are to be multiplied", "adds_factors", "total + a[row, k] + b[k, col]"),
    ("the same for any 'b'", "squares_a", "total + a[row, k] * a[row, k]"),
]:
    slip("gemm", "values", phrase)(written(name, GEMM, STEP=step))


@slip("gemm", "values", r"first 16 terms|only the first tile", threads=(16, 16))
@cuda.jit
def first_tile_only(a, b, c, m, n, k):
    col, row = cuda.grid(2)
    if row < m and col < n:
        total = float32(0)
        for i in range(min(k, 16)):
            total += a[row, i] * b[i, col]
        c[row, col] = total


@slip("gemm", "machine|values", r"add|start=0|total")
@cuda.jit
def adds_into_the_output(a, b, c, m, n, k):
    col, row = cuda.grid(2)
    if row < m and col < n:
        for i in range(k):
            c[row, col] += a[row, i] * b[i, col]


@slip("batched_gemm", "machine", r"cuda.grid\(1\) counts along x alone.*threads=256")
@cuda.jit
def one_index_for_blocks_of_two(a, b, c, batch, rows, cols, inner):
    i = cuda.grid(1)
    if i < c.size:
        col, row, n = i % cols, i // cols % rows, i // (cols * rows)
        total = float32(0)
        for k in range(inner):
            total += a[n, row, k] * b[n, k, col]
        c[n, row, col] = total


@slip("batched_gemm", "values", r"first of 'b' for all", threads=256)
@cuda.jit
def first_b_for_all(a, b, c, batch, rows, cols, inner):
    i = cuda.grid(1)
    if i < c.size:
        col, row, n = i % cols, i // cols % rows, i // (cols * rows)
        total = float32(0)
        for k in range(inner):
            total += a[n, row, k] * b[0, k, col]
        c[n, row, col] = total


# -- windows -----------------------------------------------------------------------------------------------------------

CONV = """
def kernel(x, w, y, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
    i = cuda.grid(1)
    if i < y.size:
        k, q = i % y.shape[3], i // y.shape[3] % y.shape[2]
        p, n = i // (y.shape[3] * y.shape[2]) % y.shape[1], i // (y.shape[3] * y.shape[2] * y.shape[1])
        total = float32(0)
        for r in range(w.shape[0]):
            for s in range(w.shape[1]):
                row, col = ROW, COL
                if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
                    for c in range(CHANNELS):
                        total = STEP
        y[n, p, q, k] = total
"""
CONV_RIGHT = {
    "ROW": "p * stride_h + r * dilation_h - pad_top", "COL": "q * stride_w + s * dilation_w - pad_left",
    "CHANNELS": "x.shape[3]", "STEP": "total + x[n, row, col, c] * w[r, s, c, k]",
}  # fmt: skip
for phrase, name, changed in [
    (
        "the stride is not used",
        "no_stride",
        {"ROW": "p + r * dilation_h - pad_top", "COL": "q + s * dilation_w - pad_left"},
    ),
    (
        "the padding is not used",
        "no_padding",
        {"ROW": "p * stride_h + r * dilation_h", "COL": "q * stride_w + s * dilation_w"},
    ),
    (
        "padding is added where",
        "padding_added",
        {"ROW": "p * stride_h + r * dilation_h + pad_top", "COL": "q * stride_w + s * dilation_w + pad_left"},
    ),
    (
        "the dilation is not used",
        "no_dilation",
        {"ROW": "p * stride_h + r - pad_top", "COL": "q * stride_w + s - pad_left"},
    ),
    (
        "stride of the rows and that of the columns are swapped",
        "strides_swapped",
        {"ROW": "p * stride_w + r * dilation_h - pad_top", "COL": "q * stride_h + s * dilation_w - pad_left"},
    ),
    (
        "padding of the rows and that of the columns are swapped",
        "pads_swapped",
        {"ROW": "p * stride_h + r * dilation_h - pad_left", "COL": "q * stride_w + s * dilation_w - pad_top"},
    ),
    ("stride of the rows is used for both", "one_stride", {"COL": "q * stride_h + s * dilation_w - pad_left"}),
    (
        "padding is multiplied by the stride",
        "padding_times_stride",
        {"ROW": "(p - pad_top) * stride_h + r * dilation_h", "COL": "(q - pad_left) * stride_w + s * dilation_w"},
    ),
    (
        "w flipped, its rows and columns",
        "flipped",
        {"STEP": "total + x[n, row, col, c] * w[w.shape[0] - 1 - r, w.shape[1] - 1 - s, c, k]"},
    ),
    ("only the first channel, c = 0,", "first_channel", {"CHANNELS": "1"}),
]:
    slip("conv2d", "values", phrase)(written(name, CONV, **{**CONV_RIGHT, **changed}))

slip("conv2d", "machine", r"hangs over the edge.*counts as 0.*0 <= … < x.shape")(
    written("no_test_of_the_edge", CONV.replace("if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:", "if True:"),
            **CONV_RIGHT)
)  # fmt: skip
slip("conv2d", "machine", r"where the axis ends at|hangs over")(
    written("as_nchw", CONV, **CONV_RIGHT | {"STEP": "total + x[n, c, row, col] * w[r, s, c, k]"})
)

DATA = """
def kernel(dy, w, dx, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
    i = cuda.grid(1)
    if i < dx.size:
        c, col = i % dx.shape[3], i // dx.shape[3] % dx.shape[2]
        row, n = i // (dx.shape[3] * dx.shape[2]) % dx.shape[1], i // (dx.shape[3] * dx.shape[2] * dx.shape[1])
        total = float32(0)
        for r in range(w.shape[0]):
            for s in range(w.shape[1]):
                p, q = row + pad_top - r * dilation_h, col + pad_left - s * dilation_w
                if REMAINDER:
                    p, q = p // stride_h, q // stride_w
                    if 0 <= p < dy.shape[1] and 0 <= q < dy.shape[2]:
                        for k in range(CHANNELS):
                            total += dy[n, p, q, k] * WEIGHT
        dx[n, row, col, c] = total
"""
DATA_RIGHT = {
    "REMAINDER": "p % stride_h == 0 and q % stride_w == 0", "CHANNELS": "dy.shape[3]", "WEIGHT": "w[r, s, c, k]",
}  # fmt: skip
for phrase, name, changed in [
    (
        "dx with w's rows and columns in the opposite order",
        "not_flipped",
        {"WEIGHT": "w[w.shape[0] - 1 - r, w.shape[1] - 1 - s, c, k]"},
    ),
    ("multiple of the stride", "no_remainder", {"REMAINDER": "True"}),
    ("only the first output channel, k = 0,", "first_k", {"CHANNELS": "1"}),
]:
    slip("conv2d_backward_data", "gradient", phrase)(written(name, DATA, **{**DATA_RIGHT, **changed}))

WEIGHTS = """
def kernel(x, dy, dw, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
    i = cuda.grid(1)
    if i < dw.size:
        k, c = i % dw.shape[3], i // dw.shape[3] % dw.shape[2]
        s, r = i // (dw.shape[3] * dw.shape[2]) % dw.shape[1], i // (dw.shape[3] * dw.shape[2] * dw.shape[1])
        total = float32(0)
        for n in range(IMAGES):
            for p in range(dy.shape[1]):
                for q in range(dy.shape[2]):
                    row, col = p * stride_h + r * dilation_h - pad_top, q * stride_w + s * dilation_w - pad_left
                    if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
                        total += x[n, row, col, c] * dy[n, p, q, k]
        dw[PLACE] = LAST
"""
WEIGHTS_RIGHT = {"IMAGES": "x.shape[0]", "PLACE": "r, s, c, k", "LAST": "total"}
for phrase, name, changed in [
    ("only the first image", "first_image", {"IMAGES": "1"}),
    ("mean over the images", "mean_of_images", {"LAST": "total / float32(x.shape[0])"}),
    ("dw in the opposite order", "flipped", {"PLACE": "dw.shape[0] - 1 - r, dw.shape[1] - 1 - s, c, k"}),
]:
    slip("conv2d_backward_weights", "gradient", phrase)(written(name, WEIGHTS, **{**WEIGHTS_RIGHT, **changed}))

POOL = """
def kernel(x, y, pool_h, pool_w, stride_h, stride_w, pad_top, pad_left):
    i = cuda.grid(1)
    if i < y.size:
        c, q = i % y.shape[3], i // y.shape[3] % y.shape[2]
        p, n = i // (y.shape[3] * y.shape[2]) % y.shape[1], i // (y.shape[3] * y.shape[2] * y.shape[1])
        total, count = float32(START), float32(0)
        for r in range(TALL):
            for s in range(WIDE):
                row, col = p * stride_h + r - pad_top, q * stride_w + s - pad_left
                if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
                    total = STEP
                    count += float32(1)
        y[n, p, q, c] = LAST
"""
POOL_RIGHT = {"START": "-math.inf", "TALL": "pool_h", "WIDE": "pool_w", "STEP": "max(total, x[n, row, col, c])",
              "LAST": "total"}  # fmt: skip
MEAN = {"START": "0", "STEP": "total + x[n, row, col, c]", "LAST": "total / count"}
for kernel, phrase, name, changed in [
    ("max_pool2d", "starts from 0", "from_zero", {"START": "0"}),
    ("max_pool2d", "height and width are swapped", "sides_swapped", {"TALL": "pool_w", "WIDE": "pool_h"}),
    ("max_pool2d", "this is what 'average_pool2d' gives", "a_mean", MEAN),
    ("max_pool2d", "first value", "first_value", {"TALL": "1", "WIDE": "1"}),
    ("average_pool2d", "not divided by the number of cells", "a_sum", MEAN | {"LAST": "total"}),
    ("average_pool2d", "whole window's size", "all_cells", MEAN | {"LAST": "total / float32(pool_h * pool_w)"}),
]:
    slip(kernel, "values", phrase)(written(name, POOL, **{**POOL_RIGHT, **changed}))

POOL_BACK = """
def kernel(dy, x, y, dx, pool_h, pool_w, stride_h, stride_w, pad_top, pad_left):
    i = cuda.grid(1)
    if i < dx.size:
        c, col = i % dx.shape[3], i // dx.shape[3] % dx.shape[2]
        row, n = i // (dx.shape[3] * dx.shape[2]) % dx.shape[1], i // (dx.shape[3] * dx.shape[2] * dx.shape[1])
        total = float32(0)
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                r, s = row - p * stride_h + pad_top, col - q * stride_w + pad_left
                if 0 <= r < pool_h and 0 <= s < pool_w:
                    if CONDITION:
                        total = STEP
        dx[n, row, col, c] = total
"""
for phrase, name, condition, step in [
    (
        "each gets all of dy: it belongs to the first",
        "ties",
        "x[n, row, col, c] == y[n, p, q, c]",
        "total + dy[n, p, q, c]",
    ),
    ("every cell of the window gets dy", "no_condition", "True", "total + dy[n, p, q, c]"),
    ("gets dy of the last one alone", "assigned", "x[n, row, col, c] == y[n, p, q, c]", "dy[n, p, q, c]"),
]:
    slip("max_pool2d_backward", "gradient", phrase)(written(name, POOL_BACK, CONDITION=condition, STEP=step))


# -- host functions ----------------------------------------------------------------------------------------------------


@slip("relu", "runs", r"returned None.*return y")
def returns_nothing(x, *, on=None):
    y = np.empty_like(x)
    copy_relu[math.ceil(x.size / 256), 256](x.reshape(-1), y.reshape(-1), x.size)


@slip("relu", "runs", r"must return float32")
def wrong_dtype(x, *, on=None):
    y = np.empty(x.shape, np.float64)
    copy_relu[math.ceil(x.size / 256), 256](x.reshape(-1), y.reshape(-1), x.size)
    return y


@slip("relu", "runs", r"no kernel was launched")
def no_launch(x, *, on=None):
    return np.maximum(x, 0)


@cuda.jit
def copy_relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


def layer_norm(**wrong):
    """Layer normalization with one thing wrong, in NumPy, beside a kernel that does nothing: for the words alone."""

    def run(x, gamma, beta, *, epsilon=1e-3, axes=-1, on=None):
        copy_relu[1, 32](np.zeros(1, np.float32), np.zeros(1, np.float32), 1)
        reduced = tuple(np.atleast_1d(axes))
        variance = x.var(reduced, keepdims=True, ddof=wrong.get("ddof", 0))
        deviation = (variance + epsilon) ** wrong.get("power", 0.5)
        normal = (x - x.mean(reduced, keepdims=True)) / deviation
        y = normal * (1 if gamma is None else gamma) + (0 if beta is None else beta)
        return np.float32(y), np.float32(normal), np.float32(1 / deviation)

    run.__name__ = "layer_norm_" + "_".join(wrong)
    return run


slip("layer_norm", "values", "one less than the count")(layer_norm(ddof=1))
slip("layer_norm", "values", "square root is missing")(layer_norm(power=1.0))


@slip("embedding_backward", "gradient", "dy of the last one alone: add, do not assign")
def assigned_rows(dy, ids, *, table_shape, on=None):
    copy_relu[1, 32](np.zeros(1, np.float32), np.zeros(1, np.float32), 1)
    table = np.zeros(table_shape, np.float32)
    table[ids.reshape(-1)] = dy.reshape(-1, table_shape[1])
    return table


@slip("concatenate", "values", "opposite order")
def last_first(*xs, axis=-1, on=None):
    copy_relu[1, 32](np.zeros(1, np.float32), np.zeros(1, np.float32), 1)
    return np.concatenate(xs[::-1], axis)


@slip("dropout_backward", "gradient", "as if scale were 1.0.*does the kernel use it")
def scale_forgotten(dy, keep, *, scale, on=None):
    copy_relu[1, 32](np.zeros(1, np.float32), np.zeros(1, np.float32), 1)
    return np.float32(dy * keep)


@slip("conv2d_backward_bias", "gradient", "only the first image")
def bias_of_the_first_image(dy, *, on=None):
    copy_relu[1, 32](np.zeros(1, np.float32), np.zeros(1, np.float32), 1)
    return dy[0].sum((0, 1))


@slip("transpose", "values", "stored transposed")
def reshaped_for_transposed(x, *, axes=None, on=None):
    copy_relu[1, 32](np.zeros(1, np.float32), np.zeros(1, np.float32), 1)
    return x.reshape(x.transpose(axes).shape)


# -- sums that go on, bounds and absolute values -----------------------------------------------------------------------


@slip("gemm", "values", "each sum goes on from the one before it along axis 1", threads=64,
      blocks=lambda a, b, c: (a.shape[0] + 63) // 64)  # fmt: skip
@cuda.jit
def total_is_never_set_back(a, b, c, m, n, k):
    row = cuda.grid(1)
    if row < m:
        total = float32(0)
        for col in range(n):
            for t in range(k):
                total += a[row, t] * b[t, col]
            c[row, col] = total


@slip("clip", "values", "x is held to low alone, and high is never applied")
@cuda.jit
def one_bound(x, y, size, low, high):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], low)


@slip("divide", "values", r"this is a // b")
@cuda.jit
def rounded_down(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] // b[i]


@slip("mod", "values", "this is math.fmod")
@cuda.jit
def remainder_of_c(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = math.fmod(a[i], b[i])


@slip("reduce_max", "values", "the absolute values are compared")
@cuda.jit
def largest_in_size(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        found = x[row, 0]
        for col in range(cols):
            if abs(x[row, col]) > abs(found):
                found = x[row, col]
        y[row] = found


@slip("log_softmax", "values", "the logarithm of a probability is -inf where it is 0 in float32", threads=32,
      blocks=lambda x, y: (x.shape[0] + 31) // 32)  # fmt: skip
@cuda.jit
def log_of_softmax(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        largest, total = x[row, 0], float32(0)
        for col in range(cols):
            largest = max(largest, x[row, col])
        for col in range(cols):
            total += math.exp(x[row, col] - largest)
        for col in range(cols):
            y[row, col] = math.log(math.exp(x[row, col] - largest) / total)


@cuda.jit
def picks_any_label(labels, logits, loss, log_p):
    row = cuda.grid(1)
    if row < logits.shape[0]:
        largest, total = logits[row, 0], float32(0)
        for col in range(logits.shape[1]):
            largest = max(largest, logits[row, col])
        for col in range(logits.shape[1]):
            total += math.exp(logits[row, col] - largest)
        for col in range(logits.shape[1]):
            log_p[row, col] = logits[row, col] - largest - math.log(total)
        loss[row] = -log_p[row, labels[row]]


@slip("sparse_softmax_crossentropy", "machine", "a negative label marks a row that does not count")
def negative_label(labels, logits):
    rows, classes = labels.size, logits.shape[-1]
    loss, log_p = np.empty(labels.shape, np.float32), np.empty(logits.shape, np.float32)
    flat = labels.reshape(-1), logits.reshape(rows, classes), loss.reshape(-1), log_p.reshape(rows, classes)
    picks_any_label[(rows + 31) // 32, 32](*flat)
    return loss, log_p


@slip("square", "values", r"writes to no element of 'y'.*`y\[…\] = …` writes it")
@cuda.jit
def a_name_for_the_output(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y = x[i] * x[i]  # noqa: F841


@slip("sgd_update", "runs", "A tuple of one has a comma")
def no_tuple(w, dw, *, learning_rate):
    copy_relu[1, 32](np.zeros(1, np.float32), np.zeros(1, np.float32), 1)
    return w - np.float32(learning_rate) * dw
