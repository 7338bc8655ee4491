from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from minidl.datasets import idx
from minidl.errors import DataError, FileFormatError

IMAGES = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
RAW = bytes((0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 5)) + IMAGES.tobytes()
LABELS = bytes((0, 0, 8, 1, 0, 0, 0, 2, 7, 9))


def written(tmp_path: Path, raw: bytes, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("raw", [RAW, gzip.compress(RAW, mtime=0)], ids=["plain", "gzip"])
def test_read_idx_gives_the_published_values(tmp_path, raw):
    images = idx.read_idx(written(tmp_path, raw), axes=3)
    np.testing.assert_array_equal(images, IMAGES)
    assert images.dtype == np.uint8
    assert images.flags.writeable


def test_read_idx_reads_labels(tmp_path):
    assert idx.read_idx(written(tmp_path, LABELS), axes=1).tolist() == [7, 9]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "an empty file"),
        (LABELS, "file of labels. Are the files swapped"),
        (b"<!DOCTYPE html><html>", "looks like a web page"),
        (b"PK\x03\x04....", "Is it an IDX file"),
        (RAW[:10], "cut off in its header: 10 bytes, expected 16"),
        (RAW[:-1], r"is cut off: the header says shape \(2, 3, 5\), 46 bytes. Got 45"),
        (RAW + b"x", "has bytes left over"),
        (gzip.compress(RAW, mtime=0)[:-12], "gzip data is cut off or damaged"),
        (gzip.compress(RAW, mtime=0)[:12] + b"\xff" * 20, "gzip data is cut off or damaged"),
    ],
)
def test_read_idx_says_what_is_wrong(tmp_path, raw, message):
    with pytest.raises(FileFormatError, match=message):
        idx.read_idx(written(tmp_path, raw), axes=3)


def test_read_folder_takes_both_spellings_and_gz(tmp_path, write_idx_folder, images_and_labels):
    folder = write_idx_folder(tmp_path / "idx")
    plain = folder / "train-images-idx3-ubyte"
    (folder / "train-images.idx3-ubyte.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    (x_train, y_train), (x_test, y_test) = idx.read_folder(folder)
    for got, expected in zip((x_train, y_train, x_test, y_test), images_and_labels, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_read_folder_names_all_missing_files(tmp_path, write_idx_folder):
    folder = write_idx_folder(tmp_path / "idx")
    (folder / "train-images-idx3-ubyte").unlink()
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="lacks train-images-idx3-ubyte, t10k-labels-idx1-ubyte"):
        idx.read_folder(folder)


def test_read_folder_refuses_other_numbers_of_labels(tmp_path, write_idx_folder):
    folder = write_idx_folder(tmp_path / "idx")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(LABELS)
    with pytest.raises(FileFormatError, match="3 images, but 2 labels"):
        idx.read_folder(folder)


def test_read_idx_reads_the_published_files(shared_data):
    if not (shared_data / "mnist-idx").is_dir():
        pytest.skip(f"NOT RUN: no mnist-idx in {shared_data}")
    images = idx.read_idx(shared_data / "mnist-idx" / "t10k-images-idx3-ubyte.gz", axes=3)
    labels = idx.read_idx(shared_data / "mnist-idx" / "t10k-labels-idx1-ubyte.gz", axes=1)
    assert images.shape == (10000, 28, 28)
    # The published set begins with a 7, a 2, a 1, a 0, a 4.
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
    with np.load(shared_data / "mnist.npz") as arrays:
        np.testing.assert_array_equal(images, arrays["x_test"])
        np.testing.assert_array_equal(labels, arrays["y_test"])
