"""README.md and README.zh.md say the same: their programs are one, and both are executed as examples."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ((PROJECT / name).read_text("utf-8") for name in ("README.md", "README.zh.md"))
COMMANDS = re.compile(r"(?m)^    ((?:make|minidl) [^#\n]*)")


def test_the_programs_are_the_same():
    programs = [re.findall(r"```python\n(.*?)```", text, re.S) for text in (ENGLISH, CHINESE)]
    assert programs[0] == programs[1] and len(programs[0]) >= 5


def test_the_commands_of_one_are_in_the_other():
    english, chinese = ({found.strip() for found in COMMANDS.findall(text)} for text in (ENGLISH, CHINESE))
    assert english - chinese == set() and chinese - english == {"minidl exercises watch 13 --language zh"}


def test_the_files_that_they_name_are_there():
    for text in (ENGLISH, CHINESE):
        named = set(re.findall(r"`((?:docs|minidl|cuda_kernels|tests)/[\w/.]+\.(?:md|py))`", text))
        named |= {link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")}
        assert named and [name for name in named if not (PROJECT / name).is_file()] == []
