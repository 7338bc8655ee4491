"""Tools to test an op or a kernel: public, because students use them on their own."""

from __future__ import annotations

from typing import Any

from minidl.testing.gradients import GradientError, check_gradients, numerical_gradient

__all__ = ["GradientError", "KernelCheck", "KernelChecks", "check", "check_gradients", "numerical_gradient"]

_FROM = {"check": "kernels.check", "KernelCheck": "kernels.results", "KernelChecks": "kernels.results"}


def __getattr__(name: str) -> Any:
    if name in _FROM:  # these import Numba
        import importlib

        return getattr(importlib.import_module(f"minidl.testing.{_FROM[name]}"), name)
    raise AttributeError(f"module 'minidl.testing' has no attribute {name!r}")
