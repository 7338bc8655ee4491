"""The runner: files, isolation with limits, verdicts told the same twice, the folder, watch, and the commands."""

import contextlib
import json
import linecache
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numba import cuda, float32
from typer.testing import CliRunner

from minidl import course
from minidl.cli.app import app
from minidl.cli.app import run as main
from minidl.course import catalog
from minidl.course.checker import isolate
from minidl.course.checker.isolate import isolated, packed, unpacked
from minidl.course.checker.judging import check_source
from minidl.course.checker.running import Ran, Runs
from minidl.course.folder import Folder
from minidl.course.teaching.submission import FORMAT
from minidl.course.watch import Watch
from minidl.errors import ArgumentError, UnknownNameError

ADD = """
from numba import cuda

@cuda.jit
def add(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]
"""
NEURON = "import numpy as np\n\ndef loss_and_gradients(x, t, w, b):\n    {}\n"
FORKS = [True, False] if sys.platform.startswith("linux") else [False]
CALLS_ITSELF = """
def deeper(n):
    try:
        return deeper(n + 1)
    except RecursionError:
        return n

print(deeper(1))

def loss_and_gradients(x, t, w, b):
    return 0
"""
SCALE = 1


def failure_of(which, source, **options):
    result = check_source(which, source, **options)
    assert result.state == "failed" and result.failure is not None, result.text()
    return result.failure


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("def add(a, b, y, size:\n", "syntax"),
        (ADD.replace("def add", "def ad"), "near-name"),
        ("x = 1\n", "no-function"),
        (ADD.replace("y, size", "y"), "parameters"),
        (ADD.replace("@cuda.jit", ""), "no-jit"),
        (ADD.replace("@cuda.jit", "@jit").replace("import cuda", "import cuda, jit"), "other-jit"),
        ("import os\n" + ADD, "import"),
        ("from minidl.ops import gemm\n" + ADD, "import"),
        (ADD + "\nopen('x')\n", "forbidden"),
        (ADD + "\n().__class__.__bases__\n", "forbidden"),
    ],
)
def test_what_the_text_alone_says(source, code):
    failure = failure_of(13, source)
    assert failure.stage == "file" and failure.code == code and "{" not in failure.said[0] + failure.said[1]


@pytest.mark.parametrize("result", ['"a", "b", "c"', "1j, w * 1j, 2j"])
def test_texts_and_complex_numbers_are_no_numbers(result):
    failure = failure_of(1, NEURON.format(f"return {result}"))
    assert failure.code == "no-number" and failure.facts["got"] in ("'a'", "1j")


def test_a_file_half_filled_in_is_begun():
    starter = catalog.starter(14)
    assert starter.count("...  #") == 2 and check_source(14, starter).state == "not begun"
    failure = failure_of(14, starter.replace("...  #", "pass  #", 1))
    assert failure.code == "unfinished" and failure.facts["k"] == 1 and failure.facts["n"] == 2
    assert failure.lines == (failure.facts["L"],) and "..." in starter.splitlines()[failure.lines[0] - 1]


@pytest.mark.parametrize("fork", FORKS)
def test_limits_of_time_memory_and_a_death(fork):
    def code(line, **more):
        return failure_of(1, NEURON.format(line), fork=fork, **more).code

    assert code("while True: pass", seconds=1.0) == "no-return"
    assert code("raise SystemExit(0)") == "raises"
    if sys.platform.startswith("linux"):
        assert failure_of(1, NEURON.format("a = np.ones(1 << 32)"), fork=fork).facts["kind"].endswith("MemoryError")
    right = check_source(13, ADD, fork=fork)
    assert right.passed and right.stars == 2 and right.figures["sectors"] == 384


@pytest.mark.parametrize("limit", [1000, 3000])
@pytest.mark.parametrize("fork", FORKS)
def test_how_deep_a_file_may_call_does_not_depend_on_who_checks_it(fork, limit):
    before = sys.getrecursionlimit()

    def deep(calls):  # as if the check were asked for from deep within another program
        if calls:
            return deep(calls - 1)
        told = check_source(6, catalog.bank(6).wrong["recursion"].source, fork=fork).failure
        return told.mistake, check_source(1, CALLS_ITSELF, fork=fork).printed

    try:
        sys.setrecursionlimit(limit)
        told, reached = deep(200)
    finally:
        sys.setrecursionlimit(before)
    assert told == "recursion" and 940 < int(reached) <= 1000


def test_a_file_that_ends_its_process_is_told():
    source = "import ctypes\n" + ADD
    assert failure_of(13, source).code == "import"
    runs = isolated(13, "import os\nos._exit(3)\n" + ADD)  # past the reading of its text, as a cheat might get
    assert runs.error is not None and runs.error[0] == "died"


def test_results_travel_as_data():
    ran = Ran(0, 2, outputs=[np.array([1.0, np.nan], np.float32)], figures={"lines": [(1, 2)], "sectors": np.int64(3)})
    back = unpacked(packed(Runs([ran], printed="x")))
    assert back.printed == "x" and back.ran[0].figures["sectors"] == 3 and back.ran[0].case == 2
    np.testing.assert_array_equal(back.ran[0].outputs[0], ran.outputs[0])


def test_what_a_kernel_prints_is_cut():
    result = check_source(13, ADD.replace("    if", "    print(i)\n    if"))
    assert result.passed and len(result.printed.splitlines()) == 9 and "more lines" in result.printed


def test_another_seed_has_other_numbers():
    first, other = (
        [c.inputs[0] for c in catalog.load(13).tasks[0].cases(course.Draw("vector_add", s))] for s in (0, 7)
    )
    assert [a.shape for a in first] == [a.shape for a in other] and not np.array_equal(first[1], other[1])
    assert check_source(13, ADD, seed=7).passed


def test_a_mistake_is_recognised_in_another_style():
    source = ADD.replace(
        "i = cuda.grid(1)", "block, threads = cuda.blockIdx.x, cuda.blockDim.x\n    n = cuda.threadIdx.x"
    )
    turned = source.replace("    if i < size:", "    i = block\n    i += threads * n\n    if size > i:")
    assert failure_of(13, turned).mistake == "swapped"
    neuron = NEURON.format(
        "z = x.dot(w) + np.float32(b)\n    loss = (np.logaddexp(0, z) - z * t).mean().astype(x.dtype)\n"
        "    d = (np.float32(1) / (1 + np.exp(-z)) - t)\n    return loss, d @ x, np.sum(d)"
    )
    assert failure_of(1, neuron).mistake == "sum_not_mean"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Folder.make()


def test_folder_keeps_files_and_progress(folder):
    path, new = folder.start(13)
    assert new and path.name == "13_vector_add.py" and not folder.start(13)[1]
    assert folder.check(13).state == "not begun" and folder.current == 13
    path.write_text(ADD)
    assert folder.check(13).passed and folder.of(13)["checks"] == 2 and folder.of(13)["stars"] == 2
    assert folder.next() != 13
    folder.start(13, again=True)
    assert path.with_name("13_vector_add.py.1").read_text() == ADD and "..." in path.read_text()
    (folder.path / ".course" / "progress.json").write_text("{ damaged")
    assert folder.of(13) == {}
    with pytest.raises(ArgumentError, match="is not there"):
        folder.check(24)


def test_commands(folder):
    run = CliRunner().invoke
    assert run(app, ["exercises", "start", "vector_add"]).exit_code == 0
    path = folder.file(13)
    assert run(app, ["exercises", "check"]).exit_code == 2
    path.write_text(ADD.replace("if i < size", "if True"))
    failed = run(app, ["exercises", "check", "13", "--json", "r.json", "--language", "zh"])
    assert (
        failed.exit_code == 1
        and "线程" in failed.output
        and json.loads(Path("r.json").read_text("utf-8"))["failure"]["code"] == "F1"
    )
    path.write_text(ADD)
    assert run(app, ["exercises", "check"]).exit_code == 0
    hints = [run(app, ["exercises", "hint", "13"]).output for _ in range(4)]
    assert "hint 1" in hints[0] and "hint 2" in hints[1] and hints[2] == hints[3]
    assert "★★" in run(app, ["exercises", "list"]).output
    assert json.loads(run(app, ["exercises", "list", "--json", "--track", "b"]).output)[0]["stars"] == 2
    assert "barrier" in run(app, ["exercises", "explain", "F8"]).output
    assert run(app, ["exercises", "submit", "--out", "s.json"]).exit_code == 0
    handed_in = json.loads(Path("s.json").read_text("utf-8"))
    assert handed_in["format"] == FORMAT and handed_in["exercises"][0]["source"] == ADD
    assert run(app, ["exercises", "reset", "13"]).exit_code == 0 and "..." in path.read_text()
    with pytest.raises(UnknownNameError, match="vector_add"):
        catalog.number_of("vectoradd")


def test_watch_checks_what_is_saved_and_takes_keys(folder):
    said = []
    watch = Watch(folder, 13, said.append)
    watch.begin()
    assert "polling" in said[0] and "not begun" in said[1] and not watch.look()
    folder.file(13).write_text(ADD.replace("if i < size", "if True"))
    started = time.perf_counter()
    assert watch.look() and "✗ machine" in said[-1] and time.perf_counter() - started < 20
    os.utime(folder.file(13), (1, 1))
    assert not watch.look()  # a new time, the same text
    new = folder.path / "new"
    new.write_text(ADD)
    new.replace(folder.file(13))  # as some editors save
    assert watch.look() and "★★" in said[-1]
    assert watch.key("h") and "hint 1" in said[-1] and watch.key("l") and watch.key("\n") and watch.key("?")
    assert watch.key("n") and watch.number != 13 and not watch.key("q")


def test_check_of_what_a_cell_defines():
    half = float32(0.5)

    @cuda.jit
    def add(a, b, y, size):
        i = cuda.grid(1)
        if i < size * SCALE:
            y[i] = a[i] + b[i]

    result = course.check("vector_add", add)
    assert half == 0.5 and result.passed, result.text()
    assert "vector_add" in result._repr_html_()


def test_check_of_a_class_that_a_cell_defines():
    cell = """
class Tape:
    def __init__(self):
        self.entries = []

    def apply(self, forward, backward, *inputs):
        return forward(*inputs)

    def gradient(self, loss, x):
        return x * 0
"""
    linecache.cache["/tmp/ipykernel_1/2.py"] = (len(cell), None, cell.splitlines(True), "/tmp/ipykernel_1/2.py")
    names = {"__name__": "__main__"}  # of which inspect finds no file
    exec(compile(cell, "/tmp/ipykernel_1/2.py", "exec"), names)
    result = course.check("tape", names["Tape"])
    assert result.source.startswith("class Tape:") and "return x * 0" in result.source
    assert not result.passed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("check 99", "unknown exercise: '99'. There are 1 to"),
        ("start vectoradd", "Did you mean 13 vector_add?"),
        ("watch -- -1", "unknown exercise: '-1'"),
        ("list --track Z", "unknown track: 'Z'"),
        ("check 13 --language fr", "unknown language: 'fr'"),
        ("explain F99", "There are F1 to F22"),
        ("milestone neurons", "Did you mean 'neuron'?"),
        ("check 16", "`minidl exercises start 16` writes it"),
        ("picture 16", "`minidl exercises start 16` writes it"),
        ("submit 16", "`minidl exercises start 16` writes it"),
        ("check 13 --json no/such/folder.json", "No such file or directory"),
    ],
)
def test_wrong_input_is_a_sentence(folder, capsys, arguments, said):
    folder.start(13)
    before = sorted(folder.path.iterdir())
    assert main(["exercises", *arguments.split()]) == 1
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told and len(told) < 300
    assert sorted(folder.path.iterdir()) == before


def test_without_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command in ("check", "hint", "picture", "submit", "milestone"):
        assert main(["exercises", command]) == 1 and "no folder of exercises here" in capsys.readouterr().err
    assert main(["exercises", "start", "99"]) == 1 and list(tmp_path.iterdir()) == []
    assert main(["exercises", "list"]) == 0 and "→  1 neuron" in capsys.readouterr().out


@pytest.mark.parametrize(
    "damaged",
    ["{ dam", "[1, 2]", "", "\x00\xff", '{"vector_add": 5, "current": 7}',
     '{"vector_add": {"stars": "many", "hints": [], "told": 3, "checked": 4}, "current": {"number": "x"}}'],
)  # fmt: skip
def test_a_damaged_progress_does_no_harm(folder, damaged):
    folder.start(13)
    kept = folder.path / ".course" / "progress.json"
    kept.write_bytes(damaged.encode("latin-1"))
    run = CliRunner().invoke
    for command in ("list", "hint 13", "check 13", "guesses", "milestone", "start 14"):
        result = run(app, ["exercises", *command.split()])
        assert result.exception is None or isinstance(result.exception, SystemExit), command
    assert folder.of(13)["checks"] == 1 and folder.current == 14
    aside = kept.with_name("progress.json.damaged")
    assert not aside.exists() or aside.read_bytes() == damaged.encode("latin-1")
    assert aside.exists() == (damaged in ("{ dam", "[1, 2]", "\x00\xff"))


def test_nothing_can_be_written(folder, capsys, monkeypatch):
    """A full disk, or somebody else's folder: the verdict and the hint are given all the same, and no file is lost."""
    folder.start(13)
    folder.file(13).write_text(ADD)

    @contextlib.contextmanager
    def full(path):
        raise OSError(28, "No space left on device", str(path))
        yield

    monkeypatch.setattr("minidl.course.folder.atomic_write", full)
    monkeypatch.setattr("minidl.markup.atomic_write", full)
    assert main(["exercises", "check", "13"]) == 0 and "not remembered: No space left" in capsys.readouterr().out
    assert main(["exercises", "hint", "13"]) == 0 and "hint 1" in capsys.readouterr().out
    for command in ("start 14", "reset 13", "picture 13"):
        assert main(["exercises", *command.split()]) == 1 and "No space left" in capsys.readouterr().err
    assert folder.file(13).read_text() == ADD and not folder.file(14).exists()


def test_explain_lists_the_faults():
    said = CliRunner().invoke(app, ["exercises", "explain"]).output
    assert said.startswith("F1     a thread without an element\n") and len(said.splitlines()) == 23


def test_a_child_is_waited_for_by_the_time_that_it_computed(monkeypatch):
    patience = isolate._Patience(os.getpid(), 0.01)
    time.sleep(0.02)
    monkeypatch.setattr(isolate, "_processor_time", lambda pid: 0.0)  # a busy machine: it has not had its turn
    assert patience.left() > 0
    time.sleep(0.06)
    monkeypatch.setattr(isolate, "_processor_time", lambda pid: 0.02)
    assert patience.left() == 0.0
