# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 · CPU against GPU, honestly
#
# **The question.** "The GPU is fifty times faster." Faster than what, at what, and what was left out of the count? This notebook
# is about measuring: how to get a number that another person, on another day, would get too.
#
# You will time one line badly, then well, find out what *limits* this computer, count every byte that a training step moves,
# and work out from which size on a GPU is worth its trouble.
#
# *You need:* notebooks 1 and 7. *It takes:* 60 minutes to read and try, a minute or two to run. A GPU is used where there is
# one. Where there is none, **no time of a GPU is shown**, only what its data sheet allows at best, and what the SIMT machine
# counts. Each table says which.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import minidl
from cuda_kernels.launch import gpu_problem
from minidl import layers, lens
from minidl.backends import transfers
from minidl.course import guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})
print(lens.machine())
device = "simt" if gpu_problem() else "cuda"
print("kernels run on:", device)

# %% [markdown]
# A measurement without its machine is no measurement: processor, cores, threads, library versions. That is the line above.
#
# ## One line, timed badly
#
# Here is a matrix product, timed as everybody does it the first time.

# %%
a = np.random.default_rng(0).random((384, 384), np.float32)

started = time.perf_counter()
a @ a
print(f"{(time.perf_counter() - started) * 1e3:.2f} ms")

# %% [markdown]
# > **Predict.** You run it two hundred times more. How many times as long as the quickest will the slowest take?

# %%
spread = guess("the slowest of 200 runs, beside the quickest", unit="times as long")
spread(None)

# %%
times = []
for _ in range(200):
    started = time.perf_counter()
    a @ a
    times.append((time.perf_counter() - started) * 1e3)
times = np.array(times)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 2.8), layout="constrained")
left.plot(times, ".", markersize=4)
left.set(xlabel="run", ylabel="ms", ylim=(0, np.quantile(times, 0.99) * 1.3), title="200 runs of the same line")
right.hist(times[times < np.quantile(times, 0.99)], bins=40)
right.set(xlabel="ms", ylabel="runs", title="how often each time occurs")
for name, value, colour in (("smallest", times.min(), "tab:green"), ("median", np.median(times), "tab:red"),
                            ("mean", times.mean(), "black")):  # fmt: skip
    right.axvline(value, color=colour, label=f"{name} {value:.2f} ms")
right.legend()
plt.show()
spread.reveal(round(times.max() / times.min(), 1))

# %% [markdown]
# Threads have to wake up, memory pages are found for the first time, other programs run, the clock of the processor changes. So:
#
# 1. **The first runs do not count** (*warm-up*: caches are cold, code is loaded; on a GPU the kernel is *compiled*, which takes
#    a second).
# 2. **One time is none.** Take many; show the **median**, which a single interruption does not move, with the quartiles.
#    The mean is the one that a single interruption does move.
# 3. **Fresh inputs and a flushed cache**, unless you want to know how fast the cache is. In a network the other layers have
#    filled it with something else.
# 4. **Wait for it.** Launching a kernel returns at once; the GPU is still at work. Who stops the clock then has measured how
#    long it takes to *ask*. One must synchronise first.
#
# `lens.time` does these four things, and keeps apart what people mix up: the first call, moving up, the kernel, moving down.

# %%
gemm = lens.time("gemm", [(384, 384), (384, 384)], backends=("cpu", "cuda"))
gemm

# %% [markdown]
# Without a GPU, the line of `cuda` has no time. It says *bound*: with its CUDA cores in float32 the GPU named cannot be faster
# than that, by its datasheet. (With its tensor cores, in other formats, it can.) A bound is not a result.
#
# ## From which size on?
#
# "NumPy is a hundred times faster than Python." At which size? Here are two ways to add up n numbers: Python's `sum` of a list,
# and `np.sum` of an array. One costs a little for each number, the other a fixed sum for being called, and then next to nothing.
# Somewhere the lines cross.
#
# > **Predict.** From how many numbers on is `np.sum` faster?

# %%
numbers = guess("numbers from which on np.sum is faster than Python's sum", unit="numbers")
numbers(None)


# %%
def median_microseconds(function, argument, repeats=31, calls=100):
    """The median over some repeats of the time of one call, after a call that does not count."""
    function(argument)
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(calls):
            function(argument)
        found.append((time.perf_counter() - started) / calls * 1e6)
    return np.median(found)


sizes = [2, 8, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192]
by_python = [median_microseconds(sum, [1.0] * n) for n in sizes]
by_numpy = [median_microseconds(np.sum, np.ones(n)) for n in sizes]
slower = [n for n, one, other in zip(sizes, by_python, by_numpy) if other >= one]
crossing_here = next((n for n in sizes if n > max(slower, default=0)), None)

plt.figure(figsize=(6, 2.8), layout="constrained")
plt.loglog(sizes, by_python, "o-", markersize=4, label="sum of a list")
plt.loglog(sizes, by_numpy, "o-", markersize=4, label="np.sum of an array")
if crossing_here:
    plt.axvline(crossing_here, color="0.5", linewidth=1)
plt.xlabel("numbers")
plt.ylabel("µs a call")
plt.legend()
plt.show()
print(f"2 numbers: np.sum takes {by_numpy[0] / by_python[0]:.0f} times as long as sum")
print(f"{sizes[-1]} numbers: sum takes {by_python[-1] / by_numpy[-1]:.0f} times as long as np.sum")
numbers.reveal(crossing_here or sizes[-1])

# %% [markdown]
# Both statements are true, and neither means anything without its size. A GPU is the same story with larger numbers: a launch
# costs some microseconds whatever it computes. We come back to it when we know what else it costs.
#
# (From *which size on* means: at every size from there on. At a size near the crossing the two take turns, from run to run.
# Exercise 39 is about this.)
#
# ## What is the limit?
#
# Any computation must do its arithmetic, and must fetch its numbers. A machine has a greatest rate for each. For your CPU both
# were just measured (a large product; a large copy):

# %%
roof = lens.roofline()
print(roof)

# %% [markdown]
# Divide an op's operations by the bytes it must move: its **arithmetic intensity**. With few operations for each byte, memory
# sets the pace, and the fastest arithmetic in the world does not help. With many, arithmetic does.
#
# > **Predict.** How many operations a byte must an op have before arithmetic limits it, on this computer? (Divide the two
# > rates.) Which of these have that many: `relu` of a million numbers; the sum of two arrays; a product of two 512 × 512
# > matrices; a convolution; a softmax?

# %%
ridge = guess("operations a byte from which on arithmetic is the limit here", unit="operations a byte")
ridge(None)

# %%
cases = {
    "relu": ("relu", [(1000, 1000)], {}),
    "add": ("add", [(1000, 1000), (1000, 1000)], {}),
    "softmax": ("softmax", [(1000, 1000)], {}),
    "product 64": ("gemm", [(64, 64), (64, 64)], {}),
    "product 512": ("gemm", [(512, 512), (512, 512)], {}),
    "convolution": ("conv2d", [(8, 32, 32, 16), (3, 3, 16, 32), None], {}),
}
measured = {
    name: lens.time(op, inputs, backends=("cpu",), seconds=0.5, **static)["cpu"]
    for name, (op, inputs, static) in cases.items()
}
for name, timing in measured.items():
    intensity = timing.cost.flops / timing.cost.nbytes
    limit = roof.limit(timing.cost, cold=True)
    print(f"{name:<12} {intensity:6.1f} operations a byte   {timing.seconds * 1e6:8.0f} µs   limit: {limit}")
ridge.reveal(round(roof.ridge, 1))

# %%
lens.plot_roofline(list(measured.values()))

# %% [markdown]
# (`relu` only compares and copies; that counts as no arithmetic at all.) The slanted part of the roof is memory, the flat part
# arithmetic. A point far below the roof has something else in its way: for small ones it is Python and the call itself.
#
# > **Predict.** By how much can a large GPU speed up `relu` at best, its numbers being there already? And the large product?

# %%
relu_gain = guess("the most that an H100 can gain on relu of much data", unit="times")
relu_gain(None)

# %%
gpu = lens.roofline("H100 SXM")
print("GPU, by its datasheet:", gpu.limits())
print("this computer:        ", roof.limits())
print(
    f"arithmetic {gpu.flops / roof.flops:,.0f} times, memory {gpu.bytes_per_second / roof.bytes_per_second:,.0f} times"
)
relu_gain.reveal(round(gpu.bytes_per_second / roof.bytes_per_second))

# %% [markdown]
# At most by the ratio of the limits that apply: that of memory for `relu`, that of arithmetic for the product. Whoever says "a
# thousand times faster" has measured something of high intensity, or against one slow core.
#
# ## The way there and back
#
# And the numbers have to get to the GPU. The **ledger** writes down every move. Here a training step of a small CNN, in which
# *one* op runs on the device:

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
model.compile("sgd", "sparse_categorical_crossentropy")
(x_train, y_train), _ = minidl.datasets.digits.load_data()
x, y = x_train[:16, :, :, None].astype("float32") / 16, y_train[:16]
model.train_on_batch(x, y)

with transfers() as ledger, minidl.using(relu=device):
    model.train_on_batch(x, y)
print(ledger)

# %% [markdown]
# > **Predict.** Now *everything* runs on the device. How many bytes will move?

# %%
bytes_moved = guess("bytes moved in a step that runs wholly on the device", unit="bytes")
bytes_moved(None)

# %%
with minidl.using(device):
    model.train_on_batch(x, y)  # once unseen: the weights move up, and stay there
    with transfers() as everything:
        model.train_on_batch(x, y)
print(everything)
print(f"\none op on the device: {ledger.total('up') + ledger.total('down'):>7,} bytes")
bytes_moved.reveal(everything.total("up") + everything.total("down"))

# %% [markdown]
# The batch goes up, the loss comes down, and that is all: **a device pays when the data stays there.** Swapping single ops in
# and out, as we do for learning, is the slowest way to use a GPU.
#
# ## A whole step, in time
#
# `lens.record_step` records one training step: each op, each kernel, each move.

# %%
model.train_on_batch(x, y)  # on NumPy again: the weights come back to the host
recording = lens.record_step(model, x_train[:128, :, :, None].astype("float32") / 16, y_train[:128])
lens.plot_timeline(recording)

# %%
lens.timeline(recording)

# %% [markdown]
# The parts add up to the whole, and what lies *between* the ops is Python: for a network this small a good share of the time.
# No GPU makes that faster. (`recording.save_trace("step.json")` writes the same for https://ui.perfetto.dev.)
#
# ## From which size on does a GPU pay?
#
# Now all that it costs is on the table: a launch, the moves, and then the larger of arithmetic and memory. With a GPU,
# `lens.crossover` measures it. Without one it draws a **model**, and says so: a launch, the datasheet's rates, and a connection
# of 16 PCI Express lanes. The three constants are arguments; change them.
#
# > **Predict.** A product of two n × n matrices has 2n³ operations for 12n² bytes. From which n on does the GPU pay, its
# > matrices having to be moved? And `relu` of n × n numbers?

# %%
gemm_size = guess("n from which on a GPU pays for a product of n x n matrices, moves included", unit="rows")
gemm_size(None)

# %%
crossing = lens.crossover("gemm", [16, 32, 64, 128, 256, 512, 1024])
crossing

# %%
pays = crossing.size or crossing.model_size
print(gemm_size.reveal(pays) if pays else "at no size here")
crossing.plot()

# %%
lens.crossover("relu", [32, 128, 512, 2048]).plot()

# %% [markdown]
# A product does n / 6 operations for each byte: the larger, the more there is to gain, and the less the moves weigh. `relu` has
# one comparison for 8 bytes at any size: if its numbers have to be moved there and back, the two lines run side by side for
# ever, and where they lie is decided by the connection alone. With the data there already (the lower edge of the band) both
# pay, once they are larger than a launch.
#
# What no model tells: how close a real kernel comes to the roof, and what else the program waits for. Run this notebook on a
# machine with a GPU, and the model gives way to a measurement.
#
# ## Too good to be true
#
# Somebody registers a "fast" backend. Can you see from the outside what is wrong?


# %%
remembered = {}


def fast_gemm(a, b, *, transpose_a=False, transpose_b=False):
    key = (a.shape, b.shape)
    if key not in remembered:
        remembered[key] = minidl.ops.gemm.gemm_forward(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    return remembered[key]


minidl.register_backend("gemm", "fast", forward=fast_gemm)
try:
    lens.time("gemm", [(512, 512), (512, 512)], backends=("fast",))
except minidl.errors.TimingError as error:
    print(error)

# %% [markdown]
# It gave back the last result. `lens.time` knows how many operations a product needs, and how many this machine can do in a
# second; a time that beats both is refused. Do the same with the times that people tell you.
#
# ## The checklist
#
# Before you believe a figure, or publish one, ask:
#
# | | |
# |---|---|
# | On what? | processor or GPU by name, threads, versions, date |
# | Of what? | kernel alone, or with moves, or with compilation? |
# | How often? | median of how many, with what spread? Warm? |
# | Was it finished? | synchronised before the clock was stopped |
# | On which data? | fresh, or in the cache from the last time |
# | Right? | was the result compared with a reference, in the same run? |
# | Possible? | how many per cent of the roof? more than 100? |
# | Against what? | the best CPU code, with all its cores, or a Python loop? |
#
# ## Try it
#
# 1. Time `conv2d` for 1, 8, 64 images. What happens to the time *per image*, and why?
# 2. Set `OPENBLAS_NUM_THREADS=1`, restart the kernel, and run again. Which of the figures change?
# 3. `flush=False` in `lens.time`: how much faster is `add`, for arrays of 10 kB, 1 MB, 100 MB?
# 4. Time the loops of notebook 4 against `conv2d`, and write the sentence "… times faster" with all that belongs to it.
# 5. With a GPU: time `gemm` by every rung, `backends=["cuda:r1_naive", …]`, and put them into the roofline.
# 6. `lens.crossover("gemm", …, launch=50e-6)`: what would a language with slow launches have to do with small products?
#
# Exercises 38 to 41 are about this notebook: an honest clock, a crossover, a roofline, and results that are too good.
#
# **Next:** 12 · convolution and pooling kernels.
