"""Pictures with matplotlib: training curves, confusion matrix. Each returns the figure; nothing is shown or saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.errors import DataError, ShapeError
from minidl.lens.figures import new_figure
from minidl.picture import curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_history(history: Any) -> Figure:
    """Draw the curves of a training: one panel for the loss, one for each metric, validation dashed.

    Parameters
    ----------
    history : what `fit` returned, or its `.history` dictionary of lists, one value an epoch
    """
    values = getattr(history, "history", history)
    names = [n for n in values if not n.startswith("val_") and n not in ("learning_rate", "lr")]
    if not names:
        raise DataError("plot_history: the history is empty. Was fit called with epochs=0?")
    names.sort(key=lambda n: (n != "loss", n))
    return curves(names, {name: list(enumerate(series, 1)) for name, series in values.items()})


def confusion_matrix(y_true: Any, y_pred: Any, classes: int | None = None) -> np.ndarray:
    """Return counts[i, j]: how many samples of class i were taken for class j.

    >>> confusion_matrix([0, 1, 1], [0, 1, 0])
    array([[1, 0],
           [1, 1]])
    """
    true, predicted = np.asarray(y_true).ravel(), np.asarray(y_pred).ravel()
    if true.shape != predicted.shape:
        raise ShapeError(
            f"confusion_matrix: each sample needs a label and a prediction. Got {true.size} and {predicted.size}. "
            "Turn probabilities into labels first: y.argmax(axis=-1)."
        )
    if not true.size:
        raise DataError("confusion_matrix: there are no samples.")
    both = np.concatenate([true, predicted])
    last = np.inf if classes is None else classes - 1
    if both.min() < 0 or both.max() > last or (both != np.floor(both)).any():
        rule = "0, 1, 2, …" if classes is None else f"0 to {last}, for {classes} classes"
        raise DataError(
            f"confusion_matrix: labels must be whole numbers, {rule}. Got {both.min():g} to {both.max():g}. Are these "
            "probabilities, or is a name missing from class_names?"
        )
    classes = classes or int(both.max()) + 1
    return np.bincount(true.astype(np.int64) * classes + predicted, minlength=classes**2).reshape(classes, classes)


def plot_confusion_matrix(y_true: Any, y_pred: Any, class_names: Any = None) -> Figure:
    """Draw how often each class (row) was taken for each class (column); the colour is the share of its row.

    Parameters
    ----------
    y_true, y_pred : integer labels, (N,)
    class_names : one a class; by default the numbers
    """
    counts = confusion_matrix(y_true, y_pred, len(class_names) if class_names is not None else None)
    names = [str(n) for n in (class_names if class_names is not None else range(len(counts)))]
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = 2.2 + 0.48 * len(names)
    figure = new_figure(side + 0.8, side)
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        if counts[i, j]:
            axes.text(
                j,
                i,
                str(counts[i, j]),
                ha="center",
                va="center",
                fontsize=9,
                color="white" if share[i, j] > 0.5 else "black",
            )
    ticks = np.arange(len(names))
    axes.set(xlabel="predicted", ylabel="true", xticks=ticks, yticks=ticks)
    longest = max(len(n) for n in names)
    axes.set_xticklabels(names, rotation=45 if longest > 3 else 0, ha="right" if longest > 3 else "center")
    axes.set_yticklabels(names)
    correct = int(np.trace(counts))
    axes.set_title(f"{correct} of {counts.sum()} right ({correct / max(1, counts.sum()):.1%})")
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.85)
    return figure
