"""Which thread of which block computes which element of a result: a launch on the SIMT machine, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import ListedColormap

from cuda_kernels.launch import Launched, launches, simt_options
from cuda_kernels.simt.report.text import launch_line, plural
from minidl.backends import using
from minidl.backends.devices.arrays import HostedArray
from minidl.errors import ArgumentError, DataError
from minidl.lens.figures import INK, edges, new_figure, whole_numbers
from minidl.tape import apply, no_grad
from minidl.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST = 4096  # elements whose owners are looked up
ROW = 32  # elements of a vector drawn in one row
TINTS = ("#cfe3f7", "#f9dcc4", "#d8f0d2", "#eadcf4", "#f6efc2", "#d9d9d9", "#f4d5dc", "#cfeeec")  # neighbours differ
Triple = tuple[int, int, int]


def launched(
    look: str, op: str, shapes: Sequence[Any], backend: str, static: dict[str, Any], **options: Any
) -> tuple[list[Launched], Tensor]:
    """Run an op's forward on random numbers on the SIMT machine; return its launches and its first result.

    options : those of `simt_options`

    Raises
    ------
    ArgumentError : another backend, in the name of a look
    """
    if not backend.startswith("simt"):
        raise ArgumentError(
            f"{look}: backend must be 'simt' or 'simt:rung', which sees what threads do. Got {backend!r}."
        )
    generator = np.random.default_rng(0)
    inputs = [None if s is None else Tensor(generator.standard_normal(s).astype(np.float32)) for s in shapes]
    with using(**{op: backend}), no_grad(), simt_options(**options), launches() as found:
        result = apply(op, *inputs, **static)
    return found, result[0] if isinstance(result, tuple) else result


def launch_owners(op: str, shapes: Sequence[Any], backend: str = "simt", **static: Any) -> tuple[Launched, np.ndarray]:
    """Run an op's forward on the SIMT machine; return the launch that wrote its result, and who wrote each element.

    op, shapes, backend, static : as for `plot_launch`
    Returns the launch, and integers of the result's shape with two axes of 3 more: [..., 0, :] is the block (x, y, z)
    and [..., 1, :] the thread; -1 where that launch wrote nothing.

    >>> launch, owners = launch_owners("negative", [(2, 3)])
    >>> owners.shape, owners[0, 1].tolist()
    ((2, 3, 2, 3), [[0, 0, 0], [0, 0, 0]])
    """
    found, first = launched("plot_launch", op, shapes, backend, static, owners=True)
    if not isinstance(first.data, HostedArray):
        raise ArgumentError(f"plot_launch: {op!r} launched no kernel for these shapes: it only moves values.")
    memory = first.data.memory
    if memory.size > LARGEST:
        raise ArgumentError(
            f"plot_launch: the result may have {LARGEST:,} elements. Got {memory.shape}, {memory.size:,}: "
            "take smaller shapes, the pattern is the same."
        )
    writing = [one for one in found if one.report is not None and one.report.owners.holds(memory)]
    owners = np.full((*memory.shape, 2, 3), -1)
    for launch in reversed(writing):
        for index in np.ndindex(*memory.shape):
            writers = launch.report.owners.writers_of(memory, index)
            if writers:
                owners[index] = writers[0].block, writers[0].thread
        if (owners >= 0).any():
            return launch, owners
    raise DataError(f"plot_launch: no kernel of {op!r} wrote the result.")


def plot_launch(
    op: str, shapes: Sequence[Any], backend: str = "simt", block: Triple | None = None, **static: Any
) -> Figure:
    """Draw which block and which thread wrote each element of an op's result, on the SIMT machine.

    Parameters
    ----------
    op : name of an op, such as "gemm" or "conv2d"
    shapes : of its inputs, which are filled with random numbers; None for an input that is left out
    backend : "simt", or "simt:rung" for a kernel of the ladder
    block : (x, y, z) of the block that is drawn thread by thread; None takes the first
    static : the op's static values

    On the left the result, as a matrix (all axes but the last one behind each other down, the last one across; a vector
    in rows of 32), each block in a tint; on the right one block's part of it, with each element's thread, in a tint for
    each warp. A thread that owns several elements stands in several cells.

    Raises
    ------
    ArgumentError : another backend, more than 4096 elements, no such block; DataError : no kernel wrote the result
    """
    launch, owners = launch_owners(op, shapes, backend, **static)
    rows, cols = _matrix_shape(owners.shape[:-2])
    cells = np.full((rows * cols, 2, 3), -1)
    cells[: int(np.prod(owners.shape[:-2]))] = owners.reshape(-1, 2, 3)
    table: np.ndarray = cells.reshape(rows, cols, 2, 3)
    blocks = [tuple(int(i) for i in b) for b in np.unique(table[..., 0, :].reshape(-1, 3), axis=0) if b[0] >= 0]
    chosen = blocks[0] if block is None else tuple(block)
    if chosen not in blocks:
        raise ArgumentError(f"plot_launch: block must be one that wrote to the result, as {blocks[:6]}. Got {chosen}.")
    figure = new_figure(12.0, 5.6)
    left, right = figure.subplots(1, 2)
    _draw_blocks(left, table, blocks)
    _draw_threads(right, table, chosen, launch)
    what = "elements, 32 a row" if len(owners.shape) == 3 else f"result {owners.shape[:-2]}, as a matrix"
    left.set_title(f"{what}: the block of each element ({plural(len(blocks), 'block')})", fontsize=9)
    assert launch.report is not None
    figure.suptitle(f"{op} on {backend}: {launch_line(launch.report)}", fontsize=10)
    return figure


def _matrix_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    size = int(np.prod(shape))
    if len(shape) < 2:
        return -(-size // ROW), min(size, ROW)
    return size // shape[-1], shape[-1]


def _draw_blocks(axes: Axes, table: np.ndarray, blocks: list[tuple[int, ...]]) -> None:
    numbers = {block: i for i, block in enumerate(blocks)}
    ids = np.array([[numbers.get(tuple(cell), -1) for cell in row] for row in table[..., 0, :]])
    tint = np.array([[(b[0] + 3 * b[1] + 5 * b[2]) % len(TINTS) if b[0] >= 0 else np.nan for b in row]
                     for row in table[..., 0, :]])  # fmt: skip
    _tinted(axes, tint, ids)
    dimensions = 1 + max((k for b in blocks for k in range(3) if b[k]), default=0)
    for block, number in list(numbers.items())[:: max(1, len(blocks) // 64)]:
        rows, cols = np.nonzero(ids == number)
        text = ", ".join(map(str, block[:dimensions]))
        middle = len(rows) // 2 if len(set(rows)) == 1 else None  # else in the middle of its rectangle
        x, y = (cols[middle], rows[middle]) if middle is not None else (cols.mean(), rows.mean())
        axes.text(x, y, text, ha="center", va="center", fontsize=7 if len(blocks) > 16 else 9, color=INK)


def _draw_threads(axes: Axes, table: np.ndarray, block: tuple[int, ...], launch: Launched) -> None:
    mine = (table[..., 0, :] == block).all(axis=-1)
    rows, cols = np.nonzero(mine)
    # A corner of the block's part, small enough to read.
    top, left = rows.min(), cols.min()
    bottom, right = min(rows.max() + 1, top + 24), min(cols.max() + 1, left + 16)
    threads, shown = table[top:bottom, left:right, 1, :], mine[top:bottom, left:right]
    across = (*launch.block, 1, 1)
    linear = threads[..., 0] + across[0] * (threads[..., 1] + across[1] * threads[..., 2])
    tint = np.where(shown, linear // 32 % len(TINTS), np.nan)
    _tinted(axes, tint, np.where(shown, linear, -1), left, top)
    dimensions = 1 + max((k for k in range(3) if across[k] > 1), default=0)
    size = 8 if shown.shape[1] * dimensions <= 20 else 6
    for row, col in zip(*np.nonzero(shown), strict=True):
        text = ",".join(str(int(i)) for i in threads[row, col, :dimensions])
        axes.text(left + col, top + row, text, ha="center", va="center", fontsize=size, color=INK)
    part = "" if mine.sum() == shown.sum() else f"\n({shown.sum()} of its {mine.sum()} elements: its corner)"
    name = ", ".join(map(str, block))
    axes.set_title(f"block ({name}): the thread of each element, a tint for each warp{part}", fontsize=9)


def _tinted(axes: Axes, tint: np.ndarray, ids: np.ndarray, left: int = 0, top: int = 0) -> None:
    """Draw the cells in their tints, a line between different owners, and the axes' names."""
    rows, cols = tint.shape
    axes.imshow(tint, cmap=ListedColormap(list(TINTS)), vmin=0, vmax=len(TINTS) - 1, aspect="auto",
                extent=(left - 0.5, left + cols - 0.5, top + rows - 0.5, top - 0.5))  # fmt: skip
    edges(axes, ids, left, top, color="white", linewidth=1.2)
    whole_numbers(axes)
    axes.set(xlabel="column", ylabel="row")
