# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3 · Starting, bending, descending
#
# **The question.** Two networks of twenty layers, the same but for the size of their first, random weights. One learns nothing,
# because its numbers vanish; the other explodes. What is the right size, and why?
#
# Then the two other choices that everybody makes before training begins: what bends the straight lines between the layers (the
# *activation*), and how to walk downhill (the *optimizer*).
#
# *You need:* notebooks 1 and 2. No GPU. *It takes:* an hour to read and try, half a minute to run.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minidl
from minidl import layers, lens, optimizers
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})
DEPTH, WIDTH = 20, 256

# %% [markdown]
# ## Twenty layers, before any training
#
# A layer takes 256 numbers, multiplies them by a 256 × 256 matrix of random weights, and `relu` cuts off what is negative. The
# weights are drawn around 0 with standard deviation $g / \sqrt{256}$: a sum of 256 products then neither grows nor shrinks by
# its *number* of terms, and what is left to choose is the factor $g$, called the **gain**.
#
# > **Predict.** Numbers of size 1 go in. What is the standard deviation of what comes out of the twentieth layer, for a gain
# > of 1?

# %%
after_twenty = guess("standard deviation after 20 relu layers of gain 1")
after_twenty(None)


# %%
def through(gain, depth=DEPTH, seed=0):
    """The outputs of every layer, for 256 random inputs."""
    random = np.random.default_rng(seed)
    x, outputs = random.normal(size=(256, WIDTH)), []
    for _ in range(depth):
        w = random.normal(size=(WIDTH, WIDTH)) * gain / np.sqrt(WIDTH)
        x = np.maximum(x @ w, 0)
        outputs.append(x)
    return outputs


gains = {"0.5": 0.5, "1": 1.0, "√2": np.sqrt(2), "2": 2.0}
outputs = {name: through(gain) for name, gain in gains.items()}
plt.figure(figsize=(6.5, 3), layout="constrained")
for (name, found), marker in zip(outputs.items(), "osD^"):
    plt.semilogy(range(1, DEPTH + 1), [x.std() for x in found], marker=marker, markersize=4, label=f"gain {name}")
    print(f"gain {name:<4} after 1 layer {found[0].std():9.2e}   after {DEPTH} layers {found[-1].std():9.2e}")
plt.xlabel("layer")
plt.ylabel("standard deviation")
plt.xticks(range(2, DEPTH + 1, 2))
plt.legend()
plt.show()
after_twenty.reveal(float(f"{outputs['1'][-1].std():.2e}"))

# %% [markdown]
# Straight lines on a logarithmic scale: each layer multiplies by the same factor, and twenty of them by its twentieth power. One
# gain alone keeps the numbers as they are: $\sqrt 2$.
#
# It is no magic number. A sum of $n$ products of independent numbers has $n$ times the variance of one product; the
# $1/\sqrt n$ in the weights takes care of that. Then `relu` sets half of the numbers to 0, and **half of the mean square is
# gone**. The gain has to give it back: $g^2 = 2$. Measured, for one layer:

# %%
before = np.random.default_rng(0).normal(size=100_000)
print("mean square before relu:", (before**2).mean().round(3), "  after:", (np.maximum(before, 0) ** 2).mean().round(3))

# %% [markdown]
# Keras calls these starts `he_normal` (gain $\sqrt 2$) and `lecun_normal` (gain 1); `glorot_uniform`, the default, lies between
# them. Where do the numbers lie, layer by layer?

# %%
figure, axes = plt.subplots(4, 5, figsize=(10, 5), sharey=True, layout="constrained")
for row, (name, found) in zip(axes, outputs.items()):
    for ax, depth in zip(row, (1, 5, 10, 15, 20)):
        values = found[depth - 1][found[depth - 1] > 0]
        ax.hist(values / values.max(), bins=30, color="tab:blue")
        ax.set_title(f"gain {name}, layer {depth}: up to {values.max():.0e}", fontsize=8)
        ax.tick_params(labelleft=False, labelbottom=False)
plt.show()

# %% [markdown]
# The *shape* is the same everywhere (the zeros are not drawn): what is lost or explodes is the scale.
#
# ## And the slopes?
#
# Backwards the same happens: each layer multiplies `dy` by its weights, transposed, and `relu` lets half of it through. Here are
# the gradients of the weights of twenty dense layers:


# %%
def deep_network(initializer):
    minidl.utils.set_random_seed(0)
    hidden = [layers.Dense(64, "relu", kernel_initializer=initializer) for _ in range(DEPTH)]
    net = minidl.Sequential([layers.Input((64,)), *hidden, layers.Dense(10)])
    net.compile(
        optimizers.SGD(0.03), minidl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    return net


(x_train, y_train), (x_test, y_test) = minidl.datasets.digits.load_data()
x_train, x_test = (x.reshape(-1, 64).astype("float32") / 16 for x in (x_train, x_test))


def gradient_sizes(net):
    with minidl.GradientTape() as tape:
        loss = net.loss(y_train[:128], net(x_train[:128], training=True))
    kernels = [layer.kernel for layer in net.layers if isinstance(layer, layers.Dense)]
    return [np.abs(g.numpy()).mean() for g in tape.gradient(loss, kernels)]


starts = {
    "normal, 0.05": minidl.initializers.RandomNormal(stddev=0.05),
    "glorot_uniform": "glorot_uniform",
    "he_normal": "he_normal",
    "normal, 0.3": minidl.initializers.RandomNormal(stddev=0.3),
}
plt.figure(figsize=(6.5, 3), layout="constrained")
for (name, start), marker in zip(starts.items(), "osD^"):
    plt.semilogy(range(1, DEPTH + 2), gradient_sizes(deep_network(start)), marker=marker, markersize=4, label=name)
plt.xlabel("layer")
plt.ylabel("mean size of a weight's gradient")
plt.xticks(range(1, DEPTH + 2, 2))
plt.legend(loc=(0.02, 0.22), ncols=2)
plt.show()

# %% [markdown]
# > **Predict.** Each of the four is trained for 10 epochs on the digits with plain gradient descent. How many of them read more
# > than half of the test images?

# %%
learned = guess("starts of the four from which 20 layers learn the digits", among=["0", "1", "2", "3", "4"])
learned(None)

# %%
results = {}
for name, start in starts.items():
    net = deep_network(start)
    with np.errstate(all="ignore"):
        net.fit(x_train, y_train, epochs=10, batch_size=32, verbose=0)
        results[name] = net.evaluate(x_test, y_test, verbose=0)[1]
    print(f"{name:<15} {results[name]:.1%} of the test images")
learned.reveal(str(sum(share > 0.5 for share in results.values())))

# %% [markdown]
# A start does not make a network clever. It decides whether there is a slope to follow at all. (Notebook 6 shows what forgives a
# bad one.)
#
# ## Bending
#
# Between two layers stands a function that bends. Three that are used, and their slopes, which is what the way back multiplies by:

# %%
z = np.linspace(-5, 5, 201).astype("float32")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
for name, line in (("sigmoid", "-"), ("tanh", "--"), ("relu", ":")):
    variable = minidl.Variable(z)
    with minidl.GradientTape() as tape:
        y = getattr(minidl.activations, name)(variable)
    left.plot(z, y.numpy(), line, label=name)
    right.plot(z, tape.gradient(y, variable).numpy(), line, label=name)
left.set(title="the function", xlabel="z", ylim=(-1.2, 2.2))
right.set(title="its slope", xlabel="z")
left.legend()
plt.show()

# %% [markdown]
# A sigmoid's slope is a quarter at best: ten of them in a row pass on at most $4^{-10}$ of what they hear. `relu` passes all, or
# nothing. And "nothing" can be for ever: a unit that is off for **every** image hears nothing, and its weights never move again.
# It is *dead*.
#
# > **Predict.** One hidden layer of 64 units, ten epochs, learning rates 0.1, 1 and 2. How many units are dead at the end with the
# > largest?

# %%
dead_units = guess("dead relu units of 64 after training with a learning rate of 2", unit="units")
dead_units(None)

# %%
dead, recorders = {}, {}
for rate in (0.1, 1.0, 2.0):
    minidl.utils.set_random_seed(0)
    net = minidl.Sequential(
        [layers.Input((64,)), layers.Dense(64, "relu", name="hidden"), layers.Dense(10, name="out")]
    )
    net.compile(
        optimizers.SGD(rate), minidl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    recorders[rate] = lens.HistogramRecorder(x_train[:256], y_train[:256])
    net.fit(x_train, y_train, epochs=10, batch_size=32, verbose=0, callbacks=[recorders[rate]])
    dead[rate] = int((net.layers[0](x_train).numpy().max(axis=0) == 0).sum())
    accuracy = net.evaluate(x_test, y_test, verbose=0)[1]
    print(f"learning rate {rate:<4} dead units {dead[rate]:>2} of 64   test images {accuracy:.1%}")
print(dead_units.reveal(dead[2.0]))
lens.plot_histograms(recorders[2.0], what="activations")

# %% [markdown]
# ## Descending
#
# Plain gradient descent goes where it is steepest. In a long valley that is across, not along: it zigzags. *Momentum* keeps a
# running mean of the slopes, so that what changes its sign cancels, and what stays adds up. *Adam* also divides by the usual size
# of each weight's slope, so that each weight has steps of its own.
#
# Here is such a valley, twenty times steeper in one direction than in the other, and 60 steps of each:


# %%
def valley(a, b):
    return 0.5 * (a * a + 20 * b * b)


def walk(optimizer, steps=60):
    a, b = minidl.Variable(4.0), minidl.Variable(1.5)
    places = [(4.0, 1.5)]
    for _ in range(steps):
        with minidl.GradientTape() as tape:
            height = valley(a, b)
        optimizer.apply_gradients(zip(tape.gradient(height, [a, b]), [a, b]))
        places.append((float(a), float(b)))
    return np.array(places)


walkers = {
    "sgd, 0.09": optimizers.SGD(0.09),
    "momentum, 0.02": optimizers.SGD(0.02, momentum=0.9),
    "adam, 0.3": optimizers.Adam(0.3),
}
grid = np.meshgrid(np.linspace(-2.5, 4.5, 80), np.linspace(-1.8, 1.8, 60))
figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), sharey=True, layout="constrained")
for ax, (name, optimizer) in zip(axes, walkers.items()):
    path = walk(optimizer)
    ax.contour(*grid, valley(*grid), levels=12, cmap="Greys", linewidths=0.7)
    ax.plot(*path.T, "o-", color="tab:red", markersize=2.5, linewidth=0.8)
    ax.plot(0, 0, "k*")
    ax.set_title(f"{name}: height {valley(*path[-1]):.1e} after 60 steps", fontsize=9)
plt.show()

# %% [markdown]
# Which is the best? The question is badly put. Each has a learning rate, and each is bad at a bad one. A fair comparison looks for
# **the best rate of each**, and repeats with other seeds.
#
# > **Predict.** On the digits, two epochs: how many times as large as Adam's best learning rate is that of plain gradient
# > descent?

# %%
best_rates = guess("the best learning rate of plain gradient descent, beside Adam's", unit="times as large")
best_rates(None)

# %%
rates = np.logspace(-4, 1, 11)
makers = {
    "sgd": optimizers.SGD,
    "momentum": lambda rate: optimizers.SGD(rate, momentum=0.9),
    "adam": optimizers.Adam,
}


def loss_after_two_epochs(optimizer, seed):
    minidl.utils.set_random_seed(seed)
    net = minidl.Sequential([layers.Input((64,)), layers.Dense(32, "relu"), layers.Dense(10)])
    net.compile(optimizer, minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
    with np.errstate(all="ignore"):
        net.fit(x_train, y_train, epochs=2, batch_size=64, verbose=0)
        return min(net.evaluate(x_test, y_test, batch_size=360, verbose=0), 10.0)  # drawn at 10 where it exploded


found = {
    name: np.array([[loss_after_two_epochs(make(rate), seed) for rate in rates] for seed in range(3)])
    for name, make in makers.items()
}
plt.figure(figsize=(6.5, 3.2), layout="constrained")
best = {}
for (name, losses), marker in zip(found.items(), "osD"):
    middle = np.median(losses, axis=0)
    plt.loglog(rates, middle, marker=marker, markersize=4, label=name)
    plt.fill_between(rates, losses.min(axis=0), losses.max(axis=0), alpha=0.2)
    at = middle.argmin()
    best[name] = rates[at]
    print(f"{name:<9} best at {rates[at]:.1e}: loss {middle[at]:.2f};  at a tenth of that rate {middle[at - 2]:.2f}")
plt.xlabel("learning rate")
plt.ylabel("loss on the test images (3 seeds)")
plt.legend()
plt.show()
best_rates.reveal(round(best["sgd"] / best["adam"], 1))

# %% [markdown]
# Read the picture along one vertical line: at any single rate one of the three looks hopeless, and it is never the same one.
# Whoever compares optimizers at *one* rate compares rates. (Two epochs are short: given more, plain descent catches up. Try it.)
#
# And the path of a training, seen from above: the plane through the weights in which the path moved most, with the loss as its
# height.

# %%
minidl.utils.set_random_seed(0)
net = minidl.Sequential([layers.Input((64,)), layers.Dense(16, "relu"), layers.Dense(10)])
net.compile(optimizers.Adam(0.01), minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
path = lens.PathRecorder(every=4)
net.fit(x_train, y_train, epochs=4, batch_size=64, verbose=0, callbacks=[path])
lens.plot_loss_landscape(net, x_train[:200], y_train[:200], path=path, steps=15)

# %% [markdown]
# ## Exercises
#
# Exercise 7 is a step of Adam. Here it is with one line left out, as many have it:


# %%
def adam_step(w, g, state, lr, beta1, beta2, epsilon):
    m, v = (0 * g, 0 * g) if state is None else state
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return w - lr * m / (np.sqrt(v) + epsilon), (m, v)


check("adam", adam_step)

# %% [markdown]
# `minidl exercises start 7`; later, exercise 53 asks for an optimizer in a network.
#
# ## Try it
#
# 1. Replace `relu` by `tanh` in `through`. Which gain keeps the numbers as they are? Why is it not $\sqrt 2$?
# 2. `leaky_relu` passes a tenth of what is negative. Which gain does it need? Work it out, then measure.
# 3. Train the twenty layers from `he_normal` with learning rates 0.01, 0.1, 1. And with Adam?
# 4. Momentum 0.9 is like a learning rate ten times as large. Look for it in the last picture but one.
#
# **Next:** 4 · convolution, four ways.
