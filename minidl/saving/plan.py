"""A plan of what a file would change in a model. Nothing is changed before all of it is known to fit."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.errors import FileFormatError
from minidl.saving.files import reading
from minidl.tensor import Variable

SHOWN = 8  # so many differences are listed in an error


class Plan:
    """Collects pairs of weights and values, and what does not fit.

    Parameters
    ----------
    path : the file, for messages
    model : for messages
    skip_mismatch : leave out what does not fit, with a warning, instead of refusing the file
    """

    def __init__(self, path: Any, model: Any, skip_mismatch: bool = False) -> None:
        self.path, self.model, self.skip_mismatch = path, model, skip_mismatch
        self.pairs: list[tuple[Variable, np.ndarray]] = []
        self.problems: list[str] = []
        self.afterwards: list[Callable[[], None]] = []
        self.reordered = False  # whether weights stand in the file in another order, and an optimizer's slots with them

    def add(self, variable: Variable, source: Any, label: str) -> None:
        """Plan to give a weight the values of an array or of a data set of an HDF5 file."""
        shape = tuple(source.shape)
        if shape != variable.shape:
            self.problems.append(
                f"{label}: {variable.name!r} has shape {variable.shape} in the model, {shape} in the file"
            )
            return
        if np.dtype(source.dtype).kind not in "fiub":
            self.problems.append(f"{label}: {variable.name!r} holds {source.dtype} in the file, which are no numbers")
            return
        with reading(self.path, "weights"):
            self.pairs.append((variable, np.array(source[()])))

    def count(self, label: str, expected: int, got: int) -> bool:
        """Note whether a layer has as many weights in the file as in the model."""
        if expected != got:
            self.problems.append(f"{label} has {expected} weights in the model, {got} in the file")
        return expected == got

    def carry_out(self, headline: str = "") -> None:
        """Change the model.

        Raises
        ------
        FileFormatError : something does not fit; nothing is changed then
        """
        if self.problems:
            shown = "".join(f"\n  {problem}" for problem in self.problems[:SHOWN])
            more = f"\n  … and {len(self.problems) - SHOWN} more" if len(self.problems) > SHOWN else ""
            name = f"model {getattr(self.model, 'name', '')!r}"
            reason = f": {headline}" if headline else ""
            message = f"{os.fspath(self.path)!r} does not match {name}{reason}.{shown}{more}"
            if not self.skip_mismatch:
                raise FileFormatError(message + "\nNothing was loaded. Was the file saved from another model?")
            warnings.warn(message + "\nThese were left as they were (skip_mismatch=True).", stacklevel=4)
        for variable, values in self.pairs:
            variable.assign(values)
        for act in self.afterwards:
            act()


def plan_optimizer(plan: Plan, optimizer: Any, arrays: list[Any], trained: list[Variable]) -> None:
    """Plan to give an optimizer its state. A state of another size is left out with a warning, as in Keras.

    Parameters
    ----------
    arrays : the state in Keras' order: number of updates, learning rate, slots
    trained : the weights that the slots belong to
    """
    # An optimizer that made no update yet has saved its first variables only.
    if len(arrays) > len(optimizer.variables) and not optimizer.built:
        optimizer.build(trained)
    variables = optimizer.variables
    if plan.reordered:
        warnings.warn(
            f"the state of optimizer {optimizer.name!r} was not loaded: the weights stand in {os.fspath(plan.path)!r} "
            "in another order, found by their names, which its state does not have. Training can go on, with the state "
            "at its start.",
            stacklevel=4,
        )
        return
    fits = len(variables) == len(arrays) and all(
        v.shape == tuple(a.shape) and np.dtype(a.dtype).kind in "fiu" for v, a in zip(variables, arrays, strict=True)
    )
    if not fits:
        warnings.warn(
            f"the state of optimizer {optimizer.name!r} was not loaded: the model's has {len(variables)} variables, "
            f"the one in {os.fspath(plan.path)!r} {len(arrays)}, or their shapes differ. Training can go on, with the "
            "state at its start.",
            stacklevel=4,
        )
        return
    with reading(plan.path, "an optimizer's state"):
        plan.pairs.extend((v, np.array(a[()])) for v, a in zip(variables, arrays, strict=True))
