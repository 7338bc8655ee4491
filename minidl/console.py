"""Text for an output: tables, and characters that it can take.

A file or an old console of Windows (cp1252), or plain ASCII, cannot take every character: what its encoding
lacks is written with what it has, `≥` as `>=`, a table's lines as `+`, `-`, `|`. Where everything can be written, as in
UTF-8, nothing is changed.

>>> "3 ≥ 2 · √x".encode("ascii", REPLACING)
b'3 >= 2 * sqrtx'
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

REPLACING = "minidl.replacing"  # the name of the codecs' error handler

_IN_ASCII = {
    "…": "...", "−": "-", "–": "-", "·": "*", "×": "x", "≥": ">=", "≤": "<=", "≠": "!=", "→": "->", "←": "<-",
    "↔": "<->", "√": "sqrt", "Σ": "sum ", "µ": "u", "°": " deg", "±": "+-", "′": "'", "“": '"', "”": '"', "✓": "ok",
    "✗": "no", "━": "=", "─": "-", "│": "|", "┃": "|", "▶": ">", "◀": "<",
} | dict.fromkeys("┏┳┓┡╇┩├┼┤└┴┘", "+")  # fmt: skip
_POWERS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀᵖᵗˣ", "0123456789-Tptx", strict=True))


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Say what stands in the place of characters that cannot be encoded, as `codecs.register_error` asks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    found = "".join(_plain(character) for character in lacking)
    return found, error.end


def _plain(character: str) -> str:
    if character in _IN_ASCII:
        return _IN_ASCII[character]
    if character in _POWERS:
        return "^" + _POWERS[character]
    name = unicodedata.name(character, "")
    if name.startswith(("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")):
        return name.rpartition(" ")[2].lower()
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


codecs.register_error(REPLACING, _replace)


def printable(text: Any, stream: Any = None) -> str:
    """Return the text as a stream, by default the standard output, can write it.

    >>> printable("as it is") == "as it is"
    True
    """
    encoding = getattr(sys.stdout if stream is None else stream, "encoding", None) or "utf-8"
    try:
        return str(text).encode(encoding, REPLACING).decode(encoding)
    except LookupError:  # a stream with an encoding of its own, which Python does not know
        return str(text)


def one_line(text: Any) -> str:
    r"""Return a text in which every character stands where it is read: line ends and marks that turn text are shown.

    >>> one_line("a\nb\u202ec")
    'a\\nb\\u202ec'
    """
    hidden = {"Cc", "Cf", "Zl", "Zp"}
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in hidden else c for c in str(text))


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Return rows under a head as lines of text; the columns named in `right` are aligned to the right.

    >>> print(text_table(["op", "ms"], [["relu", "1.5"], ["conv2d", "12.0"]], right=["ms"]))
    op        ms
    ------------
    relu     1.5
    conv2d  12.0
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        aligned = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(cells, widths, head, strict=True)
        ]
        return "  ".join(aligned).rstrip()

    top = line(head)
    return "\n".join([top, "-" * (sum(widths) + 2 * (len(widths) - 1)), *map(line, rows)])


def say(text: Any = "") -> None:
    """Print a line on the standard output, at once."""
    print(printable(text), flush=True)


def accept_every_character() -> None:
    """Let the standard outputs of this process replace what they cannot write. For programs: a library leaves them."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.errors == "strict":
            stream.reconfigure(errors=REPLACING)
