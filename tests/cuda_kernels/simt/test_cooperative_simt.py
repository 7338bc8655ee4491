"""Cooperative launches: cuda.cg.this_grid().sync() makes all blocks wait for each other, and orders what they did."""
import numpy as np
import pytest
from numba import cuda

from cuda_kernels import simt


@cuda.jit
def totals(x, partial, out):
    i = cuda.grid(1)
    grid = cuda.cg.this_grid()
    cuda.atomic.add(partial, cuda.blockIdx.x, x[i])
    grid.sync()
    total = 0
    for k in range(partial.size):
        total += partial[k]
    out[i] = total


@cuda.jit
def shifted(x, out):
    i = cuda.grid(1)
    out[i] = x[i]
    cuda.cg.this_grid().sync()
    x[i] = out[(i + 40) % x.size]


@cuda.jit
def shifted_without(x, out):
    i = cuda.grid(1)
    out[i] = x[i]
    cuda.syncthreads()
    x[i] = out[(i + 40) % x.size]


@cuda.jit
def returned_early(x, n):
    i = cuda.grid(1)
    if i >= n:
        return
    grid = cuda.cg.this_grid()
    for _ in range(3):
        neighbour = x[(i + 1) % n]
        grid.sync()
        x[i] += neighbour
        grid.sync()


@cuda.jit
def on_one_path(x):
    i = cuda.grid(1)
    if cuda.blockIdx.x == 0:
        cuda.cg.this_grid().sync()
    x[i] = 1


@pytest.mark.parametrize("checks", [True, False])
@pytest.mark.parametrize("batch_threads", [32, 1 << 16])
def test_every_block_sees_what_all_did_before(checks, batch_threads):
    x, partial, out = np.arange(1024), np.zeros(16, np.int64), np.zeros(1024, np.int64)
    report = simt.launch(totals, 16, 64, x, partial, out, checks=checks, batch_threads=batch_threads)
    assert report.faults == [] and (out == x.sum()).all()


def test_accesses_of_other_blocks_are_ordered_by_it_and_by_nothing_less():
    x = np.arange(96)
    assert simt.launch(shifted, 3, 32, x, np.zeros(96, np.int64)).faults == []
    assert x.tolist() == np.roll(np.arange(96), -40).tolist()
    faults = simt.launch(shifted_without, 3, 32, np.arange(96), np.zeros(96, np.int64)).faults
    assert {f.kind for f in faults} == {"race"}


def test_threads_that_have_returned_are_not_waited_for():
    x, want = np.arange(40) % 5, np.arange(40) % 5
    assert simt.launch(returned_early, 2, 32, x, 40).faults == []
    for _ in range(3):
        want = want + np.roll(want, -1)
    assert x.tolist() == want.tolist()


def test_barrier_on_one_path_is_told():
    (fault,) = simt.launch(on_one_path, 2, 32, np.zeros(64)).faults
    assert fault.kind == "divergent-barrier" and fault.count == 32
    assert "reached by 32 of 64 threads: thread (0, 0, 0) of block (1, 0, 0)" in fault.message


def test_grid_that_the_gpu_does_not_hold_is_refused():
    blocks = 132 * 64 + 1
    (fault,) = simt.launch(shifted, blocks, 32, np.zeros(blocks * 32), np.zeros(blocks * 32)).faults
    assert fault.kind == "bad-launch" and "H100 SXM holds 4224 at a time" in fault.message


def test_stepper_goes_through_it():
    steps = simt.step(shifted, 3, 32, np.arange(96), np.zeros(96, np.int64)).forward(100)
    assert steps.value("x").tolist() == np.roll(np.arange(96), -40).tolist()
