"""Losses that are means over the last axis: squared and absolute errors, Huber, binary cross-entropy."""
