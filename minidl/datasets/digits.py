"""The handwritten digits that ship with minidl: 1797 real images, 8 x 8 pixels (UCI, CC BY 4.0)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minidl.datasets.npz import read_npz
from minidl.errors import ArgumentError
from minidl.ops.common.philox import permutation

FILE = Path(__file__).with_name("digits.npz")
CLASSES = 10


def load_data(
    test_size: int = 360, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the digits, split into training and test images. Needs no network.

    The split is stratified (every digit has its share in both parts), drawn with counter-based random
    numbers: it is the same on every machine, and another `seed` draws another one. Both parts keep the file's
    order.

    Parameters
    ----------
    test_size : number of test images, 10 to 1787
    seed : which split

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (N, 8, 8) uint8 in 0..16, y (N,) uint8 in 0..9

    Raises
    ------
    ArgumentError : `test_size` leaves a digit out of the training or of the test images

    Source: Alpaydin & Kaynak (1998), doi:10.24432/C50P49, test set, as scikit-learn's `load_digits`

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape, x_train.dtype, int(x_train.max())
    ((1437, 8, 8), (360, 8, 8), dtype('uint8'), 16)
    """
    x, y = read_npz(FILE, ("x", "y"))
    if not CLASSES <= test_size <= len(x) - CLASSES:
        raise ArgumentError(
            f"digits.load_data: test_size must be a number of images in {CLASSES}..{len(x) - CLASSES}. "
            f"Got {test_size}. Is it a fraction? 20% are {len(x) // 5}."
        )
    is_test = np.zeros(len(x), bool)
    for digit, size in enumerate(_share(np.bincount(y), test_size)):
        members = np.flatnonzero(y == digit)
        # The class number takes the epoch's place in the counter: every class has a stream of its own.
        is_test[members[permutation(len(members), seed, digit)[:size]]] = True
    return (x[~is_test], y[~is_test]), (x[is_test], y[is_test])


def _share(counts: np.ndarray, total: int) -> np.ndarray:
    """Divide `total` in proportion to `counts`, by largest remainders."""
    exact = counts * total / counts.sum()
    shares = exact.astype(int)
    largest = np.argsort(shares - exact, kind="stable")[: total - shares.sum()]
    shares[largest] += 1
    return shares
