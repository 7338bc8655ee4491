# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Adding up
#
# **The question.** What is 0.1 + 0.1 + 0.1 + …, twenty million times? Two million, says the mathematician. What does a computer say that
# keeps seven digits? And when ten thousand threads want to add into one number, who goes first?
#
# Sums are everywhere in a network: a loss is a mean, a gradient of a bias is a sum, softmax divides by one, a convolution *is* one. On a
# GPU they are the first thing that is not independent: every thread's number has to get into the result.
#
# *You need:* notebooks 7 to 9. No GPU. *It takes:* an hour and a quarter to read and try, half a minute to run.

# %%
import matplotlib.pyplot as plt
import numpy as np
from numba import cuda, float32, int32

from cuda_kernels import ladder, simt
from cuda_kernels.launch import launches
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})

# %% [markdown]
# ## One after the other
#
# > **Predict.** A float32 that starts at 0, and 0.1 added to it twenty million times. What does it hold at the end?

# %%
running_sum = guess("0.1 added twenty million times, in float32")
running_sum(None)

# %%
tenth, total, many = np.float32(0.1), np.float32(0), 20_000_000
history = np.cumsum(np.full(many, tenth), dtype=np.float32)  # one after the other: each is the one before it, plus 0.1
pairwise = np.sum(np.full(many, tenth))
print("one after the other:", history[-1])
print("np.sum:             ", pairwise)
print("exact:              ", many * float(tenth))
running_sum.reveal(float(history[-1]))

# %%
stuck = int(np.argmax(history == history[-1]))
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
shown = slice(0, None, 20_000)
left.plot(np.arange(many)[shown], history[shown], label="one after the other")
left.plot(np.arange(many)[shown], (np.arange(many) * float(tenth))[shown], "--", label="exact")
left.set(xlabel="numbers added", ylabel="sum", title="a sum that stops")
left.legend()
sizes = np.logspace(0, 7, 200).astype(np.float32)
right.loglog(sizes, np.spacing(sizes))
right.axhline(0.2, color="tab:red", linestyle="--", label="twice 0.1")
right.set(xlabel="a float32", ylabel="distance to the next one", title="how far float32 numbers are apart")
right.legend()
plt.show()
print(f"it moves no more after {stuck:,} numbers, at {history[stuck]:,.0f} = 2^{np.log2(history[stuck]):.0f}")
print("spacing of float32 there:", np.spacing(history[stuck]), "   half of it:", np.spacing(history[stuck]) / 2)

# %% [markdown]
# Near $2^{21}$ the float32 numbers are 0.25 apart. 0.1 is less than half of that: the sum is rounded back to where it was, for ever.
#
# `np.sum` does not fall into this trap, for it does not add one after the other. It adds **in pairs**: halves of the numbers, and halves of
# these, so that every addition is of two numbers of the same size. **The order of a sum is part of the algorithm.** And this order happens
# to be the one that a GPU wants.
#
# ## A tree
#
# 256 numbers, 256 threads, shared memory. In the first step thread $t$ adds number $t + 128$ to number $t$, for $t < 128$. Then 64, 32, …
# Each step halves what is left.
#
# > **Predict.** How many steps for 1,024 numbers? And of all 1,024 threads, over all steps, what share adds?

# %%
tree_steps = guess("steps of a tree for 1,024 numbers", unit="steps")
tree_steps(None)

# %%
share_adding = guess("share of the threads that add, over all steps of a tree for 1,024 numbers", unit="%")
share_adding(None)


# %%
def tree(size):
    @cuda.jit
    def add_up(x, y):
        t = cuda.threadIdx.x
        s = cuda.shared.array(size, float32)
        s[t] = x[t]
        cuda.syncthreads()
        half = size // 2
        while half > 0:
            if t < half:
                s[t] = s[t] + s[t + half]
            cuda.syncthreads()
            half = half // 2
        if t == 0:
            y[0] = s[0]

    return add_up


random = np.random.default_rng(0)
x = random.random(1024).astype("float32")
y = np.full(1, np.nan, "float32")
report = simt.launch(tree(1024), 1, 1024, x, y)
print("sum:", y[0], "  exact:", x.sum(dtype="float64"), "  faults:", report.faults)
print(tree_steps.reveal(report.figures.barriers - 1))  # one block: a barrier a step, and one before them
print(share_adding.reveal(round(100 * 1023 / (1024 * (report.figures.barriers - 1)), 1)))

working = np.array([[t < 64 >> (step + 1) for t in range(64)] for step in range(6)])
plt.figure(figsize=(7, 1.9), layout="constrained")
plt.imshow(working, cmap="Greens", aspect="auto", vmax=1.6)
plt.xlabel("thread (of 64)")
plt.ylabel("step")
plt.title("who adds")
plt.show()

# %% [markdown]
# The last five steps are done by a single warp, and most of its lanes look on. There a barrier is a waste: a warp has a shorter way.
# A **shuffle** hands a number from lane to lane, without memory. Five of them add up 32 lanes:


# %%
@cuda.jit
def warp_sum(x, y):
    lane = cuda.threadIdx.x
    value = x[lane]
    for distance in (16, 8, 4, 2, 1):
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, distance)
    y[lane] = value


numbers, after = np.arange(32, dtype=np.float32), np.empty(32, np.float32)

# %% [markdown]
# > **Predict.** Lane n starts with the number n. At the end lane 0 has the sum of all. What has lane 31?

# %%
lane_31 = guess("what lane 31 holds after five shuffles down, lane n starting with n")
lane_31(None)

# %%
report = simt.launch(warp_sum, 1, 32, numbers, after)
print(after.astype(int))
print("the sum of all:", int(numbers.sum()))
lane_31.reveal(int(after[31]))

# %% [markdown]
# `shfl_down` brings values *down*. Who asks beyond the warp gets his own number back, and doubles it: only lane 0 has the sum. To write
# lane 31's is a mistake with a name of its own:


# %%
@cuda.jit
def row_sums(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += x[row, c]
    for distance in (16, 8, 4, 2, 1):
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, distance)
    if lane == 31:
        y[row] = total


check("reduce_shuffle", row_sums)

# %% [markdown]
# ## Adding into one number
#
# Between blocks there is no barrier. What if every block adds its part into one number, `y[0] += …`? That reads, adds, and writes: three
# steps, and another block may come in between.
#
# > **Predict.** 8 blocks of one thread, each adds 1 to `y[0]`. What may come out on a GPU?

# %%
eight_blocks = guess("y[0] after eight blocks have each added 1", among=["8", "1", "anything from 1 to 8"])
eight_blocks(None)


# %%
@cuda.jit
def add_one(y):
    y[0] += float32(1)


@cuda.jit
def add_one_atomically(y):
    cuda.atomic.add(y, 0, float32(1))


races = {}
for kernel in (add_one, add_one_atomically):
    y = np.zeros(1, np.float32)
    report = simt.launch(kernel, 8, 1, y)
    print(f"{kernel.__name__:<19} y[0] = {y[0]:g}, atomic operations {report.figures.atomics}")
    races[kernel.__name__] = any(fault.kind == "race" for fault in report.faults)
    for fault in report.faults:
        print("   ", fault.message)
eight_blocks.reveal("anything from 1 to 8" if races["add_one"] else "8")

# %% [markdown]
# An **atomic** operation cannot be interrupted. It is right, and it stands in a queue: all that go to one address go one after the other.
# A histogram shows both. Counts in shared memory, ten bins, and an image that is nearly all black:


# %%
BINS = 10


@cuda.jit
def histogram(values, counts):
    i, t = cuda.grid(1), cuda.threadIdx.x
    mine = cuda.shared.array(BINS, int32)
    if t < BINS:
        mine[t] = 0
    cuda.syncthreads()
    if i < values.size:
        cuda.atomic.add(mine, values[i], 1)
    cuda.syncthreads()
    if t < BINS:
        cuda.atomic.add(counts, t, mine[t])


pictures = {
    "all shades alike": random.integers(0, BINS, 2048).astype("int32"),
    "nearly all black": np.where(random.random(2048) < 0.95, 0, random.integers(0, BINS, 2048)).astype("int32"),
}

# %% [markdown]
# > **Predict.** A warp's 32 lanes add at once. Where their bins differ they go through together; where they are the same, one after the
# > other: a warp takes as many turns as its fullest bin has lanes. (That is a model; a GPU's hardware combines some of them.) By what
# > factor does the black image take more turns?

# %%
black = guess("turns of the counting, nearly all black beside all shades alike", unit="times")
black(None)

# %%
turns = {}
for name, values in pictures.items():
    counts = np.zeros(BINS, np.int32)
    report = simt.launch(histogram, 8, 256, values, counts)
    turns[name] = sum(np.bincount(warp).max() for warp in values.reshape(-1, 32))
    right = np.array_equal(counts, np.bincount(values, minlength=BINS))
    print(f"{name:<17} right: {right}, faults {len(report.faults)}, turns of 64 warps by the model: {turns[name]}")
black.reveal(round(turns["nearly all black"] / turns["all shades alike"], 1))

# %% [markdown]
# One bin that everybody wants is the worst case of every histogram, and real images have it. (Exercise 33.)
#
# ## Which order is the best?
#
# Three orders for the same sum of random numbers between 0 and 1: one after the other, a tree, and in blocks of 256 that are added one after
# the other. The error beside float64, for growing length:

# %%
lengths = 2 ** np.arange(4, 21)
errors = {"one after the other": [], "blocks of 256": [], "tree": []}
for n in lengths:
    numbers = random.random(n).astype("float32")
    exact = numbers.sum(dtype="float64")
    in_blocks = np.add.accumulate(numbers.reshape(-1, min(n, 256)).sum(axis=1, dtype="float32"), dtype="float32")[-1]
    pairs = numbers
    while pairs.size > 1:
        pairs = pairs[: pairs.size // 2] + pairs[pairs.size // 2 :]
    for name, found in (("one after the other", np.add.accumulate(numbers)[-1]), ("blocks of 256", in_blocks),
                        ("tree", pairs[0])):  # fmt: skip
        errors[name].append(max(abs(found - exact) / exact, 1e-9))
plt.figure(figsize=(6.5, 3), layout="constrained")
for (name, found), marker in zip(errors.items(), "os^"):
    plt.loglog(lengths, found, marker=marker, markersize=4, label=name)
plt.xlabel("numbers")
plt.ylabel("relative error (float32)")
plt.legend()
plt.show()

# %% [markdown]
# So "is the kernel right?" cannot mean "equal to NumPy". The tolerance has to grow with the number of terms, and the better answer may be
# the GPU's.
#
# ## The largest, and softmax
#
# The same tree finds a maximum, with one trap: what does it start from? Many write 0, as for a sum.
#
# > **Predict.** softmax of a row, with the maximum taken from 0: $e^{x - \max(0, x_1, x_2, …)}$. For which row does it fail?

# %%
failing_row = guess(
    "the row that fails when the maximum starts at 0", among=["1, 2, 3", "-1, -2, -3", "-200, -201, -202"]
)
failing_row(None)

# %%
with np.errstate(all="ignore"):
    outcome = {}
    for row in ([1, 2, 3], [-1, -2, -3], [-200, -201, -202]):
        e = np.exp(np.array(row, np.float32) - max(0, *row))
        p = e / e.sum()
        outcome[", ".join(map(str, row))] = p
        print(row, "->", p)
failing_row.reveal(next(name for name, p in outcome.items() if np.isnan(p).any()))

# %% [markdown]
# Softmax needs the largest, then the sum, then the division: three walks over the row. The ladder's second rung does the first two in one
# walk, by mending the sum whenever a new largest turns up ("online"). What does it save?

# %%
rows = random.normal(size=(32, 500)).astype("float32")
for rung in ladder.rungs("softmax"):
    with launches() as found:
        rung.run(rows, on="simt")
    loads = sum(one.report.figures.global_load_sectors for one in found)
    print(f"{rung.name:<16} {loads:>6,} sectors loaded   {rung.change}")
print("every number once:", rows.nbytes // 32)

# %% [markdown]
# Exercise 32 is the online sum. It comes back in notebook 14: attention without its matrix is this, twice.
#
# ## A sum that keeps every step
#
# A **scan** is a running sum: $y_i = x_0 + … + x_i$. It looks as if it could only be done one after the other. With 16 cards on a table, 16
# people do it in four rounds: in each round everybody adds what stands 1, then 2, 4, 8 places to the left.

# %%
cards = np.arange(1, 17)
rounds, distance = [cards], 1
while distance < cards.size:
    moved = np.concatenate([np.zeros(distance, int), rounds[-1][:-distance]])
    rounds.append(rounds[-1] + moved)
    distance *= 2
for number, state in enumerate(rounds):
    print(f"after round {number}:", state)
print("cumsum:       ", cards.cumsum())

# %% [markdown]
# Everybody must read before anybody writes: that is where notebook 9's kernel was right by luck. Exercises 34 and 35: a scan in a block, and
# of any length.
#
# ## Try it
#
# 1. Add 0.1 twenty million times in float16. Where does it stop? Predict it from the spacing.
# 2. Kahan's sum keeps what was rounded off in a second variable. Write it; how good is it beside the tree?
# 3. In `tree` let the threads with `t % (2 * step) == 0` add, instead of the first ones. Same result: what does the share of lanes say?
# 4. The histogram with 32 copies of the bins, one for each lane: how many turns for the black image?
#
# **Exercises** 29 to 37: `minidl exercises start 29`. **Next:** 11 · CPU against GPU, honestly.
