"""Backprop through time.

A simple recurrent network reads a sequence, step by step, with the same weights at each:

    h[t + 1] = tanh(x[t] @ w_x + h[t] @ w_h + b)                    x[t] (N, D)   h[t] (N, U)   w_x (D, U)   w_h (U, U)

               x[0]        x[1]        x[2]
                |           |           |                 hs holds h[0], h[1], ... h[T], one more than there are steps
      h[0] --> [ ] --h[1]--[ ] --h[2]--[ ] --> h[3]       dhs[t] is what the loss tells h[t + 1] directly,
                      |           |             |         without the steps that follow
                   dhs[0]      dhs[1]        dhs[2]

h[1] reaches the loss on two ways: directly, and through h[2]. So its gradient has two parts, and the second is known when
step 1 has been done: last step first. Each step's pre-activation z gets dz = dh · (1 - h²), since tanh' = 1 - tanh².

rnn_backward(dhs, xs, hs, w_x, w_h) returns dxs (T, N, D), dw_x, dw_h, db (U,) and dh0 (N, U), for dhs (T, N, U),
xs (T, N, D) and hs (T + 1, N, U).
"""

import re

import numpy as np

from minidl.course import Exercise, Function, case


def states(xs, h, w_x, w_h, b):
    hs = [h]
    for x in xs:
        hs.append(np.tanh(x @ w_x + hs[-1] @ w_h + b))
    return np.stack(hs)


def run(rnn_backward, dhs, xs, h0, w_x, w_h, b):
    hs = states(xs, h0, w_x, w_h, b)
    kept = hs.copy()
    results = rnn_backward(dhs, xs, hs, w_x, w_h)
    if (hs != kept).any():
        raise ValueError("hs was changed in place: the forward has lent it, and may need it again.")
    return results


def by_nudging(dhs, xs, h0, w_x, w_h, b):
    def slopes(of):
        g = np.zeros(of.shape)
        for i in np.ndindex(of.shape):
            old, ends = of[i], []
            for step in (1e-5, -1e-5):
                of[i] = old + step
                ends.append((states(xs, h0, w_x, w_h, b)[1:] * dhs).sum())
            of[i] = old
            g[i] = (ends[0] - ends[1]) / 2e-5
        return g

    return slopes(xs), slopes(w_x), slopes(w_h), slopes(b), slopes(h0)


def cases(d):
    for t, n, k, u, last in (
        (1, 1, 1, 1, False), (1, 3, 2, 4, False), (3, 2, 2, 3, False), (4, 3, 3, 3, False), (5, 1, 4, 2, False),
        (3, 2, 3, 4, True), (7, 2, 1, 2, False),
    ):  # fmt: skip
        dhs = d(t, n, u)
        if last:
            dhs[:-1] = 0
        label = "the loss looks at the last h alone" if last else ""
        yield case(label, dhs, d(t, n, k), d(n, u, scale=0.5), d(k, u, scale=0.6), d(u, u, scale=0.6), d(u))


exercise = Exercise(
    title="Backprop through time",
    stars=3,
    minutes=50,
    section="14",
    needs=("dense_backward",),
    tasks=(
        Function(
            signature="rnn_backward(dhs, xs, hs, w_x, w_h)",
            inputs="dhs xs h0 w_x w_h b",
            results="dxs dw_x dw_h db dh0",
            cases=cases,
            drive=run,
            reference=by_nudging,
            tolerance=1e-4,
        ),
    ),
    says={
        "no_next_step": (
            "Right for one step. With {xs0} steps h[1] reaches the loss through h[2] as well, and yours hears of the direct way "
            "alone: what step t + 1 sends back through w_h is to be added to dhs[t].",
            "一步时是对的。有 {xs0} 步时，h[1] 还通过 h[2] 影响损失，你只算了直接的那条路："
            "第 t + 1 步经 w_h 传回来的，要加到 dhs[t] 上。",
        ),
        "direct_part_lost": (
            "Only the last h's own gradient counts in yours. Every h has one: dhs[t] is added at each step to what comes back.",
            "你只用了最后一个 h 自己的梯度。每个 h 都有：每一步都要把 dhs[t] 加到传回来的上面。",
        ),
        "last_step_weights": (
            "dw is that of one step. The same w is used {xs0} times, and each use adds its part.",
            "dw 只是一步的。同一个 w 用了 {xs0} 次，每次使用都要加上它那一份。",
        ),
        "last_step_bias": (
            "db is that of one step; b is used at all {xs0}.",
            "db 只是一步的；b 在全部 {xs0} 步都用到。",
        ),
        "bias_of_rows": (
            "db is {got}, b is {right}: b was added to each sample of each step. Sum over the samples as well.",
            "db 是 {got}，b 是 {right}：b 加到了每一步的每个样本上。对样本也要求和。",
        ),
        "mean_of_steps": (
            "You divide by the number of steps: each use of w counts in full.",
            "你除以了步数：w 的每一次使用都要完整计入。",
        ),
        "tanh_of_h": (
            "tanh' is 1 - tanh(z)², and tanh(z) is h already: yours takes tanh once more.",
            "tanh' 是 1 - tanh(z)²，而 tanh(z) 就是 h：你又多取了一次 tanh。",
        ),
        "one_minus_h": (
            "h (1 - h) is the slope of the logistic function; that of tanh is 1 - h².",
            "h (1 - h) 是 logistic 函数的斜率；tanh 的是 1 - h²。",
        ),
        "slope_of_before": (
            "You take the slope at h[t], the state before the step. Step t has made h[t + 1]: dz = dh · (1 - h[t + 1]²).",
            "你取的是 h[t]（这一步之前的状态）处的斜率。第 t 步产生的是 h[t + 1]：dz = dh · (1 - h[t + 1]²)。",
        ),
        "no_slope": (
            "dh goes through tanh before it reaches z: where h is near 1 or -1 hardly anything comes through.",
            "dh 到达 z 之前要经过 tanh：h 接近 1 或 -1 的地方几乎什么都传不过去。",
        ),
        "forward_in_time": (
            "You walk from the first step to the last. Step t needs what step t + 1 sends back: which one needs nothing from "
            "others?",
            "你从第一步走到最后一步。第 t 步要用第 t + 1 步传回来的：哪一步不需要别人的？",
        ),
        "w_h_as_it_is": (
            "`dz @ w_h` fits because w_h is square, and with U = 1 it is even right. Forward, h[t] @ w_h sums over w_h's first "
            "axis; over which does the way back?",
            "`dz @ w_h` 乘得起来只因为 w_h 是方阵，U = 1 时甚至是对的。前向 h[t] @ w_h 沿 w_h 的第一轴求和；回来该沿哪一轴？",
        ),
        "w_h_met_after": (
            "dw_h: in step t w_h was multiplied by h[t], the state before it. You take h[t + 1], the one that came out.",
            "dw_h：第 t 步里 w_h 乘的是 h[t]，即之前的状态。你用了 h[t + 1]，那是出来的状态。",
        ),
        "dh0_too_early": (
            "dh0 is one step short: from dz of step 0 it still goes through w_h to h[0].",
            "dh0 少走了一步：从第 0 步的 dz 到 h[0] 还要经过 w_h。",
        ),
        "steps_reversed": (
            "The numbers are right and stand in the wrong order: you went backwards and appended, so that dxs[0] is the last "
            "step's.",
            "数是对的，次序反了：你倒着走又往后追加，于是 dxs[0] 成了最后一步的。",
        ),
        "one_h_too_early": (
            "hs holds one more than there are steps: hs[0] is the state before step 0. Step t took hs[t] and made hs[t + 1]; you "
            "are one behind in both.",
            "hs 比步数多一个：hs[0] 是第 0 步之前的状态。第 t 步用 hs[t] 产生 hs[t + 1]；你两处都早了一个。",
        ),
        "step_0_left_out": (
            "Step 0 is left out: x[0] hears nothing, and h0 gets what is h[1]'s. Where does `range` stop?",
            "漏了第 0 步：x[0] 什么也没听到，h0 得到的是 h[1] 的。`range` 在哪里停？",
        ),
        "back_without_tanh": (
            "You send dh back through w_h. What went through w_h forward came out before the tanh: it is dz that goes back.",
            "你把 dh 经 w_h 传了回去。前向经过 w_h 的东西在 tanh 之前：往回传的应是 dz。",
        ),
        "not_squared": (
            "tanh' is 1 - h², yours is 1 - h: at h = -0.9 that is 1.9, and no tanh is steeper than 1.",
            "tanh' 是 1 - h²，你的是 1 - h：h = -0.9 时就成了 1.9，而 tanh 没有比 1 更陡的地方。",
        ),
        "dw_turned": (
            "dw is shaped as w is, (inputs, outputs): what came in, transposed, times dz.",
            "dw 与 w 同形，（输入, 输出）：进来的转置，乘 dz。",
        ),
        "never_used_up": (
            "You add what comes back through w_h to the dh that you carry. That was the gradient of h[t + 1], and "
            "step t has used it up: the gradient of h[t] begins with what comes back alone.",
            "你把经 w_h 传回来的加到了带着的 dh 上。那个 dh 是 h[t + 1] 的梯度，第 t 步已经用掉了：h[t] 的梯度只从传"
            "回来的开始。",
        ),
        "back_past_tanh": (
            "What later steps send back arrives at h[t + 1], as dhs[t] does, and both go through tanh: its slope is "
            "a factor of their sum.",
            "后面的步传回来的和 dhs[t] 一样到达 h[t + 1]，两者都要经过 tanh：它的斜率要乘在两者之和上。",
        ),
        "last_dhs_lost": (
            "The gradient of the last h, dhs[{xs0 - 1}], is not used: no step follows it, but the loss speaks to it "
            "directly.",
            "最后一个 h 的梯度 dhs[{xs0 - 1}] 没有用到：它后面没有步，但损失直接对它说话。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("T = 2, all sizes 1: write h[2] = tanh(a x[1] + c tanh(a x[0] + c h[0])) out and differentiate by a. How many terms "
         "are there, and what do they share?",
         "T = 2，各维都是 1：写出 h[2] = tanh(a x[1] + c tanh(a x[0] + c h[0]))，对 a 求导。有几项？它们共有什么？"),
        ("Carry one array backwards in time: what the later steps tell h[t + 1], at first 0. At step t: add dhs[t], multiply "
         "with tanh's slope, give w_x, w_h, b and x[t] their parts, and send on through w_h what is for h[t].",
         "沿时间倒着带一个数组：后面的步告诉 h[t + 1] 的，起初为 0。在第 t 步：加上 dhs[t]，乘 tanh 的斜率，"
         "把各自的份交给 w_x、w_h、b 和 x[t]，再把属于 h[t] 的经 w_h 送往前一步。"),
        ("zeros for dxs, dw_x, dw_h, db and for the carried dh; for t from T - 1 to 0: dz from dhs[t] + dh and hs[t + 1]; three "
         "+=; dxs[t]; dh. At the end dh is dh0.",
         "dxs、dw_x、dw_h、db 和带着的 dh 都为零；t 从 T - 1 到 0：dz 由 dhs[t] + dh 和 hs[t + 1] 得到；三个 +=；dxs[t]；dh。"
         "最后 dh 就是 dh0。"),
    ),
)  # fmt: skip


def recognise(seen):
    if seen.code == "raises" and re.search(r"\b\w*dz\w*(\[\w+\])?\.T @", seen.source):
        return "dw_turned"
