"""The errors of the SIMT machine: what it cannot translate, and faults raised when `strict=True`."""
from __future__ import annotations

from .report.report import Fault


class SimtError(Exception):
    """Base class of the machine's own errors."""


class UnsupportedSyntax(SimtError):
    """A kernel uses Python that the machine does not translate. Names the line, and says what to write instead."""

    def __init__(self, message: str, line: int = 0, filename: str = "", text: str = "") -> None:
        self.reason = message
        self.line = line
        self.filename = filename
        where = f"line {line}: " if line else ""
        shown = f"\n{line:5d} | {text}" if text else ""
        super().__init__(f"{where}{message}{shown}")


class ReadOnlyArray(SimtError, TypeError):
    """A kernel writes to an array argument that NumPy marks as read-only."""


# What Python raises where a construct does not fit its values. The original is chained to the UnsupportedSyntax.
CONSTRUCT_ERRORS = (TypeError, AttributeError, ValueError, LookupError, ArithmeticError)


def not_runnable(error: Exception) -> str:
    """The sentence for a statement in which Python raised one of `CONSTRUCT_ERRORS`."""
    return (f"this statement cannot run in a kernel ({type(error).__name__}: {error}); write it with numbers, array "
            "elements, if and loops")


class KernelFault(SimtError):
    """Raised at the first fault when `strict=True`; `.fault` is the `Fault`."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))
