"""A path as somebody gives it, before anything is done with it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from minidl.errors import ArgumentError


def local_path(path: Any, function: str) -> Path:
    """Return a path, `~` replaced by the home folder, whether or not anything is there.

    Raises
    ------
    ArgumentError : no path at all (a number, a list, nothing, a NUL in it), a home that does not exist, a name longer
        than the system takes, links in a circle

    >>> local_path("data/mnist.npz", "load_data").name
    'mnist.npz'
    """
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"{function}: a path is needed, text or pathlib.Path. Got {path!r}.")
    text = os.fspath(path)
    if not text or "\0" in text:
        raise ArgumentError(f"{function}: a path is needed, with letters and without NUL. Got {text!r}.")
    try:
        local = Path(text).expanduser()
        local.stat()
    except RuntimeError as error:
        raise ArgumentError(f"{function}: there is no home folder for the '~' of {text!r} here.") from error
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise ArgumentError(f"{function}: {text[:300]!r} is no path here: {error.strerror}.") from error
    return local
