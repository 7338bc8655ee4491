"""gemm r9: float32's accuracy from tensor cores, by three products in place of one.

Threads, warps, blocks and memory as in r8.
Change from r8: each operand is split in two numbers that TF32 holds, x = high + low with high = TF32(x), low = x - high
(exact). Then

    a b = high_a high_b + high_a low_b + low_a high_b + low_a low_b

and the last term, 2**-22 of the whole, is left out. The small products are added first. The tensor core itself cuts low
to TF32, which leaves an error near 2**-21 of each product: about float32's own in a sum of some length.

Operations 3 * 2 M N K on the tensor cores (2 M N K useful). Bytes as in r8.
Infinite operands give NaN, since inf - inf is NaN; operands below 1e-34 lose their low part.
The splits take registers: one block to a multiprocessor, where r8 has two.
Claims: 96 HMMA in the main loop; no local memory. Needs sm_80.

Source: Ootomo and Yokota, "Recovering single precision accuracy from Tensor Cores while surpassing the FP32 theoretical
peak performance", IJHPCA 36(4), 2022.
"""
import functools

from cuda_kernels._cuda import cuda
from cuda_kernels.intrinsics import mma_tf32, to_tf32
from cuda_kernels.ladder import Claims, Rung

from . import r8_tf32
from .host import FLAT, Variant, builds, by_tiles, host
from .r8_tf32 import THREADS, TILE


@cuda.jit(device=True)
def _as_it_is(v):
    return v


@cuda.jit(device=True)
def _split4(a):
    h0, h1, h2, h3 = to_tf32(a[0]), to_tf32(a[1]), to_tf32(a[2]), to_tf32(a[3])
    return (h0, h1, h2, h3), (a[0] - h0, a[1] - h1, a[2] - h2, a[3] - h3)


@cuda.jit(device=True)
def _split2(b):
    h0, h1 = to_tf32(b[0]), to_tf32(b[1])
    return (h0, h1), (b[0] - h0, b[1] - h1)


@cuda.jit(device=True)
def _accumulate_three(a, b, total, i, j):
    """One piece: total[i, j] += a @ b, the corrections first."""
    a_high, a_low = _split4(a)
    b_high, b_low = _split2(b)
    d = (total[i, j, 0], total[i, j, 1], total[i, j, 2], total[i, j, 3])
    d = mma_tf32(a_low, b_high, d)
    d = mma_tf32(a_high, b_low, d)
    d = mma_tf32(a_high, b_high, d)
    total[i, j, 0], total[i, j, 1], total[i, j, 2], total[i, j, 3] = d[0], d[1], d[2], d[3]


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    return r8_tf32.make_kernel(variant, _as_it_is, _accumulate_three, resident=1)


apply = by_tiles(make_kernel, TILE, THREADS)
RUNG = Rung(
    op="gemm", name="r9_3xtf32", change="three TF32 products for each one, for float32's accuracy", run=host(apply),
    optional="needs sm_80, and infinite operands give NaN",
    builds=builds(make_kernel, FLAT,
                  Claims(registers=168, contains=("HMMA.1688.F32.TF32", "LDG.E.128", "STG.E.64"), loop=("HMMA", 0.15)),
                  Claims(registers=168), since=(8, 0), label="3xtf32"))
