"""The SIMT machine: a numba.cuda kernel's Python source on NumPy, in lockstep, and what a GPU would make of it.

    from cuda_kernels import simt
    report = simt.launch(kernel, grid, block, x, y, out)     # results are in `out`
    print(report.table())                                    # faults and figures

`simt.launch` also takes `checks=False` (compute only), `strict=True` (raise at the first fault), `shared_bytes=` and
`outputs=`. Inside `with simt.on():` a CUDA program's host code runs unchanged: kernel[grid, block](x, y, out),
`to_device`, streams, events. `simt.step` records a launch for stepping forward and back. `simt.register_intrinsic`
gives an intrinsic its meaning in NumPy.
"""
from .debug.owners import Owner, Owners, Source
from .debug.stepper import Stepper, step
from .errors import KernelFault, SimtError, UnsupportedSyntax
from .launch import launch, translation
from .machine.intrinsics import Context, register_intrinsic
from .report.gpus import GPUS, Gpu
from .report.report import KINDS, Fault, Figures, Report, TimelineStep, WarpAccess
from .session import Session, on

__all__ = [
    "GPUS",
    "KINDS",
    "Context",
    "Fault",
    "Figures",
    "Gpu",
    "KernelFault",
    "Owner",
    "Owners",
    "Report",
    "Session",
    "Stepper",
    "SimtError",
    "Source",
    "TimelineStep",
    "UnsupportedSyntax",
    "WarpAccess",
    "launch",
    "on",
    "register_intrinsic",
    "step",
    "translation",
]
