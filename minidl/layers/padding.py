"""Padding, cropping and enlarging of sequences and images."""

from __future__ import annotations

from typing import Annotated, Any

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.kinds import Layout, Size, Sizes, one_of
from minidl.layers.base.options import Kind, OptionLayer
from minidl.layers.base.spatial import check_rank, sizes, who
from minidl.layers.base.symbolic import INTEGERS

Pairs = tuple[tuple[int, int], ...]


def pairs(layer: Any, name: str, value: Any) -> Pairs:
    """Return ((top, bottom), (left, right)) for one integer, two, or two pairs."""
    sides = (value, value) if isinstance(value, INTEGERS) else tuple(value) if isinstance(value, list | tuple) else ()
    found = tuple((s, s) if isinstance(s, INTEGERS) else tuple(s) if isinstance(s, list | tuple) else () for s in sides)
    if len(found) != 2 or not all(len(p) == 2 and all(isinstance(n, INTEGERS) and n >= 0 for n in p) for p in found):
        raise ArgumentError(
            f"{who(layer)}: {name} must be an integer >= 0, (rows, columns), or ((top, bottom), (left, right)). "
            f"Got {value!r}."
        )
    return found


BothEnds = Annotated[Any, Kind(lambda layer, name, value: sizes(layer, name, value, 2, least=0))]
FourSides = Annotated[Any, Kind(pairs)]


class Ends(OptionLayer):
    """Base of layers that add something at both ends of each spatial axis, or cut something off."""

    rank = 2
    sign = 1  # -1 where it is cut off

    @property
    def sides(self) -> Pairs:
        """(before, after) of each spatial axis."""
        given = self.padding if self.sign > 0 else self.cropping
        return given if self.rank == 2 else (given,)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the sizes, those of both ends added or taken away.

        Raises
        ------
        ShapeError : nothing would be left
        """
        check_rank(self, input_shape, self.rank + 2)
        ends = zip(input_shape[1:-1], self.sides, strict=True)
        lengths = [None if n is None else n + self.sign * sum(side) for n, side in ends]
        if self.sign < 0 and any(n is not None and n < 1 for n in lengths):
            raise ShapeError(f"{who(self)}: cropping {self.cropping} leaves nothing of {tuple(input_shape)}.")
        return (input_shape[0], *lengths, input_shape[-1])


class ZeroPadding(Ends):
    """Base of paddings."""

    def call(self, inputs: Any) -> Any:
        """Return the inputs with zeros around."""
        self.compute_output_shape(inputs.shape)
        return F.pad(inputs, ((0, 0), *self.sides, (0, 0)))


class ZeroPadding1D(ZeroPadding):
    """Add zero steps before and after: x (N, T, C) -> (N, before + T + after, C).

    >>> ZeroPadding1D((1, 0))([[[5.0]]]).numpy().ravel()
    array([0., 5.], dtype=float32)
    """

    rank = 1

    padding: BothEnds = 1
    data_format: Layout = None


class ZeroPadding2D(ZeroPadding):
    """Add rows and columns of zeros around images: x (N, H, W, C) -> (N, top + H + bottom, left + W + right, C).

    Parameters
    ----------
    padding : one number for all sides, (rows, columns), or ((top, bottom), (left, right))

    >>> import numpy as np
    >>> ZeroPadding2D(((0, 1), (2, 0)))(np.ones((1, 4, 4, 3), np.float32)).shape
    (1, 5, 6, 3)
    """

    padding: FourSides = (1, 1)
    data_format: Layout = None


class Cropping(Ends):
    """Base of croppings."""

    sign = -1

    def call(self, inputs: Any) -> Any:
        """Return the inside."""
        self.compute_output_shape(inputs.shape)
        inside = (slice(a, n - b) for (a, b), n in zip(self.sides, inputs.shape[1:-1], strict=True))
        return inputs[(slice(None), *inside)]


class Cropping1D(Cropping):
    """Cut steps off the beginning and the end: x (N, T, C) -> (N, T - before - after, C)."""

    rank = 1

    cropping: BothEnds = (1, 1)


class Cropping2D(Cropping):
    """Cut rows and columns off images: x (N, H, W, C) -> (N, H - top - bottom, W - left - right, C).

    >>> import numpy as np
    >>> Cropping2D(((1, 2), (0, 1)))(np.ones((1, 8, 8, 3), np.float32)).shape
    (1, 5, 7, 3)
    """

    cropping: FourSides = ((0, 0), (0, 0))
    data_format: Layout = None


class UpSampling1D(OptionLayer):
    """Repeat every step `size` times: x (N, T, C) -> (N, T * size, C).

    >>> UpSampling1D(2)([[[1.0], [2.0]]]).numpy().ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """

    computes_in_floats = True

    size: Size = 2

    def call(self, inputs: Any) -> Any:
        """Return the longer sequences."""
        check_rank(self, inputs.shape, 3)
        return F.squeeze(F.upsample2d(F.expand_dims(inputs, 1), (1, self.size)), 1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, steps * size, channels)."""
        check_rank(self, input_shape, 3)
        batch, steps, channels = input_shape
        return batch, None if steps is None else steps * self.size, channels


class UpSampling2D(OptionLayer):
    """Enlarge images by whole factors: x (N, H, W, C) -> (N, H * rows, W * columns, C).

    Parameters
    ----------
    size : (rows, columns), or one factor for both
    interpolation : "nearest" repeats pixels, "bilinear" draws straight lines between their centres

    >>> import numpy as np
    >>> UpSampling2D((2, 3))(np.ones((1, 4, 4, 3), np.float32)).shape
    (1, 8, 12, 3)
    """

    computes_in_floats = True
    rank = 2

    size: Sizes = (2, 2)
    data_format: Layout = None
    interpolation: Annotated[str, one_of("nearest", "bilinear")] = "nearest"

    def call(self, inputs: Any) -> Any:
        """Return the larger images."""
        check_rank(self, inputs.shape, 4)
        return F.upsample2d(inputs, self.size, self.interpolation)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, rows * size, columns * size, channels)."""
        check_rank(self, input_shape, 4)
        lengths = (None if n is None else n * s for n, s in zip(input_shape[1:3], self.size, strict=True))
        return (input_shape[0], *lengths, input_shape[3])
