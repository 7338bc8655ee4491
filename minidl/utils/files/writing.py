"""How a file is replaced: the new one is written beside it, and takes its name when it is whole and on the disk."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from minidl.errors import ArgumentError, WriteError

try:
    import fcntl
except ImportError:  # Windows, where a file that somebody has open cannot be deleted anyway
    fcntl = None  # type: ignore[assignment]

PICTURES = (".png", ".svg", ".pdf")  # the endings of the pictures that are written
_MARK = ".unfinished"  # in the name of every temporary file
_CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota on this disk is used up",
    errno.EFBIG: "the file system takes no file of this size",
    errno.EROFS: "the disk is mounted read-only",
    errno.EIO: "the disk reports an error",
    errno.ENAMETOOLONG: "the name is too long for the file system",
}


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` only when the block ends without an error.

    An error, a full disk or Ctrl-C in the middle leaves the former file as it was, and no temporary file behind.
    A killed process or a power cut leaves the former file too, beside a temporary one whose name starts with a dot;
    the next write to the same path clears that away.

    Parameters
    ----------
    path : the file to write or replace. A symbolic link keeps pointing where it points; its target is
        replaced.

    Yields
    ------
    temp_path : a `Path` in the same folder, with the same suffix (`np.savez` looks at it)

    Raises
    ------
    FileNotFoundError : the folder does not exist
    IsADirectoryError : `path` is a folder
    PermissionError : the folder takes no new files
    ArgumentError : `path` is a device, a pipe or a socket, which would be replaced by a file, or no name at all
    WriteError : a full disk, and what else a disk may say; also an OSError with its `errno`

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder, "weights.txt")
    ...     with atomic_write(target) as temp_path:
    ...         _ = temp_path.write_text("new")
    ...     target.read_text()
    'new'
    """
    with explained(path):
        target = _checked(path, "atomic_write")
        _clear_leftovers(target)
        temp_path, lock = _temporary(target)
    try:
        with explained(path, "The former file is as it was." if target.exists() else "No file was left there."):
            if target.exists():
                shutil.copymode(target, temp_path)
            yield temp_path
            _flush_to_disk(temp_path)
            # os.replace is atomic only within one file system, which is why the temporary file is a neighbour.
            os.replace(temp_path, target)
    finally:
        temp_path.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)
    _flush_to_disk(target.parent)


def check_writable(path: str | os.PathLike[str], function: str) -> None:
    """Raise what `atomic_write` would, before the work is done whose result goes to `path`.

    function : begins the message: a function, or an option of the command line
    """
    with explained(path):
        temp_path, lock = _temporary(_checked(path, function))
    temp_path.unlink()
    if lock is not None:
        os.close(lock)


def _checked(path: str | os.PathLike[str], function: str) -> Path:
    """Return where a file would be written, links followed."""
    name = os.fspath(path)
    if not name or "\0" in str(name):
        raise ArgumentError(f"{function}: the path must be a file's name. Got {name!r}.")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{function}: {str(path)!r} is a folder; give the name of a file in it.")
    if not target.parent.is_dir():
        folder = f"{function}: cannot write {str(path)!r}: the folder {str(target.parent)!r}"
        if target.parent.exists():
            raise NotADirectoryError(f"{folder} is a file.")
        raise FileNotFoundError(f"{folder} does not exist. Create it first, or is the path misspelt?")
    if target.exists() and not target.is_file():
        raise ArgumentError(
            f"{function}: {str(path)!r} is a device, a pipe or a socket. It would be replaced by a file; give another "
            "name."
        )
    return target


@contextmanager
def explained(path: str | os.PathLike[str], state: str = "") -> Iterator[None]:
    """Let an error of the disk name the user's file, not a temporary one, and say what became of it."""
    try:
        yield
    except OSError as error:
        if isinstance(error, WriteError) or error.errno not in _CAUSES:
            raise
        raise WriteError(error.errno, f"cannot write {str(path)!r}: {_CAUSES[error.errno]}. {state}".strip()) from error


def _temporary(target: Path) -> tuple[Path, int | None]:
    """Make an empty file beside the target; return its path, and a handle that holds a lock while the process lives."""
    before, after = _around(target)
    while True:
        temp_path = target.with_name(f"{before}{secrets.token_hex(4)}{after}")
        try:
            handle = os.open(temp_path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            if error.errno in _CAUSES:
                raise
            cause = f"its folder takes no new file ({error.strerror})"
            raise type(error)(error.errno, f"cannot write {str(target)!r}: {cause}") from error
        if fcntl is None:
            os.close(handle)
            return temp_path, None
        if _locked(handle) and temp_path.exists():  # else another process took it for a leftover, just now
            return temp_path, handle
        os.close(handle)
        temp_path.unlink(missing_ok=True)


def _around(target: Path) -> tuple[str, str]:
    """Return what stands before and behind the random part of a temporary file's name.

    Of a long name not all: with something added it could be too long for the file system.
    """
    stem, suffix = (os.fsencode(part)[:120].decode(errors="ignore") for part in (target.stem, target.suffix))
    return f".{stem}.", f"{_MARK}{suffix}"


def _clear_leftovers(target: Path) -> None:
    """Delete the temporary files of writers of this file that were killed: those whose lock nobody holds."""
    before, after = map(glob.escape, _around(target))
    for leftover in target.parent.glob(f"{before}????????{after}"):
        with suppress(OSError):  # of another user, or gone already; on Windows also one that is being written
            handle = os.open(leftover, os.O_RDWR)
            try:
                if _locked(handle):
                    leftover.unlink()
            finally:
                os.close(handle)


def _locked(handle: int) -> bool:
    """Try to lock a file for this process; a lock ends with its process, however that ends."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network's file system without locks: leftovers stay there
        return True
    return True


def _flush_to_disk(path: Path) -> None:
    """Wait until the file's bytes, or the folder's list of names, are on the disk (fsync)."""
    if path.is_dir() and os.name == "nt":
        return  # Windows has no fsync of a folder
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
