"""What the kernels are timed beside: the same functions of other libraries."""
