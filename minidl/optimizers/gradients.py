"""What happens around a rule: gradients matched with weights, added up, scaled and limited; decay; averages."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl import functional as F
from minidl.backends.devices.arrays import zeros_like
from minidl.errors import ArgumentError, NotBuiltError
from minidl.tape import where_it_lies
from minidl.tensor import Tensor, Variable, as_array


class Trained(NamedTuple):
    """The weights that an optimizer was built for, their places by id, and what it keeps beside all of them."""

    weights: list[Variable]
    places: dict[int, int]
    averages: list[Variable]  # moving ones, of the weights
    sums: list[Variable]  # of gradients, until the next update


Pairs = list[tuple[Tensor, Variable]]


def matched(optimizer: Any, grads: list[Any], variables: Sequence[Variable] | None) -> Pairs:
    """Return pairs (gradient, variable), without those that have no gradient; build the optimizer if it is not.

    Raises
    ------
    ArgumentError : no gradients at all, numbers that differ, or a variable that the state was not made for
    """
    who = optimizer.name
    if variables is None:
        if not optimizer.built:
            raise NotBuiltError(f"{who}: apply(grads) needs the variables too, or build(variables) first.")
        variables = optimizer._trained.weights
    variables = list(variables)
    if len(variables) != len(grads):
        raise ArgumentError(f"{who}: one gradient a variable is needed. Got {len(grads)} for {len(variables)}.")
    if not optimizer.built:
        optimizer.build(variables)
    for variable in variables:
        if id(variable) not in optimizer._trained.places:
            raise ArgumentError(
                f"{who}: its state was made for other variables than {variable.path!r}. Were layers added "
                "or unfrozen after the first update, or does another model use this optimizer? "
                "Call model.compile with a new optimizer."
            )
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if len(missing) == len(grads):
        raise ArgumentError(
            f"{who}: no variable has a gradient. Does the loss depend on the weights, and was it computed "
            "inside the tape?"
        )
    if missing:
        warnings.warn(
            f"{who}: there is no gradient for {', '.join(missing)}, so they stay as they are. "
            "Does the loss depend on them?",
            stacklevel=3,
        )
    return [(_as_gradient(g, v), v) for g, v in zip(grads, variables, strict=True) if g is not None]


def _as_gradient(gradient: Any, variable: Variable) -> Tensor:
    if isinstance(gradient, Tensor) and gradient.dtype == variable.dtype:
        return gradient
    return Tensor.wrap(as_array(gradient, variable.dtype))


def scaled(gradient: Tensor, factor: float) -> Tensor:
    """Return the gradient times a factor, where it lies."""
    with where_it_lies(gradient):
        return gradient * factor


def accumulated(pairs: Pairs, trained: Trained, done: int, steps: int) -> Pairs:
    """Add the gradients up; return their means on every `steps`-th call, nothing on the others."""
    due = (done + 1) % steps == 0
    means = []
    for gradient, variable in pairs:
        slot = trained.sums[trained.places[id(variable)]]
        with where_it_lies(slot, gradient):
            total = slot + gradient
        slot._replace(zeros_like(total.data) if due else total.data)
        if due:
            means.append((scaled(total, 1 / steps), variable))
    return means


def clip_gradients(
    gradients: list[Tensor],
    clipnorm: float | None = None,
    clipvalue: float | None = None,
    global_clipnorm: float | None = None,
) -> list[Tensor]:
    """Return the gradients limited in one of three ways; those given are not changed.

    Parameters
    ----------
    clipnorm : each gradient that is longer is shortened to this
    clipvalue : each number is limited to [-clipvalue, clipvalue]
    global_clipnorm : if all gradients together are longer, they are shortened by one factor

    >>> clip_gradients([Tensor([3.0, 4.0])], clipnorm=1.0)[0]
    <Tensor (2,) float32 [0.6 0.8]>
    """
    if clipnorm:
        return [g for gradient in gradients for g in shorten([gradient], clipnorm)]
    if global_clipnorm:
        return shorten(gradients, global_clipnorm)
    if clipvalue:
        with where_it_lies(*gradients):
            return [F.clip(g, -clipvalue, clipvalue) for g in gradients]
    return gradients


def shorten(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Multiply gradients by limit / length if they, as one long vector, are longer; infinite lengths give NaN."""
    if any(g.device != "cpu" for g in gradients):
        return _shorten_on_device(gradients, limit)
    length = math.sqrt(sum(float(np.vdot(g.data, g.data)) for g in gradients))
    if length <= limit:
        return gradients
    factor = limit / length if math.isfinite(length) else math.nan
    return [Tensor.wrap(np.asarray(g.data * g.dtype.type(factor))) for g in gradients]


def _shorten_on_device(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """As `shorten`. The length stays on the device: to ask whether it is above the limit would mean to wait for it."""
    with where_it_lies(*gradients):
        squares = [F.square(g).sum() for g in gradients]
        length = F.sqrt(sum(squares[1:], squares[0]))
        # 1 where the length is within the limit; length * 0 is NaN where it is not finite, and 0 otherwise.
        factor = limit / F.maximum(length, limit) + length * 0.0
        return [g * factor for g in gradients]


def decay_of(optimizer: Any, variable: Variable) -> float:
    """Return the weight decay of a variable; 0 for those that were left out of it."""
    ids, names = optimizer._undecayed
    if optimizer.weight_decay is None or id(variable) in ids or any(n in (variable.name or "") for n in names):
        return 0.0
    return float(optimizer.weight_decay)


def move_averages(trained: Trained, momentum: float) -> None:
    """Move the average of each weight towards it."""
    for variable, average in zip(trained.weights, trained.averages, strict=True):
        average.average_with(variable, momentum)
