"""Reading arrays from an npz file, and saying what is wrong with one that cannot be read."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from minidl.datasets.safe_pickle import loads
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


def read_lists(path: Path, names: tuple[str, ...], published_hash: str) -> list[Any]:
    """Read the named arrays; those of objects, which are pickles, as lists, by `safe_pickle`.

    published_hash : "sha256:…"; a file that has it is known, and read more quickly

    Raises
    ------
    FileFormatError : no npz file, damaged, lacks an array, or holds pickled objects that are no lists of numbers
    """
    known = hashlib.sha256(path.read_bytes()).hexdigest() == published_hash.removeprefix("sha256:")
    try:
        with zipfile.ZipFile(path) as archive:
            raw = {name: zip_member(archive, f"{name}.npy", path) for name in names}
    except DAMAGE as error:
        raise FileFormatError(
            f"{path}: is no readable npz file with {', '.join(names)} ({error}). Is the download cut off, or of "
            "another kind? Delete it and fetch it again."
        ) from error
    return [_lists(data, f"{path}: {name!r}", known) for name, data in raw.items()]


def _lists(raw: bytes, name: str, known: bool) -> Any:
    stream = io.BytesIO(raw)
    try:
        major, _ = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    except DAMAGE as error:
        raise FileFormatError(f"{name}: is no array of NumPy ({error}).") from error
    if dtype.kind != "O":
        return read_array(raw, name)
    found = loads(raw[stream.tell() :], name, lists=True, known=known)
    if not isinstance(found, list) or shape != (len(found),):
        raise FileFormatError(f"{name}: expected {shape} lists. Got {type(found).__name__}.")
    for k, sequence in enumerate(found):
        if not isinstance(sequence, list) or set(map(type, sequence)) - {int}:
            raise FileFormatError(f"{name}: expected lists of whole numbers. Item {k} is another thing.")
    return found


def read_train_and_test(path: Path) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read x_train, y_train, x_test, y_test (as in Keras' `mnist.npz`), and check that sizes agree."""
    x_train, y_train, x_test, y_test = read_npz(path, TRAIN_AND_TEST)
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.shape[:1] != y.shape[:1]:
            raise FileFormatError(f"{path}: x_{part} {x.shape} and y_{part} {y.shape} differ in their first axis.")
    return (x_train, y_train), (x_test, y_test)
