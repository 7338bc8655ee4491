"""Checks before training starts: better one clear message than a failure in the middle of an epoch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from minidl.data import Dataset, as_dataset, check_labels, unpack_x_y_sample_weight
from minidl.data.dataset import ArrayDataset, SequenceDataset
from minidl.data.structure import map_arrays
from minidl.errors import ArgumentError, NotBuiltError, ThreadError
from minidl.losses import LossFunctionWrapper, sparse_categorical_crossentropy
from minidl.tape import no_grad

_AT_WORK: WeakKeyDictionary[Any, tuple[threading.Thread, str]] = WeakKeyDictionary()


@contextmanager
def in_one_thread(model: Any, function: str) -> Iterator[None]:
    """Refuse to train or evaluate a model that another thread trains or evaluates: its weights and metrics are shared.

    Within one thread the calls may nest: a callback may evaluate the model that is being trained.
    """
    here = threading.current_thread()
    mine = (here, function)
    # Trap: with `if model not in _AT_WORK:` before it, both threads may pass; setdefault looks and enters in one step.
    thread, inside = _AT_WORK.setdefault(model, mine)
    if thread is not here:
        raise ThreadError(
            f"{function}: the thread {thread.name!r} is inside {inside} of this model, and both would change the same "
            f"weights and metrics. Got the call in {here.name!r}. Wait for the other thread (thread.join()), or give "
            "each thread a model of its own: minidl.models.clone_model(model)."
        )
    try:
        yield
    finally:
        if _AT_WORK.get(model) is mine:  # the outermost call of this thread
            del _AT_WORK[model]


def check_numbers(epochs: Any, initial_epoch: Any, validation_freq: Any, class_weight: Any, sample_weight: Any) -> None:
    """Check the arguments of `fit` that are not about data.

    Raises
    ------
    ArgumentError : epochs that are no whole number, or both kinds of weights
    """
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise ArgumentError(f"fit: {name} must be a whole number of 0 or more. Got {value!r}.")
    if not isinstance(validation_freq, list | tuple | set) and (
        not isinstance(validation_freq, int) or validation_freq < 1
    ):
        raise ArgumentError(
            f"fit: validation_freq must be a whole number of 1 or more, or a list of epochs. Got {validation_freq!r}."
        )
    if class_weight is not None and sample_weight is not None:
        raise ArgumentError(
            "fit: give class_weight or sample_weight, not both. "
            "Multiply them yourself: sample_weight * [class_weight[label] for label in y]."
        )


def as_validation(data: Any, batch_size: int | None, steps: int | None) -> Dataset:
    """Return `validation_data` as a data set, in its own order.

    Parameters
    ----------
    data : (x, y) or (x, y, sample_weight) of arrays; or what gives batches: a PyDataset, a generator
    """
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    arrays = isinstance(x, list | tuple | dict) or hasattr(x, "__array__")
    size = batch_size if arrays else None
    return as_dataset(x, y, sample_weight, size, False, 0, steps, "fit (validation_data)")


def build_from_data(model: Any, data: Dataset) -> None:
    """Make the weights of a model that waits for its first data, by predicting one sample of it.

    Generators are not asked for a batch only for this: their models are built by the first step. So is a model whose
    `train_step` does all, without a `call`: it has no weights but its layers'.
    """
    if not model.has_call:
        model.built = True
    if model.built:
        return
    if isinstance(data, ArrayDataset):
        x = map_arrays(lambda array: array[:1], data.data[0])
    elif isinstance(data, SequenceDataset):
        x = next(data.epoch())[0]
    else:
        return
    with no_grad():
        model(x, training=False)
    model.clear_losses()


def check_labels_of(model: Any, data: Dataset, function: str) -> None:
    """Check integer labels in arrays against the number of outputs, for models with one output.

    Raises
    ------
    DataError : a label outside the classes, or no whole number
    """
    loss = model._compile_loss.loss if model._compile_loss is not None else None
    plain = loss.fn if isinstance(loss, LossFunctionWrapper) else loss
    if plain is not sparse_categorical_crossentropy or not isinstance(data, ArrayDataset):
        return
    y, shape = data.data[1], _output_shape(model)
    # Targets of the outputs' own shape are no labels: the loss says so.
    if isinstance(y, np.ndarray) and shape is not None and isinstance(shape[-1], int) and y.shape[1:] != shape[1:]:
        ignored = loss.kwargs.get("ignore_class") if isinstance(loss, LossFunctionWrapper) else None
        check_labels(y, shape[-1], "y", function, ignored)


def _output_shape(model: Any) -> tuple[int | None, ...] | None:
    try:
        shape = model.output_shape
    except NotBuiltError:
        return None
    return shape if isinstance(shape, tuple) and len(shape) > 1 and not isinstance(shape[0], tuple) else None
