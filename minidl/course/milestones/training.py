"""What the milestones' trainings share: data, the curve of a training, and its pictures, which are the lens'."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from minidl.course.exercise import Sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Data = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass
class Curve:
    """A number an epoch: the mean loss, and the share that was right, of training and test images."""

    loss: list[float] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)

    def add(self, loss: float, train: float, test: float) -> None:
        """Add an epoch."""
        self.loss.append(loss)
        self.train.append(train)
        self.test.append(test)


def digits() -> Data:
    """The digits of 8 x 8 pixels as rows (N, 64), float32, 0 to 1."""
    from minidl.datasets import digits

    (x, labels), (x_test, labels_test) = digits.load_data()
    rows = [np.asarray(part, np.float32).reshape(len(part), -1) / np.float32(16) for part in (x, x_test)]
    return (rows[0], labels.astype(int)), (rows[1], labels_test.astype(int))


def mnist() -> Data:
    """The 6,000 images of MNIST that ship with minidl, (N, 28, 28, 1), float32, 0 to 1."""
    from minidl.datasets import mnist_small

    (x, labels), (x_test, labels_test) = mnist_small.load_data()
    images = [np.asarray(part, np.float32)[..., None] / np.float32(255) for part in (x, x_test)]
    return (images[0], labels.astype(int)), (images[1], labels_test.astype(int))


def shown(training: Curve, logits: np.ndarray, labels: np.ndarray) -> list[tuple[Sentence, Figure]]:
    """Return the training's pictures: curves, and what is taken for what."""
    from minidl.lens.drawing.training import plot_history

    history = {"loss": training.loss, "accuracy": training.train, "val_accuracy": training.test}
    said = ("The training; test images dashed", "训练过程；测试图为虚线")
    return [(said, plot_history(history)), confusion(logits, labels)]


def confusion(logits: np.ndarray, labels: np.ndarray) -> tuple[Sentence, Figure]:
    """Return the picture of what is taken for what."""
    from minidl.lens.drawing.training import plot_confusion_matrix

    return ("What was taken for what", "哪个被认成哪个"), plot_confusion_matrix(labels, logits.argmax(1))


def curve(losses: list[float]) -> tuple[Sentence, Figure]:
    """Return the picture of a loss, step by step."""
    from minidl.lens.figures import new_figure

    figure = new_figure(5.2, 3.4)
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set(xlabel="step", ylabel="loss")
    axes.grid(alpha=0.3)
    return ("The loss on your kernels", "你的内核上的损失"), figure
