"""From a cell of an op's result back to the op that ran: in a model's step, or an op on arrays of one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from minidl.backends import table, using
from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.lens.formulas import array_names
from minidl.lens.origins.dependence import CALLS, cells_behind, widened
from minidl.lens.recording.recording import record_batch, record_prediction, require_compiled
from minidl.observers import OpRun, run_op
from minidl.tensor import convert_to_tensor

# A receptive field holds what could count. So it is looked for with ReLUs that let a part of what is below 0 through,
# and with means in the place of maxima.
OPENED = dict.fromkeys(("relu", "relu6", "clipped_relu"), ("leaky_relu", {"negative_slope": 0.5}))
MEANS = {"max_pool2d": "average_pool2d", "reduce_max": "reduce_mean", "reduce_min": "reduce_mean"}


def op_run(op: str, arrays: tuple[Any, ...], direction: str, static: dict[str, Any]) -> OpRun:
    """Run an op of the table on NumPy and return its record; for "backward" dy is all ones."""
    given = tuple(None if a is None else np.asarray(convert_to_tensor(a)) for a in arrays)
    needed = ["forward", direction]
    if "numpy" not in table.backends(op) or None in (table.load(op, "numpy", each) for each in needed):
        raise ArgumentError(
            f"provenance: op {op!r} has no {'gradient' if direction == 'backward' else 'NumPy forward'}."
        )
    forward = run_op(op, "numpy", given, static)
    needs = tuple(a is not None and a.dtype.kind == "f" for a in given)
    return forward if direction == "forward" else forward.backward(needs=needs)


def model_runs(model: Any, x: Any, y: Any, direction: str) -> tuple[list[OpRun], np.ndarray | None]:
    """Return the ops of a forward pass, or of a training step, on NumPy, and the array of the batch that they read."""
    if direction == "backward":
        if y is None:
            raise ArgumentError("provenance: a gradient needs targets. Pass y=…, and compile the model with a loss.")
        require_compiled(model, "provenance", optimizer=False)
        with using("numpy"):
            recording = record_batch(model, x, y, "arrays")
        return [op.run for op in recording.step if op.run is not None], None
    batch = convert_to_tensor(np.asarray(convert_to_tensor(x)))
    with using("numpy"):
        return record_prediction(model, batch), batch.data


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
    fitting = [k for k in chosen if value in (None, *array_names(runs[k])[1])] or chosen
    return fitting[0 if direction == "forward" else -1]


def position_of(run: OpRun, value: str | None, index: tuple[int, ...]) -> tuple[int, str]:
    """Return (which result, its name), after checking the cell's index."""
    names = array_names(run)[1]
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
    path = [_opened(run) for run in runs[first : target + 1]]
    wide = np.asarray(x, np.float64)

    def cell(changed: np.ndarray) -> Any:
        return _replay(path, x, changed)[-1].outputs[position][index]

    return cells_behind(cell, [wide], [_nonzero_slopes(path, x, wide, position, index)], calls=CALLS)[0]


def _opened(run: OpRun) -> OpRun:
    op, static = OPENED.get(run.op, (MEANS.get(run.op, run.op), run.static))
    return replace(run, op=op, static=static, backend="numpy")


def _replay(path: list[OpRun], x: np.ndarray, changed: np.ndarray) -> list[OpRun]:
    """Run ops again, one after the other, with other values for `x`."""
    made: dict[int, Any] = {id(x): changed}  # by the id of what stood in its place
    again: list[OpRun] = []
    for run in path:
        again.append(run.again(inputs=tuple(made.get(id(a), widened(a)) for a in run.inputs)))
        made |= {id(old): new for old, new in zip(run.outputs, again[-1].outputs, strict=True)}
    return again


def _nonzero_slopes(
    path: list[OpRun], x: np.ndarray, wide: np.ndarray, position: int, index: tuple[int, ...]
) -> np.ndarray | None:
    """Cells of `x` along which the cell has a slope: they certainly count, and one walk back finds them."""
    again = _replay(path, x, wide)
    start = np.zeros(np.shape(again[-1].outputs[position]))
    start[index] = 1
    slopes: dict[int, Any] = {id(path[-1].outputs[position]): start}
    for run, replayed in zip(reversed(path), reversed(again), strict=True):
        dy = tuple(slopes.get(id(output)) for output in run.outputs)
        if all(part is None for part in dy) or run.op in table.NO_GRADIENT:
            continue
        if table.load(run.op, "numpy", "backward") is None:
            return None
        for array, gradient in zip(run.inputs, replayed.backward(dy).outputs, strict=True):
            if array is not None and gradient is not None:
                slopes[id(array)] = slopes[id(array)] + gradient if id(array) in slopes else gradient
    found = slopes.get(id(x))
    return None if found is None else np.asarray(found) != 0
