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

from cuda_kernels.ladder import Rung

from . import apply, host, statistics

NAMES = ("batch_norm", "batch_norm_backward", "batch_norm_inference", "batch_norm_inference_backward", "layer_norm",
         "layer_norm_backward")


def rungs_of(name: str, change: str, block: bool) -> tuple[Rung, ...]:
    """The rungs of all six ops with sums made by a block, or by a thread."""
    sums = statistics.builds(block)
    cells = {"batch_norm": (sums[0], *apply.FORWARD), "layer_norm": (sums[0], *apply.FORWARD),
             "batch_norm_inference": apply.FORWARD}

    def run_of(op: str) -> Any:
        run = functools.partial(getattr(host, op), block=block)
        return functools.update_wrapper(run, getattr(host, op))

    return tuple(Rung(op=op, name=name, change=change, run=run_of(op),
                      builds=cells.get(op, (sums[1], *apply.BACKWARD))) for op in NAMES)


RUNGS = rungs_of("r1_serial", "one thread a group makes its sums", block=False)
