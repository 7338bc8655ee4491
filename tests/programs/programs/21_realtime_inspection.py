"""Inspection on a line: train on pictures of good and scratched parts, then judge single frames as they come."""

import time

import numpy as np
from sample_data import parts

import minidl as keras
from minidl import layers
from minidl.models import load_model

keras.utils.set_random_seed(23)
x, y = parts(500)
model = keras.Sequential(
    [
        layers.Input((24, 24, 1)),
        layers.Rescaling(1.0 / 255),
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(momentum=0.8),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.Precision(), keras.metrics.Recall()])
checkpoint = keras.callbacks.ModelCheckpoint("best.h5", monitor="val_accuracy", mode="max", save_best_only=True)
history = model.fit(x, y, epochs=8, batch_size=32, validation_split=0.2, callbacks=[checkpoint], verbose=0)
assert {"precision", "recall", "val_precision", "val_recall"} <= set(history.history)

inspector = load_model("best.h5")
frames, truth = parts(60, seed=99, defect_share=0.3)


def rejects(frame):
    """One frame (24, 24, 1) uint8 in, the verdict out."""
    batch = np.expand_dims(frame, axis=0)
    probability = inspector(batch, training=False)
    return float(probability[0, 0]) > 0.5


rejects(frames[0])  # warm up
verdicts, milliseconds = [], []
for frame in frames:
    started = time.perf_counter()
    verdicts.append(rejects(frame))
    milliseconds.append((time.perf_counter() - started) * 1e3)
verdicts = np.array(verdicts)
print(f"median {np.median(milliseconds):.2f} ms a frame, worst {max(milliseconds):.2f} ms")
print("good and accepted:", int((~verdicts & (truth == 0)).sum()), "of", int((truth == 0).sum()))
print("scratched and rejected:", int((verdicts & (truth == 1)).sum()), "of", int(truth.sum()))

# one by one, in one batch, and by predict: the same probabilities
one_by_one = np.concatenate([inspector.predict_on_batch(frame[None]) for frame in frames])
np.testing.assert_allclose(one_by_one, inspector.predict(frames, verbose=0), rtol=1e-4, atol=1e-6)
np.testing.assert_array_equal(one_by_one[:, 0] > 0.5, verdicts)
assert (verdicts == truth).mean() > 0.9
assert np.median(milliseconds) < 100
