"""Losses: host functions, with a kernel of one thread a row."""

from __future__ import annotations

import math

import numpy as np
from numba import cuda, float32

from cuda_kernels import ladder
from cuda_kernels.launch import empty
from student_kernels.bank import go, right, wrong

# -- errors: a kernel gets delta, or 0 where there is none -------------------------------------------------------------


def of_error(cost, mean=True, sign=1):
    """(loss, error) from a device function cost(error, delta)."""

    @cuda.jit
    def row_loss(y_true, y_pred, loss, kept, rows, cells, delta):
        row = cuda.grid(1)
        if row < rows:
            total = float32(0)
            for i in range(row * cells, (row + 1) * cells):
                error = float32(sign) * (y_pred[i] - y_true[i])
                kept[i] = error
                total += cost(error, delta)
            loss[row] = total / float32(cells) if mean else total

    def run(y_true, y_pred, *, delta=1.0, on=None):
        loss, kept = empty(y_pred.shape[:-1], like=y_pred), empty(y_pred.shape, like=y_pred)
        flat = (a.reshape(-1) for a in (y_true, y_pred, loss, kept))
        go(row_loss, loss.size, *flat, loss.size, y_pred.shape[-1], float(delta), on=on)
        return loss, kept

    return run


@cuda.jit(device=True)
def squared(e, delta):
    return e * e


@cuda.jit(device=True)
def half_squared(e, delta):
    return float32(0.5) * e * e


@cuda.jit(device=True)
def rooted(e, delta):
    return math.sqrt(e * e + float32(1e-3))


@cuda.jit(device=True)
def size(e, delta):
    return abs(e)


@cuda.jit(device=True)
def signed(e, delta):
    return e


@cuda.jit(device=True)
def huber(e, delta):
    return float32(0.5) * e * e if abs(e) <= delta else delta * (abs(e) - float32(0.5) * delta)


@cuda.jit(device=True)
def huber_of_one(e, delta):
    return float32(0.5) * e * e if abs(e) <= float32(1) else abs(e) - float32(0.5)


@cuda.jit(device=True)
def huber_with_a_step(e, delta):
    return float32(0.5) * e * e if abs(e) <= delta else delta * abs(e)


@cuda.jit(device=True)
def huber_both_sides(e, delta):
    return min(float32(0.5) * e * e, delta * (abs(e) - float32(0.5) * delta))


wrong("mean_squared_error", "the sum")(of_error(squared, mean=False))
wrong("mean_squared_error", "half of it")(of_error(half_squared))
wrong("mean_squared_error", "keeps y_true - y_pred")(of_error(squared, sign=-1))
wrong("mean_absolute_error", "the mean of the errors with their signs")(of_error(signed))
wrong("mean_absolute_error", "rounded at 0")(of_error(rooted))
wrong("huber", "takes delta, and uses 1")(of_error(huber_of_one))
wrong("huber", "the line not moved down by delta^2 / 2")(of_error(huber_with_a_step))
wrong("huber", "the smaller of parabola and line")(of_error(huber_both_sides))
right("mean_squared_error", "one thread a row")(of_error(squared))
right("mean_absolute_error", "one thread a row")(of_error(size))
right("huber", "one thread a row")(of_error(huber))


def slope_of_error(slope, mean=True):
    """(d_true, d_pred) from a device function slope(error, delta)."""

    @cuda.jit
    def cell_slope(dy, kept, d_true, d_pred, size, cells, delta):
        i = cuda.grid(1)
        if i < size:
            value = dy[i // cells] * slope(kept[i], delta)
            if mean:
                value = value / float32(cells)
            d_pred[i] = value
            d_true[i] = -value

    def run(dy, kept, y_pred=None, *, needs=(True, True), delta=1.0, on=None):
        d_true, d_pred = empty(kept.shape, like=kept), empty(kept.shape, like=kept)
        flat = (a.reshape(-1) for a in (dy, kept, d_true, d_pred))
        go(cell_slope, kept.size, *flat, kept.size, kept.shape[-1], float(delta), on=on)
        return d_true, d_pred

    return run


@cuda.jit(device=True)
def twice(e, delta):
    return float32(2) * e


@cuda.jit(device=True)
def once(e, delta):
    return e


@cuda.jit(device=True)
def sign_or_one(e, delta):
    return float32(1) if e >= float32(0) else float32(-1)


@cuda.jit(device=True)
def over_size(e, delta):
    return e / abs(e)


@cuda.jit(device=True)
def sign(e, delta):
    if e == float32(0):
        return float32(0)
    return float32(1) if e > float32(0) else float32(-1)


@cuda.jit(device=True)
def cut(e, delta):
    return min(max(e, -delta), delta)


@cuda.jit(device=True)
def cut_at_one(e, delta):
    return min(max(e, float32(-1)), float32(1))


@cuda.jit(device=True)
def cut_above(e, delta):
    return min(e, delta)


wrong("mean_squared_error_backward", "the 2 forgotten")(slope_of_error(once))
wrong("mean_squared_error_backward", "of the sum")(slope_of_error(twice, mean=False))
wrong("mean_absolute_error_backward", "1 at 0")(slope_of_error(sign_or_one))
wrong("mean_absolute_error_backward", "e / |e|: 0 / 0")(slope_of_error(over_size))
wrong("huber_backward", "takes delta, and uses 1")(slope_of_error(cut_at_one))
wrong("huber_backward", "straight above alone")(slope_of_error(cut_above))
right("mean_squared_error_backward", "2 e / D")(slope_of_error(twice))
right("mean_absolute_error_backward", "the sign")(slope_of_error(sign))
right("huber_backward", "e, cut")(slope_of_error(cut))


# -- cross-entropies ---------------------------------------------------------------------------------------------------

EPSILON = np.float32(1e-7)


@cuda.jit(device=True)
def clipped(p):
    return min(max(p, EPSILON), float32(1) - EPSILON)


def binary(clip=True, stable=True, smoothing=0.5, both=True):
    """Binary cross-entropy; smoothing: the uniform share that smoothing mixes in."""

    @cuda.jit
    def row_loss(y_true, y_pred, loss, kept, rows, cells, logits, smooth):
        row = cuda.grid(1)
        if row < rows:
            total = float32(0)
            for i in range(row * cells, (row + 1) * cells):
                t = y_true[i] * (float32(1) - smooth) + smooth * float32(smoothing)
                kept[i] = t
                z = y_pred[i]
                if logits != 0 and stable:
                    total += max(z, float32(0)) - z * t + math.log1p(math.exp(-abs(z)))
                else:
                    p = float32(1) / (float32(1) + math.exp(-z)) if logits != 0 else z
                    p = clipped(p) if clip else p
                    total -= t * math.log(p)
                    if both:
                        total -= (float32(1) - t) * math.log(float32(1) - p)
            loss[row] = total / float32(cells)

    def run(y_true, y_pred, *, from_logits=False, label_smoothing=0.0, on=None):
        loss, kept = empty(y_pred.shape[:-1], like=y_pred), empty(y_pred.shape, like=y_pred)
        flat = (a.reshape(-1) for a in (y_true, y_pred, loss, kept))
        go(row_loss, loss.size, *flat, loss.size, y_pred.shape[-1], int(from_logits), float(label_smoothing), on=on)
        return loss, kept

    return run


wrong("binary_crossentropy", "probabilities of 0 and 1 not clipped: log 0")(binary(clip=False))
wrong("binary_crossentropy", "scores through a clipped sigmoid: stops at 16.1")(binary(stable=False))
wrong("binary_crossentropy", "smooths towards 0")(binary(smoothing=0.0))
wrong("binary_crossentropy", "the terms of 1 alone")(binary(both=False))
right("binary_crossentropy", "one thread a row")(binary())


@wrong("binary_crossentropy", "takes from_logits, and reads probabilities")
def _(y_true, y_pred, *, from_logits=False, label_smoothing=0.0, on=None):
    return ladder.rung("binary_crossentropy").run(y_true, y_pred, label_smoothing=label_smoothing, on=on)


@wrong("binary_crossentropy_backward", "p - t of probabilities too")
def _(dy, kept, y_pred=None, *, needs=(True, True), from_logits=False, label_smoothing=0.0, on=None):
    run = ladder.rung("binary_crossentropy_backward").run
    return run(dy, kept, y_pred, from_logits=True, label_smoothing=label_smoothing, on=on)


def categorical(clip=True, divide=True, axis_used=True, share=True):
    """Categorical cross-entropy of probabilities by an own kernel, of scores by the ladder."""

    @cuda.jit
    def row_loss(y_true, y_pred, loss, target, log_p, total, rows, classes, smooth):
        row = cuda.grid(1)
        if row < rows:
            s, value = float32(0), float32(0)
            for c in range(classes):
                s += y_pred[row, c]
            total[row] = s
            for c in range(classes):
                p = y_pred[row, c] / s if divide else y_pred[row, c]
                p = clipped(p) if clip else p
                log_p[row, c] = math.log(p)
                uniform = smooth / float32(classes) if share else smooth
                target[row, c] = y_true[row, c] * (float32(1) - smooth) + uniform
                value -= target[row, c] * log_p[row, c]
            loss[row] = value

    def run(y_true, y_pred, *, from_logits=False, label_smoothing=0.0, axis=-1, on=None):
        if from_logits or (axis_used and axis % y_pred.ndim != y_pred.ndim - 1):
            run_best = ladder.rung("categorical_crossentropy").run
            return run_best(
                y_true, y_pred, from_logits=from_logits, label_smoothing=label_smoothing, on=on,
                axis=axis if axis_used else -1,
            )  # fmt: skip
        classes, outer = y_pred.shape[-1], y_pred.shape[:-1]
        loss, total = empty(outer, like=y_pred), empty((*outer, 1), like=y_pred)
        target, log_p = empty(y_pred.shape, like=y_pred), empty(y_pred.shape, like=y_pred)
        tables = [a.reshape(-1, classes) for a in (y_true, y_pred)], [a.reshape(-1, classes) for a in (target, log_p)]
        go(row_loss, loss.size, *tables[0], loss.reshape(-1), *tables[1], total.reshape(-1), loss.size, classes,
           float(label_smoothing), on=on)  # fmt: skip
        return loss, target, log_p, total

    return run


wrong("categorical_crossentropy", "not clipped: log 0")(categorical(clip=False))
wrong("categorical_crossentropy", "not divided by the row's sum")(categorical(divide=False))
wrong("categorical_crossentropy", "the last axis, whatever the axis", at="runs")(categorical(axis_used=False))
wrong("categorical_crossentropy", "smoothing adds s to each class, not s / C")(categorical(share=False))
right("categorical_crossentropy", "one thread a row")(categorical())


@wrong("categorical_crossentropy_backward", "p - t, also where the truth does not add up to 1")
def _(dy, target, log_p, y_pred, total=None, *, label_smoothing=0.0, axis=-1, on=None):
    run = ladder.rung("categorical_crossentropy_backward").run
    d_true, d_pred = run(dy, target, log_p, y_pred, total, label_smoothing=label_smoothing, axis=axis, on=on)
    if total is None:
        wide = np.ascontiguousarray(np.broadcast_to(np.expand_dims(dy, axis), y_pred.shape))
        p = ladder.rung("exp").run(log_p, on=on)
        d_pred = ladder.rung("multiply").run(ladder.rung("subtract").run(p, target, on=on), wide, on=on)
    return d_true, d_pred


def sparse(shift=True, ignored=True, off=0):
    """-log softmax(scores)[label]."""

    @cuda.jit
    def row_loss(labels, z, loss, log_p, rows, classes):
        row = cuda.grid(1)
        if row < rows:
            largest, total = z[row, 0], float32(0)
            for c in range(classes):
                largest = max(largest, z[row, c])
            if not shift:
                largest = float32(0)
            for c in range(classes):
                total += math.exp(z[row, c] - largest)
            for c in range(classes):
                log_p[row, c] = z[row, c] - largest - math.log(total)
            label = labels[row]
            if ignored and label < 0:
                loss[row] = float32(0)
            else:
                loss[row] = -log_p[row, (max(label, 0) + off) % classes]

    def run(labels, logits, *, on=None):
        classes = logits.shape[-1]
        loss, log_p = empty(labels.shape, like=logits), empty(logits.shape, like=logits)
        go(row_loss, labels.size, labels.reshape(-1), logits.reshape(-1, classes), loss.reshape(-1),
           log_p.reshape(-1, classes), labels.size, classes, on=on)  # fmt: skip
        return loss, log_p

    return run


wrong("sparse_softmax_crossentropy", "no largest")(sparse(shift=False))
wrong("sparse_softmax_crossentropy", "an ignored label counts as 0")(sparse(ignored=False))
wrong("sparse_softmax_crossentropy", "labels counted from 1")(sparse(off=-1))
right("sparse_softmax_crossentropy", "one thread a row")(sparse())


def sparse_slope(all_classes=False, ignored=True):
    @cuda.jit
    def cell_slope(dy, labels, log_p, d, size, classes):
        i = cuda.grid(1)
        if i < size:
            row, c = i // classes, i % classes
            value = math.exp(log_p[i])
            if all_classes or c == labels[row]:
                value -= float32(1)
            d[i] = float32(0) if ignored and labels[row] < 0 else dy[row] * value

    def run(dy, labels, log_p, *, on=None):
        d = empty(log_p.shape, like=log_p)
        flat = (a.reshape(-1) for a in (dy, labels, log_p, d))
        go(cell_slope, d.size, *flat, d.size, log_p.shape[-1], on=on)
        return d

    return run


wrong("sparse_softmax_crossentropy_backward", "p - 1 for all classes")(sparse_slope(all_classes=True))
wrong("sparse_softmax_crossentropy_backward", "ignored samples have a gradient")(sparse_slope(ignored=False))
right("sparse_softmax_crossentropy_backward", "p - 1 at the label")(sparse_slope())


def sparse_probability(clip=True, divide=True):
    @cuda.jit
    def row_loss(labels, p, loss, total, rows, classes):
        row = cuda.grid(1)
        if row < rows:
            s = float32(0)
            for c in range(classes):
                s += p[row, c]
            total[row] = s
            loss[row] = float32(0)
            if labels[row] >= 0:
                q = p[row, labels[row]] / s if divide else p[row, labels[row]]
                loss[row] = -math.log(clipped(q) if clip else q)

    def run(labels, y_pred, *, on=None):
        loss, total = empty(labels.shape, like=y_pred), empty((*labels.shape, 1), like=y_pred)
        table = y_pred.reshape(-1, y_pred.shape[-1])
        go(row_loss, loss.size, labels.reshape(-1), table, loss.reshape(-1), total.reshape(-1), *table.shape, on=on)
        return loss, total

    return run


wrong("sparse_probability_crossentropy", "not clipped: log 0")(sparse_probability(clip=False))
wrong("sparse_probability_crossentropy", "not divided by the row's sum")(sparse_probability(divide=False))
right("sparse_probability_crossentropy", "one thread a row")(sparse_probability())
