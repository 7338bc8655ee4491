"""Cutting and resizing images: CenterCrop, RandomCrop, Resizing."""

from __future__ import annotations

from typing import Annotated, Any

from minidl import functional as F
from minidl.layers.base.kinds import Layout, Seed, Size, only
from minidl.layers.base.options import after
from minidl.layers.images.augmentation import ImageLayer, Interpolation, RandomImageLayer
from minidl.layers.images.warping import resize_weights
from minidl.tensor import Tensor


def resize(images: Any, height: int, width: int, interpolation: str = "bilinear") -> Any:
    """Return images (N, H, W, C) of another size: rows @ image @ columns^T."""
    _, rows, columns, _ = images.shape
    if (rows, columns) == (height, width):
        return images
    by_row = Tensor.wrap(resize_weights(rows, height, interpolation, images.dtype))
    by_column = Tensor.wrap(resize_weights(columns, width, interpolation, images.dtype))
    # A matrix product acts on the last axis, so each axis in turn is brought there: first columns, then rows.
    x = F.matmul(F.transpose(images, (0, 1, 3, 2)), F.transpose(by_column))
    x = F.matmul(F.transpose(x, (0, 3, 2, 1)), F.transpose(by_row))
    return F.transpose(x, (0, 3, 1, 2))


def largest_window(rows: int, columns: int, height: int, width: int) -> tuple[slice, slice]:
    """Return the middle of the image, as large as it can be with the sides' ratio height : width."""
    crop_rows = max(min(rows, int(columns * height / width)), 1)
    crop_columns = max(min(columns, int(rows * width / height)), 1)
    top, left = (rows - crop_rows) // 2, (columns - crop_columns) // 2
    return slice(top, top + crop_rows), slice(left, left + crop_columns)


OnlyFalse = Annotated[bool, only(False, "use ZeroPadding2D, or resize by a whole factor", saved=True)]


class SizedLayer(ImageLayer):
    """Base of layers whose images have a size of their own."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (…, height, width, channels)."""
        self.check_images(input_shape)
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])


class CenterCrop(SizedLayer):
    """Cut out the middle of images; an image too small is first enlarged.

    >>> import numpy as np
    >>> CenterCrop(2, 2)(np.arange(16.0).reshape(4, 4, 1)).numpy()[..., 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """

    height: Size
    width: Size
    data_format: Layout = None

    def change(self, images: Any, training: bool) -> Any:
        """Return the middle."""
        _, rows, columns, _ = images.shape
        if rows < self.height or columns < self.width:
            window = largest_window(rows, columns, self.height, self.width)
            return resize(images[(slice(None), *window)], self.height, self.width)
        top, left = (rows - self.height) // 2, (columns - self.width) // 2
        return images[:, top : top + self.height, left : left + self.width]


class RandomCrop(RandomImageLayer, SizedLayer):
    """In training, cut a window out of the images, at one random place for the whole batch.

    Outside training, and of images that are too small, the largest window of the same ratio is resized.
    """

    height: Size
    width: Size
    seed: Seed = None
    data_format: Layout = None
    name = after("data_format", None)

    def change(self, images: Any, training: bool) -> Any:
        """Return the windows."""
        _, rows, columns, _ = images.shape
        if training and rows >= self.height and columns >= self.width:
            top, left = self.uniform(2, 0, 1)
            top = int(top * (rows - self.height + 1))
            left = int(left * (columns - self.width + 1))
            return images[:, top : top + self.height, left : left + self.width]
        window = largest_window(rows, columns, self.height, self.width)
        return resize(images[(slice(None), *window)], self.height, self.width)


class Resizing(SizedLayer):
    """Resize images to (height, width).

    Parameters
    ----------
    interpolation : "bilinear" or "nearest"
    crop_to_aspect_ratio : cut off the edges rather than distort
    pad_to_aspect_ratio, antialias : only False is supported; fill_mode and fill_value belong to the first

    >>> import numpy as np
    >>> Resizing(1, 2)(np.array([[1.0, 2.0, 3.0, 4.0]]).reshape(1, 4, 1)).numpy().ravel()
    array([1.5, 3.5], dtype=float32)
    """

    height: Size
    width: Size
    interpolation: Interpolation = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: OnlyFalse = False
    fill_mode: str = "constant"
    fill_value: float = 0.0
    antialias: OnlyFalse = False
    data_format: Layout = None

    def change(self, images: Any, training: bool) -> Any:
        """Return the images in their new size."""
        if self.crop_to_aspect_ratio:
            _, rows, columns, _ = images.shape
            images = images[(slice(None), *largest_window(rows, columns, self.height, self.width))]
        return resize(images, self.height, self.width, self.interpolation)
