"""Normalization, fast: the formulas of `minidl/ops/normalization.py`, each array written over one that is used up."""

from __future__ import annotations

import numpy as np

from minidl.backends.cpu import workspace
from minidl.ops import normalization
from minidl.ops.normalization import (
    BatchNormCache,
    BatchNormInferenceCache,
    LayerNormCache,
    along_axes,
    check_channels,
    check_layer_norm,
    count_values,
)
from minidl.ops.reduce import sum_over


def batch_norm_forward(x, gamma, beta, *, epsilon):
    """Normalize by the batch; y is written over the squares."""
    check_channels("batch_norm", x, gamma=gamma, beta=beta)
    axes = tuple(range(x.ndim - 1))
    count = count_values(x)
    mean = sum_over(x, axes) / count
    x_hat = np.subtract(x, mean, out=workspace.empty(x.shape, x.dtype))
    y = np.square(x_hat, out=workspace.empty(x.shape, x.dtype))
    variance = sum_over(y, axes) / count
    inv_std = 1 / np.sqrt(variance + float(epsilon))
    x_hat *= inv_std
    _scale_and_shift(x_hat, gamma, beta, out=y)
    return (y, mean, variance), BatchNormCache(x_hat, inv_std, gamma, beta is not None)


def batch_norm_backward(dy, cache):
    """dx = gamma inv_std (dy - dbeta / M - x_hat dgamma / M)."""
    d_y, d_mean, d_variance = dy
    if d_y is None or d_mean is not None or d_variance is not None:  # who uses the statistics themselves is rare
        return normalization.batch_norm_backward(dy, cache)
    x_hat, inv_std, gamma, has_beta = cache
    count = x_hat.size // x_hat.shape[-1]
    d_gamma, d_beta = _dot_channels(d_y, x_hat), sum_over(d_y, tuple(range(x_hat.ndim - 1)))
    direct = inv_std if gamma is None else gamma * inv_std
    dx = np.multiply(x_hat, -direct * d_gamma / count, out=workspace.empty(x_hat.shape, x_hat.dtype))
    dx -= direct * d_beta / count
    dx += np.multiply(d_y, direct, out=workspace.empty(dx.shape, dx.dtype))
    return dx, None if gamma is None else d_gamma, d_beta if has_beta else None


def batch_norm_inference_forward(x, gamma, beta, mean, variance, *, epsilon):
    """A straight line for each channel."""
    check_channels("batch_norm_inference", x, gamma=gamma, beta=beta, mean=mean, variance=variance)
    inv_std = 1 / np.sqrt(variance + float(epsilon))
    y = np.subtract(x, mean, out=workspace.empty(x.shape, x.dtype))
    y *= inv_std if gamma is None else gamma * inv_std
    if beta is not None:
        y += beta
    return y, BatchNormInferenceCache(x, gamma, mean, inv_std, beta is not None)


def batch_norm_inference_backward(dy, cache):
    """The gradients of a straight line."""
    x, gamma, mean, inv_std, has_beta = cache
    scale = inv_std if gamma is None else gamma * inv_std
    dx = np.subtract(x, mean, out=workspace.empty(x.shape, x.dtype))
    d_gamma = _dot_channels(dy, dx) * inv_std
    d_beta = sum_over(dy, tuple(range(dy.ndim - 1)))
    np.multiply(dy, scale, out=dx)
    d_variance = -0.5 * scale * inv_std * d_gamma
    return dx, None if gamma is None else d_gamma, d_beta if has_beta else None, -scale * d_beta, d_variance


def layer_norm_forward(x, gamma, beta, *, epsilon, axes):
    """Normalize by the sample; y is written over the squares."""
    given, axes = check_layer_norm(x, gamma, beta, axes)
    x_hat = np.subtract(x, x.mean(axis=axes, keepdims=True), out=workspace.empty(x.shape, x.dtype))
    y = np.square(x_hat, out=workspace.empty(x.shape, x.dtype))
    inv_std = 1 / np.sqrt(y.mean(axis=axes, keepdims=True) + float(epsilon))
    x_hat *= inv_std
    wide = {name: along_axes(value, axes, x.shape) for name, value in given.items()}
    _scale_and_shift(x_hat, wide.get("gamma"), wide.get("beta"), out=y)
    return y, LayerNormCache(x_hat, inv_std, gamma, beta is not None, axes)


def layer_norm_backward(dy, cache):
    """dx = inv_std (g - average(g) - x_hat average(g x_hat)), with g = dy gamma."""
    x_hat, inv_std, gamma, has_beta, axes = cache
    samples = tuple(i for i in range(x_hat.ndim) if i not in axes)
    product = np.multiply(dy, x_hat, out=workspace.empty(dy.shape, dy.dtype))
    d_gamma = None if gamma is None else sum_over(product, samples)
    d_beta = sum_over(dy, samples) if has_beta else None
    dx = workspace.empty(dy.shape, dy.dtype)
    if gamma is None:
        dx[...] = dy
    else:
        g = np.multiply(dy, along_axes(gamma, axes, dy.shape), out=dx)
        np.multiply(g, x_hat, out=product)
    dx -= dx.mean(axis=axes, keepdims=True)
    dx -= np.multiply(x_hat, product.mean(axis=axes, keepdims=True), out=product)
    dx *= inv_std
    return dx, d_gamma, d_beta


def _scale_and_shift(x_hat: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, out: np.ndarray) -> None:
    """Write gamma * x_hat + beta into `out`; both broadcast."""
    if gamma is None:
        out[...] = x_hat
    else:
        np.multiply(x_hat, gamma, out=out)
    if beta is not None:
        out += beta


def _dot_channels(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum of a * b over all axes but the last, (C,), without writing the product down."""
    channels = a.shape[-1]
    return np.einsum("mc,mc->c", a.reshape(-1, channels), b.reshape(-1, channels))
