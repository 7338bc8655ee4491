"""The bank of 56, nan_hunt."""

from minidl.course import Bank

STARTER = """
import numpy as np

import minidl
from minidl import functional as F
from minidl import layers, lens
from minidl.course.exercises.g_framework.training import problem

answers = {
    "step": ...,
    "op": ...,
    "direction": ...,
    "image": ...,
}


def loss(t, z):
    e = F.exp(z)
    p = e / F.reduce_sum(e, axes=-1, keepdims=True)
    return -F.reduce_sum(t * F.log(p), axes=-1)


def train(x, t, w, rate, steps):
    model = minidl.Sequential([layers.Input(x.shape[1:]), layers.Dense(w.shape[1], use_bias=False)])
    model.set_weights([w])
    model.compile(minidl.optimizers.SGD(rate), loss)
    losses = []
    for step in range(steps):
        rows = np.arange(16 * step, 16 * step + 16) % len(x)
        losses.append(model.train_on_batch(x[rows], t[rows]))
    return np.array(losses, "float32"), model.get_weights()[0]


if __name__ == "__main__":  # python minidl_exercises/56_nan_hunt.py
    print(train(*problem())[0])
"""
FOUND = STARTER.replace('"step": ...', '"step": 41').replace('"op": ...', '"op": "log"')
FOUND = FOUND.replace('"direction": ...', '"direction": "forward"').replace('"image": ...', '"image": 661')
LOSS = FOUND[FOUND.index("    e = F.exp(z)") : FOUND.index("def train")].rstrip() + "\n"

bank = Bank()
bank.solution(FOUND.replace(LOSS, """\
    z = z - F.reduce_max(z, axes=-1, keepdims=True)
    log_p = z - F.log(F.reduce_sum(F.exp(z), axes=-1, keepdims=True))
    return -F.reduce_sum(t * log_p, axes=-1)
"""), "the logarithm taken by hand")
bank.solution(FOUND.replace(LOSS, "    return -F.reduce_sum(t * F.log_softmax(z), axes=-1)\n"), "log_softmax")
bank.solution(FOUND.replace("(rate), loss)", '(rate), minidl.losses.CategoricalCrossentropy(from_logits=True))'),
              "a loss from logits")
bank.starter_is(STARTER)

for key, right, said in (
    ("step", 41, {42: "counts_from_0", 1: "first_warning", 40: "last_good"}),
    ("op", '"log"', {'"multiply"': "behind_it", '"divide"': "still_a_number", '"sgd_update"': "weights_later"}),
    ("direction", '"forward"', {'"backward"': "is_forward"}),
    ("image", 661, {5: "row_of_batch", 41: "step_is_no_image", 656: "first_of_batch"}),
):  # fmt: skip
    for got, says in said.items():
        bank.mistake(f"{key}_{str(got).strip(chr(34))}", "values", says, f'"{key}": {right} => "{key}": {got}')


def mend(name, says, loss=LOSS, *edits):
    """Add a mistake: the program as it was, with another loss."""
    source = FOUND.replace(LOSS, loss)
    for old, new in edits:
        assert source.count(old) == 1, (name, old)
        source = source.replace(old, new)
    bank.mistake(name, "values", says, source=source)


SAFE = "    return -F.reduce_sum(t * F.log_softmax(z), axes=-1)\n"
mend("nothing_mended", "still_dies")
mend("clipnorm", "clips_gradients", LOSS, ("SGD(rate)", "SGD(rate, clipnorm=1.0)"))
mend("clipvalue_too", "clips_gradients", SAFE, ("SGD(rate)", "SGD(rate, clipvalue=0.1)"))
mend("smaller_rate", "smaller_rate", LOSS, ("SGD(rate)", "SGD(rate / 10)"))
mend("smaller_rate_too", "smaller_rate", SAFE, ("SGD(rate)", "SGD(0.1 * rate)"))
mend("nan_to_0", "nan_to_0", """\
    e = F.exp(z)
    p = e / F.reduce_sum(e, axes=-1, keepdims=True)
    lost = t * F.log(p)
    lost = F.where(np.isnan(lost.numpy()), 0.0, lost)
    return -F.reduce_sum(lost, axes=-1)
""")
mend("loss_without_infinite", "nan_to_0", """\
    e = F.exp(z)
    p = e / F.reduce_sum(e, axes=-1, keepdims=True)
    p = F.where(np.isfinite(np.log(p.numpy())), p, 1.0)
    return -F.reduce_sum(t * F.log(p), axes=-1)
""")
mend("data_scaled", "data_changed", SAFE, ("    losses = []\n", "    losses = []\n    x = np.minimum(x, 1)\n"))
mend("image_scaled", "data_changed", SAFE, ("    losses = []\n", "    losses = []\n    x = np.where(x.max(1, keepdims=True) > 4, x / 16, x)\n"))
mend("epsilon_below", "epsilon_below", LOSS.replace("keepdims=True)", "keepdims=True) + 1e-8)").replace("e / F", "e / (F"))
mend("softmax_alone", "softmax_alone", "    return -F.reduce_sum(t * F.log(F.softmax(z)), axes=-1)\n")
mend("largest_taken_out", "softmax_alone", "    z = z - F.reduce_max(z, axes=-1, keepdims=True)\n" + LOSS)
mend("epsilon_in_log", "zero_by_zero", LOSS.replace("F.log(p)", "F.log(p + 1e-7)"))
mend("maximum_in_log", "zero_by_zero", LOSS.replace("F.log(p)", "F.log(F.maximum(p, 1e-7))"))
mend("log_of_the_sum", "zero_by_zero", """\
    log_p = z - F.log(F.reduce_sum(F.exp(z), axes=-1, keepdims=True))
    return -F.reduce_sum(t * log_p, axes=-1)
""")
mend("max_of_the_batch", "max_of_the_batch", """\
    z = z - F.reduce_max(z)
    log_p = z - F.log(F.reduce_sum(F.exp(z), axes=-1, keepdims=True))
    return -F.reduce_sum(t * log_p, axes=-1)
""")
mend("loss_stops", "loss_stops", "    return -F.reduce_sum(t * F.log(F.softmax(z) + 1e-8), axes=-1)\n")
mend("loss_of_probabilities", "loss_stops", "    return minidl.losses.categorical_crossentropy(t, F.softmax(z))\n")
mend("epsilon_in_both", "loss_stops", LOSS.replace("keepdims=True)", "keepdims=True) + 1e-8)").replace("e / F", "e / (F").replace("F.log(p)", "F.log(p + 1e-8)"))
mend("logits_clipped", "logits_clipped", "    z = F.clip(z, -30, 30)\n" + LOSS)
mend("loss_of_two_classes", "other_loss", "    return F.binary_crossentropy(t, z, from_logits=True)\n")
mend("mean_of_classes", "other_loss", "    return -F.reduce_mean(t * F.log_softmax(z), axes=-1)\n")
mend("sign_lost", "other_loss", "    return F.reduce_sum(t * F.log_softmax(z), axes=-1)\n")
bank.mistake("again_row", "values", "row_of_batch", source="""
import numpy as np

import minidl
from minidl import functional as F
from minidl import layers, lens
from minidl.course.exercises.g_framework.training import problem

answers = {
    "step": 41,
    "op": "log",
    "direction": "forward",
    "image": 5,
}


def loss(t, z):
    return -F.reduce_sum(t * F.log_softmax(z), axes=-1)


def train(x, t, w, rate, steps):
    model = minidl.Sequential([layers.Input(x.shape[1:]), layers.Dense(w.shape[1], use_bias=False)])
    model.set_weights([w])
    model.compile(minidl.optimizers.SGD(rate), loss)
    losses = []
    for step in range(steps):
        rows = np.arange(16 * step, 16 * step + 16) % len(x)
        losses.append(model.train_on_batch(x[rows], t[rows]))
    return np.array(losses, "float32"), model.get_weights()[0]


if __name__ == "__main__":  # python exercises/56_nan_hunt.py
    print(train(*problem())[0])
""")
