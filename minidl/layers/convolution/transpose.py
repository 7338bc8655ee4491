"""Conv1DTranspose and Conv2DTranspose: convolutions that enlarge."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from minidl import functional as F
from minidl.errors import ArgumentError
from minidl.layers.base.kinds import windows
from minidl.layers.base.options import after
from minidl.layers.base.spatial import who
from minidl.layers.convolution.convolution import Conv
from minidl.ops.common.windows import conv2d_transpose_output_size, resolve_transpose_padding


class ConvTranspose(Conv):
    """The arguments and weights of Conv1DTranspose and Conv2DTranspose: those of convolutions, without groups."""

    groups: ClassVar[int] = 1  # type: ignore[misc]
    output_padding: Annotated[Any, windows(least=0, or_none=True)] = after("padding", None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(more >= stride for more, stride in zip(self.output_padding or (), self.strides, strict=False)):
            raise ArgumentError(
                f"{who(self)}: output_padding must be smaller than strides, whose sizes it chooses among. Got "
                f"{self.output_padding} for strides {self.strides}."
            )

    def make_kernels(self, channels: int) -> None:
        """Make the kernel (…, K, C): output channels before input channels."""
        self.kernel = self.add_option_weight("kernel", (*self.kernel_size, self.filters, channels))

    def output_lengths(self, lengths: Any) -> tuple[int | None, ...]:
        """Return how long the outputs are; "same" gives length * stride."""
        found: list[int | None] = []
        for axis, length in enumerate(lengths):
            kernel, stride, dilation = self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis]
            extra = self.output_padding[axis] if self.output_padding else None
            padding, output_padding = resolve_transpose_padding(
                self.padding, (kernel, kernel), (stride, stride), (dilation, dilation), extra
            )
            size = None
            if length is not None:
                size = conv2d_transpose_output_size(length, kernel, stride, dilation, padding[0], output_padding[0])
            found.append(size)
        return tuple(found)


class Conv1DTranspose(ConvTranspose):
    """Spread every step over `kernel_size` steps of a longer sequence: the gradient of Conv1D, run forward.

    Shapes: x (N, P, C), kernel (R, K, C), bias (K,), y (N, T, K), with T = P * strides for padding "same".

    >>> import numpy as np
    >>> Conv1DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 5, 3), np.float32)).shape
    (2, 10, 4)
    """

    rank = 1

    def convolve(self, x: Any) -> Any:
        """Return the transposed convolution, as one of images one row high."""
        y = F.conv2d_transpose(
            F.expand_dims(x, 1), F.expand_dims(self.kernel, 0), self.bias,
            strides=(1, *self.strides), padding=self.padding,
            output_padding=(None, *self.output_padding) if self.output_padding else None,
            dilation=(1, *self.dilation_rate),
        )  # fmt: skip
        return F.squeeze(y, 1)


class Conv2DTranspose(ConvTranspose):
    """Spread every pixel over a window of a larger image: the gradient of Conv2D, run forward.

    Parameters
    ----------
    output_padding : rows and columns added at the end, to choose between the sizes that a strided Conv2D shrinks to the
        same one

    Shapes: x (N, P, Q, C), kernel (R, S, K, C), bias (K,), y (N, H, W, K), with H = P * strides for padding "same".

    >>> import numpy as np
    >>> Conv2DTranspose(8, 3, strides=2, padding="same")(np.ones((2, 7, 5, 3), np.float32)).shape
    (2, 14, 10, 8)
    """

    rank = 2

    def convolve(self, x: Any) -> Any:
        """Return the transposed convolution over rows and columns."""
        return F.conv2d_transpose(
            x, self.kernel, self.bias, strides=self.strides, padding=self.padding,
            output_padding=self.output_padding, dilation=self.dilation_rate,
        )  # fmt: skip
