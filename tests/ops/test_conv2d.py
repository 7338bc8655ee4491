"""conv2d: against loops and finite differences, and its errors."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from windows_cases import geometries, loop_conv2d

from minidl.ops.conv2d import conv2d_backward, conv2d_forward
from minidl.testing.gradients import check_gradients


def draw_case(data, g, dtype=np.float64):
    groups = data.draw(st.sampled_from([1, 1, 2, 3]))
    c, k = groups * data.draw(st.integers(1, 2)), groups * data.draw(st.integers(1, 2))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = rng.normal(size=(2, *g["image"], c)).astype(dtype)
    w = rng.normal(size=(*g["kernel"], c // groups, k)).astype(dtype)
    b = rng.normal(size=k).astype(dtype) if data.draw(st.booleans()) else None
    static = {"strides": g["strides"], "padding": g["padding"], "dilation": g["dilation"], "groups": groups}
    return [x, w, b], static


@settings(deadline=None, derandomize=True, max_examples=40)
@given(geometries(), st.data())
def test_conv2d_equals_the_loops(g, data):
    arrays, static = draw_case(data, g)
    copies = [None if a is None else a.copy() for a in arrays]
    y, _ = conv2d_forward(*arrays, **static)
    np.testing.assert_allclose(y, loop_conv2d(*arrays, **static), atol=1e-12)
    for before, after in zip(copies, arrays, strict=True):
        assert before is None or np.array_equal(before, after)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(geometries(), st.data())
def test_conv2d_gradients_agree_with_differences(g, data):
    arrays, static = draw_case(data, g)
    check_gradients(conv2d_forward, conv2d_backward, arrays, static)
