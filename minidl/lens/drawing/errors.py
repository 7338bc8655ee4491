"""The mistakes of a classifier that it was surest of: the first place to look for wrong labels and hard samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minidl.errors import ArgumentError, DataError, ShapeError
from minidl.lens.figures import bare, grid_of, hide_rest, new_figure, values_of
from minidl.lens.recording.preserved import preserved

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Mistake(NamedTuple):
    """A wrong answer: which sample, its class, the class it was taken for, and the probabilities of both."""

    sample: int
    true: int
    predicted: int
    probability: float
    probability_of_true: float


def worst_errors(y_true: Any, probabilities: Any) -> list[Mistake]:
    """Return all mistakes, the surest first.

    y_true : integer labels (N,), or one-hot (N, classes)
    probabilities : (N, classes), or (N, 1) of class 1

    >>> worst_errors([0, 1], [[0.25, 0.75], [0.0, 1.0]])
    [Mistake(sample=0, true=0, predicted=1, probability=0.75, probability_of_true=0.25)]
    """
    p, true = np.asarray(probabilities), np.asarray(y_true)
    if p.ndim != 2 or len(p) != len(true):
        raise ShapeError(
            f"worst_errors: probabilities must be (N, classes), a row a label. Got {p.shape} for {len(true)} labels."
        )
    if p.shape[1] == 1:
        p = np.concatenate([1 - p, p], axis=1)
    if p.min() < -1e-6 or p.max() > 1 + 1e-3:
        raise DataError(
            f"worst_errors: probabilities must be between 0 and 1. Got {p.min():.3g} to {p.max():.3g}. Does the model "
            "give logits? Put a softmax behind it."
        )
    true = true.argmax(axis=1) if true.ndim == 2 and true.shape[1] > 1 else true.reshape(-1)
    guess, rows = p.argmax(axis=1), np.arange(len(p))
    true = true.astype(np.int64)
    order = np.argsort(-p[rows, guess], kind="stable")
    return [
        Mistake(int(i), int(true[i]), int(guess[i]), float(p[i, guess[i]]), float(p[i, true[i]]))
        for i in order
        if guess[i] != true[i]
    ]


def plot_worst_errors(
    model: Any, x: Any, y: Any, class_names: Sequence[Any] | None = None, count: int = 16, batch_size: int = 32
) -> Figure:
    """Draw the images that a model got wrong and was surest of, with both classes and probabilities.

    Parameters
    ----------
    model : a classifier that gives probabilities
    x : images (N, H, W), (N, H, W, 1) or (N, H, W, 3)
    y : labels as for `worst_errors`
    class_names : one a class; by default the numbers
    count : images drawn, at most

    Raises
    ------
    ShapeError : not images; DataError : no mistakes to show, or no probabilities; ArgumentError : too few class_names
    """
    images = values_of(x)
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] not in (1, 3)):
        raise ShapeError(f"plot_worst_errors: x must be images (N, H, W), or with 1 or 3 channels. Got {images.shape}.")
    with preserved(model):
        probabilities = model.predict(x, batch_size=batch_size, verbose=0)
    mistakes = worst_errors(y, probabilities)
    if not mistakes:
        raise DataError(f"plot_worst_errors: all {len(images)} samples are right: there is no mistake to draw.")
    classes = max(2, probabilities.shape[1])
    names = [str(n) for n in (class_names if class_names is not None else range(classes))]
    if len(names) < classes:
        raise ArgumentError(f"plot_worst_errors: class_names must name {classes} classes. Got {len(names)}.")
    shown = mistakes[:count]
    rows, columns = grid_of(len(shown))
    figure = new_figure(1.45 * columns, 1.9 * rows + 0.5)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    low, high = float(images.min()), float(images.max())
    for axes, mistake in zip(panels, shown, strict=False):
        image = images[mistake.sample]
        image = image[..., 0] if image.shape[-1:] == (1,) and image.ndim == 3 else image
        scaled = (image - low) / ((high - low) or 1) if image.ndim == 3 else image
        axes.imshow(scaled, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axes.set_title(
            f"{names[mistake.predicted]}: {mistake.probability:.1%}\n"
            f"true {names[mistake.true]}: {mistake.probability_of_true:.1%}",
            fontsize=8,
            pad=3,
        )
        axes.set_xlabel(f"sample {mistake.sample}", fontsize=7, labelpad=1)
        bare(axes)
    hide_rest(panels, len(shown))
    figure.suptitle(
        f"{len(mistakes)} of {len(images)} wrong ({len(mistakes) / len(images):.1%}); the {len(shown)} surest",
        fontsize=10,
    )
    return figure
