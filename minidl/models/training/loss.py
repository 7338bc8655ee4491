"""The loss that `compile` was given: one for each output, weighted and added up."""

from __future__ import annotations

from typing import Any

from minidl import losses
from minidl.backends.devices.arrays import to_host
from minidl.errors import ArgumentError, DataError
from minidl.losses import Loss, LossFunctionWrapper
from minidl.metrics import Mean
from minidl.models.training.outputs import Outputs, check_kind, of_each

_BY_KIND = {
    "binary": "binary_crossentropy",
    "sparse": "sparse_categorical_crossentropy",
    "categorical": "categorical_crossentropy",
}


class CompileLoss:
    """Losses and their weights, matched to the outputs when the first prediction is there.

    Parameters
    ----------
    loss : a name, Loss or function; for several outputs one for all, a list in order, or a dict by output name
    loss_weights : a number, list or dict likewise
    output_names : of the model
    """

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: list[str] | None = None) -> None:
        if loss_weights is not None and not isinstance(loss_weights, list | tuple | dict | int | float):
            raise ArgumentError(
                f"compile: loss_weights must be a number, a list or a dict by output name. Got {loss_weights!r}."
            )
        self.loss = of_each(_resolved, loss)
        self.loss_weights = loss_weights
        self.output_names = output_names
        self.outputs: Outputs | None = None
        self.trackers: list[Mean | None] = []

    @property
    def metrics(self) -> list[Mean]:
        """One mean for each output with a loss, if there are several; in the order of a dict of losses, as in Keras."""
        order: Any = range(len(self.trackers))
        if self.outputs is not None and self.outputs.keyed and isinstance(self.loss, dict):
            order = [self.outputs.names.index(str(key)) for key in self.loss]
        found = [self.trackers[place] for place in order]
        return [tracker for tracker in found if tracker is not None]

    @property
    def objects(self) -> list[Loss | None]:
        """The losses in the order of the outputs; known after the first batch."""
        return self._losses if self.outputs is not None else []

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match losses and weights to the outputs of a prediction."""
        outputs = Outputs(y_pred, self.output_names)
        given = outputs.spread(self.loss, "loss", ArgumentError, broadcast=True)
        targets = _spread_targets(outputs, given, y_true)
        pairs = zip(given, targets, outputs.flatten(y_pred), strict=True)
        self._losses = [_loss_object(loss, target, prediction) for loss, target, prediction in pairs]
        self._weights = outputs.spread(self.loss_weights, "loss_weights", ArgumentError, broadcast=True)
        several = sum(loss is not None for loss in self._losses) > 1
        self.trackers = [
            Mean(f"{name}_loss") if several and loss is not None else None
            for name, loss in zip(outputs.names, self._losses, strict=True)
        ]
        self.outputs = outputs

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the weighted sum of the outputs' losses, a scalar tensor; None if no output has one."""
        if self.outputs is None:
            self.build(y_true, y_pred)
        assert self.outputs is not None
        targets = _spread_targets(self.outputs, self._losses, y_true)
        predictions = self.outputs.flatten(y_pred)
        weights = self.outputs.spread(sample_weight, "sample_weight", broadcast=True)
        total = None
        for place, loss in enumerate(self._losses):
            if loss is None:
                continue
            if targets[place] is None:
                raise DataError(
                    f"loss: output {self.outputs.names[place]!r} has a loss but no targets. Got y=None: does the data "
                    "give (x, y), or does loss=None belong there?"
                )
            value = loss(targets[place], predictions[place], weights[place])
            if value.ndim:
                value = value.sum()
            tracker = self.trackers[place]
            if tracker is not None:
                tracker.update_state(to_host(value.data, "loss of an output"), len(predictions[place]))
            if self._weights[place] is not None:
                value = value * float(self._weights[place])
            total = value if total is None else total + value
        return total


def _spread_targets(outputs: Outputs, losses: list[Any], y_true: Any) -> list[Any]:
    """Return a target for each output; a list may leave out outputs without a loss, as in Keras."""
    wanted = [place for place, loss in enumerate(losses) if loss is not None]
    listed = isinstance(y_true, list | tuple)
    arranged = outputs.nested and listed and any(isinstance(part, list | tuple | dict) for part in y_true)
    if listed and not arranged and len(y_true) == len(wanted) != len(losses):
        found: list[Any] = [None] * len(losses)
        for place, target in zip(wanted, y_true, strict=True):
            found[place] = target
        return found
    return outputs.spread(y_true, "y")


def _resolved(loss: Any) -> Any:
    """Look the names up at once, so that a misspelt one is told by `compile`; "crossentropy" waits for the shapes."""
    if isinstance(loss, str) and loss.lower() in ("crossentropy", "ce"):
        return loss
    return losses.get(loss)


def _loss_object(loss: Any, y_true: Any, y_pred: Any) -> Loss | None:
    if loss is None or isinstance(loss, Loss):
        return loss
    if isinstance(loss, str):
        loss = losses.get(_BY_KIND[check_kind(y_true, y_pred)])
    return LossFunctionWrapper(loss)
