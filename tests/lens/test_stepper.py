"""The stepper against `train_on_batch`, bit by bit; what is changed against the same change made by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl import layers, lens
from minidl.errors import ArgumentError, MinidlError, NotCompiledError, UnknownNameError
from minidl.lens.stepping.lines import LineStepper
from minidl.lens.stepping.moments import statistics

RNG = np.random.default_rng(0)


def convolutional():
    """A convolution, batch norm, dropout; Adam."""
    model = minidl.Sequential(
        [
            layers.Input((7, 6, 2)),
            layers.Conv2D(3, (3, 2), strides=(2, 1), activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Dropout(0.4, name="drop"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, RNG.random((5, 7, 6, 2), np.float32), RNG.integers(0, 4, 5)


def residual():
    """Two inputs, a value used twice, weight penalties, clipping and momentum."""
    a, b = layers.Input((6,), name="a"), layers.Input((3,), name="b")
    h = layers.Dense(6, activation="tanh", kernel_regularizer="l2", name="first")(a)
    h = layers.Add(name="sum")([h, a])
    joined = layers.Concatenate(name="both")([h, layers.Dense(2, name="side")(b)])
    model = minidl.Model([a, b], layers.Dense(1, name="last")(joined))
    model.compile(minidl.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.5, use_ema=True), "mse")
    x = [RNG.normal(size=(4, 6)).astype(np.float32), RNG.normal(size=(4, 3)).astype(np.float32)]
    return model, x, RNG.normal(size=(4, 1)).astype(np.float32)


def recurrent():
    """Embedding with a mask, LSTM with both dropouts, GRU."""
    model = minidl.Sequential(
        [
            layers.Input((2,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=True, name="words"),
            layers.LSTM(3, return_sequences=True, dropout=0.3, recurrent_dropout=0.3, name="lstm"),
            layers.GRU(3, name="gru"),
            layers.Dense(1, activation="sigmoid", name="out"),
        ]
    )
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model, RNG.integers(0, 9, (3, 2)).astype(np.int32), RNG.integers(0, 2, (3, 1)).astype(np.float32)


class TwoHeads(minidl.Model):
    """A model with a `call` of its own: ops between layers, a layer called twice, two outputs, a penalty."""

    def __init__(self):
        super().__init__()
        self.body, self.one, self.two = layers.Dense(3, name="body"), layers.Dense(1), layers.Dense(2)

    def call(self, x, training=None):
        h = F.gelu(self.body(F.concatenate([x, self.body(x)], axis=-1)[:, :4]))
        self.add_loss(F.reduce_mean(h * h))
        return self.one(h), F.log_softmax(self.two(h))


def subclassed():
    """Two outputs with losses and weights of their own."""
    model = TwoHeads()
    model.compile(minidl.optimizers.AdamW(0.01), loss=["mae", "huber"], loss_weights=[1.0, 0.3])
    x = RNG.normal(size=(3, 4)).astype(np.float32)
    model(x)  # makes the weights
    return model, x, [RNG.normal(size=(3, n)).astype(np.float32) for n in (1, 2)]


BUILDERS = [convolutional, residual, recurrent, subclassed]
BACKENDS = {
    "numpy": {},
    "simt": {"backend": "simt"},
    "mixed": {"conv2d": "simt", "dense_backward": "simt", "lstm": "simt", "tanh": "simt", "add": "simt"},
}


def twins(build):
    """Two equal models, with their weights and random states equal."""
    made = []
    for _ in range(2):
        global RNG
        RNG = np.random.default_rng(3)
        minidl.utils.set_random_seed(7)
        made.append(build())
    assert all(np.array_equal(p, q) for p, q in zip(made[0][0].get_weights(), made[1][0].get_weights(), strict=True))
    return made[0][0], made[1]


def spy_on_gradients(model):
    """What the optimizer is given by the next update, by place."""
    seen: list[np.ndarray] = []
    original = model.optimizer.apply

    def apply(grads, variables=None):
        seen.extend(np.array(g.numpy()) for g in grads)
        return original(grads, variables)

    model.optimizer.apply = apply
    return seen


def all_equal(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def state_of(s):
    """Everything that a stepper shows at its position."""
    return str(s), s.now.number, {name: array.copy() for name, array in s.now.arrays.items()}


PAIRS = [
    pytest.param(build, backend, marks=pytest.mark.slow if (build, backend) == (recurrent, "simt") else ())
    for build in BUILDERS
    for backend in BACKENDS
]


@pytest.mark.parametrize("build, backend", PAIRS)
def test_numbers_are_those_of_train_on_batch(build, backend):
    twin, (model, x, y) = twins(build)
    with minidl.using(**BACKENDS[backend]):
        before = model.get_weights()
        s = lens.step(model, x, y)
        assert all_equal(model.get_weights(), before) and not model.optimizer.built
        gradients = spy_on_gradients(twin)
        logs = twin.train_on_batch(x, y, return_dict=True)
        assert s.logs == logs and s.loss == logs["loss"]
        assert all_equal(list(s.gradients.values()), gradients)
        assert all_equal(list(s.weights.values()), twin.get_weights())
        assert list(s.weights) == [v.path for v in model.weights]
        if backend == "numpy":
            # The model's random state and metrics were not used up: its own step is the twin's, and so is the next one.
            assert model.train_on_batch(x, y, return_dict=True) == logs
            assert model.train_on_batch(x, y) == twin.train_on_batch(x, y)
            assert all_equal(model.get_weights(), twin.get_weights())
    wanted = {"numpy": {"numpy"}, "simt": {"simt"}}.get(backend, {"cpu", "simt"})
    assert wanted <= {m.backend for m in s.moments}


def test_updates_are_the_gradients_of_the_backward_phase():
    model, x, y = convolutional()
    s = lens.step(model, x, y)
    for moment in s.moments:
        if moment.phase == "update":
            source = s.moments[int(moment.origins["dw"].split(":")[0].removeprefix("moment "))]
            assert source.phase == "backward"
            assert any(np.array_equal(moment.inputs["dw"], g) for g in source.outputs.values())
            np.testing.assert_array_equal(moment.inputs["dw"], s.gradients[moment.weight])
            np.testing.assert_array_equal(moment.outputs["w new"], s.weights[moment.weight])
            np.testing.assert_array_equal(moment.inputs["w"], s.weights_before[moment.weight])


def test_moments_have_phases_layers_names_origins_and_partners():
    model, x, y = convolutional()
    s = lens.step(model, x, y)
    phases = [m.phase for m in s.moments]
    assert phases == sorted(phases, key=["forward", "loss", "backward", "update"].index)
    assert s.layers == ["conv", "norm", "pool", "drop", "flat", "out"]
    conv = s.to_layer("conv").now
    assert (conv.op, list(conv.inputs), list(conv.outputs)) == ("conv2d", ["x", "w", "b"], ["y"])
    assert conv.origins["w"] == "conv/kernel" and conv.static["strides"] == (2, 1)
    np.testing.assert_array_equal(conv.inputs["x"], x)
    assert s.next().now.origins == {"x": "moment 0: conv2d of conv"}
    back = s.back().to_partner().now
    assert (back.phase, back.op, back.direction, list(back.outputs)) == ("backward", "conv2d", "backward", ["dw", "db"])
    assert s.to_partner().now is conv
    assert s.to_loss().now.op == "sparse_categorical_crossentropy"
    assert s.to_op("dropout").to_op("dropout").now.phase == "forward"
    assert s.to_phase("update").now.weight == "conv/kernel"
    assert s.to_layer("conv", "backward").now.phase == "backward"
    norm = s.to_layer("norm", "forward").now
    assert list(norm.outputs) == ["y", "mean", "variance"] and s.partner.inputs.keys() == {"dy"}
    assert not conv.inputs["x"].flags.writeable


def test_a_value_used_twice_has_its_gradients_added():
    model, x, y = residual()
    with minidl.using("numpy"):
        watched = minidl.Model(model.inputs, layers.Add(name="again")([model.outputs[0], model.outputs[0]]))
        watched.compile("sgd", "mse")
        s = lens.step(watched, x, y)
    sums = [m for m in s.moments if m.is_sum]
    assert len(sums) == 2  # the model's output, and a kernel that its penalty reads too
    for total in sums:
        assert total.phase == "backward" and "added" in total.formula
        np.testing.assert_array_equal(total.outputs["y"], total.inputs["a"] + total.inputs["b"])
    s.goto(total.number)
    with pytest.raises(ArgumentError, match="one of the two gradients"):
        s.change("y", 0, 1.0)
    with pytest.raises(ArgumentError, match="no lines"):
        s.into()


def test_back_then_next_returns_the_same_state():
    model, x, y = recurrent()
    s = lens.step(model, x, y)
    states = []
    for _ in range(len(s)):
        states.append(state_of(s))
        s.next()
    assert s.next() is s and s.now.number == len(s) - 1
    for text, number, arrays in reversed(states):
        s.goto(number)
        assert state_of(s)[:2] == (text, number)
        assert all_equal(list(s.now.arrays.values()), list(arrays.values()))
        if 0 < number < len(s) - 1:
            s.back().next()
            assert state_of(s)[:2] == (text, number)
    assert s.back(100).now.number == 0


def test_changed_output_equals_a_constant_added_by_hand():
    minidl.utils.set_random_seed(2)
    model = minidl.Sequential(
        [layers.Input((3,)), layers.Dense(4, activation="relu", name="h"), layers.Dense(1, name="o")]
    )
    model.compile(minidl.optimizers.SGD(0.1), "mse")
    x, y = RNG.normal(size=(2, 3)).astype(np.float32), RNG.normal(size=(2, 1)).astype(np.float32)
    s = lens.step(model, x, y).next()
    hidden = s.now.outputs["y"].copy()
    loss, weights = s.loss, {k: v.copy() for k, v in s.weights.items()}
    assert s.now.op == "relu"
    row, col = np.argwhere(hidden == 0)[0]
    s.change("output", (row, col), 2.5)

    delta = np.zeros_like(hidden)
    delta[row, col] = 2.5
    w1, b1, w2, b2 = model.trainable_variables
    with minidl.GradientTape() as tape:  # the relu's slope stays 0 there: what was added is a constant
        out = F.dense(F.relu(F.dense(x, w1, b1)) + delta, w2, b2)
        by_hand = F.mean_squared_error(y, out).mean()
    gradients = tape.gradient(by_hand, model.trainable_variables)
    assert s.loss == pytest.approx(float(by_hand), rel=1e-6) and s.loss != loss
    for (path, found), expected in zip(s.gradients.items(), gradients, strict=True):
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-7, err_msg=path)
    assert s.differences() == {"y": (1, 2.5)} and s.differences(0) == {}
    assert "y" in s.differences(s.to_layer("o").now) and "≠" in str(s) and "changed" in repr(s)
    assert "y[" in s.changes[0]
    s.undo()
    assert s.loss == loss and all_equal(list(s.weights.values()), list(weights.values())) and s.differences() == {}
    with pytest.raises(ArgumentError, match="nothing was changed"):
        s.undo()


def test_changed_weight_equals_training_with_that_weight():
    twin, (model, x, y) = twins(convolutional)
    s = lens.step(model, x, y)
    s.change("w", (0, 1, 1, 2), 0.75)  # the conv's kernel, read by the forward: the weight itself
    changed = twin.get_weights()
    changed[0][0, 1, 1, 2] = 0.75
    twin.set_weights(changed)
    assert s.logs == twin.train_on_batch(x, y, return_dict=True)
    assert all_equal(list(s.weights.values()), twin.get_weights())
    s.change("out/bias", ..., [1.0, 2.0, 3.0, 4.0])
    assert len(s.changes) == 2 and s.weights_before["out/bias"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert "values of shape (4,)" in s.changes[1]


def test_changed_input_is_changed_for_that_op_alone():
    model, x, y = residual()
    s = lens.step(model, x, y).to_layer("first")
    base = s.to_layer("sum").now.inputs["b"].copy()
    s.to_layer("first").change("x", (0, 0), 9.0)
    assert s.now.inputs["x"][0, 0] == 9.0 and s.differences()["x"][0] == 1
    np.testing.assert_array_equal(s.to_layer("sum").now.inputs["b"], base)  # the way around it reads the old value
    np.testing.assert_array_equal(x[0], np.asarray(x[0]))
    assert s.to_partner().differences() and x[0][0, 0] != 9.0


@pytest.mark.parametrize("name", ["dy", "dw"])
def test_changed_gradient_reaches_the_update_and_not_the_loss(name):
    model, x, y = convolutional()
    s = lens.step(model, x, y).to_layer("out", "backward").to_op("dense")
    loss, first = s.loss, s.gradients["conv/kernel"].copy()
    s.change(name, (0, 0), 3.0)
    assert s.loss == loss and s.differences(s.now)[name][0] == 1
    assert s.gradients["out/kernel"][0, 0] != s._records[0].gradients["out/kernel"][0, 0] or name == "dy"
    assert np.array_equal(s.gradients["conv/kernel"], first) == (name == "dw")
    assert s.to_phase("forward").differences() == {}


def test_change_on_the_simt_machine():
    model, x, y = convolutional()
    with minidl.using("simt"):
        s = lens.step(model, x, y)
        before = s.loss
    s.next().change("y", (0, 0, 0, 0), 5.0)  # outside the block: the step still runs where it ran
    assert s.now.backend == "simt" and s.now.outputs["y"][0, 0, 0, 0] == 5.0 and s.loss != before
    assert s.undo().loss == before


def test_bad_label_is_refused_and_leaves_the_stepper_as_it_was():
    model, x, y = convolutional()
    s = lens.step(model, x, y).to_loss()
    loss = s.loss
    with pytest.raises(MinidlError, match="label"):
        s.change("y_true", 0, 11)
    assert s.loss == loss and s.changes == []
    s.change("y_true", 0, (y[0] + 1) % 4)
    assert s.loss != loss and s.now.inputs["y_true"][0] == (y[0] + 1) % 4


@pytest.mark.parametrize("build", [convolutional, residual])
def test_every_array_on_the_simt_machine_is_still_there(build):
    """A pool uses memory again: what a record holds must not be written over."""
    twin, (model, x, y) = twins(build)
    s = lens.step(twin, x, y)
    with minidl.using("simt"):
        t = lens.step(model, x, y)
    there = iter(t.moments)  # on a device moving averages and clipping are ops too
    for a in s.moments:
        b = next(m for m in there if m.title == a.title)
        for name in a.arrays:
            np.testing.assert_allclose(a.arrays[name], b.arrays[name], rtol=2e-3, atol=2e-4, err_msg=f"{a} {name}")


def test_commit_takes_the_step_once():
    twin, (model, x, y) = twins(convolutional)
    s = lens.step(model, x, y)
    assert s.commit() == twin.train_on_batch(x, y, return_dict=True)
    assert all_equal(model.get_weights(), twin.get_weights())
    assert all_equal(model.optimizer.get_weights(), twin.optimizer.get_weights())
    assert model.train_on_batch(x, y) == twin.train_on_batch(x, y)
    with pytest.raises(ArgumentError, match="new stepper"):
        s.commit()


def test_commit_with_a_change():
    model, x, y = convolutional()
    s = lens.step(model, x, y).to_layer("out").change("y", (0, 0), 1.0)
    expected = {path: value.copy() for path, value in s.weights.items()}
    s.commit()
    assert all_equal(model.get_weights(), list(expected.values()))


def test_batch_and_model_may_change_afterwards():
    model, x, y = convolutional()
    s = lens.step(model, x, y)
    loss, weights = s.loss, [w.copy() for w in s.weights.values()]
    x[:] = 0
    model.train_on_batch(x, y)
    model.weights[0][...] = 7.0
    assert s.loss == loss and all_equal(list(s.weights.values()), weights)
    assert np.any(s.goto(0).now.inputs["x"])
    with pytest.raises(ArgumentError, match="change: weight 'conv/kernel' has changed"):
        s.change("y", (0, 0, 0, 0), 1.0)


def test_what_a_layer_changes_in_place_is_put_back_and_does_not_reach_the_record():
    class Counting(layers.Layer):
        def build(self, input_shape):
            self.count = self.add_weight((), "zeros", trainable=False, name="count")
            self.seen = {"calls": [0]}

        def call(self, x):
            self.count[...] = self.count.numpy() + 1.0
            self.seen["calls"][0] += 1
            return x * 2.0

    model = minidl.Sequential([layers.Input((2,)), Counting(name="c"), layers.Dense(1, name="d")])
    model.compile("sgd", "mse")
    count, seen = model.get_layer("c").count.numpy().copy(), model.get_layer("c").seen
    calls = seen["calls"][0]
    s = lens.step(model, np.ones((3, 2), np.float32), np.zeros((3, 1), np.float32))
    assert model.get_layer("c").count.numpy() == count and s.weights["c/count"] == count + 1
    assert model.get_layer("c").seen is seen and seen["calls"] == [calls]
    kernel = s.to_layer("d").now.inputs["w"].copy()
    model.get_layer("d").kernel[...] = 7.0
    np.testing.assert_array_equal(s.now.inputs["w"], kernel)


def test_seeds_of_the_world_are_not_used_up():
    model, x, y = convolutional()
    minidl.utils.set_random_seed(5)
    drawn = minidl.random.uniform((3,)).numpy(), np.random.rand()  # noqa: NPY002
    minidl.utils.set_random_seed(5)
    lens.step(model, x, y).next().change("y", (0, 0, 0, 0), 1.0)
    again = minidl.random.uniform((3,)).numpy(), np.random.rand()  # noqa: NPY002
    np.testing.assert_array_equal(drawn[0], again[0])
    assert drawn[1] == again[1]


def test_model_without_a_shape_is_built_as_by_its_first_call():
    def fresh():
        minidl.utils.set_random_seed(4)
        model = minidl.Sequential([layers.Dense(3, activation="relu"), layers.Dropout(0.5), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    x, y = np.ones((2, 5), np.float32), np.zeros((2, 1), np.float32)
    s, twin = lens.step(fresh(), x, y), fresh()
    assert s.loss == twin.train_on_batch(x, y)
    assert all_equal(list(s.weights.values()), twin.get_weights())


def test_optimizer_of_ones_own_has_no_update_ops():
    class SignDescent(minidl.optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            variable.assign_sub(float(learning_rate) * np.sign(gradient.numpy()))

    model = minidl.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(SignDescent(0.5), "mse")
    before = model.get_weights()
    s = lens.step(model, np.ones((3, 2), np.float32), np.zeros((3, 1), np.float32), sample_weight=np.ones(3))
    assert all_equal(list(s.weights_before.values()), before) and not all_equal(list(s.weights.values()), before)
    if all(m.phase != "update" for m in s.moments):
        with pytest.raises(ArgumentError, match="update"):
            s.to_phase("update")


def test_op_of_ones_own_is_stepped_into():
    def forward(x):
        """Cube: y = x^3."""
        square = x * x
        return square * x, x

    def backward(dy, x):
        return (3 * dy * x * x,)

    cube = minidl.register_op("stepper_cube", forward, backward, replace=True)
    model = minidl.Sequential([layers.Input((2,)), layers.Dense(2), layers.Lambda(cube, name="cube")])
    model.compile("sgd", "mse")
    s = lens.step(model, np.ones((3, 2), np.float32), np.zeros((3, 2), np.float32)).to_layer("cube")
    assert s.now.formula == "Cube: y = x^3." and s.partner.op == "stepper_cube"
    lines = s.into()
    assert [line.changed for line in lines.lines] == [["square"], ["return"]]
    with pytest.raises(MinidlError, match="kernel"):
        s.kernel()


# ---- into an op, into a kernel


@pytest.mark.parametrize("build", BUILDERS)
def test_lines_of_every_op_give_its_outputs(build):
    model, x, y = build()
    s = lens.step(model, x, y)
    for moment in s.moments:
        if moment.is_sum:
            continue
        lines = s.goto(moment.number).into()
        result = lines.result if moment.direction == "backward" else lines.result[0]
        parts = result if isinstance(result, tuple) else (result,)
        for name, slot in moment.output_slots.items():
            # The plain text is shown, whoever computed: another way to add up the same numbers rounds otherwise.
            np.testing.assert_allclose(parts[slot], moment.outputs[name], 1e-5, 1e-6, err_msg=f"{moment} {name}")
        assert lines.lines[0].function == f"{moment.op}_{moment.direction}"


def test_lines_show_the_local_arrays_after_each_line_and_go_back():
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(2, activation="sigmoid", name="d")])
    model.compile("sgd", "mse")
    s = lens.step(model, RNG.random((4, 3), np.float32), RNG.random((4, 2), np.float32))
    lines = s.to_op("sigmoid").to_partner().into()
    assert isinstance(lines, LineStepper) and lines.text.startswith("dx = np.subtract(1, cache.y")
    y, dy = s.partner.outputs["y"], s.now.inputs["dy"]
    np.testing.assert_array_equal(lines.values["dx"], 1 - y)
    assert lines.changed == ["dx"]
    np.testing.assert_array_equal(lines.next().values["dx"], (1 - y) * y)  # `dx *= cache.y`, in place
    np.testing.assert_array_equal(lines.next().values["dx"], (1 - y) * y * dy)
    np.testing.assert_array_equal(lines.back(2).values["dx"], 1 - y)
    assert lines.next(9).changed == ["return"] and lines.text == "return (dx,)"
    assert lines.described("return").startswith("(float32 (4, 2) [[") and lines.described("return").endswith("]],)")
    assert lines.to_line(lines.line - 2, backwards=True).changed == ["dx"]
    assert "->" in str(lines) and "dx *" in str(lines)
    with pytest.raises(ArgumentError, match="does not run"):
        lines.to_line(1)


def test_lines_follow_helpers_and_a_loop_over_time():
    model, x, y = recurrent()
    lines = lens.step(model, x, y).to_op("lstm").into()
    functions = {line.function for line in lines.lines}
    assert {"lstm_forward", "project_inputs", "project_state"} <= functions and "check_steps" not in functions
    starts = [k for k, line in enumerate(lines.lines) if line.depth == 0 and "t" in line.changed]
    assert [lines.lines[k].after["t"] for k in starts] == [0, 1]
    calls = next(k for k, line in enumerate(lines.lines) if lines.lines[min(k + 1, len(lines) - 1)].depth == 1)
    assert lines.goto(calls).next().now.depth == 1 and lines.goto(calls).over().now.depth == 0


@pytest.mark.parametrize("backend", ["numpy", "simt"])
def test_kernel_of_an_op_computes_its_output(backend):
    model, x, y = convolutional()
    with minidl.using(backend):
        s = lens.step(model, x, y)
        kernel = s.to_op("max_pool2d").kernel()
        np.testing.assert_array_equal(kernel.value("x"), s.now.inputs["x"])
        assert not np.array_equal(kernel.value("y"), s.now.outputs["y"])  # before the kernel ran
        np.testing.assert_array_equal(kernel.goto(len(kernel) - 1).value("y"), s.now.outputs["y"])
        assert kernel.report.faults == [] and kernel.back().position == len(kernel) - 2
        back = s.to_partner().kernels()
        assert back and s.kernel(back[0].name).listing()
    with pytest.raises(ArgumentError, match="no launch 99"):
        s.kernel(99)


# ---- showing


def test_a_formula_is_the_maths_of_the_ops_record():
    assert lens.formula("relu", "backward") == "dx = dy [x > 0]"


def test_statistics_count_what_is_not_finite():
    found = statistics(np.array([0.0, 2.0, np.nan, np.inf, -4.0, 0.0]))
    assert (found.smallest, found.largest, found.mean) == (-4.0, 2.0, -0.5)
    assert (found.zeros, found.nans, found.infinities) == (2 / 6, 1, 1) and "NaN 1" in str(found)
    assert "NaN 2" in str(statistics(np.full(2, np.nan)))


def test_bad_names_and_places_are_told():
    model, x, y = convolutional()
    s = lens.step(model, x, y)
    with pytest.raises(UnknownNameError, match="conv"):
        s.to_layer("cnov")
    with pytest.raises(UnknownNameError, match="backward"):
        s.to_phase("backwards")
    with pytest.raises(UnknownNameError, match="dropout"):
        s.to_op("droput")
    with pytest.raises(UnknownNameError, match="'x'"):
        s.change("z", 0, 1.0)
    with pytest.raises(ArgumentError, match=r"index \(9, 9, 9, 9\)"):
        s.change("y", (9, 9, 9, 9), 1.0)
    with pytest.raises(ArgumentError, match="float32"):
        s.change("y", (0, 0, 0, 0), "many")
    with pytest.raises(ArgumentError, match="do not fit"):
        s.change("b", ..., np.zeros(9))
    with pytest.raises(ArgumentError, match="no op in the phase"):
        s.to_layer("drop", "update")
    with pytest.raises(ArgumentError, match="no gradient"):
        s.to_phase("update").to_partner()
    with pytest.raises(NotCompiledError, match="compile"):
        lens.step(minidl.Sequential([layers.Input((2,)), layers.Dense(1)]), x, y)


def test_prompt_walks_and_says_what_it_refuses():
    model, x, y = convolutional()
    s = lens.step(model, x, y)
    out = io.StringIO()
    typed = """
n
loss
pair
b
layer out
p dy
p nothing
into
n
o
p dy
l
zzz
q
change dy (0,1) 0.9
undo
undo
change y
t
kernel
n
q
update
op relu
g 3
forward
backward
frobnicate
layer nowhere
?
"""
    s.run_prompt(io.StringIO(typed), out)
    text = out.getvalue()
    for expected in (
        "conv2d · conv", "sparse_categorical_crossentropy", "no array 'nothing'", "softmax_backward",
        "≠ 1 value differs",
        "nothing was changed", "the kernel that would do it", "threads active", "adam_update · conv/kernel",
        "unknown command 'frobnicate'", "unknown layer of this step", "INDEX VALUE, as in", "loss ", "to the first op",
    ):  # fmt: skip
        assert expected in text, expected
    assert s.now.phase == "backward" and s.changes == []


def test_text_and_filmstrip_show_the_numbers():
    model, x, y = convolutional()
    s = lens.step(model, x, y).to_loss()
    text = str(s)
    for value in s.now.outputs["y"]:
        assert f"{value:.4f}".rstrip("0") in text
    assert "L = −log p[label]" in text and "gradients, at" in text
    assert s.table().count("\n") == len(s) + 1 and "->" in s.table()
    strip = s._repr_html_()
    assert strip.count("<div style='flex:none") == len(s) and "data:image/png;base64," in strip
    assert "sparse_<wbr>categorical_<wbr>crossentropy" in strip  # a long name breaks where its words do
    assert "<script" not in strip and f"loss {s.loss:.6g}" in strip


def test_formulas_in_a_notebook_have_subscripts():
    from minidl.lens.stepping.notebook import moment_html

    model, x, y = convolutional()
    page = moment_html(lens.step(model, x, y))  # at the convolution: a sum over r, s, c
    assert "Σ<sub>" in page and "&lt;sub" not in page


def test_player_follows_and_leads():
    widgets = pytest.importorskip("ipywidgets", reason="NOT RUN: needs ipywidgets")
    from minidl.lens.stepping.player import Player

    model, x, y = convolutional()
    s = lens.step(model, x, y)
    player = Player(s, widgets)
    assert (player.slider.min, player.slider.max) == (0, len(s) - 1)
    player.next.click()
    assert s.position == 1 and player.slider.value == 1 and "relu" in player.page.value
    player.phases.value = "update"
    assert s.now.phase == "update" and "adam_update" in player.page.value and player.pair.disabled
    player.layer.value = "pool"
    assert s.now.layer == "pool"
    player.pair.click()
    assert s.now.direction == "backward" and player.phases.value == "backward"
    player.slider.value = 0
    assert s.position == 0 and f"{s.now.inputs['b'][0]:.6g}" in player.page.value
    player.lines_box.selected_index = 0
    assert "conv2d_forward" in player.code.value
    player.line.value = 2
    assert "-&gt;" in player.code.value
    assert type(s.play()).__name__ == "VBox"
