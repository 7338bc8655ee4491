"""A training that is killed and run again: test_kills.py starts it. python train_until_killed.py FOLDER SAVE_FREQ

Each epoch's losses are a line of FOLDER/losses.txt, written at once.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

import minidl
from minidl import callbacks, layers, optimizers

EPOCHS = 40


def train(folder: Path, save_freq: object) -> None:
    minidl.utils.set_random_seed(5)
    random = np.random.default_rng(0)
    x = random.normal(size=(70, 6)).astype("float32")
    y = random.integers(0, 3, 70)
    model = minidl.Sequential(
        [layers.Input((6,)), layers.Dense(60, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3),
         layers.Dense(300, activation="relu"), layers.Dense(3, activation="softmax")]
    )  # fmt: skip
    model.compile(optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])

    def note(epoch: int, logs: dict[str, float]) -> None:
        line = json.dumps([epoch, logs]).encode() + b"\n"
        with open(folder / "losses.txt", "ab", buffering=0) as file:
            file.write(line)

    notes = callbacks.LambdaCallback(on_epoch_end=note)
    backup = callbacks.BackupAndRestore(folder / "backup", save_freq=save_freq)
    model.fit(x, y, batch_size=8, epochs=EPOCHS, validation_data=(x[:20], y[:20]), verbose=0, callbacks=[notes, backup])
    (folder / "done").touch()


if __name__ == "__main__":
    train(Path(sys.argv[1]), "epoch" if sys.argv[2] == "epoch" else int(sys.argv[2]))
    os._exit(0)
