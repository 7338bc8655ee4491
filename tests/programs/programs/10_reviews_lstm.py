"""Is a review good or bad? Padding, an embedding with a mask, a bidirectional LSTM; and a Conv1D for comparison."""

import numpy as np
from sample_data import reviews

import minidl as keras
from minidl.layers import LSTM, Bidirectional, Conv1D, Dense, Dropout, Embedding, GlobalMaxPooling1D
from minidl.models import Sequential
from minidl.utils import pad_sequences

keras.utils.set_random_seed(8)
max_features, maxlen = 200, 32

sequences, labels = reviews(700)
print(len(sequences), "sequences, lengths", sorted({len(s) for s in sequences})[::8])
x = pad_sequences(sequences, maxlen=maxlen)
assert x.shape == (700, maxlen) and x.dtype == "int32" and (x[:, 0] == 0).any()
x_train, x_test, y_train, y_test = x[:500], x[500:], labels[:500], labels[500:]

# recurrent, with masking
model = Sequential()
model.add(Embedding(max_features, 16, mask_zero=True))
model.add(Bidirectional(LSTM(16)))
model.add(Dropout(0.3))
model.add(Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=32, epochs=5, validation_data=(x_test, y_test), verbose=0)
print("Bi-LSTM:", history.history["val_accuracy"])
assert history.history["val_accuracy"][-1] > 0.85

# the mask makes the padding invisible: more zeros in front change nothing
longer = pad_sequences(sequences[:20], maxlen=maxlen + 10)
same = pad_sequences(sequences[:20], maxlen=maxlen)
np.testing.assert_allclose(model.predict(longer, verbose=0), model.predict(same, verbose=0), atol=1e-5)

# convolutional
cnn = Sequential()
cnn.add(Embedding(input_dim=max_features, output_dim=16))
cnn.add(Conv1D(32, 3, padding="valid", activation="relu", strides=1))
cnn.add(GlobalMaxPooling1D())
cnn.add(Dense(16, activation="relu"))
cnn.add(Dense(1, activation="sigmoid"))
cnn.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
cnn.fit(x_train, y_train, batch_size=32, epochs=8, verbose=0)
accuracy = cnn.evaluate(x_test, y_test, verbose=0)[1]
print("Conv1D:", accuracy)
assert accuracy > 0.85
