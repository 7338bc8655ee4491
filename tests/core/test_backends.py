"""The table of implementations and the selection: what is chosen, by whom, and what is said when there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.backends import resolve, table
from minidl.errors import ArgumentError, BackendError, UnknownNameError
from minidl.observers import observing
from minidl.ops.elementwise import OutputCache
from minidl.ops.op import records

X = np.array([-1.0, 2.0], np.float32)


def relu_forward(x):
    y = np.maximum(x, 0)
    return y, OutputCache(y)  # the op's own cache, so that it works with any backward


def relu_backward(dy, cache):
    return (dy * (cache.y > 0) * 10,)  # ten times too large, so that a test can tell who ran


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.delenv("MINIDL_BACKEND", raising=False)
    minidl.register_backend("relu", "test", relu_forward, relu_backward)
    minidl.register_backend("relu", "test:r2_fast", relu_forward, relu_backward)
    minidl.register_backend("relu", "test_forward_only", forward=relu_forward)
    minidl.use()
    yield
    minidl.use()
    for name in ("test", "test:r2_fast", "test_forward_only"):
        table._TABLE["relu"].pop(name, None)


def run(layer=None):
    """Return who ran forward and backward, and the gradient."""
    w = minidl.Variable(X)
    with minidl.GradientTape(persistent=True) as tape:
        loss = (layer(w) if layer else F.relu(w)).sum()
    gradient = tape.gradient(loss, w).numpy()
    entry = next(e for e in tape.entries if e.op == "relu")
    return entry.backend, entry.backend_backward, gradient.tolist()


def test_cpu_is_the_default_where_it_has_the_op_and_numpy_elsewhere():
    assert run() == ("cpu", "cpu", [0.0, 1.0])
    for ask in ({}, {"backend": "cpu"}, {"reshape": "cpu"}, {"reshape_backward": "cpu"}):
        with minidl.using(**ask):
            found = minidl.ops_table()
        chosen = {"backend": "using()"}.get(next(iter(ask), ""), "default")
        for direction in ("forward", "backward"):
            assert found["conv2d"][direction]["selected"] == "cpu"
            assert found["conv2d"][direction]["why"] == chosen
            row = found["reshape"][direction]
            asked = next((f"using() {key}" for key in ask if key in ("reshape", f"reshape_{direction}")), chosen)
            assert (row["selected"], row["why"]) == ("numpy", f"{asked}, not in cpu")
        assert found["discrete"]["forward"]["why"].endswith("not in cpu")


def test_the_plain_op_and_the_fast_one_are_chosen_by_name_for_either_direction():
    for forward, backward in (("numpy", "cpu"), ("cpu", "numpy")):
        with minidl.using(relu_forward=forward, relu_backward=backward):
            assert run() == (forward, backward, [0.0, 1.0])


def test_arithmetic_between_the_ops_follows_what_is_chosen_for_the_host():
    from minidl.tape import where_it_lies

    w, ran = minidl.Variable(X), []
    for ask in ("cpu", "numpy", "simt"):
        with minidl.using(ask), observing() as runs, where_it_lies(w):
            _ = w * 2.0
        ran.append(runs[0].backend)
    assert ran == ["cpu", "numpy", "cpu"]


def test_the_names_of_minidls_own_backends_are_not_given_away():
    for name in ("numpy", "cpu"):
        with pytest.raises(ArgumentError, match=f"'{name}' is .* 'relu' and stays"):
            minidl.register_backend("relu", name, relu_forward, relu_backward)


def test_use_for_all_for_an_op_and_for_a_direction():
    minidl.use(relu="test")
    assert run() == ("test", "test", [0.0, 10.0])
    minidl.use(relu_backward="numpy")
    assert run() == ("test", "numpy", [0.0, 1.0])
    minidl.use("numpy")
    assert run()[:2] == ("numpy", "numpy")
    minidl.use()
    assert minidl.current_selection()["use()"] == {}


def test_choices_in_force_stand_from_the_strongest_to_the_weakest():
    with minidl.using("numpy"), minidl.using({"dense": "numpy"}):
        found = minidl.current_selection()
    assert list(found) == ["using() #2", "using() #1", "use()", "MINIDL_BACKEND", "default"]
    assert found["using() #2"] == {"dense": "numpy"}


def test_using_is_stronger_than_use_and_ends_with_its_block():
    minidl.use(relu="test")
    with minidl.using(relu="numpy"):
        assert run()[:2] == ("numpy", "numpy")
        with minidl.using(relu_forward="test:r2_fast"):
            assert run()[:2] == ("test:r2_fast", "numpy")
    assert run()[:2] == ("test", "test")


def test_a_block_that_names_all_ops_is_stronger_than_use_of_one():
    minidl.use(relu="test")
    with minidl.using("numpy"):
        assert run()[0] == "numpy"


def test_forward_and_backward_of_different_backends_work_together():
    with minidl.using(relu_forward="test", relu_backward="numpy"):
        assert run() == ("test", "numpy", [0.0, 1.0])


def test_a_layer_chooses_for_itself_strongest_of_all_and_to_its_backward():
    layer = minidl.layers.Activation("relu", backend={"relu_backward": "test"})
    with minidl.using("numpy"):
        assert run(layer) == ("numpy", "test", [0.0, 10.0])


def test_environment_variable(monkeypatch):
    monkeypatch.setenv("MINIDL_BACKEND", "numpy, relu=test ,relu_backward=numpy")
    assert run()[:2] == ("test", "numpy")
    assert minidl.current_selection()["MINIDL_BACKEND"]["relu"] == "test"


def test_environment_variable_that_is_wrong_says_where_it_comes_from(monkeypatch):
    monkeypatch.setenv("MINIDL_BACKEND", "relu=tset")
    with pytest.raises(BackendError, match="relu has no backend 'tset'") as caught:
        run()
    assert any("MINIDL_BACKEND" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    "choice, error, message",
    [
        (
            {"relu": "cudda"},
            BackendError,
            "relu has no backend 'cudda'. It exists for 'cpu', 'numpy', 'cuda', 'ptx', 'simt', 'test'",
        ),
        ({"rellu": "numpy"}, UnknownNameError, "Did you mean 'relu'"),
        ({"argmax_backward": "numpy"}, ArgumentError, "argmax has no gradient"),
        ({"relu": 3}, ArgumentError, "a backend is a string"),
    ],
)
def test_wrong_choices_are_refused_when_they_are_made(choice, error, message):
    with pytest.raises(error, match=message):
        minidl.use(**choice)
    with pytest.raises(BackendError, match="no op has a backend 'nothing'"):
        minidl.use("nothing")


def test_a_missing_implementation_names_what_exists_and_nothing_falls_back():
    minidl.use("test")  # exists for relu only
    with pytest.raises(
        BackendError, match="reduce_sum: no implementation for backend 'test'. It exists for 'cpu', 'numpy'"
    ):
        run()


def test_a_missing_direction_is_named():
    minidl.use(relu="test_forward_only")
    with pytest.raises(BackendError, match=r"'test_forward_only' \(chosen by use\(\) relu\) has no backward"):
        run()


def test_ops_table_shows_what_exists_what_is_selected_and_why():
    minidl.use(relu_backward="test")
    rows = minidl.ops_table()["relu"]
    assert rows["forward"]["selected"] == "cpu" and rows["forward"]["why"] == "default"
    assert rows["backward"]["selected"] == "test" and rows["backward"]["why"] == "use() relu_backward"
    assert rows["backward"]["available"].split() == ["cpu", "numpy", "cuda", "ptx", "simt", "test", "test:r2_fast"]
    text = repr(minidl.ops_table())
    assert "conv2d" in text and "argmax" in text and "<td" in minidl.ops_table("relu")._repr_html_()


def test_ops_table_of_one_op_shows_its_rungs_within_a_terminal():
    text = repr(minidl.ops_table("gemm"))
    assert "simt:r1_naive" in text and max(map(len, text.splitlines())) <= 120


def test_every_op_of_the_table_has_a_forward_and_a_backward_unless_it_has_no_gradient():
    for op in records():
        assert table.load(op, "numpy", "forward") is not None, op
        assert (table.load(op, "numpy", "backward") is None) == (op in table.NO_GRADIENT), op


def test_register_op_refuses_names_that_are_taken():
    with pytest.raises(ArgumentError, match="'relu' is built in.*register_backend"):
        minidl.register_op("relu", relu_forward)
    with pytest.raises(ArgumentError, match="'numpy' is the reference"):
        minidl.register_backend("relu", "numpy", relu_forward)
    with pytest.raises(ArgumentError, match="must be functions"):
        minidl.register_backend("relu", "x", forward=3)
    with pytest.raises(UnknownNameError, match="conv2d"):
        minidl.register_backend("conv_2d", "x", relu_forward)


def test_an_op_without_backward_says_so():
    op = minidl.register_op("test_step", lambda x: (np.sign(x), None), replace=True)
    w = minidl.Variable(X)
    with minidl.GradientTape() as tape:
        loss = op(w).sum()
    with pytest.raises(BackendError, match="test_step.*has no backward"):
        tape.gradient(loss, w)


def test_resolve_is_a_plain_lookup():
    assert resolve("relu", "forward").function.__module__ == "minidl.ops.activations"
