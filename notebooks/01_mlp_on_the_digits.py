# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1 · A neuron, then a network
#
# **The question.** A picture of a handwritten digit is a list of 64 numbers. What has to be computed from these numbers
# to know which digit it is, and how can a program find that computation by itself?
#
# You will train one neuron by hand, with ten lines of NumPy and a derivative from paper. Then you will let `minidl` do
# the same, see that it gets the same numbers, and grow the neuron into a network that reads 97 of 100 digits.
#
# *You need:* NumPy, and the chain rule. *It takes:* 45 minutes to read and try, a quarter of a minute to run. No GPU.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minidl
from minidl import functional as F
from minidl import layers, lens

minidl.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})

# %% [markdown]
# ## The data
#
# 1797 digits that real people wrote, each scanned to 8 × 8 pixels with 17 shades, 0 to 16. They come with the package.
# 360 of them are set aside as *test* images: nothing below may learn from them.

# %%
(x_train, y_train), (x_test, y_test) = minidl.datasets.digits.load_data()
print(x_train.shape, x_train.dtype, "training images;", x_test.shape, "test images")

figure, axes = plt.subplots(2, 10, figsize=(10, 2.4))
for ax, image, label in zip(axes.flat, x_train, y_train):
    ax.imshow(image, cmap="gray_r")
    ax.set_title(str(label))
    ax.axis("off")

# %% [markdown]
# A computer sees no shapes, only 64 numbers. Here is the first image as it is stored:

# %%
print(x_train[0])

# %% [markdown]
# ## One neuron
#
# Begin with a smaller question: **is it a 3 or an 8?** The two look alike; an 8 has ink on the left where a 3 has none.
#
# A *neuron* is a weighted sum, pressed into a number between 0 and 1:
#
# $$ z = \sum_d x_d\, w_d + b, \qquad p = \frac{1}{1 + e^{-z}} $$
#
# We read $p$ as "how sure am I that this is an 8". The weights $w$ (64 of them) and the bias $b$ are what has to be
# found.
#
# > **Predict.** Weight $w_d$ belongs to pixel $d$, so the weights can be drawn as an 8 × 8 picture. Where will it be
# > positive (ink here speaks for an 8), where negative? Sketch it on paper before you go on.


# %%
def threes_and_eights(x, y):
    """The 3s and 8s only: pixels (N, 64) from 0 to 1, and 1 for an 8, 0 for a 3."""
    chosen = (y == 3) | (y == 8)
    return (x[chosen].reshape(-1, 64) / 16).astype("float32"), (y[chosen] == 8).astype("float32")


x, t = threes_and_eights(x_train, y_train)
print(x.shape, "of which", int(t.sum()), "are eights")

# %% [markdown]
# How wrong is the neuron? The *loss* is small when $p$ is near the truth $t$, and large when the neuron is sure of the
# wrong answer:
#
# $$ L = -\frac1N \sum_n \bigl( t_n \log p_n + (1 - t_n) \log (1 - p_n) \bigr) $$
#
# To make it smaller we need its slope in each weight. On paper, with the chain rule, nearly everything cancels:
#
# $$ \frac{\partial L}{\partial z_n} = \frac{p_n - t_n}{N}, \qquad
#    \frac{\partial L}{\partial w} = X^\top \frac{\partial L}{\partial z}, \qquad
#    \frac{\partial L}{\partial b} = \sum_n \frac{\partial L}{\partial z_n} $$
#
# (Do it yourself: $\mathrm dp/\mathrm dz = p(1-p)$ is the step that makes it fall into place.)
#
# That is all. Here is the neuron and its training: **forward, loss, backward, update**.


# %%
def neuron(x, w, b):
    return 1 / (1 + np.exp(-(x @ w + b)))


def loss_and_gradients(x, t, w, b):
    p = neuron(x, w, b)
    loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    dz = (p - t) / len(t)
    return loss, x.T @ dz, dz.sum()


w, b = np.zeros(64, "float32"), np.float32(0)
losses = []
for step in range(300):
    loss, dw, db = loss_and_gradients(x, t, w, b)
    w, b = w - 0.5 * dw, b - 0.5 * db
    losses.append(loss)

x_judge, t_judge = threes_and_eights(x_test, y_test)
right = (neuron(x_judge, w, b) > 0.5) == t_judge
print(f"loss {losses[0]:.3f} at the start, {losses[-1]:.3f} at the end")
print(f"{right.sum()} of {right.size} test images right")

# %% [markdown]
# The first loss is $\log 2 = 0.693$: with all weights zero the neuron says $p = 0.5$ to everything. Now the picture you
# sketched:

# %%
figure, (left, middle, right_ax) = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
left.plot(losses)
left.set(xlabel="step", ylabel="loss", title="the loss falls")
middle.imshow((x[t == 1].mean(0) - x[t == 0].mean(0)).reshape(8, 8), cmap="RdBu_r", vmin=-1, vmax=1)
middle.set_title("mean 8 minus mean 3")
limit = np.abs(w).max()
picture = right_ax.imshow(w.reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
right_ax.set_title("what the neuron learned: w")
figure.colorbar(picture, ax=right_ax)
for ax in (middle, right_ax):
    ax.axis("off")

# %% [markdown]
# Red is ink that speaks for an 8: the left sides of its two loops. Blue speaks against it. Nobody told the neuron where to
# look.
#
# ## The same neuron in minidl
#
# `minidl` has an *op* for each piece: `dense` is $xw + b$, then `sigmoid`, then the loss. The *tape* writes down each op
# that runs, and walks the list backwards to find the gradients. Nobody derives anything on paper.
#
# > **Predict.** Will the gradients be *exactly* those of our ten lines, or only close?

# %%
w_var = minidl.Variable(w[:, None], name="w")  # what our neuron learned
b_var = minidl.Variable([b], name="b")
with minidl.GradientTape(persistent=True) as tape:
    p = F.sigmoid(F.dense(x, w_var, b_var))
    loss = F.binary_crossentropy(t[:, None], p).mean()
dw_tape, db_tape = tape.gradient(loss, [w_var, b_var])

_, dw_hand, db_hand = loss_and_gradients(x, t, w, b)
print("largest gradient in dw:  ", np.abs(dw_hand).max())
print("largest difference in dw:", np.abs(dw_tape.numpy()[:, 0] - dw_hand).max())
print("in db:                   ", abs(db_tape.numpy()[0] - db_hand))

# %% [markdown]
# Close, not equal: float32 keeps some seven digits, and a sum done in another order rounds differently. Keep this in
# mind; when we compare a CPU with a GPU, the question will never be "equal?" but "as close as rounding allows?".
#
# The tape's list shows what happened. Read it downwards for the forward pass, upwards for the backward pass:

# %%
for entry in tape.entries:
    shapes = [t.shape for t in entry.inputs if t is not None]
    print(f"{entry.op:<20} {shapes} -> {entry.outputs[0].shape}   on {entry.backend}")

# %% [markdown]
# And each op is a pair of plain functions that you can read. This is `sigmoid` (`np.empty_like` is memory to write into):

# %%
import inspect

from minidl.ops import activations

print(inspect.getsource(activations.sigmoid_forward))
print(inspect.getsource(activations.sigmoid_backward))

# %% [markdown]
# How do we know that a backward is right? By asking the forward: nudge one input by a tiny amount, see how much the output
# moves. `check_gradients` does it for every input, in float64:

# %%
minidl.testing.check_gradients(activations.sigmoid_forward, activations.sigmoid_backward, [np.linspace(-2, 2, 7)])
print("sigmoid_backward agrees with the finite differences")


# %% [markdown]
# What does a *wrong* backward look like? Here the minus is forgotten, a classic:


# %%
def wrong_backward(dy, cache):
    return (dy * cache.y * (1 + cache.y),)


try:
    minidl.testing.check_gradients(activations.sigmoid_forward, wrong_backward, [np.linspace(-2, 2, 7)])
except minidl.testing.GradientError as error:
    print(error)

# %% [markdown]
# ## Ten neurons: one for each digit
#
# For ten digits take ten neurons. `softmax` turns their ten sums into probabilities that add up to one. As a Keras-style
# model:

# %%
minidl.utils.set_random_seed(1)
ten_neurons = minidl.Sequential(
    [
        layers.Input((8, 8)),
        layers.Rescaling(1 / 16),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", name="ten"),
    ]
)
ten_neurons.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history_ten = ten_neurons.fit(x_train, y_train, epochs=40, batch_size=32, validation_split=0.1, verbose=0)
_, accuracy_ten = ten_neurons.evaluate(x_test, y_test, verbose=0)
print(f"ten neurons: {accuracy_ten:.1%} of the test images right")

# %%
figure, axes = plt.subplots(1, 10, figsize=(11, 1.6))
for digit, ax in enumerate(axes):
    ax.imshow(ten_neurons.get_layer("ten").kernel.numpy()[:, digit].reshape(8, 8), cmap="RdBu_r")
    ax.set_title(str(digit))
    ax.axis("off")

# %% [markdown]
# Each neuron has one template, and compares the image with it. That is its limit: a 7 with a bar and a 7 without one
# would need two templates.
#
# ## A hidden layer
#
# So put a layer between: 32 neurons that may look for anything, and ten that decide from what those found. Between them
# stands `relu`, which cuts off what is negative.
#
# > **Predict.** (a) How many numbers will this network learn? Count them before you look at the summary.
# > (b) What would happen without the `relu`? (Think of $(xW_1)W_2$.)

# %%
minidl.utils.set_random_seed(1)
model = minidl.Sequential(
    [
        layers.Input((8, 8)),
        layers.Rescaling(1 / 16),
        layers.Flatten(),
        layers.Dense(32, activation="relu", name="hidden"),
        layers.Dense(10, activation="softmax", name="decide"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()

# %% [markdown]
# (a) 64 · 32 + 32 in the hidden layer, 32 · 10 + 10 in the last: 2410. (b) A product of two matrices is one matrix:
# without the `relu` the network could do no more than the ten neurons.

# %%
history = model.fit(x_train, y_train, epochs=40, batch_size=32, validation_split=0.1, verbose=0)
_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"with a hidden layer: {accuracy:.1%}  (ten neurons: {accuracy_ten:.1%})")
lens.plot_history(history)

# %% [markdown]
# Why does it do worse on the validation images than on the test images? They are the last tenth of the training images, and
# neighbours in the file look like the same hand: it seems to meet hands that it has never seen. The test images were drawn
# from everywhere. (Shuffle `x_train` and `y_train` before `fit`, and the validation accuracy rises to 98 % or so. Which
# number would you believe?)
#
# Is that the `relu`'s doing? Hardly. Two layers also *learn faster* than one, with or without it; and the ten digits are
# different enough that ten templates, trained for long enough, do about as well (exercise 4). To see what the `relu` is
# for, ask what no single template can answer: **is the digit even or odd?**
#
# > **Predict.** One neuron alone; after 32 others without a `relu`; after 32 others with it. Which of the three can tell?


# %%
def even_or_odd(*hidden):
    """Train these layers and one neuron behind them; return the share of the test images that they get right."""
    minidl.utils.set_random_seed(1)
    net = minidl.Sequential(
        [layers.Input((8, 8)), layers.Rescaling(1 / 16), layers.Flatten(), *hidden, layers.Dense(1, "sigmoid")]
    )
    net.compile(minidl.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    net.fit(x_train, y_train % 2, epochs=30, batch_size=32, verbose=0)
    return net.evaluate(x_test, y_test % 2, verbose=0)[1]


print(f"one neuron alone:         {even_or_odd():.1%}")
print(f"after 32 without a relu:  {even_or_odd(layers.Dense(32)):.1%}")
print(f"after 32 with a relu:     {even_or_odd(layers.Dense(32, 'relu')):.1%}")

# %% [markdown]
# That is (b): without the `relu` the hidden layer adds nothing, with it some of the 32 neurons can look for a 3, others
# for a 7, and the last one says "odd" to either.
#
# **Which digits does the network for all ten still get wrong?** Each row is a true digit, each column what the network took
# it for:

# %%
predicted = model.predict(x_test, verbose=0).argmax(axis=1)
lens.plot_confusion_matrix(y_test, predicted, [str(digit) for digit in range(10)])

# %%
wrong = np.flatnonzero(predicted != y_test)[:8]
figure, axes = plt.subplots(1, 8, figsize=(10, 1.9))
for ax in axes:
    ax.axis("off")
for ax, k in zip(axes, wrong):
    ax.imshow(x_test[k], cmap="gray_r")
    ax.set_title(f"{y_test[k]}, taken\nfor {predicted[k]}")

# %% [markdown]
# Would you have got them right?
#
# ## One training step, op by op
#
# Here is everything that one step does, forward and backward, with the time that each op took on this computer.
#
# > **Predict.** Which op takes longest: the first `dense`, the second, or the softmax? And is a backward as costly as its
# > forward?

# %%
lens.training_step(model, x_train[:32], y_train[:32])  # once unseen: the first run of anything is slower
lens.training_step(model, x_train[:32], y_train[:32])

# %% [markdown]
# The first `dense` has six times the multiplications of the second (64 · 32 against 32 · 10 an image), and takes nowhere
# near six times as long: most rows take about a hundredth of a millisecond, and a good part of that is Python calling
# NumPy, not arithmetic. A `dense` backward has two products where the forward has one, for `dx` and for `dw`; but look at
# the outputs of the last row: the first layer needs no `dx`. Notebook 11 measures such things properly.
#
# And here are the arrays themselves, op by op, for four images; orange is positive, blue negative. Find the images as
# rows of 64 numbers, the units that `relu` switches off, and, in the backward pass, the image that the network is least
# sure of.

# %%
stepper = lens.step(model, x_train[:4], y_train[:4])
stepper

# %% [markdown]
# `stepper.play()` walks through it, op by op, with all the numbers; `stepper.save_html("step.html")` writes that as a page.
#
# ## The same step as GPU kernels
#
# Every op also has *kernels*: programs for thousands of GPU threads. `"simt"` runs them on any computer, statement by
# statement and with every memory access checked. It is slow, and it is not a GPU, but the arithmetic is the kernels' own.
#
# > **Predict.** How far will the two predictions be apart?

# %%
on_numpy = model(x_test[:4]).numpy()
with minidl.using("simt"):
    on_kernels = model(x_test[:4]).numpy()
print("largest difference:", np.abs(on_numpy - on_kernels).max())

# %% [markdown]
# As close as rounding allows. You can also choose for a single op, in a single direction:

# %%
with minidl.using(dense_forward="simt:r1_naive"):
    table = lens.training_step(model, x_train[:4], y_train[:4])
print({(row.op, row.direction): row.backend for row in table.rows if row.op in ("dense", "relu")})

# %% [markdown]
# ## Try it
#
# 1. Train the hand-written neuron on 1 against 7, and on 4 against 9. Which pair is hardest? Look at the weights.
# 2. Set the learning rate of the hand-written neuron to 5, to 50. What does the loss curve do, and why?
# 3. Give the hidden layer 4, 8, 16, 64, 256 neurons, and plot test accuracy against their number.
# 4. Take the `relu` away from the network for ten digits: is it worse? Then train the ten neurons for 400 epochs. What had
#    the hidden layer helped with?
# 5. Write `relu_forward` and `relu_backward` yourself, check them with `check_gradients`, register them with
#    `minidl.register_backend("relu", "mine", …)`, and train with `minidl.using(relu="mine")`.
#
# **Next:** 2 · backprop by hand (to come); or go on to 4 · convolution, which finds a stroke wherever it stands.
