"""Every op's maths in one line each way, and the names of what goes in and comes out.

The index letters are those of the ops: n sample, i j output row and column, c input channel, k output channel, r s
kernel row and column, t time step, d feature, u unit. `[cond]` is 1 where the condition holds and 0 elsewhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from minidl.backends import table

# op: (forward, backward). "" backward: the op has no gradient.
FORMULAS: dict[str, tuple[str, str]] = {
    # products
    "gemm": ("y = A B,  A = a or aᵀ, B = b or bᵀ", "dA = dy Bᵀ,  dB = Aᵀ dy"),
    "batched_gemm": ("y[i] = A[i] B[i]", "dA[i] = dy[i] B[i]ᵀ,  dB[i] = A[i]ᵀ dy[i]"),
    "dense": ("y[…, u] = b[u] + Σd x[…, d] w[d, u]", "dx = dy wᵀ,  dw = xᵀ dy,  db = Σ dy"),
    # convolutions
    "conv2d": (
        "y[n,i,j,k] = b[k] + Σr,s,c xpad[n, i·si + r·di, j·sj + s·dj, c] w[r,s,c,k]",
        "dw[r,s,c,k] = Σn,i,j xpad[n, i·si + r·di, j·sj + s·dj, c] dy[n,i,j,k];  dx: each dy back through the w that "
        "made it;  db[k] = Σ dy",
    ),
    "conv2d_transpose": (
        "y[n, i·si + r·di − top, j·sj + s·dj − left, k] += x[n,i,j,c] w[r,s,k,c];  + b[k]",
        "dx = conv2d(dy, w);  dw[r,s,k,c] = Σ dy x over the pairs that met;  db[k] = Σ dy",
    ),
    "depthwise_conv2d": (
        "y[n,i,j,c·M+m] = b[c·M+m] + Σr,s xpad[n, i·si + r·di, j·sj + s·dj, c] w[r,s,c,m]",
        "dw[r,s,c,m] = Σn,i,j xpad dy;  dx: each dy back through the w that made it;  db = Σ dy",
    ),
    # pooling and resizing
    "max_pool2d": (
        "y[n,i,j,c] = max over the window of x[n,·,·,c]",
        "dx = dy at the first largest value of each window, 0 elsewhere",
    ),
    "average_pool2d": (
        "y[n,i,j,c] = mean over the window of x[n,·,·,c], padding not counted",
        "dx = Σ dy / (cells counted), over the windows that hold the cell",
    ),
    "upsample2d": (
        "y[n,i,j,c] = x at (i / size, j / size): nearest, or between neighbours by bilinear weights",
        "dx = Σ dy · weight, over the outputs that the cell went into",
    ),
    # reductions
    "reduce_sum": ("y = Σ x over the axes", "dx = dy, repeated along the axes"),
    "reduce_mean": ("y = Σ x / count over the axes", "dx = dy / count, repeated along the axes"),
    "reduce_max": ("y = max x over the axes", "dx = dy at the first largest value, 0 elsewhere"),
    "reduce_min": ("y = min x over the axes", "dx = dy at the first smallest value, 0 elsewhere"),
    "argmax": ("y = index of the first largest x along the axis", ""),
    # activations
    "relu": ("y = max(x, 0)", "dx = dy [x > 0]"),
    "relu6": ("y = min(max(x, 0), 6)", "dx = dy [0 < x < 6]"),
    "leaky_relu": ("y = x where x > 0, else slope · x", "dx = dy where x > 0, else slope · dy"),
    "elu": ("y = x where x > 0, else α (eˣ − 1)", "dx = dy where x > 0, else dy (y + α)"),
    "gelu": ("y = x Φ(x),  Φ(x) = (1 + erf(x/√2)) / 2", "dx = dy (Φ(x) + x Φ′(x))"),
    "sigmoid": ("y = 1 / (1 + e⁻ˣ)", "dx = dy y (1 − y)"),
    "tanh": ("y = tanh x", "dx = dy (1 − y²)"),
    "softplus": ("y = log(1 + eˣ)", "dx = dy sigmoid(x)"),
    "swish": ("y = x s,  s = sigmoid(x)", "dx = dy s (1 + x (1 − s))"),
    "clipped_relu": (
        "y = max_value where x ≥ max_value,  x where x > threshold,  slope (x − threshold) below",
        "dx = 0 where x ≥ max_value,  dy where x > threshold,  slope · dy below",
    ),
    "softmax": ("y[c] = exp(x[c]) / Σj exp(x[j])", "dx[c] = y[c] (dy[c] − Σj dy[j] y[j])"),
    "log_softmax": ("y[c] = x[c] − log Σj exp(x[j])", "dx[c] = dy[c] − exp(y[c]) Σj dy[j]"),
    # normalization, dropout, embedding
    "batch_norm": (
        "y = γ x̂ + β,  x̂ = (x − mean) / √(variance + ε),  mean and variance of the batch, channel by channel",
        "dx = γ (dy − dβ/M − x̂ dγ/M) / √(variance + ε),  dγ = Σ dy x̂,  dβ = Σ dy",
    ),
    "batch_norm_inference": (
        "y = γ (x − mean) / √(variance + ε) + β,  mean and variance as given",
        "dx = dy γ / √(variance + ε),  dγ = Σ dy x̂,  dβ = Σ dy",
    ),
    "layer_norm": (
        "y = γ x̂ + β,  x̂ = (x − mean) / √(variance + ε),  mean and variance of each sample",
        "g = dy γ;  dx = (g − mean(g) − x̂ mean(g x̂)) / √(variance + ε),  dγ = Σ dy x̂,  dβ = Σ dy",
    ),
    "dropout": ("y = x · keep / (1 − rate),  keep drawn by Philox(seed, offset)", "dx = dy · keep / (1 − rate)"),
    "embedding": ("y[…] = table[ids[…]]", "dtable[i] = Σ dy where ids = i"),
    # recurrent
    "simple_rnn": (
        "h[t] = f(x[t] w + h[t−1] u + b)",
        "dz[t] = dh[t] f′(z[t]),  dh[t−1] += dz[t] uᵀ;  dx = dz wᵀ,  dw = Σt x[t]ᵀ dz[t],  du = Σt h[t−1]ᵀ dz[t]",
    ),
    "lstm": (
        "[i f g o] = x[t] w + h[t−1] u + b;  c[t] = σ(f) c[t−1] + σ(i) tanh(g);  h[t] = σ(o) tanh(c[t])",
        "dc[t] += dh[t] o tanh′(c[t]);  dz = [dc g, dc c[t−1], dc i, dh tanh c] · slopes;  dc[t−1] = dc f,  "
        "dh[t−1] += dz uᵀ",
    ),
    "gru": (
        "z, r = σ(x[t] w + h[t−1] u + b);  g = tanh(gx + r gh);  h[t] = z h[t−1] + (1 − z) g",
        "dz = dh (h[t−1] − g) σ′,  dg = dh (1 − z) tanh′,  dr = dg gh σ′;  dh[t−1] += dh z + [dz dr dg·r] uᵀ",
    ),
    # cell by cell
    "add": ("y = a + b", "da = dy,  db = dy  (summed where stretched)"),
    "subtract": ("y = a − b", "da = dy,  db = −dy  (summed where stretched)"),
    "multiply": ("y = a b", "da = dy b,  db = dy a  (summed where stretched)"),
    "divide": ("y = a / b", "da = dy / b,  db = −dy y / b  (summed where stretched)"),
    "maximum": ("y = max(a, b)", "da = dy [a ≥ b],  db = dy [a < b]"),
    "minimum": ("y = min(a, b)", "da = dy [a ≤ b],  db = dy [a > b]"),
    "power": ("y = xᵖ", "dx = dy p xᵖ⁻¹"),
    "pow": ("y = aᵇ", "da = dy b aᵇ⁻¹,  db = dy y log a  (summed where stretched)"),
    "mod": ("y = a − b ⌊a / b⌋", "da = dy,  db = −dy ⌊a / b⌋  (summed where stretched)"),
    "log1p": ("y = log(1 + x)", "dx = dy / (1 + x)"),
    "expm1": ("y = eˣ − 1", "dx = dy (y + 1)"),
    "discrete": ("y = a comparison, a rounding, logic or whole-number arithmetic", ""),
    "exp": ("y = eˣ", "dx = dy y"),
    "log": ("y = log x", "dx = dy / x"),
    "sqrt": ("y = √x", "dx = dy / (2 y)"),
    "square": ("y = x²", "dx = 2 x dy"),
    "absolute": ("y = |x|", "dx = dy sign(x)"),
    "negative": ("y = −x", "dx = −dy"),
    "clip": ("y = min(max(x, low), high)", "dx = dy where x lies within the bounds, 0 elsewhere"),
    "cast": ("y = x as another dtype", "dx = dy as x's dtype"),
    "where": ("y = a where the condition holds, else b", "da = dy where it holds,  db = dy elsewhere"),
    # shapes
    "reshape": ("y = the same values in another shape", "dx = dy in x's shape"),
    "transpose": ("y = x with its axes in another order", "dx = dy with its axes back in order"),
    "concatenate": ("y = x0, x1, … one after the other along the axis", "dx0, dx1, … = dy cut apart"),
    "stack": ("y = x0, x1, … along a new axis", "dx0, dx1, … = dy along that axis"),
    "pad": ("y = x with a border of `value`", "dx = dy without the border"),
    "slice": ("y = x[key]", "dx[key] = dy, 0 elsewhere (added up where an index occurs twice)"),
    "broadcast_to": ("y = x repeated to the shape", "dx = dy summed over the repeats"),
    # losses, one value a sample
    "categorical_crossentropy": (
        "L = −Σc t[c] log p[c],  p = softmax(z) with from_logits, else y_pred / Σ y_pred",
        "dz = dy (p − t) with from_logits, else dy_pred = dy (1 − t/p) / Σ y_pred",
    ),
    "sparse_categorical_crossentropy": (
        "L = −log p[label],  p = softmax(z) with from_logits, else y_pred / Σ y_pred",
        "dz[c] = dy (p[c] − [c = label]) with from_logits, else dy_pred[c] = dy (1/S − [c = label] / y_pred[c])",
    ),
    "binary_crossentropy": (
        "L = mean of −(t log p + (1 − t) log(1 − p)),  p = sigmoid(z) with from_logits",
        "dz = dy (p − t) / D with from_logits, else dy_pred = dy (p − t) / (p (1 − p) D)",
    ),
    "mean_squared_error": ("L = Σd e² / D,  e = y_pred − y_true", "dy_pred = dy · 2 e / D"),
    "mean_absolute_error": ("L = Σd |e| / D,  e = y_pred − y_true", "dy_pred = dy sign(e) / D"),
    "huber": (
        "L = mean of e²/2 where |e| ≤ δ, else δ|e| − δ²/2,  e = y_pred − y_true",
        "dy_pred = dy · e cut to [−δ, δ] / D",
    ),
    # updates
    "sgd_update": ("velocity ← momentum · velocity − lr dw;  w ← w + velocity  (w − lr dw without momentum)", ""),
    "rmsprop_update": ("v ← ρ v + (1 − ρ) dw²;  w ← w − lr dw / √(v − average² + ε)", ""),
    "adam_update": (
        "m ← m + (1 − β₁)(dw − m),  v ← v + (1 − β₂)(dw² − v);  w ← w − lr √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε)",
        "",
    ),
    "adamw_update": (
        "w ← w − lr λ w, then Adam: m ← m + (1 − β₁)(dw − m),  v ← v + (1 − β₂)(dw² − v);  "
        "w ← w − lr √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε)",
        "",
    ),
    "adagrad_update": ("accumulator ← accumulator + dw²;  w ← w − lr dw / √(accumulator + ε)", ""),
}  # fmt: skip

_OUTPUTS: dict[str, tuple[str, ...]] = {
    "batch_norm": ("y", "mean", "variance"),
    "simple_rnn": ("sequence", "h"),
    "gru": ("sequence", "h"),
    "lstm": ("sequence", "h", "c"),
}

GRADIENT_SUM = "two gradients of one value, added: it was used twice"


def formula(op: str, direction: str = "forward") -> str:
    """Return an op's maths in one line; of an op of your own the first line of its docstring.

    >>> formula("relu"), formula("relu", "backward")
    ('y = max(x, 0)', 'dx = dy [x > 0]')
    """
    if op in FORMULAS:
        return FORMULAS[op][direction == "backward"]
    function = numpy_function(op, direction)
    return ((function and inspect.getdoc(function)) or "").partition("\n")[0]


def numpy_function(op: str, direction: str) -> Callable[..., Any] | None:
    """Return the function that computes an op on the host: the NumPy one, or that of an op of your own."""
    names = table.backends(op)
    return table.load(op, "numpy" if "numpy" in names else names[0], direction)


def input_names(op: str, count: int) -> tuple[str, ...]:
    """Return the names of an op's inputs, from its forward's signature.

    >>> input_names("conv2d", 3), input_names("concatenate", 2)
    (('x', 'w', 'b'), ('x0', 'x1'))
    """
    function = numpy_function(op, "forward")
    kinds = list(inspect.signature(function).parameters.values()) if function is not None else []
    several = [p for p in kinds if p.kind is p.VAR_POSITIONAL]
    if several:
        return tuple(f"{several[0].name.removesuffix('s')}{k}" for k in range(count))
    names = [p.name for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return (*names, *(f"input {k}" for k in range(len(names), count)))


def output_names(op: str, count: int, inputs: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of an op's outputs: y, or several.

    inputs : for an update the names of the inputs that are there (not None); it gives all but the gradient anew

    >>> output_names("relu", 1), output_names("adam_update", 3, ("w", "dw", "m", "v"))
    (('y',), ('w new', 'm new', 'v new'))
    """
    if op.endswith("_update") and len(inputs) > count:
        return tuple(f"{name} new" for name in inputs if name != "dw")[:count]
    if count == 1:
        return ("y",)
    return _OUTPUTS.get(op, ())[:count] or tuple(f"y{k}" for k in range(count))
