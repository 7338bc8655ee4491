"""Launching, what is refused, outputs, folding and strictness of faults, stepping, breakpoints, bounded memory."""
import gc
import io
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from numba import cuda, float32

from cuda_kernels import simt
from cuda_kernels.simt.language.source import Source


@cuda.jit
def double(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * float32(2)


@cuda.jit
def sum_dynamic(x, y):
    tile = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    y[t] = tile[x.size - 1 - t]


def line_of(kernel, text):
    function = getattr(kernel, "py_func", kernel)
    source = Source(function)
    return next(n for n, shown in source.lines.items() if text in shown)


def test_numbas_launch_syntax_runs_on_the_machine():
    x, y = np.arange(5, dtype=np.float32), np.zeros(5, np.float32)
    with simt.on() as session:
        report = double[1, 32](x, y)
        double[(1,), (8,)](x, y)
        sum_dynamic[1, 5, 0, 20](x, y)
    assert y.tolist() == [4, 3, 2, 1, 0]
    assert report is session.reports[0]
    assert session.report.kernel == "sum_dynamic" and session.faults == []


def test_forall_runs_on_the_machine():
    x, y = np.arange(300, dtype=np.float32), np.zeros(300, np.float32)
    with simt.on() as session:
        double.forall(300)(x, y)
    assert session.report.grid == (2, 1, 1) and session.faults == []
    np.testing.assert_array_equal(y, x * 2)


def large_local(x):
    own = cuda.local.array(20_000, float32)
    i = cuda.grid(1)
    own[i % 20_000] = x[i]
    x[i] = own[i % 20_000] + float32(1)


def test_large_local_arrays_run_in_smaller_batches():
    x = np.zeros(20_000, np.float32)
    report = simt.launch(large_local, 157, 128, x, outputs=())
    assert {f.kind for f in report.faults} == {"out-of-bounds"}  # 157 * 128 threads for 20,000 elements
    assert (x == 1).all()


def test_kernels_from_a_factory_do_not_pile_up():
    def make(factor):
        def kernel(x):
            x[0] *= factor
        return kernel

    kernel = make(3)
    simt.launch(kernel, 1, 1, np.ones(1))
    alive = weakref.ref(kernel)
    del kernel
    gc.collect()
    assert alive() is None


def test_launch_syntax_is_numbas_again_afterwards():
    original = type(double).__getitem__
    with pytest.raises(ZeroDivisionError), simt.on(checks=False):
        assert type(double).__getitem__ is not original
        raise ZeroDivisionError
    assert type(double).__getitem__ is original


@pytest.mark.parametrize(
    ("grid", "block", "words"),
    [(0, 32, "no blocks"), ((1, 0), 32, "no blocks"), (-1, 32, "no blocks"), (2.0, 32, "not made of integers"),
     (1, 0, "no threads"), (1, 1025, "at most 1024"), (1, (32, 33), "1056 threads"), (1, (1, 1, 65), "65 in z"),
     ((1, 65536), 1, "65536 in y"), ((1, 1, 1, 1), 1, "4 dimensions"), (True, 1, "integers")])
def test_launch_that_a_gpu_refuses_is_reported_and_not_run(grid, block, words):
    x, y = np.ones(4, np.float32), np.zeros(4, np.float32)
    report = simt.launch(double, grid, block, x, y)
    assert {f.kind for f in report.faults} == {"bad-launch"}
    assert words in " ".join(f.message for f in report.faults)
    assert report.faults[0].lines == (line_of(double, "def double"),)
    assert not y.any()
    with pytest.raises(simt.KernelFault):
        simt.launch(double, grid, block, x, y, strict=True)


def large_shared(y):
    a = cuda.shared.array((64, 128), float32)
    b = cuda.shared.array((33, 128), float32)
    t = cuda.threadIdx.x
    a[0, t] = b[0, t] = y[t]


def test_more_than_48_kilobytes_of_static_shared_memory_are_reported():
    report = simt.launch(large_shared, 1, 32, np.zeros(32, np.float32))
    assert [(f.kind, f.lines) for f in report.faults] == [("bad-launch", (line_of(large_shared, "b = "),))]
    assert "49664 bytes" in report.faults[0].message


def test_dynamic_shared_memory_must_be_given_and_small_enough():
    x, y = np.arange(4, dtype=np.float32), np.zeros(4, np.float32)
    missing = simt.launch(sum_dynamic, 1, 4, x, y)
    assert missing.faults[0].kind == "bad-launch" and "shared_bytes" in missing.faults[0].message
    assert simt.launch(sum_dynamic, 1, 4, x, y, shared_bytes=228 * 1024).faults[0].kind == "bad-launch"
    short = simt.launch(sum_dynamic, 1, 4, x, y, shared_bytes=12)
    assert [(f.kind, f.array, f.index) for f in short.faults][0] == ("out-of-bounds", "tile", (3,))


def test_faults_are_folded_counted_and_placed():
    def shifted(x, y):
        i = cuda.grid(1)
        y[i] = x[i + 2] + x[i - 1]

    report = simt.launch(shifted, 3, 32, np.zeros(90, np.float32), np.zeros(96, np.float32))
    line = line_of(shifted, "y[i] =")
    assert [(f.kind, f.lines, f.array) for f in report.faults] == [("out-of-bounds", (line,), "x")]
    fault = report.faults[0]
    assert fault.count == 8 + 1 + 5  # i + 2 past 90; i - 1 = -1; i - 1 past 90
    assert (fault.index, fault.threads, fault.blocks) == ((90,), ((24, 0, 0),), ((2, 0, 0),))
    assert fault.source == f"{line:5d} |         y[i] = x[i + 2] + x[i - 1]"


def test_negative_index_takes_the_other_side_and_is_reported():
    def previous(x, y):
        i = cuda.grid(1)
        y[i] = x[i - 1]

    y = np.zeros(4, np.float32)
    report = simt.launch(previous, 1, 4, np.arange(4, dtype=np.float32) + 5, y)
    assert [(f.kind, f.index, f.count) for f in report.faults] == [("out-of-bounds", (-1,), 1)]
    assert "before its beginning: Numba counts a negative index from the end, and takes 3" in report.faults[0].message
    assert y.tolist() == [8, 5, 6, 7]


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
def test_negative_index_of_every_signed_type_in_every_memory(kind):
    def everywhere(at, x, out, counts):
        shared = cuda.shared.array(4, np.float32)
        own = cuda.local.array(4, np.float32)
        i = cuda.threadIdx.x
        shared[i] = x[i]
        for k in range(4):
            own[k] = x[k]
        cuda.syncthreads()
        if i == 0:
            out[0] = x[at[0]]
            out[1] = shared[at[0]]
            out[2] = own[at[0]]
            out[at[1]] = 9
            cuda.atomic.add(counts, at[0], 1)

    x, out, counts = np.arange(4, dtype=np.float32) + 5, np.zeros(5), np.zeros(4, np.int32)
    report = simt.launch(everywhere, 1, 4, np.array([-3, -1], kind), x, out, counts, outputs=())
    assert out.tolist() == [6, 6, 6, 0, 9]
    assert counts.tolist() == [0, 1, 0, 0]
    assert [(f.kind, f.array) for f in report.faults] == [
        ("out-of-bounds", name) for name in ("x", "shared", "own", "out", "counts")]


def test_index_past_the_beginning_even_from_the_end_and_unsigned_below_zero():
    def far(x, at, out):
        out[0] = x[at[0]]
        out[1] = x[np.uint32(0) - np.uint32(1)]

    out = np.ones(2)
    report = simt.launch(far, 1, 1, np.arange(4.0), np.array([-5]), out)
    assert out.tolist() == [0, 0]
    assert "reaches past the beginning" in report.faults[0].message
    assert report.faults[1].index == (2**64 - 1,)


def test_number_in_brackets_counts_from_the_end_without_a_word():
    def ends(x, out, counts):
        out[-1] = x[-1, -2]
        out[-2] += x[0, -1]
        out[0] = x[-1][1]
        cuda.atomic.add(counts, -1, 1)
        cuda.atomic.add(counts, (-2,), 1)

    x, out, counts = np.arange(6.0).reshape(2, 3), np.zeros(3), np.zeros(3, int)
    report = simt.launch(ends, 1, 4, x, out, counts, outputs=())
    assert (out.tolist(), counts.tolist()) == ([4, 2, 4], [0, 4, 4])
    assert {f.kind for f in report.faults} <= {"race"}  # four threads, one element


def test_strict_raises_at_the_first_fault():
    def wrong(x):
        x[cuda.grid(1) + 1] = 1

    with pytest.raises(simt.KernelFault, match="outside its shape") as caught:
        simt.launch(wrong, 1, 4, np.zeros(4, np.float32), strict=True)
    assert caught.value.fault.kind == "out-of-bounds"


def partly(x, y, z):
    i = cuda.grid(1)
    if i > 0:
        y[i] = x[i]
    cuda.atomic.add(z, i // 2, x[i])


def test_outputs_are_found_or_said():
    x, z = np.ones(8, np.float32), np.zeros(8, np.float32)

    def kinds(**options):
        return [(f.kind, f.array) for f in simt.launch(partly, 1, 8, x, np.zeros(8, np.float32), z, **options).faults]

    assert kinds() == [("unwritten-output", "y")]
    assert kinds(outputs=()) == []
    assert kinds(outputs=("y", "z")) == [("unwritten-output", "y"), ("unwritten-output", "z")]
    assert kinds(outputs=[2, z]) == [("unwritten-output", "z")]
    with pytest.raises(ValueError, match="'w'"):
        kinds(outputs=("w",))


def test_output_never_stored_to_is_reported_when_said():
    def nothing(x, y):
        if x[0] > 5:
            y[0] = 1

    x, y = np.zeros(3, np.float32), np.zeros(3, np.float32)
    assert simt.launch(nothing, 1, 1, x, y).faults == []
    assert simt.launch(nothing, 1, 1, x, y, outputs="y").faults[0].count == 3


def float64_kinds(x, y, n):
    i = cuda.grid(1)
    y[i, 0] = float32(1.0 / x[i])
    y[i, 1] = x[i] / float32(n)
    y[i, 2] = x[i] * 0.5
    y[i, 3] = float32(1 / n)
    y[i, 4] = float32(x[i] * 0.1)
    y[i, 5] = float32(0.5 * x[i]) + float32(-np.inf)


def test_float64_is_reported_where_a_gpu_would_compute_in_it():
    report = simt.launch(float64_kinds, 1, 4, np.ones(4, np.float32), np.zeros((4, 6), np.float32), 3)
    assert {f.kind for f in report.faults} == {"float64"}
    texts = [report.source[f.lines[0]].strip() for f in report.faults]
    assert texts == ["y[i, 2] = x[i] * 0.5", "y[i, 3] = float32(1 / n)", "y[i, 4] = float32(x[i] * 0.1)"]
    doubles = simt.launch(float64_kinds, 1, 4, np.ones(4), np.zeros((4, 6)), 3)
    assert doubles.faults == []


@pytest.mark.parametrize(
    ("condition", "reported"),
    [("x[i] > 0", False), ("x[i] > 0.5", False), ("x[i] > 0.1", True), ("x[i] > float32(0.1)", False),
     ("0.25 < x[i] <= 0.75", False), ("max(x[i], 0.0) > 1", True), ("max(x[i], 0) > 1", True),
     ("max(x[i], float32(0)) > 1", False), ("x[i] > s", True), ("x[i] == 1e40", True), ("n > 0.1", False)])
def test_comparisons_are_float64_where_the_compiled_kernel_is(condition, reported, tmp_path, monkeypatch):
    # What the kernel compiles to (PTX for sm_90, numba-cuda 0.30): setp.f64 and max.f64 appear in just these cases.
    (tmp_path / "compares.py").write_text(
        "from numba import cuda, float32\n\n\ndef kernel(x, y, n, s):\n    i = cuda.grid(1)\n"
        f"    if {condition}:\n        y[i] = x[i]\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "compares", raising=False)
    import compares
    x = np.linspace(-2, 2, 9, dtype=np.float32)
    report = simt.launch(compares.kernel, 1, 9, x, np.zeros(9, np.float32), 3, 0.5, outputs=())
    assert [f.kind for f in report.faults] == ["float64"] * reported


def forever(x):
    i = cuda.grid(1)
    while x[i] >= 0:
        x[i] += 1


def test_endless_loop_ends_at_the_step_limit():
    report = simt.launch(forever, 1, 2, np.array([-1, 0]), step_limit=50)
    assert [(f.kind, f.count, f.threads) for f in report.faults] == [("step-limit", 1, ((1, 0, 0),))]


@pytest.mark.parametrize("checks", [True, False])
def test_batches_do_not_change_the_result(checks):
    x = np.arange(1000, dtype=np.float32)
    for batch_threads in (32, 96, 10_000):
        y = np.zeros_like(x)
        report = simt.launch(double, 32, 32, x, y, checks=checks, batch_threads=batch_threads)
        assert report.faults == [] and report.checked == checks
        np.testing.assert_array_equal(y, x * 2)
        assert report.figures.flops == (1000 if checks else 0)


def test_translation_is_made_once_and_shown():
    assert simt.translation(double) is simt.translation(double.py_func)
    assert "arrays.store(" in simt.translation(double)


def test_empty_arrays_are_arguments_too():
    empty = np.zeros(0, np.float32)
    assert simt.launch(double, 1, 32, empty, empty.copy()).faults == []


def test_numbas_simulator_and_the_machine_exclude_each_other():
    program = "from test_machine_launch import *\nsimt.launch(double, 1, 1, np.zeros(1), np.zeros(1))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          cwd=Path(__file__).parent, env={**_environment(), "NUMBA_ENABLE_CUDASIM": "1"})
    assert done.stderr.splitlines()[-1].startswith("cuda_kernels.simt.errors.SimtError: simt: the environment variable")
    assert "Unset it" in done.stderr


@pytest.mark.parametrize(("program", "status", "says"), [
    ("import minidl\nwith minidl.using(relu='simt'): minidl.functional.relu([1.0])", 1,
     "BackendError: relu: backend 'simt' cannot run: the environment variable NUMBA_ENABLE_CUDASIM"),
    ("import minidl\nminidl.check('relu:r1')", 1, "ImportError: ladder: the environment variable NUMBA_ENABLE_CUDASIM"),
    ("import sys; sys.argv = ['minidl', 'doctor']\nfrom minidl.cli import main; main()", 1,
     "unset NUMBA_ENABLE_CUDASIM"),
    ("import minidl; print(minidl.functional.relu([-1.0]).numpy().tolist())", 0, "[0.0]"),
], ids=["using", "check", "doctor", "numpy"])
def test_with_numbas_simulator_one_sentence_says_what_to_do(program, status, says):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          env={**_environment(), "NUMBA_ENABLE_CUDASIM": "1"})
    assert done.returncode == status
    assert says in done.stdout + done.stderr


# -- stepping ---------------------------------------------------------------------------------------------------------

def staged(x, y):
    tile = cuda.shared.array(8, float32)
    own = cuda.local.array(2, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    own[1] = x[t] + float32(1)
    cuda.syncthreads()
    if t < 3:
        breakpoint()
        y[t] = tile[7 - t] + own[1]


def test_stepper_goes_forward_and_back_over_lines():
    x, y = np.arange(8, dtype=np.float32), np.zeros(8, np.float32)
    stepper = simt.step(staged, 1, 8, x, y)
    stepper.to_line(line_of(staged, "y[t] ="))
    assert stepper.active(block=0).tolist() == [True] * 3 + [False] * 5
    assert stepper.value("tile", block=0).tolist() == x.tolist()
    assert stepper.value("own", block=0, thread=5).tolist() == [0, 6]
    assert stepper.value("t", block=(0, 0, 0), warp=0)[:8].tolist() == list(range(8))
    assert stepper.value("t", thread=(4, 0)) == 4
    assert stepper.value("y").tolist() == [0] * 8
    assert stepper.forward().value("y").tolist() == [8, 8, 8] + [0] * 5
    assert stepper.back().value("y").tolist() == [0] * 8
    assert stepper.to_line(line_of(staged, "tile[t] ="), backwards=True).value("tile", block=0).tolist() == [0] * 8
    assert "->" in str(stepper) and "8 of 8 threads" in str(stepper)
    assert stepper.back(100).position == 0 and stepper.forward(1000).position == len(stepper) - 1
    assert not y.any()  # the caller's arrays stay as they are


def test_stepper_says_what_is_not_there():
    stepper = simt.step(staged, 1, 8, np.zeros(8, np.float32), np.zeros(8, np.float32))
    with pytest.raises(KeyError, match="no variable 'z'"):
        stepper.value("z")
    with pytest.raises(ValueError, match="line 1 does not run"):
        stepper.to_line(1)
    with pytest.raises(IndexError, match="block 7"):
        stepper.forward(5).value("t", block=7)
    with pytest.raises(ValueError, match="no threads"):
        simt.step(staged, 1, 0, np.zeros(8), np.zeros(8))


def test_breakpoint_opens_a_prompt_and_the_launch_goes_on(monkeypatch, capsys):
    x, y = np.arange(8, dtype=np.float32), np.zeros(8, np.float32)
    monkeypatch.setattr(sys, "stdin", io.StringIO(
        "v\np t\nthread 2\np t\nthread\nactive\nb\nn 2\np y\np nothing\nwhat\nhelp\nl\nc\n"))
    assert simt.launch(staged, 1, 8, x, y, outputs=()).faults == []
    assert y.tolist() == [8, 8, 8, 0, 0, 0, 0, 0]
    shown = capsys.readouterr().out
    for text in ("-> ", "x, y, own, t, tile", "[0 1 2 3 4 5 6 7]", "(simt) 2\n", "111.....", "no variable 'nothing'",
                 "unknown command 'what'", "next statement"):
        assert text in shown, text


def test_an_empty_line_goes_on_to_the_next_statement(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n\nq\n"))
    def three(y):
        breakpoint()
        y[0] = 1
        y[1] = 2
        y[2] = 3

    simt.launch(three, 1, 1, np.zeros(3), outputs=())
    places = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if "-> " in line]
    assert places[-2:] == ["y[0] = 1", "y[1] = 2"]


def test_kernel_that_does_not_reach_its_breakpoint_opens_no_prompt(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    def quiet(x):
        if x[0] > 1:
            breakpoint()
        x[0] = 7

    x = np.zeros(1)
    assert simt.launch(quiet, 1, 1, x).faults == []
    assert x[0] == 7


MEMORY = """
import pathlib, re, resource
import numpy as np
from numba import cuda, float32
from cuda_kernels import simt
from test_machine_launch import double

n = 10**7
x = np.ones(n, np.float32)
y = np.zeros(n, np.float32)
report = simt.launch(double, -(-n // 256), 256, x, y)
assert report.faults == [] and (y == 2).all()
assert report.figures.global_load_sectors == n // 8
# Not ru_maxrss where /proc is: on Linux that begins with what the process had that started this one.
status = pathlib.Path("/proc/self/status")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if status.exists():
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
print(peak // 1024)
"""


def test_ten_million_threads_run_in_bounded_memory():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True,
                          cwd=__file__.rsplit("/", 1)[0], env=_environment())
    assert int(done.stdout) < 1000  # MB; the arrays themselves take 80 and their shadow 80


def _environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


def two_huge_arrays(x, out):
    big = cuda.shared.array((4000, 4000), float32)
    out[cuda.grid(1)] = big[0, 0]


def huge_local_array(x, out):
    big = cuda.local.array((100_000, 1000), float32)
    big[0, 0] = x[0]
    out[cuda.grid(1)] = big[0, 0]


@pytest.mark.parametrize("kernel", [two_huge_arrays, huge_local_array])
@pytest.mark.parametrize("checks", [True, False])
def test_array_that_no_gpu_has_room_for_is_a_bad_launch(kernel, checks):
    out = np.ones(64, np.float32)
    report = simt.launch(kernel, 2, 32, out, out, checks=checks)
    assert [f.kind for f in report.faults] == ["bad-launch"]
    assert (out == 1).all()


def static_and_dynamic(x, out):
    tile = cuda.shared.array(3072, float32)  # 12 KB
    more = cuda.shared.array(0, float32)
    tile[cuda.threadIdx.x] = x[cuda.threadIdx.x]
    more[cuda.threadIdx.x] = tile[cuda.threadIdx.x]
    out[cuda.threadIdx.x] = more[cuda.threadIdx.x]


@pytest.mark.parametrize(("dynamic", "refused"), [(36, False), (37, True), (48, True), (49, False), (215, False),
                                                  (216, True), (228, True)])
def test_static_and_dynamic_shared_memory_together(dynamic, refused):
    """48 KB, or 227 KB where the host asks for more, as cuda_kernels.launch does for a dynamic part of over 48."""
    x = np.arange(32, dtype=np.float32)
    out = np.zeros_like(x)
    report = simt.launch(static_and_dynamic, 1, 32, x, out, shared_bytes=dynamic * 1024)
    assert [f.kind for f in report.faults] == ["bad-launch"] * refused
    assert np.array_equal(out, x) is not refused


def test_an_array_between_whose_cells_lie_other_bytes_is_refused():
    def kernel(x):
        x[cuda.grid(1)] = 1

    packed = np.zeros(4, [("a", "f4"), ("b", "i1")])
    with pytest.raises(ValueError, match=r"strides \(5,\) are no multiples of its itemsize 4"):
        simt.launch(kernel, 1, 4, packed["a"])


def test_a_field_of_a_record_may_be_the_only_output():
    def kernel(y):
        i = cuda.grid(1)
        if i < 3:
            y[i].a = y[i].b + 1

    (fault,) = simt.launch(kernel, 1, 4, np.zeros(4, [("a", "f4"), ("b", "f4")])).faults
    assert fault.kind == "unwritten-output" and fault.array == "y.a" and fault.index == (3,)


def test_the_stepper_keeps_as_many_statements_as_it_is_told():
    def kernel(x):
        for i in range(9):
            x[0] = i

    assert len(simt.step(kernel, 1, 1, np.zeros(1), limit=7)) == 7 + 1  # ahead of seven statements, and at the end
