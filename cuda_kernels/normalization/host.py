"""The host functions of normalization; a rung says how the sums are made (`block`), the rest is the same.

    batch_norm(x, gamma, beta, *, epsilon) -> (y, mean, variance, x_hat, inv_std)        gamma, beta may be None
    batch_norm_backward(dy, x_hat, inv_std, gamma) -> (dx, dgamma, dbeta)
    batch_norm_inference(x, gamma, beta, mean, variance, *, epsilon) -> (y, inv_std)
    batch_norm_inference_backward(dy, x, gamma, mean, inv_std) -> (dx, dgamma, dbeta)
    layer_norm(x, gamma, beta, *, epsilon, axes) -> (y, x_hat, inv_std)
    layer_norm_backward(dy, x_hat, inv_std, gamma, *, axes) -> (dx, dgamma, dbeta)

dgamma and dbeta are always computed (they are by-products), whether or not there is a gamma.
"""
from __future__ import annotations

from typing import Any

from cuda_kernels.indexing import index_function, join_axes, strides_of
from cuda_kernels.ladder import rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch
from cuda_kernels.reduce.problem import Layout, layout

from . import apply, statistics

THREADS = 256


def _strides(shape: tuple[int, ...], chosen: tuple[int, ...]) -> tuple[int, ...]:
    """Strides into an array that has only the chosen axes of `shape`."""
    strides, step = [], 1
    for i in reversed(range(len(shape))):
        strides.append(step if i in chosen else 0)
        step *= shape[i] if i in chosen else 1
    return tuple(reversed(strides))


def places(shape: tuple[int, ...], groups: tuple[int, ...], weights: tuple[int, ...]) -> tuple[Any, Any]:
    """Index functions from an element to its group, and to its weight; both are named by their axes."""
    sizes, _, group, weight = join_axes(shape, strides_of(shape), _strides(shape, groups), _strides(shape, weights))
    return index_function(sizes, group), index_function(sizes, weight)


class Problem:
    """Groups and weights of one array: which axes are averaged over, which have a gamma."""

    def __init__(self, op: str, x: Any, averaged: tuple[int, ...], weights: tuple[int, ...]) -> None:
        check_array(op, "x", x)
        self.op, self.shape, self.like = op, tuple(x.shape), x
        self.groups: Layout = layout(op, self.shape, averaged)
        self.weights = layout(op, self.shape, tuple(i for i in range(len(self.shape)) if i not in weights))
        kept = tuple(i for i in range(len(self.shape)) if i not in averaged)
        self.group, self.weight = places(self.shape, kept, weights)

    def vector(self, name: str, a: Any) -> Any:
        """A weight's array, flat; None becomes an array that is not read."""
        if a is None:
            return self.like.reshape(-1)
        check_array(self.op, name, a, shape=self.weights.shape)
        return a.reshape(-1)

    def normalize(self, x: Any, mean: Any, inv_std: Any, gamma: Any, beta: Any, x_hat: Any, on: str | None) -> Any:
        """y; x_hat is written unless it is None."""
        y = empty(self.shape, like=x)
        kernel = apply.make_normalize(self.group, self.weight, gamma is not None, beta is not None, x_hat is not None)
        unwritten = y if x_hat is None else x_hat
        launch(kernel, blocks_for(x.size, THREADS), THREADS, x.reshape(-1), mean, inv_std.reshape(-1),
               self.vector("gamma", gamma), self.vector("beta", beta), unwritten.reshape(-1), y.reshape(-1), x.size,
               on=on)
        return y

    def backward(self, dy: Any, x_hat: Any, inv_std: Any, gamma: Any, sums: Any, dots: Any, on: str | None) -> Any:
        """Dx from the sums of each group."""
        dx = empty(self.shape, like=dy)
        kernel = apply.make_backward(self.group, self.weight, gamma is not None)
        launch(kernel, blocks_for(dx.size, THREADS), THREADS, dy.reshape(-1), x_hat.reshape(-1), inv_std.reshape(-1),
               self.vector("gamma", gamma), sums, dots, dx.reshape(-1), 1.0 / self.groups.count, dx.size, on=on)
        return dx


def inverse(variance: Any, shape: tuple[int, ...], epsilon: float, on: str | None) -> Any:
    """1 / sqrt(variance + epsilon), of this shape."""
    inv_std = empty(shape, like=variance)
    launch(apply.inverse_deviation, blocks_for(variance.size, THREADS), THREADS, variance.reshape(-1),
           inv_std.reshape(-1), float(epsilon), variance.size, on=on)
    return inv_std


def channels_of(op: str, x: Any) -> Problem:
    """Batch norm: groups and weights are both the channels, the last axis."""
    check_array(op, "x", x)
    if x.ndim < 2:
        raise ValueError(f"{op}: x must have at least two axes, (..., C). Got {tuple(x.shape)}. Is the batch missing?")
    return Problem(op, x, tuple(range(x.ndim - 1)), (x.ndim - 1,))


def batch_norm(x: Any, gamma: Any, beta: Any, *, epsilon: float = 1e-3, on: str | None = None,
               block: bool = True) -> tuple[Any, ...]:
    """(y, mean, variance, x_hat, inv_std) of x (..., C), mean and variance over all axes but the last."""
    p = channels_of("batch_norm", x)
    mean, variance = empty(x.shape[-1], like=x), empty(x.shape[-1], like=x)
    statistics.moments(block, p.groups, x.reshape(-1), mean, variance, on)
    inv_std, x_hat = inverse(variance, mean.shape, epsilon, on), empty(x.shape, like=x)
    return p.normalize(x, mean, inv_std, gamma, beta, x_hat, on), mean, variance, x_hat, inv_std


def batch_norm_backward(dy: Any, x_hat: Any, inv_std: Any, gamma: Any, *, on: str | None = None,
                        block: bool = True) -> tuple[Any, Any, Any]:
    """(dx, dgamma, dbeta); the sums of dy and dy x_hat are dbeta and dgamma themselves."""
    p = channels_of("batch_norm_backward", x_hat)
    check_array(p.op, "dy", dy, shape=p.shape)
    d_beta, d_gamma = empty(p.shape[-1], like=dy), empty(p.shape[-1], like=dy)
    statistics.dots(block, p.groups, dy.reshape(-1), x_hat.reshape(-1), inv_std, d_beta, d_gamma, on)
    # gamma is one number a group here, so it may be multiplied in last: the sums need not know it.
    return p.backward(dy, x_hat, inv_std, gamma, *_weighted(d_beta, d_gamma, gamma, on), on), d_gamma, d_beta


def _weighted(sums: Any, dots: Any, gamma: Any, on: str | None) -> tuple[Any, Any]:
    """The sums of g = dy gamma, where gamma is one number a group."""
    if gamma is None:
        return sums, dots
    times = rung("multiply").run
    return times(sums, gamma, on=on), times(dots, gamma, on=on)


def batch_norm_inference(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, *, epsilon: float = 1e-3,
                         on: str | None = None, block: bool = True) -> tuple[Any, Any]:
    """(y, inv_std) with a mean and variance (C,) that are given."""
    p = channels_of("batch_norm_inference", x)
    for name, a in (("mean", mean), ("variance", variance)):
        check_array(p.op, name, a, shape=x.shape[-1:])
    inv_std = inverse(variance, variance.shape, epsilon, on)
    return p.normalize(x, mean, inv_std, gamma, beta, None, on), inv_std


def batch_norm_inference_backward(dy: Any, x: Any, gamma: Any, mean: Any, inv_std: Any, *, on: str | None = None,
                                  block: bool = True) -> tuple[Any, Any, Any]:
    """(dx, dgamma, dbeta), dgamma = sum dy x_hat. Of them follow dmean = -gamma inv_std dbeta and dvariance."""
    p = channels_of("batch_norm_inference_backward", x)
    check_array(p.op, "dy", dy, shape=p.shape)
    channels = p.shape[-1]
    x_hat = p.normalize(x, mean, inv_std, None, None, None, on)
    d_beta, d_gamma, dx = empty(channels, like=dy), empty(channels, like=dy), empty(p.shape, like=dy)
    statistics.dots(block, p.groups, dy.reshape(-1), x_hat.reshape(-1), inv_std, d_beta, d_gamma, on)
    launch(apply.make_scale(gamma is not None), blocks_for(dx.size, THREADS), THREADS, dy.reshape(-1), inv_std,
           p.vector("gamma", gamma), dx.reshape(-1), channels, dx.size, on=on)
    return dx, d_gamma, d_beta


def _averaged(x: Any, axes: Any) -> tuple[int, ...]:
    listed = (axes,) if isinstance(axes, int) else tuple(axes)
    return tuple(sorted(axis % x.ndim for axis in listed))


def layer_norm(x: Any, gamma: Any, beta: Any, *, epsilon: float = 1e-3, axes: Any = -1, on: str | None = None,
               block: bool = True) -> tuple[Any, Any, Any]:
    """(y, x_hat, inv_std): every sample with its own mean and variance over `axes`; gamma and beta have their sizes."""
    check_array("layer_norm", "x", x)
    axes = _averaged(x, axes)
    p = Problem("layer_norm", x, axes, axes)
    mean, variance = empty(p.groups.results, like=x), empty(p.groups.results, like=x)
    statistics.moments(block, p.groups, x.reshape(-1), mean, variance, on)
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    inv_std, x_hat = inverse(variance, kept, epsilon, on), empty(x.shape, like=x)
    return p.normalize(x, mean, inv_std, gamma, beta, x_hat, on), x_hat, inv_std


def layer_norm_backward(dy: Any, x_hat: Any, inv_std: Any, gamma: Any, *, axes: Any = -1, on: str | None = None,
                        block: bool = True) -> tuple[Any, Any, Any]:
    """(dx, dgamma, dbeta): the sums of g for dx are over `axes`, those of dy for dgamma over the samples."""
    check_array("layer_norm_backward", "x_hat", x_hat)
    axes = _averaged(x_hat, axes)
    p = Problem("layer_norm_backward", x_hat, axes, axes)
    check_array(p.op, "dy", dy, shape=p.shape)
    flat_dy, flat_hat = dy.reshape(-1), x_hat.reshape(-1)
    sums, products = empty(p.groups.results, like=dy), empty(p.groups.results, like=dy)
    weight = index_function((1,), (1,)) if gamma is not None else None  # element r of a group has weight r
    statistics.dots(block, p.groups, flat_dy, flat_hat, p.vector("gamma", gamma), sums, products, on, weight)
    d_beta, d_gamma = empty(p.weights.shape, like=dy), empty(p.weights.shape, like=dy)
    statistics.dots(block, p.weights, flat_dy, flat_hat, sums, d_beta.reshape(-1), d_gamma.reshape(-1), on)
    return p.backward(dy, x_hat, inv_std, gamma, sums, products, on), d_gamma, d_beta
