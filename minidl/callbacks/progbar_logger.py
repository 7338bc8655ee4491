"""ProgbarLogger: the progress bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

from typing import Any

from minidl.callbacks.callback import Callback
from minidl.callbacks.progress import Progbar
from minidl.console import say
from minidl.errors import ArgumentError

Logs = dict[str, Any] | None


class ProgbarLogger(Callback):
    """Shows a progress bar (verbose=1) or a line (verbose=2) an epoch. `fit` adds it unless verbose=0."""

    def __init__(self) -> None:
        super().__init__()
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose: int = 1
        self.epochs = 1
        self.seen = 0
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        """Take verbose, epochs and steps."""
        verbose = params.get("verbose", 1)
        if verbose not in (0, 1, 2, "auto", True, False, None):
            raise ArgumentError(
                f"verbose must be 0 (silent), 1 (a bar), 2 (a line an epoch) or 'auto'. Got {verbose!r}."
            )
        self.params = params
        self.verbose = 1 if verbose in ("auto", None) else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: Logs = None) -> None:
        """Note that validation inside `fit` is to be silent."""
        self._in_fit = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Let later evaluations speak again."""
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin a line."""
        self._begin()
        if self.verbose and self.epochs > 1:
            say(f"Epoch {epoch + 1}/{self.epochs}")

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin a line, unless inside `fit`."""
        if not self._in_fit:
            self._begin()

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Begin a line."""
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Draw."""
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Draw, unless inside `fit`."""
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Draw, without the predictions."""
        self._update(batch, None)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """End the line."""
        self._end(logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """End the line, unless inside `fit`."""
        if not self._in_fit:
            self._end(logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        """End the line."""
        self._end(None)

    def end_line(self) -> None:
        """End a line that was interrupted."""
        if self.progbar is not None:
            self.progbar.end_line()
            self.progbar = None

    def _begin(self) -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose)

    def _update(self, batch: int, logs: Logs) -> None:
        if self.progbar is None:
            self._begin()
        self.seen = batch + 1
        if self.verbose == 1 and self.progbar is not None:
            self.progbar.update(self.seen, (logs or {}).items(), finalize=False)

    def _end(self, logs: Logs) -> None:
        if self.progbar is None:
            return
        if self.target is None:  # now the number of steps is known, for the epochs to come too
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.seen, (logs or {}).items(), finalize=True)
        self.progbar = None
