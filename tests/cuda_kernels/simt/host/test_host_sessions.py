"""`simt.on()` holds for its own thread, task and generator; Numba is Numba's own everywhere else."""
import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numba import cuda

from cuda_kernels import simt

NO_GPU = not cuda.is_available()
pytestmark = pytest.mark.filterwarnings("ignore:Grid size")  # Numba's own, outside of a session
no_gpu = pytest.mark.skipif(not NO_GPU, reason="NOT RUN: on a GPU, Numba's own launch runs")


@cuda.jit
def fill(x, value):
    i = cuda.grid(1)
    if i < x.size:
        x[i] = value


def runs_on_the_machine():
    """True if a launch here runs on the machine; False if Numba asks for its GPU."""
    x = np.zeros(3)
    try:
        fill[1, 32](x, 7)
    except Exception as error:  # noqa: BLE001 - CudaSupportError, from whichever package Numba's CUDA is
        assert type(error).__name__ == "CudaSupportError"
        return False
    return x.tolist() == [7, 7, 7]


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@no_gpu
def test_overlapping_sessions_of_two_threads_keep_their_launches_apart():
    kind, original = type(fill), type(fill).__getitem__
    first_is_in, second_is_in, first_is_out = threading.Event(), threading.Event(), threading.Event()
    kept = {}

    def first():
        with simt.on() as session:
            first_is_in.set()
            assert second_is_in.wait(300)
            fill[1, 32](np.zeros(1), 1)
            kept["first"] = session
        first_is_out.set()

    def second():
        assert first_is_in.wait(300)
        with simt.on() as session:
            second_is_in.set()
            assert first_is_out.wait(300)
            fill[2, 32](np.zeros(2), 1)
            kept["second"] = session

    threads = [threading.Thread(target=f) for f in (first, second)]
    for thread in threads:
        thread.start()
    assert first_is_in.wait(300) and second_is_in.wait(300)
    assert not runs_on_the_machine()  # this thread has no session
    for thread in threads:
        thread.join()
    assert [[r.grid[0] for r in kept[name].reports] for name in ("first", "second")] == [[1], [2]]
    assert kind.__getitem__ is original and not runs_on_the_machine()


@no_gpu
def test_session_does_not_hold_in_a_thread_that_is_started_inside():
    with simt.on() as session:
        assert not in_thread(runs_on_the_machine)
        assert runs_on_the_machine()
    assert len(session.reports) == 1


def test_many_threads_each_have_their_own_session():
    def work(k):
        with simt.on(checks=False) as session:
            x = cuda.to_device(np.zeros(50))
            for _ in range(10):
                fill[1, 64](x, k)
            return x.copy_to_host().tolist() == [k] * 50, len(session.reports), len(session.transfers)

    found = {}
    threads = [threading.Thread(target=lambda k=k: found.update({k: work(k)})) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(6), (True, 10, 2))


@no_gpu
def test_sessions_that_end_out_of_order_leave_nothing():
    original = type(fill).__getitem__
    first, second = simt.on(), simt.on()
    one = first.__enter__()
    two = second.__enter__()
    first.__exit__(None, None, None)
    assert runs_on_the_machine()
    second.__exit__(None, None, None)
    assert not runs_on_the_machine()
    assert (len(one.reports), len(two.reports)) == (0, 1)
    assert type(fill).__getitem__ is original


@no_gpu
def test_session_in_a_suspended_generator_does_not_take_the_callers_launches():
    def generator():
        with simt.on() as session:
            while True:
                yield runs_on_the_machine(), len(session.reports)

    running = generator()
    assert next(running) == (True, 1)
    assert not runs_on_the_machine()
    assert next(running) == (True, 2)
    running.close()
    assert not runs_on_the_machine()


@no_gpu
def test_session_of_an_asyncio_task_does_not_hold_in_its_neighbour():
    async def inside(started, go_on):
        with simt.on() as session:
            started.set()
            await go_on.wait()
            assert runs_on_the_machine()
            return len(session.reports)

    async def main():
        started, go_on = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(inside(started, go_on))
        await started.wait()
        outside = runs_on_the_machine()
        go_on.set()
        return outside, await task

    assert asyncio.run(main()) == (False, 1)


def test_host_functions_can_be_pickled():
    import pickle

    for function in (cuda.to_device, cuda.synchronize, cuda.jit, cuda.is_available):
        assert pickle.loads(pickle.dumps(function)) is function


def test_inner_session_takes_the_launches():
    with simt.on() as outer:
        fill[1, 32](np.zeros(1), 1)
        with simt.on(checks=False) as inner:
            fill[1, 32](np.zeros(1), 1)
        fill[1, 32](np.zeros(1), 1)
    assert ([r.checked for r in outer.reports], [r.checked for r in inner.reports]) == ([True, True], [False])


@no_gpu
def test_without_a_session_and_without_a_gpu_the_error_says_what_to_do():
    for call in (lambda: fill[1, 32](np.zeros(1), 1), lambda: cuda.to_device(np.zeros(1)), cuda.synchronize):
        with pytest.raises(Exception, match="driver") as caught:
            call()
        assert "with simt.on():" in caught.value.__notes__[0] and "its own thread" in caught.value.__notes__[0]


@no_gpu
def test_launch_that_was_configured_inside_runs_on_its_session_afterwards():
    with simt.on() as session:
        configured = fill[1, 32]
    x = np.zeros(2)
    configured(x, 3)
    assert x.tolist() == [3, 3] and len(session.reports) == 1


PROGRAM = """
import numpy as np
from cuda_kernels import simt
from numba import cuda, vectorize
from numba.cuda import to_device, synchronize

@cuda.jit("void(float32[:])")
def twice(x):
    i = cuda.grid(1)
    if i < x.size:
        x[i] *= 2

@vectorize(["float32(float32)"], target="cuda")
def square(x):
    return x * x

def main():
    d = to_device(np.arange(4, dtype=np.float32))
    twice[1, 32](d)
    synchronize()
    print(cuda.is_available(), d.copy_to_host(), square(np.float32([3, 4])))

with simt.on():
    main()
print(cuda.is_available())
"""


@no_gpu
def test_program_decorated_and_imported_before_its_session_runs(tmp_path):
    (tmp_path / "tutorial.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "tutorial.py"], cwd=tmp_path, capture_output=True, text=True,
                          env={"PYTHONPATH": str(Path(__file__).parents[4]), "PATH": "", "HOME": str(tmp_path)})
    assert done.stdout == "True [0. 2. 4. 6.] [ 9. 16.]\nFalse\n", done.stderr


@no_gpu
def test_question_for_a_gpu_is_answered_by_numba_inside_a_session():
    """The package's own look for a GPU is kept for the whole process: the simulated device must not answer it."""
    from cuda_kernels.arrays import gpu_problem, new_device_array

    gpu_problem.cache_clear()
    with simt.on():
        assert cuda.is_available()
        assert gpu_problem() is not None
        with pytest.raises(Exception, match="driver"):
            new_device_array((2,), np.dtype(np.float32))


def test_device_arrays_of_a_session_are_arrays_of_the_machine_for_the_package_too():
    from cuda_kernels.launch import launch, place_of

    with simt.on():
        d = cuda.to_device(np.zeros(4, np.float32))
        assert place_of(d) == "simt"
        assert launch(fill, 1, 32, d, 5).faults == []
        assert d.copy_to_host().tolist() == [5] * 4


def test_session_beside_numbas_own_simulator_is_refused(tmp_path):
    program = "from cuda_kernels import simt\nwith simt.on():\n    pass"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          env={"PYTHONPATH": str(Path(__file__).parents[4]), "PATH": "", "HOME": str(tmp_path),
                               "NUMBA_ENABLE_CUDASIM": "1"})
    assert "SimtError: simt: the environment variable NUMBA_ENABLE_CUDASIM" in done.stderr


def test_session_is_a_decorator_too():
    @simt.on(checks=False)
    def main(x):
        return fill[1, 32](x, 3).checked, x.tolist()

    assert main(np.zeros(2)) == (False, [3, 3])


BUILT_IN = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "numba_cuda" not in type(finder).__module__]
import warnings
warnings.simplefilter("ignore")
import numpy as np
from numba import cuda, vectorize
from cuda_kernels import simt
assert "numba_cuda" not in cuda.__file__

@cuda.jit("void(float32[:], float32)")
def scale(x, factor):
    i = cuda.grid(1)
    if i < x.size:
        x[i] *= factor

@vectorize(["float32(float32)"], target="cuda")
def square(x):
    return x * x

with simt.on() as session:
    d = cuda.to_device(np.arange(4, dtype=np.float32))
    scale[1, 32, cuda.stream()](d, 3)
    scale.forall(4)(cuda.InOut(np.zeros(4, np.float32)), 1)
    cuda.synchronize()
    print(d.copy_to_host(), square(d)[3], cuda.reduce(lambda a, b: a + b)(np.arange(1000)), len(session.reports) > 3)
"""


def test_numbas_built_in_target_will_do(tmp_path):
    (tmp_path / "built_in.py").write_text(BUILT_IN)
    done = subprocess.run([sys.executable, "built_in.py"], cwd=tmp_path, capture_output=True, text=True,
                          env={"PYTHONPATH": str(Path(__file__).parents[4]), "PATH": "", "HOME": str(tmp_path)})
    assert done.stdout == "[0. 3. 6. 9.] 81.0 499500 True\n", done.stderr
