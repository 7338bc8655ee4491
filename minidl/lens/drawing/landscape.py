"""The loss around a network's weights, on a plane through the space of all weights, and the way that training took.

Source: Li, Xu, Taylor, Studer & Goldstein, "Visualizing the Loss Landscape of Neural Nets", 2018, arXiv:1712.09913.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minidl.callbacks import Callback
from minidl.errors import ArgumentError, DataError, NotCompiledError, ShapeError
from minidl.lens.figures import BLUE, RED, new_figure, values_of
from minidl.lens.recording.preserved import preserved

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PathRecorder(Callback):
    """A callback that keeps a copy of all trainable weights after every epoch, or every so many batches.

    every : "epoch", or a number of batches
    `weights` is a list of arrays, one number a weight, flattened; the first is from before training.

    >>> import minidl
    >>> model = minidl.Sequential([minidl.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> path = PathRecorder()
    >>> history = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=3, verbose=0, callbacks=[path])
    >>> len(path.weights), path.weights[0].shape
    (4, (3,))
    """

    def __init__(self, every: str | int = "epoch") -> None:
        super().__init__()
        if every != "epoch" and not (isinstance(every, int) and every > 0):
            raise ArgumentError(f"PathRecorder: every must be 'epoch' or a number of batches. Got {every!r}.")
        self.every = every
        self.weights: list[np.ndarray] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Keep the weights from before training."""
        if not self.weights and self.model.built:
            self.weights.append(flat_weights(self.model))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keep the weights every so many batches."""
        if self.every != "epoch" and (batch + 1) % int(self.every) == 0:
            self.weights.append(flat_weights(self.model))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the weights after an epoch."""
        if self.every == "epoch":
            self.weights.append(flat_weights(self.model))


class Plane(NamedTuple):
    """Losses on a plane: `losses[j, i]` at `origin + a[i] * directions[0] + b[j] * directions[1]`.

    path : (steps, 2) places of the path, projected onto the plane
    shares : of the path's movement, along each direction
    """

    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    directions: np.ndarray
    path: np.ndarray | None
    shares: tuple[float, float] | None


def flat_weights(model: Any) -> np.ndarray:
    """Return all trainable weights one behind the other, float64."""
    return np.concatenate([values_of(v.data).ravel() for v in model.trainable_variables]).astype(np.float64)


def _set_flat(model: Any, flat: np.ndarray) -> None:
    at = 0
    for variable in model.trainable_variables:
        variable.assign(flat[at : at + variable.size].reshape(variable.shape).astype(variable.dtype))
        at += variable.size


def path_directions(path: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Return the two directions in which the path moved most about its end, of length 1, and their shares of it.

    The principal components of the differences from the last point (Li et al., section 7.2).
    """
    moved = path[:-1] - path[-1]
    _, sizes, directions = np.linalg.svd(moved, full_matrices=False)
    power = sizes**2 / max(float((sizes**2).sum()), 1e-300)
    return directions[:2], (float(power[0]), float(power[1]))


def random_directions(model: Any, seed: int = 0) -> np.ndarray:
    """Return two random directions, each filter of them as long as the model's own filter (Li et al., section 4).

    A filter is what makes one output: a column of a matrix, one (R, S, C) of a convolution. Biases, and the scales and
    shifts of normalizations, stay as they are.
    """
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(2):
        pieces = []
        for variable in model.trainable_variables:
            w = values_of(variable.data).astype(np.float64)
            if w.ndim < 2:
                pieces.append(np.zeros(w.size))
                continue
            d = generator.standard_normal(w.shape)
            inner = tuple(range(w.ndim - 1))
            length = np.sqrt((d**2).sum(axis=inner, keepdims=True))
            pieces.append((d / length * np.sqrt((w**2).sum(axis=inner, keepdims=True))).ravel())
        found.append(np.concatenate(pieces))
    return np.stack(found)


def loss_plane(
    model: Any, x: Any, y: Any, path: Any = None, directions: str | None = None, steps: int = 21,
    margin: float = 0.25, seed: int = 0, batch_size: int = 256,
) -> Plane:  # fmt: skip
    """Compute the losses that `plot_loss_landscape` draws; same arguments. The model is left as it was."""
    if getattr(model, "loss", None) is None:
        raise NotCompiledError("plot_loss_landscape: the model has no loss. Call model.compile('adam', loss=…).")
    points = getattr(path, "weights", path)
    directions = directions or ("pca" if points is not None else "random")
    if directions not in ("pca", "random") or steps < 2:
        raise ArgumentError(
            "plot_loss_landscape: directions must be 'pca' or 'random', steps at least 2. "
            f"Got {directions!r} and {steps}."
        )
    here = flat_weights(model)
    if points is not None:
        points = np.asarray(points, np.float64)
        if points.ndim != 2 or points.shape[1] != here.size:
            raise ShapeError(
                f"plot_loss_landscape: the path must be (times, {here.size}), all weights of this model. "
                f"Got {points.shape}."
            )
    if directions == "pca" and (points is None or len(points) < 3):
        raise DataError(
            "plot_loss_landscape: 'pca' needs a path of at least 3 points, as a PathRecorder keeps in fit. "
            f"Got {0 if points is None else len(points)}."
        )
    shares = None
    if directions == "pca":
        axes, shares = path_directions(points)
    else:
        axes = random_directions(model, seed)
    origin = points[-1] if points is not None else here
    places = None if points is None else np.linalg.lstsq(axes.T, (points - origin).T, rcond=None)[0].T
    a, b = (_ticks(None if places is None else places[:, k], directions, margin, steps) for k in (0, 1))
    with preserved(model):
        losses = np.array([[_loss(model, x, y, origin + i * axes[0] + j * axes[1], batch_size) for i in a] for j in b])
    return Plane(a, b, losses, axes, places, shares)


def _ticks(places: np.ndarray | None, directions: str, margin: float, steps: int) -> np.ndarray:
    low, high = (-1.0, 1.0) if directions == "random" else (0.0, 0.0)
    if places is not None:
        low, high = min(low, places.min()), max(high, places.max())
    room = margin * ((high - low) or 1.0)
    return np.linspace(low - room, high + room, steps)


def _loss(model: Any, x: Any, y: Any, flat: np.ndarray, batch_size: int) -> float:
    _set_flat(model, flat)
    return float(model.evaluate(x, y, batch_size=batch_size, verbose=0, return_dict=True)["loss"])


def plot_loss_landscape(
    model: Any, x: Any, y: Any, path: Any = None, directions: str | None = None, steps: int = 21,
    margin: float = 0.25, seed: int = 0, batch_size: int = 256,
) -> Figure:  # fmt: skip
    """Draw the loss on a plane through the weights, and the path that training took, projected onto it.

    Parameters
    ----------
    model : a compiled model; it is left as it was
    x, y : samples whose mean loss is drawn (regularization included); a few hundred, for steps² evaluations are made
    path : a `PathRecorder`, or an array (times, weights); the plane goes through its last point
    directions : "pca", those of the path's largest movements; or "random", filter-normalized. None: pca with a path
    steps : points along each direction
    margin : room around the path, as a part of its extent
    seed : of random directions
    batch_size : of the evaluations

    Only two of very many directions are shown: hills between two valleys may be passed beside them. The axes say how
    much of the path's movement they hold.

    Raises
    ------
    NotCompiledError : no loss; ArgumentError : directions or steps; DataError : too short a path; ShapeError : a path
    of another model

    Source: Li et al., 2018, arXiv:1712.09913.
    """
    plane = loss_plane(model, x, y, path, directions, steps, margin, seed, batch_size)
    figure = new_figure(6.4, 5.0)
    axes = figure.subplots()
    finite = plane.losses[np.isfinite(plane.losses)]
    if not finite.size:
        raise DataError("plot_loss_landscape: no loss on the plane is finite. Are the weights NaN?")
    shown = np.log10(np.maximum(plane.losses, max(float(finite.min()), 1e-12)))
    filled = axes.contourf(plane.a, plane.b, shown, levels=24, cmap="viridis_r")
    axes.contour(plane.a, plane.b, shown, levels=24, colors="white", linewidths=0.3)
    bar = figure.colorbar(filled, ax=axes, label=f"loss of {len(x)} samples")
    ticks = np.linspace(float(np.nanmin(shown)), float(np.nanmax(shown)), 6)
    bar.set_ticks(list(ticks), labels=[f"{10**t:.3g}" for t in ticks])
    if plane.path is not None:
        axes.plot(*plane.path.T, "-o", color=RED, markersize=3, linewidth=1.2, label="path of training")
        axes.plot(*plane.path[0], "s", color=RED, markersize=8, label="start")
    last = (0.0, 0.0)
    axes.plot(
        *last, "*", color=BLUE, markersize=13, markeredgecolor="white", label="end" if path is not None else "here"
    )
    if plane.shares is not None:
        labels = [f"principal direction {k + 1} ({share:.0%} of the path)" for k, share in enumerate(plane.shares)]
        title = "on the plane of the path's largest movements"
    else:
        labels = [f"random direction {k + 1} (1: as long as the weights)" for k in range(2)]
        title = "on a random plane, filter-normalized"
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.set_title(f"loss of {model.name} {title}", fontsize=9)
    axes.legend(fontsize=8)
    return figure
