"""A small ResNet for CIFAR-10: identity and projection shortcuts, Conv-BN-ReLU, global average pooling."""

import numpy as np

import minidl as keras
from minidl import layers

keras.utils.set_random_seed(11)


def conv_bn_relu(x, filters, strides=1, activation=True):
    x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    return layers.Activation("relu")(x) if activation else x


def residual_block(x, filters, strides=1):
    shortcut = x
    x = conv_bn_relu(x, filters, strides)
    x = conv_bn_relu(x, filters, activation=False)
    if strides != 1 or shortcut.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, strides=strides, use_bias=False, kernel_initializer="he_normal")(shortcut)
        shortcut = layers.BatchNormalization(momentum=0.8)(shortcut)
    x = layers.add([x, shortcut])
    return layers.ReLU()(x)


inputs = keras.Input(shape=(32, 32, 3), name="img")
x = layers.Rescaling(1.0 / 255)(inputs)
x = conv_bn_relu(x, 8, strides=2)
for filters, strides in [(8, 1), (16, 2)]:
    x = residual_block(x, filters, strides)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(3)(x)
model = keras.Model(inputs, outputs, name="tiny_resnet")
model.summary()

(x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()


def three_classes(x, y, per_class):
    """Airplanes, frogs and ships only."""
    y = y.ravel()
    picked = np.concatenate([np.flatnonzero(y == c)[:per_class] for c in (0, 6, 8)])
    picked = np.random.default_rng(0).permutation(picked)
    return x[picked], np.searchsorted([0, 6, 8], y[picked])


x_train, y_train = three_classes(x_train, y_train, 250)
x_test, y_test = three_classes(x_test, y_test, 60)

model.compile(
    optimizer=keras.optimizers.Adam(1e-2),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(x_train, y_train, batch_size=50, epochs=6, validation_data=(x_test, y_test), verbose=0)
print(history.history["val_accuracy"])

trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
frozen = sum(int(np.prod(w.shape)) for w in model.non_trainable_weights)
assert trainable + frozen == model.count_params()
assert frozen == 2 * (8 + 8 + 8 + 16 + 16 + 16)  # moving means and variances
assert history.history["loss"][-1] < 0.75 * history.history["loss"][0]
assert max(history.history["val_accuracy"]) > 0.55
assert any(isinstance(layer, layers.Add) for layer in model.layers)
