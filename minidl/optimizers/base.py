"""Optimizer: from gradients to new weights. What all of them share; the rules are in `rules.py`."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minidl import config
from minidl.constraints import constrain
from minidl.errors import ArgumentError, NotBuiltError, ShapeError
from minidl.layers.base.naming import snake_case, unique_name
from minidl.optimizers import schedules
from minidl.optimizers.gradients import Trained, accumulated, clip_gradients, matched, move_averages, scaled
from minidl.optimizers.options import check_options, constructor, fields, own_fields, rate
from minidl.tape import apply, no_grad
from minidl.tensor import Tensor, Variable


class Optimizer:
    """Base of optimizers. One of your own defines `update_step(gradient, variable, learning_rate)`.

    Its arguments are the learning rate and the fields of its class, `name: type = default`; it may declare more.

    Parameters
    ----------
    learning_rate : number, schedule, or function without arguments
    weight_decay : w shrinks by learning_rate * weight_decay * w ahead of each update
    clipnorm : no gradient may be longer than this; clipvalue : no number in a gradient larger than this;
        global_clipnorm : all gradients together no longer than this. At most one of the three.
    use_ema : keep a moving average of the weights, ema_momentum * average + (1 - ema_momentum) * w, which replaces
        them every `ema_overwrite_frequency` updates, and at the end of `fit`
    loss_scale_factor : the loss was multiplied by this; gradients are divided by it
    gradient_accumulation_steps : update the weights every so many calls only, with the mean of the gradients
    name : by default the class's, "sgd"

    >>> import minidl, numpy as np
    >>> class SignDescent(Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         variable.assign_sub(learning_rate * np.sign(gradient))
    >>> w = minidl.Variable([1.0, 1.0])
    >>> SignDescent(0.5).apply([minidl.Tensor([3.0, -7.0])], [w])
    >>> w.numpy()
    array([0.5, 1.5], dtype=float32)
    """

    default_learning_rate: ClassVar[Any] = inspect.Parameter.empty  # the rules have one
    weight_decay: float | None = None
    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None
    use_ema: bool = False
    ema_momentum: float = 0.99
    ema_overwrite_frequency: int | None = None
    loss_scale_factor: float | None = None
    gradient_accumulation_steps: int | None = None
    name: Any = None

    if TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        begins = "default_learning_rate" in vars(cls) or own_fields(cls)
        if begins and hasattr(cls.__init__, "__signature__"):  # not one of somebody's own, here or in a base
            cls.__init__ = constructor(cls)  # type: ignore[method-assign]

    def _start(self, learning_rate: Any, **arguments: Any) -> None:
        """Do what an `__init__` does, with the arguments by name."""
        for name, value in arguments.items():
            setattr(self, name, value)
        self.name = self.name or unique_name(snake_case(type(self).__name__))
        check_options(self)
        self.built = False
        self._undecayed: tuple[set[int], tuple[str, ...]] = (set(), ())
        self._variables: list[Variable] = []
        self._trained = Trained([], {}, [], [])
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        self._learning_rate = learning_rate
        if not callable(learning_rate):
            self._learning_rate = self.add_variable((), name="learning_rate")
            self._learning_rate.assign(rate(type(self).__name__, learning_rate))

    # ---- state: variables in Keras' order and with Keras' names

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the optimizer's state for these weights; a rule with slots adds them in its own `build`."""
        averages = self.add_optimizer_variables(variables, "average") if self.use_ema else []
        adds = self.gradient_accumulation_steps
        sums = self.add_optimizer_variables(variables, "gradient_accumulator") if adds else []
        places = {id(variable): place for place, variable in enumerate(variables)}
        self._trained = Trained(list(variables), places, averages, sums)
        self.built = True

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
        scheduled = isinstance(self._learning_rate, schedules.LearningRateSchedule)
        return Tensor(self._learning_rate(*[int(self._iterations)] * scheduled), config.floatx())

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

    # ---- updating

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Update weights, given as pairs (gradient, variable); return the number of updates done.

        Raises
        ------
        ArgumentError : not pairs
        """
        pairs = list(grads_and_vars)
        if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
            raise ArgumentError(
                f"{self.name}: apply_gradients takes pairs (gradient, variable): zip(gradients, variables). Gradients "
                "alone go with optimizer.apply(gradients, variables)."
            )
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update weights by their gradients.

        Parameters
        ----------
        grads : one tensor or array for each variable; None leaves that variable as it is, with a warning
        trainable_variables : those of the first call fix the optimizer's state; by default the same again

        Raises
        ------
        ArgumentError : no gradients at all, numbers that differ, or a variable that the state was not made for
        """
        grads = list(grads)
        if not grads:
            return
        with no_grad():
            pairs = matched(self, grads, trainable_variables)
            if self.loss_scale_factor is not None:
                pairs = [(scaled(g, 1 / self.loss_scale_factor), v) for g, v in pairs]
            if self.gradient_accumulation_steps:
                pairs = accumulated(pairs, self._trained, int(self._iterations), self.gradient_accumulation_steps)
            learning_rate = self.learning_rate
            gradients = clip_gradients([g for g, _ in pairs], self.clipnorm, self.clipvalue, self.global_clipnorm)
            for gradient, (_, variable) in zip(gradients, pairs, strict=True):
                self.update_step(gradient, variable, learning_rate)
            if self.use_ema:
                move_averages(self._trained, self.ema_momentum if int(self.iterations) else 0.0)
                if self.ema_overwrite_frequency and (int(self.iterations) + 1) % self.ema_overwrite_frequency == 0:
                    self.finalize_variable_values(self._trained.weights)
            for _, variable in pairs:
                if variable.constraint is not None:
                    constrain(variable)
        self._iterations.assign_add(1)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        """Update one variable. A rule of your own calls `variable.assign_sub(…)`."""
        raise NotImplementedError(f"{type(self).__name__} must define update_step(gradient, variable, learning_rate)")

    def _get_variable_index(self, variable: Variable) -> int:
        return self._trained.places[id(variable)]

    def _run(
        self, op: str, gradient: Tensor, variable: Variable, slots: Sequence[Variable | None], **static: Any
    ) -> None:
        """Run an update op on a variable and its slots, which take over the arrays that it returns."""
        results = apply(op, variable, gradient, *slots, **static)
        for target, result in zip([variable, *(s for s in slots if s is not None)], results, strict=True):
            target._replace(result.data)

    # ---- weight decay, moving averages, loss scale

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Leave variables out of weight decay: those listed, and those whose name contains one of `var_names`."""
        if self.built:
            raise ArgumentError(f"{self.name}: exclude_from_weight_decay must come before the first update.")
        self._undecayed = ({id(v) for v in var_list or ()}, tuple(var_names or ()))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Replace the weights by their moving averages, if there are any (`fit` does so at its end)."""
        if self.use_ema and self.built:
            for variable in var_list:
                if id(variable) in self._trained.places:
                    variable.assign(self._trained.averages[self._get_variable_index(variable)])

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss multiplied by `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer (without its state)."""
        given = self._learning_rate
        if isinstance(given, Variable):
            given = float(given)
        elif isinstance(given, schedules.LearningRateSchedule):
            given = schedules.serialize(given)
        else:
            given = getattr(given, "__name__", str(given))
        # The order in which Keras writes those of all optimizers; a rule's own follow.
        names = dict.fromkeys(["name", "weight_decay", "clipnorm", "global_clipnorm", *fields(Optimizer)])
        names |= dict.fromkeys(fields(type(self)))
        config = {name: getattr(self, name) for name in names}
        return {"name": config.pop("name"), "learning_rate": given, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Return the optimizer of a configuration."""
        given = config.get("learning_rate")
        read = {"learning_rate": schedules.deserialize(given, custom_objects)} if isinstance(given, dict) else {}
        return cls(**config | read)

    def __repr__(self) -> str:
        now = f"learning_rate={float(self.learning_rate):g}, {int(self._iterations)} updates done"
        return f"<{type(self).__name__} {self.name!r} {now}>"


Optimizer.__init__ = constructor(Optimizer)  # type: ignore[method-assign]
