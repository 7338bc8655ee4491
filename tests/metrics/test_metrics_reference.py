"""Metrics against Keras' numbers (tests/reference/record_training.py), after each of two batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import metrics

RECORDED = np.load(Path(__file__).parent.parent / "reference" / "training.npz")
CASES = json.loads(str(RECORDED["index"]))["metrics"]


def feed(metric: Any, case: dict[str, Any]) -> list[np.ndarray]:
    results = []
    for place in range(case["batches"]):
        batch = {}
        for part in ("true", "pred", "weight"):
            key = f"{case['name']}/{place}/{part}"
            batch[part] = RECORDED[key] if key in RECORDED.files else None
        metric.update_state(batch["true"], batch["pred"], sample_weight=batch["weight"])
        results.append(np.array(metric.result()))
    return results


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']}-{case['class']}")
def test_metric_gives_keras_results(case: dict[str, Any]) -> None:
    metric = getattr(metrics, case["class"])(**case["kwargs"])
    for _ in range(2):  # a second time after a reset
        for place, result in enumerate(feed(metric, case)):
            np.testing.assert_allclose(result, RECORDED[f"{case['name']}/{place}/result"], rtol=1e-5, atol=1e-6)
        metric.reset_state()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']}-{case['class']}")
def test_metric_from_its_config_is_equal(case: dict[str, Any]) -> None:
    metric = getattr(metrics, case["class"])(**case["kwargs"])
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    assert again.name == metric.name
    np.testing.assert_array_equal(feed(again, case)[-1], feed(metric, case)[-1])


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_mean_and_sum_give_keras_results(name: str) -> None:
    metric = getattr(metrics, name)()
    metric.update_state(RECORDED["values/0"])
    metric.update_state(RECORDED["values/1"])
    np.testing.assert_allclose(float(metric.result()), RECORDED[f"{name}/result"], rtol=1e-6)
