"""InceptionV3: convolutions of several sizes side by side, large ones split into smaller."""

from __future__ import annotations

from typing import Any

from minidl import layers
from minidl.applications import imagenet_utils
from minidl.applications.building import Options, Parts, network, published
from minidl.applications.imagenet_utils import decode_predictions

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

_HASHES = "9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"
Steps = tuple[tuple[int, tuple[int, int]], ...]  # channels and kernel of convolutions one after the other
POINT, SQUARE, ROW, COLUMN = (1, 1), (3, 3), (1, 7), (7, 1)


def _convolved(x: Any, *steps: tuple[int, tuple[int, int]], strides: int = 1, padding: str = "same") -> Any:
    """Convolutions with batch normalization, without a scale since relu follows; the last has stride and padding."""
    for k, (channels, kernel) in enumerate(steps, 1):
        last = {"strides": strides, "padding": padding} if k == len(steps) else {"padding": "same"}
        x = layers.Conv2D(channels, kernel, use_bias=False, **last)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(scale=False)(x))
    return x


def _mixed(x: Any, name: str, *branches: Steps, pooled: int) -> Any:
    """Branches of convolutions side by side, and one of average pooling."""
    sides = [_convolved(x, *branch) for branch in branches]
    around = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    return layers.Concatenate(name=name)([*sides, _convolved(around, (pooled, POINT))])


def _halved(x: Any, name: str, *branches: Steps) -> Any:
    """Branches that halve height and width, and one of maximum pooling."""
    sides = [_convolved(x, *branch, strides=2, padding="valid") for branch in branches]
    return layers.Concatenate(name=name)([*sides, layers.MaxPooling2D(3, strides=2)(x)])


@network("inception_v3", published("inception_v3"), _HASHES)
def InceptionV3(options: Options) -> Parts:
    """InceptionV3, of 23.9 million weights, for images of side 299.

    Source: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, arXiv:1512.00567, table 1

    >>> InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3)).output_shape
    (None, 1, 1, 2048)
    """
    image = options.image(299, 75)
    x = _convolved(image, (32, SQUARE), strides=2, padding="valid")
    x = _convolved(x, (32, SQUARE), padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(_convolved(x, (64, SQUARE)))
    x = _convolved(x, (80, POINT), padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(_convolved(x, (192, SQUARE), padding="valid"))
    for k, pooled in enumerate((32, 64, 64)):
        x = _mixed(
            x, f"mixed{k}", ((64, POINT),), ((48, POINT), (64, (5, 5))), ((64, POINT), (96, SQUARE), (96, SQUARE)),
            pooled=pooled,
        )  # fmt: skip
    x = _halved(x, "mixed3", ((384, SQUARE),), ((64, POINT), (96, SQUARE), (96, SQUARE)))
    for k, n in enumerate((128, 160, 160, 192), 4):
        cross = ((n, POINT), (n, ROW), (192, COLUMN))
        double = ((n, POINT), (n, COLUMN), (n, ROW), (n, COLUMN), (192, ROW))
        x = _mixed(x, f"mixed{k}", ((192, POINT),), cross, double, pooled=192)
    x = _halved(
        x, "mixed8", ((192, POINT), (320, SQUARE)), ((192, POINT), (192, ROW), (192, COLUMN), (192, SQUARE))
    )  # fmt: skip
    for k in (0, 1):
        single = _convolved(x, (320, POINT))
        forked = _forked(_convolved(x, (384, POINT)), f"mixed9_{k}")
        deeper = _forked(_convolved(x, (448, POINT), (384, SQUARE)))
        around = layers.AveragePooling2D(3, strides=1, padding="same")(x)
        x = layers.Concatenate(name=f"mixed{9 + k}")([single, forked, deeper, _convolved(around, (192, POINT))])
    return image, options.pooled(x, names=options.include_top)


def _forked(x: Any, name: str | None = None) -> Any:
    """A row and a column of 3, side by side."""
    return layers.Concatenate(name=name)([_convolved(x, (384, (1, 3))), _convolved(x, (384, (3, 1)))])


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale images with values 0 to 255 to -1 to 1 (`imagenet_utils.preprocess_input` with mode "tf")."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
