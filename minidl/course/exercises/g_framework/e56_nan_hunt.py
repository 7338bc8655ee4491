"""A training that dies: find where the NaN is born, and mend that.

The program below trains one layer on 720 digits, 16 at a time. On the way the loss becomes nan, and then all weights are.
`lens.watch` looks at every op, and says in which one a number that is not finite comes out though all that went in are:

    with lens.watch(mode="collect") as seen:
        train(*problem())
    print(seen)

It also guesses at causes and cures. It sees one number, and not your program: a cure may be the wrong one.

Fill in what you found, and mend the program in at most 8 lines, the answers among them. The trained numbers have to be
those of the cross-entropy, -log(exp(z[label]) / Σ exp(z)), whatever the logits z are: all -200, or 200 in one row and -200
in the next. A wrong label at a gap of 150 costs 150. Data, rate and steps stay.

    step         of the training, from 0, in which the first number that is not finite is born
    op           in which it is born, as the tape calls it
    direction    "forward" or "backward"
    image        which of the 720 does it, from 0: see the index, and how a batch is taken
"""

import re

import numpy as np

from minidl.course import Answers, Exercise, Function, case
from minidl.course.exercises.g_framework.training import problem

RIGHT = {"step": 41, "op": "log", "direction": "forward", "image": 661}


def in_float64(x, t, w, rate, steps):
    losses = []
    for step in range(steps):
        rows = [k % len(x) for k in range(16 * step, 16 * step + 16)]
        z = x[rows] @ w
        total = np.logaddexp.reduce(z, axis=1)
        losses.append(np.mean(total - (t[rows] * z).sum(1)))
        w = w - rate * x[rows].T @ (np.exp(z - total[:, None]) - t[rows]) / 16
    return np.array(losses), w


def cases(d):
    def at(first, n, k, labels):
        x = d(n, 5)
        x[:, 0] = np.resize(first, n)
        return x, np.eye(k, dtype="float32")[labels], d(5, k)

    yield case("the training", *problem())
    x, t, w = at(1, 16, 3, d.integers(0, 3, 16))
    w[0] = -200
    yield case("all logits near -200", x, t, w, 0.1, 4)
    x, t, w = at([1, -1], 20, 4, d.integers(0, 4, 20))
    w[0] = 200
    yield case("logits near 200 and near -200", x, t, w, 0.1, 5)
    x, t, w = at(1, 17, 3, np.resize([0, 0, 2, 1, 0, 0], 17))
    w[0] = 100, 0, -50
    yield case("wrong labels", x, t, w, 0.05, 3)


exercise = Exercise(
    title="The birth of a NaN",
    stars=2,
    minutes=30,
    section="01",
    allow=(
        "minidl", "minidl.layers", "minidl.models", "minidl.optimizers", "minidl.course.exercises.g_framework.training",
    ),  # fmt: skip
    most_changed=8,
    tasks=(
        Answers(
            reference=lambda: RIGHT,
            wrong={
                "step": {42: "counts_from_0", 1: "first_warning", 40: "last_good"},
                "op": {"multiply": "behind_it", "reduce_sum": "behind_it", "reduce_mean": "behind_it", "negative": "behind_it",
                       "divide": "still_a_number", "exp": "still_a_number", "matmul": "weights_later",
                       "gemm": "weights_later", "sgd_update": "weights_later", "dense": "weights_later"},
                "direction": {"backward": "is_forward", "update": "is_forward"},
                "image": {5: "row_of_batch", 41: "step_is_no_image", 656: "first_of_batch", 662: "counts_from_0"},
            },
        ),
        Function(
            signature="train(x, t, w, rate, steps)",
            results="losses w",
            cases=cases,
            resized=False,
            reference=in_float64,
            tolerance=3e-4,
        ),
    ),
    says={
        "counts_from_0": (
            "Count from 0, as the watch does.",
            "从 0 数起，lens.watch 也是这样数的。",
        ),
        "first_warning": (
            "That is an update that was large, and all numbers are still finite: look for \"is born\".",
            "那只是一次较大的更新，所有数都还是有限的：找“is born”。",
        ),
        "last_good": (
            "That step's loss is still a number. The watch names the step in which it is born.",
            "那一步的损失还是数。lens.watch 会说出它在哪一步诞生。",
        ),
        "behind_it": (
            "`{got}` is given what is not finite already: it hands it on. Who makes it out of finite numbers?",
            "`{got}` 收到时就已不是有限的数：它只是传下去。谁用有限的数造出了它？",
        ),
        "still_a_number": (
            "What `{got}` gives is finite, 0 is a number too. It is the cause, perhaps, and not the place of birth.",
            "`{got}` 给出的还是有限的数，0 也是数。它也许是原因，却不是诞生的地方。",
        ),
        "weights_later": (
            "The weights become NaN by the update, at the end of the step: before it the loss is nan already.",
            "权重是在这一步末尾的更新里变成 NaN 的：在那之前损失已经是 nan。",
        ),
        "is_forward": (
            "The loss itself is nan, before any gradient has been asked for.",
            "损失本身就是 nan，那时还没有求过任何梯度。",
        ),
        "row_of_batch": (
            "That is its row in the batch. Which images does the batch of this step hold?",
            "那是它在批次里的行号。这一步的批次包含哪些图像？",
        ),
        "step_is_no_image": (
            "That is the step: each one takes 16 images.",
            "那是步数：每一步取 16 张图像。",
        ),
        "first_of_batch": (
            "That is the batch's first image; the index that the watch gives says which row it is.",
            "那是批次的第一张；lens.watch 给出的下标说明是哪一行。",
        ),
        "clips_gradients": (
            "You clip gradients: but the NaN is born in the *forward* of log, and a NaN cannot be shortened. Where it does "
            "not come, clipping changes the training.",
            "你裁剪了梯度：可 NaN 诞生在 log 的*前向*里，NaN 是裁不短的。没有 NaN 的地方，裁剪反而改变了训练。",
        ),
        "smaller_rate": (
            "You have changed the rate, and it was asked to stay: with a tenth of it this program dies in step 491.",
            "你改了学习率，而它应保持不变：改成十分之一，这个程序会在第 491 步死掉。",
        ),
        "nan_to_0": (
            "You put a number where NaN was: what that image, or the whole batch, should have taught is lost, and the loss is "
            "no longer that of the labels. Make a loss in which no NaN is born.",
            "你在 NaN 的地方填了个数：那张图像、甚至整个批次该教的东西就丢了，损失也不再是标签的损失。"
            "写一个不会生出 NaN 的损失。",
        ),
        "data_changed": (
            "You have changed the image. It was the occasion; the next bright one, or a network that is surer, does it again: "
            "mend the loss.",
            "你改了那张图像。它只是导火索；下一张更亮的、或更有把握的网络会再来一次：修损失。",
        ),
        "epsilon_below": (
            "It still dies in step {dies}: a small number under the fraction cannot help where the fraction's top is 0. And "
            "e^-104 is 0 in float32.",
            "它仍在第 {dies} 步死掉：分子是 0 时，在分母上加小数没有用。而 e^-104 在 float32 里就是 0。",
        ),
        "softmax_alone": (
            "A softmax that subtracts the largest cannot overflow, but its result still rounds to 0 where the gap is 104, and "
            "then comes log. What is log(exp(a) / s), with no exp?",
            "减去最大值的 softmax 不会溢出，但差到 104 时结果仍会舍入为 0，接着就是 log。log(exp(a) / s) 不用 exp 怎么写？",
        ),
        "still_dies": (
            "It still dies in step {dies}, as before.",
            "它仍和之前一样，在第 {dies} 步死掉。",
        ),
        "zero_by_zero": (
            "This training lives, and the NaN is born elsewhere: with all logits near -200 every exp is 0, and so is their sum. "
            "Which number may be taken from all logits of a row without changing anything?",
            "这个训练活下来了，NaN 却在别处诞生：所有 logits 都在 -200 附近时，每个 exp 都是 0，和也是 0。"
            "从一行的所有 logits 减去哪个数，结果不变？",
        ),
        "max_of_the_batch": (
            "You subtract the largest of the whole batch: a row of -200 beside one of 200 becomes -400, and its exps 0. Each row "
            "has its own.",
            "你减的是整个批次的最大值：200 那行旁边 -200 的行成了 -400，exp 全是 0。每行有自己的最大值。",
        ),
        "loss_stops": (
            "No NaN, and the loss is {got_loss} where {right_loss} is right: with a small number inside the log, or a least p, "
            "it stops growing, and its gradient goes to 0 where most is to be learned. The gap of 150 costs 150.",
            "没有 NaN，但损失是 {got_loss}，应为 {right_loss}：log 里加了小数或给 p 设了下限，损失就不再增长，"
            "梯度在最该学的地方趋于 0。差 150 就应是 150。",
        ),
        "other_loss": (
            "With weights of 0 all ten classes are alike, and the loss of the first step is log 10 = {right_loss}; yours is "
            "{got_loss}. It has become another loss.",
            "权重为 0 时十个类一样可能，第一步的损失是 log 10 = {right_loss}；你的是 {got_loss}。它成了另一个损失。",
        ),
        "logits_clipped": (
            "You clip the logits, so that beyond the limit nothing is learned: the gradient there is 0, and the loss another "
            "one.",
            "你裁剪了 logits，超出界限的地方就学不到东西：那里梯度是 0，损失也成了另一个。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("What goes into the op in which it is born, and what would have to be true of the logits for it to be that?",
         "诞生 NaN 的运算收到了什么？logits 要怎样才会那样？"),
        ("The fraction becomes 0 before log sees it. log(a / b) is log a - log b, and one of the two undoes exp. What is left is "
         "the log of a sum, which is safe when the row's largest is taken out first.",
         "分数在 log 看到之前就成了 0。log(a / b) 是 log a - log b，其中一个把 exp 抵消。剩下的是和的 log，先提出这一行的最大值就安全。"),
        ("z minus its row's maximum; minus the log of the sum of exps; that is log p, no p needed. Or the function of "
         "minidl.functional that does just this.",
         "z 减去该行的最大值；再减去 exp 之和的 log；这就是 log p，不需要 p。或者用 minidl.functional 里正好做这件事的函数。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Most mends that fail do the same to the numbers: nothing. What was tried shows in the source."""
    if seen.stage != "values" or seen.case is None or seen.got is None or np.ndim(seen.got[0]) != 1:
        return None
    losses = np.asarray(seen.got[0])
    bad = ~np.isfinite(losses)
    seen.facts["dies"] = int(bad.argmax()) if bad.any() else "never"
    seen.facts["got_loss"], seen.facts["right_loss"] = f"{losses[0]:.3g}", f"{seen.expected[0][0]:.3g}"
    if seen.case.label == "the training" and abs(losses[0] - seen.expected[0][0]) > 0.01:
        return "other_loss"
    if seen.has("isnan", "nan_to_num", "isfinite"):
        return "nan_to_0"
    if seen.has("clipnorm", "clipvalue"):
        return "clips_gradients"
    if not re.search(r"SGD\((learning_rate=)?rate[,)]", "".join(seen.source.split())):
        return "smaller_rate"
    if not bad.any():
        small = seen.has("1e-", "epsilon") and not seen.case.label == "the training"
        return "loss_stops" if small else None
    if seen.case.label == "the training":
        if seen.has("softmax(z)", "softmax(logits)", "F.reduce_max"):
            return "softmax_alone"
        return "epsilon_below" if seen.has("1e-", "epsilon") else "still_dies"
    return "zero_by_zero" if seen.case.label == "all logits near -200" else "max_of_the_batch"
