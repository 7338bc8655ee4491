"""Learning-rate schedules: functions of the number of updates done so far, given as `learning_rate=`."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.errors import ArgumentError
from minidl.registry import Configured, Registry

__all__ = [
    "CosineDecay", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule", "PiecewiseConstantDecay",
    "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip


class LearningRateSchedule(Configured):
    """Base of schedules. One of your own defines `__call__(step)`, and `get_config` if it is to be saved.

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** (step // 100)
    >>> from minidl.optimizers import SGD
    >>> float(SGD(Halving()).learning_rate)
    0.1...
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate of update number `step`, the first being 0."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step)")


@dataclass(eq=False)
class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate ^ (step / decay_steps); in stairs if `staircase`.

    >>> schedule = ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5, staircase=True)
    >>> schedule(0), schedule(99), schedule(200)
    (0.1, 0.1, 0.025)
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False
    name: str = "ExponentialDecay"

    def __post_init__(self) -> None:
        _check_steps(self)

    def __call__(self, step: int) -> float:
        passed = int(step) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(passed) if self.staircase else passed)


@dataclass(eq=False)
class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps); in stairs if `staircase`."""

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False
    name: str = "InverseTimeDecay"

    def __post_init__(self) -> None:
        _check_steps(self)

    def __call__(self, step: int) -> float:
        passed = int(step) / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (math.floor(passed) if self.staircase else passed))


@dataclass(eq=False)
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to step boundaries[0] (included), then values[1] up to boundaries[1], and so on.

    >>> schedule = PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.1])
    >>> [schedule(step) for step in (0, 100, 101, 201)]
    [1.0, 1.0, 0.5, 0.1]
    """

    boundaries: Sequence[int]
    values: Sequence[float]
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        self.boundaries, self.values = boundaries, values = list(self.boundaries), list(self.values)
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                "PiecewiseConstantDecay: there must be one value more than boundaries. "
                f"Got {len(boundaries)} boundaries and {len(values)} values."
            )
        if any(a >= b for a, b in zip(boundaries, boundaries[1:], strict=False)):
            raise ArgumentError(f"PiecewiseConstantDecay: boundaries must increase. Got {boundaries}.")

    def __call__(self, step: int) -> float:
        return self.values[bisect.bisect_left(self.boundaries, int(step))]


@dataclass(eq=False)
class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - step / decay_steps) ^ power + end, and `end_learning_rate` from decay_steps on.

    With `cycle`, decay_steps is doubled, tripled … each time it is passed, instead of staying at the end.
    """

    initial_learning_rate: float
    decay_steps: int
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def __post_init__(self) -> None:
        _check_steps(self)

    def __call__(self, step: int) -> float:
        step, steps = int(step), self.decay_steps
        if self.cycle:
            steps *= max(1, math.ceil(step / steps))
        left = 1 - min(step, steps) / steps
        return (self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate


@dataclass(eq=False)
class CosineDecay(LearningRateSchedule):
    """Half a cosine wave from the start to alpha times the start, after an optional straight warm-up.

    Without `warmup_target` the start is `initial_learning_rate`; with it, the rate first climbs from
    `initial_learning_rate` to `warmup_target` in `warmup_steps` updates, and that is the start.

    Source: Loshchilov & Hutter, arXiv:1608.03983 (without restarts); warm-up: Goyal et al., arXiv:1706.02677.

    >>> schedule = CosineDecay(0.1, decay_steps=100)
    >>> [round(schedule(step), 4) for step in (0, 50, 100, 500)]
    [0.1, 0.05, 0.0, 0.0]
    """

    initial_learning_rate: float
    decay_steps: int
    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        _check_steps(self)

    def __call__(self, step: int) -> float:
        step, start = int(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * step / self.warmup_steps
            step, start = step - self.warmup_steps, self.warmup_target
        wave = 0.5 * (1 + math.cos(math.pi * min(step, self.decay_steps) / self.decay_steps))
        return start * ((1 - self.alpha) * wave + self.alpha)


def _check_steps(schedule: Any) -> None:
    if not schedule.decay_steps > 0:
        raise ArgumentError(f"{type(schedule).__name__}: decay_steps must be above 0. Got {schedule.decay_steps!r}.")


registry = Registry("learning-rate schedule", globals(), (LearningRateSchedule,), "a schedule", callables=False)
serialize, deserialize = registry.serialize, registry.deserialize
