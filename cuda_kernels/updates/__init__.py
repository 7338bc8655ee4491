"""Optimizer steps, each in one kernel. README.md tells the story."""
from . import r1_scalar, r2_wide

RUNGS = (*r1_scalar.RUNGS, *r2_wide.RUNGS)
