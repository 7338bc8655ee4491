"""Small files in the formats of IMDB, Reuters and the tables of houses, and the calls that are compared on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "imdb": ("imdb", {}),
    "imdb, 20 words": ("imdb", {"num_words": 20}),
    "imdb, without the most frequent": ("imdb", {"num_words": 20, "skip_top": 5}),
    "imdb, left out": ("imdb", {"num_words": 20, "skip_top": 4, "oov_char": None}),
    "imdb, short": ("imdb", {"maxlen": 8}),
    "imdb, too short": ("imdb", {"maxlen": 1}),
    "imdb, as they are": ("imdb", {"start_char": None, "index_from": 0}),
    "imdb, raised alone": ("imdb", {"start_char": None, "index_from": 5, "seed": 7}),
    "reuters": ("reuters", {}),
    "reuters, half": ("reuters", {"test_split": 0.5, "num_words": 25, "oov_char": None}),
    "reuters, short": ("reuters", {"maxlen": 9, "skip_top": 3, "seed": 1}),
    "reuters, as they are": ("reuters", {"start_char": None, "index_from": None}),
    "california": ("california_housing", {}),
    "california, small": ("california_housing", {"version": "small", "test_split": 0.25, "seed": 5}),
    "boston": ("boston_housing", {}),
    "boston, none to test": ("boston_housing", {"test_split": 0.0}),
}


def texts(random: np.random.Generator, count: int) -> np.ndarray:
    array = np.empty(count, object)
    array[:] = [random.integers(1, 40, random.integers(2, 14)).tolist() for _ in range(count)]
    return array


def write(folder: Path) -> None:
    """Write the files, with pickles where the published ones have them."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    two = {f"{kind}_{part}": made for part in ("train", "test") for kind, made in (
        ("x", texts(random, 12)), ("y", random.integers(0, 2, 12)))}  # fmt: skip
    np.savez(folder / "imdb.npz", **two)
    np.savez(folder / "reuters.npz", x=texts(random, 23), y=random.integers(0, 46, 23))
    for name, rows, columns in (("california_housing", 640, 2), ("boston_housing", 31, 3)):
        x = random.integers(0, 1000, (rows, columns)).astype(float)
        np.savez(folder / f"{name}.npz", x=x, y=np.arange(rows) / 8)


def plain(parts: Any) -> list[list[Any]]:
    """What `load_data` returned, as JSON takes it; of long tables the first rows, and a sum of all."""
    found = []
    for x, y in parts:
        values = [np.asarray(x).tolist(), np.asarray(y).tolist()]
        found.append(
            values
            if len(values[0]) < 50
            else [len(y), values[0][:5], values[1][:20], float(np.sum(y * np.arange(len(y))))]
        )
    return found
