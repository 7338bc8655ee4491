"""California housing: 20,640 districts of 1990, eight features each, and the median value of a house in dollars."""

from __future__ import annotations

import os

from minidl.datasets.cache import PublishedFile, find
from minidl.datasets.housing import shuffled_split
from minidl.datasets.mnist import Split
from minidl.errors import unknown_name

FILE = PublishedFile(
    "california_housing.npz",
    ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz",),
    "sha256:1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
)


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Split:
    """Load the table from `path`, Keras' cache, minidl's cache, or the web, in this order.

    Parameters
    ----------
    version : "large", or "small": the first 600 districts
    path : an existing npz file (x, y), or a bare name to look for in the caches
    test_split : share of the rows that is for testing
    seed : of the order

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (16512, 8) and (4128, 8), y (N,)

    Raises
    ------
    ArgumentError : an argument is none of those above
    DataError, FileFormatError, DownloadError : as of `mnist.load_data`

    Source: Pace & Barry, "Sparse Spatial Autoregressions" (1997)
    """
    if version not in ("large", "small"):
        raise unknown_name("version of california_housing", version, ["large", "small"])
    return shuffled_split(find(path, FILE, "california_housing"), 600 if version == "small" else None, test_split, seed)
