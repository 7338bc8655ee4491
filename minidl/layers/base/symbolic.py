"""Symbolic tensors: shapes without values, from which a functional model is drawn.

`Input(…)` gives one; calling a layer on one adds a node to the graph and gives the next. Python's operators and the
functional ops work on them too: each becomes an `OpLayer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.tensor import Operators, Tensor

if TYPE_CHECKING:
    from minidl.layers.base.layer import Layer

Shape = tuple[int | None, ...]

# What a size or a rate may be, for isinstance: NumPy's numbers are as good as Python's.
INTEGERS = (int, np.integer)
NUMBERS = (int, float, np.integer, np.floating)

_TRIAL: ContextVar[bool] = ContextVar("minidl_trial", default=False)


class SymbolicTensor(Operators):
    """The promise of a tensor: shape (None where a size is not known yet, as the batch's), dtype, and its origin.

    Parameters
    ----------
    shape : with the batch axis, usually None
    dtype : name of the dtype
    name : for summaries and errors
    """

    __hash__ = object.__hash__

    def __init__(self, shape: Iterable[int | None], dtype: str = "float32", name: str | None = None) -> None:
        self.shape: Shape = tuple(None if size is None else int(size) for size in shape)
        self.dtype = np.dtype(dtype)
        self.name = name
        self.node: Node | None = None
        self.output_index = 0
        self._keras_mask: SymbolicTensor | None = None  # of bools, where some of the values will be padding

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def history(self) -> tuple[Layer, int, int]:
        """The layer that makes this tensor, which of its calls, and which of that call's outputs."""
        if self.node is None:
            raise ArgumentError("symbolic tensor: it comes from no layer. Make inputs with minidl.Input(shape).")
        return self.node.layer, self.node.layer.inbound_nodes.index(self.node), self.output_index

    def __minidl_apply__(self, op: str, inputs: tuple[Any, ...], static: dict[str, Any]) -> Any:
        """Write an op into the graph instead of running it."""
        from minidl.layers.base.op_layer import OpLayer

        symbolic = [x for x in inputs if isinstance(x, SymbolicTensor)]
        constants = {i: x for i, x in enumerate(inputs) if not isinstance(x, SymbolicTensor)}
        layer = OpLayer(op, static=static, constants=constants)
        return layer(symbolic[0] if len(symbolic) == 1 else symbolic)

    def __bool__(self) -> bool:
        raise ArgumentError(
            "symbolic tensor: it has a shape but no values yet, so it is neither true nor false. "
            "Python's `if` cannot look at it; use functional.where, or subclass Model and write `call`."
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ArgumentError(
            "symbolic tensor: it has no values yet, so NumPy cannot use it. Use minidl.functional, "
            "or wrap the function in a Lambda layer."
        )

    def __len__(self) -> int:
        raise ArgumentError("symbolic tensor: it has no length yet; its shape is in .shape.")

    def __iter__(self) -> Any:
        raise ArgumentError("symbolic tensor: it cannot be iterated; index it, x[:, 0].")

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name or ''} shape={self.shape} dtype={self.dtype.name}>"


class Node:
    """One call of one layer on symbolic tensors: an arrow of the graph.

    `args` and `kwargs` are those of the call, with the symbolic tensors in their places.
    """

    def __init__(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        self.layer = layer
        self.args, self.kwargs = args, kwargs
        self.inputs = symbolic_in((args, kwargs))
        self.outputs = symbolic_in(outputs)
        self.output_structure = outputs
        for index, output in enumerate(self.outputs):
            output.node, output.output_index = self, index
        layer.inbound_nodes.append(self)

    @property
    def is_input(self) -> bool:
        """Whether this node brings data into the graph."""
        return not self.inputs


def symbolic_in(structure: Any) -> list[SymbolicTensor]:
    """Return the symbolic tensors of nested lists, tuples and dicts, in order."""
    return [x for x in flatten(structure) if isinstance(x, SymbolicTensor)]


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of nested lists, tuples and dicts, in order; a dict's in the order of its sorted keys.

    The order of a dict is that of Keras, so that weights stand in its files where it looks for them.

    >>> flatten([1, {"z": 2, "a": (3, 4)}])
    [1, 3, 4, 2]
    """
    if isinstance(structure, dict):
        return [leaf for key in sorted_keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for value in structure for leaf in flatten(value)]
    return [structure]


def sorted_keys(items: dict[Any, Any]) -> list[Any]:
    """Return a dict's keys, sorted where they can be compared."""
    try:
        return sorted(items)
    except TypeError:
        return list(items)


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return the structure with `function` applied to every leaf, in the order of `flatten`.

    >>> map_structure(abs, {"a": [-1, 2], "b": (-3,)})
    {'a': [1, 2], 'b': (3,)}
    """
    if isinstance(structure, dict):
        mapped = {key: map_structure(function, structure[key]) for key in sorted_keys(structure)}
        return {key: mapped[key] for key in structure}
    if isinstance(structure, list | tuple):
        values = [map_structure(function, value) for value in structure]
        return type(structure)(*values) if hasattr(structure, "_fields") else type(structure)(values)
    return function(structure)


def masks_of(structure: Any) -> Any:
    """Return the structure with every tensor replaced by its mask, None where it has none."""
    if isinstance(structure, Tensor):
        return getattr(structure, "_keras_mask", None)
    return map_structure(lambda leaf: getattr(leaf, "_keras_mask", None), structure)


def shapes_of(structure: Any) -> Any:
    """Return the structure with every tensor replaced by its shape."""
    return map_structure(lambda leaf: tuple(leaf.shape), structure)


def is_shape(value: Any) -> bool:
    """Whether a value is one shape, rather than a structure of shapes."""
    return isinstance(value, list | tuple) and all(v is None or isinstance(v, int | np.integer) for v in value)


def map_structure_shapes(function: Callable[[Shape], Any], shapes: Any) -> Any:
    """Return a structure of shapes with `function` applied to every one."""
    if is_shape(shapes):
        return function(tuple(shapes))
    if isinstance(shapes, dict):
        return {key: map_structure_shapes(function, value) for key, value in shapes.items()}
    return type(shapes)([map_structure_shapes(function, value) for value in shapes])


def in_trial() -> bool:
    """Whether a layer runs on zeros, to find shapes: then it must not change its state."""
    return _TRIAL.get()


def infer_by_trial(function: Callable[..., Any], structure: Any) -> Any:
    """Find output shapes by running `function` on zeros, twice with different sizes where a size is None.

    Parameters
    ----------
    function : takes the structure with a Tensor of zeros for every symbolic tensor; its mask, if it has one, is True
    structure : nested symbolic tensors

    Returns
    -------
    the structure of outputs, as SymbolicTensors with the masks that they will have, None for an output that is None;
    an axis is None where the two runs differ

    Raises
    ------
    ShapeError : the two runs give different numbers of axes
    """
    token = _TRIAL.set(True)
    try:
        with np.errstate(all="ignore"):  # log(0) says nothing about the shape
            first = function(_example(structure, 2))
            second = function(_example(structure, 3))
    finally:
        _TRIAL.reset(token)
    leaves = iter([_compared(a, b) for a, b in zip(flatten(first), flatten(second), strict=True)])
    return map_structure(lambda _: next(leaves), first)


def _example(structure: Any, size: int) -> Any:
    def fill(leaf: SymbolicTensor, value: int) -> Tensor:
        return Tensor.wrap(np.full([size if n is None else n for n in leaf.shape], value, leaf.dtype))

    def make(leaf: Any) -> Any:
        if not isinstance(leaf, SymbolicTensor):
            return leaf
        tensor = fill(leaf, 0)
        if leaf._keras_mask is not None:
            tensor._keras_mask = fill(leaf._keras_mask, 1)  # type: ignore[attr-defined]
        return tensor

    return map_structure(make, structure)


def _compared(a: Any, b: Any) -> SymbolicTensor | None:
    """Return what two tensors, made from inputs of different sizes, have in common."""
    if a is None or b is None:
        return None
    if len(a.shape) != len(b.shape):
        raise ShapeError(f"the number of axes must not depend on the batch. Got {a.shape} and {b.shape}.")
    found = SymbolicTensor([i if i == j else None for i, j in zip(a.shape, b.shape, strict=True)], a.dtype.name)
    found._keras_mask = _compared(getattr(a, "_keras_mask", None), getattr(b, "_keras_mask", None))
    return found
