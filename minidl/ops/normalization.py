"""Normalization: shift and scale values to mean 0 and variance 1, then give the network gamma and beta to undo it.

Batch norm takes mean and variance of each channel over the batch (and rows and columns); layer norm takes them of each
sample over its features. Both use the biased variance, the mean of the squared deviations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from minidl.errors import ShapeError
from minidl.ops.common.checks import normalize_axes, require_float
from minidl.ops.op import Count, Op, of_inputs
from minidl.ops.reduce import sum_over

BatchNormOutputs = tuple[np.ndarray, np.ndarray, np.ndarray]


class BatchNormCache(NamedTuple):
    """x_hat: `x` with mean 0 and variance 1, its shape; inv_std (C,): 1 / sqrt(variance + epsilon)."""

    x_hat: np.ndarray
    inv_std: np.ndarray
    gamma: np.ndarray | None
    has_beta: bool


class BatchNormInferenceCache(NamedTuple):
    """The inputs, and inv_std (C,): 1 / sqrt(variance + epsilon)."""

    x: np.ndarray
    gamma: np.ndarray | None
    mean: np.ndarray
    inv_std: np.ndarray
    has_beta: bool


class LayerNormCache(NamedTuple):
    """x_hat: `x` with mean 0 and variance 1, its shape; inv_std: `x`'s shape with size 1 at `axes` (sorted)."""

    x_hat: np.ndarray
    inv_std: np.ndarray
    gamma: np.ndarray | None
    has_beta: bool
    axes: tuple[int, ...]


def batch_norm_forward(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, *, epsilon: float = 1e-3
) -> tuple[BatchNormOutputs, BatchNormCache]:
    """Normalize every channel with its own mean and variance over the batch (training).

        mean[c]     = average of x[..., c]
        variance[c] = average of (x[..., c] - mean[c])^2
        x_hat       = (x - mean) / sqrt(variance + epsilon)
        y           = gamma * x_hat + beta

    The variance takes two passes. (One pass, E[x^2] - E[x]^2, loses all digits where the mean is large.)

    Parameters
    ----------
    x : float array (..., C); the averages are over all axes but the last
    gamma, beta : float arrays (C,), dtype of `x`, or None for 1 and 0
    epsilon : keeps a constant channel from a division by 0

    Returns
    -------
    y, mean, variance : `x`'s shape, (C,), (C,); mean and variance are for the moving averages
    cache : BatchNormCache

    Raises
    ------
    ShapeError : `x` has fewer than two axes or nothing to average; gamma or beta is not (C,)

    Source: Ioffe & Szegedy, arXiv:1502.03167, algorithm 1.

    >>> (y, mean, variance), cache = batch_norm_forward(np.array([[1.0], [3.0]]), None, None, epsilon=0.0)
    >>> y.ravel(), mean, variance
    (array([-1.,  1.]), array([2.]), array([1.]))
    """
    check_channels("batch_norm", x, gamma=gamma, beta=beta)
    axes = tuple(range(x.ndim - 1))
    count = count_values(x)
    mean = sum_over(x, axes) / count
    centred = x - mean
    variance = sum_over(centred * centred, axes) / count
    inv_std = 1 / np.sqrt(variance + float(epsilon))
    x_hat = centred * inv_std
    y = scale_and_shift(x_hat, gamma, beta)
    return (y, mean, variance), BatchNormCache(x_hat, inv_std, gamma, beta is not None)


def batch_norm_backward(
    dy: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None], cache: BatchNormCache
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Sums are over all axes but the last, of M values a channel: dgamma = sum dy x_hat,  dbeta = sum dy.

    x moves y on three ways: directly, through the mean and through the variance. Put together,

        dx = gamma inv_std (dy - dbeta / M - x_hat dgamma / M)

    dy less its mean and less its part along x_hat, since adding a constant to x or scaling it changes no y.
    Where the outputs mean and variance were used themselves: dx += dmean / M + dvariance 2 (x - mean) / M.
    """
    d_y, d_mean, d_variance = dy
    x_hat, inv_std, gamma, has_beta = cache
    axes = tuple(range(x_hat.ndim - 1))
    count = x_hat.size // x_hat.shape[-1]
    # dx = direct * dy + along * x_hat + constant, three numbers a channel.
    along = constant = np.zeros_like(inv_std)
    d_gamma = d_beta = np.zeros_like(inv_std)
    if d_y is not None:
        d_gamma, d_beta = sum_over(d_y * x_hat, axes), sum_over(d_y, axes)
        direct = inv_std if gamma is None else gamma * inv_std
        along, constant = -direct * d_gamma / count, -direct * d_beta / count
    if d_mean is not None:
        constant = constant + d_mean / count
    if d_variance is not None:
        along = along + 2 * d_variance / (count * inv_std)  # x - mean = x_hat / inv_std
    dx = x_hat * along + constant
    if d_y is not None:
        dx = dx + d_y * direct
    return dx, None if gamma is None else d_gamma, d_beta if has_beta else None


def batch_norm_inference_forward(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    epsilon: float = 1e-3,
) -> tuple[np.ndarray, BatchNormInferenceCache]:
    """Normalize every channel with a mean and variance that are given: the moving averages of training.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    A straight line for each channel; no sample depends on the others of its batch.

    Parameters
    ----------
    x : float array (..., C)
    gamma, beta : float arrays (C,) or None for 1 and 0
    mean, variance : float arrays (C,), dtype of `x`
    epsilon : as in training

    Returns
    -------
    y : shape and dtype of `x`

    Raises
    ------
    ShapeError : a vector is not (C,)

    >>> one = np.ones(1)
    >>> batch_norm_inference_forward(np.array([[5.0]]), 10 * one, one, 3 * one, 4 * one, epsilon=0.0)[0]
    array([[11.]])
    """
    check_channels("batch_norm_inference", x, gamma=gamma, beta=beta, mean=mean, variance=variance)
    inv_std = 1 / np.sqrt(variance + float(epsilon))
    y = scale_and_shift((x - mean) * inv_std, gamma, beta)
    return y, BatchNormInferenceCache(x, gamma, mean, inv_std, beta is not None)


def batch_norm_inference_backward(
    dy: np.ndarray, cache: BatchNormInferenceCache
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray, np.ndarray]:
    """With x_hat = (x - mean) inv_std, y = gamma x_hat + beta and inv_std = (variance + epsilon)^(-1/2):

    dx = dy gamma inv_std,   dgamma = sum dy x_hat,   dbeta = sum dy,   dmean = -gamma inv_std sum dy,
    dvariance = sum dy gamma (x - mean) (-1/2) inv_std^3 = -1/2 gamma inv_std^2 dgamma
    """
    x, gamma, mean, inv_std, has_beta = cache
    axes = tuple(range(dy.ndim - 1))
    scale = inv_std if gamma is None else gamma * inv_std
    d_gamma = sum_over(dy * (x - mean), axes) * inv_std
    d_beta = sum_over(dy, axes)
    d_variance = -0.5 * scale * inv_std * d_gamma
    return dy * scale, None if gamma is None else d_gamma, d_beta if has_beta else None, -scale * d_beta, d_variance


def layer_norm_forward(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    *,
    epsilon: float = 1e-3,
    axes: int | Iterable[int] = -1,
) -> tuple[np.ndarray, LayerNormCache]:
    """Normalize every sample with its own mean and variance over `axes`; the batch does not matter.

        x_hat = (x - mean) / sqrt(variance + epsilon),   mean and variance over `axes`, the others kept
        y     = gamma * x_hat + beta

    Parameters
    ----------
    x : float array of any shape
    gamma, beta : float arrays of the sizes of `axes`, in rising order; or None for 1 and 0
    epsilon : keeps a constant sample from a division by 0
    axes : what to average over

    Returns
    -------
    y : shape and dtype of `x`
    cache : LayerNormCache

    Raises
    ------
    ArgumentError : no such axis
    ShapeError : nothing to average, or gamma or beta has not the sizes of `axes`

    Source: Ba, Kiros & Hinton, arXiv:1607.06450.

    >>> layer_norm_forward(np.array([[1.0, 3.0], [10.0, 30.0]]), None, None, epsilon=0.0)[0]
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    given, axes = check_layer_norm(x, gamma, beta, axes)
    centred = x - x.mean(axis=axes, keepdims=True)
    inv_std = 1 / np.sqrt((centred * centred).mean(axis=axes, keepdims=True) + float(epsilon))
    x_hat = centred * inv_std
    wide = {name: along_axes(value, axes, x.shape) for name, value in given.items()}
    y = scale_and_shift(x_hat, wide.get("gamma"), wide.get("beta"))
    return y, LayerNormCache(x_hat, inv_std, gamma, beta is not None, axes)


def layer_norm_backward(
    dy: np.ndarray, cache: LayerNormCache
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Over the samples, dgamma = sum dy x_hat and dbeta = sum dy. With g = dy gamma, the gradient of x_hat,

        dx = inv_std (g - average(g) - x_hat average(g x_hat)),   averages over `axes`

    for the reason given at batch norm, with the sample in the channel's place.
    """
    x_hat, inv_std, gamma, has_beta, axes = cache
    samples = tuple(i for i in range(x_hat.ndim) if i not in axes)
    d_gamma = None if gamma is None else sum_over(dy * x_hat, samples)
    d_beta = sum_over(dy, samples) if has_beta else None
    g = dy if gamma is None else dy * along_axes(gamma, axes, dy.shape)
    average, along = g.mean(axis=axes, keepdims=True), (g * x_hat).mean(axis=axes, keepdims=True)
    return inv_std * (g - average - x_hat * along), d_gamma, d_beta


def scale_and_shift(x_hat: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None) -> np.ndarray:
    """Return gamma * x_hat + beta, a new array; both broadcast."""
    y = x_hat.copy() if gamma is None else x_hat * gamma
    return y if beta is None else y + beta


def along_axes(vector: np.ndarray, axes: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """View gamma or beta with `shape`'s rank: its own sizes at `axes`, 1 elsewhere."""
    return vector.reshape([n if i in axes else 1 for i, n in enumerate(shape)])


def check_layer_norm(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, axes: int | Iterable[int]
) -> tuple[dict[str, np.ndarray], tuple[int, ...]]:
    """Raise unless the arguments are as `layer_norm_forward` says. Return gamma and beta, if given, and the axes."""
    given = {name: value for name, value in (("gamma", gamma), ("beta", beta)) if value is not None}
    require_float("layer_norm", x=x, **given)
    axes = normalize_axes("layer_norm", axes, x.shape)
    sizes = tuple(x.shape[i] for i in axes)
    for name, value in given.items():
        if value.shape != sizes:
            raise ShapeError(
                f"layer_norm: {name} must have the sizes of axes {axes}, {sizes}. Got {value.shape} for x {x.shape}."
            )
    if math.prod(sizes) == 0 or not axes:
        raise ShapeError(f"layer_norm: needs at least one value to average. Got x {x.shape}, axes {axes}.")
    return given, axes


def count_values(x: np.ndarray) -> int:
    """Return how many values a channel of a batch has; raise where there are none."""
    count = math.prod(x.shape[:-1])
    if count == 0:
        raise ShapeError(f"batch_norm: needs at least one value a channel. Got x {x.shape}. Is the batch empty?")
    return count


def check_channels(op: str, x: np.ndarray, **vectors: np.ndarray | None) -> None:
    """Raise unless x is a float array (..., C), and each vector, if given, one (C,)."""
    given = {name: vector for name, vector in vectors.items() if vector is not None}
    require_float(op, x=x, **given)
    if x.ndim < 2:
        raise ShapeError(f"{op}: x must have at least two axes, (..., C). Got {x.shape}. Is the batch axis missing?")
    for name, vector in given.items():
        if vector.shape != x.shape[-1:]:
            raise ShapeError(
                f"{op}: {name} must be (C,) with C = {x.shape[-1]}, the channels of x. Got {vector.shape} for x "
                f"{x.shape}. Are the axes (N, H, W, C)?"
            )


def _with_gamma(yes: int, no: int) -> Count:
    """So many operations a value with a gamma, so many without."""
    return f"{yes} or {no} a value", lambda call: call.m * (yes if call.given(1) else no)


def _affine(count: int) -> Count:
    """So many operations a value, and one more for each of gamma and beta."""
    return f"{count} a value, 1 for gamma, 1 for beta", lambda c: c.m * (count + c.given(1) + c.given(2))


OPS = (
    Op(
        "batch_norm", batch_norm_forward, batch_norm_backward, form="row", flops=(_affine(6), of_inputs(9)),
        keeps="x", outputs=("y", "mean", "variance"), shapes=lambda n: [(n, n), (n,), (n,)],
        maths=(
            "y = γ x̂ + β,  x̂ = (x − mean) / √(variance + ε),  mean and variance of the batch, channel by channel",
            "dx = γ (dy − dβ/M − x̂ dγ/M) / √(variance + ε),  dγ = Σ dy x̂,  dβ = Σ dy",
        ),
    ),
    Op(
        "batch_norm_inference", batch_norm_inference_forward, batch_norm_inference_backward, keeps="x",
        flops=(_affine(2), _with_gamma(6, 5)), values=("f", "f", "f", "f", "positive"),
        maths=(
            "y = γ (x − mean) / √(variance + ε) + β,  mean and variance as given",
            "dx = dy γ / √(variance + ε),  dγ = Σ dy x̂,  dβ = Σ dy",
        ),
        shapes=lambda n: [(n, n), (n,), (n,), (n,), (n,)],
    ),
    Op(
        "layer_norm", layer_norm_forward, layer_norm_backward, form="row", flops=(_affine(6), _with_gamma(13, 9)),
        keeps="x", shapes=lambda n: [(n, n), (n,), (n,)],
        maths=(
            "y = γ x̂ + β,  x̂ = (x − mean) / √(variance + ε),  mean and variance of each sample",
            "g = dy γ;  dx = (g − mean(g) − x̂ mean(g x̂)) / √(variance + ε),  dγ = Σ dy x̂,  dβ = Σ dy",
        ),
    ),
)  # fmt: skip
