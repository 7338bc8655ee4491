"""What a `with` block puts in force, for its own thread, task and generator alone: see `cuda_kernels.scope`.

It stands there because the kernels' package needs it too, and imports nothing of this one.
"""

from cuda_kernels.scope import Block, Scope

__all__ = ["Block", "Scope"]
