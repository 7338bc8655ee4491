"""Drawings of faults, as SVG: two threads at one cell, a thread outside an array, who is missing, the lanes of a warp.

All text comes in through `markupsafe`, which escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from minidl.markup import joined

INK, PALE, RED, BLUE, GREEN = "#222222", "#f4f4f4", "#c0392b", "#2166ac", "#1b6e2c"
MONO = "ui-monospace, Menlo, Consolas, monospace"


def svg(width: int, height: int, label: str, parts: Iterable[Markup]) -> Markup:
    """Return an SVG element; `label` says in words what it shows."""
    return Markup(
        '<svg role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}" style="max-width:100%;height:auto" '
        'font-family="system-ui, sans-serif" font-size="13">{}</svg>'
    ).format(label, width, height, width, height, joined(parts))


def text(x: float, y: float, said: str, anchor: str = "start", colour: str = INK, mono: bool = False) -> Markup:
    """Return a line of text."""
    family = Markup(' font-family="{}"').format(MONO) if mono else Markup("")
    return Markup('<text x="{:g}" y="{:g}" text-anchor="{}" fill="{}"{}>{}</text>').format(
        x, y, anchor, colour, family, said
    )


def box(x: float, y: float, width: float, height: float, fill: str, edge: str = INK, dashed: bool = False) -> Markup:
    """Return a rectangle."""
    dash = Markup(' stroke-dasharray="5 3"') if dashed else Markup("")
    return Markup('<rect x="{:g}" y="{:g}" width="{:g}" height="{:g}" rx="3" fill="{}" stroke="{}"{}/>').format(
        x, y, width, height, fill, edge, dash
    )


def arrow(x1: float, y1: float, x2: float, y2: float, colour: str) -> Markup:
    """Return a line with a head at (x2, y2)."""
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1.0
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    left = (x2 - 9 * ux - 5 * uy, y2 - 9 * uy + 5 * ux)
    right = (x2 - 9 * ux + 5 * uy, y2 - 9 * uy - 5 * ux)
    return Markup(
        '<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" stroke="{c}" stroke-width="2" fill="none"/>'
        '<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z" fill="{c}"/>'
    ).format(x1, y1, x2 - 4 * ux, y2 - 4 * uy, x2, y2, *left, *right, c=colour)


def cut(code: str, most: int = 33) -> str:
    """Return a line of code that fits a box."""
    code = " ".join(code.split("#")[0].split())
    return code if len(code) <= most else f"{code[: most - 1]}…"


Side = tuple[str, str, str, str]  # who, the line's number, its code, what is done: "read", "write" or "both"


def meeting(left: Side, right: Side, cell: str, question: str) -> Markup:
    """Draw two threads at one cell: an arrow towards it writes (red), one from it reads (blue)."""
    parts = []
    for at, (who, line, code, does) in ((10, left), (510, right)):
        parts += [box(at, 20, 280, 74, PALE), text(at + 12, 42, who), text(at + 12, 62, line, colour="#666666"),
                  text(at + 12, 82, cut(code), mono=True)]  # fmt: skip
        near, far = (290, 350) if at == 10 else (510, 450)
        for k, verb in enumerate(("read", "write") if does == "both" else (does,)):
            if verb in ("read", "write"):
                y = 57 + (0 if does != "both" else -10 + 20 * k)
                ends = (near, y, far, y) if verb == "write" else (far, y, near, y)
                parts.append(arrow(*ends, RED if verb == "write" else BLUE))
    parts += [box(350, 32, 100, 50, "#fdecea", RED), text(400, 62, cut(cell, 12), "middle", mono=True),
              text(400, 112, question, "middle", RED)]  # fmt: skip
    return svg(800, 122, f"{left[0]}, {right[0]}: {cell}. {question}", parts)


def outside(who: Side, array: str, inside: list[str], beyond: str, before: bool, said: str) -> Markup:
    """Draw an array's last (or first) cells, and a thread at one that is not there.

    inside : indices of the cells that are drawn, in order; beyond : the index asked for
    """
    cells: list[tuple[str, bool]] = [(i, True) for i in inside]
    cells = [(beyond, False), *cells] if before else [*cells, (beyond, False)]
    width, left = 74, 330
    parts = [box(10, 20, 280, 74, PALE), text(22, 42, who[0]), text(22, 62, who[1], colour="#666666"),
             text(22, 82, cut(who[2]), mono=True), text(left, 34, cut(array, 40), mono=True)]  # fmt: skip
    target = 0.0
    for k, (index, there) in enumerate(cells):
        x = left + k * width + (14 if (there and before) or (not there and not before) else 0)
        parts.append(box(x, 44, width - 6, 40, "#ffffff" if there else "#fdecea", INK if there else RED, not there))
        parts.append(text(x + (width - 6) / 2, 69, cut(index, 9), "middle", INK if there else RED, mono=True))
        target = target if there else x + (width - 6) / 2
    colour = RED if who[3] == "write" else BLUE
    parts.append(Markup('<path d="M150 94V126H{:.1f}V96" fill="none" stroke="{}" stroke-width="2"/>').format(
        target, colour))  # fmt: skip
    parts += [arrow(target, 110, target, 87, colour), text(target - 8, 144, said, "end", RED)]
    return svg(left + len(cells) * width + 24, 152, f"{who[0]}: {array}[{beyond}]. {said}", parts)


def share(there: int, missing: int, said_there: str, said_missing: str) -> Markup:
    """Draw a block's threads as squares: those that came, and those that did not."""
    n = there + missing
    size, row = (12, 32) if n <= 256 else (6, 64)
    shown = min(n, 1024)
    first = min(there, shown)
    parts = []
    for k in range(shown):
        came = k < first
        gap = 0 if came else 24
        parts.append(box(12 + k % row * size, 30 + k // row * size + gap, size - 2, size - 2,
                         GREEN if came else "#ffffff", GREEN if came else RED))  # fmt: skip
    low = 30 + ((shown - 1) // row + 1) * size
    parts.append(text(12, 20, said_there, colour=GREEN))
    if missing:
        parts.append(text(12, low + 44, said_missing, colour=RED))
    return svg(max(24 + row * size, 620), low + 56, f"{said_there}; {said_missing}", parts)


def lanes(marked: int, said: str, bits: int | None = None) -> Markup:
    """Draw the 32 lanes of a warp; the one in question red, those that a mask names below."""
    parts = []
    for lane in range(32):
        red = lane == marked
        parts.append(box(10 + 24 * lane, 30, 20, 24, "#fdecea" if red else "#ffffff", RED if red else INK, red))
        parts.append(Markup('<text x="{}" y="46" text-anchor="middle" font-size="10" fill="{}">{}</text>').format(
            20 + 24 * lane, RED if red else INK, lane))  # fmt: skip
        if bits is not None and bits >> lane & 1:
            parts.append(box(10 + 24 * lane, 60, 20, 6, BLUE, BLUE))
    parts.append(text(10, 20, said, colour=RED))
    return svg(790, 76, said, parts)
