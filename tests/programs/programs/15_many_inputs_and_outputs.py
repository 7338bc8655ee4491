"""Ranking customer tickets: text and tags in, a priority and a department out; losses, weights and data by name."""

import numpy as np

import minidl as keras
from minidl import layers

keras.utils.set_random_seed(10)
num_tags, num_words, num_departments = 6, 60, 3
rng = np.random.default_rng(0)
title_data = rng.integers(1, num_words, size=(600, 8))
tags_data = rng.integers(0, 2, size=(600, num_tags)).astype("float32")
priority_targets = ((title_data[:, 0] < 20) | (tags_data[:, 0] > 0)).astype("float32")[:, None]
dept_targets = keras.utils.to_categorical(tags_data[:, 1:3].sum(1).astype(int), num_departments)

title_input = keras.Input(shape=(None,), name="title")
tags_input = keras.Input(shape=(num_tags,), name="tags")
title_features = layers.Embedding(num_words, 16)(title_input)
title_features = layers.LSTM(16)(title_features)
x = layers.concatenate([title_features, tags_input])
priority_pred = layers.Dense(1, name="priority")(x)
department_pred = layers.Dense(num_departments, name="department")(x)
model = keras.Model(
    inputs=[title_input, tags_input], outputs={"priority": priority_pred, "department": department_pred}
)
model.compile(
    optimizer=keras.optimizers.RMSprop(5e-3),
    loss={
        "priority": keras.losses.BinaryCrossentropy(from_logits=True),
        "department": keras.losses.CategoricalCrossentropy(from_logits=True),
    },
    loss_weights={"priority": 1.0, "department": 0.2},
    metrics={"department": ["accuracy"]},
)
history = model.fit(
    {"title": title_data, "tags": tags_data},
    {"priority": priority_targets, "department": dept_targets},
    epochs=12, batch_size=32, validation_split=0.1, verbose=0,
)  # fmt: skip
print({name: round(values[-1], 3) for name, values in history.history.items()})
assert history.history["loss"][-1] < 0.7 * history.history["loss"][0]
assert {"priority_loss", "department_loss", "department_accuracy", "val_loss"} <= set(history.history)
assert history.history["department_accuracy"][-1] > 0.62
last = {name: values[-1] for name, values in history.history.items()}
np.testing.assert_allclose(last["loss"], last["priority_loss"] + 0.2 * last["department_loss"], rtol=1e-3)

predictions = model.predict({"title": title_data[:7], "tags": tags_data[:7]}, verbose=0)
assert predictions["priority"].shape == (7, 1) and predictions["department"].shape == (7, 3)
results = model.evaluate(
    {"title": title_data, "tags": tags_data}, {"priority": priority_targets, "department": dept_targets},
    verbose=0, return_dict=True,
)  # fmt: skip
assert "department_accuracy" in results

# the same with lists
model = keras.Model([title_input, tags_input], [priority_pred, department_pred])
model.compile("adam", loss=[keras.losses.BinaryCrossentropy(from_logits=True), "mse"], loss_weights=[1.0, 0.5])
loss = model.fit([title_data, tags_data], [priority_targets, dept_targets], epochs=2, verbose=0).history["loss"]
assert loss[1] < loss[0]
outputs = model.predict([title_data[:5], tags_data[:5]], verbose=0)
assert isinstance(outputs, list) and [o.shape for o in outputs] == [(5, 1), (5, 3)]
