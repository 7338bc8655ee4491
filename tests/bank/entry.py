"""An entry of the bank: a kernel, its launch, and what the machine must say about it.

A wrong kernel carries marks in its source: `# <- fault: race` at the end of a line says that the machine must report a
race there (several kinds are separated by commas). The marked (kind, line) pairs are exactly what has to be reported:
nothing less, nothing more. A right kernel carries no mark: the machine must keep silent, and `check` must find the
result right.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.bank.examples.case import python_function

MARK = "# <- fault:"


class Entry(NamedTuple):
    """One kernel of the bank.

    Parameters
    ----------
    kernel : a `cuda.jit` kernel
    grid, block : the launch shape
    args : makes the kernel's arguments
    check : called with the arguments after the launch, says whether the result is right; None for a wrong kernel
    helpers : device functions whose marks count as the kernel's
    options : further keywords of `simt.launch`
    """

    kernel: Any
    grid: Any
    block: Any
    args: Callable[[], tuple[Any, ...]]
    check: Callable[..., bool] | None
    helpers: tuple[Any, ...]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The kernel's own name."""
        return python_function(self.kernel).__name__

    @property
    def is_wrong(self) -> bool:
        """Whether the machine must report a fault."""
        return self.check is None

    def expected(self) -> set[tuple[str, int]]:
        """The (kind, line) pairs that are marked in the source of the kernel and its helpers."""
        marked = set()
        for function in (self.kernel, *self.helpers):
            lines, first = inspect.getsourcelines(python_function(function))
            for number, line in enumerate(lines, start=first):
                if MARK in line:
                    marked |= {(kind.strip(), number) for kind in line.split(MARK)[1].split(",")}
        return marked


ENTRIES: list[Entry] = []


def wrong(
    grid: Any, block: Any, args: Callable[[], tuple], *, helpers: tuple = (), **options: Any
) -> Callable:
    """Put a kernel with a marked fault into the bank."""

    def register(kernel: Any) -> Any:
        ENTRIES.append(Entry(kernel, grid, block, args, None, helpers, options))
        return kernel

    return register


def right(
    grid: Any, block: Any, args: Callable[[], tuple], check: Callable[..., bool], **options: Any
) -> Callable:
    """Put a kernel without a fault into the bank; `check(*args)` judges its result."""

    def register(kernel: Any) -> Any:
        ENTRIES.append(Entry(kernel, grid, block, args, check, (), options))
        return kernel

    return register
