"""The rules of updating: each names its arguments, its slots, and the op that does the arithmetic.

The ops are in `minidl/ops/updates.py`. A rule takes the learning rate, its own arguments in the order in which they
stand here, then those that all optimizers take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from minidl.ops.op import records
from minidl.optimizers.base import Optimizer
from minidl.optimizers.gradients import decay_of
from minidl.tensor import Tensor, Variable


class Rule(Optimizer):
    """Base of the rules here: an update op, whose settings are the rule's attributes, and slots for its states.

    A slot that belongs to an option is there where the option is set; else the op is given None.
    """

    ops: ClassVar[Sequence[str]]  # the op, and the one for a variable with weight decay where that is another
    slots: ClassVar[Sequence[tuple[Sequence[str], str]]]  # in the op's order: names of those made together, and option

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots."""
        if self.built:
            return
        super().build(variables)
        start = getattr(self, "initial_accumulator_value", "zeros")
        self._slots: dict[str, list[Variable]] = {}
        for names, option in self.slots:
            if not option or getattr(self, option):
                self._slots |= zip(names, self.add_optimizer_variables(variables, names, start), strict=True)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        """Run the op on the variable and its slots."""
        place, decay = self._get_variable_index(variable), decay_of(self, variable)
        names = [name for together, _ in self.slots for name in together]
        slots = [self._slots[name][place] if name in self._slots else None for name in names]
        op = self.ops[-1] if decay else self.ops[0]
        now = {"learning_rate": float(learning_rate), "step": int(self.iterations) + 1, "weight_decay": decay}
        settings = {name: now[name] if name in now else getattr(self, name) for name in records()[op].settings}
        self._run(op, gradient, variable, slots, **settings)


class SGD(Rule):
    """Gradient descent: w - learning_rate * gradient, with momentum and Nesterov's variant of it.

    Parameters
    ----------
    learning_rate : number, schedule, or function without arguments
    momentum : share of the step before that is added to each step, from 0 to 1
    nesterov : look one step of the momentum ahead
    others : as for `Optimizer`

    >>> import minidl
    >>> w = minidl.Variable([1.0])
    >>> SGD(0.1).apply([minidl.Tensor([2.0])], [w])
    >>> w.numpy()
    array([0.8], dtype=float32)
    """

    ops = ("sgd_update",)
    slots = [(["momentum"], "momentum")]
    default_learning_rate = 0.01
    momentum: float = 0.0
    nesterov: bool = False


class RMSprop(Rule):
    """Each gradient divided by the root of a moving average of its squares.

    Parameters
    ----------
    rho : share of the old average that is kept
    momentum : as for `SGD`
    epsilon : added below the root
    centered : divide by an estimate of the standard deviation instead
    others : as for `Optimizer`
    """

    ops = ("rmsprop_update",)
    slots = [(["velocity"], ""), (["momentum"], "momentum"), (["average_gradient"], "centered")]
    default_learning_rate = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False


class Adam(Rule):
    """Momentum, divided by the root of a moving average of the squared gradient.

    Parameters
    ----------
    beta_1, beta_2 : shares of the old averages (of gradients, of their squares) that are kept
    epsilon : added to the root
    amsgrad : divide by the largest average of squares so far
    others : as for `Optimizer`

    Source: Kingma & Ba, arXiv:1412.6980.
    """

    ops = ("adam_update", "adamw_update")
    slots = [(["momentum", "velocity"], ""), (["velocity_hat"], "amsgrad")]
    default_learning_rate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    amsgrad: bool = False


class AdamW(Adam):
    """Adam with weight decay, which is applied to the weights themselves and not to the gradient.

    Source: Loshchilov & Hutter, arXiv:1711.05101.
    """

    weight_decay: float | None = 0.004


class Adagrad(Rule):
    """Each gradient divided by the root of the sum of all its squares so far.

    Parameters
    ----------
    initial_accumulator_value : what the sums start with
    epsilon : added below the root
    others : as for `Optimizer`
    """

    ops = ("adagrad_update",)
    slots = [(["accumulator"], "")]
    default_learning_rate = 0.001
    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7
