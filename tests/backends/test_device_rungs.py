"""Every op by every rung of its ladders, on the SIMT machine and compiled: forward and backward equal to NumPy in
float64, no fault.

Both raise at the first fault (`cuda_kernels.launch`), so a case that passes had none. `test_device_ops.py` runs the
default rungs, and forwards and backwards of different backends together.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from device_cases import CASES as AWKWARD
from device_cases import on_each_device

from cuda_kernels import ladder
from cuda_kernels.launch import launches, simt_options
from minidl.backends import table
from minidl.backends.devices.arrays import HostedArray, device_of, on_host
from minidl.ops.op import of_form, records
from minidl.testing.values import Values

VALUES = Values(7)
f, positive, distinct, rows, labels = VALUES.f, VALUES.positive, VALUES.distinct, VALUES.rows, VALUES.labels

# Rungs that move 16 bytes at a time, or share a long sum, leave awkward shapes to the rung before: here they work.
SUITING = [
    ("gemm", (f(4, 130), f(130, 3)), {}),
    ("dense", (f(4, 130), f(130, 3), f(3)), {}),
    *((op, (positive(3, 8), positive(8)), {}) for op in of_form("pair")),
    ("where", (f(3, 8) > 0, f(3, 8), f(8)), {}),
    *((op, (f(5, 8),), {"axes": 1}) for op in ("reduce_sum", "reduce_mean")),
    *((op, (distinct(5, 8),), {"axes": 1}) for op in ("reduce_max", "reduce_min")),
    *((op, (f(8200),), {}) for op in ("reduce_sum", "reduce_mean")),
    *((op, (distinct(8200),), {}) for op in ("reduce_max", "reduce_min")),
    *((op, (f(3, 20), f(3, 20)), {}) for op in ("mean_squared_error", "mean_absolute_error", "huber")),
    ("binary_crossentropy", (rows(3, 20), f(3, 20)), {"from_logits": True}),
    ("broadcast_to", (f(3, 1, 8),), {"shape": (2, 3, 4, 8)}),
    ("concatenate", (f(3, 4), f(3, 8)), {"axis": 1}),
    ("stack", (f(3, 4), f(3, 4)), {"axis": 1}),
    ("pad", (f(3, 8),), {"padding": ((1, 0), (0, 0))}),
    ("slice", (f(3, 5, 8),), {"key": (slice(None), slice(1, 4))}),
    ("transpose", (f(3, 5, 8),), {"axes": (1, 0, 2)}),
    ("embedding", (labels(3, 4), f(5, 8)), {}),
    ("depthwise_conv2d", (f(1, 5, 6, 8), f(3, 2, 8, 1), f(8)), {"padding": ((1, 1), (0, 1))}),
    *((op, (distinct(1, 4, 6, 4),), {"pool_size": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))})
      for op in ("max_pool2d", "average_pool2d")),
]  # fmt: skip
CASES = AWKWARD + SUITING
GRADIENT_IS_DY = {"add"}  # nothing to compute: no gradient kernel of its own is launched
ROUNDED = {"r8_tf32": 2e-2, "r10_bf16": 5e-2}  # operands of 10 and of 7 bits
EXACT = 5e-5


ON_DEVICES = sorted(set(records()) - table.HOST_ONLY)
# Written down now: other tests register rungs of their own.
RUNGS = {op: [name.removeprefix("simt:") for name in table.rungs(op) if name.startswith("simt:")] for op in ON_DEVICES}


def in_float64(value):
    if isinstance(value, tuple):
        return tuple(in_float64(part) for part in value)
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value


def gradient_like(y):
    """Other numbers for every cell, in float32."""
    if isinstance(y, tuple):
        return tuple(gradient_like(part) for part in y)
    return np.cos(np.arange(np.asarray(y).size, dtype=np.float32)).reshape(np.shape(y))


@functools.cache
def reference(k):
    """Return y, dy and the gradients of case k, by NumPy in float64, dy as float32."""
    op, inputs, static = CASES[k]
    y, cache = table.load(op, "numpy", "forward")(*in_float64(inputs), **static)
    if op in table.NO_GRADIENT or op == "cast":
        return y, None, None
    dy = gradient_like(y)
    return y, dy, table.load(op, "numpy", "backward")(in_float64(dy), cache)


def name_of(launch):
    """Return the kernel's name, as its `Build` has it: some are made by one factory and named afterwards."""
    return getattr(launch.kernel, "py_func", launch.kernel).__name__


def assert_close(got, expected, tolerance):
    if isinstance(expected, tuple):
        assert isinstance(got, tuple) and len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            assert_close(a, b, tolerance)
    elif expected is None:
        assert got is None
    else:
        assert isinstance(got, HostedArray) and got.shape == expected.shape
        assert got.dtype == (np.float32 if expected.dtype == np.float64 else expected.dtype)
        np.testing.assert_allclose(on_host(got, "test"), expected, rtol=tolerance, atol=tolerance)


def run_case(k, device, rung):
    """Compare case k by a rung with NumPy; return the names of the kernels that it launched."""
    op, inputs, static = CASES[k]
    y, dy, gradients = reference(k)
    forward, backward = (table.load(op, f"{device}:{rung}", direction) for direction in ("forward", "backward"))
    assert forward is not None or backward is not None
    tolerance = ROUNDED.get(rung, EXACT)
    with simt_options() as reports, launches() as launched:
        result, cache = (forward or table.load(op, device, "forward"))(*inputs, **static)
        assert_close(result, y, tolerance)
        if dy is not None and backward is not None:
            assert_close(backward(dy, cache), gradients, tolerance)
    assert {launch.place for launch in launched} == {device}
    assert (len(reports) == len(launched)) == (device == "simt") and not any(report.faults for report in reports)
    return set(map(name_of, launched))


@on_each_device
@pytest.mark.parametrize("op, rung", [(op, rung) for op, rungs in RUNGS.items() for rung in rungs])
def test_every_rung_equals_numpy_in_float64_and_runs_its_own_kernels(op, rung, device):
    """A wide rung leaves awkward shapes to the rung before; some case must show it at work."""
    ran = set()
    for k in (k for k, case in enumerate(CASES) if case[0] == op):
        try:
            ran |= run_case(k, device, rung)
        except (AssertionError, ValueError) as error:
            error.add_note(
                f"in case {k} of {op} by {device}:{rung}: {[np.shape(a) for a in CASES[k][1]]}, {CASES[k][2]}"
            )
            raise
    for kernel in table.kernels(op)[: 1 if op in GRADIENT_IS_DY else None]:
        for own in (found for found in ladder.rungs(kernel) if found.name == rung):
            names = {build.name.partition("[")[0] for build in own.builds}
            assert names & ran, f"{op} by {rung}: none of {names} ran, but {ran}"


def test_the_rungs_cover_every_kernel_of_every_op():
    for op in ON_DEVICES:
        assert set(RUNGS[op]) == {rung.name for kernel in table.kernels(op) for rung in ladder.rungs(kernel)}, op
    assert {case[0] for case in CASES} == set(ON_DEVICES)
    assert device_of(np.zeros(1)) is None
