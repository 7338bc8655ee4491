"""The project's docstrings as reStructuredText, for the API reference.

They are plain text for a reader of the source: `name` in single backticks, formulas indented, entries as "x : meaning"
under underlined headings, examples with >>>. Nothing else is markup, so stars and underscores are only themselves.

>>> rst(["Scale `x`s by *two*.", "", "    y = 2 * x", "", "Parameters", "----------", "x : float array (N, *)"])
['Scale ``x``\\\\ s by \\\\*two\\\\*.', '', '::', '', '    y = 2 * x', '', '.. rubric:: Parameters', '', '``x``', \
'    float array (N, \\\\*)', '']
"""

from __future__ import annotations

import re
from typing import Any

HEADINGS = ("Parameters", "Returns", "Yields", "Raises", "Examples", "Attributes", "Notes", "See Also", "Source")
CODE = re.compile(r"(``[^`]+``|`[^`\n]+`)")
MARKUP = re.compile(r"([\\*|`]|_(?!\w)|(?<!\w)_)")
ENTRY = re.compile(r"^(\*{0,2}[\w.*][\w.,*/ ()\[\]]*?) : (.+)$")
COLUMN = re.compile(r"^\S.*?\S? {2,}\S")
ITEM = re.compile(r"^([-*]|\d+\.|\(\d+\)) ")


def text(line: str) -> str:
    """Escape a line but for what stands in backticks, which becomes code.

    >>> text("the `op`'s 2 * x_ and `a`b")
    "the ``op``'s 2 \\\\* x\\\\_ and ``a``\\\\ b"
    """
    found = []
    for piece in CODE.split(line):
        if CODE.fullmatch(piece):
            found.append("``" + piece.strip("`") + "``")
            continue
        if found and piece[:1].isalnum():
            piece = "\0" + piece
        found.append(MARKUP.sub(r"\\\1", piece).replace("\0", "\\ "))
    for i, piece in enumerate(found[:-1]):
        if found[i + 1].startswith("``") and (piece[-1:].isalnum() or piece[-1:] == "="):
            found[i] = piece + "\\ "
    return "".join(found)


def rst(lines: list[str]) -> list[str]:
    """Return a docstring, whose indentation is taken away, as lines of reStructuredText."""
    made: list[str] = []
    for block in _blocks(lines):
        made += _block(block)
        made.append("")
    return made


def _blocks(lines: list[str]) -> list[list[str]]:
    """Split at blank lines; a heading and its underline are a block of their own."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if not line.strip():
            blocks.append([])
        elif re.fullmatch(r"-{3,}", line) and blocks[-1] and blocks[-1][-1] in HEADINGS:
            heading = blocks[-1].pop()
            blocks += [[heading, line], []]
        else:
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _block(block: list[str]) -> list[str]:
    first = block[0]
    if first in HEADINGS and len(block) == 2 and block[1].startswith("---"):
        return [f".. rubric:: {first}"]
    if first.startswith(">>>"):
        return block
    if first.startswith("    "):
        return ["::", "", *block]
    if ENTRY.match(first):
        return _entries(block)
    flush = [line for line in block if not line.startswith(" ")]
    if len(flush) > 1 and all(COLUMN.match(line) for line in flush):
        return ["::", "", *("    " + line for line in block)]
    if any(ITEM.match(line.strip()) for line in block):
        return _items(block)
    return _with_example(block)


def _with_example(block: list[str]) -> list[str]:
    """Prose, which an example may follow without a blank line."""
    for number, line in enumerate(block):
        if line.startswith(">>>"):
            return [*(text(one.strip()) for one in block[:number]), "", *block[number:]]
        if number and line.startswith("    ") and block[number - 1].endswith(":"):
            return [*(text(one.strip()) for one in block[:number]), "", "::", "", *block[number:]]
    return [text(" ".join(line.strip() for line in block))]  # one line: code may go over an end of line


def _items(block: list[str]) -> list[str]:
    made: list[str] = []
    for line in block:
        bare = line.strip()
        mark = ITEM.match(bare)
        if mark:
            made += ["", f"- {text(bare[mark.end() :])}"] if mark[1] in "-*" else ["", f"{text(bare)}"]
        else:
            made.append(("  " if made and any(one.startswith("- ") for one in made) else "") + text(bare))
    return made


def _entries(block: list[str]) -> list[str]:
    made: list[str] = []
    for line in block:
        entry = ENTRY.match(line)
        if entry and not line.startswith(" "):
            made += [f"``{entry[1]}``", f"    {text(entry[2])}"]
        elif line.startswith(" "):
            made.append(f"    {text(line.strip())}")
        else:
            made += ["", text(line), ""]
    return made


def _process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = rst(list(lines))


def setup(app: Any) -> dict[str, Any]:
    """Have Sphinx turn every docstring."""
    app.connect("autodoc-process-docstring", _process)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
