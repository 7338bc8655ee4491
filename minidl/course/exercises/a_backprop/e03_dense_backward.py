"""The backward of y = x @ w + b.

Written out, one output is y[n, u] = Σ_d x[n, d] · w[d, u] + b[u]. You are given dy, the gradient of the loss by y, and
return those by x, w and b, each shaped as what it belongs to:

    x (..., D)   w (D, U)   b (U,)   ->   y (..., U)          dy (..., U)   ->   dx (..., D)   dw (D, U)   db (U,)

The rule is one for all three: find every place where a number is used, multiply what it is multiplied by there with the
dy of that place, and add up.

            u                w[d, u] is used in every row n, by x[n, d]        dw[d, u] = Σ_n …
        d [ · w · ]          x[n, d] is used in every column u, by w[d, u]     dx[n, d] = Σ_u …
    n [ x ] [ · y · ]        b[u] is used in every row, by 1                   db[u]    = Σ_n …

x may have no axis before D (one sample), one, or several: all but the last count the samples. dy holds already what the
loss does with its samples (a mean, a sum).
"""

import re

import numpy as np

from minidl.course import Exercise, Function, case


def by_loops(dy, x, w):
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1])
    for *n, d, u in np.ndindex(*x.shape, w.shape[1]):
        dx[(*n, d)] += dy[(*n, u)] * w[d, u]
        dw[d, u] += dy[(*n, u)] * x[(*n, d)]
        db[u] += dy[(*n, u)] if d == 0 else 0
    return dx, dw, db


def cases(d):
    for before, k, u in (((5,), 4, 3), ((1,), 1, 1), ((3,), 3, 3), ((7,), 2, 5), ((), 4, 3), ((2, 5), 4, 3), ((3, 3), 3, 3),
                         ((2, 1, 3), 2, 2)):  # fmt: skip
        yield case("", d(*before, u), d(*before, k), d(k, u))


exercise = Exercise(
    title="A dense layer's backward",
    stars=1,
    minutes=20,
    section="01",
    needs=("nudge",),
    tasks=(
        Function(
            signature="dense_backward(dy, x, w)",
            results="dx dw db",
            cases=cases,
            reference=by_loops,
        ),
    ),
    says={
        "w_as_it_is": (
            "`dy @ w` multiplies only where D = U, and there it is wrong too. y[n, u] uses x[n, d] · w[d, u]: dx[n, d] "
            "sums over u. Along which axis of w does u run?",
            "`dy @ w` 只有在 D = U 时才乘得起来，而且那时也是错的。y[n, u] 用到 x[n, d] · w[d, u]：dx[n, d] 是对 u 求和。"
            "u 沿着 w 的哪个轴？",
        ),
        "dw_turned": (
            "dw is {got}, w is {right}: a gradient has the shape of what it belongs to, so that w - rate · dw can be taken. "
            "Which factor comes first?",
            "dw 是 {got}，w 是 {right}：梯度与它所属的量形状相同，才能算 w - rate · dw。哪个因子在前？",
        ),
        "db_mean": (
            "db is 1/N of what nudging b gives: every row's dy counts in full.",
            "db 只有扰动 b 所得结果的 1/N：每一行的 dy 都要完整计入。",
        ),
        "mean_again": (
            "You divide by the number of samples. If the loss is a mean, its 1/N is in dy already; here it would be taken "
            "twice.",
            "你除以了样本数。如果损失是平均值，1/N 已经在 dy 里了；这里会除两次。",
        ),
        "db_one_number": (
            "db is one number; b has {right}, one for each unit. The rows are added up, the columns are not.",
            "db 成了一个数；b 的形状是 {right}，每个单元一个。行要加起来，列不加。",
        ),
        "one_axis_of_rows": (
            "All axes of x but the last count samples, be there none or several, and a sum over samples runs over all of "
            "them. How would the same numbers look as one long list of rows?",
            "x 除最后一轴外的所有轴（可能没有，也可能有好几个）都在数样本，对样本求和要跑遍它们。同样的数排成一长列行会是什么样子？",
        ),
        "db_is_dy": (
            "db is dy itself: b[u] is used in every row, so it hears from all of them, added up.",
            "db 就是 dy 本身：b[u] 在每一行都被用到，所以要把所有行的 dy 加起来。",
        ),
        "dy_changed": (
            "It is dy: the op that also used y still has to read it.",
            "改的是 dy：同样用到 y 的别的运算还要读它。",
        ),
        "x_for_w": (
            "dx is the gradient by x, and it is what x is multiplied by that counts there: w, not x.",
            "dx 是对 x 的梯度，要看 x 乘的是什么：是 w，不是 x。",
        ),
        "db_over_units": (
            "db is {got}: you have added up the units of each row. b has one number for each unit; the rows are added up.",
            "db 是 {got}：你把每一行的单元加起来了。b 每个单元一个数；要加起来的是行。",
        ),
        "db_keeps_axis": (
            "db is {got}, b {right}: the rows' axis is summed away, not kept.",
            "db 是 {got}，b 是 {right}：行的轴求和后要去掉，不保留。",
        ),
        "dx_of_rows": (
            "dx is {got}, x is {right}: it has the numbers of x in rows; it has to go back into x's shape.",
            "dx 是 {got}，x 是 {right}：数排成了行；要恢复成 x 的形状。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Take D = 2, U = 1 and one row: y = x[0] w[0] + x[1] w[1] + b. What is dx[0]? dw[1]? And with two rows?",
         "取 D = 2、U = 1、一行：y = x[0] w[0] + x[1] w[1] + b。dx[0] 是什么？dw[1] 呢？两行时又如何？"),
        ("Three shapes decide nearly all: dx (N, D) from dy (N, U) and w (D, U); dw (D, U) from x (N, D) and dy (N, U). The "
         "axis that the result lacks is the one that is summed.",
         "形状几乎决定了一切：dx (N, D) 由 dy (N, U) 和 w (D, U) 得到；dw (D, U) 由 x (N, D) 和 dy (N, U) 得到。"
         "结果里没有的那个轴，就是求和的轴。"),
        ("Make x and dy lists of rows, (N, D) and (N, U), whatever their axes were. Then two products, each with one factor "
         "transposed, and a sum over axis 0; dx gets x's shape back.",
         "不管原来几个轴，把 x 和 dy 排成行：(N, D) 和 (N, U)。然后两个乘积，各转置一个因子，再沿第 0 轴求和；dx 恢复 x 的形状。"),
    ),
)  # fmt: skip


def recognise(seen):
    if seen.code == "shape" and seen.facts["name"] == "dx" and seen.got[0].size == seen.expected[0].size:
        return "dx_of_rows"
    if seen.code == "raises" and seen.case is not None and seen.case.inputs[1].ndim != 2:
        return "one_axis_of_rows"  # with two axes it was run
    if seen.code == "raises" and re.search(r"dy @ w\b(?!\.)|dot\(dy, w\)|dy\.dot\(w\)", seen.source):
        return "w_as_it_is"
