"""The --backend option: "cuda" for all ops, or "conv2d=cuda", as often as needed."""

from __future__ import annotations

from contextlib import AbstractContextManager

from minidl.backends import using
from minidl.errors import ArgumentError


def selected(options: list[str]) -> AbstractContextManager[None]:
    """Return a `using` block for what the command line chose.

    >>> with selected(["numpy", "conv2d=numpy"]):
    ...     pass
    """
    general, choices = parsed(options)
    return using(general, **choices)


def parsed(options: list[str]) -> tuple[str | None, dict[str, str]]:
    """Return the backend for all ops, None if none was chosen, and those for some.

    >>> parsed(["numpy", "conv2d=simt,relu=simt"])
    ('numpy', {'conv2d': 'simt', 'relu': 'simt'})
    """
    general: str | None = None
    choices: dict[str, str] = {}
    for option in (part for text in options for part in text.split(",")):
        op, equals, backend = option.partition("=")
        if equals:
            choices[op.strip()] = backend.strip()
        elif general is None:
            general = op.strip()
        else:
            raise ArgumentError(f"--backend: one backend for all ops at most. Got {general!r} and {op!r}.")
    return general, choices
