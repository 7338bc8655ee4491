"""The machine's typing of arithmetic against Numba's own CUDA typing context (which needs no GPU)."""
import itertools
import math
import operator

import numpy as np
import pytest
from numba import cuda
from numba.cuda.target import CUDATypingContext
from numba.np.numpy_support import as_dtype, from_dtype

from cuda_kernels import simt
from cuda_kernels.simt.machine import numeric

KINDS = [np.dtype(c) for c in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")]
OPERATORS = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "pow": operator.pow, "lshift": operator.lshift,
    "rshift": operator.rshift, "bitand": operator.and_, "bitor": operator.or_, "bitxor": operator.xor,
}


@pytest.fixture(scope="module")
def numba_types():
    context = CUDATypingContext()
    context.refresh()

    def result(function, *kinds):
        try:
            found = context.resolve_function_type(function, tuple(from_dtype(k) for k in kinds), {})
        except Exception as error:  # Numba's way to say no differs between versions
            return None if "Typing" in type(error).__name__ or "Unsupported" in type(error).__name__ else pytest.fail(
                repr(error))
        return None if found is None else as_dtype(found.return_type)

    return result


@pytest.mark.parametrize("name", OPERATORS)
def test_binary_result_types_equal_numbas(name, numba_types):
    wrong = []
    for a, b in itertools.product(KINDS, KINDS):
        theirs = numba_types(OPERATORS[name], a, b)
        try:
            ours = numeric.BINARY[name][1][a.num * 64 + b.num]
        except simt.UnsupportedSyntax:
            ours = None
        if theirs != ours:
            wrong.append((str(a), str(b), theirs, ours))
    assert wrong == []


def test_unary_result_types_equal_numbas(numba_types):
    for kind in KINDS:
        one = kind.type(1)
        assert numeric.negate(one).dtype == numba_types(operator.neg, kind)
        assert numeric.plus(one).dtype == numba_types(operator.pos, kind)
        if kind.kind != "f":
            assert numeric.invert(one).dtype == numba_types(operator.invert, kind)


def _kernel(function, kind, arity):
    """The dtype that the machine gives function(x, …) for x of a dtype, seen in a stepper."""
    x = np.ones(1, kind)
    kernel = {1: _unary_of, 2: _binary_of}[arity](function)
    stepper = simt.step(kernel, 1, 1, x)
    return stepper.goto(len(stepper)).moment.variables["y"].dtype


def _unary_of(function):
    def kernel(x):
        y = function(x[0])  # noqa: F841
        x[0] = x[0]
    return kernel


def _binary_of(function):
    def kernel(x):
        y = function(x[0], x[0])  # noqa: F841
        x[0] = x[0]
    return kernel


@pytest.mark.parametrize("function", [math.sqrt, math.exp, math.floor, math.ceil, math.trunc, math.fabs, math.log1p,
                                      math.isnan, int, round, abs, bool, cuda.popc, cuda.clz])
def test_function_result_types_equal_numbas(function, numba_types):
    for kind in KINDS[1:]:
        theirs = numba_types(function, kind)
        if theirs is not None and not (function in (cuda.popc, cuda.clz) and kind.kind == "f"):
            assert _kernel(function, kind, 1) == theirs, (function, kind)


@pytest.mark.parametrize("function", [min, max, math.pow, math.atan2])
def test_function_of_two_result_types_equal_numbas(function, numba_types):
    for kind in [k for k in KINDS if k.itemsize >= 4]:
        assert _kernel(function, kind, 2) == numba_types(function, kind, kind), (function, kind)


@pytest.mark.parametrize(
    ("name", "a", "b"), [("floordiv", -7, 2), ("mod", -7, 3), ("mod", 7, -3), ("truediv", 1, 4), ("pow", 2, 10),
                         ("pow", 2, -1), ("rshift", -8, 1), ("lshift", 3, 4), ("bitxor", 12, 10)])
def test_integer_values_equal_pythons(name, a, b):
    expected = 0 if (name, b) == ("pow", -1) else OPERATORS[name](a, b)
    assert numeric.binary(name, np.int32(a), np.int32(b)) == expected


def test_int32_product_does_not_overflow_but_a_cast_wraps():
    def kernel(x, wide, narrow):
        i = cuda.grid(1)
        wide[i] = x[i] * x[i]
        narrow[i] = np.int32(x[i] * x[i])

    x = np.array([100_000, -70_000], np.int32)
    wide, narrow = np.zeros(2, np.int64), np.zeros(2, np.int32)
    assert simt.launch(kernel, 1, 2, x, wide, narrow).faults == []
    assert wide.tolist() == [10**10, 49 * 10**8]
    assert narrow.tolist() == [int(np.int64(v).astype(np.int32)) for v in wide]


def test_uint32_hash_wraps_as_on_the_gpu():
    def kernel(x, y):
        i = cuda.grid(1)
        h = np.uint32(x[i] * np.uint32(2654435761))
        h = np.uint32(h ^ (h >> np.uint32(13)))
        y[i] = h

    x = np.arange(7, dtype=np.uint32)
    y = np.zeros(7, np.uint32)
    assert simt.launch(kernel, 1, 7, x, y).faults == []
    h = (x.astype(np.uint64) * 2654435761).astype(np.uint32)
    assert y.tolist() == (h ^ (h >> np.uint32(13))).tolist()


def test_float_to_int_cast_cuts_and_saturates():
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = np.int32(x[i])

    x = np.array([1.9, -1.9, 3e9, -3e9, np.nan], np.float32)
    y = np.zeros(5, np.int32)
    simt.launch(kernel, 1, 5, x, y)
    assert y.tolist() == [1, -1, 2**31 - 1, -(2**31), 0]


@pytest.mark.parametrize("dtype, wanted", [(np.uint8, [1, 0, 44, 255, 0]), (np.int8, [1, -1, 44, -1, 0])])
def test_store_of_a_float_into_a_byte_drops_the_upper_half_of_16_bits(dtype, wanted):
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = x[i]

    x, y = np.array([1.9, -1.9, 300, 1e9, np.nan], np.float32), np.zeros(5, dtype)
    simt.launch(kernel, 1, 5, x, y)
    assert y.tolist() == wanted


def test_store_of_a_float_into_integers_cuts_and_saturates():
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = x[i]

    x = np.array([1.9, -1.9, 3e9, -3e9, np.nan], np.float32)
    y = np.zeros(5, np.int32)
    simt.launch(kernel, 1, 5, x, y)
    assert y.tolist() == [1, -1, 2**31 - 1, -(2**31), 0]


@pytest.mark.parametrize(
    ("kind", "values", "negated", "inverted"),
    [("u1", [0, 1, 7], [0, 255, 249], [255, 254, 248]), ("u2", [0, 1, 7], [0, 65535, 65529], [65535, 65534, 65528]),
     ("u4", [0, 1, 7], [0, 2**32 - 1, 2**32 - 7], [2**32 - 1, 2**32 - 2, 2**32 - 8]),
     ("i1", [0, 1, -128], [0, -1, -128], [-1, -2, 127]), ("i4", [0, 1, -2**31], [0, -1, -2**31], [-1, -2, 2**31 - 1]),
     ("?", [False, True], [0, -1], [1, 0])])
def test_negation_and_inversion_are_narrow_and_then_widened(kind, values, negated, inverted):
    """numba-cuda's PTX: neg.s16 and `and.b64 255` for uint8, xor.b64 with 4294967295 for uint32."""
    def kernel(x, minus, flipped):
        i = cuda.grid(1)
        minus[i] = -x[i]
        flipped[i] = ~x[i]

    wide = np.uint64 if kind[0] == "u" else np.int64
    minus, flipped = np.zeros(len(values), wide), np.zeros(len(values), wide)
    assert simt.launch(kernel, 1, len(values), np.array(values, kind), minus, flipped).faults == []
    assert minus.tolist() == negated
    assert flipped.tolist() == inverted


TILE = 2


def test_powers_of_literals_are_pythons_and_of_names_are_integers():
    """numba-cuda's PTX stores 0.5 and 0: Python computes 2 ** -1 itself before Numba sees it."""
    def kernel(out):
        out[0] = 2 ** -1
        out[1] = TILE ** -1
        out[2] = 3 * 2 ** -2
        out[3] = 7 // -2

    out = np.ones(4)
    assert simt.launch(kernel, 1, 1, out).faults == []
    assert out.tolist() == [0.5, 0, 0.75, -4]


def sum_in_a_loop(x, out):
    i = cuda.grid(1)
    total = np.uint64(1)
    for k in range(3):
        total = total + x[i] + k
    out[i] = total


def sum_in_a_while(x, out):
    i = cuda.grid(1)
    total, k = np.uint64(4), 0
    while k < 3:
        total += x[i]
        k += 1
    out[i] = total


def key_on_two_paths(x, out):
    i = cuda.grid(1)
    if x[i] > 2:
        key = np.uint64(x[i])
    else:
        key = x[i]
    out[i] = key / 2


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [(sum_in_a_loop, [4, 7, 10, 13]), (sum_in_a_while, [4, 7, 10, 13]), (key_on_two_paths, [0, 0.5, 1, 1.5])])
def test_uint64_and_int64_in_one_variable_are_float64_and_told(kernel, expected):
    out = np.zeros(4)
    report = simt.launch(kernel, 1, 4, np.arange(4), out)
    assert out.tolist() == expected
    assert [f.kind for f in report.faults] == ["float64"]
    assert "Numba makes it float64, which holds integers up to 2**53 only" in report.faults[0].message


def test_shift_of_a_variable_that_became_float64_is_refused_as_numba_does():
    def kernel(x, out):
        total = np.uint64(1)
        for _ in range(3):
            total = total + x[0]
        out[0] = total >> 1

    with pytest.raises(simt.UnsupportedSyntax, match="<< and >> take integers, got float64"):
        simt.launch(kernel, 1, 1, np.arange(4), np.zeros(4))


def test_uint64_that_is_cast_back_is_left_alone():
    def kernel(x, out):
        i = cuda.grid(1)
        h = np.uint64(14695981039346656037)
        part = 0
        for _ in range(3):
            h = np.uint64(np.uint64(h ^ x[i]) * np.uint64(1099511628211))
            part = h >> np.uint64(5)
            if part > np.uint64(2):
                h = np.uint64(h ^ part)
        out[i] = h

    x, out = np.arange(4, dtype=np.uint64), np.zeros(4, np.uint64)
    assert simt.launch(kernel, 1, 4, x, out).faults == []
    for i in range(4):
        h = 14695981039346656037
        for _ in range(3):
            h = ((h ^ i) * 1099511628211) % 2**64
            h ^= (h >> 5) * ((h >> 5) > 2)
        assert int(out[i]) == h


def test_what_both_branches_replace_has_their_type():
    """Numba's variable of the two branches is float32; the integer that it was before means nothing."""
    def kernel(x, y, out):
        i = cuda.grid(1)
        best = 0
        if x[i] > y[i]:
            best = x[i]
        else:
            best = y[i]
        out[i] = best * best

    x, y = np.arange(4, dtype=np.float32), np.arange(4, dtype=np.float32)[::-1].copy()
    out = np.zeros(4, np.float32)
    assert simt.launch(kernel, 1, 4, x, y, out).faults == []
    assert out.tolist() == [9, 4, 4, 9]
