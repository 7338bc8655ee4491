"""A layer, a loss, a metric and a callback of one's own; saved, and loaded with custom_objects."""

import numpy as np
from sample_data import medical_records

import minidl as keras
from minidl import layers, ops

keras.utils.set_random_seed(21)
x, y = medical_records(600)
y = y.astype("float32")[:, None]


class Linear(layers.Layer):
    def __init__(self, units=32, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", trainable=True, name="w"
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="b")

    def call(self, inputs):
        return self.activation(ops.matmul(inputs, self.w) + self.b)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units, "activation": keras.activations.serialize(self.activation)})
        return config


class MLPBlock(layers.Layer):
    """Layers inside a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.linear_1 = Linear(24, "relu")
        self.dropout = layers.Dropout(0.05)
        self.linear_2 = Linear(12, "tanh")

    def call(self, inputs, training=None):
        x = self.linear_1(inputs)
        x = self.dropout(x, training=training)
        return self.linear_2(x)


def focal_loss(y_true, y_pred):
    p = ops.clip(y_pred, 1e-6, 1 - 1e-6)
    right = y_true * p + (1 - y_true) * (1 - p)
    return ops.mean(-ops.square(1 - right) * ops.log(right), axis=-1)


class SpecificityMetric(keras.metrics.Metric):
    def __init__(self, name="specificity", **kwargs):
        super().__init__(name=name, **kwargs)
        self.negatives = self.add_weight(name="negatives", initializer="zeros")
        self.right = self.add_weight(name="right", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        negative = ops.cast(y_true, "float32") < 0.5
        right = ops.cast(negative, "float32") * ops.cast(y_pred < 0.5, "float32")
        self.negatives.assign_add(ops.sum(ops.cast(negative, "float32")))
        self.right.assign_add(ops.sum(right))

    def result(self):
        return self.right / self.negatives

    def reset_state(self):
        self.negatives.assign(0.0)
        self.right.assign(0.0)


class LossHistory(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        print(f"epoch {epoch}: specificity {logs['specificity']:.3f}")
        if logs["accuracy"] > 0.999:
            self.model.stop_training = True


model = keras.Sequential([keras.Input((8,)), MLPBlock(), Linear(1, activation="sigmoid")])
model.compile(optimizer=keras.optimizers.Adam(0.01), loss=focal_loss, metrics=["accuracy", SpecificityMetric()])
batches = LossHistory()
history = model.fit(x, y, epochs=15, batch_size=30, callbacks=[batches], verbose=0)
assert len(batches.losses) == 20 * len(history.epoch)
assert history.history["loss"][-1] < 0.6 * history.history["loss"][0]
assert history.history["accuracy"][-1] > 0.85

loss, accuracy, specificity = model.evaluate(x, y, verbose=0)
predicted = model.predict(x, verbose=0) >= 0.5
assert abs((~predicted[y == 0]).mean() - specificity) < 1e-5

model.save("custom.keras")
custom_objects = {
    "Linear": Linear, "MLPBlock": MLPBlock, "focal_loss": focal_loss, "SpecificityMetric": SpecificityMetric
}  # fmt: skip
loaded = keras.models.load_model("custom.keras", custom_objects=custom_objects)
np.testing.assert_allclose(loaded.predict(x[:50], verbose=0), model.predict(x[:50], verbose=0), rtol=1e-5)
np.testing.assert_allclose(loaded.evaluate(x, y, verbose=0), [loss, accuracy, specificity], rtol=1e-4)

# from the configuration alone: the same layer with new weights
copy = Linear.from_config(model.layers[-1].get_config())
assert copy.units == 1 and copy(np.ones((2, 12), "float32")).shape == (2, 1)
