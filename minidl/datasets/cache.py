"""Where a data set is looked for, and how it is fetched."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from minidl.errors import DataError, DownloadError
from minidl.utils.files import download, keras_home, local_path, minidl_home


class PublishedFile(NamedTuple):
    """A published file: its name, its mirrors in the order of trying, `"md5:…"` or `"sha256:…"`."""

    name: str
    urls: tuple[str, ...]
    known_hash: str


def explicit_path(path: str | os.PathLike[str] | None, function: str) -> Path | None:
    """Return `path` if it exists, `None` if it is a bare name (which then is looked for in the caches).

    Raises
    ------
    DataError : a path with folders in it that does not exist
    """
    if path is None:
        return None
    local = local_path(path, function)
    if local.is_file() or local.is_dir():
        return local
    if local.name != str(path) or local.exists():
        what = "is neither a file nor a folder" if local.exists() else "does not exist"
        raise DataError(f"{function}: path {str(path)!r} {what}. Relative to {str(Path.cwd())!r}.")
    return None


def cached(*names: str) -> Iterator[Path]:
    """Yield what exists under these names in Keras' cache, then in minidl's own."""
    for home in (keras_home, minidl_home):
        for name in names:
            path = home() / "datasets" / name
            if path.exists():
                yield path


def fetch(files: Sequence[PublishedFile], subfolder: str = "") -> list[Path]:
    """Download the files that are not there yet to minidl's cache, each checked against its hash.

    Raises
    ------
    DownloadError : no mirror gave one of them
    """
    folder = minidl_home() / "datasets" / subfolder
    paths = [folder / file.name for file in files]
    for file, path in zip(files, paths, strict=True):
        if not path.is_file():
            download(file.urls, path, file.known_hash)
    return paths


def offline_error(dataset: str, wanted: str, files: Sequence[PublishedFile], cause: DownloadError) -> DownloadError:
    """Return (not raise) the error for a data set that is neither here nor to be had: what to place where.

    `wanted` says what to place, relative to a cache's `datasets` folder.
    """
    sources = "\n".join(f"  {file.urls[-1]} ({file.known_hash})" for file in files)
    return DownloadError(
        f"{dataset}.load_data: the data set is not on this computer and could not be downloaded.\n"
        f"Fetch it where there is a network, from\n{sources}\n"
        f"and place {wanted} in {minidl_home() / 'datasets'} (or {keras_home() / 'datasets'}),\n"
        f"or give its place: {dataset}.load_data(path=...).\n"
        f"What was tried: {cause}"
    )


def find(path: str | os.PathLike[str] | None, file: PublishedFile, dataset: str) -> Path:
    """Return a data set's one file: at `path`, in Keras' cache, in minidl's, or fetched.

    Raises
    ------
    DataError : a path with folders in it that does not exist, or a folder
    DownloadError : not cached, and no mirror can be reached; the message says what to place where
    """
    local = explicit_path(path, f"{dataset}.load_data")
    if local is None:
        named = PublishedFile(str(path or file.name), file.urls, file.known_hash)
        local = next(cached(named.name), None)
        if local is None:
            try:
                return fetch([named])[0]
            except DownloadError as error:
                raise offline_error(dataset, file.name, [file], error) from None
    if local.is_dir():
        raise DataError(f"{dataset}.load_data: {str(local)!r} is a folder. Give the file {file.name}.")
    return local
