"""Convolution, its three gradients, and transposed convolution. README.md tells the ladders' story."""
from .backward_bias import r1_column, r2_parts
from .backward_data import r1_direct as data_r1
from .backward_data import r2_implicit as data_r2
from .backward_data import r3_double_buffered as data_r3
from .backward_weights import r1_direct as weights_r1
from .backward_weights import r2_implicit as weights_r2
from .backward_weights import r3_double_buffered as weights_r3
from .forward import r1_direct, r2_im2col, r3_implicit, r4_double_buffered

RUNGS = (r1_direct.RUNG, r2_im2col.RUNG, r3_implicit.RUNG, r4_double_buffered.RUNG,
         data_r1.RUNG, data_r2.RUNG, data_r3.RUNG,
         weights_r1.RUNG, weights_r2.RUNG, weights_r3.RUNG,
         r1_column.RUNG, r2_parts.RUNG)
