"""batched_gemm r1: the host launches a gemm for each pair of matrices.

Threads, blocks, operations and bytes as in the gemm that is launched, for each of the `batch` pairs: 2 batch M N K
operations. A launch costs some microseconds on the host, in which a GPU does 1e8 operations: small matrices wait for
launches.
Claims: those of `gemm.r7_warp_tile_double_buffered`.
"""
from __future__ import annotations

from typing import Any

from cuda_kernels.gemm import r7_warp_tile_double_buffered as r7
from cuda_kernels.ladder import Rung

from .problem import checked_output


def batched_gemm(a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False, out: Any = None,
                 on: str | None = None) -> Any:
    """C[i] = A[i] @ B[i], float32.

    a (batch, M, K) or (batch, K, M) with transpose_a; b (batch, K, N) or (batch, N, K) with transpose_b; returns C
    (batch, M, N). Errors as `problem.checked_output` describes.
    """
    c = checked_output(a, b, transpose_a, transpose_b, out)
    for i in range(a.shape[0]):
        r7.gemm(a[i], b[i], transpose_a=transpose_a, transpose_b=transpose_b, out=c[i], on=on)
    return c


RUNG = Rung(op="batched_gemm", name="r1_loop", change="a launch of gemm for each pair", run=batched_gemm,
            builds=r7.RUNG.builds)
