"""What the networks of ImageNet share when they are built: where they begin and end, and their published weights."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from minidl import layers
from minidl.errors import ArgumentError
from minidl.layers.base.symbolic import SymbolicTensor
from minidl.models import Model

ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/"
Parts = tuple[Any, Any]  # what a network begins at, and its last layer's output
ARGUMENTS = """
    include_top : with the layers that classify
    weights : "imagenet": published ones, from the web or a cache (where they cannot be had, that is an error: they are
        never random); None: random ones; or the path of a file
    input_tensor : a symbolic tensor that the network begins at
    input_shape : (H, W, C); None is the published one, without top any height and width
    pooling : without top "avg" or "max" over all places, or None
    classes : with top, number of classes; with "imagenet" 1000
    classifier_activation : of the top; None for logits
    name : the model's

    Raises
    ------
    ArgumentError : arguments that do not go together
    DownloadError : the weights are not cached, and cannot be fetched
    """


@dataclass(frozen=True)
class Options:
    """What every network takes, under Keras' names: `ARGUMENTS`."""

    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Sequence[int | None] | None
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str

    def __post_init__(self) -> None:
        rule = f"{self.name}: "
        known = self.weights in (None, "imagenet")
        if not known and not os.path.exists(self.weights):
            raise ArgumentError(
                rule + f"weights is None for random ones, 'imagenet', or the path of a file. Got {self.weights!r}, "
                "which is no file."
            )
        if self.weights == "imagenet" and self.include_top and self.classes != 1000:
            raise ArgumentError(
                rule + f"the top of 'imagenet' has 1000 classes. Got classes={self.classes}; for other classes take "
                "include_top=False and a Dense layer of your own, or weights=None."
            )
        if self.weights is not None and self.include_top and self.classifier_activation not in (None, "softmax"):
            raise ArgumentError(
                rule + "classifier_activation is 'softmax' or None where weights are loaded, since they were trained "
                f"with softmax. Got {self.classifier_activation!r}."
            )
        if self.pooling not in (None, "avg", "max"):
            raise ArgumentError(rule + f"pooling is None, 'avg' or 'max'. Got {self.pooling!r}.")

    def image(self, default: int, smallest: int) -> Any:
        """Return the symbolic tensor that the network begins at."""
        if self.input_tensor is not None:
            if not isinstance(self.input_tensor, SymbolicTensor):
                given = type(self.input_tensor).__name__
                raise ArgumentError(f"{self.name}: input_tensor is an Input or a layer's output. Got a {given}.")
            return self.input_tensor
        return layers.Input(self._shape(default, smallest))

    def _shape(self, default: int, smallest: int) -> tuple[int | None, ...]:
        published = (default, default, 3)
        if self.input_shape is None:
            return published if self.include_top else (None, None, 3)
        shape = tuple(self.input_shape)
        if len(shape) != 3:
            raise ArgumentError(f"{self.name}: input_shape is (height, width, channels). Got {shape}.")
        if self.weights == "imagenet" and self.include_top and shape != published:
            raise ArgumentError(
                f"{self.name}: with its top and the weights of 'imagenet' input_shape is {published}. Got {shape}; "
                "without top it may be another."
            )
        if self.weights == "imagenet" and shape[2] != 3:
            raise ArgumentError(f"{self.name}: the weights of 'imagenet' are for 3 channels. Got input_shape {shape}.")
        if any(side is not None and side < smallest for side in shape[:2]):
            raise ArgumentError(f"{self.name}: images have sides of at least {smallest}. Got input_shape {shape}.")
        if self.include_top and None in shape:
            raise ArgumentError(f"{self.name}: with its top a network needs an input_shape without None. Got {shape}.")
        return shape

    def pooled(self, x: Any, classify: bool = True, dropout: float = 0.0, names: bool = True) -> Any:
        """Return global average pooling and a softmax of the classes; without top, the pooling that is asked for."""
        if not self.include_top:
            if self.pooling is None:
                return x
            layer = layers.GlobalAveragePooling2D if self.pooling == "avg" else layers.GlobalMaxPooling2D
            return layer(name=f"{self.pooling}_pool" if names else None)(x)
        if not classify:
            return x
        x = layers.GlobalAveragePooling2D(name="avg_pool" if names else None)(x)
        if dropout:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        return layers.Dense(self.classes, activation=self.classifier_activation, name="predictions")(x)

    def model(self, image: Any, x: Any, files: tuple[str, str], hashes: tuple[str, str] | None = None) -> Model:
        """Return the model, its weights loaded; `files`, `hashes`: of the published weights, with top and without."""
        model = Model(_sources(image), x, name=self.name)
        path = self.weights
        if path == "imagenet":
            from minidl.utils import get_file

            address, md5 = files[not self.include_top], hashes[not self.include_top] if hashes else None
            path = get_file(address.rpartition("/")[2], address, cache_subdir="models", file_hash=md5)
        if path is not None:
            model.load_weights(path)
        return model


def network(name: str, files: tuple[str, str], hashes: tuple[str, str]) -> Callable[..., Callable[..., Model]]:
    """Make of a function from `Options` to `Parts` one that has Keras' arguments and returns a model."""

    def decorate(build: Callable[[Options], Parts]) -> Callable[..., Model]:
        def make(
            include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
            input_shape: Sequence[int | None] | None = None, pooling: str | None = None, classes: int = 1000,
            classifier_activation: Any = "softmax", name: str = name,
        ) -> Model:  # fmt: skip
            options = Options(
                include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
            )
            return options.model(*build(options), files, hashes)

        make.__name__ = make.__qualname__ = build.__name__
        make.__module__ = build.__module__
        make.__doc__ = f"{(build.__doc__ or '').rstrip()}\n\n{ARGUMENTS}"
        return make

    return decorate


def _sources(tensor: Any) -> Any:
    """Return the inputs that a symbolic tensor is computed from: itself, if it is one."""
    found: dict[int, Any] = {}
    waiting = [tensor]
    while waiting:
        here = waiting.pop()
        if here.node.is_input:
            found[id(here)] = here
        waiting.extend(here.node.inputs)
    return next(iter(found.values())) if len(found) == 1 else [*found.values()][::-1]


def published(network: str, folder: str = "") -> tuple[str, str]:
    """Return the addresses of a network's weights with top and without, named as most are.

    >>> published("vgg16")[1].rpartition("/")[2]
    'vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5'
    """
    first = f"{ADDRESS}{folder or network}/{network}_weights_tf_dim_ordering_tf_kernels"
    return f"{first}.h5", f"{first}_notop.h5"


def mobile_size(name: str, input_shape: Any, sizes: Sequence[int], warn: bool) -> int:
    """Return for what size of images the weights were trained that fit: the given square one of `sizes`, else 224."""
    shape = tuple(input_shape or ())
    if len(shape) == 3 and shape[0] == shape[1] and shape[0] in sizes:
        return int(shape[0])
    if shape and warn:
        warnings.warn(
            f"{name}: its weights were trained for square images of {', '.join(map(str, sizes))}; for input_shape "
            f"{shape} those of 224 are loaded.",
            stacklevel=4,
        )
    return 224


def same_padding(x: Any, kernel: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the zeros around x before a convolution with stride 2, as in training: fewer above and left."""
    half = kernel // 2
    above = [half - 1 if side is None or side % 2 == 0 else half for side in x.shape[1:3]]
    return (above[0], half), (above[1], half)


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of the divisor, up where down would lose more than a tenth.

    Source: Sandler et al., arXiv:1801.04381, and Tan & Le, arXiv:1905.11946, whose widths are rounded so.

    >>> round_channels(32 * 1.1), round_channels(32 * 0.35)
    (32, 16)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return int(rounded + divisor if rounded < 0.9 * channels else rounded)
