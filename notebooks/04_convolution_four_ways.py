# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4 · Convolution, four ways
#
# **The question.** A stroke is the same stroke wherever it stands in a picture. The network of notebook 1 does not know
# that: it has a weight for every *place*, and has to learn each stroke at each place anew. How can a layer look for one
# thing everywhere, and how does one compute that quickly?
#
# You will write the same convolution four times: as plain loops, as windows written out in rows, as one matrix product, and
# as GPU kernels. Each gives the same numbers. What differs is how often each number is fetched from memory.
#
# *You need:* notebook 1; notebook 7 helps with the last part. No GPU. *It takes:* 60 minutes to read and try, a minute
# to run. Times are of this computer's CPU; nothing here is a time of a GPU.

# %%
import inspect
import time

import matplotlib.pyplot as plt
import numpy as np

import minidl
from cuda_kernels import ladder
from cuda_kernels.launch import launches
from minidl import functional as F
from minidl import layers, lens
from minidl.course import check, guess
from minidl.ops.conv2d import conv2d_backward, conv2d_forward

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})
(x_train, y_train), (x_test, y_test) = minidl.datasets.digits.load_data()
digit = (x_train[2] / 16).astype("float32")

# %% [markdown]
# ## One window
#
# Take a picture of 8 × 8 pixels, and a *filter* of 3 × 3 numbers. Lay the filter on the picture, multiply what lies on top
# of each other, add up: one number. Move the filter by one pixel, and do it again.

# %%
edge = np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]], "float32")  # for ink above, against ink below
window = digit[2:5, 3:6]
print("window\n", window.round(2), "\nfilter\n", edge, "\ntheir products, added up:", (window * edge).sum().round(3))

# %% [markdown]
# > **Predict.** How many positions does a 3 × 3 filter have on an 8 × 8 picture? (In general, for $R$ rows of filter on $H$
# > rows of picture?) And what will the result look like for this filter: where positive, where negative?

# %%
positions = guess("positions of a 3 x 3 filter on 8 x 8 pixels")
positions(None)

# %% [markdown]
# ## The first way: loops
#
# A real layer has many pictures ($N$), each pixel has $C$ channels, and there are $K$ filters. The definition, with all of
# its indices:
#
# $$ y_{n,i,j,k} = b_k + \sum_{r,s,c} x_{n,\;i+r,\;j+s,\;c}\; w_{r,s,c,k} $$
#
# Seven indices, seven loops. Nothing is clever here, and that is its worth: it is easy to see that it is right.


# %%
def conv_loops(x, w, b):
    n_images, height, width, channels = x.shape
    rows, cols, _, filters = w.shape
    y = np.zeros((n_images, height - rows + 1, width - cols + 1, filters), "float32")
    for n in range(n_images):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                for k in range(filters):
                    total = b[k]
                    for r in range(rows):
                        for s in range(cols):
                            for c in range(channels):
                                total += x[n, i + r, j + s, c] * w[r, s, c, k]
                    y[n, i, j, k] = total
    return y


y = conv_loops(digit[None, :, :, None], edge[:, :, None, None], np.zeros(1, "float32"))
print(digit.shape, "->", y.shape[1:3])
print(positions.reveal(y.size))

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 2.7))
left.imshow(digit, cmap="gray_r")
left.add_patch(plt.Rectangle((2.5, 1.5), 3, 3, fill=False, edgecolor="tab:red", lw=2))
left.set_title("picture, one window")
middle.imshow(edge, cmap="RdBu_r", vmin=-1, vmax=1)
middle.set_title("filter")
limit = np.abs(y).max()
right.imshow(y[0, :, :, 0], cmap="RdBu_r", vmin=-limit, vmax=limit)
right.add_patch(plt.Rectangle((2.5, 1.5), 1, 1, fill=False, edgecolor="black", lw=2))
right.set_title("result: lower edges red, upper blue")
for ax in (left, middle, right):
    ax.axis("off")

# %% [markdown]
# $H - R + 1 = 8 - 3 + 1$ positions in each direction. Red is where ink ends below, blue where it begins: the filter answers the same
# wherever in the picture the edge stands. That is the whole idea.
#
# ## The second way: write the windows out
#
# Here is the work of a small layer: 64 digits, 8 filters. From now on every way must give these numbers.

# %%
rng = np.random.default_rng(0)
x = (x_train[:64, :, :, None] / 16).astype("float32")
w = rng.normal(size=(3, 3, 1, 8)).astype("float32")
b = rng.normal(size=8).astype("float32")


def milliseconds(function, *arguments, repeats=7):
    """The median time of a call, after one call that does not count."""
    function(*arguments)
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function(*arguments)
        times.append((time.perf_counter() - started) * 1e3)
    return np.median(times)


y_loops = conv_loops(x, w, b)
multiplications = y_loops.size * w[..., 0].size
ms_loops = milliseconds(conv_loops, x, w, b, repeats=1)
print(f"{multiplications:,} multiplications in {ms_loops:.0f} ms: {ms_loops * 1e6 / multiplications:.0f} ns each")

# %% [markdown]
# A CPU core does several multiplications in *one* nanosecond. The rest is Python, which looks at every single number.
#
# To get rid of it, hand NumPy all windows at once. `sliding_window_view` shows the picture as windows without copying
# anything, and writing them out gives a table: **one row for each window, one column for each place in it**. It is called
# *im2col*, image to columns.


# %%
def im2col(x, rows, cols):
    """(N, H, W, C) -> (N * P * Q, R * S * C): each row is a window."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (rows, cols), axis=(1, 2))  # (N, P, Q, C, R, S)
    windows = windows.transpose(0, 1, 2, 4, 5, 3)  # (N, P, Q, R, S, C), the order in which w is stored
    return windows.reshape(-1, rows * cols * x.shape[3])


small = im2col(digit[None, :, :, None], 3, 3)
print("one picture", digit.shape, "as columns", small.shape)
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 4), width_ratios=[1, 0.7])
left.imshow(digit, cmap="gray_r")
right.imshow(small, cmap="gray_r", aspect="auto")
right.set(xlabel="place in the window (9)", ylabel="window (36)", title="im2col", xticks=range(9))
left.set_title("picture")
left.axis("off")
plt.show()

# %% [markdown]
# > **Predict.** Each pixel in the middle of the picture lies in how many windows? So how much larger is the table than the
# > picture?

# %%
larger = guess("how many times larger the columns are than the pictures", unit="times")
larger(None)

# %%
columns = im2col(x, 3, 3)
print(f"pictures {x.nbytes:,} bytes, columns {columns.nbytes:,} bytes")
larger.reveal(columns.nbytes / x.nbytes)

# %% [markdown]
# Nine windows for a pixel in the middle, fewer for one near the border, a single one for a corner: 36 · 9 places for 64
# pixels. On a large picture it comes close to nine times.
#
# With the table, each output is a row times a filter. As broadcasting, multiply-and-add:


# %%
def conv_windows(x, w, b):
    columns = im2col(x, *w.shape[:2])
    filters = w.reshape(-1, w.shape[3])
    products = columns[:, :, None] * filters[None, :, :]  # (windows, places, filters)
    y = products.sum(axis=1) + b
    return y.reshape(x.shape[0], x.shape[1] - w.shape[0] + 1, x.shape[2] - w.shape[1] + 1, -1)


print("largest difference to the loops:", np.abs(conv_windows(x, w, b) - y_loops).max())
print(f"{milliseconds(conv_windows, x, w, b):.2f} ms")

# %% [markdown]
# ## The third way: one matrix product
#
# Multiply rows by columns and add up: that *is* a matrix product. $Y = \text{columns} \cdot W + b$. And the product of two
# matrices is the one computation that people have tuned for fifty years.


# %%
def conv_gemm(x, w, b):
    y = im2col(x, *w.shape[:2]) @ w.reshape(-1, w.shape[3]) + b
    return y.reshape(x.shape[0], x.shape[1] - w.shape[0] + 1, x.shape[2] - w.shape[1] + 1, -1)


print("largest difference to the loops:", np.abs(conv_gemm(x, w, b) - y_loops).max())
ms = {
    "loops": ms_loops,
    "windows": milliseconds(conv_windows, x, w, b),
    "one product": milliseconds(conv_gemm, x, w, b),
}
for backend in ("numpy", "cpu"):
    with minidl.using(conv2d=backend):
        ms[f"minidl {backend}"] = milliseconds(lambda: F.conv2d(x, w, b))
for name, value in ms.items():
    print(f"{name:<12} {value:9.2f} ms   {ms_loops / value:7.0f} × the loops")

# %% [markdown]
# `minidl` has its `conv2d` twice. The one called `numpy` is there to be read: it does what you have just written, and cares for
# strides, padding, dilation and groups besides. The one called `cpu` is there to be fast, and runs unless you choose: it makes
# the columns of a few images at a time, so that they stay in the processor's cache. Here is the plain one, below a docstring
# that has your formula:

# %%
source = inspect.getsource(conv2d_forward)
print(conv2d_forward.__doc__[: conv2d_forward.__doc__.index("groups :")])
print(source[source.rindex('"""') + 4 :])

# %% [markdown]
# ## And backwards?
#
# In the backward pass comes $\partial L/\partial y$, called `dy`, and we want the gradients of $x$, $w$ and $b$. Since
# $Y = \text{columns} \cdot W + b$ is a matrix product, two are known from notebook 1:
#
# $$ \mathrm dW = \text{columns}^\top \mathrm dY, \qquad \mathrm db = \textstyle\sum \mathrm dY, \qquad
#    \mathrm d\,\text{columns} = \mathrm dY\, W^\top $$
#
# and `dx` collects `dcolumns`: each pixel lies in up to nine windows, and gets the sum of what they all say.


# %%
def conv_gradients(x, w, dy):
    rows, cols, channels, filters = w.shape
    dy_matrix = dy.reshape(-1, filters)
    dw = (im2col(x, rows, cols).T @ dy_matrix).reshape(w.shape)
    db = dy_matrix.sum(axis=0)
    dcolumns = (dy_matrix @ w.reshape(-1, filters).T).reshape(*dy.shape[:3], rows, cols, channels)
    dx = np.zeros_like(x)
    for r in range(rows):
        for s in range(cols):
            dx[:, r : r + dy.shape[1], s : s + dy.shape[2]] += dcolumns[:, :, :, r, s]
    return dx, dw, db


dy = rng.normal(size=y_loops.shape).astype("float32")
_, cache = conv2d_forward(x, w, b)
for name, ours, theirs in zip(("dx", "dw", "db"), conv_gradients(x, w, dy), conv2d_backward(dy, cache)):
    print(f"{name}: largest value {np.abs(theirs).max():7.2f}, largest difference {np.abs(ours - theirs).max():.1e}")

# %% [markdown]
# Why is a difference exactly 0 in one row and not in another? All three are sums. Where both programs add the same terms in the
# same order, they round alike, to the last digit; where one of them adds in another order, it rounds in its own way.
#
# Two programs that agree may both be wrong. The finite differences of the forward know nothing of the derivation:

# %%
shapes = [rng.normal(size=shape) for shape in ((2, 5, 4, 3), (3, 2, 3, 2), (2,))]
minidl.testing.check_gradients(
    conv2d_forward, conv2d_backward, shapes, {"strides": (2, 1), "padding": ((1, 0), (0, 2))}
)
print("dx, dw and db agree with finite differences, with strides 2 and 1, and uneven padding")

# %% [markdown]
# ## The fourth way: on the GPU
#
# A GPU wants thousands of threads, each with its own piece. Natural choice: **one thread for each output element**. It is the
# loops again, of which the outer four have become threads. This is rung 1 of `minidl`'s ladder of convolution kernels; each
# rung changes one thing:

# %%
for rung in ladder.rungs("conv2d"):
    print(f"{rung.name:<20} {rung.change}")

# %% [markdown]
# Here is rung 1, as it is launched for our digits: in front the numbers that it was made for (strides `si`, `sj`, dilation
# `di`, `dj`, padding `top`, `left`). Find your seven indices:

# %%
lens.kernel_source("conv2d:r1", x, w)

# %% [markdown]
# Without a GPU the kernels run on the SIMT machine, which computes the same numbers and *counts*. A GPU moves memory in
# pieces of 32 bytes, *sectors*, and moving them is what takes the time.
#
# > **Predict.** Rung 1 fetches one pixel and one weight for every multiplication. Rung 2 first writes the columns out (more
# > memory!), then multiplies. Rungs 3 and 4 form the windows on the fly, in the fast memory of a block. Which moves the most
# > bytes, which the least?

# %%
rung_names = [rung.name for rung in ladder.rungs("conv2d")]
most, least = guess("the rung that moves most", among=rung_names), guess("the rung that moves least", among=rung_names)
most(None), least(None)

# %%
x_small, w_small = x[:8], rng.normal(size=(3, 3, 1, 16)).astype("float32")
reference, _ = conv2d_forward(x_small.astype("float64"), w_small.astype("float64"), None)


def kib_moved(found):
    figures = [one.report.figures for one in found]
    return sum(f.global_load_sectors + f.global_store_sectors for f in figures) * 32 / 1024


moved = {}
for rung in ladder.rungs("conv2d"):
    with launches() as found:
        result = rung.run(x_small, w_small, on="simt")
    moved[rung.name] = kib_moved(found)
    error = np.abs(result - reference).max()
    names = " + ".join(one.name for one in found)
    print(f"{rung.name:<20} {moved[rung.name]:6.0f} KiB moved   largest error {error:.0e}   kernels: {names}")

# %%
smallest = (x_small.nbytes + w_small.nbytes + reference.size * 4) / 1024
figure, ax = plt.subplots(figsize=(7, 2.4))
ax.barh(list(moved), list(moved.values()), color="tab:blue")
ax.axvline(smallest, color="tab:red", linestyle="--", label=f"every array once: {smallest:.0f} KiB")
ax.invert_yaxis()
ax.set(xlabel="KiB moved between memory and the multiprocessors (SIMT machine, no caches)")
ax.legend()
plt.show()
print(most.reveal(max(moved, key=moved.get)))
print(least.reveal(min(moved, key=moved.get)))

# %% [markdown]
# The last rung moves more than the one before it, and yet it comes later: the ladder is sorted by the time on a GPU that is
# hoped for, and a rung may pay with bytes for something else. What rung 4 buys with them stands in its line above and in
# `cuda_kernels/conv2d/README.md`; the machine counts, and does not time.
#
# The SIMT machine has no cache; a real GPU serves much of rung 1's traffic from one. Only a measurement on a GPU says by how
# much (`docs/benchmarks` has those that exist). The direction is real: **the kernels differ in how often they fetch, not in how
# often they multiply.**
#
# What does one thread of rung 1 do? Ask for one output element: its window, and who computed it.
#
# > **Predict.** `y[1, 2, 3, 5]` of y (8, 6, 6, 16): which pixels of which picture, which weights? And which thread of which
# > block, with 256 threads a block, one an element?

# %%
thread = guess("the number of the thread in its block that computes y[1, 2, 3, 5]")
thread(None)

# %%
behind = lens.provenance("conv2d", x_small, w_small, None, index=(1, 2, 3, 5), backend="simt:r1")
behind.plot()

# %% [markdown]
# In the kernel's words:

# %%
element = np.ravel_multi_index((1, 2, 3, 5), (8, 6, 6, 16))
print(f"((1 * 6 + 2) * 6 + 3) * 16 + 5 = {element} = {element // 256} * 256 + {element % 256}")
thread.reveal(int(element % 256))

# %% [markdown]
# ## Four ways in one network
#
# In a model the way is a choice that you make outside of it: for all ops, one op, one direction of one op.

# %%
minidl.utils.set_random_seed(0)
model = minidl.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
batch = x_test[:4, :, :, None].astype("float32") / 16
for backend in ("numpy", "cpu", *(f"simt:{rung.name}" for rung in ladder.rungs("conv2d"))):
    with minidl.using(conv2d_forward=backend):
        print(f"{backend:<26}", model(batch).numpy()[0, :4])

# %% [markdown]
# The same but for the last digit, whichever way it went.
#
# ## Was it worth it?
#
# Two networks of about the same size: notebook 1's, with a weight for every place, and one with two convolutions that keeps of
# each filter only *how strongly it fired anywhere* (`GlobalMaxPooling2D`). Both learn from the same images.
#
# > **Predict.** How do they do on the test images? And on the same test images **moved by one pixel** to the right?

# %%
after_moving = guess("what the first network gets right of the images moved by one pixel", unit="%")
after_moving(None)


# %%
def network(*middle):
    minidl.utils.set_random_seed(0)
    net = minidl.Sequential([layers.Input((8, 8, 1)), *middle, layers.Dense(10, activation="softmax")])
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    net.fit(x_train[..., None].astype("float32") / 16, y_train, epochs=15, batch_size=32, verbose=0)
    return net


by_place = network(layers.Flatten(), layers.Dense(32, activation="relu"))
anywhere = network(
    layers.Conv2D(8, 3, padding="same", activation="relu"),
    layers.Conv2D(32, 3, padding="same", activation="relu"),
    layers.GlobalMaxPooling2D(),
)
x_here = x_test[..., None].astype("float32") / 16
x_moved = np.pad(x_here, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :8]
shares = {}
for name, net in (("a weight for every place", by_place), ("convolution", anywhere)):
    here, shares[name] = (net.evaluate(images, y_test, verbose=0)[1] for images in (x_here, x_moved))
    print(f"{name:<25} {net.count_params():,} weights: {here:.1%} right, moved by one pixel {shares[name]:.1%}")
after_moving.reveal(round(100 * shares["a weight for every place"], 1))

# %%
filters = anywhere.layers[0].kernel.numpy()
limit = np.abs(filters).max()
figure, axes = plt.subplots(2, 8, figsize=(10, 2.6))
fired = anywhere.layers[0](x_here[:1]).numpy()[0]
for k in range(8):
    axes[0, k].imshow(filters[:, :, 0, k], cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes[1, k].imshow(fired[:, :, k], cmap="gray_r")
    axes[0, k].set_title(f"filter {k}")
    axes[0, k].axis("off")
    axes[1, k].axis("off")

# %% [markdown]
# One pixel is nothing to you and everything to the first network: each of its weights now lies on the wrong place.
#
# Above, the filters that it found; below, where each of them fired on the first test image. Some look for edges, as ours did.
# Nobody wrote them.
#
# ## Exercises
#
# Exercise 8 is the forward with strides and padding, without a loop over pixels, exercise 9 its backward. What would the
# checker say of our `conv_gemm`, which knows neither? A quick try:


# %%
def conv2d(x, w, b, stride, pad):
    return conv_gemm(x, w, b)


check("conv_forward", conv2d)

# %% [markdown]
# `minidl exercises start 8`. In track F you write the kernels (exercises 42 to 44).
#
# ## Try it
#
# 1. Give `conv_loops` a stride argument, and check it against `F.conv2d(x, w, b, strides=2)`.
# 2. Where is the crossover? For which sizes of picture and numbers of filters is `conv_windows` as good as `conv_gemm`?
# 3. Make the tables larger than your CPU's cache (N = 4096). Do the times per multiplication stay the same?
# 4. A 1 × 1 convolution needs no im2col at all. Why? What is it in terms of notebook 1?
# 5. Convolve a picture with the *same* filter twice. Which single filter would have done it, and of which size?
# 6. `minidl.using(conv2d_backward="simt")`: train one step with the kernels' gradients, and compare the weights.
#
# **Next:** 5 · a network for real images. **The kernels:**
# `cuda_kernels/conv2d/README.md`.
