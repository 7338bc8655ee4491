"""The bank of 6, tape."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []

    def apply(self, forward, backward, *inputs):
        # begin
        value = forward(*inputs)
        self.ops.append((backward, inputs, value))
        return value
        # end

    def gradient(self, loss, x):
        # begin
        grads = {id(loss): np.ones_like(loss)}
        for backward, inputs, value in reversed(self.ops):
            dy = grads.get(id(value))
            if dy is None:
                continue
            for part, d in zip(inputs, backward(dy, *inputs)):
                key = id(part)
                grads[key] = grads[key] + d if key in grads else d
        return grads.get(id(x), np.zeros_like(x))
        # end
""", "a list of ops, a dict of sums")
bank.solution("""
import numpy as np


class Tape:
    def __init__(self):
        self.values, self.number, self.steps = [], {}, []

    def place(self, value):
        if id(value) not in self.number:
            self.number[id(value)] = len(self.values)
            self.values.append(value)
        return self.number[id(value)]

    def apply(self, forward, backward, *inputs):
        places = [self.place(part) for part in inputs]
        value = forward(*inputs)
        self.steps.append((self.place(value), places, backward))
        return value

    def gradient(self, loss, x):
        start, wanted = self.place(loss), self.place(x)
        heard = [[] for _ in self.values]
        heard[start].append(np.full(np.shape(loss), 1, dtype=loss.dtype))
        for result, places, backward in self.steps[::-1]:
            if heard[result]:
                given = [self.values[k] for k in places]
                for k, part in zip(places, backward(sum(heard[result][1:], heard[result][0]), *given)):
                    heard[k].append(part)
        return sum(heard[wanted], np.zeros_like(x))
""", "numbered values, lists of what is heard")

ADDED = "grads[key] = grads[key] + d if key in grads else d"
SKIP = "            if dy is None:\n                continue\n"
bank.mistake("last_use_alone", "values", "last_use_alone", f"{ADDED} => grads[key] = d")
bank.mistake("first_use_alone", "values", "last_use_alone", f"{ADDED} => grads.setdefault(key, d)")
bank.mistake("forward_order", "values", "forward_order", "reversed(self.ops) => self.ops")
bank.mistake("once_a_path", "values", "once_a_path", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.made_by = {}

    def apply(self, forward, backward, *inputs):
        value = forward(*inputs)
        self.made_by[id(value)] = (backward, inputs, value)
        return value

    def gradient(self, loss, x):
        total = np.zeros_like(x)
        waiting = [(loss, np.ones_like(loss))]
        while waiting:
            value, dy = waiting.pop()
            if value is x:
                total = total + dy
            if id(value) in self.made_by:
                backward, inputs, _ = self.made_by[id(value)]
                waiting += zip(inputs, backward(dy, *inputs))
        return total
""")
bank.mistake("recursion", "runs", "recursion", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.made_by = {}

    def apply(self, forward, backward, *inputs):
        value = forward(*inputs)
        self.made_by[id(value)] = (backward, inputs, value)
        return value

    def gradient(self, loss, x):
        def follow(value, dy):
            total = dy if value is x else np.zeros_like(x)
            if id(value) in self.made_by:
                backward, inputs, _ = self.made_by[id(value)]
                for part, d in zip(inputs, backward(dy, *inputs)):
                    total = total + follow(part, d)
            return total

        return follow(loss, np.ones_like(loss))
""")
bank.mistake("unused_op", "runs", "unused_op", f"{SKIP} =>")
bank.mistake("kept_between", "values", "kept_between", "self.ops = [] => self.ops = []\n        self.grads = {}",
             "grads = {id(loss): np.ones_like(loss)} => grads = self.grads\n        grads[id(loss)] = np.ones_like(loss)")
bank.mistake("start_with_loss", "values", "start", "np.ones_like(loss)} => loss}")
bank.mistake("in_place", "values", "in_place",
             f"                {ADDED}\n =>                 if key in grads:\n                    grads[key] += d\n"
             "                else:\n                    grads[key] = d\n")
bank.mistake("by_numbers", "values", "by_numbers", "{id(loss): => {loss.tobytes():", "grads.get(id(value)) => grads.get(value.tobytes())",
             "id(part) => part.tobytes()", "grads.get(id(x), => grads.get(x.tobytes(),")
bank.mistake("none_for_zero", "runs", "none_for_zero", "grads.get(id(x), np.zeros_like(x)) => grads.get(id(x))")
bank.mistake("number_for_zero", "values", "none_for_zero", "grads.get(id(x), np.zeros_like(x)) => grads.get(id(x), 0.0)")
bank.mistake("chain_broken", "values", "chain_broken", "backward(dy, *inputs) => backward(np.ones_like(value), *inputs)")
bank.mistake("apply_returns_nothing", "runs", "apply_returns_nothing", "        return value\n =>")
bank.mistake("tape_used_up", "values", "tape_used_up", "        for backward, inputs, value in reversed(self.ops):\n =>         while self.ops:\n            backward, inputs, value = self.ops.pop()\n")
bank.mistake("inputs_missing", "runs", "inputs_missing", "backward(dy, *inputs) => backward(dy)")
bank.mistake("forward_without_dy", "runs", "forward_order", "reversed(self.ops) => self.ops", f"{SKIP} =>")
bank.mistake("recursive", "runs", "recursion", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []

    def apply(self, forward, backward, *inputs):
        y = forward(*inputs)
        self.ops.append((y, backward, inputs))
        return y

    def gradient(self, loss, x):
        grads = {id(loss): np.ones_like(loss)}

        def back(value, dy):
            for y, backward, inputs in self.ops:
                if y is value:
                    for i, d in zip(inputs, backward(dy, *inputs)):
                        grads[id(i)] = grads.get(id(i), 0) + d
                        back(i, d)

        back(loss, np.ones_like(loss))
        return grads.get(id(x), np.zeros_like(x))
""")
bank.mistake("inplace_sum", "values", "in_place", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []

    def apply(self, forward, backward, *inputs):
        out = forward(*inputs)
        self.ops.append((out, backward, inputs))
        return out

    def gradient(self, loss, x):
        g = {id(loss): np.ones_like(loss)}
        for out, backward, inputs in reversed(self.ops):
            if id(out) not in g:
                continue
            for value, d in zip(inputs, backward(g[id(out)], *inputs)):
                if id(value) in g:
                    g[id(value)] += d
                else:
                    g[id(value)] = d
        return g.get(id(x), np.zeros_like(x))
""")
bank.mistake("popped", "values", "on_the_way", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []

    def apply(self, forward, backward, *inputs):
        y = forward(*inputs)
        self.ops.append((y, backward, inputs))
        return y

    def gradient(self, loss, x):
        grads = {id(loss): np.ones_like(loss)}
        for y, backward, inputs in self.ops[::-1]:
            dy = grads.pop(id(y), None)
            if dy is None:
                continue
            for v, d in zip(inputs, backward(dy, *inputs)):
                grads[id(v)] = grads[id(v)] + d if id(v) in grads else d
        return grads.get(id(x), np.zeros_like(x))
""")
bank.mistake("zero_scalar", "values", "none_for_zero", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []

    def apply(self, forward, backward, *inputs):
        y = forward(*inputs)
        self.ops.append((y, backward, inputs))
        return y

    def gradient(self, loss, x):
        grads = {id(loss): np.ones_like(loss)}
        for y, backward, inputs in self.ops[::-1]:
            dy = grads.get(id(y))
            if dy is None:
                continue
            for v, d in zip(inputs, backward(dy, *inputs)):
                grads[id(v)] = grads[id(v)] + d if id(v) in grads else d
        return grads.get(id(x), 0.0)
""")
bank.mistake("as_seen_1", "values", "in_place", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []

    def apply(self, forward, backward, *inputs):
        y = forward(*inputs)
        self.ops.append((y, backward, inputs))
        return y

    def gradient(self, loss, x):
        grads = {id(loss): np.ones_like(loss)}
        for y, backward, inputs in reversed(self.ops):
            if id(y) not in grads:
                continue
            for value, d in zip(inputs, backward(grads[id(y)], *inputs)):
                if id(value) in grads:
                    grads[id(value)] += d
                else:
                    grads[id(value)] = d
        return grads.get(id(x), np.zeros_like(x))
""")
bank.mistake("as_seen_2", "values", "kept_between", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []
        self.grads = {}

    def apply(self, forward, backward, *inputs):
        y = forward(*inputs)
        self.ops.append((y, backward, inputs))
        return y

    def gradient(self, loss, x):
        grads = self.grads
        grads[id(loss)] = np.ones_like(loss)
        for y, backward, inputs in reversed(self.ops):
            if id(y) not in grads:
                continue
            for value, d in zip(inputs, backward(grads[id(y)], *inputs)):
                if id(value) in grads:
                    grads[id(value)] = grads[id(value)] + d
                else:
                    grads[id(value)] = d
        return grads.get(id(x), np.zeros_like(x))
""")
bank.mistake("again_overwrite", "values", "last_use_alone", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []

    def apply(self, forward, backward, *inputs):
        y = forward(*inputs)
        self.ops.append((backward, inputs, y))
        return y

    def gradient(self, loss, x):
        grads = {id(loss): np.ones_like(loss)}
        for backward, inputs, y in reversed(self.ops):
            if id(y) not in grads:
                continue
            for value, g in zip(inputs, backward(grads[id(y)], *inputs)):
                if id(value) in grads:
                    grads[id(value)] = g
                else:
                    grads[id(value)] = g
        return grads.get(id(x), np.zeros_like(x))
""")
bank.mistake("again_inplace", "values", "in_place", source="""
import numpy as np


class Tape:
    def __init__(self):
        self.ops = []

    def apply(self, forward, backward, *inputs):
        y = forward(*inputs)
        self.ops.append((backward, inputs, y))
        return y

    def gradient(self, loss, x):
        grads = {id(loss): np.ones_like(loss)}
        for backward, inputs, y in reversed(self.ops):
            if id(y) not in grads:
                continue
            for value, g in zip(inputs, backward(grads[id(y)], *inputs)):
                if id(value) in grads:
                    grads[id(value)] += g
                else:
                    grads[id(value)] = g
        return grads.get(id(x), np.zeros_like(x))
""")
