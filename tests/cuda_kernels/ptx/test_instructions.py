"""Each instruction form against its meaning in the PTX ISA, computed in Python: by fractions, by integers, by loops."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cuda_kernels.ptx import PtxError, running
from cuda_kernels.ptx.native import Native, translate

HEAD = (
    ".version 9.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry test(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 out)\n"
)
DTYPES = {"f32": np.float32, "f64": np.float64, "s32": np.int32, "u32": np.uint32, "b32": np.uint32, "s64": np.int64,
          "u64": np.uint64, "b64": np.uint64, "s16": np.int16, "u16": np.uint16, "s8": np.int8, "u8": np.uint8,
          "b16": np.uint16}  # fmt: skip


def run(instruction: str, result: str, *operands: tuple[str, Any]) -> np.ndarray:
    """Run one instruction on every element: "%d" is its result, "%a", "%b", "%c" its operands of the types given."""
    count = len(operands[0][1])
    block = max(n for n in range(1, 1025) if count % n == 0)  # a thread an element, and none beyond
    registers, loads, arrays = [], [], []
    for name, (kind, values) in zip("abc", operands, strict=False):
        width = np.dtype(DTYPES[kind]).itemsize
        space = {1: ".b16", 2: ".b16", 4: ".f32" if kind == "f32" else ".b32", 8: ".f64" if kind == "f64" else ".b64"}[
            width
        ]
        registers.append(f".reg {space} %{name}<2>;")
        loads.append(
            f"ld.param.u64 %p1, [{name}]; mad.lo.u64 %p1, %i1, {width}, %p1; ld.global.{kind} %{name}1, [%p1];"
        )
        arrays.append(np.ascontiguousarray(np.asarray(values).astype(DTYPES[kind])))
    width = np.dtype(DTYPES[result]).itemsize
    space = {1: ".b16", 2: ".b16", 4: ".f32" if result == "f32" else ".b32", 8: ".f64" if result == "f64" else ".b64"}[
        width
    ]
    body = instruction.replace("%d", "%d1")
    for name in "abc":
        body = body.replace(f"%{name}", f"%{name}1")
    text = (
        HEAD
        + "{\n"
        + f".reg {space} %d<2>; "
        + " ".join(registers)
        + " .reg .b64 %p<2>; .reg .b64 %i<2>; .reg .b32 %t<4>; "
        ".reg .pred %q<3>;\n"
        "mov.u32 %t1, %ctaid.x; mov.u32 %t2, %ntid.x; mov.u32 %t3, %tid.x; mad.lo.u32 %t1, %t1, %t2, %t3; "
        "cvt.u64.u32 %i1, %t1;\n" + "\n".join(loads) + f"\n{body}\n"
        f"ld.param.u64 %p1, [out]; mad.lo.u64 %p1, %i1, {width}, %p1; st.global.{result} [%p1], %d1; ret;\n}}\n"
    )
    found = np.zeros(count, DTYPES[result])
    empty = [np.zeros(1, np.int64)] * (3 - len(arrays))
    native = Native(translate(text, checked=False, level=1))
    words = [np.uint64(x.ctypes.data) for x in (*arrays, *empty, found)]
    running.run(native, -(-count // block), block, words, threads=1)
    return found


def pairs(values: Any) -> tuple[Any, Any]:
    """All pairs of these values."""
    a, b = zip(*itertools.product(values, values), strict=True)
    return list(a), list(b)


SINGLES = np.array(
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1.5,
        -2.5,
        3.0e38,
        -3.0e38,
        1e-45,
        -1e-45,
        1.1754942e-38,
        1.17549435e-38,
        np.inf,
        -np.inf,
        np.nan,
        0.1,
        1 / 3,
        16777215.0,
        16777216.0,
        7.0,
        -200.0,
        88.7,
        -104.0,
    ],
    np.float32,
)
INTEGERS = [0, 1, -1, 2, -2, 7, -7, 31, 32, 33, 63, 64, 1000, 2**31 - 1, -(2**31), 65535, 65536, 0x12345678]
WIDE = [*INTEGERS, 2**63 - 1, -(2**63), 2**32, -(2**32) - 5]


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal bit for bit, but any NaN is as good as another."""
    expected = np.asarray(expected, found.dtype)
    if found.dtype.kind == "f":
        nan = np.isnan(expected)
        np.testing.assert_array_equal(np.isnan(found), nan)
        bits = f"u{found.itemsize}"
        found, expected = np.where(nan, 0, found.view(bits)), np.where(nan, 0, expected.view(bits))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div.rn"])
def test_float_arithmetic_rounds_to_nearest(name: str, kind: str) -> None:
    a, b = pairs(SINGLES)
    x, y = np.array(a, DTYPES[kind]), np.array(b, DTYPES[kind])
    with np.errstate(all="ignore"):
        expected = {"add": x + y, "sub": x - y, "mul": x * y, "div.rn": x / y}[name]
    same(run(f"{name}.{kind} %d, %a, %b;", kind, (kind, x), (kind, y)), expected)


def to_float32(exact: Fraction, mode: str) -> np.float32:
    """A fraction rounded to float32 as `mode` says: by looking at the number below and the number above."""
    near = np.float32(0)
    if exact:
        near = np.float32(float(exact))  # within one number of the right one
    candidates = sorted(
        {float(np.nextafter(near, np.float32(-np.inf))), float(near), float(np.nextafter(near, np.float32(np.inf)))}
    )
    finite = [c for c in candidates if math.isfinite(c)]
    below = [c for c in finite if Fraction(c) <= exact]
    above = [c for c in finite if Fraction(c) >= exact]
    if mode == ".rm":
        return np.float32(max(below)) if below else np.float32(-np.inf)
    if mode == ".rp":
        return np.float32(min(above)) if above else np.float32(np.inf)
    return np.float32(max(below) if exact > 0 else min(above))


@pytest.mark.parametrize("mode", [".rm", ".rp", ".rz"])
def test_fma_and_add_round_down_up_and_toward_zero(mode: str) -> None:
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=300).astype(np.float32) * 10.0 ** rng.integers(-3, 4, 300) for _ in range(3))
    a, b, c = (v.astype(np.float32) for v in (a, b, c))
    c[:60] = np.float32(12582913.0)
    a[60:120], b[60:120] = 1.0, -c[60:120] * np.float32(1 + 2**-20)  # sums that nearly cancel
    exact = [Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)) for x, y, z in zip(a, b, c, strict=True)]
    keep = [k for k, e in enumerate(exact) if e != 0]
    expected = np.array([to_float32(exact[k], mode) for k in keep])
    found = run(f"fma{mode}.f32 %d, %a, %b, %c;", "f32", ("f32", a), ("f32", b), ("f32", c))
    same(found[keep], expected)
    sums = [Fraction(float(x)) + Fraction(float(y)) for x, y in zip(a, c, strict=True)]
    keep = [k for k, e in enumerate(sums) if e != 0]
    found = run(f"add{mode}.f32 %d, %a, %b;", "f32", ("f32", a), ("f32", c))
    same(found[keep], np.array([to_float32(sums[k], mode) for k in keep]))


def test_fma_has_one_rounding() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 500)).astype(np.float32)
    c = -(a * b)
    exact = [
        float(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))) for x, y, z in zip(a, b, c, strict=True)
    ]
    same(run("fma.rn.f32 %d, %a, %b, %c;", "f32", ("f32", a), ("f32", b), ("f32", c)), np.array(exact, np.float32))


def minimum(x: float, y: float, nan: bool, sign: int) -> float:
    """The rule of section 9.7.3.11 for min (sign 1) and max (sign -1), case by case."""
    if math.isnan(x) or math.isnan(y):
        return math.nan if nan or (math.isnan(x) and math.isnan(y)) else (y if math.isnan(x) else x)
    if x == y == 0:
        negative = [math.copysign(1, v) < 0 for v in (x, y)]
        return -0.0 if (any(negative) if sign > 0 else all(negative)) else 0.0
    return min(x, y) if sign > 0 else max(x, y)


@pytest.mark.parametrize("nan", ["", ".NaN"])
@pytest.mark.parametrize("name", ["min", "max"])
def test_extremes_leave_nan_out_and_order_zeros(name: str, nan: str) -> None:
    a, b = pairs(SINGLES)
    expected = [minimum(float(x), float(y), bool(nan), 1 if name == "min" else -1) for x, y in zip(a, b, strict=True)]
    same(run(f"{name}{nan}.f32 %d, %a, %b;", "f32", ("f32", a), ("f32", b)), np.array(expected, np.float32))


def test_flush_saturate_negate_absolute_copysign() -> None:
    x = SINGLES
    with np.errstate(all="ignore"):
        flushed = np.where(np.abs(x) < np.float32(2.0**-126), np.copysign(np.float32(0), x), x)
        same(run("mul.ftz.f32 %d, %a, 0f3F800000;", "f32", ("f32", x)), flushed)
        same(
            run("cvt.sat.f32.f32 %d, %a;", "f32", ("f32", x)),
            np.where(np.isnan(x), 0, np.clip(x, 0, 1)) + np.float32(0),
        )
    same(run("neg.f32 %d, %a;", "f32", ("f32", x)), -x)
    same(run("abs.f32 %d, %a;", "f32", ("f32", x)), np.abs(x))
    a, b = pairs(SINGLES[:14])
    same(run("copysign.f32 %d, %a, %b;", "f32", ("f32", a), ("f32", b)), np.copysign(np.float32(b), np.float32(a)))


FUNCTIONS: dict[str, tuple[Callable[[float], float], float]] = {
    "rcp.rn": (lambda x: 1 / x if x else math.copysign(math.inf, x), 0.51),
    "sqrt.rn": (lambda x: math.sqrt(x) if x >= 0 else math.nan, 0.51),
    "rsqrt.approx": (lambda x: (1 / math.sqrt(x) if x else math.copysign(math.inf, x)) if x >= 0 else math.nan, 2),
    "ex2.approx": (lambda x: 2.0**x if x < 1100 else math.inf, 2),
    "lg2.approx": (lambda x: (math.log2(x) if x > 0 else -math.inf) if x >= 0 else math.nan, 2),
    "sin.approx": (lambda x: math.sin(x) if math.isfinite(x) else math.nan, 2),
    "cos.approx": (lambda x: math.cos(x) if math.isfinite(x) else math.nan, 2),
    "tanh.approx": (math.tanh, 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_within_the_error_that_the_isa_allows(name: str) -> None:
    function, units = FUNCTIONS[name]
    x = np.concatenate([SINGLES[np.abs(SINGLES) < 1e30], SINGLES[~np.isfinite(SINGLES)], np.linspace(-40, 40, 101)])
    x = x.astype(np.float32)
    expected = np.array([math.nan if math.isnan(v) else function(float(v)) for v in x])
    expected = np.where(np.abs(expected) > 3.4028235e38, np.copysign(np.inf, expected), expected)
    found = run(f"{name}.f32 %d, %a;", "f32", ("f32", x)).astype(np.float64)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    whole = np.isfinite(expected)
    np.testing.assert_array_equal(found[~whole & ~np.isnan(expected)], expected[~whole & ~np.isnan(expected)])
    unit = np.maximum(np.spacing(np.abs(expected[whole]).astype(np.float32)).astype(np.float64), 1.5e-45)
    assert (np.abs(found[whole] - expected[whole]) <= units * unit).all()


def wrapped(value: int, kind: str) -> int:
    """An integer modulo 2^n, as this type shows it."""
    width = 8 * np.dtype(DTYPES[kind]).itemsize
    value %= 1 << width
    return value - (1 << width) if kind[0] == "s" and value >> width - 1 else value


def quotient(x: int, y: int) -> int:
    """Toward zero, as C divides."""
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


INTEGER = {
    "add": lambda x, y, w: x + y, "sub": lambda x, y, w: x - y, "mul.lo": lambda x, y, w: x * y,
    "mul.hi": lambda x, y, w: x * y >> w, "min": lambda x, y, w: min(x, y), "max": lambda x, y, w: max(x, y),
    "div": lambda x, y, w: quotient(x, y) if y else -1, "rem": lambda x, y, w: x - quotient(x, y) * y if y else x,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["s32", "u32", "s64", "u64"])
@pytest.mark.parametrize("name", INTEGER)
def test_integer_arithmetic_wraps(name: str, kind: str) -> None:
    a, b = pairs([wrapped(v, kind) for v in (WIDE if kind.endswith("64") else INTEGERS)])
    a, b = np.array(a, DTYPES[kind]), np.array(b, DTYPES[kind])
    width = int(kind[1:])
    expected = [wrapped(INTEGER[name](int(x), int(y), width), kind) for x, y in zip(a, b, strict=True)]
    same(run(f"{name}.{kind} %d, %a, %b;", kind, (kind, a), (kind, b)), np.array(expected, DTYPES[kind]))


def test_wide_products_and_sums_of_products() -> None:
    a, b = pairs(INTEGERS)
    x, y = np.array([wrapped(v, "s32") for v in a]), np.array([wrapped(v, "s32") for v in b])
    same(run("mul.wide.s32 %d, %a, %b;", "s64", ("s32", x), ("s32", y)), x * y)
    c = np.arange(len(x)) - 100
    same(run("mad.wide.s32 %d, %a, %b, %c;", "s64", ("s32", x), ("s32", y), ("s64", c)), x * y + c)
    total = [wrapped(int(p) * int(q) + int(r), "s32") for p, q, r in zip(x, y, c, strict=True)]
    same(run("mad.lo.s32 %d, %a, %b, %c;", "s32", ("s32", x), ("s32", y), ("s32", c)), np.array(total, np.int32))


def test_carries_go_from_one_word_to_the_next() -> None:
    a, b = pairs([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 0x123456789ABCDEF0])
    x, y = np.array(a, np.uint64), np.array(b, np.uint64)
    split = ".reg .b32 %r<9>; mov.b64 {%r1, %r2}, %a; mov.b64 {%r3, %r4}, %b; "
    for first, then, expected in (
        ("add.cc.u32 %r5, %r1, %r3;", "addc.u32 %r6, %r2, %r4;", x + y),
        ("sub.cc.u32 %r5, %r1, %r3;", "subc.u32 %r6, %r2, %r4;", x - y),
        ("mul.lo.u32 %r5, %r1, %r3; mov.u32 %r7, 0; mad.lo.cc.u32 %r8, %r1, %r3, 0;",
         "madc.hi.u32 %r6, %r1, %r3, %r7;", (x & 0xFFFFFFFF) * (y & 0xFFFFFFFF)),
    ):  # fmt: skip
        same(run(f"{split} {first} {then} mov.b64 %d, {{%r5, %r6}};", "b64", ("b64", x), ("b64", y)), expected)


@pytest.mark.parametrize("kind", ["b32", "s32", "u32", "b64", "s64", "u64"])
@pytest.mark.parametrize("name", ["shl", "shr"])
def test_shifts_by_the_width_and_more(name: str, kind: str) -> None:
    if name == "shl" and kind[0] != "b" or name == "shr" and kind[0] == "b":
        kind = "b" + kind[1:] if name == "shl" else "u" + kind[1:]
    values = [wrapped(v, kind) for v in (WIDE if kind.endswith("64") else INTEGERS)]
    amounts = [0, 1, 5, 31, 32, 33, 63, 64, 65, 2**31, 2**32 - 1]
    a, n = zip(*itertools.product(values, amounts), strict=True)
    width = int(kind[1:])
    expected = [
        wrapped(v << min(k, width) if name == "shl" else v >> min(k, width), kind) for v, k in zip(a, n, strict=True)
    ]
    found = run(f"{name}.{kind} %d, %a, %b;", kind, (kind, np.array(a, DTYPES[kind])), ("u32", np.array(n, np.uint32)))
    same(found, np.array(expected, DTYPES[kind]))


def test_bit_fields_permutations_and_counts() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 2**32, (2, 400), dtype=np.uint64)
    place, length = rng.integers(0, 40, 400), rng.integers(0, 40, 400)

    def inserted(x: int, y: int, p: int, n: int) -> int:
        for k in range(min(n, 32)):
            if p + k < 32:
                y = y & ~(1 << p + k) | (x >> k & 1) << p + k
        return y

    def extracted(x: int, p: int, n: int, signed: bool) -> int:
        bits = [
            x >> min(p + k, 31) & 1 if signed and p + k > 31 else (x >> p + k & 1 if p + k < 32 else 0)
            for k in range(min(n, 32))
        ]
        fill = (x >> min(p + n - 1, 31) & 1) if signed and n else 0
        bits += [fill] * (32 - len(bits))
        return sum(bit << k for k, bit in enumerate(bits))

    found = run("shr.u32 %c, %c, 0; bfi.b32 %d, %a, %b, %c, 9;", "b32", ("b32", a), ("b32", b), ("b32", place))
    same(found, np.array([inserted(int(x), int(y), int(p), 9) for x, y, p in zip(a, b, place, strict=True)], np.uint32))
    for kind in ("u32", "s32"):
        found = run(f"bfe.{kind} %d, %a, %b, %c;", "b32", ("b32", a), ("b32", place), ("b32", length))
        expected = [extracted(int(x), int(p), int(n), kind == "s32") for x, p, n in zip(a, place, length, strict=True)]
        same(found, np.array(expected, np.uint32))
    choice = rng.integers(0, 2**16, 400)

    def permuted(x: int, y: int, c: int) -> int:
        eight = struct.pack("<II", x, y)
        chosen = [eight[c >> 4 * k & 7] for k in range(4)]
        return int.from_bytes(
            bytes((255 if v >> 7 else 0) if c >> 4 * k & 8 else v for k, v in enumerate(chosen)), "little"
        )

    found = run("prmt.b32 %d, %a, %b, %c;", "b32", ("b32", a), ("b32", b), ("b32", choice))
    same(found, np.array([permuted(int(x), int(y), int(c)) for x, y, c in zip(a, b, choice, strict=True)], np.uint32))
    some = np.array([0, 1, 2**31, 2**32 - 1, *map(int, a[:30])], np.uint32)
    same(run("popc.b32 %d, %a;", "u32", ("b32", some)), np.array([int(v).bit_count() for v in some], np.uint32))
    same(run("clz.b32 %d, %a;", "u32", ("b32", some)), np.array([32 - int(v).bit_length() for v in some], np.uint32))
    same(
        run("brev.b32 %d, %a;", "b32", ("b32", some)),
        np.array([int(f"{int(v):032b}"[::-1], 2) for v in some], np.uint32),
    )
    table = 0xE8  # the majority of three bits
    majority = a & b | b & place.astype(np.uint64) | a & place.astype(np.uint64)
    same(
        run(f"lop3.b32 %d, %a, %b, %c, {table};", "b32", ("b32", a), ("b32", b), ("b32", place)),
        majority.astype(np.uint32),
    )


@pytest.mark.parametrize(
    "name", ["eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"]
)
def test_float_comparisons_know_nan(name: str) -> None:
    a, b = pairs(SINGLES)
    x, y = np.array(a), np.array(b)
    nan = np.isnan(x) | np.isnan(y)
    plain = {"eq": x == y, "ne": (x != y) & ~nan, "lt": x < y, "le": x <= y, "gt": x > y, "ge": x >= y}
    expected = nan if name == "nan" else ~nan if name == "num" else plain[name[:2]] | (nan if len(name) == 3 else False)
    found = run(f"setp.{name}.f32 %q1, %a, %b; selp.u32 %d, 1, 0, %q1;", "u32", ("f32", x), ("f32", y))
    same(found, expected.astype(np.uint32))


def test_predicates_join_and_guard() -> None:
    x = np.arange(-5, 6)
    text = (
        "setp.lt.s32 %q1, %a, 0; setp.gt.or.s32 %q2, %a, 3, %q1; "
        "mov.u32 %d, 7; @!%q2 mov.u32 %d, 9; @%q1 add.u32 %d, %d, 100;"
    )
    expected = np.where((x < 0) | (x > 3), 7, 9) + np.where(x < 0, 100, 0)
    same(run(text, "u32", ("s32", x)), expected.astype(np.uint32))


def test_conversions_clamp_round_and_extend() -> None:
    x = np.array(
        [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 3e9, -3e9, 5e9, -1.0, np.inf, -np.inf, np.nan, 1e-40], np.float32
    )

    def clamped(value: float, low: int, high: int) -> int:
        return 0 if math.isnan(value) else low if value < low else high if value > high else int(value)

    rounds = {
        "rni": lambda v: float(np.rint(v)),
        "rzi": lambda v: float(np.trunc(v)),
        "rmi": lambda v: float(np.floor(v)),
        "rpi": lambda v: float(np.ceil(v)),
    }
    for mode, rounding in rounds.items():
        for kind, low, high in (("s32", -(2**31), 2**31 - 1), ("u32", 0, 2**32 - 1)):
            expected = [clamped(rounding(v) if math.isfinite(v) else float(v), low, high) for v in x]
            same(run(f"cvt.{mode}.{kind}.f32 %d, %a;", kind, ("f32", x)), np.array(expected, DTYPES[kind]))
        same(run(f"cvt.{mode}.f32.f32 %d, %a;", "f32", ("f32", x)), np.array([rounding(v) for v in x], np.float32))
    n = np.array([wrapped(v, "s32") for v in INTEGERS], np.int32)
    same(run("cvt.s64.s32 %d, %a;", "s64", ("s32", n)), n.astype(np.int64))
    same(run("cvt.u64.u32 %d, %a;", "u64", ("u32", n.view(np.uint32))), n.view(np.uint32).astype(np.uint64))
    same(run("cvt.s32.s8 %d, %a;", "s32", ("s32", n)), n.astype(np.int8).astype(np.int32))
    same(run("cvt.sat.s8.s32 %d, %a;", "s8", ("s32", n)), np.clip(n, -128, 127).astype(np.int8))
    same(run("cvt.rn.f32.s32 %d, %a;", "f32", ("s32", n)), n.astype(np.float32))
    same(run("cvt.rn.f32.u32 %d, %a;", "f32", ("u32", n.view(np.uint32))), n.view(np.uint32).astype(np.float32))
    exact = [to_float32(Fraction(int(v)), ".rz") for v in n if v]
    same(run("cvt.rz.f32.s32 %d, %a;", "f32", ("s32", n[n != 0])), np.array(exact))
    d = np.array([0.1, 1e300, -1e300, 1e-50, np.nan, 16777217.0], np.float64)
    with np.errstate(over="ignore"):
        same(run("cvt.rn.f32.f64 %d, %a;", "f32", ("f64", d)), d.astype(np.float32))


def test_short_floats_round_ties_as_they_say() -> None:
    def near(value: float, bits: int, away: bool) -> float:
        """Rounded to so many bits of fraction, by fractions."""
        if value == 0 or not math.isfinite(value):
            return value
        exponent = max(math.frexp(value)[1] - 1, -126)
        unit = Fraction(2) ** (exponent - bits)
        steps = abs(Fraction(value)) / unit
        low = steps.numerator // steps.denominator
        rest = steps - low
        up = rest > Fraction(1, 2) or rest == Fraction(1, 2) and (away or low % 2 == 1)
        return math.copysign(float((low + up) * unit), value)

    rng = np.random.default_rng(3)
    words = rng.integers(0, 2**32, 3000, dtype=np.uint64).astype(np.uint32)
    words[::3] = words[::3] & ~np.uint32(0x1FFF) | np.uint32(0x1000)  # ties of tf32
    words[1::3] = words[1::3] & ~np.uint32(0xFFFF) | np.uint32(0x8000)  # ties of bf16
    x = words.view(np.float32)
    x = x[np.isfinite(x) & (np.abs(x) < 1e38)]
    found = run("cvt.rna.tf32.f32 %d, %a;", "b32", ("f32", x)).view(np.float32)
    same(found, np.array([near(float(v), 10, True) for v in x], np.float32))
    half = run("cvt.rn.bf16.f32 %d, %a;", "b16", ("f32", x))
    same((half.astype(np.uint32) << 16).view(np.float32), np.array([near(float(v), 7, False) for v in x], np.float32))
    both = run("cvt.rn.bf16x2.f32 %d, %a, %b;", "b32", ("f32", x), ("f32", x[::-1]))
    same((both & np.uint32(0xFFFF0000)).view(np.float32), np.array([near(float(v), 7, False) for v in x], np.float32))
    same(both & 0xFFFF, half[::-1].astype(np.uint32))


def test_what_has_no_meaning_is_refused_by_name_and_line() -> None:
    text = HEAD + "{ .reg .b32 %r<3>;\n.loc 1 41 0\ncp.async.ca.shared.global [%r1], [%r2], 16;\nret; }"
    with pytest.raises(PtxError, match=r"cp\.async.*line 41"):
        translate(text)


# ---- forms of the ladders' kernels that the tests above do not meet


@pytest.mark.parametrize("kind", ["b16", "b32", "b64"])
def test_logic_of_every_width(kind: str) -> None:
    a, b = pairs([wrapped(v, kind) for v in (WIDE if kind == "b64" else INTEGERS)])
    x, y = np.array(a, DTYPES[kind]), np.array(b, DTYPES[kind])
    for name, expected in (("and", x & y), ("or", x | y), ("xor", x ^ y)):
        same(run(f"{name}.{kind} %d, %a, %b;", kind, (kind, x), (kind, y)), expected)
    same(run(f"not.{kind} %d, %a;", kind, (kind, x)), ~x)
    same(run(f"mov.{kind} %d, %a;", kind, (kind, x)), x)
    same(run(f"setp.ne.{kind[0]}{kind[1:]} %q1, %b, 0; selp.{kind} %d, %a, %b, %q1;", kind, (kind, x), (kind, y)),
         np.where(y != 0, x, y))  # fmt: skip


def test_logic_of_predicates() -> None:
    x, y = np.array([0, 0, 1, 1], np.uint32), np.array([0, 1, 0, 1], np.uint32)
    given = "setp.ne.u32 %q1, %a, 0; setp.ne.u32 %q2, %b, 0; "
    for name, expected in (("and.pred %q1, %q1, %q2", x & y), ("or.pred %q1, %q1, %q2", x | y),
                           ("xor.pred %q1, %q1, %q2", x ^ y), ("not.pred %q1, %q2", 1 - y),
                           ("mov.pred %q1, %q2", y)):  # fmt: skip
        same(run(f"{given} {name}; selp.u32 %d, 1, 0, %q1;", "u32", ("u32", x), ("u32", y)), expected)


@pytest.mark.parametrize("kind", ["s16", "u16", "s32", "u32", "s64", "u64"])
@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_of_integers_know_the_sign(name: str, kind: str) -> None:
    a, b = pairs([wrapped(v, kind) for v in (WIDE if kind.endswith("64") else INTEGERS)])
    x, y = np.array(a, DTYPES[kind]), np.array(b, DTYPES[kind])
    expected = {"eq": x == y, "ne": x != y, "lt": x < y, "le": x <= y, "gt": x > y, "ge": x >= y}[name]
    found = run(f"setp.{name}.{kind} %q1, %a, %b; selp.u32 %d, 1, 0, %q1;", "u32", (kind, x), (kind, y))
    same(found, expected.astype(np.uint32))


@pytest.mark.parametrize("kind", ["s32", "s64"])
def test_signs_of_integers(kind: str) -> None:
    values = [wrapped(v, kind) for v in (WIDE if kind == "s64" else INTEGERS)]
    x = np.array(values, DTYPES[kind])
    same(run(f"neg.{kind} %d, %a;", kind, (kind, x)), np.array([wrapped(-v, kind) for v in values], DTYPES[kind]))
    same(run(f"abs.{kind} %d, %a;", kind, (kind, x)), np.array([wrapped(abs(v), kind) for v in values], DTYPES[kind]))


def test_wide_products_without_a_sign_and_counts_and_fields_of_64_bits() -> None:
    a, b = pairs([wrapped(v, "u32") for v in INTEGERS])
    x, y = np.array(a, np.uint32), np.array(b, np.uint32)
    same(run("mul.wide.u32 %d, %a, %b;", "u64", ("u32", x), ("u32", y)), x.astype(np.uint64) * y.astype(np.uint64))
    wide = np.array([wrapped(v, "u64") for v in WIDE], np.uint64)
    expected = np.array([int(v).bit_count() for v in wide], np.uint64)
    same(run("popc.b64 %t1, %a; cvt.u64.u32 %d, %t1;", "u64", ("b64", wide)), expected)
    for place, length in ((0, 32), (32, 32), (7, 0), (60, 9), (0, 64)):
        mask = (1 << length) - 1
        inserted = [(int(v) & ~(mask << place) | (0x5A5A5A5AF0F0F0F0 & mask) << place) % 2**64 for v in wide]
        text = f"mov.u64 %p1, {0x5A5A5A5AF0F0F0F0}; bfi.b64 %d, %p1, %a, {place}, {length};"
        same(run(text, "b64", ("b64", wide)), np.array(inserted, np.uint64))


def test_functions_that_flush_and_those_in_double_precision() -> None:
    x = np.array([1e-40, -1e-40, 2.0**-126, 2.0**-127, 0.0, -0.0, 1.0, 3.0, np.inf, -np.inf, np.nan], np.float32)
    flushed = np.where(np.abs(x) < 2.0**-126, np.copysign(np.float32(0), x), x)
    with np.errstate(all="ignore"):
        reciprocal = (1 / flushed.astype(np.float64)).astype(np.float32)
        reciprocal = np.where(np.abs(reciprocal) < 2.0**-126, np.copysign(np.float32(0), reciprocal), reciprocal)
        same(run("rcp.approx.ftz.f32 %d, %a;", "f32", ("f32", x)), reciprocal)
        powers = np.array([-127.0, -126.0, -149.0, 1e-40, 0.0, 1.0, 127.0, 128.0, np.inf, -np.inf, np.nan], np.float32)
        expected = np.exp2(powers.astype(np.float64)).astype(np.float32)
        same(run("ex2.approx.ftz.f32 %d, %a;", "f32", ("f32", powers)), np.where(expected < 2.0**-126, 0, expected))
        same(run("div.approx.f32 %d, %a, %b;", "f32", ("f32", x), ("f32", x[::-1])), x / x[::-1])
        d = np.array([2.0, 1e300, 1e-310, -1.0, 0.0, -0.0, np.inf, np.nan])
        same(run("sqrt.rn.f64 %d, %a;", "f64", ("f64", d)), np.sqrt(d))
        same(run("abs.f64 %d, %a;", "f64", ("f64", d)), np.abs(d))
    a, b = np.array([1 + 2.0**-52, 0.1, 1e200]), np.array([1 + 2.0**-52, 0.1, 1e200])
    c = np.array([-1.0, -0.01, -np.inf])
    exact = [float(Fraction(p) * Fraction(q) + Fraction(r)) if math.isfinite(r) else r for p, q, r in zip(a, b, c)]  # noqa: B905
    same(run("fma.rn.f64 %d, %a, %b, %c;", "f64", ("f64", a), ("f64", b), ("f64", c)), np.array(exact))


def test_conversions_between_widths() -> None:
    n = np.array([wrapped(v, "s64") for v in WIDE], np.int64)
    same(run("cvt.rn.f32.s64 %d, %a;", "f32", ("s64", n)), n.astype(np.float32))
    same(run("cvt.rn.f64.s64 %d, %a;", "f64", ("s64", n)), n.astype(np.float64))
    same(run("cvt.u32.u64 %d, %a;", "u32", ("u64", n.view(np.uint64))), n.view(np.uint64).astype(np.uint32))
    w = n.astype(np.uint32)
    same(run("cvt.u16.u32 %d, %a;", "u16", ("u32", w)), w.astype(np.uint16))
    x = np.array([0.5, -0.5, 1e10, -1e10, 9.3e18, -9.3e18, 70000.0, np.inf, -np.inf], np.float32)
    same(run("cvt.f64.f32 %d, %a;", "f64", ("f32", x)), x.astype(np.float64))
    clamped = [min(max(int(v), 0), 65535) if math.isfinite(v) else (65535 if v > 0 else 0) for v in x]
    same(run("cvt.rzi.u16.f32 %d, %a;", "u16", ("f32", x)), np.array(clamped, np.uint16))
    low, high = -(2**63), 2**63 - 1
    clamped = [min(max(int(v), low), high) if math.isfinite(v) else (high if v > 0 else low) for v in x]
    same(run("cvt.rzi.s64.f32 %d, %a;", "s64", ("f32", x)), np.array(clamped, np.int64))
