"""Magnitude pruning on MNIST: the smallest weights become zero, step by step; the others learn to do without them."""

import numpy as np

import minidl as keras
from minidl import layers

TRAIN_IMAGES = 20000
STEPS = (0.5, 0.7, 0.8, 0.9, 0.95)  # share of zeros after each step


def build_model():
    """Return a small convolutional network."""
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def masks_of(model, share):
    """Return, for each layer with a kernel, which weights to keep: all but the smallest `share`."""
    masks = {}
    for layer in model.layers:
        if layer.get_weights():
            size = np.abs(layer.get_weights()[0])
            masks[layer.name] = size > np.quantile(size, share)
    return masks


def apply_masks(model, masks):
    """Set the pruned weights to zero."""
    for name, mask in masks.items():
        layer = model.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * mask, bias])


class KeepZeros(keras.callbacks.Callback):
    """Set the pruned weights to zero again after every update."""

    def __init__(self, masks):
        super().__init__()
        self.masks = masks

    def on_train_batch_end(self, batch, logs=None):
        """Undo what the optimizer did to the pruned weights."""
        apply_masks(self.model, self.masks)


def main():
    """Train, prune and fine-tune by turns, and print a table."""
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    x_train, y_train = x_train[:TRAIN_IMAGES, ..., None] / np.float32(255), y_train[:TRAIN_IMAGES]
    x_test = x_test[..., None] / np.float32(255)

    model = build_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=64, epochs=3)
    print(f"\nbefore pruning: {model.evaluate(x_test, y_test, batch_size=256, verbose=0)[1]:.2%}")
    print(" zeros   pruned   fine-tuned   weights left")
    for share in STEPS:
        masks = masks_of(model, share)
        apply_masks(model, masks)
        pruned = model.evaluate(x_test, y_test, batch_size=256, verbose=0)[1]
        model.fit(x_train, y_train, batch_size=64, epochs=1, verbose=0, callbacks=[KeepZeros(masks)])
        tuned = model.evaluate(x_test, y_test, batch_size=256, verbose=0)[1]
        left = sum(int(mask.sum()) for mask in masks.values())
        print(f"{share:6.0%} {pruned:8.2%} {tuned:12.2%} {left:14,}")
    model.save("pruned.h5")


if __name__ == "__main__":
    main()
