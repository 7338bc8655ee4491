"""`keras.ops`, `keras.random` and Keras' `backend` functions, as programs call them, against NumPy and the tape."""

from __future__ import annotations

import numpy as np
import pytest

import minidl as keras
from minidl import ops
from minidl.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var", "std", "argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_agree_with_numpy(name, axis, keepdims):
    found = getattr(ops, name)(X, axis=axis, keepdims=keepdims).numpy()
    np.testing.assert_allclose(found, getattr(np, name)(X, axis=axis, keepdims=keepdims), rtol=2e-5, atol=1e-6)
    assert found.dtype == ("int32" if name.startswith("arg") else "float32")


@pytest.mark.parametrize(
    "name", ["abs", "exp", "square", "sign", "floor", "round", "negative", "tanh", "isnan", "logical_not", "ravel"]
)
def test_functions_of_one_tensor_agree_with_numpy(name):
    np.testing.assert_allclose(getattr(ops, name)(X).numpy(), getattr(np, name)(X), rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "divide", "maximum", "minimum", "equal", "greater", "less_equal"]
)
def test_functions_of_two_tensors_promote_integers(name):
    integers = np.arange(1, 6)
    found = getattr(ops, name)(X, integers).numpy()
    np.testing.assert_allclose(found, getattr(np, name)(X, integers), rtol=1e-6)
    assert found.dtype in ("float32", "bool")


def test_norm_is_the_length_of_vectors():
    np.testing.assert_allclose(ops.norm(X, axis=-1).numpy(), np.linalg.norm(X, axis=-1), rtol=1e-6)
    np.testing.assert_allclose(ops.norm(X, ord=1, axis=1).numpy(), np.abs(X).sum(1), rtol=1e-6)
    with pytest.raises(ArgumentError, match="norm: ord must be"):
        ops.norm(X, ord=3)


def test_shapes_are_moved_as_numpy_moves_them():
    assert ops.shape(X) == (3, 4, 5) and ops.ndim(X) == 3 and ops.size(X) == 60
    assert [part.shape for part in ops.split(X, [1, 3], axis=-1)] == [(3, 4, 1), (3, 4, 2), (3, 4, 2)]
    assert [part.shape for part in ops.unstack(X, axis=1)] == [(3, 5)] * 4
    assert ops.concatenate([X, X]).shape == (6, 4, 5)  # the first axis, as in Keras
    assert ops.squeeze(X[:1, :, :1]).shape == (4,) and ops.squeeze(X[:1], axis=0).shape == (4, 5)
    assert ops.pad(X, ((0, 0), (1, 2), (0, 0)), constant_values=7.0).numpy()[0, 0, 0] == 7
    np.testing.assert_array_equal(ops.one_hot([1, -1], 2).numpy(), [[0, 1], [0, 0]])
    np.testing.assert_array_equal(ops.arange(2, 8, 3).numpy(), [2, 5])
    with pytest.raises(ArgumentError, match="no 3 equal parts"):
        ops.split(X, 3, axis=1)


def test_gradients_flow_through_what_has_one_and_stop_where_told():
    x = keras.Variable([[1.0, 2.0], [3.0, 4.0]])
    with keras.GradientTape() as tape:
        loss = ops.sum(ops.power(x, 3) * ops.stop_gradient(x)) + ops.mean(ops.log1p(x)) + ops.norm(x)
    expected = 3 * x.numpy() ** 3 + 1 / (4 * (1 + x.numpy())) + x.numpy() / np.linalg.norm(x.numpy())
    np.testing.assert_allclose(tape.gradient(loss, x).numpy(), expected, rtol=1e-5)


def test_crossentropies_take_the_arguments_of_keras():
    target, output = np.array([[1.0, 0.0]], np.float32), np.array([[0.8, 0.3]], np.float32)
    np.testing.assert_allclose(
        ops.binary_crossentropy(target, output).numpy(), [[-np.log(0.8), -np.log(0.7)]], rtol=1e-5
    )
    both = np.array([[0.25, 0.75]], np.float32)
    np.testing.assert_allclose(ops.categorical_crossentropy(target, both).numpy(), [-np.log(0.25)], rtol=1e-5)
    np.testing.assert_allclose(
        ops.sparse_categorical_crossentropy(np.array([1]), both).numpy(), [-np.log(0.75)], rtol=1e-5
    )


def test_names_that_do_not_exist_are_refused():
    with pytest.raises(AttributeError, match="module 'minidl.ops' has no attribute 'maen'"):
        ops.maen  # noqa: B018


def test_random_is_repeatable_and_moves_on():
    first, again = (keras.random.normal((50, 2), mean=1.0, stddev=2.0, seed=3).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert abs(first.mean() - 1) < 0.8 and first.dtype == "float32"
    generator = keras.random.SeedGenerator(3)
    a, b = (keras.random.uniform((100,), -1, 1, seed=generator).numpy() for _ in range(2))
    assert (a != b).all() and -1 <= min(a.min(), b.min()) and max(a.max(), b.max()) < 1
    keras.utils.set_random_seed(5)
    c = keras.random.randint((20,), 2, 5).numpy()
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(keras.random.randint((20,), 2, 5).numpy(), c)
    assert set(c) <= {2, 3, 4} and c.dtype == "int32"


def test_random_draws_follow_their_distributions():
    assert np.abs(keras.random.truncated_normal((2000,), seed=1).numpy()).max() <= 2
    drawn = keras.random.categorical(np.log([[0.1, 0.9], [1.0, 1e-9]]), 500, seed=2).numpy()
    assert drawn.shape == (2, 500) and 0.8 < drawn[0].mean() < 0.97 and drawn[1].sum() == 0
    shuffled = keras.random.shuffle(np.arange(30), seed=4).numpy()
    assert sorted(shuffled) == list(range(30)) and shuffled.tolist() != list(range(30))
    dropped = keras.random.dropout(np.ones((40, 50), np.float32), 0.25, seed=6).numpy()
    assert set(np.unique(dropped)) == {0, np.float32(1 / 0.75)} and 0.2 < (dropped == 0).mean() < 0.3


def test_backend_functions_of_before_keras_3():
    K = keras.backend
    assert K.int_shape(keras.Input((3, 2))) == (None, 3, 2) and K.flatten(X).shape == (60,)
    np.testing.assert_allclose(K.mean(K.square(X), axis=-1).numpy(), np.square(X).mean(-1), rtol=1e-6)
    np.testing.assert_allclose(K.dot(X[0], X[0].T).numpy(), X[0] @ X[0].T, rtol=1e-5)
    optimizer = keras.optimizers.Adam(0.1)
    K.set_value(optimizer.learning_rate, 0.02)
    assert K.get_value(optimizer.learning_rate) == np.float32(0.02)
    assert K.random_normal((2, 3)).shape == K.random_uniform((2, 3)).shape == (2, 3)
    with pytest.raises(AttributeError, match="gradients does not exist; use GradientTape instead"):
        K.gradients  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'meen'"):
        K.meen  # noqa: B018
