"""Arithmetic, element by element (broadcast as NumPy does), and the matrix product."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import operators
from minidl.errors import ShapeError
from minidl.operators import arithmetic
from minidl.ops.op import records
from minidl.promotion import cast_to, floating, promoted
from minidl.tape import apply
from minidl.tensor import Tensor, convert_to_tensor


def tensor(x: Any) -> Any:
    """Return a tensor (or a symbolic one) of x, so that its shape can be asked for."""
    return x if hasattr(x, "__minidl_apply__") else convert_to_tensor(x)


def add(a: Any, b: Any) -> Tensor:
    """Return a + b."""
    return arithmetic("add", a, b)


def subtract(a: Any, b: Any) -> Tensor:
    """Return a - b."""
    return arithmetic("subtract", a, b)


def multiply(a: Any, b: Any) -> Tensor:
    """Return a * b."""
    return arithmetic("multiply", a, b)


def divide(a: Any, b: Any) -> Tensor:
    """Return a / b."""
    return arithmetic("divide", a, b)


def maximum(a: Any, b: Any) -> Tensor:
    """Return the larger of a and b; where they are equal the gradient goes to `a`."""
    return arithmetic("maximum", a, b)


def minimum(a: Any, b: Any) -> Tensor:
    """Return the smaller of a and b; where they are equal the gradient goes to `a`."""
    return arithmetic("minimum", a, b)


def mod(a: Any, b: Any) -> Tensor:
    """Return the remainder of a / b, with the sign of b, as Python's %."""
    return arithmetic("mod", a, b)


def power(x: Any, exponent: Any) -> Tensor:
    """Return x ** exponent, for a number or a tensor of exponents, to which a gradient flows too."""
    return operators.power(tensor(x) if isinstance(exponent, int | float) else x, exponent)


def square(x: Any) -> Tensor:
    """Return x * x."""
    return apply("square", x)


def absolute(x: Any) -> Tensor:
    """Return |x|; its gradient at 0 is 0."""
    return apply("absolute", x)


def negative(x: Any) -> Tensor:
    """Return -x."""
    return apply("negative", x)


def clip(x: Any, low: Any, high: Any) -> Tensor:
    """Return x limited to [low, high], numbers or tensors (or None); no gradient flows where it was cut.

    Where low is above high, it is high.
    """
    x = tensor(x)
    if x.dtype.kind == "f" and all(b is None or isinstance(b, int | float | np.number) for b in (low, high)):
        return apply("clip", x, low=low, high=high)
    x = x if low is None else maximum(x, low)
    return x if high is None else minimum(x, high)


def cast(x: Any, dtype: Any) -> Tensor:
    """Return x as another dtype."""
    return apply("cast", x, dtype=np.dtype(dtype).name)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """Return a where `condition` holds (numbers hold where they are not 0), else b."""
    condition = tensor(condition)
    return apply("where", cast_to(condition, np.dtype(bool)), *promoted(a, b))


@functools.cache
def of_record(op: str) -> Callable[..., Any]:
    """Return an op as a function of tensors: its inputs and settings, by place or by name, are those of its record.

    Of an op of one number or of two, integers become floats.

    >>> of_record("leaky_relu")([-1, 2], 0.5)
    <Tensor (2,) float32 [-0.5  2. ]>
    """
    record = records()[op]
    names = record.inputs
    taken = [p.replace(kind=p.POSITIONAL_OR_KEYWORD, annotation=p.empty) for p in record.parameters]
    signature = inspect.Signature(taken)
    defaults = {p.name: p.default for p in taken if p.name not in names}
    whole = None if inspect.Parameter.empty in defaults.values() else len(names)

    def function(*args: Any, **kwargs: Any) -> Any:
        inputs, static = args, defaults
        if kwargs or len(args) != whole:  # not the usual call, with the inputs alone
            try:
                given = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{op}: {error}") from None
            given.apply_defaults()
            inputs = tuple(given.arguments.pop(name) for name in names)
            static = given.arguments
        if record.form == "cell":
            inputs = (floating(inputs[0]),)
        elif record.form == "pair":
            inputs = promoted(*inputs, floating=True)
        return apply(op, *inputs, **static)

    function.__name__ = function.__qualname__ = op
    function.__module__ = "minidl.functional"
    function.__doc__ = record.forward.__doc__
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def matmul(a: Any, b: Any) -> Tensor:
    """Return the matrix product over the last two axes; leading axes broadcast, as NumPy's do.

    Parameters
    ----------
    a : (..., M, K) or (K,)
    b : (..., K, N) or (K,)

    Raises
    ------
    ShapeError : the inner sizes differ, or the leading axes do not broadcast

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]]).numpy()
    array([[11.]], dtype=float32)
    >>> matmul([1.0, 2.0], [3.0, 4.0])
    <Tensor () float32 11.>
    """
    a, b = promoted(tensor(a), tensor(b))
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(f"matmul: both inputs need an axis. Got a {a.shape}, b {b.shape}. To scale, multiply: a * b.")
    if a.dtype.kind != "f":
        return apply("discrete", a, b, function="matmul")
    if b.ndim == 1:
        return matmul(a, b.reshape((-1, 1)))[..., 0]
    if a.ndim == 1:
        return matmul(a.reshape((1, -1)), b)[..., 0, :]
    if a.ndim == 2 and b.ndim == 2:
        return apply("gemm", a, b)
    if b.ndim == 2:
        return apply("dense", a, b, None)
    leading = a.shape[:-2]
    if leading != b.shape[:-2]:
        leading, a, b = _broadcast_stacks(a, b)
    elif a.ndim == 3:
        return apply("batched_gemm", a, b)
    product = apply("batched_gemm", a.reshape((-1, *a.shape[-2:])), b.reshape((-1, *b.shape[-2:])))
    return product.reshape((*[-1 if n is None else n for n in leading], a.shape[-2], b.shape[-1]))


def _broadcast_stacks(a: Any, b: Any) -> tuple[tuple[int, ...], Any, Any]:
    """Return the shape of the stack that two stacks of matrices broadcast to, and both stretched to it."""
    try:
        leading = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except (ValueError, TypeError):  # TypeError: a size is not known yet
        raise ShapeError(
            f"matmul: the leading axes must broadcast, with sizes that are known. Got a {a.shape}, b {b.shape}. "
            "Is a transpose missing?"
        ) from None
    stretched = [
        x if x.shape[:-2] == leading else apply("broadcast_to", x, shape=(*leading, *x.shape[-2:])) for x in (a, b)
    ]
    return leading, *stretched
