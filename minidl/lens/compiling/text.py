"""A listing in a terminal: Python lines, counts, and PTX with its meaning beside it where there is room."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cuda_kernels.ptx.places import Place
from minidl.console import one_line, printable
from minidl.lens.compiling.kinds import counted, counts_text
from minidl.lens.compiling.sources import short_name

if TYPE_CHECKING:
    from minidl.lens.compiling.listing import PtxListing, Row
    from minidl.lens.compiling.steps import PtxSteps

MOST = 250  # instructions; of a longer kernel only counts are printed, unless `show` asks
WIDE = 110  # columns, from which on Python, PTX and words stand side by side


def plain(what: Any, width: int | None = None) -> str:
    """What is to be shown as text without colours, in the terminal's width or another one."""
    console = Console(file=io.StringIO(), width=width or Console().width, color_system=None, emoji=False)
    return _written(console, what)


def coloured(what: Any) -> str:
    """The same as the standard output takes it: with its width, and with colours if it is a terminal that has them."""
    real = Console()
    console = Console(
        file=io.StringIO(),
        width=real.width,
        force_terminal=real.is_terminal,
        color_system=real.color_system or "auto" if real.is_terminal else None,  # type: ignore[arg-type]
        no_color=real.no_color,
        emoji=False,
    )
    return printable(_written(console, what), sys.stdout)


def _written(console: Console, what: Any) -> str:
    console.print(what, highlight=False)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines)


def head_lines(listing: PtxListing) -> Iterator[tuple[str, str]]:
    """What is said of the whole kernel: (what it is of, a sentence)."""
    if listing.signature:
        yield "compiled for", listing.signature
    yield "instructions", f"{len(listing.rows)}: {counts_text(listing.counts)}"
    loop = listing.main_loop
    if loop is not None:
        inside = listing.rows[loop.first : loop.last]
        lines = sorted({row.chain[-1].line for row in inside if row.chain})
        of = f", from line {lines[0]}" + (f" to {lines[-1]}" if lines[-1] > lines[0] else "") if lines else ""
        yield "main loop", f"{len(inside)}{of}: {counts_text(counted(row.instruction for row in inside))}"
    if len(listing.loops) > 1:
        yield "loops", f"{len(listing.loops)} in the compiled kernel"
    if listing.sass.words:
        float64 = sum(_is_float64(word.text) for word in listing.sass.words)
        more = f", {float64} of them float64" if float64 else ""
        more += f", {listing.sass.spills} through local memory" if listing.sass.spills else ""
        yield (
            "machine code",
            f"{len(listing.sass.words)} instructions{more}, {listing.sass.registers} registers a thread",
        )
    elif not listing.subject.text:
        yield "machine code", listing.sass.missing
    if not listing.lines_whole:
        yield (
            "lines",
            "the kernel's own alone: what device functions became is told of the line that calls them, for NVIDIA's "
            "compiler refuses the text that names their lines",
        )
    if listing.note:
        yield "also", listing.note
    yield from float64_lines(listing)


def _is_float64(word: str) -> bool:
    from cuda_kernels.compile.sass import FLOAT64

    name = word.split(" ", 2)[1] if word.startswith("@") else word
    return bool(FLOAT64.match(name))


def float64_lines(listing: PtxListing) -> Iterator[tuple[str, str]]:
    """The float64 trap: which lines, and the likely cause."""
    if not any(row.is_float64 for row in listing.rows):
        return
    places = listing.float64
    first = listing.sources[0].file if listing.sources else ""
    told = ", ".join(f"{p.line}" if p.file == first else f"{p.line} of {short_name(p.file)}" for p in places)
    who = (
        f"line{'s' * (len(places) > 1)} {told} compute{'s' * (len(places) == 1)}" if places else "this kernel computes"
    )
    given = listing.float64_arguments
    if given:
        are = "is" if len(given) == 1 else "are"
        cause = f"{' and '.join(given)} {are} float64, as NumPy's arrays and Python's numbers are"
        cure = "Pass float32: x.astype(np.float32), np.float32(2)"
    else:
        cause = (
            "a bare 0.1, or a sum that begins at 0.0, is float64 in a kernel, and so is what int / int, a power or a "
            "math function of integers gives"
        )
        cure = "Write float32(0.1)"
    yield (
        "float64",
        (f"{who} in float64, which most GPUs do 32 or 64 times slower: {cause}. {cure}."),
    )


def renderable(listing: PtxListing, most: int = MOST) -> Any:
    """All of a listing, for a console of any width."""
    return _Fitted(lambda width: _whole(listing, most, width))


def line_renderable(listing: PtxListing, place: Place) -> Any:
    """What became of one line, the machine's own instructions too."""
    words = [word for row in listing.own(place) for word in listing.machine_words.get(row.number, ())]
    machine = [Padding(Text(f"SASS {word}", style="dim"), (0, 0, 0, 9)) for word in words]
    return _Fitted(lambda width: Group(*_line(listing, place, width, True), *machine))


class _Fitted:
    """Something that is made for the width of the console that shows it."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __rich_console__(self, console: Console, options: Any) -> Iterator[Any]:
        yield self.make(options.max_width)


def _whole(listing: PtxListing, most: int, width: int) -> Any:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    for name, sentence in head_lines(listing):
        facts.add_row(Text(name), Text(one_line(sentence), style="bold red" if name == "float64" else ""))
    parts: list[Any] = [Text(one_line(listing.title), style="bold"), facts]
    full = len(listing.rows) <= most
    for source in listing.sources:
        parts += [Text(""), Text(one_line(source.title), style="bold cyan")]
        for number in source.lines:
            parts += _line(listing, Place(source.file, number), width, full)
    nowhere = listing.own(None)
    if nowhere:
        parts += [Text(""), Text("of no one line: moved or shared by the compiler", style="bold cyan")]
        parts += _block(nowhere, width) if full else [_counts_row(nowhere)]
    if not full:
        parts += [
            Text(""),
            Text("Counts only: .line(n) prints a line's PTX, .show() everything, .save(…) a page.", "dim"),
        ]
    return Group(*parts)


def _line(listing: PtxListing, place: Place, width: int, full: bool) -> list[Any]:
    rows = listing.own(place)
    text = next((s.lines[place.line] for s in listing.sources if place in s), "")
    calls = [f"{count} in {title}" for title, count in listing.called(place).items()]
    counts = _counts(rows, calls)
    line = Table.grid()
    line.add_column(width=7, style="dim")
    line.add_column(overflow="fold")
    line.add_row(f"{place.line:5d}", Text(one_line(text.replace("\t", "    "))))
    if not rows and not calls:
        return [line]
    if full and width >= WIDE and rows:
        table = Table.grid(padding=(0, 1), expand=True)
        for ratio in (40, 45, 45):
            table.add_column(ratio=ratio, overflow="fold")
        left = Group(line, Padding(counts, (0, 0, 0, 7)))
        table.add_row(left, *_columns(rows))
        return [table]
    parts: list[Any] = [line, Padding(counts, (0, 0, 0, 9))]
    return parts + (_block(rows, width) if full and rows else [])


def _counts(rows: list[Row], calls: list[str]) -> Text:
    counts = Text(style="green")
    counted_here: Counter[str] = counted(row.instruction for row in rows)
    for kind, count in counted_here.items():
        counts.append(", " * bool(counts.plain))
        counts.append(f"{count} {kind}", "bold red" if "float64" in kind else "")
    if calls:
        counts.append("; " * bool(counts.plain) + one_line(", ".join(calls)), "dim")
    return counts


def _counts_row(rows: list[Row]) -> Any:
    return Padding(_counts(rows, []), (0, 0, 0, 9))


def _columns(rows: list[Row]) -> tuple[Table, Table]:
    """PTX, and the words for it, line by line beside each other: both cut to one line."""
    ptx, words = Table.grid(), Table.grid()
    for column in (ptx, words):
        column.add_column(no_wrap=True, overflow="ellipsis")
    for label, text, said, style in _entries(rows):
        ptx.add_row(Text(f"{label:>4} {text}", style=style))
        words.add_row(Text(said, style="dim" if not style else style))
    return ptx, words


def _entries(rows: list[Row]) -> Iterator[tuple[str, str, str, str]]:
    last = None
    for row in rows:
        if last is not None and row.number != last + 1:
            yield "", "…", "", "dim"
        last = row.number
        style = "bold red" if row.is_float64 else "yellow" if row.kind == "branch" else ""
        yield f"{row.label}:" if row.label else "", row.text, row.words, style


def _block(rows: list[Row], width: int) -> list[Any]:
    table = Table(box=box.SIMPLE, show_header=False, padding=(0, 1), pad_edge=False, show_edge=False, width=width - 5)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for label, text, said, style in _entries(rows):
        table.add_row(Text(f"{label:>4} {text}", style=style), Text(said, style="dim" if not style else style))
    return [Padding(table, (0, 0, 0, 5))]


def steps_renderable(steps: PtxSteps) -> Any:
    """A position of a walk: the instruction among its neighbours, and the lanes' registers, as many as have room."""
    return _Fitted(lambda width: _steps(steps, width))


def _steps(steps: PtxSteps, width: int) -> Any:
    parts: list[Any] = [Text(line, style="bold" if k == 0 else "") for k, line in enumerate(steps.heading())]
    near = Table.grid(padding=(0, 1))
    near.width = min(width, WIDE)
    for fixed in (2, 10):
        near.add_column(width=fixed)
    for _ in range(2):
        near.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for row in steps.around():
        here = row.number == steps.row.number
        style = "bold" if here else "dim"
        number = f"{row.number:4d} {row.label + ':' if row.label else '':>4}"
        near.add_row("->" if here else "", number, Text(row.text, style), Text(row.words, style))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("lane", justify="right")
    room = width - 5
    names = []
    for name in steps.shown(12):
        cells = [steps.cell(name, lane) for lane in range(steps.lanes)]
        room -= max(map(len, [steps.title(name), *cells])) + 2
        if room < 0:
            break
        names.append((name, cells))
        table.add_column(steps.title(name), justify="right", no_wrap=True)
    for lane in range(steps.lanes):
        marked = [
            Text(found[lane], style="bold yellow" if steps.just_written(name)[lane] else "") for name, found in names
        ]
        runs = bool(steps.active[lane])
        table.add_row(Text(f"{'>' * runs} {lane}"), *marked, style="" if runs else "dim")
    return Group(*parts, near, Text(""), table)
