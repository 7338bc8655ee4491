"""The known mistakes of a wrong kernel: each, computed by loops, is named, beside no other that is not the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minidl.backends import table
from minidl.ops.op import of_form
from minidl.testing.kernels.mistakes import ANOTHER, Evidence, recognised
from minidl.testing.kernels.window_mistakes import of_windows

RNG = np.random.default_rng(3)


def f(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def softmaxed(row):
    total = sum(math.exp(v - max(row)) for v in row)
    return [math.exp(v - max(row)) / total for v in row]


def by_rows(function, *arrays):
    """A function of rows, and of where each stands, as an array."""
    return np.array([function(*rows) for rows in zip(*(a.tolist() for a in arrays), strict=True)], np.float32)


def named(kernel, arrays, static, expected, got):
    names = [f"input{k}" for k in range(len(arrays))]
    return recognised(Evidence(kernel, tuple(arrays), static, names, np.float32(expected), np.float32(got)))


def assert_named(kernel, arrays, static, expected, got, sentence):
    sentences, certain = named(kernel, arrays, static, expected, got)
    assert certain and [said for said in sentences if said.startswith(sentence)], sentences
    assert len(sentences) <= 2, sentences


# -- rows --------------------------------------------------------------------------------------------------------------

X, DY = f(4, 5) + np.float32([[0.3], [-0.2], [1.1], [0.4]]), f(4, 5)
Y = by_rows(softmaxed, X)
LOG = by_rows(lambda row: [math.log(p) for p in softmaxed(row)], X)
DX = by_rows(
    lambda dy, y: [q * (d - sum(a * b for a, b in zip(dy, y, strict=True))) for d, q in zip(dy, y, strict=True)], DY, Y
)
DX_OF_LOG = by_rows(lambda dy, y: [d - math.exp(q) * sum(dy) for d, q in zip(dy, y, strict=True)], DY, LOG)
ALL = sum(math.exp(v - max(row)) for row in X.tolist() for v in row)
FAR = X - np.float32([[0], [300], [0], [0]])
DOTS = (DY * Y).sum(1, keepdims=True)


def dot(dy, y):
    return sum(a * b for a, b in zip(dy, y, strict=True))


SOFTMAX = [
    ("exp(x) is not divided", X, by_rows(lambda row: [math.exp(v) for v in row], X)),
    ("exp(x) is not divided", X, by_rows(lambda row: [math.exp(v - max(row)) for v in row], X)),
    ("the sums run down the columns", X, by_rows(softmaxed, X.T).T),
    ("the sum runs over all rows", X, by_rows(lambda row: [math.exp(v - max(row)) / ALL for v in row], X)),
    ("the sum runs over all rows", X, np.array(softmaxed(X.ravel().tolist()), np.float32).reshape(X.shape)),
    ("the exponential is missing", X, by_rows(lambda row: [v / sum(row) for v in row], X)),
    ("the row's largest is subtracted above", X,
     by_rows(lambda row: [math.exp(v - max(row)) / sum(map(math.exp, row)) for v in row], X)),
    ("the row's largest is subtracted in the sum", X,
     by_rows(lambda row: [math.exp(v) / sum(math.exp(u - max(row)) for u in row) for v in row], X)),
    ("the row's largest starts from 0", FAR,
     by_rows(lambda row: softmaxed(row) if max(row) > -99 else [math.nan] * len(row), FAR)),
]  # fmt: skip
LOG_SOFTMAX = [
    ("the logarithm of the row's sum is missing", by_rows(lambda row: [v - max(row) for v in row], X)),
    ("the row's largest is not subtracted again",
     by_rows(lambda row: [v - math.log(sum(math.exp(u - max(row)) for u in row)) for v in row], X)),
    ("the logarithm is missing",
     by_rows(lambda row: [v - max(row) - sum(math.exp(u - max(row)) for u in row) for v in row], X)),
    ("the sums run down the columns", np.log(by_rows(softmaxed, X.T).T)),
    ("the sum runs over all rows", by_rows(lambda row: [v - max(row) - math.log(ALL) for v in row], X)),
]  # fmt: skip
SOFTMAX_BACKWARD = [
    ("this is the diagonal alone", by_rows(lambda d, y: [a * b * (1 - b) for a, b in zip(d, y, strict=True)], DY, Y)),
    ("the row's sum of dy y is missing", by_rows(lambda d, y: [a * b for a, b in zip(d, y, strict=True)], DY, Y)),
    ("the sum of dy alone", by_rows(lambda d, y: [b * (a - sum(d)) for a, b in zip(d, y, strict=True)], DY, Y)),
    ("the factor y in front", by_rows(lambda d, y: [a - dot(d, y) for a in d], DY, Y)),
    ("the sum is added", by_rows(lambda d, y: [b * (a + dot(d, y)) for a, b in zip(d, y, strict=True)], DY, Y)),
    ("the sum is divided", by_rows(lambda d, y: [b * (a - dot(d, y) / 5) for a, b in zip(d, y, strict=True)], DY, Y)),
    ("the sums run down the columns",
     by_rows(lambda d, y: [b * (a - dot(d, y)) for a, b in zip(d, y, strict=True)], DY.T, Y.T).T),
    ("the sum runs over all rows",
     by_rows(lambda d, y: [b * (a - float(DOTS.sum())) for a, b in zip(d, y, strict=True)], DY, Y)),
    ("softmax is applied once more",
     by_rows(lambda d, y: [p * (a - dot(d, softmaxed(y))) for a, p in zip(d, softmaxed(y), strict=True)], DY, Y)),
    ("this is dy itself", DY),
]  # fmt: skip
LOG_SOFTMAX_BACKWARD = [
    ("y is a logarithm here", by_rows(lambda d, y: [a - b * sum(d) for a, b in zip(d, y, strict=True)], DY, LOG)),
    ("the row's sum of dy is missing", by_rows(lambda d, p: [a - b for a, b in zip(d, p, strict=True)], DY, Y)),
    ("the row's sum of dy is missing", by_rows(lambda d, p: [a - b * a for a, b in zip(d, p, strict=True)], DY, Y)),
    ("the factor exp(y) is missing", by_rows(lambda d, p: [a - sum(d) for a in d], DY, Y)),
    ("the sum is of dy alone", by_rows(lambda d, p: [a - b * dot(d, p) for a, b in zip(d, p, strict=True)], DY, Y)),
    ("this is the backward of softmax",
     by_rows(lambda d, y: [b * (a - dot(d, y)) for a, b in zip(d, y, strict=True)], DY, LOG)),
    ("this is the backward of softmax",
     by_rows(lambda d, p: [b * (a - dot(d, p)) for a, b in zip(d, p, strict=True)], DY, Y)),
    ("the sum is divided", by_rows(lambda d, p: [a - b * sum(d) / 5 for a, b in zip(d, p, strict=True)], DY, Y)),
    ("the sums run down the columns",
     by_rows(lambda d, p: [a - b * sum(d) for a, b in zip(d, p, strict=True)], DY.T, Y.T).T),
    ("this is dy itself", DY),
]  # fmt: skip
ROWS = [
    *(("softmax", (x,), by_rows(softmaxed, x), got, said) for said, x, got in SOFTMAX),
    *(("log_softmax", (X,), LOG, got, said) for said, got in LOG_SOFTMAX),
    *(("softmax_backward", (DY, Y), DX, got, said) for said, got in SOFTMAX_BACKWARD),
    *(("log_softmax_backward", (DY, LOG), DX_OF_LOG, got, said) for said, got in LOG_SOFTMAX_BACKWARD),
]  # fmt: skip


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("kernel, arrays, expected, got, said", ROWS, ids=[f"{r[0]}-{r[-1][:30]}" for r in ROWS])
def test_mistakes_of_softmax_are_named(kernel, arrays, expected, got, said, axis):
    def turned(a):
        return a if axis else np.ascontiguousarray(a.T)

    assert_named(kernel, [turned(a) for a in arrays], {"axis": axis}, turned(expected), turned(got), said)


# -- sums of rows ------------------------------------------------------------------------------------------------------

LONG = f(3, 100)
LONG[:, 0] += 2
REDUCE = {"reduce_sum": sum, "reduce_mean": lambda terms: sum(terms) / 100, "reduce_max": max, "reduce_min": min}


def parts(size):
    """What is left of each row's terms, with what is said of it."""
    return [
        (f"only the first of {size} partial", lambda row: row[::size]),
        (f"only the last of {size} partial", lambda row: row[size - 1 :: size]),
        (f"only the first warp's part of {size}", lambda row: [v for k, v in enumerate(row) if k % size < 32]),
        (f"only every second of {size}", lambda row: [v for k, v in enumerate(row) if k % size % 2 == 0]),
        (f"only the first half of {size}", lambda row: [v for k, v in enumerate(row) if k % size < size // 2]),
        (f"only the first {size} terms", lambda row: row[:size]),
    ]


LEFT_OUT = [
    *(part for size in (32, 64, 128) for part in parts(size) if 0 < len(part[1](range(100))) < 100),
    ("the first term of each", lambda row: row[1:]),
    ("the last term", lambda row: row[:-1]),
]
SUMS = [
    ("the first term of each sum is there twice", lambda row: [*row, row[0]]),
    ("only the last term of each sum", lambda row: row[-1:]),
    ("only the first term of each sum", lambda row: row[:1]),
    ("only the first 8 terms of each sum", lambda row: row[:8]),
    ("only the first 16 terms of each sum", lambda row: row[:16]),
    ("only the last tile of 8 terms", lambda row: row[96:]),
    ("only the last tile of 64 terms", lambda row: row[64:]),
    ("the last 4 terms are missing", lambda row: row[:96]),
    ("the last 36 terms are missing", lambda row: row[:64]),
    ("these are sums of absolute values", lambda row: [abs(v) for v in row]),
    ("these are sums of squares", lambda row: [v * v for v in row]),
    ("this is lane 31's own part", lambda row: row[31::32]),
    ("this is lane 31's own part", lambda row: [32 * v for v in row[31::32]]),
]  # fmt: skip


@pytest.mark.parametrize("kernel", REDUCE)
@pytest.mark.parametrize("said, of", [*LEFT_OUT, *SUMS], ids=[s for s, _ in (*LEFT_OUT, *SUMS)])
def test_mistakes_of_reductions_are_named(kernel, said, of):
    adds = kernel in ("reduce_sum", "reduce_mean")
    if not adds and (said, of) in SUMS:
        return  # a row without a sum has no such mistake
    x, reduce = LONG.copy(), REDUCE[kernel]
    if not adds:  # the one that matters is the first that is left out
        place = min({*range(100)} - {*of([*range(100)])})
        x[:, place] = (1 if kernel == "reduce_max" else -1) * np.float32([9, 7, 8])
    expected, got = [reduce(row) for row in x.tolist()], [reduce(of(row)) for row in x.tolist()]
    sentences, certain = named(kernel, [x], {"axes": 1}, expected, got)
    assert certain and any(said in found for found in sentences), sentences
    moved, _ = named(kernel, [np.ascontiguousarray(x.T)], {"axes": (0,)}, expected, got)
    assert moved == sentences


@pytest.mark.parametrize("by", [3, 99, 101, 128, 300])
def test_a_sum_that_is_divided_by_a_wrong_count_names_both(by):
    total = LONG.sum(1)
    said = f"each sum is divided by {by}; the right count of its terms is 100"
    assert said in named("reduce_sum", [LONG], {"axes": 1}, total, total / by)[0]
    assert named("reduce_mean", [LONG], {"axes": 1}, total / 100, total / by)[0] == [said]


def test_a_sum_for_a_mean_and_a_mean_for_a_sum_are_named():
    total = LONG.sum(1)
    sentences, _ = named("reduce_sum", [LONG], {"axes": 1}, total, total / 100)
    assert sentences[0] == "the sum is divided by the count of its terms: that would be the mean"  # then by 99, by 101
    assert_named("reduce_mean", [LONG], {"axes": 1}, total / 100, total, "the sum is not divided by the count")


def test_a_row_that_is_walked_down_its_columns_is_named():
    x = f(4, 6)
    got = [sum(x.ravel()[row + 4 * k] for k in range(6)) for row in range(4)]
    assert_named("reduce_sum", [x], {"axes": 1}, x.sum(1), got, "x is walked down its columns")
    assert_named("reduce_mean", [x], {"axes": 1}, x.mean(1), np.array(got) / 6, "x is walked down its columns")


# -- products ----------------------------------------------------------------------------------------------------------

A, B = f(7, 20), f(20, 9)


def product(a, b, terms=range(20)):
    return np.array([[sum(a[i, k] * b[k, j] for k in terms) for j in range(b.shape[1])] for i in range(a.shape[0])])


def read_transposed(a):
    """The cells of memory as somebody reads them who takes the array for one of the other order."""
    rows, columns = a.shape
    return np.array([[a.ravel()[i + rows * k] for k in range(columns)] for i in range(rows)])


PRODUCTS = [
    ("only the last term", product(A, B, [19])),
    ("the first term of each sum is missing", product(A, B, range(1, 20))),
    ("only the first term of each sum", product(A, B, [0])),
    ("the last term is missing", product(A, B, range(19))),
    ("the last 4 terms are missing", product(A, B, range(16))),
    ("only the first 8 terms", product(A, B, range(8))),
    ("only the last tile of 8", product(A, B, range(16, 20))),
    ("each sum has 7 terms, as many as there are rows of a", product(A, B, range(7))),
    ("each sum has 9 terms, as many as there are columns of b", product(A, B, range(9))),
    ("a and b are added", [[sum(A[i, k] + B[k, j] for k in range(20)) for j in range(9)] for i in range(7)]),
    ("this is the product with a read", product(read_transposed(A), B)),
    ("this is the product with b read", product(A, read_transposed(B))),
    ("this is the product with a and b read", product(read_transposed(A), read_transposed(B))),
]


@pytest.mark.parametrize("said, got", PRODUCTS, ids=[said for said, _ in PRODUCTS])
def test_mistakes_of_products_are_named(said, got):
    assert_named("gemm", [A, B], {}, product(A, B), got, said)
    again = [np.stack([a, a]) for a in (A, B, np.float32(product(A, B)), np.float32(got))]
    assert_named("batched_gemm", again[:2], {}, *again[2:], said)


@pytest.mark.parametrize("who", [0, 1])
def test_the_first_of_a_batch_for_all_is_named(who):
    batch = [f(3, 4, 5), f(3, 5, 2)]
    given = [np.stack([a[0]] * 3) if k == who else a for k, a in enumerate(batch)]
    got = np.stack([a @ b for a, b in zip(*given, strict=True)])
    right = np.stack([a @ b for a, b in zip(*batch, strict=True)])
    assert_named("batched_gemm", batch, {}, right, got, f"this is the product with the first of {'ab'[who]!r}")


@pytest.mark.parametrize("kernel", ["gemm", "reduce_sum"])
def test_sums_that_go_on_from_the_one_before_are_named(kernel):
    x, b = f(4, 6), f(6, 5)
    right = x @ b if kernel == "gemm" else x.sum(1)
    got = [[sum(right[i, : j + 1]) for j in range(5)] for i in range(4)] if kernel == "gemm" else np.cumsum(right)
    given = ([x, b], {}) if kernel == "gemm" else ([x], {"axes": 1})
    assert_named(kernel, *given, right, got, f"each sum goes on from the one before it along axis {right.ndim - 1}")


# -- slopes, pairs, settings -------------------------------------------------------------------------------------------

UP, KEPT = f(40), np.abs(f(40)) + np.float32(0.25)
KEPT[::3] *= -1
KEPT[::7] = 0
SLOPE = [1.0 if k > 0 else 0.0 for k in KEPT.tolist()]
RELU = [d * s for d, s in zip(UP.tolist(), SLOPE, strict=True)]
SLOPES = [
    ("this is dy itself", UP),
    ("dy and the slope are added", UP + SLOPE),
    ("the sign of dy decides", [max(d, 0) for d in UP.tolist()]),
    ("dx passes on the other side", [d if k <= 0 else 0 for d, k in zip(UP.tolist(), KEPT.tolist(), strict=True)]),
    ("where kept is 0 the unit was off", [d if k >= 0 else 0 for d, k in zip(UP.tolist(), KEPT.tolist(), strict=True)]),
    ("the slope is taken times kept", [d * max(k, 0) for d, k in zip(UP.tolist(), KEPT.tolist(), strict=True)]),
    ("dy is left out", SLOPE),
    ("this is kept itself", KEPT),
]


@pytest.mark.parametrize("said, got", SLOPES, ids=[said for said, _ in SLOPES])
def test_mistakes_of_slopes_are_named(said, got):
    assert_named("relu_backward", [UP, KEPT], {}, RELU, got, said)


P = np.abs(Y.ravel()[:20])
OF_SIGMOID = [
    ("this is dy kept", [d * p for d, p in zip(UP[:20].tolist(), P.tolist(), strict=True)]),
    ("this is dy / kept", [d / p for d, p in zip(UP[:20].tolist(), P.tolist(), strict=True)]),
    ("this is dy (1 - kept)", [d * (1 - p) for d, p in zip(UP[:20].tolist(), P.tolist(), strict=True)]),
    ("the right slope, times kept once too often",
     [d * p * (1 - p) * p for d, p in zip(UP[:20].tolist(), P.tolist(), strict=True)]),
    ("sigmoid is applied once more to kept",
     [d * s * (1 - s) for d, s in zip(UP[:20].tolist(), (1 / (1 + math.exp(-p)) for p in P.tolist()), strict=True)]),
    ("dy is left out", [p * (1 - p) for p in P.tolist()]),
]  # fmt: skip


@pytest.mark.parametrize("said, got", OF_SIGMOID, ids=[said for said, _ in OF_SIGMOID])
def test_mistakes_of_a_slope_of_what_was_kept_are_named(said, got):
    assert_named("sigmoid_backward", [UP[:20], P], {}, UP[:20] * P * (1 - P), got, said)


LEFT, RIGHT = f(30), np.abs(f(30)) + np.float32(0.5)
PAIRS = [
    ("subtract", LEFT - RIGHT, RIGHT - LEFT, "a and b have changed places: this is b - a"),
    ("divide", LEFT / RIGHT, RIGHT / LEFT, "a and b have changed places: this is b / a"),
    ("divide", LEFT / RIGHT, [math.floor(a / b) for a, b in zip(LEFT.tolist(), RIGHT.tolist(), strict=True)],
     "this is a // b"),
    ("mod", [a % b for a, b in zip(LEFT.tolist(), RIGHT.tolist(), strict=True)],
     [math.fmod(a, b) for a, b in zip(LEFT.tolist(), RIGHT.tolist(), strict=True)], "this is math.fmod"),
]  # fmt: skip


@pytest.mark.parametrize("kernel, expected, got, said", PAIRS, ids=[f"{p[0]}-{p[-1]}" for p in PAIRS])
def test_mistakes_of_pairs_are_named(kernel, expected, got, said):
    assert_named(kernel, [LEFT, RIGHT], {}, expected, got, said)


@pytest.mark.parametrize("bound, other", [("low", "high"), ("high", "low")])
def test_a_bound_that_is_never_applied_is_named(bound, other):
    x = f(40)
    got = [max(v, -0.5) if bound == "low" else min(v, 0.4) for v in x.tolist()]
    said = f"x is held to {bound} alone, and {other} is never applied"
    assert_named("clip", [x], {"low": -0.5, "high": 0.4}, np.clip(x, -0.5, 0.4), got, said)


def normal(row, epsilon=1e-3, *, more=0.0, power=0.5, by=None, subtract=True, around=True):
    """A row normalized, with or without one mistake."""
    mean = sum(row) / len(row)
    variance = sum((v - mean * around) ** 2 for v in row) / (by or len(row))
    return [(v - mean * subtract) / ((variance + epsilon) ** power + more) for v in row]


EPSILON = 0.125
NORMALS = [
    ("the square root is missing", {"power": 1}),
    ("epsilon stands outside", {"epsilon": 0, "more": EPSILON}),
    ("epsilon is left out", {"epsilon": 0}),
    ("the variance is divided by one less", {"by": 5}),
    ("the variance is not divided", {"by": 1}),
    ("the mean is not subtracted", {"subtract": False}),
    ("the mean is not subtracted in the variance", {"around": False}),
    ("x is not divided", {"power": 0}),
]
N_X, GAMMA, BETA = f(4, 6) + 1, f(6), f(6)


@pytest.mark.parametrize("kernel", ["layer_norm", "batch_norm"])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("said, options", NORMALS, ids=[said for said, _ in NORMALS])
def test_mistakes_of_normalizations_are_named(kernel, said, options, scaled):
    x = N_X if kernel == "layer_norm" else np.ascontiguousarray(N_X.T)
    gamma, beta = (GAMMA, BETA) if kernel == "layer_norm" else (f(4), f(4))

    def result(**options):
        made = by_rows(lambda row: normal(row, **{"epsilon": EPSILON} | options), N_X)
        made = made if kernel == "layer_norm" else made.T
        return made * gamma + beta if scaled else made

    assert_named(
        kernel, [x, gamma, beta] if scaled else [x, None, None], {"epsilon": EPSILON}, result(), result(**options), said
    )
    if not scaled:  # what is kept for the backward
        assert_named(kernel, [x, gamma, beta], {"epsilon": EPSILON}, result(), result(**options), said)


def test_beta_that_gamma_multiplies_is_named():
    right = by_rows(normal, N_X)
    assert_named(
        "layer_norm", [N_X, GAMMA, BETA], {}, right * GAMMA + BETA, (right + BETA) * GAMMA, "beta is added before"
    )


IDS = np.array([3, 0, 2, 3, 1, 3], np.int32)
TABLE, D_ROWS = f(5, 4), f(6, 4)


def gathered(step, clip):
    rows = [int(i) + step for i in IDS]
    return np.stack([TABLE[min(max(r, 0), 4) if clip else r % 5] for r in rows])


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("step, said", [(1, "each id takes the row after"), (-1, "each id takes the row before")])
def test_rows_beside_an_id_are_named(step, said, clip):
    assert_named("embedding", [IDS, TABLE], {}, TABLE[IDS], gathered(step, clip), said)


@pytest.mark.parametrize("order, which", [(1, "last"), (-1, "first")])
def test_a_gradient_that_is_assigned_where_it_is_to_be_added_is_named(order, which):
    alone, right = np.zeros((5, 4)), np.zeros((5, 4))
    for k in range(6)[::order]:
        alone[IDS[k]] = D_ROWS[k]
        right[IDS[k]] += D_ROWS[k]
    said = f"an id that occurs several times gets dy of the {which}"
    assert_named("embedding_backward", [D_ROWS, IDS], {}, right, alone, said)


def test_arrays_in_the_opposite_order_and_images_laid_again_are_named():
    a, b = f(3, 2), f(3, 4)
    right, wrong = np.concatenate([a, b], 1), np.concatenate([b, a], 1)
    assert_named("concatenate", [a, b], {"axis": 1}, right, wrong, "the arrays are put one after the other")
    x = f(2, 3, 4, 2)
    right = np.array([[[x[n, i // 2, j // 3] for j in range(12)] for i in range(6)] for n in range(2)])
    wrong = np.array([[[x[n, i % 3, j % 4] for j in range(12)] for i in range(6)] for n in range(2)])
    assert_named("upsample2d", [x], {"size": (2, 3)}, right, wrong, "the image is laid out again and again")


@pytest.mark.parametrize("kernel, other", [(a, b) for a, family in ANOTHER.items() for b in family if a != b][::5])
def test_another_kernel_of_the_family_is_named(kernel, other):
    """Of kernels that take the same arrays; every fifth pair of them."""
    x = np.abs(f(6, 4)) + np.float32(0.3)
    if "pool" in kernel:
        arrays, static = [f(2, 4, 4, 2)], {"pool_size": (2, 2), "strides": (2, 2)}
    elif "mean_" in kernel:
        arrays, static = [f(6, 4), f(6, 4)], {}
    else:
        arrays, static = [x, f(6, 4)] if kernel in of_form("pair") else [x], {}
        static = {"axes": 1} if kernel.startswith("reduce") else static

    def run(name):
        return table.load(name, "numpy", "forward")(*arrays, **(static if name != "power" else {"exponent": 3.0}))[0]

    if {"power", "negative"} & {kernel, other}:
        return  # one needs an exponent, the other is a multiple
    if np.allclose(run(kernel), run(other)):
        return  # on these numbers they are the same
    sentences, _ = named(kernel, arrays, static, run(kernel), run(other))
    assert sentences, (kernel, other)


def test_a_kernel_of_another_family_than_windows_has_no_window_mistakes():
    assert list(of_windows("relu", [X], {}, X)) == []
