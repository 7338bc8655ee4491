"""Losses against Keras' numbers (tests/reference/record_training.py), values and gradients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import losses

RECORDED = np.load(Path(__file__).parent.parent / "reference" / "training.npz")
CASES = json.loads(str(RECORDED["index"]))["losses"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']}-{case['class']}")
def test_loss_gives_keras_value_and_gradient(case: dict[str, Any]) -> None:
    name = case["name"]
    loss = getattr(losses, case["class"])(**case["kwargs"])
    y_pred = minidl.Variable(RECORDED[f"{name}/pred"])
    weight = RECORDED[f"{name}/weight"] if case["weighted"] else None
    with minidl.GradientTape() as tape:
        value = loss(RECORDED[f"{name}/true"], y_pred, sample_weight=weight)
        total = value.sum() if value.ndim else value
    np.testing.assert_allclose(value.numpy(), RECORDED[f"{name}/value"], rtol=2e-6, atol=1e-6)
    gradient = tape.gradient(total, y_pred)
    np.testing.assert_allclose(gradient.numpy(), RECORDED[f"{name}/gradient"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']}-{case['class']}")
def test_loss_from_its_config_is_equal(case: dict[str, Any]) -> None:
    loss = getattr(losses, case["class"])(**case["kwargs"])
    again = losses.deserialize(json.loads(json.dumps(losses.serialize(loss))))
    true, pred = RECORDED[f"{case['name']}/true"], RECORDED[f"{case['name']}/pred"]
    np.testing.assert_array_equal(again(true, pred).numpy(), loss(true, pred).numpy())


def test_every_loss_class_is_compared_with_keras() -> None:
    assert {case["class"] for case in CASES} == {
        name for name, item in losses.registry.names.items() if isinstance(item, type)
    }
