"""Philox against the published known answers, its layout element by element, and its statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import ArgumentError, DTypeError
from minidl.ops.common import philox
from minidl.ops.common.philox import permutation, philox4x32, philox_normal, philox_uint32, philox_uniform

# From the file kat_vectors of Random123, the authors' own library: counter, key, expected (philox4x32, 10 rounds).
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def one_block(counter: list[int], key: list[int]) -> list[int]:
    """Philox in Python integers, straight from the paper's figure: nothing shared with the vectorised one."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        hi0, lo0 = divmod(0xD2511F53 * c0, 1 << 32)
        hi1, lo1 = divmod(0xCD9E8D57 * c2, 1 << 32)
        c0, c1, c2, c3 = hi1 ^ c1 ^ k0, lo1, hi0 ^ c3 ^ k1, lo0
        k0, k1 = (k0 + 0x9E3779B9) % (1 << 32), (k1 + 0xBB67AE85) % (1 << 32)
    return [c0, c1, c2, c3]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_philox4x32_gives_the_published_known_answers(counter: str, key: str, expected: str) -> None:
    block = np.array(words(counter), np.uint64)[:, None]
    got = philox4x32(block, (words(key)[0], words(key)[1]))
    assert got[:, 0].tolist() == words(expected)
    assert one_block(words(counter), words(key)) == words(expected)


def test_philox4x32_leaves_the_counter_unchanged() -> None:
    counter = np.arange(20, dtype=np.uint64).reshape(4, 5)
    philox4x32(counter, (1, 2))
    np.testing.assert_array_equal(counter, np.arange(20).reshape(4, 5))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**64 - 1), offset=st.integers(0, 2**64 - 1), n=st.integers(0, 23))
def test_philox_uint32_element_is_word_i_mod_4_of_its_block(seed: int, offset: int, n: int) -> None:
    got = philox_uint32(seed, offset, n)
    assert (got.dtype, got.shape) == (np.uint32, (n,))
    key = [seed % 2**32, seed >> 32]
    for i in range(n):
        assert got[i] == one_block([i // 4, 0, offset % 2**32, offset >> 32], key)[i % 4]


def test_philox_uint32_does_not_depend_on_how_many_are_drawn() -> None:
    n = 4 * philox.CHUNK + 7  # beyond a chunk, not a multiple of a block
    np.testing.assert_array_equal(philox_uint32(5, 6, n)[:10], philox_uint32(5, 6, 10))
    last = one_block([(n - 1) // 4, 0, 6, 0], [5, 0])[(n - 1) % 4]
    assert philox_uint32(5, 6, n)[-1] == last


def test_philox_uint32_takes_a_negative_seed_modulo_2_to_64() -> None:
    np.testing.assert_array_equal(philox_uint32(-1, 0, 5), philox_uint32(2**64 - 1, 0, 5))


def test_streams_with_other_seeds_or_offsets_differ() -> None:
    streams = [philox_uint32(seed, offset, 50) for seed in (0, 1, 2**32) for offset in (0, 1, 2**32)]
    assert len({stream.tobytes() for stream in streams}) == 9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_philox_uniform_is_the_upper_24_bits(dtype: type) -> None:
    got = philox_uniform(3, 4, 1001, dtype)
    assert (got.dtype, got.shape) == (dtype, (1001,))
    np.testing.assert_array_equal(got, (philox_uint32(3, 4, 1001) // 256) / 2.0**24)
    assert got.min() >= 0 and got.max() < 1


def test_philox_uniform_has_the_moments_of_a_uniform_number() -> None:
    u = philox_uniform(7, 0, 400_000, np.float64)
    standard_error = 1 / np.sqrt(len(u))
    assert abs(u.mean() - 1 / 2) < 4 * np.sqrt(1 / 12) * standard_error
    assert abs(u.var() - 1 / 12) < 4 * np.sqrt(1 / 180) * standard_error
    counts = np.bincount((u * 64).astype(int), minlength=64)
    chi_squared = ((counts - len(u) / 64) ** 2 / (len(u) / 64)).sum()
    assert 25 < chi_squared < 115  # 63 degrees of freedom: far below 1 chance in 10 000 outside
    neighbours = np.corrcoef(u[:-1], u[1:])[0, 1]
    assert abs(neighbours) < 4 * standard_error


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_philox_normal_pairs_words_by_box_muller(dtype: type, n: int) -> None:
    got = philox_normal(3, 4, n, dtype)
    assert (got.dtype, got.shape) == (dtype, (n,))
    u = philox_uniform(3, 4, n + 1, np.float64)
    for i in range(n):
        radius = np.sqrt(-2 * np.log(u[i - i % 2] + 2**-24))
        angle = 2 * np.pi * u[i - i % 2 + 1]
        expected = radius * (np.sin(angle) if i % 2 else np.cos(angle))
        np.testing.assert_allclose(got[i], expected, rtol=1e-6 if dtype == np.float32 else 1e-14)


def test_philox_normal_has_the_moments_of_a_normal_number() -> None:
    z = philox_normal(11, 0, 400_000, np.float64)
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / len(z))
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / len(z))
    assert np.isfinite(z).all() and np.abs(z).max() < 5.78


@pytest.mark.parametrize("n", [0, 1, 2, 17, 1000])
def test_permutation_holds_every_index_once(n: int) -> None:
    got = permutation(n, seed=3, epoch=1)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(np.sort(got), np.arange(n))


def test_permutation_depends_on_seed_and_epoch_only() -> None:
    first = permutation(100, 1, 0)
    permutation(7, 2, 3)
    np.testing.assert_array_equal(permutation(100, 1, 0), first)
    assert (permutation(100, 1, 1) != first).any()
    assert (permutation(100, 2, 0) != first).any()


def test_permutation_puts_every_index_everywhere_equally_often() -> None:
    counts = np.zeros((5, 5))
    for epoch in range(2000):
        counts[np.arange(5), permutation(5, 9, epoch)] += 1
    assert np.abs(counts - 400).max() < 4 * np.sqrt(400 * 0.8)


def test_permutation_shares_no_stream_with_an_op() -> None:
    assert permutation(4, 0, 0).tolist() == np.argsort(philox_uint32(0, 2**63, 8).view("<u8")).tolist()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: philox_uint32(0, 0, -1), ArgumentError, "n must not be negative. Got -1"),
        (lambda: philox_uint32(0, -1, 1), ArgumentError, r"offset must lie in \[0, 2\^64\). Got -1"),
        (lambda: philox_uint32(0, 2**64, 1), ArgumentError, "offset must lie in"),
        (lambda: philox_uint32(0.5, 0, 1), DTypeError, "seed must be an integer. Got 0.5"),
        (lambda: philox_uniform(0, 0, 1, np.int32), DTypeError, "float32 or float64. Got int32"),
        (lambda: philox_normal(0, 0, 1.5), DTypeError, "n must be an integer. Got 1.5"),
        (lambda: permutation(-3, 0), ArgumentError, "must not be negative. Got n -3"),
        (lambda: permutation(3, 0, -1), ArgumentError, "epoch -1"),
    ],
)
def test_bad_arguments_are_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()  # type: ignore[operator]
