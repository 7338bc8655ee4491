"""Looking rows of a table up, and adding gradients to them. README.md tells the story."""
from . import r1_one, r2_wide

RUNGS = (*r1_one.RUNGS, *r2_wide.RUNGS)
