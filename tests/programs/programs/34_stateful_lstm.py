"""A stateful LSTM: its state goes on from batch to batch until it is reset."""

import numpy as np
from sample_data import sine_with_noise

import minidl as keras
from minidl.layers import LSTM, Dense
from minidl.models import Sequential

keras.utils.set_random_seed(4)
series = sine_with_noise(210)
series = (series - series.mean()) / series.std()

model = Sequential([keras.Input(batch_shape=(1, 10, 1)), LSTM(12, stateful=True), Dense(1)])
model.compile(loss="mse", optimizer="adam")
xs = series[:200].reshape(20, 1, 10, 1)
ys = series[10:210:10].reshape(20, 1)
epoch_losses = []
for _ in range(8):
    total = 0.0
    for batch_x, batch_y in zip(xs, ys, strict=True):
        total += float(model.train_on_batch(batch_x, batch_y))
    epoch_losses.append(total / 20)
    model.layers[0].reset_state()
print(epoch_losses)
assert epoch_losses[-1] < epoch_losses[0]
first = model.predict(xs[0], verbose=0)
second = model.predict(xs[0], verbose=0)  # same input, but the state has moved on
model.layers[0].reset_state()
third = model.predict(xs[0], verbose=0)
assert abs(first - second).max() > 1e-6
np.testing.assert_allclose(first, third, atol=1e-6)
