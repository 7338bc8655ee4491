"""How a kernel that is registered alone is launched: its arrays, its output's shape, the numbers it may ask for.

`PLANNERS` has one entry a kernel. A planner's `plan` gets what the ladder's host function gets, and brings it into the
simplest form that a first kernel can be written for: elementwise arrays flat, reduced axes last and rows × columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cuda_kernels import ladder
from cuda_kernels.launch import check_array
from cuda_kernels.windows import make_window
from minidl.ops.op import of_form, records

ONE, NONE = (1, 1), ((0, 0), (0, 0))


class Plan(NamedTuple):
    """One launch: the inputs as the kernel sees them, the output's shape, the numbers, and what is returned."""

    inputs: tuple[Any, ...]
    shape: tuple[int, ...]
    numbers: dict[str, Any]
    finish: Callable[[Any], Any]


class Planner(NamedTuple):
    """For one kernel: the names of its arrays (output last) and numbers, and `plan(kernel, on, *inputs, **settings)`.

    settings : what the plan takes care of, each with the numbers in which it reaches the kernel, one an axis: a kernel
        that does not ask for one of them cannot be run where it has another value than the default's
    host : the positional arguments of the ladder's host function
    """

    arrays: tuple[str, ...]
    numbers: tuple[str, ...]
    plan: Callable[..., Plan]
    settings: Mapping[str, tuple[str, ...]]
    host: tuple[str, ...]


# -- elementwise -------------------------------------------------------------------------------------------------------


def unary(kernel: str, on: str | None, x: Any, **settings: Any) -> Plan:
    """y[i] from x[i], flat."""
    check_array(kernel, "x", x)

    def finish(y: Any) -> Any:
        y = y.reshape(x.shape)
        return (y, ladder.rung("sigmoid").run(x, on=on)) if kernel == "swish" else y  # swish keeps its gate

    return Plan((x.reshape(-1),), (x.size,), _flat_numbers(x, settings), finish)


def unary_backward(kernel: str, on: str | None, dy: Any, kept: Any = None, **settings: Any) -> Plan:
    """dx[i] from dy[i] and what the forward kept, flat."""
    inputs = (dy,) if kept is None else (dy, kept)
    for a in inputs:
        check_array(kernel, "dy", a, shape=dy.shape)
    return Plan(
        tuple(a.reshape(-1) for a in inputs), (dy.size,), _flat_numbers(dy, settings), lambda dx: dx.reshape(dy.shape)
    )


def _flat_numbers(x: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """The size, and the settings as a kernel can be given them: no bound is an infinite one, a bool is 0 or 1."""
    unbounded = {"max_value": math.inf, "high": math.inf, "low": -math.inf}
    numbers = {key: unbounded[key] if value is None else value for key, value in settings.items()}
    numbers |= {key: int(value) for key, value in numbers.items() if isinstance(value, bool)}
    return {"size": x.size, "n": x.size, **numbers}


def binary(kernel: str, on: str | None, a: Any, b: Any) -> Plan:
    """y[i] from a[i] and b[i], flat; the smaller array is broadcast before."""
    import numpy as np

    shape = np.broadcast_shapes(a.shape, b.shape)
    spread = ladder.rung("broadcast_to").run
    a, b = (x if tuple(x.shape) == shape else spread(x, shape=shape, on=on) for x in (a, b))
    size = math.prod(shape)
    return Plan((a.reshape(-1), b.reshape(-1)), (size,), {"size": size, "n": size}, lambda y: y.reshape(shape))


# -- matrix products ---------------------------------------------------------------------------------------------------


def gemm(kernel: str, on: str | None, a: Any, b: Any) -> Plan:
    """c (M, N) from a (M, K), b (K, N); batched: with one more axis in front of each."""
    check_array(kernel, "a", a, ndim=3 if kernel == "batched_gemm" else 2)
    check_array(kernel, "b", b, ndim=a.ndim)
    if a.shape[-1] != b.shape[-2] or a.shape[:-2] != b.shape[:-2]:
        raise ValueError(f"{kernel}: A's columns must be as many as B's rows. Got a {a.shape}, b {b.shape}.")
    m, n, k = a.shape[-2], b.shape[-1], a.shape[-1]
    numbers = {"rows": m, "cols": n, "inner": k, "m": m, "n": n, "k": k, "batch": a.shape[0]}
    return Plan((a, b), (*a.shape[:-1], n), numbers, lambda c: c)


# -- rows --------------------------------------------------------------------------------------------------------------


def _axes_last(x: Any, axes: tuple[int, ...], on: str | None) -> tuple[Any, tuple[int, ...]]:
    """Return x with these axes moved behind the others (by the transpose kernel), and the order that did it."""
    order = (*[i for i in range(x.ndim) if i not in axes], *axes)
    return (x if order == tuple(range(x.ndim)) else ladder.rung("transpose").run(x, axes=order, on=on)), order


def softmax(kernel: str, on: str | None, x: Any, *, axis: int = -1) -> Plan:
    """y (rows, cols) from x (rows, cols): a row is one set of classes."""
    check_array(kernel, "x", x)
    return _of_rows(on, (x,), axis % x.ndim)


def softmax_backward(kernel: str, on: str | None, dy: Any, y: Any, *, axis: int = -1) -> Plan:
    """dx (rows, cols) from dy and y, both (rows, cols)."""
    return _of_rows(on, (dy, y), axis % y.ndim)


def _of_rows(on: str | None, arrays: tuple[Any, ...], axis: int) -> Plan:
    moved, order = zip(*(_axes_last(x, (axis,), on) for x in arrays), strict=True)
    cols = arrays[0].shape[axis]
    rows = arrays[0].size // cols
    back = tuple(order[0].index(i) for i in range(len(order[0])))

    def finish(y: Any) -> Any:
        y = y.reshape(moved[0].shape)
        return y if back == tuple(range(len(back))) else ladder.rung("transpose").run(y, axes=back, on=on)

    return Plan(tuple(x.reshape(rows, cols) for x in moved), (rows, cols), {"rows": rows, "cols": cols}, finish)


def reduce(kernel: str, on: str | None, x: Any, *, axes: Any = None, keepdims: bool = False) -> Plan:
    """y (rows,) from x (rows, cols): each row is reduced."""
    check_array(kernel, "x", x)
    given = range(x.ndim) if axes is None else (axes,) if isinstance(axes, int) else axes
    reduced = tuple(sorted(axis % x.ndim for axis in given))
    moved, _ = _axes_last(x, reduced, on)
    cols = math.prod(x.shape[i] for i in reduced)
    rows = x.size // cols
    kept = [1 if i in reduced else n for i, n in enumerate(x.shape) if keepdims or i not in reduced]
    return Plan((moved.reshape(rows, cols),), (rows,), {"rows": rows, "cols": cols}, lambda y: y.reshape(kept))


# -- windows -----------------------------------------------------------------------------------------------------------

POOL_NUMBERS = ("pool_h", "pool_w", "stride_h", "stride_w", "pad_top", "pad_left")
DEPTHWISE_NUMBERS = ("stride_h", "stride_w", "pad_top", "pad_left", "dilation_h", "dilation_w")
CONV_NUMBERS = (*DEPTHWISE_NUMBERS, "groups")
STRIDES, PADDING, DILATION = (
    {"strides": ("stride_h", "stride_w")}, {"padding": ("pad_top", "pad_left")},
    {"dilation": ("dilation_h", "dilation_w")},
)  # fmt: skip
POOL_SETTINGS = {"pool_size": ("pool_h", "pool_w")} | STRIDES | PADDING
DEPTHWISE_SETTINGS: Mapping[str, tuple[str, ...]] = STRIDES | PADDING | DILATION
CONV_SETTINGS: Mapping[str, tuple[str, ...]] = {**DEPTHWISE_SETTINGS, "groups": ("groups",)}


def _numbers(window: Any) -> dict[str, int]:
    names = ("pool_h", "pool_w", "stride_h", "stride_w", "dilation_h", "dilation_w", "pad_top", "pad_left")
    padding = (window.padding[0][0], window.padding[1][0])
    return dict(zip(names, (*window.taps, *window.strides, *window.dilation, *padding), strict=True))


def pool(kernel: str, on: str | None, x: Any, *, pool_size: Any = (2, 2), strides: Any = (2, 2), padding: Any = NONE
         ) -> Plan:  # fmt: skip
    """y (N, P, Q, C) from x (N, H, W, C)."""
    check_array(kernel, "x", x, ndim=4)
    window = make_window(kernel, pool_size, strides, padding)
    shape = (x.shape[0], *window.outputs(kernel, *x.shape[1:3]), x.shape[3])
    return Plan((x,), shape, _numbers(window), lambda y: y)


def pool_backward(kernel: str, on: str | None, dy: Any, x: Any, *y: Any, pool_size: Any = (2, 2),
                  strides: Any = (2, 2), padding: Any = NONE) -> Plan:  # fmt: skip
    """dx (N, H, W, C) from dy (N, P, Q, C); of the largest from x and y too, of the mean from x's shape."""
    window = make_window(kernel, pool_size, strides, padding)
    return Plan((dy, x, *y) if y else (dy,), tuple(x.shape if y else x), _numbers(window), lambda dx: dx)


def conv(kernel: str, on: str | None, x: Any, w: Any, *, strides: Any = ONE, padding: Any = NONE, dilation: Any = ONE,
         groups: int = 1) -> Plan:  # fmt: skip
    """y (N, P, Q, K) from x (N, H, W, C) and w (R, S, C / groups, K); depthwise w (R, S, C, M) gives K = C M."""
    check_array(kernel, "x", x, ndim=4)
    check_array(kernel, "w", w, ndim=4)
    window = make_window(kernel, w.shape[:2], strides, padding, dilation)
    depth = w.shape[3] * (w.shape[2] if kernel.startswith("depthwise") else 1)
    shape = (x.shape[0], *window.outputs(kernel, *x.shape[1:3]), depth)
    return Plan((x, w), shape, _numbers(window) | {"groups": groups}, lambda y: y)


def conv_backward(kernel: str, on: str | None, left: Any, right: Any, shape: Any, *, strides: Any = ONE,
                  padding: Any = NONE, dilation: Any = ONE, groups: int = 1) -> Plan:  # fmt: skip
    """dx (N, H, W, C) from dy and w; or dw (R, S, C / groups, K) from x and dy."""
    taps = shape[:2] if kernel.endswith("weights") else right.shape[:2]
    window = make_window(kernel, taps, strides, padding, dilation)
    return Plan((left, right), tuple(shape), _numbers(window) | {"groups": groups}, lambda d: d)


# -- the table ---------------------------------------------------------------------------------------------------------

SIZE = ("size", "n")
PLANNERS: dict[str, Planner] = {
    "gemm": Planner(("a", "b", "c"), ("rows", "cols", "inner", "m", "n", "k"), gemm, {}, ("a", "b")),
    "batched_gemm": Planner(
        ("a", "b", "c"), ("batch", "rows", "cols", "inner", "m", "n", "k"), gemm, {}, ("a", "b")
    ),
    "max_pool2d_backward": Planner(
        ("dy", "x", "y", "dx"), POOL_NUMBERS, pool_backward, POOL_SETTINGS, ("dy", "x", "y")
    ),
    "average_pool2d_backward": Planner(
        ("dy", "dx"), POOL_NUMBERS, pool_backward, POOL_SETTINGS, ("dy", "x_shape")
    ),
}  # fmt: skip
for _op in of_form("cell"):
    _settings = {name: (name,) for name in records()[_op].settings}
    _arrays = ("dy", "kept", "dx") if records()[_op].keeps else ("dy", "dx")
    PLANNERS[_op] = Planner(("x", "y"), (*SIZE, *_settings), unary, _settings, ("x",))
    PLANNERS[f"{_op}_backward"] = Planner(_arrays, (*SIZE, *_settings), unary_backward, _settings, ("dy", "kept"))
for _op in of_form("pair"):
    PLANNERS[_op] = Planner(("a", "b", "y"), SIZE, binary, {}, ("a", "b"))
for _op in ("softmax", "log_softmax"):
    PLANNERS[_op] = Planner(("x", "y"), ("rows", "cols"), softmax, {"axis": ()}, ("x",))
    PLANNERS[f"{_op}_backward"] = Planner(
        ("dy", "y", "dx"), ("rows", "cols"), softmax_backward, {"axis": ()}, ("dy", "y")
    )
for _op in of_form("reduction"):
    PLANNERS[_op] = Planner(("x", "y"), ("rows", "cols"), reduce, {"axes": (), "keepdims": ()}, ("x",))
for _op in ("max_pool2d", "average_pool2d"):
    PLANNERS[_op] = Planner(("x", "y"), POOL_NUMBERS, pool, POOL_SETTINGS, ("x",))
for _op, _asked, _handled in (
    ("conv2d", CONV_NUMBERS, CONV_SETTINGS), ("depthwise_conv2d", DEPTHWISE_NUMBERS, DEPTHWISE_SETTINGS),
):  # fmt: skip
    PLANNERS[_op] = Planner(("x", "w", "y"), _asked, conv, _handled, ("x", "w"))
    PLANNERS[f"{_op}_backward_data"] = Planner(
        ("dy", "w", "dx"), _asked, conv_backward, _handled, ("dy", "w", "x_shape")
    )
    PLANNERS[f"{_op}_backward_weights"] = Planner(
        ("x", "dy", "dw"), _asked, conv_backward, _handled, ("x", "dy", "w_shape")
    )
