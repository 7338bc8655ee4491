"""Augmentation layers inside the model: active in training, quiet in evaluation."""

import numpy as np
from sample_data import shapes

import minidl as keras
from minidl import layers

keras.utils.set_random_seed(31)
x, y = shapes(700)
x_train, y_train, x_val, y_val = x[:500], y[:500], x[500:], y[500:]

data_augmentation = keras.Sequential(
    [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.05),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomZoom(0.1),
        layers.RandomContrast(0.1),
    ],
    name="augmentation",
)
augmented = np.asarray(data_augmentation(x_train[:9].astype("float32"), training=True))
assert augmented.shape == (9, 16, 16, 3)
assert np.abs(augmented - x_train[:9]).max() > 1
np.testing.assert_array_equal(np.asarray(data_augmentation(x_train[:9].astype("float32"), training=False)), x_train[:9])

inputs = keras.Input(shape=(16, 16, 3))
z = data_augmentation(inputs)
z = layers.Rescaling(1.0 / 255)(z)
z = layers.Conv2D(16, 3, padding="same")(z)
z = layers.LeakyReLU(negative_slope=0.1)(z)
z = layers.MaxPooling2D()(z)
z = layers.SpatialDropout2D(0.1)(z)
z = layers.Conv2D(32, 3, activation="relu")(z)
z = layers.GlobalMaxPooling2D()(z)
outputs = layers.Dense(4, activation="softmax")(z)
model = keras.Model(inputs, outputs)
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
early = keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=4, restore_best_weights=True)
history = model.fit(x_train, y_train, epochs=12, validation_data=(x_val, y_val), callbacks=[early], verbose=0)
best = max(history.history["val_accuracy"])
accuracy = model.evaluate(x_val, y_val, verbose=0)[1]
print("validation accuracy", accuracy, "after", len(history.epoch), "epochs")
assert accuracy > 0.75
np.testing.assert_array_equal(model.predict(x_val[:5], verbose=0), model.predict(x_val[:5], verbose=0))
if early.stopped_epoch:
    assert abs(best - accuracy) < 1e-6
