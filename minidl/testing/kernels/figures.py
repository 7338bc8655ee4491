"""The last two stages of a check, beside the ladder's rungs: what a kernel moves, and on a GPU how long it takes."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cuda_kernels import ladder, launch
from cuda_kernels._cuda import cuda
from minidl.backends import table
from minidl.backends.cuda.device import Device, host_function
from minidl.backends.devices.arrays import on_host
from minidl.errors import MinidlError
from minidl.lens.timing.rooflines import Roofline, roofline
from minidl.testing.cases import Case, Values
from minidl.testing.kernels.remarks import host_remarks, remarks
from minidl.testing.kernels.results import KernelCheck
from minidl.testing.kernels.runs import (
    Call,
    Launched,
    NotTaken,
    Probe,
    cases_of,
    described,
    directions,
    ops_with,
    probe,
    run_backward,
    run_forward,
    upstream,
)

FIGURES = Path(__file__).with_name("ladder_figures.json")
REPEATS = 20
FLUSH_BYTES = 128 * 2**20  # twice the second-level cache of an H200

# Inputs that fill a GPU, for the ops that have a usual size; the others are timed on the largest case.
LARGE: dict[str, Callable[[Values], Case]] = {
    "gemm": lambda v: Case((v.f(2048, 2048), v.f(2048, 2048)), {}),
    "batched_gemm": lambda v: Case((v.f(64, 256, 256), v.f(64, 256, 256)), {}),
    "conv2d": lambda v: Case((v.f(32, 56, 56, 64), v.f(3, 3, 64, 64), v.f(64)), {"padding": ((1, 1), (1, 1))}),
    "depthwise_conv2d": lambda v: Case((v.f(32, 56, 56, 64), v.f(3, 3, 64, 1), v.f(64)), {}),
    **{op: lambda v: Case((v.f(32, 112, 112, 64),), {}) for op in ("max_pool2d", "average_pool2d")},
    **{op: lambda v: Case((v.f(8192, 4096),), {"axes": -1}) for op in (
        "reduce_sum", "reduce_mean", "reduce_max", "reduce_min",
    )},
    **{op: lambda v: Case((v.f(8192, 1024),), {}) for op in ("softmax", "log_softmax")},
    **{op: lambda v: Case((v.f(2**25),), {}) for op in (
        "relu", "relu6", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "swish", "exp", "square",
        "absolute", "negative",
    )},
    **{op: lambda v: Case((v.f(2**25), v.f(2**25)), {}) for op in (
        "add", "subtract", "multiply", "maximum", "minimum",
    )},
}  # fmt: skip


def record(kernel: str, function: Callable[..., Any], op: str, case: Case) -> list[Call]:
    """Run a case by one function, unwatched, and return the kernel's calls in the first direction that has any."""
    direction = directions(op, kernel)[0]
    device = probe(op, direction, kernel, function, watched=False, counted=True)
    return _run(device, case)


def _run(device: Probe, case: Case) -> list[Call]:
    if device.direction == "forward":
        run_forward(device, case)
    else:
        y, cache = table.load(device.op, "numpy", "forward")(*case.inputs, **case.static)  # type: ignore[misc]
        run_backward(device, upstream(y), cache)
    return device.calls


# -- traffic -----------------------------------------------------------------------------------------------------------


def add_traffic(
    result: KernelCheck, kernel: str, name: str, given: Case | None, launched: Iterable[Launched] = ()
) -> None:
    """Count what the kernel moves, on the largest case in which it is called, beside what the ladder's rungs move.

    launched : what a kernel of one's own launches; then remarks are made on it
    """
    with launch.simt_options(owners=bool(launched)):
        found = traffic_call(kernel, name, given)
    if found is None:
        return
    op, case, call = found
    where = described(kernel, call.arrays, call.static)
    known = ladder_figures().get(kernel, {}).get(where, {}) if given is None else {}
    rows = {name: figures_row(call)}
    for rung in ladder.rungs(kernel):
        if rung.name != name:
            rows[rung.name] = known[rung.name] if rung.name in known else rung_row(kernel, rung.name, op, case)
    result.traffic = [{"rung": f"{who} <-" if who == name else who} | row for who, row in rows.items()]
    result.traffic_of = f"What {where} moves (SIMT machine: counts, no times)"
    result.add("traffic", "passed", "counted, beside the ladder's rungs; no float64 operations")
    if launched:
        result.remarks = [
            *remarks(kernel, call, rows),
            *host_remarks(call, host_function(kernel, name), kernel, launched),
        ]


def traffic_call(kernel: str, name: str, given: Case | None = None) -> tuple[str, Case, Call] | None:
    """Return the op, the largest case in which a rung of the kernel is called there, and the call, counted."""
    for op in ops_with(kernel):
        for case in reversed(cases_of(op, given if op == ops_with(kernel)[0] else None)):
            with contextlib.suppress(NotTaken):
                calls = [] if case.extreme else record(kernel, host_function(kernel, name), op, case)
                if calls:
                    return op, case, calls[0]
    return None


def rung_row(kernel: str, rung: str, op: str, case: Case) -> dict[str, Any]:
    """Count a rung of the ladder on a case: its row of the table."""
    try:
        return figures_row(record(kernel, host_function(kernel, rung), op, case)[0])
    except MinidlError:
        return figures_row(None)


@functools.cache
def ladder_figures() -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Return the recorded rows, by kernel, call and rung: counting a whole ladder takes seconds (ladder_figures.py)."""
    recorded = FIGURES.read_text(encoding="utf-8") if FIGURES.exists() else "{}"
    return json.loads(recorded)


def figures_row(call: Call | None) -> dict[str, Any]:
    """Return a call's row of the table; of None that of a rung that refuses it."""
    if call is None:
        return dict.fromkeys(("launches", "sectors", "bytes used", "bank passes", "flops", "barriers"), "refuses")
    total = call.figures
    conflicts = total.shared_wavefronts / total.shared_accesses if total.shared_accesses else 0.0
    return {
        "launches": len(call.reports), "sectors": f"{total.global_sectors:,}", "bytes used": f"{total.coalescing:.0%}",
        "bank passes": f"{conflicts:.2f}" if conflicts else "-", "flops": f"{total.flops:,}",
        "barriers": total.barriers,
    }  # fmt: skip


# -- timing ------------------------------------------------------------------------------------------------------------


class GpuProbe(Probe):
    """A device on which the kernel's call is kept, so that it can be repeated; on a GPU."""

    def run(self, kernel: str, *arrays: Any, **static: Any) -> Any:
        """Run a kernel on the GPU, and note the call if it is the one."""
        if kernel != self.kernel:
            return Device.run(self, kernel, *arrays, **static)
        self.require_taken(arrays, static)
        result = self.function(*arrays, **static, on="cuda")
        self.calls.append(Call(arrays, static, result, None, []))
        return result


def add_timing(result: KernelCheck, kernel: str, name: str, given: Case | None, tolerance: float) -> None:
    """Time each rung on a GPU, the kernel's values checked there first; without one say plainly that it was not run."""
    problem = launch.gpu_problem()
    if problem:
        result.add("timing", "not run", f"not run on a GPU: {problem.partition('. ')[0].rstrip('.')}")
        return
    op = ops_with(kernel)[0]
    case = given or (LARGE[op](Values(5)) if op in LARGE else cases_of(op, None)[-1])
    try:
        mine = _gpu_calls(kernel, name, op, case)
    except NotTaken as error:
        result.add("timing", "not run", f"the case that is timed needs {error}, which your function does not take")
        return
    if not mine:
        result.add("timing", "not run", "the case does not call this kernel")
        return
    best = _gpu_calls(kernel, ladder.rung(kernel).name, op, case)
    if not _agree(mine[0].result, best[0].result, tolerance * 20):
        result.fail(
            "timing", f"{described(kernel, mine[0].arrays, mine[0].static)}: on the GPU the values differ from "
            "those of the ladder's best rung, and on the SIMT machine they did not.", "",
            "A race that this size or the hardware's order brings out? Or an index beyond int32?",
        )  # fmt: skip
        return
    roof = roofline("cuda")
    for rung in dict.fromkeys((name, *(found.name for found in ladder.rungs(kernel)))):
        result.timing.append(_timing_row(kernel, rung, name, op, case, roof))
    result.timing_of = (
        f"{described(kernel, mine[0].arrays, mine[0].static)} on {roof.device}, float32: median of {REPEATS} with the "
        f"cache flushed; a copy reaches {roof.bytes_per_second / 1e9:,.0f} GB/s"
    )
    result.add("timing", "passed", "timed on the GPU, beside the ladder's rungs")


def _gpu_calls(kernel: str, rung: str, op: str, case: Case) -> list[Call]:
    device = GpuProbe("cuda", None, op, directions(op, kernel)[0])
    device.kernel, device.function, device.calls = kernel, host_function(kernel, rung), []
    return _run(device, case)


def _agree(mine: Any, theirs: Any, tolerance: float) -> bool:
    if isinstance(theirs, tuple):
        return all(_agree(a, b, tolerance) for a, b in zip(mine, theirs, strict=True))
    if theirs is None or not hasattr(theirs, "shape"):
        return True
    a, b = on_host(mine, "check"), on_host(theirs, "check")
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    return bool(np.allclose(a, b, rtol=0, atol=tolerance * scale, equal_nan=True))


def _timing_row(kernel: str, rung: str, mine: str, op: str, case: Case, roof: Roofline) -> dict[str, Any]:
    row: dict[str, Any] = {"rung": f"{rung} <-" if rung == mine else rung}
    try:
        call = _gpu_calls(kernel, rung, op, case)[0]
    except MinidlError:
        return row | {"ms": "refuses this", "GB/s": "", "of copy": "", "TFLOP/s": "", "of peak": ""}
    function = host_function(kernel, rung)
    seconds = median_seconds(lambda: function(*call.arrays, **call.static, on="cuda"))
    rate = _bytes(call.arrays, call.result) / seconds
    row |= {
        "ms": f"{seconds * 1e3:.3f}",
        "GB/s": f"{rate / 1e9:,.0f}",
        "of copy": f"{rate / roof.bytes_per_second:.0%}",
    }
    flops = operations(kernel, call) / seconds
    return row | {
        "TFLOP/s": f"{flops / 1e12:.1f}" if flops else "",
        "of peak": f"{flops / roof.flops:.0%}" if flops else "",
    }


def operations(kernel: str, call: Call) -> float:
    """Return 2 M N K for a matrix product, or its like for a convolution; 0 for kernels that memory bounds."""
    a = call.arrays
    if kernel in ("gemm", "batched_gemm"):
        inner = a[0].shape[-2] if call.static.get("transpose_a") else a[0].shape[-1]
        return 2.0 * math.prod(call.result.shape) * inner
    if kernel == "conv2d":
        return 2.0 * math.prod(call.result.shape) * math.prod(a[1].shape[:3])
    if kernel == "conv2d_backward_data":
        return 2.0 * math.prod(a[0].shape) * math.prod(a[1].shape[:3])
    if kernel == "conv2d_backward_weights":
        return 2.0 * math.prod(a[1].shape) * math.prod(call.result.shape[:3])
    return 0.0


def _bytes(*values: Any) -> int:
    """Bytes of all arrays, each read or written once: the least that must be moved."""
    return sum(_bytes(*value) if isinstance(value, tuple) else getattr(value, "nbytes", 0) for value in values)


def median_seconds(run: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return the median time of `run` on the GPU by its events, after a warm-up, the cache flushed before each."""
    flush = launch.empty((FLUSH_BYTES // 4,), on="cuda")
    run()
    times = []
    for _ in range(repeats):
        cuda.cudadrv.driver.device_memset(flush, 0, FLUSH_BYTES)
        before, after = cuda.event(), cuda.event()
        before.record()
        run()
        after.record()
        after.synchronize()
        times.append(cuda.event_elapsed_time(before, after) / 1e3)
    return statistics.median(times)
