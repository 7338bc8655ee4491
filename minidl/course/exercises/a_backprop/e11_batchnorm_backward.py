"""The backward of batch normalisation.

Forward, each channel is brought to mean 0 and spread 1 over the batch, then scaled and moved:

    mean = Σ x / M     var = Σ (x - mean)² / M     inv_std = 1 / √(var + ε)
    n = (x - mean) · inv_std                       y = gamma · n + beta

x may be (N, C), or images (N, H, W, C); a channel's sums run over everything but C, which is M numbers. The forward has
kept n and inv_std (C,); you are given them with dy and gamma (C,), and return dx, dgamma and dbeta.

There are three ways from a number x to the loss: its own n, and those by which it moves the mean and the variance, and so
every other n of its channel.

            +---------------------------> n ---> y ---> loss         Nudge all x of a channel by the same amount, and no n
      x ----+----> mean ----+-----------> n                          moves: so dx sums to 0. Stretch them, and (but for ε)
            +----> var -----+-----------> n                          no n moves either: so dx · n sums to 0.
"""

import numpy as np

from minidl.course import Exercise, Function, case

EPSILON = 1e-5


def normalised(x):
    axes = tuple(range(x.ndim - 1))
    inv_std = 1 / np.sqrt(x.var(axis=axes) + EPSILON)
    return (x - x.mean(axis=axes)) * inv_std, inv_std


def run(backward, dy, x, gamma):
    n, inv_std = normalised(x.astype(np.float64))
    n, inv_std = n.astype(np.float32), inv_std.astype(np.float32)
    kept, kept_std = n.copy(), inv_std.copy()
    results = backward(dy, n, inv_std, gamma)
    for name, before, after in (("n", kept, n), ("inv_std", kept_std, inv_std)):
        if (before != after).any():
            raise ValueError(f"{name} was changed in place: the forward has lent it, and may need it again.")
    return results


def by_nudging(dy, x, gamma):
    def loss():
        return (dy * (normalised(x)[0] * gamma)).sum()

    def slopes(of):
        g = np.zeros(of.shape)
        for i in np.ndindex(of.shape):
            old, ends = of[i], []
            for step in (1e-4, -1e-4):
                of[i] = old + step
                ends.append(loss())
            of[i] = old
            g[i] = (ends[0] - ends[1]) / 2e-4
        return g

    return slopes(x), slopes(gamma), np.array([dy[..., c].sum() for c in range(gamma.size)])


def cases(d):
    for shape in ((5, 1), (7, 3), (3, 3), (2, 4), (2, 3, 4, 2), (3, 2, 2, 3), (1, 3, 2, 2)):
        yield case("", d(*shape), d(*shape, scale=2, shift=1), d(shape[-1]))
    yield case("gamma 1, and a spread of 1", d(6, 2), d(6, 2), np.ones(2, np.float32))


exercise = Exercise(
    title="Batch normalisation's backward",
    stars=3,
    minutes=50,
    section="06",
    needs=("broadcast_backward",),
    tasks=(
        Function(
            signature="backward(dy, n, inv_std, gamma)",
            inputs="dy x gamma",
            results="dx dgamma dbeta",
            cases=cases,
            drive=run,
            reference=by_nudging,
            tolerance=1e-4,
        ),
    ),
    says={
        "constants": (
            "You take mean and variance for constants. But every x also moves the mean and the spread of all others: each "
            "channel of dx must sum to 0, your first sums to {s}.",
            "你把均值和方差当成了常数。可是每个 x 也会改变其他所有 x 的均值和方差：dx 每个通道之和应为 0，你的第一个通道是 {s}。",
        ),
        "mean_alone": (
            "The mean's way is there: your dx sums to 0. The variance's is missing: Σ dx · n must be nearly 0 too, yours is "
            "{sn}.",
            "均值那条路有了：你的 dx 之和为 0。方差那条路还缺：Σ dx · n 也应接近 0，你的是 {sn}。",
        ),
        "variance_alone": (
            "The variance's way is there, the mean's is missing: nudge all x of a channel by the same amount, and nothing "
            "moves. dx must sum to 0, your first channel to {s}.",
            "方差那条路有了，均值那条路还缺：一个通道的 x 全都移动同样多，什么也不会变。dx 之和应为 0，你的第一个通道是 {s}。",
        ),
        "one_less": (
            "You divide by M - 1 = {m - 1}, as one does to estimate a spread. The forward divides by M = {m}, and so does its "
            "backward.",
            "你除以了 M - 1 = {m - 1}，那是估计方差时的做法。前向除以 M = {m}，反向也一样。",
        ),
        "sums_for_means": (
            "You subtract sums where means belong: each of the M = {m} numbers has only 1/M of a say in the mean.",
            "该减平均值的地方你减了总和：M = {m} 个数里的每一个对均值只有 1/M 的影响。",
        ),
        "dgamma_without_n": (
            "Nudge gamma, and y moves by n: dgamma is a sum of dy · n. What you return for it is beta's.",
            "扰动 gamma，y 的变化是它的 n 倍：dgamma 是 dy · n 的和。你返回的是 beta 的。",
        ),
        "dgamma_of_y": (
            "gamma multiplies n, not gamma · n: there is one gamma too many in your dgamma.",
            "gamma 乘的是 n，不是 gamma · n：你的 dgamma 多了一个 gamma。",
        ),
        "axis_0_alone": (
            "In images a channel's statistics run over N, H and W, over all axes but the last: one mean a channel, and dgamma "
            "and dbeta of shape ({gamma0},), as gamma is.",
            "对图像，一个通道的统计要跑遍 N、H 和 W，即除最后一轴外的所有轴：每个通道一个平均值，dgamma 和 dbeta 的形状是 "
            "({gamma0},)，与 gamma 一样。",
        ),
        "m_is_n": (
            "(N, C) is right; in images you still divide by N. M counts all the numbers of a channel, N · H · W.",
            "(N, C) 时是对的；对图像你仍然除以 N。M 数的是一个通道的全部数，N · H · W 个。",
        ),
        "gamma_forgotten": (
            "dx is right where gamma is 1: on its way back from y, dy passes through gamma first.",
            "gamma 为 1 时 dx 是对的：从 y 往回走，dy 先要经过 gamma。",
        ),
        "spread_forgotten": (
            "dx is right but for a factor in each channel, inv_std: n moves by inv_std when x moves by 1.",
            "dx 每个通道只差一个因子 inv_std：x 变 1，n 变 inv_std。",
        ),
        "spread_twice": (
            "You divide by the standard deviation where you should multiply by its inverse: inv_std is 1/√(var + ε) already.",
            "该乘的地方你除了：inv_std 已经是 1/√(var + ε)。",
        ),
        "mean_over_all": (
            "You average over the channels as well. Each channel has its own mean, from its own M numbers.",
            "你把通道也一起平均了。每个通道有自己的均值，来自它自己的 M 个数。",
        ),
        "variance_sign": (
            "Your third term has the wrong sign: stretching x is undone by the division, so its part of the gradient is taken "
            "away, as the mean's is.",
            "第三项的符号反了：拉伸 x 会被除法抵消，所以这一部分梯度要减去，和均值那部分一样。",
        ),
        "one_term_scaled": (
            "inv_std belongs to all three terms: each way from x leads through the same division. Brackets.",
            "三项都要乘 inv_std：从 x 出发的每条路都经过同一个除法。加括号。",
        ),
        "inv_std_in_third": (
            "There is one inv_std too many in your third term: n is normalised already.",
            "第三项多了一个 inv_std：n 已经归一化了。",
        ),
        "means_for_sums": (
            "gamma is used at all M = {m} places of its channel, and each adds its part: sums, not means.",
            "gamma 在它通道的全部 M = {m} 处都用到，每处都加上一份：是和，不是平均。",
        ),
        "gamma_in_one_term": (
            "gamma is in your first term alone. All that reaches n has come through it: put it on dy at once.",
            "你只在第一项里乘了 gamma。到达 n 的一切都经过它：一开始就乘到 dy 上。",
        ),
        "third_without_n": (
            "Your third term is the same for all x of a channel. An x moves the spread the more, the farther it lies from the "
            "mean: n stands in front of the mean of g · n, too.",
            "你的第三项对一个通道的所有 x 都相同。x 离均值越远，对方差的影响越大：g · n 的平均前面还要乘 n。",
        ),
        "exchanged": (
            "dgamma and dbeta have changed places: dgamma is the one with n in it.",
            "dgamma 和 dbeta 换了位置：带 n 的是 dgamma。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Nudge all x of a channel up by 0.1. What do n, y and the loss do? What follows for Σ dx? Now ask the same about x "
         "stretched around its mean by 1 %.",
         "把一个通道的 x 全都加 0.1。n、y 和损失怎样变？由此 Σ dx 是多少？再问：把 x 以均值为中心拉伸 1 % 呢？"),
        ("Begin with g = gamma · dy, the gradient by n. What reaches x is inv_std · g with two things taken out: its mean, and "
         "its part along n, which is n · mean(g · n).",
         "从 g = gamma · dy（对 n 的梯度）开始。到达 x 的是 inv_std · g，再去掉两样：它的平均值，和它沿 n 的部分 n · mean(g · n)。"),
        ("axes: all but the last. dbeta: a sum; dgamma: a sum with n. dx = inv_std · (g - its mean - n · another mean), means "
         "over the same axes.",
         "axes：除最后一轴外全部。dbeta：一个求和；dgamma：带 n 的求和。dx = inv_std · (g - 它的平均 - n · 另一个平均)，平均都沿同样的轴。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Tells what dx sums to, and how many numbers a channel has."""
    if seen.case is not None:
        seen.facts["m"] = seen.case.inputs[1][..., 0].size
    if seen.got is not None and len(seen.got) == 3 and seen.got[0].shape == seen.case.inputs[1].shape:
        dx = np.asarray(seen.got[0], float)[..., 0]
        seen.facts["s"] = f"{dx.sum():.3g}"
        seen.facts["sn"] = f"{(dx * normalised(seen.case.inputs[1].astype(float))[0][..., 0]).sum():.3g}"
