"""Rungs of depthwise_conv2d's backward_weights."""
