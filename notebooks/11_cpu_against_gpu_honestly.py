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
# **The question.** "The GPU is 50 times faster." Faster than what, at what, and what was left out of the count? This notebook
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
# > **Predict.** You run it two hundred times more. Will the times be the same within 1 %? Within 10 %?

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
print(f"the slowest took {times.max() / times.min():.1f} times as long as the quickest")

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
# Without a GPU, the line of `cuda` has no time. It says *bound*: no program can be faster than that on the GPU named, because
# of what the hardware can do at most. A bound is not a result.
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
# > **Predict.** Which of these are limited by memory, which by arithmetic? `relu` of a million numbers; the sum of two arrays; a
# > product of two 512 × 512 matrices; a convolution; a softmax.

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
    print(f"{name:<12} {intensity:6.1f} operations a byte   {timing.seconds * 1e6:8.0f} µs")

# %%
lens.plot_roofline(list(measured.values()))

# %% [markdown]
# (`relu` only compares and copies; that counts as no arithmetic at all.) The slanted part of the roof is memory, the flat part arithmetic. A point far below the roof has something else in its way:
# for small ones it is Python and the call itself.
#
# > **Predict.** A GPU has perhaps ten times the memory bandwidth of your CPU, and a hundred times its arithmetic. By how much
# > can it speed up `relu` at best? And the large product?
#
# At most by the ratio of the limits that apply: ten for `relu`. "A hundred times faster" was measured on something with a high
# intensity.
#
# ## The way there and back
#
# And the numbers have to get to the GPU. The connection moves perhaps 25 GB/s, the GPU's own memory a hundred times that. The
# **ledger** writes down every move. Here a training step of a small CNN, in which *one* op runs on the device:

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
# > **Predict.** Now *everything* runs on the device. Will more bytes move, or fewer?

# %%
with minidl.using(device):
    model.train_on_batch(x, y)  # once unseen: the weights move up, and stay there
    with transfers() as everything:
        model.train_on_batch(x, y)
print(everything)
print(f"\none op on the device: {ledger.total('up') + ledger.total('down'):>7,} bytes")
print(f"all ops on the device: {everything.total('up') + everything.total('down'):>6,} bytes")

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
# ## From which size on?
#
# So a GPU has a cost that does not depend on size (asking, moving) and a gain that does. Somewhere the lines cross.
#
# > **Predict.** For a product of two n × n matrices there are 2n³ operations for 12n² bytes. Does the crossover come early or
# > late, compared with `relu`?

# %%
crossing = lens.crossover("gemm", [32, 64, 128, 256, 512])
crossing

# %%
crossing.plot()

# %% [markdown]
# A product does n / 6 operations for each byte: the larger, the more there is to gain, and the less the moves weigh. `relu`
# has one comparison for 8 bytes at any size. If its numbers have to be moved there and back, that alone takes about as
# long as the CPU needs: it hardly ever pays.
#
# Where no GPU was timed, there is no crossover, only the statement from which size on the data sheet does not rule one out.
# Run this notebook on a machine with a GPU, and the table fills.
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
#
# **Next:** 12 · convolution and pooling kernels (to come).
