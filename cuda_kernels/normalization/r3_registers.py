"""layer_norm r3: one kernel, the row in registers from its sum to its result; dgamma and dbeta from whole rows.

A warp, or a block of four, owns a row (`rows.py`); the sums over the samples are the column sums of `columns.py`.
Change from r2: x is read once, where the two sums and the normalizing read it three times; three launches become one.
Rows over 2048 values, and averages over other than the last axes, go to r2.
Bytes of the forward, N elements: 4 N loaded, 8 N stored (y and x_hat): the least there can be.
Bytes of the backward: 16 N loaded (dx and the column sums read dy and x_hat each), 4 N stored (r2: 24 N loaded).
Claims: SHFL.BFLY, no local memory.
"""
from __future__ import annotations

from . import columns, rows
from .r1_serial import rungs_of

RUNGS = rungs_of("r3_registers", "one kernel, the row stays in registers", "registers", {
    "layer_norm": rows.FORWARD, "layer_norm_backward": (*rows.BACKWARD, *columns.DOTS)})
