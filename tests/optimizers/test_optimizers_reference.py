"""Optimizers and schedules against Keras' numbers (tests/reference/record_training.py), after every update."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optimizers
from minidl.optimizers import schedules

RECORDED = np.load(Path(__file__).parent.parent / "reference" / "training.npz")
INDEX = json.loads(str(RECORDED["index"]))


def make(case: dict[str, Any]) -> Any:
    spec = case["schedule"]
    extra = {} if spec is None else {"learning_rate": getattr(schedules, spec["class"])(**spec["kwargs"])}
    return getattr(optimizers, case["class"])(**case["kwargs"], **extra)


def weights_of(case: dict[str, Any]) -> list[minidl.Variable]:
    return [
        minidl.Variable(RECORDED[f"{case['name']}/start{k}"], name=name, path=f"dense/{name}")
        for k, name in enumerate(("kernel", "bias"))
    ]


def gradients(case: dict[str, Any], step: int) -> list[np.ndarray]:
    return [RECORDED[f"{case['name']}/grad{step}/{k}"] for k in range(2)]


@pytest.mark.parametrize("case", INDEX["optimizers"], ids=lambda case: f"{case['name']}-{case['class']}")
def test_optimizer_follows_keras_step_by_step(case: dict[str, Any]) -> None:
    optimizer, weights = make(case), weights_of(case)
    for step in range(case["steps"]):
        optimizer.apply([minidl.Tensor(g) for g in gradients(case, step)], weights)
        for k, weight in enumerate(weights):
            expected = RECORDED[f"{case['name']}/after{step}/{k}"]
            np.testing.assert_allclose(weight.numpy(), expected, rtol=2e-5, atol=2e-6, err_msg=f"step {step}")
            assert weight.dtype == np.float32


@pytest.mark.parametrize("case", INDEX["optimizers"], ids=lambda case: f"{case['name']}-{case['class']}")
def test_optimizer_state_has_keras_order_names_and_values(case: dict[str, Any]) -> None:
    optimizer, weights = make(case), weights_of(case)
    for step in range(case["steps"]):
        optimizer.apply(gradients(case, step), weights)
    assert [v.name for v in optimizer.variables] == case["variables"]
    for place, variable in enumerate(optimizer.variables):
        expected = RECORDED[f"{case['name']}/state{place}"]
        assert variable.shape == expected.shape
        np.testing.assert_allclose(variable.numpy(), expected, rtol=2e-5, atol=1e-6, err_msg=variable.name)


@pytest.mark.parametrize("case", INDEX["optimizers"], ids=lambda case: f"{case['name']}-{case['class']}")
def test_optimizer_goes_on_from_its_config_and_state(case: dict[str, Any]) -> None:
    optimizer, weights = make(case), weights_of(case)
    half = case["steps"] // 2
    for step in range(half):
        optimizer.apply(gradients(case, step), weights)
    store: dict[str, np.ndarray] = {}
    optimizer.save_own_variables(store)
    again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(optimizer))))
    copies = [minidl.Variable(w.numpy(), name=w.name, path=w.path) for w in weights]
    again.build(copies)
    again.load_own_variables({key: np.array(value) for key, value in store.items()})
    for step in range(half, case["steps"]):
        optimizer.apply(gradients(case, step), weights)
        again.apply(gradients(case, step), copies)
    for weight, copy in zip(weights, copies, strict=True):
        np.testing.assert_array_equal(weight.numpy(), copy.numpy())


@pytest.mark.parametrize("spec", INDEX["schedules"], ids=lambda spec: spec["name"])
def test_schedule_gives_keras_rates(spec: dict[str, Any]) -> None:
    schedule = getattr(schedules, spec["class"])(**spec["kwargs"])
    rates = [schedule(step) for step in range(16)]
    np.testing.assert_allclose(rates, RECORDED[spec["name"]], rtol=1e-5, atol=1e-7)
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert [again(step) for step in range(16)] == rates
