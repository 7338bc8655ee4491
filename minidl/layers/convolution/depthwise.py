"""Depthwise and separable convolutions: every channel has kernels of its own."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.layers.base.kinds import Activation, Constraint, Initializer, Layout, Padding, Positive, Regularizer, Sizes
from minidl.layers.convolution.convolution import Convolution


class ByChannel(Convolution):
    """What depthwise and separable convolutions share: the depthwise step."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer of a configuration; Keras 2 wrote `groups`, which says nothing here."""
        return super().from_config({key: value for key, value in config.items() if key != "groups"})

    def depthwise(self, x: Any, kernel: Any, bias: Any) -> Any:
        """Return the depthwise convolution of images, or of sequences as images one row high."""
        if self.rank == 2:
            return F.depthwise_conv2d(
                x, kernel, bias, strides=self.strides, padding=self.padding, dilation=self.dilation_rate
            )
        y = F.depthwise_conv2d(
            F.expand_dims(x, 1), F.expand_dims(kernel, 0), bias,
            strides=(1, *self.strides), padding=self.padding, dilation=(1, *self.dilation_rate),
        )  # fmt: skip
        return F.squeeze(y, 1)


class DepthwiseConv(ByChannel):
    """The arguments and weights of DepthwiseConv1D and DepthwiseConv2D."""

    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    depth_multiplier: Positive = 1
    data_format: Layout = None
    dilation_rate: Sizes = 1
    activation: Activation = None
    use_bias: bool = True
    depthwise_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    depthwise_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    depthwise_constraint: Constraint = None
    bias_constraint: Constraint = None

    def make_kernels(self, channels: int) -> None:
        """Make the kernel (…, C, M)."""
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_option_weight("kernel", shape, "depthwise")

    def output_channels(self, channels: Any) -> Any:
        """Return C * M."""
        return None if channels is None else channels * self.depth_multiplier

    def convolve(self, x: Any) -> Any:
        """Return the depthwise convolution."""
        return self.depthwise(x, self.kernel, self.bias)


class DepthwiseConv1D(DepthwiseConv):
    """Slide over each channel of a sequence M = `depth_multiplier` kernels of its own; channels do not mix.

    Shapes: x (N, T, C), kernel (R, C, M), bias (C * M,), y (N, P, C * M).

    >>> import numpy as np
    >>> DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 7, 5), np.float32)).shape
    (2, 5, 10)
    """

    rank = 1


class DepthwiseConv2D(DepthwiseConv):
    """Slide over each channel of an image M = `depth_multiplier` kernels of its own; channels do not mix.

    Shapes: x (N, H, W, C), kernel (R, S, C, M), bias (C * M,), y (N, P, Q, C * M); output channel c * M + m.

    >>> import numpy as np
    >>> layer = DepthwiseConv2D(3)
    >>> layer(np.ones((2, 8, 8, 16), np.float32)).shape, layer.count_params()  # Conv2D would have 2320
    ((2, 6, 6, 16), 160)
    """

    rank = 2


class SeparableConv(ByChannel):
    """The arguments and weights of SeparableConv1D and SeparableConv2D."""

    filters: Positive
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    data_format: Layout = None
    dilation_rate: Sizes = 1
    depth_multiplier: Positive = 1
    activation: Activation = None
    use_bias: bool = True
    depthwise_initializer: Initializer = "glorot_uniform"
    pointwise_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    depthwise_regularizer: Regularizer = None
    pointwise_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    depthwise_constraint: Constraint = None
    pointwise_constraint: Constraint = None
    bias_constraint: Constraint = None

    def make_kernels(self, channels: int) -> None:
        """Make the depthwise kernel (…, C, M) and the pointwise one (1, …, C * M, K)."""
        multiplier = self.depth_multiplier
        self.depthwise_kernel = self.add_option_weight(
            "depthwise_kernel", (*self.kernel_size, channels, multiplier), "depthwise"
        )
        ones = (1,) * self.rank
        self.pointwise_kernel = self.add_option_weight(
            "pointwise_kernel", (*ones, channels * multiplier, self.filters), "pointwise"
        )

    def convolve(self, x: Any) -> Any:
        """Return the depthwise convolution, its channels then mixed by a convolution of size 1."""
        y = self.depthwise(x, self.depthwise_kernel, None)
        mix = F.conv2d if self.rank == 2 else F.conv1d
        return mix(y, self.pointwise_kernel, self.bias)


class SeparableConv1D(SeparableConv):
    """A DepthwiseConv1D, then a mixing of the channels at every step.

    Shapes: x (N, T, C), depthwise (R, C, M), pointwise (1, C * M, K), bias (K,), y (N, P, K).

    >>> import numpy as np
    >>> SeparableConv1D(4, 3)(np.ones((2, 7, 5), np.float32)).shape
    (2, 5, 4)
    """

    rank = 1


class SeparableConv2D(SeparableConv):
    """A DepthwiseConv2D, then a 1×1 Conv2D: space first, channels second, with far fewer weights than a Conv2D.

    Shapes: x (N, H, W, C), depthwise (R, S, C, M), pointwise (1, 1, C * M, K), bias (K,), y (N, P, Q, K).

    Source: Chollet, Xception, arXiv:1610.02357.

    >>> import numpy as np
    >>> SeparableConv2D(4, 3)(np.ones((2, 7, 8, 5), np.float32)).shape
    (2, 5, 6, 4)
    """

    rank = 2
