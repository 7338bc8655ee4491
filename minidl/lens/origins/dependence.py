"""Which input cells a result depends on, by the op's definition: found by changing them, which works for any op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backends import table
from minidl.backends.devices.arrays import on_host
from minidl.lens.comparing.tolerances import CONVOLUTIONS, PRODUCTS, widened
from minidl.observers import OpRun
from minidl.tape import takes_needs

CALLS = 3000


def cells_behind(
    function: Callable[..., Any],
    arrays: Sequence[np.ndarray | None],
    known: Sequence[np.ndarray | None] | None = None,
    calls: int = CALLS,
) -> list[np.ndarray | None]:
    """Return, for each float array, a mask of the cells that the number `function(*arrays)` depends on.

    Half of the cells are changed at a time; where the number stays as it was, none of them is behind it, and the half
    is done with. So n cells of which d count take about 2 d log2(n / d) calls.

    Parameters
    ----------
    function : of as many arrays, returns one number
    arrays : float64 arrays; others (labels, None) are passed through, and their mask is None
    known : masks of cells that are known to count already
    calls : so many sets of cells are looked into; a set that is left then counts as a whole if any of it does

    >>> masks = cells_behind(lambda x: x[1] * x[2] + x[4], [np.arange(6.0)])
    >>> np.flatnonzero(masks[0])
    array([1, 2, 4])
    """
    base, rng = function(*arrays), np.random.default_rng(0)
    found: list[np.ndarray | None] = []
    left = calls
    for position, array in enumerate(arrays):
        if array is None or array.dtype.kind != "f":
            found.append(None)
            continue
        mask = np.zeros(array.size, bool)
        sure = None if known is None else known[position]
        if sure is not None:
            mask |= sure.ravel()
        big = 10 * float(np.max(np.abs(array), initial=0.0)) + 1
        step = big * rng.uniform(1, 2, array.size)
        waiting = [np.flatnonzero(~mask)]
        while waiting:
            cells = waiting.pop()
            if not cells.size:
                continue
            left -= 1
            if not _changes(function, arrays, position, cells, step, base):
                continue
            if cells.size == 1 or left <= 0:
                mask[cells] = True
            else:
                waiting += np.array_split(cells, 2)
        found.append(mask.reshape(array.shape))
    return found


def _changes(
    function: Callable[..., Any], arrays: Sequence[Any], position: int, cells: np.ndarray, step: np.ndarray, base: Any
) -> bool:
    """Whether the number changes when these cells grow, shrink, or do either at random."""
    either = np.where(np.random.default_rng(cells.size).random(cells.size) < 0.5, -1.0, 1.0)
    for signs in (1.0, -1.0, either, -either) if cells.size > 1 else (1.0, -1.0):
        changed = arrays[position].copy()
        changed.reshape(-1)[cells] += signs * step[cells]
        with np.errstate(all="ignore"):
            value = function(*(changed if k == position else a for k, a in enumerate(arrays)))
        if not (value == base or (np.isnan(value) and np.isnan(base))):
            return True
    return False


def named_arrays(run: OpRun, inputs: tuple[Any, ...], cache: Any) -> dict[str, Any]:
    """Return the arrays that an op works on, by name: of a backward dy and those of its cache; wherever they are."""
    from minidl.lens.comparing.sides import input_names

    if run.direction == "forward":
        names = input_names(run.op)
        named = {names[k] if k < len(names) else f"input {k}": a for k, a in enumerate(inputs)}
    else:
        many = len(inputs) > 1
        named = {f"dy{k}" if many else "dy": a for k, a in enumerate(inputs)}
        fields = getattr(cache, "_fields", None)
        if fields is not None:
            named |= dict(zip(fields, cache, strict=True))
        else:
            named["cache"] = cache
    return {name: a for name, a in named.items() if hasattr(a, "dtype") and hasattr(a, "shape")}


def op_arrays(run: OpRun) -> dict[str, np.ndarray]:
    """Return the arrays that an op works on, by name, on the host."""
    return {name: on_host(a, "lens") for name, a in named_arrays(run, tuple(run.inputs), run.cache).items()}


def behind_by_definition(run: OpRun, position: int, index: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return, for each array of an op's NumPy definition, the mask of cells that one cell of a result depends on.

    A product with an input that happens to be 0 depends on its other factor all the same: zeros of the inputs are
    replaced first (and of what a product or a convolution keeps).

    run : the op as it ran; position : which result; index : its cell
    """
    run = _without_zeros(run)
    named = op_arrays(run)
    function = table.load(run.op, "numpy" if "numpy" in table.backends(run.op) else run.backend, run.direction)
    assert function is not None
    names, values = list(named), [widened(a) for a in named.values()]

    def cell(*arrays: np.ndarray) -> Any:
        return _call(function, run, dict(zip(names, arrays, strict=True)))[position][index]

    find = _by_gradient if run.direction == "forward" else _by_bilinearity
    masks = cells_behind(cell, values, find(run, position, index, names))
    return {name: mask for name, mask in zip(names, masks, strict=True) if mask is not None}


def _without_zeros(run: OpRun) -> OpRun:
    """The op on inputs in float64 of which none is exactly 0."""
    rng = np.random.default_rng(1)

    def filled(value: Any) -> Any:
        if isinstance(value, tuple):
            parts = [filled(part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            return value
        small = 1e-3 * (float(np.abs(value).max(initial=0.0)) or 1.0)
        return np.where(value == 0, small * rng.uniform(1, 2, value.shape), value)

    inputs, cache = widened(on_host((tuple(run.inputs), run.cache), "lens"))
    linear = run.op in (*PRODUCTS, *CONVOLUTIONS)
    return OpRun(
        run.op, run.direction, run.layer, run.backend, run.why, filled(inputs), run.outputs, run.static,
        filled(cache) if linear else cache, run.needs, 0.0, 0.0, 0.0,
    )  # fmt: skip


def _call(function: Any, run: OpRun, named: dict[str, np.ndarray]) -> tuple[Any, ...]:
    """Run the op on other arrays."""
    given = list(named.values())
    if run.direction == "forward":
        taken = iter(given)
        result = function(*(next(taken) if isinstance(_host(a), np.ndarray) else a for a in run.inputs), **run.static)[
            0
        ]
        return result if isinstance(result, tuple) else (result,)
    cache = on_host(run.cache, "lens")
    if hasattr(cache, "_fields"):
        cache = widened(cache)._replace(**{k: v for k, v in named.items() if k in cache._fields})
    elif isinstance(cache, np.ndarray):
        cache = named["cache"]
    many = len(run.inputs) > 1
    dy = tuple(named.get(f"dy{k}" if many else "dy") for k in range(len(run.inputs)))
    keywords = {"needs": run.needs} if takes_needs(function) else {}
    return function(dy if many else dy[0], cache, **keywords)


def _host(array: Any) -> Any:
    return on_host(array, "lens")


def _by_gradient(run: OpRun, position: int, index: tuple[int, ...], names: list[str]) -> list[np.ndarray | None] | None:
    """Cells whose gradient is not zero count: one backward finds most of them."""
    backward = table.load(run.op, "numpy", "backward") if run.op not in table.NO_GRADIENT else None
    forward = table.load(run.op, "numpy", "forward")
    if backward is None or forward is None:
        return None
    inputs = [widened(a) for a in on_host(tuple(run.inputs), "lens")]
    y, cache = forward(*inputs, **run.static)
    parts = y if isinstance(y, tuple) else (y,)
    one = [np.zeros(part.shape, part.dtype) for part in parts]
    one[position][index] = 1
    gradients = backward(tuple(one) if isinstance(y, tuple) else one[0], cache)
    found = [g for g, a in zip(gradients, inputs, strict=True) if isinstance(a, np.ndarray)]
    return [None if g is None else np.asarray(g) != 0 for g in found]


def _by_bilinearity(
    run: OpRun, position: int, index: tuple[int, ...], names: list[str]
) -> list[np.ndarray | None] | None:
    """Cells behind a gradient of a product or convolution y = f(x, w), which is linear in x and in w.

    A cell of dw is the slope of sum(dy f(x, w)), so it is sum(dy f(x, e)) with e = 1 in that cell and 0 elsewhere: it
    depends on dy where f(x, e) is not 0, and on x where the gradient of that sum is not 0. Likewise for dx.
    """
    cache = run.cache
    operands = getattr(cache, "_fields", ())[:2]
    if run.op not in (*PRODUCTS, *CONVOLUTIONS) or position > 1 or len(operands) < 2:
        return None
    forward = table.load(run.op, "numpy", "forward")
    backward = table.load(run.op, "numpy", "backward")
    assert forward is not None and backward is not None
    given = [np.asarray(getattr(cache, name)) for name in operands]
    given[position] = np.zeros(given[position].shape)
    given[position][index] = 1
    y, kept = forward(*given, **run.static)
    other = backward(run.inputs[0], kept)[1 - position]
    known = {"dy": np.asarray(y) != 0, operands[1 - position]: np.asarray(other) != 0}
    return [known.get(name) for name in names]
