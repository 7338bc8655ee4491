"""EarlyStopping and ReduceLROnPlateau against what Keras' did with the same logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import callbacks, layers, optimizers

RECORDED = np.load(Path(__file__).parent.parent / "reference" / "training.npz")
CASES = json.loads(str(RECORDED["index"]))["callbacks"]


def stub() -> minidl.Model:
    model = minidl.Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile(optimizers.SGD(1.0), "mse", metrics=["mae"])
    return model


def named(case: dict[str, Any]) -> str:
    return f"{case['class']}-{'-'.join(f'{k}={v}' for k, v in case['kwargs'].items())}"


@pytest.mark.parametrize("case", [c for c in CASES if c["class"] == "EarlyStopping"], ids=named)
def test_early_stopping_stops_and_restores_as_keras(case: dict[str, Any]) -> None:
    model = stub()
    callback = callbacks.EarlyStopping(**case["kwargs"])
    callback.set_model(model)
    for _ in range(2):  # the same object serves a second run
        model.stop_training = False
        callback.on_train_begin()
        epochs = 0
        for epoch, value in enumerate(case["values"]):
            model.set_weights([np.full((1, 1), epoch), np.zeros(1)])
            callback.on_epoch_end(epoch, {case["kwargs"].get("monitor", "val_loss"): value})
            epochs += 1
            if model.stop_training:
                break
        callback.on_train_end()
        assert (epochs, callback.stopped_epoch) == (case["epochs"], case["stopped_epoch"])
        assert callback.best == pytest.approx(case["best"])
        assert model.get_weights()[0].item() == case["weight"]


@pytest.mark.parametrize("case", [c for c in CASES if c["class"] == "ReduceLROnPlateau"], ids=named)
def test_reduce_lr_on_plateau_sets_keras_rates(case: dict[str, Any]) -> None:
    model = stub()
    callback = callbacks.ReduceLROnPlateau(**case["kwargs"])
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(case["values"]):
        callback.on_epoch_end(epoch, {"val_loss": value})
        rates.append(float(model.optimizer.learning_rate))
    np.testing.assert_allclose(rates, case["rates"], rtol=1e-5)
