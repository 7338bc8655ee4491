"""Fashion-MNIST: MNIST's sizes, with ten kinds of clothing in place of digits."""

from __future__ import annotations

import os

from minidl.datasets import idx
from minidl.datasets.cache import PublishedFile, cached, explicit_path, fetch, offline_error
from minidl.datasets.mnist import Split, read
from minidl.errors import DownloadError

FOLDER = "fashion-mnist"  # Keras' name of the folder in its cache
MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
FILES = [PublishedFile(name, tuple(mirror + name for mirror in MIRRORS), f"md5:{md5}") for name, md5 in MD5.items()]
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def load_data(path: str | os.PathLike[str] | None = None) -> Split:
    """Load Fashion-MNIST from `path`, Keras' cache, minidl's cache, or the web, in this order.

    Parameters
    ----------
    path : a folder with the four IDX files (plain or .gz) or `fashion_mnist.npz`, an npz file with x_train,
        y_train, x_test, y_test, or a bare name to look for in the caches; by default the caches'
        `fashion-mnist`

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (60000, 28, 28) and (10000, 28, 28) uint8 in 0..255, y (60000,) and (10000,) uint8 in 0..9,
        named by `CLASS_NAMES`

    Raises
    ------
    DataError : `path` names folders that do not exist, or a folder lacks files
    FileFormatError : a file is damaged or of another kind
    DownloadError : not cached, and no mirror can be reached; the message says what to place where

    Source: Xiao, Rasul & Vollgraf, arXiv:1708.07747; github.com/zalandoresearch/fashion-mnist (MIT licence)
    """
    local = explicit_path(path, "fashion_mnist.load_data")
    if local is not None:
        return read(local, "fashion_mnist.npz")
    for found in cached(str(path or FOLDER)):
        if found.is_file() or len(idx.find_files(found)) == len(idx.NAMES):
            return read(found, "fashion_mnist.npz")
    try:
        return idx.read_folder(fetch(FILES, FOLDER)[0].parent)
    except DownloadError as error:
        raise offline_error("fashion_mnist", f"the four files in a folder '{FOLDER}'", FILES, error) from None
