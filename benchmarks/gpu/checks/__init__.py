"""What `make gpu-check` asks of the kernels, family by family."""
