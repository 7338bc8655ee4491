"""fit, evaluate, predict: kinds of data, weights, custom steps, outputs, what is printed."""

from __future__ import annotations

import json

import numpy as np
import pytest

import minidl
from minidl import config, layers, losses, metrics, optimizers
from minidl.callbacks import Callback
from minidl.data import PyDataset

RNG = np.random.default_rng(11)
X = RNG.normal(size=(22, 3)).astype("float32")
Y = (X @ RNG.normal(size=(3, 2)) > 0).astype("float32")
LABELS = RNG.integers(0, 4, 22)


def linear(units: int = 2, **compile_args) -> minidl.Model:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(units, name="only")])
    model.compile(**{"optimizer": optimizers.SGD(0.1), "loss": "mse", **compile_args})
    return model


def same_start(*models: minidl.Model) -> None:
    for model in models[1:]:
        model.set_weights(models[0].get_weights())


class Batches(PyDataset):
    def __init__(self, weights=None, size: int = 5) -> None:
        super().__init__()
        self.weights, self.size, self.ended = weights, size, 0

    def __len__(self) -> int:
        return -(-len(X) // self.size)

    def __getitem__(self, index: int):
        part = slice(index * self.size, (index + 1) * self.size)
        return (X[part], Y[part]) if self.weights is None else (X[part], Y[part], self.weights[part])

    def on_epoch_end(self) -> None:
        self.ended += 1


def forever(weights=None):
    batches = Batches(weights)
    while True:
        yield from (batches[k] for k in range(len(batches)))


def test_arrays_sequences_generators_and_lists_of_batches_train_alike() -> None:
    arrays, sequence, generator, loader = linear(), linear(), linear(), linear()
    same_start(arrays, sequence, generator, loader)
    expected = arrays.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0).history["loss"]
    data = Batches()
    assert sequence.fit(data, epochs=2, shuffle=False, verbose=0).history["loss"] == expected
    assert data.ended == 2
    assert generator.fit(forever(), epochs=2, steps_per_epoch=5, verbose=0).history["loss"] == expected

    class Loader:  # what a torch DataLoader looks like: it can only be iterated
        def __iter__(self):
            return iter([Batches()[k] for k in range(5)])

    assert loader.fit(Loader(), epochs=2, verbose=0).history["loss"] == expected


def test_weights_in_batches_count_as_sample_weight() -> None:
    weights = RNG.random(22).astype("float32")
    arrays, sequence = linear(), linear()
    same_start(arrays, sequence)
    expected = arrays.fit(X, Y, batch_size=5, shuffle=False, sample_weight=weights, verbose=0).history["loss"]
    assert sequence.fit(Batches(weights), shuffle=False, verbose=0).history["loss"] == expected


def test_class_weight_works_with_generators() -> None:
    weights = {0: 1.0, 1: 3.0, 2: 0.0}
    arrays, generator = (linear(4, loss=losses.SparseCategoricalCrossentropy(from_logits=True)) for _ in range(2))
    same_start(arrays, generator)
    expected = arrays.fit(X, LABELS, batch_size=11, shuffle=False, class_weight=weights, verbose=0).history["loss"]
    parts = [(X[:11], LABELS[:11]), (X[11:], LABELS[11:])]
    assert generator.fit(iter(parts), steps_per_epoch=2, class_weight=weights, verbose=0).history["loss"] == expected


def test_validation_data_may_be_a_sequence() -> None:
    model = linear()
    history = model.fit(X, Y, epochs=1, verbose=0, validation_data=Batches()).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


def test_validation_freq_and_steps() -> None:
    model = linear()
    history = model.fit(X, Y, epochs=4, verbose=0, validation_data=(X, Y), validation_freq=[2, 4]).history
    assert (len(history["loss"]), len(history["val_loss"])) == (4, 2)
    history = model.fit(X, Y, verbose=0, validation_data=forever(), validation_steps=2).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X[:10], Y[:10], verbose=0), rel=1e-5)


def test_shuffling_is_repeatable_by_the_seed_and_differs_between_epochs() -> None:
    def orders(seed: int) -> list[list[float]]:
        config.set_random_seed(seed)
        seen: list[list[float]] = [[]]

        class Watch(minidl.Sequential):
            def train_step(self, data):
                seen[-1].extend(np.asarray(data[0])[:, 0].tolist())
                return super().train_step(data)

        model = Watch([layers.Input((3,)), layers.Dense(2)])
        model.compile("sgd", "mse")
        for _ in range(2):
            model.fit(X, Y, batch_size=4, verbose=0)
            seen.append([])
        return seen[:2]

    first, again, other = orders(3), orders(3), orders(4)
    assert first == again
    assert first != other
    assert first[0] != first[1]
    assert sorted(first[0]) == sorted(X[:, 0].tolist())


def test_initial_epoch_goes_on_counting() -> None:
    history = linear().fit(X, Y, epochs=5, initial_epoch=3, verbose=0)
    assert history.epoch == [3, 4]


def test_fit_and_history_attribute_are_one() -> None:
    model = linear()
    assert model.fit(X, Y, verbose=0) is model.history


def test_loss_is_the_mean_weighted_by_batch_size() -> None:
    model = linear(optimizer=optimizers.SGD(0.0))
    loss = model.fit(X, Y, batch_size=16, verbose=0).history["loss"][0]
    errors = ((model.predict(X, verbose=0) - Y) ** 2).mean()
    assert loss == pytest.approx(errors, rel=1e-5)


def test_predict_joins_batches_and_keeps_the_structure_of_outputs() -> None:
    a = minidl.Input((3,))
    one, two = layers.Dense(1)(a), layers.Dense(2)(a)
    as_list, as_dict = minidl.Model(a, [one, two]), minidl.Model(a, {"one": one, "two": two})
    found = as_list.predict(X, batch_size=5, verbose=0)
    assert [part.shape for part in found] == [(22, 1), (22, 2)]
    named = as_dict.predict(X, batch_size=4, verbose=0)
    np.testing.assert_allclose(named["two"], found[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(as_list.predict_on_batch(X)[0], found[0], rtol=1e-5, atol=1e-6)
    assert linear().predict(Batches(), verbose=0).shape == (22, 2)
    assert linear().predict(X, batch_size=5, steps=2, verbose=0).shape == (10, 2)


def test_outputs_in_a_dict_train_by_their_keys() -> None:
    a = minidl.Input((3,))
    outputs = {"one": layers.Dense(1, name="first")(a), "two": layers.Dense(2, name="second")(a)}
    model = minidl.Model(a, outputs)
    model.compile("sgd", {"one": "mse", "two": "mae"}, metrics={"two": ["mse"]})
    history = model.fit(X, {"one": Y[:, :1], "two": Y}, verbose=0).history
    assert list(history) == ["loss", "one_loss", "two_loss", "two_mse"]


def test_lists_for_outputs_in_a_dict_go_by_sorted_keys() -> None:
    a = minidl.Input((3,))
    outputs = {"z": layers.Dense(2, kernel_initializer="ones")(a), "b": layers.Dense(1, kernel_initializer="ones")(a)}
    model = minidl.Model(a, outputs)
    zeros = {"z": np.zeros((2, 2), "float32"), "b": np.zeros((2, 1), "float32")}
    x = np.full((2, 3), 1.0, "float32")  # every prediction is 3: its square is 9
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]])
    found = model.evaluate(x, zeros, verbose=0, return_dict=True)
    assert found == pytest.approx({"loss": 12.0, "b_loss": 9.0, "b_mae": 3.0, "z_loss": 3.0, "z_mse": 9.0})
    assert model.evaluate(x, [zeros["b"], zeros["z"]], verbose=0) == pytest.approx([12.0, 9.0, 3.0, 3.0, 9.0])
    assert model.metrics_names == ["loss", "b_loss", "z_loss", "b_mae", "z_mse"]
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 10.0])
    assert model.evaluate(x, zeros, verbose=0) == pytest.approx([39.0, 9.0, 3.0])
    model.compile("sgd", {"z": "mse", "b": "mae"})  # losses by key come in the order they were given in
    assert model.evaluate(x, zeros, verbose=0) == pytest.approx([12.0, 9.0, 3.0])
    assert model.metrics_names == ["loss", "z_loss", "b_loss"]


def test_a_single_output_in_a_dict_has_metrics_without_its_name() -> None:
    a = minidl.Input((3,))
    model = minidl.Model(a, {"k": layers.Dense(2)(a)})
    model.compile("sgd", "mse", metrics=["mae"])
    assert list(model.fit(X, {"k": Y}, verbose=0).history) == ["loss", "mae"]


def test_a_flat_list_of_losses_serves_nested_outputs() -> None:
    a = minidl.Input((3,))
    nested = {"q": [layers.Dense(2, kernel_initializer="ones", name=name)(a) for name in "cd"]}
    model = minidl.Model(a, nested)
    zeros = np.zeros((2, 2), "float32")
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 10.0])
    assert model.evaluate(np.full((2, 3), 1.0), {"q": [zeros, zeros]}, verbose=0) == pytest.approx([39.0, 9.0, 3.0])


def test_an_output_without_a_loss_needs_no_targets() -> None:
    a = minidl.Input((3,))
    model = minidl.Model(a, [layers.Dense(1, name="one")(a), layers.Dense(2, name="two")(a)])
    for loss, y in (([None, "mse"], [None, Y]), ([None, "mse"], [Y]), ({"two": "mse"}, {"two": Y})):
        model.compile("sgd", loss)
        with pytest.warns(UserWarning, match="no gradient for one/kernel, one/bias"):
            assert list(model.fit(X, y, verbose=0).history) == ["loss"]


def test_one_loss_serves_all_outputs() -> None:
    a = minidl.Input((3,))
    model = minidl.Model(a, [layers.Dense(2, name="one")(a), layers.Dense(2, name="two")(a)])
    model.compile("sgd", "mse")
    assert list(model.fit(X, [Y, Y], verbose=0).history) == ["loss", "one_loss", "two_loss"]


def test_train_on_batch_returns_the_loss_before_the_update() -> None:
    model = linear(metrics=["mae"])
    before = model.test_on_batch(X, Y)
    assert model.train_on_batch(X, Y) == pytest.approx(before)
    assert model.test_on_batch(X, Y)[0] < before[0]
    assert set(model.train_on_batch(X, Y, return_dict=True)) == {"loss", "mae"}
    assert isinstance(linear().train_on_batch(X, Y), float)


def test_train_on_batch_takes_class_weight() -> None:
    model = linear(4, loss=losses.SparseCategoricalCrossentropy(from_logits=True), optimizer=optimizers.SGD(0.0))
    weighted = model.train_on_batch(X, LABELS, class_weight={0: 2.0, 1: 2.0, 2: 2.0, 3: 2.0})
    assert weighted == pytest.approx(2 * model.test_on_batch(X, LABELS), rel=1e-5)


def test_a_metric_may_have_one_value_a_class(capsys) -> None:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(4, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[metrics.F1Score()])
    one_hot = np.eye(4, dtype="float32")[LABELS]
    history = model.fit(X, one_hot, epochs=2, verbose=2).history
    assert [scores.shape for scores in history["f1_score"]] == [(4,), (4,)]
    assert model.train_on_batch(X, one_hot, return_dict=True)["f1_score"].shape == (4,)
    assert " - f1_score: " in capsys.readouterr().out


def test_custom_train_step_as_in_keras() -> None:
    class Custom(minidl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2)
            self.tracker = metrics.Mean(name="my_loss")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data[:2]
            with minidl.GradientTape() as tape:
                loss = losses.mean_squared_error(y, self(x, training=True)).mean()
            variables = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            self.tracker.update_state(loss)
            return {"my_loss": self.tracker.result()}

        @property
        def metrics(self):
            return [self.tracker]

    model = Custom()
    model.compile(optimizer="sgd")
    history = model.fit(X, Y, epochs=3, batch_size=11, verbose=0).history
    assert list(history) == ["my_loss"]
    assert history["my_loss"][2] < history["my_loss"][0]


def test_custom_compute_loss_is_used() -> None:
    class Doubled(minidl.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return super().compute_loss(x, y, y_pred, sample_weight, training) * 2.0

    plain, doubled = linear(), Doubled([layers.Input((3,)), layers.Dense(2)])
    doubled.compile("sgd", "mse")
    same_start(plain, doubled)
    assert doubled.test_on_batch(X, Y) == pytest.approx(2 * plain.test_on_batch(X, Y))


def test_add_loss_and_activity_regularizers_are_added_once_a_step() -> None:
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss((x * 0.0).sum() + 1.0)
            return x

    model = minidl.Sequential([layers.Input((3,)), layers.Dense(2), Penalty()])
    model.compile(optimizers.SGD(0.0), "mse")
    plain = ((model.predict(X, verbose=0) - Y) ** 2).mean()
    history = model.fit(X, Y, epochs=2, batch_size=5, verbose=0).history
    assert history["loss"] == pytest.approx([plain + 1] * 2, rel=1e-5)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(plain + 1, rel=1e-5)


def test_frozen_layers_do_not_change() -> None:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(4, name="fixed"), layers.Dense(2)])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    fixed, free = (layer.get_weights() for layer in model.layers)
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], fixed[0])
    assert not np.array_equal(model.layers[1].get_weights()[0], free[0])


def test_model_without_an_input_is_built_by_the_data() -> None:
    model = minidl.Sequential([layers.Dense(4, activation="relu"), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    seen = []

    class Look(Callback):
        def on_train_begin(self, logs=None):
            seen.append(self.model.built)

    model.fit(X, Y, verbose=0, callbacks=Look())
    assert seen == [True]


def test_integer_images_become_floats() -> None:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit((X * 10).astype("uint8"), Y.astype("int64"), verbose=0)
    assert model.predict(X.astype("float64"), verbose=0).dtype == np.float32


def test_data_are_left_unchanged() -> None:
    x, y = X.copy(), Y.copy()
    linear().fit(x, y, epochs=2, batch_size=5, verbose=0)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


def test_accuracy_is_resolved_by_the_shapes() -> None:
    for units, y, expected in ((1, Y[:, :1], "Binary"), (4, LABELS, "Sparse"), (4, np.eye(4)[LABELS], "Categorical")):
        model = linear(units, metrics=["accuracy", "crossentropy"], loss=None)
        model._compile_metrics.build(y, model(X))
        assert [type(m).__name__ for m in model._compile_metrics.metrics] == [
            {"Sparse": "SparseCategorical"}.get(expected, expected) + kind for kind in ("Accuracy", "Crossentropy")
        ]


def test_crossentropy_is_resolved_by_the_shapes() -> None:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(4, activation="softmax")])
    model.compile("sgd", "crossentropy")
    sparse = model.test_on_batch(X, LABELS)
    model.compile("sgd", "crossentropy")
    assert model.test_on_batch(X, np.eye(4, dtype="float32")[LABELS]) == pytest.approx(sparse, rel=1e-5)


def test_compile_config_makes_an_equal_model() -> None:
    model = linear(4)
    model.compile("adam", losses.Huber(0.5), metrics=["mae", metrics.RootMeanSquaredError()])
    written = json.loads(json.dumps(model.get_compile_config()))
    other = linear(4)
    other.compile_from_config(written)
    same_start(model, other)
    y = RNG.normal(size=(22, 4))
    first = model.fit(X, y, shuffle=False, verbose=0).history
    assert other.fit(X, y, shuffle=False, verbose=0).history == first
    assert linear().get_compile_config()["loss"] == "mse"
    assert minidl.Sequential([layers.Dense(1)]).get_compile_config() == {}


def test_prediction_and_evaluation_record_nothing() -> None:
    model = linear()
    with minidl.GradientTape() as tape:
        model.predict(X, verbose=0)
        model.evaluate(X, Y, verbose=0)
        model.test_on_batch(X, Y)
    assert tape.entries == []


def test_metrics_names_are_those_of_evaluate() -> None:
    model = linear(metrics=["mae"])
    values = model.evaluate(X, Y, verbose=0)
    assert model.metrics_names == ["loss", "mae"]
    assert dict(zip(model.metrics_names, values, strict=True)) == model.evaluate(X, Y, verbose=0, return_dict=True)


def test_moving_average_of_weights_stands_after_fit() -> None:
    model = linear(optimizer=optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    model.fit(X, Y, batch_size=11, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], model.optimizer._trained.averages[0].numpy())


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
def test_what_is_printed_without_a_terminal(verbose, capsys) -> None:
    linear(metrics=["mae"]).fit(X, Y, batch_size=5, epochs=2, validation_split=0.25, verbose=verbose)
    out = capsys.readouterr().out
    assert "\r" not in out and "\x1b" not in out
    lines = out.splitlines()
    if verbose == 0:
        assert out == ""
    else:
        assert len(lines) == 4
        assert lines[0] == "Epoch 1/2"
        assert lines[1].startswith("4/4 ")
        for name in ("loss", "mae", "val_loss", "val_mae"):
            assert f" - {name}: " in lines[1]
        assert "ms/step" in lines[1] or "us/step" in lines[1]


def test_evaluate_and_predict_print_a_line_each(capsys) -> None:
    model = linear()
    model.evaluate(X, Y)
    model.predict(X)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "loss: " in lines[0]
    assert "loss" not in lines[1]


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_own_steps_losses_and_metrics_get_floats_of_the_models_precision(dtype: str) -> None:
    seen = []

    class Own(minidl.Sequential):
        def train_step(self, data):
            x, y = data
            seen.extend([x.dtype, y.dtype])
            return {"loss": (y - self(x)).mean()}

    x, y = np.ones((4, 2), dtype), np.ones((4, 1), dtype)
    model = Own([minidl.layers.Input((2,)), minidl.layers.Dense(1)])
    model.compile("sgd", lambda a, b: abs(a - b), metrics=[lambda a, b: abs(a - b)])
    model.fit(x, y, verbose=0)
    model.fit(((x, y) for _ in range(2)), verbose=0)
    assert set(seen) == {np.dtype("float32")}
    losses = model.evaluate(x, y, verbose=0)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def number_of_batches(data, **arguments):
    """Fit a model that always says 0 on targets 1, 2, …, a number a batch. Its mean loss tells which an epoch had."""
    model = minidl.Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="zeros", use_bias=False)])
    model.compile(optimizers.SGD(0.0), "mae")
    return model.fit(*data, epochs=3, shuffle=False, verbose=0, **arguments)


FIVE = (np.ones((20, 1)), np.repeat(np.arange(1.0, 6), 4)[:, None])


def batches_of_four(count):
    for k in range(1, count + 1):
        yield np.ones((4, 1)), np.full((4, 1), k)


@pytest.mark.filterwarnings("ignore:fit. the data ran out")
@pytest.mark.parametrize("steps,losses", [(2, [1.5, 3.5, 5.0]), (3, [2.0, 4.5, 2.0]), (8, [3.0, 3.0, 3.0])])
def test_steps_per_epoch_below_and_above_the_number_of_batches(steps: int, losses: list[float]) -> None:
    history = number_of_batches(FIVE, steps_per_epoch=steps, batch_size=4)
    assert history.history["loss"] == losses
    later = number_of_batches(FIVE, steps_per_epoch=steps, batch_size=4, initial_epoch=1)
    assert later.history["loss"] == losses[:2] and later.epoch == [1, 2]


def test_steps_without_a_batch_size_share_the_samples_out() -> None:
    sizes: list[int] = []

    class Counts(minidl.Sequential):
        def train_step(self, data):
            sizes.append(len(data[0]))
            return super().train_step(data)

        def test_step(self, data):
            sizes.append(len(data[0]))
            return super().test_step(data)

        def predict_step(self, data):
            sizes.append(len(data[0] if isinstance(data, tuple) else data))
            return super().predict_step(data)

    model = Counts([layers.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((7, 1), "float32"), np.ones((7, 1), "float32")
    model.fit(x, y, steps_per_epoch=3, epochs=2, validation_data=(x, y), validation_steps=2, verbose=0)
    assert sizes == [3, 3, 1, 4, 3] * 2
    sizes.clear()
    model.evaluate(x, y, steps=2, verbose=0)
    assert model.predict(x, steps=4, verbose=0).shape == (7, 1)
    assert sizes == [4, 3, 2, 2, 2, 1]


def test_validation_steps_begin_anew_and_may_be_too_many() -> None:
    history = number_of_batches(FIVE, batch_size=4, validation_data=FIVE, validation_steps=2)
    assert history.history["val_loss"] == [1.5] * 3
    with pytest.warns(UserWarning, match=r"fit \(validation_data\): the data ran out after 5 of 9 steps"):
        history = number_of_batches(FIVE, batch_size=4, validation_data=FIVE, validation_steps=9)
    assert history.history["val_loss"] == [3.0] * 3
    with pytest.warns(UserWarning, match="fit: the data ran out after 1 of 3 steps"):
        history = number_of_batches(FIVE, batch_size=4, validation_split=0.2, steps_per_epoch=3)
    assert history.history == {"loss": [2.0, 4.0, 2.0], "val_loss": [5.0] * 3}


def test_steps_of_evaluate_and_predict_below_and_above_the_number_of_batches() -> None:
    model = number_of_batches(FIVE, batch_size=4).model
    assert model.evaluate(*FIVE, batch_size=4, steps=3, verbose=0) == 2.0
    assert model.predict(FIVE[0], batch_size=4, steps=3, verbose=0).shape == (12, 1)
    with pytest.warns(UserWarning, match="evaluate: the data ran out after 5 of 9 steps"):
        assert model.evaluate(*FIVE, batch_size=4, steps=9, verbose=0) == 3.0
    with pytest.warns(UserWarning, match="predict: the data ran out after 5 of 9 steps"):
        assert model.predict(FIVE[0], batch_size=4, steps=9, verbose=0).shape == (20, 1)


@pytest.mark.filterwarnings("ignore:fit. the data ran out after 2 of 3 steps")
@pytest.mark.parametrize("steps,losses", [(None, [3.0]), (5, [3.0]), (3, [2.0, 4.5])])
def test_a_generator_that_runs_out_ends_fit_with_its_history(steps: int | None, losses: list[float]) -> None:
    ended = []
    callback = minidl.callbacks.LambdaCallback(on_train_end=lambda logs: ended.append(logs))
    with pytest.warns(UserWarning, match="fit: the data ran out after 0 .*A generator runs once over all epochs"):
        history = number_of_batches((batches_of_four(5),), steps_per_epoch=steps, callbacks=[callback])
    assert history.history["loss"] == losses
    assert ended == [{"loss": losses[-1]}]


def test_a_validation_generator_that_runs_out_leaves_training_and_history() -> None:
    validation = batches_of_four(3)
    with pytest.warns(UserWarning, match=r"fit \(validation_data\): the data ran out after 0"):
        history = number_of_batches(FIVE, batch_size=4, validation_data=validation)
    assert history.history == {"loss": [3.0] * 3, "val_loss": [2.0]}


def test_a_callback_ends_evaluation_and_prediction() -> None:
    class Enough(Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch, logs=None):
            self.model.stop_predicting = batch == 1

    model = number_of_batches(FIVE, batch_size=4).model
    assert model.evaluate(*FIVE, batch_size=4, callbacks=[Enough()], verbose=0) == 1.5
    assert model.predict(FIVE[0], batch_size=4, callbacks=[Enough()], verbose=0).shape == (8, 1)
    assert model.evaluate(*FIVE, batch_size=4, verbose=0) == 3.0


class OnlyTrainStep(minidl.Model):
    """A model whose train_step does all, as in programs for GANs and VAEs."""

    def __init__(self) -> None:
        super().__init__()
        self.net = minidl.Sequential([layers.Dense(1, use_bias=False)])
        self.seen = metrics.Mean("seen")

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        with minidl.GradientTape() as tape:
            loss = (self.net(x) ** 2).mean()
        gradients = tape.gradient(loss, self.net.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.net.trainable_variables, strict=True))
        self.seen.update_state(len(x))
        return {"loss": loss, "parts": {"b": self.seen.result(), "a": 2}}


@pytest.mark.parametrize("kind", ["arrays", "one array", "PyDataset", "generator"])
def test_model_with_a_train_step_and_no_call_is_fitted(kind: str, tmp_path) -> None:
    x = X[:20]

    class Data(PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return x[index * 4 : index * 4 + 4]

    model = OnlyTrainStep()
    model.compile("sgd")
    data = {"arrays": (x, x), "one array": (x,), "PyDataset": (Data(),), "generator": ((x[:4] for _ in range(5)),)}
    history = model.fit(*data[kind], **({} if kind in ("PyDataset", "generator") else {"batch_size": 4}), verbose=0)
    assert list(history.history) == ["a", "b", "loss"]
    assert history.history["b"] == [4.0] and model.seen in model.metrics
    model.save_weights(tmp_path / "w.weights.h5")
    again = OnlyTrainStep()
    again.compile("sgd")
    again.fit(x, batch_size=20, verbose=0)
    again.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(again.net.get_weights()[0], model.net.get_weights()[0])


def test_own_loss_and_metrics_of_a_model_with_and_without_training_argument() -> None:
    given = []

    class Older(minidl.Sequential):
        def compute_loss(self, x, y, y_pred, sample_weight):
            return (y - y_pred).mean() * 0 + 7.0

        def compute_metrics(self, x, y, y_pred, sample_weight):
            return {**super().compute_metrics(x, y, y_pred, sample_weight), "mine": 3}

    class Newer(minidl.Sequential):
        def compute_loss(self, *args, **kwargs):
            given.append(kwargs["training"])
            return super().compute_loss(*args, **kwargs)

    for cls in (Older, Newer):
        model = cls([layers.Input((3,)), layers.Dense(2)])
        model.compile("sgd", "mse", metrics=["mae"])
        history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
        if cls is Older:
            assert history["loss"] == [7.0] and history["val_mine"] == [3.0] and "mae" in history
    assert given == [True, False]


def test_train_step_that_returns_nothing_or_loops_over_the_metrics() -> None:
    class Silent(minidl.Sequential):
        steps = 0

        def train_step(self, data):
            self.steps += 1

    model = Silent([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    assert model.fit(X, Y, epochs=2, batch_size=11, verbose=0).epoch == [0, 1]
    assert model.steps == 4

    class Guide(minidl.Sequential):  # the loop of Keras' guide on train_step
        def test_step(self, data):
            x, y = data
            y_pred = self(x, training=False)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    model = Guide([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["mae"])
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    expected = np.abs(model.predict(X, verbose=0) - Y).mean()
    assert list(logs) == ["mae", "loss"] and logs["mae"] == pytest.approx(expected, rel=1e-5)
