"""What `lens.time` says, refuses and draws. No assertion here depends on how fast anything is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import minidl
from minidl import lens
from minidl.backends.devices.facts import DEVICES
from minidl.backends.table import NO_GRADIENT
from minidl.cli.app import run
from minidl.errors import (
    ArgumentError,
    BackendError,
    DataError,
    MinidlError,
    ShapeError,
    TimingError,
    UnknownNameError,
)
from minidl.lens.timing import rooflines, timing
from minidl.lens.timing.costs import Cost
from minidl.lens.timing.crossovers import Crossover, CrossoverRow
from minidl.lens.timing.examples import example_inputs, example_shapes
from minidl.lens.timing.results import Spread, Timing, Timings
from minidl.lens.timing.rooflines import Roofline
from minidl.ops.op import records

MADE_UP = Roofline("a made-up machine", 1e12, 1e10, 1e11, 1000, "made up")
no_gpu = pytest.mark.skipif(
    not DEVICES["cuda"].why_not(), reason="NOT RUN: there is a GPU, which gives times and no bound"
)


@pytest.fixture(autouse=True)
def known_roofline(monkeypatch):
    """A roofline that nothing beats, so that no test waits for a measurement."""
    monkeypatch.setattr(rooflines, "_MEASURED", {"cpu": Roofline("this machine", 1e15, 1e15, 1e15, 0, "made up")})
    monkeypatch.setattr(rooflines, "_measure_cpu", lambda: rooflines._MEASURED["cpu"])


def quick(op, inputs, backends=("numpy",), **options):
    return lens.time(op, inputs, backends, **{"repeats": 2, "flush": False} | options)


def made_up(**changes):
    cost = Cost(2_000_000, 4000, "2 M N K")
    plain = Timing("gemm", "forward", ((10, 10), (10, 10)), "numpy", "measured", "a made-up machine", cost, MADE_UP,
                   first=0.5, call=Spread(4e-6, 3e-6, 6e-6, 9))  # fmt: skip
    return replace(plain, **changes)


# ---- what is timed


@pytest.mark.parametrize("op", sorted(records()))
def test_every_op_can_be_timed_both_ways_by_one_size(op):
    for direction in ("forward",) if op in NO_GRADIENT else ("forward", "backward"):
        (found,) = quick(op, example_shapes(op, 5), direction=direction)
        assert found.kind == "measured" and found.call.repeats == 2 and found.first > 0
        assert found.call.low <= found.call.median <= found.call.high
        assert found.cost.flops is not None and found.direction == direction


def test_inputs_differ_from_repeat_to_repeat_and_are_of_the_kind_the_op_takes(monkeypatch):
    seen = []

    def forward(x):
        seen.append(x.copy())
        return x * 2, None

    minidl.register_op("timed_twice", forward, replace=True)
    (found,) = quick("timed_twice", [(3, 4)], repeats=6)
    assert found.cost.flops is None and found.cost.nbytes == 2 * 48  # nothing is known of an op of one's own
    repeats = seen[-6:]
    assert all(not np.array_equal(a, b) for a, b in zip(repeats, repeats[1:], strict=False))
    rng = np.random.default_rng(0)
    labels, scores = example_inputs("sparse_categorical_crossentropy", [(50,), (50, 3)], rng)
    assert labels.dtype == np.int32 and set(labels) == {0, 1, 2}
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, rtol=1e-5)
    assert example_inputs("where", [(4, 4), (4, 4), (4, 4)], rng)[0].dtype == bool
    given = np.arange(3.0)
    assert example_inputs("relu", [given], rng)[0] is not given


def test_caches_are_filled_before_every_repeat_unless_told_not_to(monkeypatch):
    from minidl.lens.timing import jobs as timing_jobs

    filled = []
    monkeypatch.setattr(timing_jobs, "_fill_caches", lambda: filled.append(1))
    quick("relu", [(3, 4)], repeats=5, flush=True)
    assert len(filled) == 5
    quick("relu", [(3, 4)], repeats=5)
    assert len(filled) == 5


def test_backward_times_the_backward_alone():
    calls = []

    def forward(x):
        calls.append("forward")
        return x * 2, None

    def backward(dy, cache):
        calls.append("backward")
        return (dy * 2,)

    minidl.register_op("timed_both", forward, backward, replace=True)
    quick("timed_both", [(3,)], direction="backward", repeats=4)
    assert calls[-4:] == ["backward"] * 4


def test_a_backend_of_ones_own_is_timed_beside_numpy():
    from minidl.ops.activations import relu_forward

    minidl.register_backend("relu", "timed_mine", forward=relu_forward)
    found = quick("relu", [(3, 4)], ["numpy", "timed_mine"])
    assert [t.backend for t in found] == ["numpy", "timed_mine"] and found["timed_mine"].cost == found["numpy"].cost
    with pytest.raises(BackendError, match="no backward"):
        quick("relu", [(3, 4)], ["timed_mine"], direction="backward")


def test_a_view_moves_nothing():
    (found,) = quick("transpose", [(3, 4)])
    assert found.cost.nbytes == 0 and "view" in found.notes[0]
    (copied,) = quick("relu", [(3, 4)])
    assert copied.cost.nbytes == 96


# ---- without a GPU: a bound, and never a time


@no_gpu
@pytest.mark.parametrize("backend", ["cuda", "simt", "simt:r1_naive"])
def test_without_a_gpu_there_is_a_bound_and_never_a_time(backend):
    (found,) = lens.time("gemm", [(5, 7), (7, 3)], [backend], gpu="T4")
    assert found.kind == "bound" and found.roof.device == "T4"
    assert (found.first, found.call, found.kernel, found.up, found.down) == (None,) * 5
    assert (found.seconds, found.total, found.share, found.flops_per_second) == (None,) * 4
    assert found.least_seconds == max(210 / 8.1e12, 4 * (35 + 21 + 15) / 320e9)
    assert found.counted.kernels == 1 and found.counted.sector_bytes % 32 == 0
    assert found.counted.asked_bytes >= found.cost.nbytes
    text = repr(Timings([found]))
    assert "bound ≥" in text and "no time but a bound" in text


def test_simt_counts_the_rung_that_was_asked_for():
    naive, best = (lens.time("gemm", [(5, 7), (7, 3)], [b])[0] for b in ("simt:r1_naive", "simt"))
    assert naive.counted.flops == 210 < best.counted.flops
    (backward,) = lens.time("dense", [(5, 7), (7, 3), (3,)], "simt:r1_naive", direction="backward")
    assert backward.counted.kernels == 3 and backward.cost.flops == 2 * 210 + 15


def test_a_large_op_is_bound_by_its_formula_alone(monkeypatch):
    monkeypatch.setattr(timing, "SIMULATED_AT_MOST", 100)
    (found,) = lens.time("gemm", [(5, 7), (7, 3)], ["simt"])
    assert found.counted is None and "too large" in found.notes[0]


# ---- a GPU, with the SIMT machine in its place: which calls are made, in which order; the figures mean nothing


class StandIn:
    """What `lens.time` uses of Numba's cuda module, writing down what was asked for."""

    def __init__(self):
        self.asked = []

    def synchronize(self):
        self.asked.append("synchronize")

    def device_array(self, count, dtype):
        return self

    def copy_to_device(self, other):
        self.asked.append("fill")


@pytest.mark.parametrize(
    "op, shapes, direction",
    [
        ("gemm", [(5, 7), (7, 3)], "forward"),
        ("dense", [(5, 7), (7, 3), (3,)], "backward"),
        ("embedding", [(4,), (9, 5)], "forward"),
        ("lstm", [(2, 2, 3), (3, 8), (2, 8), (8,), None, None, None, None], "forward"),
    ],
)
def test_on_a_gpu_moves_first_call_and_kernels_are_apart(monkeypatch, op, shapes, direction):
    from cuda_kernels.launch import Launched
    from minidl.lens.timing import jobs as timing_jobs

    stand_in, place, load = StandIn(), timing_jobs.placer, timing_jobs.load
    monkeypatch.setattr(timing_jobs, "numba_cuda", lambda: stand_in)
    monkeypatch.setattr(Launched, "milliseconds", lambda self: 0.25)
    monkeypatch.setattr(type(DEVICES["cuda"]), "require", lambda self: None)
    monkeypatch.setattr(timing_jobs, "placer", lambda device: place("simt"))
    monkeypatch.setattr(timing_jobs, "load", lambda op, b, d: load(op, b.replace("cuda", "simt"), d))
    monkeypatch.setattr(timing, "_without_clock", lambda backend: False)
    rooflines._MEASURED["cuda"] = Roofline("a made-up GPU", 1e15, 1e15, 1e15, 1 << 20, "made up")
    (found,) = quick(op, shapes, ["cuda"], direction=direction, repeats=3, flush=True)
    assert found.kind == "measured" and found.device == "a made-up GPU" and found.first > 0
    kernels = found.kernel.median / 0.25e-3
    assert kernels >= 1 and kernels == pytest.approx(round(kernels))
    assert found.up.repeats >= 9 and found.down.repeats == found.call.repeats == 3
    assert found.cost.flops is not None and found.total > found.call.median
    assert stand_in.asked.count("fill") == 3
    after_fill = [stand_in.asked[i + 1] for i, what in enumerate(stand_in.asked) if what == "fill"]
    assert after_fill == ["synchronize"] * 3
    assert "kernel" in repr(Timings([found])) and Timings([found]).plot().axes


# ---- what is refused


def test_a_time_that_beats_the_hardware_is_refused(monkeypatch):
    measured = []

    def measure():
        measured.append(1)
        return MADE_UP

    monkeypatch.setattr(rooflines, "_MEASURED", {"cpu": MADE_UP})
    monkeypatch.setattr(rooflines, "_measure_cpu", measure)
    assert timing.refuse_impossible(made_up(), "cpu").roof == MADE_UP and not measured
    with pytest.raises(TimingError, match="at least 2 µs.* Got 1 µs"):
        timing.refuse_impossible(made_up(call=Spread(1e-6, 1e-6, 1e-6, 9)), "cpu")
    assert measured == [1]  # the roofline got a second chance
    # By bytes too: 4 GB in a millisecond.
    with pytest.raises(TimingError, match="at least"):
        timing.refuse_impossible(made_up(cost=Cost(0, 4 * 10**9, ""), call=Spread(1e-3, 1e-3, 1e-3, 9)), "cpu")


def test_a_roofline_that_was_disturbed_is_measured_again(monkeypatch):
    slow = MADE_UP._replace(flops=1e9)
    monkeypatch.setattr(rooflines, "_MEASURED", {"cpu": slow})
    monkeypatch.setattr(rooflines, "_measure_cpu", lambda: MADE_UP._replace(bytes_per_second=1.0))
    found = timing.refuse_impossible(made_up(), "cpu")
    assert found.roof.flops == 1e12 and found.roof.bytes_per_second == 1e10  # the better of both, each


def test_a_backend_that_does_nothing_is_refused(monkeypatch):
    y = np.zeros((500, 500), np.float32)
    minidl.register_backend("gemm", "timed_cheat", forward=lambda a, b: (y, None))
    monkeypatch.setattr(rooflines, "_MEASURED", {"cpu": Roofline("slow", 1e6, 1e6, 1e6, 0, "made up")})
    with pytest.raises(TimingError, match="computed before"):
        quick("gemm", [(500, 500), (500, 500)], ["timed_cheat"])


def test_bad_arguments_are_refused():
    with pytest.raises(UnknownNameError, match="gemm"):
        quick("gemmm", [(2, 2), (2, 2)])
    with pytest.raises(ArgumentError, match="direction"):
        quick("relu", [(2, 2)], direction="sideways")
    with pytest.raises(ArgumentError, match="repeats"):
        quick("relu", [(2, 2)], repeats=0)
    with pytest.raises(ArgumentError, match=r"write \[\(2, 2\)\]"):
        quick("relu", (2, 2))
    with pytest.raises(ArgumentError, match="input 0"):
        quick("relu", ["2x2"])
    with pytest.raises(ArgumentError, match="does not take"):
        quick("relu", [(2, 2)], colour="red")
    with pytest.raises(ArgumentError, match="does not take"):
        quick("gemm", [(2, 2)])
    with pytest.raises(ShapeError):
        quick("gemm", [(2, 3), (2, 3)])
    with pytest.raises(BackendError, match="no implementation"):
        quick("relu", [(2, 2)], ["tpu"])
    with pytest.raises(UnknownNameError, match="H100"):
        quick("relu", [(2, 2)], gpu="H1000")


# ---- roofline


def test_roofline_is_the_lower_of_its_limits():
    assert MADE_UP.ridge == 100
    assert MADE_UP.attainable(1.0) == 1e10 and MADE_UP.attainable(1000.0) == 1e12
    memory, cache, arithmetic = Cost(1, 2000, ""), Cost(1, 1000, ""), Cost(10**9, 1000, "")
    assert [MADE_UP.limit(c) for c in (memory, cache, arithmetic)] == ["memory", "cache", "arithmetic"]
    assert MADE_UP.limit(cache, cold=True) == "memory" and MADE_UP.least_seconds(cache, cold=True) == 1e-7
    assert MADE_UP.least_seconds(cache) == 1e-8


def test_roofline_of_this_machine_is_measured_once(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(rooflines, "_MEASURED", {})
    monkeypatch.setattr(rooflines, "GEMM_SIZES", (64,))
    monkeypatch.setattr(rooflines, "COPY_AT_LEAST", 1 << 16)
    monkeypatch.setattr(rooflines, "last_cache_bytes", lambda: 1 << 15)
    monkeypatch.setattr(rooflines, "ROUNDS", 2)
    found = lens.roofline()
    assert min(found.flops, found.bytes_per_second, found.cache_bytes_per_second) > 0
    assert lens.roofline() is found and lens.machine().processor in found.device
    again = lens.roofline(again=True)
    assert again.flops >= found.flops and again.bytes_per_second >= found.bytes_per_second
    with pytest.raises(UnknownNameError, match="cpu"):
        lens.roofline("gpu9")


def test_machine_names_processor_blas_and_threads(monkeypatch):
    from minidl.lens.timing import machines

    text = str(lens.machine())
    assert "core" in text and "thread" in text and np.__version__ in text
    monkeypatch.setattr(machines, "_openblas", tuple)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    assert lens.machine().threads == 7
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert "unknown number of threads" in str(lens.machine())


# ---- results


def test_rates_and_shares_follow_from_the_median():
    found = made_up()
    assert found.seconds == 4e-6 and found.flops_per_second == 5e11 and found.bytes_per_second == 1e9
    assert found.least_seconds == 2e-6 and found.share == 0.5 and found.total == 4e-6
    on_gpu = made_up(kernel=Spread(2e-6, 2e-6, 2e-6, 9), up=Spread(1e-5, 1e-5, 1e-5, 9), down=Spread(3e-6, 0, 0, 9))
    assert on_gpu.seconds == 2e-6 and on_gpu.share == 1.0
    assert on_gpu.total == pytest.approx(1e-5 + 4e-6 + 3e-6)
    warm = made_up(cost=Cost(0, 1000, ""), flushed=True, call=Spread(5e-8, 0, 0, 9))  # faster than memory: from caches
    assert not warm.cold and warm.share == pytest.approx(0.2)
    cold = made_up(cost=Cost(0, 1000, ""), flushed=True, call=Spread(2e-7, 0, 0, 9))
    assert cold.cold and cold.share == pytest.approx(0.5)


def test_timings_print_add_and_go_to_json():
    both = Timings([made_up()]) + Timings([made_up(backend="mine", direction="backward")])
    assert len(both) == 2 and both["mine"].backend == "mine" and both[0].backend == "numpy"
    with pytest.raises(ArgumentError, match="no timing of backend"):
        both["cuda"]
    text, html = repr(both), both._repr_html_()
    assert "4 µs [3 µs – 6 µs]" in text and "50% of arithmetic" in text and "a made-up machine" in text
    assert "gemm backward" in text and html.count("<tr>") == 3
    record = json.loads(json.dumps(both.to_json()))[0]
    assert record["call"]["median"] == 4e-6 and record["flops"] == 2_000_000 and record["kind"] == "measured"


def test_crossover_finds_the_size_from_which_on_the_second_is_faster(monkeypatch):
    from minidl.lens.timing import crossovers

    def timed(op, inputs, backends, **options):
        n = inputs[0][0]
        seconds = n * 1e-6 if backends[0] == "cpu" else 1e-5
        moves = Spread(2e-5, 0, 0, 9)
        parts = {"up": moves, "down": moves} if backends[0] == "cuda" else {}
        return [made_up(op=op, backend=backends[0], call=Spread(seconds, seconds, seconds, 9), **parts)]

    monkeypatch.setattr(crossovers, "time", timed)
    found = lens.crossover("relu", [64, 4, 16, 256])
    assert [row.size for row in found.rows] == [4, 16, 64, 256]
    assert found.size == 64 and found.resident_size == 16 and found.model_size is None
    assert "from size 64 on with moves" in repr(found) and "<table>" in found._repr_html_()
    assert lens.crossover("relu", [4]).size is None


def test_a_gpu_that_is_not_there_is_modelled_with_its_launch_and_its_moves():
    roof = Roofline("made up", 1e12, 1e11, 1e11, 0, "by hand")
    rows = [
        CrossoverRow(
            n,
            made_up(call=Spread(seconds, 0, 0, 9), cost=Cost(0, n, ""), roof=roof._replace(bytes_per_second=1e10)),
            made_up(kind="bound", cost=Cost(0, n, ""), roof=roof),
        )
        for n, seconds in ((1_000, 1.1e-6), (100_000, 9e-6), (10_000_000, 9e-4))
    ]
    found = Crossover("relu", "forward", rows, launch=5e-6, link=2e10)
    assert found.host == pytest.approx(1e-6)  # 0.1 of the first's 1.1 µs are bytes
    np.testing.assert_allclose(found.modelled(rows[0].second), (6.01e-6, 6.06e-6))
    np.testing.assert_allclose(found.modelled(rows[2].second), (1.06e-4, 6.06e-4))
    assert found.model_resident_size == 100_000  # 7 µs beside 9 µs; with 5 µs of moves it is slower
    assert found.model_size == 10_000_000 and found.size is None


@no_gpu
def test_crossover_without_a_gpu_claims_no_size():
    found = lens.crossover("relu", [4, 8], repeats=1, launch=10.0)
    assert found.size is None and found.resident_size is None
    assert "no GPU was timed" in repr(found) and "model is no measurement" in repr(found)
    assert found.model_size is None and found.model_resident_size is None  # its launch takes 10 s
    with pytest.raises(ArgumentError, match="two backends"):
        lens.crossover("relu", [4], ("numpy",))
    with pytest.raises(ArgumentError, match="size"):
        lens.crossover("relu", [])


# ---- pictures


def test_plot_timings_has_a_panel_an_op_with_units_and_device():
    bound = made_up(backend="cuda", kind="bound", call=None, first=None)
    gpu = made_up(
        backend="cuda", kernel=Spread(2e-6, 2e-6, 2e-6, 9), up=Spread(1e-6, 0, 0, 9), down=Spread(1e-6, 0, 0, 9)
    )
    figure = lens.plot_timings([made_up(), bound, made_up(op="relu"), replace(gpu, op="relu")])
    first, second = figure.axes
    assert first.get_xlabel() == second.get_xlabel() == "µs"
    assert [t.get_text() for t in first.get_yticklabels()] == ["numpy", "cuda"]
    assert any("not a time" in text.get_text() for text in first.texts)
    assert len(second.patches) == 1 + 4  # a call; up, call, kernels in it, down
    assert "a made-up machine" in figure.get_suptitle() and "no time was measured" in figure.get_suptitle()
    figure.canvas.draw()
    assert Timings([made_up()]).plot().axes


def test_plot_roofline_draws_points_under_their_roof_and_names_ops_without_operations():
    bound = made_up(backend="cuda", kind="bound", call=None, first=None, roof=lens.roofline("T4"))
    nothing = made_up(op="exp", cost=Cost(0, 4000, "nothing"))
    figure = lens.plot_roofline([made_up(), bound, nothing])
    (axes,) = figure.axes
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0].startswith("a made-up machine: 1 TFLOP/s") and labels[1].strip().startswith("from its caches")
    assert labels[2].startswith("T4: 8.1 TFLOP/s") and "by its datasheet" in labels[2]
    assert labels[3].endswith("numpy 500 GFLOP/s, 50% of arithmetic; cuda a bound, not a time")
    assert "exp forward" in labels[4] and labels[4].startswith("not drawn, no operations")
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert [line.get_ydata()[0] for line in points] == pytest.approx([5e11, 2_000_000 / bound.least_seconds])
    assert [text.get_text() for text in axes.texts] == ["1", "1"]
    figure.canvas.draw()


def test_pictures_of_nothing_say_so():
    for draw in (lens.plot_timings, lens.plot_roofline):
        with pytest.raises(DataError, match="no timings"):
            draw([])


# ---- minidl bench


def test_bench_prints_a_table_and_writes_figures_and_picture(tmp_path, capsys):
    figures, picture = tmp_path / "bench.json", tmp_path / "roof.png"
    arguments = ["bench", "gemm", "argmax", "-s", "5", "-b", "numpy", "--backward", "--seconds", "0"]
    assert run([*arguments, "--json", str(figures), "--plot", str(picture)]) == 0
    shown = capsys.readouterr().out
    assert "gemm backward" in shown and "argmax backward" not in shown
    records = json.loads(figures.read_text())
    assert [(r["op"], r["direction"]) for r in records] == [
        ("gemm", "forward"),
        ("gemm", "backward"),
        ("argmax", "forward"),
    ]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_bench_says_what_is_wrong(capsys):
    assert run(["bench", "gemmm"]) == 1
    assert "Did you mean 'gemm'" in capsys.readouterr().err
    assert run(["bench", "conv2d", "-s", "2"]) == 1
    assert "size of at least 4" in capsys.readouterr().err
    assert issubclass(TimingError, MinidlError)


def test_by_default_an_op_is_timed_on_what_it_has():
    on = {t.backend for t in lens.time("discrete", [(8, 8), (8, 8)], function="greater", repeats=1)}
    assert on == {"numpy"}
    assert {t.backend for t in lens.time("relu", [(8, 8)], repeats=1)} == {"cpu", "cuda"}
    own = minidl.register_op("test_timed", lambda x: (x * 2, None), replace=True)
    assert {t.backend for t in lens.time(own.__name__, [(8, 8)], repeats=1)} == {"numpy"}
    with pytest.raises(ArgumentError, match="crossover: discrete runs on the host only"):
        lens.crossover("discrete", [8])
