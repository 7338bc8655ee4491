"""What was compiled is kept on disk, by what it was compiled from: the second start of a kernel takes milliseconds.

    <user's cache folder>/minidl/ptx/<hash>.ptx       text, from a kernel and its types
    <user's cache folder>/minidl/ptx/<hash>.native    machine code, from that text and this processor

`MINIDL_CACHE` names another folder. A file begins with the hash of the rest: a damaged one is made again. Files are
written beside their place and renamed, so that two processes never see half of one. A folder that cannot be written is
no error: then everything is compiled at each start.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

DIGEST = 32  # bytes of SHA-256


def folder() -> Path:
    """Where compiled kernels lie."""
    given = os.environ.get("MINIDL_CACHE")
    usual = {"win32": os.environ.get("LOCALAPPDATA"), "darwin": "~/Library/Caches"}
    users = usual.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(given) if given else Path(users) / "minidl").expanduser() / "ptx"


def key_of(*parts: str | bytes) -> str:
    """A name for what is made of these parts: a hash of all of them, in order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:40]


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    """What lies under this name; made, and put there, if nothing whole does."""
    path = folder() / name
    with contextlib.suppress(OSError):
        data = path.read_bytes()
        if hashlib.sha256(data[DIGEST:]).digest() == data[:DIGEST]:
            return data[DIGEST:]
    made = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(made).digest() + made)
            os.replace(part, path)
        except OSError:
            os.unlink(part)
    return made
