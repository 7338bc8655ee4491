"""Callback: hooks that training calls."""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError

Logs = dict[str, Any] | None


class Callback:
    """Base of callbacks: override what you need. `self.model` is the model, `self.params` the run's settings.

    `logs` is a dict at every hook; where there are results it holds the loss and metrics by name. What a callback adds
    to the logs of `on_epoch_end`, later ones see, and it goes into the History.

    >>> class Report(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch + 1, round(logs["loss"], 2))
    >>> Report().on_epoch_end(0, {"loss": 0.5})
    1 0.5
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    # Set when the callback is put to use; a subclass may do without super().__init__().
    params: dict[str, Any] = {}
    _model: Any = None

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the run's settings: verbose, epochs, steps."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model."""
        self._model = model

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Do the same as `on_train_batch_begin`, under its older name."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Do the same as `on_train_batch_end`, under its older name."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """End an epoch; the logs hold validation results too."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Start a batch of `fit`."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End a batch of `fit`; the logs hold the means over the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Start a batch of `evaluate`, also of a validation."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End a batch of `evaluate`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Start a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End a batch of `predict`; the logs hold the "outputs"."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start `fit`."""

    def on_train_end(self, logs: Logs = None) -> None:
        """End `fit`; the logs are the last epoch's."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Start `evaluate`, or a validation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """End `evaluate`, or a validation."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Start `predict`."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """End `predict`."""


class LambdaCallback(Callback):
    """A callback from functions.

    >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: print("epoch", epoch + 1))
    >>> callback.on_epoch_end(0, {})
    epoch 1
    """

    def __init__(
        self,
        on_epoch_begin: Any = None,
        on_epoch_end: Any = None,
        on_train_begin: Any = None,
        on_train_end: Any = None,
        on_train_batch_begin: Any = None,
        on_train_batch_end: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin,
            "on_train_end": on_train_end, "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end, **kwargs,
        }  # fmt: skip
        for name, function in given.items():
            if not hasattr(Callback, name):
                raise ArgumentError(f"LambdaCallback: there is no {name!r}. See help(Callback) for when it is called.")
            if function is not None:
                setattr(self, name, function)


class History(Callback):
    """Keeps the logs of all epochs: `history` maps a name to a list, `epoch` lists the epochs. `fit` returns it."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start the list of epochs; earlier results stay."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the epoch's logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
