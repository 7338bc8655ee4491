"""Sequential: layers one after another."""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError, NotBuiltError
from minidl.layers.base.input import InputLayer
from minidl.layers.base.layer import Layer
from minidl.layers.base.symbolic import SymbolicTensor, map_structure_shapes, shapes_of
from minidl.models.graph import Graph
from minidl.models.model import Model


class Sequential(Model):
    """A model whose layers follow one another.

    The weights are made when the input's shape is known: from an `Input`, from the first layer's `input_shape=`, from
    `build(input_shape)`, or from the first data.

    >>> from minidl import layers
    >>> model = Sequential([layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)])
    >>> model.output_shape
    (None, 10)
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self._stack: list[Layer] = []
        self._symbolic_input: Any = None  # several where the first layer takes several
        self._symbolic_output: Any = None
        for layer in layers or []:
            self.add(layer)

    @property
    def graph(self) -> Graph | None:
        """The graph, once the input's shape is known."""
        if self._symbolic_input is None or not self.layers:
            return None
        if self._graph is None:
            self._graph = Graph(self._symbolic_input, self._symbolic_output)
        return self._graph

    def add(self, layer: Any) -> None:
        """Put a layer at the end.

        Raises
        ------
        ArgumentError : not a layer, or a name that is taken
        """
        if isinstance(layer, SymbolicTensor):  # layers.Input((…)) in the list
            layer = layer.history[0]
        if isinstance(layer, type):
            raise ArgumentError(f"Sequential.add: a layer is needed. Got the class; write {layer.__name__}().")
        if not isinstance(layer, Layer):
            raise ArgumentError(f"Sequential.add: a layer is needed. Got {type(layer).__name__}: {layer!r}.")
        if any(layer.name == other.name for other in self._stack):
            raise ArgumentError(
                f"Sequential.add: the name {layer.name!r} is taken by another layer of this model. Pass name=."
            )
        if isinstance(layer, InputLayer):
            if self._stack or self._symbolic_input is not None:
                raise ArgumentError("Sequential.add: an Input must come first, once.")
            self._begin(layer.output)
            return
        if not self._stack and self._symbolic_input is None:
            shape = getattr(layer, "declared_shape", None) or getattr(layer, "_symbolic_shape", None)
            if isinstance(layer, Model) and layer.graph is not None:
                shape = layer.input_shape
            if shape is not None:
                self._begin(_inputs(shape, layer))
        self._stack = [*self._stack, layer]
        if self._symbolic_input is not None:
            self._extend(layer)

    def pop(self) -> Layer:
        """Take the last layer off, and return it."""
        if not self._stack:
            raise ArgumentError("Sequential.pop: the model has no layers.")
        *rest, last = self._stack
        self._stack = rest
        self._layers[:] = [layer for layer in self._layers if layer is not last]
        if self._symbolic_input is not None:
            self._symbolic_output = self._outputs.pop() if self._outputs else self._symbolic_input
            self._symbolic_output = self._outputs[-1] if self._outputs else self._symbolic_input
        self._graph = None
        return last

    def _begin(self, symbolic: Any) -> None:
        self._symbolic_input = self._symbolic_output = symbolic
        self._outputs: list[Any] = []
        self.built, self.build_shapes = True, {"input_shape": shapes_of(symbolic)}

    def _extend(self, layer: Layer) -> None:
        self._symbolic_output = layer(self._symbolic_output)
        self._outputs.append(self._symbolic_output)
        self._graph = None

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape, batch axis included; a list of shapes if the first layer merges.

        >>> from minidl import layers
        >>> model = Sequential([layers.Concatenate(), layers.Dense(1)])
        >>> model.build([(None, 2), (None, 3)])
        >>> model.count_params()
        6
        """
        if self._symbolic_input is not None:
            return
        if input_shape is None:
            raise NotBuiltError(f"Sequential {self.name!r}: the input's shape is not known. Give build(input_shape).")
        # As in Keras: nobody asked for these sizes, so that other data may be longer or larger. Layers still check.
        self._any_size = True
        any_batch = map_structure_shapes(lambda shape: (None, *shape[1:]), input_shape)
        self._begin(_inputs(any_batch, self._stack[0] if self._stack else None))
        for layer in self._stack:
            self._extend(layer)

    def sublayers(self) -> list[Layer]:
        """Return the layers in order, without the input."""
        return list(self._stack)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Run the layers one after another."""
        if self.graph is None:
            raise NotBuiltError(f"Sequential {self.name!r}: it has no layers to call.")
        return super().call(inputs, training, mask)


def _inputs(shapes: Any, first: Layer | None) -> Any:
    """Return symbolic inputs of a shape, or of several, for a first layer."""
    dtype = _input_dtype(first)
    return map_structure_shapes(lambda shape: InputLayer(batch_shape=shape, dtype=dtype).output, shapes)


def _input_dtype(layer: Layer | None) -> str | None:
    """Return "int32" for a first layer that looks numbers up, else None (the default float)."""
    return "int32" if type(layer).__name__ == "Embedding" else None
