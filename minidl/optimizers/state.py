"""An optimizer's state: the number of updates, the learning rate, and slots beside the weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import config
from minidl.errors import ArgumentError, NotBuiltError, ShapeError
from minidl.optimizers.options import rate
from minidl.optimizers.schedules import LearningRateSchedule
from minidl.tensor import Tensor, Variable


class OptimizerState:
    """The part of an optimizer that owns variables, in Keras' order and with Keras' names."""

    name: str
    built: bool
    gradient_accumulation_steps: int | None
    _variables: list[Variable]
    _places: dict[int, int]
    _trained: list[Variable]

    def _start_state(self, learning_rate: Any) -> None:
        self._variables = []
        self._places = {}
        self._trained = []
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        if callable(learning_rate):
            self._learning_rate: Any = learning_rate
        else:
            self._learning_rate = self.add_variable((), name="learning_rate")
            self._learning_rate.assign(rate(type(self).__name__, learning_rate))

    @property
    def variables(self) -> list[Variable]:
        """Number of updates, learning rate (unless it is a schedule), then the slots."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """How many updates were made."""
        if self.gradient_accumulation_steps:
            return Tensor(int(self._iterations) // self.gradient_accumulation_steps)
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate now: a variable that can be assigned, or the value of the schedule."""
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        if isinstance(self._learning_rate, LearningRateSchedule):
            value = self._learning_rate(int(self._iterations))
        else:
            value = self._learning_rate()
        return Tensor(value, config.floatx())

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        who = type(self).__name__
        if callable(value):
            self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(rate(who, value))
        else:
            raise ArgumentError(
                f"{who}: its learning_rate is a schedule, so it cannot be set to {value!r}. "
                "Make the optimizer with a number for a learning rate that callbacks or you can change."
            )

    @property
    def lr(self) -> Any:
        """Removed from Keras: use `learning_rate`."""
        raise AttributeError("optimizer.lr is no longer there; use optimizer.learning_rate instead.")

    @lr.setter
    def lr(self, value: Any) -> None:
        raise AttributeError(f"optimizer.lr is no longer there; use optimizer.learning_rate = {value!r} instead.")

    def add_variable(
        self, shape: Sequence[int], initializer: Any = "zeros", dtype: Any = None, name: str = "variable"
    ) -> Variable:
        """Make a variable of the optimizer's own; `initializer` is "zeros" or a number."""
        fill = 0.0 if initializer == "zeros" else float(initializer)
        array = np.full(tuple(shape), fill, dtype or config.floatx())
        variable = Variable(array, trainable=False, name=name, path=f"{self.name}/{name}")
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str = "var", initializer: Any = "zeros"
    ) -> Variable:
        """Make a slot: a variable of the shape and dtype of a weight."""
        path = f"{reference_variable.path.replace('/', '_')}_{name}"
        return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, path)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Make one slot, or several, for each weight.

        Parameters
        ----------
        name : of the slots: one, or a list

        Returns
        -------
        list of variables, or for a list of names one list for each name
        """
        names = [name] if isinstance(name, str) else list(name)
        # Weight by weight, not slot by slot: the order in which Keras saves them.
        rows = [[self.add_variable_from_reference(v, slot, initializer) for slot in names] for v in trainable_variables]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
        return columns[0] if isinstance(name, str) else columns

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the state, in the order of `variables`."""
        return [np.array(v.numpy()) for v in self._variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the state, in the order of `variables`.

        Raises
        ------
        NotBuiltError : before `build`; ShapeError : numbers or shapes that do not match, and nothing is changed
        """
        if not self.built:
            raise NotBuiltError(f"{self.name}: set_weights needs build(trainable_variables) first.")
        if len(weights) != len(self._variables):
            raise ShapeError(
                f"{self.name}: set_weights needs {len(self._variables)} arrays. Got {len(weights)}. "
                "Was the state saved from another kind of optimizer, or another model?"
            )
        for variable, value in zip(self._variables, weights, strict=True):
            if variable.shape != np.shape(value):
                raise ShapeError(f"{self.name}: {variable.path!r} has shape {variable.shape}. Got {np.shape(value)}.")
        for variable, value in zip(self._variables, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Write the state into a mapping: "0", "1" … as Keras does."""
        for place, variable in enumerate(self._variables):
            store[str(place)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the state from such a mapping; one of another size is left out with a warning, as in Keras."""
        if len(store.keys()) != len(self._variables):
            warnings.warn(
                f"the state of optimizer {self.name!r} was not loaded: it has {len(self._variables)} variables, the "
                f"saved one {len(store.keys())}. Training can go on, with the state at its start.",
                stacklevel=2,
            )
            return
        self.set_weights([np.asarray(store[str(place)]) for place in range(len(self._variables))])
