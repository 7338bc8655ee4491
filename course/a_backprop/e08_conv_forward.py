"""The bank of 8, conv_forward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def conv2d(x, w, b, stride, pad):
    # begin
    n, height, width, c = x.shape
    r, s, _, k = w.shape
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    rows = (height + 2 * pad - r) // stride + 1
    cols = (width + 2 * pad - s) // stride + 1
    table = np.empty((n, rows, cols, r, s, c), x.dtype)
    for i in range(r):
        for j in range(s):
            table[:, :, :, i, j] = padded[:, i : i + rows * stride : stride, j : j + cols * stride : stride]
    y = table.reshape(-1, r * s * c) @ w.reshape(r * s * c, k) + b
    y = y.reshape(n, rows, cols, k)
    # end
    return y
""", "a table, filled tap by tap")
bank.solution("""
import numpy as np


def conv2d(x, w, b, stride, pad):
    edge = [(0, 0), (pad,) * 2, (pad,) * 2, (0, 0)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, edge), w.shape[:2], axis=(1, 2))
    return np.einsum("npqcrs,rsck->npqk", windows[:, ::stride, ::stride], w) + b
""", "a view of windows, einsum")
bank.solution("""
import numpy as np


def conv2d(x, w, b, stride, pad):
    n, h, wide, c = x.shape
    big = np.zeros((n, h + 2 * pad, wide + 2 * pad, c), dtype=x.dtype)
    big[:, pad : pad + h, pad : pad + wide, :] = x
    last_row, last_col = big.shape[1] - w.shape[0] + 1, big.shape[2] - w.shape[1] + 1
    y = b
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            y = y + big[:, i : last_row + i : stride, j : last_col + j : stride] @ w[i, j]
    return y
""", "shifted images, added up")

TABLE = "table[:, :, :, i, j] = padded[:, i : i + rows * stride : stride, j : j + cols * stride : stride]"
PAD = "((0, 0), (pad, pad), (pad, pad), (0, 0))"
bank.mistake("flipped", "values", "flipped", "w.reshape(r * s * c, k) => w[::-1, ::-1].reshape(r * s * c, k)")
bank.mistake("columns_c_r_s", "values", "columns_c_r_s", "cols, r, s, c), x => cols, c, r, s), x",
             "table[:, :, :, i, j] => table[:, :, :, :, i, j]")
bank.mistake("w_reshaped", "values", "w_reshaped", "w.reshape(r * s * c, k) => w.reshape(k, r * s * c).T")
bank.mistake("pad_not_counted", "values", "pad_not_counted", "(height + 2 * pad - r) => (height - r)", "(width + 2 * pad - s) => (width - s)")
bank.mistake("pad_counted_once", "values", "pad_not_counted", "(height + 2 * pad - r) => (height + pad - r)", "(width + 2 * pad - s) => (width + pad - s)")
bank.mistake("fence", "values", "fence", "- r) // stride + 1 => - r) // stride", "- s) // stride + 1 => - s) // stride")
bank.mistake("fence_inside", "values", "fence", "- r) // stride + 1 => - r + 1) // stride", "- s) // stride + 1 => - s + 1) // stride")
bank.mistake("bias_at_each_tap", "values", "bias_in_the_sum", "w[i, j]\n => w[i, j] + b\n", "y = b => y = 0", of=2)
bank.mistake("bias_at_each_term", "values", "bias_in_the_sum", "(r * s * c, k) + b => (r * s * c, k) + b * r * s * c")
bank.mistake("pad_on_one_side", "values", "pad_on_one_side", f"{PAD} => ((0, 0), (2 * pad, 0), (2 * pad, 0), (0, 0))")
bank.mistake("edge_repeated", "values", "edge_repeated", f"{PAD}) => {PAD}, mode='edge')")
bank.mistake("stride_1", "values", "stride_1", f"{TABLE} => table[:, :, :, i, j] = padded[:, i : i + rows, j : j + cols]")
bank.mistake("taps_apart", "values", "taps_apart", "padded[:, i : i + rows * stride : stride, j : j + cols * stride : stride] => "
             "np.pad(padded, ((0, 0), (0, 99), (0, 99), (0, 0)))[:, i * stride : i * stride + rows, j * stride : j * stride + cols]")
bank.mistake("one_channel", "values", "one_channel", "y = table.reshape(-1, r * s * c) @ w.reshape(r * s * c, k) + b => "
             "y = table[..., 0].reshape(-1, r * s) @ w[:, :, 0].reshape(r * s, k) + b")
bank.mistake("no_bias", "values", "F19", "w.reshape(r * s * c, k) + b => w.reshape(r * s * c, k)")
bank.mistake("loops_over_pixels", "par", "F21 + loops_over_pixels", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    n, height, width, c = x.shape
    r, s, _, k = w.shape
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    rows = (height + 2 * pad - r) // stride + 1
    cols = (width + 2 * pad - s) // stride + 1
    y = np.empty((n, rows, cols, k), x.dtype)
    for p in range(rows):
        for q in range(cols):
            window = padded[:, p * stride : p * stride + r, q * stride : q * stride + s]
            y[:, p, q] = np.einsum("nrsc,rsck->nk", window, w) + b
    return y
""")
bank.mistake("taps_exchanged", "runs", "taps_exchanged", "w[i, j]\n => w[j, i]\n", of=2)
bank.mistake("last_tap_alone", "values", "last_tap_alone", "y = y + big => y = b + big", of=2)
bank.mistake("columns_s_r", "values", "columns_s_r", "cols, r, s, c), x => cols, s, r, c), x", "table[:, :, :, i, j] => table[:, :, :, j, i]")
bank.mistake("all_axes_padded", "runs", "all_axes_padded", f"np.pad(x, {PAD}) => np.pad(x, pad)")
bank.mistake("slice_too_short", "runs", "slice_too_short", f"{TABLE} => table[:, :, :, i, j] = padded[:, i : i + rows : stride, j : j + cols : stride]")
bank.mistake("minus_zero", "runs", "minus_zero", f"padded = np.pad(x, {PAD}) => padded = np.zeros((n, height + 2 * pad, width + 2 * pad, c), x.dtype)\n    padded[:, pad:-pad, pad:-pad] = x")
bank.mistake("axes_exchanged", "runs", "axes_exchanged", "n, height, width, c = x.shape => n, width, height, c = x.shape")
bank.mistake("in_float64", "values", "dtype", "dtype=x.dtype => dtype=float", of=2)
bank.mistake("table_c_first", "values", "columns_c_r_s", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    n, h, width, c = x.shape
    r_, s_, _, k = w.shape
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    p_ = (h + 2 * pad - r_) // stride + 1
    q_ = (width + 2 * pad - s_) // stride + 1
    cols = np.empty((n, p_, q_, c, r_, s_), x.dtype)
    for r in range(r_):
        for s in range(s_):
            cols[:, :, :, :, r, s] = xp[:, r : r + stride * p_ : stride, s : s + stride * q_ : stride]
    y = cols.reshape(n * p_ * q_, -1) @ w.reshape(-1, k) + b
    return y.reshape(n, p_, q_, k)
""")
bank.mistake("q_from_height", "runs", "q_from_r", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    N, H, W, C = x.shape
    R, S, _, K = w.shape
    P = (H + 2 * pad - R) // stride + 1
    Q = (W + 2 * pad - R) // stride + 1
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    y = np.zeros((N, P, Q, K), x.dtype) + b
    for r in range(R):
        for s in range(S):
            piece = x[:, r : r + stride * (P - 1) + 1 : stride, s : s + stride * (Q - 1) + 1 : stride]
            y = y + piece @ w[r, s]
    return y
""")
bank.mistake("flipped_again", "values", "flipped", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    n, h, wd, c = x.shape
    R, S, C, K = w.shape
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    P = 1 + (h + 2 * pad - R) // stride
    Q = 1 + (wd + 2 * pad - S) // stride
    table = []
    for r in range(R):
        for s in range(S):
            table.append(x[:, r : r + stride * (P - 1) + 1 : stride, s : s + stride * (Q - 1) + 1 : stride])
    table = np.concatenate(table, axis=-1)
    return table @ w[::-1, ::-1].reshape(-1, K) + b
""")
bank.mistake("pad_behind", "values", "pad_behind", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    n, h, wd, c = x.shape
    R, S, C, K = w.shape
    big = np.zeros((n, h + 2 * pad, wd + 2 * pad, c), x.dtype)
    big[:, : h, : wd] = x
    P = 1 + (h + 2 * pad - R) // stride
    Q = 1 + (wd + 2 * pad - S) // stride
    y = np.zeros((n, P, Q, K), x.dtype) + b
    for r in range(R):
        for s in range(S):
            y += big[:, r : r + stride * (P - 1) + 1 : stride, s : s + stride * (Q - 1) + 1 : stride] @ w[r, s]
    return y
""")
bank.mistake("as_seen_1", "values", "columns_c_r_s", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    N, H, W, C = x.shape
    R, S, _, K = w.shape
    P = (H + 2 * pad - R) // stride + 1
    Q = (W + 2 * pad - S) // stride + 1
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    table = np.empty((N, P, Q, C, R, S), x.dtype)
    for r in range(R):
        for s in range(S):
            table[:, :, :, :, r, s] = xp[:, r:r + stride * P:stride, s:s + stride * Q:stride]
    y = table.reshape(N * P * Q, R * S * C) @ w.reshape(R * S * C, K) + b
    return y.reshape(N, P, Q, K)
""")
bank.mistake("as_seen_2", "values", "pad_not_counted", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    N, H, W, C = x.shape
    R, S, _, K = w.shape
    P = (H + pad - R) // stride + 1
    Q = (W + pad - S) // stride + 1
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    table = np.empty((N, P, Q, R, S, C), x.dtype)
    for r in range(R):
        for s in range(S):
            table[:, :, :, r, s] = xp[:, r:r + stride * P:stride, s:s + stride * Q:stride]
    y = table.reshape(N * P * Q, R * S * C) @ w.reshape(R * S * C, K) + b
    return y.reshape(N, P, Q, K)
""")
bank.mistake("again_places", "values", "fence", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    N, H, W, C = x.shape
    R, S, _, K = w.shape
    P = (H + 2 * pad - R + 1) // stride
    Q = (W + 2 * pad - S + 1) // stride
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    cols = np.empty((N, P, Q, R, S, C), x.dtype)
    for r in range(R):
        for s in range(S):
            cols[:, :, :, r, s] = xp[:, r : r + P * stride : stride, s : s + Q * stride : stride][:, :P, :Q]
    y = cols.reshape(N * P * Q, R * S * C) @ w.reshape(R * S * C, K) + b
    return y.reshape(N, P, Q, K)
""")
bank.mistake("again_w_reshape", "values", "w_reshaped", source="""
import numpy as np


def conv2d(x, w, b, stride, pad):
    N, H, W, C = x.shape
    R, S, _, K = w.shape
    P = (H + 2 * pad - R) // stride + 1
    Q = (W + 2 * pad - S) // stride + 1
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    cols = np.empty((N, P, Q, R, S, C), x.dtype)
    for r in range(R):
        for s in range(S):
            cols[:, :, :, r, s] = xp[:, r : r + P * stride : stride, s : s + Q * stride : stride][:, :P, :Q]
    y = cols.reshape(N * P * Q, R * S * C) @ w.reshape(K, R * S * C).T + b
    return y.reshape(N, P, Q, K)
""")
