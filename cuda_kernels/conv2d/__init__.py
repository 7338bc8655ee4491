"""Convolution, its three gradients, and transposed convolution. README.md tells the ladders' story."""
from .backward_bias import r1_column as bias_r1
from .backward_data import r1_direct as data_r1
from .backward_weights import r1_direct as weights_r1
from .forward import r1_direct as forward_r1

RUNGS = (forward_r1.RUNG, data_r1.RUNG, weights_r1.RUNG, bias_r1.RUNG)
