"""Metric: a number that is brought up to date batch by batch. Mean and Sum, and metrics from functions.

Metrics look at values with NumPy: no tape, no ops, nothing that a gradient could flow through.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import config, initializers
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.naming import snake_case, unique_name
from minidl.losses.base import joined_masks
from minidl.registry import Configured, constructor, settings_of
from minidl.tape import leaves, where_it_lies
from minidl.tensor import Tensor, Variable, as_array, convert_to_tensor

STATE = np.float64  # sums over many batches stay exact


class Metric(Configured):
    """Base of metrics. One of your own defines `update_state` and `result`.

    Parameters
    ----------
    dtype : of the result
    name : shown in logs

    >>> class Largest(Metric):
    ...     def __init__(self):
    ...         super().__init__(name="largest")
    ...         self.largest = self.add_variable((), "zeros", name="largest")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.largest.assign(max(float(self.largest), np.max(y_pred)))
    ...     def result(self):
    ...         return self.largest
    >>> metric = Largest()
    >>> float(metric([0.0, 0.0], [0.5, 2.0]))
    2.0
    """

    # "up" if larger is better, "down" if smaller is, None if it is not known: for callbacks with mode="auto".
    _direction: str | None = None

    _variables: list[Variable] | None = None

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.dtype = np.dtype(dtype or config.floatx()).name
        self._variables = []

    def add_variable(
        self, shape: Any = (), initializer: Any = "zeros", dtype: Any = None, aggregation: str = "sum", name: Any = None
    ) -> Variable:
        """Make a variable, which `reset_state` sets to zeros.

        Parameters
        ----------
        shape : of its values; initializer : of the first ones
        dtype : by default the metric's; name : shown in errors; aggregation : kept for Keras' sake
        """
        if self._variables is None:
            raise ArgumentError(f"{type(self).__name__}: call super().__init__(name=...) before variables are added.")
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        value = initializers.get(initializer or "zeros")(sizes, dtype or self.dtype)
        name = name or "variable"
        variable = Variable(value, dtype or self.dtype, trainable=False, name=name, path=f"{self.name}/{name}")
        self._variables.append(variable)
        return variable

    def add_weight(self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: Any = None) -> Variable:
        """Make a variable; an older name of `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The state: variables that were added or are attributes, then those of metrics that are attributes."""
        attributes = leaves(vars(self))
        own = [*(self._variables or []), *(value for value in attributes if isinstance(value, Variable))]
        for metric in attributes:
            own += metric.variables if isinstance(metric, Metric) else []
        return list({id(variable): variable for variable in own}.values())

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch into account."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight)")

    def result(self) -> Any:
        """Return the metric over all batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must define result(self)")

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update, then return the result."""
        self.update_state(*args, **kwargs)
        return self.result()

    def _tensor(self, value: Any) -> Tensor:
        return Tensor.wrap(np.asarray(value, dtype=self.dtype))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {"name": self.name, "dtype": self.dtype}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class Sum(Metric):
    """The (weighted) sum of the values given.

    >>> float(Sum()([1.0, 3.0, 5.0]))
    9.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), dtype=STATE, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values up."""
        values, _ = weigh(as_array(values), sample_weight, np.sum)
        self.total.assign_add(values.sum())

    def result(self) -> Tensor:
        """Return the sum."""
        return self._tensor(self.total)


class Mean(Metric):
    """The (weighted) mean of the values given.

    >>> metric = Mean()
    >>> metric.update_state([1.0, 3.0]); metric.update_state(8.0)
    >>> float(metric.result())
    4.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), dtype=STATE, name="total")
        self.count = self.add_variable((), dtype=STATE, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values into account, each with its weight."""
        values = as_array(values)
        if values.ndim == 0 and (sample_weight is None or isinstance(sample_weight, int | float)):
            count = 1.0 if sample_weight is None else float(sample_weight)  # the loss of a batch: no arrays needed
            total = float(values) * count
        else:
            values, weights = weigh(values, sample_weight)
            total = values.sum(dtype=np.float64)
            count = weights.sum() if weights is not None else max(1, math.prod(values.shape[:1]))
        self.total.assign_add(total)
        self.count.assign_add(count)

    def result(self) -> Tensor:
        """Return the mean; 0 before any value."""
        count = float(self.count)
        return self._tensor(float(self.total) / count if count else 0.0)


class MeanMetricWrapper(Mean):
    """The mean of a function of (y_true, y_pred), over the samples.

    Parameters
    ----------
    fn : gets two tensors, returns one value a sample
    kwargs : passed on to `fn`
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), dtype)
        self.fn = fn
        self.kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take a batch into account; a mask that y_pred carries leaves values out."""
        true, prediction = _tensor(y_true), _tensor(y_pred)
        with where_it_lies(true, prediction):
            found = self.fn(true, prediction, **self.kwargs)
        kept = joined_masks(y_pred)
        if sample_weight is not None or kept is not None:
            # As in Keras, values that the function masks (an ignored class) count if there is no other weight or mask.
            kept = joined_masks(y_pred, found)
        if kept is not None:
            weights = 1.0 if sample_weight is None else as_array(sample_weight)
            sample_weight = kept.astype(np.float64) * _of_rank(np.asarray(weights), kept.ndim)
        values = as_array(found)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if type(self) is MeanMetricWrapper:
            config["fn"] = getattr(self.fn, "__name__", str(self.fn))
        return config | self.kwargs


class OfFunction(MeanMetricWrapper):
    """Base of the means of one function of (y_true, y_pred), whose settings are the class's arguments.

    A subclass says in its head which function it is `of`; which value is `better`, the larger ("up") or the smaller;
    `name`, where the metric has another than the function's; what it `takes`, where that is not name, dtype, and then
    all settings; and defaults of settings that are not the function's.
    """

    if TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __init_subclass__(
        cls, of: Any = None, better: str = "down", name: str = "", takes: str = "", **defaults: Any
    ) -> None:
        super().__init_subclass__()
        if of is not None:
            known = {"name": name or of.__name__, "dtype": None} | settings_of(of) | defaults
            arguments = {each: known[each] for each in takes.split() or known}
            cls._direction = better
            cls.__init__ = constructor(  # type: ignore[method-assign]
                arguments, lambda self, **given: MeanMetricWrapper.__init__(self, of, **given)
            )


def _tensor(value: Any) -> Tensor:
    return Tensor.wrap(value) if isinstance(value, np.ndarray) else convert_to_tensor(value)


def weigh(
    values: np.ndarray, sample_weight: Any, reduce: Callable[..., Any] = np.mean
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return one value a sample, multiplied by its weight, and the weights (None without).

    As in Keras: values of more axes than the weights are first averaged (or summed) over the extra axes.

    >>> values, weights = weigh(np.array([[1.0, 3.0], [5.0, 7.0]]), [1, 0])
    >>> values.tolist(), weights.tolist()
    ([2.0, 0.0], [1.0, 0.0])
    """
    values = values.astype(np.float64, copy=False)
    weights = None
    if sample_weight is not None:
        weights = as_array(sample_weight).astype(np.float64)
        if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
            weights = weights[..., 0]
        elif values.ndim == weights.ndim + 1 and values.shape[-1] == 1:
            values = values[..., 0]
        if values.ndim > weights.ndim:
            values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
        try:
            weights = np.broadcast_to(weights, values.shape)
        except ValueError:
            raise ShapeError(
                f"metric: there must be one sample_weight a sample. Got weights {weights.shape} for {values.shape}."
            ) from None
        values = values * weights
        if weights.ndim > 1:
            weights = reduce(weights, axis=tuple(range(1, weights.ndim)))
    if values.ndim > 1:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, weights


def _of_rank(weights: np.ndarray, rank: int) -> np.ndarray:
    """Return weights (N, ...) with axes of size 1 behind, or without the last, to multiply what has `rank` axes."""
    if weights.ndim == rank + 1 and weights.shape[-1] == 1:
        return weights[..., 0]
    return weights.reshape(weights.shape + (1,) * (rank - weights.ndim)) if weights.ndim else weights


def spread_weights(name: str, weights: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return a weight for each value of an array (N, ...), from weights (N,), (N, 1) or of its own shape.

    >>> spread_weights("metric", [1, 2], (2, 3)).tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    """
    given = np.asarray(as_array(weights), np.float64)
    try:
        return np.broadcast_to(_of_rank(given, len(shape)), shape)
    except ValueError:
        raise ShapeError(
            f"{name}: sample_weight must hold one weight a sample, or one a value of y_true. "
            f"Got {given.shape} for {shape}."
        ) from None
