"""`minidl exercises watch`: checks a file at every save, and takes keys in between.

It polls, and says so: a notice of the system's would not come from NFS, WSL's mounts or Docker, nor from editors that
replace a file. Looked at are the time, the size and then the text.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from minidl.course import catalog
from minidl.course.checker.isolate import warm
from minidl.course.checker.results import Result
from minidl.course.folder import Folder

INTERVAL = 0.3
KEYS = "Enter check · h hint · p picture · n next · l list · q quit"


class Watch:
    """One watching of one exercise at a time.

    folder, number : whose file
    say : prints
    """

    def __init__(self, folder: Folder, number: int, say: Callable[[str], None] = print, language: str = "en") -> None:
        self.folder, self.number, self.say, self.language = folder, number, say, language
        self.seen: tuple[Any, ...] = ()
        self.text_seen = ""
        self.result: Result | None = None

    def begin(self) -> None:
        """Write the file if it is not there, import what a check needs, and check once."""
        path, new = self.folder.start(self.number)
        warm(self.number)
        self.say(f"watching (polling) {path}{': new' if new else ''}    {KEYS}")
        self.seen, self.text_seen = (), ""
        self.look()

    def look(self) -> bool:
        """Check the file if it has changed; return whether it was."""
        path = self.folder.file(self.number)
        try:
            state = path.stat()
            stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
            if stamp == self.seen:
                return False
            text = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:  # an editor is just replacing it
            return False
        self.seen = stamp
        if text == self.text_seen:
            return False
        self.text_seen = text
        self.check()
        return True

    def check(self) -> None:
        """Check the file, and say how it is."""
        self.result = self.folder.check(self.number)
        self.say(self.result.text(self.language, timed=True))
        if self.result.passed:
            self.say(
                f"   {'★' * self.result.stars}. n for the next: {catalog.load(self.folder.next(self.number)).label}"
            )

    def key(self, key: str) -> bool:
        """Do what a key asks for; return False where it ends the watching."""
        if key in ("q", "\x03", "\x04"):
            return False
        if key in ("\r", "\n", " "):
            self.check()
        elif key == "h":
            from minidl.course.commands import hint

            self.say(hint(self.folder, self.number, self.language))
        elif key == "p":
            from minidl.course.commands import picture

            self.say(f"   {picture(self.folder, self.result or self.folder.check(self.number), self.language)}")
        elif key == "l":
            from minidl.course.commands import listing

            self.say(listing(self.folder))
        elif key == "n":
            self.number = self.folder.next(self.number)
            self.begin()
        elif key.isprintable():
            self.say(KEYS)
        return True

    def run(self) -> None:
        """Watch until q."""
        self.begin()
        with keys() as pressed:
            while True:
                key = pressed()
                if key and not self.key(key):
                    return
                self.look()
                time.sleep(INTERVAL if not key else 0)


@contextlib.contextmanager
def keys() -> Iterator[Callable[[], str]]:
    """Give a function that returns the key that was pressed, or "" at once; always "" where there is no terminal."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    try:
        import msvcrt

        yield lambda: msvcrt.getwch() if msvcrt.kbhit() else ""  # type: ignore[attr-defined]
        return
    except ImportError:
        pass
    import select
    import termios
    import tty

    stream = sys.stdin.fileno()
    before = termios.tcgetattr(stream)
    tty.setcbreak(stream)
    try:
        yield lambda: sys.stdin.read(1) if select.select([stream], [], [], 0)[0] else ""
    finally:
        termios.tcsetattr(stream, termios.TCSADRAIN, before)
