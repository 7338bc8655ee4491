"""What lets a reader follow compiled code: lines of inlined functions, instructions in words, one warp's trace."""

from __future__ import annotations

import numpy as np
import pytest
from numba import types

from cuda_kernels import ptx
from cuda_kernels.ptx import words
from cuda_kernels.ptx.instructions import MEANINGS
from cuda_kernels.ptx.parse import Instruction, instructions_and_lines, parse
from cuda_kernels.ptx.places import Place, joined, parse_chains
from cuda_kernels.ptx.trace import trace
from cuda_kernels.ptx.warp import TOGETHER

HEAD = '.version 9.0\n.target sm_80\n.file 1 "k.py"\n.file 2 "tiles.py"\n'
KERNEL = HEAD + """
.visible .entry _ZN4kernB2v1Ei(.param .u64 _ZN4kernB2v1Ei_param_0)
{
    .reg .pred %p<3>; .reg .b32 %r<9>; .reg .f32 %f<9>; .reg .b64 %rd<9>;
    .loc 1 10 0
    ld.param.u64 %rd1, [_ZN4kernB2v1Ei_param_0];
    .loc 1 11 1
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd3, %rd1, %rd2;
    mov.u32 %r2, 0;
    .loc 1 12 1
    setp.lt.u32 %p1, %r1, 3;
    @%p1 bra $L__BB0_2;
$L__BB0_1:
    .loc 1 13 1
    add.s32 %r2, %r2, %r1;
    add.s32 %r1, %r1, -7;
    setp.gt.s32 %p2, %r1, 0;
    @%p2 bra $L__BB0_1;
$L__BB0_2:
    .loc 1 14 1
    @!%p1 add.s32 %r2, %r2, 100;
    st.global.u32 [%rd3], %r2;
    ret;
}
"""
INNER = (
    KERNEL.replace("_ZN4kernB2v1Ei", "_ZN4kernB2v2Ei")
    .replace(
        ".loc 1 13 1\n    add",
        ".loc 1 13 1\n    .loc 1 20 1, function_name $L__info_string0, inlined_at 1 13 1\n"
        "    .loc 2 5 1, function_name $L__info_string1, inlined_at 1 20 1\n    add",
    )
    .replace(".loc 1 14 1", ".loc 1 0 1\n    mov.u32 %r7, 9;\n    .loc 1 14 1")
    + '\t.section\t.debug_str\n\t{\n$L__info_string0:\n.b8 95,90\n.b8 0\n\t}\n'
)


def instructions(text):
    return [i for block in parse(text).entry.blocks for i in block.instructions]


def test_text_with_lines_of_inlined_functions_is_read():
    assert len(instructions(INNER)) == len(instructions(KERNEL)) + 1
    loc = [text for text, is_line in instructions_and_lines(INNER) if is_line and "inlined_at" in text]
    assert loc[1] == ".loc 2 5 1, function_name $L__info_string1, inlined_at 1 20 1"


def test_lines_lead_from_the_innermost_function_to_the_kernel():
    chains = joined(KERNEL, INNER)
    assert [len(c) for c in chains] == [1] * 7 + [3] * 4 + [1] * 3
    assert chains[7] == (Place("tiles.py", 5), Place("k.py", 20), Place("k.py", 13))
    assert chains[-1] == (Place("k.py", 14),)
    assert [chain for text, chain in parse_chains(INNER) if text.endswith("%r7, 9")] == [()]


def test_every_instruction_has_words_and_a_section():
    for opcode in (MEANINGS.keys() | TOGETHER.keys()) - {"pause"}:  # which the ISA has not
        assert opcode in words._PLAIN or opcode in words._SENTENCES, opcode
        hint = opcode in ("prefetch", "prefetchu", "nanosleep", "pmevent")
        assert words.section(Instruction(opcode, (), (), "", 0, "")).startswith("" if hint else "9.7."), opcode


SENTENCES = {
    "mad.lo.s32 %r1, %r2, -28, %r3": "r1 = r2 × -28 + r3",
    "mul.hi.u32 %r1, %r2, %r3": "r1 = r2 × r3, the high 32 bits",
    "and.b32 %r1, %r2, 31": "r1 = r2 & 31",
    "or.pred %p1, %p2, %p3": "p1 = p2 or p3",
    "setp.gtu.f32 %p1, %f1, 0f3F000000": "p1 = f1 > 0.5, or one is NaN",
    "setp.lt.and.s32 %p1|%p2, %r1, 3, %p3": "p1 = (r1 < 3) and p3; p2 = the opposite",
    "st.shared.v4.f32 [%rd1+16], {%f1, %f2, %f3, %f4}": "shared[rd1 + 16] = f1, f2, f3, f4, 16 bytes",
    "cvt.rzi.s32.f32 %r1, %f1": "r1 = f1 as int32, from float32, rounded toward zero",
    "shfl.sync.down.b32 %r1|%p1, %r2, 16, 31, -1": "r1 = r2 16 lanes above",
    "vote.sync.ballot.b32 %r1, %p1, -1": "r1 = in which lanes p1 holds, a bit for each",
    "atom.global.add.f32 %f1, [%rd1], %f2": "global[rd1] += f2, as one step; f1 = what was there",
    "red.shared.add.u32 [%r1], %r2": "shared[r1] += r2, as one step",
    "bar.sync 0": "wait for all threads of the block",
    "mov.u32 %r1, %ctaid.y": "r1 = blockIdx.y",
    "cvta.to.global.u64 %rd1, %rd2": "rd1 = rd2 as a global address",
    "mov.b64 {%temp, %r9}, %fd2": "temp, r9 = fd2, taken apart",
    "mov.u64 %rd1, table": "rd1 = the address of table",
    "mov.b64 %rd1, {%r1, %r2}": "rd1 = r1, r2, put together",
    "div.full.f32 %f1, %f2, %f3": "f1 = f2 / f3, nearly",
    "@!%p1 bra $L__BB0_7": "if not p1: go to L7",
}  # fmt: skip


@pytest.mark.parametrize("text", SENTENCES)
def test_words(text):
    (i,) = [i for i in instructions(f".entry k() {{ .reg .b32 %r<9>; {text}; }}")]
    assert words.words(i) == SENTENCES[text]


def test_parameters_have_the_names_of_the_kernels_arguments():
    def kern(x, pair, scale):
        pass

    f32 = types.float32
    kinds = (types.Array(f32, 2, "C"), types.UniTuple(types.int32, 2), types.complex64)
    names = ["x.meminfo", "x.parent", "x.size", "x.itemsize", "x.data", "x.shape[0]", "x.shape[1]", "x.strides[0]",
             "x.strides[1]", "pair[0]", "pair[1]", "scale.real", "scale.imag"]  # fmt: skip
    head = ", ".join(f".param .u64 k_param_{n}" for n in range(len(names)))
    module = parse(f".entry k({head}) {{ .reg .b32 %r<9>; ret; }}")
    assert list(words.names_of(module, kern, kinds).values()) == names
    assert words.names_of(module)["k_param_3"] == "parameter 3"


def followed(tid):
    """KERNEL in Python: the values of %r1, %r2, %p1, %p2 after each instruction of a thread."""
    seen, r1, r2 = [], tid, 0
    for place in range(7):
        seen.append((place, {1: {"%r1": tid}, 4: {"%r2": 0}, 5: {"%p1": int(tid < 3)}}.get(place, {})))
    if tid >= 3:
        while True:
            r2 += r1
            r1 -= 7
            seen += [(7, {"%r2": r2}), (8, {"%r1": r1 % 2**32}), (9, {"%p2": int(r1 > 0)}), (10, {})]
            if r1 <= 0:
                break
        r2 += 100
    return [*seen, (11, {"%r2": r2} if tid >= 3 else {}), (12, {}), (13, {})]


@pytest.mark.parametrize(("threads", "warp"), [(8, 0), (70, 2), (64, 1)])
def test_a_trace_holds_what_each_lane_wrote(threads, warp):
    text = KERNEL.replace(".param .u64 _ZN4kernB2v1Ei_param_0", PARAMETERS).replace("[_ZN4kernB2v1Ei_param_0]", "[p4]")
    out = np.zeros(threads, np.uint32)
    lanes, fault = trace(text, (2, 1), threads, [out], at=(1, 0, 0), warp=warp)
    assert fault is None
    assert len(lanes) == min(32, threads - 32 * warp)
    for k, lane in enumerate(lanes):
        tid = 32 * warp + k
        assert lane.whole
        mine = [(s.place, {r: v for r, v in s.results.items() if r[:2] in ("%r", "%p") and r[:3] != "%rd"})
                for s in lane.steps]  # fmt: skip
        assert mine == followed(tid)
        assert lane.steps[-3].ran == (tid >= 3)  # @!%p1
        assert lane.steps[3].results == {"%rd3": out.ctypes.data + 4 * tid}
        assert out[tid] == followed(tid)[-3][1].get("%r2", 0)


PARAMETERS = ", ".join(f".param .u64 p{k}" for k in range(7))


def test_a_trace_is_cut_at_its_limit_and_leads_up_to_a_fault():
    text = KERNEL.replace(".param .u64 _ZN4kernB2v1Ei_param_0", PARAMETERS).replace("[_ZN4kernB2v1Ei_param_0]", "[p4]")
    lanes, _ = trace(text, 1, 32, [np.zeros(32, np.uint32)], limit=10)
    assert not lanes[0].whole and [s.place for s in lanes[0].steps] == [0, 1, 2, 3]
    lanes, fault = trace(text, 1, 32, [np.zeros(4, np.uint32)])
    assert "outside every array" in str(fault) and "%rd3" in str(fault)
    assert lanes[4].steps[-1].place == 12 and lanes[3].steps[-1].place == 13


@pytest.mark.skipif(bool(ptx.missing()), reason=f"NOT RUN: {ptx.missing()}")
def test_lines_of_device_functions_are_told_and_what_is_compiled_stays():
    from cuda_kernels import ladder
    from cuda_kernels.ptx.compiler import ptx_of
    from cuda_kernels.ptx.places import places_of

    build = ladder.rung("gemm", "r2").builds[0]
    before = ptx_of(build.kernel, build.args)
    chains, whole = places_of(build.kernel, build.args)
    assert whole
    flat = instructions(before)
    assert len(chains) == len(flat)
    assert {c[0].file.rpartition("/")[2] for c in chains if len(c) > 1} == {"host.py"}  # the readers of operands
    assert all(c[-1].line == i.line for c, i in zip(chains, flat, strict=True) if c)
    assert [i.form for i in instructions(ptx_of(build.kernel, build.args))] == [i.form for i in flat]


@pytest.mark.skipif(bool(ptx.missing()), reason=f"NOT RUN: {ptx.missing()}")
@pytest.mark.parametrize(
    ("op", "rung", "shapes"),
    [("gemm", "r7", ((37, 20), (20, 44))), ("softmax", "r3", ((5, 70),)), ("reduce_sum", "", ((9, 300),))]
)
def test_a_traced_run_gives_what_any_other_run_gives(op, rung, shapes):
    from cuda_kernels import ladder
    from cuda_kernels.compile.refusals import types_of
    from cuda_kernels.launch import simt_options
    from cuda_kernels.launched import launches
    from cuda_kernels.ptx.compiler import ptx_of

    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape, np.float32) for shape in shapes]
    settings = {"axes": (1,)} if op == "reduce_sum" else {}
    with simt_options(copies=True, checks=False, strict=False), launches() as found:
        ladder.rung(op, rung or None).run(*arrays, **settings)
    for launch in found:
        args, again = ([a.copy() if isinstance(a, np.ndarray) else a for a in launch.args] for _ in range(2))
        ptx.launch(launch.kernel, launch.grid, launch.block, *args, shared_bytes=launch.shared_bytes)
        text = ptx_of(launch.kernel, types_of(launch.args))
        lanes, fault = trace(text, launch.grid, launch.block, again, dynamic_bytes=launch.shared_bytes)
        assert fault is None and len(lanes) == 32 and any(lane.steps for lane in lanes)
        for mine, other in zip(again, args, strict=True):
            np.testing.assert_array_equal(mine, other)
