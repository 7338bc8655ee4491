# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 · Borrowed knowledge, fewer weights
#
# **The question.** A network has learned to tell 0 to 4 apart. Is it a better start for 5 to 9 than no knowledge at all? And
# which part of it: all, or only the first layers?
#
# Then the other way round: which of its weights does a network need? Most can be set to zero, if one does it right.
#
# *You need:* notebooks 4 and 5. No GPU. *It takes:* an hour to read and try, a minute to run.

# %%
import io

import matplotlib.pyplot as plt
import numpy as np

import minidl
from minidl import layers, optimizers
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})
(x_train, y_train), (x_test, y_test) = minidl.datasets.mnist_small.load_data()
x_train, x_test = (x[..., None].astype("float32") / 255 for x in (x_train, x_test))
LOSS = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
SEEDS = range(3)


def digits(x, y, first, last):
    """The images of the digits first to last, labelled from 0 on."""
    chosen = (y >= first) & (y <= last)
    return x[chosen], y[chosen] - first


# %% [markdown]
# ## What is known, and what is new
#
# The images are MNIST's, some hundred of each digit. A small network learns the digits 0 to 4. It never sees a 5.

# %%
known, known_test = digits(x_train, y_train, 0, 4), digits(x_test, y_test, 0, 4)
new, new_test = digits(x_train, y_train, 5, 9), digits(x_test, y_test, 5, 9)


def network(classes):
    net = minidl.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(8, 3, activation="relu", name="strokes"), layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu", name="shapes"), layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, activation="relu", name="parts"),
        layers.Dense(classes, name="classes"),
    ])  # fmt: skip
    net.compile(optimizers.Adam(0.002), LOSS, metrics=["accuracy"])
    return net


minidl.utils.set_random_seed(0)
base = network(5)
base.fit(*known, batch_size=32, epochs=3, verbose=0)
print(f"{len(known[0])} images of 0 to 4; right on new images of these: {base.evaluate(*known_test, verbose=0)[1]:.1%}")

fig, axes = plt.subplots(2, 10, figsize=(9, 2))
for k, (ax, image) in enumerate(zip(axes.flat, [*known[0][::260][:10], *new[0][::260][:10]], strict=True)):
    ax.imshow(image[..., 0], cmap="gray_r")
    ax.set(xticks=[], yticks=[], title=["what it knows", "what is new"][k // 10] if k % 10 == 0 else "")
fig.tight_layout()

# %% [markdown]
# ## Four ways to begin
#
# Now somebody gives us a few images of each of the digits 5 to 9. Four ways to learn from them:
#
# | | the layers begin | and then |
# |---|---|---|
# | from scratch | random | all learn |
# | fine-tuned | as the base has them, the last one random | all learn |
# | convolutions frozen | the same | `strokes` and `shapes` stay as they are |
# | all but the last frozen | the same | only `classes` learns |
#
# To freeze a layer is one line: `layer.trainable = False`, before `compile`.
#
# *Guess:* five images of each digit. Which way is best, and which worst?

# %%
FROZEN = {
    "from scratch": (),
    "fine-tuned": (),
    "convolutions frozen": ("strokes", "shapes"),
    "all but the last frozen": ("strokes", "shapes", "parts"),
}
best_way = guess("the best way to begin with five images a digit", among=list(FROZEN))
best_way(None)  # your guess in place of None

# %%
worst_way = guess("the worst way with five images a digit", among=list(FROZEN))
worst_way(None)  # your guess in place of None


# %%
def learn(way, images, seed, steps=200, learning_rate=0.002):
    """Train on so many images of each new digit, for the same number of steps. Return the accuracy on other images."""
    minidl.utils.set_random_seed(seed)
    net = network(5)
    if way != "from scratch":
        for layer, taught in zip(net.layers[:-1], base.layers[:-1], strict=True):
            layer.set_weights(taught.get_weights())
    for name in FROZEN[way]:
        net.get_layer(name).trainable = False
    net.compile(optimizers.Adam(learning_rate), LOSS, metrics=["accuracy"])
    draw = np.random.default_rng(seed)
    chosen = [draw.choice(np.flatnonzero(new[1] == digit), images, replace=False) for digit in range(5)]
    x, y = (part[np.concatenate(chosen)] for part in new)
    net.fit(x, y, batch_size=32, epochs=-(-steps // -(-len(y) // 32)), verbose=0)
    return net.evaluate(*new_test, verbose=0)[1]


IMAGES = (1, 5, 20)
found = {way: np.array([[learn(way, n, seed) for seed in SEEDS] for n in IMAGES]) for way in FROZEN}
for way, accuracy in found.items():
    print(f"{way:24}", *(f"{n:3} a digit: {a.mean():.0%}" for n, a in zip(IMAGES, accuracy, strict=True)))

# %%
fig, ax = plt.subplots(figsize=(7, 3.6))
for (way, accuracy), style in zip(found.items(), ("o--", "s-", "^-", "v:"), strict=True):
    ax.plot(IMAGES, accuracy.mean(axis=1), style, label=way)
    ax.fill_between(IMAGES, accuracy.min(axis=1), accuracy.max(axis=1), alpha=0.15)
ax.set(
    xscale="log", xticks=IMAGES, xticklabels=IMAGES, xlabel="images of each new digit", ylabel="right on other images"
)
ax.set_title("5 to 9, learned by a network that knows 0 to 4 (mean of three seeds, and their range)")
ax.legend()
fig.tight_layout()

# %%
means = {way: accuracy[IMAGES.index(5)].mean() for way, accuracy in found.items()}
best_way.reveal(max(means, key=means.get))
worst_way.reveal(min(means, key=means.get))

# %% [markdown]
# **Early layers travel, late ones do not.** A stroke of a 4 is a stroke of a 9: what `strokes` and `shapes` have learned holds
# for every digit. What `parts` has learned is what tells a 3 from a 2, and nobody asks for that any more. With everything but the
# last layer frozen the network looks at new digits with old words, and more images help it little.
#
# Look at the bands too. With one image a digit they overlap: which image one happens to get matters as much as the way to begin.
# Somebody who had run one seed could have told you nearly anything.
#
# ## Wrong first: the destroyed base
#
# Fine-tuning has an enemy. A learning rate that is fine for random weights may be too large for weights that are already good.

# %%
rates = (0.002, 0.02, 0.1)
for rate in rates:
    print(
        f"fine-tuned, five images a digit, learning rate {rate:5}: {learn('fine-tuned', 5, 0, learning_rate=rate):.0%} right"
    )

# %% [markdown]
# Nothing warned us, and the largest rate ends where blind guessing does. **Fine-tune with small steps**, or freeze what is good.
#
# ## Which weights does a network need?
#
# A network for all ten digits. Its weights, the kernels of its four layers together, by size:

# %%
minidl.utils.set_random_seed(0)
whole = network(10)
whole.fit(x_train, y_train, batch_size=32, epochs=4, verbose=0)
trained = whole.get_weights()
accuracy_whole = whole.evaluate(x_test, y_test, verbose=0)[1]


def kernels(net):
    """The weights that are pruned: of the layers' kernels, not of their biases."""
    return [weight for weight in net.trainable_variables if len(weight.shape) > 1]


def values(net):
    return np.concatenate([kernel.numpy().ravel() for kernel in kernels(net)])


cut = np.quantile(np.abs(values(whole)), 0.9)
fig, ax = plt.subplots(figsize=(7, 2.8))
ax.hist(values(whole), bins=120, color="tab:gray")
ax.axvspan(-cut, cut, color="tab:orange", alpha=0.3, label="nine of ten weights")
ax.set(xlabel="weight", ylabel="how many", title=f"{values(whole).size:,} weights; {accuracy_whole:.1%} right")
ax.legend()
fig.tight_layout()

# %% [markdown]
# Most weights are small. *Pruning by magnitude* sets the smallest to zero.
#
# *Guess:* nine of ten weights become zero, and nothing else changes. How many of 100 digits does the network still read?

# %%
pruned_guess = guess("right of 100 digits with nine of ten weights at zero", unit="digits")
pruned_guess(None)  # your guess in place of None


# %%
def prune(share):
    """The trained network with this share of its weights at zero, and where they are kept."""
    net = network(10)
    net.set_weights(trained)
    limit = np.quantile(np.abs(values(net)), share)
    masks = [np.abs(kernel.numpy()) > limit for kernel in kernels(net)]
    for kernel, mask in zip(kernels(net), masks, strict=True):
        kernel.assign(kernel.numpy() * mask)
    return net, masks


SHARES = (0.5, 0.8, 0.9, 0.95)
at_once = [prune(share)[0].evaluate(x_test, y_test, verbose=0)[1] for share in SHARES]
for share, accuracy in zip(SHARES, at_once, strict=True):
    print(f"{share:.0%} at zero: {accuracy:.1%} right")
pruned_guess.reveal(round(100 * at_once[SHARES.index(0.9)]))

# %% [markdown]
# ## Mending, wrong first
#
# What is left can learn to do without the rest: train a little more. The first try is the plain one.

# %%
net, masks = prune(0.9)
net.fit(x_train[:320], y_train[:320], batch_size=32, epochs=1, verbose=0)
print(f"{np.mean(values(net) == 0):.0%} of the weights are zero after ten steps of Adam; it was {1 - 0.1:.0%}")

# %% [markdown]
# The optimizer knows nothing of our wish. A pruned weight has a gradient like any other, and the first step moves it away from
# zero. So the mask has to be laid on **after every step**: a callback.


# %%
class KeepPruned(minidl.callbacks.Callback):
    """Sets the pruned weights to zero again after every training step."""

    def __init__(self, kernels, masks):
        super().__init__()
        self.kernels, self.masks = kernels, masks

    def on_train_batch_end(self, batch, logs=None):
        for kernel, mask in zip(self.kernels, self.masks, strict=True):
            kernel.assign(kernel.numpy() * mask)


def packed(net):
    """Bytes of the network's weights in a compressed file, which writes long runs of zeros in short."""
    file = io.BytesIO()
    np.savez_compressed(file, *net.get_weights())
    return file.tell()


mended, sizes = [], []
for share in SHARES:
    net, masks = prune(share)
    net.fit(x_train, y_train, batch_size=32, epochs=1, verbose=0, callbacks=[KeepPruned(kernels(net), masks)])
    assert np.mean(values(net) == 0) > share - 0.01
    mended.append(net.evaluate(x_test, y_test, verbose=0)[1])
    sizes.append(packed(net))
    print(
        f"{share:.0%} at zero, one more epoch with the mask: {mended[-1]:.1%} right, {sizes[-1] / 1000:.1f} kB packed"
    )
print(f"the whole network: {accuracy_whole:.1%} right, {packed(whole) / 1000:.1f} kB packed")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
left.plot(SHARES, at_once, "v:", label="at once")
left.plot(SHARES, mended, "o-", label="mended with the mask")
left.axhline(accuracy_whole, color="gray", linewidth=1, label="whole")
left.set(
    xlabel="share of weights at zero", ylabel="right on other images", title="A mask is cheap; a good one is trained"
)
left.legend()
right.plot([size / 1000 for size in (packed(whole), *sizes)], [accuracy_whole, *mended], "o-")
right.set(xlabel="kilobytes, packed", title="What accuracy costs on the disk")
fig.tight_layout()

# %% [markdown]
# Two things that pruning does *not* do. The network in memory is as large as before, and it computes as many products: a zero is
# multiplied like any number. To gain time, one needs kernels that skip zeros, and these win only when very few weights are left,
# because they have to read *where* the weights stand as well.
#
# The sizes are of a file, measured, and the last step of the curve was one more epoch on the same training images; the test images
# were used for nothing but this measurement.
#
# ## Your optimizer with masks
#
# Exercise 53 asks for an optimizer that keeps pruned weights at zero by itself. Here is a first attempt: it puts the mask on the
# *gradient*.


# %%
class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def build(self, variables):
        super().build(variables)
        self.momenta = self.add_optimizer_variables(variables, "momentum")
        self.masks = {}

    def mask(self, variable, kept):
        self.masks[id(variable)] = np.asarray(kept)

    def update_step(self, gradient, variable, learning_rate):
        slot = self.momenta[self._get_variable_index(variable)]
        g, w, m = np.asarray(gradient) * self.masks.get(id(variable), 1), variable.numpy(), slot.numpy()
        c = np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        variable.assign(w - float(learning_rate) * (c + (self.weight_decay or 0) * w))
        slot.assign(self.beta_2 * m + (1 - self.beta_2) * g)


check("optimizer", Lion)

# %% [markdown]
# `minidl exercises start 53`.
#
# ## Try it
#
# 1. Begin with the base for 5 to 9 and **thaw**: 100 steps with the convolutions frozen, then all with a tenth of the rate.
# 2. Turn the question round: a base that knows 5 to 9, for the digits 0 to 4. Is the gain the same?
# 3. Prune each layer by the same share, instead of all by one limit. Which layer suffers?
# 4. Prune in three rounds of 50, 80 and 90 %, with an epoch between them. Is it better than 90 % at one go?
# 5. *Distil:* train the base's smaller sister on the probabilities that `whole` gives, instead of the labels.
#
# **Next:** 14 · sequences and attention.
