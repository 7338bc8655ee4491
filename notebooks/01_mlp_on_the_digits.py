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
# the same, see that it gets the same numbers, and grow the neuron into a network that reads nearly all of them.
#
# *You need:* NumPy, and the chain rule. *It takes:* 45 minutes to read and try, half a minute to run. No GPU.
#
# Before each measurement there is a question. Answer it **in the cell** (your answer in place of `None`) and run it: the
# measurement then says how far off you were. `minidl exercises guesses` sums up how well you guess.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minidl
from minidl import functional as F
from minidl import layers, lens
from minidl.course import check, guess

minidl.utils.set_random_seed(0)
plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})

# %% [markdown]
# ## The data
#
# Digits that real people wrote, each scanned to 8 × 8 pixels with 17 shades, 0 to 16. They come with the package.
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
# Weight $w_d$ belongs to pixel $d$, so the weights can be drawn as an 8 × 8 picture: positive where ink speaks for an 8,
# negative where it speaks against it.
#
# > **Predict.** Sketch it, a letter for each pixel: `+`, `-`, or `.` for "says nothing".

# %%
sketch = guess("the neuron's weights as a picture", grid=(8, 8))
sketch(None)  # """........\n..--...., …""": eight lines of eight letters


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
letters = np.where(w > limit / 4, "+", np.where(w < -limit / 4, "-", ".")).reshape(8, 8)
sketch.reveal("\n".join("".join(row) for row in letters))

# %% [markdown]
# Red is ink that speaks for an 8: the left sides of its two loops. Blue speaks against it. Nobody told the neuron where to
# look.
#
# ## Where the formula breaks
#
# Larger steps learn faster. Ten times larger ones?
#
# > **Predict.** The same 300 steps with a learning rate of 5. What will the last loss be?

# %%
faster = guess("the loss after 300 steps at a learning rate of 5", among=["smaller", "larger", "no number"])
faster(None)


# %%
def train(loss_and_gradients, rate, steps=300):
    """Train the neuron from zero; return w, b and the losses."""
    w, b, losses = np.zeros(64, "float32"), np.float32(0), []
    for _ in range(steps):
        loss, dw, db = loss_and_gradients(x, t, w, b)
        w, b = w - np.float32(rate) * dw, b - np.float32(rate) * db
        losses.append(loss)
    return w, b, np.array(losses)


with np.errstate(all="ignore"):  # NumPy would warn of what we are about to look at
    w_fast, b_fast, losses_fast = train(loss_and_gradients, 5)
    right_fast = ((neuron(x_judge, w_fast, b_fast) > 0.5) == t_judge).sum()
print("losses of the first steps:", losses_fast[:6])
print("the last loss:", losses_fast[-1], "   test images right:", right_fast, "of", right.size)
print("losses that are no number:", np.isnan(losses_fast).sum(), "of", losses_fast.size)
faster.reveal("no number" if np.isnan(losses_fast[-1]) else "smaller" if losses_fast[-1] < losses[-1] else "larger")

# %% [markdown]
# It has learned, and its loss is *not a number*. Both are true: the gradient, $(p - t)/N$, is a number for any $p$. The
# loss takes a logarithm. In float32 a neuron that is very sure says exactly $p = 1$, and then $\log(1 - p) = -\infty$;
# where $t = 1$ it is multiplied by $1 - t = 0$, and $0 \cdot \infty$ is no number.
#
# The way out is not to compute $p$ at all. Put $p = 1/(1+e^{-z})$ into the loss, and what is left is a formula in the
# weighted sum $z$ (the *logit*) that is exact everywhere:
#
# $$ \ell(z, t) = \max(z, 0) - t\,z + \log\bigl(1 + e^{-|z|}\bigr) $$


# %%
check("neuron", loss_and_gradients)

# %% [markdown]
# The checker says the same of our ten lines, with numbers. To mend them is **exercise 1**: `minidl exercises start 1`.
#
# ## The same neuron in minidl
#
# `minidl` has an *op* for each piece: `dense` is $xw + b$, then `sigmoid`, then the loss. The *tape* writes down each op
# that runs, and walks the list backwards to find the gradients. Nobody derives anything on paper.
#
# > **Predict.** Our weights are still `w` and `b` from the slow training. Will the tape's gradients be *exactly* those of
# > our ten lines, or only close?

# %%
tape_guess = guess("the tape's gradient beside ours", among=["exactly equal", "close"])
tape_guess(None)

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
tape_guess.reveal("exactly equal" if (dw_tape.numpy()[:, 0] == dw_hand).all() else "close")

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
# For ten digits take ten neurons. `softmax` turns their ten sums (logits again) into probabilities that add up to one;
# for the reason above it is left to the loss, and the model gives the logits. As a Keras-style model:

# %%
minidl.utils.set_random_seed(1)
ten_neurons = minidl.Sequential(
    [
        layers.Input((8, 8)),
        layers.Rescaling(1 / 16),
        layers.Flatten(),
        layers.Dense(10, name="ten"),
    ]
)
from_logits = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
ten_neurons.compile("adam", from_logits, metrics=["accuracy"])
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
# > **Predict.** How many numbers will this network learn? Count them: each neuron has a weight for each input, and a bias.

# %%
weights = guess("numbers that 64 → 32 → 10 neurons learn")
weights(None)

# %%
minidl.utils.set_random_seed(1)
model = minidl.Sequential(
    [
        layers.Input((8, 8)),
        layers.Rescaling(1 / 16),
        layers.Flatten(),
        layers.Dense(32, activation="relu", name="hidden"),
        layers.Dense(10, name="decide"),
    ]
)
model.compile("adam", from_logits, metrics=["accuracy"])
model.summary()
weights.reveal(model.count_params())

# %%
print("hidden:", 64 * 32, "+", 32, "   decide:", 32 * 10, "+", 10)
history = model.fit(x_train, y_train, epochs=40, batch_size=32, validation_split=0.1, verbose=0)
_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"with a hidden layer: {accuracy:.1%}  (ten neurons: {accuracy_ten:.1%})")
lens.plot_history(history)

# %% [markdown]
# Why does it do worse on the validation images than on the test images? They are the last tenth of the training images, and
# neighbours in the file look like the same hand: it seems to meet hands that it has never seen. The test images were drawn
# from everywhere. (Shuffle `x_train` and `y_train` before `fit`, and look at the validation accuracy again. Which number
# would you believe?)
#
# Is that the `relu`'s doing? Hardly. Two layers also *learn faster* than one, with or without it; and the ten digits are
# different enough that ten templates, trained for long enough, do about as well (try 4). To see what the `relu` is for,
# ask what no template can answer: **two digits side by side, are they the same?** Ink at a place of the left digit speaks
# neither for "same" nor against it; it depends on what the right one is.


# %%
def side_by_side(x, y, count, seed):
    """Pairs of images (count, 8, 16), and 1 where both show the same digit, which half of them do."""
    random = np.random.default_rng(seed)
    left, same = random.integers(0, len(x), count), random.random(count) < 0.5
    right = [random.choice(np.flatnonzero((y == y[k]) == alike)) for k, alike in zip(left, same)]
    return np.concatenate([x[left], x[right]], axis=2), same.astype("float32")


pairs, same = side_by_side(x_train, y_train, 4000, 0)
pairs_test, same_test = side_by_side(x_test, y_test, 1000, 1)
figure, axes = plt.subplots(1, 6, figsize=(10, 1.3))
for ax, image, alike in zip(axes, pairs, same):
    ax.imshow(image, cmap="gray_r")
    ax.set_title("same" if alike else "different")
    ax.axis("off")

# %% [markdown]
# > **Predict.** What share of the test pairs will one neuron get right? And 32 neurons with a `relu`, and one behind them?
# > (Whoever guesses blindly is right every second time.)

# %%
alone = guess("pairs that one neuron gets right", unit="%")
alone(None)

# %%
with_relu = guess("pairs that 32 neurons with a relu, and one behind them, get right", unit="%")
with_relu(None)


# %%
def same_or_not(*hidden):
    """Train these layers and one neuron behind them; return the percentage of the test pairs that they get right."""
    minidl.utils.set_random_seed(1)
    net = minidl.Sequential(
        [layers.Input((8, 16)), layers.Rescaling(1 / 16), layers.Flatten(), *hidden, layers.Dense(1)]
    )
    net.compile(minidl.optimizers.Adam(0.01), minidl.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    net.fit(pairs, same, epochs=30, batch_size=64, verbose=0)
    return round(100 * float(((net.predict(pairs_test, verbose=0)[:, 0] > 0) == same_test).mean()), 1)


results = [same_or_not(), same_or_not(layers.Dense(32)), same_or_not(layers.Dense(32, "relu"))]
for name, percent in zip(["one neuron alone", "after 32 without a relu", "after 32 with a relu"], results):
    print(f"{name:<24} {percent} %")
print(alone.reveal(results[0]))
print(with_relu.reveal(results[2]))

# %% [markdown]
# Without the `relu` the hidden layer adds nothing: $(xW_1)W_2 = x(W_1W_2)$, and a product of two matrices is one matrix.
# With it a neuron can be *off* for some images, so that what the others say of them counts differently.
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
# > **Predict.** Which row will be the longest?

# %%
longest = guess("the longest row of a step", among=["the first dense", "the second dense", "relu", "the loss"])
longest(None)

# %%
lens.training_step(model, x_train[:32], y_train[:32])  # once unseen: the first run of anything is slower
step_table = lens.training_step(model, x_train[:32], y_train[:32])
step_table

# %%
rows = sorted(step_table.rows, key=lambda row: -row.ms)
print(
    "longest:",
    rows[0].op,
    rows[0].direction,
    f"{rows[0].ms:.3f} ms;   median of all rows: {rows[len(rows) // 2].ms:.3f} ms",
)
names = {"hidden": "the first dense", "decide": "the second dense"}
longest.reveal("relu" if rows[0].op == "relu" else names.get(rows[0].layer, "the loss"))

# %%
products = {"hidden": 64 * 32, "decide": 32 * 10}
forward = {row.layer: row.ms for row in step_table.rows if row.op == "dense" and row.direction == "forward"}
print(f"multiplications, first dense to second: {products['hidden'] / products['decide']:.1f} times as many")
print(f"time,            first dense to second: {forward['hidden'] / forward['decide']:.1f} times as long")

# %% [markdown]
# What a row takes has little to do with its arithmetic: at this size a good part of it is Python calling NumPy, and an op
# that calls NumPy often, as the loss does, is the longest although it computes the least. A `dense` backward has two
# products where the forward has one, for `dx` and for `dw`; but look at the outputs of the last row: the first layer needs
# no `dx`. Notebook 11 measures such things properly.
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
# > **Predict.** How far will the two predictions be apart? (The logits are numbers of the size of 1 to 20.)

# %%
apart = guess("largest difference between NumPy's and the kernels' logits")
apart(None)

# %%
on_numpy = model(x_test[:4]).numpy()
with minidl.using("simt"):
    on_kernels = model(x_test[:4]).numpy()
print("logits up to", np.abs(on_numpy).max())
apart.reveal(float(np.abs(on_numpy - on_kernels).max()))

# %% [markdown]
# As close as rounding allows. You can also choose for a single op, in a single direction:

# %%
with minidl.using(dense_forward="simt:r1_naive"):
    table = lens.training_step(model, x_train[:4], y_train[:4])
print({(row.op, row.direction): row.backend for row in table.rows if row.op in ("dense", "relu")})

# %% [markdown]
# ## Try it
#
# 1. Train the hand-written neuron on 1 against 7, and on 4 against 9. All pairs end with every test image right; by the
#    *loss* one pair is harder than the others. Which, and where do its weights differ?
# 2. Exercises 1 to 3 are about this notebook: `minidl exercises start 1`.
# 3. Give the hidden layer 4, 8, 16, 64, 256 neurons, and plot test accuracy against their number.
# 4. Take the `relu` away from the network for ten digits: is it worse? Then train the ten neurons for 400 epochs. What had
#    the hidden layer helped with?
# 5. Write `relu_forward` and `relu_backward` yourself, check them with `check_gradients`, register them with
#    `minidl.register_backend("relu", "mine", …)`, and train with `minidl.using(relu="mine")`.
#
# **Next:** 2 · backprop by hand; or 4 · convolution, which finds a stroke wherever it stands.
