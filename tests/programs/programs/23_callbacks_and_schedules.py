"""Learning rates that change, and the callbacks of a long training run."""

import csv
import json
import math
import os

import numpy as np
from sample_data import medical_records

import minidl as keras
from minidl import layers
from minidl.callbacks import (
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)

x, y = medical_records(500)


def build(optimizer):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


# ---- a schedule inside the optimizer
schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=16, decay_rate=0.5, staircase=True)
model = build(keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True))
model.fit(x, y, epochs=2, validation_split=0.0, verbose=0)
assert abs(float(schedule(0)) - 0.1) < 1e-7 and abs(float(schedule(33)) - 0.025) < 1e-7
assert abs(float(model.optimizer.learning_rate) - 0.1 * 0.5 ** (int(model.optimizer.iterations) // 16)) < 1e-7
cosine = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=100, warmup_target=1e-2, warmup_steps=10)
assert abs(float(cosine(10)) - 1e-2) < 1e-6 and float(cosine(110)) < 1e-6
steps = keras.optimizers.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
assert [round(float(steps(s)), 6) for s in (10, 11, 21)] == [1.0, 0.5, 0.1]


# ---- a schedule by epochs, as a callback
def step_decay(epoch, lr):
    return 0.1 * math.pow(0.5, math.floor(epoch / 2))


model = build("sgd")
history = model.fit(x, y, epochs=5, callbacks=[LearningRateScheduler(step_decay, verbose=0)], verbose=0)
np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.1, 0.05, 0.05, 0.025], rtol=1e-6)

# ---- a whole set of callbacks
model = build(keras.optimizers.Adam(0.02))
seen = []
callbacks = [
    EarlyStopping(monitor="val_loss", patience=6, min_delta=1e-4, verbose=1, restore_best_weights=True),
    ModelCheckpoint("weights.{epoch:02d}-{val_loss:.2f}.keras", save_freq="epoch"),
    ModelCheckpoint("best.weights.h5", monitor="val_loss", save_best_only=True, save_weights_only=True, verbose=0),
    ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=2, min_lr=1e-5, verbose=1),
    CSVLogger("training.csv", append=False),
    TerminateOnNaN(),
    LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, json.dumps(sorted(logs))))),
]
history = model.fit(x, y, epochs=30, batch_size=32, validation_split=0.25, callbacks=callbacks, verbose=0)
epochs = len(history.epoch)
print(epochs, "epochs; learning rates", sorted(set(history.history["learning_rate"]), reverse=True))
with open("training.csv") as file:
    rows = list(csv.DictReader(file))
assert len(rows) == epochs == len(seen)
assert abs(float(rows[0]["val_loss"]) - history.history["val_loss"][0]) < 1e-4
assert len([name for name in os.listdir() if name.startswith("weights.")]) == epochs
restored = model.evaluate(x[375:], y[375:], verbose=0)[0]
model.load_weights("best.weights.h5")
best = model.evaluate(x[375:], y[375:], verbose=0)[0]
assert abs(best - min(history.history["val_loss"])) < 1e-4
assert abs(restored - best) < 5e-3

# ---- NaN ends the training
model = build(keras.optimizers.SGD(1e30))
model.compile(keras.optimizers.SGD(1e30), "mse")
with np.errstate(all="ignore"):
    history = model.fit(x, y.astype("float32"), epochs=5, callbacks=[TerminateOnNaN()], verbose=0)
assert len(history.epoch) < 5
