"""Transfer learning through an .h5 file: train on digits 0-4, freeze, put a new top on, train on 5-9, fine-tune."""

import numpy as np
from sample_data import digits

import minidl as keras
from minidl.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from minidl.models import Model, load_model
from minidl.optimizers import Adam

keras.utils.set_random_seed(5)
(x_train, y_train), (x_test, y_test) = digits()
x_train = x_train.reshape(-1, 8, 8, 1).astype("float32") / 16
x_test = x_test.reshape(-1, 8, 8, 1).astype("float32") / 16

# ---- the base: digits 0 to 4
low, low_test = y_train < 5, y_test < 5
inputs = Input(shape=(8, 8, 1))
x = Conv2D(16, (3, 3), padding="same", activation="relu", name="conv_a")(inputs)
x = Conv2D(32, (3, 3), activation="relu", name="conv_b")(x)
x = MaxPooling2D()(x)
x = Flatten()(x)
x = Dense(64, activation="relu", name="features")(x)
outputs = Dense(5, activation="softmax", name="top")(x)
base = Model(inputs=inputs, outputs=outputs)
base.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
base.fit(x_train[low], y_train[low], epochs=6, batch_size=32, verbose=0)
base_accuracy = base.evaluate(x_test[low_test], y_test[low_test], verbose=0)[1]
print("base accuracy", base_accuracy)
base.save("base_model.h5")
del base

# ---- the transfer: a new top on the frozen base
base = load_model("base_model.h5")
assert abs(base.evaluate(x_test[low_test], y_test[low_test], verbose=0)[1] - base_accuracy) < 1e-6
for layer in base.layers:
    layer.trainable = False
x = base.layers[-2].output
x = Dropout(0.2)(x)
predictions = Dense(5, activation="softmax", name="new_top")(x)
model = Model(base.input, predictions)
model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(learning_rate=0.01), metrics=["accuracy"])
model.summary()
assert len(model.trainable_weights) == 2

frozen_before = [w.copy() for w in model.get_layer("conv_a").get_weights()]
few = np.flatnonzero(y_train >= 5)[:150]  # few labelled examples: that is what transfer is for
high_test = y_test >= 5
model.fit(x_train[few], y_train[few] - 5, epochs=15, batch_size=16, verbose=0)
frozen_accuracy = model.evaluate(x_test[high_test], y_test[high_test] - 5, verbose=0)[1]
print("frozen base, new top:", frozen_accuracy)
for before, after in zip(frozen_before, model.get_layer("conv_a").get_weights(), strict=True):
    np.testing.assert_array_equal(before, after)

# ---- fine-tuning: the last layers of the base learn too, slowly
for layer in model.layers[-4:]:
    layer.trainable = True
model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(learning_rate=1e-3), metrics=["accuracy"])
assert len(model.trainable_weights) == 4
model.fit(x_train[few], y_train[few] - 5, epochs=10, batch_size=16, verbose=0)
tuned_accuracy = model.evaluate(x_test[high_test], y_test[high_test] - 5, verbose=0)[1]
print("fine-tuned:", tuned_accuracy)

assert base_accuracy > 0.95
assert frozen_accuracy > 0.75
assert tuned_accuracy > 0.8
for before, after in zip(frozen_before, model.get_layer("conv_a").get_weights(), strict=True):
    np.testing.assert_array_equal(before, after)
