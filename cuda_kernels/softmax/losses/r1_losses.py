"""losses r1: means over the last axis of a cost a cell (mean_squared_error, mean_absolute_error, huber, …).

Forward: one thread owns a row of D cells, walks it and stores the mean cost, and for each cell what the backward needs.
Backward: one thread a cell. A block owns THREADS, the grid covers them.
Bytes 8 rows D loaded, 4 rows (D + 1) stored; the backward 8 rows D and 4 rows D an input.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch

from .host import ARGS, MEANS, Cost, backward, cost_of, forward

THREADS = 128


@functools.cache
def make_forward(costs: Cost):
    """loss[row] = mean cost; kept[i] for every cell."""
    keep, cost = costs.keep, costs.cost

    @cuda.jit
    def mean_cost(y_true, y_pred, loss, kept, rows, cells, share):
        row = cuda.grid(1)
        if row < rows:
            total = float32(0)
            for i in range(row * cells, (row + 1) * cells):
                value = keep(y_true[i], y_pred[i])
                kept[i] = value
                total += cost(value, y_pred[i])
            loss[row] = total * share

    return mean_cost


@functools.cache
def make_backward(slope):
    """d[i] = dy[row] / D * slope(kept[i], y_pred[i])."""
    @cuda.jit
    def mean_cost_backward(dy, kept, y_pred, d, size, cells, share):
        i = cuda.grid(1)
        if i < size:
            d[i] = dy[i // cells] * share * slope(kept[i], y_pred[i])

    return mean_cost_backward


def apply_forward(costs: Cost, t, p, loss, kept, cells: int, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_forward(costs), blocks_for(loss.size, THREADS), THREADS, t, p, loss, kept, loss.size, cells,
           1.0 / cells, on=on)


def apply_backward(slope, dy, kept, p, d, cells: int, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_backward(slope), blocks_for(d.size, THREADS), THREADS, dy, kept, p, d, d.size, cells, 1.0 / cells,
           on=on)


CLAIMS = Claims(registers=64, lacks=("LDL", "STL"))
CHANGE = "one thread a row forward, one thread a cell backward"
RUNGS = (
    *(Rung(op=op, name="r1_losses", change=CHANGE, run=forward(op, apply_forward),
           builds=(Build(make_forward(cost_of(op, {})), ARGS, CLAIMS),)) for op in MEANS),
    *(Rung(op=f"{op}_backward", name="r1_losses", change=CHANGE, run=backward(op, apply_backward),
           builds=(Build(make_backward(cost_of(op, {}).to_pred), ARGS, CLAIMS),)) for op in MEANS),
)
