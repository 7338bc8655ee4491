"""Functions whose slope is 0 wherever they have one: comparisons, logic, rounding, whole-number arithmetic.

They share one op, because they share all that an op is: no cache, no backward, and no kernel, for what they give are
masks, counts and positions, which stay on the host.
"""

from __future__ import annotations

import numpy as np

from minidl.errors import DTypeError, ShapeError, unknown_name
from minidl.ops.common.broadcasting import broadcast_shape
from minidl.ops.common.checks import require_array, require_divisor, require_number
from minidl.ops.op import KerasForm, Op

COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
LOGIC = ("logical_and", "logical_or", "logical_xor", "logical_not")
BITS = ("bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift")
ROUNDING = ("floor", "ceil", "trunc", "round", "sign", "floor_divide")
CONSTANT = ("positive",)  # the value itself, through which no gradient flows
TESTS = ("isnan", "isinf", "isfinite")
OVER_AXES = ("all", "any", "argmin")
PRODUCT = ("matmul",)  # of whole numbers, which NumPy multiplies exactly
FUNCTIONS = frozenset((*COMPARISONS, *LOGIC, *BITS, *ROUNDING, *CONSTANT, *TESTS, *OVER_AXES, *PRODUCT))
IN_KERAS = sorted(FUNCTIONS - {"left_shift", "right_shift", "trunc", "matmul", "positive", "invert"})


def discrete_forward(
    *xs: np.ndarray, function: str, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, decimals: int = 0
) -> tuple[np.ndarray, None]:
    """Return NumPy's function of that name: of one array, or of two that broadcast. It has no gradient.

    Parameters
    ----------
    xs : one or two arrays
    function : one of FUNCTIONS
    axis, keepdims : of `all`, `any` and `argmin`
    decimals : of `round`

    Raises
    ------
    UnknownNameError : no such function
    DTypeError : the function is not defined for these dtypes
    ShapeError : the shapes do not broadcast

    >>> discrete_forward(np.array([1.0, 3.0]), np.array(2.0), function="greater")[0]
    array([False,  True])
    """
    if function not in FUNCTIONS:
        raise unknown_name("function of the op discrete", function, FUNCTIONS)
    for name, x in zip("ab", xs, strict=False):
        require_array(function, name, x)
        if function in ROUNDING:
            require_number(function, **{name: x})
    if len(xs) == 2 and function not in PRODUCT:
        broadcast_shape(function, a=xs[0], b=xs[1])
    if function == "floor_divide":
        require_divisor(function, *xs)
    options = {"axis": axis, "keepdims": keepdims} if function in OVER_AXES else {}
    try:
        y = getattr(np, function)(*xs, **options, **({"decimals": decimals} if function == "round" else {}))
    except TypeError:
        got = " and ".join(str(x.dtype) for x in xs)
        hint = (
            " & | ^ ~ << >> take whole numbers and booleans; compare first, as in `x > 0`." if function in BITS else ""
        )
        raise DTypeError(f"{function}: it is not defined for dtype {got}.{hint}") from None
    except ValueError as error:
        shapes = " and ".join(str(x.shape) for x in xs)
        raise ShapeError(f"{function}: the shapes do not fit. Got {shapes}: {error}.") from None
    return np.asarray(y), None


def _keras_form(function: str) -> KerasForm:
    """Its class has the function's name: NotEqual, Isnan; with arguments where it reduces or rounds."""
    config = {"decimals": "decimals"} if function == "round" else {}
    config = {"axis": "axis", "keepdims": "keepdims"} if function in OVER_AXES else config
    return KerasForm("numpy", function.title().replace("_", ""), config)


OP = Op(
    "discrete", discrete_forward, host_only=True, static={"function": "greater"},
    shapes=lambda n: [(n, n), (n, n)],
    maths=("y = a comparison, a rounding, logic or whole-number arithmetic",),
    keras={name: _keras_form(name) for name in IN_KERAS}
    | {"positive": KerasForm("core", "StopGradient"), "invert": KerasForm("numpy", "BitwiseInvert")},
)  # fmt: skip
