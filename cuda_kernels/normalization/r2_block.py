"""normalization r2: one block makes the sums of one group, its warps by shuffles.

One block owns a group: its threads take the elements r = thread, thread + THREADS, …; `warp_sum` and a value a warp in
shared memory make the sum, which every thread gets, so that the second walk can begin at once.
Change from r1: THREADS threads where r1 has one. For layer norm they read neighbours; for batch norm the elements of a
channel lie C apart, and a sector's other channels are read by other blocks.
Bytes as r1. Claims: no local memory.
"""
from __future__ import annotations

from .r1_serial import builds_of, rungs_of

RUNGS = rungs_of("r2_block", "one block a group, by shuffles", "block", builds_of(True))
