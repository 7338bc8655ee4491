"""The peers that kernels are timed beside compute the same: PyTorch's functions (on the CPU), and CuPy's by NumPy's."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.gpu import jobs  # noqa: E402
from benchmarks.gpu.checks.ops import loaded  # noqa: E402
from benchmarks.gpu.peers import on_cupy, on_torch, torch_functions  # noqa: E402
from benchmarks.gpu.reference import as_tuple, gradient_of_result  # noqa: E402

JOBS = {f"{job.kernel} {job.shape}": job for family in jobs.FAMILIES for job in jobs.jobs(family, "simt")}
LOOSE = {"rmsprop_update": 3e-3}  # epsilon stands beside the root there, under it here
HERE = importlib.util.find_spec("torch") is not None
RANDOM = ("dropout", "dropout_backward")  # another mask


def expected_of(job):
    """NumPy's results in float32, and the gradient that its backward was given."""
    inputs = job.make()
    y, cache = loaded(job.op, "numpy", "forward")(*inputs, **job.static)
    dy = gradient_of_result(y)
    if job.direction == "forward":
        return inputs, dy, as_tuple(y)
    needs = {"needs": job.needs} if job.needs else {}
    found = loaded(job.op, "numpy", "backward")(dy, cache, **needs)
    return inputs, dy, tuple(part for part in found if part is not None)


def in_our_layout(job, a, like):
    """A result of PyTorch with the axes of ours."""
    a = a.detach().numpy()
    if a.ndim != 4 or job.op not in on_torch.IMAGES:
        return a
    if "weights" not in job.kernel:
        return a.transpose(0, 2, 3, 1)
    return a.transpose(2, 3, 1, 0) if job.op == "conv2d" else a.transpose(2, 3, 0, 1).reshape(like.shape)


@pytest.mark.skipif(not HERE, reason="NOT RUN: PyTorch is not installed here")
@pytest.mark.parametrize("name", JOBS if HERE else [f"all {len(JOBS)} jobs"])
def test_pytorch_computes_what_numpy_does(name):
    job = JOBS[name]
    inputs, dy, expected = expected_of(job)
    run = on_torch.runner(job, inputs, dy, "fp32", "cpu")
    assert run is not None
    found = as_tuple(run())
    if job.op in torch_functions.RECURRENT:
        found = found[:1]  # the weights' gradients stand transposed
    for a, b in zip(found, expected, strict=False):
        a = in_our_layout(job, a, b)
        assert a.shape == b.shape
        if job.kernel not in RANDOM:
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=LOOSE.get(job.kernel, 2e-4))


@pytest.mark.parametrize("name", [name for name, job in JOBS.items() if job.kernel in on_cupy.FUNCTIONS])
def test_cupys_function_computes_what_numpys_does(name):
    job = JOBS[name]
    inputs, _, expected = expected_of(job)
    found = on_cupy.FUNCTIONS[job.kernel](np, job.static, *inputs)  # CuPy has NumPy's names
    np.testing.assert_allclose(found, expected[0], rtol=1e-4, atol=1e-5)


def test_a_peer_is_named_for_most_kernels():
    without = {job.kernel for job in JOBS.values() if job.op not in torch_functions.FORWARD} - set(
        torch_functions.UPDATES
    )
    assert {kernel.removesuffix("_backward") for kernel in without} == set(torch_functions.RECURRENT)
