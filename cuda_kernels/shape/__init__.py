"""Moving values: transpose, join, cut, pad, stretch, enlarge. README.md tells the story."""
from . import r1_index, r2_tiled, upsample, wide

RUNGS = (*r1_index.RUNGS, r2_tiled.RUNG, *wide.RUNGS, *upsample.RUNGS)
