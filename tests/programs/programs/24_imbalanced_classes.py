"""Few frauds among many transactions: class_weight, sample_weight, precision, recall and AUC."""

import numpy as np
from sample_data import imbalanced

import minidl as keras
from minidl import layers

x, y = imbalanced()
x_train, y_train, x_test, y_test = x[:1500], y[:1500, None], x[1500:], y[1500:, None]
counts = np.bincount(y_train[:, 0])
print(f"{counts[1]} positive samples of {len(y_train)} ({100 * counts[1] / len(y_train):.2f}%)")

METRICS = ["accuracy", "precision", "recall", "auc"]


def train(**weights):
    keras.utils.set_random_seed(13)
    model = keras.Sequential(
        [
            keras.Input(shape=x_train.shape[1:]),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    metrics = [
        keras.metrics.BinaryAccuracy(name="accuracy"),
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall"),
        keras.metrics.AUC(name="auc"),
        keras.metrics.FalseNegatives(name="fn"),
        keras.metrics.TruePositives(name="tp"),
    ]
    model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="binary_crossentropy", metrics=metrics)
    model.fit(x_train, y_train, batch_size=64, epochs=8, verbose=0, **weights)
    return model, model.evaluate(x_test, y_test, verbose=0, return_dict=True)


plain_model, plain = train()
weight_for_0, weight_for_1 = 1.0 / counts[0], 1.0 / counts[1]
weighted_model, weighted = train(class_weight={0: weight_for_0 * len(y_train) / 2, 1: weight_for_1 * len(y_train) / 2})
sample_weight = np.where(y_train[:, 0] == 1, weight_for_1, weight_for_0) * len(y_train) / 2
sampled_model, sampled = train(sample_weight=sample_weight)
for name, result in (("plain", plain), ("class_weight", weighted), ("sample_weight", sampled)):
    print(name, {k: round(result[k], 3) for k in METRICS})

positives = int(y_test.sum())
assert weighted["recall"] > plain["recall"] + 0.1
assert weighted["auc"] > 0.85
assert abs(weighted["recall"] - weighted["tp"] / positives) < 1e-6
assert weighted["tp"] + weighted["fn"] == positives
# the same weights, given by class or by sample, train the same network
np.testing.assert_allclose(
    weighted_model.predict(x_test, verbose=0), sampled_model.predict(x_test, verbose=0), rtol=1e-3, atol=1e-4
)
