"""Batch norm and layer norm: host functions with a kernel of one thread a group."""

from __future__ import annotations

import math

import numpy as np
from numba import cuda, float32

from cuda_kernels import ladder
from cuda_kernels.launch import empty
from student_kernels.bank import go, right, wrong


def norm_kernel(mistake=""):
    """One thread a row of (groups, count): y, mean, variance, x_hat and inv_std. Mistakes by their names."""
    one_pass, unbiased, outside = (mistake == name for name in ("one pass", "unbiased", "outside"))
    no_epsilon, first, by_group = (mistake == name for name in ("no epsilon", "first 32", "gamma by group"))
    no_beta, clamped = mistake == "no beta", mistake == "at least 1e-3"

    @cuda.jit
    def normalize(x, gamma, beta, y, mean, variance, x_hat, inv_std, groups, count, epsilon, has_gamma, has_beta):
        g = cuda.grid(1)
        if g < groups:
            many = min(count, 32) if first else count
            total, squares = float32(0), float32(0)
            for i in range(many):
                total += x[g, i]
                squares += x[g, i] * x[g, i]
            average = total / float32(many)
            spread = float32(0)
            for i in range(many):
                spread += (x[g, i] - average) * (x[g, i] - average)
            spread = spread / float32(max(many - 1, 1) if unbiased else many)
            if one_pass:
                spread = squares / float32(many) - average * average
            inverse = float32(1) / math.sqrt(spread + epsilon)
            if no_epsilon:
                inverse = float32(1) / math.sqrt(spread)
            if outside:
                inverse = float32(1) / (math.sqrt(spread) + epsilon)
            if clamped:
                inverse = float32(1) / math.sqrt(max(spread, float32(1e-3)) + epsilon)
            mean[g], variance[g], inv_std[g] = average, spread, inverse
            for i in range(count):
                value = (x[g, i] - average) * inverse
                x_hat[g, i] = value
                weight = min(g, gamma.size - 1) if by_group else i % gamma.size
                if has_gamma != 0:
                    value = value * gamma[weight]
                if has_beta != 0 and not no_beta:
                    value = value + beta[i % beta.size]
                y[g, i] = value

    return normalize


def layer_norm_with(kernel, takes_axes=True):
    def run(x, gamma, beta, *, epsilon=1e-3, axes=-1, on=None):
        axes = tuple(a % x.ndim for a in np.atleast_1d(axes))
        if not takes_axes:
            axes = (x.ndim - 1,)
        count = math.prod(x.shape[a] for a in axes)
        shape = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
        if not takes_axes:
            shape = (*x.shape[:-1], 1)
        rows = x.reshape(-1, count)
        y, x_hat, inv_std = empty(x.shape, like=x), empty(x.shape, like=x), empty(shape, like=x)
        mean, variance = empty((len(rows),), like=x), empty((len(rows),), like=x)
        weights = [np.ones(1, np.float32) if a is None else a.reshape(-1) for a in (gamma, beta)]
        go(kernel, len(rows), rows, *weights, y.reshape(rows.shape), mean, variance, x_hat.reshape(rows.shape),
           inv_std.reshape(-1), *rows.shape, float(epsilon), int(gamma is not None), int(beta is not None),
           on=on)  # fmt: skip
        return y, x_hat, inv_std

    return run


def batch_norm_with(kernel):
    """Channels are brought in front, so that a thread has a row; gamma and beta are left to the ladder's kernels."""

    def run(x, gamma, beta, *, epsilon=1e-3, on=None):
        channels = x.shape[-1]
        rows = ladder.rung("transpose").run(x.reshape(-1, channels), on=on)
        y, x_hat = empty(rows.shape, like=x), empty(rows.shape, like=x)
        mean, variance, inv_std = (empty((channels,), like=x) for _ in range(3))
        none = np.ones(1, np.float32)
        go(kernel, channels, rows, none, none, y, mean, variance, x_hat, inv_std, *rows.shape, float(epsilon), 0, 0,
           on=on)  # fmt: skip
        y, x_hat = (ladder.rung("transpose").run(a, on=on).reshape(x.shape) for a in (y, x_hat))
        if gamma is not None:
            y = ladder.rung("multiply").run(y, gamma, on=on)
        if beta is not None:
            y = ladder.rung("add").run(y, beta, on=on)
        return y, mean, variance, x_hat, inv_std

    return run


BOTH = {
    "one pass": "E[x^2] - E[x]^2", "unbiased": "divides the spread by N - 1", "outside": "epsilon outside of the root",
    "no epsilon": "no epsilon", "at least 1e-3": "a variance of at least 1e-3",
}  # fmt: skip
for mistake, what in BOTH.items():
    wrong("layer_norm", what)(layer_norm_with(norm_kernel(mistake)))
    wrong("batch_norm", what)(batch_norm_with(norm_kernel(mistake)))
wrong("layer_norm", "the moments of the first 32")(layer_norm_with(norm_kernel("first 32")))
wrong("layer_norm", "gamma of the row's number")(layer_norm_with(norm_kernel("gamma by group")))
wrong("layer_norm", "beta forgotten")(layer_norm_with(norm_kernel("no beta")))
right("layer_norm", "one thread a row, two passes")(layer_norm_with(norm_kernel()))
right("batch_norm", "one thread a channel, two passes")(batch_norm_with(norm_kernel()))


@wrong("layer_norm", "takes the axes, and uses the last")
def _(x, gamma, beta, *, epsilon=1e-3, axes=-1, on=None):
    y, x_hat, inv_std = ladder.rung("layer_norm").run(x, gamma, beta, epsilon=epsilon, on=on)
    shape = tuple(1 if k in {a % x.ndim for a in np.atleast_1d(axes)} else n for k, n in enumerate(x.shape))
    return y, x_hat, np.ascontiguousarray(np.broadcast_to(inv_std, x.shape)[tuple(slice(n) for n in shape)])


@wrong("batch_norm", "takes epsilon, and uses 1e-3")
def _(x, gamma, beta, *, epsilon=1e-3, on=None):
    return ladder.rung("batch_norm").run(x, gamma, beta, on=on)


@wrong("batch_norm_inference", "takes epsilon, and uses 1e-3")
def _(x, gamma, beta, mean, variance, *, epsilon=1e-3, on=None):
    return ladder.rung("batch_norm_inference").run(x, gamma, beta, mean, variance, on=on)


def inference(divides="root"):
    by_variance, no_epsilon = divides == "variance", divides == "nothing"

    @cuda.jit
    def cell(x, gamma, beta, mean, variance, y, inv_std, size, channels, epsilon):
        i = cuda.grid(1)
        if i < size:
            c = i % channels
            scale = float32(1) / math.sqrt(variance[c] + epsilon)
            if by_variance:
                scale = float32(1) / (variance[c] + epsilon)
            if no_epsilon:
                scale = float32(1) / math.sqrt(variance[c])
            if i < channels:
                inv_std[i] = scale
            y[i] = (x[i] - mean[c]) * scale * gamma[c] + beta[c]

    def run(x, gamma, beta, mean, variance, *, epsilon=1e-3, on=None):
        y, inv_std = empty(x.shape, like=x), empty(mean.shape, like=x)
        gamma = np.ones(mean.shape, np.float32) if gamma is None else gamma
        beta = np.zeros(mean.shape, np.float32) if beta is None else beta
        go(cell, x.size, x.reshape(-1), gamma, beta, mean, variance, y.reshape(-1), inv_std, x.size, x.shape[-1],
           float(epsilon), on=on)  # fmt: skip
        return y, inv_std

    return run


wrong("batch_norm_inference", "divides by the variance")(inference("variance"))
wrong("batch_norm_inference", "no epsilon")(inference("nothing"))
right("batch_norm_inference", "one thread a cell")(inference())


# -- backwards ---------------------------------------------------------------------------------------------------------


def layer_slope(mistake=""):
    constants, no_spread, no_gamma = (mistake == name for name in ("constants", "no spread", "no gamma"))

    @cuda.jit
    def row_slope(dy, x_hat, inv_std, gamma, dx, rows, count):
        row = cuda.grid(1)
        if row < rows:
            total, dot = float32(0), float32(0)
            for c in range(count):
                g = dy[row, c] * (float32(1) if no_gamma else gamma[c])
                total += g
                dot += g * x_hat[row, c]
            for c in range(count):
                g = dy[row, c] * (float32(1) if no_gamma else gamma[c])
                if not constants:
                    g = g - total / float32(count)
                    if not no_spread:
                        g = g - x_hat[row, c] * dot / float32(count)
                dx[row, c] = g * inv_std[row]

    def run(dy, x_hat, inv_std, gamma, *, axes=-1, on=None):
        run_best = ladder.rung("layer_norm_backward").run
        dx, d_gamma, d_beta = run_best(dy, x_hat, inv_std, gamma, axes=axes, on=on)
        axes = tuple(a % dy.ndim for a in np.atleast_1d(axes))
        if axes == (dy.ndim - 1,):
            count = dy.shape[-1]
            dx = empty(dy.shape, like=dy)
            weight = np.ones(count, np.float32) if gamma is None else gamma
            rows = [a.reshape(-1, count) for a in (dy, x_hat)]
            go(row_slope, len(rows[0]), *rows, inv_std.reshape(-1), weight, dx.reshape(-1, count), len(rows[0]), count,
               on=on)  # fmt: skip
        return dx, d_gamma, d_beta

    return run


wrong("layer_norm_backward", "mean and spread taken for constants")(layer_slope("constants"))
wrong("layer_norm_backward", "the mean's path alone")(layer_slope("no spread"))
wrong("layer_norm_backward", "gamma forgotten")(layer_slope("no gamma"))
right("layer_norm_backward", "dx by an own kernel")(layer_slope())


@wrong("batch_norm_backward", "what comes in at mean and variance is forgotten")
def _(dy, x_hat, inv_std, gamma, d_mean=None, d_variance=None, *, on=None):
    return ladder.rung("batch_norm_backward").run(dy, x_hat, inv_std, gamma, on=on)


@wrong("batch_norm_inference_backward", "no gradient of the variance")
def _(dy, x, gamma, mean, inv_std, *, on=None):
    found = ladder.rung("batch_norm_inference_backward").run(dy, x, gamma, mean, inv_std, on=on)
    return (*found[:4], ladder.rung("multiply").run(found[4], np.zeros_like(found[4]), on=on))
