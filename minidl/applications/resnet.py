"""The residual networks of 2015: ResNet50, 101 and 152."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import layers
from minidl.applications.building import Options, Parts, network, published
from minidl.applications.imagenet_utils import decode_predictions, preprocess_input

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

_HASHES = {
    "resnet50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
}


def stem(image: Any, **convolution: Any) -> Any:
    """Return the convolution of 7 × 7 that all these networks begin with."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    return layers.Conv2D(64, 7, strides=2, name="conv1_conv", **convolution)(x)


def pool(x: Any) -> Any:
    """Return the maximum that follows."""
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(layers.ZeroPadding2D(1, name="pool1_pad")(x))


def norm(x: Any, name: str) -> Any:
    """Return batch normalization, with the epsilon that the published weights were trained with."""
    return layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)


def relu(x: Any, name: str) -> Any:
    """Return relu."""
    return layers.Activation("relu", name=name)(x)


def _block(x: Any, channels: int, stride: int, shortcut: bool, name: str) -> Any:
    """Three convolutions, of 1 × 1 to few channels, 3 × 3, and 1 × 1 to four times as many, beside a shortcut."""
    before = x
    if shortcut:
        before = norm(layers.Conv2D(4 * channels, 1, strides=stride, name=f"{name}_0_conv")(x), f"{name}_0")
    x = layers.Conv2D(channels, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = relu(norm(x, f"{name}_1"), f"{name}_1_relu")
    x = layers.Conv2D(channels, 3, padding="same", name=f"{name}_2_conv")(x)
    x = relu(norm(x, f"{name}_2"), f"{name}_2_relu")
    x = norm(layers.Conv2D(4 * channels, 1, name=f"{name}_3_conv")(x), f"{name}_3")
    return relu(layers.Add(name=f"{name}_add")([before, x]), f"{name}_out")


def _resnet(options: Options, deep: Sequence[int]) -> Parts:
    image = options.image(224, 32)
    x = pool(relu(norm(stem(image), "conv1"), "conv1_relu"))
    for stage, (count, channels) in enumerate(zip(deep, (64, 128, 256, 512), strict=True), 2):
        for k in range(1, count + 1):
            stride = 2 if k == 1 and stage > 2 else 1
            x = _block(x, channels, stride, k == 1, f"conv{stage}_block{k}")
    return image, options.pooled(x)


@network("resnet50", published("resnet50", "resnet"), _HASHES["resnet50"])
def ResNet50(options: Options) -> Parts:
    """ResNet50, of 25.6 million weights.

    Source: He, Zhang, Ren & Sun, arXiv:1512.03385, table 1

    >>> ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2048)
    """
    return _resnet(options, (3, 4, 6, 3))


@network("resnet101", published("resnet101", "resnet"), _HASHES["resnet101"])
def ResNet101(options: Options) -> Parts:
    """ResNet101, of 44.7 million weights.

    Source: He, Zhang, Ren & Sun, arXiv:1512.03385, table 1

    >>> ResNet101(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2048)
    """
    return _resnet(options, (3, 4, 23, 3))


@network("resnet152", published("resnet152", "resnet"), _HASHES["resnet152"])
def ResNet152(options: Options) -> Parts:
    """ResNet152, of 60.4 million weights.

    Source: He, Zhang, Ren & Sun, arXiv:1512.03385, table 1

    >>> ResNet152(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2048)
    """
    return _resnet(options, (3, 8, 36, 3))
