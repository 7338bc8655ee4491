"""Model: layers put together, by a graph of symbolic tensors or by a `call` of your own; to be trained and saved."""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError, NotBuiltError, unknown_name
from minidl.keras.removed import removed_method
from minidl.layers.base.layer import Layer
from minidl.layers.base.op_layer import OpLayer
from minidl.layers.base.symbolic import SymbolicTensor, flatten, map_structure, map_structure_shapes
from minidl.models.graph import Graph, bare
from minidl.models.training.trainer import Trainer


class Model(Trainer):
    """A network that can be trained.

    Functional: give the symbolic inputs and outputs.

    >>> import minidl
    >>> x = minidl.Input((4,))
    >>> y = minidl.layers.Dense(3, activation="softmax")(x)
    >>> model = Model(inputs=x, outputs=y)
    >>> model.count_params()
    15

    Subclass: make layers in `__init__`, use them in `call`.

    >>> class TwoLayers(Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden, self.last = minidl.layers.Dense(8), minidl.layers.Dense(2)
    ...     def call(self, x):
    ...         return self.last(self.hidden(x))
    >>> TwoLayers()([[1.0, 2.0]]).shape
    (1, 2)

    Parameters
    ----------
    inputs, outputs : symbolic tensors, or lists, tuples or dicts of them
    name : the model's name
    """

    # What `compile` was given: neither its metrics nor the optimizer's weights are the model's own.
    _not_tracked = Layer._not_tracked | {
        "optimizer", "loss", "_compile_loss", "_compile_metrics", "_loss_tracker", "_compile_arguments", "_graph",
        "_symbolic_input", "_symbolic_output", "_outputs",
    }  # fmt: skip
    _any_size = False  # whether inputs may have other sizes than the graph's

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any) -> None:
        if name is None and type(self) is Model:
            name = self.unique_name("functional")
        super().__init__(name=name, **kwargs)
        self._graph: Graph | None = None
        if (inputs is None) != (outputs is None):
            raise ArgumentError("Model: give both inputs and outputs, or neither and write `call` in a subclass.")
        if inputs is not None:
            self._graph = Graph(inputs, outputs)
            self.autocast = False  # the graph casts each input to what that says
            self.built = True

    @property
    def graph(self) -> Graph | None:
        """The graph of a functional or sequential model; None for a subclass with a `call` of its own."""
        return self._graph

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Run the graph. A subclass without inputs and outputs defines its own."""
        if self.graph is None:
            raise NotImplementedError(
                f"{type(self).__name__}: define call(self, inputs), or give inputs= and outputs= to Model."
            )
        values = self.graph.input_values(self.name, inputs, self._any_size)
        masks = None if mask is None else flatten(mask)
        return self.graph.run(values, bool(training), masks)

    @property
    def has_call(self) -> bool:
        """Whether the model can be called: it has a graph, or a `call` of its own."""
        return self.graph is not None or type(self).call is not Model.call

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs: the graph's, or found by a trial on zeros."""
        if self.graph is not None and _as_in(self.graph, args[0]):
            return map_structure(_like, bare(self.graph.outputs))
        return self._trial(*args, **kwargs)

    def sublayers(self) -> list[Layer]:
        """Return the model's layers: a graph's in its order, else in the order of making."""
        if self.graph is None:
            return list(self._layers)
        known = {id(layer) for layer in self.graph.layers}
        return [*self.graph.layers, *(layer for layer in self._layers if id(layer) not in known)]

    @property
    def operations(self) -> list[Layer]:
        """The model's layers, and the ops between them (`x + y`), each a layer of its own in the graph."""
        return self.sublayers()

    @property
    def layers(self) -> list[Layer]:
        """The model's layers, without the ops between them."""
        return [layer for layer in self.sublayers() if not isinstance(layer, OpLayer)]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("Model.layers is made by the model; name your attribute otherwise.")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its place in `layers`.

        Raises
        ------
        UnknownNameError : no layer of that name; ArgumentError : no such place, or neither or both given
        """
        if (name is None) == (index is None):
            raise ArgumentError(f"get_layer: give a name or an index. Got name={name!r}, index={index!r}.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(f"get_layer: the model has {len(self.layers)} layers. Got index {index}.")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown_name("layer", name, [layer.name for layer in self.layers])

    def build(self, input_shape: Any = None) -> None:
        """Make all weights of a subclassed model, by running it once on zeros of this shape (batch axis included).

        >>> import minidl
        >>> class Net(Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.dense = minidl.layers.Dense(2)
        ...     def call(self, x):
        ...         return self.dense(x)
        >>> net = Net()
        >>> net.build((None, 3))
        >>> net.count_params()
        8
        """
        if self.graph is not None:
            return
        if input_shape is None:
            raise NotBuiltError(f"build: model {self.name!r} needs an input shape, such as (None, 28, 28, 1).")
        self._trial(map_structure_shapes(lambda shape: SymbolicTensor(shape, self.dtype), input_shape))

    def _has_own_build(self) -> bool:
        return type(self).build is not Model.build

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs, as a list."""
        return self._need_graph("inputs").input_tensors

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, as a list."""
        return self._need_graph("outputs").output_tensors

    @property
    def input(self) -> Any:
        """The symbolic input, or inputs, as they were given."""
        return self._need_graph("input").inputs

    @property
    def output(self) -> Any:
        """The symbolic output, or outputs, as they were given."""
        return self._need_graph("output").outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of shapes."""
        return map_structure(lambda t: t.shape, bare(self.input))

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of shapes."""
        return map_structure(lambda t: t.shape, bare(self.output))

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs."""
        return self._need_graph("input_names").input_names

    @property
    def output_names(self) -> list[str]:
        """Names of the layers that give the outputs; of a subclassed model, "output"."""
        if self.graph is None:
            return ["output"]
        return [self.graph.node_of(t).layer.name for t in self.graph.output_tensors]

    def _need_graph(self, what: str) -> Graph:
        if self.graph is None:
            raise NotBuiltError(
                f"model {self.name!r} has no {what}: it has no graph of symbolic tensors. "
                "A Sequential needs an Input or a first call; a subclassed model has none."
            )
        return self.graph

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers, their output shapes and numbers of weights, as Keras does."""
        from minidl.models.summary import print_summary

        print_summary(
            self, line_length=line_length, positions=positions, print_fn=print_fn, expand_nested=expand_nested,
            show_trainable=show_trainable, layer_range=layer_range,
        )  # fmt: skip

    # ---- saving: what it needs is imported when it is called, so that h5py is loaded only then

    def save(self, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> None:
        """Save the whole model, as `.keras` or in the older layout as `.h5`; see `models.save_model`."""
        from minidl import saving

        saving.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Save the weights, as `.weights.h5`, `.safetensors` or `.npz`; see `saving.save_weights`."""
        from minidl import saving

        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
        """Load weights: all of a file that fits, or nothing; see `saving.load_weights`."""
        from minidl import saving

        saving.load_weights(self, filepath, skip_mismatch, by_name)

    def _save_progress(self, filepath: Any, epoch: int, batch: int) -> None:
        """Save the weights and, in the same file, how far training is: `batch` batches of `epoch` are done."""
        from minidl import saving
        from minidl.saving.weights_h5 import Progress

        metrics = [v.numpy() for metric in self.metrics for v in metric.variables] if batch else []
        saving.save_weights(self, filepath, progress=Progress(epoch, batch, metrics))

    def _load_progress(self, filepath: Any) -> None:
        """Load such a file; the next `fit` goes on there."""
        from minidl.saving.weights_h5 import read_progress

        progress = read_progress(filepath)
        self.load_weights(filepath)
        self._progress = progress

    def to_json(self, **kwargs: Any) -> str:
        """Return the configuration as JSON, without weights, for `models.model_from_json`."""
        from minidl.saving.config.model_json import to_json

        return to_json(self, **kwargs)

    def export(self, *_: Any, **__: Any) -> None:
        """Not there: a SavedModel needs TensorFlow."""
        raise ArgumentError(
            "export: minidl writes no SavedModel, TFLite or OpenVINO files. Save with model.save('model.keras'); "
            "Keras loads that file and can export it."
        )

    def get_config(self) -> dict[str, Any]:
        """Return the configuration of a Sequential or functional model.

        Raises
        ------
        ArgumentError : a subclassed model that does not define get_config
        """
        from minidl.models.sequential import Sequential
        from minidl.saving.config.write_graph import functional_config, sequential_config

        cls: Any = type(self)
        if isinstance(self, Sequential) and cls.__init__ is Sequential.__init__:
            return sequential_config(self)
        if cls.__init__ is Model.__init__ and self.graph is not None:
            return functional_config(self)
        if cls.get_config is not Model.get_config:  # called by a get_config of your own
            return super().get_config()
        raise ArgumentError(
            f"save: model {self.name!r} is of your own class {cls.__name__}, whose code no file can hold. "
            "Save its weights, model.save_weights('model.weights.h5'), and load them into a new object of the class. "
            f"Or define get_config() in {cls.__name__}, returning its arguments, and decorate it with "
            "minidl.saving.register_keras_serializable()."
        )

    @classmethod
    def from_config(cls, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """Return the model of a configuration, with new weights."""
        from minidl.keras.custom_objects import custom_object_scope
        from minidl.saving.config.read_graph import functional_from_config, sequential_from_config

        with custom_object_scope(custom_objects):
            if isinstance(config, list) or ("layers" in config and "input_layers" not in config):
                return sequential_from_config(cls, config)
            if "input_layers" in config and "layers" in config:
                return functional_from_config(cls, config)
            return cls(**config)

    fit_generator, evaluate_generator = removed_method("fit_generator"), removed_method("evaluate_generator")
    predict_generator, predict_classes = removed_method("predict_generator"), removed_method("predict_classes")
    predict_proba = removed_method("predict_proba")


def _as_in(graph: Graph, given: Any) -> bool:
    """Whether a model is called on tensors of the shapes and masks that its graph was made with."""
    leaves = flatten(given)
    return len(leaves) == len(graph.input_tensors) and all(
        tuple(leaf.shape) == t.shape and leaf._keras_mask is None
        for leaf, t in zip(leaves, graph.input_tensors, strict=True)
    )


def _like(tensor: SymbolicTensor) -> SymbolicTensor:
    """Return a new symbolic tensor of this one's shape, dtype and mask."""
    copy = SymbolicTensor(tensor.shape, tensor.dtype.name)
    copy._keras_mask = tensor._keras_mask
    return copy
