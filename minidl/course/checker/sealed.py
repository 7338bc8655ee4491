"""What a student's file may not do in its process: open files, start programs, use a network, look through memory.

The text is read first (`reading`), which tells an honest student. This is for who found a way round it: Python asks a
hook before each of these events, and a hook stays until the process ends. It is no jail: who grades strangers does so
in a container.
"""

from __future__ import annotations

import sys
from typing import Any

DENIED = (
    "open", "os.", "shutil.", "subprocess.", "pty.", "socket.", "urllib.", "ftplib.", "http.", "smtplib.",
    "webbrowser.", "gc.", "ctypes.", "pickle.find_class", "marshal.", "code.__new__", "mmap.", "sqlite3.",
    "winreg.", "msvcrt.",
)  # fmt: skip


def seal(filename: str) -> None:
    """Refuse what is denied to code of this file, and to whatever it calls, for the rest of this process.

    Modules that Python itself imports on the way are read as ever.
    """

    def look(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(DENIED) and _asked_by(filename):
            raise PermissionError(f"an exercise needs no {event}")

    sys.addaudithook(look)


def _asked_by(filename: str) -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name == filename or name.startswith("<frozen importlib"):
            return name == filename
        frame = frame.f_back  # type: ignore[assignment]
    return False
