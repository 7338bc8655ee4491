"""CIFAR-100: 50,000 training and 10,000 test photographs, 32 x 32 pixels, a hundred classes in twenty groups."""

from __future__ import annotations

import os

from minidl.datasets import cifar10
from minidl.datasets.cache import PublishedFile, cached, explicit_path, fetch, offline_error
from minidl.datasets.mnist import Split
from minidl.errors import DownloadError, unknown_name

FILE = PublishedFile(
    "cifar-100-python.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
    "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
)
FOLDER = "cifar-100-python"
# Keras 3 extracts to "…-target", older Keras beside the archive.
CACHED_NAMES = (f"{FOLDER}-target/{FOLDER}", FOLDER, FILE.name, f"{FOLDER}-target_archive")
CLASSES = {"fine": 100, "coarse": 20}


def load_data(label_mode: str = "fine", path: str | os.PathLike[str] | None = None) -> Split:
    """Load CIFAR-100 from `path`, Keras' cache, minidl's cache, or the web, in this order.

    The published files are Python pickles. They are read by `safe_pickle`, which runs no code of theirs.

    Parameters
    ----------
    label_mode : "fine" for the 100 classes, "coarse" for the 20 groups
    path : `cifar-100-python.tar.gz`, a folder with `train` and `test` (or holding `cifar-100-python`), or a bare name
        to look for in the caches

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (50000, 32, 32, 3) and (10000, 32, 32, 3) uint8 in 0..255, y (50000, 1) and (10000, 1) uint8

    Raises
    ------
    UnknownNameError : another label_mode
    DataError : `path` names folders that do not exist, or a folder lacks files
    FileFormatError : a file is damaged, of another kind, or a pickle that holds more than data
    DownloadError : not cached, and cannot be fetched; the message says what to place where

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009)
    """
    if label_mode not in CLASSES:
        raise unknown_name("label_mode of cifar100", label_mode, list(CLASSES))
    local = explicit_path(path, "cifar100.load_data")
    local = local or next(cached(*([str(path)] if path else CACHED_NAMES)), None)
    if local is None:
        try:
            local = fetch([FILE])[0]
        except DownloadError as error:
            raise offline_error("cifar100", FILE.name, [FILE], error) from None
    raw = cifar10.batches(local, ("train", "test"), FOLDER, "CIFAR-100")
    train, test = (
        cifar10.read_batch(raw[name], f"{local}/{name}", f"{label_mode}_labels", CLASSES[label_mode], "CIFAR-10")
        for name in ("train", "test")
    )
    return train, test
