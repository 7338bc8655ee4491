"""ReduceLROnPlateau, EarlyStopping and ModelCheckpoint, step by step as Keras' on 600 random metric sequences.

The options are random too: mode, min_delta, patience 0, cooldown, baseline, NaN, missing values, … The steps were
recorded by tests/reference/record_callbacks.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from callback_runs import KINDS, case, run

import minidl
from minidl.callbacks import EarlyStopping, ModelCheckpoint

RUNS = json.loads((Path(__file__).parent.parent / "reference" / "callbacks.json").read_text())["runs"]


@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("kind", KINDS)
def test_callback_does_what_keras_did_at_every_step(kind: str, part: int) -> None:
    numbers = [number for number in range(len(RUNS)) if case(number)[0] == kind][part::10]
    assert len(numbers) == 20
    for number in numbers:
        # As JSON: there NaN is equal to itself.
        assert json.dumps(run(minidl, number)) == json.dumps(RUNS[number]), case(number)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_metric_in_float32_does_not_beat_an_equal_baseline(mode: str) -> None:
    callback = EarlyStopping(mode=mode)
    callback._settle_direction()
    for tenth in range(1, 20):
        number = tenth / 10
        assert not callback._is_improvement(float(np.float32(number)), number)
        assert not callback._is_improvement(number, float(np.float32(number)))


def test_checkpoint_by_a_metric_of_several_numbers_saves_every_model(tmp_path: Path) -> None:
    model = minidl.Sequential([minidl.layers.Input((2,)), minidl.layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[minidl.metrics.F1Score()])
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}.keras", monitor="f1_score", save_best_only=True)
    with pytest.warns(UserWarning, match=r"'f1_score', which is not one number but \(3,\); every model is saved"):
        model.fit(np.ones((6, 2)), np.eye(3)[[0, 1, 2] * 2], epochs=2, verbose=0, callbacks=[checkpoint])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.keras", "2.keras"]
