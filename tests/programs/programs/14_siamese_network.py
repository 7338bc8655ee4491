"""Siamese network: one base, two inputs, a distance in a Lambda layer, the contrastive loss as a function."""

import numpy as np
from sample_data import digits

import minidl as keras
from minidl import layers, ops

keras.utils.set_random_seed(12)
(x_train, y_train), (x_test, y_test) = digits()
x_train, x_test = x_train / 16.0, x_test / 16.0


def create_pairs(x, y, seed):
    """Each image with one of its own kind (label 1) and with one of another kind (label 0)."""
    rng = np.random.default_rng(seed)
    pairs, labels = [], []
    for i, label in enumerate(y):
        pairs.append((x[i], x[rng.choice(np.flatnonzero(y == label))]))
        pairs.append((x[i], x[rng.choice(np.flatnonzero(y != label))]))
        labels += [1.0, 0.0]
    return np.array(pairs, dtype="float32"), np.array(labels, dtype="float32")


def create_base_network(input_shape):
    inputs = layers.Input(shape=input_shape)
    x = layers.Flatten()(inputs)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(32)(x)
    return keras.Model(inputs, x, name="base")


def euclidean_distance(vects):
    x, y = vects
    sum_square = ops.sum(ops.square(x - y), axis=1, keepdims=True)
    return ops.sqrt(ops.maximum(sum_square, keras.backend.epsilon()))


def contrastive_loss(y_true, y_pred):
    margin = 1.0
    square_pred = ops.square(y_pred)
    margin_square = ops.square(ops.maximum(margin - y_pred, 0.0))
    return ops.mean(y_true * square_pred + (1.0 - y_true) * margin_square)


def accuracy(y_true, y_pred):
    """Share of right answers, when a distance below 0.5 means: the same."""
    return ops.mean(ops.equal(y_true, ops.cast(y_pred < 0.5, y_true.dtype)))


train_pairs, train_labels = create_pairs(x_train[:700], y_train[:700], 0)
test_pairs, test_labels = create_pairs(x_test, y_test, 1)

base_network = create_base_network((8, 8))
input_a = layers.Input(shape=(8, 8))
input_b = layers.Input(shape=(8, 8))
processed_a = base_network(input_a)
processed_b = base_network(input_b)
distance = layers.Lambda(euclidean_distance, output_shape=(1,))([processed_a, processed_b])
model = keras.Model([input_a, input_b], distance)
model.compile(loss=contrastive_loss, optimizer=keras.optimizers.RMSprop(), metrics=[accuracy])
history = model.fit(
    [train_pairs[:, 0], train_pairs[:, 1]], train_labels[:, None], batch_size=64, epochs=8,
    validation_data=([test_pairs[:, 0], test_pairs[:, 1]], test_labels[:, None]), verbose=0,
)  # fmt: skip
print(history.history["val_accuracy"])

distances = model.predict([test_pairs[:, 0], test_pairs[:, 1]], verbose=0).ravel()
same = test_labels == 1
print(f"same: {distances[same].mean():.3f}, different: {distances[~same].mean():.3f}")
assert history.history["val_accuracy"][-1] > 0.8
assert distances[same].mean() < 0.6 * distances[~same].mean()
assert model.count_params() == base_network.count_params()  # the base is there once
