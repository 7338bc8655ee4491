"""WeightHolder: the part of a layer that owns variables and other layers, and finds them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import constraints, initializers, regularizers
from minidl.errors import ArgumentError, NotBuiltError, ShapeError
from minidl.layers.base.tracking import tracked
from minidl.tensor import Tensor, Variable


def _is_metric(value: Any) -> bool:
    """Tell a metric by its methods: the metrics' own module knows layers, not the other way round."""
    return hasattr(value, "update_state") and hasattr(value, "reset_state")


class WeightHolder:
    """Holds variables, layers and metrics. What is set as an attribute, alone or in lists and dicts, is found again."""

    name: str
    dtype: str
    built: bool
    _trainable: bool
    _trainable_variables: list[Variable]
    _non_trainable_variables: list[Variable]
    _layers: list[Any]
    _metrics: list[Any]
    _call_losses: list[Tensor]
    inbound_nodes: list[Any]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Attributes are made by `__init__` and `build`; past `__setattr__` a type checker cannot see them."""

    # Attributes that are looked after otherwise.
    _not_tracked: frozenset[str] = frozenset(
        {"_layers", "_metrics", "_trainable_variables", "_non_trainable_variables"}
    )

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        # What `__setattr__` needs, before anything is set.
        layer.__dict__.update(
            _trainable_variables=[], _non_trainable_variables=[], _layers=[], _metrics=[], _call_losses=[],
            inbound_nodes=[], _complete=False,
        )  # fmt: skip
        return layer

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value if name in self._not_tracked else tracked(value, self._track))

    def _track(self, item: Any) -> None:
        """Note a layer, variable or metric, once."""
        if isinstance(item, WeightHolder):
            found = self._layers if item is not self else None
        elif isinstance(item, Variable):
            known = (*self._trainable_variables, *self._non_trainable_variables)
            mine = self._trainable_variables if item.trainable else self._non_trainable_variables
            found = None if any(item is variable for variable in known) else mine
        else:
            found = self._metrics if _is_metric(item) else None
        if found is None or any(item is other for other in found):
            return
        self._check_growth(type(item).__name__)
        found.append(item)

    def _check_growth(self, kind: str) -> None:
        """Refuse new layers and weights in every call: they would start afresh each time, and never learn."""
        if self._complete:
            raise ArgumentError(
                f"layer {self.name!r} ({type(self).__name__}): its call() makes a new {kind} every time. Make layers "
                "in __init__ and weights in build(input_shape), and use them in call()."
            )

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
        initializer : name, Initializer or function of (shape, dtype); by default "glorot_uniform", of whole numbers 0
        trainable : False for state such as moving averages
        regularizer, constraint : names, objects or None
        name : short name, "kernel"
        """
        if unknown:
            raise ArgumentError(f"add_weight: unknown arguments {sorted(unknown)}.")
        if isinstance(shape, str):
            raise ArgumentError(
                f"add_weight: the shape comes first, and the name by its keyword: add_weight(shape, name={shape!r})."
            )
        shape = tuple(int(n) for n in (shape or ()))
        dtype = np.dtype(dtype or self.dtype)
        default = "glorot_uniform" if dtype.kind == "f" else "zeros"
        make = initializers.get(default if initializer is None else initializer)
        values = make(shape, dtype)
        values = np.asarray(values.numpy() if isinstance(values, Tensor) else values, dtype=dtype)
        if values.shape != shape:
            raise ShapeError(f"add_weight: the initializer must give shape {shape}. Got {values.shape}.")
        self._check_growth("weight")
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

    def sublayers(self) -> list[Any]:
        """Return the layers that this one holds, directly."""
        return list(self._layers)

    def _all_layers(self) -> Iterator[Any]:
        """Yield this layer and, depth first, those inside, each once."""
        seen: set[int] = set()
        stack: list[Any] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                inside = layer.sublayers()
                if inside:
                    stack.extend(reversed(inside))

    @property
    def metrics(self) -> list[Any]:
        """The metrics that are attributes of this layer and of those inside, alone or in lists and dicts."""
        found = [metric for layer in self._all_layers() for metric in layer._metrics]
        return list({id(metric): metric for metric in found}.values())

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of these metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def weights(self) -> list[Variable]:
        """All weights: of each layer its trainable ones, then its state, in the order of making."""
        found = [
            v for layer in self._all_layers() for v in (*layer._trainable_variables, *layer._non_trainable_variables)
        ]
        return list({id(v): v for v in found}.values())

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Frozen weights, and state such as moving averages."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights."""
        return [np.array(v.numpy()) for v in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Replace all weights, in the order of `weights`.

        Raises
        ------
        ShapeError : another number of arrays, or shapes that do not match; nothing is changed then
        """
        own, given = self.weights, list(weights)
        if len(own) != len(given):
            hint = "" if self.built else " It is not built yet: call it once, or build(input_shape)."
            raise ShapeError(f"set_weights: layer {self.name!r} has {len(own)} weights. Got {len(given)}.{hint}")
        for variable, value in zip(own, given, strict=True):
            if variable.shape != np.shape(value):
                raise ShapeError(f"set_weights: {variable.path!r} has shape {variable.shape}. Got {np.shape(value)}.")
        for variable, value in zip(own, given, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Return how many numbers the weights hold."""
        if not self.built:
            raise NotBuiltError(
                f"count_params: layer {self.name!r} has no weights yet. Call it once, or build(input_shape)."
            )
        return sum(v.size for v in self.weights)
