"""The bank of 1, neuron."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def loss_and_gradients(x, t, w, b):
    # begin
    z = x @ w + np.float32(b)
    loss = np.mean(np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z))))
    p = 1 / (1 + np.exp(-z))
    dz = (p - t) / len(t)
    dw = x.T @ dz
    db = dz.sum()
    # end
    return loss, dw, db
""", "stable by the absolute value")
bank.solution("""
import numpy as np


def softplus(z):
    return np.where(z > 0, z + np.log1p(np.exp(-np.abs(z))), np.log1p(np.exp(-np.abs(z))))


def loss_and_gradients(x, t, w, b):
    n = x.shape[0]
    z = (x * w).sum(axis=1) + np.float32(b)
    loss = (t * softplus(-z) + (1 - t) * softplus(z)).sum() / n
    small = np.exp(-np.abs(z))
    p = np.where(z >= 0, 1, small) / (1 + small)
    dz = p - t
    return loss, np.einsum("nd,n->d", x, dz) / n, dz.mean()
""", "softplus, einsum")

LOSS = "np.mean(np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z))))"
bank.mistake("log_of_p", "values", "log_of_p", f"    loss = {LOSS}\n =>",
             "    dz = (p - t) =>     loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))\n    dz = (p - t)")
bank.mistake("epsilon", "values", "epsilon_in_log", f"    loss = {LOSS}\n =>", "    dz = (p - t) => "
             "    loss = -np.mean(t * np.log(p + 1e-7) + (1 - t) * np.log(1 - p + 1e-7))\n    dz = (p - t)")
bank.mistake("sum", "values", "sum_not_mean", "(p - t) / len(t) => p - t")
bank.mistake("slope_of_p", "values", "slope_of_p", "(p - t) / => (p - t) * p * (1 - p) /")
bank.mistake("db_rows", "values", "db_of_rows", "db = dz.sum() => db = dz")
bank.mistake("uphill", "values", "uphill", "(p - t) / => (t - p) /")
bank.mistake("float64", "values", "double", "x @ w + np.float32(b) => x.astype(np.float64) @ w + b")
bank.mistake("changes_w", "values", "F17", "dw = x.T @ dz => dw = x.T @ dz\n    w -= dw")
