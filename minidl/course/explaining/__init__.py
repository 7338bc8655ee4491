"""F1 to F22 explained: what each is, and the smallest program that has it.

The program is run through the checker when its page is asked for, so what is said of it is what the machine says.
`places`, `order` and `cost` hold the programs; `names` is a page on what a kernel may use.
"""

from __future__ import annotations

from collections.abc import Mapping

from minidl.course.checker.results import wrapped
from minidl.course.explaining import names
from minidl.course.explaining.program import Program
from minidl.course.sentences import FAULTS, LANGUAGES
from minidl.errors import UnknownNameError
from minidl.testing.sentences import code_of

LABELS = {
    "program": ("The smallest program that has it:", "有这个错误的最小程序："),
    "answer": ("The machine's answer:", "机器的回答："),
}
__all__ = ["Program", "codes", "contents", "explain", "programs"]


def programs() -> Mapping[str, Program]:
    """Return the smallest program of each fault, F1 first."""
    from minidl.course.explaining import cost, order, places

    found = {**places.PROGRAMS, **order.PROGRAMS, **cost.PROGRAMS}
    return {code: found[code] for code in codes() if code in found}


def codes() -> list[str]:
    """Return the faults' numbers, in order."""
    return sorted({code_of(name) for name in FAULTS if name[1:2].isdigit()}, key=lambda code: int(code[1:]))


def contents(chosen: str = "en") -> str:
    """Return the faults with their titles, a line each, and the page of a kernel's names."""
    k = LANGUAGES.index(chosen)
    titles = {code: program.title[k] for code, program in programs().items()} | {"kernel": names.TITLE[k]}
    return "\n".join(f"{code:<7}{title}" for code, title in titles.items())


def explain(code: str, chosen: str = "en", width: int = 100) -> str:
    """Return what a fault is, the smallest program that has it, and what the machine says of that program.

    code : F1 to F22; "kernel" gives the names that a kernel may use

    Raises
    ------
    UnknownNameError : there is no such page

    >>> print(explain("F13"))
    F13 · arithmetic in float64
       Python's 0.5 and int / int are numbers of 64 bits, and they draw float32 along with them. ...
    <BLANKLINE>
       The smallest program that has it:
       1  from numba import cuda
       ...
    """
    if code.strip().lower() in ("kernel", "kernels"):
        return names.page(chosen == "zh", width)
    wanted = code.strip().upper()
    wanted = f"F{wanted}" if wanted.isdigit() else code_of(wanted.lower()).upper() if wanted[-1:].isalpha() else wanted
    if wanted not in codes():
        raise UnknownNameError(f"unknown fault: {code!r}. There are F1 to {codes()[-1]}, and kernel.")
    found, k = programs()[wanted], LANGUAGES.index(chosen)
    source = found.source.splitlines()
    digits = len(str(len(source)))
    result = found.result()
    told = result.failure or result.remarks[0]
    lines = [
        f"{wanted} · {found.title[k]}", *(f"   {line}" for line in wrapped(found.why[k], width - 3)), "",
        f"   {LABELS['program'][k]}", *(f"   {n:{digits}d}  {line}".rstrip() for n, line in enumerate(source, 1)), "",
        f"   {LABELS['answer'][k]}", *(f"   {line}" for line in wrapped(told.said[k], width - 3)),
    ]  # fmt: skip
    return "\n".join(lines)
