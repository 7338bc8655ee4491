"""Launching: the right place, the right types, and an error that helps for everything a GPU would refuse or misread."""

import numpy as np
import pytest

from cuda_kernels import ladder, simt
from cuda_kernels._cuda import cuda, float32
from cuda_kernels.arrays import ERROR_NAMES, KernelError, driver_errors, explained
from cuda_kernels.launch import (
    NoGpuError,
    check_array,
    empty,
    gpu_problem,
    grid_2d,
    launch,
    place_of,
    resident_blocks,
    rows_are_wide,
    set_allocator,
    simt_options,
    to_device,
    zeros,
)


class DeviceArray:
    """Stands for an array on a GPU: all that launch asks of it before it needs the GPU."""

    def __init__(self, shape=(4,), dtype=np.float32, strides=None):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.size = int(np.prod(shape))
        self.strides = strides or np.zeros(shape, dtype).strides

    __cuda_array_interface__ = property(lambda self: {"data": (0, False)})
    ndim = property(lambda self: len(self.shape))


@cuda.jit
def scale(x, y, factor, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = x[i] * factor


@cuda.jit
def unguarded(x, y):
    i = cuda.grid(1)
    y[i] = x[i]


def test_launch_runs_on_the_machine_and_converts_numbers():
    x, y = np.arange(5, dtype=np.float32), np.zeros(5, np.float32)
    report = launch(scale, 1, 32, x, y, 2.0, 5)
    np.testing.assert_array_equal(y, 2 * x)
    assert report.faults == [], "a Python float would have been float64"


def test_numba_does_not_warn_of_small_grids():
    scale[4, 32]  # what a launch on a GPU begins with; a warning would be an error here


def test_launch_raises_the_first_fault():
    with pytest.raises(simt.KernelFault, match="outside its shape"):
        launch(unguarded, 1, 32, np.zeros(5, np.float32), np.zeros(5, np.float32))


def test_simt_options_collects_reports_and_ends_with_the_block():
    arguments = (np.zeros(5, np.float32), np.zeros(5, np.float32))
    with simt_options(strict=False) as reports:
        launch(unguarded, 1, 32, *arguments)
        with simt_options(checks=False) as inner:
            launch(unguarded, 1, 32, *arguments)
        launch(unguarded, 1, 32, *arguments)
    assert [len(r.faults) for r in reports] == [2, 2]
    assert len(inner) == 1 and not inner[0].checked
    with pytest.raises(simt.KernelFault):
        launch(unguarded, 1, 32, *arguments)


@pytest.mark.parametrize("arguments, error, said", [
    ((np.zeros(4, np.float32), None, 1.0, 4), TypeError, "bake the choice"),
    ((np.zeros(4, np.float32), [1.0], 1.0, 4), TypeError, "must be an array or a number. Got list"),
    ((np.zeros(4, np.float32), DeviceArray(), 1.0, 4), TypeError, "together with device arrays"),
    ((np.zeros(0, np.float32), np.zeros(4, np.float32), 1.0, 4), ValueError, "no elements"),
    ((np.zeros((4, 4), np.float32).T, np.zeros(4, np.float32), 1.0, 4), ValueError, "C-contiguous"),
    ((np.zeros(4, np.float32), np.zeros(4, np.float32), 1.0, 2**31), ValueError, "fit in int32. Got 2147483648"),
])
def test_bad_argument_is_named(arguments, error, said):
    with pytest.raises(error, match=said) as caught:
        launch(scale, 1, 32, *arguments)
    assert str(caught.value).startswith("scale: ")


@pytest.mark.parametrize("grid, block, said", [
    (0, 32, "the grid must lie in"), ((1, 70000), 32, "at most 65535"), (1, 2048, "the block must lie in"),
    (1, (64, 32), "may have 1024 threads"), (1, (1, 1, 128), r"block must lie in 1 to \(1024, 1024, 64\)"),
    (2.5, 32, "one to three ints"), ((1, 1, 1, 1), 32, "one to three ints"),
])
def test_bad_grid_or_block_is_named(grid, block, said):
    x = np.zeros(4, np.float32)
    with pytest.raises(ValueError, match=said):
        launch(scale, grid, block, x, x.copy(), 1.0, 4)


def test_array_in_the_wrong_place_is_named():
    x = np.zeros(4, np.float32)
    with pytest.raises(TypeError, match=r"cannot launch on 'cuda'. Got NumPy arrays.*to_device"):
        launch(scale, 1, 32, x, x.copy(), 1.0, 4, on="cuda")
    with pytest.raises(TypeError, match="cannot launch on 'simt'. Got device arrays"):
        launch(scale, 1, 32, DeviceArray(), DeviceArray(), 1.0, 4, on="simt")
    with pytest.raises(ValueError, match="must be 'simt', 'ptx', 'cuda' or None"):
        launch(scale, 1, 32, x, x.copy(), 1.0, 4, on="gpu")


def test_device_array_that_is_no_contiguous_copy_is_named():
    strided = DeviceArray((4, 4), strides=(4, 16))
    with pytest.raises(ValueError, match="C-contiguous"):
        launch(scale, 1, 32, strided, strided, 1.0, 4)
    assert place_of(DeviceArray((1, 4), strides=(999, 4))) == "cuda"
    check_array("f", "x", DeviceArray((1, 4), strides=(999, 4)))


def test_too_many_elements_for_int32_is_named():
    huge = DeviceArray()
    huge.size, huge.shape = 2**31, (2**31,)
    with pytest.raises(ValueError, match="2147483648 elements, more than int32 indices reach"):
        check_array("relu", "x", huge)


@pytest.mark.parametrize("array, options, error, said", [
    (np.zeros(3), {}, TypeError, "x must be float32. Got float64"),
    (np.zeros(3, np.float32), {"ndim": 2}, ValueError, "must have 2 axes"),
    (np.zeros(3, np.float32), {"ndim": (2, 4)}, ValueError, "must have 2 or 4 axes"),
    (np.zeros(3, np.float32), {"shape": (4,)}, ValueError, r"must have shape \(4,\)"),
    (np.zeros((0, 3), np.float32), {}, ValueError, "no elements"),
    (np.zeros((4, 4), np.float32)[:, ::2], {}, ValueError, "C-contiguous"),
    ([1.0], {}, TypeError, "Got list"),
    (None, {}, TypeError, "Got None"),
])
def test_check_array_says_what_is_wrong(array, options, error, said):
    with pytest.raises(error, match=said) as caught:
        check_array("relu", "x", array, **options)
    assert str(caught.value).startswith("relu: ")


def test_check_array_lets_good_ones_pass():
    check_array("f", "x", np.zeros((2, 3), np.float32), ndim=(2, 3), shape=(2, 3))
    check_array("f", "ids", np.zeros(2, np.int32), dtype=np.int32)
    check_array("f", "x", np.zeros(2, np.uint8), dtype=None)


def test_empty_and_zeros_are_beside_their_neighbour():
    x = np.zeros(1, np.float32)
    assert empty(3, like=x).shape == (3,) and empty((2, 2), np.int32, like=x).dtype == np.int32
    assert not zeros((2, 3), like=x).any()


def test_allocator_serves_device_arrays_only():
    asked = []
    set_allocator(lambda shape, dtype: asked.append((shape, dtype)) or DeviceArray(shape, dtype))
    try:
        assert isinstance(empty((2, 3), like=np.zeros(1)), np.ndarray)
        assert empty((2, 3), like=DeviceArray()).shape == (2, 3)
    finally:
        set_allocator(None)
    assert asked == [((2, 3), np.float32)]


@pytest.mark.skipif(gpu_problem() is None, reason="NOT RUN: there is a GPU here, so its absence cannot be tested")
def test_without_a_gpu_the_error_says_what_to_do():
    with pytest.raises(NoGpuError, match=r"scale: .*(nvidia-smi|minidl\[cuda13\])"):
        launch(scale, 1, 32, DeviceArray(), DeviceArray(), 1.0, 4)
    with pytest.raises(NoGpuError, match="to_device"):
        to_device(np.zeros(3, np.float32))


def test_missing_numba_cuda_is_named(monkeypatch):
    gpu_problem.cache_clear()
    monkeypatch.setattr(cuda, "implementation", "Built-in", raising=False)
    try:
        assert "minidl[cuda13]" in gpu_problem()
    finally:
        gpu_problem.cache_clear()


@pytest.mark.parametrize("code, error, said", [
    (2, MemoryError, "out of memory"), (222, NoGpuError, "driver is too old"), (209, NoGpuError, "compute capability"),
    (701, KernelError, "smaller blocks"), (700, KernelError, "SIMT machine"), (716, KernelError, "misaligned"),
])
def test_driver_errors_are_explained(code, error, said):
    numba = cuda.cudadrv.driver.CudaAPIError(cuda.cudadrv.driver.binding.CUresult(code), "Call results in an error")
    loader = driver_errors()[-1](f"{ERROR_NAMES[code]}: what cuda.core says when it loads code")  # has no .code
    for raised in (numba, loader):
        explanation = explained("dense", "8 bytes", raised)
        assert type(explanation) is error and said in str(explanation) and str(explanation).startswith("dense: ")


def test_other_driver_errors_stay_as_they_are():
    other = cuda.cudadrv.driver.CudaAPIError(1, "Call to cuLaunchKernel results in CUDA_ERROR_INVALID_VALUE")
    assert explained("dense", "8 bytes", other) is other


def test_rows_are_wide_only_from_aligned_memory():
    memory = np.zeros(33, np.float32)
    assert rows_are_wide(memory[:32].reshape(4, 8)) and not rows_are_wide(memory[1:].reshape(4, 8))
    assert not rows_are_wide(memory[:30].reshape(5, 6))


def test_launch_shapes():
    assert grid_2d(100, 33, (32, 8)) == (4, 5)
    assert resident_blocks(4, 1000, 40) == 160 and resident_blocks(4, 7) == 7 and resident_blocks(4, 0) == 1


def test_ladder_finds_rungs_by_name_and_number():
    first = ladder.rungs("gemm")[0]
    assert ladder.rung("gemm", "r1") is ladder.rung("gemm", first.name) is first
    assert ladder.rung("gemm") is [r for r in ladder.rungs("gemm") if not r.optional][-1]
    assert "gemm" in ladder.ops()


def test_ladder_names_what_exists():
    with pytest.raises(KeyError, match="no rung 'r99'. There are: r1_naive"):
        ladder.rung("gemm", "r99")
    with pytest.raises(KeyError, match="no kernels for op 'gem'"):
        ladder.rungs("gem")
    with pytest.raises(ValueError, match="as its module"):
        ladder.Rung("gemm", "naive", "", print, (ladder.Build(scale, (float32,)),))
    with pytest.raises(ValueError, match="no kernel to compile"):
        ladder.Rung("gemm", "r1_naive", "", print, ())
