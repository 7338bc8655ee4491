"""Ops that move values about and compute nothing: reshape, transpose, join, cut, pad, stretch.

Their backwards run the same road the other way. `reshape`, `transpose` and `slice` return views; so do the
backwards of `concatenate`, `stack` and `pad`, which cut pieces out of `dy`.
"""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.ops.common.broadcasting import unbroadcast
from minidl.ops.common.checks import normalize_axis, require_array, require_same_dtype
from minidl.ops.op import KerasForm, Op

Key = tuple[Any, ...]


class ShapeCache(NamedTuple):
    """The shape of the input."""

    shape: tuple[int, ...]


class TransposeCache(NamedTuple):
    """For each axis of y, the axis of x that it was."""

    axes: tuple[int, ...]


class ConcatenateCache(NamedTuple):
    """The joined axis, and how much of it each input gave."""

    axis: int
    sizes: tuple[int, ...]


class StackCache(NamedTuple):
    """The new axis, and how many arrays it holds."""

    axis: int
    number: int


class PadCache(NamedTuple):
    """The shape of the input and ((before, after), ...) for each axis."""

    shape: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]


class SliceCache(NamedTuple):
    """The shape of the input and the key as a tuple; whether there are arrays of places in the key."""

    shape: tuple[int, ...]
    key: Key
    has_arrays: bool = False


def reshape_forward(x: np.ndarray, *, shape: tuple[int, ...]) -> tuple[np.ndarray, ShapeCache]:
    """Return the same values in row-major order under another shape; one size may be -1, "what is left".

    Returns
    -------
    y : `shape`; a view of `x` where its memory allows one

    Raises
    ------
    ShapeError : the sizes do not multiply to the number of values

    >>> reshape_forward(np.arange(6), shape=(2, -1))[0].tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    require_array("reshape", "x", x)
    target = _sizes("reshape", shape)
    unknown = [i for i, size in enumerate(target) if size == -1]
    if len(unknown) > 1 or min(target, default=0) < -1:
        raise ShapeError(f"reshape: sizes must be positive, and one may be -1. Got {target} for x {x.shape}.")
    known = math.prod(size for size in target if size != -1)
    fits = known == x.size if not unknown else known > 0 and x.size % known == 0
    if not fits:
        product = " * ".join("n" if size == -1 else str(size) for size in target) or "1"
        hint = " The first axis is the batch: was it left out?" if x.ndim > 1 else ""
        raise ShapeError(
            f"reshape: {x.size} values of shape {x.shape} cannot take the shape {target}. "
            f"Got {product}{'' if unknown else f' = {known}'}, expected {x.size}.{hint}"
        )
    return x.reshape(target), ShapeCache(x.shape)


def reshape_backward(dy: np.ndarray, cache: ShapeCache) -> tuple[np.ndarray]:
    """Each value is where it was, under another name: dx is dy under x's shape."""
    return (dy.reshape(cache.shape),)


def transpose_forward(x: np.ndarray, *, axes: tuple[int, ...] | None = None) -> tuple[np.ndarray, TransposeCache]:
    """Reorder the axes: axis `i` of `y` is axis `axes[i]` of `x`; `None` reverses them. `y` is a view.

    Raises
    ------
    ArgumentError : `axes` does not name every axis once

    >>> transpose_forward(np.zeros((2, 3, 4)), axes=(2, 0, 1))[0].shape
    (4, 2, 3)
    """
    require_array("transpose", "x", x)
    order = tuple(reversed(range(x.ndim))) if axes is None else tuple(axes)
    found = tuple(normalize_axis("transpose", axis, x.ndim, x.shape) for axis in order)
    if sorted(found) != list(range(x.ndim)):
        raise ArgumentError(
            f"transpose: axes must name each of the {x.ndim} axes once. Got {order} for shape {x.shape}. "
            "The batch axis counts too."
        )
    return x.transpose(found), TransposeCache(found)


def transpose_backward(dy: np.ndarray, cache: TransposeCache) -> tuple[np.ndarray]:
    """The inverse permutation brings each axis back: argsort says where axis i of x went."""
    back = sorted(range(len(cache.axes)), key=cache.axes.__getitem__)
    return (dy.transpose(back),)


def concatenate_forward(*xs: np.ndarray, axis: int = -1) -> tuple[np.ndarray, ConcatenateCache]:
    """Join arrays end to end along an axis they have.

    Raises
    ------
    ArgumentError : nothing to join, or no such axis
    ShapeError : ranks differ, or sizes differ along another axis
    DTypeError : dtypes differ

    >>> concatenate_forward(np.zeros((2, 3)), np.ones((2, 1)), axis=1)[0].tolist()
    [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
    """
    shapes = _shapes("concatenate", xs)
    axis = normalize_axis("concatenate", axis, xs[0].ndim, shapes[0])
    for i, shape in enumerate(shapes):
        if len(shape) != len(shapes[0]) or any(
            n != m for j, (n, m) in enumerate(zip(shape, shapes[0], strict=True)) if j != axis
        ):
            raise ShapeError(
                f"concatenate: all axes but axis {axis} must agree. Got {shapes[0]} for input 0 and {shape} "
                f"for input {i}. Another axis meant, or a crop or padding missing?"
            )
    sizes = tuple(shape[axis] for shape in shapes)
    y = np.empty_like(xs[0], shape=(*shapes[0][:axis], sum(sizes), *shapes[0][axis + 1 :]))
    return np.concatenate(xs, axis=axis, out=y), ConcatenateCache(axis, sizes)


def concatenate_backward(dy: np.ndarray, cache: ConcatenateCache) -> tuple[np.ndarray, ...]:
    """Each input receives the stretch of dy in which it lies."""
    ends = np.cumsum(cache.sizes)[:-1]
    return tuple(np.split(dy, ends, axis=cache.axis))


def stack_forward(*xs: np.ndarray, axis: int = 0) -> tuple[np.ndarray, StackCache]:
    """Lay arrays of one shape side by side along a new axis. Errors as for `concatenate_forward`.

    >>> stack_forward(np.zeros(3), np.ones(3), axis=1)[0].shape
    (3, 2)
    """
    shapes = _shapes("stack", xs)
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ShapeError(
                f"stack: all shapes must agree. Got {shapes[0]} for input 0 and {shape} for input {i}. "
                "To join along an axis that exists, use concatenate."
            )
    axis = normalize_axis("stack", axis, xs[0].ndim + 1)
    y = np.empty_like(xs[0], shape=(*shapes[0][:axis], len(xs), *shapes[0][axis:]))
    return np.stack(xs, axis=axis, out=y), StackCache(axis, len(xs))


def stack_backward(dy: np.ndarray, cache: StackCache) -> tuple[np.ndarray, ...]:
    """Input i is dy at position i of the new axis."""
    return tuple(np.moveaxis(dy, cache.axis, 0)[i, ...] for i in range(cache.number))


def pad_forward(
    x: np.ndarray, *, padding: tuple[tuple[int, int], ...], value: float = 0.0
) -> tuple[np.ndarray, PadCache]:
    """Put a frame of `value` around `x`: ((before, after), ...), one pair for each axis.

    Raises
    ------
    ShapeError : not one pair an axis
    ArgumentError : a width is negative (use slice to cut)

    >>> pad_forward(np.ones((1, 2)), padding=((0, 0), (2, 1)))[0]
    array([[0., 0., 1., 1., 0.]])
    """
    require_array("pad", "x", x)
    try:
        pairs = tuple((operator.index(before), operator.index(after)) for before, after in padding)
    except (TypeError, ValueError):
        pairs = ()
    if len(pairs) != x.ndim:
        raise ShapeError(
            f"pad: padding must hold one pair of integers (before, after) for each of {x.ndim} axes. "
            f"Got {padding} for x {x.shape}. The batch and channel axes take (0, 0)."
        )
    if any(width < 0 for pair in pairs for width in pair):
        raise ArgumentError(f"pad: widths must not be negative. Got {pairs}. To cut values off, use slice.")
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, pairs, strict=True))
    y = np.empty_like(x, shape=shape)
    y.fill(value)
    y[_inside(x.shape, pairs)] = x
    return y, PadCache(x.shape, pairs)


def pad_backward(dy: np.ndarray, cache: PadCache) -> tuple[np.ndarray]:
    """The frame is constant and has no gradient: cut it off."""
    return (dy[_inside(cache.shape, cache.padding)],)


def slice_forward(x: np.ndarray, *, key: Any) -> tuple[np.ndarray, SliceCache]:
    """Return `x[key]`, as NumPy does: a view for integers, slices with any step, None and Ellipsis, or a tuple of them.

    With arrays (or lists) of integers or booleans in the key it is a copy: integers name places, in any order and as
    often as wanted, booleans say of each place whether it is taken.

    Raises
    ------
    ArgumentError : another kind of key, too many axes, or an integer out of range

    >>> slice_forward(np.arange(12).reshape(3, 4), key=(-1, slice(None, None, -2)))[0]
    array([11,  9])
    >>> slice_forward(np.array([[1, 2], [3, 4]]), key=[1, 1, 0])[0].tolist()
    [[3, 4], [3, 4], [1, 2]]
    """
    require_array("slice", "x", x)
    parts = tuple(
        np.asarray(part) if isinstance(part, list | tuple) else part
        for part in (key if isinstance(key, tuple) else (key,))
    )
    for part in parts:
        if isinstance(part, np.ndarray):
            known = part.dtype.kind in "iub"
        else:
            known = part is None or part is Ellipsis or isinstance(part, slice | int | np.integer)
        if not known or isinstance(part, bool | np.bool_):
            raise ArgumentError(
                "slice: a key is made of integers, slices, None, ... and arrays of integers or booleans. "
                f"Got {part!r:.60}."
            )
    has_arrays = any(isinstance(part, np.ndarray) for part in parts)
    if not any(part is Ellipsis for part in parts):
        parts = (*parts, Ellipsis)  # so that NumPy returns an array, not a scalar, for a single value
    try:
        return x[parts], SliceCache(x.shape, parts, has_arrays)
    except (IndexError, ValueError, TypeError) as error:
        raise ArgumentError(f"slice: the key does not fit. Got key {key!r:.200} for x {x.shape}: {error}.") from None


def slice_backward(dy: np.ndarray, cache: SliceCache) -> tuple[np.ndarray]:
    """What the key took receives dy, what it left 0. An array of places may take a value twice: it receives both."""
    dx = np.zeros(cache.shape, dy.dtype)
    if cache.has_arrays:
        np.add.at(dx, cache.key, dy)  # Trap: `dx[key] += dy` would keep only the last of equal places
    else:
        dx[cache.key] = dy
    return (dx,)


def broadcast_to_forward(x: np.ndarray, *, shape: tuple[int, ...]) -> tuple[np.ndarray, ShapeCache]:
    """Copy `x` along new axes and axes of size 1 until it has `shape`.

    Raises
    ------
    ShapeError : `x` cannot be stretched to `shape`

    >>> broadcast_to_forward(np.array([[1.0], [2.0]]), shape=(2, 3))[0].tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    """
    require_array("broadcast_to", "x", x)
    target = _sizes("broadcast_to", shape)
    try:
        stretched = np.broadcast_to(x, target)
    except ValueError:
        raise ShapeError(
            f"broadcast_to: only axes of size 1, and missing first ones, can be stretched. "
            f"Got x {x.shape}, shape {target}. Reshape x first, so that the axes line up from the last?"
        ) from None
    y = np.empty_like(x, shape=target)
    y[...] = stretched
    return y, ShapeCache(x.shape)


def broadcast_to_backward(dy: np.ndarray, cache: ShapeCache) -> tuple[np.ndarray]:
    """The gradient of a copied value is the sum over its copies."""
    return (unbroadcast(dy, cache.shape),)


def _inside(shape: tuple[int, ...], padding: tuple[tuple[int, int], ...]) -> tuple[Any, ...]:
    # The Ellipsis keeps an array of rank 0 an array.
    return (*(np.s_[before : before + n] for n, (before, _) in zip(shape, padding, strict=True)), Ellipsis)


def _shapes(op: str, xs: tuple[np.ndarray, ...]) -> list[tuple[int, ...]]:
    if not xs:
        raise ArgumentError(f"{op}: at least one array is needed. Got none.")
    require_same_dtype(op, **{f"input {i}": x for i, x in enumerate(xs)})
    return [x.shape for x in xs]


def _sizes(op: str, shape: Any) -> tuple[int, ...]:
    try:
        return tuple(operator.index(size) for size in (shape if isinstance(shape, tuple | list) else (shape,)))
    except TypeError:
        raise ShapeError(f"{op}: shape must be a tuple of integers. Got {shape!r}.") from None


# fmt: off
OPS = (
    Op(
        "reshape", reshape_forward, reshape_backward, form="move", differential="linear", kernels=((), ()),
        nbytes=(lambda call: 0, lambda call: 0), static=lambda shape: {"shape": (math.prod(shape),)},
        maths=("y = the same values in another shape", "dx = dy in x's shape"),
        keras=KerasForm("numpy", "Reshape", {"newshape": "shape"}),
    ),
    Op(
        "transpose", transpose_forward, transpose_backward, form="move", differential="linear",
        kernels=(("transpose",), ("transpose",)),
        maths=("y = x with its axes in another order", "dx = dy with its axes back in order"),
        keras=KerasForm("numpy", "Transpose", {"axes": "axes"}),
    ),
    Op(
        "concatenate", concatenate_forward, concatenate_backward, form="move", differential="linear",
        shapes=lambda n: [(n, n), (n, n)],
        maths=("y = x0, x1, … one after the other along the axis", "dx0, dx1, … = dy cut apart"),
        keras=KerasForm("numpy", "Concatenate", {"axis": "axis"}, listed=True),
    ),
    Op(
        "stack", stack_forward, stack_backward, form="move", differential="linear", shapes=lambda n: [(n, n), (n, n)],
        kernels=(("concatenate",), ("concatenate_backward",)),
        maths=("y = x0, x1, … along a new axis", "dx0, dx1, … = dy along that axis"),
        keras=KerasForm("numpy", "Stack", {"axis": "axis"}, listed=True),
    ),
    Op(
        "pad", pad_forward, pad_backward, form="move", differential="linear",
        nbytes=(None, lambda call: 2 * call.inputs[0].nbytes),  # of dy only what lies in the middle
        static=lambda shape: {"padding": ((1, 1),) * len(shape)},
        maths=("y = x with a border of `value`", "dx = dy without the border"),
    ),
    Op(
        "slice", slice_forward, slice_backward, form="move", differential="linear",
        nbytes=(lambda call: 2 * call.outputs[0].nbytes, None),
        static=lambda shape: {"key": (slice(None, None, 2),) * len(shape)},
        maths=("y = x[key]", "dx[key] = dy, 0 elsewhere (added up where an index occurs twice)"),
        keras=KerasForm("numpy", "GetItem", trailing=("key",)),
    ),
    Op(
        "broadcast_to", broadcast_to_forward, broadcast_to_backward, form="move", differential="linear",
        flops=(0, ("a sum over the copies", lambda call: call.n - call.m)),
        static=lambda shape: {"shape": (4, *shape)},
        maths=("y = x repeated to the shape", "dx = dy summed over the repeats"),
    ),
)
# fmt: on
