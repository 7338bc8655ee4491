"""`make gpu-bench` without a GPU: its jobs on the SIMT machine, its clock on a fake GPU, reports on made-up records.

Nothing here is a measurement: every time and rate in this file is invented, and written to a temporary folder only.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "backends")]

from fake_gpu import fake_gpu  # noqa: E402

from benchmarks.gpu import bench, bench_families, ceilings, environment, goals, jobs, report, timing  # noqa: E402
from benchmarks.gpu.peers import on_torch  # noqa: E402
from benchmarks.gpu.reference import Reference, gradient_of_result  # noqa: E402
from benchmarks.gpu.runner import Outcome  # noqa: E402
from benchmarks.gpu.timing import Times, judge  # noqa: E402
from benchmarks.gpu.worker import run_cases  # noqa: E402
from cuda_kernels import ladder  # noqa: E402

MADE_UP = {"op": "gemm", "shape": "4096 x 4096 x 4096", "rung": "r11_split_k", "us": 3000.0, "q1": 2990.0, "q3": 3010.0,
           "gflops": 45812.0, "gbs": 67.1, "share": 0.81, "ceiling": "fp32", "ratio": 0.9, "status": "passed",
           "peers": {"PyTorch fp32": 2700.0, "CuPy fp32": 2800.0}, "case": "made up", "default": True}  # fmt: skip


# ---- the jobs


@pytest.mark.parametrize("name", jobs.FAMILIES)
def test_every_job_is_verified_on_the_simt_machine_and_not_timed(name):
    records = io.StringIO()
    run_cases(bench_families.cases(name, "simt"), records)
    done = [r for r in map(json.loads, records.getvalue().splitlines()) if "status" in r]
    assert [r for r in done if r["status"] != "passed"] == []
    assert all(r["why"] == "no GPU: not timed" and "us" not in r for r in done)
    found = jobs.jobs(name, "simt")
    assert {(r["op"], r["shape"]) for r in done if r["default"]} == {(job.kernel, job.shape) for job in found}
    assert len({(job.kernel, job.shape) for job in jobs.jobs(name, "cuda")}) == len(jobs.jobs(name, "cuda"))


def test_every_kernel_has_a_job_or_is_listed_as_left_out():
    made = bench.Bench({"gpu": "Made Up 1"}, bench.parse(["--on", "simt"]))
    said = made.not_run()
    left = next(line for line in said if line.startswith("kernels that have no job")).partition(": ")[2].split(", ")
    timed = {job.kernel for family in jobs.FAMILIES for job in jobs.jobs(family, "simt")}
    assert timed | set(left) == set(ladder.ops()) and not timed & set(left)
    assert {"batched_gemm", "average_pool2d", "lstm", "depthwise_conv2d_backward_weights"} <= timed
    assert "conv2d: not begun yet" in said


def test_a_wrong_result_at_either_end_or_of_any_output_is_seen():
    job = next(j for j in jobs.jobs("normalization", "simt") if j.kernel == "batch_norm_backward")
    inputs = job.make()
    y, cache = bench_families.loaded("batch_norm", "numpy", "forward")(*inputs)
    dy = gradient_of_result(y)
    right = bench_families.loaded("batch_norm", "numpy", "backward")(dy, cache)
    reference = Reference(job, inputs, dy)
    assert reference.compare("r1", right) < 1e-6
    for k in range(3):
        wrong = [g.copy() for g in right]
        wrong[k][..., -1] += 1
        with pytest.raises(AssertionError, match=rf"\[{k}\]"):
            reference.compare("r1", tuple(wrong))


# ---- the clock, on a fake GPU whose time goes by a quarter of a millisecond a question


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(timing, "FLUSH_BYTES", 512)
    monkeypatch.setattr(ceilings, "ROUNDS", 1)
    monkeypatch.setattr(ceilings, "THREADS", 32)
    bench_families.clock.cache_clear()
    with fake_gpu(monkeypatch, total=1 << 26) as context:
        yield context
    bench_families.clock.cache_clear()


def test_the_clock_flushes_between_repeats_and_measures_between_events(gpu):
    clock = timing.Clock()
    flushed = gpu.calls["cuMemsetD8"]
    times = clock.time(lambda: None, seconds=0.0)
    assert times[:3] == (250.0, 250.0, 250.0) and times.repeats in (3, 5)
    assert gpu.calls["cuMemsetD8"] - flushed >= 3 * times.repeats


def test_the_machine_is_described(gpu):
    found = environment.environment("cuda")
    assert found["gpu"] == "Fake GPU" and found["compute capability"] == "9.0" and found["multiprocessors"] == "4"
    assert found["memory"] == "0.1 GiB, 0.1 free"


def test_ceilings_are_measured(gpu, monkeypatch):
    found = ceilings.measure_bandwidth(timing.Clock(), 1 << 10)
    assert found["copy"] == found["triad"] == pytest.approx(12 * 1024 / 250 / 1e3)
    assert found["driver's copy"] == pytest.approx(8 * 1024 / 250 / 1e3)
    assert ceilings.measure_fma(timing.Clock())["fp32"] > 0
    if on_torch.why_none():
        measure = ceilings.measure_bandwidth
        monkeypatch.setattr(ceilings, "measure_bandwidth", lambda clock: measure(clock, 1 << 10))
        assert "PyTorch" in ceilings.measure(timing.Clock())["missing"]


@pytest.mark.parametrize(
    "name", ["elementwise", "updates", "softmax", pytest.param("training", marks=pytest.mark.slow)]
)
def test_the_timing_branch_runs_on_the_fake_gpu(name, gpu, monkeypatch):
    tiny = jobs.jobs
    monkeypatch.setattr(jobs, "jobs", lambda family, on: tiny(family, "simt"))
    monkeypatch.setenv(bench_families.CEILINGS, json.dumps({"copy": 4e3, "fp32": 5e4}))
    clock, quick = bench_families.clock(), timing.Clock.time
    monkeypatch.setattr(clock, "time", lambda run: quick(clock, run, 0.0, 3, 3), raising=False)
    if name == "training":
        monkeypatch.setattr("benchmarks.gpu.host_timing.host_times", lambda step: Times(1e3, 9e2, 1.1e3, 1))
        monkeypatch.setattr(bench_families, "training_images", lambda batch, on: (1, 10, 10, 3))
    records = io.StringIO()
    run_cases(list(bench_families.cases(name, "cuda"))[: 1 if name == "training" else 6], records)
    done = [r for r in map(json.loads, records.getvalue().splitlines()) if "status" in r]
    assert done and [r for r in done if r["status"] != "passed"] == []
    assert all(r["us"] > 0 for r in done)
    if on_torch.why_none() and name != "training":
        assert all("peers" not in r and "no_peer" not in r for r in done)  # said once, with the ceilings


def test_what_is_faster_than_the_ceiling_is_refused():
    record: dict = {}
    judge(record, Times(10.0, 9.0, 11.0, 5), flops=2e9, nbytes=0, bound="fp32", ceilings={"fp32": 60_000.0})
    assert "us" not in record and "cannot be: measured faster than" in record["refused"]
    judge(record := {}, Times(100.0, 9.0, 11.0, 5), flops=2e9, nbytes=4e6, bound="fp32", ceilings={"fp32": 60_000.0})
    assert record["gflops"] == pytest.approx(20_000) and record["share"] == pytest.approx(1 / 3)
    judge(record := {}, Times(100.0, 9.0, 11.0, 5), flops=0, nbytes=4e9, bound="copy", ceilings={"copy": 4000.0})
    assert "GB/s" in record["refused"]


# ---- goals and reports


def test_goals_use_the_default_rung_and_geometric_means_of_each_network():
    conv = [
        {"op": "conv2d", "shape": s, "rung": "r4", "ratio": ratio, "default": True}
        for s, ratio in (("CIFAR a", 0.5), ("CIFAR b", 2.0), ("VGG", 0.6))
    ]
    naive = {"op": "conv2d", "shape": "CIFAR a", "rung": "r1", "ratio": 0.001, "default": False}
    relu = [{"op": op, "shape": "s", "share": share, "default": True} for op, share in
            (("relu", 0.95), ("relu_backward", 0.81))]  # fmt: skip
    said = goals.goals({
        "conv2d": [*conv, naive], "elementwise": relu,
        "training": [{"ratio": 0.5, "shape": "CIFAR CNN, batch 32", "op": "training step"}],
    })  # fmt: skip
    assert "conv forward, CIFAR: 1.00 x cuDNN, geometric mean of 2 (worst 0.50); goal >= 0.75: met" in said
    assert "conv forward, VGG: 0.60 x cuDNN; goal >= 0.75: MISSED by 20%" in said
    assert "conv forward, ResNet; goal >= 0.75 x cuDNN: not measured" in said
    assert "conv forward, all networks: 0.84 x cuDNN, geometric mean of 3 (worst 0.50); goal >= 0.75: met" in said
    assert "elementwise forward: 0.95 x the copy's bandwidth; goal >= 0.9: met" in said
    assert "elementwise backward: 0.81 x the copy's bandwidth; goal >= 0.9: MISSED by 10%" in said
    assert said[-1] == "CIFAR CNN, batch 32: 2.00 x PyTorch eager's time; goal <= 1.5: MISSED by 33%"
    assert said[0].endswith("not measured")


def run(folder: Path, family: str, *records: dict, fresh: bool = False) -> bench.Bench:
    """A run of the bench with made-up results of one family."""
    flags = ["--docs", str(folder / "docs"), "--kernels", str(folder / "kernels")]
    made = bench.Bench({"gpu": "Made Up 1", "numba-cuda": "0.0"}, bench.parse([*flags, *["--fresh"] * fresh]))
    made.take(Outcome(family, [dict(record) for record in records]))
    return made


def test_a_later_run_adds_to_the_report_and_replaces_what_it_measured_again(tmp_path):
    other = {**MADE_UP, "shape": "2 x 2 x 2", "us": 7.0}
    run(tmp_path, "gemm", MADE_UP, other)
    run(tmp_path, "conv2d", {**MADE_UP, "op": "conv2d", "shape": "CIFAR 1", "case": "c"})
    wrong = {"case": "gemm 2 x 2 x 2 r11_split_k", "status": "failed", "why": "wrong values"}
    run(tmp_path, "gemm", {**MADE_UP, "us": 2000.0}, wrong)
    found = json.loads((tmp_path / "docs" / "made-up-1.json").read_text())
    assert [r["us"] for r in found["families"]["gemm"]] == [2000.0]  # the other one is wrong now: it has no time
    assert [r["shape"] for r in found["families"]["conv2d"]] == ["CIFAR 1"] and len(found["runs"]) == 3
    assert "gemm: gemm 2 x 2 x 2 r11_split_k: failed, not timed" in found["not run"]
    page = (tmp_path / "docs" / "made-up-1.md").read_text()
    assert "conv forward, CIFAR: 0.90 x cuDNN; goal >= 0.75: met" in page and "conv2d (numba-cuda 0.0" in page
    run(tmp_path, "reduce", {**MADE_UP, "op": "reduce_sum"}, fresh=True)
    assert list(json.loads((tmp_path / "docs" / "made-up-1.json").read_text())["families"]) == ["reduce"]


def test_a_report_of_another_machine_is_written_into_pages_and_readmes_here(tmp_path, capsys):
    run(tmp_path / "there", "gemm", MADE_UP)
    readme = tmp_path / "kernels" / "gemm" / "README.md"
    readme.parent.mkdir(parents=True)
    readme.write_text("# gemm\n")
    report_there = tmp_path / "there" / "docs" / "made-up-1.json"
    flags = ["--docs", str(tmp_path / "docs"), "--kernels", str(tmp_path / "kernels")]
    assert bench.main(["--rewrite", str(report_there), *flags]) == 0
    assert "| 3000.0 |" in readme.read_text() and "Measured on Made Up 1, 20" in readme.read_text()
    before, after = (json.loads(file.read_text()) for file in (report_there, tmp_path / "docs" / "made-up-1.json"))
    assert before == after


def test_a_report_that_is_no_json_is_replaced(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "made-up-1.json").write_text("{ cut o")
    assert list(run(tmp_path, "gemm", MADE_UP).families) == ["gemm"]


def test_reports_are_written_and_a_readme_keeps_its_text(tmp_path):
    readme = tmp_path / "kernels" / "gemm" / "README.md"
    readme.parent.mkdir(parents=True)
    text = (ROOT / "cuda_kernels" / "gemm" / "README.md").read_text()
    speed = "## Speed\n| all | not run on hardware yet | |\n\nNothing here has run on a GPU.\n\nMore of it."
    readme.write_text(f"# gemm\n\n{speed}\n\n## How\n{text[-300:]}")
    for us in (3000.0, 2900.0):
        run(tmp_path, "gemm", {**MADE_UP, "us": us})
    said = readme.read_text()
    assert said.count(report.BEGIN) == said.count(report.END) == 1
    assert "| 2900.0 |" in said and "3000.0" not in said and "not run on hardware" not in said
    assert said.startswith("# gemm") and text[-60:].strip() in said and "\n\nMore of it.\n\n## How" in said
    page = (tmp_path / "docs" / "made-up-1.md").read_text()
    assert "SGEMM 4096 x 4096 x 4096: 0.90 x cuBLAS fp32; goal >= 0.85: met" in page and "81% (fp32)" in page
    assert "PyTorch fp32 2700.0, CuPy fp32 2800.0 | 0.90 |" in page
    assert np.isclose(json.loads((tmp_path / "docs" / "made-up-1.json").read_text())["families"]["gemm"][0]["us"], 2900)
