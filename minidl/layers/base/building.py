"""Building a layer once: whoever calls `build`, and for which of a call's inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.symbolic import is_shape, map_structure_shapes, sorted_keys

if TYPE_CHECKING:
    from minidl.layers.base.layer import Layer


def once(build: Callable[..., None]) -> Callable[..., None]:
    """Return a `build` that runs once, notes the shapes, and leaves the layer built."""

    @wraps(build)
    def build_once(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self._building:  # `super().build(input_shape)` in a `build` of one's own
            return build(self, *args, **kwargs)
        shapes = dict(inspect.signature(build).bind(self, *args, **kwargs).arguments)
        del shapes[next(iter(shapes))]  # self
        if self.built and self.weights:
            # Without shapes where it was built before the inputs were known: a table with given values.
            if self.build_shapes and not _fit(self.build_shapes, shapes):
                was, wanted = (", ".join(map(str, one.values())) for one in (self.build_shapes, shapes))
                raise ShapeError(
                    f"build: layer {self.name!r} ({type(self).__name__}) is built already, for inputs {was}, and keeps "
                    f"its weights. Got {wanted}. Make a new layer for other inputs."
                )
            return None
        self._building = True
        try:
            build(self, *args, **kwargs)
        finally:
            self._building = False
        self.built, self.build_shapes = True, shapes

    return build_once


def _fit(shapes: Any, others: Any) -> bool:
    """Whether two structures of shapes may be the same; None is any size, and the batch's size does not matter."""
    if shapes is None or others is None:
        return True
    if is_shape(shapes) or is_shape(others):
        return len(shapes) == len(others) and all(
            a is None or b is None or a == b for a, b in zip(shapes[1:], others[1:], strict=True)
        )
    first, second = ([s[key] for key in sorted_keys(s)] if isinstance(s, dict) else list(s) for s in (shapes, others))
    return len(first) == len(second) and all(map(_fit, first, second))


def as_shapes(value: Any) -> Any:
    """Return shapes as tuples, which JSON makes lists."""
    return map_structure_shapes(lambda shape: shape, value)


def shape_arguments(layer: Layer, function: Any, shapes: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the shapes of a call's inputs as arguments of `build` or `compute_output_shape`.

    A function of one argument gets the first input's shape; of several, `query_shape` is that of the input `query`.

    Parameters
    ----------
    shapes : of the inputs, by the names of call's arguments
    names : of all arguments of `call`
    """
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    wanted = [p.name for p in parameters if p.kind not in kinds]
    if len(wanted) <= 1:
        return {name: next(iter(shapes.values()), None) for name in wanted}
    unknown = [name for name in wanted if not name.endswith("_shape") or name.removesuffix("_shape") not in names]
    if unknown:
        raise ArgumentError(
            f"layer {layer.name!r}: {function.__name__}() has several arguments, which must be named after those of "
            f"call(), with _shape at the end: {', '.join(names)}. Got {unknown[0]!r}."
        )
    return {name: shapes[name.removesuffix("_shape")] for name in wanted if name.removesuffix("_shape") in shapes}
