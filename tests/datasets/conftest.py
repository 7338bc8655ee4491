"""Small files in the published layouts, empty caches, and a web server on this machine."""

from __future__ import annotations

import functools
import http.server
import pickle
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point both caches to empty folders, so that nothing on the machine is read or written."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path / "minidl"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serve a folder over HTTP: its URL and its path."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    thread.join()
    server.server_close()


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def images_and_labels() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test data with H unlike W, and not two values alike in a row."""
    train = np.arange(7 * 4 * 5, dtype=np.uint8).reshape(7, 4, 5)
    return train, np.arange(7, dtype=np.uint8), train[:3] + 100, np.array([9, 0, 4], np.uint8)


@pytest.fixture
def write_idx_folder(images_and_labels: tuple) -> Callable[[Path], Path]:
    """Return a function that writes the four IDX files to a folder."""
    names = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )

    def write(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in zip(names, images_and_labels, strict=True):
            (folder / name).write_bytes(idx_bytes(array))
        return folder

    return write


def cifar_batch(size: int, seed: int) -> dict:
    generator = np.random.default_rng(seed)
    data = generator.integers(0, 256, (size, 3072), dtype=np.uint8)
    return {"data": data, "labels": generator.integers(0, 10, size).tolist(), "batch_label": f"batch {seed}"}


@pytest.fixture
def cifar_folder(tmp_path: Path) -> Path:
    """A folder in CIFAR-10's layout: five batches of 3, a test batch of 2."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for i in range(1, 6):
        (folder / f"data_batch_{i}").write_bytes(pickle.dumps(cifar_batch(3, i), protocol=2))
    (folder / "test_batch").write_bytes(pickle.dumps(cifar_batch(2, 6), protocol=2))
    return folder
