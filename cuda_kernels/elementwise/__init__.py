"""Arithmetic cell by cell, activations and casts: one kernel body for all of them. README.md tells the story."""
from . import cast, r1_scalar, r2_wide

RUNGS = (*r1_scalar.RUNGS, *cast.RUNGS, *r2_wide.RUNGS)
