"""Random metric sequences for callbacks that watch a number, and what such a callback did at each step.

tests/reference/record_callbacks.py runs them with Keras, test_callback_runs.py with minidl.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("ReduceLROnPlateau", "EarlyStopping", "ModelCheckpoint")


def sequence(random: np.random.RandomState, length: int) -> list[float | None]:
    """Return values of a metric: steps of tenths, with ties, tiny changes, NaN, infinities and missing ones."""
    step = random.choice([0.1, 0.1, 0.01, 0.05, 1e-4])
    base = random.choice([0.0, 0.5, float(random.rand())])
    values: list[float | None] = [float(v) for v in np.round(random.randint(0, 8, length) * step + base, 4)]
    if random.rand() < 0.5:  # a curve that mostly falls or rises
        values = [float(v) for v in np.round(np.cumsum(random.randint(-3, 2, length) * step) + 2, 4)]
    if random.rand() < 0.3:  # what float32 computed
        values = [float(np.float32(v)) for v in values if v is not None]
    for odd in (float("nan"), float("inf"), -float("inf"), None):
        if random.rand() < 0.15:
            values[random.randint(length)] = odd
    return values


def options(kind: str, random: np.random.RandomState) -> dict[str, Any]:
    def pick(*choices: Any) -> Any:
        return choices[random.randint(len(choices))]

    chosen: dict[str, Any] = {"monitor": pick("val_loss", "loss", "val_acc"), "mode": pick("min", "max", "auto")}
    if chosen["monitor"] == "val_acc" and chosen["mode"] == "auto":
        chosen["mode"] = "max"
    if kind == "ReduceLROnPlateau":
        chosen |= {
            "factor": pick(0.1, 0.5, 0.7, 0.9), "patience": pick(0, 1, 2, 3), "cooldown": pick(0, 0, 1, 2, 3),
            "min_delta": pick(1e-4, 0.0, 0.1, 0.05, 0.01, -0.1), "min_lr": pick(0.0, 0.7, 0.3, 0.1, 1e-3),
        }  # fmt: skip
    elif kind == "EarlyStopping":
        chosen |= {
            "patience": pick(0, 1, 2, 3), "min_delta": pick(0, 0.1, 0.05, 0.01, 1e-4, -0.1),
            "baseline": pick(None, None, 0.5, 0.7, 0.9, 1.5), "restore_best_weights": bool(pick(0, 1)),
            "start_from_epoch": pick(0, 0, 1, 3),
        }  # fmt: skip
    else:
        chosen |= {
            "save_best_only": bool(pick(0, 1, 1)), "save_freq": pick("epoch", "epoch", 1, 3, 4),
            "initial_value_threshold": pick(None, 0.5, 0.7, 0.9, 1.5), "save_weights_only": True,
        }  # fmt: skip
        if chosen["save_freq"] != "epoch":
            chosen["save_best_only"] = False  # Keras fails before the first epoch's end
    return chosen


def case(number: int) -> tuple[str, dict[str, Any], list[float | None], float]:
    """Return the kind of callback, its options, the values, and the learning rate of case `number`."""
    random = np.random.RandomState(number)
    kind = KINDS[number % len(KINDS)]
    return kind, options(kind, random), sequence(random, 12), float(random.choice([1.0, 0.7, 0.3, 0.01]))


def run(framework: Any, number: int) -> list[Any]:
    """Return what the callback of a case did, epoch by epoch."""
    kind, chosen, values, rate = case(number)
    model = framework.Sequential([framework.layers.Input((1,)), framework.layers.Dense(1, use_bias=False)])
    model.compile(framework.optimizers.SGD(rate), "mse")
    saved: list[str] = []
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        if kind == "ModelCheckpoint":
            chosen["filepath"] = str(Path(folder) / "{epoch}.weights.h5")
        callback = getattr(framework.callbacks, kind)(**chosen)
        callback.set_model(model)
        if kind == "ModelCheckpoint":
            callback.model.save_weights = lambda path, overwrite=True: saved.append(Path(path).name)
        callback.on_train_begin()
        steps: list[Any] = []
        for epoch, value in enumerate(values):
            model.set_weights([np.full((1, 1), epoch, "float32")])
            callback.on_epoch_begin(epoch)
            logs = {} if value is None else {chosen["monitor"]: value}
            for batch in range(2):
                callback.on_train_batch_end(batch, dict(logs))
            callback.on_epoch_end(epoch, dict(logs))
            best = None if callback.best is None else round(float(callback.best), 6)
            if kind == "ReduceLROnPlateau":
                rate_now = float(f"{float(model.optimizer.learning_rate):.5g}")
                steps.append([rate_now, callback.wait, callback.cooldown_counter, best])
            elif kind == "EarlyStopping":
                steps.append([bool(model.stop_training), callback.wait, callback.stopped_epoch, best])
            else:
                steps.append([saved.copy(), best])
                saved.clear()
            if model.stop_training:
                break
        callback.on_train_end()
        return [*steps, int(np.array(model.get_weights()[0]).item())]
