"""From a cell of an op's result back to the op that ran: in a model's step, or an op on arrays of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends import table
from minidl.backends.devices.arrays import on_host
from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.lens.comparing.sides import prepare, run_side, selected, value_names
from minidl.lens.comparing.tolerances import widened
from minidl.lens.origins.dependence import CALLS, cells_behind
from minidl.lens.recording.preserved import ensure_built, preserved
from minidl.observers import OpRun, observing
from minidl.tape import no_grad, takes_needs
from minidl.tensor import convert_to_tensor

# A receptive field holds what could count. So it is looked for with ReLUs that let a part of what is below 0 through,
# and with means in the place of maxima.
OPENED, LEAK = ("relu", "relu6", "clipped_relu"), 0.5
MEANS = {"max_pool2d": "average_pool2d", "reduce_max": "reduce_mean", "reduce_min": "reduce_mean"}


def op_run(op: str, arrays: tuple[Any, ...], direction: str, static: dict[str, Any]) -> OpRun:
    """Run an op of the table on NumPy and return its record; for "backward" dy is all ones."""
    given = tuple(None if a is None else np.asarray(convert_to_tensor(a)) for a in arrays)
    forward = table.load(op, "numpy", "forward")
    if forward is None:
        raise ArgumentError(f"provenance: op {op!r} has no NumPy forward.")
    y, cache = forward(*given, **static)
    outputs = y if isinstance(y, tuple) else (y,)
    if direction == "forward":
        return OpRun(op, direction, "", "numpy", "", given, outputs, static, cache, (), 0.0, 0.0, 0.0)
    backward = table.load(op, "numpy", "backward")
    if backward is None:
        raise ArgumentError(f"provenance: op {op!r} has no gradient.")
    dy = tuple(np.ones_like(part) for part in outputs)
    needs = tuple(a is not None and a.dtype.kind == "f" for a in given)
    keywords = {"needs": needs} if takes_needs(backward) else {}
    gradients = tuple(backward(dy if isinstance(y, tuple) else dy[0], cache, **keywords))
    return OpRun(op, direction, "", "numpy", "", dy, gradients, static, cache, needs, 0.0, 0.0, 0.0)


def model_runs(model: Any, x: Any, y: Any, direction: str) -> tuple[list[OpRun], np.ndarray | None]:
    """Return the ops of a forward pass, or of a training step, on NumPy, and the array of the batch that they read."""
    if direction == "backward":
        if y is None:
            raise ArgumentError("provenance: a gradient needs targets. Pass y=…, and compile the model with a loss.")
        batch = prepare(model, x)
        return run_side(model, batch, y, "numpy").runs, None
    batch = convert_to_tensor(np.asarray(convert_to_tensor(x)))
    ensure_built(model, batch)
    with preserved(model), no_grad(), selected("numpy"), observing() as runs:
        model(batch, training=False)
    return list(runs), batch.data


def find_run(runs: list[OpRun], layer: str | None, op: str | None, direction: str, value: str | None) -> int:
    """Return the number of a layer's first op that has such a value; of a backward the last to run, the same op."""
    chosen = [
        k
        for k, run in enumerate(runs)
        if run.direction == direction
        and (op is None or run.op == op)
        and (layer is None or layer in (run.layer, run.layer.split("/")[-1]))
        and not run.op.endswith("_update")
    ]
    if not chosen:
        names = list(dict.fromkeys(run.layer for run in runs if run.layer and run.direction == direction))
        if layer is not None and layer not in {name for n in names for name in (n, n.split("/")[-1])}:
            raise unknown_name("layer", layer, names)
        raise ArgumentError(f"provenance: layer {layer!r} ran no {direction} of {op!r}.")
    fitting = [k for k in chosen if value in (None, *value_names(runs[k], len(runs[k].outputs)))] or chosen
    return fitting[0 if direction == "forward" else -1]


def position_of(run: OpRun, value: str | None, index: tuple[int, ...]) -> tuple[int, str]:
    """Return (which result, its name), after checking the cell's index."""
    names = value_names(run, len(run.outputs))
    there = [name for name, a in zip(names, run.outputs, strict=True) if a is not None]
    name = value or there[0]
    if name not in there:
        raise unknown_name(f"value of {run.op} {run.direction}", name, there)
    shape = tuple(run.outputs[names.index(name)].shape)
    if len(index) != len(shape) or any(not 0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise ShapeError(f"provenance: {name} of {run.op} has shape {shape}. Got index {index}.")
    return names.index(name), name


def receptive_field(
    runs: list[OpRun], target: int, position: int, index: tuple[int, ...], x: np.ndarray | None
) -> np.ndarray | None:
    """Return which cells of the batch a forward cell depends on through all ops before it; None where none leads there.

    The ops run again, in float64, on changed batches: see `dependence.cells_behind`. All that could count does: a unit
    of a ReLU that is off just now, and the losers of a maximum.
    """
    first = next((k for k, run in enumerate(runs) if any(a is x for a in run.inputs)), None)
    if x is None or x.dtype.kind != "f" or first is None or first >= target:
        return None

    path = runs[first : target + 1]

    def cell(changed: np.ndarray) -> Any:
        return _replay(path, x, changed)[id(path[-1].outputs[position])][index]

    wide = np.asarray(x, np.float64)
    return cells_behind(cell, [wide], [_nonzero_slopes(path, x, wide, position, index)], calls=CALLS)[0]


def _replay(path: list[OpRun], x: np.ndarray, changed: np.ndarray, caches: dict[int, Any] | None = None) -> Any:
    """Run ops again with other values for `x`; returns id of each first result -> the new one."""
    made: dict[int, Any] = {id(x): changed}
    for number, run in enumerate(path):
        given: list[Any] = [None if a is None else made.get(id(a), widened(on_host(a, "lens"))) for a in run.inputs]
        if run.op in OPENED:
            result: Any = np.where(given[0] > 0, given[0], LEAK * given[0])
            cache: Any = given[0]
        else:
            function = table.load(MEANS.get(run.op, run.op), "numpy", "forward")
            assert function is not None
            result, cache = function(*given, **run.static)
        if caches is not None:
            caches[number] = cache
        parts = result if isinstance(result, tuple) else (result,)
        made.update({id(old): new for old, new in zip(run.outputs, parts, strict=True)})
    return made


def _nonzero_slopes(
    path: list[OpRun], x: np.ndarray, wide: np.ndarray, position: int, index: tuple[int, ...]
) -> np.ndarray | None:
    """Cells of `x` along which the cell has a slope: they certainly count, and one walk back finds them."""
    caches: dict[int, Any] = {}
    made = _replay(path, x, wide, caches)
    start = np.zeros(np.shape(made[id(path[-1].outputs[position])]))
    start[index] = 1
    slopes: dict[int, Any] = {id(path[-1].outputs[position]): start}
    for number in range(len(path) - 1, -1, -1):
        run = path[number]
        dy = tuple(slopes.get(id(output)) for output in run.outputs)
        if all(part is None for part in dy) or run.op in table.NO_GRADIENT:
            continue
        if run.op in OPENED:
            gradients: tuple[Any, ...] = (np.asarray(dy[0]) * np.where(caches[number] > 0, 1.0, LEAK),)
        else:
            function = table.load(MEANS.get(run.op, run.op), "numpy", "backward")
            if function is None:
                return None
            gradients = function(dy[0] if len(dy) == 1 else dy, caches[number])
        for array, gradient in zip(run.inputs, gradients, strict=True):
            if array is not None and gradient is not None:
                slopes[id(array)] = slopes[id(array)] + gradient if id(array) in slopes else gradient
    found = slopes.get(id(x))
    return None if found is None else np.asarray(found) != 0
