"""Transfer learning on MNIST: what was learned from the digits 0 to 4 helps with few examples of 5 to 9."""

import numpy as np

import minidl as keras
from minidl import layers

BASE_IMAGES = 20000
FEW = 50  # examples of the new digits, 10 of each


def load_data():
    """Return images (N, 28, 28, 1) in 0..1 and labels, for training and for testing."""
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    return x_train[..., None].astype("float32") / 255, y_train, x_test[..., None].astype("float32") / 255, y_test


def train_base(x, y):
    """Train a network on the digits 0 to 4, and save it to base_model.h5."""
    inputs = keras.Input((28, 28, 1))
    h = layers.Conv2D(16, 3, activation="relu", name="conv_1")(inputs)
    h = layers.MaxPooling2D()(h)
    h = layers.Conv2D(32, 3, activation="relu", name="conv_2")(h)
    h = layers.MaxPooling2D()(h)
    h = layers.Flatten()(h)
    h = layers.Dense(64, activation="relu", name="features")(h)
    base = keras.Model(inputs, layers.Dense(5, activation="softmax", name="top")(h))
    base.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    base.fit(x[y < 5][:BASE_IMAGES], y[y < 5][:BASE_IMAGES], batch_size=64, epochs=3)
    base.save("base_model.h5")


def with_new_top(path):
    """Load a base, freeze it, and put a new top on its convolutions; its last two layers know the old digits only."""
    base = keras.models.load_model(path)
    for layer in base.layers:
        layer.trainable = False
    new_top = layers.Dense(5, activation="softmax", name="new_top")(base.layers[-3].output)
    return keras.Model(base.input, new_top)


def main():
    """Compare: frozen base, fine-tuned base, and the same network without any base."""
    keras.utils.set_random_seed(0)
    x_train, y_train, x_test, y_test = load_data()
    print("the base learns 0 to 4")
    train_base(x_train, y_train)

    few = np.concatenate([np.flatnonzero(y_train == digit)[: FEW // 5] for digit in range(5, 10)])
    x_few, y_few = x_train[few], y_train[few] - 5
    x_new, y_new = x_test[y_test >= 5], y_test[y_test >= 5] - 5

    model = with_new_top("base_model.h5")
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    print(f"\na new top learns 5 to 9 from {FEW} images; weights that learn: {len(model.trainable_weights)} arrays")
    model.fit(x_few, y_few, epochs=30, batch_size=16, verbose=0)
    print(f"frozen base      {model.evaluate(x_new, y_new, batch_size=256, verbose=0)[1]:.1%}")

    # Fine-tuning: compile again after changing `trainable`, with a small learning rate, so that little is forgotten.
    for layer in model.layers:
        layer.trainable = True
    model.compile(keras.optimizers.Adam(0.0003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_few, y_few, epochs=10, batch_size=16, verbose=0)
    print(f"fine-tuned base  {model.evaluate(x_new, y_new, batch_size=256, verbose=0)[1]:.1%}")

    scratch = keras.models.clone_model(model)  # the same network with new random weights
    scratch.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    scratch.fit(x_few, y_few, epochs=40, batch_size=16, verbose=0)
    print(f"without a base   {scratch.evaluate(x_new, y_new, batch_size=256, verbose=0)[1]:.1%}")


if __name__ == "__main__":
    main()
