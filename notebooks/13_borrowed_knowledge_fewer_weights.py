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
# The images are MNIST's. A small network learns the digits 0 to 4. It never sees a 5.

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
def learn(way, images, seed, steps=150, learning_rate=0.002):
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
# Look at the bands too: a seed draws other images, other first weights and another order. With one image a digit the bands overlap,
# so that somebody who had run one seed could have told you nearly anything.
#
# ## Wrong first: the destroyed base
#
# Fine-tuning has an enemy. A learning rate that random weights survive may be too large for weights that are already good.

# %%
TOO_LARGE = 0.05
for way in ("from scratch", "fine-tuned"):
    large = [learn(way, 5, seed, learning_rate=TOO_LARGE) for seed in SEEDS]
    print(
        f"{way:12} learning rate {TOO_LARGE}:",
        *(f"{accuracy:4.0%}" for accuracy in large),
        f"  (0.002: {means[way]:.0%})",
    )

# %% [markdown]
# Five images a digit, three seeds. The network that begins at random loses some of its accuracy. The one that begins with the base
# loses *everything* in two draws of three, and is right as often as somebody who guesses blindly. Nothing warned us. When a fine-tuned network is no better than chance, try a smaller learning rate, or freeze what is good, before you blame the
# base.
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
    masks = [np.abs(kernel.numpy()) >= limit for kernel in kernels(net)]
    for kernel, mask in zip(kernels(net), masks, strict=True):
        kernel.assign(kernel.numpy() * mask)
    return net, masks


SHARES = (0.0, 0.5, 0.8, 0.9, 0.95)
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
print(f"{np.mean(values(net) == 0):.0%} of the weights are zero,")
net.fit(x_train[:320], y_train[:320], batch_size=32, epochs=1, verbose=0)
print(f"{np.mean(values(net) == 0):.0%} after ten steps of Adam")

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


def mend(share, seed):
    """Prune, and train one more epoch with the mask. Return the accuracy, and the bytes."""
    net, masks = prune(share)
    minidl.utils.set_random_seed(seed)
    net.fit(x_train, y_train, batch_size=32, epochs=1, verbose=0, callbacks=[KeepPruned(kernels(net), masks)])
    assert np.mean(values(net) == 0) >= share - 0.001
    return net.evaluate(x_test, y_test, verbose=0)[1], packed(net)


tries = np.array([[mend(share, seed) for seed in SEEDS] for share in SHARES])  # (shares, seeds, accuracy and bytes)
mended, kilobytes = tries[..., 0], tries[:, 0, 1] / 1000
for share, accuracy, size in zip(SHARES, mended, kilobytes, strict=True):
    print(f"{share:4.0%} at zero:", *(f"{a:.1%}" for a in accuracy), f"right; {size:.1f} kB packed")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
left.plot(SHARES, at_once, "v:", label="at once")
left.plot(SHARES, mended.mean(axis=1), "o-", label="one more epoch, with the mask")
left.fill_between(SHARES, mended.min(axis=1), mended.max(axis=1), alpha=0.3, color="tab:orange")
left.set(xlabel="share of weights at zero", ylabel="right on other images", title="Pruned, and mended (three seeds)")
left.legend(loc="lower left")
right.plot(kilobytes, mended.mean(axis=1), "o-", color="tab:orange")
right.set(xlabel="kilobytes, packed", title="What accuracy costs on the disk")
fig.tight_layout()

# %% [markdown]
# The first row has lost no weight and has had the same epoch: that is what the others have to be compared with. Up to four weights
# in five go without a cost that three seeds could show; beyond that it begins to cost.
#
# Pruning does *not* make the network smaller in memory, nor quicker: a zero is multiplied like any number. To gain time one needs
# kernels that skip zeros, and these have to read *where* the weights stand as well.
#
# The test images were used for this measurement and for nothing else. Had we chosen the share by them, we would need others.
#
# ## Your optimizer with masks
#
# Exercise 53 asks for an optimizer, Lion, that keeps pruned weights at zero by itself. A first attempt: it sets them to zero when it
# is given the mask, and steps by the gradient's sign.


# %%
class Lion(optimizers.Optimizer):
    beta_1: float = 0.9
    beta_2: float = 0.99

    def mask(self, variable, kept):
        variable.assign(variable.numpy() * kept)

    def update_step(self, gradient, variable, learning_rate):
        variable.assign(variable.numpy() - float(learning_rate) * np.sign(np.asarray(gradient)))


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
