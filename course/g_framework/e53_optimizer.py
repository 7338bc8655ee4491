"""The bank of 53, optimizer."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np

from minidl import optimizers


class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        # begin
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")
        self.masks = {}
        # end

    def mask(self, variable, kept):
        # begin
        self.masks[self._get_variable_index(variable)] = kept
        # end

    def update_step(self, gradient, variable, learning_rate):
        # begin
        place = self._get_variable_index(variable)
        m = self.momentums[place]
        c = np.sign(self.beta_1 * m + (1 - self.beta_1) * gradient)
        decay = self.weight_decay or 0.0
        w = variable - learning_rate * (c + decay * variable)
        if place in self.masks:
            w = w * self.masks[place]
        variable.assign(w)
        m.assign(self.beta_2 * m + (1 - self.beta_2) * gradient)
        # end
""", "slots and a dict of masks")
bank.solution("""
from minidl import functional as F
from minidl.optimizers import Optimizer


class Lion(Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        super().build(variables)
        self.slots, self.kept = self.add_optimizer_variables(variables, ["momentum", "kept"])
        for kept in self.kept:
            kept.assign(kept + 1)

    def mask(self, variable, kept):
        self.kept[self._get_variable_index(variable)].assign(kept)

    def update_step(self, gradient, variable, learning_rate):
        k = self._get_variable_index(variable)
        mixed = self.slots[k] + (1 - self.beta_1) * (gradient - self.slots[k])
        if self.weight_decay is not None:
            variable.assign_sub(float(learning_rate) * self.weight_decay * variable)
        step = F.where(mixed > 0, 1.0, F.where(mixed < 0, -1.0, 0.0))
        variable.assign((variable - float(learning_rate) * step) * self.kept[k])
        self.slots[k].assign_add((1 - self.beta_2) * (gradient - self.slots[k]))
""", "masks as state, tensors throughout")

DECAY = "w = variable - learning_rate * (c + decay * variable)"
MASK = "        if place in self.masks:\n            w = w * self.masks[place]\n"
RENEW = "        m.assign(self.beta_2 * m + (1 - self.beta_2) * gradient)\n"
C = "        c = np.sign(self.beta_1 * m + (1 - self.beta_1) * gradient)\n"
SLOTS = 'self.momentums = self.add_optimizer_variables(variables, "momentum")'
bank.mistake("decay_in_gradient", "values", "decay_in_gradient", f"{DECAY} => w = variable - learning_rate * c",
             f"{C} => ", "        decay = self.weight_decay or 0.0\n =>         decay = self.weight_decay or 0.0\n"
             "        gradient = gradient + decay * variable\n" + C)
bank.mistake("momentum_first", "values", "momentum_first", f"{RENEW} => ", f"{C} => {RENEW}{C}")
bank.mistake("sign_of_momentum", "values", "sign_of_momentum", f"{RENEW} => ", f"{C} => {RENEW}        c = np.sign(m)\n")
bank.mistake("state_in_a_list", "values", "state_in_a_list", f"{SLOTS} => self.momentums = [np.zeros(v.shape, 'float32') for v in variables]",
             "m.assign(self.beta_2 * m + (1 - self.beta_2) * gradient) => self.momentums[place] = self.beta_2 * m + (1 - self.beta_2) * gradient.numpy()")
bank.mistake("state_in_a_dict", "values", "state_in_a_list", f"{SLOTS} => self.momentums = {{}}", "m = self.momentums[place] => m = self.momentums.get(place, 0.0 * variable)",
             "m.assign(self.beta_2 * m + (1 - self.beta_2) * gradient) => self.momentums[place] = self.beta_2 * m + (1 - self.beta_2) * gradient")
bank.mistake("mask_on_gradient", "values", "masked_come_back", f"{MASK} => ",
             f"{C} =>         if place in self.masks:\n            gradient = gradient * self.masks[place]\n{C}")
bank.mistake("mask_before", "values", "masked_come_back", f"{MASK} => ",
             f"{C} =>         if place in self.masks:\n            variable.assign(variable * self.masks[place])\n{C}")
bank.mistake("mask_of_direction", "values", "masked_come_back", "w = w * self.masks[place] => w = variable - (variable - w) * self.masks[place]")
bank.mistake("no_mask", "values", "masked_come_back", f"{MASK} => ")
bank.mistake("own_rate", "values", "own_rate", "        self.masks = {}\n =>         self.masks = {}\n        self.rate = float(self.learning_rate)\n",
             f"{DECAY} => w = variable - self.rate * (c + decay * variable)")
bank.mistake("betas_lost", "values", "betas_lost", "    beta_1: float = 0.9\n    beta_2: float = 0.99\n =>     def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, **kwargs):\n"
             "        super().__init__(learning_rate, **kwargs)\n        self.beta_1, self.beta_2 = beta_1, beta_2\n")
bank.mistake("betas_exchanged", "values", "betas_exchanged", f"{C} =>         c = np.sign(self.beta_2 * m + (1 - self.beta_2) * gradient)\n",
             f"{RENEW} =>         m.assign(self.beta_1 * m + (1 - self.beta_1) * gradient)\n")
bank.mistake("one_momentum", "runs", "one_momentum", "m = self.momentums[place] => m = self.momentums[0]")
bank.mistake("no_sign", "values", "no_sign", "np.sign(self.beta_1 * m + (1 - self.beta_1) * gradient) => self.beta_1 * m + (1 - self.beta_1) * gradient")
bank.mistake("decay_without_rate", "values", "decay_without_rate", f"{DECAY} => w = variable - learning_rate * c - decay * variable")
bank.mistake("decay_of_the_new", "values", "decay_of_the_new", f"{DECAY} => w = variable - learning_rate * c\n        w = w - learning_rate * decay * w")
bank.mistake("no_decay", "values", "no_decay", f"{DECAY} => w = variable - learning_rate * c")
bank.mistake("decay_is_none", "runs", "decay_is_none", "self.weight_decay or 0.0 => self.weight_decay")
bank.mistake("uphill", "values", "uphill", f"{DECAY} => w = variable + learning_rate * (c - decay * variable)")
bank.mistake("nothing_moves", "values", "nothing_moves", "variable.assign(w) => variable = w")
bank.mistake("no_super_build", "runs", "no_super_build", "        super().build(variables)\n =>")
bank.mistake("momentum_stays", "values", "momentum_stays", f"{RENEW} => ")
bank.mistake("one_beta", "values", "one_beta", f"{RENEW} =>         m.assign(self.beta_1 * m + (1 - self.beta_1) * gradient)\n")
bank.mistake("sum_for_mean", "values", "sum_for_mean", f"{RENEW} =>         m.assign(self.beta_2 * m + gradient)\n")
bank.mistake("decay_grows", "values", "decay_grows", f"{DECAY} => w = variable - learning_rate * (c - decay * variable)")
bank.mistake("by_name", "runs", "by_name", "self.masks[self._get_variable_index(variable)] = kept => self.masks[variable.name] = kept",
             "if place in self.masks => if variable.name in self.masks", "w = w * self.masks[place] => w = w * self.masks[variable.name]")
bank.mistake("m_first", "values", "momentum_first", source="""
import numpy as np

from minidl import optimizers


class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")
        self.masks = {}

    def mask(self, variable, kept):
        self.masks[self._get_variable_index(variable)] = kept

    def update_step(self, gradient, variable, learning_rate):
        i = self._get_variable_index(variable)
        g = np.asarray(gradient)
        w = np.asarray(variable)
        m = self.beta_2 * np.asarray(self.momentums[i]) + (1 - self.beta_2) * g
        self.momentums[i].assign(m)
        c = np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        w = w - learning_rate * (c + (self.weight_decay or 0.0) * w)
        if i in self.masks:
            w = w * self.masks[i]
        variable.assign(w)
""")
bank.mistake("mask_gradient", "values", "masked_come_back", source="""
import numpy as np

from minidl import optimizers


class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        super().build(variables)
        self.m = self.add_optimizer_variables(variables, "momentum")
        self.kept = [None for _ in variables]

    def mask(self, variable, kept):
        self.kept[self._get_variable_index(variable)] = kept

    def update_step(self, gradient, variable, learning_rate):
        k = self._get_variable_index(variable)
        g = np.asarray(gradient)
        if self.kept[k] is not None:
            g = g * self.kept[k]
        w, m = np.asarray(variable), np.asarray(self.m[k])
        c = np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        decay = self.weight_decay if self.weight_decay is not None else 0.0
        variable.assign(w - learning_rate * (c + decay * w))
        self.m[k].assign(self.beta_2 * m + (1 - self.beta_2) * g)
""")
bank.mistake("plus_decay", "values", "decay_without_rate", source="""
import numpy as np

from minidl import optimizers


class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        super().build(variables)
        self.momentum = self.add_optimizer_variables(variables, "momentum")
        self.masks = {}

    def mask(self, variable, kept):
        self.masks[self._get_variable_index(variable)] = np.array(kept)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        g, w = np.asarray(gradient), np.asarray(variable)
        m = np.asarray(self.momentum[index])
        new = w - learning_rate * np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        if self.weight_decay:
            new = new - self.weight_decay * w
        if index in self.masks:
            new = new * self.masks[index]
        self.momentum[index].assign(self.beta_2 * m + (1 - self.beta_2) * g)
        variable.assign(new)
""")
bank.mistake("as_seen_1", "values", "momentum_first", source="""
import numpy as np

from minidl import optimizers


class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")
        self.pruned = self.add_optimizer_variables(variables, "pruned")

    def mask(self, variable, kept):
        self.pruned[self._get_variable_index(variable)].assign(1 - np.asarray(kept, dtype=np.float32))

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        g, w = np.asarray(gradient.numpy()), np.asarray(variable.numpy())
        m = self.beta_2 * self.momentums[index].numpy() + (1 - self.beta_2) * g
        c = np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        if self.weight_decay is not None:
            c = c + self.weight_decay * w
        w = w - float(learning_rate) * c
        variable.assign(w * (1 - self.pruned[index].numpy()))
        self.momentums[index].assign(m)
""")
bank.mistake("again_m_first", "values", "momentum_first", source="""
import numpy as np

from minidl import optimizers


class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        super().build(variables)
        self.momentum = self.add_optimizer_variables(variables, "momentum")
        self.masks = {}

    def mask(self, variable, kept):
        self.masks[self._get_variable_index(variable)] = np.array(kept)
        variable.assign(variable.numpy() * kept)

    def update_step(self, gradient, variable, learning_rate):
        k = self._get_variable_index(variable)
        g = np.asarray(gradient)
        w = variable.numpy()
        m = self.momentum[k].numpy()
        m = self.beta_2 * m + (1 - self.beta_2) * g
        c = np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        new = w - learning_rate * (c + (self.weight_decay or 0) * w)
        if k in self.masks:
            new = new * self.masks[k]
        variable.assign(new)
        self.momentum[k].assign(m)
""")
bank.mistake("again_dict", "values", "state_in_a_list", source="""
import numpy as np

from minidl import optimizers


class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        super().build(variables)
        self.momentum = [np.zeros(v.shape, 'float32') for v in variables]
        self.masks = {}

    def mask(self, variable, kept):
        self.masks[self._get_variable_index(variable)] = np.array(kept)
        variable.assign(variable.numpy() * kept)

    def update_step(self, gradient, variable, learning_rate):
        k = self._get_variable_index(variable)
        g = np.asarray(gradient)
        w = variable.numpy()
        m = self.momentum[k]
        c = np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        new = w - learning_rate * (c + (self.weight_decay or 0) * w)
        if k in self.masks:
            new = new * self.masks[k]
        variable.assign(new)
        self.momentum[k] = self.beta_2 * m + (1 - self.beta_2) * g
""")
