"""Philox4x32-10 as a device function: four random words from a counter and a key.

Counter (i // 4 low, i // 4 high, offset low, offset high) and key (seed low, seed high) give the words of elements
4 n … 4 n + 3 of the stream (seed, offset), bit for bit as `minidl.ops.common.philox` does on the CPU.

Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
"""
import numpy as np

from cuda_kernels._cuda import cuda, uint32, uint64

ROUNDS = 10
MULTIPLIER_0, MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL_0, WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)  # the key's steps from round to round
BITS_32 = np.uint64(32)


@cuda.jit(device=True)
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Ten rounds, each two 32 x 32-bit products whose halves are mixed. All arguments and results are uint32."""
    for _ in range(ROUNDS):
        product_0 = uint64(c0) * MULTIPLIER_0
        product_1 = uint64(c2) * MULTIPLIER_1
        c0 = uint32(uint32(product_1 >> BITS_32) ^ c1 ^ k0)
        c1 = uint32(product_1)
        c2 = uint32(uint32(product_0 >> BITS_32) ^ c3 ^ k1)
        c3 = uint32(product_0)
        k0 = uint32(k0 + WEYL_0)
        k1 = uint32(k1 + WEYL_1)
    return c0, c1, c2, c3


def halves(number: int) -> tuple[np.uint32, np.uint32]:
    """The low and the high 32 bits of a number modulo 2^64.

    >>> [int(half) for half in halves(2**32 + 5)]
    [5, 1]
    """
    return np.uint32(number & 0xFFFFFFFF), np.uint32(number >> 32 & 0xFFFFFFFF)
