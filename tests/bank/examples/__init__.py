"""Kernels to try the SIMT machine on, each with NumPy's answer.

>>> from cuda_kernels import simt
>>> from tests.bank.examples import EXAMPLES
>>> case = EXAMPLES["saxpy"]()
>>> report = simt.launch(case.kernel, case.grid, case.block, *case.args)
>>> report.faults
[]
"""

from collections.abc import Callable

from tests.bank.examples.case import Case
from tests.bank.examples.elementwise import saxpy_case, vector_add_case
from tests.bank.examples.histogram import histogram_atomic_case, histogram_shared_case
from tests.bank.examples.images import conv2d_direct_case, max_pool2d_case
from tests.bank.examples.matmul import (
    matmul_double_buffered_case,
    matmul_ragged_case,
    matmul_square_case,
)
from tests.bank.examples.reduce import sum_atomic_case, sum_shuffle_case, sum_tree_case
from tests.bank.examples.scan import add_block_sums_case, scan_block_case
from tests.bank.examples.softmax import softmax_rows_case
from tests.bank.examples.stencil import stencil_1d_case
from tests.bank.examples.transpose import (
    transpose_naive_case,
    transpose_padded_case,
    transpose_tiled_case,
)
from tests.bank.examples.warp_specialised import row_dots_case

# name -> builder; without arguments a builder makes awkward sizes
EXAMPLES: dict[str, Callable[..., Case]] = {build.__name__.removesuffix("_case"): build for build in (
    vector_add_case, saxpy_case, matmul_square_case, matmul_ragged_case, matmul_double_buffered_case,
    transpose_naive_case, transpose_tiled_case, transpose_padded_case, sum_atomic_case, sum_tree_case, sum_shuffle_case,
    scan_block_case, add_block_sums_case, histogram_atomic_case, histogram_shared_case, softmax_rows_case,
    stencil_1d_case, conv2d_direct_case, max_pool2d_case, row_dots_case)}

__all__ = ["EXAMPLES", "Case"]
