# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6 · Keeping it in shape
#
# **The question.** In notebook 3 a bad start left twenty layers unable to learn. *Batch normalization* forgives a bad start. What
# does it do, and what does it cost when the network is used?
#
# Then three ways to keep a network from learning its training images by heart: dropout, weight decay and augmentation. Which of
# them helps depends on what you ask of the network.
#
# *You need:* notebooks 1 and 3; 5 helps. No GPU. *It takes:* an hour to read and try, a minute to run.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minidl
from minidl import layers, optimizers
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})
(x_train, y_train), (x_test, y_test) = minidl.datasets.digits.load_data()
x_train, x_test = (x[..., None].astype("float32") / 16 for x in (x_train, x_test))
LOSS = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
SEEDS = range(3)

# %% [markdown]
# ## Ten layers and a bad start
#
# Ten dense layers of 64 units. The weights start with a standard deviation of 0.05, which is too small, or as `he_normal`, which
# is right (notebook 3). Each of the two once as it is, and once with a `BatchNormalization` before every `relu`.


# %%
def ten_layers(start, normalize, seed=0, momentum=0.9):
    minidl.utils.set_random_seed(seed)
    hidden = []
    for k in range(10):
        hidden.append(layers.Dense(64, kernel_initializer=start, name=f"dense_{k}"))
        if normalize:
            hidden.append(layers.BatchNormalization(momentum=momentum, name=f"normalize_{k}"))
        hidden.append(layers.ReLU(name=f"relu_{k}"))
    net = minidl.Sequential([layers.Input((8, 8, 1)), layers.Flatten(), *hidden, layers.Dense(10, name="out")])
    net.compile(optimizers.SGD(0.03), LOSS, metrics=["accuracy"])
    return net


small = minidl.initializers.RandomNormal(stddev=0.05)
kinds = {
    "small start": (small, False),
    "small start, normalized": (small, True),
    "he_normal": ("he_normal", False),
    "he_normal, normalized": ("he_normal", True),
}

# %% [markdown]
# What comes out of each layer, before any training?

# %%
plt.figure(figsize=(6.5, 2.8), layout="constrained")
for (name, kind), marker in zip(kinds.items(), "osD^"):
    net, x = ten_layers(*kind), x_train[:128]
    spreads = []
    for layer in net.layers:
        x = layer(x, training=True)
        if isinstance(layer, layers.ReLU):
            spreads.append(x.numpy().std())
    plt.semilogy(range(1, 11), spreads, marker=marker, markersize=4, label=name)
plt.xlabel("layer")
plt.ylabel("standard deviation")
plt.xticks(range(1, 11))
plt.legend()
plt.show()

# %% [markdown]
# Without it the numbers of the small start fade, by the same factor at each layer. With it they cannot: each layer's outputs are
# brought back to mean 0 and spread 1, over the images of the batch,
#
# $$ n = \frac{x - \text{mean}(x)}{\sqrt{\text{var}(x) + \varepsilon}}, \qquad y = \gamma\, n + \beta, $$
#
# and the network learns a new spread $\gamma$ and a new mean $\beta$ for every unit. Multiply all weights by 10, and $n$ stays as
# it is: the size of the start no longer counts.
#
# > **Predict.** Five epochs of plain gradient descent. What share of the test images does the small start read without, and with
# > normalization?

# %%
without = guess("small start, five epochs", unit="%")
with_it = guess("small start, normalized, five epochs", unit="%")
without(None), with_it(None)

# %%
curves = {}
for name, (start, normalize) in kinds.items():
    curves[name] = 100 * np.array(
        [
            ten_layers(start, normalize, seed)
            .fit(x_train, y_train, epochs=5, batch_size=32, verbose=0, validation_data=(x_test, y_test))
            .history["val_accuracy"]
            for seed in SEEDS
        ]
    )

plt.figure(figsize=(6.5, 3), layout="constrained")
for (name, found), marker in zip(curves.items(), "osD^"):
    plt.plot(range(1, 6), found.mean(axis=0), marker=marker, markersize=5, label=name)
    plt.fill_between(range(1, 6), found.min(axis=0), found.max(axis=0), alpha=0.2)
    print(f"{name:<24} {found[:, -1].mean():5.1f} %   (3 seeds: {found[:, -1].min():.1f} to {found[:, -1].max():.1f})")
plt.xlabel("epoch")
plt.ylabel("% of the test images right (3 seeds)")
plt.xticks(range(1, 6))
plt.legend(loc=(0.66, 0.12), fontsize=8)
plt.show()
print(without.reveal(round(float(curves["small start"][:, -1].mean()), 1)))
print(with_it.reveal(round(float(curves["small start, normalized"][:, -1].mean()), 1)))

# %% [markdown]
# The bad start has a slope to follow now; with normalization it is no bad start any more. Look at it more closely: multiply a
# layer's weights by a half. What does the network say, and how long is that layer's gradient?

# %%
net = ten_layers(small, True)
kernel = net.get_layer("dense_5").kernel
said, lengths = [], []
for scale in (1, 0.5):
    kernel.assign(kernel.numpy() * scale)
    with minidl.GradientTape() as tape:
        logits = net(x_train[:128], training=True)
        loss = LOSS(y_train[:128], logits)
    said.append(logits.numpy())
    lengths.append(np.linalg.norm(tape.gradient(loss, kernel).numpy()))
print(f"logits up to {np.abs(said[0]).max():.2f}, changed by up to {np.abs(said[1] - said[0]).max():.1e}")
print(f"gradient {lengths[1] / lengths[0]:.2f} times as long")

# %% [markdown]
# It says the same (but for the $\varepsilon$), and smaller weights have a *longer* gradient: they turn faster. Where the size of the
# weights says nothing, it only decides how large a step is.
#
# ## The price: an image needs company
#
# In training the mean is that of the *batch*. So what the network says about your image depends on which other images happen to be
# beside it. When it is used, that will not do: then it takes running means that it collected while training.
#
# > **Predict.** Somebody calls the trained network with `training=True`, one image at a time. What share of the test images is read
# > rightly?

# %%
alone = guess("read rightly, one image at a time with training=True", unit="%")
alone(None)

# %%
net = ten_layers("he_normal", True)
net.fit(x_train, y_train, epochs=5, batch_size=32, verbose=0)
weights = net.get_weights()


def percent_right(batch, training):
    """Call the network on batches of this size; return the percentage that it reads. The weights are put back."""
    answers = []
    for first in range(0, len(x_test), batch):
        answers.extend(net(x_test[first : first + batch], training=training).numpy().argmax(axis=1))
    net.set_weights(weights)
    return 100 * np.mean(answers == y_test)


batches = [1, 2, 4, 8, 16, 32, 64, 128]
as_training = [percent_right(batch, True) for batch in batches]
as_use = [percent_right(batch, False) for batch in batches]
plt.figure(figsize=(6.5, 2.8), layout="constrained")
plt.semilogx(batches, as_training, "o-", label="training=True: the batch's mean and spread")
plt.semilogx(batches, as_use, "s--", label="training=False: the running ones")
plt.xticks(batches, batches)
plt.minorticks_off()
plt.xlabel("images in a call")
plt.ylabel("% right")
plt.legend(loc="lower right")
plt.show()
alone.reveal(round(as_training[0], 1))

# %% [markdown]
# A batch of one is its own mean: $x - \text{mean}(x) = 0$, whatever the image. The network answers the same to all of them:

# %%
print(
    "answers to 200 single images:", {int(net(x_test[k : k + 1], training=True).numpy().argmax()) for k in range(200)}
)
net.set_weights(weights)

# %% [markdown]
# No error, no warning, and with large batches it looks right. `fit` says `training=True`, `predict` and `evaluate` say
# `training=False`; whoever calls the network by hand has to say it. (And each call with `training=True` moves the running means: this
# is why the weights were put back.)
#
# The running means have a trap too: they need *steps*. Each step takes $1 - m$ of the new mean and $m$ of the old. The default of
# Keras is $m = 0.99$; we took 0.9.
#
# > **Predict.** One epoch here is 45 steps. How much of the starting values (mean 0, variance 1) is left in them then, for 0.99?

# %%
left_over = guess("share of the starting values after 45 steps with momentum 0.99", unit="%")
left_over(None)

# %%
steps = np.arange(226)
figure, (left, right_side) = plt.subplots(1, 2, figsize=(9.5, 3), layout="constrained")
for momentum, color, width in ((0.9, "tab:blue", 5), (0.99, "tab:orange", 1.5)):
    left.plot(steps / 45, 100 * momentum**steps, color=color, label=f"momentum {momentum}")
    history = (
        ten_layers(small, True, momentum=momentum)
        .fit(x_train, y_train, epochs=5, batch_size=32, verbose=0, validation_data=(x_test, y_test))
        .history
    )
    right_side.plot(
        range(1, 6),
        history["accuracy"],
        "o-",
        color=color,
        linewidth=width,
        label=f"{momentum}: training images, in training",
    )
    right_side.plot(range(1, 6), history["val_accuracy"], "s--", color=color, label=f"{momentum}: test images, in use")
left.set(xlabel="epochs", ylabel="% left of the start")
right_side.set(xlabel="epoch", ylabel="share right", xticks=range(1, 6), ylim=(0, 1.65), yticks=np.arange(0, 1.1, 0.25))
left.legend()
right_side.legend(fontsize=7, loc="upper left")
plt.show()
left_over.reveal(round(100 * 0.99**45, 1))

# %% [markdown]
# The two networks on the right have learned the same: the momentum has no part in training. Only the one with 0.99 is used too early,
# with means that are still those of the start. A network that learns well and is tested badly after a short training may have
# nothing wrong with it but this.
#
# ## By heart
#
# Now another trouble. Give a network of 256 units only 200 images:

# %%
few = np.random.default_rng(0).permutation(len(x_train))[:200]
x_few, y_few = x_train[few], y_train[few]
x_moved = np.pad(x_test, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :8]  # by one pixel to the right


def wide(front=(), dropout=0.0, decay=0.0, seed=0):
    minidl.utils.set_random_seed(seed)
    shrink = minidl.regularizers.L2(decay)
    hidden = [layers.Dense(256, "relu", kernel_regularizer=shrink, name="hidden"), layers.Dropout(dropout)]
    last = layers.Dense(10, kernel_regularizer=shrink, name="out")
    net = minidl.Sequential([layers.Input((8, 8, 1)), *front, layers.Flatten(), *hidden, last])
    net.compile("adam", LOSS, metrics=["accuracy"])
    net.fit(x_few, y_few, epochs=60, batch_size=32, verbose=0)
    return net


def shares(net):
    """The percentages of its training images, of the test images, and of the moved test images that are read."""
    pairs = ((x_few, y_few), (x_test, y_test), (x_moved, y_test))
    return [100 * net.evaluate(x, y, verbose=0)[1] for x, y in pairs]


plain = wide()
print("training images {:.1f} %, test images {:.1f} %, moved by a pixel {:.1f} %".format(*shares(plain)))

# %% [markdown]
# It knows its own images, fewer of the others, and it is lost where the image is moved by one pixel (as in notebook 4).
#
# **Dropout** sets each unit to 0 with probability $p$, anew in every step, and makes the others $1/(1-p)$ times as large. No unit
# can rely on another one. Each step trains another network, of half of the units. And what happens when it is used?
#
# > **Predict.** Call such a network with `training=True`: each call draws another half, and reads fewer test images than the
# > whole. How many of them have to be averaged until less than one percentage point is missing?

# %%
as_many = guess("drawn networks to average, until they read as much as the whole but for a point", unit="networks")
as_many(None)

# %%
dropped = wide(dropout=0.5)
drawn = np.array([minidl.functional.softmax(dropped(x_test, training=True)).numpy() for _ in range(128)])
counts = np.arange(1, 33)


def read_by_averages(order):
    """The percentage that the average of the first 1, 2, … 32 networks of this order reads."""
    averages = drawn[order[:32]].cumsum(axis=0) / counts[:, None, None]
    return 100 * (averages.argmax(axis=2) == y_test).mean(axis=1)


random = np.random.default_rng(0)
right = np.mean([read_by_averages(random.permutation(128)) for _ in range(50)], axis=0)
whole = 100 * dropped.evaluate(x_test, y_test, verbose=0)[1]
plt.figure(figsize=(6.5, 2.6), layout="constrained")
plt.plot(counts, right, "o-", markersize=4, label="average of so many drawn networks (mean of 50 orders)")
plt.axhline(whole, color="black", linestyle="--", label="training=False: all units at once")
plt.xlabel("networks")
plt.ylabel("% of the test images right")
plt.legend()
plt.show()
print(f"one {right[0]:.1f} %, average of 32 {right[-1]:.1f} %, all units at once {whole:.1f} %")
as_many.reveal(int(np.flatnonzero(right > whole - 1)[0]) + 1)

# %% [markdown]
# The average climbs towards the dashed line. Using all units at once costs one call, and stands in for very many of them. That is what the factor
# $1/(1-p)$ is for: the sums keep their usual size.
#
# **Weight decay** adds $\lambda \sum w^2$ to the loss: a weight has to be worth its size.
#
# > **Predict.** From which $\lambda$ on does the network read fewer than half of its *own* training images?

# %%
decays = [0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]
too_much = guess("the smallest weight decay that is too much", among=[str(decay) for decay in decays])
too_much(None)

# %%
found = []
for decay in decays:
    net = wide(decay=decay)
    found.append([*shares(net)[:2], np.abs(net.get_layer("hidden").kernel.numpy()).mean()])
own, others, sizes = np.array(found).T
figure, (left, right_side) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
left.plot(own, "o-", label="training images")
left.plot(others, "s--", label="test images")
left.set(ylabel="% right", ylim=(0, 103))
left.legend(loc="lower left")
right_side.semilogy(sizes, "o-")
right_side.set(ylabel="mean size of a weight")
for ax in (left, right_side):
    ax.set(xticks=range(len(decays)), xticklabels=[f"{decay:g}" for decay in decays], xlabel="λ")
plt.show()
for decay, a, b in zip(decays, own, others):
    print(f"λ = {decay:<6g} training images {a:5.1f} %   test images {b:5.1f} %")
too_much.reveal(next((str(decay) for decay, share in zip(decays, own) if share < 50), "none"))

# %% [markdown]
# The weights shrink long before the answers suffer. Too much of it, and nothing is left that could answer.
#
# **Augmentation** shows each image a little changed, differently every time: here, moved by up to a pixel. The layer does it in
# training only.

# %%
move = layers.RandomTranslation(1 / 8, 1 / 8, fill_mode="constant")
figure, axes = plt.subplots(1, 9, figsize=(9.5, 1.4), layout="constrained")
axes[0].imshow(x_few[0, :, :, 0], cmap="gray_r")
axes[0].set_title("the image")
for ax in axes[1:]:
    ax.imshow(move(x_few[:1], training=True).numpy()[0, :, :, 0], cmap="gray_r", vmin=0, vmax=1)
for ax in axes:
    ax.axis("off")
plt.show()

# %% [markdown]
# > **Predict.** Moved by a pixel, what share of the test images does a network read that was trained so? And which of the four is
# > best on the test images as they are?

# %%
moved_right = guess("moved test images read after augmentation", unit="%")
best = guess("best on the test images as they are", among=["plain", "dropout 0.5", "decay 0.001", "moved in training"])
moved_right(None), best(None)

# %%
ways = {
    "plain": {},
    "dropout 0.5": {"dropout": 0.5},
    "decay 0.001": {"decay": 1e-3},
    "moved in training": {"front": [layers.RandomTranslation(1 / 8, 1 / 8, fill_mode="constant")]},
}
results = {name: np.array([shares(wide(**way, seed=seed)) for seed in SEEDS]) for name, way in ways.items()}
figure, ax = plt.subplots(figsize=(7.5, 3), layout="constrained")
for k, what in enumerate(["training images", "test images", "test images, moved by a pixel"]):
    places = np.arange(len(ways)) + 0.27 * (k - 1)
    means = [found[:, k].mean() for found in results.values()]
    lows, highs = ([edge(found[:, k]) for found in results.values()] for edge in (np.min, np.max))
    errors = [np.subtract(means, lows), np.subtract(highs, means)]
    ax.bar(places, means, 0.25, yerr=errors, capsize=3, label=what, hatch=["", "//", ".."][k], alpha=0.8)
ax.set(xticks=range(len(ways)), xticklabels=ways, ylabel="% right (3 seeds)", ylim=(0, 128), yticks=range(0, 101, 20))
ax.legend(ncols=3, loc="upper center", fontsize=8)
plt.show()
for name, found in results.items():
    print(
        f"{name:<18} training {found[:, 0].mean():5.1f} %, test {found[:, 1].mean():5.1f} %, moved {found[:, 2].mean():5.1f} %"
    )
print(moved_right.reveal(round(float(results["moved in training"][:, 2].mean()), 1)))
print(best.reveal(max(results, key=lambda name: results[name][:, 1].mean())))

# %% [markdown]
# Read the last two columns of each group. On the test images as they are, dropout and decay change little here: compare the
# differences with the black lines, which are what a seed alone does. (Digits from the same scanner are easy guests.) Moving costs
# something there: the same network has more to learn. Moved by a pixel, it stands apart.
#
# Augmentation is the only one that *tells* the network something: that a moved digit is the same digit. The convolution of notebook
# 4 is told the same by the way it is built.
#
# ## Exercises
#
# Exercise 11 is the backward of batch normalization. The first thing that one writes follows $x$ through its own $n$:


# %%
def backward(dy, n, inv_std, gamma):
    over_the_batch = tuple(range(dy.ndim - 1))
    dx = dy * gamma * inv_std
    return dx, (dy * n).sum(axis=over_the_batch), dy.sum(axis=over_the_batch)


check("batchnorm_backward", backward)

# %% [markdown]
# `minidl exercises start 11`.
#
# ## Try it
#
# 1. Put the normalization *behind* the `relu`. Is it better or worse? With how many seeds would you dare to say so?
# 2. Train `ten_layers` with batches of 2. What do the batch's mean and spread look like then?
# 3. `LayerNormalization` takes mean and spread over the units of one image. Repeat the picture of "images in a call". Why is it flat?
# 4. Give the network of "by heart" all the training images. Which of the four ways still changes anything?
# 5. Turn the digits by up to 180° (`layers.RandomRotation(0.5)`). Which digits does that spoil, and why?
#
# **Next:** 7 · your first kernel.
