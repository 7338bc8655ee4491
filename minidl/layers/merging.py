"""Layers that make one tensor of several."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Annotated, Any, ClassVar

import numpy as np

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.kinds import one_or
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import INTEGERS, is_shape
from minidl.ops.common.checks import normalize_axis
from minidl.tensor import Tensor


class Merge(OptionLayer):
    """Base of layers over a list of inputs: the elementwise ones combine them, two at a time, with `combine`.

    Inputs of fewer axes get axes of size 1 after the batch axis; sizes of 1 are stretched. The output's mask is True
    where any input's is; it has one only if all inputs have.
    """

    supports_masking = True
    combine: ClassVar[Any]  # function of two tensors

    def check(self, shapes: Any, least: int = 2) -> list[tuple[int | None, ...]]:
        """Return the shapes, once they are several and of one batch size."""
        if is_shape(shapes):
            raise ShapeError(f"{who(self)}: a list of inputs is needed. Got one, of shape {tuple(shapes)}.")
        shapes = [tuple(s) for s in shapes]
        if len(shapes) < least:
            raise ShapeError(f"{who(self)}: at least {least} inputs are needed. Got {len(shapes)}.")
        if len({s[0] for s in shapes if s and s[0] is not None}) > 1:
            raise ShapeError(f"{who(self)}: all inputs must have the same batch size. Got shapes {shapes}.")
        return shapes

    def build(self, input_shape: Any) -> None:
        """Check that the shapes fit each other."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the inputs combined."""
        rank = max(x.ndim for x in inputs)
        return self.merge([x if x.ndim == rank else _with_rank(x, rank) for x in inputs])

    def merge(self, inputs: list[Any]) -> Any:
        """Return inputs of equal rank combined."""
        return reduce(type(self).combine, inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the broadcast shape; a size is None where it is not known."""
        shapes = self.check(input_shape, least=1)
        rank = max(map(len, shapes))
        columns = zip(*[(1,) * (rank - len(s)) + s[1:] for s in shapes], strict=True)
        found = []
        for column in columns:
            known = {n for n in column if n not in (None, 1)}
            if len(known) > 1:
                raise ShapeError(f"{who(self)}: the inputs' sizes must be equal, or 1 where they differ. Got {shapes}.")
            found.append(None if None in column else known.pop() if known else 1)
        batches = {s[0] for s in shapes if s[0] is not None}
        return (batches.pop() if batches else None, *found)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return where any input counts; None when an input has no mask, for then all of it counts."""
        masks = self.masks(inputs, mask)
        if any(m is None for m in masks):
            return None
        return Tensor.wrap(reduce(np.logical_or, [np.asarray(m) for m in masks]))

    def masks(self, inputs: Any, mask: Any) -> list[Any]:
        """Return one mask for each input, or None.

        Raises
        ------
        ArgumentError : no list, or another number of masks than of inputs
        """
        if mask is None:
            return [None]
        if not isinstance(mask, list | tuple) or not isinstance(inputs, list | tuple) or len(mask) != len(inputs):
            kinds = " and ".join(
                f"{len(x)}" if isinstance(x, list | tuple) else f"a {type(x).__name__}" for x in (inputs, mask)
            )
            raise ArgumentError(f"{who(self)}: inputs and mask must be lists of one length. Got {kinds}.")
        return list(mask)


class Add(Merge):
    """a + b + …

    >>> Add()([Tensor([[1.0, 2.0]]), Tensor([[10.0, 20.0]])]).numpy()
    array([[11., 22.]], dtype=float32)
    """

    combine = staticmethod(F.add)


class Subtract(Merge):
    """a - b, of two inputs."""

    combine = staticmethod(F.subtract)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the broadcast shape of two inputs."""
        if len(self.check(input_shape)) != 2:
            raise ShapeError(f"{who(self)}: two inputs are needed. Got {len(input_shape)}.")
        return super().compute_output_shape(input_shape)


class Multiply(Merge):
    """a * b * …, masked steps left out: a step masked in all inputs is 0."""

    combine = staticmethod(F.multiply)

    def merge(self, inputs: list[Any]) -> Any:
        """Return the product; a masked value counts as 1."""
        masks = [_full_mask(x) for x in inputs]
        product = super().merge([_where(mask, x, 1.0) for x, mask in zip(inputs, masks, strict=True)])
        known = [mask for mask in masks if mask is not None]
        return _where(reduce(np.logical_or, known), product, 0.0) if len(known) == len(masks) else product


class Extreme(Merge):
    """Base of Maximum and Minimum, whose masked values do not count where another input has one that does."""

    def merge(self, inputs: list[Any]) -> Any:
        """Return the inputs combined, two at a time; where one of the two is masked, the other one is taken."""
        found, found_mask = inputs[0], _full_mask(inputs[0])
        for x in inputs[1:]:
            mask = _full_mask(x)
            x = _where(mask, x, found)
            found = type(self).combine(_where(found_mask, found, x), x)
            found_mask = None if mask is None or found_mask is None else found_mask | mask
        return found


class Average(Merge):
    """The mean of the inputs."""

    def merge(self, inputs: list[Any]) -> Any:
        """Return the sum over the number of inputs."""
        return reduce(F.add, inputs) * (1 / len(inputs))


class Maximum(Extreme):
    """The largest of the inputs, element by element."""

    combine = staticmethod(F.maximum)


class Minimum(Extreme):
    """The smallest of the inputs, element by element."""

    combine = staticmethod(F.minimum)


class Concatenate(Merge):
    """The inputs one after another along `axis`; the other axes must agree.

    >>> Concatenate()([Tensor([[1.0, 2.0]]), Tensor([[3.0]])]).numpy()
    array([[1., 2., 3.]], dtype=float32)
    """

    axis: int = -1

    def call(self, inputs: Any) -> Any:
        """Return the inputs joined."""
        return F.concatenate(inputs, self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape with the sizes of `axis` added up."""
        shapes = [tuple(s) for s in ([] if is_shape(input_shape) else input_shape)]
        if not shapes:
            raise ShapeError(f"{who(self)}: a list of inputs is needed. Got one, of shape {tuple(input_shape)}.")
        rank = len(shapes[0])
        if not -rank <= self.axis < rank or any(len(s) != rank for s in shapes):
            raise ShapeError(f"{who(self)}: the inputs must have equal ranks and an axis {self.axis}. Got {shapes}.")
        axis = self.axis % rank
        found: list[int | None] = []
        for i, column in enumerate(zip(*shapes, strict=True)):
            if i == axis:
                found.append(None if None in column else sum(column))
                continue
            known = {n for n in column if n is not None}
            if len(known) > 1:
                raise ShapeError(
                    f"{who(self)}: all sizes but those of axis {self.axis} must agree. Got {shapes}; axis {i} differs."
                )
            found.append(known.pop() if known else None)
        return tuple(found)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the masks joined; an input without one counts everywhere."""
        masks = self.masks(inputs, mask)
        if all(m is None for m in masks):
            return None
        full = []
        for x, m in zip(inputs, masks, strict=True):
            full.append(np.ones(x.shape, bool) if m is None else _stretched(m, x))
        return Tensor.wrap(np.asarray(np.concatenate(full, self.axis).any(axis=-1)))


class Dot(Merge):
    """The dot product of two inputs, sample by sample, over one axis of each.

    Parameters
    ----------
    axes : the axis to sum over, in both inputs or as a pair; not the batch axis 0
    normalize : scale both to length 1 along their axis first: the result is the cosine of their angle

    Shapes: the axes of the first but the summed one, then those of the second but its batch and summed one; (N, 1) for
    two vectors.

    >>> Dot(axes=1)([Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0]])]).numpy()
    array([[11.]], dtype=float32)
    """

    axes: Annotated[Any, one_or(tuple)]
    normalize: bool = False

    def _axes(self, shapes: Any) -> tuple[int, int]:
        given = (self.axes, self.axes) if isinstance(self.axes, INTEGERS) else self.axes
        shapes = self.check(shapes)
        if len(shapes) != 2 or len(given) != 2 or min(map(len, shapes)) < 2:
            raise ShapeError(f"{who(self)}: two inputs of at least two axes are needed. Got shapes {shapes}.")
        a, b = (normalize_axis(who(self), axis, len(shape), shape) for axis, shape in zip(given, shapes, strict=True))
        left, right = shapes[0][a], shapes[1][b]
        if a == 0 or b == 0 or (None not in (left, right) and left != right):
            raise ShapeError(
                f"{who(self)}: the summed axes must have the same size, and not be the batch axis. "
                f"Got axes {self.axes} of shapes {shapes}."
            )
        return a, b

    def call(self, inputs: Any) -> Any:
        """Return the product, as one matrix product a sample: (N, rest of a, K) times (N, K, rest of b)."""
        first, second = inputs
        a, b = self._axes([first.shape, second.shape])
        if self.normalize:
            first, second = _unit(first, a), _unit(second, b)
        left = [i for i in range(1, first.ndim) if i != a]
        right = [i for i in range(1, second.ndim) if i != b]
        shape = self.compute_output_shape([first.shape, second.shape])
        n, inner = first.shape[0], first.shape[a]
        rows = int(np.prod([first.shape[i] for i in left]))
        columns = int(np.prod([second.shape[i] for i in right]))
        first = F.reshape(F.transpose(first, (0, *left, a)), (n, rows, inner))
        second = F.reshape(F.transpose(second, (0, b, *right)), (n, inner, columns))
        return F.reshape(F.matmul(first, second), shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, rest of the first, rest of the second)."""
        a, b = self._axes(input_shape)
        first, second = (list(s) for s in input_shape)
        del first[a], second[b]
        shape = (*first, *second[1:])
        return shape if len(shape) > 1 else (*shape, 1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None: a sum over masked steps has no mask."""


def _with_rank(x: Any, rank: int) -> Any:
    """Return x with axes of size 1 after the batch axis."""
    return F.reshape(x, (x.shape[0], *(1,) * (rank - x.ndim), *x.shape[1:]))


def _full_mask(x: Any) -> np.ndarray | None:
    """Return the mask of x in x's shape, or None."""
    mask = getattr(x, "_keras_mask", None)
    return None if mask is None else _stretched(mask, x)


def _stretched(mask: Any, x: Any) -> np.ndarray:
    """Return a mask (N, ...), with axes of size 1 behind, in x's shape."""
    values = np.asarray(mask).astype(bool)
    return np.broadcast_to(values.reshape(values.shape + (1,) * (x.ndim - values.ndim)), x.shape)


def _where(mask: np.ndarray | None, x: Any, other: Any) -> Any:
    """Return x where the mask is True, else the other value; x where there is no mask."""
    return x if mask is None else F.where(Tensor.wrap(mask), x, other)


def _unit(x: Any, axis: int) -> Any:
    length = F.sqrt(F.maximum(F.reduce_sum(F.square(x), axis, keepdims=True), 1e-12))
    return x / length


def _form(layer_class: Any) -> Callable[..., Any]:
    """Return the function of a list of inputs that calls a new layer of the class."""

    def merged(inputs: Any, **kwargs: Any) -> Any:
        return layer_class(**kwargs)(inputs)

    merged.__name__ = merged.__qualname__ = layer_class.__name__.lower()
    merged.__doc__ = f"Return what the layer {layer_class.__name__} gives. {layer_class.__doc__}"
    return merged


add, subtract, multiply = _form(Add), _form(Subtract), _form(Multiply)
average, maximum, minimum = _form(Average), _form(Maximum), _form(Minimum)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Return the inputs joined along `axis`, as the layer Concatenate does."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Return the dot product of two inputs, as the layer Dot does."""
    return Dot(axes=axes, **kwargs)(inputs)
