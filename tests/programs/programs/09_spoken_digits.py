"""Spoken digits: frames of a spectrogram through TimeDistributed convolutions, then an LSTM."""

import os
import wave
from pathlib import Path

import numpy as np

import minidl as keras
from minidl.layers import LSTM, Conv1D, Dense, Dropout, Flatten, MaxPooling1D, TimeDistributed
from minidl.models import Sequential

keras.utils.set_random_seed(2)
FOLDER = Path(os.environ["SPOKEN_DIGITS"])  # {digit}_{speaker}_{index}.wav, 8 kHz
FRAMES, BINS = 16, 40


def read_wav(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype("float32") / 32768


def log_spectrogram(signal):
    """Return (FRAMES, BINS, 1): log power in windows of 32 ms that cover the recording."""
    starts = np.linspace(0, max(0, len(signal) - 256), FRAMES).astype(int)
    signal = np.pad(signal, (0, 256))
    windows = np.stack([signal[s : s + 256] for s in starts]) * np.hanning(256)
    power = np.abs(np.fft.rfft(windows)[:, 1:121]) ** 2
    return np.log(power.reshape(FRAMES, BINS, 3).mean(-1) + 1e-6)[..., None]


files = [FOLDER / f"{d}_{who}_{i}.wav" for d in (0, 1, 6) for who in ("jackson", "theo", "nicolas") for i in range(30)]
x = np.stack([log_spectrogram(read_wav(f)) for f in files]).astype("float32")
y = np.array([{0: 0, 1: 1, 6: 2}[int(f.name[0])] for f in files])
x = (x - x.mean()) / x.std()
is_test = np.array([int(f.stem.split("_")[2]) < 5 for f in files])

model = Sequential(
    [
        TimeDistributed(Conv1D(8, 3, activation="relu"), input_shape=(FRAMES, BINS, 1)),
        TimeDistributed(MaxPooling1D(2)),
        TimeDistributed(Flatten()),
        LSTM(24, dropout=0.1),
        Dropout(0.2),
        Dense(3, activation="softmax"),
    ]
)
model.summary()
model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(monitor="loss", patience=3)
history = model.fit(x[~is_test], y[~is_test], epochs=12, batch_size=16, callbacks=[stop], verbose=0)
loss, accuracy = model.evaluate(x[is_test], y[is_test], verbose=0)
print("accuracy on new recordings:", accuracy)

assert model.layers[0].output.shape == (None, FRAMES, BINS - 2, 8)
assert model.layers[2].output.shape == (None, FRAMES, 19 * 8)
assert accuracy > 0.8
