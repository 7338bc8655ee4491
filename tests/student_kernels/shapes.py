"""What moves, drops and looks up: transpose, concatenate, pad, slice, broadcast, upsample, dropout, embedding, cast."""

from __future__ import annotations

import math

import numpy as np
from numba import cuda, float32

from cuda_kernels import ladder
from cuda_kernels.launch import empty, zeros
from student_kernels.bank import go, right, wrong

# -- transpose ---------------------------------------------------------------------------------------------------------


@cuda.jit
def swap(x, y, rows, cols):
    i = cuda.grid(1)
    if i < rows * cols:
        row, col = i // cols, i % cols
        y[col * rows + row] = x[row * cols + col]


@cuda.jit
def swap_square(x, y, rows, cols):
    i = cuda.grid(1)
    if i < rows * cols:
        row, col = i // cols, i % cols
        y[row * cols + col] = x[min(col * cols + row, rows * cols - 1)]


def matrices(kernel):
    def run(x, *, axes=None, on=None):
        order = tuple(reversed(range(x.ndim))) if axes is None else axes
        if x.ndim != 2 or order != (1, 0):
            return ladder.rung("transpose").run(x, axes=axes, on=on)
        y = empty((x.shape[1], x.shape[0]), like=x)
        go(kernel, x.size, x.reshape(-1), y.reshape(-1), *x.shape, on=on)
        return y

    return run


wrong("transpose", "square matrices alone")(matrices(swap_square))
right("transpose", "matrices by an own kernel, the rest by the ladder's")(matrices(swap))


@wrong("transpose", "the inverse order of axes", at="runs")
def _(x, *, axes=None, on=None):
    order = tuple(reversed(range(x.ndim))) if axes is None else axes
    return ladder.rung("transpose").run(x, axes=tuple(int(k) for k in np.argsort(order)), on=on)


# -- concatenate, pad, slice, broadcast --------------------------------------------------------------------------------


@cuda.jit
def put_rows(x, y, outer, inner, total, start):
    i = cuda.grid(1)
    if i < outer * inner:
        y[i // inner * total + start + i % inner] = x[i]


def joined(move_on=True):
    """Each input in a launch of its own, into its part of the output."""

    def run(*xs, axis=-1, on=None):
        axis %= xs[0].ndim
        shape = list(xs[0].shape)
        shape[axis] = sum(x.shape[axis] for x in xs)
        y = empty(tuple(shape), like=xs[0])
        inner = math.prod(shape[axis + 1 :])
        start = 0
        for x in xs:
            length = x.shape[axis] * inner
            outer = x.size // length
            place = start if move_on else min(start, xs[0].shape[axis] * inner)
            go(put_rows, x.size, x.reshape(-1), y.reshape(-1), outer, length, shape[axis] * inner, place, on=on)
            start += length
        return y

    return run


right("concatenate", "a launch for each input")(joined())
wrong("concatenate", "the third lies where the second does")(joined(move_on=False))


@wrong("concatenate", "in the opposite order")
def _(*xs, axis=-1, on=None):
    return ladder.rung("concatenate").run(*reversed(xs), axis=axis, on=on)


@wrong("concatenate_backward", "all parts begin at 0")
def _(dy, *, sizes, axis=-1, on=None):
    slices = [[slice(None)] * dy.ndim for _ in sizes]
    for part, size in zip(slices, sizes, strict=True):
        part[axis] = slice(size)
    return tuple(ladder.rung("slice").run(dy, key=tuple(part), on=on) for part in slices)


@wrong("pad", "takes the value, and uses 0")
def _(x, *, padding, value=0.0, on=None):
    return ladder.rung("pad").run(x, padding=padding, on=on)


@wrong("pad", "before and after exchanged")
def _(x, *, padding, value=0.0, on=None):
    return ladder.rung("pad").run(x, padding=tuple((b, a) for a, b in padding), value=value, on=on)


@wrong("pad", "x times a mask: inf * 0")
def _(x, *, padding, value=0.0, on=None):
    inside = ladder.rung("pad").run(np.ones_like(x), padding=padding, on=on)
    wide = ladder.rung("pad").run(x, padding=padding, value=value, on=on)
    return ladder.rung("multiply").run(wide, inside, on=on) if value == 0 else wide * inside + value * (1 - inside)


@wrong("slice", "the steps forgotten", at="runs")
def _(x, *, key, on=None):
    key = tuple(slice(k.start, k.stop) if isinstance(k, slice) else k for k in key)
    return ladder.rung("slice").run(x, key=key, on=on)


@wrong("slice", "steps forwards where they go backwards")
def _(x, *, key, on=None):
    y = ladder.rung("slice").run(x, key=key, on=on)
    axis = -1 if isinstance(key[-1], slice) and (key[-1].step or 1) < 0 else None
    return y if axis is None else ladder.rung("slice").run(y, key=(..., slice(None, None, -1)), on=on)


@wrong("broadcast_to_backward", "the first of the copies")
def _(dy, *, shape, on=None):
    added = dy.ndim - len(shape)
    key = (0,) * added + tuple(slice(0, n) for n in shape)
    return ladder.rung("slice").run(dy, key=key, on=on).reshape(shape)


# -- upsample ----------------------------------------------------------------------------------------------------------


def enlarged(swapped=False, shifted=False):
    @cuda.jit
    def upsample(x, y, size_h, size_w):
        i = cuda.grid(1)
        if i < y.size:
            c = i % y.shape[3]
            q = i // y.shape[3] % y.shape[2]
            p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
            n = i // (y.shape[3] * y.shape[2] * y.shape[1])
            row, col = p // size_h, q // size_w
            if swapped:
                row, col = min(p // size_w, x.shape[1] - 1), min(q // size_h, x.shape[2] - 1)
            if shifted:
                row = min((p + 1) // size_h, x.shape[1] - 1)
            y[n, p, q, c] = x[n, row, col, c]

    def run(x, *, size=(2, 2), interpolation="nearest", on=None):
        if interpolation != "nearest":
            return ladder.rung("upsample2d").run(x, size=size, interpolation=interpolation, on=on)
        y = empty((x.shape[0], x.shape[1] * size[0], x.shape[2] * size[1], x.shape[3]), like=x)
        go(upsample, y.size, x, y, *size, on=on)
        return y

    return run


wrong("upsample2d", "rows and columns of the size exchanged")(enlarged(swapped=True))
wrong("upsample2d", "rounded up")(enlarged(shifted=True))
right("upsample2d", "nearest by an own kernel")(enlarged())


@wrong("upsample2d", "nearest, whatever the interpolation")
def _(x, *, size=(2, 2), interpolation="nearest", on=None):
    return ladder.rung("upsample2d").run(x, size=size, on=on)


@wrong("upsample2d_backward", "the mean of a pixel's copies")
def _(dy, *, size=(2, 2), interpolation="nearest", on=None):
    dx = ladder.rung("upsample2d_backward").run(dy, size=size, interpolation=interpolation, on=on)
    return ladder.rung("multiply").run(dx, np.full((1,), 1 / math.prod(size), np.float32), on=on)


# -- dropout, embedding, cast ------------------------------------------------------------------------------------------


def dropped(**changed):
    def run(x, *, rate, seed, offset, noise_shape=None, on=None):
        given = {"rate": rate, "seed": seed, "offset": offset, "noise_shape": noise_shape}
        return ladder.rung("dropout").run(x, **given | changed, on=on)

    return run


wrong("dropout", "always the same numbers: the offset forgotten")(dropped(offset=7))
wrong("dropout", "one seed for all")(dropped(seed=3))
wrong("dropout", "a rate of 0.4 for all")(dropped(rate=0.4))
wrong("dropout", "the noise shape forgotten", at="runs")(dropped(noise_shape=None))


@wrong("dropout", "what is kept is not scaled")
def _(x, *, rate, seed, offset, noise_shape=None, on=None):
    y, keep, scale = ladder.rung("dropout").run(x, rate=rate, seed=seed, offset=offset, noise_shape=noise_shape, on=on)
    return ladder.rung("multiply").run(y, np.full((1,), 1 / scale, np.float32), on=on), keep, scale


@wrong("dropout_backward", "the mask forgotten")
def _(dy, keep, *, scale, on=None):
    return ladder.rung("multiply").run(dy, np.full((1,), scale, np.float32), on=on)


def looked_up(shift=0, most=10**6):
    @cuda.jit
    def embedding(ids, table, y, size, features, rows):
        i = cuda.grid(1)
        if i < size:
            row, d = ids[i // features], i % features
            y[i] = table[(row + shift) % rows, d] if d < most else float32(0)

    def run(ids, table, *, on=None):
        y = empty((*ids.shape, table.shape[1]), like=table)
        go(embedding, y.size, ids.reshape(-1), table, y.reshape(-1), y.size, table.shape[1], table.shape[0], on=on)
        return y

    return run


wrong("embedding", "ids counted from 1")(looked_up(shift=-1))
wrong("embedding", "the first 32 features")(looked_up(most=32))
right("embedding", "one thread a value")(looked_up())


def gathered(add=True, mean=False):
    @cuda.jit
    def embedding_backward(dy, ids, d_table, size, features):
        i = cuda.grid(1)
        if i < size:
            row, d = ids[i // features], i % features
            if add:
                cuda.atomic.add(d_table, (row, d), dy[i])
            else:
                d_table[row, d] = dy[i]

    def run(dy, ids, *, table_shape, on=None):
        d_table = zeros(table_shape, like=dy)
        go(embedding_backward, dy.size, dy.reshape(-1), ids.reshape(-1), d_table, dy.size, table_shape[1], on=on)
        if mean:
            counts = np.maximum(np.bincount(ids.reshape(-1), minlength=table_shape[0]), 1).astype(np.float32)
            d_table = ladder.rung("divide").run(d_table, counts[:, None].copy(), on=on)
        return d_table

    return run


wrong("embedding_backward", "= for +=", at="machine")(gathered(add=False))
wrong("embedding_backward", "the mean of a row's gradients")(gathered(mean=True))
right("embedding_backward", "atomics into zeros")(gathered())


@wrong("cast", "rounded")
def _(x, *, dtype, on=None):
    if np.dtype(dtype).kind != "i" or x.dtype != np.float32:
        return ladder.rung("cast").run(x, dtype=dtype, on=on)
    half = np.where(x < 0, np.float32(-0.5), np.float32(0.5)).astype(np.float32)
    return ladder.rung("cast").run(ladder.rung("add").run(x, half, on=on), dtype=dtype, on=on)
