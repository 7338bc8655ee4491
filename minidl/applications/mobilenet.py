"""MobileNet: depthwise convolutions, each followed by one of 1 × 1, for telephones and cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import layers
from minidl.applications import imagenet_utils
from minidl.applications.building import ADDRESS, Options, mobile_size
from minidl.applications.imagenet_utils import decode_predictions
from minidl.errors import ArgumentError
from minidl.models import Model

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

# Channels and stride of the thirteen pairs.
_PAIRS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
_SIZES = (128, 160, 192, 224)
_WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}


def MobileNet(
    input_shape: Sequence[int | None] | None = None, alpha: float = 1.0, depth_multiplier: int = 1,
    dropout: float = 1e-3, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
    pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = None,
) -> Model:  # fmt: skip
    """Return MobileNet, of 4.2 million weights.

    Arguments as of the other networks (`minidl.applications.building.ARGUMENTS`), and

    alpha : width: so many of the published channels; weights of "imagenet" are there for 0.25, 0.5, 0.75 and 1
    depth_multiplier : output channels of each depthwise convolution for one of its input
    dropout : share of the pooled features that is dropped in training, with top

    Source: Howard et al., arXiv:1704.04861, table 1

    >>> MobileNet((32, 32, 3), alpha=0.25, weights=None, classes=10).count_params()
    221114
    """
    name = name or f"mobilenet_{alpha:0.2f}_{_trained_size(input_shape, weights)}"
    options = Options(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    if weights == "imagenet" and (alpha not in _WIDTHS or depth_multiplier != 1):
        raise ArgumentError(
            f"{name}: weights of 'imagenet' are there for alpha 0.25, 0.5, 0.75 or 1 and depth_multiplier 1. Got "
            f"{alpha} and {depth_multiplier}."
        )
    image = options.image(_trained_size(input_shape, None), 32)
    convolution = layers.Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")
    x = _normalized(convolution(image), "conv1")
    for k, (channels, stride) in enumerate(_PAIRS, 1):
        if stride == 2:
            x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{k}")(x)
        depthwise = layers.DepthwiseConv2D(
            3, strides=stride, padding="same" if stride == 1 else "valid", depth_multiplier=depth_multiplier,
            use_bias=False, name=f"conv_dw_{k}",
        )  # fmt: skip
        x = _normalized(depthwise(x), f"conv_dw_{k}")
        pointwise = layers.Conv2D(int(channels * alpha), 1, padding="same", use_bias=False, name=f"conv_pw_{k}")
        x = _normalized(pointwise(x), f"conv_pw_{k}")
    if include_top:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((classes,), name="reshape_2")(x)
        x = layers.Activation(classifier_activation, name="predictions")(x)
    else:
        x = options.pooled(x, names=False)
    files = f"{ADDRESS}mobilenet/mobilenet_{_WIDTHS.get(alpha)}_{_trained_size(input_shape, None)}_tf"
    return options.model(image, x, (f"{files}.h5", f"{files}_no_top.h5"))


def _trained_size(input_shape: Any, weights: Any) -> int:
    return mobile_size("MobileNet", input_shape, _SIZES, warn=weights == "imagenet")


def _normalized(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale images with values 0 to 255 to -1 to 1 (`imagenet_utils.preprocess_input` with mode "tf")."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
