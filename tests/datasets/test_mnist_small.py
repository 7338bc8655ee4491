from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from minidl.cli.data import load
from minidl.datasets import mnist, mnist_small
from minidl.errors import ArgumentError


def test_every_digit_has_500_training_and_100_test_images():
    (x_train, y_train), (x_test, y_test) = mnist_small.load_data()
    assert (x_train.shape, x_test.shape) == ((5000, 28, 28), (1000, 28, 28))
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert np.bincount(y_train).tolist() == [500] * 10
    assert np.bincount(y_test).tolist() == [100] * 10


def test_licence_names_the_file_that_ships():
    text = mnist_small.FILE.with_name("MNIST_LICENSE.txt").read_text()
    assert hashlib.sha256(mnist_small.FILE.read_bytes()).hexdigest() in text
    assert "CC BY-SA 3.0" in text


def test_the_images_are_the_first_of_mnist(shared_data):
    whole = mnist.load_data(str(shared_data / "mnist.npz"))
    for (x, y), (all_x, all_y), many in zip(mnist_small.load_data(), whole, (500, 100), strict=True):
        for digit in range(10):
            np.testing.assert_array_equal(x[y == digit], all_x[all_y == digit][:many])


def test_the_command_line_takes_it_by_name():
    data = load("mnist_small")
    assert data.x_train.shape == (5000, 28, 28, 1)
    assert data.x_train.max() == 1
    with pytest.raises(ArgumentError, match="mnist_small comes with minidl"):
        load("mnist_small", Path("elsewhere"))
