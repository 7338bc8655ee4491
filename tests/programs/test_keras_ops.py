"""`keras.ops`, `keras.random` and Keras' `backend` functions, as programs call them, against NumPy and the tape."""

from __future__ import annotations

import numpy as np
import pytest

import minidl as keras
from minidl import ops
from minidl.errors import ArgumentError, ShapeError

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
    with pytest.raises(ArgumentError, match="norm: of 3 axes, ord must be"):
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


M = np.array([[1, 2, 3], [4, 0, -6]], np.float32)
INTEGERS = np.array([[3, 1, 2], [0, 5, 4]], np.int32)
MASK = np.array([[True, False, True], [False, False, False]])


@pytest.mark.parametrize("ord, axis", [
    (None, None), (None, 1), (2, 1), (1, 1), (0, 1), (np.inf, 1), (-np.inf, 0), (3, 1), (0.5, 0), ("fro", (0, 1)),
    (1, None), (-1, None), (np.inf, None), (-np.inf, (1, 0)), (1, (1, 0)), (None, (0, 1)),
])  # fmt: skip
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_are_those_of_numpy(ord, axis, keepdims):
    expected = np.linalg.norm(M, ord, axis, keepdims)
    np.testing.assert_allclose(np.asarray(ops.norm(M, ord, axis, keepdims)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "function", [ops.norm, ops.std, lambda x: ops.norm(x, 3, axis=0), lambda x: ops.norm(x, 1.5, axis=0)]
)
def test_lengths_and_deviations_have_the_gradient_0_where_they_are_0(function):
    x = keras.Variable([0.0, 0.0])
    with keras.GradientTape() as tape:
        y = function(x)
    assert y.item() == 0.0 and tape.gradient(y, x).numpy().tolist() == [0.0, 0.0]


def test_a_deviation_is_not_lost_beside_a_large_mean():
    x = np.array([10000.0, 10001.0, 10002.0], np.float32)
    assert ops.var(x).item() == pytest.approx(2 / 3, rel=1e-5)


def test_functions_of_whole_numbers_and_masks_give_what_keras_gives():
    for name in ("exp", "sqrt", "log1p", "tanh", "sigmoid", "softplus", "gelu", "elu", "mean", "std", "floor"):
        found = getattr(ops, name)(INTEGERS)
        assert found.dtype == np.float32, name
        np.testing.assert_allclose(found.numpy(), getattr(ops, name)(INTEGERS.astype(np.float32)).numpy(), rtol=1e-6)
    for name in ("abs", "square", "sign", "relu", "relu6", "negative", "max", "sum"):
        found = getattr(ops, name)(INTEGERS)
        assert found.dtype == np.int32, name
        np.testing.assert_array_equal(found.numpy(), getattr(ops, name)(INTEGERS.astype(np.float32)).numpy())
    assert ops.sum(MASK).item() == 2 and ops.sum(np.array([200, 100], np.uint8)).item() == 300
    assert ops.mean(MASK).item() == pytest.approx(1 / 3)
    assert ops.max(MASK).item() is True and ops.min(MASK).item() is False
    assert ops.argmin(np.array([3, 0, 255], np.uint8)).item() == 1


def test_extremes_take_an_initial_value():
    assert ops.max(M, initial=9.0).item() == 9.0 and ops.min(M, axis=1, initial=0.5).numpy().tolist() == [0.5, -6.0]
    assert ops.max(np.zeros((0, 2), np.float32), axis=0, initial=-1.0).numpy().tolist() == [-1.0, -1.0]
    assert ops.max(INTEGERS, initial=4).dtype == np.int32
    with pytest.raises(ShapeError, match="at least one value"):
        ops.max(np.zeros((0, 2), np.float32), axis=0)


@pytest.mark.parametrize("axis", [(1, 2), (0, 2), None, (-1,)])
def test_softmax_over_several_axes(axis):
    e = np.exp(X - X.max())
    share = e / e.sum(axis, keepdims=True)
    np.testing.assert_allclose(ops.softmax(X, axis=axis).numpy(), share, rtol=1e-5)
    np.testing.assert_allclose(ops.log_softmax(X, axis=axis).numpy(), np.log(share), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ops.softmax(1000 * X, axis=axis).numpy().sum(axis), 1, rtol=1e-5)


def test_logsumexp_neither_overflows_nor_turns_nothing_into_nan():
    x = np.array([[1000.0, 1000.0], [-np.inf, -np.inf], [0.0, -np.inf]], np.float32)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(ops.logsumexp(x, axis=1).numpy(), [1000 + np.log(2), -np.inf, 0.0], rtol=1e-6)
    np.testing.assert_allclose(ops.logsumexp(X).numpy(), np.log(np.exp(X).sum()), rtol=1e-6)
    assert ops.logsumexp(X, axis=(0, 2), keepdims=True).shape == (1, 4, 1)


def test_gelu_is_the_tanh_form_by_default_as_in_keras_ops_and_exact_among_the_activations():
    assert ops.gelu([-2.0]).item() == pytest.approx(-0.045402, abs=1e-6)  # Keras 3.15
    assert ops.gelu([-2.0], approximate=False).item() == pytest.approx(-0.045500, abs=1e-6)
    assert keras.activations.gelu(keras.Tensor([-2.0])).item() == pytest.approx(-0.045500, abs=1e-6)


@pytest.mark.parametrize("x", [1e-20, 1e-7, -1e-7])
def test_log1p_and_expm1_of_tiny_numbers_are_these_numbers(x):
    assert ops.log1p(np.float32(x) * np.ones(1, np.float32)).item() == pytest.approx(x, rel=1e-6)
    assert ops.expm1(np.float32(x) * np.ones(1, np.float32)).item() == pytest.approx(x, rel=1e-6)


def test_division_without_nan_is_0_with_the_gradient_0_where_the_divisor_is_0():
    a, b = keras.Variable([1.0, 0.0, 6.0]), keras.Variable([0.0, 0.0, 3.0])
    with keras.GradientTape() as tape:
        y = ops.divide_no_nan(a, b)
    assert y.numpy().tolist() == [0.0, 0.0, 2.0]
    da, db = tape.gradient(y, [a, b])
    np.testing.assert_allclose(da.numpy(), [0, 0, 1 / 3])
    np.testing.assert_allclose(db.numpy(), [0, 0, -2 / 3])


@pytest.mark.parametrize("width", [1, (1, 2), ((1, 0), (0, 2)), (1,), ((0, 0), (0, 0))])
@pytest.mark.parametrize("mode", ["constant", "reflect", "symmetric", "edge", "wrap"])
def test_frames_are_those_of_numpy(width, mode):
    np.testing.assert_array_equal(ops.pad(M, width, mode).numpy(), np.pad(M, width, mode))
    x = keras.Variable(M)
    with keras.GradientTape() as tape:
        y = ops.pad(x, width, mode)
    outside = {"constant_values": -1} if mode == "constant" else {}
    copies = np.pad(np.arange(M.size).reshape(M.shape), width, mode, **outside)
    expected = np.bincount(copies[copies >= 0].ravel(), minlength=M.size)
    np.testing.assert_array_equal(tape.gradient(y, x).numpy().ravel(), expected)
    with pytest.raises(ArgumentError, match="pad: mode must be"):
        ops.pad(M, 1, "mirror")


def test_shapes_take_every_option_of_keras():
    assert ops.expand_dims(M, (0, -1)).shape == (1, 2, 3, 1) and ops.squeeze(M[None, :, None], (0, 2)).shape == (2, 3)
    np.testing.assert_array_equal(ops.flip(X, axis=(0, 2)).numpy(), np.flip(X, (0, 2)))
    np.testing.assert_array_equal(ops.flip(X).numpy(), np.flip(X))
    assert [part.shape for part in ops.split(M, [0, 1], axis=1)] == [(2, 0), (2, 1), (2, 2)]
    assert ops.concatenate([M, INTEGERS]).dtype == np.float32 and ops.stack([M, INTEGERS], axis=-1).shape == (2, 3, 2)
    np.testing.assert_array_equal(ops.take(X, np.array([[2, -1]]), axis=2).numpy(), np.take(X, [[2, -1]], 2))
    assert ops.take(M, 4).item() == 0.0 and ops.reshape(M, newshape=(6,)).shape == (6,)
    np.testing.assert_array_equal(ops.one_hot([0, 2], 3, axis=0).numpy(), [[1, 0], [0, 0], [0, 1]])
    assert ops.one_hot([0], 2, dtype="bool").dtype == bool and ops.arange(5, 0, -2).numpy().tolist() == [5, 3, 1]
    assert ops.arange(np.int64(2)).dtype == np.int32 and ops.arange(0, 1, 0.5).numpy().tolist() == [0.0, 0.5]
    assert [x.numpy().tolist() for x in ops.where(MASK)] == [[0, 0], [0, 2]]
    assert ops.where(INTEGERS, 1.5, M).dtype == np.float32 and ops.where(MASK, 1, 0).dtype == np.int32
    np.testing.assert_allclose(ops.round(np.array([0.15, 1234.5]), decimals=-2).numpy(), [0, 1200])
    assert ops.clip(INTEGERS, 1, 4).dtype == np.int32 and ops.clip(M, M - 1, M + 1).numpy().tolist() == M.tolist()
    assert ops.convert_to_tensor(M, dtype="int32").dtype == np.int32


def test_ops_of_symbolic_tensors_write_them_into_a_graph():
    i, mask = keras.Input((3,)), keras.Input((3,), dtype="bool")
    y = [
        ops.argmax(i, axis=1), ops.argmin(i, axis=1), ops.one_hot(ops.argmax(i, axis=-1), 3), ops.norm(i, axis=1),
        ops.zeros_like(i), ops.ones_like(mask), ops.stop_gradient(i), ops.all(mask, axis=1), ops.isnan(i), ops.floor(i),
        ops.where(mask, i, 0.0), ops.logsumexp(i, axis=1), ops.pad(i, ((0, 0), (1, 1)), "reflect"),
        ops.sum(mask, axis=1), ops.take(i, [0, 0], axis=1), ops.max(i, axis=1, initial=0.0), ops.logical_and(mask, i),
        ops.softmax(i, axis=(1,)),
    ]  # fmt: skip
    found = keras.Model([i, mask], y)([M, MASK])
    expected = [
        [2, 0], [0, 2], [[0, 0, 1], [1, 0, 0]], np.linalg.norm(M, axis=1), 0 * M, np.ones_like(MASK), M, [False, False],
        np.zeros((2, 3), bool), M, M * MASK, np.log(np.exp(M).sum(1)), np.pad(M, ((0, 0), (1, 1)), "reflect"), [2, 0],
        M[:, [0, 0]], [3, 4], MASK & (M != 0), np.exp(M) / np.exp(M).sum(1, keepdims=True),
    ]  # fmt: skip
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=1e-6)


def test_crossentropies_along_another_axis():
    p = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]], np.float32)
    labels, hot = np.array([1, 0]), np.array([[0, 1, 0], [1, 0, 0]], np.float32)
    expected = [-np.log(0.3), -np.log(0.1)]
    np.testing.assert_allclose(ops.sparse_categorical_crossentropy(labels, p.T, axis=0).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(ops.sparse_categorical_crossentropy(labels[:, None], p).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(ops.categorical_crossentropy(hot.T, p.T, axis=0).numpy(), expected, rtol=1e-5)


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


@pytest.mark.parametrize("axis", [-4, -3, -2, -1, 0, 1, 2, 3])
def test_one_hot_takes_just_the_axes_that_the_result_has(axis):
    x = np.array([[0, 2], [1, 1], [2, 0]])
    if -3 <= axis < 3:
        expected = np.moveaxis(np.eye(3, dtype=np.float32)[x], -1, axis)
        np.testing.assert_array_equal(ops.one_hot(x, 3, axis=axis).numpy(), expected)
    else:
        with pytest.raises(ArgumentError, match=rf"axis must be in \[-3, 2\]. Got {axis}"):
            ops.one_hot(x, 3, axis=axis)


@pytest.mark.parametrize("dtype", [None, "float32", "int32", "bool"])
@pytest.mark.parametrize("of", ["float32", "int32", "bool"])
@pytest.mark.parametrize("name", ["ones_like", "zeros_like"])
def test_arrays_like_another_have_its_dtype_or_the_one_that_is_asked_for(name, of, dtype):
    x = keras.Tensor(np.zeros((2, 3), of))
    found = getattr(ops, name)(x, dtype=dtype)
    assert found.shape == (2, 3) and found.dtype == (dtype or of) and (found.numpy() == (name == "ones_like")).all()
