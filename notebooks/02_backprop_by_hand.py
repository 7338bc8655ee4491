# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2 · Backprop by hand
#
# **The question.** A network has thousands of weights, or billions. To train it, we need the slope of one number, the loss,
# in each of them. Trying them one by one means two runs of the network for *each* weight. Backprop finds all slopes at once,
# for the price of a few runs. How?
#
# You will go through a small computation on paper, forwards and backwards; read the list that a tape keeps; find out what a
# backward costs, and what it needs to remember; and learn to find a wrong one.
#
# *You need:* notebook 1, and the chain rule. No GPU. *It takes:* an hour to read and try, a quarter of a minute to run.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import minidl
from minidl import functional as F
from minidl import layers, lens
from minidl.course import check, guess
from minidl.testing import GradientError, check_gradients, numerical_gradient

plt.rcParams.update({"figure.dpi": 90, "axes.titlesize": 10})

# %% [markdown]
# ## One number, used three times
#
# Take the smallest network that has the difficulty in it: one weight $a$, and the "loss" $L = a \cdot a + a$. Two ops: a
# product, and a sum. At $a = 3$ it is 12.
#
# Nudge $a$ by a little, $\mathrm da$. The product hears of it **twice**, since $a$ is both of its factors; the sum hears of it
# once more, directly. Each op passes on what it hears, times its own slope: that is the chain rule. And $L$ changes by all of it
# together:
#
# $$ \frac{\mathrm dL}{\mathrm da} \;=\; \underbrace{a}_{\text{first factor}} + \underbrace{a}_{\text{second factor}} +
#    \underbrace{1}_{\text{directly}} $$
#
# > **Predict.** The tape will find this gradient by going backwards through the ops. How many numbers does it add up for $a$?

# %%
addends = guess("numbers that are added up for a in a * a + a")
addends(None)


# %%
def draw(edges, places, texts):
    """Draw ops as boxes and values as arrows that bend; in red the slope on the way back."""
    figure, ax = plt.subplots(figsize=(8, 2.4), layout="constrained")
    for name, (x, y) in places.items():
        ax.text(x, y, texts[name], ha="center", va="center", bbox={"boxstyle": "round", "fc": "white", "ec": "black"})
    for start, end, slope, bend in edges:
        (x0, y0), (x1, y1) = places[start], places[end]
        arrow = {"arrowstyle": "->", "shrinkA": 28, "shrinkB": 28, "connectionstyle": f"arc3,rad={bend}"}
        ax.annotate("", places[end], places[start], arrowprops=arrow)
        middle = (x0 + x1) / 2 + bend * (y1 - y0) / 2, (y0 + y1) / 2 - bend * (x1 - x0) / 2
        ax.text(*middle, slope, color="tab:red", ha="center", va="center", bbox={"fc": "white", "ec": "none", "pad": 1})
    ax.set(xlim=(-0.5, 6.5), ylim=(-1.1, 0.9), aspect="equal")
    ax.axis("off")


draw(
    edges=[("a", "*", "3", 0.4), ("a", "*", "3", -0.4), ("*", "+", "1", 0), ("a", "+", "1", 0.4), ("+", "L", "1", 0)],
    places={"a": (0, 0), "*": (2, 0), "+": (4, 0), "L": (6, 0)},
    texts={"a": "a = 3", "*": "a · a\n9", "+": "a · a + a\n12", "L": "L"},
)

# %% [markdown]
# Follow each path from $a$ to $L$, multiply the red slopes on it, and add up the paths: $3 + 3 + 1 = 7$. **A gradient is a sum
# over paths.** In a network of a few layers there are millions of paths, in a deep one more than atoms in the universe; going
# backwards, op by op, adds them up without ever listing them.
#
# The tape wrote down what ran. Its entries, backwards, with the slope that reaches each op's output (`dy`) and what the op
# says to its inputs:

# %%
a = minidl.Variable(3.0, name="a")
with minidl.GradientTape(persistent=True) as tape:
    product = a * a
    loss = product + a
da = tape.gradient(loss, a)

for entry in reversed(tape.entries):
    says = [f"{float(g):g}" for g in entry.gradients]
    to = ["a" if x is a else "the op before" for x in entry.inputs]
    print(
        f"{entry.op:<9} gave {float(entry.outputs[0]):>3g};  backwards it says",
        ", ".join(map("{} to {}".format, says, to)),
    )
print("da =", float(da))
addends.reveal(sum(x is a for entry in tape.entries for x in entry.inputs))

# %% [markdown]
# ## A tape of your own, wrong first
#
# The list is all there is to it: going forward, each op is noted with its backward and its inputs; going backwards, each op turns
# the slope of its output into slopes of its inputs. Here it is in a dozen lines:


# %%
class Tape:
    def __init__(self):
        self.entries = []

    def apply(self, forward, backward, *inputs):
        value = forward(*inputs)
        self.entries.append((backward, inputs, value))
        return value

    def gradient(self, loss, x):
        slopes = {id(loss): 1.0}
        for backward, inputs, value in reversed(self.entries):
            for given, slope in zip(inputs, backward(slopes[id(value)], *inputs)):
                slopes[id(given)] = slope
        return slopes[id(x)]


def product(a, b):
    return a * b


def product_backward(dy, a, b):
    return dy * b, dy * a


one, two, three = np.array(2.0), np.array(5.0), np.array(7.0)
mine = Tape()
y = mine.apply(product, product_backward, mine.apply(product, product_backward, one, two), three)
print("d(2 * 5 * 7) by the first factor:", mine.gradient(y, one), "; on paper 5 * 7 =", 5 * 7)

# %% [markdown]
# It works! And $a \cdot a + a$?


# %%
def plus(a, b):
    return a + b


def plus_backward(dy, a, b):
    return dy, dy


mine, three = Tape(), np.array(3.0)
y = mine.apply(plus, plus_backward, mine.apply(product, product_backward, three, three), three)
print("d(a * a + a) at 3:", mine.gradient(y, three), "; by the paths above", 3 + 3 + 1)

# %% [markdown]
# A chain, each value used once, is the one case in which there is a single path. Exercise 6 asks for this class. It has forgotten
# one more thing, which its checker meets first:

# %%
check("tape", Tape)

# %% [markdown]
# ## What is used by all, hears from all
#
# A bias $b$ is added to every row of $xW$. NumPy *broadcasts* it: one number, used once for each row. Nothing new: its gradient
# is a sum over its uses.
#
# > **Predict.** 5 rows, and each output's slope is 1. What is the gradient of one number of the bias?

# %%
of_bias = guess("gradient of a bias over 5 rows whose slopes are all 1")
of_bias(None)

# %%
x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
w, b = minidl.Variable(np.ones((3, 2), "float32")), minidl.Variable(np.zeros(2, "float32"))
with minidl.GradientTape() as tape:
    y = F.dense(x, w, b)
print("rows:", len(x), "  y:", y.shape, "  b:", b.shape)
db = tape.gradient(y, b)  # of the sum of all of y: each slope is 1
of_bias.reveal(float(db[0]))

# %% [markdown]
# Not an average: each row's use counts in full. Exercise 4 does this for any shapes, exercise 3 for a whole dense layer.
#
# ## What does it cost?
#
# Here is the network of notebook 1, a batch of 256, and a clock.
#
# > **Predict.** How many forwards does forward and backward together take? (The other way, two forwards for each weight, is on
# > the table already.)

# %%
in_forwards = guess("forward and backward together, in forwards", unit="forwards")
in_forwards(None)

# %%
minidl.utils.set_random_seed(0)
model = minidl.Sequential(
    [layers.Input((64,)), layers.Dense(256, activation="relu"), layers.Dense(256, activation="relu"), layers.Dense(10)]
)
from_logits = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("sgd", from_logits)
(x_train, y_train), _ = minidl.datasets.digits.load_data()
images, labels = x_train[:256].reshape(-1, 64).astype("float32") / 16, y_train[:256]


def forward():
    return from_logits(labels, model(images, training=True))


def forward_and_backward():
    with minidl.GradientTape() as tape:
        loss = forward()
    return tape.gradient(loss, model.trainable_weights)


def median_ms(function, repeats=40):
    function()
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        found.append((time.perf_counter() - started) * 1e3)
    return np.median(found)


ms_forward, ms_both = median_ms(forward), median_ms(forward_and_backward)
by_trying = 2 * model.count_params() * ms_forward / 1e3
print(f"{model.count_params():,} weights; a forward {ms_forward:.2f} ms, forward and backward {ms_both:.2f} ms")
print(f"two forwards for each weight: {by_trying / 60:.1f} minutes for one step")
in_forwards.reveal(round(ms_both / ms_forward, 1))

# %% [markdown]
# Where a forward has one matrix product, a backward has two, one for the slopes of the weights and one for those of the input. So,
# for batches of some hundreds, it is two or three forwards, whatever the number of weights; trying them out grows with that number.
#
# ## What does it have to remember?
#
# A product needs both of its factors, a sum nothing but shapes. Each op's forward leaves its backward what it needs (the
# *cache*). This is what the caches hold after the forward of this network:

# %%
with minidl.GradientTape(persistent=True) as tape:
    forward()


def arrays_of(cache):
    return [x for x in (cache or ()) if isinstance(x, np.ndarray)]


held = {}
for entry in tape.entries:
    kept = arrays_of(entry.cache)
    held |= {array.__array_interface__["data"][0]: array.nbytes for array in kept}  # one place in memory counts once
    shapes = ", ".join(str(array.shape) for array in kept) or "no array"
    print(f"{entry.op:<32} output {entry.outputs[0].shape!s:<11} its backward needs {shapes}")
weights_bytes = sum(v.numpy().nbytes for v in model.weights)
print(f"\nheld in all: {sum(held.values()):,} bytes, the weights among them; those alone are {weights_bytes:,}")

# %% [markdown]
# The outputs of layers among them are why training takes more memory than predicting. (Exercise 54 keeps less, and computes it
# again.)
#
# All of it, forwards and backwards, op by op, for four of the images:

# %%
lens.step(model, images[:4], labels[:4])

# %% [markdown]
# ## How do we know that it is right?
#
# By asking the forward. Move one input by $h$ to either side, and see what the output does:
#
# $$ f'(x) \approx \frac{f(x + h) - f(x - h)}{2h} $$
#
# The smaller $h$, the better? In exact arithmetic. A computer rounds $f(x + h)$, and the smaller the difference, the more of it
# is rounding.
#
# > **Predict.** For $f = e^x$ in float64: which $h$ gives the smallest error?

# %%
best_h = guess("the best step h of a central difference in float64", among=["1e-2", "1e-6", "1e-12"])
best_h(None)


# %%
def central(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def one_sided(f, x, h):
    return (f(x + h) - f(x)) / h


steps = np.logspace(-14, 0, 57)
errors = {}
for name, difference, dtype in [("central, float64", central, np.float64), ("one-sided, float64", one_sided, np.float64),
                                ("central, float32", central, np.float32)]:  # fmt: skip
    values = [difference(np.exp, dtype(1), dtype(h)) for h in steps]
    errors[name] = np.abs(np.array(values, np.float64) - np.e) / np.e

plt.figure(figsize=(7, 3.4), layout="constrained")
for (name, error), marker in zip(errors.items(), "os^"):
    plt.loglog(steps, np.maximum(error, 1e-16), marker, markersize=3, label=name)
    print(f"{name:<19} best at h = {steps[error.argmin()]:.0e}, relative error {error.min():.0e}")
plt.xlabel("step h")
plt.ylabel("relative error of the slope")
plt.legend()
plt.show()
asked = {name: abs(central(np.exp, 1.0, float(name)) - np.e) for name in ("1e-2", "1e-6", "1e-12")}
best_h.reveal(min(asked, key=asked.get))

# %% [markdown]
# Each is a V (in float32 with a flat end, where adding the step changes nothing any more). On its right side the step is too large and the curve bends (for the central difference the error falls with
# $h^2$, for the one-sided one with $h$). On its left side rounding is divided by ever smaller numbers. In float32 even the
# bottom of the V is bad: that is why `check_gradients` takes float64 inputs only. Exercise 2 is
# `numerical_gradient`.
#
# ## Three wrong backwards
#
# The product of a picture and a column of factors, which NumPy broadcasts:


# %%
def scale_forward(x, factor):  # x (N, D), factor (N, 1)
    return x * factor, (x, factor)


def scale_backward(dy, cache):
    x, factor = cache
    return dy * factor, (dy * x).sum(axis=1, keepdims=True)


def own_factor(dy, cache):
    x, factor = cache
    return dy * x, (dy * factor).sum(axis=1, keepdims=True)


def averages(dy, cache):
    x, factor = cache
    return dy * factor, (dy * x).mean(axis=1, keepdims=True)


def length_lost(dy, cache):
    x, factor = cache
    return dy * factor, (dy * x).sum(axis=1)


random = np.random.default_rng(1)
inputs = [random.normal(size=(4, 3)), random.normal(size=(4, 1))]
for backward in (scale_backward, own_factor, averages, length_lost):
    try:
        check_gradients(scale_forward, backward, inputs)
        print(f"{backward.__name__:<15} agrees with the differences\n")
    except GradientError as error:
        print(f"{error}\n")

# %% [markdown]
# Read the *ratio*: a number that is the same everywhere is a factor too many or too few. To see more, draw the slopes of every
# output in every input, by differences and by formula. Here for a softmax, with a formula that looks right: each
# probability moves with its own logit, $p(1-p)$, and that is all.

# %%
z = np.array([1.0, 0.2, -0.5, 2.0, 0.0])


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


by_differences = np.stack([numerical_gradient(lambda z, k=k: float(softmax(z)[k]), [z], 0) for k in range(z.size)])
formula = np.diag(softmax(z) * (1 - softmax(z)))
figure, axes = plt.subplots(1, 3, figsize=(9, 2.9), layout="constrained")
limit = np.abs(by_differences).max()
for ax, slopes, title in zip(axes, (by_differences, formula, by_differences - formula),
                             ("by differences", "p (1 - p) on the diagonal", "what is missing")):  # fmt: skip
    picture = ax.imshow(slopes, cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.set(title=title, xlabel="logit that is moved", ylabel="probability")
figure.colorbar(picture, ax=axes)
plt.show()
print("each column of the differences adds up to", np.abs(by_differences.sum(axis=0)).max().round(9))

# %% [markdown]
# Probabilities add up to one: what one of them wins, the others lose. The formula had each of them win alone. Exercise 5 is
# softmax and its loss together, where nearly everything cancels.
#
# ## Try it
#
# 1. Draw the graph of $L = (a + b) \cdot a$ with `draw`, write the slopes at its arrows, and check $\mathrm da$ and
#    $\mathrm db$ with a tape.
# 2. A chain of 50 products, `a = a * a`, has how many paths? How many entries has the tape?
# 3. Give the network more layers of 256, and measure the cost of a backward again. Does it stay at as many forwards?
# 4. `check_gradients` on `relu` at exactly 0: what does it say, and who is right?
#
# **Exercises** 2 to 6 and 12: `minidl exercises start 2`. **Next:** 3 · starting, bending, descending.
