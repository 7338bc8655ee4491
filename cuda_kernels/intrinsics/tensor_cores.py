"""Tensor cores: a whole warp multiplies two small matrices, after rounding to TF32 or bfloat16."""
from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.cuda.extending import intrinsic

from cuda_kernels import simt

from .ptx import F32, I32, assemble

_FOUR, _TWO = types.UniTuple(types.float32, 4), types.UniTuple(types.float32, 2)
_WORDS4, _WORDS2 = types.UniTuple(types.uint32, 4), types.UniTuple(types.uint32, 2)


@intrinsic
def fma(typing_context, x, y, z):
    """`fma(x, y, z)`: x * y + z of float32, rounded once."""
    if not (x == y == z == types.float32):
        return None

    def generate(context, builder, signature, args):
        return assemble(builder, "fma.rn.f32 $0, $1, $2, $3;", "f", "fff", list(args))[0]

    return types.float32(x, y, z), generate


def _fma_meaning(context, x, y, z):
    context.flops(2)
    return np.float32(np.float64(x) * np.float64(y) + np.float64(z))


@intrinsic
def to_tf32(typing_context, x):
    """`to_tf32(x)`: x rounded to TF32 (8 bits of exponent, 10 of mantissa; halves away from zero), as a float32."""
    if x != types.float32:
        return None

    def generate(context, builder, signature, args):
        rounded = assemble(builder, "cvt.rna.tf32.f32 $0, $1;", "r", "f", list(args))[0]
        return builder.bitcast(rounded, F32)

    return types.float32(x), generate


def round_to_tf32(x: np.ndarray) -> np.ndarray:
    """NumPy's `to_tf32`: float32 rounded to 10 bits of mantissa, halves away from zero.

    >>> round_to_tf32(np.float32([1.0, 1.0 + 2**-11, 1.0 + 2**-12])).tolist()
    [1.0, 1.0009765625, 1.0]
    """
    bits = np.asarray(x, np.float32).view(np.uint32)
    rounded = ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(np.isfinite(x), rounded, x)


@intrinsic
def pack_bf16(typing_context, low, high):
    """`pack_bf16(low, high)`: two float32 rounded to bfloat16 (halves to even), `low` in the lower 16 bits."""
    if not (low == high == types.float32):
        return None

    def generate(context, builder, signature, args):
        return assemble(builder, "cvt.rn.bf16x2.f32 $0, $2, $1;", "r", "ff", list(args))[0]

    return types.uint32(low, high), generate


def round_to_bf16(x: np.ndarray) -> np.ndarray:
    """NumPy's rounding to bfloat16 (8 bits of exponent, 7 of mantissa, halves to even), kept as float32.

    >>> round_to_bf16(np.float32([1.0, 1.0 + 2**-8, 1.0 + 3 * 2**-8])).tolist()
    [1.0, 1.0, 1.015625]
    """
    bits = np.asarray(x, np.float32).view(np.uint32)
    even = (bits >> np.uint32(16)) & np.uint32(1)
    rounded = ((bits + np.uint32(0x7FFF) + even) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isfinite(x), rounded, x)


def _pack_meaning(context, low, high):
    low_bits, high_bits = (round_to_bf16(v).astype(np.float32).view(np.uint32) for v in (low, high))
    return (low_bits >> np.uint32(16)) | (high_bits & np.uint32(0xFFFF0000))


def _make_mma(shape: str, kind: str, operand4: Any, operand2: Any) -> Any:
    ptx = (f"mma.sync.aligned.{shape}.row.col.f32.{kind}.{kind}.f32 {{$0,$1,$2,$3}}, {{$4,$5,$6,$7}}, {{$8,$9}}, "
           "{$10,$11,$12,$13};")

    @intrinsic
    def mma(typing_context, a, b, c):
        if (a, b, c) != (operand4, operand2, _FOUR):
            return None

        def generate(context, builder, signature, args):
            words = [builder.bitcast(v, I32) for v in (*cgutils.unpack_tuple(builder, args[0], 4),
                                                        *cgutils.unpack_tuple(builder, args[1], 2))]
            parts = assemble(builder, ptx, "ffff", "rrrrrrffff", [*words, *cgutils.unpack_tuple(builder, args[2], 4)])
            return context.make_tuple(builder, _FOUR, parts)

        return _FOUR(a, b, c), generate

    return mma


# mma_tf32(a, b, c): one warp's product of a 16x8 tile by an 8x8 tile, added to a 16x8 tile.
#
# Lane l holds, with group = l // 4 and pair = l % 4,
#     a = A[group, pair], A[group + 8, pair], A[group, pair + 4], A[group + 8, pair + 4]
#     b = B[pair, group], B[pair + 4, group]
#     c = C[group, 2 pair], C[group, 2 pair + 1], C[group + 8, 2 pair], C[group + 8, 2 pair + 1]   (and the result)
# The tensor core reads a float32's sign, exponent and upper 10 bits of mantissa: round with to_tf32 first.
mma_tf32 = _make_mma("m16n8k8", "tf32", _FOUR, _TWO)

# mma_bf16(a, b, c): 16x16 by 16x8. Each uint32 holds two neighbours along K, the lower one in its lower half:
#     a = A[group, 2 pair :], A[group + 8, 2 pair :], A[group, 2 pair + 8 :], A[group + 8, 2 pair + 8 :]
#     b = B[2 pair :, group], B[2 pair + 8 :, group];   c as above
mma_bf16 = _make_mma("m16n8k16", "bf16", _WORDS4, _WORDS2)


def _tiles_from_lanes(context: Any, values: tuple[Any, ...]) -> np.ndarray:
    """(warps, groups 8, pairs 4, values): what each lane holds."""
    return np.stack([context.by_warp(v).reshape(-1, 8, 4) for v in values], axis=-1)


def _product(context: Any, a: np.ndarray, b: np.ndarray, c: tuple[Any, ...], depth: int) -> tuple[Any, ...]:
    """`a` (warps, 16, depth) @ `b` (warps, depth, 8) + c, in float64, rounded once, back in the lanes' four values.

    A tensor core adds in another order and cuts digits off on the way; the last two digits of float32 may differ.
    """
    held = _tiles_from_lanes(context, c).reshape(-1, 8, 4, 2, 2)
    tile = held.transpose(0, 3, 1, 2, 4).reshape(-1, 16, 8)  # row = 8 half + group, column = 2 pair + which
    result = (np.matmul(a.astype(np.float64), b.astype(np.float64)) + tile).astype(np.float32)
    back = result.reshape(-1, 2, 8, 4, 2).transpose(0, 2, 3, 1, 4).reshape(-1, 32, 4)
    context.flops(2 * 16 * 8 * depth // 32)
    context.tensor_products()
    return tuple(context.from_warps(back[..., k]) for k in range(4))


def _mma_tf32_meaning(context, a, b, c):
    context.check_full_warps("mma_tf32")
    a, b = (tuple(_upper_bits(v, 0xFFFFE000) for v in held) for held in (a, b))
    a = _tiles_from_lanes(context, a).reshape(-1, 8, 4, 2, 2)  # group, pair, half of K, half of M
    a = a.transpose(0, 4, 1, 3, 2).reshape(-1, 16, 8)
    b = _tiles_from_lanes(context, b).transpose(0, 3, 2, 1).reshape(-1, 8, 8)  # k = 4 half + pair, column = group
    return _product(context, a, b, c, 8)


def _mma_bf16_meaning(context, a, b, c):
    context.check_full_warps("mma_bf16")
    a, b = (tuple(part for v in held for part in _unpack_bf16(v)) for held in (a, b))
    a = _tiles_from_lanes(context, a).reshape(-1, 8, 4, 2, 2, 2)  # group, pair, half of K, half of M, which
    a = a.transpose(0, 4, 1, 3, 2, 5).reshape(-1, 16, 16)
    b = _tiles_from_lanes(context, b).reshape(-1, 8, 4, 2, 2)  # group, pair, half of K, which
    b = b.transpose(0, 3, 2, 4, 1).reshape(-1, 16, 8)
    return _product(context, a, b, c, 16)


def _upper_bits(x: Any, mask: int) -> Any:
    return (np.asarray(x, np.float32).view(np.uint32) & np.uint32(mask)).view(np.float32)


def _unpack_bf16(x: Any) -> tuple[Any, Any]:
    words = np.asarray(x, np.uint32)
    return (words << np.uint32(16)).view(np.float32), (words & np.uint32(0xFFFF0000)).view(np.float32)


simt.register_intrinsic(fma, _fma_meaning)
simt.register_intrinsic(to_tf32, lambda context, x: round_to_tf32(x))
simt.register_intrinsic(pack_bf16, _pack_meaning)
simt.register_intrinsic(mma_tf32, _mma_tf32_meaning)
simt.register_intrinsic(mma_bf16, _mma_bf16_meaning)
