"""The bank of 49, attention_backward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def attention_backward(do, q, k, v, o, m, l, scale):
    # begin
    s = scale * (q @ k.T)
    p = np.exp(s - m[:, None]) / l[:, None]
    dv = p.T @ do
    dp = do @ v.T
    ds = p * (dp - (do * o).sum(axis=1, keepdims=True))
    dq = scale * (ds @ k)
    dk = scale * (ds.T @ q)
    # end
    return dq, dk, dv
""", "five matrices")
bank.solution("""
import numpy as np


def attention_backward(do, q, k, v, o, m, l, scale):
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for i, row in enumerate(q):
        weights = np.exp(k @ row * scale - m[i])
        weights /= l[i]
        dv += np.outer(weights, do[i])
        slopes = v @ do[i]
        slopes = (slopes - weights @ slopes) * weights * scale
        dq[i] = slopes @ k
        dk += np.multiply.outer(slopes, row)
    return dq, dk, dv
""", "query by query, D from p")
bank.solution("""
import numpy as np


def attention_backward(do, q, k, v, o, m, l, scale):
    dq, dks, dvs = np.zeros_like(q), [], []
    d = np.einsum("me,me->m", do, o)
    for start in range(0, len(k), 2):
        keys, values = k[start : start + 2], v[start : start + 2]
        p = np.exp(np.einsum("md,nd->mn", q, keys) * scale - m[:, None] - np.log(l)[:, None])
        ds = p * (np.einsum("me,ne->mn", do, values) - d[:, None])
        dq += ds @ keys * scale
        dks.append(np.einsum("mn,md->nd", ds, scale * q))
        dvs.append(np.einsum("mn,me->ne", p, do))
    return dq, np.concatenate(dks), np.concatenate(dvs)
""", "two keys at a time")

D = "(do * o).sum(axis=1, keepdims=True)"
DS = f"ds = p * (dp - {D})"
bank.mistake("no_sum", "values", "no_sum", f"{DS} => ds = p * dp")
bank.mistake("sum_unweighted", "values", "sum_unweighted", f"{D} => dp.sum(axis=1, keepdims=True)")
bank.mistake("mean_unweighted", "values", "sum_unweighted", f"{D} => dp.mean(axis=1, keepdims=True)")
bank.mistake("no_scale", "values", "no_scale", "dq = scale * (ds @ k) => dq = ds @ k", "dk = scale * (ds.T @ q) => dk = ds.T @ q")
bank.mistake("scale_in_dq_only", "values", "scale_in_dq_only", "dk = scale * (ds.T @ q) => dk = ds.T @ q")
bank.mistake("scale_in_dk_only", "values", "scale_in_dk_only", "dq = scale * (ds @ k) => dq = ds @ k")
bank.mistake("scale_twice", "values", "scale_twice", f"{DS} => ds = scale * p * (dp - {D})")
bank.mistake("scores_unscaled", "values", "scores_unscaled", "s = scale * (q @ k.T) => s = q @ k.T")
bank.mistake("not_divided", "values", "not_divided", " / l[:, None] =>")
bank.mistake("no_maximum", "values", "no_maximum", "p = np.exp(s - m[:, None]) / l[:, None] => p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)")
bank.mistake("p_as_it_is", "runs", "p_as_it_is", "dv = p.T @ do => dv = p @ do")
bank.mistake("exchanged", "runs", "exchanged", "dq = scale * (ds @ k) => dq = scale * (ds.T @ k)", "dk = scale * (ds.T @ q) => dk = scale * (ds @ q)")
bank.mistake("mean_of_queries", "values", "mean_of_queries", "dv = p.T @ do => dv = p.T @ do / len(q)")
bank.mistake("diagonal", "values", "diagonal", f"{DS} => ds = dp * p * (1 - p)")
bank.mistake("dv_of_ds", "values", "dv_of_ds", "    dv = p.T @ do\n =>", "    return dq, dk, dv =>     dv = ds.T @ do\n    return dq, dk, dv")
bank.mistake("do_changed", "values", "F17", f"{DS} => do *= o\n    ds = p * (dp - do.sum(axis=1, keepdims=True))")
bank.mistake("doubles", "values", "dtype", "s = scale * (q @ k.T) => s = scale * (q.astype(float) @ k.T)")
bank.mistake("m_as_row", "runs", "m_as_row", "s - m[:, None] => s - m")
bank.mistake("l_times", "values", "values", " / l[:, None] =>  * l[:, None]")
bank.mistake("one_d", "values", "one_d", f"{D} => (do * o).sum()")
bank.mistake("d_of_columns", "runs", "one_d", f"{D} => (do * o).sum(axis=0)")
bank.mistake("d_as_row", "runs", "one_d", f"{D} => (do * o).sum(axis=1)")
bank.mistake("k_turned", "runs", "raises", "dq = scale * (ds @ k) => dq = scale * (ds @ k.T)")
bank.mistake("mean_for_D", "values", "mean_for_D", f"{D} => (do * o).mean(axis=1, keepdims=True)")
bank.mistake("p_in_the_bracket", "values", "p_in_the_bracket", f"{DS} => ds = dp - p * {D}")
bank.mistake("in_float64", "values", "dtype", "s = scale * (q @ k.T) => s = np.float64(scale) * (q @ k.T)")
bank.mistake("again_dk_scale", "values", "scale_in_dq_only", source="""
import numpy as np


def attention_backward(do, q, k, v, o, m, l, scale):
    s = scale * (q @ k.T)
    p = np.exp(s - m[:, None]) / l[:, None]
    dv = p.T @ do
    dp = do @ v.T
    ds = p * (dp - (do * o).sum(axis=1)[:, None])
    dq = scale * (ds @ k)
    dk = ds.T @ q
    return dq, dk, dv
""")
