"""Conv1D and Conv2D, and the base of all convolutions."""

from __future__ import annotations

from typing import Any, ClassVar

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.kinds import Activation, Constraint, Initializer, Layout, Padding, Positive, Regularizer, Sizes
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import check_channels, check_rank, who, window_lengths


class Convolution(OptionLayer):
    """Base of convolutions over `rank` axes: their common arguments, checks and output shape.

    A subclass makes its kernels in `make_kernels(channels)`, computes in `convolve(x)`, and says with
    `output_channels(channels)` how many channels come out.
    """

    rank = 2
    computes_in_floats = True
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    def __post_init__(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{who(self)}: strides and dilation_rate cannot both be above 1. "
                f"Got {self.strides} and {self.dilation_rate}."
            )

    def build(self, input_shape: Any) -> None:
        """Make the kernels and the bias."""
        check_rank(self, input_shape, self.rank + 2)
        channels = check_channels(self, input_shape)
        self.compute_output_shape(input_shape)  # a kernel that does not fit is an error here, not at the first data
        self.make_kernels(channels)
        self.bias = self.add_option_weight("bias", (self.output_channels(channels),)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        """Return activation(convolution + bias)."""
        check_rank(self, inputs.shape, self.rank + 2)
        y = self.convolve(inputs)
        return y if self.activation is None else self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, …, output channels)."""
        check_rank(self, input_shape, self.rank + 2)
        return (input_shape[0], *self.output_lengths(input_shape[1:-1]), self.output_channels(input_shape[-1]))

    def output_lengths(self, lengths: Any) -> tuple[int | None, ...]:
        """Return the sizes of the output's spatial axes."""
        return window_lengths(self, lengths, self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def output_channels(self, channels: Any) -> Any:
        """Return the number of output channels."""
        return self.filters

    def make_kernels(self, channels: int) -> None:
        """Make the kernels for this many input channels."""
        raise NotImplementedError(f"{type(self).__name__} must define make_kernels(channels)")

    def convolve(self, x: Any) -> Any:
        """Return the convolution of x, bias added."""
        raise NotImplementedError(f"{type(self).__name__} must define convolve(x)")


class Conv(Convolution):
    """The arguments and weights of Conv1D and Conv2D."""

    filters: Positive
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    data_format: Layout = None
    dilation_rate: Sizes = 1
    groups: Positive = 1
    activation: Activation = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    bias_constraint: Constraint = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.filters % self.groups:
            raise ArgumentError(
                f"{who(self)}: filters must be a multiple of groups. Got {self.filters} and {self.groups}."
            )

    def make_kernels(self, channels: int) -> None:
        """Make the kernel (…, C // groups, K)."""
        if channels % self.groups:
            raise ShapeError(
                f"{who(self)}: the input's channels must be a multiple of groups. Got {channels} and {self.groups}."
            )
        self.kernel = self.add_option_weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))

    def static(self) -> dict[str, Any]:
        """Return the keyword arguments of the functional form."""
        return {
            "strides": self.strides, "padding": self.padding, "dilation": self.dilation_rate, "groups": self.groups
        }  # fmt: skip


class Conv1D(Conv):
    """Slide `filters` kernels over time steps.

    Parameters
    ----------
    filters : number of kernels, and of output channels K
    kernel_size : steps that a kernel spans, R
    padding : "valid" (none), "same" (as many outputs as inputs, with strides 1) or "causal" (an output sees no later
        step)
    groups : the channels are split into this many groups, each with its own kernels

    Shapes: x (N, T, C), kernel (R, C // groups, K), bias (K,), y (N, P, K).

    >>> import numpy as np
    >>> Conv1D(4, 3, padding="causal")(np.ones((2, 7, 5), np.float32)).shape
    (2, 7, 4)
    """

    rank = 1
    paddings = ("valid", "same", "causal")

    def convolve(self, x: Any) -> Any:
        """Return the convolution along the steps."""
        static = {**self.static(), "strides": self.strides[0], "dilation": self.dilation_rate[0]}
        return F.conv1d(x, self.kernel, self.bias, **static)


class Conv2D(Conv):
    """Slide `filters` kernels over images.

    y[n, p, q, k] = activation(sum over r, s, c of x[n, p·stride + r·dilation, q·stride + s·dilation, c] ·
    kernel[r, s, c, k] + bias[k])

    Parameters
    ----------
    filters : number of kernels, and of output channels K
    kernel_size : rows and columns of a kernel, (R, S) or one number for both
    strides, dilation_rate : step of the kernel, and distance of its cells; one number or (rows, columns)
    padding : "valid" (none) or "same" (zeros around, so that strides 1 keep the size)
    groups : the channels are split into this many groups, each with its own kernels

    Shapes: x (N, H, W, C), kernel (R, S, C // groups, K), bias (K,), y (N, P, Q, K).

    >>> import numpy as np
    >>> layer = Conv2D(16, 3, activation="relu")
    >>> layer(np.ones((2, 28, 28, 1), np.float32)).shape, layer.count_params()
    ((2, 26, 26, 16), 160)
    """

    rank = 2

    def convolve(self, x: Any) -> Any:
        """Return the convolution over rows and columns."""
        return F.conv2d(x, self.kernel, self.bias, **self.static())
