"""crossentropy r1: the cross-entropies of whole rows of classes, one thread a row.

    categorical_crossentropy             -sum t[c] log p[c], from scores or from probabilities
    sparse_probability_crossentropy      -log p[label] of probabilities (of scores: sparse_softmax_crossentropy)

One thread owns a row of C classes; a block owns THREADS rows, the grid covers the rows. Probabilities are divided by
their sum S and kept EPSILON away from 0 and 1, as in Keras; where that changes them no gradient passes.
Bytes of the categorical forward from probabilities: 16 rows C loaded, 8 rows C stored.
Claims: no local memory.
"""
import functools
import math

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch

from .. import r3_registers
from ..host import HIGH, LOW, clip, first_of, rows_of

THREADS = 128


@cuda.jit
def log_probabilities(p, log_p, total, rows, classes, step):
    """log_p = log(clip(p / S)) and S of every row."""
    row = cuda.grid(1)
    if row < rows:
        first, s = first_of(row, classes, step), float32(0)
        for c in range(classes):
            s += p[first + c * step]
        total[row] = s
        for c in range(classes):
            log_p[first + c * step] = math.log(clip(p[first + c * step] / s))


@cuda.jit
def categorical(y_true, log_p, target, loss, kept_share, shift, rows, classes, step):
    """The loss -sum target log_p, with target = kept_share y_true + shift."""
    row = cuda.grid(1)
    if row < rows:
        first, total = first_of(row, classes, step), float32(0)
        for c in range(classes):
            i = first + c * step
            t = y_true[i] * kept_share + shift
            target[i] = t
            total -= t * log_p[i]
        loss[row] = total


@functools.cache
def make_categorical_backward(from_logits: bool):
    """Scores: d = dy (p sum(t) - t). Probabilities: see `minidl.ops.losses.categorical_crossentropy_backward`."""
    @cuda.jit
    def categorical_backward(dy, target, log_p, y_pred, total, d_true, d_pred, kept_share, rows, classes, step):
        row = cuda.grid(1)
        if row < rows:
            first, gradient, along = first_of(row, classes, step), dy[row], float32(0)
            for c in range(classes):
                i = first + c * step
                d_true[i] = -gradient * log_p[i] * kept_share
                if from_logits:
                    along += target[i]
                else:
                    q = y_pred[i] / total[row]
                    along += -gradient * target[i] / clip(q) * q if LOW <= q and q <= HIGH else float32(0)
            for c in range(classes):
                i = first + c * step
                if from_logits:
                    d_pred[i] = gradient * (math.exp(log_p[i]) * along - target[i])
                else:
                    q = y_pred[i] / total[row]
                    dq = -gradient * target[i] / clip(q) if LOW <= q and q <= HIGH else float32(0)
                    d_pred[i] = (dq - along) / total[row]

    return categorical_backward


@cuda.jit
def sparse(labels, p, loss, total, rows, classes):
    """The loss -log(clip(p[label] / S)); 0 for a negative label."""
    row = cuda.grid(1)
    if row < rows:
        s, label = float32(0), labels[row]
        for c in range(classes):
            s += p[row * classes + c]
        total[row] = s
        loss[row] = -math.log(clip(p[row * classes + label] / s)) if label >= 0 else float32(0)


@cuda.jit
def sparse_backward(dy, labels, p, total, d, size, classes):
    """d[c] = dy (1 / S - 1{c = label} / p[label]), 0 where p[label] / S was clipped or the label is negative."""
    i = cuda.grid(1)
    if i < size:
        row = i // classes
        label, c, value = labels[row], i % classes, float32(0)
        if label >= 0:
            q = p[row * classes + label] / total[row]
            if LOW <= q and q <= HIGH:
                value = dy[row] / total[row]
                if c == label:
                    value -= value / q
        d[i] = value


def categorical_crossentropy(y_true, y_pred, *, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                             on: str | None = None):
    """(loss, target, log_p, total): total, the sum of each row of probabilities, is None for scores."""
    op = "categorical_crossentropy"
    check_array(op, "y_pred", y_pred)
    check_array(op, "y_true", y_true, shape=y_pred.shape)
    rows = rows_of(op, tuple(y_pred.shape), axis)
    axis %= y_pred.ndim
    outer = (*y_pred.shape[:axis], *y_pred.shape[axis + 1:])
    loss, target, log_p = empty(outer, like=y_pred), empty(y_pred.shape, like=y_pred), empty(y_pred.shape, like=y_pred)
    total, grid = None, blocks_for(rows.rows, THREADS)
    if from_logits:
        r3_registers.apply_forward(True, rows, y_pred.reshape(-1), log_p.reshape(-1), on=on)
    else:
        total = empty((*y_pred.shape[:axis], 1, *y_pred.shape[axis + 1:]), like=y_pred)
        launch(log_probabilities, grid, THREADS, y_pred.reshape(-1), log_p.reshape(-1), total.reshape(-1), *rows, on=on)
    launch(categorical, grid, THREADS, y_true.reshape(-1), log_p.reshape(-1), target.reshape(-1), loss.reshape(-1),
           1.0 - label_smoothing, label_smoothing / rows.classes, *rows, on=on)
    return loss, target, log_p, total


def categorical_crossentropy_backward(dy, target, log_p, y_pred, total=None, *, label_smoothing: float = 0.0,
                                      axis: int = -1, on: str | None = None):
    """(d_true, d_pred), from what the forward gave; total None says that y_pred are scores."""
    op = "categorical_crossentropy_backward"
    for name, a in (("target", target), ("log_p", log_p), ("y_pred", y_pred)):
        check_array(op, name, a, shape=y_pred.shape)
    rows = rows_of(op, tuple(y_pred.shape), axis)
    check_array(op, "dy", dy)
    d_true, d_pred = empty(y_pred.shape, like=y_pred), empty(y_pred.shape, like=y_pred)
    kernel = make_categorical_backward(total is None)
    unread = dy if total is None else total
    launch(kernel, blocks_for(rows.rows, THREADS), THREADS, dy.reshape(-1), target.reshape(-1), log_p.reshape(-1),
           y_pred.reshape(-1), unread.reshape(-1), d_true.reshape(-1), d_pred.reshape(-1), 1.0 - label_smoothing, *rows,
           on=on)
    return d_true, d_pred


def sparse_probability_crossentropy(labels, y_pred, *, on: str | None = None):
    """(loss (...), total (..., 1)) from int32 labels (negative: ignored) and probabilities (..., C)."""
    op = "sparse_probability_crossentropy"
    check_array(op, "y_pred", y_pred)
    check_array(op, "labels", labels, dtype=np.int32, shape=y_pred.shape[:-1])
    loss, total = empty(labels.shape, like=y_pred), empty((*labels.shape, 1), like=y_pred)
    launch(sparse, blocks_for(loss.size, THREADS), THREADS, labels.reshape(-1), y_pred.reshape(-1), loss.reshape(-1),
           total.reshape(-1), loss.size, y_pred.shape[-1], on=on)
    return loss, total


def sparse_probability_crossentropy_backward(dy, labels, y_pred, total, *, on: str | None = None):
    """The gradient of the probabilities."""
    op = "sparse_probability_crossentropy_backward"
    check_array(op, "y_pred", y_pred)
    check_array(op, "dy", dy, shape=y_pred.shape[:-1])
    check_array(op, "labels", labels, dtype=np.int32, shape=dy.shape)
    d = empty(y_pred.shape, like=y_pred)
    launch(sparse_backward, blocks_for(d.size, THREADS), THREADS, dy.reshape(-1), labels.reshape(-1),
           y_pred.reshape(-1), total.reshape(-1), d.reshape(-1), d.size, y_pred.shape[-1], on=on)
    return d


LABELS, ROWS = int32[::1], (int32, int32, int32)
CLAIMS = Claims(registers=64, lacks=("LDL", "STL"))


def _rung(run, *builds: Build) -> Rung:
    return Rung(op=run.__name__, name="r1_losses", change="one thread a row", run=run, builds=builds)


RUNGS = (
    _rung(categorical_crossentropy, Build(log_probabilities, (FLAT, FLAT, FLAT, *ROWS), CLAIMS),
          Build(categorical, (FLAT, FLAT, FLAT, FLAT, float32, float32, *ROWS), CLAIMS)),
    _rung(categorical_crossentropy_backward,
          *(Build(make_categorical_backward(logits), (FLAT,) * 7 + (float32, *ROWS), CLAIMS, label=label)
            for logits, label in ((True, "scores"), (False, "probabilities")))),
    _rung(sparse_probability_crossentropy, Build(sparse, (LABELS, FLAT, FLAT, FLAT, int32, int32), CLAIMS)),
    _rung(sparse_probability_crossentropy_backward,
          Build(sparse_backward, (FLAT, LABELS, FLAT, FLAT, FLAT, int32, int32), CLAIMS)),
)
