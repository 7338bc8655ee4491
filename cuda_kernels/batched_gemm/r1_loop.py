"""batched_gemm r1: the host launches a gemm for each pair of matrices.

Threads, blocks, operations and bytes as in the gemm that is launched, for each of the `batch` pairs: 2 batch M N K
operations. A launch costs some microseconds on the host, in which a GPU does 1e8 operations: small matrices wait for
launches.
Claims: those of `gemm.r7_warp_tile_double_buffered`.
"""
from cuda_kernels.gemm import r7_warp_tile_double_buffered as r7
from cuda_kernels.ladder import Rung

from .host import host


def apply(a, b, c, transpose_a: bool, transpose_b: bool, on: str | None) -> None:
    """One launch after the other."""
    for i in range(a.shape[0]):
        r7.RUNG.run(a[i], b[i], transpose_a=transpose_a, transpose_b=transpose_b, out=c[i], on=on)


RUNG = Rung(op="batched_gemm", name="r1_loop", change="a launch of gemm for each pair", run=host(apply),
            builds=r7.RUNG.builds)
