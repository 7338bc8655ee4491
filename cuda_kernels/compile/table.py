"""The table of all kernels: what each became on each architecture. Written to docs/kernels/table.md."""
from __future__ import annotations

from typing import Any

from cuda_kernels import ladder
from cuda_kernels.ladder import Claims

from .packages import PINS

HEAD = """# What the compilers made of the kernels

Written by `python -m cuda_kernels.compile --write`; do not edit. Compiled without a GPU and **not run on one** by this
command: registers and instructions are facts of the machine code, and say nothing of time.

A cell is *registers a thread / bytes of local memory a thread / bytes of static shared memory a block / instructions*;
"-" marks an architecture that lacks the instructions. The last column is what the kernel claims and the gate has
checked on each architecture: instructions that are there, and the share of one instruction in the main loop (the figure
is {last}'s). No kernel has a float64 instruction unless it says so.

Compilers: {pins}.
"""


def cell(row: dict[str, Any]) -> str:
    """One kernel on one architecture, in short."""
    if "skipped" in row:
        return "-"
    if "registers" not in row:
        return "failed"
    return f"{row['registers']}/{row['local']}/{row['shared']}/{row['instructions']}"


def claimed(claims: Claims, row: dict[str, Any]) -> str:
    """The claims of a kernel beyond registers and local memory."""
    parts = [*claims.contains, *(f"no {name}" for name in claims.lacks)]
    if "loop" in row:
        name, count, total = row["loop"]
        parts.append(f"loop {count / total:.0%} {name}")
    if claims.float64:
        parts.append("float64")
    return ", ".join(parts)


def render(records: dict[str, list[dict[str, Any]]]) -> str:
    """The page."""
    pins = ", ".join(f"{name} {version}" for name, version in PINS.items())
    lines = [HEAD.format(last=list(records)[-1], pins=pins)]
    op = ""
    for rows in zip(*records.values(), strict=True):
        first = rows[0]
        if first["op"] != op:
            op = first["op"]
            lines += [f"## {op}", "", f"| rung | kernel | {' | '.join(records)} | claims |",
                      "|---|---|" + "---|" * len(records) + "---|"]
        rung = ladder.rung(op, first["rung"])
        build = next(b for b in rung.builds if b.name == first["build"])
        cells = " | ".join(cell(row) for row in rows)
        lines.append(f"| {rung.name} | {build.name} | {cells} | {claimed(build.claims, rows[-1])} |")
        if build is rung.builds[-1] and rung is ladder.rungs(op)[-1]:
            lines.append("")
    return "\n".join(lines)
