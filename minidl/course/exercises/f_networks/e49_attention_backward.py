"""The backward of attention, with the weights computed again.

The forward (exercise 48) had s = scale · q @ kᵀ, p = softmax of each row of s, o = p @ v. It kept no p, which is as large as s,
but of each row of s the largest score m and the sum l of exp(s - m). From these p comes back, one line, exactly as it was:

    p = exp(s - m) / l            p (M, N), each row sums to 1

Then the three matrices hear, last op first:

    o = p @ v            dv[j] from every query i that looked at key j, and dp[i, j] = do[i] · v[j]
    p = softmax(s)       ds = p · (dp - D),  D[i] = Σ over j of dp[i, j] · p[i, j]: a row of ds sums to 0
    s = scale · q @ kᵀ   dq, dk

D[i] is also do[i] · o[i], which needs no p: that is why o is given.

attention_backward(do, q, k, v, o, m, l, scale) returns dq (M, D), dk (N, D), dv (N, E), for q (M, D), k (N, D), v (N, E),
do, o (M, E), m, l (M,). NumPy, float32 kept. (Dao and others, FlashAttention, 2022, appendix B)
"""

import re

import numpy as np

from minidl.course import Exercise, Function, case, extreme


def forward(q, k, v, scale):
    s = scale * q @ k.T
    m = s.max(axis=1)
    p = np.exp(s - m[:, None])
    total = p.sum(axis=1)
    return p @ v / total[:, None], m, total


def run(attention_backward, do, q, k, v, scale):
    o, m, total = forward(q, k, v, scale)
    return attention_backward(do, q, k, v, o, m, total, scale)


def by_nudging(do, q, k, v, scale):
    """Central differences of the sum of do · o."""

    def slopes(of):
        g = np.zeros(of.shape)
        for i in np.ndindex(of.shape):
            old, step, ends = of[i], 1e-5 * max(1.0, abs(of[i])), []
            for sign in (1, -1):
                of[i] = old + sign * step
                ends.append((do * forward(q, k, v, scale)[0]).sum())
            of[i] = old
            g[i] = (ends[0] - ends[1]) / (2 * step)
        return g

    return slopes(q), slopes(k), slopes(v)


def cases(d):
    for m, n, width, out in ((3, 5, 2, 4), (2, 7, 5, 3), (4, 4, 4, 4), (6, 3, 9, 2), (1, 2, 3, 1)):
        yield case("", d(m, out), d(m, width), d(n, width), d(n, out), float(np.float32(width**-0.5)))
    yield case("one key", d(3, 4), d(3, 2), d(1, 2), d(1, 4), 0.5)
    yield case("scale 2", d(3, 2), d(3, 4, scale=0.5), d(5, 4), d(5, 2), 2.0)
    yield case("equal keys", d(3, 2), d(3, 4), np.repeat(d(1, 4), 5, axis=0), d(5, 2), 0.5)
    few = np.array([[30, -30], [-30, 30], [30, 30]], np.float32)
    yield case("scores of 900", d(2, 2), few[:2], few, d(3, 2), 0.5)
    yield extreme("do is 0", np.zeros((2, 3), np.float32), d(2, 4), d(5, 4), d(5, 3), 0.5)


exercise = Exercise(
    title="Attention's backward from what the forward kept",
    stars=3,
    minutes=75,
    needs=("attention", "softmax_loss"),
    section="14",
    tasks=(
        Function(
            signature="attention_backward(do, q, k, v, o, m, l, scale)",
            inputs="do q k v scale",
            results="dq dk dv",
            cases=cases,
            reference=by_nudging,
            drive=run,
            resized=False,
        ),
    ),
    says={
        "no_sum": (
            "A row of ds has to sum to 0, since adding a constant to a row of scores changes no weight: ds = p · (dp - D), and D is "
            "missing.",
            "ds 的每行之和应为 0，因为给一行得分加上常数不会改变任何权重：ds = p · (dp - D)，你少了 D。",
        ),
        "sum_unweighted": (
            "D is the sum of dp weighted with p; yours is dp's plain sum or mean, which is right only where all weights are equal.",
            "D 是 dp 按 p 加权的和；你的是 dp 的普通和或平均，只有权重全相等时才对。",
        ),
        "no_scale": (
            "dq and dk are 1 / scale times too large: the scores were multiplied by scale on their way.",
            "dq 和 dk 大了 1 / scale 倍：得分在路上乘过 scale。",
        ),
        "scale_in_dq_only": (
            "dq is right, dk is not: scale stood before the whole product, so it goes to both.",
            "dq 是对的，dk 不对：scale 乘的是整个乘积，两边都要有。",
        ),
        "scale_in_dk_only": (
            "dk is right, dq is not: scale stood before the whole product, so it goes to both.",
            "dk 是对的，dq 不对：scale 乘的是整个乘积，两边都要有。",
        ),
        "scale_twice": (
            "dq and dk have scale twice: once in ds, and once more in the product.",
            "dq 和 dk 里 scale 乘了两次：ds 里一次，乘积里又一次。",
        ),
        "scores_unscaled": (
            "p does not come back: s is scale · q @ kᵀ, and m is the largest of that.",
            "p 没有还原：s 是 scale · q @ kᵀ，m 是它的最大值。",
        ),
        "not_divided": (
            "Rows of p sum to l, not to 1: p = exp(s - m) / l.",
            "p 的每行之和是 l，不是 1：p = exp(s - m) / l。",
        ),
        "no_maximum": (
            "exp(s) overflows where a score is 900: the forward kept m for that.",
            "得分为 900 时 exp(s) 会溢出：前向保存 m 就是为了这个。",
        ),
        "p_as_it_is": (
            "`p @ do` multiplies only where M = N. v[j] hears from all queries that looked at key j: dv sums over the rows of p.",
            "`p @ do` 只有 M = N 时才乘得起来。v[j] 要听到所有看过键 j 的查询：dv 是对 p 的行求和。",
        ),
        "exchanged": (
            "dq has a row for each query and sums over keys; dk has a row for each key and sums over queries.",
            "dq 每个查询一行，对键求和；dk 每个键一行，对查询求和。",
        ),
        "mean_of_queries": (
            "dv is divided by the number of queries: each of them counts in full.",
            "dv 除以了查询数：每个查询都要完整计入。",
        ),
        "diagonal": (
            "p · (1 - p) is how a weight moves with its own score; it moves with all the others of its row too.",
            "p · (1 - p) 只是权重随自己的得分的变化；它还随同一行其他得分而变。",
        ),
        "one_d": (
            "D is one number for each query, the sum along its row of do · o; beside dp (M, N) it stands as a column.",
            "D 是每个查询一个数，即 do · o 沿该行的和；在 dp (M, N) 旁要当作列。",
        ),
        "m_as_row": (
            "m and l have a number for each query: beside a matrix (M, N) they have to stand as columns, (M, 1).",
            "m 和 l 每个查询一个数：在 (M, N) 的矩阵旁要当作列 (M, 1)。",
        ),
        "dv_of_ds": (
            "v was multiplied by p, not by s: dv comes from p and do.",
            "v 乘的是 p，不是 s：dv 由 p 和 do 得到。",
        ),
        "mean_for_D": (
            "D is a mean in yours: it is the sum of do · o over all {v1} entries.",
            "你的 D 是均值：它是 do · o 对全部 {v1} 个分量的和。",
        ),
        "p_in_the_bracket": (
            "p is a factor of the whole bracket: ds = p · (dp - D). In yours dp is not weighted.",
            "p 要乘整个括号：ds = p · (dp - D)。你的 dp 没有加权。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("If 1 is added to all scores of query i, what happens to p[i]? What does that say of the sum of ds[i]?",
         "给查询 i 的所有得分加 1，p[i] 会怎样？这说明 ds[i] 之和有什么性质？"),
        ("Five matrices in order: s, p, dp, ds, and then three products. A product's backward turns the other factor: shapes tell which "
         "one is transposed.",
         "依次是 s、p、dp、ds，然后三个乘积。乘积的反向要把另一个因子转置：看形状就知道转置哪个。"),
        ("p from s, m, l, where m and l are columns; dv: a product with p; dp: one with v; D from do and o, a column; ds; dq and dk: a "
         "product each, times scale.",
         "由 s、m、l 得 p，m 和 l 当作列；dv：与 p 的乘积；dp：与 v 的乘积；D 由 do 和 o 得，是一列；ds；dq 和 dk：各一个乘积，再乘 scale。"),
    ),
)  # fmt: skip


def recognise(seen):
    if seen.code == "raises" and re.search(r"\bp @ do\b|dot\(p, do\)", seen.source):
        return "p_as_it_is"
    if seen.code in ("raises", "shape") and re.search(r"\bds\.T @ k\b|(?<!\.T )\bds @ q\b", seen.source):
        return "exchanged"
    if seen.code == "raises" and re.search(r"do \* o\)\.sum\((axis=)?(0|1, *keepdims=False|1\)|-1\))", seen.source):
        return "one_d"
    if seen.code == "raises" and re.search(r"- m\)|/ l\b(?!\[)", seen.source):
        return "m_as_row"
