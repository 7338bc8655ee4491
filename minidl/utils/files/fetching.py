"""Where files are cached, and how they are fetched and checked."""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from minidl.errors import ArgumentError, DownloadError
from minidl.utils.files.archives import extract_archive
from minidl.utils.files.paths import local_path

TIMEOUT_S = 30  # seconds without an answer before the next mirror is tried
CHUNK_BYTES = 1 << 16


# ---------------------------------------------------------------------------------------------- caches


def keras_home() -> Path:
    """Return Keras' folder: `$KERAS_HOME`, else `~/.keras`. minidl reads from it and never writes to it."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()


def minidl_home() -> Path:
    """Return minidl's folder: `$MINIDL_HOME`, else the operating system's usual cache folder for `minidl`."""
    if os.environ.get("MINIDL_HOME"):
        return Path(os.environ["MINIDL_HOME"]).expanduser()
    import pooch

    return Path(pooch.os_cache("minidl"))


def file_digest(path: str | os.PathLike[str], algorithm: str) -> str:
    """Return the hexadecimal hash of a file; `algorithm` is a name of hashlib (`"sha256"`, `"md5"`).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "empty"); path.touch()
    ...     file_digest(path, "md5")
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _matches(path: Path, known_hash: str | None) -> bool:
    """Tell whether a file has the hash `"algorithm:digits"`; any file does where none is known."""
    if known_hash is None:
        return True
    algorithm, _, digits = known_hash.partition(":")
    return file_digest(path, algorithm) == digits.lower()


# ---------------------------------------------------------------------------------------------- fetching


def download(
    urls: Sequence[str], target: str | os.PathLike[str], known_hash: str | None, progress: bool = True
) -> Path:
    """Fetch one file from the first of several mirrors that gives it whole.

    Parameters
    ----------
    urls : mirrors of the same file, tried in turn
    target : where to put it. It is written beside under another name, checked, and only then renamed.
    known_hash : `"md5:…"` or `"sha256:…"`; `None` takes any content
    progress : show a progress bar on stderr

    Raises
    ------
    DownloadError : no mirror gave it; the message says what each answered, and where the file belongs
    """
    import pooch

    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"{target.name} cannot be kept in {target.parent}: {error.strerror}. MINIDL_HOME names minidl's "
            "folder; set it to one that can be written."
        ) from error
    failures = []
    for url in urls:
        fetch = pooch.HTTPDownloader(progressbar=progress, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_S)
        try:
            pooch.retrieve(url, known_hash, fname=target.name, path=target.parent, downloader=fetch)
            return target
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong hash is a ValueError
            failures.append(f"  {url}\n    {type(error).__name__}: {str(error)[:300]}")
    raise DownloadError(
        f"could not download {target.name}. Is this computer offline? Tried:\n"
        + "\n".join(failures)
        + f"\nFetch the file where there is a network and place it at {target}"
        + (f" ({known_hash})." if known_hash else ".")
    )


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file from the web, downloading it when it is not cached (Keras' `get_file`).

    Parameters
    ----------
    fname : the file's local name; taken from `origin` if absent. With `extract`, a name without a dot names
        the folder to extract to.
    origin : the URL
    untar, md5_hash : older names of `extract` and `file_hash`
    file_hash : expected sha256 or md5, hexadecimal; a cached file with another hash is downloaded again
    cache_subdir : subfolder of the cache
    hash_algorithm : `"sha256"`, `"md5"` or `"auto"` (told by the length)
    extract : unpack a tar or zip archive and return the folder
    archive_format : `"auto"`, `"tar"`, `"zip"` or `None`
    cache_dir : the cache; by default the file is looked for in Keras' cache, and downloaded to minidl's
    force_download : download even if cached

    Returns
    -------
    str : path of the file, or of the folder it was extracted to

    Raises
    ------
    ArgumentError : no `origin`, or `fname` is a path
    DownloadError : it cannot be fetched, or its hash is another
    FileFormatError : `extract` on something that is no archive

    Source: keras.io/api/utils/python_utils/#getfile-function
    """
    known_hash = _known_hash(file_hash or md5_hash, hash_algorithm)
    name = _local_name(fname, origin)
    extract = extract or untar
    folder_name = None
    if extract:
        folder_name = f"{name.partition('.')[0]}_extracted" if fname and "." in name else name
        name = name if fname and "." in name else f"{name}_archive"
    homes = [local_path(cache_dir, "get_file")] if cache_dir is not None else [keras_home(), minidl_home()]
    found = (home / cache_subdir / name for home in homes)
    path = next((p for p in found if p.is_file() and not force_download and _matches(p, known_hash)), None)
    fresh = path is None
    if path is None:
        path = homes[-1] / cache_subdir / name
        if path.is_file() and known_hash is None:
            path.unlink()  # force_download: pooch keeps any existing file where no hash is known
        download([str(origin)], path, known_hash)
    if folder_name is None:
        return str(path)
    folder = path.with_name(folder_name)
    if fresh or not folder.is_dir():
        folder = homes[-1] / cache_subdir / folder_name
        extract_archive(path, folder, archive_format)
    return str(folder)


def _known_hash(digits: str | None, algorithm: str) -> str | None:
    """Write a hash as `"algorithm:digits"`, telling md5 from sha256 by its length."""
    if digits is None:
        return None
    if algorithm == "auto":
        algorithm = "md5" if len(digits) == 32 else "sha256"
    if algorithm not in ("md5", "sha256"):
        raise ArgumentError(f"get_file: hash_algorithm must be 'md5', 'sha256' or 'auto'. Got {algorithm!r}.")
    return f"{algorithm}:{digits}"


def _local_name(fname: str | None, origin: str | None) -> str:
    """Check `origin` and `fname`, and give the file's local name."""
    if not origin:
        raise ArgumentError("get_file: origin= must be the URL of the file. Got none.")
    name = str(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name:
        raise ArgumentError(f"get_file: no file name can be read from origin {origin!r}; give fname=.")
    if os.path.basename(name) != name or name in (".", ".."):
        raise ArgumentError(f"get_file: fname must be a bare name, not a path. Got {fname!r}; use cache_dir=.")
    return name
