"""The simulated device, streams, events, contexts: honest values, and no invented ones."""
import asyncio

import numpy as np
import pytest
from numba import cuda

from cuda_kernels import simt
from cuda_kernels.simt.limits import MAX_DYNAMIC_SHARED, MAX_THREADS


@pytest.fixture(autouse=True)
def session():
    with simt.on() as found:
        yield found


def test_device_says_that_it_is_simulated_and_has_the_machines_limits(capsys):
    device = cuda.get_current_device()
    assert "SIMT machine" in device.name and "no GPU" in device.name and cuda.is_available()
    assert (device.WARP_SIZE, device.MAX_THREADS_PER_BLOCK) == (32, MAX_THREADS)
    assert device.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN == MAX_DYNAMIC_SHARED
    assert device.MULTIPROCESSOR_COUNT == 132 and device.compute_capability == (9, 0)
    assert device.MAX_GRID_DIM_X == 2**31 - 1 and device.MAX_BLOCK_DIM_Z == 64 and device.id == 0
    for invented in ("CLOCK_RATE", "PCI_BUS_ID", "uuid", "MAX_NOTHING"):
        with pytest.raises(AttributeError, match="real hardware"):
            getattr(device, invented)
    assert cuda.detect() and "no GPU" in capsys.readouterr().out


def test_there_is_one_device():
    assert len(cuda.gpus) == len(cuda.list_devices()) == 1 and next(iter(cuda.gpus)).id == 0
    with cuda.gpus[0]:
        assert cuda.select_device(0) is cuda.get_current_device() is cuda.gpus.current
    with pytest.raises(IndexError, match="one device"):
        cuda.select_device(1)
    cuda.close()
    assert cuda.is_available() and cuda.cuda_error() is None


def test_context_counts_this_computers_memory():
    context = cuda.current_context()
    free, total = context.get_memory_info()
    assert 0 < free <= total == context.get_memory_info().total
    with cuda.defer_cleanup(), cuda.profiling():
        cuda.profile_start()
        cuda.profile_stop()
        context.synchronize()
        context.deallocations.clear()
    with pytest.raises(AttributeError, match="no driver is behind it"):
        context.create_module_ptx  # noqa: B018
    assert context.device.compute_capability == (9, 0)


def test_streams_do_everything_at_once():
    @cuda.jit
    def add_one(x):
        x[cuda.grid(1)] += 1

    stream, seen = cuda.stream(), []
    with stream.auto_synchronize():
        d = cuda.to_device(np.zeros(4), stream=stream)
        add_one[1, 4, stream](d)
        stream.add_callback(lambda s, status, arg: seen.append((s is stream, status, arg)), "done")
        back = d.copy_to_host(stream=stream)
    stream.synchronize()
    assert back.tolist() == [1] * 4 and seen == [(True, 0, "done")]
    assert int(stream) > 0 and int(cuda.default_stream()) == 0 and int(cuda.external_stream(7)) == 7

    async def wait():
        await stream.async_done()
        return True

    assert asyncio.run(wait())
    assert d.bind(stream).stream is stream


def test_elapsed_time_is_a_number_that_says_whose_time_it_is():
    start, end = cuda.event(), cuda.event(timing=True)
    start.record()
    np.linalg.inv(np.eye(50))
    end.record(stream=cuda.stream())
    end.synchronize()
    end.wait()
    ms = start.elapsed_time(end)
    assert 0 < ms < 10_000 and start.query() and cuda.event_elapsed_time(start, end) == ms
    assert "not on a GPU" in f"{ms}" and "GPU" not in f"{ms:.3f}" and type(ms / 1000) is float
    start.recorded, end.recorded = 2.5, 2.75  # seconds
    assert start.elapsed_time(end) == 250
    with pytest.raises(RuntimeError, match="end event was not recorded"):
        start.elapsed_time(cuda.event())
    untimed = cuda.event(timing=False)
    untimed.record()
    with pytest.raises(RuntimeError, match="timing=False"):
        start.elapsed_time(untimed)


def test_memory_of_other_processes_is_refused():
    with pytest.raises(NotImplementedError, match="this process"):
        cuda.to_device(np.zeros(1)).get_ipc_handle()
    with pytest.raises(NotImplementedError, match="one process"):
        cuda.open_ipc_array(b"", (1,), np.float32)


def test_errors_of_numba_can_be_imported():
    from numba.cuda.cudadrv.driver import CudaAPIError
    from numba.cuda.cudadrv.error import CudaSupportError

    assert issubclass(CudaAPIError, Exception) and issubclass(CudaSupportError, Exception)


def test_random_states_are_made_on_the_device():
    from numba.cuda.random import create_xoroshiro128p_states

    states = create_xoroshiro128p_states(5, seed=1)
    again = create_xoroshiro128p_states(5, seed=1)
    assert states.shape == (5,) and states.dtype.names == ("s0", "s1")
    assert np.array_equal(states.copy_to_host(), again.copy_to_host())
    assert len({int(s) for s in states.copy_to_host()["s0"]}) == 5
