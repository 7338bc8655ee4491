"""Milestones: a network that runs on the student's own accepted files, and a page that shows it.

    minidl exercises milestone neuron       the digits, trained by exercises 1 to 6

Each is a file with what it `NEEDS`, its `GOAL`, and `run(own)`, which gets the accepted files as modules, by name.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from minidl.course import catalog
from minidl.course.exercise import Sentence
from minidl.course.folder import Folder
from minidl.course.milestones.own import Own, accepted
from minidl.errors import unknown_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minidl.course.checker.results import Result

NAMES = ("neuron", "vision", "kernels", "cnn", "attention")


@dataclass
class Reached:
    """What a network did.

    passed : whether it is what the goal asks for
    figures : what was measured: words, English and Chinese, and a number
    pictures : with a caption each
    table : a head and rows, for what is counted
    """

    passed: bool
    figures: list[tuple[Sentence, str]]
    pictures: list[tuple[Sentence, Figure]] = field(default_factory=list)
    table: tuple[list[str], list[list[str]]] | None = None


@dataclass
class Milestone:
    """One attempt at a milestone.

    results : of each exercise that it needs, its verdict; None where it has not been started
    reached : None where a file is not accepted
    """

    name: str
    goal: Sentence
    results: dict[int, Result | None]
    reached: Reached | None = None

    @property
    def passed(self) -> bool:
        """Whether the network did what it should."""
        return self.reached is not None and self.reached.passed

    @property
    def missing(self) -> dict[int, Result | None]:
        """The exercises that are not accepted."""
        return {number: result for number, result in self.results.items() if result is None or not result.passed}

    def text(self, language: str = "en") -> str:
        """Return what a terminal shows."""
        zh = language == "zh"
        done = len(self.results) - len(self.missing)
        lines = [f"{self.name}: {self.goal[zh]}"]
        if self.missing:
            lines.append(
                f"   {len(self.results)} 个练习中 {done} 个已通过；还没有通过的："
                if zh
                else f"   {done} of {len(self.results)} exercises accepted; not yet:"
            )
            for number, result in self.missing.items():
                state = _state(result)
                lines.append(f"   {number:2d} {catalog.load(number).name:<20}{state}")
            return "\n".join(lines)
        assert self.reached is not None
        lines += [f"   {what[zh]}: {value}" for what, value in self.reached.figures]
        verdicts = (("✓ reached", "✗ not reached"), ("✓ 达到", "✗ 未达到"))[zh]
        return "\n".join([*lines, f"   {verdicts[not self.passed]}"])


def _state(result: Result | None) -> str:
    if result is None:
        return "not started"
    return "not begun" if result.state == "not begun" else f"fails at {result.failure.stage if result.failure else '?'}"


def of(name: str) -> Any:
    """Return a milestone's module.

    Raises
    ------
    UnknownNameError : there is none of this name
    """
    if name.lower() not in NAMES:
        raise unknown_name("milestone", name, NAMES)
    return importlib.import_module(f"minidl.course.milestones.{name.lower()}")


def listed(folder: Folder, name: str, language: str = "en") -> str:
    """Return a line on a milestone: its goal, and how many of its exercises have a star."""
    module, zh = of(name), language == "zh"
    stars = sum(bool(folder.of(number).get("stars")) for number in module.NEEDS)
    return f"{name:<10}{stars:2d}/{len(module.NEEDS)}  {module.GOAL[zh]}"


def attempt(folder: Folder, name: str) -> Milestone:
    """Check the files that a milestone needs once more; where all are accepted, run its network on them."""
    module = of(name)
    results, own = accepted(folder, module.NEEDS)
    milestone = Milestone(name.lower(), module.GOAL, results)
    if not milestone.missing:
        milestone.reached = module.run(own)
    return milestone


__all__ = ["NAMES", "Milestone", "Own", "Reached", "attempt", "listed", "of"]
