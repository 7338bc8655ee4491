"""What is said of the figures of a right solution: which par it missed, and why; a third star; a line of figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minidl.course import catalog
from minidl.course.checker import fingerprints
from minidl.course.checker.compared import Compared, Facts
from minidl.course.exercise import Exercise, Kernel, Task
from minidl.course.sentences import PHRASES, phrase

Over = tuple[str, Facts, int, Compared]  # a sentence's name, its facts, a line or 0, the case


@dataclass
class Cost:
    """What a right solution costs.

    figures, par : by name; where several tasks have figures, by "task.name"
    over : what misses its par
    own : the exercise's own sentences for it
    third : whether it earns a third star; `asked` what that asks for, where it has two
    """

    figures: dict[str, Any] = field(default_factory=dict)
    par: dict[str, float] = field(default_factory=dict)
    over: list[Over] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    third: bool = False
    asked: str = ""
    summary: str = ""


def cost(exercise: Exercise, compared: list[Compared]) -> Cost:
    """Return what a right solution costs, on the cases that its tasks' par is of."""
    shown = list(_shown(exercise, compared))
    several = sum(bool(one.ran.figures) for _, one in shown) > 1
    found = Cost(own=_own(exercise, compared))
    parts = [f"{len(compared)} cases"] if compared else []
    if launches := sum(one.ran.launches for one in compared):
        parts[0] += f", {launches} launches, no fault"
    for task, one in shown:
        prefix = f"{task.name}." if several else ""
        figures, par, naive = one.ran.figures, getattr(task, "par", {}), getattr(task, "naive", {})
        found.figures |= {f"{prefix}{key}": value for key, value in figures.items() if not key.endswith("lines")}
        found.par |= {f"{prefix}{key}": most for key, most in par.items()}
        found.over += _over(one, par)
        said = []
        for key in [key for key in par if key in figures]:
            plain = f", naive {naive[key]:,}" if key in naive else ""
            said.append(f"{key.replace('_', ' ')} {figures[key]:,} (par {par[key]:,}{plain})")
        if said:
            parts.append((f"{task.name}: " if several else "") + " · ".join(said))
    found.summary = " · ".join(parts)
    thirds = [(f"{task.name}: {key}" if several else key, one.ran.figures.get(key, 0), most) for task, one in shown
              for key, most in getattr(task, "third", {}).items()]  # fmt: skip
    found.third = bool(thirds) and not found.over and all(x <= most for _, x, most in thirds)
    if not found.third and not found.over:
        found.asked = ", ".join(f"{key.replace('_', ' ')} {most:,}" for key, _, most in thirds)
    return found


def _shown(exercise: Exercise, compared: list[Compared]) -> Iterator[tuple[Task, Compared]]:
    """Yield each task with the case that its figures are of."""
    for task in exercise.tasks:
        cases = [one for one in compared if one.task is task]
        if cases:
            yield task, next((one for one in cases if one.case.kind == "par"), cases[-1])


def _own(exercise: Exercise, compared: list[Compared]) -> list[str]:
    """Return the exercise's own sentences whose mistakes move just as much."""
    mine = [fingerprints.figures_outcome(one.ran) for one in compared]
    mistakes = catalog.made(exercise.key)["mistakes"].values()
    return [m["says"] for m in mistakes if m["stage"] == "par" and m["outcomes"] == mine and m["says"] in exercise.says]


def _over(one: Compared, par: Any) -> list[Over]:
    """Return what is said of figures that are over par: F20 alone, or F22 and F21."""
    figures = one.ran.figures
    lines, n, workers = figures.get("lines", []), figures.get("elements", 0), figures.get("workers", 0)
    if isinstance(one.task, Kernel) and par and 0 < 4 * workers < min(n, figures["threads"]):
        return [("F20", {"m": workers, "threads": figures["threads"], "n": n}, 0, one)]
    found: list[Over] = []
    for key, most in par.items():
        x = figures.get(key, 0)
        if key == "workers" or x <= most * 1.0001:
            continue
        if key == "shared_passes":
            worst = max(lines, key=lambda line: line[3])
            found.append(("F22", {"L": worst[0], "w": f"{worst[3]:g}"}, worst[0], one))
        elif key == "sectors":
            line, reason = _reason(one, lines)
            found.append(("F21", {"x": f"{x:,}", "par": f"{most:,}", "reason": reason, "L": line}, line, one))
        else:
            facts = {"what": phrase(key) if key in PHRASES else key, "x": f"{x:,}", "par": f"{most:,}"}
            found.append(("F21f", facts, figures["local_lines"][0] if key == "local" else 0, one))
    return found


def _reason(one: Compared, lines: list[Any]) -> tuple[int, dict[str, Any]]:
    """Return the line that moves most for nothing, and why in words."""
    wasted = max(lines, key=lambda line: line[1] * (1 - min(1.0, line[2])), default=None)
    least = sum(r.size * 4 / 32 for r in one.right)
    if wasted is not None and wasted[2] < 0.8:
        return wasted[0], phrase("line-uses", L=wasted[0], use=f"{100 * wasted[2]:.0f}")
    if one.ran.figures.get("store_sectors", 0) > 2 * least:
        return 0, phrase("written-again")
    most = max(lines, key=lambda line: line[1], default=(0, 0, 0, 0, 0))
    return most[0], phrase("fetched-again", L=most[0])
