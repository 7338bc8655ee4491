"""Track A, backprop in NumPy."""
