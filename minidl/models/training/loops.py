"""The loops of training, evaluation and prediction: epochs, batches, callbacks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backends.devices.arrays import to_host
from minidl.callbacks.callback_list import CallbackList
from minidl.data import Dataset, pack_x_y_sample_weight
from minidl.layers.base.symbolic import flatten, map_structure
from minidl.tape import no_grad

Logs = dict[str, float]


def run_fit(
    model: Any,
    data: Dataset,
    learn: Callable[[Any], dict[str, Any]],
    validation: Dataset | None,
    epochs: int,
    initial_epoch: int,
    verbose: Any,
    callbacks: Any,
    validation_freq: Any,
) -> Any:
    """Run the epochs of `fit`; return the History.

    Parameters
    ----------
    learn : one step on a batch; returns the metrics so far
    others : as for `Model.fit`
    """
    calls = as_callback_list(model, callbacks, verbose, epochs, data.num_batches, history=True)
    model.stop_training = False
    calls.on_train_begin()
    done, model._progress = model._progress, None
    logs: Logs = {}
    try:
        for epoch in range(initial_epoch if done is None else done.epoch, epochs):
            model.reset_metrics()
            calls.on_epoch_begin(epoch)
            found = _train_epoch(model, data, learn, epoch, calls, done)
            done = None
            if found is None:
                break  # a generator that has run out, which it said; what was learned and logged stays
            logs = found
            if validation is not None and _due(epoch, validation_freq):
                found = run_epoch(model, validation, 0, calls)
                logs.update({f"val_{name}": value for name, value in found.items()})
            logs = dict(sorted(logs.items()))
            calls.on_epoch_end(epoch, logs.copy())  # what callbacks add is the epoch's alone
            if model.stop_training:
                break
    finally:
        calls.end_line()  # so that an error or Ctrl-C does not write over the progress bar
    if epochs > 0 and hasattr(model.optimizer, "finalize_variable_values"):
        model.optimizer.finalize_variable_values(model.trainable_variables)
    calls.on_train_end(logs)
    return model.history


def _train_epoch(
    model: Any, data: Dataset, learn: Callable[[Any], dict[str, Any]], epoch: int, calls: CallbackList, done: Any
) -> Logs | None:
    """Return the epoch's logs, None if there was no batch. What is `done` of it is not done again."""
    results: dict[str, Any] | None = None
    skipped = 0 if done is None else done.batch
    for step, batch in enumerate(data.epoch(epoch)):
        if step < skipped:
            if step == skipped - 1:
                results = _restored_metrics(model, batch, done.metrics)
            continue
        calls.on_train_batch_begin(step)
        model.clear_losses()
        results = learn(batch) or {}
        if calls.watch_train_batches:
            calls.on_train_batch_end(step, as_numbers(results))
        if model.stop_training:
            break
    model.clear_losses()
    return None if results is None else as_numbers(results)


def _restored_metrics(model: Any, batch: Any, states: Any) -> dict[str, Any]:
    """Give the metrics the states that they had after a batch; return their results."""
    x, y, _ = batch
    if model._compile_metrics is not None or model._compile_loss is not None:
        with no_grad():  # they make their variables when they know the shapes
            y_pred = model(x, training=False)
        for part in (model._compile_metrics, model._compile_loss):
            if part is not None and part.outputs is None:
                part.build(y, y_pred)
    variables = [variable for metric in model.metrics for variable in metric.variables]
    if len(variables) != len(states):
        warnings.warn(
            f"fit: the metrics of the epoch that was cut off are not known: {len(states)} numbers were saved, and the "
            f"metrics have {len(variables)}. They begin anew in the middle of the epoch.",
            stacklevel=2,
        )
        return {}
    for variable, state in zip(variables, states, strict=True):
        variable.assign(state)
    return model.get_metrics_result()


def run_epoch(model: Any, data: Dataset, verbose: Any, callbacks: Any) -> Logs:
    """Go once through the data without learning; return the loss and metrics by name."""
    calls = as_callback_list(model, callbacks, verbose, 1, data.num_batches)
    calls.on_test_begin()
    model.stop_evaluating = False
    model.reset_metrics()
    results: dict[str, Any] = {}
    with no_grad():
        for step, batch in enumerate(data.epoch()):
            calls.on_test_batch_begin(step)
            model.clear_losses()
            results = model.test_step(pack_x_y_sample_weight(*batch))
            if calls.watch_test_batches:
                calls.on_test_batch_end(step, as_numbers(results))
            if model.stop_evaluating:
                break
        model.clear_losses()
    logs = as_numbers(results)
    calls.on_test_end(logs)
    return logs


def run_predict(model: Any, data: Dataset, verbose: Any, callbacks: Any) -> Any:
    """Go once through the data; return the predictions, joined."""
    calls = as_callback_list(model, callbacks, verbose, 1, data.num_batches)
    calls.on_predict_begin()
    model.stop_predicting = False
    parts: list[list[np.ndarray]] = []
    structure: Any = None
    with no_grad():
        for step, batch in enumerate(data.epoch()):
            calls.on_predict_batch_begin(step)
            structure = model.predict_step(pack_x_y_sample_weight(*batch))
            leaves = [to_host(tensor.data, "predictions") for tensor in flatten(structure)]
            parts.append(leaves)
            calls.on_predict_batch_end(step, {"outputs": structure})
            if model.stop_predicting:
                break
        model.clear_losses()
    calls.on_predict_end()
    joined = iter([np.concatenate(column) for column in zip(*parts, strict=True)])
    return map_structure(lambda _: next(joined), structure)


def as_callback_list(
    model: Any, callbacks: Any, verbose: Any, epochs: int, steps: int | None, history: bool = False
) -> CallbackList:
    """Return the callbacks as one list object; the list of an outer loop is used as it is."""
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(
        callbacks, add_history=history, add_progbar=verbose != 0, model=model,
        verbose=verbose, epochs=epochs, steps=steps,
    )  # fmt: skip


def as_numbers(results: dict[str, Any]) -> Logs:
    """Turn a step's results into Python numbers, sorted by name as in Keras; several values stay an array.

    >>> as_numbers({"loss": np.float32(0.5), "parts": {"b": 2, "a": 1}})
    {'loss': 0.5, 'a': 1.0, 'b': 2.0}
    """
    found: Logs = {}
    for name, value in sorted((results or {}).items()):
        found.update(as_numbers(value) if isinstance(value, dict) else {name: _number(value)})
    return found


def _number(value: Any) -> Any:
    array = np.array(value)
    return float(array) if array.ndim == 0 and array.dtype.kind in "fiub" else array


def _due(epoch: int, validation_freq: Any) -> bool:
    """Return whether an epoch (counted from 0) ends with validation."""
    if isinstance(validation_freq, int):
        return (epoch + 1) % validation_freq == 0
    return epoch + 1 in validation_freq
