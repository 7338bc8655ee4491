"""DenseNet: every layer of a block is given what all layers before it in the block have made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import layers
from minidl.applications import imagenet_utils
from minidl.applications.building import Options, Parts, network, published
from minidl.applications.imagenet_utils import decode_predictions
from minidl.applications.resnet import norm, relu

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

_HASHES = {
    "densenet121": ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}
GROWTH = 32


def _layer(x: Any, name: str) -> Any:
    """Return x and, behind its channels, GROWTH new ones."""
    new = relu(norm(x, f"{name}_0"), f"{name}_0_relu")
    new = layers.Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = relu(norm(new, f"{name}_1"), f"{name}_1_relu")
    new = layers.Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(new)
    return layers.Concatenate(name=f"{name}_concat")([x, new])


def _densenet(options: Options, deep: Sequence[int]) -> Parts:
    image = options.image(224, 32)
    x = layers.ZeroPadding2D(3)(image)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1)(relu(norm(x, "conv1"), "conv1_relu"))
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, count in enumerate(deep, 2):
        if stage > 2:
            x = relu(norm(x, f"pool{stage - 1}"), f"pool{stage - 1}_relu")
            x = layers.Conv2D(x.shape[-1] // 2, 1, use_bias=False, name=f"pool{stage - 1}_conv")(x)
            x = layers.AveragePooling2D(2, strides=2, name=f"pool{stage - 1}_pool")(x)
        for k in range(1, count + 1):
            x = _layer(x, f"conv{stage}_block{k}")
    x = layers.BatchNormalization(epsilon=1.001e-5, name="bn")(x)
    x = options.pooled(relu(x, "relu"))
    return image, x


@network("densenet121", published("densenet121", "densenet"), _HASHES["densenet121"])
def DenseNet121(options: Options) -> Parts:
    """DenseNet121, of 8.1 million weights.

    Source: Huang, Liu, van der Maaten & Weinberger, arXiv:1608.06993, table 1

    >>> DenseNet121(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1024)
    """
    return _densenet(options, (6, 12, 24, 16))


@network("densenet169", published("densenet169", "densenet"), _HASHES["densenet169"])
def DenseNet169(options: Options) -> Parts:
    """DenseNet169, of 14.3 million weights.

    Source: Huang, Liu, van der Maaten & Weinberger, arXiv:1608.06993, table 1

    >>> DenseNet169(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1664)
    """
    return _densenet(options, (6, 12, 32, 32))


@network("densenet201", published("densenet201", "densenet"), _HASHES["densenet201"])
def DenseNet201(options: Options) -> Parts:
    """DenseNet201, of 20.2 million weights.

    Source: Huang, Liu, van der Maaten & Weinberger, arXiv:1608.06993, table 1

    >>> DenseNet201(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1920)
    """
    return _densenet(options, (6, 12, 48, 32))


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale images with values 0 to 255 to 0 to 1, then by ImageNet's mean and deviation (mode "torch")."""
    return imagenet_utils.preprocess_input(x, data_format, "torch")
