"""The one place that imports Numba's CUDA target: every kernel file takes its names from here.

A kernel writes `from cuda_kernels._cuda import cuda, float32`. Should the target move to another package
one day, this file moves with it and the kernels stay as they are. Importing it needs no GPU and no driver.
"""

from numba import cuda, float32, float64, int32, int64, uint8, uint32, uint64

__all__ = ["cuda", "float32", "float64", "int32", "int64", "uint8", "uint32", "uint64"]
