"""Moving values: transpose, join, cut, pad, stretch, enlarge. README.md tells the story."""
from . import r1_index, r2_tiled, upsample

RUNGS = (*r1_index.RUNGS, r2_tiled.RUNG, *upsample.RUNGS)
