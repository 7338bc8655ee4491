"""A training loop written from scratch: tape, gradients, optimizer.apply_gradients, metrics."""

import numpy as np
from sample_data import digits

import minidl as keras
from minidl import GradientTape, layers

keras.utils.set_random_seed(1)
(x_train, y_train), (x_val, y_val) = digits()
x_train = x_train.reshape(-1, 64).astype("float32") / 16
x_val = x_val.reshape(-1, 64).astype("float32") / 16
batch_size = 32

inputs = keras.Input(shape=(64,), name="digits")
x = layers.Dense(64, activation="relu", name="dense_1")(inputs)
x = layers.Dropout(0.1)(x)
outputs = layers.Dense(10, name="predictions")(x)
model = keras.Model(inputs=inputs, outputs=outputs)

optimizer = keras.optimizers.Adam(learning_rate=3e-3)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
train_acc_metric = keras.metrics.SparseCategoricalAccuracy()
val_acc_metric = keras.metrics.SparseCategoricalAccuracy()


def train_step(x, y):
    with GradientTape() as tape:
        logits = model(x, training=True)
        loss_value = loss_fn(y, logits)
    grads = tape.gradient(loss_value, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights, strict=True))
    train_acc_metric.update_state(y, logits)
    return loss_value


rng = np.random.default_rng(0)
for epoch in range(8):
    order = rng.permutation(len(x_train))
    for step in range(len(x_train) // batch_size):
        batch = order[step * batch_size : (step + 1) * batch_size]
        loss_value = train_step(x_train[batch], y_train[batch])
        if step % 20 == 0:
            print(f"epoch {epoch} step {step}: loss {float(loss_value):.4f}")
    train_acc = train_acc_metric.result()
    train_acc_metric.reset_state()
    val_logits = model(x_val, training=False)
    val_acc_metric.update_state(y_val, val_logits)
    val_acc = val_acc_metric.result()
    val_acc_metric.reset_state()
    print(f"Training acc {float(train_acc):.4f}, validation acc {float(val_acc):.4f}")

assert float(val_acc) > 0.93
assert int(optimizer.iterations) == 8 * (len(x_train) // batch_size)
