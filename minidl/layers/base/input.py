"""Input: where data enters a functional model."""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError
from minidl.layers.base.layer import Layer
from minidl.layers.base.symbolic import INTEGERS, Node, SymbolicTensor


class InputLayer(Layer):
    """The layer behind `Input`.

    Parameters
    ----------
    shape : of one sample, without the batch axis; None where a size may vary
    batch_size : number of samples, when it is fixed
    dtype : of the data, float32 unless said otherwise
    batch_shape : shape with the batch axis, instead of `shape` and `batch_size`
    optional : whether a model may be called with None for it
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        batch_shape: Any = None,
        name: str | None = None,
        optional: bool = False,
        sparse: Any = None,
        ragged: Any = None,
        input_tensor: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        for argument, value in {"sparse": sparse, "ragged": ragged, "input_tensor": input_tensor}.items():
            if value:
                raise ArgumentError(f"Input: {argument}= is not supported; inputs are dense arrays.")
        self.optional = optional
        if batch_shape is None and shape is None:
            batch_shape = self.declared_shape
        if (shape is None) == (batch_shape is None):
            raise ArgumentError("Input: give the shape of one sample, Input(shape=(28, 28, 1)), or batch_shape=.")
        if isinstance(shape, INTEGERS):
            raise ArgumentError(f"Input: shape must be a tuple. Got {shape}. Write Input(shape=({shape},)).")
        self.batch_shape = tuple(batch_shape) if batch_shape is not None else (batch_size, *shape)
        self.built = True
        output = SymbolicTensor(self.batch_shape, self.dtype, name=self.name)
        Node(self, (), {}, output)

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the shape, dtype and name."""
        optional = {"optional": True} if self.optional else {}
        return {"batch_shape": self.batch_shape, "dtype": self.dtype, "name": self.name, **optional}


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: Any = None,
    ragged: Any = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Return a symbolic tensor for samples of `shape`: the beginning of a functional model.

    >>> Input((28, 28, 1)).shape
    (None, 28, 28, 1)
    """
    layer = InputLayer(
        shape=shape, batch_size=batch_size, dtype=dtype, batch_shape=batch_shape, name=name, optional=optional,
        sparse=sparse, ragged=ragged, input_tensor=tensor,
    )  # fmt: skip
    return layer.output
