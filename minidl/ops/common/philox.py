"""Random numbers from a counter: Philox4x32-10.

An ordinary generator has a state that every draw moves on, so the numbers depend on who drew before. A counter-based
one is a function: random bits = philox(counter, key). Any number of the sequence can be had at once, by any thread,
in any order, and the CPU and the GPU draw the same ones.

Layout: element `i` of the stream (seed, offset) is word `i % 4` of the block whose

    counter = (i // 4 low, i // 4 high, offset low, offset high)      four 32-bit words
    key     = (seed low, seed high)                                   two 32-bit words

So CUDA thread `i` computes its element alone (or one thread makes the four neighbours of a block), and two streams
with different offsets share no block: give each op call an offset of its own.

Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator

import numpy as np

from minidl.errors import ArgumentError, DTypeError

ROUNDS = 10
MULTIPLIER_0, MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
# The key's steps from round to round: the golden ratio's fraction and sqrt(3) - 1, as 32-bit fractions.
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85

LOW_32 = np.uint64(0xFFFFFFFF)
BITS_32 = np.uint64(32)
# Blocks computed at a time: their eight uint64 arrays stay in a core's own cache, twice as fast as all at once.
CHUNK = 4096
# The upper half of the offsets belongs to `permutation`, so that no shuffle shares numbers with a dropout mask.
PERMUTATION_OFFSET = 1 << 63


def philox4x32(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Turn counters into random words: ten rounds, each two 32 x 32-bit products whose halves are mixed.

    Parameters
    ----------
    counter : uint64 array (4, n): four words of 32 bits (in 64, to hold the products) for each of n blocks
    key : two words of 32 bits

    Returns
    -------
    uint64 array (4, n), each below 2^32

    >>> [hex(int(word[0])) for word in philox4x32(np.zeros((4, 1), np.uint64), (0, 0))]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        product_0 = c0 * MULTIPLIER_0
        product_1 = c2 * MULTIPLIER_1
        c0 = (product_1 >> BITS_32) ^ c1 ^ np.uint64(k0)
        c1 = product_1 & LOW_32
        c2 = (product_0 >> BITS_32) ^ c3 ^ np.uint64(k1)
        c3 = product_0 & LOW_32
        k0 = (k0 + WEYL_0) & 0xFFFFFFFF
        k1 = (k1 + WEYL_1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3])


def philox_uint32(seed: int, offset: int, n: int) -> np.ndarray:
    """Return elements 0 … n - 1 of the stream (seed, offset): uint32 array (n,).

    Parameters
    ----------
    seed : 0 … 2^64 - 1, the key; a negative number is taken modulo 2^64
    offset : 0 … 2^64 - 1, names the stream: another one for each op call
    n : how many

    Raises
    ------
    ArgumentError : `n` or `offset` is negative, or `offset` needs more than 64 bits
    DTypeError : one of them is not an integer

    >>> philox_uint32(seed=0, offset=0, n=3)
    array([1713891541, 3781805453, 3159862348], dtype=uint32)
    """
    seed, offset, n = (_integer(name, value) for name, value in (("seed", seed), ("offset", offset), ("n", n)))
    if n < 0:
        raise ArgumentError(f"philox_uint32: n must not be negative. Got {n}.")
    if not 0 <= offset < 1 << 64:
        raise ArgumentError(f"philox_uint32: offset must lie in [0, 2^64). Got {offset}.")
    key = (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF)
    words = np.empty((-(-n // 4), 4), np.uint32)
    for start, stop in _chunks(len(words)):
        block = np.arange(start, stop, dtype=np.uint64)
        counter = np.empty((4, stop - start), np.uint64)
        counter[0] = block & LOW_32
        counter[1] = block >> BITS_32
        counter[2] = offset & 0xFFFFFFFF
        counter[3] = offset >> 32
        words[start:stop] = philox4x32(counter, key).T
    return words.reshape(-1)[:n]


def philox_uniform(seed: int, offset: int, n: int, dtype: np.typing.DTypeLike = np.float32) -> np.ndarray:
    """Return n numbers, uniform in [0, 1): `(word >> 8) * 2^-24`, which float32 holds exactly.

    Element i uses word i of the stream. Raises as `philox_uint32`, and `DTypeError` for a dtype that is not float32
    or float64.

    >>> philox_uniform(seed=0, offset=0, n=3).round(4)
    array([0.399 , 0.8805, 0.7357], dtype=float32)
    """
    dtype = _float_type(dtype)
    fraction = philox_uint32(seed, offset, n)
    fraction >>= np.uint32(8)
    return np.multiply(fraction, dtype.type(2.0**-24), dtype=dtype)


def philox_normal(seed: int, offset: int, n: int, dtype: np.typing.DTypeLike = np.float32) -> np.ndarray:
    """Return n numbers, normally distributed with mean 0 and variance 1, by the Box-Muller transform.

        radius = sqrt(-2 ln u),   angle = 2 pi v,   pair = (radius cos(angle), radius sin(angle))

    Elements 2j and 2j + 1 are such a pair, from words 2j (u, in (0, 1], so that the logarithm is finite) and 2j + 1
    (v, in [0, 1)). With 24 bits no number is larger than sqrt(-2 ln 2^-24) = 5.77. Computed in float64; raises as
    `philox_uniform`.

    Source: Box & Muller, Annals of Mathematical Statistics 29 (1958).
    """
    dtype = _float_type(dtype)
    pairs = philox_uniform(seed, offset, _integer("n", n) + n % 2, np.float64).reshape(-1, 2)
    radius = np.sqrt(-2 * np.log(pairs[:, 0] + 2.0**-24))
    angle = (2 * np.pi) * pairs[:, 1]
    z = np.empty(pairs.shape, dtype)
    z[:, 0] = radius * np.cos(angle)
    z[:, 1] = radius * np.sin(angle)
    return z.reshape(-1)[:n]


def permutation(n: int, seed: int, epoch: int = 0) -> np.ndarray:
    """Return 0 … n - 1 in a random order: int64 array (n,). Every epoch has its own, whatever was drawn before.

    Each index gets a 64-bit key, words 2i (low) and 2i + 1 (high) of stream (seed, 2^63 + epoch); the indices are
    sorted by their keys. (Two equal keys, one chance in 2^65 / n^2, keep their order.)

    Raises
    ------
    ArgumentError : `n` or `epoch` is negative
    DTypeError : one of them is not an integer

    >>> permutation(5, seed=1, epoch=0), permutation(5, seed=1, epoch=1)
    (array([0, 2, 1, 3, 4]), array([3, 0, 4, 2, 1]))
    """
    n, epoch = _integer("n", n), _integer("epoch", epoch)
    if epoch < 0 or n < 0:
        raise ArgumentError(f"permutation: n and epoch must not be negative. Got n {n}, epoch {epoch}.")
    words = philox_uint32(seed, PERMUTATION_OFFSET + epoch, 2 * n).reshape(n, 2).astype(np.uint64)
    return np.argsort(words[:, 0] | words[:, 1] << BITS_32, kind="stable").astype(np.int64, copy=False)


def _chunks(blocks: int) -> Iterator[tuple[int, int]]:
    for start in range(0, blocks, CHUNK):
        yield start, min(start + CHUNK, blocks)


def _integer(name: str, value: object) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DTypeError(f"philox: {name} must be an integer. Got {value!r}.") from None


def _float_type(dtype: np.typing.DTypeLike) -> np.dtype:
    found = np.dtype(dtype)
    if found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise DTypeError(f"philox: dtype must be float32 or float64. Got {found}.")
    return found
