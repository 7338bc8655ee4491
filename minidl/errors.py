"""The errors of minidl. Every message says the rule, what was got, and the likely cause.

All of them are `MinidlError`s, and each is also the built-in exception a Python user would catch for the same
mistake (`ShapeError` is a `ValueError`, and so on).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MinidlError(Exception):
    """Base of every error that minidl raises on purpose."""


class ShapeError(MinidlError, ValueError):
    """An array has the wrong rank or size for an operation."""


class DTypeError(MinidlError, TypeError):
    """An array has a dtype that an operation does not take, or two dtypes do not agree."""


class ArgumentError(MinidlError, ValueError):
    """An argument is outside what a function takes."""


class UnknownNameError(ArgumentError):
    """A string names no optimizer, loss, layer, metric … that exists; the nearest name is suggested."""


class BackendError(MinidlError, RuntimeError):
    """No implementation of an op exists for the selected backend, or the backend cannot run here."""


class DeviceMemoryError(BackendError, MemoryError):
    """A GPU has no room for an array; the message says what was asked for, what is there, and what helps."""


class TapeError(MinidlError, RuntimeError):
    """A gradient was asked for in a way that has no meaning (twice, of a non-scalar, after a change)."""


class NotBuiltError(MinidlError, ValueError, AttributeError):
    """A layer or model is used before its weights exist; `hasattr(model, "input")` is False then."""


class ThreadError(MinidlError, RuntimeError):
    """Two threads want to train or evaluate one model at the same time."""


class NotCompiledError(MinidlError, RuntimeError):
    """`fit` or `evaluate` was called before `compile`."""


class TimingError(MinidlError, RuntimeError):
    """A measured time cannot be true: it beats what the hardware can do."""


class DataError(MinidlError, ValueError):
    """The data cannot be used: empty, NaN, labels out of range, sizes that do not agree."""


class FileFormatError(MinidlError, ValueError):
    """A file is corrupt, truncated, of another kind, or does not match the model."""


class WriteError(MinidlError, OSError):
    """A file could not be written: a full disk, a quota, a name too long. It says what became of the former file."""


class DownloadError(MinidlError, OSError):
    """A data set could not be fetched; the message says what to place where."""


def unknown_name(kind: str, got: object, known: Iterable[str]) -> UnknownNameError:
    """Return (not raise) an error for a name that does not exist, with the nearest one suggested.

    >>> print(unknown_name("optimizer", "adm", ["sgd", "adam"]))
    unknown optimizer: 'adm'. Did you mean 'adam'? Known: 'adam', 'sgd'.
    """
    names = sorted(known)
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(str(got).lower(), list(lowered), n=1, cutoff=0.5)
    hint = f" Did you mean {lowered[near[0]]!r}?" if near else ""
    listed = ", ".join(repr(name) for name in names)
    return UnknownNameError(f"unknown {kind}: {got!r}.{hint} Known: {listed}.")
