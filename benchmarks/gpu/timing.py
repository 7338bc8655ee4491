"""Times on a GPU, by CUDA events, with a cold L2 cache; and the refusal of what cannot be."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels._cuda import cuda

FLUSH_BYTES = 1 << 28  # more than any L2 cache
# A ceiling is measured too, and may be some percent low; what only reads, or only writes, is quicker than the copy that
# bounds it, and its last lines may still be in the L2 cache.
SLACK = {"copy": 1.25}
OTHER_SLACK = 1.03
MOST_FLUSHES = 256


class Times(NamedTuple):
    """Microseconds: the median, and the quartiles as the spread."""

    us: float
    q1: float
    q3: float
    repeats: int


class Clock:
    """Times functions that launch kernels on the default stream: ours, PyTorch's and CuPy's alike.

    Before each repeat a large block is overwritten some times: that empties the L2 cache of the inputs, and keeps the
    GPU busy while Python launches, so that the time between the events is the GPU's and not Python's.
    """

    def __init__(self) -> None:
        self.block = cuda.device_array((FLUSH_BYTES,), np.uint8)
        self.before, self.after = cuda.event(), cuda.event()
        self.between(lambda: self.flush(1))
        self.flush_seconds = max(1e-6, self.between(lambda: self.flush(8)) / 8e6)

    def flush(self, times: int) -> None:
        for _ in range(times):
            cuda.cudadrv.driver.device_memset(self.block, 0, FLUSH_BYTES)

    def between(self, function: Callable[[], Any]) -> float:
        """Return the microseconds that the GPU needs for what a function launches."""
        self.before.record()
        kept = function()
        self.after.record()
        self.after.synchronize()
        del kept
        return 1000 * float(cuda.event_elapsed_time(self.before, self.after))

    def time(self, function: Callable[[], Any], seconds: float = 0.4, most: int = 30, least: int = 5) -> Times:
        """Run the function twice to warm up, then time it until the seconds are over; three times if it is slow."""
        function()
        cuda.synchronize()
        began = time.perf_counter()
        function()
        launching = time.perf_counter() - began
        cuda.synchronize()
        if time.perf_counter() - began > seconds:
            least = 3
        flushes = min(MOST_FLUSHES, 3 + int(2 * launching / self.flush_seconds))
        found: list[float] = []
        began = time.perf_counter()
        while len(found) < least or (len(found) < most and time.perf_counter() - began < seconds):
            self.flush(flushes)
            found.append(self.between(function))
        q1, median, q3 = statistics.quantiles(found, n=4)
        return Times(median, q1, q3, len(found))


def judge(
    record: dict[str, Any], times: Times, flops: float, nbytes: float, bound: str, ceilings: dict[str, float]
) -> None:
    """Put times and rates into a record. A rate above its ceiling is refused: then only `refused` is there.

    bound : the ceiling that holds: "fp32", "tf32", "bf16" (GFLOP/s) or "copy" (GB/s); "" for none
    """
    gflops, gbs = flops / times.us / 1e3, nbytes / times.us / 1e3
    rate = gbs if bound == "copy" else gflops
    ceiling = ceilings.get(bound)
    if ceiling and rate > SLACK.get(bound, OTHER_SLACK) * ceiling:
        unit = "GB/s" if bound == "copy" else "GFLOP/s"
        record["refused"] = (
            f"cannot be: measured faster than the ceiling, {rate:.0f} {unit} against {ceiling:.0f} ({bound}); it did "
            "not do all of the work, or the time is wrong"
        )
        return
    record.update(us=times.us, q1=times.q1, q3=times.q3, repeats=times.repeats, gflops=gflops, gbs=gbs)
    if ceiling:
        record.update(share=rate / ceiling, ceiling=bound)
