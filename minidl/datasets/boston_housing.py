"""Boston housing: 506 districts of the seventies, thirteen features each, and the median price of a house in $1000."""

from __future__ import annotations

import os

from minidl.datasets.cache import PublishedFile, find
from minidl.datasets.housing import shuffled_split
from minidl.datasets.mnist import Split

FILE = PublishedFile(
    "boston_housing.npz",
    ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/boston_housing.npz",),
    "sha256:f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
)


def load_data(path: str | os.PathLike[str] = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
    """Load the table from `path`, Keras' cache, minidl's cache, or the web, in this order.

    Parameters
    ----------
    path : an existing npz file (x, y), or a bare name to look for in the caches
    test_split : share of the rows that is for testing
    seed : of the order

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (404, 13) and (102, 13), y (N,)

    Raises
    ------
    ArgumentError : an argument is none of those above
    DataError, FileFormatError, DownloadError : as of `mnist.load_data`

    Source: Harrison & Rubinfeld, "Hedonic prices and the demand for clean air" (1978). Its feature B was made on the
    assumption that segregation by race raises prices: take it to speak of that, and another set to learn regression
    """
    return shuffled_split(find(path, FILE, "boston_housing"), None, test_split, seed)
