"""`minidl exercises watch`: checks a file at every save, and takes keys in between.

It polls, and says so: a notice of the system's would not come from NFS, WSL's mounts or Docker, nor from editors that
replace a file. Looked at are the time, the size and then the text.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from minidl.course import catalog
from minidl.course.checker.isolate import warm
from minidl.course.checker.results import Result, wrapped
from minidl.course.folder import Folder
from minidl.errors import MinidlError

INTERVAL = 0.3
KEYS = "Enter check · h hint · p picture · n next · l list · q quit"
SEQUENCE = re.compile(r"\x1b(?:\[[0-9;]*[ -/]*[@-~]|O.|.)?")  # an arrow, a function key


class Watch:
    """One watching of one exercise at a time.

    folder, number : whose file
    say : prints
    width : columns that may be printed; by default those of the terminal when it is printed
    """

    def __init__(self, folder: Folder, number: int, say: Callable[[str], None] = print, language: str = "en",
                 width: Callable[[], int] = lambda: 100) -> None:  # fmt: skip
        self.folder, self.number, self.say, self.language, self.width = folder, number, say, language, width
        self.seen: tuple[Any, ...] = ()
        self.text_seen = ""
        self.gone = False
        self.result: Result | None = None

    def begin(self) -> None:
        """Write the file if it is not there, import what a check needs, and check once."""
        path, new = self.folder.start(self.number)
        warm(self.number)
        self.tell(f"watching (polling) {path}{': new' if new else ''}", KEYS)
        self.seen, self.text_seen, self.gone = (), "", False
        self.look()

    def tell(self, *paragraphs: str) -> None:
        """Say something, in lines that fit."""
        self.say("\n".join(line for text in paragraphs for line in wrapped(text, self.width())))

    def look(self) -> bool:
        """Check the file if it has changed; return whether it was."""
        path = self.folder.file(self.number)
        try:
            state = path.stat()
            stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
            if stamp == self.seen:
                return False
            text = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            self._missing(path.name)
            return False
        self.seen, self.gone = stamp, False
        if text == self.text_seen:
            return False
        self.text_seen = text
        self.check()
        return True

    def _missing(self, name: str) -> None:
        """Say once that the file is gone; not at the first look, for an editor may just be replacing it."""
        if self.seen == ("gone",) and not self.gone:
            self.gone = True
            self.tell(f"{name} is not there, or cannot be read. It is checked when it is back.")
        self.seen, self.text_seen = ("gone",), ""

    def check(self) -> None:
        """Check the file, and say how it is; and what prevented it, where it could not be checked."""
        try:
            self.result = self.folder.check(self.number)
        except (MinidlError, OSError) as error:
            self.tell(f"{error}")
            return
        self.say(
            "\n" + self.result.text(self.language, min(100, self.width()), timed=True, when=time.strftime("%H:%M:%S"))
        )
        if self.result.passed:
            following = catalog.load(self.folder.next(self.number)).label
            self.tell(f"   {'★' * self.result.stars}. n for the next: {following}")

    def key(self, key: str) -> bool:
        """Do what a key asks for; return False where it ends the watching."""
        if key in ("q", "Q", "\x03", "\x04"):
            return False
        try:
            self._do(key)
        except (MinidlError, OSError) as error:
            self.tell(f"{error}")
        return True

    def _do(self, key: str) -> None:
        if key in ("\r", "\n", " "):
            self.check()
        elif key == "h":
            from minidl.course.commands import hint

            self.tell(hint(self.folder, self.number, self.language))
        elif key == "p":
            from minidl.course.commands import picture

            self.tell(f"   {picture(self.folder, self.result or self.folder.check(self.number), self.language)}")
        elif key == "l":
            from minidl.course.commands import listing

            self.say(listing(self.folder, width=self.width()))
        elif key == "n":
            self.number = self.folder.next(self.number)
            self.begin()
        elif key.isprintable():
            self.tell(KEYS)

    def run(self) -> None:
        """Watch until q, Ctrl-C or Ctrl-D."""
        self.begin()
        with keys() as pressed, contextlib.suppress(KeyboardInterrupt):
            while True:
                for key in pressed(INTERVAL):
                    if not self.key(key):
                        return
                self.look()


@contextlib.contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """Give a function that waits up to some seconds for keys, and returns those pressed; "" where there is no terminal.

    The terminal is as it was before when the block ends, also by a signal that ends the process (SIGTERM).
    """
    if not sys.stdin.isatty():
        yield _none
        return
    try:
        import msvcrt
    except ImportError:
        with _terminal() as pressed:
            yield pressed
        return

    def waited(seconds: float) -> str:
        end = time.monotonic() + seconds
        while not msvcrt.kbhit():  # type: ignore[attr-defined]
            if time.monotonic() >= end:
                return ""
            time.sleep(0.03)
        return str(msvcrt.getwch())  # type: ignore[attr-defined]

    yield waited


def _none(seconds: float) -> str:
    time.sleep(seconds)
    return ""


@contextlib.contextmanager
def _terminal() -> Iterator[Callable[[float], str]]:
    import select
    import termios
    import tty

    stream = sys.stdin.fileno()
    before = termios.tcgetattr(stream)

    def ended(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    def resumed(number: int, frame: Any) -> None:
        tty.setcbreak(stream)  # the shell had the terminal in between (Ctrl-Z, fg)

    def waited(seconds: float) -> str:
        if not select.select([stream], [], [], seconds)[0]:
            return ""
        # Trap: sys.stdin.read(1) would keep a second key in a buffer that select knows nothing of.
        data = os.read(stream, 1024)
        return SEQUENCE.sub("", data.decode(errors="ignore")) if data else "\x04"  # the terminal is gone

    handlers: dict[Any, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {signal.SIGTERM: ended, signal.SIGHUP: ended, signal.SIGCONT: resumed}
    former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        tty.setcbreak(stream)
        yield waited
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        with contextlib.suppress(termios.error, OSError):  # it is gone
            termios.tcsetattr(stream, termios.TCSADRAIN, before)
