"""What layers over time steps or images share: sizes of windows and outputs, and checks of their inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.layer import Layer
from minidl.layers.base.symbolic import INTEGERS, Shape, is_shape

AXES = {
    2: "(batch, features)",
    3: "(batch, steps, channels)",
    4: "(batch, rows, columns, channels)",
}


def who(layer: Layer) -> str:
    """Return how an error names a layer: class and name."""
    return f"{type(layer).__name__} {layer.name!r}"


def sizes(layer: Layer, argument: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """Return `rank` integers: one given integer is repeated.

    Raises
    ------
    ArgumentError : another number of them, or one below `least`
    """
    values = (value,) * rank if isinstance(value, INTEGERS) else ()
    if isinstance(value, list | tuple | np.ndarray):
        values = tuple(value)
    whole = all(isinstance(v, INTEGERS) and not isinstance(v, bool) and v >= least for v in values)
    if len(values) != rank or not whole:
        raise ArgumentError(
            f"{who(layer)}: {argument} must be one integer >= {least}{f', or {rank} of them' if rank > 1 else ''}. "
            f"Got {value!r}."
        )
    return tuple(int(v) for v in values)


def check_rank(layer: Layer, shape: Any, rank: int) -> None:
    """Raise ShapeError unless `shape` is one shape with `rank` axes."""
    if not is_shape(shape):
        raise ShapeError(f"{who(layer)}: it takes one input, {AXES[rank]}. Got {len(shape)} of them: {list(shape)}.")
    if len(shape) == rank:
        return
    hint = ""
    if len(shape) == rank - 1:
        hint = " Is the channel axis missing? x[..., None] adds one. Or the batch axis? x[None] adds that."
    elif rank == 2:
        hint = " A Flatten layer before it makes one axis of them."
    raise ShapeError(
        f"{who(layer)}: inputs must have {rank} axes, {AXES[rank]}. Got {len(shape)}: {tuple(shape)}.{hint}"
    )


def check_channels(layer: Layer, shape: Shape) -> int:
    """Return the number of channels, which must be known for the weights to be made."""
    channels = shape[-1]
    if channels is None:
        raise ShapeError(
            f"{who(layer)}: the number of channels (the last axis) must be known to make the weights. Got {shape}."
        )
    return channels


def window_lengths(
    layer: Layer, lengths: Any, window: Any, strides: Any, padding: str, dilation: Any = None
) -> tuple[int | None, ...]:
    """Return how often a window fits along each axis; None where a length is not known.

    Raises
    ------
    ShapeError : without padding, the window is larger than the input
    """
    found: list[int | None] = []
    dilation = dilation or (1,) * len(window)
    for n, k, stride, d in zip(lengths, window, strides, dilation, strict=True):
        reach = (k - 1) * d + 1
        if n is None:
            found.append(None)
        elif padding in ("same", "causal"):
            found.append(-(-n // stride))
        elif reach > n:
            spread = f" with dilation {tuple(dilation)}" if d > 1 else ""
            raise ShapeError(
                f"{who(layer)}: the window {tuple(window)}{spread} is larger than its input {tuple(lengths)}. "
                "Use padding='same', a smaller window, or fewer layers that shrink the input before it."
            )
        else:
            found.append((n - reach) // stride + 1)
    return tuple(found)
