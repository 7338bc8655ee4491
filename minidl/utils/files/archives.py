"""Unpacking other people's archives: files and folders only, inside the folder, and no more than a disk can hold.

tarfile's own filter is not enough: links whose path is longer than the system takes lead past that of Python 3.11.7,
3.12.1 and 3.13.0 (CVE-2025-4517). A data set needs no links, so there are none here.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from minidl.errors import ArgumentError, FileFormatError
from minidl.utils.files.packed import DAMAGE

MOST_MEMBERS = 1_000_000
MOST_TIMES = 200  # as large as the archive itself, above FREELY: what compresses better is no data but a bomb
FREELY = 1 << 28  # bytes
CHUNK = 1 << 18


class _Member(NamedTuple):
    name: str
    is_folder: bool
    content: IO[bytes] | None


def extract_archive(
    path: str | os.PathLike[str], folder: str | os.PathLike[str], archive_format: str | None = "auto"
) -> None:
    """Unpack a tar (plain, gz, bz2, xz) or zip archive into `folder`.

    Nothing appears there before all of the archive is unpacked and found right. What the folder holds besides stays;
    files of the same names are replaced.

    Raises
    ------
    FileFormatError : the file is no such archive, or damaged, or encrypted; it holds links, devices, names that lead
        out of the folder; it unpacks to more than 200 times its size (from 256 MiB on), or than the disk has room for
    ArgumentError : no such `archive_format`
    """
    if archive_format not in ("auto", "tar", "zip"):
        raise ArgumentError(f"extract: archive_format must be 'auto', 'tar' or 'zip'. Got {archive_format!r}.")
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name[:100]}.{secrets.token_hex(4)}.unfinished")
    try:
        unfinished.mkdir()
        _unpack(Path(path), unfinished, archive_format)
        _merge(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack(path: Path, folder: Path, archive_format: str) -> None:
    room = min(max(FREELY, MOST_TIMES * path.stat().st_size), shutil.disk_usage(folder).free)
    member = _Member("", True, None)
    try:
        if archive_format in ("auto", "tar") and tarfile.is_tarfile(path):
            members = _of_tar(path)
        elif archive_format in ("auto", "zip") and zipfile.is_zipfile(path):
            members = _of_zip(path)
        else:
            kind = "archive" if archive_format == "auto" else f"{archive_format} archive"
            raise FileFormatError(f"extract: {path} is no {kind}. Is the URL right?")
        for count, member in enumerate(members):
            if count >= MOST_MEMBERS:
                raise FileFormatError(f"extract: {path} has more than {MOST_MEMBERS:,} members.")
            target = folder / _inside(path, member.name)
            if member.is_folder:
                target.mkdir(parents=True, exist_ok=True)
            elif member.content is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                room = _copy(member.content, target, room, path)
    except FileFormatError:
        raise
    except (RuntimeError, NotImplementedError) as error:  # zipfile's words for a password and for odd compressions
        raise FileFormatError(f"extract: {path} cannot be unpacked: {error}") from error
    except OSError as error:  # a name that the file system does not take; a full disk
        where = f"{path} cannot be unpacked, at {member.name[:80]!r}"
        raise FileFormatError(f"extract: {where}: {error.strerror or error}") from error
    except (tarfile.TarError, *DAMAGE) as error:
        raise FileFormatError(
            f"extract: {path} is damaged, at member {member.name[:80]!r}: {error}. Delete it and fetch it again."
        ) from error


def _of_tar(path: Path) -> Iterator[_Member]:
    with tarfile.open(path) as archive:
        for info in archive:
            if not (info.isreg() or info.isdir()):
                kind = "a link" if info.issym() or info.islnk() else "a device or a pipe"
                raise FileFormatError(
                    f"extract: {path} holds {kind}, {info.name[:80]!r}. Only files and folders are unpacked: a link "
                    "can lead out of the folder. If you trust the archive, unpack it by hand."
                )
            yield _Member(info.name, info.isdir(), archive.extractfile(info) if info.isreg() else None)


def _of_zip(path: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise FileFormatError(
                    f"extract: {path}: member {info.filename[:80]!r} is compressed by method {info.compress_type}; "
                    "only stored (0) and deflated (8) members are read. Pack it again by an ordinary zip program."
                )
            if info.is_dir():
                yield _Member(info.filename, True, None)
                continue
            with archive.open(info) as content:
                yield _Member(info.filename, False, content)


def _inside(path: Path, name: str) -> Path:
    """Return a member's place relative to the folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts and name.strip("./\\") == "":
        return Path()
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or (parts and ":" in parts[0]):
        raise FileFormatError(f"extract: {path} holds {name[:80]!r}, a name that leads out of the folder.")
    return Path(*parts)


def _copy(content: IO[bytes], target: Path, room: int, path: Path) -> int:
    """Write a member; return the room that is left. The sizes that an archive states are not believed."""
    with open(target, "wb") as file:
        while chunk := content.read(CHUNK):
            room -= len(chunk)
            if room < 0:
                raise FileFormatError(
                    f"extract: {path} unpacks to more than {MOST_TIMES} times its own size, or than the disk has room "
                    "for. No data set does; is it meant to fill a disk?"
                )
            file.write(chunk)
    return room


def _merge(unfinished: Path, folder: Path) -> None:
    """Move everything to its place. Nothing is moved where something is in the way."""
    moves = []
    for source in sorted(p for p in unfinished.rglob("*") if p.is_file() or not any(p.iterdir())):
        target = folder / source.relative_to(unfinished)
        for place in (target, *target.parents):
            if place == folder.parent:
                break
            if place.is_symlink() and place != folder or (place.exists() and place != target and not place.is_dir()):
                raise FileFormatError(f"extract: {place} is in the way of what is to be unpacked. Move it away first.")
        if target.is_dir() != source.is_dir() and target.exists():
            raise FileFormatError(f"extract: {target} is in the way of what is to be unpacked. Move it away first.")
        moves.append((source, target))
    folder.mkdir(exist_ok=True)
    for source, target in moves:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            os.replace(source, target)
