"""CUDA kernels written in Python, and the SIMT machine that runs them on any computer.

`cuda_kernels` stands alone: it never imports `minidl`. The kernels live in one folder a family (`gemm`, `conv2d`, …);
`cuda_kernels.simt` runs any of them on NumPy in lockstep and says what a GPU would make of it.
"""
