"""Every operator that Python has, of tensors with tensors, arrays and numbers: values, dtypes, gradients, graphs."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.testing import numerical_gradient

ARITHMETIC = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow,
}  # fmt: skip
COMPARISONS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
LOGIC = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
WIDTHS = ("bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64")

# What keras.ops.add gives on PyTorch (Keras 3.15), by the dtypes of both operands, in the order of WIDTHS.
MEETS = {
    "bool": "bool uint8 int8 int32 int64 float16 float32 float64",
    "uint8": "uint8 uint8 int16 int32 int64 float16 float32 float64",
    "int32": "int32 int32 int32 int32 int64 float16 float32 float64",
    "int64": "int64 int64 int64 int64 int64 float16 float32 float64",
    "float16": "float16 float16 float16 float16 float16 float16 float32 float64",
    "float32": "float32 float32 float32 float32 float32 float32 float32 float64",
    "float64": "float64 float64 float64 float64 float64 float64 float64 float64",
}
# And with a number: int, float, bool, np.float64, np.float32, np.bool_.
NUMBERS = (2, 0.5, True, np.float64(0.5), np.float32(0.5), np.bool_(True))
MEETS_NUMBER = {
    "bool": "int32 float32 bool float32 float32 bool",
    "uint8": "uint8 float32 uint8 float32 float32 uint8",
    "int32": "int32 float32 int32 float32 float32 int32",
    "int64": "int64 float32 int64 float32 float32 int64",
    "float16": "float16 float16 float16 float16 float16 float16",
    "float32": "float32 float32 float32 float32 float32 float32",
    "float64": "float64 float64 float64 float64 float64 float64",
}


def values(dtype, numbers=(3, 1, 2)):
    return np.array(numbers).astype(dtype)


@pytest.mark.parametrize("a", MEETS)
def test_sums_have_the_dtype_that_keras_gives(a):
    for b, expected in zip(WIDTHS, MEETS[a].split(), strict=True):
        for left, right in ((a, b), (b, a)):
            assert (minidl.Tensor(values(left)) + minidl.Tensor(values(right))).dtype == expected, (left, right)
    for number, expected in zip(NUMBERS, MEETS_NUMBER[a].split(), strict=True):
        x = minidl.Tensor(values(a))
        assert (x + number).dtype == (number + x).dtype == expected, (a, number)


@pytest.mark.parametrize("name", ARITHMETIC)
@pytest.mark.parametrize("a", ["uint8", "int32", "float32", "float64"])
@pytest.mark.parametrize("b", ["int32", "float32", "float64", "number", "numpy number"])
def test_arithmetic_has_the_values_of_numpy(name, a, b):
    function, x = ARITHMETIC[name], values(a, (7, 5, 3))
    y = {"number": 2, "numpy number": np.float32(2)}.get(b)
    y = values(b, (2, 3, 4)) if y is None else y
    whole = all(np.asarray(part).dtype.kind in "iu" for part in (x, y))
    for left, right in ((x, y), (y, x)):
        expected = function(np.asarray(left, np.float64), np.asarray(right, np.float64))
        if a == "uint8" and whole and not (0 <= expected.min() and expected.max() <= 255):
            continue  # it wraps, as in NumPy
        given = [minidl.Tensor(part) if isinstance(part, np.ndarray) else part for part in (left, right)]
        found = function(*given)
        assert isinstance(found, minidl.Tensor)
        assert (found.dtype.kind == "f") == (name == "/" or not whole)
        np.testing.assert_allclose(np.asarray(found, np.float64), expected, rtol=1e-5)


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
def test_an_array_or_a_numpy_number_on_the_left_gives_a_tensor(name):
    function = (ARITHMETIC | COMPARISONS)[name]
    x = np.array([1.0, 2.0, 3.0], np.float32)
    for left in (
        np.array([3.0, 2.0, 1.0], np.float32),
        np.ones(3),
        np.float64(2),
        np.float32(2),
        np.int64(2),
        [1, 2, 3],
    ):
        found = function(left, minidl.Tensor(x))
        assert isinstance(found, minidl.Tensor), type(left)
        np.testing.assert_allclose(np.asarray(found), function(np.asarray(left), x), rtol=1e-6)
    assert isinstance(np.ones((2, 3), np.float32) @ minidl.Tensor(x), minidl.Tensor)
    assert isinstance(np.array([True]) & minidl.Tensor([True]), minidl.Tensor)


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_have_the_values_of_numpy(name):
    function = COMPARISONS[name]
    for a, b in ((values("float32"), 2), (values("uint8"), -1), (values("int32"), values("float32", (3.5, 1, 0)))):
        found = function(minidl.Tensor(a), minidl.Tensor(b) if isinstance(b, np.ndarray) else b)
        assert found.dtype == bool
        np.testing.assert_array_equal(np.asarray(found), function(a.astype(np.float64), b))


def test_equality_with_what_holds_no_values_is_identity():
    x = minidl.Tensor([1.0])
    assert (x == None) is False and (x != None) is True and (x == "a") is False  # noqa: E711
    assert (x == object()) is False and x in [object(), x] and {x: 1}[x] == 1


@pytest.mark.parametrize("name", LOGIC)
def test_masks_and_whole_numbers_combine_bit_by_bit(name):
    for a, b in ((np.array([True, True, False]), np.array([True, False, False])), (values("int32"), values("uint8"))):
        found = LOGIC[name](minidl.Tensor(a), minidl.Tensor(b))
        np.testing.assert_array_equal(np.asarray(found), LOGIC[name](a, b))
        np.testing.assert_array_equal(np.asarray(LOGIC[name](minidl.Tensor(a), True)), LOGIC[name](a, True))
    np.testing.assert_array_equal(np.asarray(~minidl.Tensor([True, False])), [False, True])
    assert (~minidl.Tensor([0, 5])).numpy().tolist() == [-1, -6]
    assert (minidl.Tensor([1, 5]) << 2).numpy().tolist() == [4, 20] and (
        8 >> minidl.Tensor([1, 2])
    ).numpy().tolist() == [4, 2]
    with pytest.raises(DTypeError, match="bitwise_and: it is not defined for dtype float32.*compare first"):
        minidl.Tensor([1.0]) & minidl.Tensor([1.0])


def test_arithmetic_of_masks_is_logic_or_an_error():
    a, b = minidl.Tensor([True, True, False]), minidl.Tensor([True, False, False])
    assert (a + b).numpy().tolist() == [True, True, False] and (a * b).numpy().tolist() == [True, False, False]
    assert F.maximum(a, b).dtype == F.minimum(a, b).dtype == bool
    with pytest.raises(DTypeError, match="A mask\\? Cast it"):
        a - b
    assert a.sum().item() == 2 and a.mean().item() == pytest.approx(2 / 3) and a.max().item() is True


def test_signs_and_rounding():
    x = minidl.Tensor([-2.5, 0.5, 1.25])
    assert (+x).numpy().tolist() == [-2.5, 0.5, 1.25] and (-x).numpy().tolist() == [2.5, -0.5, -1.25]
    assert round(x).numpy().tolist() == [-2, 0, 1] and round(x, 1)[2].item() == pytest.approx(1.2)
    whole, rest = divmod(x, 2)
    assert whole.numpy().tolist() == [-2, 0, 0] and rest.numpy().tolist() == [1.5, 0.5, 1.25]
    assert [part.numpy().tolist() for part in divmod(7, minidl.Tensor([2, 4]))] == [[3, 1], [1, 3]]
    assert abs(minidl.Tensor([-3, 2])).numpy().tolist() == [3, 2] and abs(minidl.Tensor([-3])).dtype == np.int32
    v = minidl.Variable([1.0])
    before = +v
    v.assign([5.0])
    assert before.item() == 1.0


@pytest.mark.parametrize("base, exponent, expected", [
    ([-2.0], [3.0], [-8.0]), ([-2.0, -1.0], [2.0, 0.0], [4.0, 1.0]), ([0.0], [0.0], [1.0]), ([3], [4], [81]),
    ([-2.0], 3, [-8.0]), (2.0, [3.0, -1.0], [8.0, 0.5]), (2, [3], [8]), ([2], 0.5, [2**0.5]), ([2.0], [3], [8.0]),
])  # fmt: skip
def test_powers_by_numbers_and_by_tensors(base, exponent, expected):
    given = [minidl.Tensor(part) if isinstance(part, list) else part for part in (base, exponent)]
    np.testing.assert_allclose(np.asarray(given[0] ** given[1]), expected, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(F.power(base, exponent)), expected, rtol=1e-6)


def test_a_fractional_power_of_a_negative_number_is_nan_and_a_negative_one_of_whole_numbers_an_error():
    with np.errstate(invalid="ignore"):
        assert np.isnan(np.asarray(minidl.Tensor([-2.0]) ** minidl.Tensor([0.5]))).all()
    with pytest.raises(ArgumentError, match="no whole power with a negative exponent"):
        minidl.Tensor([2]) ** minidl.Tensor([-1])
    with pytest.raises(ArgumentError, match="no whole power"):
        minidl.Tensor([2]) ** -1


def test_whole_numbers_are_not_divided_by_0():
    for function in (lambda x: x // 0, lambda x: x % 0, lambda x: 5 // (x - x), lambda x: divmod(x, 0)):
        with pytest.raises(ArgumentError, match="whole numbers cannot be divided by 0"):
            function(minidl.Tensor([3, 4]))
    with np.errstate(divide="ignore"):
        assert np.isinf((minidl.Tensor([3.0]) // 0).item())


def test_a_number_that_does_not_fit_the_dtype_is_an_error():
    x = minidl.Tensor(np.array([1], np.uint8))
    with pytest.raises(DTypeError, match="number 300 does not fit the dtype uint8"):
        x + 300
    assert (minidl.Tensor([1.0]) + 2**70).item() == float(2**70)
    assert (x < 300).numpy().all() and (x * 300.0).item() == 300.0


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
def test_a_variable_computes_as_its_value_does_and_stays_a_variable(name):
    function = (ARITHMETIC | COMPARISONS)[name]
    v, x = minidl.Variable([1.0, 2.0]), minidl.Tensor([1.0, 2.0])
    for other in (2, np.array([3.0, 2.0], np.float32), minidl.Tensor([3.0, 2.0]), minidl.Variable([3.0, 2.0])):
        for found, expected in ((function(v, other), function(x, other)), (function(other, v), function(other, x))):
            assert type(found) is minidl.Tensor and found.dtype == expected.dtype
            np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert v.numpy().tolist() == [1.0, 2.0]


def test_a_variable_is_added_to_in_its_own_dtype():
    v = minidl.Variable([1.0, 2.0])
    for value in (1, 0.5, np.ones(2), [1, 1], minidl.Tensor([1, 1]), np.float64(1)):
        before = v.numpy().copy()
        v.assign_add(value)
        np.testing.assert_allclose(v.numpy(), before + np.asarray(value, np.float32))
        v.assign_sub(value)
        np.testing.assert_allclose(v.numpy(), before)
        assert v.dtype == np.float32
    with pytest.raises(ShapeError, match="has shape"):
        v.assign_add(np.ones((3, 2)))


GRADIENTS = {
    "a % b": lambda a, b: a % b, "a ** b": lambda a, b: (abs(a) + 0.5) ** b, "2 ** b": lambda a, b: 2.0**b * a,
    "b ** 3": lambda a, b: (-b - 3) ** 3 * a, "a @ b": lambda a, b: a @ b, "+a": lambda a, b: +a * b,
    "log1p": lambda a, b: F.log1p(abs(a)) * b, "expm1": lambda a, b: F.expm1(a) * b,
    "masked": lambda a, b: (a > 0) * a * b, "places": lambda a, b: a[[0, 2, 2]] * b,
    "a mask": lambda a, b: a[np.array([True, False, True])] * b[:2],
    "new axes": lambda a, b: (a[None, ::-1, None] * b[..., None, None, :]), "1 / a": lambda a, b: 1 / (a + 9) * b,
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_operators_are_those_of_finite_differences(name):
    function = GRADIENTS[name]
    arrays = [np.array([0.7, -1.3, 2.6]), np.array([1.1, 0.4, 1.7])]
    variables = [minidl.Variable(a, dtype="float64") for a in arrays]
    with minidl.GradientTape() as tape:
        loss = F.reduce_sum(function(*variables) * 1.5)
    found = tape.gradient(loss, variables, unconnected_gradients="zero")
    for i, gradient in enumerate(found):
        expected = numerical_gradient(
            lambda *parts: float((function(*map(minidl.Tensor, parts)) * 1.5).sum()), arrays, i
        )
        np.testing.assert_allclose(gradient.data, expected, rtol=1e-6, atol=1e-7)


def test_a_gradient_comes_back_in_the_dtype_of_its_variable():
    w = minidl.Variable([1.0, 2.0])
    with minidl.GradientTape() as tape:
        loss = (np.array([3.0, 4.0]) * w).sum()  # in float64, as the array is
    assert loss.dtype == np.float64
    gradient = tape.gradient(loss, w)
    assert gradient.dtype == np.float32 and gradient.numpy().tolist() == [3.0, 4.0]


PRODUCTS = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2)), ((4, 2, 3), (3, 5)),
    ((2, 3), (4, 3, 5)), ((4, 1, 2, 3), (5, 3, 2)), ((1, 2, 3), (6, 3, 1)), ((2, 1, 3, 4), (1, 5, 4, 2)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", PRODUCTS)
@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_products_of_vectors_matrices_and_stacks_are_those_of_numpy(shapes, dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, shape).astype(dtype) for shape in shapes)
    found = minidl.Tensor(a) @ minidl.Tensor(b)
    assert found.shape == (a @ b).shape and found.dtype == dtype
    np.testing.assert_array_equal(np.asarray(found), a @ b)
    if dtype == "float64":
        left, right = minidl.Variable(a), minidl.Variable(b)
        with minidl.GradientTape() as tape:
            loss = (left @ right).sum()
        for i, gradient in enumerate(tape.gradient(loss, [left, right])):
            np.testing.assert_allclose(
                gradient.data, numerical_gradient(lambda p, q: (p @ q).sum(), [a, b], i), atol=1e-6
            )


def test_products_that_do_not_fit_are_errors():
    with pytest.raises(ShapeError, match="inner sizes differ|must equal|features"):
        minidl.Tensor(np.ones(3)) @ minidl.Tensor(np.ones(4))
    with pytest.raises(ShapeError, match="leading axes must broadcast"):
        minidl.Tensor(np.ones((2, 3, 4))) @ minidl.Tensor(np.ones((5, 4, 2)))
    with pytest.raises(ShapeError, match="need an axis.*To scale"):
        minidl.Tensor(np.ones((2, 2))) @ 3.0


def test_python_asks_a_tensor_for_its_number_its_length_and_its_text():
    x = minidl.Tensor([[1.5, 2.0]])
    assert f"{x[0, 0]:.3f}" == "1.500" and f"{x.sum():>8.1f}|" == "     3.5|" and str(x) in f"{x}"
    assert float(x[0, 1]) == 2.0 and int(x[0, 1]) == 2 and bool(x[0, 1]) and len(x) == 1
    assert [row.shape for row in x] == [(2,)] and 2.0 in x and 7.0 not in x
    assert range(5)[minidl.Tensor(3)] == 3 and minidl.Tensor([[1.0, 5.0], [2.0, 0.0]]).argmax(None).item() == 1
    with pytest.raises(ShapeError, match="one value"):
        f"{x:.2f}"
    with pytest.raises(TypeError, match="no axes"):
        len(minidl.Tensor(1.0))


def test_in_place_operators_give_a_new_tensor():
    x = y = minidl.Tensor([1.0, 2.0])
    x += 1
    x *= 2
    x //= 3
    assert x.numpy().tolist() == [1.0, 2.0] and y.numpy().tolist() == [1.0, 2.0] and x is not y
    v = w = minidl.Variable([1.0])
    w -= 3
    assert v.numpy().tolist() == [1.0] and w.numpy().tolist() == [-2.0]


# Of graphs: each operator on symbolic tensors is a layer that gives what it gives on tensors.
ROW = np.array([1, 2, 3, 4], np.float32)
GRAPHS = {
    **{f"x {name} y": (lambda x, y, f=f: f(x, y)) for name, f in ARITHMETIC.items()},
    **{f"2.5 {name} y": (lambda x, y, f=f: f(2.5, y)) for name, f in ARITHMETIC.items()},
    **{f"x {name} row": (lambda x, y, f=f: f(x, ROW)) for name, f in ARITHMETIC.items()},
    **{f"x {name} y": (lambda x, y, f=f: f(x, y)) for name, f in COMPARISONS.items() if name != "=="},
    **{f"mask {name} mask": (lambda x, y, f=f: f(x > 2, y > 2)) for name, f in LOGIC.items()},
    "signs": lambda x, y: abs(-x) + (+y), "round": lambda x, y: round(x), "not": lambda x, y: ~(x > 2),
    "x[...]": lambda x, y: x[:, [0, 2, 2]], "a mask as a number": lambda x, y: (x > 2) * y,
    "whole number beside": lambda x, y: F.cast(x, "int32") * y, "divmod": lambda x, y: divmod(x, y)[1],
    "sum of a mask": lambda x, y: (x > 2).sum(axis=1), "mean of a mask": lambda x, y: (x > 2).mean(axis=1),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_operators_on_symbolic_tensors_give_what_they_give_on_tensors(name, tmp_path):
    x, y = (np.random.default_rng(k).uniform(0.5, 5, (3, 4)).astype(np.float32) for k in (0, 1))
    inputs = [minidl.Input((4,)), minidl.Input((4,))]
    output = GRAPHS[name](*inputs)
    expected = GRAPHS[name](minidl.Tensor(x), minidl.Tensor(y))
    assert output.dtype == expected.dtype and output.shape[1:] == expected.shape[1:]
    model = minidl.Model(inputs, output)
    np.testing.assert_array_equal(np.asarray(model([x, y])), np.asarray(expected))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        np.asarray(minidl.models.load_model(tmp_path / "model.keras")([x, y])), np.asarray(expected)
    )


def test_a_graph_in_float64_stays_in_float64():
    i = minidl.Input((4,), dtype="float64")
    assert minidl.Model(i, i / 3.0)(np.full((2, 4), 0.1)).numpy()[0, 0] == 0.1 / 3
    j = minidl.Input((4,))
    assert minidl.Model(j, j * np.ones(4))(np.ones((2, 4), np.float32)).dtype == np.float64


ON_SIMT = {
    "a ** b": lambda a, b: a**b, "a % b": lambda a, b: a % b, "a // b": lambda a, b: a // b,
    "log1p": lambda a, b: F.log1p(a), "expm1": lambda a, b: F.expm1(a), "places": lambda a, b: a[:, [2, 0, 0]] * 2.0,
    "mask": lambda a, b: a[np.array([True, False])], "a > b": lambda a, b: (a > b) * a,
    "clip": lambda a, b: F.clip(a, 2.0, 1.0), "clip by tensors": lambda a, b: F.clip(a, b, b + 1),
    "a @ b": lambda a, b: a @ b[0], "stack @ stack": lambda a, b: a[None] @ b.T[None, None],
}  # fmt: skip


@pytest.mark.parametrize("name", ON_SIMT)
def test_operators_give_the_same_on_the_simt_machine(name):
    a, b = (np.random.default_rng(k).uniform(0.5, 3, (2, 3)).astype(np.float32) for k in (0, 1))
    found = {}
    for backend in ("numpy", "simt"):
        v, w = minidl.Variable(a), minidl.Variable(b)
        with minidl.using(backend), minidl.GradientTape() as tape:
            y = F.multiply(ON_SIMT[name](v, w), 1.0)
            gradients = tape.gradient(y, [v, w], unconnected_gradients="zero")
        found[backend] = [np.asarray(part) for part in (y, *gradients)]
    for one, other in zip(found["numpy"], found["simt"], strict=True):
        np.testing.assert_allclose(one, other, rtol=3e-6, atol=1e-6)


def test_the_power_of_a_number_keeps_the_dtype_of_its_exponents():
    assert F.power(2.0, minidl.Tensor(np.array([1, 2], "float16"))).dtype == np.float16
