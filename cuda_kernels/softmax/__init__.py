"""Softmax, its logarithm, and the losses. README.md tells the story."""
