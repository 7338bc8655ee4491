"""CallbackList: calls a hook of every callback, in order."""

from __future__ import annotations

from functools import wraps
from typing import Any

from minidl.callbacks.callback import Callback, History
from minidl.callbacks.progbar_logger import ProgbarLogger
from minidl.errors import ArgumentError

Logs = dict[str, Any] | None


class CallbackList(Callback):
    """Several callbacks as one.

    Parameters
    ----------
    callbacks : a Callback, or a list of them
    add_history, add_progbar : put a History, a ProgbarLogger at the end
    model : handed to all of them, if given
    params : handed to all of them: verbose, epochs, steps
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Callback] = _as_list(callbacks)
        self._history: History | None = self._find(History)
        if add_progbar and self._find(ProgbarLogger) is None:
            self.callbacks.append(ProgbarLogger())
        if add_history and self._history is None:
            self._history = History()
            self.callbacks.append(self._history)
        self.set_params(params)
        if model is not None:
            self.set_model(model)
            if self._history is not None:
                model.history = self._history
        # Numbers for every batch are made only if somebody looks at them.
        self.watch_train_batches = self._overridden("on_train_batch_end", "on_batch_end")
        self.watch_test_batches = self._overridden("on_test_batch_end")

    def _find(self, kind: type) -> Any:
        return next((callback for callback in self.callbacks if isinstance(callback, kind)), None)

    def _overridden(self, *hooks: str) -> bool:
        return any(
            hook in vars(callback) or getattr(type(callback), hook) is not getattr(Callback, hook)
            for callback in self.callbacks
            for hook in hooks
        )

    def end_line(self) -> None:
        """End the line of a progress bar that was interrupted."""
        bar = self._find(ProgbarLogger)
        if bar is not None:
            bar.end_line()

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self.callbacks.append(callback)

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand the run's settings to all."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Hand the model to all."""
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)


def _for_all(hook: str) -> Any:
    """Return the method that calls a hook of every callback."""

    def tell(self: CallbackList, place: tuple[int, ...], logs: Logs) -> None:
        logs = {} if logs is None else logs  # one for all: what a callback adds, the later ones see
        for callback in self.callbacks:
            getattr(callback, hook)(*place, logs)

    def of_epoch(self: CallbackList, epoch: int, logs: Logs = None) -> None:
        tell(self, (epoch,), logs)

    def of_batch(self: CallbackList, batch: int, logs: Logs = None) -> None:
        tell(self, (batch,), logs)

    def of_run(self: CallbackList, logs: Logs = None) -> None:
        tell(self, (), logs)

    method = {"epoch": of_epoch, "batch": of_batch}.get(hook.split("_")[-2], of_run)
    return wraps(getattr(Callback, hook))(method)


for _hook in [name for name in vars(Callback) if name.startswith("on_")]:
    setattr(CallbackList, _hook, _for_all(_hook))


def _as_list(callbacks: Any) -> list[Callback]:
    """Return a new list of callbacks, each checked."""
    if callbacks is None:
        return []
    given = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in given:
        if isinstance(callback, type):
            raise ArgumentError(f"callbacks: objects are needed. Got the class; write {callback.__name__}().")
        if not isinstance(callback, Callback):
            raise ArgumentError(
                f"callbacks: each must be a minidl.callbacks.Callback. Got {type(callback).__name__}: {callback!r}."
            )
    return given
