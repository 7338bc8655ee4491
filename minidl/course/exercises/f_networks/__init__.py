"""Track F, networks' kernels."""
