# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 · Sequences and attention
#
# **The question.** Somebody tells you a digit row by row, then says nothing for a while, then asks which digit it was. What does a
# network remember? And what if it need not remember, because it may look back?
#
# *You need:* notebooks 2 and 3; for the last part 10. No GPU. *It takes:* an hour to read and try, a minute to run.

# %%
import math
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
from numba import cuda, float32

import minidl
from minidl import functional as F
from minidl import layers
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})
LOSS = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
SEEDS = range(3)

(x_train, y_train), (x_test, y_test) = minidl.datasets.digits.load_data()
x_train, x_test = (x.reshape(-1, 8, 8).astype("float32") / 16 for x in (x_train, x_test))
print(f"{len(x_train)} digits to learn from, each a sequence of {x_train.shape[1]} rows of {x_train.shape[2]} numbers")


# %% [markdown]
# ## Row by row
#
# A recurrent layer reads one row at a time. What it keeps from row to row is a state `h` of 32 numbers, and with every row it makes
# a new one of the old one and the row, by the same weights:
#
# $$h_{t+1} = \tanh(x_t W_x + h_t W_h + b)$$
#
# An LSTM and a GRU do the same with gates in between. A layer that sees all eight rows at once, flattened, stands beside them.


# %%
def train(body, x, y, seed, epochs=15, learning_rate=0.005):
    """Train a body, a list of layers, with a dense layer of ten classes on it. Return the network."""
    minidl.utils.set_random_seed(seed)
    net = minidl.Sequential([layers.Input(x.shape[1:]), *body(), layers.Dense(10, name="classes")])
    net.compile(minidl.optimizers.Adam(learning_rate), LOSS, metrics=["accuracy"])
    net.fit(x, y, epochs=epochs, batch_size=32, verbose=0)
    return net


BODIES = {
    "all rows at once": lambda: [layers.Flatten(), layers.Dense(64, activation="relu")],
    "simple RNN": lambda: [layers.SimpleRNN(32, name="reads")],
    "LSTM": lambda: [layers.LSTM(32, name="reads")],
    "GRU": lambda: [layers.GRU(32, name="reads")],
}
order = guess("the layer that is best at eight rows", among=list(BODIES))
order(None)  # your guess in place of None

# %%
nets, right = {}, {}
for name, body in BODIES.items():
    trained = [train(body, x_train, y_train, seed) for seed in SEEDS]
    right[name] = np.array([net.evaluate(x_test, y_test, verbose=0)[1] for net in trained])
    nets[name] = trained[0]
    print(f"{name:17} {nets[name].count_params():5} weights, {right[name].mean():.1%} right on other digits", end="")
    print(f" (three seeds: {right[name].min():.1%} to {right[name].max():.1%})")
order.reveal(max(right, key=lambda name: right[name].mean()))

# %% [markdown]
# The one that sees all at once is ahead, in this many epochs: over eight rows every kind remembers enough. What would they say *on the
# way*? After each row the state goes through the same last layer as at the end. *Guess:* after how many of the eight rows does it say
# the right digit for at least half of them, in the LSTM?

# %%
halfway = guess("rows after which the LSTM has half of the digits", unit="rows")
halfway(None)  # your guess in place of None


# %%
def states(net, x):
    """The state after each row, (N, 8, 32)."""
    reads = net.get_layer("reads")
    every = type(reads)(32, return_sequences=True)
    every.build(x.shape)
    every.set_weights(reads.get_weights())
    return every(x)


def on_the_way(net):
    """The share of digits that the last layer says rightly after each row."""
    said = net.get_layer("classes")(states(net, x_test)).numpy().argmax(axis=-1)
    return (said == y_test[:, None]).mean(axis=0)


def readable(net):
    """The same for a linear readout of its own after each row, fitted to the states of the training digits."""
    known, new = (
        np.concatenate([h.numpy(), np.ones((*h.shape[:2], 1))], axis=2)
        for h in (states(net, x_train), states(net, x_test))
    )
    found = []
    for row in range(8):
        weights = np.linalg.lstsq(known[:, row], np.eye(10)[y_train], rcond=None)[0]
        found.append(((new[:, row] @ weights).argmax(axis=1) == y_test).mean())
    return found


fig, ax = plt.subplots(figsize=(8, 3.2))
for (name, net), style in zip([*nets.items()][1:], ("o-", "s--", "^:"), strict=True):
    known = on_the_way(net)
    ax.plot(range(1, 9), known, style, label=name)
    if name == "LSTM":
        reached = int(np.argmax(known >= 0.5)) + 1
ax.plot(range(1, 9), readable(nets["LSTM"]), "k-.", label="LSTM's state, read for itself")
ax.set(
    xlabel="rows read",
    ylabel="right, if asked then",
    title="What the last layer says after each row, and what there is to say",
)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()
halfway.reveal(reached)

# %% [markdown]
# The last layer was fitted to the state after all rows, and understands it only near the end. The state itself knows much earlier, as a
# readout that is fitted to each row's own state shows.
#
# ## Inside, while a 7 is read
#
# An LSTM has two states, `h` and a memory `c`, and three gates between 0 and 1: `f`, how much of the old memory is kept; `i`,
# how much of the new is let in; `o`, how much of the memory is shown. They are all one product, cut into four:


# %%
def watch(lstm, rows):
    """Run an LSTM by hand over one sequence. Return, step by step, the gates and the states."""
    w, u, b = lstm.get_weights()
    h = c = np.zeros(u.shape[0], "float32")
    kept = []
    for row in rows:
        i, f, new, o = np.split(row @ w + h @ u + b, 4)
        i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
        c = f * c + i * np.tanh(new)
        h = o * np.tanh(c)
        kept.append((f, i, o, c, h))
    return [np.array(part) for part in zip(*kept, strict=True)]


lstm = nets["LSTM"].get_layer("reads")
seven = x_test[np.flatnonzero(y_test == 7)[0]]
f, i, o, c, h = watch(lstm, seven)
print(f"by hand and by the layer, largest difference: {np.abs(h[-1] - lstm(seven[None]).numpy()[0]).max():.1e}")

fig, axes = plt.subplots(1, 5, figsize=(10, 2.9), gridspec_kw={"width_ratios": [2, 2, 2, 2, 2]})
axes[0].imshow(seven, cmap="gray_r")
axes[0].set(title="the rows", ylabel="row", xticks=[], yticks=(0, 7), yticklabels=(1, 8))
for ax, (name, part) in zip(
    axes[1:], (("f: kept", f), ("i: let in", i), ("o: shown", o), ("c: memory", c)), strict=True
):
    limits = {"vmin": -2, "vmax": 2, "cmap": "PuOr"} if name[0] == "c" else {"vmin": 0, "vmax": 1, "cmap": "viridis"}
    picture = ax.imshow(part, aspect="auto", **limits)
    ax.set(title=name, xlabel="the 32 units", xticks=[], yticks=[])
    fig.colorbar(picture, ax=ax, fraction=0.08)
fig.tight_layout()

# %% [markdown]
# ## The way back
#
# A gradient goes from the last row back to the first through every state between, and each step multiplies it: by $W_h$, and by
# tanh', which is 1 at most. The tape does that by itself; what comes out is the gradient of every row. *Guess:* over 50 steps, how
# large is the gradient of the first row, if that of the last one is 1? (An untrained simple RNN.)

# %%
faded = guess("gradient at the first of 50 steps, that of the last being 1")
faded(None)  # your guess in place of None


# %%
def gradients(layer, steps, larger=1.0, forget=None, seed=0):
    """The size of the gradient at each step's input, that of the last being 1."""
    minidl.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    x = minidl.Variable(random.normal(size=(32, steps, 8)).astype("float32"))
    layer.build(x.shape)
    w, u, b = layer.get_weights()
    if forget is not None:
        b[32:64] = forget
    layer.set_weights([w, u * larger, b])
    with minidl.GradientTape() as tape:
        loss = F.reduce_sum(layer(x) * random.normal(size=(32, 32)).astype("float32"))
    size = np.sqrt(np.square(tape.gradient(loss, x).numpy()).sum(axis=(0, 2)))
    return size / size[-1]


fig, axes = plt.subplots(1, 2, figsize=(9, 3.3), sharey=True)
for larger, style in ((0.5, ":"), (1.0, "-"), (1.5, "--"), (3.0, "-.")):
    size = gradients(layers.SimpleRNN(32), 50, larger)
    axes[0].semilogy(range(1, 51), size, style, label=f"{larger} × $W_h$")
    print(f"simple RNN, {larger} × its recurrent weights: the first of 50 steps has {size[0]:.1e}")
    if larger == 1:
        faded.reveal(float(f"{size[0]:.1e}"))
        print(f"    over 8 steps: {gradients(layers.SimpleRNN(32), 8)[0]:.2f}")
for layer, name, style in (
    (layers.SimpleRNN, "simple RNN", "-"),
    (layers.LSTM, "LSTM", "--"),
    (layers.GRU, "GRU", ":"),
):
    axes[1].semilogy(range(1, 51), gradients(layer(32), 50), style, label=name)
axes[1].semilogy(range(1, 51), gradients(layers.LSTM(32), 50, forget=3.0), "-.", label="LSTM, forget bias 3")
for ax, title in zip(axes, ("a simple RNN, its weights scaled", "as each begins"), strict=True):
    ax.set(xlabel="step", title=title)
    ax.legend(fontsize=8)
axes[0].set_ylabel("gradient, last step = 1")
fig.tight_layout()

# %% [markdown]
# Too small, and the first steps are not heard; too large, and the gradient explodes; between is a narrow path. And gates help less
# by themselves than one thinks: as it begins, with the bias 1 of its forget gate, an LSTM's gradient fades too, more slowly than a simple
# RNN's; a GRU's fades faster. With the bias 3 most of the memory is kept at each step, and the line stays up.
#
# Does it matter? **The digit again, then 30 empty rows, then the question.** Nothing new has to be learned, only kept.

# %%
SILENCE = 30


def with_silence(x):
    return np.concatenate([x, np.zeros((len(x), SILENCE, 8), "float32")], axis=1)


def opened(forget):
    """An LSTM whose forget gate begins with this bias."""

    def body():
        lstm = layers.LSTM(32, name="reads")
        lstm.build((None, 8 + SILENCE, 8))
        w, u, b = lstm.get_weights()
        b[32:64] = forget
        lstm.set_weights([w, u, b])
        return [lstm]

    return body


late = guess("right after 30 empty rows, the forget gate beginning at 1", unit="%")
late(None)  # your guess in place of None

# %%
kept = {}
for forget in (1, 3):
    trained = [train(opened(forget), with_silence(x_train), y_train, seed, epochs=10) for seed in SEEDS]
    kept[forget] = np.array([net.evaluate(with_silence(x_test), y_test, verbose=0)[1] for net in trained])
    print(
        f"forget bias {forget}: {', '.join(f'{r:.0%}' for r in kept[forget])} right after {SILENCE} empty rows (three seeds)"
    )
late.reveal(round(100 * float(kept[1].mean()), 1))

# %% [markdown]
# One value at the start makes most of the difference, in so many epochs. It is the same network, with the same weights to learn; with a
# gate that lets go neither the answer comes through the silence, nor a gradient back to the rows where the answer was.
#
# ## Looking back instead
#
# Now a task that is *only* remembering. Eight pairs of a key and a value are told, in random order, then one of the keys is
# asked for. Which value stood by it?
#
# **Attention** keeps everything, and looks it up. It makes a *query* of the question and a *key* of every pair; how well these two
# fit is a score, and a softmax makes weights of the scores. The answer is the mean of the *values* under these weights:
#
# $$p_j = \mathrm{softmax}_j\big(q \cdot k_j / \sqrt{d}\big) \qquad o = \sum_j p_j\, v_j$$


# %%
def pairs(count, seed):
    """Pairs of key and value as one-hot numbers, the key that is asked for, and the value beside it."""
    random = np.random.default_rng(seed)
    keys = np.argsort(random.random((count, 8)), axis=1)
    values = random.integers(0, 10, (count, 8))
    asked = random.integers(0, 8, count)
    answer = values[keys == asked[:, None]]
    told = np.concatenate([np.eye(8)[keys], np.eye(10)[values]], axis=2)
    return told.astype("float32"), np.eye(8, dtype="float32")[asked], answer


class Attention(layers.Layer):
    def __init__(self, size, **options):
        super().__init__(**options)
        self.size = size
        self.query, self.key, self.value = (layers.Dense(size, use_bias=False) for _ in range(3))

    def look(self, told, asked):
        scores = F.matmul(F.expand_dims(self.query(asked), 1), F.transpose(self.key(told), (0, 2, 1)))
        return F.softmax(scores * self.size**-0.5)

    def call(self, inputs):
        told, asked = inputs
        return F.squeeze(F.matmul(self.look(told, asked), self.value(told)), 1)


def told_in_a_row(told, asked):
    """The same for a layer that reads: nine rows, the question as the last."""
    question = np.concatenate([asked, np.zeros((len(asked), 10), "float32")], axis=1)
    return np.concatenate([told, question[:, None]], axis=1)


looked = guess("right of attention with 874 weights", unit="%")
looked(None)  # your guess in place of None

# %%
told, asked, answer = pairs(2000, seed=0)
told_test, asked_test, answer_test = pairs(1000, seed=99)
found = {"LSTM": [], "attention": []}
for seed in SEEDS:
    reader = train(lambda: [layers.LSTM(32)], told_in_a_row(told, asked), answer, seed, 15, 0.01)
    found["LSTM"].append(reader.evaluate(told_in_a_row(told_test, asked_test), answer_test, verbose=0)[1])
    minidl.utils.set_random_seed(seed)
    inputs = [layers.Input((8, 18)), layers.Input((8,))]
    attention = Attention(16)
    finder = minidl.Model(inputs, layers.Dense(10)(attention(inputs)))
    finder.compile(minidl.optimizers.Adam(0.01), LOSS, metrics=["accuracy"])
    finder.fit([told, asked], answer, epochs=15, batch_size=32, verbose=0)
    found["attention"].append(finder.evaluate([told_test, asked_test], answer_test, verbose=0)[1])
for name, net in (("LSTM", reader), ("attention", finder)):
    print(f"{name:9} {net.count_params():5} weights: {', '.join(f'{r:.1%}' for r in found[name])} right (three seeds)")
looked.reveal(round(100 * float(np.mean(found["attention"])), 1))

# %% [markdown]
# What did it learn? Not one of the answers: the *way to look*. Here one told list stands below, and each row of the matrix is one
# question asked of it.

# %%
one = told_test[:1]
weights = attention.look(np.repeat(one, 8, axis=0), np.eye(8, dtype="float32")).numpy()[:, 0]
keys, values = one[0, :, :8].argmax(axis=1), one[0, :, 8:].argmax(axis=1)
fig, ax = plt.subplots(figsize=(4.8, 4))
picture = ax.imshow(weights, cmap="viridis", vmin=0, vmax=1)
ax.set(xticks=range(8), yticks=range(8), yticklabels=range(8), ylabel="key that is asked for", title="where it looks")
ax.set_xticklabels([f"{k}\n{v}" for k, v in zip(keys, values, strict=True)])
ax.set_xlabel("what was told: key, and its value below")
fig.colorbar(picture, ax=ax, label="weight")
fig.tight_layout()

# %% [markdown]
# Attention is a dictionary that is soft: it answers with a mean of its values, and so has a gradient. Nothing is handed on from
# step to step, so nothing fades on the way. (The LSTM learned its training lists by heart; with many times as many it learns most of the
# task too. Try it.) The price: every question compares itself with every key.
#
# ## Why the square root?
#
# A score is a sum of d products. If the numbers in q and k have the spread 1, the sum has the spread $\sqrt d$. *Guess:* for d = 64
# and 16 keys, all random: how large is the largest weight on average, if one forgets to divide?

# %%
sharp = guess("largest of 16 weights at d = 64, not divided")
sharp(None)  # your guess in place of None

# %%
sizes = (1, 4, 16, 64, 256)
random = np.random.default_rng(0)
largest = {"q · k": [], "q · k / √d": []}
passed = {"q · k": [], "q · k / √d": []}
for d in sizes:
    q, k = random.normal(size=(400, 1, d)), random.normal(size=(400, 16, d))
    for name, scale in (("q · k", 1.0), ("q · k / √d", d**-0.5)):
        p = F.softmax((scale * (q * k).sum(axis=2)).astype("float32")).numpy()
        largest[name].append(p.max(axis=1).mean())
        passed[name].append((p * (1 - p)).sum(axis=1).mean())  # the slopes of the weights by their own scores

fig, axes = plt.subplots(1, 2, figsize=(8.4, 3))
for ax, shown, title in ((axes[0], largest, "largest weight"), (axes[1], passed, "gradient that passes the softmax")):
    for (name, line), style in zip(shown.items(), ("o--", "s-"), strict=True):
        ax.plot(sizes, line, style, label=name)
    ax.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="d", title=title, ylim=(0, 1))
    ax.minorticks_off()
axes[0].legend()
fig.tight_layout()
print(f"at d = 64: {largest['q · k'][3]:.2f} not divided, {largest['q · k / √d'][3]:.2f} divided")
sharp.reveal(round(float(largest["q · k"][3]), 2))

# %% [markdown]
# With queries and keys of this spread, not divided, attention looks at hardly more than one key, at random, and little gradient passes to
# tell it where else. (Layers begin with smaller numbers: there it matters later, when they have grown.)
#
# ## The mask: who may look where
#
# To write a text, a network learns to foretell the next letter from those before. In training the whole text is there, and all
# places are done at once. So place t must not see t + 1: that is its answer.
#
# **Wrong first.** The sequences here are ten digits drawn by lot. Nobody can foretell the next one; more than one in ten is
# impossible. Here is self-attention, every place a query and a key, once without a mask and once with:

# %%
T = 12


class SelfAttention(layers.Layer):
    def __init__(self, size, mask, **options):
        super().__init__(**options)
        self.size, self.mask = size, mask
        self.query, self.key, self.value = (layers.Dense(size, use_bias=False) for _ in range(3))

    def look(self, x):
        scores = F.matmul(self.query(x), F.transpose(self.key(x), (0, 2, 1))) * self.size**-0.5
        if self.mask:
            later = np.triu(np.ones((T, T), bool), k=1)
            scores = F.where(later, np.float32(-1e9), scores)
        return F.softmax(scores)

    def call(self, x):
        return F.matmul(self.look(x), self.value(x))


def by_lot(count, seed):
    """Sequences of random digits, each with its place, as one-hot numbers; and the digit that follows each."""
    digits = np.random.default_rng(seed).integers(0, 10, (count, T + 1))
    place = np.broadcast_to(np.eye(T), (count, T, T))
    return np.concatenate([np.eye(10)[digits[:, :T]], place], axis=2).astype("float32"), digits[:, 1:]


cheated = guess("right without a mask, where one in ten is all there can be", unit="%")
cheated(None)  # your guess in place of None

# %%
x, y = by_lot(1500, seed=0)
x_new, y_new = by_lot(500, seed=1)
fig, axes = plt.subplots(1, 2, figsize=(8, 3.6))
for ax, mask in zip(axes, (False, True), strict=True):
    minidl.utils.set_random_seed(0)
    inputs = layers.Input((T, 10 + T))
    attention = SelfAttention(32, mask)
    writer = minidl.Model(inputs, layers.Dense(10)(attention(inputs)))
    writer.compile(minidl.optimizers.Adam(0.01), LOSS, metrics=["accuracy"])
    writer.fit(x, y, epochs=15, batch_size=64, verbose=0)
    share = writer.evaluate(x_new, y_new, verbose=0)[1]
    print(f"{'with' if mask else 'without'} a mask: {share:.0%} of the next digits right, on new sequences")
    ax.imshow(attention.look(x_new[:50]).numpy().mean(axis=0), cmap="viridis", vmin=0, vmax=1)
    ax.set(title=f"{'with' if mask else 'without'} a mask: {share:.0%} right", xlabel="looks at", ylabel="place")
    if not mask:
        cheated.reveal(round(100 * float(share), 1))
fig.tight_layout()

# %% [markdown]
# Far above what is possible, on data that it has never seen: no test set that is made like the training set finds this. The picture does: every place looks at the one
# after it. Only the last place, which has nothing after it, has to guess. **If a result is too good, ask what the network could
# have seen.**
#
# ## Without the matrix
#
# For n places the weights are n × n numbers. But nobody needs them all at once. Notebook 10 has a softmax in one pass, which keeps the
# largest score so far and the sum of exps, and corrects them when a larger one comes. With a sum of values beside them it is the
# whole of attention, block by block of keys:


# %%
def with_the_matrix(q, k, v):
    s = q @ k.T * q.shape[1] ** -0.5
    p = np.exp(s - s.max(axis=1, keepdims=True))
    return p @ v / p.sum(axis=1, keepdims=True)


def block_by_block(q, k, v, block=64):
    top = np.full((len(q), 1), -np.inf, q.dtype)  # largest score so far, of each query
    total, mean = np.zeros_like(top), np.zeros((len(q), v.shape[1]), q.dtype)
    for first in range(0, len(k), block):
        s = q @ k[first : first + block].T * q.shape[1] ** -0.5
        higher = np.maximum(top, s.max(axis=1, keepdims=True))
        old, new = np.exp(top - higher), np.exp(s - higher)
        total = old * total + new.sum(axis=1, keepdims=True)
        mean = old * mean + new @ v[first : first + block]
        top = higher
    return mean / total


def peak(function, *arrays):
    """The most memory that a call holds at a time beside its arguments, in MB."""
    tracemalloc.start()
    function(*arrays)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


lengths = (256, 512, 1024, 2048)
memory = {"with the matrix": [], "block by block": []}
for n in lengths:
    q, k, v = np.random.default_rng(n).normal(size=(3, n, 32)).astype("float32")
    for name, function in zip(memory, (with_the_matrix, block_by_block), strict=True):
        memory[name].append(peak(function, q, k, v))
    difference = np.abs(with_the_matrix(q, k, v) - block_by_block(q, k, v)).max()
    print(
        f"n = {n:4}: {memory['with the matrix'][-1]:6.1f} and {memory['block by block'][-1]:5.1f} MB, largest difference {difference:.0e}"
    )

fig, ax = plt.subplots(figsize=(5.6, 3.2))
for (name, line), style in zip(memory.items(), ("o--", "s-"), strict=True):
    ax.loglog(lengths, line, style, label=name)
ax.set(
    xticks=lengths,
    xticklabels=lengths,
    xlabel="queries and keys",
    ylabel="MB held at most",
    title="memory of attention",
)
ax.minorticks_off()
ax.legend()
fig.tight_layout()

# %% [markdown]
# Twice the length is four times the matrix, and twice the blocks. That is the idea of flash attention: notebook 10's softmax, and
# a product. On a GPU the scores need not leave the chip; how much time that saves can only be measured there. Exercise 48 is that kernel,
# and its par counts the sectors.
#
# ## Exercises
#
# - **12** `rnn_backward`: the way back through time, by hand.
# - **48** `attention`: the kernel without the matrix.
# - **49** `attention_backward`: its gradients, the weights computed again.
#
# A first attempt at 48: every query takes the value of the key that fits best.


# %%
@cuda.jit
def attention(q, k, v, o, scale):
    i = cuda.grid(1)
    if i < q.shape[0]:
        best, top = 0, float32(-math.inf)
        for j in range(k.shape[0]):
            fit = float32(0)
            for n in range(8):
                fit += q[i, n] * k[j, n]
            if fit * scale > top:
                best, top = j, fit * scale
        for n in range(8):
            o[i, n] = v[best, n]


print(check("attention", attention))

# %% [markdown]
# And one at 49, which forgets that a softmax has a gradient of its own:


# %%
def attention_backward(do, q, k, v, o, m, l, scale):  # noqa: E741
    p = np.exp(scale * q @ k.T - m[:, None]) / l[:, None]
    ds = p * (do @ v.T)
    return scale * ds @ k, scale * ds.T @ q, p.T @ do


print(check("attention_backward", attention_backward))


# %% [markdown]
# One at 12, which goes back a single step:


# %%
def rnn_backward(dhs, xs, hs, w_x, w_h):
    last = dhs[-1] * (1 - hs[-1] ** 2)
    dxs = np.zeros_like(xs)
    dxs[-1] = last @ w_x.T
    return dxs, xs[-1].T @ last, hs[-2].T @ last, last.sum(axis=0), last @ w_h.T


print(check("rnn_backward", rnn_backward))

# %% [markdown]
# ## Try it
#
# 1. Feed the digits column by column. Are the same digits hard?
# 2. Give the LSTM of the pairs fifteen times as many lists. What does it learn now?
# 3. Give the simple RNN the 30 empty rows. Its recurrent weights begin orthogonal; what if they begin half as large?
# 4. Ask attention for two keys at once: the mean of two values. What does its matrix look like?
# 5. Let the mask allow the three places before and the place itself. Which sequences can it still foretell?
# 6. `examples/spoken_digits.py` hears spoken digits: an LSTM over spectrograms, on recordings that you download.
#
# **Next:** the capstone (notebook 15), an op of your own from end to end.
