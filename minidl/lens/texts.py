"""Numbers as text."""

from __future__ import annotations

from collections.abc import Sequence

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def milliseconds(seconds: float) -> str:
    """Return seconds as milliseconds, to a thousandth.

    >>> milliseconds(0.0123456)
    '12.346'
    """
    return f"{seconds * 1e3:.3f}"


def share(part: float, whole: float) -> str:
    """Return a part in per cent of the whole.

    >>> share(1, 8)
    '12.5 %'
    """
    return f"{100 * part / whole:.1f} %" if whole else "-"


def amount(value: float, unit: str) -> str:
    """Return a number with a decimal prefix, three digits long.

    >>> amount(2_560_000, "B"), amount(0, "B"), amount(67e12, "FLOP/s")
    ('2.56 MB', '0 B', '67 TFLOP/s')
    """
    for size, prefix in _PREFIXES:
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def duration(seconds: float) -> str:
    """Return seconds in the unit that suits them.

    >>> duration(0.5), duration(0.0123), duration(4.2e-6)
    ('0.5 s', '12.3 ms', '4.2 µs')
    """
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(seconds) >= 0.1 * size or unit == "µs":
            return f"{seconds / size:.3g} {unit}"
    raise AssertionError("unreachable: microseconds take what is left")


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as short as can be.

    >>> shape_text((32, 28, 28, 1)), shape_text(())
    ('(32,28,28,1)', '()')
    """
    return "(" + ",".join(map(str, shape)) + ")"
