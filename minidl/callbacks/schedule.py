"""Small callbacks: LearningRateScheduler, TerminateOnNaN, CSVLogger."""

from __future__ import annotations

import csv
import inspect
import math
import os
from typing import Any

import numpy as np

from minidl.callbacks.callback import Callback
from minidl.console import say
from minidl.errors import ArgumentError
from minidl.utils.files import check_writable, explained, local_path

Logs = dict[str, Any] | None


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Parameters
    ----------
    schedule : function of (epoch, learning_rate), or of the epoch alone, that returns a float
    verbose : 1 says the new rate
    """

    def __init__(self, schedule: Any, verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise ArgumentError(f"LearningRateScheduler: schedule must be a function. Got {schedule!r}.")
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the rate."""
        optimizer = self.model.optimizer
        rate = self.schedule(*((epoch, float(optimizer.learning_rate)) if _takes_two(self.schedule) else (epoch,)))
        if not isinstance(rate, float | np.floating):
            raise ArgumentError(f"LearningRateScheduler: the schedule must return a float. Got {rate!r}.")
        optimizer.learning_rate = float(rate)
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Put the rate into the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _takes_two(function: Any) -> bool:
    try:
        inspect.signature(function).bind(0, 0.1)
    except (TypeError, ValueError):
        return False
    return True


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    Parameters
    ----------
    raise_error : raise a RuntimeError instead of ending `fit` quietly
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"TerminateOnNaN: the loss is {loss} at batch {batch}. Is the learning rate too large, or the data not "
                "scaled?"
            )
        say(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class CSVLogger(Callback):
    """Writes the logs of each epoch as a row of a CSV file.

    Parameters
    ----------
    filename : of the file; separator : between the columns
    append : go on with a file that is there, instead of writing it anew
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.sep, self.append = local_path(filename, "CSVLogger"), separator, append
        self.keys: list[str] | None = None
        self._header = True

    def on_train_begin(self, logs: Logs = None) -> None:
        """Make the file, or see whether one is there."""
        self._header = not (self.append and self.filename.exists() and self.filename.stat().st_size > 0)
        self.keys = None
        check_writable(self.filename, "CSVLogger")
        with explained(self.filename), self.filename.open("a" if self.append else "w"):
            pass

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a row; a value that is not there is NA."""
        logs = logs or {}
        rows: list[list[Any]] = []
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]  # validation may come in a later epoch
            rows = [["epoch", *self.keys]] if self._header else []
        rows.append([epoch, *(_cell(logs.get(key, "NA")) for key in self.keys)])
        with (
            explained(self.filename, "The rows of the epochs before are in it."),
            self.filename.open("a", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file, delimiter=self.sep).writerows(rows)


def _cell(value: Any) -> Any:
    array = np.asarray(value)
    if isinstance(value, str) or array.ndim == 0:
        return value
    return f'"[{", ".join(map(str, array.ravel().tolist()))}]"'
