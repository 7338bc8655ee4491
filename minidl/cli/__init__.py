"""The `minidl` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; errors of minidl are printed as one message, with exit code 1."""
    os.environ["MPLBACKEND"] = "agg"  # pictures go into files: no display is needed, whatever the environment says
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called: what is written goes nowhere
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    from minidl.cli.app import run
    from minidl.console import accept_every_character

    accept_every_character()
    raise SystemExit(_flushed(run()))


def _flushed(code: int) -> int:
    """Write what is still to be written, while an error can be told: a full disk, a reader that went away."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            _discard(stream)
        except OSError as error:
            _discard(stream)
            if stream is sys.stdout:
                code = code or 1
                print(f"error: the output could not be written: {error.strerror}", file=sys.stderr)
    return code


def _discard(stream: object) -> None:
    """Send the rest of a stream nowhere, so that Python does not fail to write it as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]
