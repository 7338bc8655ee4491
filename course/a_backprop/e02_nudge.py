"""The bank of 2, nudge."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    # begin
    x = np.array(x, dtype=np.float64)
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + h
        above = f(x)
        x[i] = kept - h
        below = f(x)
        x[i] = kept
        g[i] = (above - below) / (2 * h)
    # end
    return g
""", "one cell after the other, in a copy")
bank.solution("""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    x = x.astype(np.float64)
    steps = (h * np.eye(x.size)).reshape(x.size, *x.shape)
    slopes = [(f(x + step) - f(x - step)) / h / 2 for step in steps]
    return np.array(slopes).reshape(x.shape)
""", "a step as an array, x never touched")

COPY = "x = np.array(x, dtype=np.float64)"
bank.mistake("one_sided", "values", "one_sided", "        x[i] = kept - h\n =>",
             "        below = f(x)\n        x[i] = kept\n =>         x[i] = kept\n        below = f(x)\n",
             "/ (2 * h) => / h")
bank.mistake("one_sided_array", "values", "one_sided", "f(x + step) - f(x - step)) / h / 2 => f(x + step) - f(x)) / h", of=1)
bank.mistake("backward", "values", "one_sided", "f(x + step) - f(x - step)) / h / 2 => f(x) - f(x - step)) / h", of=1)
bank.mistake("twice", "values", "twice", "/ (2 * h) => / h")
bank.mistake("left_moved", "values", "F17 + left_moved", f"    {COPY}\n =>", "        x[i] = kept\n =>")
bank.mistake("added_back", "values", "F17 + added_back", source="""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += h
        above = f(x)
        x[i] -= 2 * h
        below = f(x)
        x[i] += h
        g[i] = (above - below) / (2 * h)
    return g
""")
bank.mistake("copy_moved", "values", "copy_moved", "        x[i] = kept\n =>")
bank.mistake("own_type", "values", "coarse", f"{COPY} => x = x.copy()")
bank.mistake("own_type_in_place", "values", "coarse", f"    {COPY}\n =>", "kept = x[i] => kept = float(x[i])")
bank.mistake("whole_row", "values", "whole_row", "np.ndindex(x.shape): => range(len(x)):", "kept = x[i] => kept = x[i].copy()")
bank.mistake("whole_row_first", "values", "whole_row", "np.ndindex(x.shape): => range(len(x)):",
             "kept = x[i] => kept = x[i].copy()", "np.zeros(x.shape) => np.zeros(x.shape[0])")
bank.mistake("all_at_once", "values", "all_at_once", source="""
def numerical_gradient(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)
""")
bank.mistake("flat_copy", "values", "flat_copy", source="""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    x = x.astype(np.float64)
    flat = x.ravel()
    g = np.zeros(x.size)
    for i in range(x.size):
        kept = flat[i]
        flat[i] = kept + h
        above = f(x)
        flat[i] = kept - h
        below = f(x)
        flat[i] = kept
        g[i] = (above - below) / (2 * h)
    return g.reshape(x.shape)
""")
bank.mistake("five_points", "values", "asks_often", source="""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    x = np.array(x, np.float64)
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        d = np.zeros(x.shape)
        d[i] = h
        g[i] = (8 * (f(x + d) - f(x - d)) - (f(x + 2 * d) - f(x - 2 * d))) / (12 * h)
    return g
""")
bank.mistake("no_return", "runs", "none", "    return g\n =>")
bank.mistake("two_axes", "runs", "two_axes", source="""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    x = x.astype(np.float64)
    g = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            step = np.zeros_like(x)
            step[i, j] = h
            g[i, j] = (f(x + step) - f(x - step)) / (2 * h)
    return g
""")
bank.mistake("brackets", "values", "brackets", "/ (2 * h) => / 2 * h")
bank.mistake("whole_slopes", "values", "whole_slopes", "    x = np.array(x, dtype=np.float64)\n    g = np.zeros(x.shape)\n =>     g = np.zeros_like(x)\n    x = np.array(x, dtype=np.float64)\n")
bank.mistake("back_to_x", "values", "half_way", "x[i] = kept - h => x[i] -= h")
bank.mistake("put_back_too_far", "values", "copy_moved", "        x[i] = kept\n        g[i] =>         x[i] += 2 * h\n        g[i]")
bank.mistake("as_seen_1", "values", "copy_moved", source="""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    original = x
    x = np.array(x, dtype=np.float64)
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        up = f(x)
        x[i] = old - h
        down = f(x)
        g[i] = (up - down) / (2 * h)
    return g
""")
bank.mistake("as_seen_2", "values", "whole_slopes", source="""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    original = x
    x = np.array(x, dtype=np.float64)
    g = np.zeros_like(original)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        up = f(x)
        x[i] = old - h
        down = f(x)
        x[i] = old
        g[i] = (up - down) / (2 * h)
    return g
""")
bank.mistake("again_back_h", "values", "half_way", source="""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    g = np.zeros(x.shape)
    moved = x.astype(np.float64)
    for i in np.ndindex(x.shape):
        old = moved[i]
        moved[i] = old + h
        up = f(moved)
        moved[i] -= h
        down = f(moved)
        moved[i] = old
        g[i] = (up - down) / (2 * h)
    return g
""")
bank.mistake("again_zeros_like", "values", "whole_slopes", source="""
import numpy as np


def numerical_gradient(f, x, h=1e-6):
    g = np.zeros_like(x)
    moved = x.astype(np.float64)
    for i in np.ndindex(x.shape):
        old = moved[i]
        moved[i] = old + h
        up = f(moved)
        moved[i] = old - h
        down = f(moved)
        moved[i] = old
        g[i] = (up - down) / (2 * h)
    return g
""")
