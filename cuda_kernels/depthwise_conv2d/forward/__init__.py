"""Rungs of depthwise_conv2d's forward."""
