"""minidl.check of host functions and kernels that do not end, or leave Python."""

import sys
import threading
import time

import numpy as np
import pytest
from numba import cuda, float32

import minidl
from cuda_kernels import launch
from minidl.backends import unregister_kernel
from minidl.testing.kernels import patience as patience_module
from minidl.testing.kernels.patience import NoReturnError, patience

ON_THIS_SYSTEM = pytest.mark.skipif(sys.platform == "win32", reason="NOT RUN: Windows has no interval timer")


@cuda.jit
def copy(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


def host(before):
    def relu(x, on="simt"):
        before()
        y = np.empty_like(x)
        launch.launch(copy, -(-x.size // 128), 128, x, y, x.size, on=on)
        return y

    return relu


@pytest.fixture
def checked():
    """checked(before) is what minidl.check says of a host function that calls `before` first."""

    def check(before):
        minidl.register_kernel("relu", "impatient")(host(before))
        result = minidl.check("relu:impatient")
        unregister_kernel("relu", "impatient")
        return result.failed_stage, " ".join(str(result).split())

    return check


def spin():
    while True:
        pass


@ON_THIS_SYSTEM
@pytest.mark.parametrize("before", [spin, lambda: time.sleep(600)], ids=["endless", "asleep"])
def test_host_function_that_does_not_return_is_told(checked, before, monkeypatch):
    monkeypatch.setattr(patience_module, "SECONDS", 0.5)
    stage, text = checked(before)  # unless it is stopped, this takes 600 s, or for ever
    assert stage == "runs" and "has not returned" in text


def test_host_function_that_leaves_python_is_told(checked):
    stage, text = checked(lambda: sys.exit(3))
    assert stage == "runs" and "raises SystemExit: 3" in text


@ON_THIS_SYSTEM
def test_patience_counts_only_the_main_thread(monkeypatch):
    monkeypatch.setattr(patience_module, "SECONDS", 0.5)
    with patience(), pytest.raises(NoReturnError, match="0.5 seconds"):
        time.sleep(60)
    done = []

    def elsewhere():
        with patience():
            time.sleep(0.8)
        done.append(True)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert done == [True]


def test_endless_kernel_is_told_by_the_machine():
    @minidl.register_kernel("relu", "endless")
    @cuda.jit
    def relu(x, y, size):
        i = cuda.grid(1)
        while i < size:
            y[i] = max(x[i], float32(0))

    result = minidl.check("relu:endless")
    unregister_kernel("relu", "endless")
    assert result.failed_stage == "machine" and "does not end" in " ".join(str(result).split())
