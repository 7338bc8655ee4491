"""What a launch was: `launches()` collects them. Apart from `launch`, so that who only listens imports no compiler."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .scope import Scope

if TYPE_CHECKING:
    from .simt import Report


@dataclass(slots=True, eq=False)
class Launched:
    """One launch of a kernel, as `launches()` collects them.

    `started` and `finished` are seconds of `time.perf_counter` on the host. On a GPU the kernel may still be running
    at `finished`, and `milliseconds()` is what it took there (where the GPU had nothing to do before it, with the
    launch itself: some 10 microseconds). A compiled kernel (`place` "ptx") is done at `finished`, and what it took is
    this processor's time; the SIMT machine's is no kernel's time: None.
    """

    kernel: Any
    grid: tuple[int, ...]
    block: tuple[int, ...]
    args: tuple[Any, ...]
    shared_bytes: int
    place: str
    started: float
    finished: float
    report: Report | None = None  # of the SIMT machine
    events: tuple[Any, Any] | None = None  # on a GPU: before and after

    @property
    def name(self) -> str:
        """The kernel's name."""
        return getattr(self.kernel, "__name__", "kernel")

    def step(self) -> Any:
        """Run the kernel again on the SIMT machine, and return its `Stepper`."""
        from . import simt

        return simt.step(self.kernel, self.grid, self.block, *self.args, shared_bytes=self.shared_bytes)

    def milliseconds(self) -> float | None:
        """The kernel's own time, on the GPU by its events (waits for it to end); None on the SIMT machine.

        On "ptx" it is this processor's, the first time with the compilation.
        """
        if self.events is None:
            return 1e3 * (self.finished - self.started) if self.place == "ptx" else None
        from ._cuda import cuda

        before, after = self.events
        after.synchronize()
        return float(cuda.event_elapsed_time(before, after))


LISTENERS: Scope[list[Launched]] = Scope("launches")


@contextlib.contextmanager
def launches() -> Iterator[list[Launched]]:
    """Collect every launch inside the block, in order; blocks nest, and hold for their own thread, task and generator.

    >>> with launches() as found:
    ...     pass
    >>> found
    []
    """
    with LISTENERS.block([]) as found:
        yield found
