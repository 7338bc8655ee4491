"""Depthwise convolution, forward and both gradients. README.md tells the ladders' story."""
