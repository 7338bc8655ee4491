"""MobileNetV2: residual blocks whose shortcuts join the narrow ends; what lies between is wide, and depthwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import layers
from minidl.applications import imagenet_utils
from minidl.applications.building import Options, mobile_size, published, round_channels, same_padding
from minidl.applications.imagenet_utils import decode_predictions
from minidl.errors import ArgumentError
from minidl.models import Model

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

# Of each group of blocks: how much wider they are inside, channels, blocks, stride of the first.
_GROUPS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_SIZES = (96, 128, 160, 192, 224)
_WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


def MobileNetV2(
    input_shape: Sequence[int | None] | None = None, alpha: float = 1.0, include_top: bool = True,
    weights: Any = "imagenet", input_tensor: Any = None, pooling: str | None = None, classes: int = 1000,
    classifier_activation: Any = "softmax", name: str | None = None,
) -> Model:  # fmt: skip
    """Return MobileNetV2, of 3.5 million weights.

    Arguments as of the other networks (`minidl.applications.building.ARGUMENTS`), and

    alpha : width: so many of the published channels; weights of "imagenet" are there for 0.35, 0.5, 0.75, 1, 1.3, 1.4

    Source: Sandler et al., arXiv:1801.04381, table 2

    >>> MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=10).output_shape
    (None, 10)
    """
    name = name or f"mobilenetv2_{alpha:0.2f}_{_trained_size(input_shape, weights)}"
    options = Options(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    if weights == "imagenet" and alpha not in _WIDTHS:
        raise ArgumentError(
            f"{name}: weights of 'imagenet' are there for alpha {', '.join(map(str, _WIDTHS))}. Got {alpha}."
        )
    image = options.image(_trained_size(input_shape, None), 32)
    stem = layers.Conv2D(round_channels(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")
    x = _relu(_norm(stem(image), "bn_Conv1"), "Conv1_relu")
    block = 0
    for widening, channels, count, first in _GROUPS:
        for k in range(count):
            x = _block(x, widening, round_channels(channels * alpha), first if k == 0 else 1, block)
            block += 1
    last = round_channels(1280 * max(alpha, 1.0))
    x = layers.Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    x = _relu(_norm(x, "Conv_1_bn"), "out_relu")
    x = options.pooled(x, names=False)
    trained = published("mobilenet_v2")[0].removesuffix(".h5")
    file = f"{trained}_{float(alpha)}_{_trained_size(input_shape, None)}"
    return options.model(image, x, (f"{file}.h5", f"{file}_no_top.h5"))


def _block(x: Any, widening: int, channels: int, stride: int, number: int) -> Any:
    prefix, narrow = f"block_{number}_" if number else "expanded_conv_", x
    if number:
        x = layers.Conv2D(widening * x.shape[-1], 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = _relu(_norm(x, f"{prefix}expand_BN"), f"{prefix}expand_relu")
    if stride == 2:
        x = layers.ZeroPadding2D(same_padding(x, 3), name=f"{prefix}pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=f"{prefix}depthwise")(x)
    x = _relu(_norm(x, f"{prefix}depthwise_BN"), f"{prefix}depthwise_relu")
    x = layers.Conv2D(channels, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = _norm(x, f"{prefix}project_BN")
    if stride == 1 and narrow.shape[-1] == channels:
        x = layers.Add(name=f"{prefix}add")([narrow, x])
    return x


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(epsilon=1e-3, momentum=0.999, name=name)(x)


def _relu(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=name)(x)


def _trained_size(input_shape: Any, weights: Any) -> int:
    return mobile_size("MobileNetV2", input_shape, _SIZES, warn=weights == "imagenet")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale images with values 0 to 255 to -1 to 1 (`imagenet_utils.preprocess_input` with mode "tf")."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
