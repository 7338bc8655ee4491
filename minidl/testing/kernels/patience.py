"""A host function that works or sleeps without an end is stopped, and told."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SECONDS = 5.0
STEP = 0.25


class NoReturnError(Exception):
    """A host function has not returned in time."""


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Raise NoReturnError inside the block when it has spent SECONDS outside of kernels' launches.

    The SIMT machine watches the kernels itself. Looked at with the system's timer, so in the main thread only, and not
    on Windows; elsewhere, and where another timer runs, the block is left to itself.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer") or (
        signal.getitimer(signal.ITIMER_REAL)[0] > 0
    ):  # fmt: skip
        yield
        return
    spent = 0.0

    def look(_number: int, frame: FrameType | None) -> None:
        nonlocal spent
        if _in_a_launch(frame):
            return
        spent += STEP
        if spent >= SECONDS:
            raise NoReturnError(
                f"the host function has worked or slept for {SECONDS:g} seconds outside of its kernels, and has not "
                "returned: is there a loop without an end, or a wait?"
            )

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, STEP, STEP)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _in_a_launch(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("cuda_kernels.simt.launch"):
            return True
        frame = frame.f_back
    return False
