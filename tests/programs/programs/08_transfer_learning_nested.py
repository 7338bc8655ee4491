"""Transfer learning as the guide has it: the base is a layer of the new model, called with training=False."""

import os

import numpy as np
from sample_data import shapes

import minidl as keras
from minidl import layers

keras.utils.set_random_seed(9)
x, y = shapes(900)
x_base, y_base = x[:600], y[:600]


def make_base():
    inputs = keras.Input(shape=(16, 16, 3))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.LeakyReLU()(x)
    x = layers.MaxPooling2D()(x)
    x = layers.SeparableConv2D(32, 3, activation="relu", padding="same")(x)
    x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, x, name="base")


# pre-train the base on: disc, square, cross or stripes?
base_model = make_base()
pretrain = keras.Sequential([layers.Rescaling(1 / 127.5, offset=-1), base_model, layers.Flatten(), layers.Dense(4)])
pretrain.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
pretrain.fit(x_base, y_base, epochs=8, verbose=0)
base_model.save_weights("base.weights.h5")

# a new task: is it striped?
base_model = make_base()
base_model.load_weights("base.weights.h5")
base_model.trainable = False  # freezes all layers inside
assert base_model.trainable_weights == []

inputs = keras.Input(shape=(16, 16, 3))
z = layers.RandomFlip("horizontal")(inputs)
z = layers.Rescaling(scale=1 / 127.5, offset=-1)(z)
z = base_model(z, training=False)  # the batch norms inside stay in inference mode, also when unfrozen later
z = layers.GlobalAveragePooling2D()(z)
z = layers.Dropout(0.2)(z)
outputs = layers.Dense(1)(z)
model = keras.Model(inputs, outputs)
model.summary(expand_nested=True, show_trainable=True)

x_new, y_new = x[600:800], (y[600:800] == 3).astype("float32")
x_val, y_val = x[800:], (y[800:] == 3).astype("float32")
model.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
)
h = model.fit(x_new, y_new, epochs=12, validation_data=(x_val, y_val), verbose=0)
print("top only:", h.history["val_binary_accuracy"][-1])

# unfreeze, with a low learning rate
base_model.trainable = True
moving_mean = [w for w in base_model.weights if w.path.endswith("moving_mean")][0]
before = np.array(moving_mean)
model.compile(
    optimizer=keras.optimizers.Adam(1e-4),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
)
h = model.fit(x_new, y_new, epochs=2, validation_data=(x_val, y_val), verbose=0)
print("fine-tuned:", h.history["val_binary_accuracy"][-1])
if keras.__name__ == "minidl":
    # The guide promises it; in Keras 3.15 fit's training=True wins over the False above.
    np.testing.assert_array_equal(before, np.array(moving_mean))
assert h.history["val_binary_accuracy"][-1] > 0.85

# the whole as one file
model.save("striped.keras")
assert os.path.getsize("striped.keras") > 1000
again = keras.models.load_model("striped.keras")
np.testing.assert_allclose(again.predict(x_val, verbose=0), model.predict(x_val, verbose=0), rtol=1e-4, atol=1e-5)
