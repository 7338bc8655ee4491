"""`minidl train`."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from minidl import callbacks, lens, optimizers, utils
from minidl.cli.backend import selected
from minidl.cli.data import load
from minidl.cli.gpustat import GpuStat
from minidl.cli.networks import NAMES, model_of
from minidl.cli.targets import MODELS, check_file
from minidl.errors import ArgumentError, unknown_name
from minidl.picture import write_picture
from minidl.utils.files import PICTURES


def run_train(options: SimpleNamespace) -> None:
    """Train, evaluate and save a model; the options are those of the command, by name."""
    check_targets(options)  # before an hour of training, not after it
    utils.set_random_seed(options.seed)
    with selected(options.backend):
        data = load(options.data, options.data_path)
        x, y = data.x_train[: options.samples], data.y_train[: options.samples]
        model = model_of(options.model, x.shape[1:], len(data.class_names))
        if options.model in NAMES or getattr(model, "optimizer", None) is None:
            model.compile(_optimizer(options, len(x)), "sparse_categorical_crossentropy", metrics=["accuracy"])
        if options.verbose:
            model.summary()
            print(f"Training on {len(x)} images of {options.data}.")
        history = model.fit(
            x, y, batch_size=options.batch_size, epochs=options.epochs, verbose=options.verbose,
            validation_split=options.validation_split, callbacks=_callbacks(options),
        )  # fmt: skip
        scores = model.evaluate(data.x_test, data.y_test, verbose=0, return_dict=True)
    print("Test: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
    if options.model_file is not None:
        model.save(options.model_file)
        print(f"Saved to {options.model_file}")
    if options.curves is not None:
        write_picture(lens.plot_history(history), options.curves)
        print(f"Curves: {options.curves}")


def check_targets(options: SimpleNamespace) -> None:
    """Raise unless all that was asked for can be written."""
    if options.model_file is not None and options.model_file.name.endswith(".weights.h5"):
        raise ArgumentError(f"--model-file: the whole model is saved, as .keras or .h5. Got {options.model_file}.")
    check_file("--model-file", options.model_file, MODELS)
    check_file("--history", options.history)
    check_file("--curves", options.curves, PICTURES)


def _optimizer(options: SimpleNamespace, samples: int) -> Any:
    optimizer = optimizers.get(options.optimizer)
    rate = float(optimizer.learning_rate) if options.learning_rate is None else options.learning_rate
    if options.schedule == "cosine":
        steps = math.ceil(samples * (1 - options.validation_split) / options.batch_size) * options.epochs
        optimizer.learning_rate = optimizers.schedules.CosineDecay(rate, steps)
    elif options.schedule == "constant":
        optimizer.learning_rate = rate
    else:
        raise unknown_name("--schedule", options.schedule, ("constant", "cosine"))
    return optimizer


def _callbacks(options: SimpleNamespace) -> list[Any]:
    chosen: list[Any] = []
    if options.history is not None:
        chosen.append(callbacks.CSVLogger(options.history))
    if options.gpustat:
        chosen.append(GpuStat())
    return chosen
