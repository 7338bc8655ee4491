"""The code for a GPU, on the fake one: every op on Numba's own device arrays, launches, events, synchronisation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from device_cases import CASES
from fake_gpu import fake_gpu
from numba import cuda
from numba.cuda.cudadrv.devicearray import DeviceNDArray

import minidl
from cuda_kernels import launch
from minidl import functional as F
from minidl.backends import table, transfers
from minidl.backends.devices import arrays
from minidl.backends.devices.arrays import device_of, on_host
from minidl.errors import ShapeError

FIRST_OF_EACH_OP = list({op: (op, inputs, static) for op, inputs, static in reversed(CASES)}.values())


@pytest.fixture
def gpu(monkeypatch):
    with fake_gpu(monkeypatch) as context:
        yield context


def assert_same(got, expected):
    if isinstance(expected, tuple):
        for a, b in zip(got, expected, strict=True):
            assert_same(a, b)
    elif expected is None:
        assert got is None
    else:
        assert device_of(got) == "cuda" and got.shape == expected.shape and got.dtype == expected.dtype
        np.testing.assert_allclose(got.copy_to_host(), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("op, inputs, static", FIRST_OF_EACH_OP, ids=[case[0] for case in FIRST_OF_EACH_OP])
def test_every_op_runs_on_device_arrays(gpu, op, inputs, static):
    y, cache = table.load(op, "cuda", "forward")(*inputs, **static)
    expected, expected_cache = table.load(op, "numpy", "forward")(*inputs, **static)
    assert_same(y, expected)
    if op in table.NO_GRADIENT or op == "cast":
        return
    parts = expected if isinstance(expected, tuple) else (expected,)
    dy = tuple(np.cos(np.arange(part.size, dtype=np.float32)).reshape(part.shape) for part in parts)
    dy = dy if isinstance(expected, tuple) else dy[0]
    expected_gradients = table.load(op, "numpy", "backward")(dy, expected_cache)
    assert_same(table.load(op, "cuda", "backward")(dy, cache), expected_gradients)
    assert type(on_host(cache, "test")) is type(expected_cache)


def test_a_step_waits_for_the_gpu_only_where_the_loss_comes_down(gpu):
    x, w = minidl.Tensor(np.ones((4, 3), np.float32)), minidl.Variable(np.ones((3, 2), np.float32))

    def step():
        with minidl.using("cuda"):
            with minidl.GradientTape() as tape:
                loss = F.square(F.dense(x, w)).mean()
            w.assign_sub(tape.gradient(loss, w) * 0.1)
            return float(loss)

    step()
    before = gpu.calls.copy()
    assert step() > 0
    more = gpu.calls - before
    assert more == {"cuMemcpyDtoH": 1, "cuMemsetD32": 2}, more  # the loss; the gradient of the loss, and 0.1
    assert arrays.memory().device == "cuda" and arrays.memory().hits > 0


def test_a_batch_goes_up_without_waiting_for_the_kernels_before_it(gpu):
    with minidl.using("cuda"):
        F.relu(np.ones((5, 6), np.float32).T)
    assert gpu.calls["cuMemcpyHtoDAsync"] == 1 and not gpu.calls["cuMemcpyHtoD"]


def test_views_of_a_device_array_keep_its_block(gpu):
    a = launch.to_device(np.arange(12, dtype=np.float32).reshape(3, 4))
    assert type(a) is DeviceNDArray and not gpu.calls["cuMemFree"]
    view = a.reshape(12)[4:8].reshape(2, 2)
    del a
    others = [launch.to_device(np.zeros((3, 4), np.float32)) for _ in range(4)]
    assert view.copy_to_host().tolist() == [[4, 5], [6, 7]]
    used = arrays.memory("cuda").used
    del view
    assert arrays.memory("cuda").used == used - 512
    del others


def test_zeros_and_numbers_are_written_by_the_device(gpu):
    with transfers() as ledger:
        zeros = launch.zeros((3, 5), on="cuda")
        number = arrays.to_device(np.float32(-2.5).reshape(()), "cuda", "test")
    assert not zeros.copy_to_host().any() and number.copy_to_host() == np.float32(-2.5)
    assert (
        not ledger and gpu.calls["cuMemsetD8"] == gpu.calls["cuMemsetD32"] == 1 and not gpu.calls["cuMemcpyHtoDAsync"]
    )


def test_launches_are_timed_by_events(gpu):
    with launch.launches() as found, minidl.using("cuda"):
        F.relu(np.ones(5, np.float32))
    assert [type(one.milliseconds()) for one in found] == [float] and found[0].place == "cuda"
    assert gpu.calls["cuEventSynchronize"] == 1 and found[0].report is None


def test_a_kernel_is_compiled_before_its_time_begins(gpu):
    with launch.launches() as found, minidl.using("cuda"):
        F.relu(np.ones(5, np.float32))
        F.relu(np.ones(5, np.float32))
    assert [len(events) for events in gpu.compiled] == [0, 2] and all(one.milliseconds() > 0 for one in found)
    with minidl.using("cuda"):
        F.relu(np.ones(5, np.float32))
    assert len(gpu.compiled) == 2, "without a listener a launch is as short as can be"


def test_a_view_that_is_not_contiguous_is_refused_with_its_strides(gpu):
    a = launch.to_device(np.ones((4, 6), np.float32))
    with pytest.raises(ShapeError, match=r"relu, kernel relu: .*C-contiguous.*strides"):
        table.load("relu", "cuda", "forward")(a[:, 1:])


def test_an_array_of_another_library_is_taken_and_fetched(gpu):
    values = np.arange(6, dtype=np.float32)
    inside = launch.to_device(values)

    class Foreign:  # as CuPy's: the interface, and none of Numba's methods
        shape, dtype, size, ndim, nbytes = (6,), np.dtype(np.float32), 6, 1, 24
        __cuda_array_interface__ = property(lambda self: inside.__cuda_array_interface__)

    foreign = Foreign()
    assert device_of(foreign) == "cuda" and np.array_equal(arrays.to_host(foreign, "test"), values)
    assert np.array_equal(minidl.Tensor(foreign).numpy(), values)


def test_a_number_is_copied_where_the_driver_has_no_function_to_write_a_word(gpu, monkeypatch):
    fill = cuda.cudadrv.driver.driver.__dict__["cuMemsetD32Async"]
    monkeypatch.setitem(cuda.cudadrv.driver.driver.__dict__, "cuMemsetD32Async", None)
    assert launch.to_host(launch.to_device(np.float32(2.5).reshape(()))) == 2.5 and fill is not None
    assert gpu.calls["cuMemcpyHtoDAsync"] == 1 and gpu.calls["cuMemsetD32"] == 0


def test_more_than_48_kb_of_shared_memory_is_asked_for_once_a_kernel(monkeypatch):
    asked = []
    function = SimpleNamespace(handle="handle", device=SimpleNamespace(id="device"), kernel="of cuda.core")
    kernel = SimpleNamespace(
        typeof_pyval=lambda value: "float32",
        compile=lambda types: SimpleNamespace(_codelibrary=SimpleNamespace(get_cufunc=lambda: function)),
    )
    driver = cuda.cudadrv.driver
    monkeypatch.setitem(driver.driver.__dict__, "cuKernelSetAttribute", lambda *given: asked.append(given))
    for nbytes in (50_000, 49_500, 60_000):
        launch._allow_shared(kernel, (1.0,), nbytes)
    attribute = driver.binding.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    assert asked == [(attribute, 50_000, "handle", "device"), (attribute, 60_000, "handle", "device")]
    del asked[:], function.kernel  # as numba-cuda before 0.24 has it
    monkeypatch.setitem(driver.driver.__dict__, "cuFuncSetAttribute", lambda *given: asked.append(given))
    launch._allow_shared(kernel, (1.0,), 70_000)
    assert asked == [("handle", attribute, 70_000)]


def test_multiprocessors_are_the_gpus(gpu):
    assert launch.multiprocessors(launch.to_device(np.zeros(1, np.float32))) == 4
    assert launch.multiprocessors(np.zeros(1)) == launch.PLANNED_FOR.multiprocessors == 132
