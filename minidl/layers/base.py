"""Layer: the base of everything with weights. It builds them on the first call, and names what it does to the tape."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from minidl import regularizers
from minidl.backends.selection import normalise
from minidl.errors import ArgumentError, NotBuiltError
from minidl.layers.naming import declared_shape, dtype_name, reset_names, snake_case, unique_name
from minidl.layers.symbolic import (
    Node,
    Shape,
    SymbolicTensor,
    flatten,
    infer_by_trial,
    is_shape,
    map_structure,
    shapes_of,
    symbolic_in,
)
from minidl.layers.weights import WeightHolder
from minidl.tape import layer_scope, no_grad
from minidl.tensor import Tensor

_TRAINING: ContextVar[bool | None] = ContextVar("minidl_training", default=None)


class Layer(WeightHolder):
    """Base of layers: weights made by `build`, arithmetic by `call`.

    Parameters
    ----------
    name : unique in a model; made from the class name when not given
    trainable : whether its weights are trained
    dtype : of its weights, and of the floating inputs that it is given; by default `floatx`, float32
    activity_regularizer : penalty on the outputs
    backend : which implementation its ops use: "cuda", or {"conv2d": "cuda", "conv2d_backward": "numpy"}
    input_shape : shape of one sample, for the first layer of a Sequential (`input_dim=n` is short for `(n,)`)

    A layer of your own defines `__init__`, `build(input_shape)` and `call(x)`:

    >>> import minidl
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
    ...     def call(self, x):
    ...         return x * self.factor
    >>> layer = Scale()
    >>> layer([[1.0, 2.0]]).numpy(), [w.name for w in layer.weights]
    (array([[1., 2.]], dtype=float32), ['factor'])
    """

    # Set by a layer that hands its input's mask on to its output.
    supports_masking = False
    sets_mask = False  # whether `call` itself gives its outputs their mask

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        backend: Any = None,
        **kwargs: Any,
    ) -> None:
        self.name = self.unique_name() if name is None else str(name)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = bool(trainable)
        self.dtype = dtype_name(dtype)
        self.autocast = autocast
        self.backend = normalise(backend) if backend is not None else None
        self.declared_shape = declared_shape(type(self), kwargs)
        self.built = False

    def unique_name(self, base: str | None = None) -> str:
        """Return a name not given before: "dense", then "dense_1"."""
        return unique_name(base or snake_case(type(self).__name__))

    # ---- losses

    def add_loss(self, loss: Any) -> None:
        """Add a scalar tensor, computed in `call`, to what training minimises."""
        self._call_losses.extend(loss if isinstance(loss, list | tuple) else [loss])

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of the last call (`add_loss`, activity regularizers) and of the weights' regularizers."""
        found = [loss for layer in self._all_layers() for loss in layer._call_losses]
        for variable in self.trainable_weights:
            if variable.regularizer is not None:
                found.append(variable.regularizer(variable))
        return found

    def clear_losses(self) -> None:
        """Forget the penalties of earlier calls."""
        for layer in self._all_layers():
            layer._call_losses.clear()

    # ---- calling

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape (batch axis included); layers with weights define it."""

    def call(self, inputs: Any) -> Any:
        """Compute the outputs from the inputs."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer on tensors or arrays, or add it to a graph when called on symbolic tensors."""
        if "built" not in self.__dict__:
            raise NotBuiltError(f"{type(self).__name__}: its __init__ must call super().__init__() first.")
        if symbolic_in((args, kwargs)):
            return self._call_symbolic(args, kwargs)
        args, kwargs = self._to_tensors(args), self._to_tensors(kwargs)
        self._ensure_built(args, kwargs)
        training, kwargs = self._resolve_training(kwargs)
        kwargs = self._pass_masks(args, kwargs)
        token = _TRAINING.set(training)
        try:
            with layer_scope(self.name, self.backend):
                outputs = self.call(*args, **kwargs)
                if self.activity_regularizer is not None:
                    self._regularize_activity(outputs)
            self._check_returned(outputs)
        except Exception as error:
            self._note(error, args)
            raise
        finally:
            _TRAINING.reset(token)
        self._set_masks(args, kwargs, outputs)
        return outputs

    def _to_tensors(self, structure: Any) -> Any:
        """Turn arrays into tensors, and floating ones into the layer's dtype."""

        def convert(leaf: Any) -> Any:
            if isinstance(leaf, np.ndarray):
                leaf = Tensor.wrap(leaf)
            elif isinstance(leaf, list):
                leaf = Tensor(leaf)
            if isinstance(leaf, Tensor) and self.autocast and leaf.dtype.kind == "f" and leaf.dtype != self.dtype:
                leaf = leaf.astype(self.dtype)
            return leaf

        # A plain nested list of numbers is data, not a structure of inputs.
        if isinstance(structure, tuple):
            structure = tuple(Tensor(x) if _is_number_list(x) else x for x in structure)
        return map_structure(convert, structure)

    def _ensure_built(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.built:
            return
        if args and (args[0] is None or isinstance(args[0], str)):
            raise ArgumentError(f"layer {self.name!r}: inputs must be arrays or tensors. Got {args[0]!r}.")
        inputs = args[0] if args else next(iter(kwargs.values()), None)
        with layer_scope(self.name, self.backend):
            self._build(shapes_of(inputs) if _all_shaped(inputs) else None)

    def _build(self, input_shape: Any) -> None:
        """Run `build` once, remembering the shape."""
        if not self.built:
            self.build(input_shape)
            self.build_shape = input_shape
            self.built = True

    def _accepts(self, argument: str) -> bool:
        return argument in _call_parameters(type(self))

    def _resolve_training(self, kwargs: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Training is what the caller says, else what the call around this one was told, else False."""
        training = kwargs.get("training")
        if training is None:
            training = bool(_TRAINING.get())
        if self._accepts("training"):
            kwargs = {**kwargs, "training": training}
        else:
            kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        return bool(training), kwargs

    def _check_returned(self, outputs: Any) -> None:
        if outputs is None:
            raise ArgumentError(f"layer {self.name!r}: call() returned None. Is its `return` missing?")

    def _regularize_activity(self, outputs: Any) -> None:
        for output in flatten(outputs):
            # Keras divides by the batch size, so that the penalty does not grow with it.
            self.add_loss(self.activity_regularizer(output) * (1 / max(1, output.shape[0])))

    def _note(self, error: Exception, args: Any) -> None:
        """Say in the traceback which layer an error came from; the innermost says it first."""
        shapes = [tuple(x.shape) for x in flatten(args) if hasattr(x, "shape")]
        note = f"in layer {self.name!r} ({type(self).__name__}), called on {', '.join(map(str, shapes)) or 'nothing'}"
        error.add_note(note)

    # ---- masks

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the outputs; by default the input's, in layers that support masking."""
        return mask if self.supports_masking else None

    def _pass_masks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if self._accepts("mask") and kwargs.get("mask") is None:
            mask = _mask_of(args[0]) if args else None
            if mask is not None:
                return {**kwargs, "mask": mask}
        return kwargs

    def _set_masks(self, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        if not args or self.sets_mask:
            return
        mask = kwargs.get("mask")
        if mask is None:
            mask = _mask_of(args[0])
        mask = self.compute_mask(args[0], mask)
        if mask is None or (isinstance(mask, list | tuple) and all(m is None for m in mask)):
            return
        masks = flatten(mask) if isinstance(mask, list | tuple) else [mask]
        for output, output_mask in zip(flatten(outputs), masks, strict=False):
            output._mask = output_mask

    # ---- symbolic calls

    def _call_symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inputs = args[0] if args else next(iter(kwargs.values()))
        try:
            with layer_scope(self.name, self.backend):
                self._build(shapes_of(inputs) if _all_shaped(inputs) else None)
                outputs = self.compute_output_spec(*args, **kwargs)
        except Exception as error:
            self._note(error, args)
            raise
        for output in flatten(outputs):
            output.name = output.name or self.name
        Node(self, args, kwargs, outputs)
        passes_mask = self.supports_masking and _mask_of(inputs) is not None
        if passes_mask or getattr(self, "mask_zero", False):
            for output in flatten(outputs):
                output._mask = True  # there will be one; its values are known when data flows
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs: by `compute_output_shape`, else by a trial on zeros."""
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            shape = self.compute_output_shape(shapes_of(args[0]))
            dtype = self.dtype
            if is_shape(shape):
                return SymbolicTensor(shape, dtype)
            return _map_shapes(lambda s: SymbolicTensor(s, dtype), shape)
        return self._trial(*args, **kwargs)

    def _trial(self, *args: Any, **kwargs: Any) -> Any:
        def run(structure: Any) -> Any:
            positional, named = structure
            _, named = self._resolve_training(named)
            outputs = self.call(*positional, **named)
            self._check_returned(outputs)
            return outputs

        with no_grad():
            outputs = infer_by_trial(run, (args, kwargs))
        self._call_losses.clear()
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the outputs' shape for inputs of this shape, batch axis included."""
        spec = map_structure_shapes(lambda s: SymbolicTensor(s, self.dtype), input_shape)
        self._build(input_shape)
        return shapes_of(self._trial(spec))

    @property
    def input(self) -> Any:
        """The symbolic tensor, or tensors, that the layer was first called on."""
        node = self._first_node("input")
        return node.args[0] if node.args and not node.is_input else node.output_structure

    @property
    def output(self) -> Any:
        """The symbolic tensor, or tensors, that the layer's first call gave."""
        return self._first_node("output").output_structure

    def _first_node(self, what: str) -> Node:
        if not self.inbound_nodes:
            raise NotBuiltError(
                f"layer {self.name!r} has no {what} yet: it was never called on a symbolic tensor. "
                "Give the model an Input, or call the layer on one."
            )
        return self.inbound_nodes[0]

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer (without its weights)."""
        config = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


_PARAMETERS: dict[type, frozenset[str]] = {}


def _call_parameters(layer_class: type) -> frozenset[str]:
    """Return the names of the arguments of a class's `call`."""
    if layer_class not in _PARAMETERS:
        _PARAMETERS[layer_class] = frozenset(inspect.signature(layer_class.call).parameters)  # type: ignore[attr-defined]
    return _PARAMETERS[layer_class]


def _mask_of(inputs: Any) -> Any:
    if isinstance(inputs, list | tuple):
        masks = [getattr(x, "_mask", None) for x in flatten(inputs)]
        return None if all(m is None for m in masks) else masks
    return getattr(inputs, "_mask", None)


def _all_shaped(structure: Any) -> bool:
    leaves = flatten(structure)
    return bool(leaves) and all(hasattr(leaf, "shape") for leaf in leaves)


def _is_number_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(leaf, int | float) for leaf in flatten(value))


def map_structure_shapes(function: Callable[[Shape], Any], shapes: Any) -> Any:
    """Apply `function` to every shape of a structure of shapes."""
    return function(tuple(shapes)) if is_shape(shapes) else _map_shapes(function, shapes)


def _map_shapes(function: Callable[[Shape], Any], shapes: Any) -> Any:
    if isinstance(shapes, dict):
        return {key: map_structure_shapes(function, value) for key, value in shapes.items()}
    return type(shapes)([map_structure_shapes(function, value) for value in shapes])


__all__ = ["Layer", "reset_names"]
