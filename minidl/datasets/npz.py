"""Reading arrays from an npz file, and saying what is wrong with one that cannot be read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from minidl.errors import FileFormatError
from minidl.utils.files.packed import DAMAGE, read_array, zip_member

TRAIN_AND_TEST = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """Read the named arrays. Pickled objects inside are refused (`allow_pickle=False`).

    Raises
    ------
    FileFormatError : no npz file, damaged, lacks an array, or holds pickled objects
    """
    try:
        with zipfile.ZipFile(path) as archive:
            there = [name.removesuffix(".npy") for name in archive.namelist()]
            missing = [name for name in names if name not in there]
            if missing:
                raise FileFormatError(f"{path}: lacks the arrays {missing}. It holds {sorted(there)[:20]}.")
            return [read_array(zip_member(archive, f"{name}.npy", path), f"{path}: {name!r}") for name in names]
    except FileFormatError:
        raise
    except DAMAGE as error:
        with open(path, "rb") as file:
            single = file.read(6) == b"\x93NUMPY"
        if single:
            raise FileFormatError(
                f"{path}: holds a single array (npy). Expected an npz of {', '.join(names)}."
            ) from None
        raise FileFormatError(
            f"{path}: is no readable npz file ({error}). Is the download cut off, or of another kind? "
            "Delete it and fetch it again."
        ) from error


def read_train_and_test(path: Path) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read x_train, y_train, x_test, y_test (as in Keras' `mnist.npz`), and check that sizes agree."""
    x_train, y_train, x_test, y_test = read_npz(path, TRAIN_AND_TEST)
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.shape[:1] != y.shape[:1]:
            raise FileFormatError(f"{path}: x_{part} {x.shape} and y_{part} {y.shape} differ in their first axis.")
    return (x_train, y_train), (x_test, y_test)
