"""Where a NaN is born, and what the troubles of a training most often come from: their causes and cures."""

from __future__ import annotations

import numpy as np

from minidl.backends.devices.arrays import on_host
from minidl.lens.recording.events import arrays_of
from minidl.observers import OpRun

KINDS = {
    "nan": "NaN is born",
    "inf": "Inf is born",
    "bad-data": "NaN came in",
    "dead-relu": "Dead ReLUs",
    "vanishing-gradient": "Vanishing gradient",
    "no-gradient": "No gradient at all",
    "exploding-gradient": "Exploding gradient",
    "exploding-update": "Update too large",
    "exploding-weight": "Exploding weights",
}

_LOWER_RATE = "a learning rate ten times smaller, or clip the gradients: optimizer(clipnorm=1.0)"
_CLAMP = "log(x + 1e-7), or a loss with from_logits=True, which takes the logarithm before anything can round to 0"
_SPREAD = (
    "subtract the maximum first, as softmax does, or use an op that is made for it (softmax, softplus, a loss with"
)
_SPREAD += " from_logits=True)"

TROUBLES = {
    "bad-data": (
        "missing values in the data, or weights that were NaN already",
        "np.isnan(x).any() on data and weights",
    ),
    "dead-relu": (
        "a large negative bias or a step that was too large has pushed the inputs below 0, where the slope is 0, so "
        "that no gradient can bring the units back",
        "a smaller learning rate, biases that begin at 0, he_normal weights, or LeakyReLU",
    ),
    "vanishing-gradient": (
        "each saturating layer (sigmoid, tanh) multiplies the gradient by a slope of at most 0.25 or 1, so that little "
        "is left after several",
        "relu with he_normal weights, batch normalization, or skip connections",
    ),
    "no-gradient": (
        "the loss is flat here: a softmax or sigmoid so sure of its answers, often as inputs are not scaled, that its "
        "probabilities are 0 and 1, where the loss is clipped; or all units dead; or nothing left to learn",
        "scaled inputs (layers.Rescaling), or a loss with from_logits=True in place of the last activation",
    ),
    "exploding-gradient": (
        "the gradient grows from layer to layer, as with large weights, long sequences, or inputs that are not scaled",
        "scaled inputs, smaller initial weights, or optimizer(clipnorm=1.0)",
    ),
    "exploding-update": ("the learning rate is too large for these gradients", _LOWER_RATE),
    "exploding-weight": ("the updates keep pushing the same way: the training diverges", _LOWER_RATE),
}


def born(run: OpRun) -> tuple[str, str] | None:
    """Return (kind, what was seen) if this op makes NaN or Inf out of finite inputs, else None."""
    outputs = [np.asarray(a) for a in on_host(run.outputs, "lens.watch") if a is not None]
    bad = [a for a in outputs if a.dtype.kind == "f" and not np.isfinite(a).all()]
    if not bad:
        return None
    inputs = _inputs(run)
    if any(not np.isfinite(a).all() for a in inputs):
        return None
    first = bad[0]
    kind = "nan" if any(np.isnan(a).any() for a in bad) else "inf"
    wrong = np.isnan(first) if np.isnan(first).any() else ~np.isfinite(first)
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    name = "NaN" if kind == "nan" else "Inf"
    return kind, (
        f"{run.op} {run.direction}, layer {run.layer or 'loss'!r}, gives {int(wrong.sum())} {name} of {first.size} "
        f"values from finite inputs, the first at {where}"
    )


def came_in(run: OpRun) -> bool:
    """Whether an op is given NaN."""
    return any(np.isnan(a).any() for a in _inputs(run))


def _inputs(run: OpRun) -> list[np.ndarray]:
    """The float arrays that an op computes from: of a backward what its forward kept, too."""
    arrays = [*run.inputs, *(arrays_of(run.cache) if run.direction == "backward" else ())]
    on_this_side = (np.asarray(on_host(a, "lens.watch")) for a in arrays if a is not None)
    return [a for a in on_this_side if a.dtype.kind == "f"]


def cause_of(kind: str, run: OpRun | None) -> tuple[str, str]:
    """Return (likely cause, cure) of a kind of trouble; of NaN and Inf by the op in which it is born."""
    if kind in TROUBLES:
        return TROUBLES[kind]
    assert run is not None
    arrays = _inputs(run)
    x = arrays[0] if arrays else np.zeros(1)
    if run.op.endswith("_update"):
        return "the update itself overflows: the gradient or the learning rate is enormous", _LOWER_RATE
    if run.op in ("log", "log_softmax") or (run.op.endswith("crossentropy") and not run.static.get("from_logits")):
        if run.op == "log" and run.direction == "forward":
            few = int((x <= 0).sum())
            verb = "is" if few == 1 else "are"
            of = f"{few} of the {x.size} inputs {verb} 0 or less"
            return f"the logarithm of 0 is -inf, and of a negative number NaN: {of}", _CLAMP
        return "a probability that has rounded to 0, of which the logarithm or its slope 1 / p is infinite", _CLAMP
    return _by_arithmetic(run, x, arrays)


def _by_arithmetic(run: OpRun, x: np.ndarray, arrays: list[np.ndarray]) -> tuple[str, str]:
    """Causes in elementwise arithmetic and in sums."""
    largest = float(max((np.abs(a).max(initial=0.0) for a in arrays), default=0.0))
    if run.op == "exp":
        return f"exp(x) is more than float32 can hold above x = 88.7; the largest input is {x.max():.3g}", _SPREAD
    if run.op == "divide":
        zeros = int((arrays[-1] == 0).sum())
        return f"a division by 0: {zeros} of the divisors are 0", "add a small epsilon to the divisor"
    if run.op == "sqrt" and run.direction == "backward":
        return "the slope of the square root at 0 is infinite", "sqrt(x + epsilon)"
    if run.op == "sqrt":
        return f"the square root of a negative number: the smallest input is {x.min():.3g}", "maximum(x, 0) first"
    if run.op == "power":
        return "a negative number to a fractional power, or 0 to a negative one", "keep the base above 0: x + epsilon"
    if run.op.endswith("_norm") and largest < 1e10:
        return "a variance of 0 with no epsilon under the root", "a larger epsilon"
    return (
        f"a number larger than float32 can hold (3.4e38): the largest input is {largest:.1e}, so the values have "
        "exploded before this op",
        f"{_LOWER_RATE}; and scale the inputs to about 1",
    )
