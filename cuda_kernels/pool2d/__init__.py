"""Max and average pooling, forward and backward. README.md tells the ladder's story."""
from . import r1_direct, r2_wide

RUNGS = (*r1_direct.RUNGS, *r2_wide.RUNGS)
