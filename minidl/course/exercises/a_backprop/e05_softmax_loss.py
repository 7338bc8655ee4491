"""Softmax and cross-entropy in one, from logits.

A network ends in logits z (N, C), one row a sample, one number a class. Softmax makes a row into probabilities,
p_c = e^z_c / Σ_k e^z_k, and the loss of a row is -log p of its true class. Return the loss of each row, and of each row
the gradient of its own loss by its logits:

    z (N, C)   labels (N,) whole numbers   ->   loss (N,)   dz (N, C)

        z = [ 2.0  1.0  0.0 ], label 1        p  = [ 0.665   0.245   0.090 ]     loss = -log 0.245 = 1.408
                                              dz = [ 0.665  -0.755   0.090 ]     the three add up to 0

A logit may be ±1000, and the loss is then 0, 1000 or 2000: never inf, never NaN. Adding a number to a whole row changes
nothing at all: that is the freedom to use.
"""

import numpy as np

from minidl.course import Exercise, Function, case, extreme


def in_logarithms(z, labels):
    logp = z - np.logaddexp.reduce(z, 1)[:, None]
    loss, dz = np.zeros(len(z)), np.zeros(z.shape)
    for n in range(len(z)):
        loss[n] = -logp[n, labels[n]]
        for c in range(z.shape[1]):
            dz[n, c] = np.exp(logp[n, c]) - (c == labels[n])
    return loss, dz


def cases(d):
    for n, c in ((4, 3), (1, 2), (5, 5), (7, 11), (3, 1), (2, 6)):
        yield case("", d(n, c), d.integers(0, c, n))
    yield case("all equal", np.full((3, 4), 2.5, np.float32), np.array([0, 3, 1]))
    yield case("one class in all rows", d(6, 3), np.array([2] * 6))
    far = d(3, 4)
    far[0] += 500
    far[2] -= 400
    yield extreme("a row 900 below another", far, np.array([1, 0, 2]))
    huge = np.array([[1000, 0, -1000], [-1000, 0, 1000], [-1000, -1000, -1000], [1000, 1000, 1000]], np.float32)
    yield extreme("z = ±1000", huge, np.array([0, 0, 1, 2]))


exercise = Exercise(
    title="Softmax and cross-entropy, from logits",
    stars=2,
    minutes=30,
    section="01",
    needs=("neuron",),
    tasks=(
        Function(
            signature="loss_and_gradient(z, labels)",
            results="loss dz",
            cases=cases,
            resized=False,
            reference=in_logarithms,
        ),
    ),
    says={
        "no_maximum": (
            "exp of a large logit overflows, and inf / inf is NaN. Subtracting the row's largest logit from the whole row changes no "
            "probability, and no exp is then larger than 1.",
            "大的 logit 取 exp 会溢出，inf / inf 是 NaN。整行减去该行最大的 logit，概率都不变，而 exp 就不会超过 1。",
        ),
        "one_maximum": (
            "One row lies 900 below the largest of another: less that one number, all its exps are 0 and you divide 0 by "
            "0. Each row has its own largest.",
            "有一行比另一行的最大值低 900：都减去同一个数，它的 exp 全成了 0，于是 0 除以 0。每一行有自己的最大值。",
        ),
        "all_lose_one": (
            "You subtract 1 from every class. Only the true class loses 1: rows of dz must sum to 0, yours to {s}.",
            "你让每个类都减了 1。只有真实类减 1：dz 每行之和应为 0，你的是 {s}。",
        ),
        "diagonal": (
            "p(1 - p) is how p_c moves with its own logit. But class 2's probability also falls when class 0's logit rises: "
            "rows of dz must sum to 0, yours to {s}.",
            "p(1 - p) 是 p_c 随自己的 logit 的变化。但类 0 的 logit 上升时，类 2 的概率也会下降：dz 每行之和应为 0，你的是 {s}。",
        ),
        "small_number": (
            "The number that you add inside the log hides a wrong answer's price: where p is 0 in floating point the loss "
            "is still finite and large, here {right}; yours stops at {got}. log p = z - log Σ e^z needs no p.",
            "你在 log 里加的小数掩盖了答错的代价：p 在浮点数中为 0 时，损失仍是有限的大数，这里是 {right}；你的停在 {got}。"
            "log p = z - log Σ e^z 用不着 p。",
        ),
        "log_of_p": (
            "p is 0 here in floating point, and its log -inf; the loss is {right}. Take the logarithm on paper first: "
            "log p = z - log Σ e^z, in which nothing is lost.",
            "这里 p 在浮点数中是 0，取对数得 -inf；而损失是 {right}。先在纸上取对数：log p = z - log Σ e^z，什么也不会丢。",
        ),
        "rows_of_p": (
            "p[labels] takes whole rows, those whose number is a label. You want one entry of each row n: that in column "
            "labels[n].",
            "p[labels] 取的是整行，行号等于标签的那些行。你要的是每一行 n 的一个元素：第 labels[n] 列的那个。",
        ),
        "columns_of_p": (
            "p[:, labels] takes columns, of all rows at once: each row loses 1 at every label there is. Two index arrays, "
            "one of rows and one of columns, take one entry a row.",
            "p[:, labels] 对所有行同时取列：每一行在每个出现过的标签处都减了 1。用两个下标数组（行、列），才是每行一个元素。",
        ),
        "mean_of_rows": (
            "loss has shape {got}; it must have {right}. One loss a row: who uses it decides whether to average.",
            "loss 的形状是 {got}，应为 {right}。每行一个损失：要不要平均由用它的人决定。",
        ),
        "shared_among_rows": (
            "dz is 1/N of what nudging gives. Each row of dz belongs to its own row's loss, not to the mean of all.",
            "dz 只有扰动所得的 1/N。dz 的每一行属于它自己那一行的损失，不属于所有行的平均。",
        ),
        "over_columns": (
            "Your probabilities sum to 1 down each column, over the samples. A softmax is over the classes: along which "
            "axis do they lie?",
            "你的概率沿每一列（对样本）加起来是 1。softmax 是对类做的：类在哪个轴上？",
        ),
        "other_sign": (
            "dz says that the loss falls when a wrong class's logit rises. Nudge one logit up by 0.001 and look.",
            "你的 dz 说：错误类的 logit 上升，损失会下降。把一个 logit 加 0.001 看看。",
        ),
        "z_changed": (
            "z was there to be read: subtract into a new array.",
            "z 只供读取：减的结果放进新数组。",
        ),
        "zero_times_log": (
            "A product with one-hot rows asks for the log of every class. Where a wrong class has p = 0, 0 · log 0 is 0 · "
            "(-inf), which is NaN. Pick the true class before the logarithm, or take the logarithm on paper.",
            "乘以 one-hot 行会对每个类取对数。错误类的 p = 0 时，0 · log 0 是 0 · (-inf)，即 NaN。"
            "先取出真实类再求对数，或先在纸上取对数。",
        ),
        "all_classes": (
            "You add up -log p of all classes. The loss asks only how sure the row was of its true class.",
            "你把所有类的 -log p 加了起来。损失只问这一行对真实类有多大把握。",
        ),
        "yes_or_no": (
            "log(1 - p) of the other classes is for answers of yes or no, each on its own. A softmax's classes share one "
            "probability: -log p of the true class says it all.",
            "其他类的 log(1 - p) 用于各自独立的是非题。softmax 的各类共享一份概率：真实类的 -log p 就够了。",
        ),
        "rows_without_axis": (
            "The largest of each row is an array of N numbers, and NumPy lines it up with the classes. It has to stay a "
            "column, (N, 1): `keepdims=True`.",
            "每行的最大值是 N 个数的数组，NumPy 会把它和类对齐。要让它保持一列 (N, 1)：`keepdims=True`。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("What happens to the probabilities if 5 is added to all logits of a row? And which number added makes every exp "
         "harmless?",
         "一行的所有 logit 都加 5，概率会怎样？加哪个数能让每个 exp 都安全？"),
        ("Write -log p of the true class without a fraction: log Σ e^z - z_true. Differentiate that by z_c: the first part "
         "gives p_c, the second -1 at the true class alone.",
         "把真实类的 -log p 写成没有分式的样子：log Σ e^z - z_真。对 z_c 求导：第一部分给出 p_c，第二部分只在真实类处给 -1。"),
        ("z minus each row's largest (keepdims); exps; their sums; loss from z and the log of the sum, taken at [row, label]; "
         "dz = probabilities, less 1 at [row, label].",
         "z 减去每行最大值（keepdims）；exp；求和；损失由 z 与和的对数得到，取 [行, 标签] 处；dz = 概率，在 [行, 标签] 处减 1。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Also tells what a row of dz sums to."""
    if seen.code == "raises" and "broadcast" in seen.facts["message"]:
        return "over_columns" if seen.has("axis=0", "max(0", "sum(0") else "rows_without_axis"
    if seen.got is not None and len(seen.got) == 2 and seen.got[1].ndim == 2:
        seen.facts["s"] = f"{float(seen.got[1][0].sum()):.3g}"
