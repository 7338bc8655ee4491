"""Layer: the base of everything with weights. It builds them on the first call, and names what it does to the tape."""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from typing import Any

import numpy as np

from minidl import regularizers
from minidl.backends.selection import normalise
from minidl.errors import ArgumentError, NotBuiltError
from minidl.layers.base.arguments import Arguments
from minidl.layers.base.building import as_shapes, once, shape_arguments
from minidl.layers.base.calls import all_shaped, call_parameters, inputs_by_name, named, note, to_tensor, to_tensors
from minidl.layers.base.masks import pass_masks, set_masks
from minidl.layers.base.naming import declared_shape, dtype_name, reset_names, snake_case, unique_name
from minidl.layers.base.symbolic import (
    Node,
    SymbolicTensor,
    flatten,
    in_trial,
    infer_by_trial,
    is_shape,
    map_structure_shapes,
    shapes_of,
    symbolic_in,
)
from minidl.layers.base.weights import WeightHolder
from minidl.tape import layer_scope, no_grad
from minidl.tensor import Tensor

_TRAINING: ContextVar[bool | None] = ContextVar("minidl_training", default=None)


class _Takes:
    """What `inspect.signature` shows of a class: the arguments of its `__init__`, though there is a `__new__` too."""

    def __get__(self, layer: Any, cls: Any) -> inspect.Signature:
        if layer is not None:
            raise AttributeError("__signature__")  # of a layer itself: the arguments of its call
        signature = inspect.signature(cls.__init__)
        return signature.replace(parameters=list(signature.parameters.values())[1:])


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

    __signature__ = _Takes()
    _called = False
    supports_masking = False  # whether the layer hands its input's mask on to its output
    computes_in_floats = False  # whether whole numbers become the layer's dtype, as its weights are
    _building = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # A `build` may be called by anyone, a layer around this one or its first call: it runs once.
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = once(vars(cls)["build"])  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        if not cls.__module__.startswith("minidl."):
            layer.__dict__["_arguments"] = Arguments(cls, args, kwargs)
        return layer

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
        if not isinstance(trainable, bool | np.bool_):
            raise ArgumentError(f"{type(self).__name__}: trainable must be True or False. Got {trainable!r}.")
        self._trainable = bool(trainable)
        self.dtype = dtype_name(dtype)
        self.autocast = autocast
        self.backend = normalise(backend) if backend is not None else None
        self.declared_shape = declared_shape(type(self), kwargs)
        self.built = False
        self.build_shapes: dict[str, Any] | None = None  # what `build` was given, by the names of its arguments

    def unique_name(self, base: str | None = None) -> str:
        """Return a name not given before: "dense", then "dense_1"."""
        return unique_name(base or snake_case(type(self).__name__))

    @property
    def compute_dtype(self) -> str:
        """Keras' name of the dtype that the layer computes in: that of its weights."""
        return self.dtype

    variable_dtype = input_dtype = compute_dtype

    # ---- losses

    def add_loss(self, loss: Any) -> None:
        """Add a scalar tensor, computed in `call`, to what training minimises."""
        if not in_trial():  # a run on zeros, to find shapes
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
        """Forget the penalties of the last call; a call that is not inside another one begins with this."""
        for layer in self._all_layers():
            layer._call_losses.clear()

    # ---- building

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape (batch axis included); layers with weights define it.

        A layer is built once, by this or by its first call. Here, where a layer has others inside and no `build` of its
        own, those are built by running `call` on zeros.
        """
        if input_shape is not None and any(not layer.built for layer in self.sublayers()):
            self._trial(map_structure_shapes(lambda s: SymbolicTensor(s, self.dtype), input_shape))

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shapes that the layer was built for, for `build_from_config`; None before."""
        if not self.build_shapes:
            return None
        shapes = list(self.build_shapes.values())
        return {"input_shape": shapes[0]} if len(shapes) == 1 else {"shapes_dict": self.build_shapes}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Make the weights as they were for the layer that wrote `config`."""
        if not config:
            return
        if "shapes_dict" in config:
            self.build(**{name: as_shapes(shape) for name, shape in config["shapes_dict"].items()})
        elif config.get("input_shape") is not None:
            self.build(as_shapes(config["input_shape"]))

    def _has_own_build(self) -> bool:
        """Whether weights are made by `build`, rather than by calling the layers inside."""
        return type(self).build is not Layer.build

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for the inputs of a call. Layers inside, without a `build` around them, are left to the call itself."""
        if self.built:
            return
        shapes = self._shape_arguments(type(self).build, args, kwargs)
        if not self._has_own_build():
            self.built, self.build_shapes = True, shapes
        else:
            with layer_scope(self.name, self.backend):
                self.build(**shapes)

    def _shape_arguments(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the shapes of a call's inputs as arguments of `build` or `compute_output_shape`."""
        inputs = inputs_by_name(self, args, kwargs)
        shapes = {name: shapes_of(value) for name, value in inputs.items() if all_shaped(value)}
        return shape_arguments(self, function, shapes, list(call_parameters(type(self))))

    # ---- calling

    def call(self, inputs: Any) -> Any:
        """Compute the outputs from the inputs."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, inputs)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer on tensors or arrays, or add it to a graph when called on symbolic tensors."""
        if "built" not in self.__dict__:
            raise NotBuiltError(f"{type(self).__name__}: its __init__ must call super().__init__() first.")
        if len(args) == 1 and isinstance(args[0], _ARRAYS) and kwargs.keys() <= {"training"}:
            args = (to_tensor(self, args[0], self.computes_in_floats),)  # the usual call: no structure to look through
        else:
            args, kwargs = named(self, args, kwargs)
            if symbolic_in((args, kwargs)):
                return self._call_symbolic(args, kwargs)
            args, kwargs = to_tensors(self, args, self.computes_in_floats), to_tensors(self, kwargs)
            if args and (args[0] is None or isinstance(args[0], str)):
                raise ArgumentError(f"layer {self.name!r}: inputs must be arrays or tensors. Got {args[0]!r}.")
        self._build_for(args, kwargs)
        if _TRAINING.get() is None:
            self.clear_losses()
        return self._run_call(args, kwargs)

    def _run_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run `call`, with `training` and `mask` filled in; give the outputs their masks."""
        training, kwargs = self._resolve_training(kwargs)
        kwargs = pass_masks(self, args, kwargs)
        token = _TRAINING.set(training)
        state, complete = vars(self), self._complete
        state["_complete"] = self._called  # what the first call did not make, no later one may
        try:
            with layer_scope(self.name, self.backend):
                outputs = self.call(*args, **kwargs)
                for output in flatten(outputs) if self.activity_regularizer is not None else ():
                    # Keras divides by the batch size, so that the penalty does not grow with it.
                    self.add_loss(self.activity_regularizer(output) * (1 / max(1, output.shape[0])))
            if outputs is None:
                raise ArgumentError(f"layer {self.name!r}: call() returned None. Is its `return` missing?")
        except Exception as error:
            note(self, error, args)
            raise
        finally:
            _TRAINING.reset(token)
            state["_complete"] = complete
        state["_called"] = True
        set_masks(self, args, kwargs, outputs, self._makes_masks())
        return outputs

    def _accepts(self, argument: str) -> bool:
        return argument in call_parameters(type(self))

    def _resolve_training(self, kwargs: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Training is what the caller says, else what the call around this one was told, else call's default, False."""
        parameters = call_parameters(type(self))
        training = kwargs.get("training")
        if training is None:
            training = _TRAINING.get()
        if training is None:
            training = parameters.get("training")
        if "training" in parameters:
            kwargs = {**kwargs, "training": training}
        elif "training" in kwargs:
            kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        return bool(training), kwargs

    # ---- masks

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the outputs; by default the input's, in layers that support masking."""
        return mask if self.supports_masking else None

    def _makes_masks(self) -> bool:
        """Whether the outputs' masks are more than those of the inputs."""
        return type(self).compute_mask is not Layer.compute_mask

    # ---- symbolic calls

    def _call_symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            with layer_scope(self.name, self.backend):
                self._build_for(args, kwargs)
                outputs = self.compute_output_spec(*args, **kwargs)
                if any(not layer.built for layer in self.sublayers()):
                    self._trial(*args, **kwargs)
                set_masks(self, args, kwargs, outputs, self._makes_masks())
        except Exception as error:
            note(self, error, args)
            raise
        for output in flatten(outputs):
            output.name = output.name or self.name
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs: by `compute_output_shape`, else by a trial on zeros."""
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            shape = self.compute_output_shape(**self._shape_arguments(type(self).compute_output_shape, args, kwargs))
            dtype = self.dtype
            if is_shape(shape):
                return SymbolicTensor(shape, dtype)
            return map_structure_shapes(lambda s: SymbolicTensor(s, dtype), shape)
        return self._trial(*args, **kwargs)

    def _trial(self, *args: Any, **kwargs: Any) -> Any:
        with no_grad():
            return infer_by_trial(lambda given: self._run_call(*given), (args, kwargs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the outputs' shape for inputs of this shape, batch axis included."""
        spec = map_structure_shapes(lambda s: SymbolicTensor(s, self.dtype), input_shape)
        self._build_for((spec,), {})
        return shapes_of(self._trial(spec))

    @property
    def input(self) -> Any:
        """The symbolic tensor, or tensors, that the layer was first called on."""
        node = _first_node(self, "input")
        return node.args[0] if node.args and not node.is_input else node.output_structure

    @property
    def output(self) -> Any:
        """The symbolic tensor, or tensors, that the layer's first call gave."""
        return _first_node(self, "output").output_structure

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer (without its weights).

        A layer of your own, whose arguments are all numbers, strings, None, or lists and dicts of them, need not
        define it.
        """
        config = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        arguments = vars(self).get("_arguments")
        return {**config, **arguments.config(self)} if arguments is not None else config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer of a configuration."""
        # A class of your own may leave the arguments that all layers have out of its __init__.
        known = inspect.signature(cls.__init__).parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
        shared = {} if open_ended else {key: config[key] for key in ("name", "trainable", "dtype")
                                        if key in config and key not in known}  # fmt: skip
        layer = cls(**{key: value for key, value in config.items() if key not in shared})
        if "name" in shared:
            layer.name = shared["name"]
        if shared.get("trainable") is False:
            layer.trainable = False
        return layer

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


Layer.build = once(Layer.build)  # type: ignore[method-assign]

_ARRAYS = (Tensor, np.ndarray)


def _first_node(layer: Layer, what: str) -> Node:
    if not layer.inbound_nodes:
        raise NotBuiltError(
            f"layer {layer.name!r} has no {what} yet: it was never called on a symbolic tensor. "
            "Give the model an Input, or call the layer on one."
        )
    return layer.inbound_nodes[0]


__all__ = ["Layer", "reset_names"]
