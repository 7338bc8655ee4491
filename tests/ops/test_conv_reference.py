"""Products, convolutions and pooling against numbers that tests/reference/record_conv.py recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.backends.table import load
from minidl.ops.common.windows import resolve_padding, resolve_transpose_padding

PATH = Path(__file__).parent.parent / "reference" / "conv.npz"
with np.load(PATH) as _file:
    RECORDED = {name: _file[name] for name in _file.files}
INDEX = json.loads(str(RECORDED.pop("index")))
OPS = {
    "gemm", "batched_gemm", "dense", "conv2d", "depthwise_conv2d", "conv2d_transpose", "max_pool2d", "average_pool2d",
}  # fmt: skip


def as_tuples(value: Any) -> Any:
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


def inputs_of(case: dict[str, Any], dtype: type) -> list[np.ndarray | None]:
    found = [RECORDED.get(f"{case['name']}.x{i}") for i in range(case["inputs"])]
    return [None if x is None else x.astype(dtype) for x in found]


def test_recording_names_its_versions_and_covers_every_op() -> None:
    assert INDEX["versions"]["torch"] and INDEX["versions"]["keras"].startswith("3.")
    assert {case["op"] for case in INDEX["cases"]} == OPS


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", INDEX["cases"], ids=[case["name"] for case in INDEX["cases"]])
def test_forward_and_backward_agree_with_pytorch(case: dict[str, Any], dtype: type) -> None:
    inputs = inputs_of(case, dtype)
    before = [None if x is None else x.copy() for x in inputs]
    static = {key: as_tuples(value) for key, value in case["static"].items()}
    y, cache = load(case["op"], "numpy", "forward")(*inputs, **static)
    dy = RECORDED[f"{case['name']}.dy"].astype(dtype)
    gradients = load(case["op"], "numpy", "backward")(dy, cache)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-11}
    assert y.dtype == dtype
    np.testing.assert_allclose(y, RECORDED[f"{case['name']}.y"], **tolerance)
    for i, (x, old, gradient) in enumerate(zip(inputs, before, gradients, strict=True)):
        if x is None:
            assert gradient is None
            continue
        assert np.array_equal(x, old), "an input was changed"
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, RECORDED[f"{case['name']}.d{i}"], **tolerance, err_msg=f"input {i}")
    assert np.array_equal(dy, RECORDED[f"{case['name']}.dy"].astype(dtype)), "dy was changed"


@pytest.mark.parametrize("case", INDEX["keras"], ids=[f"{c['function']}-{c['name']}" for c in INDEX["keras"]])
def test_padding_by_name_agrees_with_keras(case: dict[str, Any]) -> None:
    arguments = {key: as_tuples(v) for key, v in case.items() if key not in ("name", "function", "inputs")}
    x, *rest = inputs_of(case, np.float32)
    kernel = rest[0].shape[:2] if rest else arguments["pool_size"]
    strides, dilation = arguments["strides"], arguments.get("dilation", (1, 1))
    if case["function"] == "conv2d_transpose":
        arguments["padding"], arguments["output_padding"] = resolve_transpose_padding(
            arguments["padding"], kernel, strides, dilation, arguments["output_padding"]
        )
    else:
        arguments["padding"] = resolve_padding(arguments["padding"], x.shape[1:3], kernel, strides, dilation)
    y, _ = load(case["function"], "numpy", "forward")(x, *rest, **arguments)
    np.testing.assert_allclose(y, RECORDED[f"{case['name']}.y"], rtol=1e-4, atol=1e-5)
