"""`make gpu-check` and `make gpu-bench`: are the CUDA kernels right, and how fast are they, on this machine's GPU.

`check.py` and `bench.py` are the two programs. Both run their families in processes of their own (`runner.py` starts
them, `worker.py` is what runs there), so that a kernel that brings the GPU's context down costs one case, not the rest.
Both take `--on simt`: the same path on the SIMT machine, with tiny shapes and without any time.
"""
