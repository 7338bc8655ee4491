"""What a device refuses, in minidl's words: no GPU, an old driver, no room, too large, in the wrong place or layout."""

from __future__ import annotations

import numpy as np
import pytest
from fake_gpu import OUT_OF_MEMORY, fake_gpu
from numba import cuda
from numba.cuda.cudadrv import driver

import minidl
from cuda_kernels import ladder, launch
from cuda_kernels.arrays import driver_errors
from minidl import functional as F
from minidl.backends import table
from minidl.backends.cuda import device
from minidl.backends.devices import arrays
from minidl.errors import BackendError, DeviceMemoryError, DTypeError, ShapeError

CUresult = driver.binding.CUresult


@pytest.fixture
def gpu(monkeypatch):
    with fake_gpu(monkeypatch, total=100_000) as context:
        yield context


@pytest.fixture
def no_gpu(monkeypatch):
    launch.gpu_problem.cache_clear()
    monkeypatch.setattr(cuda, "is_available", lambda: False)
    monkeypatch.setitem(driver.driver.__dict__, "initialization_error", "CUDA_ERROR_NO_DEVICE (100)")
    yield
    launch.gpu_problem.cache_clear()


def test_without_a_gpu_selecting_cuda_says_what_was_found_and_what_works_instead(no_gpu):
    with pytest.raises(BackendError, match=r"(?s)no NVIDIA GPU.*nvidia-smi.*CUDA_ERROR_NO_DEVICE.*minidl doctor"):
        minidl.use("cuda")
    with pytest.raises(BackendError, match=r"minidl.use\('simt'\)"), minidl.using(relu="cuda"):
        pass
    with pytest.raises(BackendError, match="minidl doctor"):
        arrays.to_device(np.ones(3, np.float32), "cuda", "test")


@pytest.mark.parametrize("loader", [False, True], ids=["driver", "loading of code"])
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION, r"driver is too old.*minidl\[cuda12\]"),
        (CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU, "compute capability 7.5"),
    ],
)
def test_code_that_the_driver_cannot_load(gpu, code, said, loader):
    text = f"{code.name}: the provided PTX was compiled with an unsupported toolchain."
    gpu.fail_next = driver_errors()[-1](text) if loader else driver.CudaAPIError(code, text)
    with minidl.using("cuda"), pytest.raises(BackendError, match=rf"(?s)relu: .*{said}.*`minidl doctor`"):
        F.relu(np.ones(4, np.float32))


def test_a_kernel_that_went_wrong_is_explained_where_it_shows(gpu, monkeypatch):
    code = CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
    gpu.fail_next = driver.CudaAPIError(code, code.name)
    with minidl.using("cuda"), pytest.raises(BackendError, match=r"relu forward: .*outside its.*simt"):
        F.relu(np.ones(4, np.float32))
    with minidl.using("cuda"):
        y = F.relu(np.ones(4, np.float32))

    def stopped(*given):
        raise driver.CudaAPIError(code, code.name)

    monkeypatch.setitem(driver.driver.__dict__, "cuMemcpyDtoH", stopped)  # an error of a kernel shows here
    with pytest.raises(BackendError, match="until Python is restarted"):
        y.numpy()


def test_out_of_device_memory_says_who_uses_it_and_what_helps(gpu):
    with minidl.using("cuda"):
        kept = [F.relu(np.ones(5000, np.float32)) for _ in range(2)]  # 20 kB each up, and 20 kB each result
        with pytest.raises(DeviceMemoryError, match=r"asked for 200,000 bytes.*Of the device's 100,000") as caught:
            F.exp(np.zeros(50_000, np.float32))
        assert "larger than the device's memory" in str(caught.value) and "minidl doctor" in str(caught.value)
        with pytest.raises(DeviceMemoryError, match="grows with the batch") as caught:
            F.broadcast_to(kept[0].reshape(1, 5000), (3, 5000))
        assert any("result of broadcast_to forward" in note for note in caught.value.__notes__)
        del kept, caught  # whose traceback refers to the arrays, too
        assert F.broadcast_to(np.ones((1, 5000), np.float32), (3, 5000)).shape == (3, 5000)  # the room is there again
    assert arrays.memory("cuda").given_back >= 1


def test_memory_that_a_launch_lacks(gpu):
    gpu.fail_next = driver.CudaAPIError(OUT_OF_MEMORY, "Call to cuLaunchKernel results in CUDA_ERROR_OUT_OF_MEMORY")
    with minidl.using("cuda"), pytest.raises(DeviceMemoryError, match=r"relu forward: .*out of memory"):
        F.relu(np.ones(4, np.float32))


def test_more_elements_than_int32_can_index_are_refused_before_anything_is_allocated(monkeypatch):
    huge = np.broadcast_to(np.float32(1), (3, 1 << 30))  # 12 GB that are 4 bytes
    monkeypatch.setattr(device, "to_device", lambda array, device, cause: pytest.fail("it was uploaded"))
    monkeypatch.setattr(arrays, "to_device", lambda array, device, cause: pytest.fail("it was uploaded"))
    with minidl.using("simt"), pytest.raises(ShapeError, match="relu: x has 3,221,225,472 elements"):
        F.relu(minidl.Tensor.wrap(huge))
    with pytest.raises(ShapeError, match=r"relu: x has 3,221,225,472 elements.*int32.*Split"):
        table.load("relu", "simt", "forward")(huge)


@pytest.mark.parametrize(
    ("op", "inputs", "error", "said"),
    [
        ("relu", (np.ones(3),), DTypeError, r"x must be float32. Got float64.*minidl.use\(relu='cpu'\)"),
        ("relu", (np.zeros((0, 3), np.float32),), ShapeError, "x has no elements.*is the batch empty"),
        ("relu", ([1.0],), DTypeError, "must be an array. Got list"),
        ("embedding", (np.ones(3, np.float32), np.ones((2, 2), np.float32)), DTypeError, "ids must be integers"),
        ("embedding", (np.array([2]), np.ones((2, 2), np.float32)), minidl.errors.DataError, r"in \[0, 2\)"),
        ("where", (np.ones(3, np.float32),) * 3, DTypeError, "condition must be bool"),
        ("add", (np.ones(3, np.float32), np.ones(4, np.float32)), ShapeError, "add"),
    ],
)
def test_wrong_inputs_are_refused(op, inputs, error, said):
    with pytest.raises(error, match=said):
        table.load(op, "simt", "forward")(*inputs)


@pytest.mark.parametrize("backend", ["numpy", "simt"])
def test_a_transposed_convolution_of_which_nothing_is_left_is_refused(backend):
    x, w = np.ones((1, 3, 3, 2), np.float32), np.ones((3, 3, 4, 2), np.float32)
    with minidl.using(backend), pytest.raises(ShapeError, match=r"padding cuts? off .*\(-1, 5\)|\(-1, 5\).* cut off"):
        F.conv2d_transpose(x, w, padding=((3, 3), (0, 0)))


def test_an_array_of_the_host_for_a_device_only_call(gpu):
    with pytest.raises(TypeError, match=r"cannot launch on 'cuda'.*to_device\(x\)"):
        ladder.rung("relu").run(np.ones(3, np.float32), on="cuda")
    with pytest.raises(TypeError, match="all arrays must be in one place"):
        ladder.rung("add").run(np.ones(3, np.float32), launch.to_device(np.ones(3, np.float32)))


def test_a_rung_applies_where_it_exists_and_is_refused_only_where_it_was_named():
    from minidl.backends.selection import choose

    with minidl.using(conv2d="simt:r2_im2col"):
        assert choose("conv2d", "forward") == ("simt:r2_im2col", "using() conv2d")
        assert choose("conv2d", "backward") == ("simt", "using() conv2d (no r2_im2col in the backward: the best)")
    with minidl.using("simt:first"):
        assert choose("gemm", "forward")[0] == choose("argmax", "forward")[0] == "simt:first"
        assert choose("reshape", "forward") == ("simt", "using()")
    with minidl.using("simt:r3"):
        assert choose("gemm", "forward") == ("simt:r3", "using()")
        assert choose("relu", "backward") == ("simt", "using() (no r3 in the backward: the best)")
    with minidl.using(conv2d_backward="simt:r2_im2col"), pytest.raises(BackendError, match="has no backward"):
        minidl.backends.resolve("conv2d", "backward")
    with pytest.raises(BackendError, match="'simt:first'"):
        minidl.use("simt:r3_shared")
    with pytest.raises(BackendError, match="conv2d has no backend 'simt:r9'"):
        minidl.use(conv2d="simt:r9")


def test_the_number_of_a_rung_runs_that_kernel():
    x = np.ones((5, 7), np.float32)
    with launch.launches() as found, minidl.using(gemm="simt:r3"):
        F.matmul(x, x.T.copy())
    with launch.launches() as named, minidl.using(gemm="simt:r3_shared"):
        F.matmul(x, x.T.copy())
    with launch.launches() as first, minidl.using(gemm="simt:first"):
        F.matmul(x, x.T.copy())
    assert [one.name for one in found] == [one.name for one in named] != [one.name for one in first]
