"""The steps of the optimizers: one thread a weight."""

from __future__ import annotations

import math

import numpy as np
from numba import cuda, float32

from cuda_kernels import ladder
from cuda_kernels.launch import empty
from student_kernels.bank import go, right, wrong


def fresh(*arrays):
    return [empty(a.shape, like=a) for a in arrays]


# -- sgd ---------------------------------------------------------------------------------------------------------------


def sgd(mistake=""):
    sign, forgets, plain = (mistake == name for name in ("sign", "momentum", "nesterov"))
    coupled, no_decay, damped = mistake == "coupled", mistake == "decay", mistake == "damped"

    @cuda.jit
    def step(w, g, v, w_new, v_new, size, lr, momentum, nesterov, decay):
        i = cuda.grid(1)
        if i < size:
            slope = g[i] + decay * w[i] if coupled else g[i]
            old = w[i] if coupled or no_decay else w[i] - lr * decay * w[i]
            kept = float32(0.9) if forgets else momentum
            share = float32(1) - momentum if damped else float32(1)
            velocity = kept * v[i] - share * lr * slope
            v_new[i] = velocity
            if nesterov != 0 and not plain:
                velocity = kept * velocity - lr * slope
            w_new[i] = old - velocity if sign else old + velocity

    def run(w, dw, velocity, *, learning_rate, momentum=0.0, nesterov=False, weight_decay=0.0, on=None):
        given = np.zeros_like(w) if velocity is None else velocity
        w_new, v_new = fresh(w, w)
        flat = (a.reshape(-1) for a in (w, dw, given, w_new, v_new))
        numbers = (float(learning_rate), float(momentum), int(nesterov), float(weight_decay))
        go(step, w.size, *flat, w.size, *numbers, on=on)
        return (w_new,) if velocity is None else (w_new, v_new)

    return run


for mistake, what in {
    "sign": "uphill", "momentum": "takes the momentum, and uses 0.9", "nesterov": "takes nesterov, and does without",
    "coupled": "decay through the gradient", "decay": "takes the decay, and does without",
    "damped": "the gradient times 1 - momentum",
}.items():  # fmt: skip
    wrong("sgd_update", what)(sgd(mistake))
right("sgd_update", "all its settings")(sgd())


@wrong("sgd_update", "takes the rate, and uses 0.1")
def _(w, dw, velocity, *, learning_rate, momentum=0.0, nesterov=False, weight_decay=0.0, on=None):
    options = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    return ladder.rung("sgd_update").run(w, dw, velocity, learning_rate=0.1, **options, on=on)


@right("sgd_update", "without momentum, which is all it does")
def _(w, dw, velocity, *, learning_rate, on=None):
    w_new = ladder.rung("sgd_update").run(w, dw, None, learning_rate=learning_rate, on=on)[0]
    if velocity is None:
        return (w_new,)
    return w_new, ladder.rung("multiply").run(dw, np.full((1,), -learning_rate, np.float32), on=on)


# -- adam --------------------------------------------------------------------------------------------------------------


def adam(mistake="", decay_default=None):
    uncorrected, same_step, inside = (mistake == name for name in ("uncorrected", "step", "inside"))
    fixed_1, fixed_2, fixed_e = (mistake == name for name in ("beta_1", "beta_2", "epsilon"))
    old_moments, of_m, no_max, not_kept = (mistake == name for name in ("old", "m^2", "v_max", "not kept"))
    coupled, fixed_decay, of_new = (mistake == name for name in ("coupled", "decay", "of the new"))

    @cuda.jit
    def step_kernel(w, g, m, v, top, w_new, m_new, v_new, top_new, size, lr, b1, b2, root_1, root_2, epsilon, decay,
                    amsgrad):  # fmt: skip
        i = cuda.grid(1)
        if i < size:
            slope = g[i] + decay * w[i] if coupled else g[i]
            old = w[i] if coupled or of_new else w[i] - lr * decay * w[i]
            mean = b1 * m[i] + (float32(1) - b1) * slope
            term = mean * mean if of_m else slope * slope
            square = b2 * v[i] + (float32(1) - b2) * term
            m_new[i], v_new[i] = mean, square
            largest = max(top[i], square) if amsgrad != 0 and not no_max else square
            top_new[i] = square if not_kept else max(top[i], square)
            if old_moments:
                mean, largest = m[i], v[i]
            size_of_step = lr if uncorrected else lr * root_2 / root_1
            below = math.sqrt(largest + epsilon) if inside else math.sqrt(largest) + epsilon
            new = old - size_of_step * mean / below
            w_new[i] = new - lr * decay * new if of_new else new

    def run(w, dw, m, v, v_max, *, learning_rate, step, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None,
            on=None):  # fmt: skip
        decay = (decay_default or 0.0) if weight_decay is None else weight_decay
        b1, b2 = (0.9 if fixed_1 else beta_1), (0.999 if fixed_2 else beta_2)
        count = 1 if same_step else step
        numbers = (
            float(learning_rate), float(b1), float(b2), 1 - b1**count, math.sqrt(1 - b2**count),
            1e-7 if fixed_e else float(epsilon), 0.004 if fixed_decay else float(decay), int(v_max is not None),
        )  # fmt: skip
        top = np.zeros_like(w) if v_max is None else v_max
        new = fresh(w, w, w, w)
        flat = (a.reshape(-1) for a in (w, dw, m, v, top, *new))
        go(step_kernel, w.size, *flat, w.size, *numbers, on=on)
        return tuple(new[:3] if v_max is None else new)

    return run


for mistake, what in {
    "uncorrected": "no correction for the start", "step": "always the first step", "inside": "epsilon in the root",
    "beta_1": "takes beta_1, and uses 0.9", "beta_2": "takes beta_2, and uses 0.999",
    "epsilon": "takes epsilon, and uses 1e-7", "old": "steps with the moments of before", "m^2": "v averages m^2",
    "v_max": "takes v_max, and does without", "not kept": "v_max is the last v",
}.items():  # fmt: skip
    wrong("adam_update", what)(adam(mistake))
for mistake, what in {
    "coupled": "decay through the gradient", "decay": "takes the decay, and uses 0.004",
    "of the new": "decays the weight after the step",
}.items():  # fmt: skip
    wrong("adamw_update", what)(adam(mistake, decay_default=0.004))
wrong("adamw_update", "no decay by default")(adam())
right("adam_update", "all its settings")(adam())
right("adamw_update", "all its settings")(adam(decay_default=0.004))


@wrong("adam_update", "the step counted from 0")
def _(w, dw, m, v, v_max, *, learning_rate, step, beta_1=0.9, beta_2=0.999, epsilon=1e-7, on=None):
    options = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    return ladder.rung("adam_update").run(
        w, dw, m, v, v_max, learning_rate=learning_rate, step=max(step - 1, 1), **options, on=on
    )


# -- rmsprop, adagrad --------------------------------------------------------------------------------------------------


def rmsprop(mistake=""):
    fixed, outside, no_average, negative = (mistake == n for n in ("rho", "outside", "average", "negative"))
    summed, rate_outside, no_decay = (mistake == n for n in ("summed", "rate", "decay"))

    @cuda.jit
    def step(w, g, v, m, average, w_new, v_new, m_new, average_new, size, lr, rho, momentum, epsilon, decay,
             has_m, centered):  # fmt: skip
        i = cuda.grid(1)
        if i < size:
            kept = float32(0.9) if fixed else rho
            square = kept * v[i] + (float32(1) if summed else float32(1) - kept) * g[i] * g[i]
            mean = kept * average[i] + (float32(1) - kept) * g[i]
            spread = square
            if centered != 0 and not no_average:
                spread = square - mean * mean if negative else max(square - mean * mean, float32(0))
            below = math.sqrt(spread) + epsilon if outside else math.sqrt(spread + epsilon)
            change = lr * g[i] / below
            if has_m != 0:
                change = momentum * m[i] + (g[i] / below if rate_outside else change)
            v_new[i], m_new[i], average_new[i] = square, change, mean
            if rate_outside and has_m != 0:
                change = lr * change
            w_new[i] = w[i] - (float32(0) if no_decay else lr * decay * w[i]) - change

    def run(w, dw, v, m, average, *, learning_rate, rho=0.9, momentum=0.0, epsilon=1e-7, weight_decay=0.0, on=None):
        given = [np.zeros_like(w) if a is None else a for a in (m, average)]
        new = fresh(w, w, w, w)
        flat = (a.reshape(-1) for a in (w, dw, v, *given, *new))
        numbers = (float(learning_rate), float(rho), float(momentum), float(epsilon), float(weight_decay))
        go(step, w.size, *flat, w.size, *numbers, int(m is not None), int(average is not None), on=on)
        there = (True, True, m is not None, average is not None)
        return tuple(a for a, wanted in zip(new, there, strict=True) if wanted)

    return run


for mistake, what in {
    "rho": "takes rho, and uses 0.9", "outside": "epsilon outside of the root", "summed": "sums the squares",
    "average": "takes the average, and does without", "decay": "takes the decay, and does without",
    "rate": "the rate outside of the momentum",
}.items():  # fmt: skip
    wrong("rmsprop_update", what)(rmsprop(mistake))
right("rmsprop_update", "all its settings")(rmsprop())


def adagrad(mistake=""):
    forgets, outside, fixed, of_size = (mistake == n for n in ("forgets", "outside", "epsilon", "size"))

    @cuda.jit
    def step(w, g, a, w_new, a_new, size, lr, epsilon, decay):
        i = cuda.grid(1)
        if i < size:
            total = g[i] * g[i] if forgets else a[i] + (abs(g[i]) if of_size else g[i] * g[i])
            a_new[i] = total
            e = float32(1e-7) if fixed else epsilon
            below = math.sqrt(total) + e if outside else math.sqrt(total + e)
            w_new[i] = w[i] - lr * decay * w[i] - lr * g[i] / below

    def run(w, dw, accumulator, *, learning_rate, epsilon=1e-7, weight_decay=0.0, on=None):
        new = fresh(w, w)
        flat = (a.reshape(-1) for a in (w, dw, accumulator, *new))
        go(step, w.size, *flat, w.size, float(learning_rate), float(epsilon), float(weight_decay), on=on)
        return tuple(new)

    return run


for mistake, what in {
    "forgets": "the last square alone", "outside": "epsilon outside of the root",
    "epsilon": "takes epsilon, and uses 1e-7", "size": "sums the sizes",
}.items():  # fmt: skip
    wrong("adagrad_update", what)(adagrad(mistake))
right("adagrad_update", "all its settings")(adagrad())
