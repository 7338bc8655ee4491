"""Callbacks that save: ModelCheckpoint and BackupAndRestore."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from minidl.callbacks.callback import Callback
from minidl.callbacks.monitor import MonitorCallback
from minidl.console import say
from minidl.errors import ArgumentError, FileFormatError, NotBuiltError
from minidl.utils.files import local_path

Logs = dict[str, Any] | None

WEIGHTS = (".weights.h5", ".safetensors", ".npz")
MODELS = (".keras", ".h5")


class SaveFrequency:
    """Counts batches, to save every so many."""

    def __init__(self, who: str, save_freq: Any) -> None:
        if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
            raise ArgumentError(f"{who}: save_freq must be 'epoch' or a number of batches. Got {save_freq!r}.")
        self.save_freq = save_freq
        self.seen = 0

    def due(self) -> bool:
        """Count a batch; return whether to save after it."""
        if self.save_freq == "epoch":
            return False
        self.seen += 1
        if self.seen < self.save_freq:
            return False
        self.seen = 0
        return True


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after each epoch or the best ones.

    Parameters
    ----------
    filepath : ends in .keras or .h5 (model), or .weights.h5, .safetensors or .npz (weights only); it may hold
        {epoch}, {batch} and names in the logs: "model-{epoch:02d}-{val_loss:.2f}.keras"
    monitor : name in the logs
    verbose : 1 says so when it saves
    save_best_only : only when the monitored number is better than ever before
    save_weights_only : `save_weights` instead of `save`
    mode : "min", "max" or "auto"
    save_freq : "epoch", or a number of batches
    initial_value_threshold : the best so far, for going on with a training
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(local_path(filepath, "ModelCheckpoint"))
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = save_freq
        self._frequency = SaveFrequency("ModelCheckpoint", save_freq)
        self._epoch = 0
        endings = WEIGHTS if save_weights_only else MODELS
        if not self.filepath.endswith(endings) or (not save_weights_only and self.filepath.endswith(".weights.h5")):
            other = "False" if save_weights_only else "True"
            raise ArgumentError(
                f"ModelCheckpoint: with save_weights_only={save_weights_only} the file must end in "
                f"{' or '.join(endings)}. Got {self.filepath!r}. Or do you want save_weights_only={other}?"
            )

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save, if `save_freq` is a number of batches and they are done."""
        if self._frequency.due():
            if self.save_best_only:
                self._settle_direction()
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save, if the epoch is good enough."""
        if self.save_freq == "epoch":
            if self.save_best_only:
                self._settle_direction()
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        logs = logs or {}
        path = self._path(epoch, batch, logs)
        if not self._wanted(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise ArgumentError(f"ModelCheckpoint: filepath must be a file. Got the folder {path!r}.")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _wanted(self, epoch: int, logs: dict[str, Any], path: str) -> bool:
        if not self.save_best_only:
            if self.verbose:
                say(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        current = logs.get(self.monitor)
        if current is None:
            self._missing(logs, "ModelCheckpoint saves the best by")
            return True
        if np.ndim(current):
            warnings.warn(
                f"ModelCheckpoint saves the best by {self.monitor!r}, which is not one number but {np.shape(current)}; "
                "every model is saved. Give the metric an average, or watch another.",
                stacklevel=2,
            )
            return True
        before = "None" if self.best is None else f"{self.best:.5f}"
        better = self._is_improvement(current, self.best)
        if self.verbose and better:
            change = f"improved from {before} to {current:.5f}, saving model to {path}"
            say(f"\nEpoch {epoch + 1}: {self.monitor} {change}")
        elif self.verbose:
            say(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {before}")
        if better:
            self.best = current
        return better

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        values = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            return self.filepath.format(**values)
        except KeyError as error:
            raise ArgumentError(
                f"ModelCheckpoint: filepath {self.filepath!r} names {error}, which is not in the logs. "
                f"There are {', '.join(map(repr, values))}."
            ) from error


class BackupAndRestore(Callback):
    """Keeps the state of training in a folder, so that an interrupted `fit` goes on where it was when run again.

    Weights, the optimizer's state, random numbers, the epoch, the batch and the metrics so far are one file, which is
    replaced as a whole: whenever training is killed, what is found is a state that it was in. The losses are then those
    of an unbroken training, if the data comes in the same order: from arrays or a PyDataset, after
    `utils.set_random_seed` where it is shuffled.

    Parameters
    ----------
    backup_dir : the folder, for one training alone; it is removed when `fit` ends
    save_freq : "epoch", or a number of batches
    double_checkpoint : keep the state before the last too
    delete_checkpoint : False leaves the folder in place
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ArgumentError("BackupAndRestore: backup_dir must name a folder. Got an empty name.")
        self.backup_dir = local_path(backup_dir, "BackupAndRestore")
        self.save_freq = save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._frequency = SaveFrequency("BackupAndRestore", save_freq)
        self._state = self.backup_dir / "latest.weights.h5"
        # `load_weights` looks at the ending, so the mark goes in front.
        self._state_before = self.backup_dir / "previous.latest.weights.h5"
        self._epoch = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Load the state of an interrupted training, if there is one."""
        if not self.model.built:
            raise NotBuiltError(
                "BackupAndRestore: the model must be built before fit: give it an Input, or call it on a batch."
            )
        if not self._state.exists():
            return
        try:
            self._load(self._state)
        except (OSError, FileFormatError):
            if not self._state_before.exists():
                raise
            warnings.warn(f"BackupAndRestore: {self._state} cannot be read; the one before it is used.", stacklevel=2)
            self._load(self._state_before)

    def _load(self, path: Path) -> None:
        optimizer = self.model.optimizer
        if optimizer is not None and not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        self.model._load_progress(path)
        self._epoch = self.model._progress.epoch

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save, if `save_freq` is a number of batches and they are done."""
        if self._frequency.due():
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save."""
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def _save(self, epoch: int, batch: int) -> None:
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and self._state.exists():
            shutil.copyfile(self._state, self._state_before)
        self.model._save_progress(self._state, epoch, batch)

    def on_train_end(self, logs: Logs = None) -> None:
        """Remove the folder."""
        if self.delete_checkpoint and self.backup_dir.exists():
            shutil.rmtree(self.backup_dir)
