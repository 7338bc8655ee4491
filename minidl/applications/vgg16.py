"""VGG16: thirteen convolutions of 3 × 3, in five blocks that each end in pooling, and three dense layers."""

from __future__ import annotations

from collections.abc import Sequence

from minidl import layers
from minidl.applications.building import Options, Parts, network, published
from minidl.applications.imagenet_utils import decode_predictions, preprocess_input

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

_HASHES = "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"


def vgg(options: Options, deep: Sequence[int]) -> Parts:
    """Return a VGG of blocks with so many convolutions each."""
    x = image = options.image(224, 32)
    for block, (count, channels) in enumerate(zip(deep, (64, 128, 256, 512, 512), strict=True), 1):
        for k in range(1, count + 1):
            x = layers.Conv2D(channels, 3, padding="same", activation="relu", name=f"block{block}_conv{k}")(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if options.include_top:
        x = layers.Flatten(name="flatten")(x)
        for k in (1, 2):
            x = layers.Dense(4096, activation="relu", name=f"fc{k}")(x)
        x = layers.Dense(options.classes, activation=options.classifier_activation, name="predictions")(x)
    else:
        x = options.pooled(x, names=False)
    return image, x


@network("vgg16", published("vgg16"), _HASHES)
def VGG16(options: Options) -> Parts:
    """VGG16, of 138 million weights, 124 million of them in the dense layers at its top.

    Source: Simonyan & Zisserman, arXiv:1409.1556, table 1, D

    >>> VGG16(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 512)
    """
    return vgg(options, (2, 2, 3, 3, 3))
