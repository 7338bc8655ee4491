"""The programs `make gpu-check` and `make gpu-bench`, without a GPU: their logic, on made-up records and families.

Nothing here is a measurement: every time and rate in this file is invented, and written to a temporary folder only.
"""

from __future__ import annotations

import functools
import io
import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import minidl
from cuda_kernels._cuda import cuda, float32
from minidl.backends.students.register import unregister_kernel

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "backends")]

from fake_gpu import fake_gpu  # noqa: E402

from benchmarks.gpu import bench, check  # noqa: E402
from benchmarks.gpu.checks import device, families, ops  # noqa: E402
from benchmarks.gpu.runner import Family, Outcome, run_families, run_family  # noqa: E402
from benchmarks.gpu.worker import NotRun, run_cases  # noqa: E402

WORKER = """
import os, sys, time
sys.path.insert(0, {root!r})
from benchmarks.gpu.worker import run_cases
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
def right(): return {{"error": 0.5}}
def wrong(): raise AssertionError("wrong values")
def dies(): os._exit(11)
def hangs(): time.sleep(600)
cases = [(name, globals()[name]) for name in {names!r}]
with open(args["--records"], "a") as records:
    usable = run_cases(cases, records, int(args["--after"]), usable=lambda: {usable})
os._exit({code} if usable else 3)
"""


def family(*names, usable=True, silence=60.0, seconds=300.0, code=0):
    text = WORKER.format(root=str(ROOT), names=names, usable=usable, code=code)
    return Family("made up", [sys.executable, "-c", text], seconds, silence)


def outcome_of(*names, **options):
    return run_family(family(*names, **options), time.monotonic() + 300)


def statuses(outcome):
    return [(record["case"], record["status"]) for record in outcome.records]


def test_a_crash_costs_one_case():
    outcome = outcome_of("right", "dies", "wrong", "right")
    assert statuses(outcome) == [("right", "passed"), ("dies", "crashed"), ("wrong", "failed"), ("right", "passed")]
    assert "code 11" in outcome.records[1]["why"] and not outcome.not_run


def test_a_hanging_case_is_stopped_and_the_rest_runs():
    outcome = outcome_of("hangs", "right", silence=5.0)  # a busy computer starts a worker in less
    assert statuses(outcome) == [("hangs", "crashed"), ("right", "passed")]
    assert "hangs" in outcome.records[0]["why"]


def test_a_lost_context_goes_on_in_a_new_process():
    outcome = outcome_of("wrong", "right", usable=False)
    assert statuses(outcome) == [("wrong", "failed"), ("right", "passed")]


def test_a_tool_that_finds_something_at_the_end_is_a_failure():
    outcome = outcome_of("right", code=9)  # as compute-sanitizer's --error-exitcode
    assert statuses(outcome) == [("right", "passed"), ("(after its last case)", "crashed")]
    assert len(outcome.bad) == 1


def test_a_worker_that_cannot_start_says_why():
    outcome = run_family(
        Family("none", [sys.executable, "-c", "raise SystemExit('no such package')"]), time.monotonic() + 300
    )
    assert "no such package" in outcome.bad[0]["why"]


def test_the_time_budget_stops_families_and_says_so():
    heard = []
    outcomes = run_families([family("right", "hangs"), family("right")], 1 / 60, tell=heard.append)
    assert len(outcomes) == len(heard) == 2
    assert "time budget" in outcomes[0].not_run and "before it began" in outcomes[1].not_run
    assert not outcomes[0].bad  # what there was no time for has not failed


def test_cases_that_cannot_run_are_reported_with_their_reason():
    def cannot():
        raise NotRun("no peer here")

    records = io.StringIO()
    assert run_cases([("one", cannot), ("two", lambda: None)], records)
    found = [json.loads(line) for line in records.getvalue().splitlines()]
    assert [r["status"] for r in found if "status" in r] == ["not run", "passed"]
    assert found[1]["why"] == "no peer here"


@cuda.jit
def relu_that_leaves_the_last_out(x, y, size):
    i = cuda.grid(1)
    if i < size - 1:
        y[i] = max(x[i], float32(0))


@cuda.jit
def relu_that_is_wrong(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0.1))


@pytest.mark.parametrize(
    "kernel, said", [(relu_that_leaves_the_last_out, "never written"), (relu_that_is_wrong, "wrong")]
)
def test_a_planted_wrong_kernel_is_caught(kernel, said, pools_as_before):
    from cuda_kernels.launch import simt_options

    x = np.linspace(-1, 1, 35, dtype=np.float32)
    ops.fill_new_memory_with_nan()
    minidl.register_kernel("relu", "planted", kernel)
    try:
        names = dict(ops.op_cases([("relu", (x,), {})], "simt"))
        case = names["relu #0 35: simt:planted"]
        records = io.StringIO()
        with simt_options(strict=False):
            run_cases([("planted", case)], records)
    finally:
        unregister_kernel("relu", "planted")
    found = json.loads(records.getvalue().splitlines()[1])
    assert found["status"] == "failed" and said in found["why"]


@pytest.fixture
def pools_as_before():
    from minidl.backends.devices import memory

    yield
    memory.use_pools()


def test_results_that_differ_between_two_runs_are_a_failure(monkeypatch):
    answers = iter([1.0, 1.0 + 1e-6])

    def forward(x):
        return np.full_like(x, next(answers)), None

    load = ops.table.load
    monkeypatch.setattr(ops.table, "load", lambda op, b, d: forward if b == "simt:r1" else load(op, "numpy", d))
    monkeypatch.setattr(ops, "reference", lambda *case: (np.ones(3), None, None))
    with pytest.raises(AssertionError, match="a race"):
        ops.check_rung("relu", (np.ones(3, np.float32),), {}, "simt:r1")


@pytest.mark.parametrize("name", ["errors", "reduce", "softmax"])
def test_the_branch_for_a_gpu_runs_on_the_fake_one(name, monkeypatch, pools_as_before):
    with fake_gpu(monkeypatch, total=1 << 28):
        cases = list(families.cases(name, "cuda", subset=name != "errors"))
        records = io.StringIO()
        run_cases(cases, records)
    found = [json.loads(line) for line in records.getvalue().splitlines()]
    done = [r for r in found if "status" in r]
    assert len(done) >= 8 and [r for r in done if r["status"] != "passed"] == []


def test_training_on_the_fake_gpu(monkeypatch):
    monkeypatch.setattr(device, "train", functools.partial(_short, device.train))
    with fake_gpu(monkeypatch):
        assert device.check_training("cuda", "cuda")["error"] < 1e-4


def _short(train, backend, steps, batch):
    from minidl.cli import networks

    def tiny(shape, classes):
        layers = minidl.layers
        return minidl.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(classes, "softmax")])

    before, networks.cnn = networks.cnn, tiny
    try:
        return train(backend, 2, batch)
    finally:
        networks.cnn = before


def test_gpu_check_on_the_simt_machine_end_to_end(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert check.main(["--on", "simt", "--only", "softmax", "--json", str(tmp_path / "r.json"), "--minutes", "1"]) == 0
    said = capsys.readouterr().out
    assert "numba-cuda" in said and "ok     softmax" in said
    assert "compute-sanitizer: it needs a GPU" in said and "gemm: not asked for" in said
    assert json.loads((tmp_path / "r.json").read_text())["failed"] == 0


def test_a_sanitizer_that_refuses_the_machine_is_not_run_and_no_failure(capsys):
    why = "the process ended with code 255\n========= Error: Device not supported. Please refer to ..."
    outcomes = [
        Outcome(name, [{"case": "(before its first case)", "status": "crashed", "why": why}])
        for name in ("memcheck:gemm", "gemm")
    ]
    for outcome in outcomes:
        check.tell(outcome)
    assert [len(outcome.bad) for outcome in outcomes] == [0, 1]
    said = check.not_run(outcomes, check.parse(["--on", "simt"]))
    assert (
        "memcheck:gemm: (before its first case): compute-sanitizer does not work here: 'Device not supported'" in said
    )


def test_the_sanitizers_command_line(monkeypatch):
    monkeypatch.setattr(check, "sanitizer", lambda: "/somewhere/compute-sanitizer")
    commands = [family.command for family in check.planned(check.parse([])) if ":" in family.name]
    assert len(commands) == 2 * len(check.SANITIZED)
    assert commands[0][:3] == ["/somewhere/compute-sanitizer", "--tool", "memcheck"]
    assert commands[0][commands[0].index("-m") - 1] == sys.executable and "--subset" in commands[0]


def test_without_a_gpu_both_programs_say_so(capsys):
    from cuda_kernels.launch import gpu_problem

    if gpu_problem() is None:
        pytest.skip("NOT RUN: this machine has a GPU")
    assert check.main([]) == 2 and bench.main([]) == 2
    assert capsys.readouterr().out.count("Nothing was run") == 2


def test_the_families_name_every_op():
    from benchmarks.gpu.cases import small_cases
    from minidl.backends.table import HOST_ONLY
    from minidl.ops.op import records

    assert {case[0] for case in small_cases()} == set(records()) - HOST_ONLY
