"""Data that comes batch by batch: a Python generator, a PyDataset, and train_on_batch by hand."""

import math

import numpy as np
from sample_data import digits

import minidl as keras
from minidl.layers import Dense, Flatten
from minidl.models import Sequential

(x_train, y_train), (x_test, y_test) = digits()


def build():
    keras.utils.set_random_seed(19)
    model = Sequential([keras.Input((8, 8)), Flatten(), Dense(64, activation="relu"), Dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# ---- an endless generator
def generator(x, y, batch_size, seed=0):
    rng = np.random.default_rng(seed)
    while True:
        batch = rng.integers(0, len(x), batch_size)
        yield x[batch].astype("float32") / 16, y[batch]


model = build()
history = model.fit(
    generator(x_train, y_train, 32), steps_per_epoch=40, epochs=5, verbose=0,
    validation_data=generator(x_test, y_test, 60), validation_steps=6,
)  # fmt: skip
print("generator:", history.history["val_accuracy"][-1])
assert len(history.history["val_accuracy"]) == 5 and history.history["val_accuracy"][-1] > 0.88
assert len(model.predict(generator(x_test, y_test, 10), steps=3, verbose=0)) == 30


# ---- a PyDataset (older programs: keras.utils.Sequence)
class DigitsSequence(keras.utils.PyDataset):
    def __init__(self, x_set, y_set, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.batch_size = x_set, y_set, batch_size
        self.epochs_ended = 0

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, idx):
        low = idx * self.batch_size
        high = min(low + self.batch_size, len(self.x))
        return self.x[low:high] / 16.0, self.y[low:high]

    def on_epoch_end(self):
        self.epochs_ended += 1


model = build()
train, test = DigitsSequence(x_train, y_train, 50), DigitsSequence(x_test, y_test, 50)
history = model.fit(train, epochs=6, validation_data=test, verbose=0)
accuracy = model.evaluate(test, verbose=0)[1]
print("PyDataset:", accuracy)
assert accuracy > 0.88 and train.epochs_ended >= 6
assert abs(history.history["val_accuracy"][-1] - accuracy) < 1e-6
predictions = model.predict(test, verbose=0)
assert predictions.shape == (360, 10) and (predictions.argmax(1) == y_test).mean() > 0.88

# ---- by hand
model = build()
x, y = x_train.astype("float32") / 16, y_train
for _ in range(5):
    for start in range(0, len(x), 32):
        loss, accuracy = model.train_on_batch(x[start : start + 32], y[start : start + 32])
loss, accuracy = model.test_on_batch(x_test / 16.0, y_test)
print("train_on_batch:", accuracy)
assert accuracy > 0.88
logs = model.train_on_batch(x[:32], y[:32], return_dict=True)
assert sorted(logs) == ["accuracy", "loss"]
assert model.predict_on_batch(x[:4]).shape == (4, 10)
