"""What a message advises works: the kernel that follows it passes."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from numba import cuda, float32
from student_slips import A_ROW_A_BLOCK, DATA, DATA_RIGHT, SLIPS, written

import minidl
from minidl.backends import unregister_kernel

SLIP = {slip.name: slip for slip in SLIPS}


def checked(kernel, given, options):
    minidl.register_kernel(kernel, "advised", given, replace=True, **options)
    try:
        return minidl.check(f"{kernel}:advised")
    finally:
        unregister_kernel(kernel, "advised")


@cuda.jit
def add_guarded_by_y_size(a, b, y):
    i = cuda.grid(1)
    if i < y.size:
        y[i] = a[i] + b[i]


@cuda.jit
def add_guarded_by_size(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]


@cuda.jit
def add_by_block_and_thread(a, b, y, size):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i < size:
        y[i] = a[i] + b[i]


@cuda.jit
def gemm_guarded(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, col]
        c[row, col] = total


@cuda.jit
def batched(a, b, c, batch, rows, cols, inner):
    i = cuda.grid(1)
    if i < c.size:
        col, row, n = i % cols, i // cols % rows, i // (cols * rows)
        total = float32(0)
        for k in range(inner):
            total += a[n, row, k] * b[n, k, col]
        c[n, row, col] = total


@cuda.jit
def relu_with_else(x, y, size):
    i = cuda.grid(1)
    if i < size:
        if x[i] > float32(0):
            y[i] = x[i]
        else:
            y[i] = float32(0)


@cuda.jit
def relu_in_order(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


@cuda.jit
def softplus_advised(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0)) + math.log1p(math.exp(-abs(x[i])))


@cuda.jit
def sigmoid_advised(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = float32(1) / (float32(1) + math.exp(-x[i]))


@cuda.jit
def tanh_advised(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = math.tanh(x[i])


@cuda.jit
def softplus_overflows(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = math.log(float32(1) + math.exp(x[i]))


@cuda.jit
def sigmoid_overflows(x, y, size):
    i = cuda.grid(1)
    if i < size:
        e = math.exp(x[i])
        y[i] = e / (float32(1) + e)


@cuda.jit
def tanh_overflows(x, y, size):
    i = cuda.grid(1)
    if i < size:
        a, b = math.exp(x[i]), math.exp(-x[i])
        y[i] = (a - b) / (a + b)


@cuda.jit
def sum_with_a_variable(x, y, rows, cols):
    row = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        total = float32(0)
        for col in range(cols):
            total += x[row, col]
        y[row] = total


def of(name):
    slip = SLIP[name]
    return slip.kernel, slip.given, slip.options


ADVICE = [
    (of("add-no_guard"), "put `if i < y.size:`", (add_guarded_by_y_size, {})),
    (of("add-no_guard"), "ask for the parameter size, and put `if i < size:`", (add_guarded_by_size, {})),
    (of("add-guard_lets_one_more_pass"), "Write `<`", (add_guarded_by_size, {})),
    (of("gemm-guards_one_axis_only"), "`if row < c.shape[0] and col < c.shape[1]:`", (gemm_guarded, {})),
    (of("gemm-rows_and_columns_swapped"), "`col, row = cuda.grid(2)`", (gemm_guarded, {"threads": (32, 8)})),
    (of("add-thread_and_block_changed_places"), "`cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x`",
     (add_by_block_and_thread, {})),
    (of("reduce_sum-blocks_left_out"), "`blocks=lambda x, y: y.size`",
     (SLIP["reduce_sum-blocks_left_out"].given, {"threads": 32, "blocks": lambda x, y: y.size})),
    (of("add-grid_rounded_down"), "`math.ceil(n / 256)`",
     (add_guarded_by_size, {"blocks": lambda a, b, y: math.ceil(y.size / 256)})),
    (of("batched_gemm-one_index_for_blocks_of_two"), "threads=256", (batched, {"threads": 256})),
    (of("relu-if_without_else"), "else", (relu_with_else, {})),
    (of("relu-output_first"), "order (x, y)", (relu_in_order, {})),
    (of("reduce_sum-atomic_without_start"), "start=0",
     (SLIP["reduce_sum-atomic_without_start"].given, A_ROW_A_BLOCK | {"start": 0})),
    (of("conv2d_backward_data-no_remainder"), "multiple of the stride", (written("data", DATA, **DATA_RIGHT), {})),
    (("softplus", softplus_overflows, {}), "max(x, 0) + log1p(exp(-abs(x)))", (softplus_advised, {})),
    (("sigmoid", sigmoid_overflows, {}), "1 / (1 + exp(-x))", (sigmoid_advised, {})),
    (("tanh", tanh_overflows, {}), "math.tanh(x)", (tanh_advised, {})),
    (("reduce_sum", sum_with_a_variable, {"threads": 32}), "`blocks=lambda x, y: y.size`",
     (sum_with_a_variable, {"threads": 32, "blocks": lambda x, y: y.size})),
]  # fmt: skip


@pytest.mark.parametrize("slip, advice, mended", ADVICE)
def test_a_kernel_that_follows_the_advice_passes(slip, advice, mended):
    kernel, given, options = slip
    result = checked(kernel, given, options)
    assert not result.passed and advice in result.cause.replace("\n", " "), result
    assert checked(kernel, *mended).passed, checked(kernel, *mended)


def test_a_refused_setting_names_what_can_be_chosen_instead():
    @cuda.jit
    def plain(dy, w, dx):
        i = cuda.grid(1)
        if i < dx.size:
            dx[i // (dx.shape[1] * dx.shape[2] * dx.shape[3]), 0, 0, 0] = dy[0, 0, 0, 0] * w[0, 0, 0, 0]

    minidl.register_kernel("conv2d_backward_data", "advised", plain)
    try:
        layer = minidl.layers.Conv2D(2, 3, strides=2, backend={"conv2d_backward": "simt:advised"})
        with minidl.GradientTape() as tape:
            x = minidl.Variable(np.ones((1, 5, 5, 1), np.float32))
            loss = layer(x).sum()
        with pytest.raises(minidl.errors.BackendError, match="takes no 'strides'") as raised:
            tape.gradient(loss, x)
    finally:
        unregister_kernel("conv2d_backward_data", "advised")
    advised = re.search(r"minidl\.using\((\w+)='simt'\)", str(raised.value))
    assert advised is not None
    with minidl.using(**{advised[1]: "simt"}):
        pass


@pytest.mark.parametrize("kernel", ["layer_norm", "embedding", "transpose"])
def test_where_a_kernel_alone_will_not_do_a_host_function_does(kernel):
    """The message names the function whose arguments are to be taken."""

    @cuda.jit
    def alone(x, y):
        i = cuda.grid(1)
        y[i] = x[i]

    with pytest.raises(minidl.errors.ArgumentError, match=re.escape(f"cuda_kernels.ladder.rung('{kernel}').run takes")):
        minidl.register_kernel(kernel, "advised", alone)
    from cuda_kernels import ladder

    result = checked(kernel, ladder.rung(kernel).run, {})
    assert result.passed, result
