"""Pictures of a report: a warp's lanes onto memory sectors, onto banks, over time, and work beside the
source.

Imported only when a picture is asked for, since it imports matplotlib. Every function returns a figure that
shows itself in a notebook; `figure.savefig("name.png")` keeps it.
"""

from __future__ import annotations

import io

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .report import SECTOR_BYTES, Report, WarpAccess
from .text import percent, plural

LANES = 32
WORDS = SECTOR_BYTES // 4  # 4-byte words in a sector
LANE_COLOURS = colormaps["viridis"]
LINE_COLOURS = (
    "#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#9d755d", "#d6a800", "#5d69b1",
    "#9ecae9", "#ffbf79", "#a5d694", "#dcb8d6", "#ff9d98", "#bfe0dd", "#d8b5a5", "#f2dc8c", "#b3b7e0",
)
UNUSED = "#e6e6e6"
INK = "#222222"


class Picture(Figure):
    """A figure that shows itself in a notebook, without pyplot's global state."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def lane_colour(lane: int) -> tuple[float, float, float, float]:
    """A lane's colour, from dark for lane 0 to light for lane 31."""
    return LANE_COLOURS(lane / (LANES - 1) * 0.92)


def pick_accesses(
    report: Report, space: str, line: int | None, array: str | None, limit: int
) -> list[WarpAccess]:
    """The accesses to draw: of the given line and array, one for each (line, array, operation), the worst
    first kept.

    Raises ValueError where there is none, and says which there are.
    """
    worst: dict[tuple[int, str, str], WarpAccess] = {}
    for access in report.accesses:
        if access.space != space or line not in (None, access.line) or array not in (None, access.array):
            continue
        key = (access.line, access.array, access.operation)
        if key not in worst or _cost(access) > _cost(worst[key]):
            worst[key] = access
    if not worst:
        known = sorted({(a.line, a.array) for a in report.accesses if a.space == space})
        there = ", ".join(f"line {number} ({name})" for number, name in known) or "none (checks=False keeps none)"
        wanted = "" if line is None and array is None else f" for line={line}, array={array!r}"
        raise ValueError(f"plot: no access to {space} memory was kept{wanted}. There are: {there}.")
    return [worst[key] for key in sorted(worst)][:limit]


def _cost(access: WarpAccess) -> int:
    return max(len(access.sectors), access.ways)


def sectors(report: Report, line: int | None = None, array: str | None = None, limit: int = 4) -> Picture:
    """One warp's 32 lanes above, the 32-byte sectors that they touch below, a line for each active lane.

    A sector is drawn as its eight 4-byte words: coloured where a lane asked for it, grey where it is moved
    for nothing. Gaps in memory are cut out.
    """
    chosen = pick_accesses(report, "global", line, array, limit)
    figure = Picture(figsize=(11, 0.5 + 2.3 * len(chosen)), layout="constrained")
    for axes, access in zip(figure.subplots(len(chosen), 1, squeeze=False)[:, 0], chosen, strict=True):
        _draw_sectors(axes, access)
        axes.set_title(_sectors_title(report, access), loc="left", fontsize=10, color=INK)
    return figure


def _sectors_title(report: Report, access: WarpAccess) -> str:
    active = sum(address >= 0 for address in access.addresses)
    asked, moved = active * access.width, len(access.sectors) * SECTOR_BYTES
    source = report.source.get(access.line, "").split("#")[0].strip()
    counts = f"{plural(asked, 'byte')} asked for, {plural(len(access.sectors), 'sector')} moved"
    used = f"{percent(asked / moved)} used" if asked <= moved else "lanes share words"
    return f"line {access.line}   {source}\n{access.operation} of {access.array}: {counts}, {used}"


def _draw_sectors(axes: Axes, access: WarpAccess) -> None:
    left, at = {}, 0.0
    for previous, sector in zip((None, *access.sectors), access.sectors, strict=False):
        at += 0.0 if previous is None else WORDS + (0.6 if sector == previous + 1 else 4.0)
        left[sector] = at
    width = at + WORDS
    used: dict[tuple[int, int], int] = {}
    links, colours = [], []
    for lane, address in enumerate(access.addresses):
        x = (lane + 0.5) * width / LANES
        if address < 0:
            axes.plot([x], [1.0], "o", markersize=6, markerfacecolor="none", markeredgecolor="#bbbbbb")
            continue
        axes.plot([x], [1.0], "o", markersize=6, color=lane_colour(lane))
        for byte in range(address, address + access.width, 4):
            used.setdefault((byte // SECTOR_BYTES, byte % SECTOR_BYTES // 4), lane)
        first = left[address // SECTOR_BYTES] + address % SECTOR_BYTES / 4
        links.append([(x, 0.96), (first + min(access.width, SECTOR_BYTES) / 8, 0.16)])
        colours.append(lane_colour(lane))
    axes.add_collection(LineCollection(links, colors=colours, linewidths=0.9))
    boxes = []
    for sector, start in left.items():
        for word in range(WORDS):
            face = lane_colour(used[sector, word]) if (sector, word) in used else UNUSED
            boxes.append(Rectangle((start + word, 0), 1, 0.14, facecolor=face, edgecolor="white", linewidth=0.4))
        boxes.append(Rectangle((start, 0), WORDS, 0.14, fill=False, edgecolor=INK, linewidth=0.7))
    axes.add_collection(PatchCollection(boxes, match_original=True))
    _label_sectors(axes, left)
    for lane in (0, LANES - 1):
        axes.text((lane + 0.5) * width / LANES, 1.08, f"lane {lane}", fontsize=8, ha="center", color=INK)
    axes.set_xlim(-0.01 * width, 1.01 * width)
    axes.set_ylim(-0.16, 1.22)
    axes.axis("off")


def _label_sectors(axes: Axes, left: dict[int, float]) -> None:
    """Byte addresses under the sectors: all of a few, every fourth of many."""
    every = 1 if len(left) <= 12 else 4
    for i, (sector, start) in enumerate(left.items()):
        if i % every == 0:
            axes.text(start, -0.04, str(sector * SECTOR_BYTES), fontsize=7, ha="left", va="top", color=INK)


def banks(report: Report, line: int | None = None, array: str | None = None, limit: int = 4) -> Picture:
    """One warp's access to shared memory: 32 banks across, a row for each 128 bytes touched.

    A cell is a 4-byte word, with the lane that asked for it. Words in one column are served one after the
    other; the columns that set the number of passes are framed.
    """
    chosen = pick_accesses(report, "shared", line, array, limit)
    heights = [1.0 + (0.24 if len(_word_rows(access)) <= 8 else 0.14) * len(_word_rows(access)) for access in chosen]
    figure = Picture(figsize=(11, 0.4 + sum(heights)), layout="constrained")
    grid = figure.subplots(len(chosen), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, access in zip(grid, chosen, strict=True):
        _draw_banks(axes, access)
        ways = f"{access.ways}-way conflict: {access.ways} passes" if access.ways > 1 else "no conflict: 1 pass"
        source = report.source.get(access.line, "").split("#")[0].strip()
        title = f"line {access.line}   {source}\n{access.operation} of {access.array}: {ways}"
        axes.set_title(title, loc="left", fontsize=10, color=INK)
    return figure


def _words(access: WarpAccess) -> dict[int, list[int]]:
    """Word number -> the lanes that ask for it."""
    words: dict[int, list[int]] = {}
    for lane, address in enumerate(access.addresses):
        if address >= 0:
            for word in range(address // 4, (address + access.width - 1) // 4 + 1):
                words.setdefault(word, []).append(lane)
    return words


def _word_rows(access: WarpAccess) -> list[int]:
    return sorted({word // LANES for word in _words(access)})


def _draw_banks(axes: Axes, access: WarpAccess) -> None:
    words, rows = _words(access), _word_rows(access)
    height = {row: len(rows) - 1 - i for i, row in enumerate(rows)}
    in_bank = [sum(word % LANES == bank for word in words) for bank in range(LANES)]
    cells = [[to_rgb(UNUSED)] * LANES for _ in rows]
    for word, lanes in words.items():
        row, bank = word // LANES, word % LANES
        cells[len(rows) - 1 - height[row]][bank] = to_rgb(lane_colour(lanes[0]))
        text = str(lanes[0]) if len(lanes) == 1 else f"{len(lanes)}×"
        ink = "white" if lanes[0] < 20 else INK
        axes.text(bank + 0.5, height[row] + 0.46, text, fontsize=6.5, ha="center", va="center", color=ink)
    axes.imshow(cells, aspect="auto", interpolation="nearest", extent=(0, LANES, 0, len(rows)))
    axes.vlines(range(LANES + 1), 0, len(rows), color="white", linewidth=0.6)
    axes.hlines(range(len(rows) + 1), 0, LANES, color="white", linewidth=0.6)
    for bank in range(LANES):
        if access.ways > 1 and in_bank[bank] == max(in_bank):
            frame = Rectangle((bank, 0), 1, len(rows), fill=False, edgecolor="#d62728", linewidth=1.4, zorder=3)
            axes.add_patch(frame)
    axes.set_xlim(-0.1, LANES + 0.1)
    axes.set_ylim(-0.1, len(rows) + 0.1)
    axes.set_xticks([bank + 0.5 for bank in range(LANES)], [str(bank) for bank in range(LANES)], fontsize=7)
    axes.set_xlabel("bank", fontsize=8)
    shown = rows if len(rows) <= 16 else rows[:: len(rows) // 8]
    axes.set_yticks([height[row] + 0.5 for row in shown], [f"byte {row * 128}" for row in shown], fontsize=7)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def timeline(report: Report, first: int = 0, last: int = 120) -> Picture:
    """Which lanes of the watched warp were active, statement after statement (`first` to `last`), left to right.

    A column is one statement, in its line's colour; a grey cell is a lane that waits while others work.
    """
    steps = report.timeline[first:last]
    if not steps:
        raise ValueError(
            f"plot: no statements {first} to {last} to draw. The watched warp ran {len(report.timeline)} statements."
        )
    numbers = sorted({step.line for step in steps})
    colour = {number: LINE_COLOURS[i % len(LINE_COLOURS)] for i, number in enumerate(numbers)}
    cells = [[to_rgb(colour[s.line] if s.active[lane] else UNUSED) for s in steps] for lane in range(LANES)]
    figure = Picture(figsize=(min(18, 7.5 + 0.13 * len(steps)), 4.8), layout="constrained")
    axes = figure.subplots()
    axes.imshow(cells, aspect="auto", interpolation="nearest", extent=(0, len(steps), LANES, 0))
    for x in range(1, len(steps)):
        axes.axvline(x, color="white", linewidth=0.8)
    at_work = sum(sum(step.active) for step in steps) / (LANES * len(steps))
    title = f"{report.kernel}, warp 0 of block 0: {percent(at_work)} of its lanes at work"
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_ylabel("lane", fontsize=8)
    axes.set_yticks([lane + 0.5 for lane in (0, 8, 16, 24, 31)], ["0", "8", "16", "24", "31"], fontsize=7)
    places = [x for x in range(len(steps)) if x == 0 or steps[x].line != steps[x - 1].line]
    axes.set_xticks([x + 0.5 for x in places], [str(steps[x].line) for x in places], fontsize=6, rotation=90)
    axes.set_xlabel("source line of each statement, in order of time", fontsize=8)
    axes.tick_params(length=2)
    keys = [Rectangle((0, 0), 1, 1, color=colour[number]) for number in numbers]
    texts = [f"{number}  {report.source.get(number, '').split('#')[0].strip()[:48]}" for number in numbers]
    font = {"family": "monospace", "size": 7}
    figure.legend(keys, texts, loc="outside right upper", prop=font, frameon=False, handlelength=1)
    return figure
