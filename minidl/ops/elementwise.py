"""Arithmetic cell by cell. Two inputs broadcast as in NumPy; their backward sums over the stretched axes.

A gradient returned here may be `dy` itself (`add`): nobody writes into a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import ArgumentError, DTypeError
from minidl.ops.common.broadcasting import broadcast_shape, output_for, unbroadcast
from minidl.ops.common.checks import require_array, require_divisor, require_float, require_number, require_same_dtype
from minidl.ops.op import Call, KerasForm, Op, summed

Gradients = tuple[np.ndarray | None, np.ndarray | None]


class ShapesCache(NamedTuple):
    """The shapes before broadcasting: all that the backward of a sum or difference needs."""

    a_shape: tuple[int, ...]
    b_shape: tuple[int, ...]


class OperandsCache(NamedTuple):
    """Both inputs, before broadcasting."""

    a: np.ndarray
    b: np.ndarray


class DivideCache(NamedTuple):
    """The divisor and the quotient: with them, no power of the divisor is needed."""

    a_shape: tuple[int, ...]
    b: np.ndarray
    y: np.ndarray


class InputCache(NamedTuple):
    """The input: enough for an op whose slope follows from it."""

    x: np.ndarray


class OutputCache(NamedTuple):
    """The output: enough where the slope is shorter to say in terms of it (exp, sqrt, tanh, …)."""

    y: np.ndarray


class PowerCache(NamedTuple):
    """The base and the exponent."""

    x: np.ndarray
    exponent: float


class ClipCache(NamedTuple):
    """The input and its bounds; `None` where there is no bound."""

    x: np.ndarray
    low: float | None
    high: float | None


class CastCache(NamedTuple):
    """The dtype to give the gradient back in."""

    dtype: np.dtype


class WhereCache(NamedTuple):
    """The condition, and the shapes of the two choices before broadcasting."""

    condition: np.ndarray
    a_shape: tuple[int, ...]
    b_shape: tuple[int, ...]


def add_forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ShapesCache]:
    """Add: `y = a + b`, broadcast as in NumPy.

    Parameters
    ----------
    a, b : number arrays of one dtype, with shapes that broadcast

    Returns
    -------
    y : the broadcast shape, dtype of `a`

    Raises
    ------
    ShapeError : the shapes do not broadcast
    DTypeError : the dtypes differ

    >>> add_forward(np.ones((2, 3)), np.array([1.0, 2.0, 3.0]))[0].tolist()
    [[2.0, 3.0, 4.0], [2.0, 3.0, 4.0]]
    """
    y = np.add(a, b, out=output_for("add", a, b))
    return y, ShapesCache(a.shape, b.shape)


def add_backward(dy: np.ndarray, cache: ShapesCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """With y = a + b: dy/da = dy/db = 1. Both gradients are dy, summed where an input was stretched."""
    da = unbroadcast(dy, cache.a_shape) if needs[0] else None
    db = unbroadcast(dy, cache.b_shape) if needs[1] else None
    return da, db


def subtract_forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ShapesCache]:
    """Subtract: `y = a - b`. Shapes and errors as for `add_forward`."""
    y = np.subtract(a, b, out=output_for("subtract", a, b))
    return y, ShapesCache(a.shape, b.shape)


def subtract_backward(dy: np.ndarray, cache: ShapesCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """With y = a - b: dy/da = 1, dy/db = -1. Summing first leaves fewer cells to negate."""
    da = unbroadcast(dy, cache.a_shape) if needs[0] else None
    db = _new(np.negative, unbroadcast(dy, cache.b_shape)) if needs[1] else None
    return da, db


def multiply_forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, OperandsCache]:
    """Multiply cell by cell: `y = a * b`. Shapes and errors as for `add_forward`."""
    y = np.multiply(a, b, out=output_for("multiply", a, b))
    return y, OperandsCache(a, b)


def multiply_backward(dy: np.ndarray, cache: OperandsCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """With y = a b: dy/da = b and dy/db = a, so each input receives dy times the other."""
    a, b = cache
    da = unbroadcast(_new(np.multiply, dy, b), a.shape) if needs[0] else None
    db = unbroadcast(_new(np.multiply, dy, a), b.shape) if needs[1] else None
    return da, db


def divide_forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, DivideCache]:
    """Divide cell by cell: `y = a / b`. Shapes and errors as for `add_forward`; both must be floating.

    A zero in `b` gives inf or NaN with NumPy's own warning.
    """
    require_float("divide", a=a, b=b)
    y = np.divide(a, b, out=output_for("divide", a, b))
    return y, DivideCache(a.shape, b, y)


def divide_backward(dy: np.ndarray, cache: DivideCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """With y = a / b: dy/da = 1 / b, and dy/db = -a / b^2 = -y / b."""
    share = _new(np.divide, dy, cache.b)
    da = unbroadcast(share, cache.a_shape) if needs[0] else None
    if not needs[1]:
        return da, None
    db = unbroadcast(_new(np.multiply, share, cache.y), cache.b.shape)
    return da, _new(np.negative, db)


def maximum_forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, OperandsCache]:
    """Take the larger of each two cells. Where they are equal, the gradient goes to `a`, the first.

    Shapes and errors as for `add_forward`. (PyTorch halves the gradient between equals.)
    """
    y = np.maximum(a, b, out=output_for("maximum", a, b))
    return y, OperandsCache(a, b)


def maximum_backward(dy: np.ndarray, cache: OperandsCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """Since y is a where a >= b and else b, each cell of dy goes whole to the input that was taken."""
    took_a = cache.a >= cache.b
    return _route(dy, took_a, cache.a.shape, cache.b.shape, needs)


def minimum_forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, OperandsCache]:
    """Take the smaller of each two cells. Where they are equal, the gradient goes to `a`, the first."""
    y = np.minimum(a, b, out=output_for("minimum", a, b))
    return y, OperandsCache(a, b)


def minimum_backward(dy: np.ndarray, cache: OperandsCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """Since y is a where a <= b and else b, it goes as for the maximum."""
    took_a = cache.a <= cache.b
    return _route(dy, took_a, cache.a.shape, cache.b.shape, needs)


def where_forward(condition: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, WhereCache]:
    """Take `a` where `condition` holds and `b` elsewhere; all three broadcast.

    Raises
    ------
    DTypeError : `condition` is not boolean, or `a` and `b` have different dtypes
    ShapeError : the three shapes do not broadcast

    >>> where_forward(np.array([True, False]), np.array([1.0, 2.0]), np.array(0.0))[0]
    array([1., 0.])
    """
    require_array("where", "condition", condition)
    if condition.dtype != np.bool_:
        raise DTypeError(
            f"where: condition must be boolean. Got {condition.dtype} of shape {condition.shape}. "
            "Compare first, as in `x > 0`?"
        )
    require_same_dtype("where", a=a, b=b)
    broadcast_shape("where", condition=condition, a=a, b=b)
    return np.asarray(np.where(condition, a, b)), WhereCache(condition, a.shape, b.shape)


def where_backward(
    dy: np.ndarray, cache: WhereCache, *, needs: tuple[bool, ...] = (False, True, True)
) -> tuple[None, np.ndarray | None, np.ndarray | None]:
    """Each cell of dy goes to the input it came from; a condition has no gradient."""
    return (None, *_route(dy, cache.condition, cache.a_shape, cache.b_shape, needs[1:]))


def power_forward(x: np.ndarray, *, exponent: float) -> tuple[np.ndarray, PowerCache]:
    """Raise to a fixed power: `y = x ** exponent`, `exponent` a number.

    A negative `x` with a fractional exponent gives NaN, with NumPy's own warning. An array of exponents: `pow`.

    >>> power_forward(np.array([1.0, 2.0, 3.0]), exponent=2)[0]
    array([1., 4., 9.])
    """
    require_float("power", x=x)
    if not isinstance(exponent, int | float | np.integer | np.floating):
        raise ArgumentError(
            f"power: exponent must be a number. Got {exponent!r:.60}. For an array of exponents use the op pow."
        )
    y = np.asarray(x ** float(exponent), dtype=x.dtype)  # NumPy 1.26 makes rank 0 float64
    return y, PowerCache(x, float(exponent))


def power_backward(dy: np.ndarray, cache: PowerCache) -> tuple[np.ndarray]:
    """With y = x^e: dy/dx = e x^(e - 1)."""
    x, exponent = cache
    # Trap: for e = 0 that form is 0 * x^-1, which is NaN at x = 0.
    if exponent == 0.0:
        return (np.zeros_like(x),)
    slope = np.asarray(x ** (exponent - 1.0), dtype=x.dtype)
    slope *= exponent
    slope *= dy
    return (slope,)


def pow_forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, OperandsCache]:
    """Raise to a power cell by cell: `y = a ** b`. Shapes and errors as for `add_forward`.

    `x ** 0` is 1 for every x, 0 too. A negative base keeps its sign for an odd exponent, and gives NaN for a fractional
    one, with NumPy's own warning.

    Raises
    ------
    ArgumentError : integers with a negative exponent, whose result is no integer

    >>> pow_forward(np.array([-2.0, 2.0, 0.0]), np.array([3.0, 0.5, 0.0]))[0].round(4)
    array([-8.    ,  1.4142,  1.    ])
    """
    out = output_for("pow", a, b)
    if a.dtype.kind in "iu" and b.size and b.min() < 0:
        raise ArgumentError(
            f"pow: whole numbers have no whole power with a negative exponent. Got dtype {a.dtype}, exponent {b.min()}."
            " Cast the base first: x.astype('float32')."
        )
    return np.power(a, b, out=out), OperandsCache(a, b)


def pow_backward(dy: np.ndarray, cache: OperandsCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """With y = a^b: dy/da = b a^(b - 1), and from y = e^(b log a): dy/db = y log a.

    Where the base is 0, y does not move with a positive exponent. The exponent of a negative base has no gradient: a
    little more of it, and y is no real number. It is NaN, with NumPy's own warning.
    """
    a, b = cache
    da = db = None
    if needs[0]:
        # Trap: for b = 0 that form is 0 * a^-1, which is NaN at a = 0.
        some = np.where(b == 0, 1, b)
        da = unbroadcast(np.asarray(dy * (b * a ** (some - 1))), a.shape)
    if needs[1]:
        still = (a == 0) & (b >= 0)
        db = unbroadcast(np.asarray(dy * (a**b * np.log(np.where(still, 1, a)))), b.shape)
    return da, db


def mod_forward(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, OperandsCache]:
    """Return the remainder of a division, with the sign of the divisor, as Python's `%`: `y = a - b floor(a / b)`.

    Shapes and errors as for `add_forward`.

    >>> mod_forward(np.array([5.0, -5.0]), np.array(3.0))[0]
    array([2., 1.])
    """
    out = output_for("mod", a, b)
    require_divisor("mod", a, b)
    return np.mod(a, b, out=out), OperandsCache(a, b)


def mod_backward(dy: np.ndarray, cache: OperandsCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """With y = a - b floor(a / b), and the floor a constant between its steps: dy/da = 1, dy/db = -floor(a / b)."""
    a, b = cache
    da = unbroadcast(dy, a.shape) if needs[0] else None
    db = unbroadcast(np.asarray(dy * -np.floor_divide(a, b)), b.shape) if needs[1] else None
    return da, db


def exp_forward(x: np.ndarray) -> tuple[np.ndarray, OutputCache]:
    """Exponential: `y = e ** x`. Above 88.7 (float32) or 709.7 (float64) it overflows, with a warning."""
    require_float("exp", x=x)
    y = _new(np.exp, x)
    return y, OutputCache(y)


def exp_backward(dy: np.ndarray, cache: OutputCache) -> tuple[np.ndarray]:
    """The exponential is its own derivative."""
    return (_new(np.multiply, dy, cache.y),)


def log_forward(x: np.ndarray) -> tuple[np.ndarray, InputCache]:
    """Natural logarithm. Zero gives -inf and a negative number NaN, with NumPy's own warning."""
    require_float("log", x=x)
    return _new(np.log, x), InputCache(x)


def log_backward(dy: np.ndarray, cache: InputCache) -> tuple[np.ndarray]:
    """With y = log x: dy/dx = 1 / x."""
    return (_new(np.divide, dy, cache.x),)


def log1p_forward(x: np.ndarray) -> tuple[np.ndarray, InputCache]:
    """Logarithm of 1 + x, exact also where 1 + x would be rounded to 1: log1p(1e-20) is 1e-20.

    -1 gives -inf and a smaller number NaN, with NumPy's own warning.
    """
    require_float("log1p", x=x)
    return _new(np.log1p, x), InputCache(x)


def log1p_backward(dy: np.ndarray, cache: InputCache) -> tuple[np.ndarray]:
    """With y = log(1 + x): dy/dx = 1 / (1 + x)."""
    return (_new(np.divide, dy, cache.x + 1),)


def expm1_forward(x: np.ndarray) -> tuple[np.ndarray, OutputCache]:
    """Exponential less 1, exact also where e ** x would be rounded to 1: expm1(1e-20) is 1e-20."""
    require_float("expm1", x=x)
    y = _new(np.expm1, x)
    return y, OutputCache(y)


def expm1_backward(dy: np.ndarray, cache: OutputCache) -> tuple[np.ndarray]:
    """With y = e^x - 1: dy/dx = e^x = y + 1."""
    return (_new(np.multiply, dy, cache.y + 1),)


def sqrt_forward(x: np.ndarray) -> tuple[np.ndarray, OutputCache]:
    """Square root. A negative number gives NaN with NumPy's own warning; at 0 the gradient is infinite."""
    require_float("sqrt", x=x)
    y = _new(np.sqrt, x)
    return y, OutputCache(y)


def sqrt_backward(dy: np.ndarray, cache: OutputCache) -> tuple[np.ndarray]:
    """With y = x^(1/2): dy/dx = 1 / (2 sqrt x) = 1 / (2 y)."""
    dx = _new(np.divide, dy, cache.y)
    dx *= 0.5
    return (dx,)


def square_forward(x: np.ndarray) -> tuple[np.ndarray, InputCache]:
    """Square each cell: `y = x * x`. Integers stay integers."""
    require_number("square", x=x)
    return _new(np.square, x), InputCache(x)


def square_backward(dy: np.ndarray, cache: InputCache) -> tuple[np.ndarray]:
    """With y = x^2: dy/dx = 2 x."""
    dx = _new(np.multiply, dy, cache.x)
    dx *= 2.0
    return (dx,)


def absolute_forward(x: np.ndarray) -> tuple[np.ndarray, InputCache]:
    """Absolute value: `y = |x|`. At 0, where it has no slope, the gradient is 0. Integers stay integers."""
    require_number("absolute", x=x)
    return _new(np.absolute, x), InputCache(x)


def absolute_backward(dy: np.ndarray, cache: InputCache) -> tuple[np.ndarray]:
    """The slope of |x| is the sign of x."""
    dx = _new(np.sign, cache.x)
    dx *= dy
    return (dx,)


def negative_forward(x: np.ndarray) -> tuple[np.ndarray, None]:
    """Change the sign: `y = -x`. Nothing needs to be remembered: the cache is `None`."""
    require_number("negative", x=x)
    return _new(np.negative, x), None


def negative_backward(dy: np.ndarray, cache: None) -> tuple[np.ndarray]:
    """With y = -x: the slope is -1 everywhere."""
    return (_new(np.negative, dy),)


def clip_forward(x: np.ndarray, *, low: float | None = None, high: float | None = None) -> tuple[np.ndarray, ClipCache]:
    """Bring values below `low` up to it, then values above `high` down to it; `None` means no bound.

    Where `low` is above `high`, all values become `high`, as in NumPy, PyTorch and Keras.

    >>> clip_forward(np.array([-2.0, 0.5, 2.0]), low=-1.0, high=1.0)[0]
    array([-1. ,  0.5,  1. ])
    """
    require_float("clip", x=x)
    # Trap: a NumPy float64 bound would make a float32 array float64; a Python float does not.
    low, high = (None if bound is None else float(bound) for bound in (low, high))
    y = x.copy()
    if low is not None:
        np.maximum(y, low, out=y)
    if high is not None:
        np.minimum(y, high, out=y)
    return y, ClipCache(x, low, high)


def clip_backward(dy: np.ndarray, cache: ClipCache) -> tuple[np.ndarray]:
    """Inside the bounds (and on them) y = x; outside, y does not move with x."""
    x, low, high = cache
    inside = np.ones(x.shape, dtype=bool)
    if low is not None:
        inside &= x >= low
    if high is not None:
        inside &= x <= high
    return (_new(np.multiply, dy, inside),)


def cast_forward(x: np.ndarray, *, dtype: str | np.dtype | type) -> tuple[np.ndarray, CastCache]:
    """Return `x` as another dtype, always as a copy. The gradient returns in `x`'s own dtype.

    >>> cast_forward(np.array([1.7, -1.7]), dtype="int32")[0]
    array([ 1, -1], dtype=int32)
    """
    require_array("cast", "x", x)
    try:
        target = np.dtype(dtype) if dtype is not None else None  # np.dtype(None) would be float64
    except TypeError:
        target = None
    if target is None or target.kind not in "fiub":
        raise DTypeError(
            f"cast: dtype must be one of numbers or booleans that NumPy knows, such as 'float32'. Got {dtype!r}."
        )
    return x.astype(target), CastCache(x.dtype)


def cast_backward(dy: np.ndarray, cache: CastCache) -> tuple[np.ndarray | None]:
    """Rounding aside, y = x: the gradient passes, in x's dtype. Integers and booleans have none."""
    return (dy.astype(cache.dtype),) if cache.dtype.kind == "f" else (None,)


def _new(ufunc: np.ufunc, *arrays: np.ndarray) -> np.ndarray:
    """Return `ufunc(*arrays)` as an array, of the first one's shape and dtype (alone it makes numbers of rank 0)."""
    return ufunc(*arrays, out=np.empty_like(arrays[0]))


def _route(
    dy: np.ndarray, to_a: np.ndarray, a_shape: tuple[int, ...], b_shape: tuple[int, ...], needs: Sequence[bool]
) -> Gradients:
    """Send each cell of `dy` to `a` where `to_a` holds and to `b` elsewhere."""
    da = unbroadcast(_new(np.multiply, dy, to_a), a_shape) if needs[0] else None
    db = unbroadcast(_new(np.multiply, dy, ~to_a), b_shape) if needs[1] else None
    return da, db


def _dy_itself(call: Call, negated: int | None = None) -> int:
    """Bytes of a sum's gradients: a gradient of dy's shape is dy itself, unless its sign changes."""
    y = call.outputs[0]
    new = [a.nbytes for k, a in enumerate(call.inputs) if a.shape != y.shape or k == negated]
    return y.nbytes + sum(new) if new else 0


def _slope_of_power(x: Any, y: Any, exponent: float) -> Any:
    # Trap: for an exponent of 0 the second form is 0 * x^-1, which is NaN at x = 0.
    return exponent * x ** (float(exponent) - 1.0) if exponent else 0.0


# fmt: off
OPS = (
    Op(
        "add", add_forward, add_backward, form="pair", differential="linear", flops=(1, 0), nbytes=(None, _dy_itself),
        maths=("y = a + b", "da = dy,  db = dy  (summed where stretched)"), keras="numpy.Add",
    ),
    Op(
        "subtract", subtract_forward, subtract_backward, form="pair", differential="linear", flops=(1, 0),
        nbytes=(None, lambda call: _dy_itself(call, negated=1)),
        maths=("y = a − b", "da = dy,  db = −dy  (summed where stretched)"), keras="numpy.Subtract",
    ),
    Op(
        "multiply", multiply_forward, multiply_backward, form="pair", differential="product", flops=(1, 2), keeps="a b",
        maths=("y = a b", "da = dy b,  db = dy a  (summed where stretched)"), keras="numpy.Multiply",
    ),
    Op(
        "divide", divide_forward, divide_backward, form="pair", flops=(1, 3), keeps="a b",
        values=("f", "positive"), keras="numpy.TrueDivide",
        maths=("y = a / b", "da = dy / b,  db = −dy y / b  (summed where stretched)"),
    ),
    Op(
        "maximum", maximum_forward, maximum_backward, form="pair", keeps="a b", keras="numpy.Maximum",
        maths=("y = max(a, b)", "da = dy [a ≥ b],  db = dy [a < b]"),
    ),
    Op(
        "minimum", minimum_forward, minimum_backward, form="pair", keeps="a b", keras="numpy.Minimum",
        maths=("y = min(a, b)", "da = dy [a ≤ b],  db = dy [a > b]"),
    ),
    Op(
        "pow", pow_forward, pow_backward, form="pair", flops=(0, 5), keeps="a b",
        values=("positive", "f"), keras="numpy.Power",
        maths=("y = aᵇ", "da = dy b aᵇ⁻¹,  db = dy y log a  (summed where stretched)"),
    ),
    Op(
        "mod", mod_forward, mod_backward, form="pair", flops=(0, 2), keeps="a b",
        values=("positive", "f"), keras="numpy.Mod",
        maths=("y = a − b ⌊a / b⌋", "da = dy,  db = −dy ⌊a / b⌋  (summed where stretched)"),
    ),
    Op(
        "where", where_forward, where_backward, keeps="condition", differential="linear", values=("mask", "f", "f"),
        maths=("y = a where the condition holds, else b", "da = dy where it holds,  db = dy elsewhere"),
        flops=(0, summed(0)), keras="numpy.Where",
    ),
    Op(
        "power", power_forward, power_backward, form="cell", flops=(0, 2), keeps="x", values="positive",
        static={"exponent": 2.5}, others=({"exponent": 3.0}, {"exponent": -0.5}), differential=_slope_of_power,
        maths=("y = xᵖ", "dx = dy p xᵖ⁻¹"), keras=KerasForm("numpy", "Power", trailing=("exponent",)),
    ),
    Op(
        "exp", exp_forward, exp_backward, form="cell", flops=(0, 1), keeps="y", values="positive",
        differential=lambda x, y: y, maths=("y = eˣ", "dx = dy y"), keras="numpy.Exp",
    ),
    Op(
        "log", log_forward, log_backward, form="cell", flops=(0, 1), keeps="x", values="positive",
        differential=lambda x, y: 1.0 / x, maths=("y = log x", "dx = dy / x"), keras="numpy.Log",
    ),
    Op(
        "log1p", log1p_forward, log1p_backward, form="cell", flops=(0, 2), keeps="x", values="positive",
        differential=lambda x, y: 1.0 / (x + 1.0), maths=("y = log(1 + x)", "dx = dy / (1 + x)"), keras="numpy.Log1p",
    ),
    Op(
        "expm1", expm1_forward, expm1_backward, form="cell", flops=(0, 2), keeps="y", values="positive",
        differential=lambda x, y: y + 1.0, maths=("y = eˣ − 1", "dx = dy (y + 1)"), keras="numpy.Expm1",
    ),
    Op(
        "sqrt", sqrt_forward, sqrt_backward, form="cell", flops=(0, 2), keeps="y", values="positive",
        differential=lambda x, y: 0.5 / y, maths=("y = √x", "dx = dy / (2 y)"), keras="numpy.Sqrt",
    ),
    Op(
        "square", square_forward, square_backward, form="cell", flops=(1, 2), keeps="x",
        differential=lambda x, y: 2.0 * x, maths=("y = x²", "dx = 2 x dy"), keras="numpy.Square",
    ),
    Op(
        "absolute", absolute_forward, absolute_backward, form="cell", keeps="x", differential="pieces",
        maths=("y = |x|", "dx = dy sign(x)"), keras="numpy.Absolute",
    ),
    Op(
        "negative", negative_forward, negative_backward, form="cell", differential="linear",
        maths=("y = −x", "dx = −dy"), keras="numpy.Negative",
    ),
    Op(
        "clip", clip_forward, clip_backward, form="cell", keeps="x", differential="pieces",
        static={"low": -0.5, "high": 0.8}, others=({"low": -0.2}, {"high": 0.3}, {"low": 0.1, "high": 0.2}),
        maths=("y = min(max(x, low), high)", "dx = dy where x lies within the bounds, 0 elsewhere"),
        keras=KerasForm("numpy", "Clip", {"x_min": "low", "x_max": "high"}),
    ),
    Op(
        "cast", cast_forward, cast_backward, differential="linear", static={"dtype": "int32"},
        kernels=(("cast",), ("cast",)), maths=("y = x as another dtype", "dx = dy as x's dtype"),
        keras=KerasForm("core", "Cast", {"dtype": "dtype"}),
    ),
)
# fmt: on
