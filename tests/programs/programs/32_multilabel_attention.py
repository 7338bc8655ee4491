"""Two smaller idioms: attention over time from basic layers, and several labels at once with sigmoids."""

import numpy as np

import minidl as keras
from minidl import layers

keras.utils.set_random_seed(39)
rng = np.random.default_rng(1)

# ---- attention: which step holds the value that counts?
steps = 12
x = rng.normal(size=(800, steps, 3)).astype("float32")
marked = rng.integers(0, steps, 800)
x[..., 1] = 0
x[np.arange(800), marked, 1] = 1
y = (x[np.arange(800), marked, 0] > 0).astype("float32")

inputs = keras.Input((steps, 3))
values = layers.TimeDistributed(layers.Dense(16, activation="tanh"))(inputs)
scores = layers.Dense(1)(values)
weights = layers.Softmax(axis=1, name="attention")(scores)
context = layers.Dot(axes=1)([weights, values])
context = layers.Flatten()(context)
context = layers.Dropout(0.1)(context)
outputs = layers.Dense(1, activation="sigmoid")(context)
model = keras.Model(inputs, outputs)
model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
model.fit(x[:600], y[:600], epochs=15, verbose=0)
accuracy = model.evaluate(x[600:], y[600:], verbose=0)[1]
attention = keras.Model(inputs, model.get_layer("attention").output).predict(x[600:], verbose=0)[..., 0]
np.testing.assert_allclose(attention.sum(1), 1, rtol=1e-4)
found = (attention.argmax(1) == marked[600:]).mean()
print("accuracy", accuracy, "attention on the marked step", found)
assert accuracy > 0.85 and found > 0.8

# ---- several labels: gated by operators on symbolic tensors
x = rng.normal(size=(600, 12)).astype("float32")
y = np.stack([x[:, 0] > 0, x[:, 1] + x[:, 2] > 0, x[:, 3] * x[:, 4] > 0], axis=1).astype("float32")
inputs = keras.Input((12,))
a = layers.Dense(32, activation="relu")(inputs)
gate = layers.Dense(32, activation="sigmoid")(inputs)
gated = layers.Multiply()([a, gate])
skip = layers.Dense(32)(inputs)
mixed = layers.LayerNormalization()(gated + skip * 0.5)
h = layers.Average()([mixed, layers.Maximum()([a, skip])])
model = keras.Model(inputs, layers.Dense(3, activation="sigmoid")(h))
metrics = [keras.metrics.BinaryAccuracy(), keras.metrics.F1Score(threshold=0.5)]
model.compile("adam", "binary_crossentropy", metrics=metrics)
history = model.fit(x, y, epochs=25, batch_size=32, verbose=0)
loss, accuracy, f1 = model.evaluate(x, y, verbose=0)
print("label accuracy", accuracy, "F1", f1)
assert accuracy > 0.85 and np.asarray(f1).shape == (3,)
