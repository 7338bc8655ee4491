"""Recurrent layers: host functions around the ladder's, with a mistake each; and a simple cell of one's own."""

from __future__ import annotations

import math

import numpy as np
from numba import cuda, float32

from cuda_kernels import ladder
from cuda_kernels.launch import empty
from student_kernels.bank import go, right, wrong


def changed(kernel, **positions):
    """The ladder's function with some of its arguments replaced, by position or name."""
    run_ladder = ladder.rung(kernel).run

    def run(*given, on=None, **settings):
        arrays = [positions[f"_{k}"] if f"_{k}" in positions else a for k, a in enumerate(given)]
        replaced = {name: value for name, value in positions.items() if not name.startswith("_")}
        return run_ladder(*arrays, **settings | replaced, on=on)

    return run


wrong("simple_rnn", "takes the activation, and uses tanh")(changed("simple_rnn", activation="tanh"))
wrong("simple_rnn", "the start state forgotten")(changed("simple_rnn", _4=None))
wrong("simple_rnn", "the mask forgotten")(changed("simple_rnn", _5=None))
wrong("simple_rnn", "the bias forgotten")(changed("simple_rnn", _3=None))
wrong("lstm", "the memory's start forgotten")(changed("lstm", _5=None))
wrong("lstm", "the mask forgotten")(changed("lstm", _6=None))
wrong("lstm", "takes the activation, and uses tanh")(changed("lstm", activation="tanh"))
wrong("lstm", "takes the gates' activation, and uses the sigmoid")(changed("lstm", recurrent_activation="sigmoid"))
wrong("gru", "the dropout of the state forgotten")(changed("gru", _6=None))
wrong("gru", "takes the activation, and uses tanh")(changed("gru", activation="tanh"))
wrong("simple_rnn_backward", "the gradient of the last state forgotten")(changed("simple_rnn_backward", _1=None))
wrong("lstm_backward", "the mask forgotten")(changed("lstm_backward", _7=None))


@wrong("gru", "update gate and its complement exchanged")
def _(x, w, u, b, h0, mask, recurrent_mask, *, on=None, **settings):
    units = len(u)

    def negated(a):
        if a is None:
            return None
        a = np.array(a)
        a[..., :units] *= -1
        return a

    return ladder.rung("gru").run(x, negated(w), negated(u), negated(b), h0, mask, recurrent_mask, on=on, **settings)


def own_rnn(transposed=False, first_state=True):
    """h[t] = tanh(x[t] w + h[t - 1] u + b), one thread a sample; everything else by the ladder's."""

    @cuda.jit
    def walk(x, w, u, b, h0, states, steps, inputs, units):
        n = cuda.grid(1)
        if n < states.shape[0]:
            for k in range(units):
                states[n, 0, k] = h0[n, k] if first_state else float32(0)
            for t in range(steps):
                for k in range(units):
                    total = b[k]
                    for d in range(inputs):
                        total += x[n, t, d] * w[d, k]
                    for j in range(units):
                        total += states[n, t, j] * (u[k, j] if transposed else u[j, k])
                    states[n, t + 1, k] = math.tanh(total)

    def run(x, w, u, b, h0, mask, recurrent_mask, *, activation="tanh", on=None):
        if mask is not None or recurrent_mask is not None or activation != "tanh":
            return ladder.rung("simple_rnn").run(x, w, u, b, h0, mask, recurrent_mask, activation=activation, on=on)
        (samples, steps, inputs), units = x.shape, len(u)
        states = empty((samples, steps + 1, units), like=x)
        b = np.zeros(units, np.float32) if b is None else b
        h0 = np.zeros((samples, units), np.float32) if h0 is None else h0
        go(walk, samples, x, w, u, b, h0, states, steps, inputs, units, on=on)
        sequence = np.ascontiguousarray(states[:, 1:])
        return sequence, np.ascontiguousarray(states[:, -1]), states

    return run


wrong("simple_rnn", "u transposed")(own_rnn(transposed=True))
right("simple_rnn", "one thread a sample")(own_rnn())
