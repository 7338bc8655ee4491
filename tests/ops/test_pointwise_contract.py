"""The contract of an op, for every pointwise op: dtypes kept, inputs unchanged, arrays returned, nothing shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pointwise import all_different, find, normal

VIEWS = {"reshape", "transpose", "slice"}


def case(*shapes: tuple[int, ...], op: str, **static: Any) -> Any:
    name = f"{op}-{'-'.join(f'{key}={value}' for key, value in static.items())}-{shapes[0]}"
    return pytest.param(op, shapes, static, id=name)


PAIR = ((3, 1, 2), (4, 1))
IMAGE = (2, 3, 4, 2)
CASES = [
    *(case(*PAIR, op=op) for op in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "pow", "mod")),
    *(case((), (), op=op) for op in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "pow", "mod")),
    *(case((), (2, 3), op=op) for op in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "pow", "mod")),
    *(
        case(shape, op=op)
        for shape in ((2, 3), (), (0, 2))
        for op in (
            "exp", "log", "log1p", "expm1", "sqrt", "square", "absolute", "negative", "relu", "relu6",
            "leaky_relu", "elu", "gelu",
            "sigmoid", "tanh", "softplus", "swish", "clipped_relu", "reduce_sum",
        )
    ),
    *(case(shape, op="gelu", approximate=True) for shape in ((2, 3), ())),
    *(case(shape, op="power", exponent=e) for shape in ((2, 3), ()) for e in (0, 2, np.float64(0.5))),
    *(case(shape, op="clip", low=0.2, high=np.float64(0.5)) for shape in ((2, 3), ())),
    case((2, 3), op="clipped_relu", max_value=np.float64(2), negative_slope=np.float64(0.1), threshold=np.float64(1)),
    case((2, 3), op="leaky_relu", negative_slope=np.float64(0.1)),
    case((2, 3), op="elu", alpha=np.float64(0.7)),
    *(case((2, 3), op=op, axis=axis) for op in ("softmax", "log_softmax") for axis in (0, -1)),
    *(case((2, 3, 4), op=f"reduce_{kind}", axes=axes, keepdims=keep)
      for kind in ("sum", "mean", "max", "min") for axes in (None, 1, (0, 2), ()) for keep in (False, True)),
    *(case((), op=f"reduce_{kind}") for kind in ("sum", "mean", "max", "min")),
    case((2, 3), op="reshape", shape=(3, -1)),
    case((1,), op="reshape", shape=()),
    case((2, 3, 4), op="transpose", axes=(1, 2, 0)),
    case((), op="transpose"),
    case((2, 3), op="slice", key=(0, 1)),
    case((2, 3), op="slice", key=(slice(None), None, slice(None, None, -2))),
    case((2, 3), (2, 1), op="concatenate", axis=1),
    case((2, 3), op="concatenate", axis=0),
    case((2, 3), (2, 3), op="stack", axis=2),
    case((), (), op="stack"),
    case((2, 3), op="pad", padding=((1, 0), (0, 2)), value=np.float64(2)),
    case((), op="pad", padding=()),
    case((3, 1), op="broadcast_to", shape=(2, 3, 4)),
    case((), op="broadcast_to", shape=()),
    *(case(IMAGE, op="upsample2d", size=(2, 3), interpolation=kind) for kind in ("nearest", "bilinear")),
    *(case((4, 3), (4, 3), op="categorical_crossentropy", from_logits=z, label_smoothing=np.float64(0.1))
      for z in (False, True)),
    *(case((4, 3), (4, 3), op="binary_crossentropy", from_logits=z, label_smoothing=np.float64(0.1))
      for z in (False, True)),
    *(case((3,), (3,), op=op) for op in ("categorical_crossentropy", "binary_crossentropy", "mean_squared_error")),
    case((2, 3), (2, 3), op="mean_absolute_error"),
    case((2, 3), (2, 3), op="huber", delta=np.float64(0.2)),
]  # fmt: skip


def make(op: str, shapes: tuple[tuple[int, ...], ...], dtype: type) -> list[np.ndarray]:
    arrays = [np.asarray(0.05 + 0.9 * np.abs(np.sin(normal(s, i))), dtype=dtype) for i, s in enumerate(shapes)]
    for array in arrays:
        array.flags.writeable = False  # an op that wrote into its input would raise
    return arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("op", "shapes", "static"), CASES)
def test_op_keeps_the_contract(op: str, shapes: Any, static: dict[str, Any], dtype: type) -> None:
    forward, backward = find(op)
    assert backward is not None
    arrays = make(op, shapes, dtype)
    y, cache = forward(*arrays, **static)
    assert isinstance(y, np.ndarray)
    assert y.dtype == dtype
    if op not in VIEWS:
        assert not any(np.shares_memory(y, array) for array in arrays)
    dy = np.asarray(normal(y.shape, 9), dtype=dtype)
    dy.flags.writeable = False
    first, second = backward(dy, cache), backward(dy, cache)
    assert isinstance(first, tuple)
    for array, gradient, again in zip(arrays, first, second, strict=True):
        assert isinstance(gradient, np.ndarray)
        assert (gradient.shape, gradient.dtype) == (array.shape, array.dtype)
        np.testing.assert_array_equal(gradient, again)  # a backward may be walked twice
    np.testing.assert_array_equal(forward(*arrays, **static)[0], y)
    assert cache is None or (isinstance(cache, tuple) and hasattr(cache, "_fields"))


@pytest.mark.parametrize("op", ["add", "subtract", "multiply", "divide", "pow", "mod"])
def test_binary_backward_leaves_out_what_is_not_needed(op: str) -> None:
    forward, backward = find(op)
    a, b = np.abs(normal((2, 3), 0)), normal((3,), 1) + 3
    y, cache = forward(a, b)
    both = backward(y, cache)
    assert backward(y, cache, needs=(False, False)) == (None, None)
    for position, needs in enumerate([(True, False), (False, True)]):
        found = backward(y, cache, needs=needs)
        assert found[1 - position] is None
        np.testing.assert_array_equal(found[position], both[position])


@pytest.mark.parametrize(
    "op",
    ["categorical_crossentropy", "binary_crossentropy", "mean_squared_error", "mean_absolute_error", "huber"],
)
@pytest.mark.parametrize("static", [{}, {"from_logits": True}], ids=["plain", "logits"])
def test_loss_backward_leaves_out_what_is_not_needed(op: str, static: dict[str, bool]) -> None:
    if static and "crossentropy" not in op:
        static = {}
    forward, backward = find(op)
    t, p = all_different((2, 3), 0) / 2, all_different((2, 3), 1) / 2
    loss, cache = forward(t, p, **static)
    both = backward(loss, cache)
    assert backward(loss, cache, needs=(False, False)) == (None, None)
    for position, needs in enumerate([(True, False), (False, True)]):
        found = backward(loss, cache, needs=needs)
        assert found[1 - position] is None
        np.testing.assert_array_equal(found[position], both[position])


INTEGER_OK = ("add", "subtract", "multiply", "maximum", "minimum", "pow", "mod")


@pytest.mark.parametrize("op", INTEGER_OK)
def test_integers_stay_integers(op: str) -> None:
    forward, _ = find(op)
    y, _ = forward(np.array([5, -2], np.int32), np.array([3, 4], np.int32))
    assert y.dtype == np.int32
    np.testing.assert_array_equal(y, getattr(np, {"pow": "power"}.get(op, op))([5, -2], [3, 4]))


@pytest.mark.parametrize("kind", ["sum", "max", "min"])
def test_integer_reduction_stays_integer(kind: str) -> None:
    forward, _ = find(f"reduce_{kind}")
    y, _ = forward(np.array([[5, -2], [7, 1]], np.int32), axes=0)
    assert y.dtype == np.int32
    np.testing.assert_array_equal(y, getattr(np, kind)([[5, -2], [7, 1]], axis=0))
