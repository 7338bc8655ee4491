"""Softmax, its logarithm, and the losses. README.md tells the story."""
from . import losses, losses_wide, r1_three_passes, r2_online, r3_registers

RUNGS = (*r1_three_passes.RUNGS, *r2_online.RUNGS, *r3_registers.RUNGS, *losses.RUNGS, *losses_wide.RUNGS)
