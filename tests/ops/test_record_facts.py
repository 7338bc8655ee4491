"""What a record says of its op is what the op does: its form, and whether a backward needs what the forward kept."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from minidl.ops.op import records
from minidl.testing.cases import cases, small_cases

WITH_CASES = [op for op in records().values() if not op.host_only]
WITH_A_GRADIENT = [op for op in WITH_CASES if op.backward and op.name != "dropout"]  # which draws what it keeps


def first(y):
    return y[0] if isinstance(y, tuple) else y


def run(op, arrays, static):
    with np.errstate(all="ignore"):
        return first(op.forward(*arrays, **static)[0])


def same(got, expected):
    return np.shape(got) == np.shape(expected) and np.allclose(got, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def is_float(*arrays):
    return all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in arrays)


def turned(a):
    """The same cells in another order."""
    return np.roll(a.reshape(-1), 1).reshape(a.shape)


def cell(op, arrays, static, y):
    x = arrays[0]
    return (
        len(op.inputs) == 1 and is_float(x, y) and x.dtype == y.dtype and same(run(op, [turned(x)], static), turned(y))
    )


def pair(op, arrays, static, y):
    if len(op.inputs) != 2 or not is_float(*arrays, y) or np.broadcast_shapes(*(a.shape for a in arrays)) != y.shape:
        return False
    a, b = (np.ascontiguousarray(np.broadcast_to(part, y.shape)) for part in arrays)
    return same(run(op, [a, b], static), y) and same(run(op, [turned(a), turned(b)], static), turned(y))


def linear_in_each_of_two(op, arrays, static, y):
    if len(op.inputs) not in (2, 3) or not is_float(*arrays[:2]):
        return False
    a, b = arrays[:2]
    rest = [None] * (len(op.inputs) - 2)
    y = run(op, [a, b, *rest], static)
    return same(run(op, [3 * a, b, *rest], static), 3 * y) and same(run(op, [a, 3 * b, *rest], static), 3 * y)


def convolution(op, arrays, static, y):
    images = [a for a in (*arrays[:2], y) if a is not None and a.ndim == 4]
    return len(images) == 3 and linear_in_each_of_two(op, arrays, static, y)


def window(op, arrays, static, y):
    x = arrays[0]
    return len(op.inputs) == 1 and x.ndim == y.ndim == 4 and same(run(op, [x[..., :1]], static), y[..., :1])


def reduction(op, arrays, static, y):
    return op.settings == ("axes", "keepdims") and not op.variadic


def row(op, arrays, static, y):
    x = next((a for a in arrays if is_float(a)), None)
    if x is None or not is_float(y) or x.size == 1 or len(op.inputs) > 3:
        return False
    moved = [np.where(np.arange(a.size).reshape(a.shape) == 0, a + 0.5, a) if a is x else a for a in arrays]
    return (run(op, moved, static) != y).sum() > 1 or y.ndim == x.ndim - 1


def loss(op, arrays, static, y):
    return op.inputs == ("y_true", "y_pred") and y.shape == arrays[1].shape[:-1] and arrays[0].shape == arrays[1].shape


def recurrent(op, arrays, static, y):
    return op.outputs[:2] == ("sequence", "h")


def update(op, arrays, static, y):
    return op.inputs[:2] == ("w", "dw") and op.backward is None and y.shape == arrays[0].shape


def move(op, arrays, static, y):
    given = np.concatenate([np.ravel(a) for a in arrays if a is not None])
    alike = len(op.inputs) == 1 and y.dtype == arrays[0].dtype
    return alike and bool(np.isin(y, [*given.tolist(), static.get("value", 0)]).all())


DOES = {
    "cell": cell, "pair": pair, "product": linear_in_each_of_two, "convolution": convolution, "window": window,
    "reduction": reduction, "row": row, "loss": loss, "recurrent": recurrent, "update": update, "move": move,
}  # fmt: skip


def forms_of(op):
    """The forms that fit the op in all of its small cases."""
    found = {op.form} if op.form else set(DOES)
    for case in small_cases(op.name) or [case for case in cases(op.name) if not case.extreme][:1]:
        y = run(op, case.inputs, case.static)
        found = {form for form in found if DOES[form](op, case.inputs, case.static, y)}
    return found


@pytest.mark.parametrize("op", WITH_CASES, ids=lambda op: op.name)
def test_the_form_is_one_that_fits_and_an_op_of_no_form_has_none_that_fits(op):
    found = forms_of(op)
    assert op.form in found if op.form else not found, found


def read_by_the_backward(op):
    """Whether a gradient changes with an array of the cache."""
    for case in small_cases(op.name):
        y, cache = op.forward(*case.inputs, **case.static)
        dy = tuple(map(np.ones_like, y)) if isinstance(y, tuple) else np.ones_like(y)
        for name, held in zip(getattr(cache, "_fields", ()), cache or (), strict=True):
            if not isinstance(held, np.ndarray) or held.size < 2:
                continue
            other = (
                ~held if held.dtype == bool else (held + 1) % 2 if held.dtype.kind in "iu" else turned(1.7 * held + 0.3)
            )
            with np.errstate(all="ignore"):
                before, after = (
                    op.backward(dy, c) for c in (cache, cache._replace(**{name: other.astype(held.dtype)}))
                )
            if any(not np.array_equal(p, q) for p, q in zip(before, after, strict=True) if p is not None):
                return True
    return False


@pytest.mark.parametrize("op", WITH_A_GRADIENT, ids=lambda op: op.name)
def test_a_record_says_whether_the_backward_reads_what_the_forward_kept(op):
    assert bool(op.keeps) == read_by_the_backward(op)
    assert "needs" not in inspect.signature(op.forward).parameters
