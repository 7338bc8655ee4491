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
bank.mistake("p_clipped", "values", "p_clipped", source="""
import numpy as np


def loss_and_gradients(x, t, w, b):
    z = x @ w + b
    p = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
    q = np.clip(p, 1e-7, 1 - 1e-7)
    loss = np.mean(-t * np.log(q) - (1 - t) * np.log(1 - q))
    dz = (p - t) / len(t)
    return loss, x.T @ dz, dz.sum()
""")
bank.mistake("db_mean_twice", "values", "db_mean_twice", source="""
import numpy as np


def loss_and_gradients(x, t, w, b):
    n = x.shape[0]
    z = np.dot(x, w) + b
    # stable binary cross entropy
    losses = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))
    p = np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))
    dz = (p - t) / n
    dw = np.dot(x.T, dz)
    db = np.mean(dz)
    return losses.mean(), dw, db
""")
bank.mistake("labels_exchanged", "values", "labels_exchanged", source="""
import numpy as np


def loss_and_gradients(x, t, w, b):
    z = x @ w + b
    softplus = np.logaddexp(0, z)
    loss = (softplus - (1 - t) * z).mean()
    p = np.exp(z - softplus)
    e = (p - t) / t.size
    return loss, e @ x, e.sum()
""")
bank.mistake("sum_in_the_gradients", "values", "sum_not_mean", source="""
import numpy as np


def loss_and_gradients(x, t, w, b):
    z = np.sum(x * w, axis=1) + b
    loss = np.mean(np.logaddexp(0, -z) * t + np.logaddexp(0, z) * (1 - t))
    p = np.where(z > 0, 1 / (1 + np.exp(-np.abs(z))), 1 - 1 / (1 + np.exp(-np.abs(z))))
    dw = np.sum((p - t)[:, None] * x, axis=0)
    db = np.sum(p - t)
    return loss, dw, db
""")
bank.mistake("again_db_twice", "values", "db_mean_twice", source="""
import numpy as np


def loss_and_gradients(x, t, w, b):
    z = x @ w + b
    e = np.exp(-np.abs(z))
    p = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    loss = np.mean(np.maximum(z, 0) - t * z + np.log1p(e))
    dz = (p - t) / len(t)
    dw = x.T @ dz
    db = dz.mean()
    return loss, dw, db
""")
