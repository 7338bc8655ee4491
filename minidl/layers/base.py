"""Layer: the base of everything with weights. It builds them on the first call, and names what it does to the tape."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from minidl import config, constraints, initializers, regularizers
from minidl.backends.selection import normalise
from minidl.errors import ArgumentError, NotBuiltError, ShapeError
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
from minidl.tape import layer_scope
from minidl.tensor import Tensor, Variable

_NAMES: Counter[str] = Counter()
_TRAINING: ContextVar[bool | None] = ContextVar("minidl_training", default=None)


def snake_case(name: str) -> str:
    """Return a class name as Keras writes it in layer names.

    >>> snake_case("MaxPooling2D"), snake_case("SimpleRNN"), snake_case("LeakyReLU")
    ('max_pooling2d', 'simple_rnn', 'leaky_re_lu')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def reset_names() -> None:
    """Start layer names afresh: the next Dense is "dense" again."""
    _NAMES.clear()


class Layer:
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
        if not getattr(self, "_initialised", False):
            self._start()
        self.name = self.unique_name() if name is None else str(name)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = bool(trainable)
        self.dtype = _dtype_name(dtype)
        self.autocast = autocast
        self.backend = normalise(backend) if backend is not None else None
        self.declared_shape = _declared_shape(type(self).__name__, kwargs)
        self.built = False

    def _start(self) -> None:
        """Make what `__setattr__` needs, before anything is set."""
        self.__dict__.update(
            _initialised=True, _trainable_variables=[], _non_trainable_variables=[], _layers=[], _call_losses=[],
            inbound_nodes=[],
        )  # fmt: skip

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        layer._start()
        return layer

    def unique_name(self, base: str | None = None) -> str:
        """Return a name not given before: "dense", then "dense_1"."""
        base = base or snake_case(type(self).__name__)
        count = _NAMES[base]
        _NAMES[base] += 1
        return f"{base}_{count}" if count else base

    def __setattr__(self, name: str, value: Any) -> None:
        self._track(value)
        super().__setattr__(name, value)

    def _track(self, value: Any) -> None:
        """Note the layers and variables that an attribute holds, alone or in lists and dicts."""
        if not isinstance(value, Layer | Variable | list | tuple | dict):
            return
        for item in flatten(value):
            if isinstance(item, Layer) and item is not self and all(item is not known for known in self._layers):
                self._layers.append(item)
            elif isinstance(item, Variable):
                kind = self._trainable_variables if item.trainable else self._non_trainable_variables
                known_variables = [*self._trainable_variables, *self._non_trainable_variables]
                if all(item is not known for known in known_variables):
                    kind.append(item)

    # ---- weights

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
        **unknown: Any,
    ) -> Variable:
        """Make a weight and return it.

        Parameters
        ----------
        shape : its sizes
        initializer : name, Initializer or function of (shape, dtype); by default "glorot_uniform"
        trainable : False for state such as moving averages
        regularizer, constraint : names, objects or None
        name : short name, "kernel"
        """
        if unknown:
            raise ArgumentError(f"add_weight: unknown arguments {sorted(unknown)}.")
        shape = tuple(int(n) for n in (shape or ()))
        dtype = np.dtype(dtype or self.dtype)
        make = initializers.get("glorot_uniform" if initializer is None else initializer)
        values = make(shape, dtype)
        values = np.asarray(values.data if isinstance(values, Tensor) else values, dtype=dtype)
        if values.shape != shape:
            raise ShapeError(f"add_weight: the initializer must give shape {shape}. Got {values.shape}.")
        name = name or f"variable_{len(self._trainable_variables) + len(self._non_trainable_variables)}"
        weight = Variable(
            values, trainable=trainable and self._trainable, name=name, path=f"{self.name}/{name}",
            regularizer=regularizers.get(regularizer), constraint=constraints.get(constraint),
        )  # fmt: skip
        (self._trainable_variables if trainable else self._non_trainable_variables).append(weight)
        return weight

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained; setting it freezes or thaws the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._trainable_variables:
            variable.trainable = self._trainable
        for layer in self.sublayers():
            layer.trainable = self._trainable

    def sublayers(self) -> list[Layer]:
        """Return the layers that this one holds, directly."""
        return list(self._layers)

    def _all_layers(self) -> Iterator[Layer]:
        """Yield this layer and, depth first, those inside, each once."""
        seen: set[int] = set()
        stack: list[Layer] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                stack.extend(reversed(layer.sublayers()))

    @property
    def weights(self) -> list[Variable]:
        """All weights: of each layer its trainable ones, then its state, in the order of making."""
        found = [v for layer in self._all_layers() for v in (*layer._trainable_variables, *layer._non_trainable_variables)]
        return list({id(v): v for v in found}.values())

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Frozen weights, and state such as moving averages."""
        return [v for v in self.weights if not v.trainable]

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights."""
        return [np.array(v.data) for v in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Replace all weights, in the order of `weights`.

        Raises
        ------
        ShapeError : another number of arrays, or shapes that do not match; nothing is changed then
        """
        own, given = self.weights, list(weights)
        if len(own) != len(given):
            raise ShapeError(
                f"set_weights: layer {self.name!r} has {len(own)} weights. Got {len(given)}. "
                f"{'It is not built yet: call it once, or build(input_shape).' if not self.built else ''}"
            )
        for variable, value in zip(own, given, strict=True):
            if variable.shape != np.shape(value):
                raise ShapeError(
                    f"set_weights: {variable.path!r} has shape {variable.shape}. Got {np.shape(value)}."
                )
        for variable, value in zip(own, given, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Return how many numbers the weights hold."""
        if not self.built:
            raise NotBuiltError(
                f"count_params: layer {self.name!r} has no weights yet. Call it once, or build(input_shape)."
            )
        return sum(v.size for v in self.weights)

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
        if not args:
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
        mask = self.compute_mask(inputs, _mask_of(inputs)) if _mask_of(inputs) is not None else None
        if mask is not None or getattr(self, "mask_zero", False):
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
        from minidl.tape import no_grad

        def run(structure: Any) -> Any:
            positional, named = structure
            _, named = self._resolve_training(named)
            return self.call(*positional, **named)

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
        return {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}

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


def _dtype_name(dtype: Any) -> str:
    if dtype is None:
        return config.floatx()
    if isinstance(dtype, dict):  # Keras writes a policy: {"class_name": "DTypePolicy", "config": {"name": "float32"}}
        dtype = dtype["config"]["name"]
    name = np.dtype(getattr(dtype, "name", dtype)).name
    return name


def _declared_shape(who: str, kwargs: dict[str, Any]) -> Shape | None:
    """Read the shape arguments that Keras takes on a first layer; any other argument is an error."""
    shape: Shape | None = None
    batch = kwargs.pop("batch_size", None)
    if kwargs.get("input_dim") is not None:
        shape = (batch, int(kwargs["input_dim"]))
    if kwargs.get("input_shape") is not None:
        given = kwargs["input_shape"]
        shape = (batch, *((given,) if isinstance(given, int) else given))
    for key in ("batch_input_shape", "batch_shape"):
        if kwargs.get(key) is not None:
            shape = tuple(kwargs[key])
    known = {"input_dim", "input_shape", "batch_input_shape", "batch_shape"}
    unknown = sorted(set(kwargs) - known)
    if unknown:
        raise ArgumentError(f"{who}: unknown arguments {', '.join(map(repr, unknown))}. See help({who}).")
    return shape
