"""The sessions that are in force: `with simt.on() as session`, for its own thread, asyncio task and generator."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ...ledger import Ledger, Transfer
from ...scope import Scope
from ..report.report import Fault, Report


class Session:
    """What `with simt.on() as session` gives: the reports of the launches inside, and the transfers."""

    def __init__(self, options: dict[str, Any], launch: Callable[..., Any] | None = None) -> None:
        self.options = options
        self.launch = launch  # what runs a kernel in place of the SIMT machine
        self.reports: list[Report] = []
        self.transfers = Ledger()

    @property
    def report(self) -> Report:
        """The last launch's report."""
        if not self.reports:
            raise ValueError("simt.on: no kernel was launched inside the with block")
        return self.reports[-1]

    @property
    def faults(self) -> list[Fault]:
        """The faults of all launches."""
        return [f for r in self.reports for f in r.faults]


SESSIONS: Scope[Session] = Scope("simt.on")


def session_here() -> Session | None:
    """The innermost session in force where this is called, or None."""
    sessions = SESSIONS.get()
    return sessions[-1] if sessions else None


F = TypeVar("F", bound=Callable[..., Any])


def of_the_gpu(function: F) -> F:
    """A function that asks for a real GPU: it means Numba's own names, even where it is called inside a session."""

    @functools.wraps(function)
    def outside(*args: Any, **keywords: Any) -> Any:
        if not SESSIONS.get():
            return function(*args, **keywords)
        with SESSIONS.empty():
            return function(*args, **keywords)

    return outside  # type: ignore[return-value]


def note_transfer(direction: str, nbytes: int, shape: tuple[int, ...], cause: str) -> None:
    """Write a move into the ledger of the session, if there is one."""
    session = session_here()
    if session is not None:
        session.transfers.append(Transfer(direction, int(nbytes), tuple(shape), cause))
