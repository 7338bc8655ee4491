"""Convolution, its three gradients, and transposed convolution. README.md tells the ladders' story."""
