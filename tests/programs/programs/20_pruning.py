"""Magnitude pruning: train, set the smallest weights to zero step by step, fine-tune with the zeros kept."""

import numpy as np
from sample_data import digits

import minidl as keras
from minidl.layers import Conv2D, Dense, Flatten, MaxPooling2D
from minidl.models import Sequential, load_model

keras.utils.set_random_seed(17)
(x_train, y_train), (x_test, y_test) = digits()
x_train = x_train.reshape(-1, 8, 8, 1) / 16.0
x_test = x_test.reshape(-1, 8, 8, 1) / 16.0

model = Sequential(
    [
        Conv2D(16, 3, activation="relu", padding="same", input_shape=(8, 8, 1)),
        MaxPooling2D(),
        Flatten(),
        Dense(64, activation="relu"),
        Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=10, verbose=0)
dense_accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
model.save("dense.h5")


def magnitude_masks(model, sparsity):
    """Return for each layer's kernel the mask of the weights to keep."""
    masks = {}
    for layer in model.layers:
        if layer.get_weights():
            kernel = layer.get_weights()[0]
            masks[layer.name] = np.abs(kernel) > np.quantile(np.abs(kernel), sparsity)
    return masks


def apply_masks(model, masks):
    for layer in model.layers:
        if layer.name in masks:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * masks[layer.name], bias])


class KeepZeros(keras.callbacks.Callback):
    """After each update, the pruned weights are zero again."""

    def __init__(self, masks):
        super().__init__()
        self.masks = masks

    def on_train_batch_end(self, batch, logs=None):
        apply_masks(self.model, self.masks)


for sparsity in (0.5, 0.7, 0.8):
    masks = magnitude_masks(model, sparsity)
    apply_masks(model, masks)
    pruned_accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    model.fit(x_train, y_train, epochs=3, verbose=0, callbacks=[KeepZeros(masks)])
    tuned_accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    print(
        f"sparsity {sparsity:.0%}: {pruned_accuracy:.3f}, fine-tuned {tuned_accuracy:.3f}, dense {dense_accuracy:.3f}"
    )

kernels = [layer.get_weights()[0] for layer in model.layers if layer.get_weights()]
zeros = sum(int((k == 0).sum()) for k in kernels) / sum(k.size for k in kernels)
print(f"{zeros:.1%} of the weights are zero")
assert 0.79 < zeros < 0.82
assert tuned_accuracy > dense_accuracy - 0.06
assert tuned_accuracy >= pruned_accuracy - 0.01

# the dense model is as it was
assert abs(load_model("dense.h5").evaluate(x_test, y_test, verbose=0)[1] - dense_accuracy) < 1e-6
