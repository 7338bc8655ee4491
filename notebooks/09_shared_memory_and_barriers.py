# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 9 · Shared memory and barriers
#
# **The question.** In a product of matrices every number of $A$ is needed many times, by many threads. Fetching it from memory each
# time moves most of the bytes. How can it be fetched **once**?
#
# Every block has a small fast memory that its threads share. With it comes a new kind of mistake, the hardest there is: a program
# whose numbers are right and which is wrong.
#
# *You need:* notebooks 7 and 8. No GPU. *It takes:* an hour and a quarter to read and try, a quarter of a minute to run.

# %%
import matplotlib.pyplot as plt
import numpy as np
from numba import cuda, float32

from cuda_kernels import ladder, ptx, simt
from cuda_kernels.launch import launches
from minidl import lens
from minidl.course import check, guess

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})

# %% [markdown]
# ## Needed by a whole block, fetched by each warp
#
# Take a matrix times a vector, $y = A x$, one thread a row. Each thread reads all of $x$, and all of them read the same $x$.
#
# The plan: the threads of a block fetch a piece of $x$ together, one number each, into a **shared array**. Then each of them uses the
# whole piece. Then the next piece.
#
# Between the two, the block has to wait for itself. Threads do not run at the same speed: a thread that goes on too early uses a
# number that its neighbour has not brought yet. `cuda.syncthreads()` is a **barrier**: nobody passes until all of the block are there.

# %%
PIECE = 64


@cuda.jit
def product_direct(a, x, y):
    row = cuda.grid(1)
    if row < y.size:
        total = float32(0)
        for k in range(x.size):
            total += a[k, row] * x[k]
        y[row] = total


@cuda.jit
def product_shared(a, x, y):
    row, t = cuda.grid(1), cuda.threadIdx.x
    piece = cuda.shared.array(PIECE, float32)
    total = float32(0)
    for start in range(0, x.size, PIECE):
        piece[t] = x[start + t] if start + t < x.size else float32(0)
        cuda.syncthreads()  # the piece is there
        for j in range(min(PIECE, x.size - start)):
            total += a[start + j, min(row, y.size - 1)] * piece[j]
        cuda.syncthreads()  # the piece is used
    if row < y.size:
        y[row] = total


# %% [markdown]
# (`a` is stored with its columns as rows, so that neighbouring threads read neighbouring numbers.)
#
# > **Predict.** $A$ is 128 × 300. How many sectors are loaded by `product_direct`, and how many by `product_shared`? A warp's 32 lanes
# > that read *one* number move one sector. Count those for $A$ first: they are the same in both.

# %%
direct_sectors = guess("sectors loaded by product_direct for 128 rows and 300 columns", unit="sectors")
direct_sectors(None)

# %%
shared_sectors = guess("sectors loaded by product_shared for 128 rows and 300 columns", unit="sectors")
shared_sectors(None)

# %%
random = np.random.default_rng(0)
a, x = random.normal(size=(300, 128)).astype("float32"), random.normal(size=300).astype("float32")
right = a.T.astype("float64") @ x
reports = {}
for kernel in (product_direct, product_shared):
    y = np.full(128, np.nan, "float32")
    reports[kernel] = report = simt.launch(kernel, 2, PIECE, a, x, y)
    print(f"{kernel.__name__:<15} largest error {np.abs(y - right).max():.0e}   faults {len(report.faults)}")
print("sectors of A alone:", a.nbytes // 32)
print(direct_sectors.reveal(reports[product_direct].figures.global_load_sectors))
print(shared_sectors.reveal(reports[product_shared].figures.global_load_sectors))

# %% [markdown]
# What is left is mostly $A$, of which each number is used once: there is nothing to share. In a product of two *matrices* both are
# used many times, and the gain is of another kind. The first three rungs of the ladder, on 64 × 48 by 48 × 80, and below the third
# rung's text: find the two barriers.
#
# > **Predict.** By what factor does the third rung, with tiles of 32 × 32 in shared memory, move less than the second?

# %%
tiles_gain = guess("sectors of gemm r2_coalesced, beside those of r3_shared", unit="times")
tiles_gain(None)

# %%
left, right_matrix = random.random((64, 48), np.float32), random.random((48, 80), np.float32)
moved = {}
for rung in ladder.rungs("gemm")[:3]:
    with launches() as found:
        rung.run(left, right_matrix, on="simt")
    moved[rung.name] = sum(one.report.figures.global_sectors for one in found)
    print(f"{rung.name:<14} {moved[rung.name]:>8,} sectors   {rung.change}")
print(tiles_gain.reveal(round(moved["r2_coalesced"] / moved["r3_shared"], 1)))
text = lens.kernel_source("gemm:r3")
print(text[text.index("TILE, ") :])

# %% [markdown]
# ## A barrier too few
#
# Which of the two barriers can go? Take away the first, then the second, then both, and look at the *numbers*.
#
# > **Predict.** For how many of the three will the result on the machine be wrong?

# %%
wrong_results = guess("of three kernels without a barrier, those with wrong numbers", among=["0", "1", "2", "3"])
wrong_results(None)


# %%
def without(first, second):
    @cuda.jit
    def product(a, x, y):
        row, t = cuda.grid(1), cuda.threadIdx.x
        piece = cuda.shared.array(PIECE, float32)
        total = float32(0)
        for start in range(0, x.size, PIECE):
            piece[t] = x[start + t] if start + t < x.size else float32(0)
            if first:
                cuda.syncthreads()
            for j in range(min(PIECE, x.size - start)):
                total += a[start + j, min(row, y.size - 1)] * piece[j]
            if second:
                cuda.syncthreads()
        if row < y.size:
            y[row] = total

    return product


wrong_count = 0
for name, kernel in {
    "no first": without(False, True),
    "no second": without(True, False),
    "none": without(False, False),
}.items():
    y = np.full(128, np.nan, "float32")
    report = simt.launch(kernel, 2, PIECE, a, x, y)
    error = np.abs(y - right).max()
    wrong_count += error > 1e-3
    print(f"{name:<10} largest error {error:.0e}   faults: {len(report.faults)}")
    print("   ", report.faults[0].message)
wrong_results.reveal(str(wrong_count))

# %% [markdown]
# **Right numbers prove nothing.** The SIMT machine runs threads in step, each statement for all of a block, and so it does not meet the
# bad order of these kernels. A GPU may not meet it either, until the driver changes. That is why the machine does not look at numbers
# to find a race: it writes down, for each element, who wrote and who read it since the last barrier.
#
# Where NVIDIA's compiler is installed (`pip install "minidl[ptx]"`), the same kernels run compiled, with their threads in a random order, in
# which a race may show in the numbers too (`docs/ptx.md`):

# %%
if ptx.missing():
    print("Not run:", ptx.missing())
else:
    for name, kernel in {"no first": without(False, True), "no second": without(True, False)}.items():
        errors = []
        for order in range(5):
            y = np.full(128, np.nan, "float32")
            ptx.launch(kernel, 2, PIECE, a, x, y, order=order)
            errors.append(f"{np.abs(y - right).max():.0e}")
        print(f"{name:<10} largest error in five orders: {', '.join(errors)}")

# %% [markdown]
# The two races are not the same. The first: somebody **reads before** the piece is filled. The second: somebody fills the **next** piece
# while a slower one still reads this one. One barrier separates filling from using, the other separates using from filling.
#
# Here is a stencil, as exercise 21 asks for it, with a barrier forgotten. The checker says it of your lines, and draws the two threads:


# %%
@cuda.jit
def stencil(x, w, y):
    i, t, size = cuda.grid(1), cuda.threadIdx.x, x.size
    tile = cuda.shared.array(130, float32)
    tile[t + 1] = x[i] if i < size else float32(0)
    if t == 0:
        tile[0] = x[i - 1] if i > 0 and i - 1 < size else float32(0)
        tile[129] = x[i + 128] if i + 128 < size else float32(0)
    if i < size:
        y[i] = w[0] * tile[t] + w[1] * tile[t + 1] + w[2] * tile[t + 2]


check("stencil", stencil)

# %% [markdown]
# ## A barrier that not all reach
#
# There are 100 rows and two blocks of 64 threads. A careful student sends the threads without a row home first.
#
# > **Predict.** What happens to the others?

# %%
at_the_barrier = guess(
    "the threads at the barrier, when some have left", among=["go on", "wait for ever", "it depends"]
)
at_the_barrier(None)


# %%
@cuda.jit
def product_early_return(a, x, y):
    row, t = cuda.grid(1), cuda.threadIdx.x
    piece = cuda.shared.array(PIECE, float32)
    if row >= y.size:
        return
    total = float32(0)
    for start in range(0, x.size, PIECE):
        piece[t] = x[start + t] if start + t < x.size else float32(0)
        cuda.syncthreads()
        for j in range(min(PIECE, x.size - start)):
            total += a[start + j, row] * piece[j]
        cuda.syncthreads()
    y[row] = total


report = simt.launch(product_early_return, 2, PIECE, a[:, :100].copy(), x, np.full(100, np.nan, "float32"))
for fault in report.faults[:2]:
    print("-", fault.message)
at_the_barrier.reveal("it depends")

# %% [markdown]
# On GPUs before Volta it was undefined. Since Volta the barrier waits for all threads *that have not exited*
# (CUDA C++ Programming Guide, "Synchronization Functions"). And even there the kernel is wrong, as the second message says: those who
# left did not bring their numbers of the piece. **Let them stay, and do nothing:** guard the work, not the waiting.
#
# ## Right by luck
#
# A running sum in place, in seven steps: each thread adds what stands 1, 2, 4, … places before it. There is a barrier after each step.

# %%
SIZE = 128


@cuda.jit
def scan_in_place(x, y):
    t = cuda.threadIdx.x
    s = cuda.shared.array(SIZE, float32)
    s[t] = x[t]
    cuda.syncthreads()
    distance = 1
    while distance < SIZE:
        if t >= distance:
            s[t] += s[t - distance]
        cuda.syncthreads()
        distance *= 2
    y[t] = s[t]


numbers, sums = random.random(SIZE).astype("float32"), np.empty(SIZE, "float32")
report = simt.launch(scan_in_place, 1, SIZE, numbers, sums)
print("largest error:", np.abs(sums - np.cumsum(numbers.astype("float64"))).max())
for fault in report.faults:
    print(f"{fault.count} times: {fault.message}")

# %% [markdown]
# Within one step a thread reads what its neighbour is just changing. In step, all reads come before all writes, and the sums are right.
# This one is worth an hour of anybody's time: exercise 27.
#
# ## Thirty-two doors
#
# Shared memory is quick because it has 32 **banks**: 32 doors, each of which hands out one word at a time. Word $n$ lies behind door
# $n \bmod 32$. If the 32 lanes of a warp want words behind 32 different doors, one pass is enough. If two want different words behind
# the same door, one waits.
#
# > **Predict.** A tile of 32 × 32 floats. A warp reads a *row*: how many passes? A *column*? And a column of a tile with 33 floats a row?

# %%
column_32 = guess("passes to read a column of a 32 x 32 tile", unit="passes")
column_32(None)

# %%
column_33 = guess("passes to read a column of a 32 x 33 tile", unit="passes")
column_33(None)


# %%
def read_of(width, by_column):
    @cuda.jit
    def read(y):
        t = cuda.threadIdx.x
        tile = cuda.shared.array((32, width), float32)
        for row in range(32):
            tile[row, t] = float32(t)
        cuda.syncthreads()
        y[t] = tile[t, 5] if by_column else tile[5, t]

    return read


passes, pictures = {}, {}
for name, width, by_column in (("row", 32, False), ("column of 32", 32, True), ("column of 33", 33, True)):
    report = simt.launch(read_of(width, by_column), 1, 32, np.empty(32, "float32"))
    last_line = max(line for line, figures in report.by_line.items() if figures.shared_accesses)
    passes[name] = report.by_line[last_line].shared_wavefronts
    pictures[name] = report, last_line
    print(f"{name:<13} {passes[name]} pass(es)")
print(column_32.reveal(passes["column of 32"]))
print(column_33.reveal(passes["column of 33"]))

# %%
report, line = pictures["column of 32"]
report.plot("banks", line=line)

# %%
report, line = pictures["column of 33"]
report.plot("banks", line=line)

# %% [markdown]
# One column that nobody uses, and every row begins one door further on. Exercise 22 is the place where it counts: a transpose.
#
# ## Look over a block's shoulder
#
# `simt.step` walks through a launch, line by line. Here is the first piece of `product_shared`, for a small product; watch `piece` fill:

# %%
walk = simt.step(product_shared, 1, PIECE, a[:3, :4].copy(), x[:3].copy(), np.full(4, np.nan, "float32"))
for _ in range(5):
    walk.forward()
print(walk.listing())
print("start of the piece:", walk.value("piece")[0, :5])

# %% [markdown]
# ## Try it
#
# 1. Put a third barrier into `product_shared`. Nothing changes but the time. How would you find out that one of three is not needed?
# 2. `PIECE = 32` and blocks of 32: one warp. Is a barrier still needed? Ask the machine, then the programming guide ("independent thread
#    scheduling").
# 3. Read a tile of 32 × 34 by columns: how many passes? Find the rule: which widths are free of conflicts?
# 4. Add `cuda.syncthreads()` to both branches of an `if`. Two barriers or one?
#
# **Exercises** 21 to 28: `minidl exercises start 21`; 26 to 28 are hunts for barriers. **Next:** 10 · adding up.
