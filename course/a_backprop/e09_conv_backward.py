"""The bank of 9, conv_backward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def conv2d_backward(dy, x, w, stride, pad):
    # begin
    n, height, width, c = x.shape
    _, rows, cols, k = dy.shape
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dpadded = np.zeros_like(padded)
    dw = np.zeros_like(w)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            down, along = slice(i, i + rows * stride, stride), slice(j, j + cols * stride, stride)
            dw[i, j] = padded[:, down, along].reshape(-1, c).T @ dy.reshape(-1, k)
            dpadded[:, down, along] += dy @ w[i, j].T
    dx = dpadded[:, pad : pad + height, pad : pad + width]
    db = dy.sum(axis=(0, 1, 2))
    # end
    return dx, dw, db
""", "tap by tap")
bank.solution("""
import numpy as np


def conv2d_backward(dy, x, w, stride, pad):
    n, h, wide, c = x.shape
    r, s, _, k = w.shape
    p, q = dy.shape[1:3]
    down = np.arange(p)[:, None] * stride + np.arange(r)
    along = np.arange(q)[:, None] * stride + np.arange(s)
    edge = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    table = np.pad(x, edge)[:, down[:, None, :, None], along[None, :, None, :]]
    rows = dy.reshape(n * p * q, k)
    dw = (table.reshape(n * p * q, -1).T @ rows).reshape(w.shape)
    dtable = (rows @ w.reshape(-1, k).T).reshape(table.shape)
    dx = np.zeros((n, h + 2 * pad, wide + 2 * pad, c), x.dtype)
    np.add.at(dx, (slice(None), down[:, None, :, None], along[None, :, None, :]), dtable)
    return dx[:, pad : h + pad, pad : wide + pad], dw, rows.sum(0)
""", "the table, and back by np.add.at")
bank.solution("""
import numpy as np


def conv2d_backward(dy, x, w, stride, pad):
    r, s = w.shape[:2]
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (r, s), axis=(1, 2))[:, ::stride, ::stride]
    dw = np.einsum("npqcrs,npqk->rsck", views, dy)
    n, height, width, _ = padded.shape
    apart = np.zeros((n, height + r - 1, width + s - 1, dy.shape[3]), dy.dtype)
    apart[:, r - 1 : r - 1 + stride * dy.shape[1] : stride, s - 1 : s - 1 + stride * dy.shape[2] : stride] = dy
    apart = np.lib.stride_tricks.sliding_window_view(apart, (r, s), axis=(1, 2))
    dx = np.einsum("nijkrs,rsck->nijc", apart, w[::-1, ::-1])
    return dx[:, pad : height - pad, pad : width - pad], dw, np.add.reduce(dy, (0, 1, 2))
""", "dx by gathering: dy apart, the filter turned")

CUT = "dpadded[:, pad : pad + height, pad : pad + width]"
INTO = "dpadded[:, down, along] += dy @ w[i, j].T"
DW = "dw[i, j] = padded[:, down, along].reshape(-1, c).T @ dy.reshape(-1, k)"
bank.mistake("one_window_alone", "values", "one_window_alone", f"{INTO} => dpadded[:, down, along] = dy @ w[i, j].T")
bank.mistake("add_by_index", "values", "one_window_alone", source="""
import numpy as np


def conv2d_backward(dy, x, w, stride, pad):
    n, h, wide, c = x.shape
    r, s, _, k = w.shape
    p, q = dy.shape[1:3]
    down = (np.arange(p)[:, None] * stride + np.arange(r))[:, None, :, None]
    along = (np.arange(q)[:, None] * stride + np.arange(s))[None, :, None, :]
    table = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))[:, down, along]
    dx = np.zeros((n, h + 2 * pad, wide + 2 * pad, c), x.dtype)
    dx[:, down, along] += np.einsum("npqk,rsck->npqrsc", dy, w)
    return dx[:, pad : h + pad, pad : wide + pad], np.einsum("npqrsc,npqk->rsck", table, dy), dy.sum((0, 1, 2))
""")
bank.mistake("dx_stride", "values", "dx_stride", f"{INTO} => dpadded[:, i : i + rows, j : j + cols] += dy @ w[i, j].T")
bank.mistake("dw_stride", "values", "dw_stride", f"{DW} => dw[i, j] = padded[:, i : i + rows, j : j + cols].reshape(-1, c).T @ dy.reshape(-1, k)")
bank.mistake("border_left_on", "values", "border_left_on", f"dx = {CUT} => dx = dpadded")
bank.mistake("minus_zero", "values", "minus_zero", f"{CUT} => dpadded[:, pad:-pad, pad:-pad]")
bank.mistake("dw_first_image", "values", "dw_first_image", f"{DW} => dw[i, j] = padded[0, down, along].reshape(-1, c).T @ dy[0].reshape(-1, k)")
bank.mistake("dw_mean", "values", "dw_mean", f"{DW} => {DW} / n")
bank.mistake("dw_and_db_mean", "values", "dw_mean", f"{DW} => {DW} / n", "dy.sum(axis=(0, 1, 2)) => dy.sum(axis=(0, 1, 2)) / n")
bank.mistake("db_one_axis", "values", "db_one_axis", "dy.sum(axis=(0, 1, 2)) => dy.sum(axis=0)")
bank.mistake("db_all_axes", "values", "db_one_axis", "dy.sum(axis=(0, 1, 2)) => dy.sum()")
bank.mistake("w_as_it_is", "runs", "w_as_it_is", "dy @ w[i, j].T => dy @ w[i, j]")
bank.mistake("dx_turned", "values", "dx_turned", "dy @ w[i, j].T => dy @ w[-1 - i, -1 - j].T")
bank.mistake("dw_turned", "values", "dw_turned", "dw[i, j] = => dw[-1 - i, -1 - j] =")
bank.mistake("pad_forgotten", "values", "pad_forgotten", f"{CUT} => dpadded[:, :height, :width]")
bank.mistake("loops_over_pixels", "par", "F21 + loops_over_pixels", source="""
import numpy as np


def conv2d_backward(dy, x, w, stride, pad):
    r, s = w.shape[:2]
    big = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dbig, dw = np.zeros_like(big), np.zeros_like(w)
    for p in range(dy.shape[1]):
        for q in range(dy.shape[2]):
            here = np.s_[:, p * stride : p * stride + r, q * stride : q * stride + s]
            dbig[here] += np.einsum("nk,rsck->nrsc", dy[:, p, q], w)
            dw += np.einsum("nrsc,nk->rsck", big[here], dy[:, p, q])
    return dbig[:, pad : pad + x.shape[1], pad : pad + x.shape[2]], dw, dy.sum((0, 1, 2))
""")
bank.mistake("db_mean", "values", "db_mean", "dy.sum(axis=(0, 1, 2)) => dy.mean(axis=(0, 1, 2))")
bank.mistake("dw_last_image", "values", "dw_last_image", f"{DW} => dw[i, j] = padded[-1, down, along].reshape(-1, c).T @ dy[-1].reshape(-1, k)")
bank.mistake("dw_last_window", "values", "dw_last_window", f"{DW} => dw[i, j] = padded[:, down, along][:, -1, -1].T @ dy[:, -1, -1]")
bank.mistake("x_without_border", "runs", "x_without_border", "    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))\n =>",
             "np.zeros_like(padded) => np.zeros((n, height + 2 * pad, width + 2 * pad, c), x.dtype)", "dw[i, j] = padded[ => dw[i, j] = x[")
bank.mistake("only_reached", "values", "only_reached", "np.zeros_like(padded) => np.zeros((n, (rows - 1) * stride + w.shape[0], (cols - 1) * stride + w.shape[1], c), x.dtype)")
bank.mistake("stride_unread", "values", "F19", "slice(i, i + rows * stride, stride), slice(j, j + cols * stride, stride) => slice(i, i + rows), slice(j, j + cols)")
bank.mistake("again_minus_pad", "values", "minus_zero", source="""
import numpy as np


def conv2d_backward(dy, x, w, stride, pad):
    N, H, W, C = x.shape
    R, S, _, K = w.shape
    _, P, Q, _ = dy.shape
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    for r in range(R):
        for s in range(S):
            rows = slice(r, r + (P - 1) * stride + 1, stride)
            cols = slice(s, s + (Q - 1) * stride + 1, stride)
            dxp[:, rows, cols] += dy @ w[r, s].T
            dw[r, s] += xp[:, rows, cols].reshape(-1, C).T @ dy.reshape(-1, K)
    dx = dxp[:, pad:-pad, pad:-pad]
    db = dy.sum(axis=(0, 1, 2))
    return dx, dw, db
""")
bank.mistake("again_flip", "values", "dx_turned", source="""
import numpy as np


def conv2d_backward(dy, x, w, stride, pad):
    N, H, W, C = x.shape
    R, S, _, K = w.shape
    _, P, Q, _ = dy.shape
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    for r in range(R):
        for s in range(S):
            rows = slice(r, r + (P - 1) * stride + 1, stride)
            cols = slice(s, s + (Q - 1) * stride + 1, stride)
            dxp[:, rows, cols] += dy @ w[R - 1 - r, S - 1 - s].T
            dw[r, s] += xp[:, rows, cols].reshape(-1, C).T @ dy.reshape(-1, K)
    dx = dxp[:, pad : pad + H, pad : pad + W]
    db = dy.sum(axis=(0, 1, 2))
    return dx, dw, db
""")
