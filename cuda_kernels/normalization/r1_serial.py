"""normalization r1: one thread makes the sums of one group, then one thread an element normalizes.

Group = what shares a mean: a channel (batch norm) or a sample (layer norm). One thread owns a group's sums and walks it
twice, for the mean and for the squared deviations from it (in one walk, E[x^2] - E[x]^2 loses all digits where the mean
is large); a second kernel has one thread an element. For batch norm, neighbouring threads are neighbouring channels and
share sectors, but there are only C of them.
Bytes of the forward, N elements: 12 N loaded, 8 N stored (y and x_hat).
Claims: no local memory.
"""
from __future__ import annotations

import functools
from typing import Any

from cuda_kernels.ladder import Build, Rung

from . import apply, host, statistics


def rungs_of(name: str, change: str, how: str, builds: dict[str, tuple[Build, ...]]) -> tuple[Rung, ...]:
    """The rungs of these ops, whose sums are made as `how` says (see `statistics.py`)."""

    def run_of(op: str) -> Any:
        run = functools.partial(getattr(host, op), how=how)
        return functools.update_wrapper(run, getattr(host, op))

    return tuple(Rung(op=op, name=name, change=change, run=run_of(op), builds=builds[op]) for op in builds)


def builds_of(block: bool) -> dict[str, tuple[Build, ...]]:
    """What each op compiles, with sums made by a block, or by a thread."""
    moments, dots = statistics.builds(block)
    return {"batch_norm": (moments, *apply.FORWARD), "batch_norm_backward": (dots, *apply.BACKWARD),
            "batch_norm_inference": apply.FORWARD,
            "batch_norm_inference_backward": (dots, *apply.INFERENCE_BACKWARD),
            "layer_norm": (moments, *apply.FORWARD), "layer_norm_backward": (dots, *apply.BACKWARD)}


RUNGS = rungs_of("r1_serial", "one thread a group makes its sums", "serial", builds_of(False))
