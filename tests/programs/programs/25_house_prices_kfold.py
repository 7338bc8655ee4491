"""House prices: standardised inputs, MAE, k-fold cross-validation, and a Normalization layer instead of by hand."""

import numpy as np
from sample_data import houses

import minidl as keras
from minidl import layers, models

keras.utils.set_random_seed(15)
data, targets = houses(300)
train_data, train_targets, test_data, test_targets = data[:240], targets[:240], data[240:], targets[240:]
mean = train_data.mean(axis=0)
std = train_data.std(axis=0)
train_data, test_data = (train_data - mean) / std, (test_data - mean) / std


def build_model():
    model = models.Sequential()
    model.add(layers.Dense(32, activation="relu", input_shape=(train_data.shape[1],)))
    model.add(layers.Dense(32, activation="relu"))
    model.add(layers.Dense(1))
    model.compile(optimizer=keras.optimizers.RMSprop(learning_rate=0.005), loss="mse", metrics=["mae"])
    return model


k = 3
num_val_samples = len(train_data) // k
all_mae_histories = []
for i in range(k):
    print(f"processing fold #{i}")
    val_data = train_data[i * num_val_samples : (i + 1) * num_val_samples]
    val_targets = train_targets[i * num_val_samples : (i + 1) * num_val_samples]
    partial_train_data = np.concatenate(
        [train_data[: i * num_val_samples], train_data[(i + 1) * num_val_samples :]], axis=0
    )
    partial_train_targets = np.concatenate(
        [train_targets[: i * num_val_samples], train_targets[(i + 1) * num_val_samples :]], axis=0
    )
    model = build_model()
    history = model.fit(
        partial_train_data, partial_train_targets, validation_data=(val_data, val_targets),
        epochs=40, batch_size=16, verbose=0,
    )  # fmt: skip
    all_mae_histories.append(history.history["val_mae"])
average_mae_history = [np.mean([x[i] for x in all_mae_histories]) for i in range(40)]
print("validation MAE", average_mae_history[::10])

model = build_model()
model.fit(train_data, train_targets, epochs=60, batch_size=16, verbose=0)
test_mse_score, test_mae_score = model.evaluate(test_data, test_targets, verbose=0)
print(f"test MAE {test_mae_score:.2f} thousand")
guess = np.abs(test_targets - train_targets.mean()).mean()
assert average_mae_history[-1] < 0.3 * average_mae_history[0]
assert test_mae_score < 0.7 * guess

# clone_model: the same architecture, new weights
clone = keras.models.clone_model(model)
assert [w.shape for w in clone.get_weights()] == [w.shape for w in model.get_weights()]
assert not np.allclose(clone.get_weights()[0], model.get_weights()[0])
clone.set_weights(model.get_weights())
np.testing.assert_allclose(clone.predict(test_data, verbose=0), model.predict(test_data, verbose=0), rtol=1e-5)

# a layer that learns mean and variance from the data itself
normalizer = layers.Normalization(axis=-1)
normalizer.adapt(data[:240])
np.testing.assert_allclose(np.asarray(normalizer(data[240:])), test_data, atol=1e-3)
regression = keras.Sequential([normalizer, layers.Dense(units=1)])
regression.compile(optimizer=keras.optimizers.Adam(learning_rate=0.5), loss="mean_absolute_error")
regression.fit(data[:240], targets[:240], epochs=30, verbose=0)
assert regression.evaluate(data[240:], targets[240:], verbose=0) < guess
