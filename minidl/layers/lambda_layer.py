"""Lambda: a function as a layer."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import numpy as np

from minidl.errors import ArgumentError, FileFormatError
from minidl.keras.custom_objects import get_registered_object
from minidl.layers.base.options import Kind, OptionLayer
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import SymbolicTensor, flatten, is_shape, map_structure
from minidl.tensor import Tensor


def a_function(layer: Any, name: str, value: Any) -> Any:
    """Return a function, or whatever can be called."""
    if not callable(value):
        raise ArgumentError(f"{who(layer)}: a function is needed. Got {value!r}.")
    return value


class Lambda(OptionLayer):
    """Apply a function of the inputs, written with Python's operators and `minidl.functional`.

    Parameters
    ----------
    function : takes the inputs (and `mask` and `training`, if it names them)
    output_shape : shape of a sample's output, or a function of the input's shape; found by a trial when left out
    mask : of the output: an array, or a function of (inputs, mask)
    arguments : further keyword arguments of the function

    A function cannot be saved in a file: save with a named function, and load with
    `custom_objects={"its_name": its_name}`.

    >>> Lambda(lambda x: x * 2.0)([[1.0, 2.0]]).numpy()
    array([[2., 4.]], dtype=float32)
    """

    function: Annotated[Any, Kind(a_function)]
    output_shape: Any = None
    mask: Any = None
    arguments: Annotated[Any, Kind(lambda layer, name, value: dict(value or {}))] = None

    def __post_init__(self) -> None:
        self.supports_masking = self.mask is not None
        try:
            known = list(inspect.signature(self.function).parameters)
        except ValueError:  # compiled functions need not say: max, and np.sqrt before NumPy 2.4
            known = []
        self._named = [name for name in ("mask", "training") if name in known]

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        """Return function(inputs, **arguments)."""
        told = {"mask": mask, "training": training}
        outputs = self.function(inputs, **self.arguments, **{name: told[name] for name in self._named})
        tracked = any(getattr(x, "_tracked", False) for x in flatten(inputs))
        return map_structure(lambda value: self._tensor(value, tracked), outputs)

    def _tensor(self, value: Any, tracked: bool) -> Any:
        if not isinstance(value, np.ndarray | np.generic | int | float):
            return value
        if tracked:
            raise ArgumentError(
                f"{who(self)}: no gradient can flow back, for the function returned {type(value).__name__}, no tensor. "
                "NumPy's functions leave the tape: use those of minidl.functional."
            )
        return Tensor(np.asarray(value))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs: of the shape given, else found by a trial on zeros."""
        if self.output_shape is None:
            return self._trial(*args, **kwargs)
        shape = self.compute_output_shape(map_structure(lambda t: t.shape, args[0]))
        return SymbolicTensor(shape, self.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the outputs' shape."""
        if self.output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self.output_shape):
            return tuple(self.output_shape(input_shape))
        first = input_shape if is_shape(input_shape) else input_shape[0]
        return (first[0], *self.output_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask given, or what its function says."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; the function is in it as it is, which no file can hold."""
        left_out = [name for name in ("output_shape", "mask") if getattr(self, name) is None]
        return {name: value for name, value in super().get_config().items() if name not in left_out}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: Any = None) -> Any:
        """Return the layer of a configuration; code in it is never run, whatever `safe_mode` says.

        Raises
        ------
        FileFormatError : the function is known by its name only, and is not among the custom objects
        """
        function = config["function"]
        if not callable(function):
            name = function.get("config") if isinstance(function, dict) else function
            function = get_registered_object(name, custom_objects)
            if function is None:
                raise FileFormatError(
                    f"Lambda {config.get('name')!r}: the file says that its function is "
                    f"{name if isinstance(name, str) else 'a Python lambda'!r}, and holds no code (minidl never runs "
                    "code from a file). Pass custom_objects={'name': function}, or build the model in Python and "
                    "load its weights."
                )
        return cls(**{**config, "function": function})
