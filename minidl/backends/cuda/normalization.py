"""Batch and layer normalization on a GPU or the SIMT machine. The maths is in `minidl/ops/normalization.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.common.checks import normalize_axes
from minidl.ops.normalization import BatchNormCache, BatchNormInferenceCache, LayerNormCache


def batch_norm_forward(
    device: Device, x: Any, gamma: Any, beta: Any, *, epsilon: float = 1e-3
) -> tuple[tuple[Any, Any, Any], BatchNormCache]:
    """Return y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance."""
    x, gamma, beta = device.take(x=x, gamma=gamma, beta=beta)
    y, mean, variance, x_hat, inv_std = device.run("batch_norm", x, gamma, beta, epsilon=epsilon)
    return (y, mean, variance), BatchNormCache(x_hat, inv_std, gamma, beta is not None)


def batch_norm_backward(
    device: Device, dy: tuple[Any, Any, Any], cache: BatchNormCache
) -> tuple[Any, Any | None, Any | None]:
    """dx, dgamma, dbeta; where mean and variance were used themselves, dx += dmean / M + dvariance 2 (x - mean) / M."""
    d_y, d_mean, d_variance = (device.take(dy=part) for part in dy)
    x_hat, inv_std, gamma = device.take(x_hat=cache.x_hat, inv_std=cache.inv_std, gamma=cache.gamma)
    dx, d_gamma, d_beta = device.run("batch_norm_backward", d_y, x_hat, inv_std, gamma, d_mean, d_variance)
    return dx, None if gamma is None else d_gamma, d_beta if cache.has_beta else None


def batch_norm_inference_forward(
    device: Device, x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, *, epsilon: float = 1e-3
) -> tuple[Any, BatchNormInferenceCache]:
    """Return y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with a mean and variance that are given."""
    x, gamma, beta, mean, variance = device.take(x=x, gamma=gamma, beta=beta, mean=mean, variance=variance)
    y, inv_std = device.run("batch_norm_inference", x, gamma, beta, mean, variance, epsilon=epsilon)
    return y, BatchNormInferenceCache(x, gamma, mean, inv_std, beta is not None)


def batch_norm_inference_backward(
    device: Device, dy: Any, cache: BatchNormInferenceCache
) -> tuple[Any, Any | None, Any | None, Any, Any]:
    """dx, dgamma, dbeta, dmean = -gamma inv_std dbeta, dvariance = -gamma inv_std dgamma / (2 std)."""
    dy, x, gamma, mean, inv_std = device.take(
        dy=dy, x=cache.x, gamma=cache.gamma, mean=cache.mean, inv_std=cache.inv_std
    )
    dx, d_gamma, d_beta, d_mean, d_variance = device.run("batch_norm_inference_backward", dy, x, gamma, mean, inv_std)
    return dx, None if gamma is None else d_gamma, d_beta if cache.has_beta else None, d_mean, d_variance


def layer_norm_forward(
    device: Device, x: Any, gamma: Any, beta: Any, *, epsilon: float = 1e-3, axes: Any = -1
) -> tuple[Any, LayerNormCache]:
    """Return y = gamma x_hat + beta, every sample with its own mean and variance over `axes`."""
    x, gamma, beta = device.take(x=x, gamma=gamma, beta=beta)
    axes = normalize_axes("layer_norm", axes, x.shape)
    y, x_hat, inv_std = device.run("layer_norm", x, gamma, beta, epsilon=epsilon, axes=axes)
    return y, LayerNormCache(x_hat, inv_std, gamma, beta is not None, axes)


def layer_norm_backward(device: Device, dy: Any, cache: LayerNormCache) -> tuple[Any, Any | None, Any | None]:
    """Return dx = inv_std (g - average(g) - x_hat average(g x_hat)), with g = dy gamma; dgamma and dbeta."""
    dy, x_hat, inv_std, gamma = device.take(dy=dy, x_hat=cache.x_hat, inv_std=cache.inv_std, gamma=cache.gamma)
    dx, d_gamma, d_beta = device.run("layer_norm_backward", dy, x_hat, inv_std, gamma, axes=cache.axes)
    return dx, None if gamma is None else d_gamma, d_beta if cache.has_beta else None
