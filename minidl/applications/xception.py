"""Xception: separable convolutions, with a shortcut round each two or three of them."""

from __future__ import annotations

from typing import Any

from minidl import layers
from minidl.applications import imagenet_utils
from minidl.applications.building import Options, Parts, network, published
from minidl.applications.imagenet_utils import decode_predictions

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

_HASHES = "0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"


def _separable(x: Any, channels: int, name: str) -> Any:
    x = layers.SeparableConv2D(channels, 3, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def _relu(x: Any, name: str) -> Any:
    return layers.Activation("relu", name=f"{name}_act")(x)


def _halved(x: Any, channels: tuple[int, int], block: int) -> Any:
    """Two separable convolutions, then half the height and width, on the shortcut too."""
    shortcut = layers.Conv2D(channels[1], 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = layers.BatchNormalization()(shortcut)
    for k in (1, 2):
        if block > 2 or k == 2:  # the first block's input has just been through relu
            x = _relu(x, f"block{block}_sepconv{k}")
        x = _separable(x, channels[k - 1], f"block{block}_sepconv{k}")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return layers.Add()([x, shortcut])


@network("xception", published("xception"), _HASHES)
def Xception(options: Options) -> Parts:
    """Xception, of 22.9 million weights, for images of side 299.

    Source: Chollet, arXiv:1610.02357, figure 5

    >>> Xception(weights=None, include_top=False, input_shape=(71, 71, 3)).output_shape
    (None, 3, 3, 2048)
    """
    x = image = options.image(299, 71)
    for k, (channels, stride) in enumerate(((32, 2), (64, 1)), 1):
        x = layers.Conv2D(channels, 3, strides=stride, use_bias=False, name=f"block1_conv{k}")(x)
        x = _relu(layers.BatchNormalization(name=f"block1_conv{k}_bn")(x), f"block1_conv{k}")
    for block, channels in enumerate((128, 256, 728), 2):
        x = _halved(x, (channels, channels), block)
    for block in range(5, 13):
        before = x
        for k in (1, 2, 3):
            x = _separable(_relu(x, f"block{block}_sepconv{k}"), 728, f"block{block}_sepconv{k}")
        x = layers.Add()([x, before])
    x = _halved(x, (728, 1024), 13)
    for k, channels in enumerate((1536, 2048), 1):
        x = _relu(_separable(x, channels, f"block14_sepconv{k}"), f"block14_sepconv{k}")
    return image, options.pooled(x, names=options.include_top)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale images with values 0 to 255 to -1 to 1 (`imagenet_utils.preprocess_input` with mode "tf")."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
