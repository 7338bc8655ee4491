"""A figure in a notebook's prose must be one that a cell computed, or that stands in a cell's code.

    python notebooks/figures.py               the figures of all notebooks that no cell has

Not figures: references (exercise 12, notebooks 1 and 7), the head of a notebook (its title, the minutes that it
takes), code in backquotes, formulas, links, and what stands under "Try it", where settings are proposed whose results
the reader finds. A number in words is not seen.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)")
LIST = r"\d+(?:(?:,| to| and|, and) \d+)*"
NOT_PROSE = [
    re.compile(r"(?s)```.*?```|\$\$.*?\$\$"),
    re.compile(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)"),
    re.compile(rf"(?i)\b(?:exercises?|notebooks?|milestones?)\*{{0,2}} {LIST}(?:; {LIST})?"),
    re.compile(r"\*\*Next:\*\*.*"),
    re.compile(r"(?m)^#+ \d+ ·|\*It takes:\*[^*]*|^\d+\. "),
]


def numbers(text: str) -> list[str]:
    """The numbers of a text, without thousands separators.

    >>> numbers("1,437 digits, 98.5 % of them")
    ['1437', '98.5']
    """
    return [found.group().replace(",", "") for found in NUMBER.finditer(text)]


def prose(cell: str) -> str:
    """A markdown cell without what is not prose.

    >>> prose("Exercises 12 to 14: `n = 5` of 7.").strip()
    ': of 7.'
    """
    cell = re.split(r"(?m)^## Try it", cell)[0]
    for pattern in NOT_PROSE:
        cell = pattern.sub("", cell)
    return re.sub(r" +", " ", cell)


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def of_code(cell: dict[str, Any]) -> str:
    """What a code cell says: its code, and its outputs as text."""
    parts = [_text(cell["source"])]
    for output in cell["outputs"]:
        parts.append(_text(output.get("text", "")))
        parts += [_text(data) for kind, data in output.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join(parts)


def uncomputed(notebook: dict[str, Any]) -> list[str]:
    """The figures in an executed notebook's prose that no cell has: the cell's number, the figure, its sentence."""
    cells = notebook["cells"]
    computed = {number for cell in cells if cell["cell_type"] == "code" for number in numbers(of_code(cell))}
    return [
        f"cell {k}: {number} in {line.strip()!r}"
        for k, cell in enumerate(cells) if cell["cell_type"] == "markdown"
        for line in prose(_text(cell["source"])).splitlines()
        for number in numbers(line) if number not in computed
    ]  # fmt: skip


def main() -> int:
    """Print what is found in all notebooks; the exit code is 1 if there is any."""
    found = [
        f"{path.name}, {figure}"
        for path in sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
        for figure in uncomputed(json.loads(path.read_text(encoding="utf-8")))
    ]
    print(*found, sep="\n") if found else print("every figure in the notebooks' prose is in a cell")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
