"""Optimizer updates, fast: the formulas of `minidl/ops/updates.py`, each step written over the one before it.

A weight of millions of numbers goes through the processor's memory once for every array that a formula makes; here it
makes few, in recycled memory.
"""

from __future__ import annotations

import math

import numpy as np

from minidl.backends.cpu import workspace
from minidl.ops.updates import check_update, require_momentum, require_step


def sgd_update_forward(w, dw, velocity, *, learning_rate, momentum, nesterov, weight_decay):
    """velocity <- momentum velocity - lr g;   w <- w + velocity, or as nesterov has it."""
    check_update("sgd_update", w, dw, velocity=velocity)
    require_momentum("sgd_update", "a velocity", velocity, momentum)
    lr = float(learning_rate)
    step = _scaled(dw, -lr)
    w_new = _decayed(w, lr, weight_decay)
    if velocity is None:
        w_new += step
        return (w_new,), None
    v_new = _scaled(velocity, momentum)
    v_new += step
    if nesterov:
        w_new += step
        w_new += np.multiply(v_new, float(momentum), out=step)
    else:
        w_new += v_new
    return (w_new, v_new), None


def rmsprop_update_forward(w, dw, v, m, average, *, learning_rate, rho, momentum, epsilon, weight_decay):
    """v <- rho v + (1 - rho) g^2;   w <- w - lr g / sqrt(v + epsilon), with its options."""
    check_update("rmsprop_update", w, dw, v=v, m=m, average=average)
    require_momentum("rmsprop_update", "the array m", m, momentum)
    lr = float(learning_rate)
    w_new = _decayed(w, lr, weight_decay)
    v_new = _moving_average(v, np.square(dw, out=_like(w)), rho)
    average_new = None if average is None else _moving_average(average, dw, rho)
    root = v_new.copy()
    if average_new is not None:
        # Trap: v - average^2, a variance, may round to below 0 where all gradients are equal; its root would be NaN.
        root -= np.square(average_new)
        np.maximum(root, 0, out=root)
    root += float(epsilon)
    np.sqrt(root, out=root)
    step = _scaled(dw, lr)
    step /= root
    m_new = None if m is None else _scaled(m, momentum)
    if m_new is not None:
        m_new += step
        step = m_new
    w_new -= step
    return tuple(array for array in (w_new, v_new, m_new, average_new) if array is not None), None


def adam_update_forward(w, dw, m, v, v_max, *, learning_rate, step, beta_1, beta_2, epsilon):
    """m and v <- moving averages of g and g^2;   w <- w - lr m / (sqrt(v) + epsilon), made up for their start at 0."""
    check_update("adam_update", w, dw, m=m, v=v, v_max=v_max)
    require_step("adam_update", step)
    size = float(learning_rate) * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    m_new = _moving_average(m, dw, beta_1)
    v_new = _moving_average(v, np.square(dw, out=_like(w)), beta_2)
    largest = v_new if v_max is None else np.maximum(v_max, v_new, out=_like(w))
    change = np.sqrt(largest, out=_like(w))
    change += float(epsilon)
    np.divide(m_new, change, out=change)
    change *= size
    w_new = np.subtract(w, change, out=change)
    return (w_new, m_new, v_new) if v_max is None else (w_new, m_new, v_new, largest), None


def adamw_update_forward(w, dw, m, v, v_max, *, learning_rate, step, weight_decay, beta_1, beta_2, epsilon):
    """w <- w - lr weight_decay w, then `adam_update`."""
    check_update("adamw_update", w, dw, m=m, v=v, v_max=v_max)
    require_step("adamw_update", step)
    w = _decayed(w, float(learning_rate), weight_decay)
    return adam_update_forward(
        w, dw, m, v, v_max, learning_rate=learning_rate, step=step, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon
    )  # fmt: skip


def adagrad_update_forward(w, dw, accumulator, *, learning_rate, epsilon, weight_decay):
    """accumulator <- accumulator + g^2;   w <- w - lr g / sqrt(accumulator + epsilon)."""
    check_update("adagrad_update", w, dw, accumulator=accumulator)
    lr = float(learning_rate)
    w_new = _decayed(w, lr, weight_decay)
    a_new = np.square(dw, out=_like(w))
    a_new += accumulator
    root = np.add(a_new, float(epsilon), out=_like(w))
    np.sqrt(root, out=root)
    step = _scaled(dw, lr)
    step /= root
    w_new -= step
    return (w_new, a_new), None


def _moving_average(average: np.ndarray, value: np.ndarray, kept: float) -> np.ndarray:
    """Return kept * average + (1 - kept) * value, as average + (1 - kept) (value - average): no second array."""
    new = np.subtract(value, average, out=_like(average))
    new *= 1 - kept
    new += average
    return new


def _scaled(x: np.ndarray, factor: float) -> np.ndarray:
    # float(): a NumPy float64 scalar, unlike a Python number, would turn a float32 array into float64.
    return np.multiply(x, float(factor), out=_like(x))


def _decayed(w: np.ndarray, lr: float, weight_decay: float | None) -> np.ndarray:
    """Return a new array: w less its weight decay."""
    return _scaled(w, 1 - lr * (weight_decay or 0.0))


def _like(x: np.ndarray) -> np.ndarray:
    return workspace.empty(x.shape, x.dtype)
