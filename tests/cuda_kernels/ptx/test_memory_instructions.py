"""Loads, stores, atomics, fences and products of a warp against the PTX ISA, computed in Python."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from cuda_kernels.ptx import PtxError, running
from cuda_kernels.ptx.native import Native, translate

HEAD = ".version 9.0\n.target sm_80\n.address_size 64\n"
DTYPES = {"b8": "u1", "u8": "u1", "s8": "i1", "b16": "u2", "u16": "u2", "s16": "i2", "b32": "u4", "u32": "u4",
          "s32": "i4", "f32": "f4", "b64": "u8", "u64": "u8", "s64": "i8", "f64": "f8"}  # fmt: skip
REGISTERS = {1: ".b16", 2: ".b16", 4: ".b32", 8: ".b64"}
F32 = [0.0, -0.0, 1.0, -1.0, 0.1, 3e38, -3e38, 1e-45, -1e-45, 2.0**-126, -(2.0**-126), 1.5e-38, -1.4e-38, math.inf,
       -math.inf, math.nan, 16777216.0]  # fmt: skip
INTEGERS = [0, 1, -1, 2, 3, 7, 2**31 - 1, -(2**31), 2**32 - 1, 1000]
WIDE = [*INTEGERS, 2**63 - 1, -(2**63), 2**64 - 1, 2**40 + 5]


def run(body: str, *arrays: np.ndarray, threads: int = 1, grid: int = 1, declared: str = "", room: str = "") -> None:
    """Run a body on each thread: %p0 … are the arrays' addresses, %t1 and %i1 the thread's number."""
    parameters = ", ".join(f".param .u64 p{k}" for k in range(len(arrays)))
    loads = "".join(f"ld.param.u64 %p{k}, [p{k}]; cvta.to.global.u64 %p{k}, %p{k};\n" for k in range(len(arrays)))
    text = (
        f"{HEAD}{room}.visible .entry test({parameters})\n{{\n.reg .b64 %p<9>; .reg .b64 %x<9>; .reg .b64 %i<2>; "
        ".reg .b32 %t<4>; "
        f".reg .pred %q<3>;\n{declared}\n{loads}mov.u32 %t1, %tid.x; cvt.u64.u32 %i1, %t1;\n{body}\nret;\n}}"
    )
    words = [np.uint64(a.ctypes.data) for a in arrays]
    native = Native(translate(text, checked=True, level=1))
    running.run(native, grid, threads, words, further=list(arrays), limit=20)


def element(pointer: int, width: int, register: int) -> str:
    """The address of the thread's element of an array, in %x…"""
    return f"mad.lo.u64 %x{register}, %i1, {width}, %p{pointer};"


# ---- atomics (section 9.7.13.5), reductions (9.7.13.6)


def wrapped(value: int, kind: str) -> int:
    width = int(kind[1:])
    value %= 1 << width
    return value - (1 << width) if kind[0] == "s" and value >> width - 1 else value


ATOMIC = {
    "add": lambda a, b, kind: wrapped(a + b, kind), "exch": lambda a, b, kind: b,
    "and": lambda a, b, kind: a & b, "or": lambda a, b, kind: a | b, "xor": lambda a, b, kind: a ^ b,
    "min": lambda a, b, kind: min(a, b), "max": lambda a, b, kind: max(a, b),
    "inc": lambda a, b, kind: 0 if a >= b else a + 1, "dec": lambda a, b, kind: b if a == 0 or a > b else a - 1,
}  # fmt: skip
FORMS = [*(f"add.{k}" for k in ("u32", "s32", "u64")), *(f"{o}.b{n}" for o in ("exch", "and", "or", "xor")
         for n in (32, 64)), *(f"{o}.{k}" for o in ("min", "max") for k in ("u32", "s32", "u64", "s64")), "inc.u32",
         "dec.u32"]  # fmt: skip


@pytest.mark.parametrize("space", [".global", ".shared", ""])
@pytest.mark.parametrize("form", FORMS)
def test_atomics_give_what_was_there_and_leave_the_result(form: str, space: str) -> None:
    name, kind = form.split(".")
    values = [wrapped(v, kind) for v in (WIDE if kind.endswith("64") else INTEGERS)]
    pairs = list(itertools.product(values, values))
    width = int(kind[1:]) // 8
    cells, by = (np.array(v, DTYPES[kind]) for v in zip(*pairs, strict=True))
    before = np.zeros_like(cells)
    size = 8 * width
    declared = f".reg .b{size} %a<5>;"
    body = f"{element(1, width, 2)} {element(2, width, 3)} ld.global.b{size} %a1, [%x2]; "
    if space == ".shared":
        body += f"{element(0, width, 4)} mov.u64 %x1, box; mad.lo.u64 %x1, %i1, {width}, %x1; "
        body += f"ld.global.b{size} %a3, [%x4]; st.shared.b{size} [%x1], %a3; "
    else:
        body += element(0, width, 1)
    body += f"atom{space}.{form} %a2, [%x1], %a1; st.global.b{size} [%x3], %a2;"
    if space == ".shared":
        body += f"ld.shared.b{size} %a3, [%x1]; st.global.b{size} [%x4], %a3;"
    room = f".shared .align 8 .b8 box[{width * len(cells)}];\n" if space == ".shared" else ""
    given = cells.copy()
    run(body, cells, by, before, threads=len(cells), declared=declared, room=room)
    np.testing.assert_array_equal(before, given)
    expected = [wrapped(ATOMIC[name](int(a), int(b), kind), kind) for a, b in zip(given, by, strict=True)]
    np.testing.assert_array_equal(cells, np.array(expected, DTYPES[kind]))
    if name not in ("exch",) and not space:
        cells[:] = given
        run(f"{element(1, width, 2)} {element(0, width, 1)} ld.global.b{size} %a1, [%x2]; red.{form} [%x1], %a1;",
            cells, by, threads=len(cells), declared=declared)  # fmt: skip
        np.testing.assert_array_equal(cells, np.array(expected, DTYPES[kind]))


@pytest.mark.parametrize("kind", ["b32", "b64"])
def test_compare_and_swap_writes_where_it_finds_what_it_expects(kind: str) -> None:
    size, values = int(kind[1:]), [wrapped(v, kind) for v in WIDE[:5] + WIDE[-3:]]
    cells, expected, new = (np.array(v, DTYPES[kind]) for v in zip(*itertools.product(values, repeat=3), strict=True))
    before, given, width = np.zeros_like(cells), cells.copy(), size // 8
    run(
        " ".join(element(k, width, k) for k in range(4))
        + f" ld.global.b{size} %a1, [%x1]; ld.global.b{size} %a2, [%x2]; atom.global.cas.{kind} %a3, [%x0], %a1, %a2; "
        f"st.global.b{size} [%x3], %a3;",
        cells, expected, new, before, threads=len(cells), declared=f".reg .b{size} %a<5>;",
    )  # fmt: skip
    np.testing.assert_array_equal(before, given)
    np.testing.assert_array_equal(cells, np.where(given == expected, new, given))


def test_a_float_is_exchanged_and_compared_by_its_bits() -> None:
    """NaN equals the same NaN, and -0 is not +0: `.b32` knows no numbers."""
    words = np.array([0x7FC00001, 0x7F800001, 0x80000000, 0x00000001], np.uint32)
    cells, before = words.copy(), np.zeros_like(words)
    run(
        f"{element(0, 4, 0)} {element(1, 4, 1)} ld.global.b32 %a1, [%x0]; "
        "atom.global.cas.b32 %a2, [%x0], %a1, 7; st.global.b32 [%x1], %a2;",
        cells, before, threads=4, declared=".reg .b32 %a<5>;",
    )  # fmt: skip
    np.testing.assert_array_equal(before, words)
    assert (cells == 7).all()
    cells = np.zeros(1, np.uint32)
    run("atom.global.cas.b32 %a1, [%p0], -2147483648, 7;", cells, declared=".reg .b32 %a<5>;")
    assert cells[0] == 0


@pytest.mark.parametrize("form", ["atom.global", "red.global", "atom.shared", "atom"])
def test_a_sum_in_global_memory_flushes_subnormal_numbers(form: str) -> None:
    """Section 9.7.13.5: `.add.f32` on global memory takes them for signed zeros; on shared memory it does not."""
    a, b = (np.array(v, np.float32) for v in zip(*itertools.product(F32, repeat=2), strict=True))
    cells = a.copy()
    target = "%a2, " if form.startswith("atom") else ""
    body = f"{element(0, 4, 0)} {element(1, 4, 1)} ld.global.f32 %a1, [%x1]; "
    room = ""
    if form == "atom.shared":
        room = f".shared .align 4 .b8 box[{4 * len(cells)}];\n"
        body += "mov.u64 %x2, box; mad.lo.u64 %x2, %i1, 4, %x2; ld.global.f32 %a3, [%x0]; st.shared.f32 [%x2], %a3; "
        body += "atom.shared.add.f32 %a2, [%x2], %a1; ld.shared.f32 %a3, [%x2]; st.global.f32 [%x0], %a3;"
    else:
        body += f"{form}.add.f32 {target}[%x0], %a1;"
    run(body, cells, b, threads=len(cells), declared=".reg .f32 %a<5>;", room=room)

    def flushed(x: np.ndarray) -> np.ndarray:
        return np.where(np.abs(x) < 2.0**-126, np.copysign(np.float32(0), x), x) if form.endswith(".global") else x

    with np.errstate(all="ignore"):
        expected = flushed(flushed(a) + flushed(b))
    same(cells, expected)


def test_a_sum_in_double_precision() -> None:
    values = np.array([0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308, math.inf, -math.inf, math.nan, 0.1, 2.0**53])
    a, b = (np.array(v) for v in zip(*itertools.product(values, repeat=2), strict=True))
    cells = a.copy()
    run(
        f"{element(0, 8, 0)} {element(1, 8, 1)} ld.global.f64 %a1, [%x1]; atom.global.add.f64 %a2, [%x0], %a1;",
        cells, b, threads=len(cells), declared=".reg .f64 %a<5>;",
    )  # fmt: skip
    with np.errstate(all="ignore"):
        same(cells, a + b)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal bit for bit, but any NaN is as good as another."""
    expected = expected.astype(found.dtype)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    words = f"u{found.itemsize}"
    left, right = (np.where(np.isnan(expected), 0, v.view(words)) for v in (found, expected))
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("form", ["atom.global.add.f16x2 %a2, [%p0], %a1;", "atom.global.min.f32 %a2, [%p0], %a1;"])
def test_an_atomic_without_a_meaning_is_refused(form: str) -> None:
    with pytest.raises(PtxError, match=form.split()[0]):
        run(form, np.zeros(4, np.uint32), declared=".reg .b32 %a<5>;")


# ---- fences (section 9.7.13.4)


@pytest.mark.parametrize(
    "fence", ["membar.cta", "membar.gl", "membar.sys", "fence.sc.gpu", "fence.acq_rel.gpu", "fence.acq_rel.sys"]
)
def test_what_is_written_before_a_fence_is_seen_before_what_is_written_behind_it(fence: str) -> None:
    """A block hands over numbers; another one, on another core if there is one, looks at the flag, then at them."""
    rounds = 40
    box, flags, seen = np.zeros(1, np.uint32), np.zeros(2, np.uint32), np.zeros(rounds, np.uint32)
    run(
        f"""mov.u32 %t2, %ctaid.x; setp.eq.u32 %q1, %t2, 0; mov.u32 %a1, 1; @!%q1 bra $reader;
        $write: mul.lo.u32 %a2, %a1, 7; st.global.u32 [%p0], %a2; {fence}; st.volatile.global.u32 [%p1], %a1;
        $taken: ld.volatile.global.u32 %a3, [%p1+4]; setp.ne.u32 %q2, %a3, %a1; @%q2 bra $taken;
        {fence}; add.u32 %a1, %a1, 1; setp.le.u32 %q2, %a1, {rounds}; @%q2 bra $write; bra.uni $end;
        $reader:
        $wait: ld.volatile.global.u32 %a3, [%p1]; setp.ne.u32 %q2, %a3, %a1; @%q2 bra $wait;
        {fence}; ld.global.u32 %a2, [%p0]; sub.u32 %a4, %a1, 1; mad.wide.u32 %x1, %a4, 4, %p2; st.global.u32 [%x1], %a2;
        {fence}; st.volatile.global.u32 [%p1+4], %a1; add.u32 %a1, %a1, 1; setp.le.u32 %q2, %a1, {rounds};
        @%q2 bra $wait;
        $end:""",
        box, flags, seen, grid=2, declared=".reg .u32 %a<9>;",
    )  # fmt: skip
    np.testing.assert_array_equal(seen, 7 * np.arange(1, rounds + 1))


# ---- loads and stores (sections 9.7.9.8 to 9.7.9.11)


@pytest.mark.parametrize("space", [".global", ".shared", ".local"])
@pytest.mark.parametrize(("kind", "lanes"), [(k, n) for k in DTYPES for n in (1, 2, 4) if n * int(k[1:]) <= 128])
def test_loads_and_stores_of_every_width_keep_each_bit(kind: str, lanes: int, space: str) -> None:
    """Also of numbers: NaN with its payload, -0, subnormal ones. A vector's parts lie in their order."""
    width = np.dtype(DTYPES[kind]).itemsize
    count, bytes_ = 24, lanes * width
    rng = np.random.default_rng(width)
    data = rng.integers(0, 256, count * bytes_ + 32, np.uint8)
    edges = {4: [0x7FC00001, 0x7F800001, 0x80000000, 1], 8: [0x7FF0000000000001, 1 << 63, 1, 0x7FF8000000000003]}
    for k, word in enumerate(edges.get(width, [0x80, 0x7F, 0xFF, 0])):
        data[k * width : (k + 1) * width] = list(word.to_bytes(width, "little"))
    source, target = (a[-a.ctypes.data % 16 :][: count * bytes_] for a in (data, np.zeros_like(data)))
    source[: len(edges.get(width, "1234")) * width] = data[: len(edges.get(width, "1234")) * width].copy()
    register = f".f{8 * width}" if kind[0] == "f" else REGISTERS[width]
    v = f".v{lanes}" if lanes > 1 else ""
    names = ["{" + ", ".join(f"%{r}{k}" for k in range(lanes)) + "}" if lanes > 1 else f"%{r}0" for r in "ab"]
    body = f"{element(0, bytes_, 1)} {element(1, bytes_, 2)} ld.global{v}.{kind} {names[0]}, [%x1]; "
    declared, room = f".reg {register} %a<5>; .reg {register} %b<5>;", ""
    if space == ".global":
        names[1] = names[0]
    else:
        array = f"{space} .align 16 .b8 box[{(count if space == '.shared' else 3) * bytes_}];\n"
        room, declared = (array, declared) if space == ".shared" else ("", array + declared)
        at = f"mad.lo.u64 %x3, %i1, {bytes_}, %x3;" if space == ".shared" else f"add.u64 %x3, %x3, {2 * bytes_};"
        body += f"mov.u64 %x3, box; {at} st{space}{v}.{kind} [%x3], {names[0]}; ld{space}{v}.{kind} {names[1]}, [%x3]; "
    run(f"{body} st.global{v}.{kind} [%x2], {names[1]};", source, target, threads=count, declared=declared, room=room)
    np.testing.assert_array_equal(target, source)


@pytest.mark.parametrize("space", [".global", ".local"])
def test_narrow_loads_extend_and_narrow_stores_cut(space: str) -> None:
    """Section 9.4.1: into a wider register a signed value goes with its sign; a store takes the low bits."""
    data = np.array([0x80, 0x7F, 0xFF, 0, 0x8000, 0xFFFF, 0x12345678, 0x80000000], np.uint32)
    for kind in ("s8", "u8", "b8", "s16", "u16", "b16", "s32", "u32"):
        out = np.zeros(len(data), np.int64)
        body = f"{element(0, 4, 1)} {element(1, 8, 2)} "
        if space == ".local":
            body += "ld.global.u32 %t2, [%x1]; mov.u64 %x1, box; st.local.u32 [%x1+4], %t2; add.u64 %x1, %x1, 4; "
        run(
            f"{body} ld{space}.{kind} %a1, [%x1]; st.global.u64 [%x2], %a1;", data, out, threads=len(data),
            declared=".local .align 8 .b8 box[8]; .reg .b64 %a<3>;",
        )  # fmt: skip
        np.testing.assert_array_equal(out, data.astype(DTYPES[kind]).astype(np.int64))
    cells = np.full(len(data), 0xAAAAAAAA, np.uint32)
    run(
        f"{element(0, 4, 1)} {element(1, 4, 2)} ld.global.u32 %t2, [%x1]; st.global.u8 [%x2+1], %t2; "
        "st.global.u16 [%x2+2], %t2;",
        data, cells, threads=len(data),
    )  # fmt: skip
    np.testing.assert_array_equal(cells, (data & 0xFFFF) << 16 | (data & 0xFF) << 8 | 0xAA)


def test_parts_of_a_vector_may_be_left_out_and_arrays_of_a_thread_are_its_own() -> None:
    data, out = np.arange(32, dtype=np.uint32), np.zeros(8, np.uint32)
    run(
        f"mul.lo.u64 %x1, %i1, 16; add.u64 %x1, %x1, %p0; {element(1, 4, 2)} ld.global.v4.u32 {{_, _, %a1, _}}, [%x1]; "
        "st.local.u32 [box+4], %a1; ld.local.u32 %a2, [box+4]; st.global.u32 [%x2], %a2;",
        data, out, threads=8, declared=".local .align 4 .b8 box[8]; .reg .b32 %a<3>;",
    )  # fmt: skip
    np.testing.assert_array_equal(out, data[2::4])


# ---- products on tensor cores (section 9.7.14.5; fragments: figures of m16n8k8 .tf32 and m16n8k16 .bf16)


def lanes_of(a: np.ndarray, b: np.ndarray, c: np.ndarray, pairs: bool) -> tuple[np.ndarray, ...]:
    """The registers of each lane: of A four, of B two, of C four; a and b as 32-bit words, their top half for bf16."""
    depth = a.shape[1]
    ra, rb = np.zeros((32, 4), np.uint32), np.zeros((32, 2), np.uint32)
    for lane, register in itertools.product(range(32), range(4)):
        row, k = lane // 4 + 8 * (register % 2), lane % 4 if not pairs else 2 * (lane % 4)
        k += depth // 2 * (register // 2)
        ra[lane, register] = a[row, k] if not pairs else a[row, k] >> 16 | a[row, k + 1] & 0xFFFF0000
    for lane, register in itertools.product(range(32), range(2)):
        column, k = lane // 4, (lane % 4 if not pairs else 2 * (lane % 4)) + depth // 2 * register
        rb[lane, register] = b[k, column] if not pairs else b[k, column] >> 16 | b[k + 1, column] & 0xFFFF0000
    return ra, rb, np.array([[c[i, j] for i, j in cells(lane)] for lane in range(32)], np.float32)


def cells(lane: int) -> list[tuple[int, int]]:
    """Which cells of C and D a lane's four registers are."""
    return [(lane // 4 + 8 * (n // 2), 2 * (lane % 4) + n % 2) for n in range(4)]


def product(kind: str, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """D of one `mma`."""
    pairs = kind == "bf16"
    ra, rb, rc = lanes_of(a.view(np.uint32), b.view(np.uint32), c, pairs)
    out = np.zeros((32, 4), np.float32)
    loads = "".join(
        f"mul.lo.u64 %x1, %i1, {4 * n}; add.u64 %x1, %x1, %p{k}; "
        + "".join(f"ld.global.{'f32' if name == 'c' else 'b32'} %{name}{r}, [%x1+{4 * r}]; " for r in range(n))
        for k, (name, n) in enumerate((("a", 4), ("b", 2), ("c", 4)))
    )
    groups = ["{" + ", ".join(f"%{name}{r}" for r in range(n)) + "}" for name, n in zip("dabc", (4, 4, 2, 4))]  # noqa: B905
    body = (
        f"{loads} mma.sync.aligned.m16n8k{a.shape[1]}.row.col.f32.{kind}.{kind}.f32 {', '.join(groups)}; "
        "mul.lo.u64 %x1, %i1, 16; add.u64 %x1, %x1, %p3; "
        + " ".join(f"st.global.f32 [%x1+{4 * r}], %d{r};" for r in range(4))
    )
    run(body, ra, rb, rc, out, threads=32, declared=REGISTERS_OF_MMA)
    d = np.zeros((16, 8), np.float32)
    for lane in range(32):
        for (i, j), value in zip(cells(lane), out[lane], strict=True):
            d[i, j] = value
    return d


REGISTERS_OF_MMA = ".reg .b32 %a<4>; .reg .b32 %b<4>; .reg .f32 %c<4>; .reg .f32 %d<4>;"
DEPTHS = {"tf32": 8, "bf16": 16}
IGNORED = {"tf32": 0x1FFF, "bf16": 0xFFFF}  # the bits of a float32 that these numbers have not


@pytest.mark.parametrize("kind", DEPTHS)
def test_a_product_of_whole_numbers_is_exact_in_every_cell(kind: str) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.integers(-9, 10, (16, DEPTHS[kind])), rng.integers(-9, 10, (DEPTHS[kind], 8))
    c = rng.integers(-99, 100, (16, 8))
    found = product(kind, a.astype(np.float32), b.astype(np.float32), c.astype(np.float32))
    np.testing.assert_array_equal(found, a @ b + c)


@pytest.mark.parametrize("kind", DEPTHS)
def test_a_product_takes_the_bits_that_its_numbers_have_and_multiplies_them_exactly(kind: str) -> None:
    """tf32: the low 13 bits of a register do not count, nor a tie among them. One product a cell: no order of sums."""
    rng = np.random.default_rng(6)
    depth = DEPTHS[kind]
    a, b = np.zeros((16, depth), np.float32), np.zeros((depth, 8), np.float32)
    for i in range(16):
        a[i, i % depth] = rng.normal()
    b[:] = rng.normal(size=b.shape)
    half = (IGNORED[kind] + 1) // 2
    ties = b.view(np.uint32) & ~np.uint32(IGNORED[kind]) | np.uint32(half)
    b = ties.view(np.float32)
    if kind == "bf16":  # two in a register: each is given whole
        a, b = ((v.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32) for v in (a, b))
    found = product(kind, a, b, np.zeros((16, 8), np.float32))
    cut = [(v.view(np.uint32) & ~np.uint32(IGNORED[kind])).view(np.float32) for v in (a, b)]
    for i, j in itertools.product(range(16), range(8)):
        exact = Fraction(float(cut[0][i, i % depth])) * Fraction(float(cut[1][i % depth, j]))
        assert found[i, j] == np.float32(float(exact))


@pytest.mark.parametrize("kind", DEPTHS)
def test_a_product_of_nan_infinities_and_zeros(kind: str) -> None:
    """NaN stays, infinity times zero and infinity minus infinity are NaN, and -0 - 0 is -0 where all products are."""
    depth = DEPTHS[kind]
    rows = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -2.0, 3e38]
    a, b = np.zeros((16, depth), np.float32), np.ones((depth, 8), np.float32)
    a[:8, 0], a[8:, 1] = rows, rows
    a[8:, 0] = math.inf
    b[0] = [1.0, 0.0, -1.0, -0.0, math.inf, math.nan, 2.0, 1e38]
    c = np.zeros((16, 8), np.float32)
    c[:, 3], c[:, 6] = math.inf, -0.0
    cut = [(v.view(np.uint32) & ~np.uint32(IGNORED[kind])).view(np.float32).astype(np.float64) for v in (a, b)]
    with np.errstate(all="ignore"):
        expected = (c.astype(np.float64) + sum(cut[0][:, k : k + 1] * cut[1][k] for k in range(depth))).astype("f4")
        found = product(kind, a, b, c)
    same(found, expected)
    minus = product(kind, np.full_like(a, -0.0), np.ones_like(b), np.full_like(c, -0.0))
    assert (minus == 0).all() and np.signbit(minus).all()


def test_products_of_other_forms_are_refused() -> None:
    groups = "{%c0, %c1, %c2, %c3}, {%a0, %a1, %a2, %a3}, {%b0, %b1}, {%c0, %c1, %c2, %c3}"
    body = f"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {groups};"
    with pytest.raises(PtxError, match=r"mma\.sync\.aligned\.m16n8k16\.row\.col\.f32\.f16"):
        run(body, np.zeros(4), declared=REGISTERS_OF_MMA)


