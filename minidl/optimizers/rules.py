"""The rules of updating: each names its arguments, its slots, and the op that does the arithmetic.

The ops are in `minidl/ops/updates.py`. A rule takes the learning rate, its own arguments in the order in which they
stand here, then those that all optimizers take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.optimizers.base import Optimizer
from minidl.optimizers.gradients import decay_of
from minidl.tensor import Tensor, Variable


class SGD(Optimizer):
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

    default_learning_rate = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the velocities, if there is momentum."""
        if not self.built:
            super().build(variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        velocity = self.momentums[self._get_variable_index(variable)] if self.momentum else None
        self._run(
            "sgd_update", gradient, variable, [velocity], learning_rate=float(learning_rate),
            momentum=self.momentum, nesterov=self.nesterov, weight_decay=decay_of(self, variable),
        )  # fmt: skip


class RMSprop(Optimizer):
    """Each gradient divided by the root of a moving average of its squares.

    Parameters
    ----------
    rho : share of the old average that is kept
    momentum : as for `SGD`
    epsilon : added below the root
    centered : divide by an estimate of the standard deviation instead
    others : as for `Optimizer`
    """

    default_learning_rate = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the averages."""
        if not self.built:
            super().build(variables)
            self._velocities = self.add_optimizer_variables(variables, "velocity")
            self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []
            averages = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []
            self._average_gradients = averages

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        place = self._get_variable_index(variable)
        slots = [
            self._velocities[place],
            self._momentums[place] if self.momentum else None,
            self._average_gradients[place] if self.centered else None,
        ]
        self._run(
            "rmsprop_update", gradient, variable, slots, learning_rate=float(learning_rate), rho=self.rho,
            momentum=self.momentum, epsilon=self.epsilon, weight_decay=decay_of(self, variable),
        )  # fmt: skip


class Adam(Optimizer):
    """Momentum, divided by the root of a moving average of the squared gradient.

    Parameters
    ----------
    beta_1, beta_2 : shares of the old averages (of gradients, of their squares) that are kept
    epsilon : added to the root
    amsgrad : divide by the largest average of squares so far
    others : as for `Optimizer`

    Source: Kingma & Ba, arXiv:1412.6980.
    """

    default_learning_rate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    amsgrad: bool = False

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the averages."""
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
            self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat") if self.amsgrad else []

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        place = self._get_variable_index(variable)
        slots = [
            self._momentums[place], self._velocities[place], self._velocity_hats[place] if self.amsgrad else None
        ]  # fmt: skip
        static = {
            "learning_rate": float(learning_rate), "step": int(self.iterations) + 1, "beta_1": self.beta_1,
            "beta_2": self.beta_2, "epsilon": self.epsilon,
        }  # fmt: skip
        decay = decay_of(self, variable)
        if decay:
            self._run("adamw_update", gradient, variable, slots, **static, weight_decay=decay)
        else:
            self._run("adam_update", gradient, variable, slots, **static)


class AdamW(Adam):
    """Adam with weight decay, which is applied to the weights themselves and not to the gradient.

    Source: Loshchilov & Hutter, arXiv:1711.05101.
    """

    weight_decay: float | None = 0.004


class Adagrad(Optimizer):
    """Each gradient divided by the root of the sum of all its squares so far.

    Parameters
    ----------
    initial_accumulator_value : what the sums start with
    epsilon : added below the root
    others : as for `Optimizer`
    """

    default_learning_rate = 0.001
    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the sums."""
        if not self.built:
            super().build(variables)
            start = self.initial_accumulator_value
            self._accumulators = self.add_optimizer_variables(variables, "accumulator", start)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        slots = [self._accumulators[self._get_variable_index(variable)]]
        self._run(
            "adagrad_update", gradient, variable, slots, learning_rate=float(learning_rate), epsilon=self.epsilon,
            weight_decay=decay_of(self, variable),
        )  # fmt: skip
