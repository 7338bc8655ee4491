"""The cell by cell parts of normalization: one thread an element, each knowing its group and its weight.

    forward    x_hat = (x - mean[group]) inv_std[group],   y = gamma[weight] x_hat + beta[weight]
    backward   dx = scale (g - mean of g - x_hat mean of g x_hat),   g = dy gamma
"""
import functools
import math

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.indexing import index_function
from cuda_kernels.ladder import Build, Claims


@cuda.jit
def inverse_deviation(variance, inv_std, epsilon, size):
    """inv_std = 1 / sqrt(variance + epsilon)."""
    i = cuda.grid(1)
    if i < size:
        inv_std[i] = float32(1) / math.sqrt(variance[i] + epsilon)


@functools.cache
def make_normalize(group, weight, has_gamma: bool, has_beta: bool, store_x_hat: bool):
    """y, and x_hat where the backward wants it."""
    @cuda.jit
    def normalize(x, mean, inv_std, gamma, beta, x_hat, y, size):
        i = cuda.grid(1)
        if i < size:
            k = group(i)
            value = (x[i] - mean[k]) * inv_std[k]
            if store_x_hat:
                x_hat[i] = value
            if has_gamma:
                value *= gamma[weight(i)]
            if has_beta:
                value += beta[weight(i)]
            y[i] = value

    return normalize


@functools.cache
def make_backward(group, weight, has_gamma: bool, has_d_mean: bool, has_d_variance: bool):
    """dx from the sums of g and g x_hat of each group; and from the gradients of mean and variance, if they were used.

    dmean adds dmean / M, dvariance adds dvariance 2 (x - mean) / M, with x - mean = x_hat / inv_std.
    """
    @cuda.jit
    def normalize_backward(dy, x_hat, inv_std, gamma, sums, dots, d_mean, d_variance, dx, share, size):
        i = cuda.grid(1)
        if i < size:
            k = group(i)
            g = dy[i]
            if has_gamma:
                g *= gamma[weight(i)]
            d = inv_std[k] * (g - sums[k] * share - x_hat[i] * (dots[k] * share))
            if has_d_mean:
                d += d_mean[k] * share
            if has_d_variance:
                d += float32(2) * d_variance[k] * share * x_hat[i] / inv_std[k]
            dx[i] = d

    return normalize_backward


@functools.cache
def make_scale(has_gamma: bool):
    """The kernel of dx = dy gamma inv_std: batch norm with given statistics; channels are the last axis."""
    @cuda.jit
    def scale_channels(dy, inv_std, gamma, dx, channels, size):
        i = cuda.grid(1)
        if i < size:
            c = i % channels
            scale = inv_std[c]
            if has_gamma:
                scale *= gamma[c]
            dx[i] = dy[i] * scale

    return scale_channels


@functools.cache
def make_statistics_gradients(has_gamma: bool):
    """The kernel of d_mean = -gamma inv_std d_beta, d_variance = -1/2 gamma inv_std^2 d_gamma; one thread a channel."""
    @cuda.jit
    def statistics_gradients(d_beta, d_gamma, inv_std, gamma, d_mean, d_variance, channels):
        c = cuda.grid(1)
        if c < channels:
            scale = inv_std[c]
            if has_gamma:
                scale *= gamma[c]
            d_mean[c] = -scale * d_beta[c]
            d_variance[c] = float32(-0.5) * scale * inv_std[c] * d_gamma[c]

    return statistics_gradients


CLAIMS = Claims(registers=40, lacks=("LDL", "STL"))
_GROUP, _WEIGHT = index_function((6, 5), (1, 0)), index_function((6, 5), (0, 1))
FORWARD = (Build(inverse_deviation, (FLAT, FLAT, float32, int32), CLAIMS),
           Build(make_normalize(_GROUP, _WEIGHT, True, True, True), (FLAT,) * 7 + (int32,), CLAIMS))
BACKWARD = (Build(make_backward(_GROUP, _WEIGHT, True, False, False), (FLAT,) * 9 + (float32, int32), CLAIMS),
            Build(make_backward(_GROUP, _WEIGHT, True, True, True), (FLAT,) * 9 + (float32, int32), CLAIMS,
                  label="mean and variance used"))
INFERENCE_BACKWARD = (Build(make_scale(True), (FLAT,) * 4 + (int32, int32), CLAIMS),
                      Build(make_statistics_gradients(True), (FLAT,) * 6 + (int32,), CLAIMS))


def builds(moments: tuple[Build, ...], dots: tuple[Build, ...]) -> dict[str, tuple[Build, ...]]:
    """What the compile gate builds of each op, with these kernels for the sums."""
    return {"batch_norm": (*moments, *FORWARD), "batch_norm_backward": (*dots, *BACKWARD),
            "batch_norm_inference": FORWARD, "batch_norm_inference_backward": (*dots, *INFERENCE_BACKWARD),
            "layer_norm": (*moments, *FORWARD), "layer_norm_backward": (*dots, *BACKWARD)}
