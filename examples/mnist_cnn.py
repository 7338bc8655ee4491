"""MNIST with a convolutional network: train, judge, look at what goes wrong."""

import numpy as np

import minidl as keras
from minidl import layers

TRAIN_IMAGES = 20000  # of 60000
EPOCHS = 3


def load_data():
    """Return (x_train, y_train), (x_test, y_test): images (N, 28, 28, 1) in 0..1, labels (N,)."""
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train = x_train[:TRAIN_IMAGES, ..., np.newaxis].astype("float32") / 255
    x_test = x_test[..., np.newaxis].astype("float32") / 255
    return (x_train, y_train[:TRAIN_IMAGES]), (x_test, y_test)


def build_model():
    """Return two convolutions with pooling, and a dense top with dropout."""
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main():
    """Train, evaluate, and show the errors."""
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = load_data()
    model = build_model()
    model.summary()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=64, epochs=EPOCHS, validation_split=0.1)

    loss, accuracy = model.evaluate(x_test, y_test, batch_size=256, verbose=0)
    print(f"test loss {loss:.4f}, accuracy {accuracy:.2%}")

    predicted = model.predict(x_test, batch_size=256, verbose=0).argmax(axis=-1)
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (y_test, predicted), 1)
    print("rows: what it is; columns: what the network says")
    print(confusion)
    wrong = np.flatnonzero(predicted != y_test)[0]
    print(f"test image {wrong} is a {y_test[wrong]}; the network says {predicted[wrong]}:")
    for row in x_test[wrong, ::2, :, 0]:
        print("".join(" .:*#"[int(value * 4.99)] for value in row))


if __name__ == "__main__":
    main()
