"""What NVIDIA's compiler made of a kernel: Python beside PTX, counts, two rungs compared, a warp's steps."""
