"""Operators: `a + b`, `x[…]`, `x.mean()` as calls of ops, for tensors and for symbolic tensors."""

from __future__ import annotations

from typing import Any

import numpy as np


class Operators:
    """Python's operators and a few methods, each of them one op. Mixed into Tensor, and into symbolic tensors."""

    __array_priority__ = 100  # numpy_array + tensor goes to Tensor.__radd__

    def __add__(self, other: Any) -> Any:
        return run("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return run("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return run("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return run("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return run("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return run("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return run("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return run("divide", other, self)

    def __pow__(self, exponent: float) -> Any:
        return run("power", self, exponent=exponent)

    def __neg__(self) -> Any:
        return run("negative", self)

    def __abs__(self) -> Any:
        return run("absolute", self)

    def __matmul__(self, other: Any) -> Any:
        from minidl.functional import matmul

        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        from minidl.functional import matmul

        return matmul(other, self)

    def __getitem__(self, key: Any) -> Any:
        return run("slice", self, key=key)

    # `np.sum(tensor)` comes here too, with `out=None` and for the mean `dtype=None`, which mean nothing.
    def sum(self, axis: Any = None, keepdims: bool = False, *, out: None = None) -> Any:
        """Return the sum over `axis` (an int, several, or None for all)."""
        return run("reduce_sum", self, axes=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False, *, dtype: None = None, out: None = None) -> Any:
        """Return the mean over `axis` (an int, several, or None for all)."""
        return run("reduce_mean", self, axes=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False, *, out: None = None) -> Any:
        """Return the maximum over `axis`; its gradient goes to the first of equal ones."""
        return run("reduce_max", self, axes=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False, *, out: None = None) -> Any:
        """Return the minimum over `axis`; its gradient goes to the first of equal ones."""
        return run("reduce_min", self, axes=axis, keepdims=keepdims)

    def argmax(self, axis: int = -1) -> Any:
        """Return the index of the largest value along `axis`; not differentiable."""
        return run("argmax", self, axis=axis)

    def reshape(self, *shape: Any) -> Any:
        """Return the same values in another shape; one size may be -1."""
        return run("reshape", self, shape=shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)

    def transpose(self, *axes: Any) -> Any:
        """Return the axes in another order (reversed when none is given)."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return run("transpose", self, axes=order or None)

    def astype(self, dtype: Any) -> Any:
        """Return the values as another dtype."""
        return run("cast", self, dtype=np.dtype(dtype).name)


def run(op: str, *inputs: Any, **static: Any) -> Any:
    """Run an op: `minidl.tape.apply`, which builds on tensors and so is imported late."""
    from minidl.tape import apply  # the tape builds on tensors; their operators go through it

    return apply(op, *inputs, **static)
