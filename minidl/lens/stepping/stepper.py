"""The stepper: one training step of a model, recorded, to walk through op by op, forwards and back.

>>> import minidl, numpy as np
>>> minidl.utils.set_random_seed(1)
>>> hidden = minidl.layers.Dense(2, activation="relu", input_shape=(3,), name="hidden")
>>> model = minidl.Sequential([hidden, minidl.layers.Dense(1)])
>>> model.compile("sgd", "mse")
>>> s = step(model, np.ones((4, 3), "float32"), np.zeros((4, 1), "float32"))
>>> [moment.op for moment in s.moments if moment.phase == "forward"]
['dense', 'relu', 'dense']
>>> s.to_loss().now.op, s.to_phase("update").now.weight
('mean_squared_error', 'hidden/kernel')

The files of this room show the way a lesson goes: what ran (`record`), what is seen of it (`moments`), what is changed
(`changes`), into an op (`lines`, `unwritten`), into a kernel (`kernels`), on a page (`page`), in a notebook
(`notebook`, `player`).
"""

from __future__ import annotations

from contextvars import copy_context
from os import PathLike
from typing import Any

import numpy as np

from cuda_kernels.launched import Launched
from minidl.backends.devices.arrays import on_host
from minidl.console import printable
from minidl.data import as_dataset
from minidl.errors import ArgumentError, unknown_name
from minidl.layers.base.symbolic import flatten, map_structure
from minidl.lens import formulas
from minidl.lens.recording.events import PHASES
from minidl.lens.recording.recording import require_compiled
from minidl.lens.stepping.changes import Change, change_at, difference
from minidl.lens.stepping.kernels import again, choose, kernel_launches
from minidl.lens.stepping.lines import LineStepper, line_steps
from minidl.lens.stepping.moments import Moment
from minidl.lens.stepping.record import Record, record_changed
from minidl.models.training.checks import build_from_data
from minidl.tensor import Tensor


class Stepper:
    """A recorded training step and a position in it; `lens.step` makes one.

    `now` is the present moment: one op, with its formula, inputs, outputs and statistics. `next`, `back`, `goto`,
    `to_layer`, `to_op`, `to_phase` and `to_loss` move, and return the stepper, so that `print(s.next())` shows where it
    went. The model is not touched, until `commit`.
    """

    def __init__(self, model: Any, batch: dict[str, Any]) -> None:
        self.model = model
        self.position = 0
        context = copy_context()  # the backends that were chosen when the stepper was made
        self._run = lambda changes=(), keep=False: context.run(record_changed, model, batch, changes, keep)
        self._changes: tuple[Change, ...] = ()
        self._records: list[Record] = [self._run()]

    # ---- what there is

    @property
    def moments(self) -> list[Moment]:
        """Every op of the step, in order."""
        return self._records[-1].moments

    @property
    def loss(self) -> float:
        """The loss of the batch, as `train_on_batch` returns it."""
        return self.logs["loss"]

    @property
    def logs(self) -> dict[str, Any]:
        """Loss and metrics by name, as `train_on_batch(…, return_dict=True)` returns them."""
        return self._records[-1].recording.result

    @property
    def gradients(self) -> dict[str, np.ndarray | None]:
        """The gradient of every trained weight, by path, as the optimizer got it."""
        return {path: None if g is None else np.asarray(_host(g)) for path, g in self._records[-1].gradients.items()}

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Every weight after the step, by path (moving averages too)."""
        return {path: np.asarray(_host(after)) for path, _, after in self._records[-1].weights}

    @property
    def weights_before(self) -> dict[str, np.ndarray]:
        """Every weight before the step, by path."""
        return {path: np.asarray(_host(before)) for path, before, _ in self._records[-1].weights}

    # ---- moving

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

    def goto(self, number: int) -> Stepper:
        """Go to a moment by its number (clipped to the step)."""
        self.position = max(0, min(int(number), len(self) - 1))
        return self

    def next(self, moments: int = 1) -> Stepper:
        """Go on."""
        return self.goto(self.position + moments)

    def back(self, moments: int = 1) -> Stepper:
        """Go back."""
        return self.goto(self.position - moments)

    def to_layer(self, name: str, phase: str | None = None) -> Stepper:
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

    def to_phase(self, phase: str) -> Stepper:
        """Go to the first op of "forward", "loss", "backward" or "update"."""
        if phase not in PHASES:
            raise unknown_name("phase", phase, PHASES)
        found = [m for m in self.moments if m.phase == phase]
        if not found:
            raise ArgumentError(f"to_phase: no op ran in the phase {phase!r}. Is a weight trained, by one of the ops?")
        return self.goto(found[0].number)

    def to_loss(self) -> Stepper:
        """Go to the first op of the loss."""
        return self.to_phase("loss")

    def to_op(self, op: str) -> Stepper:
        """Go to the next moment (around the end too) in which this op runs."""
        order = [*self.moments[self.position + 1 :], *self.moments[: self.position + 1]]
        found = [m for m in order if m.op == op]
        if not found:
            raise unknown_name("op of this step", op, {m.op for m in self.moments})
        return self.goto(found[0].number)

    def to_partner(self) -> Stepper:
        """Go from a forward to its backward, or from a backward to its forward."""
        if self.now.partner is None:
            raise ArgumentError(f"to_partner: {self.now.title} has none: no gradient went through it.")
        return self.goto(self.now.partner)

    # ---- looking closer

    def into(self) -> LineStepper:
        """Step into the present op: its NumPy source line by line, run again on what it was given here.

        Of an op that ran on `cpu`, or by a kernel, these are the lines of the plain op, which computes the same (but
        for rounding, where numbers are added up in another order); see `kernel`.
        """
        return self.lines_of(self.now)

    def lines_of(self, moment: Moment) -> LineStepper:
        """Return the lines of a moment's op; see `into`."""
        backend = formulas.host_backend(moment.op)
        function = formulas.numpy_function(moment.op, moment.direction)
        if function is None or moment.is_sum:
            raise ArgumentError(f"into: {moment.title} is {formulas.GRADIENT_SUM}; there are no lines to show.")
        return line_steps(moment, function, lambda: again(moment, backend))

    def kernel(self, which: int | str = 0) -> Any:
        """Step into a kernel of the present op on the SIMT machine: a `cuda_kernels.simt` Stepper, by source line.

        which : the number of the launch, or its kernel's name; see `kernels`. Of an op that ran on NumPy it is the
            kernel that would do it.
        """
        return choose(self.kernels(), which).step()

    def kernels(self) -> list[Launched]:
        """Return the launches of the present op on the SIMT machine, in order."""
        return kernel_launches(self.now)

    # ---- changing a value

    def change(self, name: str, index: Any, value: Any) -> Stepper:
        """Change a value at the present moment, or several, and compute everything after it anew.

        Parameters
        ----------
        name : of an input or output of the present op ("x", "y", "dy" …), "input" or "output" for the first, or the
            path of a weight. A changed input is what this op reads, whoever else reads it; an input of a forward that
            is a weight is changed for the whole step.
        index : of the value, as NumPy has it: (0, 3) or 5, or of several: ... for all
        value : the new one, or an array of them

        `differences` tells what became of it; `undo` takes it back.
        """
        _check_untouched(self, "change")
        changes = (*self._changes, change_at(self.now, name, index, value, self.weights_before))
        self._records.append(self._run(changes))
        self._changes = changes
        return self.goto(self.position)

    @property
    def changes(self) -> list[str]:
        """What was changed, in words."""
        return [change.label for change in self._changes]

    def undo(self) -> Stepper:
        """Take the last change back."""
        if not self._changes:
            raise ArgumentError("undo: nothing was changed.")
        self._changes = self._changes[:-1]
        self._records.pop()
        return self.goto(self.position)

    def differences(self, moment: Moment | int | None = None) -> dict[str, tuple[int, float]]:
        """Return, for each array of a moment that differs from the unchanged run: how many values, and by how much."""
        if not isinstance(moment, Moment):
            moment = self.now if moment is None else self.moments[moment]
        first = self._records[0].moments
        if len(self._records) == 1 or moment.number >= len(first):
            return {}
        if first[moment.number].title != moment.title:  # the change led to other ops
            return {name: (array.size, float("nan")) for name, array in moment.arrays.items()}
        base = first[moment.number].arrays
        found = {name: difference(array, base.get(name)) for name, array in moment.arrays.items()}
        return {name: differs for name, differs in found.items() if differs[0]}

    def commit(self) -> dict[str, Any]:
        """Let the model take the step, with the values as changed; return loss and metrics as `train_on_batch` does.

        Raises
        ------
        ArgumentError : the model was trained since the stepper was made
        """
        _check_untouched(self, "commit")
        return self._run(self._changes, keep=True).recording.result

    # ---- showing

    def __str__(self) -> str:
        from minidl.lens.stepping.text import describe_moment

        return printable(describe_moment(self))

    def __repr__(self) -> str:
        changed = f", {len(self._changes)} changed" if self._changes else ""
        return printable(f"<Stepper at {self.position} of {len(self) - 1}: {self.now.title}{changed}>")

    def _repr_html_(self) -> str:
        from minidl.lens.stepping.notebook import filmstrip

        return str(filmstrip(self))

    def table(self) -> str:
        """Return all moments as a table, the present one marked."""
        from minidl.lens.stepping.text import moments_table

        return printable(moments_table(self))

    def run_prompt(self, stdin: Any = None, stdout: Any = None) -> None:
        """Walk through the step in a terminal: n, b, layer NAME, loss, into, kernel … `?` lists the commands."""
        from minidl.lens.stepping.prompt import StepPrompt

        StepPrompt(self, stdin, stdout).cmdloop()

    def play(self) -> Any:
        """Return a player for a notebook (ipywidgets); without ipywidgets the stepper shows itself as a filmstrip."""
        from minidl.lens.stepping.player import player

        return player(self)

    def save_html(self, path: str | PathLike[str], title: str | None = None) -> None:
        """Write the whole step as one HTML file that needs nothing else: to open, to mail, to put on a web page."""
        from minidl.lens.stepping.page import save_html

        save_html(self, path, title)


def step(model: Any, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> Stepper:
    """Record one training step of a model, to walk through. The model stays as it is.

    Parameters
    ----------
    model : a compiled model; one that is not built yet is built, as its first call would
    x, y, sample_weight, class_weight : one batch, as for `model.train_on_batch`, whose numbers these are bit for bit

    Raises
    ------
    NotCompiledError : the model has no loss or optimizer yet
    """
    require_compiled(model, "lens.step")
    batch = {"x": _own(x), "y": _own(y), "sample_weight": _own(sample_weight), "class_weight": class_weight}
    first = flatten(batch["x"])[0]
    if hasattr(first, "shape") and first.shape and not model.built:
        data = as_dataset(batch["x"], batch["y"], None, max(1, len(first)), False, 0, None, "lens.step")
        build_from_data(model, data)
    return Stepper(model, batch)


def _check_untouched(stepper: Stepper, function: str) -> None:
    """Raise unless the model still has the weights that the step began with."""
    for (path, before, _), variable in zip(stepper._records[0].weights, stepper.model.weights, strict=True):
        if not np.array_equal(_host(before), _host(variable.data), equal_nan=True):
            raise ArgumentError(
                f"{function}: weight {path!r} has changed since this step was recorded. Was the model trained, or "
                "the step committed already? Make a new stepper."
            )


def _own(structure: Any) -> Any:
    """Return copies of the batch's arrays: what is done to the originals later does not reach the stepper."""

    def copy(leaf: Any) -> Any:
        return np.array(leaf.numpy() if isinstance(leaf, Tensor) else leaf) if hasattr(leaf, "shape") else leaf

    return map_structure(copy, structure)


def _host(array: Any) -> Any:
    return on_host(array, "lens.step")
