"""A first network: a diagnosis from eight measurements (the tutorial that many people start with, about 2016)."""

from sample_data import medical_records

import minidl as keras
from minidl.layers import Dense
from minidl.models import Sequential

keras.utils.set_random_seed(7)

# load the data set, split into input (X) and output (Y)
X, Y = medical_records()

# create model
model = Sequential()
model.add(Dense(12, input_dim=8, activation="relu"))
model.add(Dense(8, activation="relu"))
model.add(Dense(1, activation="sigmoid"))

# compile model
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])

# fit the model
history = model.fit(X, Y, epochs=25, batch_size=10, validation_split=0.2, verbose=0)

# evaluate the model
scores = model.evaluate(X, Y, verbose=0)
print(f"\n{model.metrics_names[1]}: {scores[1] * 100:.2f}%")

# make class predictions
predictions = (model.predict(X, verbose=0) > 0.5).astype("int32")
for i in range(5):
    print(f"{X[i].round(1).tolist()} => {predictions[i, 0]} (expected {Y[i]})")

assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
assert predictions.shape == (768, 1)
assert history.history["loss"][-1] < 0.7 * history.history["loss"][0]
assert history.history["val_accuracy"][-1] > 0.8
assert abs((predictions[:, 0] == Y).mean() - scores[1]) < 1e-6
assert model.count_params() == 12 * 9 + 8 * 13 + 9
