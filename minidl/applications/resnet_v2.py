"""The residual networks of 2016, which normalize and bend before each convolution: ResNet50V2, 101V2 and 152V2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import layers
from minidl.applications import imagenet_utils
from minidl.applications.building import Options, Parts, network, published
from minidl.applications.imagenet_utils import decode_predictions
from minidl.applications.resnet import norm, pool, relu, stem

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

_HASHES = {
    "resnet50v2": ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}


def _block(x: Any, channels: int, stride: int, shortcut: bool, name: str) -> Any:
    before = x
    x = relu(norm(x, f"{name}_preact"), f"{name}_preact_relu")
    if shortcut:
        before = layers.Conv2D(4 * channels, 1, strides=stride, name=f"{name}_0_conv")(x)
    elif stride > 1:
        before = layers.MaxPooling2D(1, strides=stride)(before)
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_1_conv")(x)
    x = relu(norm(x, f"{name}_1"), f"{name}_1_relu")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(channels, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = relu(norm(x, f"{name}_2"), f"{name}_2_relu")
    x = layers.Conv2D(4 * channels, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([before, x])


def _resnet(options: Options, deep: Sequence[int]) -> Parts:
    image = options.image(224, 32)
    x = pool(stem(image))
    for stage, (count, channels) in enumerate(zip(deep, (64, 128, 256, 512), strict=True), 2):
        for k in range(1, count + 1):
            stride = 2 if k == count and stage < 5 else 1
            x = _block(x, channels, stride, k == 1, f"conv{stage}_block{k}")
    x = relu(norm(x, "post"), "post_relu")
    return image, options.pooled(x)


@network("resnet50v2", published("resnet50v2", "resnet"), _HASHES["resnet50v2"])
def ResNet50V2(options: Options) -> Parts:
    """ResNet50V2, of 25.6 million weights.

    Source: He, Zhang, Ren & Sun, arXiv:1603.05027

    >>> ResNet50V2(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2048)
    """
    return _resnet(options, (3, 4, 6, 3))


@network("resnet101v2", published("resnet101v2", "resnet"), _HASHES["resnet101v2"])
def ResNet101V2(options: Options) -> Parts:
    """ResNet101V2, of 44.7 million weights.

    Source: He, Zhang, Ren & Sun, arXiv:1603.05027

    >>> ResNet101V2(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2048)
    """
    return _resnet(options, (3, 4, 23, 3))


@network("resnet152v2", published("resnet152v2", "resnet"), _HASHES["resnet152v2"])
def ResNet152V2(options: Options) -> Parts:
    """ResNet152V2, of 60.4 million weights.

    Source: He, Zhang, Ren & Sun, arXiv:1603.05027

    >>> ResNet152V2(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2048)
    """
    return _resnet(options, (3, 8, 36, 3))


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale images with values 0 to 255 to -1 to 1 (`imagenet_utils.preprocess_input` with mode "tf")."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
