"""The backend `ptx`: selected, looked at and given students' kernels as `simt` is; where it cannot run, it says why."""

from __future__ import annotations

import json

import numpy as np
import pytest
from device_cases import NO_PTX

import minidl
from cuda_kernels import ladder, launch
from cuda_kernels import ptx as compiled
from cuda_kernels._cuda import cuda, float32
from minidl import functional as F
from minidl import lens
from minidl.backends import memory, transfers, unregister_kernel
from minidl.backends.devices.arrays import to_device
from minidl.backends.devices.facts import DEVICES
from minidl.errors import BackendError

needs_ptx = pytest.mark.skipif(bool(NO_PTX), reason=f"NOT RUN: {NO_PTX}")
X = np.arange(-6, 6, dtype=np.float32).reshape(3, 4)


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


def after_the_neighbour(x, *, on=None):
    y = launch.empty(x.shape, like=x)
    launch.launch(_after_the_neighbour, 1, 64, x, y)
    return y


@cuda.jit
def _after_the_neighbour(x, y):
    room = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    room[t] = max(x[t], float32(0))
    # a barrier is missing: a thread may come here before its neighbour has written
    y[t] = room[t - 1] if t > 0 else max(x[63], float32(0))


def beyond_the_end(x, *, on=None):
    y = launch.empty(x.shape, like=x)
    launch.launch(_beyond_the_end, 1, 64, x, y)
    return y


@cuda.jit
def _beyond_the_end(x, y):
    i = cuda.grid(1)
    y[i + 1] = x[i]


@pytest.fixture
def mine():
    minidl.register_kernel("relu", "mine", relu, replace=True)
    yield
    unregister_kernel("relu", "mine")


# ---- where it cannot run


def test_without_the_compilers_one_sentence_names_the_command(monkeypatch):
    from cuda_kernels.compile import refusals

    monkeypatch.setattr(refusals, "compiler_missing", lambda: "NVVM or NVRTC is not installed")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(
        BackendError, match=r'backend \'ptx\': NVVM .*\. Install both: pip install "minidl\[ptx\]"\. With'
    ):
        minidl.use("ptx")
    with pytest.raises(BackendError, match="backend 'ptx'"):
        to_device(X, "ptx", "a test")
    with pytest.raises(BackendError, match="backend 'ptx'"):
        lens.time("relu", [(3, 4)], ["ptx"])
    assert "ptx" in minidl.ops_table("relu")["relu"]["forward"]["available"].split()


def test_macos_has_no_compiler_and_says_so(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(BackendError, match=r"publishes no compiler for macOS.*minidl.use\('simt'\)\.") as raised:
        minidl.use("ptx")
    assert "pip install" not in str(raised.value)


def test_a_check_says_that_it_was_not_run_compiled_and_why(monkeypatch, mine):
    from minidl.testing.kernels import check
    from minidl.testing.kernels import compiled as stages

    monkeypatch.setattr(check, "compiler_missing", lambda: "NVVM or NVRTC is not installed")
    monkeypatch.setattr(stages, "missing", lambda: 'no compiler. Install both: pip install "minidl[ptx]"')
    found = {stage.name: stage for stage in minidl.check("relu:mine", X).stages}
    assert found["compiled"] == ("compiled", "not run", 'no compiler. Install both: pip install "minidl[ptx]"')
    assert found["any order"].verdict == "not run"


# ---- selection, moves, memory


@needs_ptx
def test_it_is_chosen_op_by_op_and_direction_by_direction_and_the_ledger_knows():
    x = minidl.Variable(X)
    with minidl.using(multiply="ptx:first", reduce_sum_backward="ptx"), transfers() as ledger:
        with minidl.GradientTape(persistent=True) as tape:
            loss = F.reduce_sum(F.multiply(x, x))
        gradient = tape.gradient(loss, x)
    entries = {entry.op: entry for entry in tape.entries}
    assert entries["multiply"].backend == "ptx:first" and entries["multiply"].why == "using() multiply"
    assert entries["reduce_sum"].backend == "cpu"
    assert entries["reduce_sum"].backend_backward == "ptx"
    assert gradient.device == "ptx" and x.device == "ptx"
    np.testing.assert_array_equal(gradient.numpy(), 2 * X)
    assert [(move.direction, move.nbytes) for move in ledger][:2] == [("up", 48), ("down", 48)]


@needs_ptx
def test_a_rung_that_a_direction_lacks_is_refused_and_the_best_runs_where_it_was_chosen_for_the_op():
    with minidl.using(dense="ptx:r3"), minidl.GradientTape(persistent=True) as tape:
        w = minidl.Variable(X)
        F.dense(X.T.copy(), w).sum()
    assert [entry.backend for entry in tape.entries if entry.op == "dense"] == ["ptx:r3"]
    with pytest.raises(BackendError, match="no backend 'ptx:r99'"):
        minidl.use(gemm="ptx:r99")


@needs_ptx
def test_results_lie_in_a_pool_of_its_own():
    before = memory("ptx"), memory("simt")
    with minidl.using("ptx"):
        y = F.relu(minidl.Tensor(X))
    assert memory("ptx").used > before[0].used and memory("simt") == before[1]
    assert y.device == "ptx" and "on ptx" in repr(y.data)


@needs_ptx
def test_an_array_of_another_device_moves_by_the_host():
    with minidl.using("simt"):
        y = F.relu(minidl.Tensor(X))
    with minidl.using("ptx"), transfers() as ledger:
        z = F.relu(y)
    assert [move.direction for move in ledger] == ["down", "up"] and z.device == "ptx"


@needs_ptx
def test_a_step_moves_the_batch_up_and_the_loss_down():
    minidl.utils.set_random_seed(0)
    model = minidl.Sequential([minidl.layers.Input((3,)), minidl.layers.Dense(4), minidl.layers.Dropout(0.5)])
    model.compile("adam", "mse")
    with minidl.using("ptx"):
        model.train_on_batch(np.ones((2, 3)), np.ones((2, 4)))
        with transfers() as ledger:
            model.train_on_batch(np.ones((2, 3)), np.ones((2, 4)))
    assert [(move.direction, move.nbytes) for move in ledger] == [("up", 24), ("up", 32), ("down", 4)]


@needs_ptx
def test_dropout_draws_the_numbers_of_numpy():
    kept = []
    for backend in ("numpy", "ptx"):
        minidl.utils.set_random_seed(5)
        with minidl.using(backend):
            kept.append(F.dropout(minidl.Tensor(np.ones((40, 30), np.float32)), 0.4).numpy())
    np.testing.assert_array_equal(*kept)


# ---- options


@needs_ptx
def test_options_reach_the_compiled_kernel(monkeypatch):
    given = []
    monkeypatch.setattr(compiled, "launch", lambda *_, **options: given.append(options))
    with minidl.using("ptx"), launch.ptx_options(checks=False), launch.ptx_options(order=3):
        F.relu(minidl.Tensor(X))
    assert given == [{"shared_bytes": 0, "checks": False, "order": 3}]


def test_on_says_more_than_where_numpy_runs():
    with launch.numpy_runs_on("ptx"):
        report = ladder.rung("relu").run(X, on="simt")
        assert isinstance(report, np.ndarray)
        with launch.numpy_runs_on("simt"), launch.launches() as found:
            ladder.rung("relu").run(X)
    assert [one.place for one in found] == ["simt"]
    with pytest.raises(ValueError, match="must be 'simt' or 'ptx'"):
        launch.numpy_runs_on("cuda")


# ---- looking on


@needs_ptx
def test_a_time_is_called_this_processors_and_never_a_gpus(tmp_path):
    (timing,) = lens.time("gemm", [(33, 20), (20, 17)], ["ptx:r1"], repeats=3)
    assert timing.kind == "measured" and timing.seconds > 0 and timing.kernel.repeats == 3
    assert timing.device.startswith("this processor running compiled GPU code, no GPU: ")
    with lens.record() as recording, minidl.using("ptx"):
        F.relu(minidl.Tensor(X))
    (kernel,) = recording.launches
    assert kernel.place == "ptx" and 0 < kernel.seconds == kernel.finished - kernel.started
    assert "1 kernels took" in repr(lens.timeline(recording)) and "no GPU was timed" in repr(lens.timeline(recording))
    recording.save_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["otherData"]["note"] == DEVICES["ptx"].note
    assert any("no GPU times" in str(event["args"].get("name")) for event in trace["traceEvents"])


@needs_ptx
def test_steps_compare_and_an_op_runs_again():
    minidl.utils.set_random_seed(0)
    model = minidl.Sequential([minidl.layers.Input((6, 6, 1)), minidl.layers.Conv2D(3, 3), minidl.layers.Flatten()])
    model.compile("sgd", "mse")
    x, y = np.ones((2, 6, 6, 1), np.float32), np.zeros((2, 48), np.float32)
    assert lens.compare(model, x, y, "numpy", "ptx").ok
    assert lens.compare(model, x, y, "simt", "ptx:first").ok
    with minidl.using("ptx"):
        stepper = lens.step(model, x, y)
    moment = next(moment for moment in stepper.moments if moment.op == "conv2d")
    assert moment.backend == "ptx" and moment.run.again("numpy").backend == "numpy"


# ---- a student's kernel


@needs_ptx
def test_a_students_kernel_runs_compiled(mine):
    with minidl.using(relu_forward="ptx:mine"), launch.launches() as found:
        y = F.relu(minidl.Tensor(X))
    np.testing.assert_array_equal(y.numpy(), np.maximum(X, 0))
    assert [(one.name, one.place) for one in found] == [("relu", "ptx")]
    assert "ptx:mine" in minidl.ops_table("relu")["relu"]["forward"]["available"]


@needs_ptx
def test_numbas_launch_in_a_host_function_runs_compiled():
    @minidl.register_kernel("relu", "numbas")
    def host(x):
        y = launch.empty(x.shape, like=x)
        relu[1, 32](x.reshape(-1), y.reshape(-1), x.size)
        return y

    try:
        with minidl.using(relu_forward="ptx:numbas"), launch.launches() as found:
            y = F.relu(minidl.Tensor(X))
        np.testing.assert_array_equal(y.numpy(), np.maximum(X, 0))
        assert [one.place for one in found] == ["ptx"]
    finally:
        unregister_kernel("relu", "numbas")


@needs_ptx
def test_a_check_runs_it_compiled_and_in_other_orders(mine):
    found = minidl.check("relu:mine", X)
    assert found.passed, found
    verdicts = {stage.name: stage.verdict for stage in found.stages}
    assert verdicts["compiled"] == verdicts["any order"] == "passed"


@needs_ptx
def test_a_check_compiles_each_signature_of_a_kernel_once(mine, monkeypatch, tmp_path):
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))  # empty
    monkeypatch.setattr(compiled, "_COMPILED", {})
    original, asked = cuda.compile, []

    def counted(function, signature, **options):
        asked.append(str(signature))
        return original(function, signature, **options)

    monkeypatch.setattr(cuda, "compile", counted)
    assert minidl.check("relu:mine", X).passed
    assert asked and len(asked) == len(set(asked)), asked


def checked(function, x, expected):
    """The two stages alone: a function that the SIMT machine would have stopped."""
    from minidl.testing.kernels.compiled import add_compiled
    from minidl.testing.kernels.results import KernelCheck
    from minidl.testing.kernels.runs import Call

    result, kernel = KernelCheck("relu:mine"), globals()[f"_{function.__name__}"]
    add_compiled(result, "relu", function, [(Call((x,), {}, None, expected, [], ((kernel, ()),)), False, 1.0)], 5e-5)
    return result


@needs_ptx
def test_a_missing_barrier_shows_in_another_order():
    x = np.arange(64, dtype=np.float32)
    result = checked(after_the_neighbour, x, np.roll(x, 1))
    assert result.failed_stage == "any order", result
    assert "in another order (seed" in result.explanation and "syncthreads" in result.cause


@needs_ptx
def test_an_access_beyond_names_the_line():
    x = np.arange(64, dtype=np.float32)
    result = checked(beyond_the_end, x, x)
    assert result.failed_stage == "compiled", result
    assert "thread (63, 0, 0)" in result.explanation and "y[i + 1] = x[i]" in result.source
