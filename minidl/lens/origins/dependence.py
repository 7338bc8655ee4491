"""Which input cells a result depends on, by the op's definition: found by changing them, which works for any op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minidl.backends import table
from minidl.backends.devices.arrays import mapped, on_host
from minidl.lens.formulas import array_names, host_backend
from minidl.observers import OpRun
from minidl.ops.op import of_form

CALLS = 3000
LINEAR_IN_EACH = frozenset(of_form("product", "convolution"))  # of their first two inputs


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


def widened(value: Any) -> Any:
    """Return float32 arrays, and those in tuples and caches, as float64 on the host; the rest as it is."""

    def wide(array: Any) -> Any:
        is_float32 = isinstance(array, np.ndarray) and array.dtype == np.float32
        return np.asarray(array, np.float64) if is_float32 else array

    return mapped(on_host(value, "lens"), wide)


def named_arrays(run: OpRun) -> dict[str, Any]:
    """Return the arrays that an op works on, by name: of a backward dy and those of its cache; wherever they are."""
    named = dict(zip(array_names(run)[0], run.inputs, strict=True))
    if run.direction == "backward":
        fields = getattr(run.cache, "_fields", None)
        named |= {"cache": run.cache} if fields is None else dict(zip(fields, run.cache, strict=True))
    return {name: a for name, a in named.items() if hasattr(a, "dtype") and hasattr(a, "shape")}


def behind_by_definition(run: OpRun, position: int, index: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return, for each array of an op's NumPy definition, the mask of cells that one cell of a result depends on.

    A product with an input that happens to be 0 depends on its other factor all the same: zeros of the inputs are
    replaced first (and of what a product or a convolution keeps).

    run : the op as it ran; position : which result; index : its cell
    """
    run = replace(_without_zeros(run), backend=host_backend(run.op))
    names, values = list(named_arrays(run)), [widened(a) for a in named_arrays(run).values()]

    def cell(*arrays: np.ndarray) -> Any:
        return _with(run, dict(zip(names, arrays, strict=True))).again().outputs[position][index]

    find = _by_gradient if run.direction == "forward" else _by_bilinearity
    known = find(run, position, index)
    masks = cells_behind(cell, values, [known.get(name) for name in names])
    return {name: mask for name, mask in zip(names, masks, strict=True) if mask is not None}


def _without_zeros(run: OpRun) -> OpRun:
    """The op on inputs in float64 of which none is exactly 0."""
    rng = np.random.default_rng(1)

    def filled(value: Any) -> Any:
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            return value
        small = 1e-3 * (float(np.abs(value).max(initial=0.0)) or 1.0)
        return np.where(value == 0, small * rng.uniform(1, 2, value.shape), value)

    inputs, cache = widened((tuple(run.inputs), run.cache))
    linear = run.op in LINEAR_IN_EACH
    return replace(run, inputs=mapped(inputs, filled), cache=mapped(cache, filled) if linear else cache)


def _with(run: OpRun, named: dict[str, np.ndarray]) -> OpRun:
    """The op with other arrays in the place of its own, by the names of `named_arrays`."""
    inputs = tuple(named.get(name, a) for name, a in zip(array_names(run)[0], run.inputs, strict=True))
    cache = run.cache
    if hasattr(cache, "_fields"):
        cache = cache._replace(**{name: a for name, a in named.items() if name in cache._fields})
    return replace(run, inputs=inputs, cache=named.get("cache", cache))


def _by_gradient(run: OpRun, position: int, index: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Cells whose gradient is not zero count: one backward finds most of them."""
    if run.op in table.NO_GRADIENT or None in (table.load(run.op, run.backend, d) for d in table.DIRECTIONS):
        return {}
    forward = run.again()
    one = tuple(np.zeros(np.shape(y), np.asarray(y).dtype) for y in forward.outputs)
    one[position][index] = 1
    gradients = forward.backward(one).outputs
    names = array_names(run)[0]
    return {name: np.asarray(g) != 0 for name, g in zip(names, gradients, strict=True) if g is not None}


def _by_bilinearity(run: OpRun, position: int, index: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Cells behind a gradient of a product or convolution y = f(x, w), which is linear in x and in w.

    A cell of dw is the slope of sum(dy f(x, w)), so it is sum(dy f(x, e)) with e = 1 in that cell and 0 elsewhere: it
    depends on dy where f(x, e) is not 0, and on x where the gradient of that sum is not 0. Likewise for dx.
    """
    operands = getattr(run.cache, "_fields", ())[:2]
    if run.op not in LINEAR_IN_EACH or position > 1 or len(operands) < 2:
        return {}
    given = [np.asarray(getattr(run.cache, name)) for name in operands]
    given[position] = np.zeros(given[position].shape)
    given[position][index] = 1
    forward = replace(run, direction="forward").again(inputs=tuple(given))
    other = forward.backward(run.inputs).outputs[1 - position]
    return {"dy": np.asarray(forward.outputs[0]) != 0, operands[1 - position]: np.asarray(other) != 0}
