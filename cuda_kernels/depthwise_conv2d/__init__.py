"""Depthwise convolution, forward and both gradients. README.md tells the ladders' story."""
from .backward_data import r1_direct as data_r1
from .backward_data import r2_wide as data_r2
from .backward_weights import r1_direct as weights_r1
from .backward_weights import r2_parts as weights_r2
from .forward import r1_direct, r2_wide, r3_shared

RUNGS = (r1_direct.RUNG, r2_wide.RUNG, r3_shared.RUNG,
         data_r1.RUNG, data_r2.RUNG,
         weights_r1.RUNG, weights_r2.RUNG)
