"""The bank of 3, dense_backward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
def dense_backward(dy, x, w):
    # begin
    dx = dy @ w.T
    rows = x.reshape(-1, x.shape[-1])
    dy_rows = dy.reshape(-1, dy.shape[-1])
    dw = rows.T @ dy_rows
    db = dy_rows.sum(axis=0)
    # end
    return dx, dw, db
""", "rows, then products")
bank.solution("""
import numpy as np


def dense_backward(dy, x, w):
    samples = tuple(range(x.ndim - 1))
    return np.einsum("...u,du->...d", dy, w), np.tensordot(x, dy, (samples, samples)), dy.sum(axis=samples)
""", "einsum and tensordot")
bank.solution("""
import numpy as np


def dense_backward(dy, x, w):
    dx, dw, db = np.empty_like(x), np.zeros_like(w), np.zeros_like(w[0])
    for n in np.ndindex(x.shape[:-1]):
        dx[n] = w @ dy[n]
        dw += np.outer(x[n], dy[n])
        db += dy[n]
    return dx, dw, db
""", "sample by sample")

bank.mistake("w_as_it_is", "runs", "w_as_it_is", "dy @ w.T => dy @ w")
bank.mistake("dw_turned", "values", "dw_turned", "rows.T @ dy_rows => dy_rows.T @ rows")
bank.mistake("db_mean", "values", "db_mean", "dy_rows.sum(axis=0) => dy_rows.mean(axis=0)")
bank.mistake("mean_again", "values", "mean_again", "dw = rows.T @ dy_rows => dw = rows.T @ dy_rows / len(rows)",
             "dy_rows.sum(axis=0) => dy_rows.sum(axis=0) / len(rows)")
bank.mistake("mean_again_dw", "values", "mean_again", "dw = rows.T @ dy_rows => dw = rows.T @ dy_rows / len(rows)")
bank.mistake("db_one_number", "values", "db_one_number", "dy_rows.sum(axis=0) => dy_rows.sum()")
bank.mistake("db_first_axis", "values", "one_axis_of_rows", "dy_rows.sum(axis=0) => (dy.sum(axis=0) if dy.ndim > 1 else dy)")
bank.mistake("first_axis", "runs", "one_axis_of_rows", source="""
def dense_backward(dy, x, w):
    if x.ndim == 1:
        x, dy = x[None], dy[None]
        return (dy @ w.T)[0], x.T @ dy, dy[0]
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)
""")
bank.mistake("two_axes_at_most", "runs", "one_axis_of_rows", source="""
def dense_backward(dy, x, w):
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)
""")
bank.mistake("db_is_dy", "values", "db_is_dy", "dy_rows.sum(axis=0) => dy")
bank.mistake("dy_changed", "values", "F17 + dy_changed", "    dx = dy @ w.T\n =>     dy /= 1 + len(w)\n    dx = dy @ w.T\n")
bank.mistake("x_for_w", "values", "x_for_w", "dx = dy @ w.T => dx = x * dy.sum(axis=-1, keepdims=True)")
bank.mistake("in_float64", "values", "dtype", source="""
import numpy as np


def dense_backward(dy, x, w):
    dw, db = np.zeros(w.shape), np.zeros(w.shape[1])
    for n in np.ndindex(x.shape[:-1]):
        dw += np.outer(x[n], dy[n])
        db += dy[n]
    return dy @ w.T, dw, db
""")
bank.mistake("db_over_units", "values", "db_over_units", "dy_rows.sum(axis=0) => dy_rows.sum(axis=1)")
bank.mistake("db_keeps_axis", "values", "db_keeps_axis", "dy_rows.sum(axis=0) => dy_rows.sum(axis=0, keepdims=True)")
bank.mistake("dx_of_rows", "values", "dx_of_rows", "    dx = dy @ w.T\n =>", "    db = dy_rows =>     dx = dy_rows @ w.T\n    db = dy_rows")
bank.mistake("first_axis_only", "values", "one_axis_of_rows", source="""
import numpy as np


def dense_backward(dy, x, w):
    dx = dy @ w.T
    x2 = x.reshape(-1, x.shape[-1])
    dy2 = dy.reshape(-1, dy.shape[-1])
    dw = x2.T @ dy2
    db = np.sum(dy, axis=0)
    return dx, dw, db
""")
bank.mistake("einsum_slip", "runs", "raises", source="""
import numpy as np


def dense_backward(dy, x, w):
    dx = np.einsum("...u,ud->...d", dy, w)
    dw = np.einsum("nd,nu->du", x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1]))
    db = dy.reshape(-1, dy.shape[-1]).sum(0)
    return dx, dw, db
""")
bank.mistake("again_mean", "values", "mean_again", source="""
def dense_backward(dy, x, w):
    dx = dy @ w.T
    flat_x = x.reshape(-1, x.shape[-1])
    flat_dy = dy.reshape(-1, dy.shape[-1])
    dw = flat_x.T @ flat_dy / len(flat_x)
    db = flat_dy.mean(axis=0)
    return dx, dw, db
""")
bank.mistake("again_axis0", "values", "one_axis_of_rows", source="""
def dense_backward(dy, x, w):
    dx = dy @ w.T
    flat_x = x.reshape(-1, x.shape[-1])
    flat_dy = dy.reshape(-1, dy.shape[-1])
    dw = flat_x.T @ flat_dy
    db = dy.sum(axis=0)
    return dx, dw, db
""")
