# exercise: 24
# caught: check file import
# The kernel of the package, imported.
from numba import cuda

from cuda_kernels.gemm.r3_shared import gemm_shared as gemm_tiled


@cuda.jit
def gemm_tiled(a, b, c):
    col, row = cuda.grid(2)
