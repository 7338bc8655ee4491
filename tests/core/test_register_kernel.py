"""minidl.register_kernel: a student's kernel becomes a rung, and every mistake in doing so has its message."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from numba import cuda, float32
from student_rungs import gemm, relu, row_sum, softmax

import minidl
from minidl.backends import unregister_kernel
from minidl.backends.devices.arrays import to_host
from minidl.backends.students.host import covering
from minidl.errors import ArgumentError, BackendError, UnknownNameError
from minidl.testing.kernels.runs import ops_with


@pytest.fixture
def register():
    """Register, and take everything away afterwards."""
    names = []

    def call(kernel, name="mine", *given, **options):
        done = minidl.register_kernel(kernel, name, *given, **options)
        names.append((kernel, name))
        return done

    yield call
    for kernel, name in dict.fromkeys(names):
        unregister_kernel(kernel, name)


@pytest.mark.parametrize(
    ("kernel", "ops"),
    [("gemm", ["gemm", "dense"]), ("relu_backward", ["relu"]), ("conv2d_backward_data", ["conv2d"]), ("fill", [])],
)
def test_a_kernel_is_checked_in_the_op_of_its_own_name_first(kernel, ops):
    assert ops_with(kernel) == ops


@pytest.mark.parametrize(
    ("shape", "threads", "grid"),
    [
        ((3, 5, 100), (32,), (47,)), ((3, 5, 100), (32, 4), (4, 4)), ((3, 5, 100), (32, 4, 2), (4, 2, 2)),
        ((2, 3, 5, 100), (32, 4, 4), (4, 2, 2)), ((100,), (32, 4), (4, 1)), ((100,), (32, 4, 2), (4, 1, 1)),
        ((), (32,), (1,)), ((), (32, 4), (1, 1)), ((), (32, 4, 2), (1, 1, 1)),
    ],
)  # fmt: skip
def test_the_grid_covers_an_output_from_its_last_axis_on(shape, threads, grid):
    assert covering(shape, threads) == grid


def test_a_kernel_alone_becomes_a_rung(register):
    assert register("gemm", "mine", gemm) is gemm
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((3, 5), np.float32)
    with minidl.using(gemm="simt:mine"):
        y = (minidl.Tensor(a) @ minidl.Tensor(b)).numpy()
    np.testing.assert_array_equal(y, a @ b)
    assert "simt:mine" in minidl.ops_table("gemm")["gemm"]["forward"]["available"].split()
    assert "cuda:mine" in minidl.ops_table("dense")["dense"]["backward"]["available"].split()


def launched_in(block):
    from cuda_kernels.launch import launches

    with launches() as found:
        block()
    return [launch.name for launch in found]


def test_a_layer_goes_through_it_and_trains(register):
    """The kernel knows neither bias nor transposed operands: the ladder's kernels add and transpose for it."""
    register("gemm", "mine", gemm)
    layer = minidl.layers.Dense(4, backend={"dense": "simt:mine"})
    x = minidl.Tensor(np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5))
    layer(x)
    reference = minidl.layers.Dense(4)
    reference(x)
    reference.set_weights(layer.get_weights())
    gradients = []

    def step(of):
        with minidl.GradientTape() as tape:
            loss = (of(x) * of(x)).sum()
        gradients.append([g.numpy() for g in tape.gradient(loss, of.trainable_weights)])

    assert "gemm" in launched_in(lambda: step(layer))
    step(reference)
    for mine, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def test_the_decorator_gives_the_kernel_back(register):
    @register("relu", "mine", threads=64)
    @cuda.jit
    def my_relu(x, y, n):
        i = cuda.grid(1)
        if i < n:
            y[i] = max(x[i], float32(0))

    assert my_relu.__name__ == "my_relu"
    with minidl.using(relu_forward="simt:mine"):
        assert minidl.functional.relu([[-1.0, 2.0]]).numpy().tolist() == [[0, 2]]


@pytest.mark.parametrize("axis", [-1, 0])
def test_rows_are_brought_to_the_kernel(register, axis):
    register("softmax", "mine", softmax)
    register("reduce_sum", "mine", row_sum)
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    with minidl.using(softmax_forward="simt:mine", reduce_sum="simt:mine"):
        y = minidl.functional.softmax(x, axis=axis)
        total = minidl.functional.reduce_sum(y, axes=(axis,), keepdims=True)
    np.testing.assert_allclose(total.numpy(), np.ones_like(x.sum(axis, keepdims=True)), rtol=1e-6)
    assert y.shape == x.shape


def test_a_setting_reaches_the_kernel_by_name(register):
    @register("leaky_relu", "mine")
    @cuda.jit
    def leaky(x, y, size, negative_slope):
        i = cuda.grid(1)
        if i < size:
            y[i] = x[i] if x[i] > float32(0) else negative_slope * x[i]

    with minidl.using(leaky_relu_forward="simt:mine"):
        y = minidl.functional.leaky_relu([-2.0, 2.0], negative_slope=0.25)
    assert y.numpy().tolist() == [-0.5, 2]


def test_a_setting_that_the_kernel_leaves_out_is_refused_unless_it_is_the_default(register):
    @register("max_pool2d", "mine")
    @cuda.jit
    def pool(x, y):
        i = cuda.grid(1)
        if i < y.size:
            y[i // (y.shape[1] * y.shape[2]), i // y.shape[2] % y.shape[1], i % y.shape[2], 0] = x[0, 0, 0, 0]

    x = np.ones((1, 4, 4, 1), np.float32)
    with minidl.using(max_pool2d_forward="simt:mine"):
        assert minidl.functional.max_pool2d(x).shape == (1, 2, 2, 1)
        with pytest.raises(BackendError, match=r"takes no 'strides'. Got \(1, 1\). Ask for stride_h and stride_w"):
            minidl.functional.max_pool2d(x, strides=(1, 1))


def test_a_host_function_uses_numbas_own_launch(register):
    def run(x, *, axes=None, keepdims=False):
        assert axes in (None, (0,)) and not keepdims
        y = np.empty(x.shape[1], np.float32)
        row_sum[math.ceil(y.size / 32), 32](np.ascontiguousarray(x.T), y, *x.T.shape)
        return y

    register("reduce_sum", "mine", run)
    with minidl.using(reduce_sum_forward="simt:mine"):
        assert minidl.functional.reduce_sum(np.ones((3, 2), np.float32), axes=(0,)).numpy().tolist() == [3, 3]


def test_one_direction_of_an_op_is_chosen_by_its_kernel(register):
    register("relu", "mine", relu)
    x = minidl.Variable([-1.0, 3.0])
    with minidl.using(relu_forward="simt:mine"), minidl.GradientTape() as tape:
        loss = minidl.functional.relu(x).sum()
    assert to_host(tape.gradient(loss, x).data, "test").tolist() == [0, 1]


# -- mistakes ----------------------------------------------------------------------------------------------------------


def no_parameters():
    return None


def too_many(x, y, z, size):
    return x


@cuda.jit(device=True)
def device_function(x):
    return x


@cuda.jit
def asks_for_width(x, y, width):
    pass


@cuda.jit
def one_array(x):
    pass


@pytest.mark.parametrize(
    ("kernel", "name", "given", "options", "error", "message"),
    [
        ("gem", "mine", gemm, {}, UnknownNameError, "unknown kernel in register_kernel: 'gem'. Did you mean 'gemm'"),
        ("dense", "mine", gemm, {}, ArgumentError, "'dense' has no kernel of its own; it is computed by 'gemm'"),
        ("gemm", "r3", gemm, {}, ArgumentError, "r1, r2 .* names of the ladder's own rungs .*Got 'r3'"),
        ("gemm", "first", gemm, {}, ArgumentError, "names of the ladder's own rungs"),
        ("gemm", "my kernel", gemm, {}, ArgumentError, "must be a Python identifier.*'my kernel'"),
        ("gemm", "mine", 3, {}, ArgumentError, "must be a @cuda.jit kernel or a host function.*Got int"),
        ("gemm", "mine", device_function, {}, ArgumentError, "is a device function.*Leave out device=True"),
        ("relu", "mine", no_parameters, {}, ArgumentError, r"host function must take \(x\).*Got \(\)"),
        ("softmax", "mine", too_many, {}, ArgumentError, r"must take \(x\) and may take the keywords axis.*Got \(x, y"),
        ("relu", "mine", asks_for_width, {}, ArgumentError, r"parameter 'width' is not known.*\(x, y\).*size"),
        ("relu", "mine", one_array, {}, ArgumentError, r"too few parameters.*\(x, y\)"),
        (
            "relu",
            "mine",
            len,
            {"threads": 32},
            ArgumentError,
            "threads=.*are for a @cuda.jit kernel.*'len'.*Write @cuda",
        ),
        ("relu", "mine", relu, {"threads": 2048}, ArgumentError, "threads must be .*at most 1024.*Got 2048"),
        ("embedding", "mine", relu, {}, ArgumentError, "for 'embedding' give a host function"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_registered(kernel, name, given, options, error, message):
    with pytest.raises(error, match=message):
        minidl.register_kernel(kernel, name, given, **options)
    with pytest.raises(BackendError):
        minidl.use(**{kernel if kernel in ("gemm", "relu", "softmax") else "gemm": "simt:mine"})


def gemm_undecorated(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        c[row, col] = a[row, 0] * b[0, col]


def relu_undecorated(x, y, size):
    i = cuda.threadIdx.x + cuda.blockIdx.x * cuda.blockDim.x
    if i < size:
        y[i] = max(x[i], float32(0))


@pytest.mark.parametrize(
    "kernel, given, used, line",
    [
        ("gemm", gemm_undecorated, "cuda.grid", "col, row = cuda.grid(2)"),
        ("relu", relu_undecorated, "cuda.threadIdx", "i = cuda.threadIdx.x + cuda.blockIdx.x * cuda.blockDim.x"),
    ],
)
def test_a_kernel_without_its_decorator_is_told_so_with_its_line(kernel, given, used, line):
    with pytest.raises(ArgumentError) as raised:
        minidl.register_kernel(kernel, "mine", given)
    text = str(raised.value)
    assert f"uses {used}, so it is a kernel, and has no @cuda.jit (line " in text
    assert f"Write @cuda.jit directly above `def {given.__name__}`" in text and line in text


def test_decorators_the_wrong_way_round_are_told_so():
    with pytest.raises(ArgumentError, match="has no @cuda.jit.*may not change places"):

        @cuda.jit
        @minidl.register_kernel("gemm", "mine")
        def swapped(a, b, c):
            i = cuda.grid(1)
            c[i, 0] = a[i, 0]


def test_a_kernel_with_its_grid_is_told_so():
    with pytest.raises(ArgumentError, match="together with its grid and block.*Register the kernel itself"):
        minidl.register_kernel("relu", "mine", relu[1, 32])


def test_a_function_compiled_for_the_cpu_is_told_so():
    from numba import njit

    with pytest.raises(ArgumentError, match="compiled for the CPU, by numba's @jit or @njit"):
        minidl.register_kernel("relu", "mine", njit(lambda x, y: None))


def test_a_host_function_with_a_kernel_inside_is_no_kernel(register):
    def run(x, *, on=None):
        @cuda.jit
        def kernel(x, y):
            i = cuda.grid(1)
            if i < y.size:
                y[i] = max(x[i], float32(0))

        y = np.empty_like(x)
        kernel[x.size // 64 + 1, 64](x.reshape(-1), y.reshape(-1))
        return y

    register("relu", "mine", run)
    assert minidl.check("relu:mine").passed


def test_an_argument_that_the_caller_leaves_out_reaches_a_function_that_needs_it(register):
    def run(a, b, bias, *, on=None):
        assert bias is None
        return np.float32(a @ b)

    register("gemm", "mine", run)
    with minidl.using(gemm="simt:mine"):
        y = minidl.Tensor(np.eye(2, dtype=np.float32)) @ minidl.Tensor(np.eye(2, dtype=np.float32))
    np.testing.assert_array_equal(y.numpy(), np.eye(2))


def test_another_function_takes_a_name_only_with_replace(register):
    register("relu", "mine", relu)
    register("relu", "mine", relu)  # a cell that is run again
    with pytest.raises(
        ArgumentError, match=r"relu:mine is registered already, by 'relu'. Got '<lambda>'.*replace=True"
    ):
        minidl.register_kernel("relu", "mine", lambda x: x)
    register("relu", "mine", lambda x: x, replace=True)


def test_an_unregistered_rung_is_gone():
    minidl.register_kernel("relu", "mine", relu)
    unregister_kernel("relu", "mine")
    with pytest.raises(BackendError, match="relu has no backend 'simt:mine'"):
        minidl.use(relu="simt:mine")
    with pytest.raises(UnknownNameError, match="kernel of your own for relu"):
        unregister_kernel("relu", "mine")


def test_importing_minidl_imports_no_numba():
    code = "import minidl, sys; minidl.register_kernel; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_kernel_of_a_notebook_cell_runs_and_is_explained():
    """A cell of IPython: its source is read through linecache, and lines are counted in the cell."""
    shells = pytest.importorskip("IPython.core.interactiveshell", reason="NOT RUN: needs IPython (pip install ipython)")
    InteractiveShell = shells.InteractiveShell
    shell = InteractiveShell()
    cell = """
import minidl
from numba import cuda, float32
@minidl.register_kernel("relu", "of_a_cell")
@cuda.jit
def cell_relu(x, y, size):
    i = cuda.grid(1)
    if i <= size:
        y[i] = max(x[i], float32(0))
found = minidl.check("relu:of_a_cell")
"""
    try:
        shell.run_cell(cell).raise_error()
        assert shell.user_ns["found"].failed_stage == "machine"
        assert "y[i] = max(x[i], float32(0))" in shell.user_ns["found"].source
        shell.run_cell(cell.replace("<=", "<")).raise_error()  # the student edits the cell, and runs it again
        assert shell.user_ns["found"].passed
    finally:
        unregister_kernel("relu", "of_a_cell")
        InteractiveShell.clear_instance()
