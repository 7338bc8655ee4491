"""TensorBoard: logs for the TensorBoard viewer, written by tensorboardX."""

from __future__ import annotations

import os
import time
from typing import Any

from minidl.callbacks.callback import Callback
from minidl.errors import ArgumentError
from minidl.utils.files import local_path

Logs = dict[str, Any] | None


class TensorBoard(Callback):
    """Writes loss, metrics and learning rate, and histograms of weights, for `tensorboard --logdir logs`.

    It needs tensorboardX: pip install 'minidl[tensorboard]'.

    Parameters
    ----------
    log_dir : the folder; training goes to its `train`, validation to its `validation`
    histogram_freq : write histograms of the weights every so many epochs, 0 for never
    write_steps_per_second : write how fast training is
    update_freq : "epoch", "batch", or write batches' numbers every so many batches
    write_graph, write_images, profile_batch, embeddings_freq, embeddings_metadata : kept for Keras' sake; nothing is
        written for them
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        if update_freq not in ("epoch", "batch") and (not isinstance(update_freq, int) or update_freq < 1):
            raise ArgumentError(
                f"TensorBoard: update_freq must be 'epoch', 'batch' or a number of batches. Got {update_freq!r}."
            )
        self.log_dir = local_path(log_dir, "TensorBoard")
        self.histogram_freq, self.write_steps_per_second = histogram_freq, write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._writers: dict[str, Any] = {}
        self._step = 0
        self._epoch_started = 0.0
        self._steps_before = 0
        _summary_writer()  # a missing package is told here, not after the first epoch

    def on_train_begin(self, logs: Logs = None) -> None:
        """Count batches from the start."""
        self._step = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start the clock."""
        self._epoch_started, self._steps_before = time.perf_counter(), self._step

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write the batch's numbers, if asked to."""
        self._step += 1
        if self.update_freq != "epoch" and self._step % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._writer("train").add_scalar(f"batch_{name}", value, self._step)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's numbers."""
        values = {**(logs or {}), "learning_rate": float(self.model.optimizer.learning_rate)}
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_started
            values["steps_per_second"] = (self._step - self._steps_before) / max(seconds, 1e-9)
        for name, value in values.items():
            part = "validation" if name.startswith("val_") else "train"
            self._writer(part).add_scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for variable in self.model.variables:
                self._writer("train").add_histogram(f"{variable.path}/histogram", variable.numpy(), epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            self._writers[part] = _summary_writer()(str(self.log_dir / part))
        return self._writers[part]


def _summary_writer() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "TensorBoard: it needs the package tensorboardX. Install it with: pip install 'minidl[tensorboard]'"
        ) from error
    return SummaryWriter
