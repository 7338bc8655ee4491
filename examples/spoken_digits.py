"""Spoken digits: a spectrogram's frames go through the same small convolution, an LSTM listens to them in order.

Give the folder of recordings (Free Spoken Digit Dataset) as the argument, unless it is in a cache.
"""

import sys

import numpy as np

import minidl as keras
from minidl.layers import LSTM, Conv1D, Dense, Dropout, Flatten, Input, MaxPooling1D, TimeDistributed

EPOCHS = 15
WINDOW, HOP = 256, 192  # samples: 32 ms, every 24 ms
BINS = 64  # of 129 frequencies, joined in pairs


def spectrogram(sound):
    """Return log power (T, BINS, 1) of one second (8000,) at 8 kHz."""
    starts = range(0, len(sound) - WINDOW + 1, HOP)
    frames = np.stack([sound[start : start + WINDOW] for start in starts]) * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2
    return np.log(power.reshape(len(starts), BINS, 2).mean(axis=-1) + 1e-6)[..., None].astype("float32")


def build_model(frames):
    """Return a network on spectrograms (N, T, BINS, 1)."""
    return keras.Sequential(
        [
            Input((frames, BINS, 1)),
            TimeDistributed(Conv1D(8, 5, activation="relu")),  # along the frequencies of each frame
            TimeDistributed(MaxPooling1D(3)),
            TimeDistributed(Flatten()),
            LSTM(64),
            Dropout(0.3),
            Dense(10, activation="softmax"),
        ]
    )


def main(folder=None):
    """Train on the recordings 5 to 49 of each digit and speaker, test on 0 to 4."""
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = keras.datasets.spoken_digits.load_data(folder)
    print(f"{len(x_train)} recordings to learn from, {len(x_test)} to be tested on")
    x_train, x_test = (np.stack([spectrogram(sound) for sound in part]) for part in (x_train, x_test))
    mean, std = x_train.mean(), x_train.std()
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std
    print("spectrograms", x_train.shape)

    model = build_model(x_train.shape[1])
    model.summary()
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=EPOCHS, validation_data=(x_test, y_test))
    predicted = model.predict(x_test, verbose=0).argmax(axis=-1)
    print(f"accuracy on new recordings of the same speakers: {(predicted == y_test).mean():.1%}")
    for digit in range(10):
        heard = predicted[y_test == digit]
        print(f"{digit}: {(heard == digit).mean():6.1%}", "heard as", sorted(set(heard.tolist())))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
