"""The bank of 7, adam."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    # begin
    m, v, t = state if state is not None else (np.zeros_like(w), np.zeros_like(w), 0)
    t = t + 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    mean = m / (1 - beta1**t)
    square = v / (1 - beta2**t)
    w = w - lr * mean / (np.sqrt(square) + epsilon)
    state = (m, v, t)
    # end
    return w, state
""", "a tuple as state")
bank.solution("""
def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    if state is None:
        state = {"m": 0 * w, "v": 0 * w, "left1": 1.0, "left2": 1.0}
    new = {"left1": state["left1"] * beta1, "left2": state["left2"] * beta2}
    new["m"] = state["m"] + (1 - beta1) * (g - state["m"])
    new["v"] = state["v"] + (1 - beta2) * (g**2 - state["v"])
    rate = lr / (1 - new["left1"])
    return w - rate * new["m"] / ((new["v"] / (1 - new["left2"])) ** 0.5 + epsilon), new
""", "a dict, powers of beta kept")
bank.solution("""
import numpy as np


class Moments:
    def __init__(self, w):
        self.m, self.v, self.t = np.zeros_like(w), np.zeros_like(w), 0


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    state = state or Moments(w)
    state.t += 1
    state.m = beta1 * state.m + (1 - beta1) * g
    state.v = beta2 * state.v + (1 - beta2) * np.square(g)
    rate = lr * (1 - beta2**state.t) ** 0.5 / (1 - beta1**state.t)
    return w - rate * state.m / (np.sqrt(state.v) + epsilon), state  # ε uncorrected, as libraries do
""", "an object, corrections in the rate")

MEAN, SQUARE = "mean = m / (1 - beta1**t)", "square = v / (1 - beta2**t)"
STEP = "w = w - lr * mean / (np.sqrt(square) + epsilon)"
GRADIENTS = "    m = beta1 * m + (1 - beta1) * g\n    v = beta2 * v + (1 - beta2) * g * g\n"
bank.mistake("no_correction", "values", "no_correction", f"{MEAN} => mean = m", f"{SQUARE} => square = v")
bank.mistake("m_alone_corrected", "values", "m_alone_corrected", f"{SQUARE} => square = v")
bank.mistake("step_0", "values", "step_0", "    t = t + 1\n =>", "state = (m, v, t) => state = (m, v, t + 1)")
bank.mistake("always_step_1", "values", "always_step_1", "    t = t + 1\n =>     t = 1\n")
bank.mistake("not_counted", "values", "always_step_1", "state = (m, v, t) => state = (m, v, t - 1)")
bank.mistake("one_state", "values", "one_state", source="""
import numpy as np

kept = {}


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    if state is None:
        kept.update(m=np.zeros_like(w), v=np.zeros_like(w), t=0)
    kept["t"] += 1
    kept["m"] = beta1 * kept["m"] + (1 - beta1) * g
    kept["v"] = beta2 * kept["v"] + (1 - beta2) * g * g
    mean, square = kept["m"] / (1 - beta1 ** kept["t"]), kept["v"] / (1 - beta2 ** kept["t"])
    return w - lr * mean / (np.sqrt(square) + epsilon), True
""")
bank.mistake("one_global_state", "values", "one_state", source="""
import numpy as np

m = v = None
t = 0


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    global m, v, t
    if state is None and (m is None or t > 1):
        m, v, t = np.zeros_like(w), np.zeros_like(w), 0
    t += 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon), "global"
""")
bank.mistake("square_of_mean", "values", "square_of_mean", "(1 - beta2) * g * g => (1 - beta2) * m * m")
bank.mistake("no_square", "values", "square_of_mean", "v = beta2 * v + (1 - beta2) * g * g => v = (beta2 * np.sqrt(v) + (1 - beta2) * g) ** 2")
bank.mistake("steps_of_yesterday", "values", "steps_of_yesterday", f"{GRADIENTS} =>",
             f"    {STEP}\n =>     {STEP}\n{GRADIENTS}")
bank.mistake("corrected_kept", "values", "corrected_kept", "state = (m, v, t) => state = (mean, square, t)")
bank.mistake("corrected_in_place", "values", "corrected_kept", f"{MEAN} => mean = m = m / (1 - beta1**t)", f"{SQUARE} => square = v = v / (1 - beta2**t)")
bank.mistake("epsilon_in_root", "values", "epsilon_in_root", "(np.sqrt(square) + epsilon) => np.sqrt(square + epsilon)")
bank.mistake("no_epsilon", "values", "no_epsilon", "(np.sqrt(square) + epsilon) => np.sqrt(square)")
bank.mistake("no_root", "values", "no_root", "(np.sqrt(square) + epsilon) => (square + epsilon)")
bank.mistake("uphill", "values", "uphill", "w = w - lr => w = w + lr")
bank.mistake("betas_exchanged", "values", "betas_exchanged", "m = beta1 * m + (1 - beta1) * g\n => m = beta2 * m + (1 - beta2) * g\n",
             "v = beta2 * v + (1 - beta2) * g * g => v = beta1 * v + (1 - beta1) * g * g", "(1 - beta1**t) => (1 - BETA2**t)",
             "(1 - beta2**t) => (1 - beta1**t)", "BETA2 => beta2")
bank.mistake("weights_changed", "values", "F17 + weights_changed", f"{STEP} => w -= lr * mean / (np.sqrt(square) + epsilon)")
bank.mistake("in_float64", "values", "dtype", "(np.zeros_like(w), np.zeros_like(w), 0) => (np.zeros(w.shape), np.zeros(w.shape), 0)")
bank.mistake("power_for_product", "values", "power_for_product", f"{MEAN} => mean = m / (1 - beta1 * t)", f"{SQUARE} => square = v / (1 - beta2 * t)")
bank.mistake("sums_for_means", "values", "sums_for_means", "(1 - beta1) * g\n => g\n", "(1 - beta2) * g * g => g * g")
bank.mistake("one_state_of_the_function", "runs", "one_state", source="""
import numpy as np


def adam_step(w, g, state, lr, beta1, beta2, epsilon, kept={}):
    kept["t"] = kept.get("t", 0) + 1
    kept["m"] = beta1 * kept.get("m", 0 * w) + (1 - beta1) * g
    kept["v"] = beta2 * kept.get("v", 0 * w) + (1 - beta2) * g * g
    mean, square = kept["m"] / (1 - beta1 ** kept["t"]), kept["v"] / (1 - beta2 ** kept["t"])
    return w - lr * mean / (np.sqrt(square) + epsilon), kept
""")
bank.mistake("step_0_in_the_rate", "runs", "step_0", "    state.t += 1\n =>", "return w - rate * state.m => state.t += 1\n    return w - rate * state.m", of=2)
bank.mistake("corrected_kept_again", "values", "corrected_kept", source="""
import numpy as np


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    if state is None:
        state = (np.zeros_like(w), np.zeros_like(w), 0)
    m, v, t = state
    t += 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m = m / (1 - beta1**t)
    v = v / (1 - beta2**t)
    w = w - lr * m / (np.sqrt(v) + epsilon)
    return w, (m, v, t)
""")
bank.mistake("global_t", "values", "one_clock", source="""
import numpy as np

t = 0


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    global t
    t = t + 1
    if state is None:
        state = {"m": np.zeros_like(w), "v": np.zeros_like(w)}
    m = beta1 * state["m"] + (1 - beta1) * g
    v = beta2 * state["v"] + (1 - beta2) * g * g
    mh = m / (1 - beta1**t)
    vh = v / (1 - beta2**t)
    return w - lr * mh / (np.sqrt(vh) + epsilon), {"m": m, "v": v}
""")
bank.mistake("eps_inside", "values", "epsilon_in_root", source="""
import numpy as np


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    m, v, t = state if state is not None else (0.0, 0.0, 0)
    t = t + 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * np.square(g)
    return w - lr * (m / (1 - beta1**t)) / np.sqrt(v / (1 - beta2**t) + epsilon), (m, v, t)
""")
bank.mistake("step_late", "values", "step_late", source="""
import numpy as np


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    if state is None:
        state = [np.zeros_like(w), np.zeros_like(w), 0]
    m, v, t = state
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    c1 = 1 - beta1 ** max(t, 1)
    c2 = 1 - beta2 ** max(t, 1)
    w = w - lr * (m / c1) / (np.sqrt(v / c2) + epsilon)
    return w, [m, v, t + 1]
""")
bank.mistake("again_global_t", "values", "one_clock", source="""
import numpy as np


steps = 0


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    global steps
    steps += 1
    if state is None:
        m, v, t = np.zeros_like(w), np.zeros_like(w), 0
    else:
        m, v, t = state
    t = steps
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    w = w - lr * m_hat / (np.sqrt(v_hat) + epsilon)
    return w, (m, v, t)
""")
bank.mistake("again_eps_inside", "values", "epsilon_in_root", source="""
import numpy as np


def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    if state is None:
        m, v, t = np.zeros_like(w), np.zeros_like(w), 0
    else:
        m, v, t = state
    t = t + 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    w = w - lr * m_hat / np.sqrt(v_hat + epsilon)
    return w, (m, v, t)
""")
