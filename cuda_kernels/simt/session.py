"""`with simt.on():` Numba's own launch syntax on the SIMT machine."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from .launch import launch
from .report import Fault, Report


class Session:
    """What `with simt.on() as session` gives: the reports of the launches inside."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.reports: list[Report] = []

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


@contextlib.contextmanager
def on(**options: Any) -> Iterator[Session]:
    """Inside this block `kernel[grid, block](...)` runs on the SIMT machine and returns a `Report`.

    `options` are those of `launch` (checks, strict, outputs, …); `kernel[grid, block, stream, bytes]` gives the dynamic
    shared memory as usual.
    """
    from numba import cuda

    session = Session(options)
    kind = type(cuda.jit(lambda: None))
    original, original_forall = kind.__getitem__, kind.forall

    def configured(kernel: Any, configuration: Any) -> Any:
        if not isinstance(configuration, tuple) or not 2 <= len(configuration) <= 4:
            raise ValueError("kernel[grid, block] needs a grid and a block")
        grid, block, *rest = configuration
        shared = {"shared_bytes": rest[1]} if len(rest) == 2 and rest[1] else {}

        def start(*args: Any) -> Report:
            session.reports.append(launch(kernel, grid, block, *args, **{**session.options, **shared}))
            return session.reports[-1]

        return start

    def forall(kernel: Any, tasks: int, tpb: int = 0, stream: Any = 0, sharedmem: int = 0) -> Any:
        threads = tpb or 256
        return configured(kernel, (max(1, -(-tasks // threads)), threads, stream, sharedmem))

    kind.__getitem__, kind.forall = configured, forall
    try:
        yield session
    finally:
        kind.__getitem__, kind.forall = original, original_forall
