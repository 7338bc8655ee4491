"""Sequences as arrays (`keras.preprocessing.sequence`)."""

from minidl.utils.sequences import pad_sequences

__all__ = ["pad_sequences"]
