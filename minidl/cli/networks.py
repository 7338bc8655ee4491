"""The networks that the command line knows by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from minidl import layers
from minidl.applications import LeNet5, ResNet20
from minidl.errors import unknown_name
from minidl.models import Sequential, load_model

NAMES = ("cnn", "lenet5", "lenet5_wide", "mlp", "resnet20")


def mlp(input_shape: tuple[int, int, int], classes: int) -> Sequential:
    """Return a perceptron with one hidden layer."""
    return Sequential(
        [
            layers.Input(input_shape),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(classes, activation="softmax"),
        ],
        name="mlp",
    )


def cnn(input_shape: tuple[int, int, int], classes: int) -> Sequential:
    """Return two convolutions, pooling, and two dense layers."""
    return Sequential(
        [
            layers.Input(input_shape),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ],
        name="cnn",
    )


def model_of(name: str, input_shape: tuple[int, int, int], classes: int) -> Any:
    """Return a network by its name, or the model that a file holds.

    Raises
    ------
    UnknownNameError : neither a known name nor a file
    """
    makers: dict[str, Callable[..., Any]] = {"cnn": cnn, "lenet5": LeNet5, "mlp": mlp, "resnet20": ResNet20}
    makers["lenet5_wide"] = partial(LeNet5, filters=(16, 32), name="lenet5_wide")
    if name in makers:
        return makers[name](input_shape, classes)
    if Path(name).suffix:
        if not Path(name).exists():
            raise FileNotFoundError(f"model file {name!r} does not exist. Known networks: {', '.join(NAMES)}.")
        return load_model(name)
    raise unknown_name("model", name, NAMES)
