"""minidl: deep learning from scratch for the classroom, in plain NumPy and numba.cuda kernels.

The modules below are imported when they are first used (`minidl.layers` and so on), so that `import minidl` is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

from minidl.backends import current_selection, ops_table, register_backend, register_kernel, register_op, use, using
from minidl.tape import GradientTape, apply, no_grad
from minidl.tensor import Tensor, Variable, convert_to_tensor

__version__ = "0.1.0"

_MODULES = (
    "activations", "applications", "backend", "callbacks", "config", "constraints", "data", "datasets", "errors",
    "functional", "initializers", "layers", "lens", "losses", "metrics", "models", "ops", "optimizers",
    "preprocessing", "random", "regularizers", "saving", "testing", "utils",
)  # fmt: skip
_FROM = {
    "Initializer": "initializers", "Input": "layers", "Layer": "layers", "Loss": "losses", "Metric": "metrics",
    "Model": "models", "Optimizer": "optimizers", "Regularizer": "regularizers", "Sequential": "models",
    "check": "testing",
}  # fmt: skip

__all__ = [
    "GradientTape", "Tensor", "Variable", "apply", "convert_to_tensor", "current_selection", "no_grad", "ops_table",
    "register_backend", "register_kernel", "register_op", "use", "using", *_FROM, *_MODULES,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"minidl.{name}")
    if name in _FROM:
        return getattr(importlib.import_module(f"minidl.{_FROM[name]}"), name)
    raise AttributeError(f"module 'minidl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
