"""A recording leaves nothing out: its pieces nest and add up to the wall time, its bytes are the ledger's."""

from __future__ import annotations

import dataclasses
import gc
import json
import math
import statistics
import subprocess
import sys
import weakref
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl import layers, lens
from minidl.backends import transfers
from minidl.errors import ArgumentError, DataError, NotCompiledError
from minidl.lens.recording.events import PHASES
from minidl.lens.recording.trace import trace_of
from minidl.lens.texts import shape_text

SCHEMA = json.loads(Path(__file__).with_name("trace_event.schema.json").read_text())
RNG = np.random.default_rng(0)


def network(optimizer="adam", **options):
    minidl.utils.set_random_seed(3)
    model = minidl.Sequential(
        [
            layers.Input((6, 5, 2)),
            layers.Conv2D(3, (3, 2), activation="relu", name="conv", **options),
            layers.MaxPooling2D(2, name="pool"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.3, name="drop"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def batch(count=5):
    return RNG.random((count, 6, 5, 2), np.float32), RNG.integers(0, 4, count)


@pytest.fixture(scope="module")
def on_simt():
    """A whole training step on the SIMT machine, with a download in the middle of it."""
    model = network()
    x, y = batch(2)
    model.build((None, 6, 5, 2))
    with transfers() as ledger, minidl.using("simt"):
        recording = lens.record_step(model, x, y)
    return recording, ledger


# ---- what is recorded


def test_record_step_names_phases_and_layers():
    model = network()
    recording = lens.record_step(model, *batch())
    averages = ("multiply", "add", "subtract")  # of batch norm's mean and variance
    seen = [(op.phase, op.layer, op.op) for op in recording.ops if op.layer != "norm" or op.op not in averages]
    assert [s for s in seen if s[0] == "forward"] == [
        ("forward", "conv", "conv2d"), ("forward", "conv", "relu"), ("forward", "pool", "max_pool2d"),
        ("forward", "norm", "batch_norm"), ("forward", "drop", "dropout"), ("forward", "flat", "reshape"),
        ("forward", "out", "dense"), ("forward", "out", "softmax"),
    ]  # fmt: skip
    assert [s[2] for s in seen if s[0] == "loss"] == ["sparse_categorical_crossentropy", "reduce_mean"]
    assert [s[1:] for s in seen if s[0] == "backward"][-1] == ("conv", "conv2d")
    assert [s[1:] for s in seen if s[0] == "update"] == [
        (name, "adam_update") for name in ("conv", "conv", "norm", "norm", "out", "out")
    ]
    order = [PHASES.index(op.phase) for op in recording.ops]
    assert order == sorted(order)


def test_record_step_is_the_models_own_step():
    x, y = batch()
    recorded, plain = network(), network()
    recording = lens.record_step(recorded, x, y)
    plain.train_step((x, y))
    for a, b in zip(recorded.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert set(recording.result) == {"loss", "accuracy"}


def test_record_step_without_update_leaves_everything_as_it_was():
    x, y = batch()
    model, twin = network(), network()
    for _ in range(2):
        model.train_on_batch(x, y), twin.train_on_batch(x, y)
    lens.record_step(model, x, y, update=False)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # The optimizer's state, batch norm's averages and dropout's counter too: the next step is the same, bit for bit.
    assert model.get_metrics_result() == twin.get_metrics_result()
    assert model.train_on_batch(x, y) == twin.train_on_batch(x, y)
    for a, b in zip(model.optimizer.variables, twin.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_record_step_without_update_starts_metrics_afresh_that_the_first_batch_made():
    model = network()
    lens.record_step(model, *batch(), update=False)
    assert all(value == 0 for value in model.get_metrics_result().values())


def test_record_step_needs_a_compiled_model():
    with pytest.raises(NotCompiledError, match="compile"):
        lens.record_step(minidl.Sequential([layers.Dense(1, input_shape=(2,))]), np.ones((1, 2)), np.ones((1, 1)))


def test_phases_of_code_without_layers():
    w = minidl.Variable([[1.0], [2.0]])
    optimizer = minidl.optimizers.SGD(0.1, weight_decay=0.01)
    with lens.record() as recording:
        for _ in range(2):
            with minidl.GradientTape() as tape:
                y = F.relu(F.dense(np.ones((3, 2), np.float32), w))
                loss = F.mean_squared_error(np.ones((3, 1), np.float32), y).mean()
            optimizer.apply([tape.gradient(loss, w)], [w])
    step = ["forward", "forward", "loss", "loss", "backward", "backward", "backward", "backward", "update"]
    assert [op.phase for op in recording.ops] == 2 * step


class PlainOptimizer(minidl.optimizers.Optimizer):
    """Updates by ops that anything may use, none of which is called an update."""

    def __init__(self, learning_rate=0.1):
        super().__init__(learning_rate=learning_rate, name="plain")

    def update_step(self, gradient, variable, learning_rate):
        variable.assign(variable - gradient * learning_rate)


@pytest.mark.parametrize(
    "optimizer, constraint",
    [(PlainOptimizer(), None), (minidl.optimizers.SGD(0.1, use_ema=True, clipnorm=0.5), "max_norm")],
)
def test_all_that_an_optimizer_computes_is_update_in_every_look(optimizer, constraint):
    minidl.utils.set_random_seed(3)
    model = minidl.Sequential(
        [layers.Input((3,)), layers.Dense(4, activation="relu", kernel_constraint=constraint), layers.Dense(1)]
    )
    model.compile(optimizer, "mse")
    x, y = RNG.random((5, 3), np.float32), RNG.random((5, 1), np.float32)
    with minidl.using("simt" if constraint else "numpy"):
        phases = [op.phase for op in lens.record_step(model, x, y, update=False).ops]
        moments = [moment.phase for moment in lens.step(model, x, y).moments]
    assert phases == moments == sorted(phases, key=PHASES.index) and phases.count("update") >= 8


def test_recordings_of_one_model_nest_and_leave_its_optimizer_alone():
    model = network()
    x, y = batch()
    with lens.record(model=model) as outer:
        inner = lens.record_step(model, x, y)
        model.train_on_batch(x, y)
    weights = [op.weight for op in inner.ops if op.weight]
    assert weights == [v.path for v in model.trainable_variables]
    assert [op.weight for op in outer.ops if op.weight] == 2 * weights
    assert {op.phase for op in outer.ops if op.updating} == {"update"} and "apply" not in vars(model.optimizer)


def test_looking_at_a_step_on_the_host_imports_no_compiler():
    program = """
import sys, numpy as np, minidl
from minidl import lens
model = minidl.Sequential([minidl.layers.Dense(1, input_shape=(2,))])
model.compile("sgd", "mse")
x, y = np.ones((3, 2), "float32"), np.ones((3, 1), "float32")
lens.training_step(model, x, y), lens.record_step(model, x, y).table(), str(lens.step(model, x, y))
sys.exit("numba" in sys.modules or "cuda_kernels.simt" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600)


def test_inference_alone_is_forward():
    with lens.record() as recording:
        F.softmax(minidl.Tensor([[1.0, 2.0]])) * 2.0
    assert [op.phase for op in recording.ops] == ["forward", "forward"]


def test_sum_of_gradients_belongs_to_backward():
    model = network(kernel_regularizer="l2")
    recording = lens.record_step(model, *batch())
    sums = [op for op in recording.ops if op.op == "add" and op.phase == "backward" and op.direction == "forward"]
    assert len(sums) == 1
    assert "add (sum of gradients)" in [row.name for row in recording.table().rows]


def test_recording_keeps_no_array_alive_unless_asked():
    def run(keep):
        x = minidl.Tensor(np.ones((64, 64), np.float32))
        with lens.record(keep) as recording:
            y = F.relu(x)
        references = [weakref.ref(x.data), weakref.ref(y.data)]
        del x, y
        gc.collect()
        return recording, [reference() is not None for reference in references]

    recording, alive = run("shapes")
    assert alive == [False, False] and recording.ops[0].run is None
    recording, alive = run("arrays")
    assert alive == [True, True]
    np.testing.assert_array_equal(recording.ops[0].run.outputs[0], np.ones((64, 64)))
    assert recording.ops[0].outputs[0] == ((64, 64), np.dtype("float32"), 64 * 64 * 4)


def test_record_refuses_an_unknown_keep():
    with pytest.raises(ArgumentError, match="keep"):
        with lens.record("everything"):
            pass


def test_recording_holds_what_ran_before_an_error():
    with pytest.raises(ZeroDivisionError):
        with lens.record() as recording:
            F.relu(minidl.Tensor([1.0]))
            raise ZeroDivisionError
    assert [op.op for op in recording.ops] == ["relu"]
    assert math.isclose(recording.seconds(), recording.wall)


def test_recordings_nest():
    with lens.record() as outer:
        x = minidl.Tensor([1.0]) + 1.0
        with lens.record() as inner:
            F.exp(x)
    assert [op.op for op in outer.ops] == ["add", "exp"] and [op.op for op in inner.ops] == ["exp"]


def test_ops_inside_an_op_are_counted_once():
    def forward(x):
        return F.square(F.exp(x)).numpy(), None

    nested = minidl.register_op("recorded_nested", forward, replace=True)
    with lens.record() as recording:
        nested(minidl.Tensor(np.ones(1000)))
    assert [(op.op, op.depth) for op in recording.ops] == [("exp", 1), ("square", 1), ("recorded_nested", 0)]
    whole = recording.ops[-1]
    assert whole.seconds == pytest.approx(whole.finished - whole.started - whole.inside) and whole.inside > 0
    assert sum(recording.table().parts().values()) == pytest.approx(recording.wall)
    inner = sum(op.seconds for op in recording.ops)
    assert inner == pytest.approx(recording.table().parts()["ops"])


# ---- nothing is left out


def check_structure(recording):
    spans = recording.spans()
    assert spans[0].started == recording.started and spans[-1].finished == recording.finished
    for before, after in zip(spans, spans[1:], strict=False):
        assert before.finished == after.started  # no gap, no overlap
    assert all(span.seconds >= 0 for span in spans)
    assert math.isclose(sum(span.seconds for span in spans), recording.wall, rel_tol=1e-9)
    for op in recording.ops:
        assert recording.started <= op.started <= op.called <= op.finished <= recording.finished
        for inner in (*op.launches, *op.moves):
            assert op.started <= inner.started <= inner.finished <= op.finished
    assert math.isclose(sum(recording.table().parts().values()), recording.wall, rel_tol=1e-9)
    totals = recording.table().totals("layer")
    last = [span.kind for span in recording.spans()][::-1].index("op")  # what stands behind the last op
    python = [span.seconds for span in recording.spans()[: len(recording.spans()) - last] if span.kind == "python"]
    assert math.isclose(sum(t.gap for t in totals), sum(python), rel_tol=1e-9)
    assert sum(t.ops for t in totals) == len(recording.ops)
    assert sum(t.kernels for t in totals) == len(recording.launches)


def test_pieces_nest_and_add_up_to_the_wall_time():
    recording = lens.record_step(network(), *batch())
    check_structure(recording)
    assert {span.kind for span in recording.spans()} == {"op", "python", "lens"}


def test_pieces_nest_and_add_up_on_the_simt_machine(on_simt):
    recording, _ = on_simt
    check_structure(recording)
    assert recording.launches and all(launch.place == "simt" for launch in recording.launches)
    assert all(launch.seconds is None and launch.figures is not None for launch in recording.launches)
    assert sum(len(op.launches) for op in recording.ops) == len(recording.launches)


def test_bytes_are_those_of_the_ledger(on_simt):
    recording, ledger = on_simt
    assert [move[:4] for move in recording.ledger] == [move[:4] for move in ledger] and len(ledger) > 0
    totals = recording.table().totals("op")
    assert sum(t.up for t in totals) == ledger.total("up") > 0
    assert sum(t.down for t in totals) == ledger.total("down") > 0
    rows = [row for row in recording.table().rows if row.kind == "move"]
    assert sum(row.nbytes for row in rows) == ledger.total("up") + ledger.total("down")


def test_table_names_every_op_kernel_and_move(on_simt):
    recording, ledger = on_simt
    table = recording.table()
    count = {kind: sum(row.kind == kind for row in table.rows) for kind in ("op", "kernel", "move")}
    assert count == {"op": len(recording.ops), "kernel": len(recording.launches), "move": len(ledger)}
    assert all(row.seconds is None for row in table.rows if row.kind == "kernel")  # simulated: no time
    text, html = repr(table), table._repr_html_()
    assert "say nothing about a GPU" in text and "Python between the ops" in text
    assert f"moved up {ledger.total('up'):,} bytes" in text
    assert html.count("<tr>") == len(table) + 1 + len(table.totals()) + 1
    with pytest.raises(ArgumentError, match="totals"):
        table.totals("colour")


@pytest.mark.slow
def test_ops_of_a_cifar_step_are_within_ten_per_cent_of_its_wall_time():
    model = minidl.Sequential([layers.Input((32, 32, 3))])
    for filters in (32, 32, 64, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = RNG.random((32, 32, 32, 3), np.float32), RNG.integers(0, 10, 32)
    shares = []
    for _ in range(5):
        recording = lens.record_step(model, x, y)
        shares.append(recording.seconds("op") / recording.wall)
    assert 0.9 <= statistics.median(shares) <= 1.0, shares


def test_kernels_of_a_gpu_are_placed_by_their_events(monkeypatch, on_simt):
    """With made-up events: milliseconds on the GPU's own clock."""
    from minidl.lens.recording.spans import place_on_host_clock

    class Clock:
        def event_elapsed_time(self, before, after):
            return after - before

    monkeypatch.setattr("cuda_kernels._cuda.cuda", Clock())
    recording, _ = on_simt
    launches = [dataclasses.replace(launch, place="cuda") for launch in recording.launches[:3]]
    place_on_host_clock(list(zip(launches, [(5.0, 5.5), (6.0, 8.0), (8.0, 8.25)], strict=True)))
    assert [launch.seconds for launch in launches] == [0.0005, 0.002, 0.00025]
    after_first = [launch.device_started - launches[0].finished for launch in launches]
    assert after_first == pytest.approx([0.0, 0.001, 0.003])


def test_a_row_of_a_kernel_or_a_move_holds_what_was_recorded(on_simt):
    recording, _ = on_simt
    rows = {kind: [row for row in recording.table().rows if row.kind == kind] for kind in ("kernel", "move")}
    owners = [op for op in recording.ops for _ in op.launches]
    for row, op in zip(rows["kernel"], owners, strict=True):
        assert (row.phase, row.layer, row.depth) == (op.phase, op.layer, op.depth + 1)
    launches = [launch for op in recording.ops for launch in op.launches]
    for row, launch in zip(rows["kernel"], launches, strict=True):
        assert (row.name, row.outputs, row.backend) == (launch.kernel, "", "simt") and row.gap == 0
        assert row.inputs == f"grid {shape_text(launch.grid)} block {shape_text(launch.block)}"
        assert row.nbytes == 32 * launch.figures.global_sectors
    for row in rows["move"]:
        assert row.name.startswith(("up: ", "down: ")) and row.backend == "" and row.gap == 0
        assert bool(row.inputs) == row.name.startswith("up: ") and bool(row.outputs) == row.name.startswith("down: ")


# ---- trace


def test_an_event_of_the_trace_holds_what_was_recorded(on_simt):
    recording, _ = on_simt
    events = [event for event in trace_of(recording)["traceEvents"] if event["ph"] == "X"]
    of = {
        kind: [event for event in events if event["cat"] == kind] for kind in ("op", "kernel", "move", "phase", "layer")
    }
    for event, op in zip(of["op"], recording.ops, strict=True):
        args = event["args"]
        assert (event["name"], args["direction"], args["phase"], args["layer"]) == (
            op.op,
            op.direction,
            op.phase,
            op.layer,
        )
        assert (args["backend"], args["why"], args["bytes"]) == (op.backend, op.why, op.nbytes)
        assert len(args["inputs"]) == len(op.inputs) and len(args["outputs"]) == len(op.outputs)
        assert set(args["static"]) == set(op.static)
        moved = {way: sum(move.nbytes for move in op.moves if move.direction == way) for way in ("up", "down")}
        assert (args["bytes_up"], args["bytes_down"]) == (moved["up"], moved["down"])
    for event, launch in zip(of["kernel"], recording.launches, strict=True):
        args = event["args"]
        assert (event["name"], args["grid"], args["block"]) == (launch.kernel, [*launch.grid], [*launch.block])
        assert (args["place"], args["shared_bytes"], args["simulated"]) == ("simt", launch.shared_bytes, True)
        assert (args["flops"], args["sector_bytes"]) == (launch.figures.flops, 32 * launch.figures.global_sectors)
        assert len(args["arguments"]) == sum(facts is not None for facts in launch.arguments) > 0
    for event in of["move"]:
        assert event["name"] == f"{event['args']['direction']}: {event['args']['cause']}" and event["args"]["bytes"] > 0
    outermost = [op for op in recording.ops if not op.depth]
    assert sum(event["args"]["ops"] for event in of["phase"]) == len(outermost)
    assert sum(event["args"]["ops"] for event in of["layer"]) == sum(bool(op.layer) for op in outermost)
    assert {event["name"] for event in of["layer"]} == {op.layer for op in outermost} - {""}


def test_trace_follows_the_format_and_loads(tmp_path, on_simt):
    recording, ledger = on_simt
    path = tmp_path / "step.json"
    recording.save_trace(path)
    trace = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(trace, SCHEMA)
    events = trace["traceEvents"]
    by_category = {c: [e for e in events if e["ph"] == "X" and e["cat"] == c] for c in ("op", "kernel", "move")}
    assert len(by_category["op"]) == len(recording.ops) and len(by_category["kernel"]) == len(recording.launches)
    assert sum(e["args"]["bytes"] for e in by_category["move"]) == ledger.total("up") + ledger.total("down")
    counters = [e for e in events if e["ph"] == "C"]
    assert counters[-1]["args"] == {"up": ledger.total("up"), "down": ledger.total("down")}
    names = {(e["pid"], e["args"]["name"]) for e in events if e["ph"] == "M" and "name" in e["args"]}
    assert (2, "the SIMT machine (simulated: no GPU times)") in names
    assert list(tmp_path.iterdir()) == [path]


def test_trace_slices_of_a_thread_nest(on_simt):
    recording, _ = on_simt
    trace = trace_of(recording)
    threads = {}
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            assert 0 <= event["ts"] <= event["ts"] + event["dur"] <= recording.wall * 1e6 + 1
            threads.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for slices in threads.values():
        open_ends = []
        for start, end in sorted(slices, key=lambda s: (s[0], -s[1])):
            while open_ends and open_ends[-1] <= start + 1e-3:
                open_ends.pop()
            assert not open_ends or end <= open_ends[-1] + 1e-3  # a nanosecond of rounding
            open_ends.append(end)


def test_trace_arrows_lead_from_an_op_to_its_kernel(on_simt):
    recording, _ = on_simt
    events = trace_of(recording)["traceEvents"]
    starts = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    assert set(starts) == set(ends) and len(starts) == len(recording.launches)
    ops = [e for e in events if e["ph"] == "X" and e["cat"] == "op"]
    for start in starts.values():
        assert any(op["ts"] <= start["ts"] <= op["ts"] + op["dur"] for op in ops)


def test_schema_refuses_what_is_no_trace():
    for wrong in (
        {"traceEvents": []},
        {"traceEvents": [{"name": "x", "ph": "X", "ts": 1, "pid": 1, "tid": 1}]},
        {"traceEvents": [{"name": "x", "ph": "X", "cat": "op", "ts": -1, "dur": 1, "pid": 1, "tid": 1}]},
        {"traceEvents": [{"name": "x", "ph": "C", "ts": 1, "pid": 1, "tid": 1, "args": {"a": "b"}}]},
        {"traceEvents": [{"name": "x", "ph": "M", "ts": 1, "pid": 1, "tid": 1, "args": {"name": "b"}}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)


def test_save_trace_needs_a_folder(tmp_path):
    with lens.record() as recording:
        F.relu(minidl.Tensor([1.0]))
    with pytest.raises(FileNotFoundError, match="folder"):
        recording.save_trace(tmp_path / "missing" / "trace.json")


# ---- picture


def test_plot_timeline_has_a_lane_a_phase_and_every_op(on_simt):
    recording, _ = on_simt
    figure = lens.plot_timeline(recording)
    lanes, longest = figure.axes
    assert [t.get_text() for t in lanes.get_yticklabels()] == [*PHASES, "kernels", "moves"]
    assert lanes.get_xlabel().startswith("ms") and longest.get_xlabel() == "ms"
    assert "not of a GPU" in figure.get_suptitle()
    bars = [patch for patch in lanes.patches if patch.get_height() > 0]
    assert len(bars) == len(recording.ops) + len(recording.launches) + len(recording.ledger)
    assert longest.get_title() == f"The {len(longest.patches)} longest of {len(recording.ops)} ops"
    longest_ms = [patch.get_width() for patch in longest.patches]
    assert longest_ms == sorted(longest_ms, reverse=True)
    figure.canvas.draw()


def test_plot_timeline_of_nothing_says_so():
    with lens.record() as recording:
        pass
    with pytest.raises(DataError, match="empty"):
        recording.plot()
    assert "0 ops" in repr(recording)


@pytest.mark.parametrize("keep", ["arrays", "shapes"])
def test_gradients_are_kept_by_the_names_of_their_variables(keep):
    model = network()
    recording = lens.record_step(model, *batch(), keep=keep)
    names = {variable.path for variable in model.trainable_variables}
    assert set(recording.gradients) == (names if keep == "arrays" else set())
    for variable in model.trainable_variables if keep == "arrays" else ():
        assert recording.gradients[variable.path].shape == variable.shape


def test_seconds_are_those_of_a_kind_in_a_phase(on_simt):
    recording, _ = on_simt
    for phase in ("forward", "backward", "update"):
        ops = [op for op in recording.ops if op.phase == phase and not op.depth]
        assert recording.seconds("op", phase) == pytest.approx(sum(op.seconds for op in ops))
    by_phase = [recording.seconds("op", phase) for phase in {op.phase for op in recording.ops}]
    assert recording.seconds("op") == pytest.approx(sum(by_phase)) and 0 < max(by_phase) < recording.seconds("op")
    assert recording.seconds() >= recording.seconds("op") and recording.seconds("op", "no phase") == 0
