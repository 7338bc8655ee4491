"""The host functions of the elementwise ops: one factory for each kind, which the rungs fill with their kernels.

apply(kind, function, ways, *arrays, on=) launches a rung's kernel of a kind over flat arrays, of which the last is
written:

    "unary"             y[i] = function(x[i])
    "gradient"          dx[i] = function(dy[i], kept[i])
    "binary"            y[i] = function(a, b)
    "binary_gradient"   d[i] = function(dy[i], p, q)
    "where"             y[i] = a where the condition holds, else b

ways : None where all arrays are walked side by side; else sizes, then the strides of dy or y and of each other input

    unary forward        run(x, *, out, on, **settings) -> y                  swish: -> (y, gate)
    unary backward       run(dy, kept, *, on, **settings) -> dx               kept: x or y, see functions.UNARY
    binary forward       run(a, b, *, out, on) -> y                           broadcast as in NumPy
    binary backward      run(dy, p, q, *, a_shape, b_shape, needs, on) -> (da, db)
                         p, q: None for add and subtract; (b, y) for divide; (a, b) for the others
    where                run(condition, a, b, *, out, on) -> y
    where backward       run(dy, condition, *, a_shape, b_shape, needs, on) -> (da, db)
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_kernels._cuda import FLAT, int32, uint8
from cuda_kernels.dtypes import COUNTED, MOVED, check_dtype, check_same, flat
from cuda_kernels.indexing import join_axes, stretched_strides, strides_of
from cuda_kernels.ladder import Build, Claims, Rung, rung
from cuda_kernels.launch import check_array, empty, zeros

from .functions import EXAMPLE_SETTINGS, UNARY
from .pairs import FLOATS_ONLY, PAIRS

Sizes = tuple[int, ...]


def broadcast(op: str, **shapes: Sizes) -> Sizes:
    """The shape that the shapes broadcast to; ValueError where they do not."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        got = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{op}: the shapes do not broadcast. Got {got}. Counted from the last axis, two sizes must be "
                         "equal or one of them 1.") from None


def walk(target: Sizes, *shapes: Sizes) -> tuple[Sizes, ...]:
    """Joined sizes and strides of a walk over `target` that reads arrays of these shapes, and writes row by row."""
    return join_axes(target, strides_of(target), *(stretched_strides(shape, target) for shape in shapes))


def sum_to(dy: Any, shape: Sizes, on: str | None) -> Any:
    """Sum a gradient over the axes along which an input of `shape` was stretched."""
    if tuple(dy.shape) == tuple(shape):
        return dy
    added = dy.ndim - len(shape)
    stretched = tuple(i + added for i, n in enumerate(shape) if n == 1 and dy.shape[i + added] != 1)
    axes = tuple(range(added)) + stretched
    return rung("reduce_sum").run(dy, axes=axes, on=on).reshape(shape)


def unary_forward(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of a unary forward."""
    def run(x: Any, *, out: Any = None, on: str | None = None, **settings: Any) -> Any:
        check_dtype(op, "x", x, COUNTED if UNARY[op].counts else ("float32",))
        y = empty(x.shape, x.dtype, like=x) if out is None else out
        check_array(op, "out", y, dtype=x.dtype, shape=x.shape)
        apply("unary", UNARY[op].make(**settings)[0], None, x.reshape(-1), y.reshape(-1), on=on)
        if op != "swish":
            return y
        gate = empty(x.shape, like=x)
        apply("unary", UNARY["sigmoid"].make()[0], None, x.reshape(-1), gate.reshape(-1), on=on)
        return y, gate

    run.__name__, run.__doc__ = op, f"y = {op}(x) for a float32 array of any shape. {UNARY[op].make.__doc__}"
    return run


def unary_backward(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of a unary backward."""
    def run(dy: Any, kept: Any = None, *, out: Any = None, on: str | None = None, **settings: Any) -> Any:
        name = f"{op}_backward"
        kept = dy if UNARY[op].keeps == "" else kept
        check_array(name, "dy", dy)
        check_array(name, UNARY[op].keeps or "dy", kept, shape=dy.shape)
        dx = empty(dy.shape, like=dy) if out is None else out
        check_array(name, "out", dx, shape=dy.shape)
        apply("gradient", UNARY[op].make(**settings)[1], None, dy.reshape(-1), kept.reshape(-1), dx.reshape(-1), on=on)
        return dx

    run.__name__, run.__doc__ = f"{op}_backward", f"dx from dy and the {UNARY[op].keeps or 'nothing'} kept by {op}."
    return run


def binary_forward(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of a binary forward."""
    def run(a: Any, b: Any, *, out: Any = None, on: str | None = None) -> Any:
        dtypes = ("float32",) if op in FLOATS_ONLY else COUNTED
        check_dtype(op, "a", a, dtypes)
        check_dtype(op, "b", b, dtypes)
        check_same(op, a, b)
        shape = broadcast(op, a=tuple(a.shape), b=tuple(b.shape))
        y = empty(shape, a.dtype, like=a) if out is None else out
        check_array(op, "out", y, dtype=a.dtype, shape=shape)
        apply("binary", PAIRS[op].forward, walk(shape, a.shape, b.shape), a.reshape(-1), b.reshape(-1), y.reshape(-1),
              on=on)
        return y

    kinds = "float32" if op in FLOATS_ONLY else "float32 or integers"
    run.__name__, run.__doc__ = op, f"y = {op}(a, b), {kinds}, broadcast as in NumPy."
    return run


def binary_backward(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of a binary backward."""
    def run(dy: Any, p: Any = None, q: Any = None, *, a_shape: Sizes, b_shape: Sizes,
            needs: tuple[bool, bool] = (True, True), on: str | None = None) -> tuple[Any, Any]:
        name, pair = f"{op}_backward", PAIRS[op]
        check_array(name, "dy", dy)
        p, q = (p, q) if pair.keeps else (dy, dy)
        for wanted, kept in zip(pair.keeps, (p, q), strict=False):
            check_array(name, wanted, kept)
        ways = walk(dy.shape, p.shape, q.shape)
        gradients: list[Any] = []
        for to, shape, needed in ((pair.to_a, a_shape, needs[0]), (pair.to_b, b_shape, needs[1])):
            d = dy
            if not needed:
                gradients.append(None)
                continue
            if pair.keeps or to is PAIRS["subtract"].to_b:  # otherwise the gradient is dy itself
                d = empty(dy.shape, like=dy)
                apply("binary_gradient", to, ways, dy.reshape(-1), p.reshape(-1), q.reshape(-1), d.reshape(-1), on=on)
            gradients.append(sum_to(d, tuple(shape), on))
        return gradients[0], gradients[1]

    run.__name__, run.__doc__ = f"{op}_backward", f"(da, db) of {op}, summed over the axes that were stretched."
    return run


def where_forward(apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of where."""
    def where(condition: Any, a: Any, b: Any, *, out: Any = None, on: str | None = None) -> Any:
        """Take a where the condition (bool) holds, else b; all three broadcast."""
        check_array("where", "condition", condition, dtype=np.bool_)
        check_dtype("where", "a", a, MOVED)
        check_dtype("where", "b", b, MOVED)
        check_same("where", a, b)
        shape = broadcast("where", condition=tuple(condition.shape), a=tuple(a.shape), b=tuple(b.shape))
        y = empty(shape, a.dtype, like=a) if out is None else out
        check_array("where", "out", y, dtype=a.dtype, shape=shape)
        ways = walk(shape, condition.shape, a.shape, b.shape)
        apply("where", None, ways, flat(condition), flat(a), flat(b), flat(y), on=on)
        return y

    return where


def where_backward(apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of where's backward: dy where the condition picks an input, 0 elsewhere."""
    def where_backward(dy: Any, condition: Any, *, a_shape: Sizes, b_shape: Sizes,
                       needs: tuple[bool, bool] = (True, True), on: str | None = None) -> tuple[Any, Any]:
        """(da, db), summed over the axes that were stretched."""
        check_array("where_backward", "dy", dy)
        check_array("where_backward", "condition", condition, dtype=np.bool_)
        nothing = zeros((1,), like=dy)
        # The gradient of a is where(condition, dy, 0), that of b where(condition, 0, dy).
        to_a, to_b = walk(dy.shape, condition.shape, dy.shape, ()), walk(dy.shape, condition.shape, (), dy.shape)
        mask, row = flat(condition), dy.reshape(-1)
        gradients: list[Any] = []
        for ways, a, b, shape, needed in ((to_a, row, nothing, a_shape, needs[0]),
                                          (to_b, nothing, row, b_shape, needs[1])):
            if not needed:
                gradients.append(None)
                continue
            d = empty(dy.shape, like=dy)
            apply("where", None, ways, mask, a, b, d.reshape(-1), on=on)
            gradients.append(sum_to(d, tuple(shape), on))
        return gradients[0], gradients[1]

    return where_backward


def cast_of(apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of cast; apply(x, y, on) launches over flat arrays."""
    def cast(x: Any, *, dtype: Any, out: Any = None, on: str | None = None) -> Any:
        """`x` as another dtype, a copy. dtype: float32, int32, int64, uint8 or bool. Its backward is a cast back.

        A float becomes an integer by cutting off its fraction, and a bool by asking whether it is 0. float64 is left
        out: it has no place in these kernels.
        """
        target = np.dtype(dtype)
        check_array("cast", "x", x, dtype=None)
        for name, kind in (("x", np.dtype(x.dtype)), ("dtype", target)):
            if kind.name not in MOVED:
                raise TypeError(f"cast: {name} must be one of {', '.join(MOVED)}. Got {kind}.")
        y = empty(x.shape, target, like=x) if out is None else out
        check_array("cast", "out", y, dtype=target, shape=x.shape)
        apply(flat(x), flat(y), y.dtype, on)
        return y

    return cast


def rungs_of(name: str, change: str, apply: Callable[..., None], kernel_of: Callable[..., Any], claims: Claims,
             row: int, where: Any, integers: bool = False) -> tuple[Rung, ...]:
    """A rung of each of these ops.

    kernel_of(kind, function, ways) : the kernel, which the compile gate builds for a matrix with `row` columns and a
        bias; and with `integers` for these, too
    where : the kernel of that kind to build
    """
    bias = walk((8, row), (8, row), (row,))

    def one(op: str, run: Any, kind: str, function: Any, ways: Any, *more: Build) -> Rung:
        arrays = {"unary": 2, "gradient": 3, "binary": 3, "binary_gradient": 4}[kind]
        kernel = kernel_of(kind, function, ways)
        return Rung(op, name, change, run, (Build(kernel, (FLAT,) * arrays + (int32,), claims), *more))

    rungs: list[Rung] = []
    for op, unary in UNARY.items():
        forward, gradient = unary.make(**EXAMPLE_SETTINGS.get(op, {}))
        rungs += (one(op, unary_forward(op, apply), "unary", forward, None),
                  one(f"{op}_backward", unary_backward(op, apply), "gradient", gradient, None))
    for op, pair in PAIRS.items():
        more = (Build(kernel_of("binary", pair.forward, bias), (int32[::1],) * 3 + (int32,), claims, label="int32"),)
        rungs += (one(op, binary_forward(op, apply), "binary", pair.forward, bias,
                      *(more if integers and op not in FLOATS_ONLY else ())),
                  one(f"{op}_backward", binary_backward(op, apply), "binary_gradient", pair.to_b, bias))
    built = (Build(where, (uint8[::1], FLAT, FLAT, FLAT, int32), claims),)
    return (*rungs, Rung("where", name, change, where_forward(apply), built),
            Rung("where_backward", name, change, where_backward(apply), built))
