"""What the command line writes: every target is checked before the work, not after it, and then written whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from minidl.errors import ArgumentError
from minidl.utils.files import check_writable, explained

MODELS = (".keras", ".h5", ".hdf5")


def check_file(option: str, path: Path | None, endings: Iterable[str] | None = None) -> None:
    """Raise unless a file can be written there; None, an option that was not given, is right.

    Raises
    ------
    ArgumentError : another ending, or no file's name; an OSError : a folder, no folder, not writable
    """
    if path is None:
        return
    endings = None if endings is None else list(endings)
    if endings is not None and path.suffix.lower() not in endings:
        raise ArgumentError(f"{option}: the name must end in {', '.join(endings)}. Got {str(path)!r}.")
    check_writable(path, option)


def check_folder(option: str, path: Path) -> None:
    """Raise unless files can be written into this folder, or it can be made."""
    with explained(path):
        place = path
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise ArgumentError(f"{option}: {str(path)!r} must be a folder, and a file is in its way: {str(place)!r}.")
        check_writable(place / "x", option)
