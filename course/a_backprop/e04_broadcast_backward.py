"""The bank of 4, broadcast_backward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
def unbroadcast(dy, shape):
    # begin
    dx = dy.sum(axis=tuple(range(dy.ndim - len(shape))))
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1)
    dx = dx.sum(axis=stretched, keepdims=True)
    # end
    return dx


def add_backward(dy, a, b):
    # begin
    da = unbroadcast(dy, a.shape)
    db = unbroadcast(dy, b.shape)
    # end
    return da, db


def multiply_backward(dy, a, b):
    # begin
    da = unbroadcast(dy * b, a.shape)
    db = unbroadcast(dy * a, b.shape)
    # end
    return da, db
""", "added axes, then stretched ones")
bank.solution("""
import numpy as np


def unbroadcast(dy, shape):
    padded = (1,) * (np.ndim(dy) - len(shape)) + tuple(shape)
    longer = tuple(k for k in range(np.ndim(dy)) if padded[k] != dy.shape[k])
    return np.sum(dy, axis=longer, keepdims=True).reshape(shape)


def add_backward(dy, a, b):
    return tuple(unbroadcast(dy, part.shape) for part in (a, b))


def multiply_backward(dy, a, b):
    return unbroadcast(np.multiply(b, dy), np.shape(a)), unbroadcast(np.multiply(a, dy), np.shape(b))
""", "all at once, reshaped")
bank.solution("""
import numpy as np


def unbroadcast(dy, shape):
    while dy.ndim > len(shape):
        dy = np.add.reduce(dy, 0)
    for axis in range(len(shape)):
        if shape[axis] < dy.shape[axis]:
            dy = np.expand_dims(np.add.reduce(dy, axis), axis)
    return dy


def add_backward(dy, a, b):
    return multiply_backward(dy, np.ones_like(a), np.ones_like(b))


def multiply_backward(dy, a, b):
    return unbroadcast(b * dy, a.shape), unbroadcast(a * dy, b.shape)
""", "axis by axis")

ADDED = "dx = dy.sum(axis=tuple(range(dy.ndim - len(shape))))"
STRETCHED = "    dx = dx.sum(axis=stretched, keepdims=True)\n"
bank.mistake("added_axes_alone", "values", "added_axes_alone", f"{STRETCHED} =>")
bank.mistake("stretched_alone", "values", "stretched_alone", source="""
def unbroadcast(dy, shape):
    for axis, length in enumerate(shape):
        if length == 1 and axis < dy.ndim:
            dy = dy.sum(axis=axis, keepdims=True)
    return dy


def add_backward(dy, a, b):
    return unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)


def multiply_backward(dy, a, b):
    return unbroadcast(dy * b, a.shape), unbroadcast(dy * a, b.shape)
""")
bank.mistake("length_lost", "values", "length_lost", "stretched, keepdims=True => stretched")
bank.mistake("own_factor", "values", "own_factor", "dy * b, => dy * a,", "unbroadcast(dy * a, b.shape) => unbroadcast(dy * b, b.shape)")
bank.mistake("no_factor", "values", "no_factor", "dy * b, => dy,", "dy * a, => dy,")
bank.mistake("always_sums", "values", "always_sums", "if length == 1 => if length >= 1")
bank.mistake("always_sums_rows", "values", "always_sums", f"{ADDED} => dx = dy.sum(axis=0) if dy.ndim > 1 else dy",
             "enumerate(shape) if length == 1 => enumerate(shape) if length == 1 and axis < dx.ndim")
bank.mistake("mean", "values", "mean", "dy.sum(axis=tuple => dy.mean(axis=tuple", "dx.sum(axis=stretched => dx.mean(axis=stretched")
bank.mistake("mean_of_stretched", "values", "mean", "dx.sum(axis=stretched => dx.mean(axis=stretched")
bank.mistake("first_use", "values", "first_use", source="""
def unbroadcast(dy, shape):
    while dy.ndim > len(shape):
        dy = dy[0]
    return dy[tuple(slice(0, n) for n in shape)]


def add_backward(dy, a, b):
    return unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)


def multiply_backward(dy, a, b):
    return unbroadcast(dy * b, a.shape), unbroadcast(dy * a, b.shape)
""")
bank.mistake("stays_stretched", "values", "stays_stretched", "unbroadcast(dy * b, a.shape) => dy * b",
             "unbroadcast(dy * a, b.shape) => dy * a")
bank.mistake("factor_later", "values", "factor_later", "unbroadcast(dy * b, a.shape) => unbroadcast(unbroadcast(dy, a.shape) * b, a.shape)",
             "unbroadcast(dy * a, b.shape) => unbroadcast(unbroadcast(dy, b.shape) * a, b.shape)")
bank.mistake("by_size", "values", "by_size",
             source="""
import numpy as np


def unbroadcast(dy, shape):
    return np.resize(dy, shape)


def add_backward(dy, a, b):
    return unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)


def multiply_backward(dy, a, b):
    return unbroadcast(dy * b, a.shape), unbroadcast(dy * a, b.shape)
""")
bank.mistake("axis_0_alone", "values", "axis_0_alone", source="""
def unbroadcast(dy, shape):
    return dy if dy.shape == shape else dy.sum(axis=0)


def add_backward(dy, a, b):
    return unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)


def multiply_backward(dy, a, b):
    return unbroadcast(dy * b, a.shape), unbroadcast(dy * a, b.shape)
""")
bank.mistake("last_axes_first", "values", "last_axes_first", "dy = np.add.reduce(dy, 0) => dy = np.add.reduce(dy, -1)",
             "if shape[axis] < dy.shape[axis]: => if shape[axis] == 1:", of=2)
bank.mistake("not_lined_up", "values", "not_lined_up", source="""
def unbroadcast(dy, shape):
    for axis, length in enumerate(shape):
        if length == 1:
            dy = dy.sum(axis=axis, keepdims=True)
    while dy.ndim > len(shape):
        dy = dy.sum(axis=0)
    return dy


def add_backward(dy, a, b):
    return unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)


def multiply_backward(dy, a, b):
    return unbroadcast(dy * b, a.shape), unbroadcast(dy * a, b.shape)
""")
bank.mistake("add_stays_stretched", "values", "add_stays_stretched", "da = unbroadcast(dy, a.shape) => da = dy", "db = unbroadcast(dy, b.shape) => db = dy")
bank.mistake("aligned_left", "values", "last_axes_first", source="""
import numpy as np


def unbroadcast(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.sum(axis=-1)
    for axis, n in enumerate(shape):
        if n == 1:
            dy = dy.sum(axis=axis, keepdims=True)
    return dy


def add_backward(dy, a, b):
    return unbroadcast(dy, np.shape(a)), unbroadcast(dy, np.shape(b))


def multiply_backward(dy, a, b):
    return unbroadcast(dy * b, np.shape(a)), unbroadcast(dy * a, np.shape(b))
""")
bank.mistake("sum_then_times", "values", "stays_stretched", source="""
import numpy as np


def unbroadcast(dy, shape):
    extra = dy.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(shape) if n == 1)
    return dy.sum(axis=axes, keepdims=True).reshape(shape)


def add_backward(dy, a, b):
    return unbroadcast(dy, np.shape(a)), unbroadcast(dy, np.shape(b))


def multiply_backward(dy, a, b):
    return unbroadcast(dy, np.shape(a)) * b, unbroadcast(dy, np.shape(b)) * a
""")
bank.mistake("as_seen_1", "values", "factor_later", source="""
def unbroadcast(dy, shape):
    dx = dy.sum(axis=tuple(range(dy.ndim - len(shape))))
    ones = tuple(i for i, n in enumerate(shape) if n == 1)
    return dx.sum(axis=ones, keepdims=True)


def add_backward(dy, a, b):
    return unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)


def multiply_backward(dy, a, b):
    return unbroadcast(unbroadcast(dy, a.shape) * b, a.shape), unbroadcast(dy * a, b.shape)
""")
bank.mistake("as_seen_2", "values", "last_axes_first", source="""
def unbroadcast(dy, shape):
    dx = dy.sum(axis=tuple(range(len(shape), dy.ndim)))
    ones = tuple(i for i, n in enumerate(shape) if n == 1)
    return dx.sum(axis=ones, keepdims=True)


def add_backward(dy, a, b):
    return unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)


def multiply_backward(dy, a, b):
    return unbroadcast(dy * b, a.shape), unbroadcast(dy * a, b.shape)
""")
bank.mistake("again_late_product", "values", "stays_stretched", source="""
def unbroadcast(dy, shape):
    dx = dy.sum(axis=tuple(range(dy.ndim - len(shape))))
    axes = tuple(k for k, n in enumerate(shape) if n == 1)
    dx = dx.sum(axis=axes, keepdims=True)
    return dx


def add_backward(dy, a, b):
    da = unbroadcast(dy, a.shape)
    db = unbroadcast(dy, b.shape)
    return da, db


def multiply_backward(dy, a, b):
    da = unbroadcast(dy, a.shape) * b
    db = unbroadcast(dy * a, b.shape)
    return da, db
""")
bank.mistake("again_trailing", "values", "last_axes_first", source="""
def unbroadcast(dy, shape):
    dx = dy.sum(axis=tuple(range(len(shape), dy.ndim)))
    axes = tuple(k for k, n in enumerate(shape) if n == 1)
    dx = dx.sum(axis=axes, keepdims=True)
    return dx


def add_backward(dy, a, b):
    da = unbroadcast(dy, a.shape)
    db = unbroadcast(dy, b.shape)
    return da, db


def multiply_backward(dy, a, b):
    da = unbroadcast(dy * b, a.shape)
    db = unbroadcast(dy * a, b.shape)
    return da, db
""")
