"""Track B, first kernels."""
