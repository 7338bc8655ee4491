"""Forward and backward against numbers that tests/reference/record_pointwise.py recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pointwise import find

PATH = Path(__file__).parent.parent / "reference" / "pointwise.npz"
with np.load(PATH) as _file:
    RECORDED = {name: _file[name] for name in _file.files}
INDEX = json.loads(str(RECORDED.pop("index")))
CASES = INDEX["cases"]
EVERY_OP = set(
    "add subtract multiply divide maximum minimum power exp log sqrt square absolute negative clip cast "
    "where relu relu6 leaky_relu elu gelu sigmoid tanh softplus swish clipped_relu "
    "softmax log_softmax reduce_sum reduce_mean reduce_max reduce_min argmax "
    "reshape transpose concatenate stack pad slice broadcast_to upsample2d "
    "categorical_crossentropy sparse_categorical_crossentropy binary_crossentropy "
    "mean_squared_error mean_absolute_error huber".split()
)


def decode(value: Any) -> Any:
    if isinstance(value, dict):
        return slice(*value["slice"])
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    return Ellipsis if value == "..." else value


def arrays_of(case: dict[str, Any]) -> list[np.ndarray]:
    return [RECORDED[f"{case['name']}.x{i}"].copy() for i in range(case["inputs"])]


def static_of(case: dict[str, Any]) -> dict[str, Any]:
    return {name: decode(value) for name, value in case["static"].items()}


def tolerance(case: dict[str, Any], dtype: np.dtype) -> dict[str, float]:
    if dtype == np.float32:
        return {"rtol": 2e-5, "atol": 2e-6}
    return {"rtol": 2e-7, "atol": 1e-13} if case["rounded"] else {"rtol": 1e-12, "atol": 1e-13}


def test_recording_names_its_versions_and_covers_every_op() -> None:
    assert INDEX["versions"]["keras"].startswith("3.")
    assert INDEX["versions"]["torch"]
    assert {case["op"] for case in CASES} == EVERY_OP


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_forward_and_backward_agree_with_recorded(case: dict[str, Any]) -> None:
    forward, backward = find(case["op"])
    arrays = arrays_of(case)
    before = [array.copy() for array in arrays]
    expected, dy = RECORDED[f"{case['name']}.y"], RECORDED[f"{case['name']}.dy"]
    y, cache = forward(*arrays, **static_of(case))
    assert isinstance(y, np.ndarray)
    assert y.shape == expected.shape
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, **tolerance(case, y.dtype))
    if backward is not None:
        upstream = dy.copy()
        gradients = backward(dy, cache)
        assert isinstance(gradients, tuple)
        assert len(gradients) == len(arrays)
        np.testing.assert_array_equal(dy, upstream, err_msg="dy was changed")
        for i, gradient in enumerate(gradients):
            _compare_gradient(case, i, arrays[i], gradient)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy, err_msg="an input was changed")


def _compare_gradient(case: dict[str, Any], i: int, x: np.ndarray, gradient: np.ndarray | None) -> None:
    expected = RECORDED.get(f"{case['name']}.d{i}")
    if expected is None:
        # No path in PyTorch: a mask, integer labels, or labels that Keras turns into integers.
        assert gradient is None or not np.any(gradient)
        return
    assert gradient is not None
    assert gradient.shape == x.shape
    assert gradient.dtype == x.dtype
    np.testing.assert_allclose(gradient, expected, **tolerance(case, x.dtype), err_msg=f"gradient of input {i}")
