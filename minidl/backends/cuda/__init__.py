"""The `cuda`, `simt` and `ptx` backends: the ops of `minidl.ops`, computed by the kernels of `cuda_kernels`.

An adapter takes its arrays to the device, runs a kernel or a few, and packs the op's own cache. Ops of one form share
theirs (`forms.py`); the others have one in a file that is named as theirs in `minidl.ops`, with the same functions:

    def gemm_forward(device, a, b, *, transpose_a=False, transpose_b=False):
        a, b = device.take(a=a, b=b)
        y = device.run("gemm", a, b, transpose_a=transpose_a, transpose_b=transpose_b)
        return y, GemmCache(a, b, transpose_a, transpose_b)

`device` says where and by which rung; `bind` fills it in, and what is left has the NumPy op's signature. So there is
one text for a GPU, the SIMT machine and compiled code on the processor, and any forward works with any backward.
"""

from minidl.backends.cuda.device import Device, bind, has_rung, rungs, unwritten
from minidl.backends.devices.memory import download, pool, upload, use_pools, zeros

__all__ = ["Device", "bind", "download", "has_rung", "pool", "rungs", "unwritten", "upload", "zeros"]

use_pools()
