"""The compile gate: every kernel compiled for GPUs that are not here, and held to what it claims of its machine code.

    python -m cuda_kernels.compile                 # every kernel, sm_75, sm_80 and sm_90a; exit code 1 if a claim fails
    python -m cuda_kernels.compile gemm:r3 conv2d  # some rungs, some ops
    python -m cuda_kernels.compile --write         # and write docs/kernels/table.md; --check: is it current?
    python -m cuda_kernels.compile gemm:r3 --sass  # print the machine code

Needs no GPU and no driver, but NVIDIA's compilers from the package index, at the versions in `packages.PINS`
(`pip install --group gate`). The path is the one that `@cuda.jit` takes at a first launch, so the registers and
instructions are those that a GPU of that kind would run.
"""
