"""What a kernel under check prints: the first lines of it, and how many more there would have been."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TextIO

SHOWN = 8  # lines: every case has hundreds of threads, and is run several times


class _FirstLines(io.TextIOBase):
    """A stream that lets the first lines through, and counts the others."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.lines = stream, 0

    def write(self, text: str) -> int:
        """Write what belongs to the first lines."""
        for part in text.splitlines(keepends=True):
            if self.lines < SHOWN:
                self.stream.write(part)
            self.lines += part.endswith("\n")
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind."""
        self.stream.flush()


@contextlib.contextmanager
def first_lines() -> Iterator[None]:
    """Inside this block the first `SHOWN` printed lines are shown; the number of the others is said at its end.

    >>> with first_lines():
    ...     for k in range(20):
    ...         print("line", k)
    line 0
    ...
    line 7
    (12 more lines were printed, by other threads and in other cases)
    """
    stream = _FirstLines(sys.stdout)
    with contextlib.redirect_stdout(stream):
        yield
    more = stream.lines - SHOWN
    if more > 0:
        print(f"({more} more lines were printed, by other threads and in other cases)")
