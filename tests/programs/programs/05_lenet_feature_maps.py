"""LeNet-5 written functionally; then its filters and feature maps through get_layer and a second model."""

import numpy as np
from sample_data import digits

import minidl as keras
from minidl.layers import AveragePooling2D, Conv2D, Dense, Flatten, Input, ZeroPadding2D
from minidl.models import Model

keras.utils.set_random_seed(3)
(x_train, y_train), (x_test, y_test) = digits()
x_train = x_train[..., np.newaxis] / 16.0
x_test = x_test[..., np.newaxis] / 16.0

inputs = Input(shape=(8, 8, 1), name="image")
x = ZeroPadding2D(padding=(2, 2))(inputs)
x = Conv2D(6, kernel_size=(5, 5), strides=(1, 1), activation="tanh", padding="valid", name="C1")(x)
x = AveragePooling2D(pool_size=(2, 2), strides=(1, 1), padding="valid", name="S2")(x)
x = Conv2D(16, (3, 3), activation="tanh", name="C3")(x)
x = AveragePooling2D(pool_size=(2, 2), name="S4")(x)
x = Flatten()(x)
x = Dense(84, activation="tanh", name="F6")(x)
outputs = Dense(10, activation="softmax", name="digit")(x)
model = Model(inputs=inputs, outputs=outputs, name="LeNet-5")
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.003),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
model.summary()
model.fit(x_train, y_train, epochs=12, batch_size=32, verbose=0)
results = dict(zip(model.metrics_names, model.evaluate(x_test, y_test, verbose=0), strict=False))
loss, acc = model.evaluate(x_test, y_test, verbose=0)
print("test accuracy", acc, results)
assert acc > 0.95

# the filters of the first convolution
filters, biases = model.get_layer("C1").get_weights()
assert filters.shape == (5, 5, 1, 6) and biases.shape == (6,)
for layer in model.layers:
    if "conv" not in layer.__class__.__name__.lower():
        continue
    print(layer.name, layer.get_weights()[0].shape, layer.output.shape)

# feature maps: a model from the same input to several layers' outputs
layer_outputs = [layer.output for layer in model.layers[1:6]]
activation_model = keras.Model(inputs=model.input, outputs=layer_outputs)
activations = activation_model.predict(x_test[:1], verbose=0)
assert [a.shape for a in activations] == [(1, 12, 12, 1), (1, 8, 8, 6), (1, 7, 7, 6), (1, 5, 5, 16), (1, 2, 2, 16)]

# an embedding from the last hidden layer: same digits lie nearer to each other than different ones
embedder = Model(model.inputs, model.get_layer("F6").output)
e = embedder.predict(x_test, verbose=0)
distance = np.linalg.norm(e[:, None] - e[None], axis=-1)
same = y_test[:, None] == y_test[None]
assert distance[same].mean() < 0.8 * distance[~same].mean()
