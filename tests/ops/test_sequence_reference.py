"""Forward and backward against numbers that tests/reference/record_sequence.py recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.ops.op import records

PATH = Path(__file__).parent.parent / "reference" / "sequence.npz"
with np.load(PATH) as _file:
    RECORDED = {name: _file[name] for name in _file.files}
INDEX = json.loads(str(RECORDED.pop("index")))
OP_CASES = [case for case in INDEX["cases"] if "inputs" in case]
OPTIMIZER_CASES = [case for case in INDEX["cases"] if "inputs" not in case]
FILES = ("normalization", "embedding", "rnn", "lstm", "gru", "updates")


def function_of(op: str, direction: str) -> Any:
    return getattr(records()[op], direction)


def array_of(case: dict[str, Any], key: str, dtype: type) -> np.ndarray | None:
    array = RECORDED.get(f"{case['name']}.{key}")
    return array if array is None or array.dtype.kind != "f" else array.astype(dtype)


def tuple_of(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def assert_close(got: np.ndarray, expected: np.ndarray, case: dict[str, Any], what: str) -> None:
    """Compare relative to the array's largest number: a sum that nearly cancels has the others' rounding error."""
    rounded = {"rtol": 1e-4, "atol": 2e-5} if got.dtype == np.float32 else {"rtol": 3e-6, "atol": 2e-6}
    tolerance = rounded if got.dtype == np.float32 or case["rounded"] else {"rtol": 1e-9, "atol": 1e-12}
    tolerance["atol"] *= max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(got, expected, **tolerance, err_msg=what)


def test_recording_names_its_versions_and_covers_every_op() -> None:
    assert INDEX["versions"]["keras"].startswith("3.")
    assert INDEX["versions"]["torch"]
    ours = {op.name for op in records().values() if op.file in FILES}
    assert {case["op"] for case in INDEX["cases"]} == ours


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", OP_CASES, ids=[case["name"] for case in OP_CASES])
def test_forward_and_backward_agree_with_recorded(case: dict[str, Any], dtype: type) -> None:
    inputs = [array_of(case, f"x{i}", dtype) for i in range(case["inputs"])]
    before = [None if x is None else x.copy() for x in inputs]
    y, cache = function_of(case["op"], "forward")(*inputs, **case["static"])
    assert len(tuple_of(y)) == case["outputs"]
    for i, got in enumerate(tuple_of(y)):
        assert got.dtype == dtype
        assert_close(got, RECORDED[f"{case['name']}.y{i}"], case, f"output {i}")
    dy = tuple(array_of(case, f"dy{i}", dtype) for i in range(case["outputs"]))
    gradients = function_of(case["op"], "backward")(dy if isinstance(y, tuple) else dy[0], cache)
    assert len(gradients) == case["inputs"]
    for i, (x, old, got) in enumerate(zip(inputs, before, gradients, strict=True)):
        if x is None:
            assert got is None
            continue
        np.testing.assert_array_equal(x, old, err_msg=f"input {i} was changed")
        expected = RECORDED.get(f"{case['name']}.d{i}")
        if expected is None:  # integers, masks, and weights that the used outputs do not depend on
            assert got is None or not got.any()
            continue
        assert (got.dtype, got.shape) == (dtype, x.shape)
        assert_close(got, expected, case, f"gradient of input {i}")


@pytest.mark.parametrize("case", OPTIMIZER_CASES, ids=[case["name"] for case in OPTIMIZER_CASES])
def test_ten_steps_agree_with_recorded_keras_optimizer(case: dict[str, Any]) -> None:
    static = dict(case["static"])
    w, gradients, steps = (RECORDED[f"{case['name']}.{key}"] for key in ("w", "dw", "steps"))
    zeros = np.zeros_like(w)
    centered, amsgrad = static.pop("centered", False), static.pop("amsgrad", False)
    moving = zeros if static.get("momentum") else None
    state: list[np.ndarray | None] = {
        "sgd_update": [moving],
        "rmsprop_update": [zeros, moving, zeros if centered else None],
        "adam_update": [zeros, zeros, zeros if amsgrad else None],
        "adamw_update": [zeros, zeros, zeros if amsgrad else None],
        "adagrad_update": [np.full_like(w, 0.1)],
    }[case["op"]]
    update = function_of(case["op"], "forward")
    for number, (dw, expected) in enumerate(zip(gradients, steps, strict=True), start=1):
        if case["op"].startswith("adam"):
            static["step"] = number
        (w, *new), cache = update(w, dw, *state, **static)
        assert cache is None
        arrays = iter(new)
        state = [None if old is None else next(arrays) for old in state]
        np.testing.assert_allclose(w, expected, rtol=1e-10, err_msg=f"step {number}")
