# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 · Convolution and pooling kernels
#
# **The question.** A convolutional network runs on three kernels for each convolution and two for each pooling. Can it run on *yours*? The
# forward is easy: one thread an output. But in the backward a pixel hears from many outputs at once. Who adds that up, without two threads
# writing into one place?
#
# *You need:* notebooks 4, 7, 9 and 10. No GPU. *It takes:* an hour and a quarter to read and try, half a minute to run.

# %%
import matplotlib.pyplot as plt
import numpy as np
from numba import cuda, float32

import minidl
from cuda_kernels import ladder, simt
from cuda_kernels.launch import launches
from minidl import layers, lens
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})

# %% [markdown]
# ## Three kernels, three questions
#
# Each kernel of a convolution has one thread for each number of its result, and each thread asks: *who has to do with me?*
#
# - forward, a cell of $y$: which pixels lie in my window?
# - backward to the input, a cell of $\mathrm dx$: which windows did I lie in?
# - backward to the weights, a cell of $\mathrm dw$: which pixels did I ever meet, in which window of which picture?
#
# > **Predict.** 8 pictures of 8 × 8 pixels with 4 channels, 8 filters of 3 × 3. How many numbers does one thread add up in each? And which of
# > the three moves the most, each by the first rung of its ladder?

# %%
terms_of_dw = guess("numbers that one thread adds up for a cell of dw: 8 pictures of 8 x 8, filters of 3 x 3")
terms_of_dw(None)

# %%
names = ("conv2d", "conv2d_backward_data", "conv2d_backward_weights")
most = guess("the kernel that moves the most, by its first rung", among=names)
most(None)

# %%
random = np.random.default_rng(0)
x = random.normal(size=(8, 8, 8, 4)).astype("float32")
w = random.normal(size=(3, 3, 4, 8)).astype("float32")
dy = random.normal(size=(8, 6, 6, 8)).astype("float32")
inputs = {names[0]: ((x, w), {}), names[1]: ((dy, w), {"x_shape": x.shape}), names[2]: ((x, dy), {"w_shape": w.shape})}
moved = {}
for name, (arrays, settings) in inputs.items():
    with launches() as found:
        ladder.rungs(name)[0].run(*arrays, **settings, on="simt")
    moved[name] = sum(one.report.figures.global_sectors for one in found)
    threads = sum(np.prod(one.report.grid) * np.prod(one.report.block) for one in found)
    print(f"{name:<24} {moved[name]:>8,} sectors   {threads:>6,} threads")
print(terms_of_dw.reveal(8 * 6 * 6))
most.reveal(max(moved, key=moved.get))

# %% [markdown]
# The same number of multiplications in all three. What differs is how many threads share them, and how often each number is fetched.
#
# Ask the machine who had to do with one cell. A cell of $y$, by its definition and as the kernel really read:

# %%
small_x, small_w = x[:1, :, :, :1].copy(), w[:, :, :1, :2].copy()
lens.provenance("conv2d", small_x, small_w, None, index=(0, 2, 3, 1), backend="simt:r1").plot()

# %% [markdown]
# A cell of $\mathrm dx$: the pixel (4, 4). It lay in nine windows, and hears from each of them, by the weight that it met there.

# %%
lens.provenance(
    "conv2d", small_x, small_w, None, index=(0, 4, 4, 0), direction="backward", value="dx", backend="simt:r1"
).plot()

# %% [markdown]
# A cell of $\mathrm dw$: it met a whole region of the picture.

# %%
lens.provenance(
    "conv2d", small_x, small_w, None, index=(2, 0, 0, 1), direction="backward", value="dw", backend="simt:r1"
).plot()

# %% [markdown]
# ## Scatter, and gather
#
# Read the forward backwards, and the gradient of the input is a *scatter*: window $p$ sends `dy[p] * w[r]` to each of its pixels. On one
# axis, for a signal instead of a picture:


# %%
@cuda.jit
def scatter(dy, w, dx):
    p = cuda.grid(1)
    if p < dy.size:
        for r in range(w.size):
            dx[p + r] += dy[p] * w[r]


# %% [markdown]
# > **Predict.** What does the machine say?

# %%
verdict = guess("the scatter on the machine", among=["right", "out of bounds", "a race"])
verdict(None)

# %%
signal_dy, signal_w = random.normal(size=40).astype("float32"), random.normal(size=3).astype("float32")
right = np.convolve(signal_dy.astype("float64"), signal_w)
dx = np.zeros(42, np.float32)
report = simt.launch(scatter, 2, 32, signal_dy, signal_w, dx)
print("largest error:", np.abs(dx - right).max())
print(report.faults[0].message)
verdict.reveal("a race" if report.faults[0].kind == "race" else "out of bounds")

# %% [markdown]
# Two windows overlap, and both add into one pixel. There are two ways out. Atomics make each addition uninterruptible. Or turn the
# question round: let each *pixel* ask which windows it lay in. **The gradient of a gather is a scatter, and a scatter can be turned into a
# gather.**


# %%
@cuda.jit
def scatter_atomically(dy, w, dx):
    p = cuda.grid(1)
    if p < dy.size:
        for r in range(w.size):
            cuda.atomic.add(dx, p + r, dy[p] * w[r])


@cuda.jit
def gather(dy, w, dx):
    i = cuda.grid(1)
    if i < dx.size:
        heard = float32(0)
        for r in range(w.size):
            if 0 <= i - r < dy.size:
                heard += dy[i - r] * w[r]
        dx[i] = heard


for kernel in (scatter_atomically, gather):
    dx = np.zeros(42, np.float32)
    report = simt.launch(kernel, 2, 32, signal_dy, signal_w, dx)
    figures = report.figures
    print(f"{kernel.__name__:<19} largest error {np.abs(dx - right).max():.0e}   faults {len(report.faults)}   "
          f"atomics {figures.atomics:>3}   sectors {figures.global_sectors}")  # fmt: skip

# %% [markdown]
# Note the minus in `i - r`: where the forward takes `x[p + r]`, the gather takes `dy[i - r]`. This is why people say that the backward of a
# convolution is "a convolution with the filter flipped". With a stride there is one condition more: `i - r` must be a multiple of it.
# Exercise 43 is this in two dimensions. (Write plus for minus once, and read what its checker says.)
#
# ## A convolution is a product, by an index map
#
# Notebook 4 wrote the windows out as rows of a table, and multiplied. The third rung never writes them: it computes, for each place of the
# table, *which pixel stands there*. Here is that map for a picture of 5 × 5 and a filter of 3 × 3, the pixels numbered from 0 to 24:

# %%
rows, taps = np.arange(9), np.arange(9)
p, q, r, s = rows[:, None] // 3, rows[:, None] % 3, taps[None, :] // 3, taps[None, :] % 3
pixel = (p + r) * 5 + (q + s)
figure, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
picture = ax.imshow(pixel, cmap="viridis")
for m in range(9):
    for k in range(9):
        ax.text(k, m, pixel[m, k], ha="center", va="center", color="white" if pixel[m, k] < 15 else "black", fontsize=8)
ax.set(xlabel="place in the window, 3 r + s", ylabel="window, 3 p + q", xticks=taps, yticks=rows,
       title="which pixel stands in the table")  # fmt: skip
plt.show()
different = np.unique(pixel).size
print(f"{pixel.size} places, {different} pixels: each is in the table {pixel.size / different:.1f} times")

# %% [markdown]
# From here on it is the tiled product of notebook 9, whose loads go through the map. Exercise 46.
#
# ## Pooling, and a tie
#
# A max pooling keeps the largest of each window, and in the backward the largest alone hears. What if two are equally large? After a `relu`
# whole windows are 0, so ties are the rule and not the exception.
#
# > **Predict.** A window of four zeros, `dy` is 1. What do the four pixels get, all together?

# %%
tie = guess("what four zeros of one window get together, when dy is 1")
tie(None)

# %%
zeros = minidl.Variable(np.zeros((1, 2, 2, 1), "float32"))
with minidl.GradientTape() as tape:
    y = minidl.functional.max_pool2d(zeros, (2, 2))
dx = tape.gradient(y, zeros).numpy()[0, :, :, 0]
print(dx)
tie.reveal(float(dx.sum()))

# %% [markdown]
# The first of the largest gets it, and only that one. A kernel that gives it to every cell equal to the maximum passes any test with
# random numbers, and trains a network with gradients that are too large. (Exercise 45 does not let it pass.)
#
# ## A kernel of yours in a network
#
# Here is an average pooling, one thread an output:


# %%
@cuda.jit
def average_pool(x, y, pool_h, pool_w, stride_h, stride_w):
    index = cuda.grid(1)
    if index < y.size:
        c = index % y.shape[3]
        q = index // y.shape[3] % y.shape[2]
        p = index // y.shape[3] // y.shape[2] % y.shape[1]
        n = index // y.shape[3] // y.shape[2] // y.shape[1]
        total = float32(0)
        for i in range(pool_h):
            for j in range(pool_w):
                total += x[n, p * stride_h + i, q * stride_w + j, c]
        y[n, p, q, c] = total / float32(pool_h * pool_w)


minidl.register_kernel("average_pool2d", "mine", average_pool)
minidl.check("average_pool2d:mine")

# %% [markdown]
# "Passed for …": it does not know padding, and says so; a layer that pads would refuse it. Now train a small network with it, five steps, and
# the same five steps on NumPy:


# %%
(x_train, y_train), _ = minidl.datasets.digits.load_data()
images = x_train[:40, :, :, None].astype("float32") / 16


def small_network():
    minidl.utils.set_random_seed(0)
    net = minidl.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    net.compile(minidl.optimizers.SGD(0.1), minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return net


def five_steps(**choice):
    net = small_network()
    with minidl.using(**choice):
        return [float(net.train_on_batch(images[8 * k : 8 * k + 8], y_train[8 * k : 8 * k + 8])) for k in range(5)]


on_numpy, on_mine = five_steps(), five_steps(average_pool2d_forward="simt:mine")
print("NumPy:", np.round(on_numpy, 6))
print("yours:", np.round(on_mine, 6))

# %% [markdown]
# And all three kernels of the convolution from the ladder, and both of the pooling, on the machine:

# %%
on_kernels = five_steps(conv2d="simt:first", average_pool2d="simt:first", relu="simt:first", dense="simt:first")
print("kernels:", np.round(on_kernels, 6), "  largest difference:", np.abs(np.subtract(on_numpy, on_kernels)).max())

# %% [markdown]
# ## When something is wrong
#
# Somebody "optimizes" the pooling, and forgets the division. The network trains, a little worse, and nobody knows why.


# %%
@cuda.jit
def sum_pool(x, y, pool_h, pool_w, stride_h, stride_w):
    index = cuda.grid(1)
    if index < y.size:
        c = index % y.shape[3]
        q = index // y.shape[3] % y.shape[2]
        p = index // y.shape[3] // y.shape[2] % y.shape[1]
        n = index // y.shape[3] // y.shape[2] // y.shape[1]
        total = float32(0)
        for i in range(pool_h):
            for j in range(pool_w):
                total += x[n, p * stride_h + i, q * stride_w + j, c]
        y[n, p, q, c] = total


minidl.register_kernel("average_pool2d", "quick", sum_pool)
print("losses:", np.round(five_steps(average_pool2d_forward="simt:quick"), 3))
lens.compare(small_network(), images[:4], y_train[:4], "numpy", {"average_pool2d_forward": "simt:quick"})

# %% [markdown]
# `lens.compare` runs the step on both sides, and each op of the second side once more on the first side's inputs. So an error that came in
# earlier is not counted twice, and the first op that is wrong *by itself* is named, with kernel, block, thread and line.
#
# ## Exercises
#
# Track F: a convolution's three kernels (exercises 42 to 44), max pooling's pair (exercise 45), the convolution as a tiled product
# (exercise 46). With exercises 42 to 45 accepted,
# `minidl exercises milestone cnn` trains a network on your files alone. What the checker says of an unfinished one:


# %%
@cuda.jit
def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left):
    index = cuda.grid(1)
    if index < y.size:
        k = index % y.shape[3]
        q = index // y.shape[3] % y.shape[2]
        p = index // y.shape[3] // y.shape[2] % y.shape[1]
        n = index // y.shape[3] // y.shape[2] // y.shape[1]
        total = float32(0)
        for i in range(w.shape[0]):
            for j in range(w.shape[1]):
                for c in range(w.shape[2]):
                    total += x[n, p + i, q + j, c] * w[i, j, c, k]
        y[n, p, q, k] = total


check("conv_kernel", conv2d)

# %% [markdown]
# ## Try it
#
# 1. Give `gather` a stride. Which windows did pixel 5 lie in, for a stride of 2 and a filter of 3?
# 2. Count the atomics of `scatter_atomically` for a filter of 5. And the sectors of `gather`?
# 3. Register `average_pool`'s backward as a gather: each pixel asks for its windows. Check it with `minidl.check`.
# 4. Draw the provenance of a cell of `dx` with `strides=(2, 2)`. Which pixels hear from one window only?
#
# **Next:** 13 · borrowed knowledge, fewer weights.
