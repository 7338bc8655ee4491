"""Files and weights: json and h5 apart, the whole model, weights moved between models, pictures of a model."""

import json
import os

import numpy as np
from sample_data import digits

import minidl as keras
from minidl import layers
from minidl.models import load_model, model_from_json
from minidl.utils import plot_model

keras.utils.set_random_seed(27)
(x_train, y_train), (x_test, y_test) = digits()
x_train, x_test = x_train[..., None] / 16.0, x_test[..., None] / 16.0


def build(name):
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name=name,
    )


model = build("first")
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=3, verbose=0)
expected = model.predict(x_test, verbose=0)
score = model.evaluate(x_test, y_test, verbose=0)

# architecture as json, weights as h5
with open("model.json", "w") as file:
    file.write(model.to_json())
model.save_weights("model.weights.h5")
with open("model.json") as file:
    loaded = model_from_json(file.read())
loaded.load_weights("model.weights.h5")
np.testing.assert_allclose(loaded.predict(x_test, verbose=0), expected, rtol=1e-5, atol=1e-6)
assert json.loads(model.to_json())["class_name"] == "Sequential"

# the whole model, in both formats; training goes on where it stood
for path in ("whole.keras", "whole.h5"):
    model.save(path)
    again = load_model(path)
    np.testing.assert_allclose(again.predict(x_test, verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again.evaluate(x_test, y_test, verbose=0), score, rtol=1e-4)
    if path == "whole.h5" and keras.__name__ != "minidl":
        continue  # Keras 3.15 does not get an .h5 file's optimizer back as it was
    assert abs(float(again.optimizer.learning_rate) - 0.02) < 1e-7
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations)
    before = again.evaluate(x_train, y_train, verbose=0)[0]
    again.fit(x_train, y_train, epochs=2, verbose=0)
    assert again.evaluate(x_train, y_train, verbose=0)[0] < before

# weights moved from model to model, all at once and layer by layer
twin = build("twin")
twin.set_weights(model.get_weights())
np.testing.assert_allclose(twin.predict(x_test, verbose=0), expected, rtol=1e-5, atol=1e-6)
third = build("third")
for layer in third.layers:
    layer.set_weights(model.get_layer(layer.name).get_weights())
np.testing.assert_allclose(third.predict(x_test, verbose=0), expected, rtol=1e-5, atol=1e-6)

# configuration
config = model.get_config()
from_config = keras.Sequential.from_config(config)
assert [layer.name for layer in from_config.layers] == [layer.name for layer in model.layers]
dense_again = layers.Dense.from_config(model.get_layer("digit").get_config())
assert dense_again.units == 10

# summary as text
lines = []
model.summary(print_fn=lambda line, **kwargs: lines.append(line))
text = "\n".join(lines)
assert "conv (Conv2D)" in text and "Total params" in text and "Trainable params: 186" in text
for index, layer in enumerate(model.layers):
    print(index, layer.name, layer.trainable, layer.output.shape, [w.shape for w in layer.weights])

try:
    plot_model(model, to_file="model.png", show_shapes=True, show_layer_names=True)
except ImportError as error:  # Keras needs pydot and graphviz for it
    print(error)
else:
    assert os.path.getsize("model.png") > 1000 or keras.__name__ == "keras"
