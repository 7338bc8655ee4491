"""Max and average pooling, forward and backward. README.md tells the ladder's story."""
from . import r1_direct, r2_wide, r3_window

RUNGS = (*r1_direct.RUNGS, *r2_wide.RUNGS, r3_window.RUNG)
