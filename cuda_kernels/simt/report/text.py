"""A report as text for a terminal and as plain data; pictures and HTML are in their own files.

    table(report) -> str            figures, faults, and the source with a column for each figure that occurs
    to_dict(report) -> dict         everything but the raw accesses, ready for json.dumps
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from .report import Fault, Figures, Report

DERIVED = [name for name, value in vars(Figures).items() if isinstance(value, property)]


class Column(NamedTuple):
    """A column of the per-line table: its heading, whether a line has it, and how it is written."""

    heading: str
    occurs: Callable[[Figures], bool]
    text: Callable[[Figures], str]


COLUMNS = (
    Column("active", lambda f: f.executions > 0, lambda f: percent(f.active_fraction)),
    Column("load B", lambda f: f.global_loads > 0, lambda f: f"{f.global_load_bytes:,}"),
    Column("sectors", lambda f: f.global_loads > 0, lambda f: f"{f.global_load_sectors:,}"),
    Column("used", lambda f: f.global_loads > 0, lambda f: percent(f.load_coalescing)),
    Column("store B", lambda f: f.global_stores > 0, lambda f: f"{f.global_store_bytes:,}"),
    Column("sectors", lambda f: f.global_stores > 0, lambda f: f"{f.global_store_sectors:,}"),
    Column("used", lambda f: f.global_stores > 0, lambda f: percent(f.store_coalescing)),
    Column("shared", lambda f: f.shared_accesses > 0, lambda f: f"{f.shared_accesses:,}"),
    Column("passes", lambda f: f.shared_accesses > 0, lambda f: f"{f.shared_wavefronts:,}"),
    Column("ways", lambda f: f.shared_accesses > 0, lambda f: f"{f.shared_ways}"),
    Column("flops", lambda f: f.flops > 0, lambda f: f"{f.flops:,}"),
    Column("atomics", lambda f: f.atomics > 0, lambda f: f"{f.atomics:,}"),
    Column("meet", lambda f: f.atomics > 0, lambda f: f"{f.atomic_contention}"),
    Column("split", lambda f: f.divergent_branches > 0, lambda f: f"{f.divergent_branches:,}/{f.branches:,}"),
    Column("barriers", lambda f: f.barriers + f.warp_barriers > 0, lambda f: f"{f.barriers + f.warp_barriers:,}"),
    Column("shuffles", lambda f: f.shuffles + f.votes > 0, lambda f: f"{f.shuffles + f.votes:,}"),
)

LEGEND = {
    "active": "lanes at work, of those in the warps that ran the line",
    "load B": "bytes asked for, 32-byte sectors moved, how much of them was asked for; sharing lanes count each",
    "store B": "likewise",
    "shared": "warp-wide accesses, the passes they took, and the worst bank conflict (1 way = none)",
    "meet": "most lanes of one warp that met in one element",
    "split": "branches whose lanes went both ways, of all",
}


def percent(fraction: float) -> str:
    """A fraction as a whole percentage; a tenth more where that would read 0 or hide a loss.

    >>> percent(1.0), percent(0.5), percent(0.125), percent(0.9996), percent(0.0004)
    ('100%', '50%', '12.5%', '99.9%', '<0.1%')
    """
    value = 100 * fraction
    if 0 < value < 0.1:
        return "<0.1%"
    floored = math.floor(value * 10 + 1e-9) / 10
    return f"{floored:g}%"


def plural(count: int, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "block"), plural(2048, "block")
    ('1 block', '2,048 blocks')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def launch_line(report: Report) -> str:
    """What was launched, in one line."""
    blocks, threads = math.prod(report.grid), math.prod(report.block)
    shape = f"{report.kernel}[{sides(report.grid)}, {sides(report.block)}]"
    size = f"{plural(blocks, 'block')} of {plural(threads, 'thread')}"
    shared = f", {report.shared_bytes:,} bytes of shared memory a block" if report.shared_bytes else ""
    return f"{shape}: {size}{shared}"


def sides(shape: tuple[int, ...]) -> str:
    """A launch shape as a student wrote it, without the sides of 1 at its end.

    >>> sides((4, 1, 1)), sides((4, 2, 1)), sides((1, 1, 3))
    ('4', '(4, 2)', '(1, 1, 3)')
    """
    kept = list(shape)
    while len(kept) > 1 and kept[-1] == 1:
        kept.pop()
    return str(kept[0]) if len(kept) == 1 else str(tuple(kept))


def summary_rows(report: Report) -> list[tuple[str, str]]:
    """The launch's figures as (name, sentence) pairs; what did not occur is left out."""
    f = report.figures
    rows = []
    for name, count, asked, sectors, used in (
        ("global loads", f.global_loads, f.global_load_bytes, f.global_load_sectors, f.load_coalescing),
        ("global stores", f.global_stores, f.global_store_bytes, f.global_store_sectors, f.store_coalescing),
    ):
        if count:
            moved = f"{plural(sectors, 'sector')} of 32 bytes moved"
            rows.append((name, f"{asked:,} bytes asked for, {moved}: {percent(used)} used"))
    if f.shared_accesses:
        passes = f"{f.shared_accesses:,} warp-wide accesses in {f.shared_wavefronts:,} passes"
        conflict = f"worst conflict {f.shared_ways} ways" if f.shared_ways > 1 else "no bank conflict"
        rows.append(("shared memory", f"{passes}, {conflict}"))
    if f.atomics:
        met = f"at most {plural(f.atomic_contention, 'lane')} of a warp in one element"
        rows.append(("atomics", f"{f.atomics:,}; {met}"))
    if f.barriers or f.warp_barriers:
        rows.append(("barriers", f"{f.barriers:,} of a block, {f.warp_barriers:,} of a warp"))
    if f.tensor_products:
        rows.append(("tensor cores", f"{plural(f.tensor_products, 'product')} of a warp"))
    if f.shuffles or f.votes:
        rows.append(("shuffles", f"{plural(f.shuffles, 'shuffle')}, {plural(f.votes, 'vote')} of a warp"))
    if f.executions:
        split = f"; {f.divergent_branches:,} of {f.branches:,} branches split a warp" if f.branches else ""
        rows.append(("active lanes", percent(f.active_fraction) + split))
    if f.flops:
        rows.append(("arithmetic", f"{plural(f.flops, 'operation')}, {f.operations_per_byte:.3g} for each byte moved"))
        rows.append(("roofline", roofline_sentence(report)))
    return rows


def roofline_sentence(report: Report, gpu: str = "H100 SXM") -> str:
    """Which roof limits the launch, and at what rate."""
    roof = report.roofline(gpu)
    rate = roof["attainable_flops"] / 1e12
    return f"{roof['bound']}-bound on {gpu}: at most {rate:.3g} of {roof['peak_flops'] / 1e12:.3g} TFLOP/s"


def columns_of(report: Report) -> list[Column]:
    """The columns that at least one line has."""
    return [column for column in COLUMNS if any(column.occurs(f) for f in report.by_line.values())]


def shown_lines(report: Report) -> list[int]:
    """The source lines to print, in order: all that are known, blank ones and the docstring left out."""
    numbers = sorted(set(report.source) | set(report.by_line))
    docstring = _docstring_lines(report)
    return [n for n in numbers if n in report.by_line or (report.source.get(n, "").strip() and n not in docstring)]


def _docstring_lines(report: Report) -> set[int]:
    """The numbers of lines inside triple quotes."""
    inside, numbers = False, set()
    for number in sorted(report.source):
        quotes = report.source[number].count('"""')
        if inside or quotes:
            numbers.add(number)
        inside ^= quotes % 2 == 1
    return numbers


def table(report: Report) -> str:
    """The report for a terminal: what was launched, faults, the launch's figures, and the source with each line's."""
    parts = [launch_line(report), _faults_text(report)]
    rows = summary_rows(report)
    if rows:
        width = max(len(name) for name, _ in rows)
        parts.append("\n".join(f"  {name:<{width}}  {sentence}" for name, sentence in rows))
    if report.by_line:
        parts.append(_lines_text(report))
    return "\n\n".join(parts)


def _faults_text(report: Report) -> str:
    if not report.faults:
        return "no faults found" if report.checked else "not checked for faults (checks=False)"
    listed = "\n".join(f"- {fault}" for fault in report.faults)
    return f"{plural(len(report.faults), 'fault')}\n{listed}"


def _lines_text(report: Report) -> str:
    columns = columns_of(report)
    numbers = shown_lines(report)
    cells = [[column.heading for column in columns]]
    for number in numbers:
        figures = report.by_line.get(number, Figures())
        cells.append([column.text(figures) if column.occurs(figures) else "" for column in columns])
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    sources = ["source", *(report.source.get(number, "").rstrip() for number in numbers)]
    labels = ["line", *(str(number) for number in numbers)]
    faulty = {line for fault in report.faults for line in fault.lines}
    marks = [" ", *("!" if number in faulty else " " for number in numbers)]
    lines = []
    for mark, label, row, source in zip(marks, labels, cells, sources, strict=True):
        aligned = "  ".join(f"{text:>{width}}" for text, width in zip(row, widths, strict=True))
        lines.append(f"{mark}{label:>5}  {aligned}  | {source}")
    headings = {column.heading for column in columns}
    legend = [f"  {name}: {meaning}" for name, meaning in LEGEND.items() if name in headings]
    return "\n".join([*lines, "", *legend])


def figures_dict(figures: Figures) -> dict[str, Any]:
    """All counts of `figures` and the ratios derived from them; an infinite ratio becomes None."""
    return asdict(figures) | _finite({name: getattr(figures, name) for name in DERIVED})


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Infinity, which JSON does not know, as None."""
    return {key: None if value == math.inf else value for key, value in values.items()}


def to_dict(report: Report) -> dict[str, Any]:
    """The report as dictionaries, lists, strings and numbers; `by_line` is a list, in order of the lines."""
    plain = {name: getattr(report, name) for name in (
        "kernel", "grid", "block", "filename", "first_line", "checked", "seconds", "shared_bytes")}
    return _plain(plain) | {
        "arrays": {name: {"dtype": dtype, "shape": list(shape)} for name, (dtype, shape) in report.arrays.items()},
        "faults": [_fault(fault) for fault in report.faults], "figures": figures_dict(report.figures),
        "roofline": _finite(report.roofline()), "by_line": [
            {"line": number, "source": report.source.get(number, "")} | figures_dict(report.by_line[number])
            for number in sorted(report.by_line)]}


def _fault(fault: Fault) -> dict[str, Any]:
    """A fault without the map of its cells, which may be as large as the array."""
    return _plain({key: value for key, value in asdict(fault).items() if key != "cells"})


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
