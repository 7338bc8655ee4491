"""MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28 pixels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from minidl.datasets import idx, npz
from minidl.datasets.cache import PublishedFile, cached, explicit_path, fetch, offline_error
from minidl.errors import DataError, DownloadError

NPZ = PublishedFile(
    "mnist.npz",
    ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
    "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
IDX_FILES = [PublishedFile(name, tuple(mirror + name for mirror in MIRRORS), f"md5:{md5}") for name, md5 in MD5.items()]

Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def load_data(path: str | os.PathLike[str] = "mnist.npz") -> Split:
    """Load MNIST from `path`, Keras' cache, minidl's cache, or the web, in this order.

    Parameters
    ----------
    path : an existing npz file (x_train, y_train, x_test, y_test), an existing folder with `mnist.npz` or the
        four IDX files (plain or .gz), or, as in Keras, a bare name to look for in the caches

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (60000, 28, 28) and (10000, 28, 28) uint8 in 0..255, y (60000,) and (10000,) uint8 in 0..9

    Raises
    ------
    DataError : `path` names folders that do not exist, or a folder lacks files
    FileFormatError : a file is damaged or of another kind
    DownloadError : not cached, and no mirror can be reached; the message says what to place where

    Source: LeCun, Cortes & Burges, yann.lecun.com/exdb/mnist; the npz is Keras' copy of it
    """
    local = explicit_path(path, "mnist.load_data")
    if local is not None:
        return read(local, NPZ.name)
    for found in cached(str(path), "mnist"):
        if found.is_file() or len(idx.find_files(found)) == len(idx.NAMES):
            return read(found, NPZ.name)
    try:
        return npz.read_train_and_test(fetch([NPZ._replace(name=str(path))])[0])
    except DownloadError as error:
        cause = error
    try:
        return idx.read_folder(fetch(IDX_FILES, "mnist")[0].parent)
    except DownloadError as error:
        wanted = "mnist.npz, or a folder 'mnist' with the four IDX files,"
        both = DownloadError(f"{cause}\n{error}")
        raise offline_error("mnist", wanted, [NPZ, *IDX_FILES], both) from None


def read(path: Path, npz_name: str) -> Split:
    """Read an npz file, or a folder that holds one under `npz_name` or else the four IDX files."""
    if path.is_dir():
        inside = path / npz_name
        return npz.read_train_and_test(inside) if inside.is_file() else idx.read_folder(path)
    if path.name.removesuffix(".gz").replace(".idx", "-idx") in idx.NAMES:
        raise DataError(f"{path}: is one of four IDX files. Give the folder that holds all four.")
    return npz.read_train_and_test(path)
