"""Sums, means, extremes over any axes, and where the extreme is. README.md tells the story."""
from . import r1_atomics, r2_shared_tree, r3_shuffle, r4_wide, r5_two_pass

RUNGS = (*r1_atomics.RUNGS, *r2_shared_tree.RUNGS, *r3_shuffle.RUNGS, *r4_wide.RUNGS, *r5_two_pass.RUNGS)
