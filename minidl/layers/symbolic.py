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
    from minidl.layers.base import Layer

Shape = tuple[int | None, ...]

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
        self.shape: Shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.name = name
        self.node: Node | None = None
        self.output_index = 0
        self._mask: Any = None

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
        from minidl.layers.op_layer import OpLayer

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
    """Return the leaves of nested lists, tuples and dicts, in order."""
    if isinstance(structure, dict):
        return [leaf for value in structure.values() for leaf in flatten(value)]
    if isinstance(structure, list | tuple):
        return [leaf for value in structure for leaf in flatten(value)]
    return [structure]


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return the structure with `function` applied to every leaf.

    >>> map_structure(abs, {"a": [-1, 2], "b": (-3,)})
    {'a': [1, 2], 'b': (3,)}
    """
    if isinstance(structure, dict):
        return {key: map_structure(function, value) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)([map_structure(function, value) for value in structure])
    return function(structure)


def shapes_of(structure: Any) -> Any:
    """Return the structure with every tensor replaced by its shape."""
    return map_structure(lambda leaf: tuple(leaf.shape), structure)


def is_shape(value: Any) -> bool:
    """Whether a value is one shape, rather than a structure of shapes."""
    return isinstance(value, list | tuple) and all(v is None or isinstance(v, int | np.integer) for v in value)


def in_trial() -> bool:
    """Whether a layer runs on zeros, to find shapes: then it must not change its state."""
    return _TRIAL.get()


def infer_by_trial(function: Callable[..., Any], structure: Any) -> Any:
    """Find output shapes by running `function` on zeros, twice with different sizes where a size is None.

    Parameters
    ----------
    function : takes the structure with a Tensor of zeros for every symbolic tensor
    structure : nested symbolic tensors

    Returns
    -------
    the structure of outputs, as SymbolicTensors; an axis is None where the two runs differ

    Raises
    ------
    ShapeError : the two runs give different numbers of axes
    """
    token = _TRIAL.set(True)
    try:
        with np.errstate(all="ignore"):  # log(0) says nothing about the shape
            first = function(_zeros(structure, 2))
            second = function(_zeros(structure, 3))
    finally:
        _TRIAL.reset(token)

    def compare(pair: tuple[Any, Any]) -> SymbolicTensor:
        a, b = pair
        if len(a.shape) != len(b.shape):
            raise ShapeError(f"the number of axes must not depend on the batch. Got {a.shape} and {b.shape}.")
        sizes = [i if i == j else None for i, j in zip(a.shape, b.shape, strict=True)]
        return SymbolicTensor(sizes, a.dtype.name)

    return _map_pairs(compare, first, second)


def _zeros(structure: Any, size: int) -> Any:
    def make(leaf: Any) -> Any:
        if not isinstance(leaf, SymbolicTensor):
            return leaf
        return Tensor.wrap(np.zeros([size if n is None else n for n in leaf.shape], leaf.dtype))

    return map_structure(make, structure)


def _map_pairs(function: Callable[[tuple[Any, Any]], Any], first: Any, second: Any) -> Any:
    leaves = iter([function(pair) for pair in zip(flatten(first), flatten(second), strict=True)])
    return map_structure(lambda _: next(leaves), first)
