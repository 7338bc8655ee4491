"""The small residual network for 32 × 32 images."""

from __future__ import annotations

from typing import Any

from minidl import layers
from minidl.models import Model


def ResNet20(
    input_shape: tuple[int, int, int] = (32, 32, 3), classes: int = 10, blocks: int = 3, name: str = "resnet20"
) -> Model:
    """Return the residual network with 6 * blocks + 2 weight layers, in stages of 16, 32 and 64 channels.

    Parameters
    ----------
    input_shape : (H, W, C), sides divisible by 4
    classes : number of outputs, a softmax over them
    blocks : residual blocks a stage; 3 makes ResNet-20, 5 ResNet-32

    Source: He, Zhang, Ren & Sun, arXiv:1512.03385, section 4.2 (with a 1 × 1 convolution where shapes change).

    >>> ResNet20(blocks=1).output_shape
    (None, 10)
    """
    inputs = layers.Input(input_shape)
    x = _convolution(inputs, 16, 3, 1, "stem")
    x = layers.ReLU(name="stem_relu")(x)
    for stage, channels in enumerate((16, 32, 64)):
        for block in range(blocks):
            strides = 2 if stage and block == 0 else 1
            x = _residual_block(x, channels, strides, f"s{stage + 1}b{block + 1}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="output")(x)
    return Model(inputs, outputs, name=name)


def _residual_block(x: Any, channels: int, strides: int, name: str) -> Any:
    """relu(x + F(x)): two 3 × 3 convolutions beside a shortcut that lets the gradient through."""
    y = _convolution(x, channels, 3, strides, f"{name}_1")
    y = layers.ReLU(name=f"{name}_1_relu")(y)
    y = _convolution(y, channels, 3, 1, f"{name}_2")
    shortcut = x
    if strides != 1 or x.shape[-1] != channels:
        shortcut = _convolution(x, channels, 1, strides, f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([y, shortcut]))


def _convolution(x: Any, channels: int, size: int, strides: int, name: str) -> Any:
    # No bias: the batch normalisation that follows has one of its own.
    convolution = layers.Conv2D(
        channels,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )
    x = convolution(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)
