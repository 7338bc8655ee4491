"""Where a cell comes from: the input cells behind it, the thread that made it, and what that thread really read.

>>> import numpy as np
>>> from minidl import lens
>>> x, w = np.random.default_rng(0).normal(size=(2, 1, 6, 6, 1)).astype("float32"), np.ones((3, 3, 1, 2), "float32")
>>> found = lens.provenance("conv2d", x[0], w, None, index=(0, 2, 1, 0))
>>> np.argwhere(found.definition["x"]).min(axis=0).tolist(), np.argwhere(found.definition["x"]).max(axis=0).tolist()
([0, 2, 1, 0], [0, 4, 3, 0])
>>> bool((found.used["x"] == found.definition["x"]).all())
True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backends.devices.arrays import device_name, on_host
from minidl.errors import ArgumentError, BackendError
from minidl.lens.origins.dependence import behind_by_definition, named_arrays
from minidl.lens.origins.model import find_run, model_runs, op_run, position_of, receptive_field
from minidl.lens.origins.rerun import Rerun
from minidl.observers import OpRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cuda_kernels.simt import Owner


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where one cell of an op's result comes from.

    op, layer, direction, value, index, number : the cell and what it holds
    arrays : the op's inputs by name ("x", "w"; of a gradient "dy" and what the forward kept), and `result` its result
    definition : for each of them, which cells the op's definition says are behind this one (bool arrays)
    used : which cells really entered the value on the machine, through shared memory and other kernels too
    reads : which cells the thread itself read; more than `used` where it fetched for its neighbours, less where they
        fetched for it
    kernel, grid, block : of the launch that wrote the cell; kernels : all launches that the value passed through, the
        last first; owners : the threads that wrote it (several for atomics)
    image, receptive : the model's input batch and which of its cells lead here through all layers, or None
    """

    op: str
    layer: str
    direction: str
    value: str
    index: tuple[int, ...]
    number: float
    arrays: dict[str, np.ndarray] = field(repr=False)
    result: np.ndarray = field(repr=False)
    definition: dict[str, np.ndarray] = field(repr=False)
    used: dict[str, np.ndarray] = field(repr=False)
    reads: dict[str, np.ndarray] = field(repr=False)
    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    kernels: tuple[str, ...]
    owners: tuple[Owner, ...]
    image: np.ndarray | None = field(default=None, repr=False)
    receptive: np.ndarray | None = field(default=None, repr=False)

    def __str__(self) -> str:
        where = f", layer {self.layer!r}" if self.layer else ""
        lines = [f"{self.value}{list(self.index)} = {self.number:.6g}, {self.op} {self.direction}{where}"]
        for name, mask in self.definition.items():
            if mask.any():
                used = f", {int(self.used[name].sum())} reached it, {int(self.reads[name].sum())} read by its thread"
                lines.append(f"  {name} {mask.shape}: {_box(mask)}, {int(mask.sum())} cells by definition{used}")
        if self.receptive is not None:
            lines.append(f"  image {self.receptive.shape}: {_box(self.receptive)}, {int(self.receptive.sum())} cells")
        lines.append(f"  kernel {' < '.join(self.kernels)}, grid {self.grid}, block {self.block}")
        lines += [f"  {owner}" for owner in self.owners[:3]]
        if len(self.owners) > 3:
            lines.append(f"  and {len(self.owners) - 3} more threads")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from markupsafe import Markup

        return str(Markup("<pre>{}</pre>").format(str(self)))

    def plot(self) -> Figure:
        """Return a picture: the cells behind this one, what its thread read, and the thread in its block and grid."""
        from minidl.lens.origins.picture import draw

        return draw(self)


def provenance(
    what: Any, *arrays: Any, index: tuple[int, ...], layer: str | None = None, op: str | None = None,
    direction: str = "forward", value: str | None = None, y: Any = None, backend: str = "simt", **static: Any,
) -> Provenance:  # fmt: skip
    """Return where one cell comes from, by the op's definition and as a kernel really computed it.

    Parameters
    ----------
    what : a model, with its input batch as the only array; or the name of an op ("conv2d"), with its input arrays and
        its settings as keywords (strides=(2, 2), …)
    index : the cell of the result
    layer : (models) the layer's name; op : which of its ops, by default its first ("conv2d", not "relu")
    direction : "forward", or "backward" for a cell of a gradient (of a model this needs `y`)
    value : which result: "y", "dx", "dw", "db"; by default the first
    y : targets, for a gradient in a model
    backend : "simt", or a rung, "simt:r1"

    Returns
    -------
    Provenance, with `plot()`. `definition` is found by changing the inputs, so it holds for any op.

    Raises
    ------
    UnknownNameError : no such layer or value; ShapeError : the index is not in the result; BackendError : no kernel ran
    """
    if direction not in ("forward", "backward"):
        raise ArgumentError(f"provenance: direction must be 'forward' or 'backward'. Got {direction!r}.")
    if device_name(backend) != "simt":
        raise BackendError(
            f"provenance: the backend must be 'simt' or a rung of it, which sees threads. Got {backend!r}."
        )
    index = tuple(int(i) for i in index)
    if isinstance(what, str):
        run = op_run(what, arrays, direction, static)
        position, name = position_of(run, value, index)
        return _trace(run, backend, position, name, index, None, None)
    if len(arrays) != 1:
        raise ArgumentError(f"provenance: a model takes one batch of inputs, x. Got {len(arrays)} arrays.")
    runs, x = model_runs(what, arrays[0], y, direction)
    target = find_run(runs, layer, op, direction, value)
    position, name = position_of(runs[target], value, index)
    field_of = receptive_field(runs, target, position, index, x)
    return _trace(runs[target], backend, position, name, index, x, field_of)


def _trace(
    run: OpRun, backend: str, position: int, name: str, index: tuple[int, ...], image: Any, receptive: Any
) -> Provenance:
    """Run the op on the machine, and put what it shows beside what the definition says."""
    again = Rerun(run, backend)
    result = again.outputs[position]
    number, writers = again.writers(result, index) if result is not None else (-1, ())
    if not writers:
        raise BackendError(f"provenance: no kernel wrote {name} of {run.op} {run.direction} on {backend!r}.")
    readings, passed = again.readings(result, index)
    launched = again.launched[number]
    arrays = {key: on_host(a, "lens") for key, a in named_arrays(run).items() if a.size}
    masks = [{key: np.zeros(a.shape, bool) for key, a in arrays.items()} for _ in range(2)]
    used, reads = masks
    for reading in readings:
        if reading.array in used:
            used[reading.array][reading.index] = True
    owners = again.owners[number]
    for owner in writers:
        for parameter, cells in owners.reads_of(owner.block, owner.thread).items():
            for cell in cells:
                own = again.input_cell(owners.array_at(parameter), cell)
                if own is not None:
                    reads[own[0]][own[1]] = True
    definition = {key: mask for key, mask in behind_by_definition(run, position, index).items() if key in arrays}
    values = np.asarray(on_host(run.outputs[position], "lens"))
    return Provenance(
        run.op, run.layer, run.direction, name, index, float(values[index]), arrays, values, definition, used, reads,
        launched.name, _three(launched.grid), _three(launched.block),
        tuple(again.launched[n].name for n in passed), tuple(writers), image, receptive,
    )  # fmt: skip


def _three(extent: tuple[int, ...]) -> tuple[int, int, int]:
    x, y, z = (*extent, 1, 1)[:3]
    return x, y, z


def _box(mask: np.ndarray) -> str:
    """The smallest box around the True cells, as slices.

    >>> _box(np.array([[False, True, True], [False, True, False]]))
    '[0:2, 1:3]'
    """
    cells = np.argwhere(mask)
    if not cells.size:
        return "none"
    low, high = cells.min(axis=0), cells.max(axis=0)
    return "[" + ", ".join(str(a) if a == b else f"{a}:{b + 1}" for a, b in zip(low, high, strict=True)) + "]"
