"""Texts as lists of word numbers, as IMDB and Reuters are published: shuffled, shifted, and cut to a vocabulary."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.datasets.cache import PublishedFile, find
from minidl.errors import DataError, FileFormatError

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
ARGUMENTS = """
    path : an existing npz file, or a bare name to look for in the caches
    num_words : words from this number on are left out, the most frequent having small numbers; None keeps all
    skip_top : words below this number are left out
    maxlen : texts of this many words and more are left out
    seed : of the order
    start_char : number that begins each text; None for none
    oov_char : number in the place of a word that is left out; None for none
    index_from : word k of the index has the number k + index_from
"""


def shuffled(texts: Sequence[Any], labels: np.ndarray, random: np.random.RandomState) -> tuple[list[Any], np.ndarray]:
    """Return texts and labels in a random order, Keras' own for the same seed."""
    order = np.arange(len(texts))
    random.shuffle(order)
    return [texts[k] for k in order.tolist()], labels[order]


def begun(texts: list[list[int]], start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Return texts with their words' numbers raised, behind the number that begins them."""
    if start_char is not None:
        return [[start_char, *(word + (index_from or 0) for word in text)] for text in texts]
    return [[word + index_from for word in text] for text in texts] if index_from else texts


def short(texts: list[list[int]], labels: Any, maxlen: int | None, dataset: str) -> tuple[list[list[int]], np.ndarray]:
    """Return the texts of fewer than `maxlen` words."""
    if not maxlen:
        return texts, labels
    kept = [k for k, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise DataError(f"{dataset}.load_data: no text has fewer than maxlen={maxlen} words. Take a larger one.")
    return [texts[k] for k in kept], labels[kept]


def in_vocabulary(
    texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> list[list[int]]:
    """Return texts in which words outside of skip_top ... num_words - 1 are replaced, or left out."""
    most = num_words or max(map(max, texts))
    if oov_char is not None:
        return [[word if skip_top <= word < most else oov_char for word in text] for text in texts]
    return [[word for word in text if skip_top <= word < most] for text in texts]


def objects(texts: list[list[int]]) -> np.ndarray:
    """Return an array of lists, also where all have one length."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def word_index(path: str | os.PathLike[str], file: PublishedFile, dataset: str) -> dict[str, int]:
    """Return the number of each word."""
    place = find(path, file, dataset)
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(f"{place}: is no JSON ({error}). Delete it, and it is fetched again.") from error
    if not isinstance(found, dict):
        raise FileFormatError(f"{place}: expected words and their numbers. Got {type(found).__name__}.")
    return found
