# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 7 · Your first kernel
#
# **The question.** A CPU core does one thing after another, quickly. A GPU does ten thousand things at once, each of them
# rather slowly. How do you write a program for ten thousand workers, none of whom sees the whole?
#
# You will write `relu` for a GPU, make the four mistakes that everybody makes, read what the machine says of each, and
# then train a network that runs your kernel.
#
# *You need:* NumPy. No GPU: the **SIMT machine** runs your kernel on this computer, statement by statement, and watches
# every access to memory. (With a GPU the same code runs there, at the end.) *It takes:* 60 minutes to read and try, half a
# minute to run.

# %%
import matplotlib.pyplot as plt
import numpy as np
from numba import cuda, float32

import minidl
from cuda_kernels import simt
from cuda_kernels.launch import gpu_problem
from minidl import layers
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})
x = np.linspace(-2, 2, 10).astype("float32")
print(x)

# %% [markdown]
# ## From a loop to a thread
#
# `relu` keeps what is positive and cuts off the rest. As a loop:


# %%
def relu_loop(x, y):
    for i in range(x.size):
        y[i] = max(x[i], 0)


y = np.empty_like(x)
relu_loop(x, y)
print(y)

# %% [markdown]
# Every turn of the loop is independent of the others: nobody has to wait for anybody. So give each turn to a worker of its
# own. A worker is called a **thread**, and the program that all of them run is called a **kernel**. A kernel has no loop.
# It is what *one* thread does:


# %%
@cuda.jit
def relu_first(x, y):
    i = cuda.grid(1)  # which thread am I?
    y[i] = max(x[i], 0)


# %% [markdown]
# Threads come in **blocks**. A launch says how many blocks there are and how many threads each has; `cuda.grid(1)` is the
# number of a thread counted over all blocks: block number × threads a block + number in the block.
#
# Our array has 10 elements. Let us say 4 threads a block:
#
# > **Predict.** How many blocks do we need? How many threads is that? What do the last ones do?

# %%
idle = guess("threads without an element: 10 elements, 4 threads a block", unit="threads")
idle(None)


# %%
def draw_threads(blocks, threads, size):
    """Which thread has which element: a box a thread, one colour a block, red where there is no element."""
    figure, ax = plt.subplots(figsize=(10, 1.5))
    for number in range(blocks * threads):
        inside = number < size
        colour = plt.cm.Set2(number // threads) if inside else "white"
        ax.add_patch(
            plt.Rectangle((number, 0), 0.9, 0.9, facecolor=colour, edgecolor="black" if inside else "red", lw=1.5)
        )
        what = f"x[{number}]" if inside else "?"
        ax.text(number + 0.45, 0.58, f"thread {number % threads}", ha="center", fontsize=7)
        ax.text(number + 0.45, 0.25, what, ha="center", fontsize=10, color="black" if inside else "red")
    for block in range(blocks):
        ax.text(block * threads + threads / 2, 1.05, f"block {block}", ha="center")
    ax.set(xlim=(-0.2, blocks * threads + 0.2), ylim=(-0.1, 1.4))
    ax.axis("off")


draw_threads(blocks=3, threads=4, size=10)
plt.show()
idle.reveal(3 * 4 - 10)

# %% [markdown]
# ## Mistake one: nobody stands guard
#
# Two threads have no element. Run it, and see:

# %%
y = np.full_like(x, np.nan)
report = simt.launch(relu_first, 3, 4, x, y)  # 3 blocks of 4 threads
print(y, "\n")
for fault in report.faults:
    print("-", fault.message, f"({fault.count} times)\n")

# %% [markdown]
# The result is *right*, and the kernel is *wrong*. Threads 2 and 3 of block 2 read beyond the end of `x` and wrote beyond
# the end of `y`. On a GPU nothing would have told you: they overwrite whatever lies behind `y`, and another part of your
# program goes wrong, sometimes.
#
# The cure is a **guard**: a thread without an element does nothing.


# %%
@cuda.jit
def relu_guarded(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = max(x[i], 0)


report = simt.launch(relu_guarded, 3, 4, x, y)
for fault in report.faults:
    print("-", fault.message, f"({fault.count} times)")

# %% [markdown]
# ## Mistake two: the hidden float64
#
# One complaint is left, the second one of before. `x[i]` is a float32, `0` is a 64-bit integer, and what is made of the
# two is a **float64**. A CPU hardly minds; the GPU in a laptop is up to 64 times slower with float64. So say what the
# constant is:


# %%
@cuda.jit
def relu(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = max(x[i], float32(0))


y = np.full_like(x, np.nan)
report = simt.launch(relu, 3, 4, x, y)
print(y)
print("faults:", report.faults)
assert np.array_equal(y, np.maximum(x, 0))

# %% [markdown]
# ## Mistake three: too few threads
#
# > **Predict.** 10 elements, 4 threads a block, and somebody computes the number of blocks as `10 // 4`. `y` is full of NaN
# > before. How many NaN will be left?

# %%
left = guess("NaN that are left in y after a launch of 10 // 4 blocks")
left(None)

# %%
y = np.full_like(x, np.nan)
report = simt.launch(relu, 10 // 4, 4, x, y)
print(y)
print(report.faults[0].message)
left.reveal(int(np.isnan(y).sum()))

# %% [markdown]
# The number of blocks has to be rounded **up**. In Python, `-(-size // threads)`.
#
# ## Look over a thread's shoulder
#
# `simt.step` records a launch. You can walk through it line by line, forwards and back, and ask for any variable: there is
# one value *per thread*. Rows are blocks, columns are threads.

# %%
walk = simt.step(relu, 3, 4, x, np.full_like(x, np.nan))
print(walk.forward().listing())
print("\ni =\n", walk.value("i"))

# %%
print(walk.forward().listing())
print("\nwho is still at work:\n", walk.active())

# %% [markdown]
# The two threads behind the end of the array are switched off by the guard: they wait until the others are done. Then they
# all meet again.
#
# ## Two dimensions
#
# A picture has rows and columns, and so may a launch. `cuda.grid(2)` gives two numbers, **the first of which runs fastest**:
# neighbouring threads differ in the first. Memory also has a fast direction: neighbouring *columns* lie side by side. So the
# first number should be the column:


# %%
@cuda.jit
def negative(image, out):
    col, row = cuda.grid(2)
    if row < image.shape[0] and col < image.shape[1]:
        out[row, col] = float32(16) - image[row, col]


(x_train, y_train), _ = minidl.datasets.digits.load_data()
digit = x_train[7].astype("float32")
out = np.full_like(digit, np.nan)
report = simt.launch(negative, (2, 3), (4, 3), digit, out)  # blocks along (x, y), threads along (x, y)
print("faults:", report.faults)
figure, (before, after) = plt.subplots(1, 2, figsize=(5, 2.5))
before.imshow(digit, cmap="gray_r")
after.imshow(out, cmap="gray_r")
for ax in (before, after):
    ax.set_xticks(np.arange(-0.5, 8, 4))
    ax.set_yticks(np.arange(-0.5, 8, 3))
    ax.grid(color="tab:red")
    ax.tick_params(labelbottom=False, labelleft=False, length=0)
before.set_title("image, with the blocks")
after.set_title("negative")
plt.show()

# %% [markdown]
# ## Mistake four: the wrong way through memory
#
# A GPU fetches memory in **sectors** of 32 bytes (8 floats), and it runs 32 neighbouring threads, a **warp**, in step. If
# the 32 threads want 32 neighbouring floats, that is 4 sectors. If each wants a float from another row, that is 32 sectors,
# of which 7/8 are thrown away.
#
# > **Predict.** Below, the two names are swapped: `row, col = cuda.grid(2)`. It is correct. How many sectors does each kernel
# > load, for a 64 × 64 image?

# %%
ours = guess("sectors loaded by `negative` for a 64 x 64 image", unit="sectors")
ours(None)

# %%
swapped = guess("sectors loaded by `negative_swapped` for a 64 x 64 image", unit="sectors")
swapped(None)


# %%
@cuda.jit
def negative_swapped(image, out):
    row, col = cuda.grid(2)
    if row < image.shape[0] and col < image.shape[1]:
        out[row, col] = float32(16) - image[row, col]


image = np.random.default_rng(0).random((64, 64), np.float32)
reports = {}
for kernel in (negative, negative_swapped):
    out = np.empty_like(image)
    reports[kernel.__name__] = report = simt.launch(kernel, (2, 8), (32, 8), image, out)
    assert np.array_equal(out, 16 - image) and not report.faults
    figures = report.figures
    print(f"{kernel.__name__:<17} {figures.global_load_sectors:>5} sectors loaded, "
          f"{figures.load_coalescing:.1%} of what they bring is used")  # fmt: skip
print(ours.reveal(reports["negative"].figures.global_load_sectors))
print(swapped.reveal(reports["negative_swapped"].figures.global_load_sectors))

# %% [markdown]
# So much more traffic, for two swapped names, and no test of the *result* would notice. The picture shows one warp: its 32 lanes
# above, the memory that they touch below.

# %%
reports["negative"].plot("sectors")

# %%
reports["negative_swapped"].plot("sectors")

# %% [markdown]
# And blocks of 8 × 32 threads instead of 32 × 8? A warp is then 8 columns of 4 rows.

# %%
tall = guess("sectors loaded by `negative` in blocks of (8, 32)", unit="sectors")
tall(None)

# %%
report = simt.launch(negative, (8, 2), (8, 32), image, np.empty_like(image))
tall.reveal(report.figures.global_load_sectors)

# %% [markdown]
# Eight neighbouring floats are one whole sector: a warp needs no more than that of each row. What counts is not the shape of
# the block, but that what is fetched is used.
#
# A whole report beside the source shows where the work goes:

# %%
reports["negative"]

# %% [markdown]
# ## Your kernel in a network
#
# Register the kernel as an implementation of minidl's `relu`. `minidl.check` then tries it on awkward shapes, compares it
# with NumPy in float64, looks for faults, and checks the gradient:

# %%
minidl.register_kernel("relu", "mine", relu)
minidl.check("relu:mine")

# %% [markdown]
# What would it have said of the kernel without a guard?

# %%
minidl.register_kernel("relu", "unguarded", relu_first)
minidl.check("relu:unguarded")

# %% [markdown]
# Now train with it. Each forward pass of `relu` is your kernel; everything else stays on NumPy:
#
# > **Predict.** What will the two trainings' losses differ by, at the most?

# %%
between = guess("the difference of the losses, NumPy's relu or yours", among=["nothing", "rounding", "a few percent"])
between(None)

# %%
(x_train, y_train), (x_test, y_test) = minidl.datasets.digits.load_data()


def train():
    minidl.utils.set_random_seed(0)
    model = minidl.Sequential(
        [
            layers.Input((8, 8)),
            layers.Rescaling(1 / 16),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(minidl.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, epochs=15, batch_size=64, verbose=0)
    return model, np.array(history.history["loss"])


_, losses_numpy = train()
with minidl.using(relu_forward="simt:mine"):
    model, losses_mine = train()
    accuracy = model.evaluate(x_test, y_test, batch_size=64, verbose=0)[1]
difference = np.abs(losses_numpy - losses_mine).max()
print(f"losses with your kernel: {losses_mine[0]:.3f} to {losses_mine[-1]:.3f};  largest difference {difference:.1e}")
print(f"a network that runs your kernel reads {accuracy:.1%} of the test images right")
between.reveal("nothing" if difference == 0 else "rounding" if difference < 1e-5 else "a few percent")

# %%
figure, axes = plt.subplots(1, 10, figsize=(10, 1.4))
with minidl.using(relu_forward="simt:mine"):
    read = model.predict(x_test[:10], verbose=0).argmax(axis=1)
for ax, image, digit in zip(axes, x_test, read):
    ax.imshow(image, cmap="gray_r")
    ax.set_title(f"a {digit}")
    ax.axis("off")

# %% [markdown]
# `relu` only chooses between numbers, so there is nothing to round.
#
# ## On a real GPU
#
# If this computer has one, the very same kernel runs there. `kernel[blocks, threads](…)` is Numba's launch:

# %%
problem = gpu_problem()
if problem:
    print("Not run:", problem)
else:
    on_gpu = cuda.to_device(np.random.default_rng(0).normal(size=1_000_000).astype("float32"))
    result = cuda.device_array_like(on_gpu)
    relu[-(-on_gpu.size // 256), 256](on_gpu, result)
    assert np.array_equal(result.copy_to_host(), np.maximum(on_gpu.copy_to_host(), 0))
    print("a million elements on", cuda.get_current_device().name)

# %% [markdown]
# ## Exercises
#
# Exercises 13 to 17 are first kernels: two vectors, `relu` with its backward, any grid for any size, an image, a bias. The
# checker works in a cell as well. This kernel for exercise 13 has one of today's mistakes:


# %%
@cuda.jit
def add(a, b, y, size):
    i = cuda.grid(1)
    y[i] = a[i] + b[i]


check("vector_add", add)

# %% [markdown]
# `minidl exercises start 13` writes the file to fill in, `minidl exercises watch 13` checks it at every save.
#
# ## Try it
#
# 1. Write `leaky_relu` with a slope argument. Pass the slope as `np.float32(0.1)`, then as `0.1`, and read the report.
# 2. Write a kernel that transposes an image, `out[col, row] = image[row, col]`. One of its two accesses is always the wrong
#    way: which one would you rather have wrong? (Notebook 9 shows how to have neither.)
# 3. Write a kernel that adds up an array with `total[0] += x[i]`. What does the machine say, and why? (Notebook 10.)
#
# **Next:** 8 · memory; or 11 · CPU against GPU. **On the machine itself:** `docs/simt_machine.md`.
