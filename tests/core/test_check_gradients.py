"""check_gradients on backwards as students write them: the slip is found, and said as what it is."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.testing import GradientError, check_gradients

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
W = np.array([[1.0, -0.5], [0.2, 0.8], [-0.3, 0.4]])


def square(x):
    return x**2, x


def product(x, w):
    return x @ w, (x, w)


def relu(x):
    y = np.maximum(x, 0)
    return y, {"y": y}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    y = e / e.sum(-1, keepdims=True)
    return y, y


def add(a, b):
    return a + b, (a.shape, b.shape)


def mean(x):
    return x.mean(), x.shape


def changes_dy(dy, x):
    dy *= 2
    return (dy * x,)


def changes_its_input(dy, x):
    x *= 2
    return (dy * x,)


def changes_what_was_kept(dy, kept):
    kept["y"][kept["y"] > 0] = 1
    return (dy * kept["y"],)


def clears_dy(dy, kept):
    dy[kept["y"] <= 0] = 0
    return (dy,)


def scales_the_upper_dy(dy, kept):
    for one in dy:
        one *= 2
    return (dy[0] + dy[1],)


SLIPS = [
    (
        square,
        lambda dy, x: (dy * x,),
        (X,),
        "wrong in 6 of 6 cells.*ratio 2; every wrong cell is 0.5 times the right value",
    ),
    (square, lambda dy, x: (2 * x,), (X,), "gradient of input 0 is wrong"),
    (square, lambda dy, x: 2 * dy * x, (X,), r"must return a tuple.*Got ndarray.*missing comma"),
    (square, lambda dy, x: None, (X,), "must return a tuple.*Got NoneType"),
    (square, lambda dy, x: (None,), (X,), "is None, but the output depends on it"),
    (square, lambda dy, x: (-2 * dy * x,), (X,), "ratio -1; every wrong cell has the wrong sign"),
    (square, lambda dy, x: ((2 * dy * x)[0],), (X,), r"must have the input's shape \(2, 3\). Got \(3,\)"),
    (square, changes_dy, (X,), "changes_dy: dy was changed in place"),
    (square, changes_its_input, (X,), "input 0 was changed in place"),
    (relu, changes_what_was_kept, (X,), r"an array that the forward kept for it, of shape \(2, 3\), was changed"),
    (relu, clears_dy, (X,), "clears_dy: dy was changed in place"),
    (relu, lambda dy, kept: (dy,), (X,), "wrong in 2 of 6 cells.*every wrong cell should be 0"),
    (relu, lambda dy, kept: (dy * kept["y"],), (X,), "gradient of input 0 is wrong"),
    (relu, lambda dy, kept: (np.maximum(dy, 0),), (X,), "gradient of input 0 is wrong"),
    (product, lambda dy, kept: (dy @ kept[1].T, kept[0].T @ dy, None), (X, W), r"\(2\). Got tuple of 3"),
    (product, lambda dy, kept: (dy @ kept[1].T, dy.T @ kept[0]), (X, W), r"input 1.*shape \(3, 2\). Got \(2, 3\)"),
    (product, lambda dy, kept: (dy @ kept[1].T / 2, kept[0].T @ dy), (X, W), "input 0 is wrong.*ratio 2"),
    (softmax, lambda dy, y: (dy * y * (1 - y),), (X,), "gradient of input 0 is wrong"),
    (softmax, lambda dy, y: (y * (dy - (dy * y).sum()),), (X,), "gradient of input 0 is wrong"),
    (add, lambda dy, shapes: (dy, dy), (X, X[0]), r"input 1.*shape \(3,\). Got \(2, 3\).*broadcast axis not summed"),
    (add, lambda dy, shapes: (dy, dy.mean(0)), (X, X[0]), "input 1 is wrong.*ratio 2"),
    (mean, lambda dy, shape: (np.full(shape, dy),), (X,), "ratio 0.1666.*every wrong cell is 6 times"),
]


@pytest.mark.parametrize("forward, backward, arrays, message", SLIPS)
def test_a_slip_of_a_backward_is_named(forward, backward, arrays, message):
    with pytest.raises(GradientError, match=message):
        check_gradients(forward, backward, [np.array(a) for a in arrays])


def test_a_changed_dy_of_several_outputs_is_seen():
    with pytest.raises(GradientError, match="dy was changed in place"):
        check_gradients(lambda x: ((x, x * 2), {}), scales_the_upper_dy, [X.copy()])


def test_a_right_backward_may_return_dy_itself():
    check_gradients(lambda x: (x + 1, None), lambda dy, kept: (dy,), [X.copy()])
    check_gradients(softmax, lambda dy, y: (y * (dy - (dy * y).sum(-1, keepdims=True)),), [X.copy()])
