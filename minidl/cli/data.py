"""Data sets by name, as the networks of the command line take them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import ArgumentError, DataError, unknown_name

IMAGE_SHAPES = {
    "digits": (8, 8, 1),
    "mnist": (28, 28, 1),
    "mnist_small": (28, 28, 1),
    "fashion_mnist": (28, 28, 1),
    "cifar10": (32, 32, 3),
}
_LARGEST = {name: 16.0 if name == "digits" else 255.0 for name in IMAGE_SHAPES}
_SHIPPED = ("digits", "mnist_small")


class ImageData(NamedTuple):
    """Images as float32 (N, H, W, C) in [0, 1], labels as integers (N,)."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: list[str]


def check_name(name: str) -> None:
    """Raise unless `name` is a data set."""
    if name not in IMAGE_SHAPES:
        raise unknown_name("data set", name, IMAGE_SHAPES)


def load(name: str, path: Path | None = None) -> ImageData:
    """Return a data set's images and labels."""
    check_name(name)
    module = importlib.import_module(f"minidl.datasets.{name}")
    if path is not None and name in _SHIPPED:
        raise ArgumentError(
            f"--data-path: {name} comes with minidl, and has no other place. Leave it out, or name another --data."
        )
    if path is not None and not path.expanduser().exists():
        raise DataError(f"--data-path: {str(path)!r} does not exist. Relative to {str(Path.cwd())!r}.")
    arguments = {} if path is None else {"path": str(path)}
    (x_train, y_train), (x_test, y_test) = module.load_data(**arguments)
    names = list(getattr(module, "CLASS_NAMES", map(str, range(10))))
    return ImageData(scale(name, x_train), y_train.ravel(), scale(name, x_test), y_test.ravel(), names)


def scale(name: str, images: Any) -> np.ndarray:
    """Return images as float32 (N, H, W, C) in [0, 1]."""
    return np.asarray(images, np.float32).reshape(-1, *IMAGE_SHAPES[name]) / np.float32(_LARGEST[name])
