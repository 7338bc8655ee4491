"""The progress bar: one line that is drawn anew on a terminal or in a notebook, plain lines elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.console import printable, say

WIDTH = 20  # cells of the bar
INTERVAL = 0.05  # seconds between two drawings on a terminal
PLAIN_INTERVAL = 30.0  # seconds between two lines where there is none


class Progbar:
    """Shows how far an epoch is, its time, and metrics.

    Parameters
    ----------
    target : number of steps, None if it is not known
    width : cells of the bar
    verbose : 0 silent, 1 a bar, 2 one line at the end
    interval : least seconds between two drawings
    unit_name : of a step
    live : draw over the same line; by default where there is a terminal or a notebook

    >>> bar = Progbar(4, live=False)
    >>> bar.update(4, [("loss", 0.5)])
    4/4 ... - loss: 0.5000
    """

    def __init__(
        self,
        target: int | None,
        width: int = WIDTH,
        verbose: int = 1,
        interval: float = INTERVAL,
        unit_name: str = "step",
        live: bool | None = None,
    ) -> None:
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.live = is_live() if live is None else live
        self._start = self._last = time.perf_counter()
        self._last_drawn = 0.0 if self.live else self._start
        self._after_first: float | None = None
        self._values: dict[str, Any] = {}
        self._drawn = 0  # visible length of the line that stands on the terminal
        self.finished = False

    def update(self, current: int, values: Iterable[tuple[str, Any]] = (), finalize: bool | None = None) -> None:
        """Show that `current` steps are done.

        Parameters
        ----------
        values : pairs (name, number), shown as they are
        finalize : end the line; by default when the target is reached
        """
        self._values.update(values)
        now = time.perf_counter()
        per_step = self._per_step(current, now)
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        if self.verbose == 1:
            every = self.interval if self.live else PLAIN_INTERVAL
            if finalize or now - self._last_drawn >= every:
                self._draw(self._line(current, now, per_step, finalize), finalize)
                self._last_drawn = now
        elif self.verbose == 2 and finalize:
            say(f"{current}/{self.target or current} - {now - self._start:.0f}s - {self._rest(per_step)}")
        self.finished = finalize

    def add(self, n: int, values: Iterable[tuple[str, Any]] = ()) -> None:
        """Show that `n` steps more are done."""
        self._seen = getattr(self, "_seen", 0) + n
        self.update(self._seen, values)

    def end_line(self) -> None:
        """Leave the line as it stands: what follows goes below it."""
        if self._drawn and not self.finished:
            say()
        self.finished = True

    def _per_step(self, current: int, now: float) -> float:
        """Return seconds a step; the first, which also builds things, does not count."""
        if current == 0:
            return 0.0
        if self._after_first is not None and current > 1:
            return (now - self._after_first) / (current - 1)
        if current == 1:
            self._after_first = now
        return (now - self._start) / current

    def _line(self, current: int, now: float, per_step: float, finalize: bool) -> str:
        if self.target:
            share = min(1.0, current / self.target)
            done = int(self.width * share)
            full, empty = _cells()
            count = f"{current:>{len(str(self.target))}}/{self.target}"
            head = f"{count} {full * done}{empty * (self.width - done)}"
        else:
            head = f"{current:>7}/Unknown"
        seconds = per_step * (self.target - current) if self.target and not finalize else now - self._start
        return f"{head} {duration(seconds)} {self._rest(per_step)}"

    def _rest(self, per_step: float) -> str:
        shown = [f"{name}: {_number(value)}" for name, value in self._values.items()]
        return " - ".join([f"{step_time(per_step)}/{self.unit_name}", *shown])

    def _draw(self, line: str, finalize: bool) -> None:
        if not self.live:
            say(line)
            return
        if not finalize and sys.stdout.isatty():
            # Trap: a line that wraps is not drawn over, but scrolls a new one with every step.
            line = line[: shutil.get_terminal_size().columns - 1]
        covered = line.ljust(self._drawn)  # blanks over what a longer line left
        self._drawn = len(line)
        sys.stdout.write(printable("\r" + covered + ("\n" if finalize else "")))
        sys.stdout.flush()


def is_live() -> bool:
    """Return whether a line of output can be drawn over: on a terminal, in a notebook, in PyCharm's console."""
    terminal = hasattr(sys.stdout, "isatty") and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return terminal or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ


def duration(seconds: float) -> str:
    """Return a time as a person reads it.

    >>> duration(7.2), duration(83), duration(3661)
    ('7s', '1:23', '1:01:01')
    """
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    if whole > 60:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{seconds:.0f}s"


def step_time(seconds: float) -> str:
    """Return the time of a step.

    >>> step_time(0.0123), step_time(0.00002), step_time(2)
    ('12ms', '20us', '2s')
    """
    if seconds >= 1 or seconds < 5e-7:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _number(value: Any) -> str:
    try:
        number = float(np.mean(value))  # a metric may have one value a class
    except TypeError:
        return str(value)
    return f"{number:.4f}" if abs(number) > 1e-3 or number == 0 else f"{number:.4e}"


def _cells() -> tuple[str, str]:
    """Return the two characters of the bar, from ASCII where the output cannot take others."""
    return ("━", " ") if printable("━") == "━" else ("=", ".")
