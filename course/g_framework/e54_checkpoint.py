"""The bank of 54, checkpoint."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import minidl


def forward(x, *arrays, function, weights):
    # begin
    with minidl.no_grad():
        y = function(minidl.Tensor(x))
    return y.numpy(), (x, function, weights)
    # end


def backward(dy, cache):
    # begin
    x, function, weights = cache
    x = minidl.Tensor(x)
    with minidl.no_grad():
        with minidl.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        found = tape.gradient(y, [x, *weights], dy)
    return tuple(gradient.numpy() for gradient in found)
    # end


checkpointed = minidl.register_op("checkpointed", forward, backward)


def checkpoint(function, weights):
    def run(x):
        # begin
        return checkpointed(x, *weights, function=function, weights=weights)
        # end

    return run
""", "one op, inner tape")
bank.solution("""
from typing import Any, NamedTuple

import numpy as np

from minidl import GradientTape, Variable, no_grad, register_op


class Kept(NamedTuple):
    given: np.ndarray
    again: Any


class Again:
    def __init__(self, function, weights):
        self.function, self.weights = function, list(weights)

    def plainly(self, x):
        with no_grad():
            return np.array(self.function(Variable(x, trainable=False)).numpy())

    def gradients(self, x, dy):
        x = Variable(x)
        with no_grad():
            with GradientTape() as tape:
                loss = self.function(x)
            return tape.gradient(loss, {"x": x, "w": self.weights}, output_gradients=dy, unconnected_gradients="zero")


def once(*arrays, again):
    return again.plainly(arrays[0]), Kept(arrays[0], again)


def twice(dy, kept):
    found = kept.again.gradients(kept.given, dy)
    return (np.array(found["x"].numpy()), *[np.array(g.numpy()) for g in found["w"]])


op = register_op("compute_again", once, twice)


def checkpoint(function, weights):
    again = Again(function, weights)
    return lambda x: op(x, *again.weights, again=again)
""", "an object that knows both runs")

INNER = "    with minidl.no_grad():\n        with minidl.GradientTape() as tape:"
KEPT = "return y.numpy(), (x, function, weights)"
bank.mistake("keeps_a_tape", "values", "keeps_all", source="""
import minidl


def forward(x, *arrays, function, weights):
    x = minidl.Tensor(x)
    with minidl.no_grad(), minidl.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return y.numpy(), (tape, x, y, weights)


def backward(dy, cache):
    tape, x, y, weights = cache
    return tuple(g.numpy() for g in tape.gradient(y, [x, *weights], dy))


checkpointed = minidl.register_op("checkpointed", forward, backward)


def checkpoint(function, weights):
    return lambda x: checkpointed(x, *weights, function=function, weights=weights)
""")
bank.mistake("keeps_a_tape_too", "values", "keeps_all", "    with minidl.no_grad():\n        y = function(minidl.Tensor(x))\n => "
             "    with minidl.no_grad(), minidl.GradientTape() as first:\n        y = function(minidl.Tensor(x))\n",
             f"{KEPT} => return y.numpy(), (x, function, weights, first)", "x, function, weights = cache => x, function, weights, _ = cache")
bank.mistake("on_the_tape", "values", "on_the_tape", "    with minidl.no_grad():\n        y = function(minidl.Tensor(x))\n => "
             "    y = function(minidl.Tensor(x))\n")
bank.mistake("under_the_outer_tape", "values", "under_the_outer_tape", f"{INNER} =>     if True:\n        with minidl.GradientTape() as tape:")
bank.mistake("walk_on_the_outer_tape", "values", "under_the_outer_tape", "        found = tape.gradient => "
             "    found = tape.gradient")
bank.mistake("weights_no_inputs", "runs", "weights_are_inputs", "checkpointed(x, *weights, function => checkpointed(x, function",
             "[x, *weights], dy) => [x], dy)")
bank.mistake("weights_copied", "runs", "weights_are_inputs", "checkpointed(x, *weights, function => checkpointed(x, *[w.numpy() for w in weights], function")
bank.mistake("x_not_watched", "runs", "x_not_watched", "            tape.watch(x)\n =>")
bank.mistake("no_dy", "values", "no_dy", "[x, *weights], dy) => [x, *weights])")
bank.mistake("times_dy", "values", "no_dy", "    return tuple(gradient.numpy() for gradient in found)\n => "
             "    return (found[0].numpy() * dy, *[gradient.numpy() for gradient in found[1:]])\n", "[x, *weights], dy) => [x, *weights])")
bank.mistake("one_input_kept", "values", "one_input_kept", source="""
import minidl

seen = {}


def forward(x, *arrays, function, weights):
    with minidl.no_grad():
        y = function(minidl.Tensor(x))
    seen[function] = x
    return y.numpy(), (function, weights)


def backward(dy, cache):
    function, weights = cache
    x = minidl.Tensor(seen[function])
    with minidl.no_grad(), minidl.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tuple(g.numpy() for g in tape.gradient(y, [x, *weights], dy))


checkpointed = minidl.register_op("checkpointed", forward, backward)


def checkpoint(function, weights):
    return lambda x: checkpointed(x, *weights, function=function, weights=weights)
""")
bank.mistake("once_a_weight", "values", "once_a_weight", source="""
import minidl


def forward(x, *arrays, function, weights):
    with minidl.no_grad():
        y = function(minidl.Tensor(x))
    return y.numpy(), (x, function, weights)


def backward(dy, cache):
    x, function, weights = cache
    x = minidl.Tensor(x)
    found = []
    for source in (x, *weights):
        with minidl.no_grad(), minidl.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        found.append(tape.gradient(y, source, dy).numpy())
    return tuple(found)


checkpointed = minidl.register_op("checkpointed", forward, backward)


def checkpoint(function, weights):
    return lambda x: checkpointed(x, *weights, function=function, weights=weights)
""")
bank.mistake("in_float64", "runs", "in_float64", "    x = minidl.Tensor(x)\n =>     x = minidl.Tensor(x.astype('float64'))\n")
bank.mistake("order", "runs", "order", "[x, *weights], dy) => [*weights, x], dy)")
bank.mistake("no_tuple", "runs", "no_tuple", "return tuple(gradient.numpy() for gradient in found) => return found[0].numpy()")
bank.mistake("a_list", "runs", "no_tuple", "return tuple(gradient.numpy() for gradient in found) => return [gradient.numpy() for gradient in found]")
bank.mistake("just_called", "values", "just_called", source="""
def checkpoint(function, weights):
    def run(x):
        return function(x)

    return run
""")
bank.mistake("a_tensor_out", "runs", "tensors_for_arrays", "return y.numpy(), (x => return [y], (x")
bank.mistake("y_as_a_tensor", "runs", "tensors_for_arrays", "return y.numpy(), (x => return y, (x")
bank.mistake("last_input_of_all", "values", "one_input_kept", f"    {KEPT} =>     forward.x = x\n    {KEPT}", "x, function, weights = cache => _, function, weights = cache\n    x = forward.x")
bank.mistake("zeros_for_weights", "values", "zeros_for_weights", "[x, *weights], dy) => [x], dy)",
             "return tuple(gradient.numpy() for gradient in found) => return (found[0].numpy(), *[0 * w.numpy() for w in weights])")
bank.mistake("blocks_exchanged", "runs", "blocks_exchanged", f"{INNER} =>     with minidl.GradientTape() as tape:\n        with minidl.no_grad():")
bank.mistake("again_no_dy", "values", "no_dy", source="""
import minidl


def forward(x, *arrays, function, weights):
    with minidl.no_grad():
        y = function(minidl.Tensor(x))
    return y.numpy(), (x, function, weights)


def backward(dy, cache):
    x, function, weights = cache
    with minidl.no_grad():
        with minidl.GradientTape() as tape:
            t = minidl.Tensor(x)
            tape.watch(t)
            y = function(t)
        grads = tape.gradient(y, [t, *weights])
    return tuple(g.numpy() for g in grads)


checkpointed = minidl.register_op("checkpointed", forward, backward)


def checkpoint(function, weights):
    def run(x):
        return checkpointed(x, *weights, function=function, weights=weights)

    return run
""")
bank.mistake("again_keeps", "values", "keeps_all", source="""
import minidl


def forward(x, *arrays, function, weights):
    with minidl.no_grad():
        with minidl.GradientTape() as tape:
            t = minidl.Tensor(x)
            tape.watch(t)
            y = function(t)
    return y.numpy(), (tape, t, y, weights)


def backward(dy, cache):
    tape, t, y, weights = cache
    with minidl.no_grad():
        grads = tape.gradient(y, [t, *weights], dy)
    return tuple(g.numpy() for g in grads)


checkpointed = minidl.register_op("checkpointed", forward, backward)


def checkpoint(function, weights):
    def run(x):
        return checkpointed(x, *weights, function=function, weights=weights)

    return run
""")
