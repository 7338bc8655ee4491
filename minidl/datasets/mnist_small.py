"""A small part of MNIST that ships with minidl: 5,000 training and 1,000 test images, 28 x 28 pixels (CC BY-SA 3.0)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minidl.datasets.npz import read_train_and_test

FILE = Path(__file__).with_name("mnist_small.npz")


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load 6,000 images of MNIST, 500 for training and 100 for testing of each digit. Needs no network.

    They are the first of each digit in MNIST's own two parts, so that a network trained on these training images may
    be tested on all 10,000 of MNIST's test images.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (5000, 28, 28) and (1000, 28, 28) uint8 in 0..255, y (5000,) and (1000,) uint8 in 0..9

    Source: LeCun, Cortes & Burges, yann.lecun.com/exdb/mnist

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape, x_train.dtype, int(x_train.max())
    ((5000, 28, 28), (1000, 28, 28), dtype('uint8'), 255)
    """
    return read_train_and_test(FILE)
