"""Batch norm (training and inference) and layer norm. README.md tells the story."""
from . import r1_serial, r2_block, r3_columns, r3_registers

RUNGS = (*r1_serial.RUNGS, *r2_block.RUNGS, *r3_columns.RUNGS, *r3_registers.RUNGS)
