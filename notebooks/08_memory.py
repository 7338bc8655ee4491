# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 8 · Memory
#
# **The question.** Two kernels do the same additions on the same numbers, and one of them takes many times as long. Neither has
# a bug. What is the difference, and where do you see it?
#
# Most kernels wait for memory, not for arithmetic. You will count what a kernel moves, before it is run and after; find numbers
# that are twice as wide as you think; and work out how much has to be under way so that a GPU's memory is busy at all.
#
# *You need:* notebook 7. No GPU: the SIMT machine counts. It has no cache and no clock, and this notebook says where a cache would
# help. *It takes:* an hour to read and try, a quarter of a minute to run.

# %%
import matplotlib.pyplot as plt
import numpy as np
from numba import cuda, float32, int32

import minidl
from cuda_kernels import simt
from minidl import layers
from minidl.backends import transfers
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})

# %% [markdown]
# ## The unit is the sector, and the reader is the warp
#
# Memory does not hand out single numbers. It moves **sectors**: 32 bytes that lie side by side, 8 floats. And it is not a thread
# that asks, but a **warp**: 32 neighbouring threads that run in step. One load of a warp moves every sector that any of its lanes
# touches, once.
#
# 32 lanes that read 32 neighbouring floats touch 128 bytes: 4 sectors. Now let neighbouring lanes be `stride` elements apart:


# %%
@cuda.jit
def strided(x, y, stride):
    i = cuda.grid(1)
    y[i] = x[i * stride]


# %% [markdown]
# > **Predict.** How many sectors does one warp load for a stride of 2? Of 8? Of 33?

# %%
two = guess("sectors loaded by a warp whose lanes are 2 floats apart", unit="sectors")
two(None)

# %%
eight = guess("sectors loaded by a warp whose lanes are 8 floats apart", unit="sectors")
eight(None)

# %%
many = guess("sectors loaded by a warp whose lanes are 33 floats apart", unit="sectors")
many(None)

# %%
x = np.arange(33 * 32, dtype=np.float32)
reports = {}
for stride in (1, 2, 3, 4, 8, 16, 33):
    reports[stride] = simt.launch(strided, 1, 32, x, np.empty(32, np.float32), int32(stride))
loaded = {stride: report.figures.global_load_sectors for stride, report in reports.items()}
for question, stride in ((two, 2), (eight, 8), (many, 33)):
    print(question.reveal(loaded[stride]))

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.6), layout="constrained")
names = [str(stride) for stride in loaded]
left.bar(names, loaded.values())
left.set(xlabel="stride", ylabel="sectors", title="sectors loaded by one warp")
used = [100 * report.figures.load_coalescing for report in reports.values()]
right.bar(names, used, color="tab:green")
right.bar(names, [100 - share for share in used], bottom=used, color="0.85")
right.set(xlabel="stride", ylabel="%", title="of what they bring: used (green), thrown away (grey)")
plt.show()

# %% [markdown]
# From a stride of 8 on, each lane has a sector to itself, and more than that it cannot get: 33 is no worse than 8. (In *shared*
# memory a stride of 33 is a good idea. That is another rule, of another memory: notebook 9.)
#
# One warp, its lanes above and the memory below, for strides 2 and 8:

# %%
reports[2].plot("sectors")

# %%
reports[8].plot("sectors")

# %% [markdown]
# ## Starting in the wrong place
#
# A stride of 1, but from element 1 on: `y[i] = x[i + 1]`.
#
# > **Predict.** How many sectors does each warp load?

# %%
shifted_sectors = guess("sectors loaded by a warp for x[i + 1]", unit="sectors")
shifted_sectors(None)


# %%
@cuda.jit
def shifted(x, y):
    i = cuda.grid(1)
    y[i] = x[i + 1]


report = simt.launch(shifted, 1, 32, x, np.empty(32, np.float32))
print(shifted_sectors.reveal(report.figures.global_load_sectors))
report.plot("sectors")

# %% [markdown]
# A row of 128 bytes that begins at byte 4 touches five sectors. A cache would soften this: the fifth is the first of the warp next door. The machine has no
# cache and counts it twice; on a GPU look at it as the worst case.
#
# ## The same picture, laid out in two ways
#
# A picture of $H \times W$ pixels with three colours lies in memory in one of two ways. *Channels last* (NHWC): red, green, blue of
# a pixel side by side. *Channels first* (NCHW): all reds, then all greens, then all blues. One thread a pixel turns it to grey:


# %%
@cuda.jit
def grey_last(image, grey):
    i = cuda.grid(1)
    if i < grey.size:
        grey[i] = float32(0.3) * image[i, 0] + float32(0.59) * image[i, 1] + float32(0.11) * image[i, 2]


@cuda.jit
def grey_first(image, grey):
    i = cuda.grid(1)
    if i < grey.size:
        grey[i] = float32(0.3) * image[0, i] + float32(0.59) * image[1, i] + float32(0.11) * image[2, i]


# %% [markdown]
# > **Predict.** 1,024 pixels. The numbers are 3 · 1,024 · 4 bytes either way. How many sectors does the kernel for channels last
# > load, and how many the other?

# %%
channels_last = guess("sectors loaded for 1,024 pixels, channels last", unit="sectors")
channels_last(None)

# %%
channels_first = guess("sectors loaded for 1,024 pixels, channels first", unit="sectors")
channels_first(None)

# %%
pixels = np.random.default_rng(0).random((1024, 3), np.float32)
grey = {name: np.empty(1024, np.float32) for name in ("last", "first")}
last = simt.launch(grey_last, 8, 128, pixels, grey["last"])
first = simt.launch(grey_first, 8, 128, np.ascontiguousarray(pixels.T), grey["first"])
print("same result:", np.array_equal(grey["last"], grey["first"]), "  faults:", last.faults + first.faults)
print("bytes that are needed, in sectors:", pixels.nbytes // 32)
print(channels_last.reveal(last.figures.global_load_sectors))
print(channels_first.reveal(first.figures.global_load_sectors))

# %% [markdown]
# The kernel for channels last loads every sector three times: for the reds, for the greens, for the blues. (Here a cache helps
# much, for the second and third load come at once.) Databases know the same as "array of structs" and "struct of arrays".
#
# And yet most deep learning on GPUs uses channels *last*: with 64 channels instead of 3, neighbouring threads take neighbouring
# channels, and everything is in order again. The rule is not "channels first". The rule is: **neighbouring lanes, neighbouring
# addresses.** Exercise 19 keeps the layout and mends the kernel.
#
# ## Numbers that are twice as wide
#
# `x` is float32, `y` is float32, and the kernel computes in float64. It happens in three ways, and none of them shows in the result:


# %%
@cuda.jit
def with_a_constant(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * 0.5


@cuda.jit
def with_a_quotient(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * (i / x.size)


@cuda.jit
def with_an_argument(x, y, factor):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * factor


# %% [markdown]
# > **Predict.** 64 elements each. How many operations in float64 do these three make together?

# %%
wide = guess("float64 operations in three kernels over 64 elements", unit="operations")
wide(None)

# %%
x, y = np.linspace(-1, 1, 64, dtype=np.float32), np.empty(64, np.float32)
counted = 0
for kernel, extra in ((with_a_constant, ()), (with_a_quotient, ()), (with_an_argument, (0.5,))):
    report = simt.launch(kernel, 1, 64, x, y, *extra)
    in_float64 = sum(fault.count for fault in report.faults if fault.kind == "float64")
    counted += in_float64
    print(f"{kernel.__name__:<18} {in_float64:>4} in float64")
    for fault in report.faults:
        print("   ", fault.message)
print(wide.reveal(counted))

# %% [markdown]
# `0.5` is a Python float, of 64 bits. `i / x.size` divides two whole numbers of 64 bits, which gives a float64. And `0.5` as an
# *argument* of a launch is a float64 as well, though nothing in the kernel's text says so. The cures: `float32(0.5)`,
# `float32(i) / float32(x.size)`, and `np.float32(0.5)` at the launch.
#
# A laptop's GPU does one operation in float64 in the time of up to 64 in float32 (CUDA C++ Programming Guide, arithmetic
# instructions). Exercise 20 hides four of them:

# %%
import math


@cuda.jit
def softplus(x, y, size):
    i = cuda.grid(1)
    if i < size:
        v = float32(0.5) * x[i]
        total = max(v, 0) + math.log1p(math.exp(-abs(v)))
        y[i] = float32(i + 1) / float32(size) * total


check("float64_hunt", softplus)

# %% [markdown]
# ## How much has to be under way
#
# A GPU's memory is far away: an answer takes hundreds of clock cycles (NVIDIA, CUDA C++ Programming Guide). It is also wide. How can
# a memory that answers so late deliver thousands of gigabytes in a second? By having many questions under way at once. Little's law, from queues in shops, says how many:
#
# $$ \text{bytes under way} = \text{bytes a second} \times \text{seconds of waiting} $$
#
# > **Predict.** H100: take the datasheet's bandwidth, and 600 ns as a model of the wait. How many *threads* must have a 4-byte load
# > under way, for the memory to be busy?

# %%
threads_needed = guess("threads with a load of 4 bytes under way, to keep an H100's memory busy", unit="threads")
threads_needed(None)

# %%
WAITING = 600e-9  # seconds, a model
for gpu in simt.GPUS.values():
    under_way = gpu.bytes_per_second * WAITING
    resident = gpu.multiprocessors * gpu.threads
    print(f"{gpu.name:<10} {gpu.bytes_per_second / 1e9:>5.0f} GB/s: {under_way / 1024:>5.0f} KiB under way, "
          f"{under_way / 4:>7,.0f} loads of 4 bytes; it holds {resident:>7,} threads")  # fmt: skip
threads_needed.reveal(round(simt.GPUS["H100 SXM"].bytes_per_second * WAITING / 4))

# %% [markdown]
# Compare the last two numbers of a line. Where there are hardly more threads than loads needed, one load a thread is not enough:
# then each thread has to ask for more at a time, by 16-byte loads or by several loads before the first result is used. This is
# what the rungs called `wide` do.
#
# ## And before all that, the way to the device
#
# The numbers also have to get to the GPU, over a connection that is far slower than its memory. minidl keeps a **ledger** of every
# move. Here a training step in which `relu` alone runs on the device, for one batch after the other, and then all ops:

# %%
minidl.utils.set_random_seed(0)
model = minidl.Sequential(
    [layers.Input((8, 8, 1)), layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(10)]
)
model.compile("sgd", minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
(x_train, y_train), _ = minidl.datasets.digits.load_data()
images = x_train[..., None].astype("float32") / 16
moved = {}
for name, choice in (("relu alone", {"relu": "simt"}), ("all ops", {})):
    with minidl.using("simt" if not choice else None, **choice):
        model.train_on_batch(images[:16], y_train[:16])  # once unseen: weights move up
        with transfers() as ledger:
            for k in range(1, 4):
                model.train_on_batch(images[16 * k : 16 * k + 16], y_train[16 * k : 16 * k + 16])
    moved[name] = ledger

figure, axes = plt.subplots(1, 2, figsize=(9, 2.6), sharey=True, layout="constrained")
for ax, (name, ledger) in zip(axes, moved.items()):
    total = {"up": 0, "down": 0}
    for number, move in enumerate(ledger):
        ax.bar(number, move.nbytes if move.direction == "up" else -move.nbytes,
               color="tab:blue" if move.direction == "up" else "tab:orange")  # fmt: skip
        total[move.direction] += move.nbytes
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set(xlabel="moves, in order", title=f"{name}: {total['up']:,} bytes up, {total['down']:,} down in 3 steps")
axes[0].set_ylabel("bytes: up to the device,\ndown to the host")
plt.show()

# %% [markdown]
# In the right picture the batches go up, the losses come down, and the rest stays where it is. **A device pays when the data stays
# there.**
#
# ## Try it
#
# 1. `y[i // 2] = x[i]`, `y[i] = x[31 - i]`, `if i < 20: y[i] = x[i]`: count, then launch. This is exercise 18.
# 2. A matrix of 64 × 33 floats: which sectors does a warp load that reads a *column*? And with 64 × 40?
# 3. Launch `strided` with blocks of 16 threads instead of 32. Does half a warp load half the sectors?
# 4. `int32` instead of `float32` for `i`: does `i * x.size` still fit for an array of 100,000 × 100,000?
#
# **Exercises** 18 to 20: `minidl exercises start 18`. **Next:** 9 · shared memory and barriers.
