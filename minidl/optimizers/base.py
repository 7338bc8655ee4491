"""Optimizer: from gradients to new weights. What all of them share; the rules are in `rules.py`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from minidl.backends.devices.arrays import zeros_like
from minidl.constraints import constrain
from minidl.errors import ArgumentError, NotBuiltError
from minidl.layers.base.naming import snake_case, unique_name
from minidl.optimizers import schedules
from minidl.optimizers.clipping import clip_gradients
from minidl.optimizers.options import check_options
from minidl.optimizers.state import OptimizerState
from minidl.tape import apply, no_grad, where_it_lies
from minidl.tensor import Tensor, Variable, as_array


class Optimizer(OptimizerState):
    """Base of optimizers. One of your own defines `update_step(gradient, variable, learning_rate)`.

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

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        check_options(self, kwargs)
        self.built = False
        self._undecayed: tuple[set[int], tuple[str, ...]] = (set(), ())
        self._start_state(learning_rate)

    # ---- state

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the optimizer's state for these weights; a rule with slots adds them in its own `build`."""
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated = self.add_optimizer_variables(variables, "gradient_accumulator")
        self._places = {id(variable): place for place, variable in enumerate(variables)}
        self._trained = list(variables)
        self.built = True

    def _get_variable_index(self, variable: Variable) -> int:
        return self._places[id(variable)]

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
            pairs = self._pairs(grads, self._known_variables(trainable_variables, len(grads)))
            if self.loss_scale_factor is not None:
                pairs = [(_scaled(g, 1 / self.loss_scale_factor), v) for g, v in pairs]
            if self.gradient_accumulation_steps:
                pairs = self._accumulate(pairs, self.gradient_accumulation_steps)
            self._update(pairs)
            if self.use_ema:
                self._move_averages()
            for _, variable in pairs:
                if variable.constraint is not None:
                    constrain(variable)
        self._iterations.assign_add(1)

    def _known_variables(self, variables: Sequence[Variable] | None, count: int) -> list[Variable]:
        if variables is None:
            if not self.built:
                raise NotBuiltError(f"{self.name}: apply(grads) needs the variables too, or build(variables) first.")
            variables = self._trained
        variables = list(variables)
        if len(variables) != count:
            raise ArgumentError(f"{self.name}: one gradient a variable is needed. Got {count} for {len(variables)}.")
        if not self.built:
            self.build(variables)
        for variable in variables:
            if id(variable) not in self._places:
                raise ArgumentError(
                    f"{self.name}: its state was made for other variables than {variable.path!r}. Were layers added "
                    "or unfrozen after the first update, or does another model use this optimizer? "
                    "Call model.compile with a new optimizer."
                )
        return variables

    def _pairs(self, grads: list[Any], variables: list[Variable]) -> list[tuple[Tensor, Variable]]:
        missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
        if len(missing) == len(grads):
            raise ArgumentError(
                f"{self.name}: no variable has a gradient. Does the loss depend on the weights, and was it computed "
                "inside the tape?"
            )
        if missing:
            warnings.warn(
                f"{self.name}: there is no gradient for {', '.join(missing)}, so they stay as they are. "
                "Does the loss depend on them?",
                stacklevel=3,
            )
        return [(_as_gradient(g, v), v) for g, v in zip(grads, variables, strict=True) if g is not None]

    def _accumulate(self, pairs: list[tuple[Tensor, Variable]], steps: int) -> list[tuple[Tensor, Variable]]:
        """Add the gradients up; return their means on every `steps`-th call, nothing on the others."""
        due = (int(self._iterations) + 1) % steps == 0
        sums = []
        for gradient, variable in pairs:
            slot = self._accumulated[self._get_variable_index(variable)]
            with where_it_lies(slot, gradient):
                total = slot + gradient
            slot._replace(zeros_like(total.data) if due else total.data)
            if due:
                sums.append((_scaled(total, 1 / steps), variable))
        return sums

    def _update(self, pairs: list[tuple[Tensor, Variable]]) -> None:
        learning_rate = self.learning_rate
        gradients = clip_gradients([g for g, _ in pairs], self.clipnorm, self.clipvalue, self.global_clipnorm)
        for gradient, (_, variable) in zip(gradients, pairs, strict=True):
            self.update_step(gradient, variable, learning_rate)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        """Update one variable. A rule of your own calls `variable.assign_sub(…)`."""
        raise NotImplementedError(f"{type(self).__name__} must define update_step(gradient, variable, learning_rate)")

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

    def _decay_of(self, variable: Variable) -> float:
        ids, names = self._undecayed
        if self.weight_decay is None or id(variable) in ids or any(n in (variable.name or "") for n in names):
            return 0.0
        return float(self.weight_decay)

    def _move_averages(self) -> None:
        momentum = self.ema_momentum if int(self.iterations) else 0.0
        for variable, average in zip(self._trained, self._averages, strict=True):
            average.average_with(variable, momentum)
        every = self.ema_overwrite_frequency
        if every and (int(self.iterations) + 1) % every == 0:
            self.finalize_variable_values(self._trained)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Replace the weights by their moving averages, if there are any (`fit` does so at its end)."""
        if self.use_ema and self.built:
            for variable in var_list:
                if id(variable) in self._places:
                    variable.assign(self._averages[self._places[id(variable)]])

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss multiplied by `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer (without its state)."""
        rate = self._learning_rate
        if isinstance(rate, schedules.LearningRateSchedule):
            rate = schedules.serialize(rate)
        elif isinstance(rate, Variable):
            rate = float(rate)
        else:
            rate = getattr(rate, "__name__", str(rate))
        names = (
            "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum",
            "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps",
        )  # fmt: skip
        return {"name": self.name, "learning_rate": rate} | {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Return the optimizer of a configuration."""
        rate = config.get("learning_rate")
        read = {"learning_rate": schedules.deserialize(rate, custom_objects)} if isinstance(rate, dict) else {}
        return cls(**config | read)

    def __repr__(self) -> str:
        rate = float(self.learning_rate)
        return f"<{type(self).__name__} {self.name!r} learning_rate={rate:g}, {int(self._iterations)} updates done>"


def _as_gradient(gradient: Any, variable: Variable) -> Tensor:
    if isinstance(gradient, Tensor) and gradient.dtype == variable.dtype:
        return gradient
    return Tensor.wrap(as_array(gradient, variable.dtype))


def _scaled(gradient: Tensor, factor: float) -> Tensor:
    with where_it_lies(gradient):
        return gradient * factor
