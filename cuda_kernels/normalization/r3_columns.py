"""batch_norm r3: the sums of all channels from whole rows, the rows shared among the blocks; one walk for both moments.

One block owns 32 neighbouring channels and one part of the rows (`columns.py`); a second kernel merges the parts.
Change from r2: there a block owned one channel, whose values lie C apart: a warp asked for 32 sectors to use 4 bytes of
each, and small C left most of the GPU idle. Here a warp reads 128 bytes of a row, and the parts fill the GPU for any C.
Welford's running moments take one walk over x in place of two.
Bytes of the forward, N elements: 8 N loaded (r2: 12 N, and of its sectors an eighth is used), 8 N stored.
Bytes of the backward: 16 N loaded, 4 N stored. Claims: LDS, STS, no local memory.
"""
from __future__ import annotations

from . import apply, columns
from .r1_serial import rungs_of

RUNGS = rungs_of("r3_columns", "whole rows are read, rows shared among blocks; moments in one walk", "columns", {
    "batch_norm": (*columns.MOMENTS, *apply.FORWARD), "batch_norm_backward": (*columns.DOTS, *apply.BACKWARD),
    "batch_norm_inference_backward": (*columns.DOTS, *apply.INFERENCE_BACKWARD)})
