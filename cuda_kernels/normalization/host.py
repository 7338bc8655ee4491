"""The host functions of normalization; a rung says how the sums are made (`Sums`), the rest is the same.

A *group* is what shares a mean: a channel (batch norm) or a sample (layer norm). Element r of group k lies at
kept(k) + reduced(r), as in `cuda_kernels.reduce`. The sums are of x, of (x - mean)^2, of dy and of dy x_hat.

    batch_norm(x, gamma, beta, *, epsilon) -> (y, mean, variance, x_hat, inv_std)        gamma, beta may be None
    batch_norm_backward(dy, x_hat, inv_std, gamma, d_mean, d_variance) -> (dx, dgamma, dbeta)
    batch_norm_inference(x, gamma, beta, mean, variance, *, epsilon) -> (y, inv_std)
    batch_norm_inference_backward(dy, x, gamma, mean, inv_std) -> (dx, dgamma, dbeta, dmean, dvariance)
    layer_norm(x, gamma, beta, *, epsilon, axes) -> (y, x_hat, inv_std)
    layer_norm_backward(dy, x_hat, inv_std, gamma, *, axes) -> (dx, dgamma, dbeta)

dgamma and dbeta are always computed (they are by-products), whether or not there is a gamma.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cuda_kernels.indexing import chosen_strides, index_function, join_axes, strides_of
from cuda_kernels.ladder import Build, Rung, bound, rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch, zeros
from cuda_kernels.reduce.host import Layout, layout

from . import cells

THREADS = 256


class Sums(NamedTuple):
    """How a rung makes the sums: two functions that launch over flat arrays.

    moments(groups, x, mean, variance, on)
    dots(groups, dy, x_hat, gamma, sums, products, on, weight=None) : of each group the sum of g and of g x_hat, with
        g = dy gamma[weight(r)]; weight None: g = dy, and gamma is not read
    """

    moments: Callable[..., None]
    dots: Callable[..., None]


# What the compile gate builds of the sums, for groups of these places.
PLACES = layout("normalization", (2, 3, 4), (0, 1)).places()


def places(shape: tuple[int, ...], groups: tuple[int, ...], weights: tuple[int, ...]) -> tuple[Any, Any]:
    """Index functions from an element to its group, and to its weight; both are named by their axes."""
    sizes, _, group, weight = join_axes(shape, strides_of(shape), chosen_strides(shape, groups),
                                        chosen_strides(shape, weights))
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
        self.groups_shape = tuple(1 if i in averaged else n for i, n in enumerate(self.shape))

    def vector(self, name: str, a: Any) -> Any:
        """A weight's array, flat; None becomes an array that is not read."""
        if a is None:
            return self.like.reshape(-1)
        check_array(self.op, name, a, shape=self.weights.shape)
        return a.reshape(-1)

    def normalize(self, x: Any, mean: Any, inv_std: Any, gamma: Any, beta: Any, x_hat: Any, on: str | None) -> Any:
        """y; x_hat is written unless it is None."""
        y = empty(self.shape, like=x)
        kernel = cells.make_normalize(self.group, self.weight, gamma is not None, beta is not None, x_hat is not None)
        unwritten = y if x_hat is None else x_hat
        launch(kernel, blocks_for(x.size, THREADS), THREADS, x.reshape(-1), mean, inv_std.reshape(-1),
               self.vector("gamma", gamma), self.vector("beta", beta), unwritten.reshape(-1), y.reshape(-1), x.size,
               on=on)
        return y

    def backward(self, dy: Any, x_hat: Any, inv_std: Any, gamma: Any, sums: Any, dots: Any, on: str | None,
                 d_mean: Any = None, d_variance: Any = None) -> Any:
        """dx from the sums of each group, and the gradients of its mean and variance (batch norm)."""
        dx = empty(self.shape, like=dy)
        kernel = cells.make_backward(self.group, self.weight, gamma is not None, d_mean is not None,
                                     d_variance is not None)
        launch(kernel, blocks_for(dx.size, THREADS), THREADS, dy.reshape(-1), x_hat.reshape(-1), inv_std.reshape(-1),
               self.vector("gamma", gamma), sums, dots, self.vector("d_mean", d_mean),
               self.vector("d_variance", d_variance), dx.reshape(-1), 1.0 / self.groups.count, dx.size, on=on)
        return dx


def inverse(variance: Any, shape: tuple[int, ...], epsilon: float, on: str | None) -> Any:
    """1 / sqrt(variance + epsilon), of this shape."""
    inv_std = empty(shape, like=variance)
    launch(cells.inverse_deviation, blocks_for(variance.size, THREADS), THREADS, variance.reshape(-1),
           inv_std.reshape(-1), float(epsilon), variance.size, on=on)
    return inv_std


def channels_of(op: str, x: Any) -> Problem:
    """Batch norm: groups and weights are both the channels, the last axis."""
    check_array(op, "x", x)
    if x.ndim < 2:
        raise ValueError(f"{op}: x must have at least two axes, (..., C). Got {tuple(x.shape)}. Is the batch missing?")
    return Problem(op, x, tuple(range(x.ndim - 1)), (x.ndim - 1,))


def batch_norm(made: Sums, x: Any, gamma: Any, beta: Any, *, epsilon: float = 1e-3,
               on: str | None = None) -> tuple[Any, ...]:
    """(y, mean, variance, x_hat, inv_std) of x (..., C), mean and variance over all axes but the last."""
    p = channels_of("batch_norm", x)
    mean, variance = empty(x.shape[-1], like=x), empty(x.shape[-1], like=x)
    made.moments(p.groups, x.reshape(-1), mean, variance, on)
    inv_std, x_hat = inverse(variance, mean.shape, epsilon, on), empty(x.shape, like=x)
    return p.normalize(x, mean, inv_std, gamma, beta, x_hat, on), mean, variance, x_hat, inv_std


def batch_norm_backward(made: Sums, dy: Any, x_hat: Any, inv_std: Any, gamma: Any, d_mean: Any = None,
                        d_variance: Any = None, *, on: str | None = None) -> tuple[Any, Any, Any]:
    """(dx, dgamma, dbeta); the sums of dy and dy x_hat are dbeta and dgamma themselves.

    dy, d_mean, d_variance : the gradients of y, mean and variance; each may be None, of an output that nobody used
    """
    p = channels_of("batch_norm_backward", x_hat)
    dy = zeros(p.shape, like=x_hat) if dy is None else dy
    check_array(p.op, "dy", dy, shape=p.shape)
    d_beta, d_gamma = empty(p.shape[-1], like=dy), empty(p.shape[-1], like=dy)
    made.dots(p.groups, dy.reshape(-1), x_hat.reshape(-1), inv_std, d_beta, d_gamma, on)
    # gamma is one number a group here, so it may be multiplied in last: the sums need not know it.
    sums = _weighted(d_beta, d_gamma, gamma, on)
    return p.backward(dy, x_hat, inv_std, gamma, *sums, on, d_mean, d_variance), d_gamma, d_beta


def _weighted(sums: Any, dots: Any, gamma: Any, on: str | None) -> tuple[Any, Any]:
    """The sums of g = dy gamma, where gamma is one number a group."""
    if gamma is None:
        return sums, dots
    times = rung("multiply").run
    return times(sums, gamma, on=on), times(dots, gamma, on=on)


def batch_norm_inference(made: Sums, x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, *,
                         epsilon: float = 1e-3, on: str | None = None) -> tuple[Any, Any]:
    """(y, inv_std) with a mean and variance (C,) that are given."""
    p = channels_of("batch_norm_inference", x)
    for name, a in (("mean", mean), ("variance", variance)):
        check_array(p.op, name, a, shape=x.shape[-1:])
    inv_std = inverse(variance, variance.shape, epsilon, on)
    return p.normalize(x, mean, inv_std, gamma, beta, None, on), inv_std


def batch_norm_inference_backward(made: Sums, dy: Any, x: Any, gamma: Any, mean: Any, inv_std: Any, *,
                                  on: str | None = None) -> tuple[Any, ...]:
    """(dx, dgamma, dbeta, dmean, dvariance); dgamma = sum dy x_hat, and of it and dbeta follow the last two."""
    p = channels_of("batch_norm_inference_backward", x)
    check_array(p.op, "dy", dy, shape=p.shape)
    channels = p.shape[-1]
    x_hat = p.normalize(x, mean, inv_std, None, None, None, on)
    d_beta, d_gamma, dx = empty(channels, like=dy), empty(channels, like=dy), empty(p.shape, like=dy)
    made.dots(p.groups, dy.reshape(-1), x_hat.reshape(-1), inv_std, d_beta, d_gamma, on)
    launch(cells.make_scale(gamma is not None), blocks_for(dx.size, THREADS), THREADS, dy.reshape(-1), inv_std,
           p.vector("gamma", gamma), dx.reshape(-1), channels, dx.size, on=on)
    d_mean, d_variance = empty(channels, like=dy), empty(channels, like=dy)
    launch(cells.make_statistics_gradients(gamma is not None), blocks_for(channels, THREADS), THREADS, d_beta, d_gamma,
           inv_std, p.vector("gamma", gamma), d_mean, d_variance, channels, on=on)
    return dx, d_gamma, d_beta, d_mean, d_variance


def samples_of(op: str, name: str, x: Any, axes: Any) -> Problem:
    """Layer norm: groups are the samples, and every element of one has a weight."""
    check_array(op, name, x)
    axes = tuple(sorted(axis % x.ndim for axis in ((axes,) if isinstance(axes, int) else axes)))
    return Problem(op, x, axes, axes)


def layer_norm(made: Sums, x: Any, gamma: Any, beta: Any, *, epsilon: float = 1e-3, axes: Any = -1,
               on: str | None = None) -> tuple[Any, Any, Any]:
    """(y, x_hat, inv_std): every sample with its own mean and variance over `axes`; gamma and beta have their sizes."""
    p = samples_of("layer_norm", "x", x, axes)
    mean, variance = empty(p.groups.results, like=x), empty(p.groups.results, like=x)
    made.moments(p.groups, x.reshape(-1), mean, variance, on)
    inv_std, x_hat = inverse(variance, p.groups_shape, epsilon, on), empty(x.shape, like=x)
    return p.normalize(x, mean, inv_std, gamma, beta, x_hat, on), x_hat, inv_std


def layer_norm_backward(made: Sums, dy: Any, x_hat: Any, inv_std: Any, gamma: Any, *, axes: Any = -1,
                        on: str | None = None) -> tuple[Any, Any, Any]:
    """(dx, dgamma, dbeta): the sums of g for dx are over `axes`, those of dy for dgamma over the samples."""
    p = samples_of("layer_norm_backward", "x_hat", x_hat, axes)
    check_array(p.op, "dy", dy, shape=p.shape)
    d_gamma, d_beta = weight_gradients(made, p, dy, x_hat, inv_std, on)
    sums, products = empty(p.groups.results, like=dy), empty(p.groups.results, like=dy)
    weight = index_function((1,), (1,)) if gamma is not None else None  # element r of a group has weight r
    made.dots(p.groups, dy.reshape(-1), x_hat.reshape(-1), p.vector("gamma", gamma), sums, products, on, weight)
    return p.backward(dy, x_hat, inv_std, gamma, sums, products, on), d_gamma, d_beta


def weight_gradients(made: Sums, p: Problem, dy: Any, x_hat: Any, inv_std: Any, on: str | None) -> tuple[Any, Any]:
    """(dgamma, dbeta) of layer norm, summed over the samples."""
    d_beta, d_gamma = empty(p.weights.shape, like=dy), empty(p.weights.shape, like=dy)
    made.dots(p.weights, dy.reshape(-1), x_hat.reshape(-1), inv_std.reshape(-1), d_beta.reshape(-1),
              d_gamma.reshape(-1), on)
    return d_gamma, d_beta


HOSTS: dict[str, Callable[..., Any]] = {run.__name__: run for run in (
    batch_norm, batch_norm_backward, batch_norm_inference, batch_norm_inference_backward, layer_norm,
    layer_norm_backward)}


def rungs_of(name: str, change: str, made: Sums, builds: dict[str, tuple[Build, ...]]) -> tuple[Rung, ...]:
    """The rungs of these ops with these sums, and what the compile gate builds of each."""
    return tuple(Rung(op, name, change, bound(HOSTS[op], made), builds[op]) for op in builds)
