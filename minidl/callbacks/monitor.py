"""Callbacks that watch one number: EarlyStopping and ReduceLROnPlateau; and what they share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from minidl.callbacks.callback import Callback
from minidl.console import say
from minidl.errors import ArgumentError

Logs = dict[str, Any] | None


class MonitorCallback(Callback):
    """Base: watches `monitor`, and knows what an improvement is.

    Parameters
    ----------
    monitor : name in the logs
    mode : "min" or "max" is better; "auto" asks the metric
    baseline : what is to be beaten first
    min_delta : a smaller change is no improvement
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__}: mode must be 'auto', 'min' or 'max'. Got {mode!r}; 'auto' is used.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor, self.mode = monitor, mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._larger: bool | None = None

    def _settle_direction(self) -> None:
        """Find out whether larger is better; metrics are known only once a batch was seen."""
        if self._larger is not None:
            return
        if self.mode != "auto":
            self._larger = self.mode == "max"
            return
        name = self.monitor.removeprefix("val_")
        direction = "down" if name == "loss" else None
        for metric in getattr(self.model, "metrics", []):
            known = metric.direction(name) if hasattr(metric, "direction") else None
            if known is None and metric.name == name:
                known = metric._direction or ("down" if name.endswith("loss") else None)
            direction = known or direction
        if direction is None:
            raise ArgumentError(
                f"{type(self).__name__}: whether a larger or a smaller {self.monitor!r} is better is not known. "
                "Give mode='max' or mode='min'."
            )
        self._larger = direction == "up"

    def _is_improvement(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return True
        # As in Keras, in float32: there a metric of 0.7 has not beaten a baseline of 0.7, whatever follows the 7.
        if self._larger:
            return bool(np.float32(value - self.min_delta) > np.float32(reference))
        return bool(np.float32(value + self.min_delta) < np.float32(reference))

    def _missing(self, logs: Logs, what: str) -> None:
        names = ", ".join(map(repr, logs or {})) or "none"
        hint = ""
        if self.monitor.startswith("val_"):
            hint = " Is there validation data: validation_split= or validation_data=?"
        warnings.warn(f"{what} {self.monitor!r}, which is not in the logs. There are {names}.{hint}", stacklevel=3)


class EarlyStopping(MonitorCallback):
    """Stops training when a number no longer gets better.

    Parameters
    ----------
    monitor : name in the logs
    min_delta : a smaller change is no improvement
    patience : how many epochs without improvement are borne
    verbose : 1 says so when it stops
    mode : "min", "max" or "auto"
    baseline : stop if this is not beaten within `patience` epochs
    restore_best_weights : go back to the weights of the best epoch at the end
    start_from_epoch : epochs before it do not count
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start afresh, so that one object serves several runs."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare with the best epoch so far."""
        self._settle_direction()
        current = (logs or {}).get(self.monitor)
        if current is None:
            self._missing(logs, "EarlyStopping watches")
            return
        if epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            # Patience starts anew only if the baseline is beaten too.
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Restore the best weights, if asked to."""
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a number no longer gets better.

    Parameters
    ----------
    monitor : name in the logs
    factor : below 1
    patience : how many epochs without improvement are borne
    verbose : 1 says so
    mode : "min", "max" or "auto"
    min_delta : a smaller change is no improvement
    cooldown : epochs to wait after a reduction before counting again
    min_lr : the learning rate goes no lower
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if not 0 < factor < 1:
            raise ArgumentError(f"ReduceLROnPlateau: factor must be between 0 and 1. Got {factor!r}.")
        if kwargs:
            hint = " Use min_delta instead." if "epsilon" in kwargs else ""
            raise ArgumentError(f"ReduceLROnPlateau: unknown arguments {sorted(kwargs)}.{hint}")
        self.factor, self.min_lr, self.patience = factor, min_lr, patience
        self.verbose, self.cooldown = verbose, cooldown
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start afresh."""
        self.best = None
        self.cooldown_counter = self.wait = 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare with the best epoch so far."""
        self._settle_direction()
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = logs.get(self.monitor)
        if current is None:
            self._missing(logs, "ReduceLROnPlateau watches")
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def in_cooldown(self) -> bool:
        """Return whether a reduction is still so near that nothing is counted."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> bool:
        old = float(self.model.optimizer.learning_rate)
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        return True
