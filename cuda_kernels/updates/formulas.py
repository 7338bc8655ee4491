"""The optimizers' formulas, for one weight: from (w, g) and its state to the new ones. All are Keras'.

Every device function is called update(w, g, s0, s1, s2, lr, size) -> (w, s0, s1, s2). States that an optimizer does
not have are given and come back unread. Settings are constants; the learning rate and the bias-corrected step size,
which change from step to step, are arguments.
"""
import functools
import math
from typing import NamedTuple

import numpy as np

from cuda_kernels._cuda import cuda, float32


class Settings(NamedTuple):
    """Settings of all optimizers, each of which uses its own."""

    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    rho: float = 0.9
    epsilon: float = 1e-7
    beta_1: float = 0.9
    beta_2: float = 0.999


@cuda.jit(device=True)
def moving_average(average, value, new_share):
    """(1 - new_share) average + new_share value."""
    return average + new_share * (value - average)


@functools.cache
def sgd(settings: Settings, present: tuple[bool, ...]):
    """s0 the velocity: v <- momentum v - lr g;   w <- w + v, or w + momentum v - lr g (nesterov)."""
    momentum, decay = np.float32(settings.momentum), np.float32(settings.weight_decay)
    has_velocity, nesterov = present[0], settings.nesterov

    @cuda.jit(device=True)
    def update(w, g, s0, s1, s2, lr, size):
        step = lr * g
        w -= lr * decay * w
        if has_velocity:
            s0 = momentum * s0 - step
            w += momentum * s0 - step if nesterov else s0
        else:
            w -= step
        return w, s0, s1, s2

    return update


@functools.cache
def rmsprop(settings: Settings, present: tuple[bool, ...]):
    """s0 the average of g^2, s1 the momentum, s2 the average of g (centered)."""
    momentum, decay = np.float32(settings.momentum), np.float32(settings.weight_decay)
    share, epsilon = np.float32(1 - settings.rho), np.float32(settings.epsilon)
    _, has_momentum, centered = present

    @cuda.jit(device=True)
    def update(w, g, s0, s1, s2, lr, size):
        w -= lr * decay * w
        s0 = moving_average(s0, g * g, share)
        spread = s0
        if centered:
            s2 = moving_average(s2, g, share)
            spread = max(s0 - s2 * s2, float32(0))  # a variance, which may round to below 0
        step = lr * g / math.sqrt(spread + epsilon)
        if has_momentum:
            s1 = momentum * s1 + step
            step = s1
        return w - step, s0, s1, s2

    return update


@functools.cache
def adam(settings: Settings, present: tuple[bool, ...]):
    """s0 the average of g (m), s1 of g^2 (v), s2 the largest v (AMSGrad). size = lr times the bias correction."""
    decay, epsilon = np.float32(settings.weight_decay), np.float32(settings.epsilon)
    m_share, v_share = np.float32(1 - settings.beta_1), np.float32(1 - settings.beta_2)
    amsgrad = present[2]

    @cuda.jit(device=True)
    def update(w, g, s0, s1, s2, lr, size):
        w -= lr * decay * w
        s0 = moving_average(s0, g, m_share)
        s1 = moving_average(s1, g * g, v_share)
        largest = s1
        if amsgrad:
            s2 = max(s2, s1)
            largest = s2
        return w - size * (s0 / (math.sqrt(largest) + epsilon)), s0, s1, s2

    return update


@functools.cache
def adagrad(settings: Settings, present: tuple[bool, ...]):
    """s0 the sum of all g^2."""
    decay, epsilon = np.float32(settings.weight_decay), np.float32(settings.epsilon)

    @cuda.jit(device=True)
    def update(w, g, s0, s1, s2, lr, size):
        w -= lr * decay * w
        s0 += g * g
        return w - lr * g / math.sqrt(s0 + epsilon), s0, s1, s2

    return update


# op -> its formula, the names of its states, and which of them may be None
FORMULAS = {
    "sgd_update": (sgd, ("velocity",), ("velocity",)),
    "rmsprop_update": (rmsprop, ("v", "m", "average"), ("m", "average")),
    "adam_update": (adam, ("m", "v", "v_max"), ("v_max",)),
    "adamw_update": (adam, ("m", "v", "v_max"), ("v_max",)),
    "adagrad_update": (adagrad, ("accumulator",), ()),
}
