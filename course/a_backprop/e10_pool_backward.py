"""The bank of 10, pool_backward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    # begin
    dx = np.zeros_like(x)
    rows, cols = y.shape[1] * stride, y.shape[2] * stride
    waiting = np.ones(y.shape, bool)
    for i in range(size):
        for j in range(size):
            here = np.s_[:, i : i + rows : stride, j : j + cols : stride]
            wins = waiting & (x[here] == y)
            dx[here] += dy * wins
            waiting &= ~wins
    # end
    return dx
""", "place by place, winners crossed off")
bank.solution("""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    winner = windows.reshape(*y.shape, size * size).argmax(-1)
    n, p, q, c = np.indices(y.shape)
    dx = np.zeros(x.shape, x.dtype)
    np.add.at(dx, (n, p * stride + winner // size, q * stride + winner % size, c), dy)
    return dx
""", "argmax of each window, np.add.at")
bank.solution("""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    best = np.full(y.shape, -np.inf, x.dtype)
    who = np.zeros(y.shape, int)
    places = [(a, b) for a in range(size) for b in range(size)]
    view = lambda array, a, b: array[:, a : a + (y.shape[1] - 1) * stride + 1 : stride, b : b + (y.shape[2] - 1) * stride + 1 : stride]
    for k, (a, b) in enumerate(places):
        larger = view(x, a, b) > best
        best, who = np.where(larger, view(x, a, b), best), np.where(larger, k, who)
    dx = 0 * x
    for k, (a, b) in enumerate(places):
        part = view(dx, a, b)
        part += np.where(who == k, dy, 0)
    return dx
""", "the winner's number, then handed out")

WINS = "wins = waiting & (x[here] == y)"
ADD = "dx[here] += dy * wins"
bank.mistake("average", "values", "average", f"{ADD} => dx[here] += dy / size**2")
bank.mistake("everybody", "values", "everybody", f"{ADD} => dx[here] += dy")
bank.mistake("overwritten", "values", "overwritten", f"{ADD} => dx[here] = dy * wins")
bank.mistake("overwritten_by_winners", "values", "overwritten", f"{ADD} => dx[here][wins] = dy[wins]")
bank.mistake("add_by_index", "values", "add_by_index", "np.add.at(dx, (n, p * stride + winner // size, q * stride + winner % size, c), dy) => "
             "dx[n, p * stride + winner // size, q * stride + winner % size, c] += dy", of=1)
bank.mistake("every_tie", "values", "every_tie", f"{WINS} => wins = x[here] == y")
bank.mistake("ties_shared", "values", "ties_shared", f"{WINS} => wins = x[here] == y", f"{ADD} => dx[here] += dy * wins / many",
             "    waiting = np.ones(y.shape, bool)\n =>     waiting = np.ones(y.shape, bool)\n"
             "    many = sum((x[:, i : i + rows : stride, j : j + cols : stride] == y).astype(x.dtype)\n"
             "               for i in range(size) for j in range(size))\n")
bank.mistake("last_tie", "values", "last_tie", "> best => >= best", of=2)
bank.mistake("columns_first", "values", "columns_first", "for a in range(size) for b in range(size)] => for b in range(size) for a in range(size)]", of=2)
bank.mistake("one_an_image", "values", "one_an_image", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    dx = np.zeros_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[3]):
            i, j = np.unravel_index(x[n, :, :, c].argmax(), x.shape[1:3])
            dx[n, i, j, c] = dy[n, min(i // stride, dy.shape[1] - 1), min(j // stride, dy.shape[2] - 1), c]
    return dx
""")
bank.mistake("one_for_all_channels", "values", "one_for_all_channels", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    dx = np.zeros_like(x)
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                window = x[n, p * stride : p * stride + size, q * stride : q * stride + size]
                i, j, _ = np.unravel_index(window.argmax(), window.shape)
                dx[n, p * stride + i, q * stride + j] += dy[n, p, q]
    return dx
""")
bank.mistake("other_window", "values", "other_window", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    def stretched(a):
        a = a.repeat(stride, axis=1).repeat(stride, axis=2)[:, : x.shape[1], : x.shape[2]]
        return np.pad(a, ((0, 0), (0, x.shape[1] - a.shape[1]), (0, x.shape[2] - a.shape[2]), (0, 0)))

    return (x == stretched(y)) * stretched(dy)
""")
bank.mistake("stride_of_size", "values", "stride_of_size", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    dx = np.zeros_like(x)
    for n, p, q, c in np.ndindex(y.shape):
        window = x[n, p * size : p * size + size, q * size : q * size + size, c]
        if window.size:
            i, j = np.unravel_index(window.argmax(), window.shape)
            dx[n, p * size + i, q * size + j, c] += dy[n, p, q, c]
    return dx
""")
bank.mistake("loops_over_windows", "par", "F21 + loops_over_windows", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    dx = np.zeros_like(x)
    for n, p, q, c in np.ndindex(y.shape):
        window = x[n, p * stride : p * stride + size, q * stride : q * stride + size, c]
        i, j = np.unravel_index(window.argmax(), window.shape)
        dx[n, p * stride + i, q * stride + j, c] += dy[n, p, q, c]
    return dx
""")
bank.mistake("place_in_window", "values", "place_in_window", "(n, p * stride + winner // size, q * stride + winner % size, c) => (n, p + winner // size, q + winner % size, c)", of=1)
bank.mistake("relu_s_mask", "values", "relu_s_mask", f"{WINS} => wins = x[here] > 0")
bank.mistake("from_zero", "values", "from_zero", "best = np.full(y.shape, -np.inf, x.dtype) => best = np.zeros_like(y)",
             "who = np.zeros(y.shape, int) => who = np.full(y.shape, -1)", of=2)
bank.mistake("open_slice", "runs", "open_slice", "np.s_[:, i : i + rows : stride, j : j + cols : stride] => np.s_[:, i::stride, j::stride]")
bank.mistake("overwrites", "values", "overwritten", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    dx = np.zeros_like(x)
    N, P, Q, C = y.shape
    done = np.zeros(y.shape, bool)
    for i in range(size):
        for j in range(size):
            rows = slice(i, i + stride * (P - 1) + 1, stride)
            cols = slice(j, j + stride * (Q - 1) + 1, stride)
            win = (x[:, rows, cols] == y) & ~done
            done |= win
            dx[:, rows, cols] = np.where(win, dy, dx[:, rows, cols])
    return dx
""")
bank.mistake("column_order", "values", "columns_first", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    n, p, q, c = dy.shape
    dx = np.zeros(x.shape, dtype=dy.dtype)
    free = np.ones(dy.shape, dtype=bool)
    for s in range(size):
        for r in range(size):
            here = (slice(None), slice(r, r + p * stride, stride), slice(s, s + q * stride, stride))
            part = x[here][:, :p, :q]
            hit = free & (part == y)
            free &= ~hit
            dx[:, r : r + (p - 1) * stride + 1 : stride, s : s + (q - 1) * stride + 1 : stride] += dy * hit
    return dx
""")
bank.mistake("as_seen_1", "values", "overwritten", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    dx = np.zeros_like(x)
    P, Q = y.shape[1:3]
    free = np.ones(y.shape, bool)
    for r in range(size):
        for s in range(size):
            rows, cols = slice(r, r + P * stride, stride), slice(s, s + Q * stride, stride)
            rows, cols = slice(r, r + (P - 1) * stride + 1, stride), slice(s, s + (Q - 1) * stride + 1, stride)
            won = free & (x[:, rows, cols] == y)
            dx[:, rows, cols][won] = dy[won]
            free &= ~won
    return dx
""")
bank.mistake("as_seen_2", "values", "every_tie", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    dx = np.zeros_like(x)
    P, Q = y.shape[1:3]
    free = np.ones(y.shape, bool)
    for r in range(size):
        for s in range(size):
            rows, cols = slice(r, r + P * stride, stride), slice(s, s + Q * stride, stride)
            rows, cols = slice(r, r + (P - 1) * stride + 1, stride), slice(s, s + (Q - 1) * stride + 1, stride)
            won = free & (x[:, rows, cols] == y)
            dx[:, rows, cols] += dy * won
    return dx
""")
bank.mistake("again_assign", "values", "overwritten", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    P, Q = y.shape[1:3]
    dx = np.zeros_like(x)
    taken = np.zeros(y.shape, bool)
    for r in range(size):
        for s in range(size):
            rows = slice(r, r + (P - 1) * stride + 1, stride)
            cols = slice(s, s + (Q - 1) * stride + 1, stride)
            won = (x[:, rows, cols] == y) & ~taken
            dx[:, rows, cols] = np.where(won, dy, dx[:, rows, cols])
            taken |= won
    return dx
""")
bank.mistake("again_last", "values", "last_tie", source="""
import numpy as np


def max_pool_backward(dy, x, y, size, stride):
    P, Q = y.shape[1:3]
    dx = np.zeros_like(x)
    taken = np.zeros(y.shape, bool)
    for r in reversed(range(size)):
        for s in reversed(range(size)):
            rows = slice(r, r + (P - 1) * stride + 1, stride)
            cols = slice(s, s + (Q - 1) * stride + 1, stride)
            won = (x[:, rows, cols] == y) & ~taken
            dx[:, rows, cols] += np.where(won, dy, 0)
            taken |= won
    return dx
""")
