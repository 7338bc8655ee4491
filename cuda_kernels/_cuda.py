"""The one place that imports Numba's CUDA target: every kernel file takes its names from here.

A kernel writes `from cuda_kernels._cuda import cuda, float32`. Should the target move to another package
one day, this file moves with it and the kernels stay as they are. Importing it needs no GPU and no driver.
"""
import os

from numba import config, cuda, float32, float64, int32, int64, uint8, uint32, uint64

__all__ = ["FLAT", "SIMULATOR", "cuda", "float32", "float64", "int32", "int64", "uint8", "uint32", "uint64"]

FLAT = float32[::1]  # the type of an array with one axis, for the compile gate

# Why nothing of this package runs, or "".
SIMULATOR = "" if hasattr(cuda, "atomic") else (
    "the environment variable NUMBA_ENABLE_CUDASIM replaces numba.cuda by Numba's own simulator, which neither takes "
    "these kernels nor leaves their names to the SIMT machine. Unset it, and start Python anew"
)

# Numba warns at every new grid of fewer than 128 blocks. Arrays of a lesson are small, and so are the last passes of a
# reduction: there would be dozens of such warnings in a training step, and none of them the student's to mend.
if "NUMBA_CUDA_LOW_OCCUPANCY_WARNINGS" not in os.environ:
    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
