"""Instructions that plain Python in a kernel does not give, each beside its meaning in NumPy.

| in a kernel | one instruction of the GPU | what it means |
|---|---|---|
| `ld4(a, i)`, `ld2(a, i)` | LDG.128 / LDS.128, .64 | the tuple a[i:i+4] (a[i:i+2]); i is a multiple of 4 (2) |
| `st4(a, i, v)`, `st2(a, i, v)` | STG.128 / STS.128, .64 | a[i:i+4] = v |
| `ld1(a, i)`, `st1(a, i, v)` | LDG, STG | a[i], without the code for a negative i |
| `fma(x, y, z)` | FFMA | x * y + z, rounded once |
| `to_tf32(x)` | cvt.rna.tf32 in PTX | x rounded to 10 bits of mantissa, still a float32 |
| `pack_bf16(low, high)` | F2FP.BF16.PACK_AB | two float32 as bfloat16 in one uint32 |
| `mma_tf32(a, b, c)` | HMMA.1688.F32.TF32 | a warp's a @ b + c, 16x8 by 8x8 |
| `mma_bf16(a, b, c)` | HMMA.16816.F32.BF16 | a warp's a @ b + c, 16x16 by 16x8 |
| `cp_async4(s, i, a, j, count)` | LDGSTS.128 | s[i:i+4] = a[j:j+4] in the background, zeros after `count` |
| `cp_async_commit()` | LDGDEPBAR | close the group of the copies begun so far |
| `cp_async_wait_all()`, `…_all_but_one()`, `…_all_but_two()` | DEPBAR | wait until so many groups are under way |
| `warp_sum`, `warp_max`, `warp_min` | five SHFL.BFLY | reduce over the 32 lanes; every lane gets the result |

Indices are flat: they count elements from the array's start, whatever its shape. The tensor core and cp.async ones need
sm_80 (Ampere). The meanings run on the SIMT machine, which counts and checks them as any access.

Source: NVIDIA, *PTX ISA*, sections "ld", "mma", "cvt", "cp.async"; the layout of fragments is in `mma_tf32` below.
"""
from .background_copy import (
    cp_async4,
    cp_async_commit,
    cp_async_wait_all,
    cp_async_wait_all_but_one,
    cp_async_wait_all_but_two,
)
from .tensor_cores import fma, mma_bf16, mma_tf32, pack_bf16, round_to_bf16, round_to_tf32, to_tf32
from .warp import FULL_WARP, warp_max, warp_min, warp_sum
from .wide import ld1, ld2, ld4, st1, st2, st4

__all__ = [
    "FULL_WARP",
    "cp_async4",
    "cp_async_commit",
    "cp_async_wait_all",
    "cp_async_wait_all_but_one",
    "cp_async_wait_all_but_two",
    "fma",
    "ld1",
    "ld2",
    "ld4",
    "mma_bf16",
    "mma_tf32",
    "pack_bf16",
    "round_to_bf16",
    "round_to_tf32",
    "st1",
    "st2",
    "st4",
    "to_tf32",
    "warp_max",
    "warp_min",
    "warp_sum",
]
