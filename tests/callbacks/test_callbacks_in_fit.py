"""Callbacks at work in fit: order of the hooks, what they log, print and write."""

from __future__ import annotations

import csv
import sys
import types

import numpy as np
import pytest

import minidl
from minidl import callbacks, layers, optimizers
from minidl.callbacks import Callback, EarlyStopping, History, LambdaCallback, ReduceLROnPlateau
from minidl.errors import ArgumentError

X = np.random.default_rng(1).normal(size=(10, 3)).astype("float32")
Y = X[:, :1] * 2


def linear(rate: float = 0.1) -> minidl.Model:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.SGD(rate), "mse", metrics=["mae"])
    return model


def fit(model: minidl.Model, *used: Callback, epochs: int = 3, **args):
    return model.fit(X, Y, batch_size=4, epochs=epochs, verbose=0, callbacks=list(used), **args)


def noting(name: str):
    return lambda self, *args, **kwargs: self.calls.append(name)


class Record(Callback):
    """Notes the hooks in the order in which they come."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    for _name in [name for name in dir(Callback) if name.startswith("on_")]:
        locals()[_name] = noting(_name)


def test_hooks_come_in_keras_order() -> None:
    record = Record()
    model = linear()
    model.fit(X, Y, batch_size=8, validation_data=(X, Y), validation_batch_size=10, verbose=0, callbacks=[record])
    batch = ["on_train_batch_begin", "on_train_batch_end"]
    validation = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    assert [c for c in record.calls] == [
        "on_train_begin", "on_epoch_begin", *batch, *batch, *validation, "on_epoch_end", "on_train_end",
    ]  # fmt: skip
    record.calls.clear()
    model.evaluate(X, Y, verbose=0, callbacks=[record])
    assert record.calls == validation
    record.calls.clear()
    model.predict(X, verbose=0, callbacks=[record])
    assert record.calls == ["on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end"]


def test_hooks_get_logs_params_and_model() -> None:
    seen = {}

    class Look(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen["batch"] = (batch, dict(logs))

        def on_epoch_end(self, epoch, logs=None):
            seen["epoch"] = (epoch, dict(logs))

        def on_train_end(self, logs=None):
            seen["end"] = dict(logs)

    look = Look()
    model = linear()
    fit(model, look, epochs=2, validation_split=0.2)
    assert seen["batch"][0] == 1
    assert list(seen["batch"][1]) == ["loss", "mae"]
    assert list(seen["epoch"][1]) == ["loss", "mae", "val_loss", "val_mae"]
    assert seen["end"] == seen["epoch"][1]
    assert all(type(value) is float for value in seen["end"].values())
    assert look.model is model
    assert look.params == {"verbose": 0, "epochs": 2, "steps": 2}


def test_stop_training_ends_the_epoch_after_its_validation() -> None:
    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    history = fit(linear(), Stop(), validation_data=(X, Y))
    assert len(history.history["val_loss"]) == 1


def test_what_callbacks_add_to_the_logs_goes_into_the_history() -> None:
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch * 10))
    assert fit(linear(), add).history["extra"] == [0, 10, 20]


def test_lambda_callback_calls_the_functions() -> None:
    calls = []
    fit(
        linear(),
        LambdaCallback(
            on_epoch_begin=lambda epoch, logs: calls.append(("begin", epoch)),
            on_train_batch_end=lambda batch, logs: calls.append(("batch", batch)),
            on_train_end=lambda logs: calls.append("end"),
            on_test_begin=lambda logs: calls.append("test"),
        ),
        epochs=1,
        validation_data=(X, Y),
    )
    assert calls == [("begin", 0), ("batch", 0), ("batch", 1), ("batch", 2), "test", "end"]


def test_early_stopping_without_its_metric_warns_and_names_the_others() -> None:
    names = "which is not in the logs. There are 'loss', 'mae'. Is there validation data"
    with pytest.warns(UserWarning, match=f"EarlyStopping watches 'val_loss', {names}"):
        fit(linear(), EarlyStopping(), epochs=1)
    with pytest.raises(ArgumentError, match="smaller 'val_speed' is better is not known. Give mode="):
        fit(linear(), EarlyStopping(monitor="val_speed"), epochs=1)
    with pytest.warns(UserWarning, match="mode must be 'auto', 'min' or 'max'. Got 'least'"):
        EarlyStopping(mode="least")


def test_early_stopping_knows_which_way_a_metric_is_better() -> None:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy", "mae"])
    for monitor, larger in (("val_accuracy", True), ("mae", False), ("val_loss", False)):
        stopping = EarlyStopping(monitor=monitor, patience=5)
        model.fit(X, (Y > 0) * 1, verbose=0, validation_split=0.3, callbacks=[stopping])
        assert stopping._larger is larger


def test_early_stopping_knows_the_losses_of_outputs() -> None:
    a = minidl.Input((3,))
    model = minidl.Model(a, [layers.Dense(1, name="one")(a), layers.Dense(1, name="two")(a)])
    model.compile("sgd", "mse", metrics=[["mae"], ["mae"]])
    for monitor in ("val_one_loss", "two_loss", "one_mae"):
        stopping = EarlyStopping(monitor=monitor)
        model.fit(X, [Y, Y], verbose=0, validation_split=0.3, callbacks=[stopping])
        assert stopping._larger is False


def test_early_stopping_says_when_it_stops(capsys) -> None:
    stopping = EarlyStopping(monitor="loss", patience=1, verbose=1, restore_best_weights=True)
    model = linear(rate=5.0)  # far too large: the loss grows
    fit(model, stopping, epochs=5)
    out = capsys.readouterr().out
    assert "Epoch 2: early stopping" in out
    assert "Restoring model weights from the end of the best epoch: 1." in out


def test_reduce_lr_logs_the_rate_and_says_so(capsys) -> None:
    model = linear(rate=0.0)
    model.optimizer.learning_rate = 1e-9  # no progress to speak of
    history = fit(model, ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, verbose=1), epochs=3).history
    np.testing.assert_allclose(history["learning_rate"], [1e-9, 1e-9, 5e-10], rtol=1e-5)
    assert "Epoch 2: ReduceLROnPlateau reducing learning rate to 4.99999" in capsys.readouterr().out
    with pytest.warns(UserWarning, match="ReduceLROnPlateau watches 'val_loss'"):
        fit(linear(), ReduceLROnPlateau(), epochs=1)
    with pytest.raises(ArgumentError, match="factor must be between 0 and 1. Got 1.5"):
        ReduceLROnPlateau(factor=1.5)
    with pytest.raises(ArgumentError, match="Use min_delta instead"):
        ReduceLROnPlateau(epsilon=0.1)


def test_learning_rate_scheduler_sets_the_rate_of_each_epoch(capsys) -> None:
    model = linear()
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5, verbose=1)
    np.testing.assert_allclose(fit(model, halve).history["learning_rate"], [0.05, 0.025, 0.0125])
    assert "Epoch 3: LearningRateScheduler setting learning rate to 0.0125" in capsys.readouterr().out
    by_epoch = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    np.testing.assert_allclose(fit(linear(), by_epoch).history["learning_rate"], [0.1, 0.05, 0.1 / 3], rtol=1e-6)
    with pytest.raises(ArgumentError, match="must return a float. Got None"):
        fit(linear(), callbacks.LearningRateScheduler(lambda epoch, rate: None))
    with pytest.raises(ArgumentError, match="schedule must be a function. Got 0.1"):
        callbacks.LearningRateScheduler(0.1)


def test_learning_rate_scheduler_lets_errors_of_the_function_through() -> None:
    def broken(epoch, rate):
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        fit(linear(), callbacks.LearningRateScheduler(broken))


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_terminate_on_nan_stops_at_the_batch(capsys) -> None:
    model = linear(rate=1e30)
    history = fit(model, callbacks.TerminateOnNaN())
    assert len(history.history["loss"]) == 1
    assert "Invalid loss, terminating training" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="the loss is .* at batch . Is the learning rate too large|the loss is"):
        fit(linear(rate=1e30), callbacks.TerminateOnNaN(raise_error=True))


def test_csv_logger_writes_a_row_an_epoch(tmp_path) -> None:
    path = tmp_path / "log.csv"
    history = fit(linear(), callbacks.CSVLogger(path), epochs=2, validation_split=0.2).history
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert list(rows[0]) == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    fit(linear(), callbacks.CSVLogger(path, append=True), epochs=1, validation_split=0.2)
    assert len(list(csv.DictReader(path.read_text().splitlines()))) == 3
    fit(linear(), callbacks.CSVLogger(path, separator=";"), epochs=1)
    assert path.read_text().splitlines()[0] == "epoch;loss;mae;val_loss;val_mae"
    assert path.read_text().splitlines()[1].endswith(";NA;NA")


def test_history_goes_on_over_several_fits_of_one_object() -> None:
    history = History()
    model = linear()
    fit(model, history, epochs=2)
    assert fit(model, history, epochs=1) is history
    assert len(history.history["loss"]) == 3
    assert history.epoch == [0]


def test_live_plot_writes_the_picture(tmp_path) -> None:
    path = tmp_path / "curves.png"
    fit(linear(), callbacks.LivePlot(path=path), epochs=2, validation_split=0.2)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["curves.png"]
    with pytest.warns(UserWarning, match="there is no notebook to draw in"):
        fit(linear(), callbacks.LivePlot(), epochs=1)
    with pytest.raises(ArgumentError, match="path must end in .png"):
        callbacks.LivePlot(path="curves.gif")


def test_live_plot_draws_over_its_picture_in_a_notebook(monkeypatch) -> None:
    shown, updated = [], []

    class Handle:
        def update(self, image):
            updated.append(image)

    def display(image, display_id):
        shown.append(image)
        return Handle()

    fake = types.ModuleType("IPython.display")
    fake.Image, fake.display = (lambda data: data), display
    for name, module in (("ipykernel", types.ModuleType("ipykernel")), ("IPython", types.ModuleType("IPython"))):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    fit(linear(), callbacks.LivePlot(metrics="loss"), epochs=2)
    assert (len(shown), len(updated)) == (1, 2)  # after each epoch, and at the end
    assert shown[0].startswith(b"\x89PNG")


def test_live_plot_has_a_plot_for_each_metric() -> None:
    plot = callbacks.LivePlot(path="unused.png")
    plot.history = {"loss": [(1, 0.5), (2, 0.3)], "val_loss": [(1, 0.6), (2, 0.4)], "mae": [(1, 1.0), (2, 0.9)]}
    axes = plot.figure().axes
    assert [a.get_title() for a in axes] == ["loss", "mae"]
    assert [line.get_label() for line in axes[0].lines] == ["training", "validation"]
    np.testing.assert_array_equal(axes[0].lines[1].get_ydata(), [0.6, 0.4])
    plot.names = ["mae"]
    assert len(plot.figure().axes) == 1


def test_tensorboard_without_its_package_names_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"needs the package tensorboardX.*pip install 'minidl\[tensorboard\]'"):
        callbacks.TensorBoard()


def test_tensorboard_writes_training_and_validation(monkeypatch, tmp_path) -> None:
    written, values = [], {}

    class Writer:
        def __init__(self, folder: str) -> None:
            self.folder = folder

        def add_scalar(self, name, value, step):
            written.append((self.folder.rsplit("/", 1)[-1], name, step))
            values[name, step] = value

        def add_histogram(self, name, values, step):
            written.append(("histogram", name, step))

        def flush(self):
            written.append("flushed")

        def close(self):
            written.append("closed")

    monkeypatch.setattr(callbacks.tensorboard, "_summary_writer", lambda: Writer)
    board = callbacks.TensorBoard(tmp_path / "logs", histogram_freq=2, update_freq=2, write_steps_per_second=True)
    fit(linear(), board, epochs=2, validation_split=0.2)
    for entry in (
        ("train", "epoch_loss", 0), ("train", "epoch_loss", 1), ("validation", "epoch_loss", 1),
        ("train", "epoch_learning_rate", 0), ("train", "epoch_steps_per_second", 0), ("train", "batch_loss", 2),
    ):  # fmt: skip
        assert entry in written
    assert sum(entry[0] == "histogram" for entry in written) == 2  # kernel and bias, in every second epoch
    assert written.count("closed") == 2 and written.count("flushed") == 4  # both writers after each epoch
    assert 0.1 < values["epoch_steps_per_second", 1] < 1e6  # two batches, in more than 2 microseconds
    with pytest.raises(ArgumentError, match="update_freq must be"):
        callbacks.TensorBoard(update_freq="step")


def test_tensorboard_writes_real_event_files(tmp_path) -> None:
    pytest.importorskip("tensorboardX", reason="NOT RUN: needs tensorboardX, the extra 'tensorboard'")
    fit(linear(), callbacks.TensorBoard(tmp_path / "logs"), epochs=1, validation_split=0.2)
    assert list((tmp_path / "logs" / "train").glob("events.*"))
    assert list((tmp_path / "logs" / "validation").glob("events.*"))


@pytest.mark.parametrize("other", ["up", "down"])
def test_the_direction_is_that_of_the_metric_that_is_monitored(other) -> None:
    class Own(minidl.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_pred)

    def metric(name, direction):
        made = Own(name=name)
        made._direction = direction
        return made

    mine = "down" if other == "up" else "up"
    for order in (1, -1):
        model = minidl.Sequential([layers.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse", metrics=[metric("mine", mine), metric("theirs", other)][::order])
        for name, direction in (("mine", mine), ("val_mine", mine), ("theirs", other), ("val_theirs", other)):
            stopping = EarlyStopping(monitor=name)
            stopping.set_model(model)
            model.train_on_batch(X, Y)
            stopping._settle_direction()
            assert stopping._larger == (direction == "up"), (name, order)


@pytest.mark.parametrize("name, larger", [("mine", True), ("val_mine", True), ("loss", False), ("val_loss", False)])
def test_metrics_that_a_model_keeps_itself_have_their_directions(name, larger) -> None:
    class Keeps(minidl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.mine = minidl.metrics.BinaryAccuracy(name="mine")
            self.theirs = minidl.metrics.MeanSquaredError(name="theirs")

    stopping = EarlyStopping(monitor=name)
    stopping.set_model(Keeps())
    stopping._settle_direction()
    assert stopping._larger is larger


def test_lambda_callback_refuses_a_time_that_never_comes():
    with pytest.raises(ArgumentError, match="LambdaCallback: there is no 'on_epoch_finish'"):
        LambdaCallback(on_epoch_finish=print)


def test_every_hook_gets_a_dict_and_keras_order() -> None:
    told = []

    def hook(name: str):
        def note(self, *args) -> None:
            *where, logs = args
            assert type(logs) is dict, name
            told.append((name, *where, sorted(logs)))

        return note

    made = ("on_batch_begin", "on_batch_end")  # called by the others
    hooks = [name for name in vars(Callback) if name.startswith("on_") and name not in made]
    All = type("All", (Callback,), {name: hook(name) for name in hooks})
    model = minidl.Sequential([minidl.layers.Input((2,)), minidl.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((4, 2)), np.ones((4, 1))
    model.fit(x, y, batch_size=2, verbose=0, validation_data=(x[:2], y[:2]), callbacks=[All()])
    names = ["loss", "mae"]
    assert told == [
        ("on_train_begin", []), ("on_epoch_begin", 0, []),
        ("on_train_batch_begin", 0, []), ("on_train_batch_end", 0, names),
        ("on_train_batch_begin", 1, []), ("on_train_batch_end", 1, names),
        ("on_test_begin", []), ("on_test_batch_begin", 0, []), ("on_test_batch_end", 0, names),
        ("on_test_end", names),
        ("on_epoch_end", 0, [*names, "val_loss", "val_mae"]), ("on_train_end", [*names, "val_loss", "val_mae"]),
    ]  # fmt: skip
    told.clear()
    model.predict(x, batch_size=4, verbose=0, callbacks=[All()])
    assert told == [
        ("on_predict_begin", []), ("on_predict_batch_begin", 0, []), ("on_predict_batch_end", 0, ["outputs"]),
        ("on_predict_end", []),
    ]  # fmt: skip


def test_hooks_with_names_of_their_own_for_arguments() -> None:
    seen = []

    class Short(Callback):
        def on_epoch_end(self, e, results):
            seen.append((e, sorted(results)))

        def on_train_batch_end(self, b, results):
            seen.append((b, sorted(results)))

    model = minidl.Sequential([minidl.layers.Input((2,)), minidl.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[Short()])
    assert seen == [(0, ["loss"]), (0, ["loss"])]
