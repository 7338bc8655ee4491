"""Kernels to try the SIMT machine on, each with NumPy's answer.

>>> from cuda_kernels import simt
>>> from cuda_kernels.simt.examples import EXAMPLES
>>> case = EXAMPLES["saxpy"]()
>>> report = simt.launch(case.kernel, case.grid, case.block, *case.args)
>>> report.faults
[]
"""

from collections.abc import Callable

from cuda_kernels.simt.examples.case import Case
from cuda_kernels.simt.examples.elementwise import saxpy_case, vector_add_case
from cuda_kernels.simt.examples.histogram import histogram_atomic_case, histogram_shared_case
from cuda_kernels.simt.examples.images import conv2d_direct_case, max_pool2d_case
from cuda_kernels.simt.examples.matmul import (
    matmul_double_buffered_case,
    matmul_ragged_case,
    matmul_square_case,
)
from cuda_kernels.simt.examples.reduce import sum_atomic_case, sum_shuffle_case, sum_tree_case
from cuda_kernels.simt.examples.scan import add_block_sums_case, scan_block_case
from cuda_kernels.simt.examples.softmax import softmax_rows_case
from cuda_kernels.simt.examples.stencil import stencil_1d_case
from cuda_kernels.simt.examples.transpose import (
    transpose_naive_case,
    transpose_padded_case,
    transpose_tiled_case,
)
from cuda_kernels.simt.examples.warp_specialised import row_dots_case

# name -> builder; without arguments a builder makes awkward sizes
EXAMPLES: dict[str, Callable[..., Case]] = {
    "vector_add": vector_add_case,
    "saxpy": saxpy_case,
    "matmul_square": matmul_square_case,
    "matmul_ragged": matmul_ragged_case,
    "matmul_double_buffered": matmul_double_buffered_case,
    "transpose_naive": transpose_naive_case,
    "transpose_tiled": transpose_tiled_case,
    "transpose_padded": transpose_padded_case,
    "sum_atomic": sum_atomic_case,
    "sum_tree": sum_tree_case,
    "sum_shuffle": sum_shuffle_case,
    "scan_block": scan_block_case,
    "add_block_sums": add_block_sums_case,
    "histogram_atomic": histogram_atomic_case,
    "histogram_shared": histogram_shared_case,
    "softmax_rows": softmax_rows_case,
    "stencil_1d": stencil_1d_case,
    "conv2d_direct": conv2d_direct_case,
    "max_pool2d": max_pool2d_case,
    "row_dots": row_dots_case,
}

# name -> arguments that make a launch small enough for Numba's simulator, whose threads are the system's
TINY: dict[str, tuple[int, ...]] = {
    "vector_add": (50,),
    "saxpy": (50, 1),
    "matmul_square": (16, 16, 16),
    "matmul_ragged": (5, 7, 9),
    "matmul_double_buffered": (16, 16, 48),
    "transpose_naive": (3, 5),
    "transpose_tiled": (3, 5),
    "transpose_padded": (3, 5),
    "sum_atomic": (50,),
    "sum_tree": (50,),
    "sum_shuffle": (50, 1),
    "scan_block": (50,),
    "add_block_sums": (50,),
    "histogram_atomic": (50,),
    "histogram_shared": (50, 1),
    "softmax_rows": (2, 5),
    "stencil_1d": (20,),
    "conv2d_direct": (1, 3, 3),
    "max_pool2d": (1, 5, 5, 2),
    "row_dots": (1, 2),
}

__all__ = ["EXAMPLES", "TINY", "Case"]
