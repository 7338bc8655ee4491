"""IMDB: 25,000 film reviews to learn from and 25,000 to test, as lists of word numbers; 1 where it was liked."""

from __future__ import annotations

import os

import numpy as np

from minidl.datasets import words
from minidl.datasets.cache import PublishedFile, find
from minidl.datasets.mnist import Split
from minidl.datasets.npz import TRAIN_AND_TEST, read_lists

FILE = PublishedFile(
    "imdb.npz", (words.ORIGIN + "imdb.npz",), "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
)
WORDS = PublishedFile(
    "imdb_word_index.json", (words.ORIGIN + "imdb_word_index.json",), "md5:bfafd718b763782e994055a2d397834f"
)


def load_data(
    path: str | os.PathLike[str] = "imdb.npz", num_words: int | None = None, skip_top: int = 0,
    maxlen: int | None = None, seed: int = 113, start_char: int | None = 1, oov_char: int | None = 2,
    index_from: int | None = 3,
) -> Split:  # fmt: skip
    """Load IMDB; the arguments are those of Keras, as `minidl.datasets.words.ARGUMENTS` has them.

    The published file holds Python pickles. They are read by `safe_pickle`, which runs no code of theirs.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (25000,) of lists of integers, y (25000,) of 0 and 1

    Raises
    ------
    DataError : `path` names folders that do not exist; no text is short enough
    FileFormatError : the file is damaged, or holds more than lists of numbers
    DownloadError : not cached, and cannot be fetched; the message says what to place where

    Source: Maas et al., "Learning Word Vectors for Sentiment Analysis" (2011)
    """
    x_train, y_train, x_test, y_test = read_lists(find(path, FILE, "imdb"), TRAIN_AND_TEST, FILE.known_hash)
    random = np.random.RandomState(seed)
    parts = []
    for x, y in ((x_train, y_train), (x_test, y_test)):
        texts, labels = words.shuffled(x, y, random)
        parts.append(words.short(words.begun(texts, start_char, index_from), labels, maxlen, "imdb"))
    texts = words.in_vocabulary(parts[0][0] + parts[1][0], num_words, skip_top, oov_char)
    train = len(parts[0][0])
    return (words.objects(texts[:train]), parts[0][1]), (words.objects(texts[train:]), parts[1][1])


def get_word_index(path: str | os.PathLike[str] = "imdb_word_index.json") -> dict[str, int]:
    """Return the number of each word; in the texts it is larger by `index_from`, 3."""
    return words.word_index(path, WORDS, "imdb")
