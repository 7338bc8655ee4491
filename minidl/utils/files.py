"""Files: where they are cached, how they are fetched and checked, how one is replaced without being lost."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from minidl.errors import ArgumentError, DownloadError, FileFormatError

TIMEOUT_S = 30  # seconds without an answer before the next mirror is tried
CHUNK_BYTES = 1 << 16


# ---------------------------------------------------------------------------------------------- writing


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` only when the block ends without an error.

    An error, a full disk or Ctrl-C in the middle leaves the former file as it was, and no temporary file behind.
    A killed process or a power cut leaves the former file too, beside a temporary one whose name starts with a dot.

    Parameters
    ----------
    path : the file to write or replace. A symbolic link keeps pointing where it points; its target is
        replaced.

    Yields
    ------
    temp_path : a `Path` in the same folder, with the same suffix (`np.savez` and h5py look at it)

    Raises
    ------
    FileNotFoundError : the folder does not exist
    IsADirectoryError : `path` is a folder

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder, "weights.txt")
    ...     with atomic_write(target) as temp_path:
    ...         _ = temp_path.write_text("new")
    ...     target.read_text()
    'new'
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"atomic_write: {str(path)!r} is a folder; give the name of a file in it.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"atomic_write: the folder {str(target.parent)!r} does not exist. Create it first, or is the path misspelt?"
        )
    temp_path = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        temp_path.touch(exist_ok=False)
        if target.exists():
            shutil.copymode(target, temp_path)
        yield temp_path
        _flush_to_disk(temp_path)
        # os.replace is atomic only within one file system, which is why the temporary file is a neighbour.
        os.replace(temp_path, target)
    finally:
        temp_path.unlink(missing_ok=True)
    _flush_to_disk(target.parent)


def _flush_to_disk(path: Path) -> None:
    """Wait until the file's bytes, or the folder's list of names, are on the disk (fsync)."""
    if path.is_dir() and os.name == "nt":
        return  # Windows has no fsync of a folder
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
    target.parent.mkdir(parents=True, exist_ok=True)
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
    homes = [Path(cache_dir).expanduser()] if cache_dir is not None else [keras_home(), minidl_home()]
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


def extract_archive(
    path: str | os.PathLike[str], folder: str | os.PathLike[str], archive_format: str | None = "auto"
) -> None:
    """Unpack a tar (plain, gz, bz2, xz) or zip archive to `folder`, which appears only when all of it is
    there.

    Members that would land outside the folder are refused (tarfile's `data` filter; zipfile cuts them off).

    Raises
    ------
    FileFormatError : the file is no such archive, or is damaged
    """
    folder = Path(folder)
    unfinished = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        if archive_format in ("auto", "tar") and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                archive.extractall(unfinished, filter="data")
        elif archive_format in ("auto", "zip") and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                zipped.extractall(unfinished)
        else:
            raise FileFormatError(f"extract: {path} is no {archive_format} archive. Is the URL right?")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(unfinished, folder)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise FileFormatError(f"extract: {path} is damaged: {error}. Delete it and fetch it again.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
