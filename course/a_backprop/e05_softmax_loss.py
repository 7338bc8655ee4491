"""The bank of 5, softmax_loss."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def loss_and_gradient(z, labels):
    # begin
    rows = np.arange(len(z))
    below = z - z.max(axis=1, keepdims=True)
    exps = np.exp(below)
    sums = exps.sum(axis=1, keepdims=True)
    loss = np.log(sums[:, 0]) - below[rows, labels]
    dz = exps / sums
    dz[rows, labels] -= 1
    # end
    return loss, dz
""", "the row's largest, index arrays")
bank.solution("""
import numpy as np


def loss_and_gradient(z, labels):
    top = np.max(z, axis=-1)
    logsum = top + np.log(np.exp(z - top[:, None]).sum(axis=-1))
    truth = np.eye(z.shape[1], dtype=z.dtype)[labels]
    return logsum - np.sum(z * truth, axis=-1), np.exp(z - logsum[:, None]) - truth
""", "log-sum-exp, one-hot rows")
bank.solution("""
import numpy as np


def loss_and_gradient(z, labels):
    loss, dz = np.zeros_like(z[:, 0]), np.zeros_like(z)
    for n, (row, label) in enumerate(zip(z, labels)):
        differences = row - row.max()
        total = sum(np.exp(t) for t in differences)
        loss[n] = np.log(total) - differences[label]
        for c, t in enumerate(differences):
            dz[n, c] = np.exp(t) / total - (1 if c == label else 0)
    return loss, dz
""", "row by row")

BELOW = "below = z - z.max(axis=1, keepdims=True)"
LOSS = "loss = np.log(sums[:, 0]) - below[rows, labels]"
DZ = "    dz = exps / sums\n    dz[rows, labels] -= 1\n"
bank.mistake("no_maximum", "values", "no_maximum", f"{BELOW} => below = z")
bank.mistake("no_maximum_and_log_of_p", "values", "no_maximum", f"{BELOW} => below = z", f"{LOSS} => loss = -np.log((exps / sums)[rows, labels])")
bank.mistake("one_maximum", "values", "one_maximum", f"{BELOW} => below = z - z.max()")
bank.mistake("all_lose_one", "values", "all_lose_one", "dz[rows, labels] -= 1 => dz -= 1")
bank.mistake("diagonal", "values", "diagonal", f"{DZ} =>     p = exps / sums\n    dz = p * (1 - p)\n")
bank.mistake("diagonal_of_the_chain", "values", "diagonal", f"{DZ} =>     p = exps / sums\n    dp = np.zeros_like(p)\n"
             "    dp[rows, labels] = -1 / p[rows, labels]\n    dz = dp * p * (1 - p)\n")
bank.mistake("small_number", "values", "small_number", f"{LOSS} => loss = -np.log((exps / sums)[rows, labels] + 1e-9)")
bank.mistake("small_number_7", "values", "small_number", f"{LOSS} => loss = -np.log((exps / sums)[rows, labels] + 1e-7)")
bank.mistake("clipped", "values", "small_number", f"{LOSS} => loss = -np.log(np.clip((exps / sums)[rows, labels], 1e-12, 1))")
bank.mistake("log_of_p", "values", "log_of_p", f"{LOSS} => loss = -np.log((exps / sums)[rows, labels])")
bank.mistake("rows_of_p", "runs", "rows_of_p", "dz[rows, labels] -= 1 => dz[labels] -= 1")
bank.mistake("columns_of_p", "values", "columns_of_p", "dz[rows, labels] -= 1 => dz[:, labels] -= 1")
bank.mistake("mean_of_rows", "values", "mean_of_rows", "    return loss, dz => ".rstrip() + "     return loss.mean(), dz")
bank.mistake("shared_among_rows", "values", "shared_among_rows", "    return loss, dz => ".rstrip() + "     return loss, dz / len(z)")
bank.mistake("over_columns", "values", "over_columns", f"{BELOW} => below = z - z.max(axis=0)",
             "exps.sum(axis=1, keepdims=True) => exps.sum(axis=0, keepdims=True)", "np.log(sums[:, 0]) => np.log(sums[0, labels])")
bank.mistake("other_sign", "values", "other_sign", "    return loss, dz => ".rstrip() + "     return loss, -dz")
bank.mistake("z_changed", "values", "F17 + z_changed", f"{BELOW} => below = z\n    z -= z.max(axis=1, keepdims=True)")
bank.mistake("zero_times_log", "values", "zero_times_log", f"{LOSS} => p = exps / sums\n    loss = -(np.eye(p.shape[1], dtype=p.dtype)[labels] * np.log(p)).sum(axis=1)")
bank.mistake("all_classes", "values", "all_classes", f"{LOSS} => loss = -np.log(exps / sums + 1e-12).sum(axis=1)")
bank.mistake("all_classes_stably", "values", "all_classes", f"{LOSS} => loss = (np.log(sums) - below).sum(axis=1)")
bank.mistake("yes_or_no", "values", "yes_or_no", f"{LOSS} => p = exps / sums\n    truth = np.eye(p.shape[1], dtype=p.dtype)[labels]\n"
             "    loss = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).sum(axis=1)")
bank.mistake("rows_without_axis", "runs", "rows_without_axis", f"{BELOW} => below = z - z.max(axis=1)")
TOP = "top = np.max(z, axis=-1)"
bank.mistake("no_maximum_in_log_sum", "values", "no_maximum", f"{TOP} => top = 0 * z[:, 0]", of=1)
bank.mistake("one_maximum_in_log_sum", "values", "one_maximum", f"{TOP} => top = np.full_like(z[:, 0], z.max())", of=1)
bank.mistake("columns_in_log_sum", "runs", "over_columns", f"{TOP} => top = np.max(z, axis=0)", "np.exp(z - top[:, None]).sum(axis=-1) => np.exp(z - top).sum(axis=0)", of=1)
bank.mistake("max_of_all", "values", "one_maximum", source="""
import numpy as np


def loss_and_gradient(z, labels):
    shifted = z - np.max(z)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = np.log(total[:, 0]) - shifted[rows, labels]
    dz = e / total
    dz[rows, labels] -= 1
    return loss, dz
""")
bank.mistake("mean_in_gradient", "values", "shared_among_rows", source="""
import numpy as np


def loss_and_gradient(z, labels):
    n, c = z.shape
    z = z - z.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    onehot = np.eye(c)[labels]
    loss = -(onehot * logp).sum(axis=1)
    dz = (np.exp(logp) - onehot) / n
    return loss, dz
""")
bank.mistake("log_eps", "values", "small_number", source="""
import numpy as np


def loss_and_gradient(z, labels):
    e = np.exp(z - z.max(1)[:, None])
    p = e / e.sum(1)[:, None]
    i = np.arange(z.shape[0])
    loss = -np.log(p[i, labels] + 1e-12)
    dz = p.copy()
    dz[i, labels] -= 1
    return loss, dz
""")
bank.mistake("again_over_n", "values", "shared_among_rows", source="""
import numpy as np


def loss_and_gradient(z, labels):
    rows = np.arange(len(z))
    z = z - z.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    loss = np.log(total[:, 0]) - z[rows, labels]
    dz = e / total
    dz[rows, labels] -= 1
    dz = dz / len(z)
    return loss, dz
""")
bank.mistake("again_log_p", "values", "log_of_p", source="""
import numpy as np


def loss_and_gradient(z, labels):
    rows = np.arange(len(z))
    z = z - z.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    loss = -np.log((e / total)[rows, labels])
    dz = e / total
    dz[rows, labels] -= 1
    return loss, dz
""")
