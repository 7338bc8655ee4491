# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5 · A network for real images
#
# **The question.** A network reads handwriting, and some of it wrongly. Which images does it get wrong, can we see *why*, and
# what would help: more layers, or more images?
#
# The images are some thousands of MNIST's, 28 × 28 pixels each, written by many people. On the way we learn a rule that is
# easily broken: what is used for choosing is used up.
#
# *You need:* notebooks 1 and 4. No GPU. *It takes:* an hour to read and try, a minute to run.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np

import minidl
from minidl import layers, lens
from minidl.callbacks import EarlyStopping
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})
(x_all, y_all), (x_test, y_test) = minidl.datasets.mnist_small.load_data()
x_all, x_test = x_all[..., None], x_test[..., None]  # one channel: grey
print("to learn from:", x_all.shape, x_all.dtype, " test:", x_test.shape)

figure, axes = plt.subplots(2, 12, figsize=(10, 2), layout="constrained")
for ax, image in zip(axes.flat, x_all):
    ax.imshow(image[..., 0], cmap="gray_r")
    ax.axis("off")
plt.show()

# %% [markdown]
# ## Three piles
#
# The first pile is for *training*: the weights are fitted to it. The second is for *choosing*: when to stop, how many layers,
# which learning rate. It is called the validation set. The third is the *test* set. A number from it is true as long as nothing has been
# chosen by it.
#
# We put 1,000 of the 5,000 aside for choosing. First the obvious way, and what it gives:

# %%
in_order = np.argsort(y_all, kind="stable")  # many data sets come like this: sorted by class
print("digits in the last thousand of a sorted set:", np.unique(y_all[in_order][-1000:]))

# %% [markdown]
# Validation on two digits of ten, and training without them. `validation_split` of `fit` takes the *last* part too, as Keras
# does: shuffle before you cut.

# %%
shuffled = np.random.default_rng(0).permutation(len(x_all))
x_train, y_train = x_all[shuffled[:4000]], y_all[shuffled[:4000]]
x_choose, y_choose = x_all[shuffled[4000:]], y_all[shuffled[4000:]]
print("of each digit, for choosing:", np.bincount(y_choose))

# %% [markdown]
# ## Two networks
#
# One has a weight for each place, as in notebook 1. The other looks for small pieces everywhere, as in notebook 4: two
# convolutions, a pooling that keeps the largest of 2 × 2, then two dense layers.
#
# The division by 255 is a layer of the network, so that nobody can forget it. It is a fixed number. Had we divided by a mean or a
# spread of the images, it would have to come from the training pile alone: a mean over all images knows something of the test
# images.


# %%
def by_place():
    return [layers.Flatten(), layers.Dense(32, "relu")]


def everywhere():
    return [
        layers.Conv2D(8, 5, strides=2, activation="relu", name="first"),
        layers.Conv2D(16, 3, activation="relu", name="second"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Flatten(),
        layers.Dense(32, "relu"),
    ]


def network(middle, seed=0):
    minidl.utils.set_random_seed(seed)
    net = minidl.Sequential(
        [layers.Input((28, 28, 1)), layers.Rescaling(1 / 255), *middle(), layers.Dense(10, "softmax")]
    )
    net.compile(minidl.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


mlp, cnn = network(by_place), network(everywhere)
print(f"by place: {mlp.count_params():,} weights    everywhere: {cnn.count_params():,} weights")

# %% [markdown]
# > **Predict.** Of the 1,000 images for choosing, what share does each read?

# %%
mlp_right = guess("images that the dense network reads", unit="%")
cnn_right = guess("images that the convolutional network reads", unit="%")
mlp_right(None), cnn_right(None)

# %% [markdown]
# How long to train? Until the loss on the second pile stops falling, or for 15 epochs. `EarlyStopping` waits for three epochs without a better
# one, stops, and puts the best weights back.

# %%
histories = {}
for name, net in (("by place", mlp), ("everywhere", cnn)):
    stop = EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    histories[name] = net.fit(
        x_train, y_train, epochs=15, batch_size=64, verbose=0, validation_data=(x_choose, y_choose), callbacks=[stop]
    ).history

figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True, layout="constrained")
for ax, (name, history) in zip(axes, histories.items()):
    epochs = range(1, len(history["loss"]) + 1)
    ax.plot(epochs, history["loss"], "o-", markersize=4, label="training")
    ax.plot(epochs, history["val_loss"], "s--", markersize=4, label="for choosing")
    ax.axvline(np.argmin(history["val_loss"]) + 1, color="black", linestyle=":", label="best, put back")
    ax.set(title=name, xlabel="epoch", ylim=(0, 0.8))
axes[0].set_ylabel("loss")
axes[0].legend()
plt.show()
shares = {
    name: round(100 * net.evaluate(x_choose, y_choose, verbose=0)[1], 1) for name, net in (("mlp", mlp), ("cnn", cnn))
}
print(mlp_right.reveal(shares["mlp"]))
print(cnn_right.reveal(shares["cnn"]))

# %% [markdown]
# Fewer weights, and fewer errors. The convolution does not have to learn each stroke once for every place where it may stand.
#
# In both pictures the training loss goes on falling when the other no longer does. From there on the network grows surer of
# *these* images, and no surer of digits, though a few more may be read rightly.
#
# ## The wrong program: choosing on the test set
#
# Why a third pile? Suppose that we had only 100 images to test with, and kept the epoch that does best on them. It looks
# harmless: the weights never saw these images.
#
# We train for 15 epochs and keep the predictions of each. Then we draw 100 images, choose the best epoch on them, and look at
# the other images with the same weights. That we do many times, with other images drawn.
#
# > **Predict.** By how many percentage points is the number on the 100 images too good, on average?

# %%
too_good = guess("by how much the best of 15 epochs on 100 images flatters", unit="percentage points")
too_good(None)

# %%
net, right = network(by_place), []
for _ in range(15):
    net.fit(x_train, y_train, epochs=1, batch_size=64, verbose=0)
    right.append(net.predict(x_choose, verbose=0).argmax(axis=1) == y_choose)
right = np.array(right)  # (epoch, image)

random, reported, true = np.random.default_rng(0), [], []
for _ in range(500):
    order = random.permutation(right.shape[1])
    on_100, on_the_rest = right[:, order[:100]].mean(axis=1), right[:, order[100:]].mean(axis=1)
    chosen = on_100.argmax()
    reported.append(100 * on_100[chosen])
    true.append(100 * on_the_rest[chosen])

plt.figure(figsize=(6.5, 2.6), layout="constrained")
bins = np.arange(80.5, 101)
plt.hist(reported, bins, alpha=0.6, label="on the 100 that chose it")
plt.hist(true, bins, alpha=0.6, hatch="//", label="on the rest")
plt.xlabel("% right, of the chosen epoch")
plt.ylabel("drawings of 500")
plt.legend(loc="upper left")
plt.show()
print(f"reported {np.mean(reported):.1f} %, on the rest {np.mean(true):.1f} %")
too_good.reveal(round(float(np.mean(reported) - np.mean(true)), 1))

# %% [markdown]
# The largest of many noisy numbers is too large. It is the same with the best of 15 networks. No line of this
# program is wrong to Python, and no checker can see it. What helps is the third pile.
#
# So, once, the number of this notebook:

# %%
for name, net in (("by place", mlp), ("everywhere", cnn)):
    print(f"{name:<11} {net.evaluate(x_test, y_test, verbose=0)[1]:.1%} of the test images")

# %% [markdown]
# That was the number. From here on we look at the test images, and compare by them: what we find is good for understanding, and no
# longer a promise for other images.
#
# ## Which ones?
#
# > **Predict.** Which two digits does the convolutional network mix up most often, counted in both directions?

# %%
pairs = [f"{a} and {b}" for a, b in itertools.combinations(range(10), 2)]
confused = guess("the two digits mixed up most", among=pairs)
confused(None)

# %%
probabilities = cnn.predict(x_test, verbose=0)
predicted = probabilities.argmax(axis=1)
mixed_up = {
    pair: int(((y_test == int(pair[0])) & (predicted == int(pair[-1]))).sum())
    + int(((y_test == int(pair[-1])) & (predicted == int(pair[0]))).sum())
    for pair in pairs
}
ranking = sorted(mixed_up, key=mixed_up.get, reverse=True)
print({pair: mixed_up[pair] for pair in ranking[:5]})
print(confused.reveal(ranking[0]))
lens.plot_confusion_matrix(y_test, predicted, [str(digit) for digit in range(10)])

# %% [markdown]
# And here are the errors of which it was surest. Take a sheet of paper: how many of these would *you* read as the label says?

# %%
lens.plot_worst_errors(cnn, x_test, y_test)

# %% [markdown]
# Some are hard for anyone; for some there is no excuse. The share of right answers does not know the difference: look at the
# errors before you try to remove them.
#
# Does the network know that it may be wrong? Its probability says so, more or less:

# %%
sure = probabilities.max(axis=1)
edges = [0, 0.5, 0.7, 0.9, 0.99, 1.01]
for low, high in itertools.pairwise(edges):
    inside = (sure >= low) & (sure < high)
    print(
        f"says {low:4.0%} to {min(high, 1):4.0%}: {inside.sum():>4} images, {(predicted == y_test)[inside].mean():6.1%} right"
    )

# %% [markdown]
# ## Why? What it looks for
#
# The first layer's filters. Red weights want ink, blue ones want paper. They still look much like the random numbers that they began
# with: it takes little to make edges and ends of strokes of them.

# %%
lens.plot_filters(cnn, "first")

# %% [markdown]
# What the layers make of the error that it was surest of:

# %%
wrong = np.flatnonzero(predicted != y_test)
worst = wrong[sure[wrong].argmax()]
print(f"a {y_test[worst]}, taken for a {predicted[worst]}")
lens.plot_activations(cnn, x_test[worst : worst + 1], ["first", "second", "pool"], maps=8)

# %% [markdown]
# It is hard to read anything from that. So ask in another way.
#
# ## Why? Where it looks
#
# Cover a part of the image, and see what the network says now. Where covering changes the answer, it has looked. This is an
# *occlusion map*, and it needs nothing but `predict`.


# %%
SIZE, STEP = 7, 3
corners = list(itertools.product(range(0, 28 - SIZE + 1, STEP), repeat=2))


def cover(image):
    """The image once for every place of the cover, a square of paper's colour."""
    covered = np.repeat(image[None], len(corners), axis=0)
    for one, (row, column) in zip(covered, corners):
        one[row : row + SIZE, column : column + SIZE] = 0
    return covered


def occlusion_map(image, digit):
    """The probability of a digit, for every place of the cover."""
    side = round(len(corners) ** 0.5)
    return cnn.predict(cover(image), verbose=0)[:, digit].reshape(side, side)


shown = wrong[np.argsort(sure[wrong])[::-1][:4]]
edge = (SIZE - 1) / 2 - STEP / 2
extent = (edge, 27 - edge, 27 - edge, edge)  # of the cover's centres
figure, axes = plt.subplots(2, 4, figsize=(9.5, 4.6), layout="constrained")
for column, k in zip(axes.T, shown):
    for ax, digit, what in zip(column, (predicted[k], y_test[k]), ("taken for", "is")):
        picture = ax.imshow(occlusion_map(x_test[k], digit), cmap="viridis", vmin=0, vmax=1, extent=extent)
        ax.contour(x_test[k, :, :, 0], levels=[100], colors="white", linewidths=1)
        ax.set(title=f"{what} {digit}", xlim=(-0.5, 27.5), ylim=(27.5, -0.5), xticks=[], yticks=[], facecolor="0.85")
figure.colorbar(picture, ax=axes, label="probability, with the cover here", shrink=0.8)
plt.show()

# %% [markdown]
# The white line is the digit. Above, dark: where the cover takes the wrong answer away. Below, bright, if anywhere: where the
# cover brings the right one back. What lies there stood in its way, or the cover itself looks like a piece of that digit.
#
# And how firm are the *right* answers?
#
# > **Predict.** Of 100 images that are read rightly, how many are read wrongly with a cover of 7 × 7 pixels at *some* place?

# %%
fragile = guess("right answers, of 100, that some cover of 7 x 7 turns over", unit="images")
fragile(None)

# %%
firm = np.flatnonzero(predicted == y_test)[:: max(1, (predicted == y_test).sum() // 100)][:100]
turned = [bool((cnn.predict(cover(x_test[k]), verbose=0).argmax(axis=1) != y_test[k]).any()) for k in firm]
fragile.reveal(sum(turned))

# %% [markdown]
# Reading nearly all of them is not the same as understanding what a digit is. A cover over the stroke that closes an 8 makes a 3 for us
# too; but not all of these are like that. `cover` gives you the images: look.
#
# ## More layers, or more images?
#
# Train on 250, 1,000 and 4,000 images. All networks take the same number of *steps*, so that the small sets are not simply
# trained less. Beside our network stands one with two more convolutions, trained on 1,000.


# %%
def deeper():
    same = {"padding": "same", "activation": "relu"}
    first, second, pool, flat, dense = everywhere()
    return [first, layers.Conv2D(8, 3, **same), second, layers.Conv2D(16, 3, **same), pool, flat, dense]


def error_after(middle, images, seed, steps=600, batch=32):
    """Train on so many images, each as often as the steps need; return the % of the test images that are wrong."""
    chosen = np.random.default_rng(seed).permutation(len(x_train))[:images]
    repeated = np.resize(chosen, steps * batch)
    net = network(middle, seed)
    net.fit(x_train[repeated], y_train[repeated], batch_size=batch, verbose=0)
    return 100 * (1 - net.evaluate(x_test, y_test, verbose=0)[1])


# %% [markdown]
# > **Predict.** The errors with 4,000 images, as a share of those with 1,000? And from 1,000 images on, what helps more: two more
# > layers, or four times the images?

# %%
factor = guess("errors with 4,000 images, as a share of those with 1,000", unit="times")
better = guess("what helps more", among=["two more layers", "four times the images"])
factor(None), better(None)

# %%
sizes = [250, 1000, 4000]


def errors_at(middle, sizes):
    """Two seeds, as rows, for all sizes, as columns."""
    return np.array([[error_after(middle, images, seed) for images in sizes] for seed in range(2)])


curves = {"by place": errors_at(by_place, sizes), "everywhere": errors_at(everywhere, sizes)}
with_more_layers = errors_at(deeper, [1000])

# %%
plt.figure(figsize=(6.5, 3.2), layout="constrained")
for (name, found), marker in zip(curves.items(), "os"):
    plt.loglog(sizes, found.mean(axis=0), marker=marker, markersize=5, label=name)
    plt.fill_between(sizes, found.min(axis=0), found.max(axis=0), alpha=0.2)
plt.loglog([1000, 1000], with_more_layers[:, 0], "D", color="black", label="everywhere, two layers more")
plt.xticks(sizes, sizes)
plt.yticks([5, 10, 20], [5, 10, 20])
plt.minorticks_off()
plt.xlabel("training images")
plt.ylabel("% of the test images wrong (2 seeds)")
plt.legend()
plt.show()
few, some, many = curves["everywhere"].mean(axis=0)
wrong_with = {"two more layers": with_more_layers.mean(), "four times the images": many}
print(f"1,000 images: {some:.1f} % wrong;", ", ".join(f"{what}: {share:.1f} %" for what, share in wrong_with.items()))
print(f"250 to 1,000 images leaves {some / few:.2f} of the errors, 1,000 to 4,000 leaves {many / some:.2f}")
print(factor.reveal(round(float(many / some), 2)))
print(better.reveal(min(wrong_with, key=wrong_with.get)))

# %% [markdown]
# Each step to the right takes away errors, and the later one a smaller share. A curve like this says what more images may bring; drawn
# on from its first points it is too hopeful.
#
# Two seeds are few: where dots of one kind lie between dots of the other, say nothing.
#
# ## Exercises
#
# Pooling keeps the largest of a window; its gradient goes back to where the largest stood. Exercise 10 asks for that. Here is a
# version that looks right: it compares each value with the window's maximum.


# %%
def max_pool_backward(dy, x, y, size, stride):
    dx = np.zeros_like(x)
    for i, j in np.ndindex(dy.shape[1:3]):
        window = (slice(None), slice(i * stride, i * stride + size), slice(j * stride, j * stride + size))
        is_largest = x[window] == y[:, i : i + 1, j : j + 1]
        dx[window] += is_largest * dy[:, i : i + 1, j : j + 1]
    return dx


check("pool_backward", max_pool_backward)

# %% [markdown]
# `minidl exercises start 10`.
#
# ## Try it
#
# 1. Move the test images by two pixels. Which of the two networks loses more? Is `everywhere` as firm as its name says?
# 2. Cover with grey (128) instead of paper. Do the maps change? What does that say about the method?
# 3. Train for 15 epochs on labels that are drawn by lot. How far does the training loss fall, and what does the second pile say?
# 4. Which of the 16 worst errors does a network from another seed make as well?
# 5. `minidl.datasets.fashion_mnist` has the same shapes; it is fetched once. Which two garments are mixed up most?
#
# **Next:** 6 · keeping it in shape.
