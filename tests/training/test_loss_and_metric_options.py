"""Every loss and metric with every option, weight and mask against Keras' numbers.

They were recorded by tests/reference/record_losses_and_metrics.py.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import losses, metrics

RECORDED = np.load(Path(__file__).parent.parent / "reference" / "losses_and_metrics.npz")
INDEX = json.loads(str(RECORDED["index"]))


def _arrays() -> dict[str, np.ndarray]:
    found, values = {}, RECORDED["values"]
    for name, (dtype, shape) in INDEX["arrays"].items():
        taken, values = np.split(values, [math.prod(shape)])
        found[name] = taken.astype(dtype).reshape(shape)
    return found


ARRAYS = _arrays()


def title(case: dict[str, Any]) -> str:
    marks = [case["data"], case["weight"], "mask" if case.get("mask") else None, *map(str, case["kwargs"].values())]
    return "-".join([case["class"], *(mark for mark in marks if mark)])


def batch(case: dict[str, Any], step: int) -> tuple[np.ndarray, np.ndarray, Any]:
    data = f"{case['data']}/{step}"
    weight = ARRAYS[f"{data}/{case['weight']}"] if case["weight"] else None
    return ARRAYS[f"{data}/true"], ARRAYS[f"{data}/pred"], weight


def numbered(kind: str) -> list[Any]:
    return [pytest.param(place, case, id=title(case)) for place, case in enumerate(INDEX[kind])]


@pytest.mark.parametrize("place,case", numbered("losses"))
def test_loss_has_keras_value_and_gradient(place: int, case: dict[str, Any]) -> None:
    true, values, weight = batch(case, 0)
    pred = minidl.Variable(values.astype("float32"))
    if case["mask"]:
        pred._keras_mask = minidl.Tensor(ARRAYS[f"{case['data']}/mask"])
    with minidl.GradientTape() as tape:
        value = getattr(losses, case["class"])(**case["kwargs"])(true, pred, sample_weight=weight)
        total = value.sum() if value.ndim else value
    np.testing.assert_allclose(value.numpy(), ARRAYS[f"loss{place}/value"], rtol=2e-5, atol=2e-6)
    gradient = tape.gradient(total, pred)
    if f"loss{place}/gradient" in ARRAYS:
        np.testing.assert_allclose(gradient.numpy(), ARRAYS[f"loss{place}/gradient"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("place,case", numbered("metrics"))
def test_metric_has_keras_results_and_number_of_variables(place: int, case: dict[str, Any]) -> None:
    metric = getattr(metrics, case["class"])(**case["kwargs"])
    for _ in range(2):  # a second time after a reset
        for step in range(2):
            true, pred, weight = batch(case, step)
            metric.update_state(true, pred, sample_weight=weight)
            np.testing.assert_allclose(metric.result(), ARRAYS[f"metric{place}/{step}"], rtol=2e-5, atol=2e-6)
        assert len(metric.variables) == ARRAYS[f"metric{place}/variables"]
        metric.reset_state()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int64", "float16", "float64"])
@pytest.mark.parametrize("kind", [metrics, losses], ids=["metrics", "losses"])
def test_numbers_of_every_dtype_give_what_floats_give(kind: Any, dtype: str) -> None:
    random = np.random.RandomState(4)
    classes = {cls.__name__: cls for cls in kind.registry.names.values() if isinstance(cls, type)}
    for name, cls in classes.items():
        if name in ("Mean", "Sum"):
            continue
        true, pred = random.randint(0, 2, (8, 3)), random.randint(0, 2, (8, 3))
        if "Sparse" in name:
            true = true[:, 0]
        elif "Accuracy" in name or name == "CategoricalHinge" or "Score" in name:
            true = np.eye(3)[random.randint(0, 3, 8)]
        if "rossentropy" in name and "Binary" not in name:
            pred[:, 0] = 1  # rows of zeros are no distributions
        weights = random.randint(0, 2, 8)
        near = {"rtol": 2e-2 if "rossentropy" in name and dtype == "float64" else 1e-5}  # 0 and 1 are clipped less

        def value(cls: Any, *arrays: np.ndarray) -> np.ndarray:
            return np.asarray(cls()(*arrays[:2], sample_weight=arrays[2]))

        expected = value(cls, *(a.astype("float32") for a in (true, pred, weights)))
        found = value(cls, *(a.astype(dtype) for a in (true, pred, weights)))
        np.testing.assert_allclose(found, expected, **near, err_msg=name)
        lists = value(cls, true.astype(dtype).tolist(), pred.astype(dtype).tolist(), weights.tolist())
        np.testing.assert_allclose(lists, expected, **near, err_msg=name)
