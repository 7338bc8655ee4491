"""Optimizer updates: from a weight, its gradient and the optimizer's state to the new weight and state.

Each is one op, so that a GPU does it in one kernel. They return new arrays (nothing is changed in place) and have no
backward. State arrays that an option does not need are None, and are left out of the result.

The formulas are those of Keras 3, with g for the gradient `dw` and lr for the learning rate. `weight_decay` shrinks
the weight ahead of the update, w (1 - lr weight_decay), and leaves the gradient alone ("decoupled", Loshchilov &
Hutter, arXiv:1711.05101).
"""

from __future__ import annotations

import math

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.ops.common.checks import require_float
from minidl.ops.op import Call, Count, Op

Arrays = tuple[np.ndarray, ...]


def sgd_update_forward(
    w: np.ndarray,
    dw: np.ndarray,
    velocity: np.ndarray | None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Arrays, None]:
    """Stochastic gradient descent, with momentum if a velocity is given.

        w <- w - lr g                                                         velocity None
        velocity <- momentum velocity - lr g;   w <- w + velocity             momentum
        velocity as above;                      w <- w + momentum velocity - lr g     nesterov

    Parameters
    ----------
    w, dw : float arrays of one shape and dtype
    velocity : the same, zeros at first, or None with momentum 0

    Returns
    -------
    (w, velocity) or (w,), new arrays; and None, there is no cache

    Raises
    ------
    ArgumentError : momentum is not 0 but there is no velocity
    ShapeError, DTypeError : the arrays differ

    Source: Sutskever et al., On the importance of initialization and momentum, ICML 2013.

    >>> (w, v), _ = sgd_update_forward(np.array([1.0]), np.array([0.5]), np.zeros(1), learning_rate=0.1, momentum=0.9)
    >>> w, v
    (array([0.95]), array([-0.05]))
    """
    check_update("sgd_update", w, dw, velocity=velocity)
    require_momentum("sgd_update", "a velocity", velocity, momentum)
    lr, momentum = float(learning_rate), float(momentum)
    w = decayed(w, lr, weight_decay)
    if velocity is None:
        return results(dw.dtype, w - lr * dw)
    velocity = momentum * velocity - lr * dw
    w = w + momentum * velocity - lr * dw if nesterov else w + velocity
    return results(dw.dtype, w, velocity)


def rmsprop_update_forward(
    w: np.ndarray,
    dw: np.ndarray,
    v: np.ndarray,
    m: np.ndarray | None,
    average: np.ndarray | None,
    *,
    learning_rate: float,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    weight_decay: float = 0.0,
) -> tuple[Arrays, None]:
    """RMSprop: divide every gradient by the root of a moving average of its squares.

        v       <- rho v + (1 - rho) g^2
        average <- rho average + (1 - rho) g                    "centered", if an average is given
        step     = lr g / sqrt(v - average^2 + epsilon)         (average 0 otherwise)
        m       <- momentum m + step;   w <- w - m              if m is given, else w <- w - step

    Parameters
    ----------
    w, dw : float arrays of one shape and dtype
    v, m, average : the same, zeros at first; m None with momentum 0, average None unless centered

    Returns
    -------
    (w, v[, m][, average]), new arrays without those that were None; and None

    Raises
    ------
    ArgumentError : momentum is not 0 but there is no m
    ShapeError, DTypeError : the arrays differ

    Source: Tieleman & Hinton, Lecture 6.5, Neural Networks for Machine Learning (2012).

    >>> (w, v), _ = rmsprop_update_forward(np.ones(1), np.array([2.0]), np.zeros(1), None, None, learning_rate=0.1)
    >>> w.round(4), v.round(4)
    (array([0.6838]), array([0.4]))
    """
    check_update("rmsprop_update", w, dw, v=v, m=m, average=average)
    require_momentum("rmsprop_update", "the array m", m, momentum)
    lr = float(learning_rate)
    v = moving_average(v, dw * dw, rho)
    variance = v
    if average is not None:
        average = moving_average(average, dw, rho)
        # Trap: v - average^2, a variance, may round to below 0 where all gradients are equal; its root would be NaN.
        variance = np.maximum(v - average * average, 0)
    step = lr * dw / np.sqrt(variance + float(epsilon))
    if m is not None:
        step = m = float(momentum) * m + step
    return results(dw.dtype, decayed(w, lr, weight_decay) - step, v, m, average)


def adam_update_forward(
    w: np.ndarray,
    dw: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    v_max: np.ndarray | None,
    *,
    learning_rate: float,
    step: int,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> tuple[Arrays, None]:
    """Adam: momentum, divided by the root of a moving average of the squared gradient.

        m <- m + (1 - beta_1) (g - m),   v <- v + (1 - beta_2) (g^2 - v),   v_max <- max(v_max, v)
        w <- w - lr sqrt(1 - beta_2^step) / (1 - beta_1^step) * m / (sqrt(v) + epsilon)

    The second factor makes up for m and v having started at 0. If v_max is given, it stands for v in the last line
    ("AMSGrad"). As in Keras, epsilon is the paper's epsilon hat, beside the root of the uncorrected v.

    Parameters
    ----------
    w, dw : float arrays of one shape and dtype
    m, v, v_max : the same, zeros at first; v_max None unless AMSGrad is wanted
    step : 1 for the first update

    Returns
    -------
    (w, m, v) or (w, m, v, v_max), new arrays; and None

    Raises
    ------
    ArgumentError : step is below 1
    ShapeError, DTypeError : the arrays differ

    Source: Kingma & Ba, arXiv:1412.6980, end of section 2; Reddi, Kale & Kumar, ICLR 2018, for AMSGrad.

    >>> zeros = np.zeros(2)
    >>> state, _ = adam_update_forward(zeros, np.array([3.0, -0.1]), zeros, zeros, None, learning_rate=0.5, step=1)
    >>> state[0].round(3)            # whatever their size, the first steps are of the learning rate
    array([-0.5,  0.5])
    """
    check_update("adam_update", w, dw, m=m, v=v, v_max=v_max)
    require_step("adam_update", step)
    m, v = moving_average(m, dw, beta_1), moving_average(v, dw * dw, beta_2)
    if v_max is not None:
        v_max = np.maximum(v_max, v)
    size = float(learning_rate) * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    change = size * (m / (np.sqrt(v if v_max is None else v_max) + float(epsilon)))
    return results(dw.dtype, w - change, m, v, v_max)


def adamw_update_forward(
    w: np.ndarray,
    dw: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    v_max: np.ndarray | None,
    *,
    learning_rate: float,
    step: int,
    weight_decay: float = 0.004,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> tuple[Arrays, None]:
    """Adam with decoupled weight decay: w <- w - lr weight_decay w first, then `adam_update`.

    A penalty in the gradient would be divided by sqrt(v) like the rest of it; this decay is not. Parameters, results
    and errors as for `adam_update_forward`; `weight_decay` 0.004 is Keras' default.

    Source: Loshchilov & Hutter, arXiv:1711.05101, algorithm 2.

    >>> one, zero = np.ones(1), np.zeros(1)
    >>> state, _ = adamw_update_forward(one, zero, zero, zero, None, learning_rate=0.5, step=1, weight_decay=0.1)
    >>> state[0]
    array([0.95])
    """
    check_update("adamw_update", w, dw, m=m, v=v, v_max=v_max)
    require_step("adamw_update", step)
    w = np.asarray(decayed(w, float(learning_rate), weight_decay))
    return adam_update_forward(
        w, dw, m, v, v_max, learning_rate=learning_rate, step=step, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon
    )  # fmt: skip


def adagrad_update_forward(
    w: np.ndarray,
    dw: np.ndarray,
    accumulator: np.ndarray,
    *,
    learning_rate: float,
    epsilon: float = 1e-7,
    weight_decay: float = 0.0,
) -> tuple[Arrays, None]:
    """Adagrad: divide every gradient by the root of the sum of all its squares so far.

        accumulator <- accumulator + g^2
        w <- w - lr g / sqrt(accumulator + epsilon)

    Parameters
    ----------
    w, dw : float arrays of one shape and dtype
    accumulator : the same; Keras starts it at 0.1

    Returns
    -------
    (w, accumulator), new arrays; and None

    Raises
    ------
    ShapeError, DTypeError : the arrays differ

    Source: Duchi, Hazan & Singer, JMLR 12 (2011).

    >>> (w, a), _ = adagrad_update_forward(np.ones(1), np.array([2.0]), np.zeros(1), learning_rate=0.1)
    >>> w.round(4), a
    (array([0.9]), array([4.]))
    """
    check_update("adagrad_update", w, dw, accumulator=accumulator)
    lr = float(learning_rate)
    accumulator = accumulator + dw * dw
    w = decayed(w, lr, weight_decay) - lr * dw / np.sqrt(accumulator + float(epsilon))
    return results(dw.dtype, w, accumulator)


def moving_average(average: np.ndarray, value: np.ndarray, kept: float) -> np.ndarray:
    """Return kept * average + (1 - kept) * value."""
    return average + (1 - float(kept)) * (value - average)


def decayed(w: np.ndarray, lr: float, weight_decay: float | None) -> np.ndarray:
    """Return w less its weight decay."""
    return w * (1 - lr * float(weight_decay or 0.0))


def results(dtype: np.dtype, *arrays: np.ndarray | None) -> tuple[Arrays, None]:
    """Return those that there are, and no cache; of arrays of rank 0 NumPy has made numbers."""
    return tuple(np.asarray(array, dtype) for array in arrays if array is not None), None


def check_update(op: str, w: np.ndarray, dw: np.ndarray, **state: np.ndarray | None) -> None:
    """Raise unless the weight, its gradient and its state are float arrays of one shape."""
    arrays = {"w": w, "dw": dw} | {name: array for name, array in state.items() if array is not None}
    require_float(op, **arrays)
    for name, array in arrays.items():
        if array.shape != w.shape:
            raise ShapeError(
                f"{op}: {name} must have the shape of w. Got {name} {array.shape}, w {w.shape}. "
                "Was the optimizer's state made for another model?"
            )


def require_momentum(op: str, name: str, array: np.ndarray | None, momentum: float) -> None:
    """Raise unless there is an array to keep a momentum in."""
    if array is None and momentum != 0:
        raise ArgumentError(f"{op}: momentum {momentum} needs {name}. Got None; start with zeros.")


def require_step(op: str, step: int) -> None:
    """Raise unless the steps are counted from 1."""
    if step < 1:
        raise ArgumentError(f"{op}: step must be at least 1. Got {step}. The first update is step 1, not 0.")


def _a_weight(plain: float, **extra: float) -> Count:
    """So many operations a weight, and more for each option that is set."""

    def count(call: Call) -> float:
        return call.n * (plain + sum(more for option, more in extra.items() if call.static.get(option)))

    return f"{plain:g} a weight" + "".join(f", {more:g} for {option}" for option, more in extra.items()), count


_RATE = {"learning_rate": 0.01}
_ADAM = "m ← m + (1 − β₁)(dw − m),  v ← v + (1 − β₂)(dw² − v);  w ← w − lr √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε)"

# fmt: off
OPS = (
    Op(
        "sgd_update", sgd_update_forward, form="update",
        flops=(_a_weight(2, momentum=2, nesterov=2, weight_decay=2), 0),
        maths=("velocity ← momentum · velocity − lr dw;  w ← w + velocity  (w − lr dw without momentum)",),
        values="positive", static=_RATE, shapes=lambda n: [(n, n), (n, n), None],
    ),
    Op(
        "rmsprop_update", rmsprop_update_forward, form="update", flops=(_a_weight(8, momentum=2, weight_decay=2), 0),
        maths=("v ← ρ v + (1 − ρ) dw²;  w ← w − lr dw / √(v − average² + ε)",),
        values="positive", static=_RATE, shapes=lambda n: [(n, n), (n, n), (n, n), None, None],
    ),
    Op(
        "adam_update", adam_update_forward, form="update", flops=(_a_weight(11), 0), maths=(_ADAM,),
        values="positive", static=_RATE | {"step": 1}, shapes=lambda n: [(n, n), (n, n), (n, n), (n, n), None],
    ),
    Op(
        "adamw_update", adamw_update_forward, form="update", flops=(_a_weight(11, weight_decay=2), 0),
        maths=(f"w ← w − lr λ w, then Adam: {_ADAM}",),
        values="positive", static=_RATE | {"step": 1}, shapes=lambda n: [(n, n), (n, n), (n, n), (n, n), None],
    ),
    Op(
        "adagrad_update", adagrad_update_forward, form="update", flops=(_a_weight(6, weight_decay=2), 0),
        maths=("accumulator ← accumulator + dw²;  w ← w − lr dw / √(accumulator + ε)",),
        values="positive", static=_RATE,
    ),
)
# fmt: on
