"""Threads that meet: barriers, shuffles, votes, matches, reductions, atomics; and what is told when they go wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cuda_kernels.ptx import PtxFault, running
from cuda_kernels.ptx.native import Code, Native, translate

LANES = np.arange(32)


def compiled(body: str, arrays: int, shared: str = "", checked: bool = True) -> Native:
    """A kernel with pointers p0, p1 … as parameters; %t1 is the thread's number, %a1 its word in p0."""
    parameters = ", ".join(f".param .u64 p{k}" for k in range(arrays))
    addresses = "".join(f"ld.param.u64 %p{k}, [p{k}]; mad.wide.u32 %x{k}, %t1, 4, %p{k};\n" for k in range(arrays))
    text = (
        f".version 9.0\n.target sm_80\n{shared}\n.visible .entry test({parameters})\n{{\n"
        ".reg .b32 %t<9>; .reg .b32 %a<9>; .reg .b64 %p<9>; .reg .b64 %x<9>; .reg .pred %q<9>; .reg .b64 %s<9>;\n"
        ".loc 1 5 0\n"
        f"mov.u32 %t1, %tid.x;\n{addresses}ld.global.b32 %a1, [%x0];\n{body}\nret;\n}}"
    )
    return Native(translate(text, checked, level=1))


def run(body: str, *arrays: np.ndarray, block: Any = 32, grid: Any = 1, shared: str = "", order: Any = None) -> None:
    """Compile and run on these arrays."""
    native = compiled(body, len(arrays), shared)
    running.run(native, grid, block, arrays, order=order, threads=1)


@pytest.fixture(autouse=True)
def pointers(monkeypatch: pytest.MonkeyPatch) -> None:
    """PTX written by hand takes an address where Numba's takes an array apart."""
    words = lambda args: b"".join(a.ctypes.data.to_bytes(8, "little") for a in args)  # noqa: E731
    monkeypatch.setattr(running, "parameters_of", words)


SHUFFLES = {
    "up": lambda lane, by, width: lane - by if lane % width >= by else lane,
    "down": lambda lane, by, width: lane + by if lane % width + by < width else lane,
    "bfly": lambda lane, by, width: lane ^ by if (lane ^ by) // width <= lane // width else lane,
    "idx": lambda lane, by, width: lane // width * width + by % width,
}


@pytest.mark.parametrize("width", [32, 16, 8])
@pytest.mark.parametrize("by", [0, 1, 5, 16])
@pytest.mark.parametrize("mode", SHUFFLES)
def test_shuffles_stay_in_their_segment(mode: str, by: int, width: int) -> None:
    data = np.arange(100, 132, dtype=np.int32)
    out = np.zeros(32, np.int32)
    clamp = (32 - width) << 8 | (0 if mode == "up" else 31)
    run(f"shfl.sync.{mode}.b32 %a2|%q1, %a1, {by}, {clamp}, -1; st.global.b32 [%x1], %a2;", data, out)
    np.testing.assert_array_equal(out, [data[SHUFFLES[mode](lane, by, width)] for lane in LANES])


def test_votes_count_the_lanes_they_name() -> None:
    data = np.where(LANES % 3 == 0, 1, 0).astype(np.int32)
    ballot = sum(1 << int(lane) for lane in LANES if lane % 3 == 0)
    for name, expected in (("ballot.sync.b32 %a2", ballot), ("any.sync.pred %q2", 1), ("all.sync.pred %q2", 0)):
        kind, _, rest = name.partition(".")
        out = np.zeros(32, np.uint32)
        keep = "" if kind == "ballot" else "selp.u32 %a2, 1, 0, %q2;"
        target = rest.split()[1]
        modifier = f"vote.sync.{kind}.{rest.split()[0].split('.')[1]}"
        run(f"setp.ne.s32 %q1, %a1, 0; {modifier} {target}, %q1, -1; {keep} st.global.b32 [%x1], %a2;", data, out)
        assert (out == expected).all()
    out = np.zeros(32, np.uint32)  # half of a warp votes, while the other half has gone another way
    body = ("setp.lt.u32 %q2, %t1, 16; @!%q2 bra $end; setp.ne.s32 %q1, %a1, 0; vote.sync.ballot.b32 %a2, %q1, 65535; "
            "st.global.b32 [%x1], %a2; $end:")  # fmt: skip
    run(body, data, out)
    assert (out[:16] == ballot & 0xFFFF).all() and (out[16:] == 0).all()


def test_matches_and_reductions_of_a_warp() -> None:
    data = (LANES % 5).astype(np.int32)
    out = np.zeros(32, np.uint32)
    run("match.any.sync.b32 %a2, %a1, -1; st.global.b32 [%x1], %a2;", data, out)
    np.testing.assert_array_equal(out, [sum(1 << int(k) for k in LANES if k % 5 == lane % 5) for lane in LANES])
    run("match.all.sync.b32 %a2|%q1, %a1, -1; selp.u32 %a2, 1, 0, %q1; st.global.b32 [%x1], %a2;", data, out)
    assert (out == 0).all()
    values = np.array([7 * lane % 32 - 11 for lane in LANES], np.int32)
    for name, expected in (("add.s32", values.sum()), ("min.s32", values.min()), ("max.s32", values.max())):
        got = np.zeros(32, np.int32)
        run(f"redux.sync.{name} %a2, %a1, -1; st.global.b32 [%x1], %a2;", values, got)
        assert (got == expected).all(), name


REVERSE = ("mov.u64 %s1, room; mad.wide.u32 %s2, %t1, 4, %s1; st.shared.b32 [%s2], %a1; bar.sync 0; "
           "mov.u32 %t2, %ntid.x; sub.u32 %t2, %t2, %t1; sub.u32 %t2, %t2, 1; mad.wide.u32 %s2, %t2, 4, %s1; "
           "ld.shared.b32 %a2, [%s2]; st.global.b32 [%x1], %a2;")  # fmt: skip
ROOM = ".visible .shared .align 4 .b8 room[512];"


@pytest.mark.parametrize("block", [1, 31, 32, 100, 128])
def test_a_barrier_orders_shared_memory_in_every_order_of_threads(block: int) -> None:
    data = np.arange(block, dtype=np.int32)
    for seed in range(4):
        out = np.zeros(block, np.int32)
        run(REVERSE, data, out, block=block, shared=ROOM, order=seed)
        np.testing.assert_array_equal(out, data[::-1])


def test_a_missing_barrier_shows_in_some_order() -> None:
    data = np.arange(1, 129, dtype=np.int32)
    native = compiled(REVERSE.replace("bar.sync 0; ", ""), 2, ROOM)
    wrong = 0
    for seed in range(8):
        out = np.zeros(128, np.int32)
        running.run(native, 1, 128, [data, out], order=seed)
        wrong += not np.array_equal(out, data[::-1])
    assert wrong == 8


def test_counting_at_a_barrier() -> None:
    data = (np.arange(100) % 7 == 0).astype(np.int32)
    for name, expected in (
        ("popc.u32 %a2, 0, %q1", data.sum()),
        ("and.pred %q2, 0, %q1", 0),
        ("or.pred %q2, 0, %q1", 1),
    ):
        out = np.zeros(100, np.int32)
        keep = "" if "popc" in name else "selp.u32 %a2, 1, 0, %q2;"
        run(f"setp.ne.s32 %q1, %a1, 0; bar.red.{name}; {keep} st.global.b32 [%x1], %a2;", data, out, block=100)
        assert (out == expected).all()


def test_atomics_over_all_blocks_and_cores() -> None:
    data = np.arange(64, dtype=np.int32)
    names = {"add.u32": 64 * 10 * 3, "max.s32": 3, "or.b32": 3, "inc.u32": None}
    for name, expected in names.items():
        out = np.zeros(64, np.int32)
        most = 1000 if name == "inc.u32" else 3
        native = compiled(f"atom.global.{name} %a2, [%p1], {most};", 2)
        running.run(native, 10, 64, [data, out], threads=2)
        assert out[0] == (640 if expected is None else expected), name
    out = np.zeros(64, np.float32)
    native = compiled("red.global.add.f32 [%p1], 0f3F000000;", 2)
    running.run(native, 10, 64, [data, out], threads=2)
    assert out[0] == 320


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("ld.global.b32 %a2, [%x0+128]; st.global.b32 [%x1], %a2;", r"thread \(0, 0, 0\) of block.*outside every"),
        ("ld.global.b32 %a2, [%p0+2];", "not aligned, 2 bytes into argument 0"),
        ("st.shared.b32 [%p0], %a1; mov.u64 %s1, room; st.shared.b32 [%s1+512], %a1;", "outside every array"),
        ("ld.global.b32 %a2, [%x0]; ld.global.b32 %a3, [%x1+4];", r"thread \(31, 0, 0\).*x1\+4.*outside every"),
        ("ld.global.b32 %a2, [%x0]; ld.global.b32 %a3, [%x1+4]; ld.global.b32 %a4, [%x1+-4];", r"x1\+-4.*outside"),
        ("ld.global.b32 %a2, [%x0]; ld.global.b16 %a3, [%p1+3];", "not aligned, 3 bytes into argument 1"),
        ("trap;", "stopped itself"),
        ("setp.lt.u32 %q1, %t1, 8; @%q1 bra $end; shfl.sync.idx.b32 %a2, %a1, 0, 31, -1; $end:", "waits for ever"),
    ],
)  # fmt: skip
def test_faults_say_kernel_line_thread_and_instruction(body: str, said: str) -> None:
    data, out = np.zeros(32, np.int32), np.zeros(32, np.int32)
    with pytest.raises(PtxFault, match=said) as caught:
        run(body, data, out, shared=ROOM)
    assert "line 5" in str(caught.value)


def test_arrays_that_begin_elsewhere_or_together_are_whole() -> None:
    """A pointer to the last element, one to no multiple of the access, and two arrays at one address."""
    data, out, back = np.arange(32, dtype=np.int32), np.zeros(32, np.int32), np.arange(100, 132, dtype=np.int32)[::-1]
    body = "neg.s32 %t2, %t1; mad.wide.s32 %s1, %t2, 4, %p2; ld.global.b32 %a2, [%s1]; st.global.b32 [%x1], %a2;"
    run(body, data, out, back)
    np.testing.assert_array_equal(out, back)
    room = np.zeros(200, np.uint8)
    begin = -room.ctypes.data % 16 + 4
    odd = room[begin : begin + 128].view(np.int32)
    odd[:] = LANES
    run("ld.global.b32 %a2, [%x2]; st.global.b32 [%x1], %a2;", data, out, odd)
    np.testing.assert_array_equal(out, LANES)
    with pytest.raises(PtxFault, match="not aligned, 0 bytes into argument 2"):
        run("ld.global.v2.b32 {%a2, %a3}, [%p2];", data, out, odd)
    for first, second in ((odd, odd[:8]), (odd[:8], odd)):
        out[:] = 0
        run("ld.global.b32 %a2, [%x2]; st.global.b32 [%x1], %a2;", data, out, first, second)
        np.testing.assert_array_equal(out, LANES)


def test_a_loop_without_an_end_is_stopped_and_named() -> None:
    native = compiled(".loc 1 7 0\n$again: add.u32 %a2, %a2, 1; setp.ne.u32 %q1, %t1, 99; @%q1 bra $again;", 1)
    with pytest.raises(PtxFault, match=r"line 7.*still in this loop"):
        running.run(native, 2, 32, [np.zeros(32, np.int32)], limit=0.2)


def test_code_from_the_cache_is_the_code() -> None:
    text = ".version 9.0\n.target sm_80\n.visible .entry test(.param .u64 p)\n{ ret; }"
    code = translate(text)
    assert Code.from_bytes(code.to_bytes()) == code


def test_a_table_of_places_sends_each_thread_to_its_own() -> None:
    out = np.zeros(32, np.int32)
    places = "\n".join(f"$L{k}:\nst.global.u32 [%x0], {10 * k};\nbra.uni $end;" for k in range(3))
    run(f"rem.u32 %t2, %t1, 3;\n$table: .branchtargets $L0, $L1, $L2;\nbrx.idx %t2, $table;\n{places}\n$end:", out)
    np.testing.assert_array_equal(out, 10 * (LANES % 3))
