"""Spoken digits, from a folder of wav files such as the Free Spoken Digit Dataset (8 kHz, CC BY-SA 4.0)."""

from __future__ import annotations

import os
import re
import wave

import numpy as np

from minidl.datasets.cache import cached, explicit_path
from minidl.datasets.mnist import Split
from minidl.errors import ArgumentError, DataError, DownloadError, FileFormatError

SOURCE = "https://github.com/Jakobovski/free-spoken-digit-dataset"
CACHED_NAMES = ("free-spoken-digit-dataset/recordings", "fsdd/recordings")
SAMPLE_RATE = 8000  # Hz
TEST_RECORDINGS = 5  # of each digit and speaker, numbers 0 to 4 are for testing, as the data set's authors say
FILE_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<index>\d+)\.wav")
PCM16_SCALE = 32768.0


def load_data(path: str | os.PathLike[str] | None = None, length: int = SAMPLE_RATE) -> Split:
    """Load recordings named `{digit}_{speaker}_{index}.wav`; those with index 0 to 4 are the test data.

    Parameters
    ----------
    path : the folder of wav files; by default `free-spoken-digit-dataset/recordings` in a cache. It is not
        downloaded.
    length : T, samples per recording (8000 are one second): shorter ones are followed by zeros, longer ones
        cut

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (N, T) float32 in [-1, 1), y (N,) uint8 in 0..9; the whole set has 2700 and 300 recordings

    Raises
    ------
    DataError : no such folder, or no such files in it
    FileFormatError : a file is no 16-bit mono wav at 8 kHz
    DownloadError : no `path`, and nothing in the caches; the message says what to place where

    Source: Jackson et al., Free Spoken Digit Dataset, doi:10.5281/zenodo.1342401
    """
    if length < 1:
        raise ArgumentError(f"spoken_digits.load_data: length must be 1 sample or more. Got {length}.")
    folder = explicit_path(path, "spoken_digits.load_data")
    if folder is None:
        folder = next(cached(*([str(path)] if path else CACHED_NAMES)), None)
    if folder is None:
        raise DownloadError(
            f"spoken_digits.load_data: no recordings found. Fetch {SOURCE}\n"
            "and give its folder: spoken_digits.load_data(path='.../recordings')."
        )
    named = sorted((file.name, match) for file in folder.glob("*.wav") if (match := FILE_NAME.fullmatch(file.name)))
    if not named:
        raise DataError(f"{folder}: holds no files named digit_speaker_index.wav. Is it the folder 'recordings'?")
    x = np.zeros((len(named), length), np.float32)
    for row, (name, _match) in zip(x, named, strict=True):
        sound = read_wav(folder / name)[:length]
        row[: len(sound)] = sound
    y = np.array([int(match["digit"]) for _name, match in named], np.uint8)
    is_test = np.array([int(match["index"]) < TEST_RECORDINGS for _name, match in named])
    return (x[~is_test], y[~is_test]), (x[is_test], y[is_test])


def read_wav(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a 16-bit mono wav at 8 kHz: float32 (T,) in [-1, 1).

    Raises
    ------
    FileFormatError : the file is of another kind, or damaged
    """
    try:
        with wave.open(os.fspath(path), "rb") as sound:
            channels, width, rate = sound.getnchannels(), sound.getsampwidth(), sound.getframerate()
            raw = sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: a length that is a lie
        raise FileFormatError(f"{path}: is no readable wav file ({error}).") from error
    if (channels, width, rate) != (1, 2, SAMPLE_RATE):
        raise FileFormatError(
            f"{path}: must be mono, 16 bits, {SAMPLE_RATE} Hz. "
            f"Got {channels} channels, {8 * width} bits, {rate} Hz. Convert it first."
        )
    return (np.frombuffer(raw[: len(raw) // 2 * 2], "<i2") / PCM16_SCALE).astype(np.float32)
