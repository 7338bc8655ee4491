"""Two compiled kernels side by side: instructions by kind, in all and in the main loop, and what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cuda_kernels.ptx.words import bytes_moved
from minidl.console import one_line
from minidl.lens.compiling.kinds import counted, order

if TYPE_CHECKING:
    from markupsafe import Markup

    from minidl.lens.compiling.listing import PtxListing, Row

WORK = ("fma float32", "tensor core")


class PtxComparison:
    """Two listings and what differs; `listing.compare(other)` makes one. `print` it, or `save` it.

    `rows` are (kind, first, second, first's main loop, second's main loop); `changes` the sentences.
    """

    def __init__(self, first: PtxListing, second: PtxListing) -> None:
        self.first, self.second = first, second

    @property
    def names(self) -> list[str]:
        """What the kernels are called in a table: rungs of one op without the op."""
        names = [one_line(listing.title.split()[0]) for listing in (self.first, self.second)]
        ops = {name.partition(":")[0] for name in names}
        return [name.partition(":")[2] for name in names] if len(ops) == 1 and all(":" in n for n in names) else names

    @property
    def rows(self) -> list[tuple[str, int, int, int, int]]:
        """Of each kind of instruction how many there are, in each kernel and in its main loop."""
        counts = [self.first.counts, self.second.counts, _in_loop(self.first), _in_loop(self.second)]
        kinds = sorted(set().union(*counts), key=order)
        return [(kind, *(c[kind] for c in counts)) for kind in kinds]  # type: ignore[misc]

    @property
    def figures(self) -> list[tuple[str, str, str]]:
        """What follows from the counts: (figure, first, second)."""
        one, two = (dict(_figures(listing)) for listing in (self.first, self.second))
        return [(name, one.get(name, "-"), two.get(name, "-")) for name in {**one, **two}]

    @property
    def changes(self) -> list[str]:
        """What the second does otherwise, as sentences."""
        found = []
        for group in ("load global", "load shared", "store shared", "store global", "load local", "store local"):
            before, after = _widths(self.first.counts, group), _widths(self.second.counts, group)
            if before != after:
                found.append(f"{group}: {before or 'none'} → {after or 'none'}")
        for kind in ("atomic", "tensor core", "conversion", "branch", "barrier", "shuffle/vote", "float64"):
            before, after = (str(listing.counts[kind]) for listing in (self.first, self.second))
            if before != after:
                found.append(f"{kind}: {before} → {after}")
        return found + [f"{name}: {a} → {b}" for name, a, b in self.figures if a != b]

    def __str__(self) -> str:
        from minidl.lens.compiling.text import plain

        return plain(self.__rich__())

    def __rich__(self) -> Any:
        names = self.names
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("instructions", no_wrap=True)
        for heading in (names[0], names[1], f"{names[0]}, main loop", f"{names[1]}, main loop"):
            table.add_column(heading.replace("_", " "), justify="right")
        for kind, *numbers in self.rows:
            table.add_row(kind, *(str(n) if n else "" for n in numbers), style="bold red" if "float64" in kind else "")
        totals = [len(self.first.rows), len(self.second.rows), sum(_in_loop(self.first).values())]
        table.add_row("all", *map(str, [*totals, sum(_in_loop(self.second).values())]), style="bold")
        parts: list[Any] = [Text(f"{self.first.title}  →  {self.second.title}", style="bold"), table]
        return Group(*parts, Text(""), *(Text(f"- {one_line(change)}") for change in self.changes))

    def _repr_html_(self) -> str:
        from minidl.lens.compiling.page import in_a_box

        return str(in_a_box(self._body()))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the comparison, and both listings below it, as one HTML file that asks for nothing."""
        from minidl.lens.compiling.page import body, in_a_box
        from minidl.markup import joined, write_page

        title = f"{self.first.title} and {self.second.title}"
        write_page(path, title, in_a_box(joined([self._body(), body(self.first, None), body(self.second, None)])))

    def _body(self) -> Markup:
        from markupsafe import Markup

        from minidl.markup import joined

        names = self.names
        heads = ["instructions", *names, *(f"{name}, main loop" for name in names)]
        heads = [head.replace("_", " ") for head in heads]
        head = joined(Markup("<th>{}</th>").format(h) for h in heads)
        lines = [
            Markup("<tr class='{}'>{}</tr>").format(
                "wrong" if "float64" in row[0] else "", joined(Markup("<td>{}</td>").format(c or "") for c in row)
            )
            for row in self.rows
        ]
        table = Markup(
            "<div class='scroll'><table class='counts'><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
        )
        return Markup("<h2>{} → {}</h2>{}<h3>What changed</h3><ul>{}</ul>").format(
            one_line(self.first.title),
            one_line(self.second.title),
            table.format(head, joined(lines)),
            joined(Markup("<li>{}</li>").format(one_line(change)) for change in self.changes),
        )


def _inside(listing: PtxListing) -> list[Row]:
    loop = listing.main_loop
    return listing.rows[loop.first : loop.last] if loop else []


def _in_loop(listing: PtxListing) -> Counter[str]:
    return counted(row.instruction for row in _inside(listing))


def _widths(counts: Counter[str], group: str) -> str:
    return ", ".join(
        f"{n} of {kind.removeprefix(group).strip()}" for kind, n in counts.items() if kind.startswith(group)
    )


def _figures(listing: PtxListing) -> Iterator[tuple[str, str]]:
    rows = _inside(listing)
    counts = _in_loop(listing)
    work = sum(counts[kind] for kind in WORK)
    if work:
        loads = [row.instruction for row in rows if row.kind.startswith("load shared")]
        yield "products in a round of the main loop", str(work)
        yield "other instructions for a product", f"{(len(rows) - work) / work:.2f}"
        yield "loads from shared memory for a product", f"{len(loads) / work:.3g}"
        yield "bytes loaded from shared memory for a product", f"{sum(map(bytes_moved, loads)) / work:.3g}"
    if listing.sass.words:
        yield "instructions of the machine", str(len(listing.sass.words))
        yield "registers a thread", str(listing.sass.registers)
        yield "instructions through local memory", str(listing.sass.spills)
    shared = sum(array.size for array in (*listing.module.shared, *listing.module.entry.shared))
    yield "bytes of shared memory a block", str(shared)
