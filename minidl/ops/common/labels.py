"""Checks of integer class labels: the commonest mistakes of a first classifier, told with value and place."""

from __future__ import annotations

import numpy as np

from minidl.errors import DataError, DTypeError, ShapeError
from minidl.ops.common.checks import require_array


def check_labels(
    op: str, y_true: np.ndarray, y_pred: np.ndarray, ignore_class: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the labels as int64, and which of them count.

    Parameters
    ----------
    op : name of the loss, for the messages
    y_true : (...) or (..., 1) labels, integers or whole floats
    y_pred : (..., C)
    ignore_class : the label that does not count, or None

    Returns
    -------
    labels : int64 (...), 0 in place of an ignored one
    counted : bool (...), or None where all count

    Raises
    ------
    ShapeError : not one label a row of `y_pred`
    DTypeError : labels of another kind
    DataError : a label that is no whole number, or outside [0, C)

    >>> check_labels("loss", np.array([0, 5, 2]), np.zeros((3, 4)), None)
    Traceback (most recent call last):
        ...
    minidl.errors.DataError: loss: labels must lie in [0, 4), as y_pred has 4 classes. Got 5 at index 1 of \
y_true. Has the last layer a unit for each class?
    """
    require_array(op, "y_true", y_true)
    labels = _as_integers(op, _one_a_row(op, y_true, y_pred))
    counted = None
    if ignore_class is not None:
        counted = labels != ignore_class
        labels = np.where(counted, labels, 0)
    _check_range(op, labels, y_pred.shape[-1])
    return labels, counted


def _one_a_row(op: str, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    if y_pred.ndim == 0 or y_pred.shape[-1] == 0:
        raise ShapeError(f"{op}: y_pred must have an axis of classes. Got shape {y_pred.shape}.")
    rows = y_pred.shape[:-1]
    if y_true.shape == rows:
        return y_true
    if y_true.shape == (*rows, 1):
        return y_true.reshape(rows)
    cause = "Is an axis missing?"
    if y_true.shape == y_pred.shape:
        cause = "For one-hot rows use categorical_crossentropy."
    elif y_true.shape[:1] != y_pred.shape[:1]:
        cause = "The batch sizes differ: do x and y hold the same samples?"
    raise ShapeError(
        f"{op}: y_true must hold one label for each row of y_pred, {rows}. "
        f"Got y_true {y_true.shape}, y_pred {y_pred.shape}. {cause}"
    )


def _as_integers(op: str, labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind not in "iuf":
        raise DTypeError(
            f"{op}: labels must be integers. Got {labels.dtype} of shape {labels.shape}. Cast them: y.astype('int32')."
        )
    if labels.dtype.kind == "f":
        whole = np.isfinite(labels) & (labels == np.floor(labels))
        if not whole.all():
            value, where = _first(labels, ~whole)
            raise DataError(
                f"{op}: labels must be whole numbers. Got {value} at index {where} of y_true. "
                "Is this a regression target? Then use mean_squared_error."
            )
    return labels.astype(np.int64)


def _check_range(op: str, labels: np.ndarray, classes: int) -> None:
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        value, where = _first(labels, wrong)
        if value < 0:
            cause = "To leave such samples out, set ignore_class."
        elif value == classes and labels.min() > 0:
            cause = "Do the labels count from 1? Subtract 1."
        else:
            cause = "Has the last layer a unit for each class?"
        raise DataError(
            f"{op}: labels must lie in [0, {classes}), as y_pred has {classes} classes. "
            f"Got {value} at index {where} of y_true. {cause}"
        )


def _first(labels: np.ndarray, wrong: np.ndarray) -> tuple[int | float, int | tuple[int, ...]]:
    """Return the first wrong label and its index, as plain Python numbers."""
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return labels[index].item(), index[0] if len(index) == 1 else index
