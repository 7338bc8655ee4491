"""Opening files that may be damaged: every way in which one can fail becomes a FileFormatError that says so."""

from __future__ import annotations

import io
import mmap
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minidl.errors import FileFormatError, MinidlError
from minidl.utils.files import local_path, packed
from minidl.utils.files.packed import DAMAGE

_HEAP = b"GCOL\x01\0\0\0"


@contextmanager
def reading(path: Any, what: str) -> Iterator[None]:
    """Turn errors of the libraries inside the block into FileFormatError; minidl's own pass as they are."""
    try:
        yield
    except (MinidlError, PermissionError):
        raise
    except DAMAGE as error:
        detail = str(error).strip() or type(error).__name__
        known = _beginnings(path)
        if known:
            raise FileFormatError(f"{os.fspath(path)!r} cannot be read as {what}: {known}") from error
        raise FileFormatError(
            f"{os.fspath(path)!r} cannot be read as {what}: {detail[:300]}. Was it cut off while it was copied or "
            "downloaded, or is it another kind of file?"
        ) from error


# What a file that is not what its name says often begins with.
_BEGINNINGS = {
    b"\x89HDF\r\n": ("it is an HDF5 file. Rename it to end in .h5, or .weights.h5.", (".h5", ".hdf5")),
    b"PK\x03\x04": ("it is a zip. A model of Keras ends in .keras, weights of NumPy in .npz.", (".keras", ".npz")),
    b"<": ("it is a web page (HTML). Download the file itself, not the page that shows it.", ()),
    b"version https://git-lfs": ("it is a pointer of Git LFS. Fetch the file itself: git lfs pull.", ()),
}


def _beginnings(path: Any) -> str | None:
    """Return what a file is, where its first bytes say so and its name something else."""
    file = Path(path)
    if not file.is_file():
        return None
    with open(file, "rb") as handle:
        first = handle.read(64)
    if not first:
        return "it is empty."
    for magic, (explanation, endings) in _BEGINNINGS.items():
        if first.lstrip().startswith(magic) and not file.name.lower().endswith(endings):
            return explanation
    return None


def existing_file(path: Any, who: str) -> Path:
    """Return the path of a file that is there.

    Raises
    ------
    FileNotFoundError : nothing there; files of the same kind that are there are named
    IsADirectoryError : a folder
    """
    file = local_path(path, who)
    if file.is_dir():
        hint = ""
        if (file / "saved_model.pb").exists():
            hint = " It is a TensorFlow SavedModel; save the model as .keras or .h5 with Keras first."
        raise IsADirectoryError(f"{who}: {os.fspath(path)!r} is a folder; give the file in it.{hint}")
    if not file.exists():
        near = sorted(p.name for p in file.parent.glob(f"*{file.suffix}") if p.is_file()) if file.suffix else []
        place = f"There: {', '.join(near[:5])}." if near else f"No file *{file.suffix} is there."
        if not file.parent.is_dir():
            place = f"The folder {os.fspath(file.parent)!r} does not exist either."
        raise FileNotFoundError(f"{who}: there is no file {os.fspath(path)!r}. {place}")
    return file


def check_extension(path: Any, known: Sequence[str], who: str, hint: str = "") -> str:
    """Return the ending of a path that is among `known`, the longest first.

    Raises
    ------
    FileFormatError : another ending; the message lists those that exist
    """
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
    for ending in sorted(known, key=len, reverse=True):
        if name.lower().endswith(ending):
            return ending
    raise FileFormatError(f"{who}: the file's name must end in {' or '.join(known)}. Got {name!r}.{hint}")


def check_target(path: Any, overwrite: bool, who: str) -> None:
    """Refuse to replace a file that the caller wants to keep."""
    if not overwrite and os.path.exists(path):
        raise FileExistsError(
            f"{who}: {os.fspath(path)!r} exists and overwrite=False. Choose another name, or pass overwrite=True."
        )


def zip_member(archive: zipfile.ZipFile, name: str, path: Any) -> bytes:
    """Return the bytes of a zip's member.

    Raises
    ------
    FileFormatError : it is not there, or not as an honest file's
    """
    if name not in archive.namelist():
        there = ", ".join(sorted(archive.namelist())[:8]) or "nothing"
        raise FileFormatError(f"{os.fspath(path)!r} has no {name!r}, so it is no model file of Keras. In it: {there}.")
    return packed.zip_member(archive, name, path)


@contextmanager
def naming(path: Any) -> Iterator[None]:
    """Let every error of the block name the file."""
    try:
        yield
    except FileFormatError as error:
        if os.path.basename(path) in str(error):
            raise
        raise FileFormatError(f"{os.fspath(path)!r}: {error}") from error


@contextmanager
def open_h5(source: Path | bytes, path: Any) -> Iterator[Any]:
    """Give an open `h5py.File`; of bytes, one in memory.

    Raises
    ------
    FileFormatError : no HDF5 file, or one that is cut off; or damage that shows later, as HDF5 reads piece by piece
    """
    import h5py

    content = io.BytesIO(source) if isinstance(source, bytes) else source
    with reading(path, "an HDF5 file"):
        _refuse_endless_heap(source, path)
        with h5py.File(content, "r") as file:
            yield file


def _refuse_endless_heap(source: Path | bytes, path: Any) -> None:
    """Refuse a file whose heap of strings libhdf5 would walk for ever: objects of no size, or beyond the heap's end.

    A heap is "GCOL", a version and its size; then objects: a number (2 bytes), a count (2), 4 bytes of nothing, a size
    (8), and so many bytes, filled up to a multiple of 8. Number 0 is the room that is left, its size with the head.

    Source: HDF5 File Format Specification 3.0, section III.E
    """
    # Trap: neither an exception nor Ctrl-C leaves that loop, so it is looked for before the file is opened.
    if isinstance(source, bytes):
        _walk_heaps(source, path)
        return
    with open(source, "rb") as file:
        if os.fstat(file.fileno()).st_size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                _walk_heaps(content, path)


def _walk_heaps(content: bytes | mmap.mmap, path: Any) -> None:
    begin = content.find(_HEAP)
    while begin >= 0:
        size = int.from_bytes(content[begin + 8 : begin + 16], "little")
        place, end = begin + 16, min(begin + size, len(content))
        while place + 16 <= end:
            number = int.from_bytes(content[place : place + 2], "little")
            length = int.from_bytes(content[place + 8 : place + 16], "little")
            step = length if number == 0 else 16 + (length + 7) // 8 * 8
            if step <= 0 or place + step > end:
                raise FileFormatError(f"{os.fspath(path)!r} is damaged: its strings have no end. Copy it again.")
            place += step
        begin = content.find(_HEAP, begin + 16)


def h5_group(parent: Any, name: str, path: Any) -> Any:
    """Return a group inside a file or group, or None where it is not there. Links out of the file are refused."""
    import h5py

    current = parent
    for part in name.split("/"):
        if not part or part not in current:
            return None
        _refuse_link(current, part, path)
        current = current[part]
        if not isinstance(current, h5py.Group):
            raise FileFormatError(f"{os.fspath(path)!r}: {current.name!r} must be a group. It is a data set.")
    return current


def h5_array(group: Any, name: str, path: Any, expected: tuple[int, ...] | None = None) -> Any:
    """Return the shape, and a function that reads the values, of a data set; None where it is not there.

    The values are read only once the shape is known to fit, so that a file cannot ask for any amount of memory.
    """
    import h5py

    *folders, last = name.split("/")
    parent = h5_group(group, "/".join(folders), path) if folders else group
    if parent is None or last not in parent:
        return None
    _refuse_link(parent, last, path)
    data = parent[last]
    if not isinstance(data, h5py.Dataset):
        raise FileFormatError(f"{os.fspath(path)!r}: {data.name!r} must hold numbers. It is a group.")
    if data.external or data.is_virtual:
        raise FileFormatError(f"{os.fspath(path)!r}: {data.name!r} points to another file; that is refused.")
    if data.dtype.kind not in "fiub":
        raise FileFormatError(f"{os.fspath(path)!r}: {data.name!r} must hold numbers. It holds {data.dtype}.")
    return data


def _refuse_link(parent: Any, name: str, path: Any) -> None:
    import h5py

    if parent.get(name, getclass=True, getlink=True) in (h5py.ExternalLink, h5py.SoftLink):
        raise FileFormatError(f"{os.fspath(path)!r}: {name!r} in {parent.name!r} is a link; that is refused.")


def h5_strings(group: Any, name: str) -> list[str] | None:
    """Return a list of strings kept as an attribute, which Keras splits as name0, name1 … when it is long."""
    if name in group.attrs:
        return [_text(item) for item in np.ravel(group.attrs[name])]
    found: list[str] = []
    part = 0
    while f"{name}{part}" in group.attrs:
        found.extend(_text(item) for item in np.ravel(group.attrs[f"{name}{part}"]))
        part += 1
    return found if part else None


def h5_text(group: Any, name: str) -> str | None:
    """Return a string kept as an attribute, or None."""
    return _text(group.attrs[name]) if name in group.attrs else None


def _text(item: Any) -> str:
    return item.decode("utf-8") if isinstance(item, bytes) else str(item)
