"""Rungs of conv2d's backward_weights."""
