"""Reuters: 11,228 newswires as lists of word numbers, each of one of 46 topics."""

from __future__ import annotations

import os

import numpy as np

from minidl.datasets import words
from minidl.datasets.cache import PublishedFile, find
from minidl.datasets.mnist import Split
from minidl.datasets.npz import read_lists

FILE = PublishedFile(
    "reuters.npz",
    (words.ORIGIN + "reuters.npz",),
    "sha256:d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
)
WORDS = PublishedFile(
    "reuters_word_index.json", (words.ORIGIN + "reuters_word_index.json",), "md5:4d44cc38712099c9e383dc6e5f11a921"
)
CLASS_NAMES = tuple(
    (
        "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship "
        "cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin "
        "strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr "
        "gas silver wpi hog lead"
    ).split()
)


def load_data(
    path: str | os.PathLike[str] = "reuters.npz", num_words: int | None = None, skip_top: int = 0,
    maxlen: int | None = None, test_split: float = 0.2, seed: int = 113, start_char: int | None = 1,
    oov_char: int | None = 2, index_from: int | None = 3,
) -> Split:  # fmt: skip
    """Load Reuters; the arguments are those of Keras, as `minidl.datasets.words.ARGUMENTS` has them.

    test_split : share of the newswires that is for testing

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (8982,) and (2246,) of lists of integers, y of integers 0..45, named by `get_label_names()`

    Raises
    ------
    DataError, FileFormatError, DownloadError : as of `imdb.load_data`

    Source: the Reuters-21578 collection; newswires of 1987
    """
    x, y = read_lists(find(path, FILE, "reuters"), ("x", "y"), FILE.known_hash)
    texts, labels = words.shuffled(x, y, np.random.RandomState(seed))
    texts, labels = words.short(words.begun(texts, start_char, index_from), labels, maxlen, "reuters")
    texts = words.in_vocabulary(texts, num_words, skip_top, oov_char)
    train = int(len(texts) * (1 - test_split))
    return (words.objects(texts[:train]), labels[:train]), (words.objects(texts[train:]), labels[train:])


def get_word_index(path: str | os.PathLike[str] = "reuters_word_index.json") -> dict[str, int]:
    """Return the number of each word; in the texts it is larger by `index_from`, 3."""
    return words.word_index(path, WORDS, "reuters")


def get_label_names() -> tuple[str, ...]:
    """Return the topics, label k being the k-th."""
    return CLASS_NAMES
