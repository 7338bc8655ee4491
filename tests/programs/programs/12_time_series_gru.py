"""Forecasting a series: windows into two GRUs, the best epoch kept by ModelCheckpoint."""

import numpy as np
from sample_data import sine_with_noise

import minidl as keras
from minidl.layers import GRU, Dense
from minidl.models import Sequential

keras.utils.set_random_seed(4)
series = sine_with_noise(700)
mean, std = series[:500].mean(), series[:500].std()
series = (series - mean) / std


def windows(data, length):
    x = np.stack([data[i : i + length] for i in range(len(data) - length)])
    return x[..., np.newaxis], data[length:]


x_train, y_train = windows(series[:500], 24)
x_val, y_val = windows(series[500:], 24)

model = Sequential()
model.add(keras.Input(shape=(None, 1)))
model.add(GRU(16, return_sequences=True, recurrent_dropout=0.05))
model.add(GRU(16))
model.add(Dense(1))
model.compile(optimizer=keras.optimizers.RMSprop(0.005), loss="mae")
callbacks = [keras.callbacks.ModelCheckpoint("gru.keras", save_best_only=True)]
history = model.fit(
    x_train, y_train, epochs=6, batch_size=32, validation_data=(x_val, y_val), callbacks=callbacks, verbose=0
)
best = keras.models.load_model("gru.keras")
naive = np.abs(x_val[:, -1, 0] - y_val).mean()
mae = best.evaluate(x_val, y_val, verbose=0)
print(f"validation MAE {mae:.3f}; repeating the last value gives {naive:.3f}")
assert abs(mae - min(history.history["val_loss"])) < 1e-4
assert mae < naive
