"""softmax r1: one thread, one row, in three walks: the maximum, the sum, the results.

One thread owns a row of C classes; a block owns THREADS rows, the grid covers the rows.
    m = max x[c],   s = sum exp(x[c] - m),   y[c] = exp(x[c] - m) / s        log_softmax: y[c] = x[c] - m - log s
Each walk reads the row again. Neighbouring threads are C elements apart: they share no sector (with the classes on
another axis than the last they are neighbours, and this rung is quite good).
Bytes 12 rows C loaded, 4 rows C stored; the backward 16 rows C and 4 rows C.
Claims: no local memory.
"""
import functools
import math

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch

from .host import LABELS, Rows, first_of, rungs_of

THREADS = 128


@functools.cache
def make_forward(log: bool):
    """Softmax, or its logarithm."""
    @cuda.jit
    def softmax_three_passes(x, y, rows, classes, step):
        row = cuda.grid(1)
        if row < rows:
            first = first_of(row, classes, step)
            largest = x[first]
            for c in range(1, classes):
                largest = max(largest, x[first + c * step])
            total = float32(0)
            for c in range(classes):
                total += math.exp(x[first + c * step] - largest)
            if log:
                shift = math.log(total)
                for c in range(classes):
                    y[first + c * step] = x[first + c * step] - largest - shift
            else:
                for c in range(classes):
                    y[first + c * step] = math.exp(x[first + c * step] - largest) / total

    return softmax_three_passes


@functools.cache
def make_backward(log: bool):
    """Of softmax, dx = y (dy - sum dy y), of its logarithm dx = dy - exp(y) sum dy."""
    @cuda.jit
    def softmax_backward_two_passes(dy, y, dx, rows, classes, step):
        row = cuda.grid(1)
        if row < rows:
            first = first_of(row, classes, step)
            total = float32(0)
            for c in range(classes):
                i = first + c * step
                if log:
                    total += dy[i]
                else:
                    total += dy[i] * y[i]
            for c in range(classes):
                i = first + c * step
                if log:
                    dx[i] = dy[i] - math.exp(y[i]) * total
                else:
                    dx[i] = y[i] * (dy[i] - total)

    return softmax_backward_two_passes


@cuda.jit
def pick_label(labels, log_p, loss, rows, classes):
    """loss[row] = -log_p[row, label], 0 for a negative label."""
    row = cuda.grid(1)
    if row < rows:
        label = labels[row]
        if label >= 0:
            loss[row] = -log_p[row * classes + label]
        else:
            loss[row] = float32(0)


@cuda.jit
def crossentropy_backward(dy, labels, log_p, dx, size, classes):
    """dx[row, c] = dy[row] (exp(log_p[row, c]) - 1{c = label}); one thread an element."""
    i = cuda.grid(1)
    if i < size:
        row, c = i // classes, i % classes
        label = labels[row]
        p = math.exp(log_p[i])
        if c == label:
            p -= float32(1)
        dx[i] = dy[row] * p if label >= 0 else float32(0)


def apply_forward(log: bool, rows: Rows, x, y, *, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_forward(log), blocks_for(rows.rows, THREADS), THREADS, x, y, *rows, on=on)


def apply_backward(log: bool, rows: Rows, dy, y, dx, *, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_backward(log), blocks_for(rows.rows, THREADS), THREADS, dy, y, dx, *rows, on=on)


def apply_sparse(rows: int, classes: int, labels, logits, loss, log_p, *, on: str | None) -> None:
    """Two kernels: log_softmax, then the labels' entries."""
    apply_forward(True, Rows(rows, classes, 1), logits, log_p, on=on)
    launch(pick_label, blocks_for(rows, THREADS), THREADS, labels, log_p, loss, rows, classes, on=on)


def sparse_softmax_crossentropy_backward(dy, labels, log_p, *, on: str | None = None):
    """The gradient of the logits from dy (...), labels int32 (...) and log_p (..., C); 0 for a negative label."""
    op = "sparse_softmax_crossentropy_backward"
    check_array(op, "log_p", log_p)
    check_array(op, "dy", dy, shape=log_p.shape[:-1])
    check_array(op, "labels", labels, dtype="int32", shape=dy.shape)
    dx = empty(log_p.shape, like=log_p)
    launch(crossentropy_backward, blocks_for(dx.size, THREADS), THREADS, dy.reshape(-1), labels.reshape(-1),
           log_p.reshape(-1), dx.reshape(-1), dx.size, log_p.shape[-1], on=on)
    return dx


CLAIMS = Claims(registers=64, lacks=("LDL", "STL"))
RUNGS = (
    *rungs_of("r1_three_passes", "one thread a row, each walk reads it again",
              (apply_forward, apply_backward, apply_sparse),
              lambda log: (Build(make_forward(log), (FLAT, FLAT, int32, int32, int32), CLAIMS),),
              lambda log: (Build(make_backward(log), (FLAT, FLAT, FLAT, int32, int32, int32), CLAIMS),),
              Build(pick_label, (LABELS, FLAT, FLAT, int32, int32), CLAIMS)),
    Rung(op="sparse_softmax_crossentropy_backward", name="r1_three_passes", change="one thread an element",
         run=sparse_softmax_crossentropy_backward,
         builds=(Build(crossentropy_backward, (FLAT, LABELS, FLAT, FLAT, int32, int32), CLAIMS),)),
)
