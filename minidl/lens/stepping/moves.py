"""Moving through the moments of a step: on, back, to a layer, an op, a phase."""

from __future__ import annotations

from typing import Self

from minidl.errors import ArgumentError, unknown_name
from minidl.lens.stepping.moments import PHASES, Moment


class Moves:
    """A position among moments. Every move returns the stepper itself."""

    position: int

    @property
    def moments(self) -> list[Moment]:
        """Every op of the step, in order."""
        raise NotImplementedError(f"{type(self).__name__} must define moments")

    @property
    def now(self) -> Moment:
        """The present moment."""
        return self.moments[self.position]

    @property
    def partner(self) -> Moment | None:
        """The backward of the present forward, or the forward of the present backward."""
        return None if self.now.partner is None else self.moments[self.now.partner]

    @property
    def layers(self) -> list[str]:
        """The layers that computed something, in order."""
        return list(dict.fromkeys(moment.layer for moment in self.moments if moment.layer))

    def __len__(self) -> int:
        return len(self.moments)

    def goto(self, number: int) -> Self:
        """Go to a moment by its number (clipped to the step)."""
        self.position = max(0, min(int(number), len(self) - 1))
        return self

    def next(self, moments: int = 1) -> Self:
        """Go on."""
        return self.goto(self.position + moments)

    def back(self, moments: int = 1) -> Self:
        """Go back."""
        return self.goto(self.position - moments)

    def to_layer(self, name: str, phase: str | None = None) -> Self:
        """Go to the first op of a layer; in one phase, or in the present one where it has an op there.

        Raises
        ------
        UnknownNameError : no layer of that name computed something
        """
        if name not in self.layers:
            raise unknown_name("layer of this step", name, self.layers)
        here = [m for m in self.moments if m.layer == name and m.phase == (phase or self.now.phase)]
        found = here or ([] if phase else [m for m in self.moments if m.layer == name])
        if not found:
            raise ArgumentError(f"to_layer: layer {name!r} has no op in the phase {phase!r}.")
        return self.goto(found[0].number)

    def to_phase(self, phase: str) -> Self:
        """Go to the first op of "forward", "loss", "backward" or "update"."""
        if phase not in PHASES:
            raise unknown_name("phase", phase, PHASES)
        found = [m for m in self.moments if m.phase == phase]
        if not found:
            raise ArgumentError(f"to_phase: no op ran in the phase {phase!r}. Is a weight trained, by one of the ops?")
        return self.goto(found[0].number)

    def to_loss(self) -> Self:
        """Go to the first op of the loss."""
        return self.to_phase("loss")

    def to_op(self, op: str) -> Self:
        """Go to the next moment (around the end too) in which this op runs."""
        order = [*self.moments[self.position + 1 :], *self.moments[: self.position + 1]]
        found = [m for m in order if m.op == op]
        if not found:
            raise unknown_name("op of this step", op, {m.op for m in self.moments})
        return self.goto(found[0].number)

    def to_partner(self) -> Self:
        """Go from a forward to its backward, or from a backward to its forward."""
        if self.now.partner is None:
            raise ArgumentError(f"to_partner: {self.now.title} has none: no gradient went through it.")
        return self.goto(self.now.partner)
