"""EfficientNet: blocks as MobileNetV2's with a gate for each channel, in eight sizes."""

from __future__ import annotations

import math
from typing import Any

from minidl import layers
from minidl.applications.building import Options, Parts, network, round_channels, same_padding
from minidl.applications.imagenet_utils import TORCH_DEVIATION, decode_predictions

_ADDRESS = "https://storage.googleapis.com/keras-applications/efficientnet"
_HASHES = (
    ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
)
# Of each size: width, depth, side of its images, dropout before the top.
_SIZES = (
    (1.0, 1.0, 224, 0.2), (1.0, 1.1, 240, 0.2), (1.1, 1.2, 260, 0.3), (1.2, 1.4, 300, 0.3),
    (1.4, 1.8, 380, 0.4), (1.6, 2.2, 456, 0.4), (1.8, 2.6, 528, 0.5), (2.0, 3.1, 600, 0.5),
)  # fmt: skip
# Of each group of blocks: kernel, blocks, channels, how much wider they are inside, stride of the first.
_GROUPS = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1), (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)  # fmt: skip
_DROPPED = 0.2  # share of images for which the last block is left out in training; of earlier ones less


def _efficientnet(options: Options, size: int) -> Parts:
    width, depth, side, dropout = _SIZES[size]
    image = options.image(side, 32)
    x = layers.Normalization()(layers.Rescaling(1 / 255)(image))
    if options.weights == "imagenet":  # which were trained with a variance where the deviation belongs
        x = layers.Rescaling([1 / math.sqrt(deviation) for deviation in TORCH_DEVIATION])(x)
    x = layers.ZeroPadding2D(same_padding(x, 3), name="stem_conv_pad")(x)
    x = _convolution(x, round_channels(32 * width), "stem_conv", kernel=3, strides=2, padding="valid")
    x = _bent(x, "stem_")
    counts = [math.ceil(depth * count) for _, count, *_ in _GROUPS]
    done = 0
    for group, ((kernel, _, channels, widening, first), count) in enumerate(zip(_GROUPS, counts, strict=True), 1):
        for k in range(count):
            stride, dropped = first if k == 0 else 1, _DROPPED * done / sum(counts)
            x = _block(
                x, kernel, stride, round_channels(channels * width), widening, dropped, f"block{group}{chr(97 + k)}_"
            )
            done += 1
    x = _bent(_convolution(x, round_channels(1280 * width), "top_conv"), "top_")
    return image, options.pooled(x, dropout=dropout)


def _block(x: Any, kernel: int, stride: int, channels: int, widening: int, dropped: float, name: str) -> Any:
    narrow = x
    inside = x.shape[-1] * widening
    if widening != 1:
        x = _bent(_convolution(x, inside, f"{name}expand_conv"), f"{name}expand_")
    if stride == 2:
        x = layers.ZeroPadding2D(same_padding(x, kernel), name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False, name=f"{name}dwconv"
    )(x)
    x = _bent(x, name)
    gate = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    gate = layers.Reshape((1, 1, inside), name=f"{name}se_reshape")(gate)
    few = max(1, narrow.shape[-1] // 4)
    gate = layers.Conv2D(few, 1, padding="same", activation="silu", name=f"{name}se_reduce")(gate)
    gate = layers.Conv2D(inside, 1, padding="same", activation="sigmoid", name=f"{name}se_expand")(gate)
    x = layers.Multiply(name=f"{name}se_excite")([x, gate])
    x = _convolution(x, channels, f"{name}project_conv")
    x = layers.BatchNormalization(name=f"{name}project_bn")(x)
    if stride == 1 and narrow.shape[-1] == channels:
        if dropped:
            x = layers.Dropout(dropped, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
        x = layers.Add(name=f"{name}add")([x, narrow])
    return x


def _convolution(x: Any, channels: int, name: str, kernel: int = 1, strides: int = 1, padding: str = "same") -> Any:
    return layers.Conv2D(channels, kernel, strides=strides, padding=padding, use_bias=False, name=name)(x)


def _bent(x: Any, name: str) -> Any:
    return layers.Activation("silu", name=f"{name}activation")(layers.BatchNormalization(name=f"{name}bn")(x))


def _sized(size: int) -> Any:
    def build(options: Options) -> Parts:
        return _efficientnet(options, size)

    build.__name__, build.__module__ = f"EfficientNetB{size}", __name__
    build.__doc__ = f"""EfficientNetB{size}, for images of side {_SIZES[size][2]}, of values 0 to 255, which it scales.

    Source: Tan & Le, arXiv:1905.11946, table 1
    """
    files = f"{_ADDRESS}b{size}.h5", f"{_ADDRESS}b{size}_notop.h5"
    return network(f"efficientnetb{size}", files, _HASHES[size])(build)


EfficientNetB0, EfficientNetB1, EfficientNetB2, EfficientNetB3 = map(_sized, range(4))
EfficientNetB4, EfficientNetB5, EfficientNetB6, EfficientNetB7 = map(_sized, range(4, 8))


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return x: the network scales its images itself."""
    return x


__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
    "EfficientNetB6", "EfficientNetB7", "decode_predictions", "preprocess_input",
]  # fmt: skip
