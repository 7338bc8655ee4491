"""The bank of 11, batchnorm_backward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
def backward(dy, n, inv_std, gamma):
    # begin
    axes = tuple(range(dy.ndim - 1))
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * n).sum(axis=axes)
    g = dy * gamma
    dx = inv_std * (g - g.mean(axis=axes) - n * (g * n).mean(axis=axes))
    # end
    return dx, dgamma, dbeta
""", "two means taken out")
bank.solution("""
import numpy as np


def backward(dy, n, inv_std, gamma):
    rows, normal = dy.reshape(-1, gamma.size), n.reshape(-1, gamma.size)
    m = len(rows)
    dgamma, dbeta = np.einsum("mc,mc->c", rows, normal), rows.sum(0)
    dx = gamma * inv_std / m * (m * rows - dbeta - normal * dgamma)
    return dx.reshape(dy.shape), dgamma, dbeta
""", "the sums used again")
bank.solution("""
import numpy as np


def backward(dy, n, inv_std, gamma):
    over = tuple(range(dy.ndim - 1))
    m = dy.size // gamma.size
    centred = n / inv_std
    dn = gamma * dy
    dvar = np.sum(dn * centred, over) * -0.5 * inv_std**3
    dmean = -np.sum(dn, over) * inv_std - 2 * dvar * np.sum(centred, over) / m
    dx = dn * inv_std + dvar * 2 * centred / m + dmean / m
    return dx, np.sum(dy * n, over), np.sum(dy, over)
""", "way by way, through variance and mean")

DX = "dx = inv_std * (g - g.mean(axis=axes) - n * (g * n).mean(axis=axes))"
bank.mistake("constants", "values", "constants", f"{DX} => dx = inv_std * g")
bank.mistake("mean_alone", "values", "mean_alone", f"{DX} => dx = inv_std * (g - g.mean(axis=axes))")
bank.mistake("variance_alone", "values", "variance_alone", f"{DX} => dx = inv_std * (g - n * (g * n).mean(axis=axes))")
bank.mistake("one_less", "values", "one_less", "m = len(rows) => m = len(rows) - 1", of=1)
bank.mistake("one_less_in_means", "values", "one_less",
             f"{DX} => m = dy.size // gamma.size - 1\n    dx = inv_std * (g - g.sum(axis=axes) / m - n * (g * n).sum(axis=axes) / m)")
bank.mistake("one_less_of_variance", "values", "one_less",
             f"{DX} => m = dy.size // gamma.size - 1\n    dx = inv_std * (g - g.mean(axis=axes) - n * (g * n).sum(axis=axes) / m)")
bank.mistake("sums_for_means", "values", "sums_for_means", f"{DX} => dx = inv_std * (g - g.sum(axis=axes) - n * (g * n).sum(axis=axes))")
bank.mistake("dgamma_without_n", "values", "dgamma_without_n", "dgamma = (dy * n).sum(axis=axes) => dgamma = dy.sum(axis=axes)")
bank.mistake("dgamma_of_y", "values", "dgamma_of_y", "dgamma = (dy * n).sum(axis=axes) => dgamma = (dy * gamma * n).sum(axis=axes)")
bank.mistake("axis_0_alone", "values", "axis_0_alone", "axes = tuple(range(dy.ndim - 1)) => axes = 0")
bank.mistake("m_is_n", "values", "m_is_n", "m = len(rows) => m = dy.shape[0]", of=1)
bank.mistake("gamma_forgotten", "values", "gamma_forgotten", "g = dy * gamma => g = dy")
bank.mistake("spread_forgotten", "values", "spread_forgotten", "dx = inv_std * (g - g.mean => dx = (g - g.mean")
bank.mistake("spread_twice", "values", "spread_twice", f"{DX} => dx = (g - g.mean(axis=axes) - n * (g * n).mean(axis=axes)) / inv_std")
bank.mistake("mean_over_all", "values", "mean_over_all", f"{DX} => dx = inv_std * (g - g.mean() - n * (g * n).mean())")
bank.mistake("variance_sign", "values", "variance_sign", "- n * (g * n).mean => + n * (g * n).mean")
bank.mistake("n_changed", "runs", "raises", "dgamma = (dy * n).sum(axis=axes) => n *= dy\n    dgamma = n.sum(axis=axes)", "n * (g * n).mean => n * (g * n / dy).mean")
bank.mistake("dy_changed", "values", "F17", "g = dy * gamma => dy *= gamma\n    g = dy")
bank.mistake("one_term_scaled", "values", "one_term_scaled", f"{DX} => dx = inv_std * g - g.mean(axis=axes) - n * (g * n).mean(axis=axes)")
bank.mistake("inv_std_in_third", "values", "inv_std_in_third", "- n * (g * n).mean => - inv_std * n * (g * n).mean")
bank.mistake("means_for_sums", "values", "means_for_sums", "dgamma = (dy * n).sum(axis=axes) => dgamma = (dy * n).mean(axis=axes)")
bank.mistake("means_for_both_sums", "values", "means_for_sums", "dgamma = (dy * n).sum(axis=axes) => dgamma = (dy * n).mean(axis=axes)",
             "dbeta = dy.sum(axis=axes) => dbeta = dy.mean(axis=axes)")
bank.mistake("gamma_in_one_term", "values", "gamma_in_one_term", f"{DX} => dx = inv_std * (g - dy.mean(axis=axes) - n * (dy * n).mean(axis=axes))")
bank.mistake("third_without_n", "values", "third_without_n", "- n * (g * n).mean => - (g * n).mean")
bank.mistake("exchanged", "values", "exchanged", "return dx, dgamma, dbeta => return dx, dbeta, dgamma")
bank.mistake("mean_of_dy", "values", "gamma_in_one_term", source="""
import numpy as np


def backward(dy, n, inv_std, gamma):
    axes = tuple(range(dy.ndim - 1))
    dgamma = (dy * n).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    m = dy.size // dy.shape[-1]
    dx = inv_std * (gamma * dy - dbeta / m - n * dgamma / m)
    return dx, dgamma, dbeta
""")
bank.mistake("m_minus_one", "values", "one_less", source="""
import numpy as np


def backward(dy, n, inv_std, gamma):
    ax = tuple(range(n.ndim - 1))
    M = np.prod([n.shape[a] for a in ax])
    dbeta = np.sum(dy, axis=ax)
    dgamma = np.sum(dy * n, axis=ax)
    dn = dy * gamma
    dx = inv_std * (dn - dn.mean(axis=ax) - n * (dn * n).sum(axis=ax) / (M - 1))
    return dx, dgamma, dbeta
""")
bank.mistake("axis_0_alone_again", "values", "axis_0_alone", source="""
import numpy as np


def backward(dy, n, inv_std, gamma):
    m = dy.shape[0]
    dbeta = dy.sum(axis=0)
    dgamma = (dy * n).sum(axis=0)
    dx = gamma * inv_std / m * (m * dy - dbeta - n * dgamma)
    return dx, dgamma, dbeta
""")
bank.mistake("inv_std_squared", "values", "inv_std_in_third", source="""
import numpy as np


def backward(dy, n, inv_std, gamma):
    ax = tuple(range(dy.ndim - 1))
    dgamma = (dy * n).sum(ax)
    dbeta = dy.sum(ax)
    dn = dy * gamma
    dx = dn * inv_std - (dn * inv_std).mean(ax) - n * inv_std**2 * (dn * n).mean(ax)
    return dx, dgamma, dbeta
""")
bank.mistake("as_seen_1", "values", "m_is_n", source="""
def backward(dy, n, inv_std, gamma):
    axes = tuple(range(dy.ndim - 1))
    M = dy.shape[0]
    dgamma = (dy * n).sum(axes)
    dbeta = dy.sum(axes)
    dx = gamma * inv_std * (dy - dbeta / M - n * dgamma / M)
    return dx, dgamma, dbeta
""")
bank.mistake("as_seen_2", "values", "variance_sign", source="""
def backward(dy, n, inv_std, gamma):
    axes = tuple(range(dy.ndim - 1))
    M = dy.size // dy.shape[-1]
    dgamma = (dy * n).sum(axes)
    dbeta = dy.sum(axes)
    dx = gamma * inv_std * (dy - dbeta / M + n * dgamma / M)
    return dx, dgamma, dbeta
""")
bank.mistake("again_axis0", "values", "axis_0_alone", source="""
def backward(dy, n, inv_std, gamma):
    axes = 0
    dgamma = (dy * n).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    dn = dy * gamma
    dx = inv_std * (dn - dn.mean(axis=axes) - n * (dn * n).mean(axis=axes))
    return dx, dgamma, dbeta
""")
bank.mistake("again_no_var", "values", "mean_alone", source="""
def backward(dy, n, inv_std, gamma):
    axes = tuple(range(dy.ndim - 1))
    dgamma = (dy * n).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    dn = dy * gamma
    dx = inv_std * (dn - dn.mean(axis=axes))
    return dx, dgamma, dbeta
""")
