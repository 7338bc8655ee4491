"""A Model subclass with a train_step of its own, trained by fit."""

from sample_data import houses

import minidl as keras
from minidl import GradientTape, layers

keras.utils.set_random_seed(14)
x, y = houses()
x = (x - x.mean(axis=0)) / x.std(axis=0)
y = (y - y.mean()) / y.std()

mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
loss_tracker = keras.metrics.Mean(name="loss")


class CustomModel(keras.Model):
    def __init__(self, width=32):
        super().__init__()
        self.hidden = layers.Dense(width, activation="relu")
        self.bn = layers.BatchNormalization(momentum=0.9)
        self.out = layers.Dense(1)

    def call(self, inputs, training=False):
        return self.out(self.bn(self.hidden(inputs), training=training))

    def train_step(self, data):
        x, y = data
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = keras.losses.mean_squared_error(y, y_pred).mean()
        trainable_vars = self.trainable_variables
        gradients = tape.gradient(loss, trainable_vars)
        self.optimizer.apply(gradients, trainable_vars)
        loss_tracker.update_state(loss)
        mae_metric.update_state(y, y_pred)
        return {"loss": loss_tracker.result(), "mae": mae_metric.result()}

    @property
    def metrics(self):
        return [loss_tracker, mae_metric]


model = CustomModel()
model.compile(optimizer="adam")
history = model.fit(x, y[:, None], epochs=20, batch_size=32, verbose=0)
print(history.history["mae"])
assert sorted(history.history) == ["loss", "mae"]
assert history.history["mae"][-1] < 0.6 * history.history["mae"][0]
model.summary()
assert len(model.trainable_variables) == 6 and len(model.non_trainable_variables) == 2
