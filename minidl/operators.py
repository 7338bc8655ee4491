"""Operators: `a + b`, `x[…]`, `x.mean()` as calls of ops, for tensors and for symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from minidl.promotion import floating, is_array, promoted

OF_MASKS = {"add": "logical_or", "multiply": "logical_and", "maximum": "logical_or", "minimum": "logical_and"}


def _on_both_sides(compute: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """Return the methods of an operator: of what stands on its left, and of what stands on its right."""

    def of_left(self: Any, other: Any) -> Any:
        return compute(self, other)

    def of_right(self: Any, other: Any) -> Any:
        return compute(other, self)

    return of_left, of_right


class Operators:
    """Python's operators and a few methods, each of them one op. Mixed into Tensor, and into symbolic tensors."""

    __array_priority__ = 100  # numpy_array + tensor goes to Tensor.__radd__

    __add__, __radd__ = _on_both_sides(lambda a, b: arithmetic("add", a, b))
    __sub__, __rsub__ = _on_both_sides(lambda a, b: arithmetic("subtract", a, b))
    __mul__, __rmul__ = _on_both_sides(lambda a, b: arithmetic("multiply", a, b))
    __truediv__, __rtruediv__ = _on_both_sides(lambda a, b: arithmetic("divide", a, b))
    __mod__, __rmod__ = _on_both_sides(lambda a, b: arithmetic("mod", a, b))
    __floordiv__, __rfloordiv__ = _on_both_sides(lambda a, b: discrete("floor_divide", *promoted(a, b)))
    __divmod__, __rdivmod__ = _on_both_sides(lambda a, b: (a // b, a % b))
    __pow__, __rpow__ = _on_both_sides(lambda a, b: power(a, b))
    __matmul__, __rmatmul__ = _on_both_sides(lambda a, b: matmul(a, b))

    # Masks and whole numbers: bit by bit, as in NumPy; of booleans that is `and`, `or`, `exclusive or`, `not`.
    __and__, __rand__ = _on_both_sides(lambda a, b: discrete("bitwise_and", *promoted(a, b)))
    __or__, __ror__ = _on_both_sides(lambda a, b: discrete("bitwise_or", *promoted(a, b)))
    __xor__, __rxor__ = _on_both_sides(lambda a, b: discrete("bitwise_xor", *promoted(a, b)))
    __lshift__, __rlshift__ = _on_both_sides(lambda a, b: discrete("left_shift", *promoted(a, b)))
    __rshift__, __rrshift__ = _on_both_sides(lambda a, b: discrete("right_shift", *promoted(a, b)))

    def __neg__(self) -> Any:
        return run("negative", self)

    def __pos__(self) -> Any:
        return self[...]

    def __abs__(self) -> Any:
        return run("absolute", self)

    def __round__(self, decimals: int | None = None) -> Any:
        return discrete("round", self, decimals=decimals or 0)

    def __invert__(self) -> Any:
        return discrete("invert", self)

    # Comparisons give booleans, which have no gradient.
    def __ne__(self, other: Any) -> Any:
        return compare("not_equal", self, other)

    def __lt__(self, other: Any) -> Any:
        return compare("less", self, other)

    def __le__(self, other: Any) -> Any:
        return compare("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return compare("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return compare("greater_equal", self, other)

    __hash__ = object.__hash__

    def __getitem__(self, key: Any) -> Any:
        return run("slice", self, key=plain_key(key))

    # `np.sum(tensor)` comes here too, with `out=None` and for the mean `dtype=None`, which mean nothing.
    def sum(self, axis: Any = None, keepdims: bool = False, *, out: None = None) -> Any:
        """Return the sum over `axis` (an int, several, or None for all)."""
        from minidl.functional import reduce_sum

        return reduce_sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False, *, dtype: None = None, out: None = None) -> Any:
        """Return the mean over `axis` (an int, several, or None for all)."""
        from minidl.functional import reduce_mean

        return reduce_mean(self, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False, *, out: None = None) -> Any:
        """Return the maximum over `axis`; its gradient goes to the first of equal ones."""
        from minidl.functional import reduce_max

        return reduce_max(self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False, *, out: None = None) -> Any:
        """Return the minimum over `axis`; its gradient goes to the first of equal ones."""
        from minidl.functional import reduce_min

        return reduce_min(self, axis, keepdims)

    def argmax(self, axis: int | None = -1) -> Any:
        """Return the index of the largest value along `axis` (None: of all, in one row); not differentiable."""
        return self.reshape((-1,)).argmax(0) if axis is None else run("argmax", self, axis=axis)

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


def arithmetic(op: str, a: Any, b: Any) -> Any:
    """Run an op of two inputs, after promoting their dtypes as Keras does; of two masks, its logical counterpart.

    >>> import minidl
    >>> arithmetic("add", minidl.Tensor([1, 2]), 0.5)
    <Tensor (2,) float32 [1.5 2.5]>
    """
    a, b = promoted(a, b, floating=op == "divide")
    if op in OF_MASKS and (a if is_array(a) else b).dtype.kind == "b":
        return discrete(OF_MASKS[op], a, b)
    return run(op, a, b)


def power(base: Any, exponent: Any) -> Any:
    """Return base ** exponent: by the op `power` where the exponent is a number, else by `pow`, cell by cell."""
    if isinstance(exponent, int | float | np.generic) and is_array(base):
        if isinstance(exponent, np.generic):
            exponent = exponent.item()
        if base.dtype.kind == "f" or isinstance(exponent, float):
            return run("power", floating(base), exponent=float(exponent))
    return run("pow", *promoted(base, exponent))


def matmul(a: Any, b: Any) -> Any:
    """Return the matrix product; see `functional.matmul`."""
    from minidl import functional

    return functional.matmul(a, b)


def compare(function: str, a: Any, b: Any) -> Any:
    """Return the mask of a comparison; NotImplemented for what holds no values, so that Python compares identities."""
    if not (hasattr(b, "__array__") or isinstance(b, int | float | list | tuple)):
        return NotImplemented
    return discrete(function, a, b)


def discrete(function: str, *inputs: Any, **options: Any) -> Any:
    """Run a function without a gradient: see `minidl.ops.discrete`."""
    return run("discrete", *inputs, function=function, **options)


def plain_key(key: Any) -> Any:
    """Return what stands in x[ ], with tensors and lists in it as NumPy arrays."""
    if isinstance(key, tuple):
        return tuple(plain_key(part) for part in key)
    if isinstance(key, list) or hasattr(key, "__array__"):
        places = np.asarray(key)
        places = places.astype(np.int64) if not places.size and places.dtype.kind == "f" else places
        return places if places.ndim or places.dtype.kind not in "iu" else int(places)
    return key


def run(op: str, *inputs: Any, **static: Any) -> Any:
    """Run an op: `minidl.tape.apply`, which builds on tensors and so is imported late."""
    return _tape().apply(op, *inputs, **static)


@cache  # a look into `sys.modules` for each op would take longer than a small op itself
def _tape() -> Any:
    from minidl import tape  # the tape builds on tensors; their operators go through it

    return tape
