"""ModelCheckpoint and BackupAndRestore: when they save, where, and how training goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import layers, optimizers
from minidl.callbacks import BackupAndRestore, Callback, ModelCheckpoint
from minidl.errors import ArgumentError, FileFormatError, NotBuiltError

X = np.random.default_rng(2).normal(size=(12, 3)).astype("float32")
Y = X[:, :1] * 2


class Saver(minidl.Sequential):
    """Notes what is saved instead of writing models."""

    def save(self, filepath, overwrite=True, **kwargs):
        self.saved.append(str(filepath))

    def save_weights(self, filepath, overwrite=True, **kwargs):
        self.saved.append(str(filepath))


def saver(rate: float = 0.1) -> Saver:
    model = Saver([layers.Input((3,)), layers.Dense(1)])
    model.saved = []
    model.compile(optimizers.SGD(rate), "mse", metrics=["mae"])
    return model


def names(model: Saver) -> list[str]:
    return [Path(path).name for path in model.saved]


def test_checkpoint_saves_each_epoch_under_its_name(tmp_path) -> None:
    model = saver()
    checkpoint = ModelCheckpoint(tmp_path / "deep" / "model-{epoch:02d}.keras")
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[checkpoint])
    assert names(model) == ["model-01.keras", "model-02.keras", "model-03.keras"]
    assert (tmp_path / "deep").is_dir()


def test_checkpoint_name_may_hold_metrics(tmp_path) -> None:
    model = saver()
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.3f}.weights.h5", save_weights_only=True)
    history = model.fit(X, Y, verbose=0, validation_split=0.25, callbacks=[checkpoint])
    assert names(model) == [f"1-{history.history['val_loss'][0]:.3f}.weights.h5"]
    with pytest.raises(ArgumentError, match="names 'val_acc', which is not in the logs. There are 'epoch', 'loss'"):
        model.fit(X, Y, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "{val_acc}.keras")])


def test_checkpoint_saves_only_the_best(tmp_path, capsys) -> None:
    model = saver()
    checkpoint = ModelCheckpoint(tmp_path / "best.keras", monitor="val_loss", save_best_only=True, verbose=1)
    checkpoint.set_model(model)
    for epoch, value in enumerate([1.0, 0.5, 0.7, 0.4]):
        checkpoint.on_epoch_end(epoch, {"val_loss": value})
    assert len(model.saved) == 3
    out = capsys.readouterr().out
    assert "Epoch 2: val_loss improved from 1.00000 to 0.50000, saving model to" in out
    assert "Epoch 3: val_loss did not improve from 0.50000" in out


def test_checkpoint_of_a_real_model_predicts_as_the_best_epoch_did(tmp_path) -> None:
    model, path = model_of(), tmp_path / "best.keras"
    checkpoint = ModelCheckpoint(path, monitor="loss", save_best_only=True)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[checkpoint])
    loaded = minidl.models.load_model(path)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    # Training goes on as if nothing had been saved: the optimizer's state is in the file.
    expected = model.fit(X, Y, shuffle=False, verbose=0).history["loss"]
    assert loaded.fit(X, Y, shuffle=False, verbose=0).history["loss"] == expected


def test_checkpoint_begins_with_a_threshold_and_mode(tmp_path) -> None:
    model = saver()
    checkpoint = ModelCheckpoint(
        tmp_path / "best.keras", monitor="acc", mode="max", save_best_only=True, initial_value_threshold=0.8
    )
    checkpoint.set_model(model)
    for epoch, value in enumerate([0.7, 0.9, 0.85]):
        checkpoint.on_epoch_end(epoch, {"acc": value})
    assert len(model.saved) == 1


def test_checkpoint_without_its_metric_warns_and_saves(tmp_path) -> None:
    model = saver()
    with pytest.warns(UserWarning, match="saves the best by 'val_loss', which is not in the logs"):
        model.fit(X, Y, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "m.keras", save_best_only=True)])
    assert len(model.saved) == 1


def test_checkpoint_saves_every_so_many_batches(tmp_path) -> None:
    model = saver()
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=4)
    model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=[checkpoint])
    assert names(model) == ["1-4.keras", "2-2.keras", "2-6.keras"]


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"filepath": "m.txt"}, r"the file must end in .keras or .h5. Got 'm.txt'"),
        ({"filepath": "m.weights.h5"}, "Or do you want save_weights_only=True"),
        ({"filepath": "m.keras", "save_weights_only": True}, "must end in .weights.h5 or .safetensors or .npz"),
        ({"filepath": "m.keras", "save_freq": 0.5}, "save_freq must be 'epoch' or a number of batches"),
    ],
)
def test_wrong_arguments_of_checkpoint_are_told(args, match) -> None:
    with pytest.raises(ArgumentError, match=match):
        ModelCheckpoint(**args)


class Interrupt(Callback):
    """Stands for a power cut at the end of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.at = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.at:
            raise KeyboardInterrupt


def model_of(weights=None) -> minidl.Model:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(1)])
    if weights is not None:
        model.set_weights(weights)
    model.compile(optimizers.SGD(0.01, momentum=0.9), "mse")
    return model


def test_backup_goes_on_where_training_was_cut_off(tmp_path) -> None:
    whole = model_of()
    start = whole.get_weights()
    expected = whole.fit(X, Y, epochs=5, shuffle=False, verbose=0).history["loss"]
    folder = tmp_path / "backup"
    first = model_of(start)
    with pytest.raises(KeyboardInterrupt):
        first.fit(X, Y, epochs=5, shuffle=False, verbose=0, callbacks=[BackupAndRestore(folder), Interrupt(3)])
    again = model_of()
    history = again.fit(X, Y, epochs=5, shuffle=False, verbose=0, callbacks=[BackupAndRestore(folder)])
    assert history.epoch == [3, 4]
    # The momentum was restored too, else the losses would differ.
    np.testing.assert_allclose(history.history["loss"], expected[3:], rtol=1e-6)
    assert not folder.exists()


def test_backup_keeps_the_folder_if_asked_and_needs_a_built_model(tmp_path) -> None:
    model_of().fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path, delete_checkpoint=False, save_freq=1)])
    assert (tmp_path / "latest.weights.h5").exists()
    with pytest.raises(ArgumentError, match="backup_dir must name a folder"):
        BackupAndRestore("")
    unbuilt = minidl.Sequential([layers.Dense(1)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(NotBuiltError, match="the model must be built before fit"):
        unbuilt.fit(iter([(X, Y)]), verbose=0, callbacks=[BackupAndRestore(tmp_path)])


def test_backup_falls_back_to_the_state_before_a_broken_one(tmp_path) -> None:
    backup = BackupAndRestore(tmp_path, delete_checkpoint=False, double_checkpoint=True)
    model_of().fit(X, Y, epochs=3, verbose=0, callbacks=[backup])
    (tmp_path / "latest.weights.h5").write_bytes(b"cut off")
    with pytest.warns(UserWarning, match="cannot be read; the one before it is used"):
        history = model_of().fit(
            X, Y, epochs=3, verbose=0, callbacks=[BackupAndRestore(tmp_path, double_checkpoint=True)]
        )
    assert history.epoch == [2]


class PowerCut(Callback):
    """Raises after some batches of an epoch."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.at, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("cut", [(1, 0), (1, 2), (1, 3), (1, 5), (2, 5)])
def test_backup_in_the_middle_of_an_epoch_trains_no_batch_twice(cut, tmp_path) -> None:
    def run(*used, start=None):
        minidl.utils.set_random_seed(3)
        model = minidl.Sequential([layers.Input((3,)), layers.Dropout(0.3), layers.Dense(1, "sigmoid")])
        model.compile(optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae", minidl.metrics.AUC(name="auc")])
        return model.fit(X, (Y > 0) * 1.0, batch_size=2, epochs=4, verbose=0, callbacks=list(used)), model

    history, whole = run()
    with pytest.raises(KeyboardInterrupt):
        run(BackupAndRestore(tmp_path / "b", save_freq=3), PowerCut(*cut))
    again, model = run(BackupAndRestore(tmp_path / "b", save_freq=3))
    begun = 0 if cut == (1, 0) or cut == (1, 2) else cut[0]
    assert again.epoch == list(range(begun, 4))
    assert again.history == {name: values[begun:] for name, values in history.history.items()}
    for mine, theirs in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_backup_of_metrics_that_changed_says_so(tmp_path) -> None:
    def compiled(metrics):
        model = minidl.Sequential([layers.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse", metrics=metrics)
        return model

    with pytest.raises(KeyboardInterrupt):
        compiled(["mae"]).fit(
            X, Y, batch_size=2, verbose=0, callbacks=[BackupAndRestore(tmp_path, save_freq=3), PowerCut(0, 4)]
        )
    with pytest.warns(UserWarning, match="4 numbers were saved, and the metrics have 2"):
        compiled([]).fit(X, Y, batch_size=2, verbose=0, callbacks=[BackupAndRestore(tmp_path)])


def test_backup_whose_epoch_stands_beside_it_is_read(tmp_path) -> None:
    model = model_of()
    model.fit(X, Y, epochs=2, verbose=0)
    model.save_weights(tmp_path / "latest.weights.h5")
    with pytest.raises(FileFormatError, match="does not say how far its training was"):
        model_of().fit(X, Y, epochs=4, verbose=0, callbacks=[BackupAndRestore(tmp_path)])
    (tmp_path / "training_metadata.json").write_text('{"epoch": 2, "batch": 0}')
    assert model_of().fit(X, Y, epochs=4, verbose=0, callbacks=[BackupAndRestore(tmp_path)]).epoch == [2, 3]


def test_backup_can_be_read_as_weights_by_a_model_without_optimizer(tmp_path) -> None:
    trained = model_of()
    trained.fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path, save_freq=1, delete_checkpoint=False)])
    plain = minidl.Sequential([layers.Input((3,)), layers.Dense(1)])
    plain.load_weights(tmp_path / "latest.weights.h5")
    np.testing.assert_array_equal(plain.get_weights()[0], trained.get_weights()[0])
