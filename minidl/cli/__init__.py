"""The `minidl` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line; errors of minidl are printed as one message, with exit code 1."""
    from minidl.cli.app import run
    from minidl.console import accept_every_character

    accept_every_character()
    raise SystemExit(run())
