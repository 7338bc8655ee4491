"""Every look of the lens leaves a model as it was: weights, states, averages, the optimizer, metrics, seeds."""

import random
from collections import deque

import matplotlib.pyplot as plt
import numpy as np
import pytest

import minidl
from minidl import config, lens
from minidl.config import SeedGenerator
from minidl.layers import LSTM, BatchNormalization, Dense, Dropout, Input, Layer
from minidl.lens.recording.preserved import preserved
from minidl.tensor import Tensor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5, 3)).astype("float32")
Y = np.array([0, 1, 1, 0])


class Counting(Layer):
    """Keeps more than weights: a number, a list, an array, a generator, a penalty."""

    def __init__(self):
        super().__init__(name="counting")
        self.calls, self.seen, self.total = 0, [], np.zeros(3)
        self.generator = np.random.default_rng(7)

    def call(self, x):
        self.calls += 1
        self.seen.append(self.calls)
        self.total += 1
        self.add_loss((x * x).mean() * float(self.generator.random()))
        return x


def model_of_many_states(built=True):
    minidl.utils.set_random_seed(3)
    model = minidl.Sequential(
        [Input((5, 3), batch_size=4), Counting(), LSTM(4, stateful=True, name="lstm"), BatchNormalization(),
         Dropout(0.5), Dense(2, activation="softmax", name="out")]
    )  # fmt: skip
    optimizer = minidl.optimizers.Adam(0.1, use_ema=True, gradient_accumulation_steps=2)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    if built:
        for _ in range(3):
            model.train_on_batch(X, Y)
    return model


def told(value, seen=None):
    """All that an object holds, as plain values that can be compared."""
    seen = set() if seen is None else seen
    if isinstance(value, Tensor):
        return ("tensor", value._version, np.array(value.numpy()).tolist())
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.random.Generator):
        return str(value.bit_generator.state)
    if isinstance(value, dict):
        return {str(key): told(item, seen) for key, item in value.items()}
    if isinstance(value, list | tuple | deque | set):
        return [told(item, seen) for item in value]
    if isinstance(value, int | float | str | bool | None.__class__ | np.generic):
        return value
    if (
        type(value).__module__.startswith(("minidl.", __name__))
        and hasattr(value, "__dict__")
        and id(value) not in seen
    ):
        seen.add(id(value))
        return {name: told(item, seen) for name, item in vars(value).items()}
    return type(value).__name__


def state(model):
    return told(model), config._SEED, config._CALLS, random.getstate(), np.random.get_state()[2]  # noqa: NPY002


LOOKS = {
    "compare": lambda m: lens.compare(m, X, Y, "numpy", "numpy"),
    "record_step": lambda m: lens.record_step(m, X, Y, update=False),
    "record_step with arrays": lambda m: lens.record_step(m, X, Y, update=False, keep="arrays"),
    "training_step": lambda m: lens.training_step(m, X, Y),
    "step": lambda m: lens.step(m, X, Y),
    "step with values changed": lambda m: lens.step(m, X, Y).change("output", 0, 1.0).change("out/bias", 0, 9.0).undo(),
    "step into an op and a kernel": lambda m: (s := lens.step(m, X, Y).to_op("dense")).into() and s.kernels(),
    "provenance of an output": lambda m: lens.provenance(m, X, layer="out", index=(0, 0)),
    "provenance of a gradient": lambda m: lens.provenance(
        m, X, y=Y, layer="out", direction="backward", value="dw", index=(0, 0)
    ),
    "plot_activations": lambda m: lens.plot_activations(m, X),
    "plot_graph": lens.plot_graph,
    "plot_worst_errors": lambda m: lens.plot_worst_errors(m, X, Y),
    "plot_loss_landscape": lambda m: lens.plot_loss_landscape(m, X, Y, steps=2),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_leaves_everything_as_it_was(look):
    model = model_of_many_states()
    before = state(model)
    LOOKS[look](model)
    assert state(model) == before
    plt.close("all")


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_leaves_the_training_that_follows_as_it_would_have_been(look):
    alone, looked_at = model_of_many_states(), model_of_many_states()
    LOOKS[look](looked_at)
    for model in (alone, looked_at):
        minidl.utils.set_random_seed(5)
        model.last = [model.train_on_batch(X, Y) for _ in range(3)]
    np.testing.assert_array_equal(looked_at.last, alone.last)
    for a, b in zip(alone.get_weights(), looked_at.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    plt.close("all")


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_a_new_model_leaves_no_state_behind(look):
    model = model_of_many_states(built=False)
    weights = model.get_weights()
    LOOKS[look](model)
    assert model.get_layer("lstm").states is None
    assert int(model.optimizer.iterations) == 0 and model.losses == []
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    plt.close("all")


def test_a_stateful_lstm_compared_with_itself_agrees_and_keeps_its_state():
    model = model_of_many_states()
    kept = [s.numpy().copy() for s in model.get_layer("lstm").states]
    result = lens.compare(model, X, Y, "numpy", "numpy")
    assert result.ok and all(row.free == 0 for row in result.rows)
    for before, after in zip(kept, model.get_layer("lstm").states, strict=True):
        np.testing.assert_array_equal(before, after.numpy())


def test_a_stateful_lstm_on_the_kernels_agrees_with_numpy():
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential([Input((2, 3), batch_size=2), LSTM(2, stateful=True), Dense(1)])
    model.compile("adam", "mse")
    x, y = X[:2, :2], np.ones((2, 1), "float32")
    model.train_on_batch(x, y)
    result = lens.compare(model, x, y, "numpy", "simt")
    assert result.ok, result.divergence
    assert result.losses[0] == pytest.approx(result.losses[1], rel=1e-5)


def test_an_error_in_the_middle_of_a_look_leaves_everything_as_it_was():
    model = model_of_many_states()
    before = state(model)
    for look in (lens.record_step, lens.training_step, lens.compare, lens.step):
        with pytest.raises(minidl.errors.MinidlError):
            look(model, X, np.array([0, 1, 1, 9]), **({"update": False} if look is lens.record_step else {}))
        assert state(model) == before, look


def test_what_is_made_inside_the_block_is_gone_after_it():
    model = model_of_many_states()
    counting = model.get_layer("counting")
    with preserved(model):
        model.train_on_batch(X, Y)
        counting.new = SeedGenerator(1)
        counting.seen.clear()
    assert not hasattr(counting, "new") and counting.seen == list(range(1, counting.calls + 1))


def test_histograms_in_fit_leave_the_training_as_it_would_have_been():
    losses = []
    for callbacks in ([], [lens.HistogramRecorder(X, Y)]):
        model = model_of_many_states(built=False)
        minidl.utils.set_random_seed(5)
        losses.append(model.fit(X, Y, epochs=3, batch_size=4, verbose=0, callbacks=callbacks).history["loss"])
    assert losses[0] == losses[1]
    assert {"out/kernel", "out/bias"} <= set(callbacks[0].found["gradients"])
