"""The metrics that `compile` was given: a list for each output, named as Keras names them."""

from __future__ import annotations

import re
from typing import Any

from minidl import losses
from minidl import metrics as metrics_module
from minidl.backends.devices.arrays import to_host
from minidl.errors import ArgumentError
from minidl.layers.base.naming import snake_case
from minidl.losses import Loss
from minidl.metrics import MeanMetricWrapper, Metric
from minidl.models.training.outputs import Outputs, check_kind, of_each
from minidl.tensor import Tensor

_ACCURACY = {
    "binary": metrics_module.BinaryAccuracy,
    "sparse": metrics_module.SparseCategoricalAccuracy,
    "categorical": metrics_module.CategoricalAccuracy,
}
_CROSSENTROPY = {
    "binary": metrics_module.BinaryCrossentropy,
    "sparse": metrics_module.SparseCategoricalCrossentropy,
    "categorical": metrics_module.CategoricalCrossentropy,
}


class CompileMetrics(Metric):
    """Metrics for each output, matched to the outputs when the first prediction is there.

    Parameters
    ----------
    metrics : a list for one output; for several a list of lists in order, or a dict by output name
    weighted_metrics : the same, for metrics that take the sample weights into account
    output_names : of the model
    """

    def __init__(self, metrics: Any, weighted_metrics: Any = None, output_names: list[str] | None = None) -> None:
        super().__init__(name="compile_metrics")
        for what, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if given is not None and not isinstance(given, list | tuple | dict):
                raise ArgumentError(
                    f"compile: {what} must be a list, or a dict by output name. Got {given!r}. "
                    f"Write {what}=[{given!r}]."
                )
        self._given = (of_each(_resolved, metrics), of_each(_resolved, weighted_metrics))
        self.output_names = output_names
        self.outputs: Outputs | None = None
        self._plain: list[tuple[str, int, Metric]] = []
        self._weighted: list[tuple[str, int, Metric]] = []

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of all outputs; known after the first batch."""
        return [metric for _, _, metric in (*self._plain, *self._weighted)]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match the metrics to the outputs of a prediction, and name them."""
        outputs = Outputs(y_pred, self.output_names)
        targets, predictions = outputs.spread(y_true, "y"), outputs.flatten(y_pred)
        taken: dict[str, int] = {}
        for given, weighted in zip(self._given, (False, True), strict=True):
            entries = []
            for place, chosen in enumerate(_lists(given, outputs)):
                for item in chosen:
                    metric = _metric_object(item, targets[place], predictions[place])
                    entries.append((_name(metric.name, outputs, place, weighted, taken), place, metric))
            if weighted:
                self._weighted = entries
            else:
                self._plain = entries
        self.outputs = outputs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Bring all metrics up to date."""
        if self.outputs is None:
            self.build(y_true, y_pred)
        assert self.outputs is not None
        if not self.metrics:
            return
        targets, predictions = self.outputs.spread(y_true, "y"), [_fetched(p) for p in self.outputs.flatten(y_pred)]
        weights = self.outputs.spread(sample_weight, "sample_weight", broadcast=True) if self._weighted else []
        for _, place, metric in self._plain:
            metric.update_state(targets[place], predictions[place])
        for _, place, metric in self._weighted:
            metric.update_state(targets[place], predictions[place], sample_weight=weights[place])

    def result(self) -> dict[str, Any]:
        """Return the results by name."""
        found: dict[str, Any] = {}
        for name, _, metric in (*self._plain, *self._weighted):
            value = metric.result()
            found.update(value if isinstance(value, dict) else {name: value})
        return found

    def reset_state(self) -> None:
        """Reset all metrics."""
        for metric in self.metrics:
            metric.reset_state()

    def direction(self, name: str) -> str | None:
        """Return whether larger is better ("up") or smaller ("down") for a name in the logs, None if not known."""
        for known, _, metric in (*self._plain, *self._weighted):
            if name in (known, metric.name):
                return metric._direction
        return None


def _fetched(prediction: Any) -> Any:
    """Return a prediction on the host, where metrics are computed: from a device it is fetched once for all of them."""
    if not isinstance(prediction, Tensor) or prediction.device == "cpu":
        return prediction
    fetched = Tensor.wrap(to_host(prediction.data, "predictions for metrics"))
    fetched._keras_mask = getattr(prediction, "_keras_mask", None)  # type: ignore[attr-defined]
    return fetched


def _lists(given: Any, outputs: Outputs) -> list[list[Any]]:
    """Return a list of metrics for each output."""
    if outputs.single:
        values = given.values() if isinstance(given, dict) else given or []
        return [[item for value in values for item in (value if isinstance(value, list | tuple) else [value])]]
    found = outputs.spread(given or None, "metrics", ArgumentError)
    return [[] if item is None else list(item) if isinstance(item, list | tuple) else [item] for item in found]


def _name(name: str, outputs: Outputs, place: int, weighted: bool, taken: dict[str, int]) -> str:
    """Return a metric's name in the logs: with its output's name, and "weighted_" or a number if it is taken."""
    prefix = "" if len(outputs.names) == 1 else f"{outputs.names[place]}_"
    full = prefix + name
    if weighted and full in taken:
        full = f"{prefix}weighted_{name}"
    count = taken.get(full, 0)
    taken[full] = count + 1
    return f"{full}_{count}" if count else full


def _resolved(given: Any) -> Any:
    """Look the names up at once, so that a misspelt one is told by `compile`; "accuracy" waits for the shapes."""
    if isinstance(given, str):
        if given.lower() not in ("accuracy", "acc", "crossentropy", "ce"):
            metric = metrics_module.get(given)
            if isinstance(metric, Metric):  # a function of your own has its own name
                metric.name = given  # as in Keras: the log says "mse" when the user did
            return metric
        return given
    return metrics_module.get(given)


def _metric_object(item: Any, y_true: Any, y_pred: Any) -> Metric:
    if isinstance(item, Metric):
        return item
    if isinstance(item, str):
        table = _ACCURACY if item.lower().startswith("acc") else _CROSSENTROPY
        return table[check_kind(y_true, y_pred)](name=item)
    # A loss is named as such; a function by its name, "<lambda>" as "lambda".
    name = item.name if isinstance(item, Loss) else snake_case(re.sub(r"\W", "", getattr(item, "__name__", "")))
    metric = MeanMetricWrapper(item, name or None)
    if isinstance(item, Loss) or losses.is_loss_function(item):
        metric._direction = "down"
    return metric
