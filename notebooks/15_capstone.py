# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Capstone · Your op, end to end
#
# **The question.** You want an op that minidl does not have. What does it take until you may say: it is *there*? That its slope
# is right, that a layer uses it and is saved with it, that its kernel is right and you know what it costs, and, hardest, that
# a wrong kernel would have been found?
#
# This notebook goes the whole way once, for an op that is not among the twelve of
# the capstone (`docs/course/capstone.md`). You go it for yours. Each part names what your file has to hold; the last cell checks
# it all, with the checker that your teacher uses.
#
# *You need:* notebooks 2, 7 and 9. No GPU. *It takes:* an hour to read and try, half a minute to run.

# %%
import math
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from numba import cuda, float32

import minidl
from cuda_kernels import simt
from minidl import layers, lens, models, testing
from minidl.course import guess
from minidl.course.capstone import check, sectors

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})

# %% [markdown]
# ## The op: how near is a point to each of some centres?
#
# A dense unit cuts the plane in two. A *bell* says how near a point is to its centre: 1 there, and almost nothing two steps away.
#
# $$y_{nk} = \exp\Big(-\sum_d (x_{nd} - c_{kd})^2\Big)$$
#
# `x` has shape (N, D), the centres `c` (K, D), `y` (N, K). Layers of such units are called radial basis functions. With them a
# field that lies *inside* other fields is no more difficult than any other: one bell on it.

# %%
draw = np.random.default_rng(0)


def board(draw, count):
    """Points in a square of four by four fields, and the colour of their field: 0 or 1."""
    points = draw.uniform(-2, 2, (count, 2)).astype(np.float32)
    return points, (np.floor(points).sum(axis=1) % 2).astype(np.int32)


points, colours = board(draw, 600)

fig, ax = plt.subplots(figsize=(4.4, 3.2))
for k, (colour, marker) in enumerate((("tab:blue", "o"), ("tab:orange", "^"))):
    ax.scatter(*points[colours == k].T, s=12, c=colour, marker=marker, label=f"class {k}")
ax.set(title="600 points on a chessboard", aspect="equal")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()

# %% [markdown]
# ## 1 · Forward and backward in NumPy
#
# The names of deliverable 1 are `forward`, `backward` and `inputs`. On paper, with the difference $e_{nkd} = x_{nd} - c_{kd}$:
#
# $$\frac{\partial y_{nk}}{\partial x_{nd}} = -2\, e_{nkd}\, y_{nk}
# \qquad \frac{\partial y_{nk}}{\partial c_{kd}} = +2\, e_{nkd}\, y_{nk}$$
#
# and what is used several times collects several gradients: $x_n$ is compared with every centre, so `dx` sums over k; $c_k$ with
# every point, so `dc` sums over n. The signs differ, which is easily lost. Wrong first:


# %%
def forward(x, c):
    apart = x[:, None, :] - c[None, :, :]  # (N, K, D)
    y = np.exp(-np.square(apart).sum(axis=-1))
    return y, (apart, y)


def one_sign(dy, cache):
    apart, y = cache
    pulled = -2 * apart * (y * dy)[:, :, None]
    return pulled.sum(axis=1), pulled.sum(axis=0)


inputs = [
    tuple(draw.normal(0, 0.5, shape) for shape in shapes)
    for shapes in (
        ((1, 1), (1, 1)),
        ((7, 3), (5, 3)),
        ((13, 1), (2, 1)),
        ((5, 17), (11, 17)),
        ((64, 12), (48, 12)),
    )
]
try:
    testing.check_gradients(forward, one_sign, inputs[1])
except testing.GradientError as error:
    print(error)

# %% [markdown]
# It names the input whose gradient is wrong, and the cell. What is the mistake, if the finite difference is the opposite of the
# formula's value? The sign:


# %%
def backward(dy, cache):
    apart, y = cache
    pulled = -2 * apart * (y * dy)[:, :, None]
    return pulled.sum(axis=1), -pulled.sum(axis=0)


for arrays in inputs:
    testing.check_gradients(forward, backward, arrays)
print("right on the shapes", *(tuple(a.shape for a in arrays) for arrays in inputs), sep="\n  ")

# %% [markdown]
# Why these shapes? With one row, one column or as many points as centres a sum over the wrong axis goes unseen. So: 1, primes,
# no two lengths alike.
#
# ## 2 · The op registered, and a layer that is saved with it
#
# The names are `op`, `Layer`, `model` and `batch`. What `register_op` returns is called like a function and is on the tape.

# %%
op = "bells"
bells = minidl.register_op(op, forward, backward, replace=True)


class Layer(layers.Layer):
    def __init__(self, units, width=1.0, **options):
        super().__init__(**options)
        self.units, self.width = units, width

    def build(self, input_shape):
        anywhere = minidl.initializers.RandomUniform(-2, 2)
        self.centres = self.add_weight((self.units, input_shape[-1]), initializer=anywhere)

    def call(self, x):
        return bells(x * (1 / self.width), self.centres * (1 / self.width))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "width": self.width}


def batch():
    return points, colours


def model(layer=Layer):
    net = models.Sequential([layers.Input((2,)), layer(32, width=0.6), layers.Dense(2)])
    loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(minidl.optimizers.Adam(0.03), loss, metrics=["accuracy"])
    return net


# %% [markdown]
# A layer is saved as its class's name, its `get_config` and its weights. Wrong first: somebody adds `width` to the layer later, and
# does not think of `get_config`.


# %%
class Forgetful(Layer):
    def get_config(self):
        config = super().get_config()
        del config["width"]
        return config


def largest_difference(layer):
    """Save a model with this layer, load it, and compare what the two predict."""
    net = model(layer)
    with tempfile.TemporaryDirectory() as folder:
        net.save(f"{folder}/mine.keras")
        again = models.load_model(f"{folder}/mine.keras", custom_objects={layer.__name__: layer})
    return np.abs(net.predict(points, verbose=0) - again.predict(points, verbose=0)).max()


print(f"with the width in get_config:    predictions differ by {largest_difference(Layer):.3g}")
print(f"without:                         predictions differ by {largest_difference(Forgetful):.3g}")

# %% [markdown]
# No error: `width` has a default, the loaded layer takes it, and predicts something else. That is why the check compares
# predictions, and why your `model()` has to use a value that is not the default.
#
# ## 3 · Two kernels, and their traffic foretold
#
# The names are `rung1`, `rung2`, `change` and `predicted`. A rung takes the op's arrays in float32, launches on the SIMT machine
# and returns `(y, reports)`. Rung 1 is the formula, one thread a cell of `y`, blocks of 16 × 16 threads.


# %%
@cuda.jit
def direct(x, c, y):
    k, n = cuda.grid(2)
    if n < x.shape[0] and k < c.shape[0]:
        total = float32(0)
        for d in range(x.shape[1]):
            apart = x[n, d] - c[k, d]
            total += apart * apart
        y[n, k] = math.exp(-total)


def launched(kernel):
    def rung(x, c):
        y = np.full((x.shape[0], c.shape[0]), np.nan, np.float32)  # what nobody writes is seen
        grid = (-(-c.shape[0] // 16), -(-x.shape[0] // 16))
        return y, [simt.launch(kernel, grid, (16, 16), x, c, y)]

    return rung


rung1 = launched(direct)

# %% [markdown]
# How many sectors does it move for 64 points, 48 centres and 12 numbers each? Derive it before you run it: a sector is 32 bytes, a
# warp of these blocks is two rows of 16 threads, neighbours along `k`, and the machine has no cache. So, in each turn of the loop:
# which addresses do the 32 lanes read of `x`, which of `c`?

# %%
g1 = guess("sectors that rung 1 moves for (64, 12) and (48, 12)", unit="sectors")
g1(None)  # your guess in place of None

# %%
N, K, D = 64, 48, 12
warps = N * K // 32
of_x = 2  # two rows of x, one address each: all 16 lanes of a row read the same
of_c = 16  # sixteen rows of c, each 48 bytes from the next: no two lie in one sector
of_y = 4  # two rows of 16 numbers are stored
predicted = {"rung1": warps * (D * (of_x + of_c) + of_y)}

last = tuple(a.astype(np.float32) for a in inputs[-1])
y, reports = rung1(*last)
print(
    f"rung 1: {predicted['rung1']:,} sectors predicted, {sectors(reports):,} counted, {len(reports[0].faults)} faults"
)
g1.reveal(sectors(reports))

# %% [markdown]
# Most of it is `c`, read again by every row of every block. The change that suggests itself is that of notebook 9: a block needs
# only 16 points and 16 centres; it fetches them once, side by side, into shared memory.

# %%
change = "a block fetches its 16 points and its 16 centres once, into shared memory"
TILE = 16
PADDED = TILE + 1  # the 17th column is for the banks: notebook 9


@cuda.jit
def tiled(x, c, y):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    first_k, first_n = cuda.blockIdx.x * TILE, cuda.blockIdx.y * TILE
    sx = cuda.shared.array((TILE, TILE), float32)
    sc = cuda.shared.array((TILE, PADDED), float32)
    total = float32(0)
    for first_d in range(0, x.shape[1], TILE):
        d = first_d + tx
        sx[ty, tx] = x[first_n + ty, d] if first_n + ty < x.shape[0] and d < x.shape[1] else float32(0)
        sc[ty, tx] = c[first_k + ty, d] if first_k + ty < c.shape[0] and d < x.shape[1] else float32(0)
        cuda.syncthreads()
        for j in range(TILE):
            apart = sx[ty, j] - sc[tx, j]
            total += apart * apart
        cuda.syncthreads()
    if first_n + ty < x.shape[0] and first_k + tx < c.shape[0]:
        y[first_n + ty, first_k + tx] = math.exp(-total)


rung2 = launched(tiled)

# %%
g2 = guess("sectors that rung 2 moves for the same arrays", unit="sectors")
g2(None)  # your guess in place of None

# %%
two_rows = 3  # two rows of 12 numbers lie behind each other: 96 bytes
predicted["rung2"] = warps * (two_rows + two_rows + of_y)
y, reports2 = rung2(*last)
print(
    f"rung 2: {predicted['rung2']:,} sectors predicted, {sectors(reports2):,} counted, {len(reports2[0].faults)} faults"
)
g2.reveal(sectors(reports2))

# %%
fig, ax = plt.subplots(figsize=(6.4, 2.2))
counted = {"rung 1: direct": sectors(reports), "rung 2: tiles in shared memory": sectors(reports2)}
ax.barh(list(counted), list(counted.values()), color=["tab:orange", "tab:blue"])
for place, (count, said) in enumerate(zip(counted.values(), predicted.values(), strict=True)):
    ax.text(count, place, f" {count:,} (predicted {said:,})", va="center")
ax.set(xlim=(0, 1.9 * max(counted.values())), xlabel="sectors moved, counted by the SIMT machine")
ax.invert_yaxis()
fig.tight_layout()

# %% [markdown]
# A count of sectors is not a time. On a GPU many of rung 1's reads would be answered by a cache, and how much of the difference is
# left can only be measured there. The count says what the kernel *asks for*.
#
# ## 4 · A network that is trained with it
#
# The name is `backend`: the name under which your kernel is known. Its forward launches rung 2; the backward stays in NumPy.

# %%
backend = "bells_kernel"


def kernel_forward(x, c):
    y, _ = rung2(np.ascontiguousarray(x), np.ascontiguousarray(c))
    return y, (x[:, None, :] - c[None, :, :], y)


minidl.register_backend(op, backend, kernel_forward, backward)

compared = lens.compare(model(), points[:40], colours[:40], "numpy", backend)
print("no op's result or gradient differs by more than rounding:", compared.ok)

# %% [markdown]
# `lens.compare` runs a training step twice, on either backend, and compares every result and every gradient on the way. That the
# kernel's are equal is a statement about *these* shapes; the inputs of part 1 made it for awkward ones.
#
# Now train. *Guess:* what share of new points on the chessboard do 32 bells get right? By chance it would be one half.

# %%
g3 = guess("new points that 32 bells get right", unit="%")
g3(None)  # your guess in place of None


# %%
def relu_units(units, width):
    return layers.Dense(units, activation="relu")


epochs = 60
rights, trained = {"32 bells": [], "32 relu units": []}, {}
for name, layer in zip(rights, (Layer, relu_units), strict=True):
    for seed in range(3):
        minidl.utils.set_random_seed(seed)
        net = model(layer)
        before = net.layers[0].get_weights()[0]
        net.fit(points, colours, batch_size=50, epochs=epochs, verbose=0)
        rights[name].append(net.evaluate(*board(np.random.default_rng(7), 2000), verbose=0)[1])
    trained[name] = net, before
for name, right in rights.items():
    print(
        f"{name:14} right on new points: mean {np.mean(right):.1%}, three seeds from {min(right):.1%} to {max(right):.1%}"
    )
g3.reveal(round(100 * np.mean(rights["32 bells"]), 1))

# %%
side = np.linspace(-2, 2, 101, dtype=np.float32)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.7))
for ax, (name, (net, before)) in zip(axes, trained.items(), strict=True):
    classes = net.predict(plane, verbose=0).argmax(axis=1).reshape(101, 101)
    ax.imshow(classes, extent=(-2, 2, -2, 2), origin="lower", cmap="cividis", alpha=0.55)
    ax.set(title=name, xlim=(-2.1, 2.1), ylim=(-2.1, 2.1))
after = trained["32 bells"][0].layers[0].centres.numpy()
before = trained["32 bells"][1]
axes[0].plot(*np.stack([before, after]).transpose(2, 0, 1), color="0.2", lw=0.8)
axes[0].scatter(*after.T, s=16, c="k")
fig.suptitle("What each says of the plane; left, the ways that the centres went in training")
fig.tight_layout()

# %% [markdown]
# A layer of relu units cuts the plane with straight lines, and with the same training it finds fewer of the fields. That is no
# verdict on relu, of which one would stack several layers; it says that the op does what it was wanted for.
#
# ## 5 · A bank of wrong kernels, and a checker that finds them
#
# The names are `wrong` and `checker`. This is the part that most resembles the work: not to write a kernel, but to know that
# a wrong one would not get past you. Five mistakes, each made on purpose, each with the sentence that you would say to its author.


# %%
def tiled_with(first_barrier=True, second_barrier=True, row_ends=True, guard=True, squared=True):
    """The tiled kernel again, with one of its parts left out."""

    @cuda.jit
    def kernel(x, c, y):
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        first_k, first_n = cuda.blockIdx.x * TILE, cuda.blockIdx.y * TILE
        sx = cuda.shared.array((TILE, TILE), float32)
        sc = cuda.shared.array((TILE, PADDED), float32)
        total = float32(0)
        for first_d in range(0, x.shape[1], TILE):
            d = first_d + tx
            inside_row = d < x.shape[1] if row_ends else True
            sx[ty, tx] = x[first_n + ty, d] if first_n + ty < x.shape[0] and inside_row else float32(0)
            sc[ty, tx] = c[first_k + ty, d] if first_k + ty < c.shape[0] and inside_row else float32(0)
            if first_barrier:
                cuda.syncthreads()
            for j in range(TILE):
                apart = sx[ty, j] - sc[tx, j]
                total += apart * apart if squared else abs(apart)
            if second_barrier:
                cuda.syncthreads()
        if not guard or (first_n + ty < x.shape[0] and first_k + tx < c.shape[0]):
            y[first_n + ty, first_k + tx] = math.exp(-total)

    return kernel


wrong = [
    (launched(tiled_with(first_barrier=False)), "threads read the tile while others still fill it"),
    (launched(tiled_with(second_barrier=False)), "the next tile is written while others still read this one"),
    (launched(tiled_with(row_ends=False)), "behind a row's end lies the next row, not a zero"),
    (launched(tiled_with(guard=False)), "threads beyond the last point or centre have no cell to write"),
    (launched(tiled_with(squared=False)), "the distance is not squared"),
]

# %% [markdown]
# The obvious checker compares numbers with NumPy's, on arrays that fill the blocks well: 32 points, 32 centres, 32 numbers each.
# *Guess:* how many of the five does it find?

# %%
g4 = guess("wrong kernels, of five, that numbers on well filled blocks find", unit="of five")
g4(None)  # your guess in place of None


# %%
def numbers_only(rung):
    """The obvious checker. True if it accepts."""
    even = np.random.default_rng(1)
    x, c = (even.normal(0, 0.2, (32, 32)).astype(np.float32) for _ in range(2))
    y, _ = rung(x, c)
    return np.allclose(y, forward(x, c)[0], atol=1e-5)


found = [not numbers_only(rung) for rung, _ in wrong]
for (_, sentence), caught in zip(wrong, found, strict=True):
    print("found " if caught else "missed", "|", sentence)
g4.reveal(sum(found))

# %% [markdown]
# A checker has to ask three things: are the numbers right, on shapes that do *not* fit; did the machine see a fault; and was every
# cell written (that is what the NaN is for).


# %%
def checker(rung):
    """True if the rung is right on shapes that do not fit, and the machine finds no fault."""
    odd = np.random.default_rng(1)
    for n, k, d in ((1, 1, 1), (17, 3, 5), (5, 18, 33)):
        x, c = (odd.normal(0, 0.3, (rows, d)).astype(np.float32) for rows in (n, k))
        y, reports = rung(x, c)
        if any(report.faults for report in reports) or not np.allclose(y, forward(x, c)[0], atol=1e-5):
            return False
    return True


for name, rung in (
    ("rung 1", rung1),
    ("rung 2", rung2),
    *((f"wrong kernel {k}", w) for k, (w, _) in enumerate(wrong, 1)),
):
    print(f"{name:15}", "accepted" if checker(rung) else "rejected")

# %% [markdown]
# ## The check
#
# The names that the cells above have defined are what a capstone's file holds. A file is checked by `minidl exercises capstone
# FILE`; a notebook hands over its own names.

# %%
for told in check(globals()):
    print(told)

# %% [markdown]
# ## 6 · Two pages
#
# Left is what no checker reads: two pages that set prediction beside count. Here they would hold the picture of part 3, and
# answer what a reader asks: *Why is the prediction exact?* Because the machine has no cache, and the derivation followed
# its rules. *What does the change cost?* Shared memory and barriers, which a second table counts:

# %%
print(f"{'':8}{'sectors':>9}{'shared loads and stores':>26}{'barriers':>10}{'passes each':>13}")
for name, report in (("rung 1", reports[0]), ("rung 2", reports2[0])):
    f = report.figures
    shared = f.shared_accesses
    print(
        f"{name:8}{sectors([report]):>9,}{shared:>26,}{f.barriers:>10}{f.shared_wavefronts / shared if shared else 0:>13.2f}"
    )

# %% [markdown]
# ## Try it
#
# 1. Take the 17th column away. What does the checker say, and what should a *checker of speed* say? (`report.plot("banks")`)
# 2. Give each thread four cells of `y`. Foretell the shared loads first.
# 3. Write the backward as a kernel: `dc` is a sum over all points. Who owns a cell of it?
# 4. Now your own: choose one of the twelve (`docs/course/capstone.md`), and begin with the inputs.
