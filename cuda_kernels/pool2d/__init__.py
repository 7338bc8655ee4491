"""Max and average pooling, forward and backward. README.md tells the ladder's story."""
