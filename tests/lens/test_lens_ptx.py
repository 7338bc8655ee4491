"""`lens.ptx`: what the compiler made of a kernel. Most of it from PTX text, without a compiler."""

from __future__ import annotations

import importlib
import io
import linecache
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels import ptx as compiled
from cuda_kernels._cuda import cuda, float32
from minidl import lens
from minidl.errors import ArgumentError, UnknownNameError
from minidl.lens.compiling import text as in_text

PYTHON = """\
import this_is_never_imported


def weigh(part, by):  # <script>alert(1)</script>
    return part * by


def sums(x, y):
    i = 0  # <b>bold</b> & "quotes" [red]markup[/red] \u202etfel-ot-thgir
    while i > 0:
        i -= weigh(x[i], 0.1)
    y[i] = i
"""
# Seven parameters each: what Numba makes of a 1-D array.
PTX = """
.version 9.0
.target sm_80
.file 1 "FILE"
.shared .align 16 .b8 _cudapy_smem_1[256];
.visible .entry sums(PARAMETERS)
{
    .reg .pred %p<4>; .reg .b32 %r<9>; .reg .f32 %f<9>; .reg .f64 %fd<5>; .reg .b64 %rd<9>;
    .loc 1 8 0
    ld.param.u64 %rd1, [x];
    ld.param.u64 %rd2, [y];
    cvta.to.global.u64 %rd3, %rd1;
    .loc 1 9 1
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd4, %r1, 4;
    add.s64 %rd5, %rd3, %rd4;
    ld.global.f32 %f1, [%rd5];
    mov.u64 %rd8, _cudapy_smem_1;
    .loc 1 10 1
    mov.u32 %r2, 0;
    mov.f32 %f2, 0f00000000;
    setp.eq.s32 %p1, %r1, 0;
    @%p1 bra $L__BB0_3;
    .loc 1 11 1
$L__BB0_2:
    .loc 1 5 1, function_name $L__info_string0, inlined_at 1 11 1
    cvt.f64.f32 %fd1, %f1;
    fma.rn.f64 %fd2, %fd1, 0d3FB999999999999A, %fd1;
    cvt.rn.f32.f64 %f3, %fd2;
    .loc 1 11 1
    fma.rn.f32 %f2, %f3, %f1, %f2;
    add.s32 %r2, %r2, 1;
    .loc 1 10 1
    setp.lt.s32 %p2, %r2, %r1;
    @%p2 bra $L__BB0_2;
$L__BB0_3:
    .loc 1 0 1
    bar.sync 0;
    .loc 1 12 1
    add.s64 %rd7, %rd2, %rd4;
    st.shared.f32 [%rd8], %f2;
    ld.shared.f32 %f2, [_cudapy_smem_1+8];
    @!%p1 st.global.f32 [%rd7], %f2;
    ret;
}
"""


@pytest.fixture
def listing(tmp_path):
    folder = tmp_path / "<img src=x onerror=alert(2)>'\""
    folder.mkdir()
    (folder / "k&r<i>.py").write_text(PYTHON, "utf-8")
    # A quote in a file's name would end it in PTX.
    text = PTX.replace("FILE", str(folder / "k&r<i>.py").replace('"', ""))
    (tmp_path / folder.name.replace('"', "")).mkdir()
    (tmp_path / folder.name.replace('"', "") / "k&r<i>.py").write_text(PYTHON, "utf-8")
    return lens.ptx(text.replace("PARAMETERS", ".param .u64 x, .param .u64 y"))


def counted_by_hand(text: str) -> Counter[str]:
    """Instructions of the entry, counted in the raw text by their opcode and modifiers as written."""
    body = text[text.index("{", text.index(".entry")) :]
    body = re.sub(r"\.section\s+\.debug_str\s*\{.*", "", body, flags=re.S)
    found: Counter[str] = Counter()
    for line in body.splitlines():
        match = re.match(r"\s*(?:@!?%p\d+\s+)?([a-z][a-z0-9_]*(?:[.:]{1,2}[a-z0-9_]+)*)\b[^;]*;", line)
        if match and not line.strip().startswith("."):
            found[match[1]] += 1
    return found


def holds(counts: Counter[str], by_hand: Counter[str]) -> None:
    """Compare counts by kind with sums over the raw text's forms."""
    assert sum(counts.values()) == sum(by_hand.values())

    def forms(pattern: str) -> int:
        return sum(n for form, n in by_hand.items() if re.fullmatch(pattern, form))

    width = {"4": r"(?:\w+\.)*[fsub]32", "8": r"(?:\w+\.)*(?:v2\.[fsub]32|[fsub]64)",
             "16": r"(?:\w+\.)*(?:v4\.[fsub]32|v2\.[fsub]64)"}  # fmt: skip
    for opcode, word in (("ld", "load"), ("st", "store")):
        for space in ("global", "shared", "local"):
            plain = {size: forms(rf"{opcode}\.(?:volatile\.)?{space}\.{form}") for size, form in width.items()}
            plain["4"] -= forms(rf"{opcode}\.(?:volatile\.)?{space}\.(?:\w+\.)*v[24]\.[fsub]32")
            plain["8"] -= forms(rf"{opcode}\.(?:volatile\.)?{space}\.(?:\w+\.)*v[24]\.[fsub]64")
            for size, number in plain.items():
                assert counts[f"{word} {space} {size} B"] == number, (word, space, size)
    assert counts["fma float32"] == forms(r"fma\.\w+\.(?:ftz\.)?f32")
    assert counts["float64"] == forms(r"(?:fma|add|mul|sub|div|neg|abs|max|min|rcp|sqrt|copysign)\.(?:\w+\.)*f64")
    assert counts["conversion"] + counts["conversion float64"] == forms(r"cvt\..*")
    assert counts["branch"] == forms(r"bra(?:\.uni)?")
    assert counts["barrier"] == forms(r"bar\.sync")
    assert counts["shuffle/vote"] == forms(r"(?:shfl|vote|redux|match)\..*")
    assert counts["tensor core"] == forms(r"mma\..*")
    assert counts["argument"] == forms(r"ld\.param\..*")


# -- what is in a listing ----------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_text(listing):
    holds(listing.counts, counted_by_hand(listing.text))
    assert listing.counts["conversion float64"] == 2 and listing.counts["float64"] == 1
    assert listing.counts_of(9) == Counter({"load global 4 B": 1, "integer": 2, "move": 2})
    assert listing.counts_of(11)["conversion float64"] == 2  # of what the line calls
    assert not listing.counts_of(8)["integer"]


def test_lines_float64_loops_and_what_is_of_no_line(listing):
    name = "k&r<i>.py"
    assert [s.title for s in listing.sources] == [f"sums, {name}", f"weigh, {name}"]
    assert [place.line for place in listing.float64] == [5]
    assert listing.called(listing.place(11)) == {f"weigh, {name}": 3}
    assert [row.text for row in listing.own(None)] == ["bar.sync 0"]
    assert [(loop.label, loop.last - loop.first) for loop in listing.loops] == [("$L__BB0_2", 7)]
    assert listing.rows[12].label == "L2" and listing.rows[12].loops == 1 and listing.rows[11].loops == 0
    assert listing.rows[7].words == "rd8 = the address of shared"
    assert listing.rows[22].words == "f2 = shared[8], 4 bytes"
    with pytest.raises(ArgumentError, match=r"line 99 is not in this kernel. There are lines 8 to 12"):
        listing.counts_of(99)


@pytest.mark.parametrize("width", [80, 120])
def test_terminal_keeps_its_width_and_shows_everything(listing, width):
    shown = in_text.plain(listing, width)
    assert max(map(len, shown.splitlines())) <= width
    for row in listing.rows:
        assert row.text[:20] in shown and row.words[:15] in shown
    assert "[red]markup[/red]" in shown and "\u202e" not in shown  # no markup, and nothing that turns the line
    assert "line 5 of" not in shown and "line 5 computes in float64" in shown.replace("\n", " ").replace("  ", " ")
    beside = [line for line in shown.splitlines() if "def sums" in line and "ld.param" in line]
    assert len(beside) == (width == 120)


def test_terminal_without_and_with_colour(listing, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "90")
    listing.show()
    listing.line(5)
    out = capsys.readouterr().out
    assert "\x1b" not in out and max(map(len, out.splitlines())) <= 90
    assert "f3 = fd2 as float32, from float64" in out[out.rindex("return part * by") :]
    monkeypatch.setenv("FORCE_COLOR", "1")
    listing.line(5)
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    listing.line(5)
    assert not re.search(r"\x1b\[[0-9;]*3\d", capsys.readouterr().out)


def test_an_output_that_lacks_characters(listing, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "cp1252")
    monkeypatch.setattr("sys.stdout", stream)
    listing.show()
    stream.flush()
    assert b"fd2 = fd1 \xd7 0.1 + fd1" in stream.buffer.getvalue()


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], Counter()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen[tag] += 1
        assert not any(name.startswith("on") or name in ("src", "action") for name, _ in attrs), (tag, attrs)
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_escapes_hostile_names_and_asks_for_nothing(listing, tmp_path):
    listing.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    for text in (page, listing._repr_html_()):
        seen = Elements(text).seen
        assert not {"script", "img", "iframe", "b", "i", "form"} & set(seen)
        assert "&lt;script&gt;" in text and "\u202e" not in text
        assert text.count("class='line") >= 6 and "conversion float64" in text
    assert "default-src 'none'" in page and not re.search(r"https?://|@import|url\(", page)
    assert type(listing._repr_html_()) is str
    assert Elements(page).seen["tr"] >= len(listing.rows)


def test_a_cell_of_a_notebook_is_found_whatever_folder_the_compiler_puts_before_it(monkeypatch):
    cell = "<ipython-input-3-0123abcd>"
    lines = PYTHON.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, cell, (len(PYTHON), None, lines, cell))
    text = PTX.replace("FILE", f"/home/x/{cell}").replace("PARAMETERS", ".param .u64 x, .param .u64 y")
    assert [s.title for s in lens.ptx(text).sources] == ["sums, a notebook's cell", "weigh, a notebook's cell"]
    monkeypatch.setattr(linecache, "updatecache", lambda *_: [f"{n} secret\n" for n in range(20)])
    assert not any("secret" in str(s) for s in lens.ptx(text.replace(f"x/{cell}", "x/passwords")).sources)
    unknown = lens.ptx(text.replace("0123abcd", "4567abcd"))
    assert "text not found" in unknown.sources[0].title and Elements(unknown._repr_html_()).seen["tr"]


def test_a_notebook_shows_the_first_of_many_and_a_page_all(tmp_path):
    lines = "".join(f"add.s32 %r1, %r1, {n};\n" for n in range(500))
    long = lens.ptx(f".visible .entry k(.param .u64 x)\n{{\n.reg .b32 %r<3>;\nmov.u32 %r1, 0;\n{lines}ret;\n}}")
    assert long._repr_html_().count("add.s32") == 39 and "and 462 more" in long._repr_html_()
    long.save(tmp_path / "all.html")
    assert (tmp_path / "all.html").read_text("utf-8").count("add.s32") == 500
    assert "add.s32" not in str(long) and "Counts only" in str(long)


# -- two beside each other ---------------------------------------------------------------------------------------------


def test_comparison_says_what_changed(listing, tmp_path):
    wide = listing.text.replace("ld.global.f32 %f1, [%rd5]", "ld.global.v4.f32 {%f1, %f4, %f5, %f6}, [%rd5]")
    other = lens.ptx(wide.replace("fma.rn.f64 %fd2, %fd1, 0d3FB999999999999A, %fd1", "mov.f64 %fd2, %fd1"))
    both = listing.compare(other)
    assert ("load global 16 B", 0, 1, 0, 0) in both.rows and ("load global 4 B", 1, 0, 0, 0) in both.rows
    assert ("float64", 1, 0, 1, 0) in both.rows and ("fma float32", 1, 1, 1, 1) in both.rows
    assert both.changes[:2] == ["load global: 1 of 4 B → 1 of 16 B", "float64: 1 → 0"]
    assert max(map(len, in_text.plain(both, 80).splitlines())) <= 80
    both.save(tmp_path / "both.html")
    assert not Elements((tmp_path / "both.html").read_text("utf-8")).seen["script"]
    assert "load global: 1 of 4 B → 1 of 16 B" in both._repr_html_()


# -- stepping ----------------------------------------------------------------------------------------------------------


def expected(x, tid):
    """%r2 and %f2 of a thread, computed in Python."""
    total = np.float32(0)
    for _ in range(tid):
        part = np.float32(np.float64(x) * 0.1 + np.float64(x))
        total = np.float32(np.float64(part) * np.float64(x) + np.float64(total))
    return tid, total


def test_steps_show_registers_that_python_computes(listing):
    x, y = np.linspace(-1, 1, 70).astype("f"), np.zeros(70, "f")
    walk = listing.step(2, 70, x, y, at=1, warp=2)
    assert walk.lanes == 6 and not walk.fault and walk.whole
    end = walk.goto(10**9)
    assert end.row.text == "ret" and not y.any()  # the caller's arrays stay
    found = [expected(x[tid], tid) for tid in range(64, 70)]
    assert walk.value("%r2").tolist() == [n for n, _ in found]
    walk.back(3)
    np.testing.assert_array_equal(walk.value("f2"), np.array([total for _, total in found], "f"))
    assert walk.value("%r1").tolist() == list(range(64, 70)) and walk.value("%p1").tolist() == [False] * 6
    assert [walk.cell("%rd5", lane) for lane in range(2)] == ["x[64]", "x[65]"]
    assert walk.cell("%rd8", 0) == "shared + 0"


def test_lanes_that_part_meet_again(listing):
    x = np.ones(8, "f")
    walk = listing.step(1, 8, x, np.zeros(8, "f"))
    walk.goto(0).to_line(11)
    assert walk.active.tolist() == [False] + [True] * 7 and "1 waits at number 19" in walk.whereabouts()
    counts = []
    for k, moment in enumerate(walk.moments):
        if listing.rows[moment.place].text.startswith("fma.rn.f32"):
            counts.append(int(walk.goto(k).active.sum()))
    assert counts == [7, 6, 5, 4, 3, 2, 1]
    walk.goto(10**9)
    assert walk.active.all()
    walk.back(3)
    assert walk.row.text.startswith("st.shared")
    assert walk.forward(2).active.tolist() == [False] + [True] * 7 and "1 skips it" in walk.whereabouts()
    assert len(walk) == 12 + 7 * 7 + 6
    with pytest.raises(ArgumentError, match="line 9 does not run after"):
        walk.to_line(9)
    assert walk.to_line(9, backwards=True).line == 9
    with pytest.raises(KeyError, match="no register '%f2' holds anything here"):
        walk.goto(3).value("%f2")


@pytest.mark.parametrize("width", [80, 120])
def test_steps_in_terminal_and_notebook(listing, width):
    walk = listing.step(1, 40, np.ones(40, "f"), np.zeros(40, "f")).goto(20)
    shown = in_text.plain(walk, width).splitlines()
    assert max(map(len, shown)) <= width
    assert len([line for line in shown if re.match(r"\s*>?\s*\d+  +\S+  ", line)]) >= 32
    assert any(line.startswith("->") and "L2" not in line for line in shown)
    assert Elements(walk._repr_html_()).seen["tr"] >= 33


def test_steps_lead_up_to_a_fault(listing):
    walk = listing.step(1, 8, np.ones(5, "f"), np.zeros(8, "f"))
    assert "outside every array" in walk.fault
    assert "the run ended with a fault" in str(walk.goto(10**9))


def test_bits_of_floats_are_shown_as_floats():
    head = ".visible .entry k(.param .u64 x)\n{.reg .b32 %r<9>; .reg .f32 %f<3>; .reg .pred %p<3>;\n"
    body = "mov.u32 %r1, %laneid; cvt.rn.f32.u32 %f1, %r1; mov.b32 %r2, %f1;\n"
    shuffle = "shfl.sync.down.b32 %r3|%p1, %r2, 2, 31, -1; mov.b32 %f2, %r3; mov.u32 %r4, %r1; ret;\n}"
    walk = lens.ptx(head + body + shuffle).step(1, 32, np.ones(1, "f")).goto(10)
    assert [walk.cell("%r3", lane) for lane in (0, 5, 29)] == ["2", "7", "31"]
    assert walk.value("%r3")[0] == np.float32(2).view(np.int32) and walk.title("%r3") == "%r3 as float"
    assert walk.cell("%r4", 7) == "7" and walk.title("%r4") == "%r4"
    assert walk.value("%p1").tolist() == [True] * 30 + [False] * 2


def test_what_cannot_be_stepped_is_said(listing):
    x = np.ones(8, "f")
    with pytest.raises(ArgumentError, match="give grid, block and arguments"):
        listing.step()
    with pytest.raises(ArgumentError, match="warps 0 to 0. Got 1"):
        listing.step(1, 8, x, x, warp=1)
    with pytest.raises(ArgumentError, match=r"no block \(0, 3\) in a grid of \(2, 1, 1\)"):
        listing.step(2, 8, x, x, at=(0, 3))
    walk = listing.step(1, 8, x, np.zeros(8, "f"), limit=30)
    assert not walk.whole and "limit=… notes more" in str(walk.goto(10**9))


# -- what is meant -----------------------------------------------------------------------------------------------------


def test_without_compilers_one_sentence_names_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))  # a kernel that is kept there would need no compiler
    monkeypatch.setattr(
        "cuda_kernels.ptx.compiler.missing", lambda: 'NVVM is not there. Install: pip install "minidl[ptx]"'
    )
    for kernel in ("gemm:r1", "conv2d:r4"):
        with pytest.raises(compiled.NvvmMissing, match=r'pip install "minidl\[ptx\]"') as caught:
            lens.ptx(kernel)
        assert "\n" not in str(caught.value)


def test_wrong_kernels_and_arguments_are_told():
    with pytest.raises(UnknownNameError, match=r"no rung 'r99'. There are: r1_naive"):
        lens.ptx("gemm:r99")
    with pytest.raises(UnknownNameError, match="no kernels for op 'gem'"):
        lens.ptx("gem:r1")
    with pytest.raises(ArgumentError, match="has no kernel 7. There are: 0 gemm_naive, 1 everything"):
        lens.ptx("gemm:r1", which=7)
    with pytest.raises(ArgumentError, match="must be a rung"):
        lens.ptx(np.zeros(3))
    with pytest.raises(ArgumentError, match=r"takes 2 arguments \(x, y\). Got 1"):
        lens.ptx(plain_kernel, np.zeros(3, "f"))
    with pytest.raises(ArgumentError, match=r"a signature reads like .* Got 'void\(float32\[:'"):
        lens.ptx(plain_kernel, "void(float32[:")
    with pytest.raises(ArgumentError, match="takes no settings. Got color"):
        lens.ptx(plain_kernel, np.zeros(3), np.zeros(3), color=3)


def plain_kernel(x, y):
    i = cuda.grid(1)
    y[i] = x[i]


# -- with NVIDIA's compilers -------------------------------------------------------------------------------------------

needs_compilers = pytest.mark.skipif(bool(compiled.missing()), reason=f"NOT RUN: {compiled.missing()}")


@needs_compilers
@pytest.mark.parametrize(
    "rung",
    [
        "gemm:r1",
        "gemm:r3",
        "gemm:r5",
        "gemm:r7",
        "gemm:r8",
        "conv2d:r4",
        "softmax",
        "dropout",
        "reduce_max:r1",
        "absolute_backward:r2",
    ],
)
def test_counts_of_rungs_are_those_of_the_raw_text(rung):
    listing = lens.ptx(rung)
    holds(listing.counts, counted_by_hand(listing.text))
    lines = [n for s in listing.sources[:1] for n in s.lines]
    assert sum(sum(listing.counts_of(n).values()) for n in lines) + len(listing.own(None)) == len(listing.rows)
    assert not listing.float64
    assert max(map(len, in_text.plain(listing, 80).splitlines())) <= 80
    Elements(listing._repr_html_())
    refused = rung == "absolute_backward:r2"
    for shown in (str(listing), listing._repr_html_()):
        assert ("refuses the text that names their lines" in " ".join(shown.split())) == refused


@needs_compilers
@pytest.mark.parametrize("op", ladder.ops())
def test_every_op_has_a_listing(op):
    """Of its first rung: what is counted is all of the text, each instruction is said in words, nothing is left out."""
    listing = lens.ptx(f"{op}:{ladder.rungs(op)[0].name}")
    holds(listing.counts, counted_by_hand(listing.text))
    own = listing.sources[0]
    assert any(listing.own(listing.place(n)) for n in own.lines), "no instruction is of a line of the kernel"
    assert all(row.words for row in listing.rows)
    assert max(map(len, in_text.plain(listing, 80).splitlines())) <= 80
    Elements(listing._repr_html_())


@needs_compilers
def test_r5_to_r7_is_told():
    both = lens.ptx("gemm:r5").compare("gemm:r7")
    assert "load global: 8 of 4 B → 8 of 16 B" in both.changes
    assert "loads from shared memory for a product: 0.25 → 0.0625" in both.changes
    loop = both.second.main_loop
    assert loop is not None and dict(zip(["kind", "a", "b", "c", "d"], both.rows[0], strict=True))["kind"]
    assert next(row for row in both.rows if row[0] == "fma float32")[3:] == (64, 1024)


if not compiled.missing():

    @cuda.jit
    def slip(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = x[i] * 0.1  # of x * 0.5 the compiler sees that float32 gives the same

    @cuda.jit
    def divergent(x, y):
        i = cuda.grid(1)
        if i < x.size:
            if x[i] > float32(0):
                y[i] = x[i] * x[i]
            else:
                total = float32(0)
                for k in range(i):
                    total += x[k]
                y[i] = total

    @cuda.jit
    def refused(x, y):
        y[0] = sorted(x)[0]


@needs_compilers
def test_the_float64_trap_is_shown_at_its_line():
    x = np.ones(9, "f")
    listing = lens.ptx(slip, x, x)
    line = slip.py_func.__code__.co_firstlineno + 4
    assert [place.line for place in listing.float64] == [line]
    assert listing.counts_of(line)["conversion float64"] == 2
    assert "Write float32(0.1)" in " ".join(str(listing).split())
    given = lens.ptx(slip, np.ones(9), x)
    assert given.float64_arguments == ["x"] and "astype(np.float32)" in " ".join(str(given).split())
    assert not lens.ptx(divergent, x, x).float64


@needs_compilers
def test_a_divergent_kernel_stepped_through():
    x = np.linspace(-1, 1, 40).astype("f")
    walk = lens.ptx(divergent, x, np.zeros(40, "f")).step(2, 32)
    first = divergent.py_func.__code__.co_firstlineno
    walk.to_line(first + 5)
    assert walk.active.sum() == (x[:32] > 0).sum()
    stores = [k for k, m in enumerate(walk.moments) if walk.listing.rows[m.place].text.startswith("st.global")]
    found = np.zeros(32, "f")
    for k in stores:
        walk.goto(k)
        register = str(walk.row.instruction.operands[1])
        found[walk.active] = walk.value(register)[walk.active]
    wanted = [x[i] * x[i] if x[i] > 0 else x[:i].sum(dtype=np.float64) for i in range(32)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@needs_compilers
def test_ways_to_say_what_a_kernel_is_compiled_for():
    import numba

    x = np.ones(9, "f")
    by_arrays = lens.ptx(slip, x, x)
    assert by_arrays.text == lens.ptx(slip, float32[::1], float32[::1]).text
    assert by_arrays.text == lens.ptx(slip, "void(float32[::1], float32[::1])").text
    assert by_arrays.text == lens.ptx(slip, numba.void(float32[::1], float32[::1])).text
    everything = lens.ptx("gemm:first", which="gemm_naive[everything]")
    assert everything.text == lens.ptx("gemm:r1", which=1).text == lens.ptx("gemm:r1_naive", which="everything").text
    launched = lens.ptx("conv2d:r2", (2, 7, 6, 4), (3, 3, 4, 8), strides=(2, 1), which="im2col")
    assert launched.title == "conv2d:r2_im2col  im2col" and "1 gemm_warp_tile" in launched.note
    with pytest.raises(ArgumentError, match=r"compiled for \(x float32\[::1\], y float32\[::1\]\). Got \(float64"):
        by_arrays.step(1, 9, np.ones(9), x)


@needs_compilers
def test_a_kernel_of_ones_own_and_a_launched_rung():
    import minidl

    minidl.register_kernel("relu", "shown", replace=True)(own_relu())
    listing = lens.ptx("relu:shown")
    assert listing.title.startswith("relu:shown") and listing.counts["load global 4 B"]
    walk = listing.step(warp=1)
    assert walk.lanes == 32 and not walk.fault
    a, b = np.ones((5, 4), "f"), np.ones((4, 3), "f")
    product = lens.ptx("gemm:r1", a, b).step()
    product.goto(10**9).to_line(product.listing.rows[-2].chain[-1].line, backwards=True)
    store = next(r for r in product.listing.rows if r.text.startswith("st.global"))
    k = next(k for k, m in enumerate(product.moments) if m.place == store.number)
    product.goto(k)
    assert (product.value(str(store.instruction.operands[1]))[product.active] == 4).all()
    assert lens.ptx("gemm:r1", (5, 4), (4, 3)).text == product.listing.text


def own_relu():
    @cuda.jit
    def mine(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = max(x[i], float32(0))

    return mine


@needs_compilers
def test_what_the_compiler_refuses_is_said_with_its_line():
    line = refused.py_func.__code__.co_firstlineno + 2
    with pytest.raises(ArgumentError, match=rf"refused does not compile, line {line}"):
        lens.ptx(refused, np.ones(3, "f"), np.ones(3, "f"))


@needs_compilers
@pytest.mark.parametrize("rung", ["gemm:r5", "gemm:r8", "reduce_sum", "dropout"])
def test_every_instruction_is_numbered_for_the_assembler(rung):
    from minidl.lens.compiling.machine_code import numbered

    listing = lens.ptx(rung)
    text = numbered(listing.text)
    lines = [int(n) for n in re.findall(r"\.loc 1 (\d+) 1", text)]
    assert lines[0] == 1 and lines == sorted(set(lines)) and lines[-1] <= len(listing.rows)
    again = lens.ptx(text)
    assert [row.instruction.text for row in again.rows] == [row.instruction.text for row in listing.rows]
    # An instruction's line is its number; of several on one line of text (inline assembly) that of the first.
    assert all(row.instruction.line <= row.number + 1 for row in again.rows)
    if rung == "gemm:r5":
        assert [row.instruction.line for row in again.rows] == list(range(1, len(again.rows) + 1))
        assert listing.sass.missing or (listing.sass.registers <= 128 and listing.sass.spills)  # launch_bounds are kept


@needs_compilers
def test_machine_code_stands_beside_where_its_tools_are(monkeypatch):
    listing = lens.ptx("gemm:r2")
    if not listing.sass.missing:
        fused = [w for w in listing.sass.words if "FFMA" in w.text]
        line = next(r for r in listing.rows if r.kind == "fma float32").chain[0]
        assert fused and {listing.rows[w.place].chain[0] for w in fused} == {line}
        assert 16 <= listing.sass.registers <= 255 and "SASS" in listing._repr_html_()
        assert 100 <= lens.ptx("conv2d:r4").sass.registers <= 128  # its own, not those of a division
    monkeypatch.setattr("minidl.lens.compiling.machine_code._nvdisasm", lambda: "")
    assert not listing.sass.words or sum(map(len, listing.machine_words.values())) == len(listing.sass.words)
    assert "nvdisasm is not installed; pip install" in lens.ptx("gemm:r2").sass.missing


@needs_compilers
def test_the_page_shows_what_is_printed(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "ptx.md").read_text("utf-8")
    part = page.partition("<!-- shown by tests/lens/test_lens_ptx.py -->")[2]
    python, shown, changes = re.findall(r"```\w+\n(.*?)\n```", part, re.S)[:3]
    (tmp_path / "scale.py").write_text(python + "\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    kernel = importlib.import_module("scale").scale
    x = np.ones(100, "f")
    listing = lens.ptx(kernel, x, x)
    if not listing.sass.missing:
        assert in_text.plain(listing, 90) == shown
        assert "\n".join(lens.ptx("gemm:r5").compare("gemm:r7").changes) == changes
