"""Random changes of images in training, so that a network sees each image in many forms."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from minidl import functional as F
from minidl.config import SeedGenerator
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.kinds import Given, Layout, Seed, one_of
from minidl.layers.base.layer import _TRAINING
from minidl.layers.base.options import Kind, OptionLayer
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import NUMBERS
from minidl.layers.images.warping import FILL_MODES, INTERPOLATIONS, affine_warp
from minidl.ops.common.philox import philox_uniform
from minidl.tensor import Tensor


def factor_range(layer: Any, name: str, factor: Any) -> tuple[float, float]:
    """Return (lowest, highest): (-f, f) of one number f.

    Raises
    ------
    ArgumentError : a number outside [-1, 1]
    """
    if isinstance(factor, NUMBERS):
        low, high = -abs(float(factor)), abs(float(factor))
    elif isinstance(factor, list | tuple) and len(factor) == 2:
        low, high = sorted(map(float, factor))
    else:
        raise ArgumentError(f"{who(layer)}: {name} must be a number or a pair. Got {factor!r}.")
    if low < -1 or high > 1:
        raise ArgumentError(f"{who(layer)}: {name} must lie in [-1, 1]; it is a share. Got {factor!r}.")
    return low, high


def contrast_range(layer: Any, name: str, factor: Any) -> tuple[Any, Any]:
    """Return (lower, upper) of one number or two, all of them in [0, 1]."""
    lower, upper = (factor, factor) if isinstance(factor, NUMBERS) else factor
    if not (0 <= lower <= 1 and 0 <= upper <= 1):
        raise ArgumentError(f"{who(layer)}: {name} must be one or two numbers in [0, 1]. Got {factor!r}.")
    return (lower, upper)


FillMode = Annotated[str, one_of(*FILL_MODES)]
Interpolation = Annotated[str, one_of(*INTERPOLATIONS)]


class ImageLayer(OptionLayer):
    """Base of layers over images: one (H, W, C) or a batch (N, H, W, C), of any dtype.

    As in Keras, a layer called on its own trains unless told otherwise; inside a model it does as the model.
    """

    def _resolve_training(self, kwargs: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        if kwargs.get("training") is None and _TRAINING.get() is None:
            kwargs = {**kwargs, "training": True}
        return super()._resolve_training(kwargs)

    def call(self, data: Any, training: Any = True) -> Any:
        """Return the images changed, as the layer's dtype."""
        self.check_images(data.shape)
        images = data.astype(self.dtype)
        if images.ndim == 4:
            return self.change(images, bool(training))
        return F.squeeze(self.change(F.expand_dims(images, 0), bool(training)), 0)

    def change(self, images: Any, training: bool) -> Any:
        """Return the images (N, H, W, C) changed."""
        raise NotImplementedError(f"{type(self).__name__} must define change(images, training)")

    def check_images(self, shape: Any) -> None:
        """Raise ShapeError unless it is the shape of one image or of a batch."""
        if len(shape) not in (3, 4):
            raise ShapeError(
                f"{who(self)}: images must be (rows, columns, channels) or a batch of them. Got {tuple(shape)}. "
                "Is the channel axis missing? x[..., None] adds one."
            )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        self.check_images(input_shape)
        return tuple(input_shape)


class RandomImageLayer(ImageLayer):
    """Base of random changes: numbers for each image, from a seed and a counter. Outside training nothing changes.

    No gradient flows through a turned, shifted or enlarged image: put these layers first.
    """

    def __post_init__(self) -> None:
        self.generator = SeedGenerator(self.seed)

    def change(self, images: Any, training: bool) -> Any:
        """Return the images, disturbed in training."""
        return self.disturb(images) if training else images

    def disturb(self, images: Any) -> Any:
        """Return the images (N, H, W, C), each of them changed at random."""
        raise NotImplementedError(f"{type(self).__name__} must define disturb(images)")

    def uniform(self, count: int, low: float, high: float) -> np.ndarray:
        """Return `count` numbers in [low, high), new ones at every call."""
        seed, offset = self.generator.next()
        return low + (high - low) * philox_uniform(seed, offset, count, np.float64)


class RandomFlip(RandomImageLayer):
    """Mirror each image with probability 1/2: left and right, top and bottom, or (both, together) both.

    Parameters
    ----------
    mode : "horizontal", "vertical" or "horizontal_and_vertical"
    """

    mode: Annotated[str, one_of("horizontal", "vertical", "horizontal_and_vertical")] = "horizontal_and_vertical"
    seed: Seed = None
    data_format: Layout = None

    def disturb(self, images: Any) -> Any:
        """Return the images, about half of them mirrored."""
        flips = self.uniform(images.shape[0], 0, 1) <= 0.5
        flipped = images
        if "horizontal" in self.mode:
            flipped = F.flip(flipped, 2)
        if "vertical" in self.mode:
            flipped = F.flip(flipped, 1)
        return F.where(Tensor.wrap(flips[:, None, None, None]), flipped, images)


class RandomWarp(RandomImageLayer):
    """Base of random turns, shifts and zooms; a subclass gives the maps of places in `matrices`."""

    def matrices(self, count: int, rows: int, columns: int) -> np.ndarray:
        """Return (count, 2, 3): for each image the map from output to input places (see `affine_warp`)."""
        raise NotImplementedError(f"{type(self).__name__} must define matrices(count, rows, columns)")

    def disturb(self, images: Any) -> Any:
        """Return the images warped."""
        matrices = self.matrices(*images.shape[:3])
        return Tensor.wrap(affine_warp(images.numpy(), matrices, self.fill_mode, self.interpolation, self.fill_value))


class RandomRotation(RandomWarp):
    """Turn each image about its centre by a random angle.

    Parameters
    ----------
    factor : the largest angle as a share of a whole turn, to both sides: 0.05 is ±18°; or (lowest, highest)
    fill_mode, fill_value : what comes in at the edges; see `warping.affine_warp`
    """

    factor: Annotated[Any, Kind(factor_range)]
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: float = 0.0
    data_format: Layout = None

    def matrices(self, count: int, rows: int, columns: int) -> np.ndarray:
        """Return the maps of random angles."""
        return self.turns(self.uniform(count, *self.factor) * 2 * math.pi, rows, columns)

    def turns(self, angles: np.ndarray, rows: int, columns: int) -> np.ndarray:
        """Return the maps that turn by these angles, in radians, about the centre of the image."""
        cos, sin = np.cos(angles), np.sin(angles)
        x, y = (columns - 1) / 2, (rows - 1) / 2
        return np.stack(
            [np.stack([cos, -sin, x - x * cos + y * sin], -1), np.stack([sin, cos, y - x * sin - y * cos], -1)], axis=1
        )


class RandomTranslation(RandomWarp):
    """Shift each image by random parts of its height and width.

    Parameters
    ----------
    height_factor, width_factor : the largest shift as a share of the size, to both sides; or (lowest, highest)
    """

    height_factor: Given
    width_factor: Given
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: float = 0.0
    data_format: Layout = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.height_range = factor_range(self, "height_factor", self.height_factor)
        self.width_range = factor_range(self, "width_factor", self.width_factor)

    def matrices(self, count: int, rows: int, columns: int) -> np.ndarray:
        """Return the maps of random shifts: what moves down by dy is looked up dy higher."""
        found = np.zeros((count, 2, 3))
        found[:, 0, 0] = found[:, 1, 1] = 1
        found[:, 1, 2] = -self.uniform(count, *self.height_range) * rows
        found[:, 0, 2] = -self.uniform(count, *self.width_range) * columns
        return found


class RandomZoom(RandomWarp):
    """Show each image nearer (negative factors) or from further away (positive ones).

    Parameters
    ----------
    height_factor : 0.2 for 80 % … 120 % of the height seen; or (lowest, highest)
    width_factor : the same for the width; None keeps the ratio of the sides
    """

    height_factor: Given
    width_factor: Any = None
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: float = 0.0
    data_format: Layout = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.height_range = factor_range(self, "height_factor", self.height_factor)
        same = self.width_factor is None
        self.width_range = None if same else factor_range(self, "width_factor", self.width_factor)

    def matrices(self, count: int, rows: int, columns: int) -> np.ndarray:
        """Return the maps that stretch places about the centre."""
        vertical = 1 + self.uniform(count, *self.height_range)
        horizontal = vertical if self.width_range is None else 1 + self.uniform(count, *self.width_range)
        found = np.zeros((count, 2, 3))
        found[:, 0, 0], found[:, 0, 2] = horizontal, (columns - 1) / 2 * (1 - horizontal)
        found[:, 1, 1], found[:, 1, 2] = vertical, (rows - 1) / 2 * (1 - vertical)
        return found


class RandomContrast(RandomImageLayer):
    """Stretch the values of each image and channel about their mean by a random factor.

    Parameters
    ----------
    factor : 0.2 for factors of 0.8 … 1.2; or (lower, upper) for 1 - lower … 1 + upper
    value_range : results are clipped to it
    """

    factor: Annotated[Any, Kind(contrast_range)]
    value_range: Annotated[Any, Kind(lambda layer, name, value: tuple(value))] = (0, 255)
    seed: Seed = None
    data_format: Layout = None

    def disturb(self, images: Any) -> Any:
        """Return (images - mean) * factor + mean."""
        lower, upper = self.factor
        factors = self.uniform(images.shape[0], 1 - lower, 1 + upper).astype(images.dtype)[:, None, None, None]
        mean = F.reduce_mean(images, (1, 2), keepdims=True)
        return F.clip((images - mean) * Tensor.wrap(factors) + mean, *self.value_range)
